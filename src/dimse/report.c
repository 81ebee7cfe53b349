/* dimse/report.c - a result as a data set, and what is done when it was told or not. */
#include "dimse/report.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dset.h"
#include <stdio.h>
#include <string.h>

#define RETRIEVE_AET TAG(0x0008, 0x0054)
#define CLASS_UID TAG(0x0008, 0x1150)
#define INSTANCE_UID TAG(0x0008, 0x1155)
#define TRANSACTION_UID TAG(0x0008, 0x1195)
#define FAILURE_REASON TAG(0x0008, 0x1197)
#define FAILED_SEQUENCE TAG(0x0008, 0x1198)
#define REFERENCED_SEQUENCE TAG(0x0008, 0x1199)
#define ITEM TAG(0xFFFE, 0xE000)

#define PAUSE_MOST_MS (3600 * 1000LL)
#define REFUSALS_MOST 10 /* tries that end with a refusal */

static struct metric m_told =
    METRIC(COUNTER, "teleread_commitment_reports_total", "result=\"told\"", "Event reports of storage commitment");
static struct metric m_failed = METRIC(COUNTER, "teleread_commitment_reports_total", "result=\"failed\"", "");
static struct metric m_given_up = METRIC(COUNTER, "teleread_commitment_reports_total", "result=\"given_up\"", "");

/* ---- the data set. Its sequences are longer than a struct dset holds: each item is one, and put behind the last. */

static void put16(uint8_t *p, uint32_t v, bool big)
{
	p[big] = (uint8_t)v;
	p[!big] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v, bool big)
{
	put16(p + (big ? 2 : 0), v & 0xFFFF, big);
	put16(p + (big ? 0 : 2), v >> 16, big);
}

/* The header of an item, or of the sequence itself (vr "SQ"), whose length is put in later. */
static int put_header(struct buf *out, uint32_t tag, const char *vr, const char *syntax, size_t *length_at,
		      struct err *e)
{
	bool big = strcmp(syntax, UID_EXPLICIT_BE) == 0, explicit = strcmp(syntax, UID_IMPLICIT_LE) != 0;
	uint8_t head[12] = {0};
	size_t n = 4;

	put16(head, tag >> 16, big);
	put16(head + 2, tag & 0xFFFF, big);
	if (vr && explicit) {
		memcpy(head + 4, vr, 2);
		n = 8;
	}
	*length_at = out->len + n;
	return buf_put(out, head, n + 4, e);
}

static void put_length(struct buf *out, size_t length_at, const char *syntax)
{
	put32(out->data + length_at, (uint32_t)(out->len - length_at - 4), strcmp(syntax, UID_EXPLICIT_BE) == 0);
}

static int encode_item(const struct commitment_item *item, const char *syntax, struct buf *out, struct err *e)
{
	AUTO(dset) d = NULL;
	size_t at;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = dset_put_text(d, CLASS_UID, item->sop_class, e)) < 0 ||
	    (rc = dset_put_text(d, INSTANCE_UID, item->sop_instance, e)) < 0 ||
	    (item->verdict && (rc = dset_put_int(d, FAILURE_REASON, item->verdict, e)) < 0) ||
	    (rc = put_header(out, ITEM, NULL, syntax, &at, e)) < 0 || (rc = dset_write(d, syntax, out, e)) < 0)
		return rc;
	put_length(out, at, syntax);
	return 0;
}

/* All items that failed, or all that did not; nothing at all when there are none. */
static int encode_sequence(const struct commitment *c, bool failed, const char *syntax, struct buf *out, struct err *e)
{
	struct commitment_item item;
	size_t at = 0, length_at;
	int rc;

	if (c->failed == (failed ? 0 : c->n))
		return 0;
	rc = put_header(out, failed ? FAILED_SEQUENCE : REFERENCED_SEQUENCE, "SQ", syntax, &length_at, e);
	while (rc == 0 && commitment_item(c, &at, &item))
		if ((item.verdict != COMMITMENT_KEPT) == failed)
			rc = encode_item(&item, syntax, out, e);
	if (rc == 0)
		put_length(out, length_at, syntax);
	return rc;
}

int report_encode(const struct commitment *c, const char *aet, const char *syntax, struct buf *out, struct err *e)
{
	AUTO(dset) d = NULL;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = dset_put_text(d, RETRIEVE_AET, aet, e)) < 0 ||
	    (rc = dset_put_text(d, TRANSACTION_UID, c->transaction, e)) < 0 ||
	    (rc = dset_write(d, syntax, out, e)) < 0 || (rc = encode_sequence(c, true, syntax, out, e)) < 0 ||
	    (rc = encode_sequence(c, false, syntax, out, e)) < 0)
		return rc;
	return c->failed ? 2 : 1;
}

bool report_refuses(uint16_t status)
{
	return status != 0 && status != 0x0001 && status != 0x0107 && status != 0x0116 && status >> 12 != 0xB;
}

/* ---- whom to call */

int report_destination(struct archive *a, const char *aet, int64_t site, struct peer *out, struct err *e)
{
	int rc = peer_destination(a, aet, site, out, e);

	if (rc == 0 && out->site != site) /* another site's system of the same title must not learn of it */
		return err_set(e, E_NOENT, "%s of that site has no host and port to be called at", aet);
	return rc;
}

/* ---- afterwards */

static int64_t pause_us(const struct config *config, int tries)
{
	int64_t ms = config->commit_retry_ms, most = ms > PAUSE_MOST_MS ? ms : PAUSE_MOST_MS;

	while (--tries > 0 && ms < most)
		ms *= 2;
	return (ms < most ? ms : most) * 1000;
}

static void not_told(const struct config *config, struct commitment *c, const struct err *why, bool refused)
{
	int64_t now = clock_wall_us();

	metric_add(&m_failed, 1);
	c->tries++;
	c->state = COMMITMENT_VERIFIED;
	c->due_us = now + pause_us(config, c->tries);
	snprintf(c->why, sizeof c->why, "%.159s", why->msg);
	if (now - c->asked_us < config->commit_giveup_ms * 1000 && !(refused && c->tries >= REFUSALS_MOST)) {
		log_warn("commitment %s could not be told to %s: %s", c->transaction, c->aet, c->why);
		return;
	}
	metric_add(&m_given_up, 1);
	c->state = COMMITMENT_GIVEN_UP;
	alert_raise(ALERT_COMMITMENT, c->transaction, "given up, %s was not told in %d tries: %s", c->aet, c->tries,
		    c->why);
}

void report_outcome(struct archive *a, const struct config *config, struct commitment *c, const struct err *why,
		    bool refused)
{
	struct err e = {0};

	if (why) {
		not_told(config, c, why, refused);
	} else {
		metric_add(&m_told, 1);
		c->state = COMMITMENT_TOLD;
		c->tries++;
		c->why[0] = '\0';
		log_info("commitment %s was told to %s: %u of %u instances", c->transaction, c->aet, c->n - c->failed,
			 c->n);
	}
	if (commitment_note(a, c, &e) < 0)
		log_error("commitment %s: %s", c->transaction, e.msg);
}
