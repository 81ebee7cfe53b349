/* dimse/action.c - N-ACTION of the storage commitment push model (PS3.4 annex J): the request is read and kept; and, while
 * the association stays, its result is told over it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dict.h"
#include "dicom/scan.h"
#include "dimse/session.h"
#include <stdio.h>
#include <string.h>

#define REFERENCED_SEQUENCE TAG(0x0008, 0x1199)
#define CLASS_UID TAG(0x0008, 0x1150)
#define INSTANCE_UID TAG(0x0008, 0x1155)
#define TRANSACTION_UID TAG(0x0008, 0x1195)
#define VALUE_MOST 128
/* Most peers release as soon as they have asked, and then take a report on this association for an error: one that can
 * be called gets it here only when it stays for so long. */
#define LINGER_US 300000

static struct metric m_asked =
    METRIC(COUNTER, "teleread_commitment_requests_total", "result=\"asked\"", "Requests for storage commitment");
static struct metric m_again = METRIC(COUNTER, "teleread_commitment_requests_total", "result=\"again\"", "");
static struct metric m_refused = METRIC(COUNTER, "teleread_commitment_requests_total", "result=\"refused\"", "");

/* ---- the action information, read as it comes */

struct reading {
	struct commitment *out;
	bool in_sequence;
	char sop_class[65], sop_instance[65]; /* of the item under way */
};

/* A UID without its padding. */
static int read_uid(const struct scan_element *el, const char *what, char out[65], struct err *e)
{
	size_t n = el->value ? el->length : 0;

	while (n > 0 && (el->value[n - 1] == 0 || el->value[n - 1] == ' '))
		n--;
	if (n == 0 || n > 64 || !uid_sane((const char *)el->value, n))
		return err_set(e, E_INVAL, "%s cannot be a UID", what);
	memcpy(out, el->value, n);
	out[n] = 0;
	return 0;
}

static int read_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct reading *r = arg;

	if (el->depth == 0) {
		r->in_sequence = el->tag == REFERENCED_SEQUENCE;
		if (el->tag == TRANSACTION_UID)
			return read_uid(el, "Transaction UID", r->out->transaction, e);
	} else if (el->depth == 1 && r->in_sequence) {
		if (el->tag == CLASS_UID)
			return read_uid(el, "Referenced SOP Class UID", r->sop_class, e);
		if (el->tag == INSTANCE_UID)
			return read_uid(el, "Referenced SOP Instance UID", r->sop_instance, e);
	}
	return 0;
}

static int read_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct reading *r = arg;

	if (depth != 0 || !r->in_sequence)
		return 0;
	if (begin) {
		r->sop_class[0] = r->sop_instance[0] = '\0';
		return 0;
	}
	if (!r->sop_class[0] || !r->sop_instance[0])
		return err_set(e, E_INVAL, "item %u has no Referenced SOP %s UID", r->out->n + 1,
			       r->sop_class[0] ? "Instance" : "Class");
	return commitment_add(r->out, r->sop_class, r->sop_instance, e);
}

/* 0: read; 1: it is not what it should be (why); negative: association broken. */
static int read_request(struct session *s, const struct shim_context *cx, struct commitment *out, struct err *why,
			struct err *e)
{
	static const struct scan_ops ops = {.element = read_element, .item = read_item};
	struct reading r = {.out = out};
	AUTO(scan) scan = NULL;
	uint8_t piece[8192];
	int64_t n;

	if (scan_new(cx->accepted, VALUE_MOST, &ops, &r, &scan, why) < 0)
		return 1;
	while ((n = dimse_data(&s->d, piece, sizeof piece, e)) > 0)
		if (scan_feed(scan, piece, (size_t)n, why) < 0)
			return 1;
	if (n < 0)
		return (int)n;
	if (scan_end(scan, why) < 0)
		return 1;
	if (!out->transaction[0])
		err_set(why, E_INVAL, "no Transaction UID");
	else if (out->n == 0)
		err_set(why, E_INVAL, "no Referenced SOP Sequence");
	return why->code != E_OK;
}

/* ---- the request */

static uint16_t check(const struct shim_command *rq, const struct shim_context *cx, struct err *why)
{
	if (strcmp(cx->abstract, UID_COMMITMENT) != 0 || strcmp(rq->requested_class, UID_COMMITMENT) != 0) {
		err_set(why, E_UNSUP, "N-ACTION is for storage commitment only");
		return STATUS_NO_SUCH_CLASS;
	}
	if (strcmp(rq->requested_instance, UID_COMMITMENT_INSTANCE) != 0) {
		err_set(why, E_NOENT, "not the instance of storage commitment");
		return STATUS_NO_SUCH_INSTANCE;
	}
	if (rq->action_type != 1) {
		err_set(why, E_UNSUP, "action type %u is not known", rq->action_type);
		return STATUS_NO_SUCH_ACTION;
	}
	if (!rq->has_data) {
		err_set(why, E_INVAL, "no action information");
		return STATUS_INVALID_ARGUMENT;
	}
	return STATUS_SUCCESS;
}

/* What an error means for N-ACTION (PS3.7 10.1.4.1.10). */
static uint16_t action_status(const struct err *why)
{
	switch (why->code) {
	case E_INVAL:
		return STATUS_INVALID_ARGUMENT;
	case E_CONFLICT:
		return STATUS_DUPLICATE_TRANSACTION;
	case E_LIMIT:
	case E_FULL:
	case E_NOMEM:
	case E_BUSY:
		return STATUS_RESOURCE_LIMITATION;
	default:
		return STATUS_PROCESSING_FAILURE;
	}
}

/* Answers name as affected what the request names as requested. */
static int answer(struct session *s, const struct shim_context *cx, const struct shim_command *rq, uint16_t status,
		  const struct err *why, struct err *e)
{
	struct shim_command named = *rq, rsp;

	memcpy(named.affected_class, rq->requested_class, sizeof named.affected_class);
	memcpy(named.affected_instance, rq->requested_instance, sizeof named.affected_instance);
	session_response(&rsp, &named, status, why);
	rsp.action_type = rq->action_type;
	return dimse_send(&s->d, cx->id, &rsp, NULL, 0, e);
}

/* A free place to hold a request for this association; NULL where it is not to be told here. */
static struct asked *place(struct session *s)
{
	if (strcmp(s->face->config->commit_report, "new") == 0)
		return NULL;
	for (unsigned i = 0; i < SESSION_ASKED; i++)
		if (!s->asked[i].hold.id)
			return &s->asked[i];
	return NULL;
}

/* brief: holds one that is not to be told here until it is answered: a report must not overtake the answer. */
static int keep(struct session *s, const struct shim_context *cx, struct commitment *c, struct report_hold *brief,
		struct err *why)
{
	struct asked *here = place(s);
	struct peer ignored;
	int rc;

	c->site = s->who.site;
	snprintf(c->aet, sizeof c->aet, "%s", s->peer.calling);
	if ((rc = reporter_ask(s->face->reporter, c, here ? &here->hold : brief, why)) < 0)
		return rc;
	metric_add(rc ? &m_again : &m_asked, 1);
	if (here && here->hold.id) {
		here->context = cx;
		s->n_asked++;
	}
	s->callable = report_destination(s->face->archive, c->aet, c->site, &ignored, NULL) == 0;
	log_info("commitment %s asked%s for %u instances", c->transaction, rc ? " again" : "", c->n);
	return 0;
}

int serve_action(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	AUTO(commitment) c = COMMITMENT;
	struct report_hold brief = {0};
	struct err why = {0};
	uint16_t status = check(rq, cx, &why);
	int rc = 0;

	if (status == STATUS_SUCCESS) {
		if ((rc = read_request(s, cx, &c, &why, e)) < 0)
			return rc;
		if (rc > 0 || keep(s, cx, &c, &brief, &why) < 0)
			status = action_status(&why);
	}
	if (status != STATUS_SUCCESS) {
		metric_add(&m_refused, 1);
		log_warn("N-ACTION answered with %04x: %s", status, why.msg);
	}
	if ((rc = dimse_data_skip(&s->d, e)) == 0)
		rc = answer(s, cx, rq, status, &why, e);
	if (brief.id)
		reporter_release(s->face->reporter, &brief);
	return rc;
}

/* ---- the result, over the same association */

static void let_go(struct session *s, struct asked *a)
{
	reporter_release(s->face->reporter, &a->hold);
	*a = (struct asked){0};
	s->n_asked--;
	if (s->telling == a)
		s->telling = NULL;
}

void session_let_go(struct session *s)
{
	for (unsigned i = 0; i < SESSION_ASKED; i++)
		if (s->asked[i].hold.id)
			let_go(s, &s->asked[i]);
}

/* It was told here, or why not; then it is the reporter's again. */
static void told(struct session *s, struct asked *a, const struct err *why, bool refused)
{
	AUTO(commitment) c = COMMITMENT;
	struct err e = {0};

	if (commitment_load(s->face->archive, a->hold.id, &c, &e) < 0)
		log_error("storage commitment: %s", e.msg);
	else
		report_outcome(s->face->archive, s->face->config, &c, why, refused);
	let_go(s, a);
}

static int send_report(struct session *s, struct asked *a, struct err *e)
{
	AUTO(commitment) c = COMMITMENT;
	AUTO(buf) data = BUF(REPORT_MOST);
	struct dimse_event event = {.sop_class = UID_COMMITMENT, .sop_instance = UID_COMMITMENT_INSTANCE};
	struct err why = {0};
	int type;

	if (commitment_load(s->face->archive, a->hold.id, &c, &why) < 0 ||
	    (type = report_encode(&c, s->face->config->aet, a->context->accepted, &data, &why)) < 0) {
		told(s, a, &why, false);
		return 0;
	}
	event.type = (uint16_t)type;
	event.data = data.data;
	event.n = data.len;
	s->telling = a;
	s->told_us = clock_mono_us();
	return dimse_event(&s->d, a->context->id, &event, ++s->event_id, e);
}

void session_silent(struct session *s)
{
	struct err why = {0};

	if (!s->telling || clock_mono_us() - s->told_us <= s->face->config->dimse_ms * 1000)
		return;
	err_set(&why, E_TIMEOUT, "no answer on the association that asked");
	told(s, s->telling, &why, false);
}

int session_tell(struct session *s, struct err *e)
{
	bool linger = s->callable && strcmp(s->face->config->commit_report, "auto") == 0;

	if (s->telling || (linger && clock_mono_us() - s->heard_us < LINGER_US))
		return 0;
	for (unsigned i = 0; i < SESSION_ASKED; i++)
		if (s->asked[i].hold.id && s->asked[i].hold.ready)
			return send_report(s, &s->asked[i], e);
	return 0;
}

int serve_event_answer(struct session *s, const struct shim_command *rsp, const struct shim_context *cx, struct err *e)
{
	struct err why = {0};

	(void)cx;
	if (s->telling && rsp->responded_id == s->event_id) {
		bool refused = report_refuses(rsp->status);

		if (refused)
			err_set(&why, E_DENIED, "the event report was answered with %04x", rsp->status);
		told(s, s->telling, refused ? &why : NULL, refused);
	} else {
		log_warn("an answer to event report %u came late", rsp->responded_id);
	}
	return dimse_data_skip(&s->d, e);
}
