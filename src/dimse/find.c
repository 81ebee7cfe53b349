#include "archive/query_keys.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/model.h"
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
	bool partial; /* a key is not supported, or not matched */
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
		f->pending = f->partial || identifier_ignored(f->id, row) ? STATUS_PENDING_WARNING : STATUS_PENDING;
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

/* ---- queries that are too broad */

/* Something to look for: a value that is not only stars, in an item, too. */
static bool has_value(const struct dset *keys)
{
	for (unsigned i = 0; i < dset_count(keys); i++) {
		const struct elem *el = dset_at(keys, i);

		for (unsigned k = 0; k < el->n_items; k++)
			if (has_value(el->items[k]))
				return true;
		for (size_t k = 0; k < el->len; k++)
			if (el->value[k] != '*' && el->value[k] != ' ')
				return true;
	}
	return false;
}

/* Are there more matches than one query may have? They are counted before the first is answered. */
static int count_matches(struct archive *a, const struct query *q, uint64_t most, struct err *why)
{
	struct query counted = *q;
	struct cursor *c = NULL;
	const struct dset *row;
	uint64_t n = 0;
	int rc;

	counted.limit = most + 1;
	rc = query_open(a, &counted, &c, why);
	while (rc >= 0 && (rc = cursor_next(c, &row, why)) > 0)
		n++;
	cursor_close(c);
	if (rc == 0 && n > most)
		return err_set(why, E_LIMIT, "over %" PRIu64 " matches: add a key such as StudyDate", most);
	return rc;
}

static int too_broad(const struct find *f, const struct query *q, struct err *why)
{
	const struct config *c = f->s->face->config;

	if (c->require_key && !has_value(q->keys))
		return err_set(why, E_LIMIT, "too broad: give PatientID, StudyDate or another key");
	return c->most > 0 ? count_matches(f->s->face->archive, q, (uint64_t)c->most, why) : 0;
}

/* ---- the service */

static struct query make_query(const struct find *f)
{
	const struct session_extended *agreed = session_extended(f->s, f->cx->abstract);
	const struct config *c = f->s->face->config;

	return (struct query){.level = f->id->level,
			      .patient_root = f->id->patient_root,
			      .relational = agreed->relational || c->relational,
			      .datetime = agreed->datetime,
			      .fuzzy = agreed->fuzzy || strcmp(c->fuzzy, "always") == 0,
			      .empty = agreed->empty,
			      .every = agreed->every,
			      .timezone = f->id->timezone[0] ? f->id->timezone : NULL,
			      .otherwise = c->timezone,
			      .offending = &f->id->offending,
			      .keys = f->id->keys,
			      .limit = f->limit ? f->limit + 1 : 0};
}

static int answer_query(struct find *f, const struct query *q, uint16_t *status, struct err *why, struct err *e)
{
	struct cursor *cursor = NULL;
	int rc = 0;

	if (too_broad(f, q, why) < 0 || query_open(f->s->face->archive, q, &cursor, why) < 0) {
		*status = session_status(why);
	} else {
		f->partial = cursor_partial(cursor);
		rc = run(f, cursor, status, why, e);
	}
	cursor_close(cursor);
	return rc;
}

static int answer_all(struct find *f, uint16_t *status, struct err *why, struct err *e)
{
	struct query q = make_query(f);
	int rc;

	if (session_scope(f->s, &q.scope, why) < 0) {
		*status = session_status(why);
		return 0;
	}
	rc = answer_query(f, &q, status, why, e);
	if (rc < 0 || *status != STATUS_SUCCESS || f->count > 0 || !f->id->other)
		return rc;
	q.keys = f->id->other; /* nothing is called so: perhaps it was meant so */
	return answer_query(f, &q, status, why, e);
}

/* What was asked, as far as it fits, in the audit trail. */
static void note(const struct session *s, const struct identifier *id, uint16_t status)
{
	AUTO(buf) text = BUF(ANSWER_MOST);

	if (buf_printf(&text, NULL, "C-FIND %s ", query_level_text(id->level)) == 0 && id->keys)
		model_dset(id->keys, MODEL_JSON, "ISO_IR 192", &text, NULL);
	session_audit(s, AUDIT_QUERY, status != STATUS_SUCCESS && status != STATUS_CANCEL, NULL, buf_text(&text), 0);
}

int serve_find(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	AUTO(identifier) id = {0};
	struct find f = {.s = s, .rq = rq, .cx = cx, .id = &id, .limit = (uint64_t)s->face->config->find_limit};
	struct err why = {0};
	uint16_t status;
	int rc;

	metric_add(&m_finds, 1);
	s->finds++;
	if ((rc = identifier_receive(s, rq, cx, &id, &status, &why, e)) < 0)
		return rc;
	if (status == STATUS_SUCCESS)
		rc = answer_all(&f, &status, &why, e);
	note(s, &id, status);
	s->matches += f.count;
	metric_add(&m_matches, (int64_t)f.count);
	if (rc < 0)
		return rc;
	if (why.code != E_OK)
		log_warn("C-FIND answered with %04x after %" PRIu64 " matches: %s", status, f.count, why.msg);
	return session_refuse(s, cx, rq, status, id.offending, &why, e);
}
