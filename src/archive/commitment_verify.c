/* archive/commitment_verify.c - are the instances of a request here, whole, and the caller's to know of? */
#include "archive/commitment.h"
#include "archive/store.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/metrics.h"
#include <string.h>

#define VERDICT(name)                                                                                                  \
	METRIC(COUNTER, "teleread_commitment_instances_total", "verdict=\"" name "\"", "Instances verified")
static struct metric m_kept = VERDICT("kept"), m_unknown = VERDICT("unknown"), m_conflict = VERDICT("conflict"),
		     m_failure = VERDICT("failure");
#undef VERDICT
static struct metric m_seconds =
    METRIC(SECONDS, "teleread_commitment_verify_seconds", "", "Reading the instances of one request again");

struct verify {
	struct archive *archive;
	struct scope scope;
	const _Atomic bool *stop;
};
/* The row of an instance. */
struct found {
	char class[65];
	int64_t site;
	struct record record; /* as the index has it: where, lengths, digest */
};

/* 1, 0: there is none, or negative. */
static int look_up(struct verify *v, const char *instance, struct found *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	const char *class;
	size_t n, n_class;
	const void *digest;
	int rc;

	if ((rc = db_get(v->archive->db, DB_READ, &c, e)) < 0 ||
	    (rc = db_prepare(c, db_sql(v->archive->db, "commitment-instance"), &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, instance, strlen(instance));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	*out = (struct found){.site = db_int(s, 1)};
	class = db_text(s, 0, &n_class);
	if (n_class < sizeof out->class)
		memcpy(out->class, class, n_class + 1);
	out->record.pack = (uint64_t)db_int(s, 2);
	out->record.at = (uint64_t)db_int(s, 3) - PACK_HEAD;
	out->record.part10_len = (uint64_t)db_int(s, 4);
	out->record.head_len = (uint32_t)db_int(s, 5);
	digest = db_blob(s, 6, &n);
	if (n == sizeof out->record.digest)
		memcpy(out->record.digest, digest, n);
	db_reset(s);
	return 1;
}

static int go_on(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	const struct verify *v = arg;

	(void)data, (void)n;
	return *v->stop ? err_set(e, E_CANCEL, "verification was stopped") : 0;
}

/* Every byte of the record is read again: its header must be the one that the row was made from, its content what both
 * say it is. */
static int read_again(struct verify *v, const struct record *row, const char *instance, struct err *e)
{
	struct blob_store *packs = v->archive->packs;
	uint8_t head[PACK_HEAD];
	struct record r;
	int64_t n = packs->ops->read(packs, row->pack, row->at, head, sizeof head, e);

	if (n < 0)
		return (int)n;
	if (n != (int64_t)sizeof head || !record_header_read(head, row->pack, row->at, &r) ||
	    (r.kind != RECORD_INSTANCE && r.kind != RECORD_UNREADABLE && r.kind != RECORD_SETTLED) ||
	    strcmp(r.sop_instance, instance) != 0 || r.part10_len != row->part10_len || r.head_len != row->head_len ||
	    memcmp(r.digest, row->digest, sizeof r.digest) != 0)
		return err_set(e, E_CORRUPT, "pack %llu at %llu does not hold what the index says",
			       (unsigned long long)row->pack, (unsigned long long)row->at);
	return record_verify(packs, &r, go_on, v, e);
}

/* One instance: its verdict, or negative. */
static int judge(struct verify *v, const struct commitment_item *item, struct err *e)
{
	struct found found;
	struct err why = {0};
	int rc = look_up(v, item->sop_instance, &found, e);

	if (rc < 0)
		return rc;
	if (rc == 0 || !scope_has(&v->scope, found.site)) {
		metric_add(&m_unknown, 1);
		return COMMITMENT_UNKNOWN;
	}
	if (strcmp(found.class, item->sop_class) != 0) {
		metric_add(&m_conflict, 1);
		return COMMITMENT_CONFLICT;
	}
	if ((rc = read_again(v, &found.record, item->sop_instance, &why)) == 0) {
		metric_add(&m_kept, 1);
		return COMMITMENT_KEPT;
	}
	if (rc == -E_CANCEL || rc == -E_NOMEM) { /* of this node, and of this moment */
		*e = why;
		return rc;
	}
	metric_add(&m_failure, 1);
	alert_raise(ALERT_CORRUPT, item->sop_instance, "not committed: %s", why.msg);
	return COMMITMENT_FAILURE;
}

static int judge_all(struct verify *v, struct commitment *c, struct err *e)
{
	struct commitment_item item;
	size_t at = 0;
	int rc;

	buf_clear(&c->verdicts);
	c->failed = 0;
	while (commitment_item(c, &at, &item)) {
		uint8_t bytes[2];

		if (*v->stop)
			return err_set(e, E_CANCEL, "verification was stopped");
		if ((rc = judge(v, &item, e)) < 0)
			return rc;
		bytes[0] = (uint8_t)rc;
		bytes[1] = (uint8_t)(rc >> 8);
		c->failed += rc != COMMITMENT_KEPT;
		if ((rc = buf_put(&c->verdicts, bytes, sizeof bytes, e)) < 0)
			return rc;
	}
	return 0;
}

static int keep_verdicts(struct archive *a, struct commitment *c, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(a->db, DB_WRITE, &w, e)) < 0 || (rc = db_begin(w, e)) < 0 ||
	    (rc = db_prepare(w, db_sql(a->db, "commitment-verified"), &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, c->id);
	db_bind_int(s, 2, c->failed);
	db_bind_blob(s, 3, c->verdicts.data, c->verdicts.len);
	db_bind_int(s, 4, clock_wall_us());
	if ((rc = db_step(s, e)) < 0)
		return rc;
	return db_commit(w, e);
}

int commitment_verify(struct archive *a, struct commitment *c, const _Atomic bool *stop, struct err *e)
{
	struct verify v = {.archive = a, .stop = stop};
	int64_t from = clock_mono_us();
	int rc = site_scope(a, c->site, &v.scope, e);

	if (rc == 0)
		rc = judge_all(&v, c, e);
	scope_cleanup(&v.scope);
	if (rc < 0 || (rc = keep_verdicts(a, c, e)) < 0)
		return rc;
	metric_observe(&m_seconds, clock_mono_us() - from);
	c->state = COMMITMENT_VERIFIED;
	return 0;
}
