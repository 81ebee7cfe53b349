#include "base/log.h"
#include "base/metrics.h"
#include "dimse/identifier.h"
#include <inttypes.h>
#include <string.h>

#define ANSWER_MOST (4u << 20)

static struct metric m_finds = METRIC(COUNTER, "teleread_finds_total", "", "C-FIND requests");
static struct metric m_matches = METRIC(COUNTER, "teleread_matches_total", "", "Answers to C-FIND");

/* One query under way. */
struct find {
	struct session *s;
	const struct shim_command *rq;
	const struct shim_context *cx;
	struct identifier *id;
	uint64_t limit, count;
	uint16_t pending; /* status of an answer; 0 until the first */
};

/* One answer. 1: it cannot be written (why); negative: association broken. */
static int answer(struct find *f, const struct dset *row, struct err *why, struct err *e)
{
	AUTO(buf) bytes = BUF(ANSWER_MOST);
	struct session *s = f->s;
	struct shim_command rsp;
	int rc;

	if (!f->pending)
		f->pending = identifier_ignored(f->id, row) ? STATUS_PENDING_WARNING : STATUS_PENDING;
	if (identifier_answer(f->id, row, s->face->config->aet, f->cx->accepted, &bytes, why) < 0)
		return 1;
	session_response(&rsp, f->rq, f->pending, NULL);
	rsp.has_data = 1;
	if ((rc = dimse_send(&s->d, f->cx->id, &rsp, bytes.data, bytes.len, e)) < 0)
		return rc;
	f->count++;
	s->bytes_out += bytes.len;
	return 0;
}

/* All answers. *status: what the last word is to be, with why. Negative: association broken. */
static int run(struct find *f, struct cursor *c, uint16_t *status, struct err *why, struct err *e)
{
	const struct dset *row;
	int rc;

	for (;;) {
		if ((rc = cursor_next(c, &row, why)) == 0)
			return 0;
		if (rc > 0 && f->limit && f->count == f->limit)
			rc = err_set(why, E_LIMIT, "more than %" PRIu64 " matches; these are the first", f->limit);
		if (rc > 0 && (rc = answer(f, row, why, e)) < 0)
			return rc;
		if (rc != 0) {
			*status = session_status(why);
			return 0;
		}
		if ((rc = dimse_cancelled(&f->s->d, f->rq->message_id, e)) < 0)
			return rc;
		if (rc) {
			*status = STATUS_CANCEL;
			return 0;
		}
	}
}

int serve_find(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	AUTO(identifier) id = {0};
	struct find f = {.s = s, .rq = rq, .cx = cx, .id = &id, .limit = (uint64_t)s->face->config->find_limit};
	struct query q = {0};
	struct cursor *cursor = NULL;
	struct err why = {0};
	uint16_t status;
	int rc;

	metric_add(&m_finds, 1);
	s->finds++;
	if ((rc = identifier_receive(s, rq, cx, &id, &status, &why, e)) < 0)
		return rc;
	if (status == STATUS_SUCCESS) {
		q = (struct query){.level = id.level,
				   .patient_root = id.patient_root,
				   .keys = id.keys,
				   .limit = f.limit ? f.limit + 1 : 0};
		if (session_scope(s, &q.scope, &why) < 0 || query_open(s->face->archive, &q, &cursor, &why) < 0)
			status = session_status(&why);
		else
			rc = run(&f, cursor, &status, &why, e);
		cursor_close(cursor);
	}
	s->matches += f.count;
	metric_add(&m_matches, (int64_t)f.count);
	if (rc < 0)
		return rc;
	if (why.code != E_OK)
		log_warn("C-FIND answered with %04x after %" PRIu64 " matches: %s", status, f.count, why.msg);
	return session_answer(s, cx, rq, status, &why, e);
}
