#include "dimse/retrieve.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000
#define TAG_FAILED TAG(0x0008, 0x0058)

#define RESULT(name) METRIC(COUNTER, "teleread_suboperations_total", "result=\"" name "\"", "C-MOVE and C-GET")
static struct metric m_completed = RESULT("completed"), m_failed = RESULT("failed"), m_warning = RESULT("warning");
#undef RESULT

int retrieve_begin(struct retrieve *r, struct session *s, const struct shim_command *rq, const struct shim_context *cx,
		   uint16_t *status, struct err *why, struct err *e)
{
	int rc;

	r->s = s;
	r->rq = rq;
	r->cx = cx;
	r->failed_list = BUF(FAILED_LIST_MOST);
	if ((rc = identifier_receive(s, rq, cx, &r->id, status, why, e)) < 0 || *status != STATUS_SUCCESS)
		return rc;
	r->query =
	    (struct query){.level = r->id.level,
			   .patient_root = r->id.patient_root,
			   .relational = session_extended(s, cx->abstract)->relational || s->face->config->relational,
			   .offending = &r->id.offending,
			   .keys = r->id.keys};
	if (session_scope(s, &r->query.scope, why) < 0 ||
	    select_open(s->face->archive, &r->query, &r->selection, &r->total, why) < 0)
		*status = session_status(why);
	return 0;
}

int retrieve_rewind(struct retrieve *r, struct err *e)
{
	uint64_t now;

	select_close(STEAL(r->selection));
	return select_open(r->s->face->archive, &r->query, &r->selection, &now, e);
}

void retrieve_cleanup(struct retrieve *r)
{
	if (r->selection)
		select_close(STEAL(r->selection));
	identifier_cleanup(&r->id);
	buf_cleanup(&r->failed_list);
}

/* Warnings of PS3.7 annex C and of storage (PS3.4 B.2.3): it was stored. */
static bool is_warning(uint16_t status)
{
	return status >> 12 == 0xB || status == 0x0001 || status == 0x0107 || status == 0x0116;
}

/* In the audit trail. */
static void note(const struct retrieve *r, const struct stored *what, bool failed)
{
	char how[40];

	if (r->rq->field == SHIM_C_GET_RQ)
		snprintf(how, sizeof how, "C-GET");
	else
		snprintf(how, sizeof how, "C-MOVE to %s", r->rq->move_destination);
	session_audit(r->s, AUDIT_SENT, failed, what->study, how, 1);
}

void retrieve_count(struct retrieve *r, const struct stored *what, uint16_t status)
{
	note(r, what, status != STATUS_SUCCESS && !is_warning(status));
	if (status == STATUS_SUCCESS) {
		r->completed++;
		metric_add(&m_completed, 1);
	} else if (is_warning(status)) {
		r->warning++;
		metric_add(&m_warning, 1);
	} else {
		r->failed++;
		metric_add(&m_failed, 1);
		size_t n = strlen(what->sop_instance);
		/* the counters stay true when the list is full */
		if (r->failed_list.len + n + 1 > FAILED_LIST_MOST - 1)
			return;
		if (r->failed_list.len && buf_byte(&r->failed_list, '\\', NULL) < 0)
			return;
		buf_put(&r->failed_list, what->sop_instance, n, NULL);
	}
}

static uint64_t done(const struct retrieve *r)
{
	return r->completed + r->failed + r->warning;
}

static uint16_t cut(uint64_t n)
{
	return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static void counters(const struct retrieve *r, struct shim_command *rsp)
{
	rsp->has_counts = 1;
	rsp->remaining = cut(r->total > done(r) ? r->total - done(r) : 0);
	rsp->completed = cut(r->completed);
	rsp->failed = cut(r->failed);
	rsp->warning = cut(r->warning);
}

int retrieve_pending(struct retrieve *r, bool first, struct err *e)
{
	int64_t now = clock_mono_us();
	struct shim_command rsp;

	if (!first && now - r->told_us < (done(r) != r->told_done ? SECOND : 10 * SECOND))
		return 0;
	r->told_us = now;
	r->told_done = done(r);
	session_response(&rsp, r->rq, STATUS_PENDING, NULL);
	counters(r, &rsp);
	return dimse_send(&r->s->d, r->cx->id, &rsp, NULL, 0, e);
}

static int failed_identifier(const struct retrieve *r, struct buf *out, struct err *e)
{
	AUTO(dset) d = NULL;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 ||
	    (rc = dset_put(d, TAG_FAILED, "UI", r->failed_list.data, r->failed_list.len, e)) < 0)
		return rc;
	return dset_write(d, r->cx->accepted, out, e);
}

int retrieve_end(struct retrieve *r, bool cancelled, struct err *e)
{
	AUTO(buf) list = BUF(FAILED_LIST_MOST + 1024);
	struct shim_command rsp;
	uint16_t status = STATUS_SUCCESS;
	int rc;

	if (cancelled)
		status = STATUS_CANCEL;
	else if (r->failed && !r->completed && !r->warning)
		status = STATUS_SUB_FAILED;
	else if (r->failed || r->warning)
		status = STATUS_WARNING;
	if (r->failed_list.len && (rc = failed_identifier(r, &list, e)) < 0)
		return rc;
	r->s->sent += r->completed + r->warning;
	r->s->unsent += r->failed;
	session_response(&rsp, r->rq, status, NULL);
	counters(r, &rsp);
	rsp.has_data = list.len > 0;
	log_info("%s ended with %04x: %" PRIu64 " of %" PRIu64 " sent, %" PRIu64 " failed, %" PRIu64 " with a warning",
		 r->rq->field == SHIM_C_MOVE_RQ ? "C-MOVE" : "C-GET", status, r->completed + r->warning, r->total,
		 r->failed, r->warning);
	return dimse_send(&r->s->d, r->cx->id, &rsp, list.data, list.len, e);
}
