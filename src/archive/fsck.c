#include "archive/check.h"
#include "archive/store.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fsck {
	struct archive *archive;
	const struct check_ops *ops;
	struct check_report *report;
	struct db_conn *reader;
	bool losses; /* only what an index built from these packs would lack */
	uint64_t through, matched, done, total;
	struct err *e;
};

static void __attribute__((format(printf, 2, 3))) fault(struct fsck *f, const char *fmt, ...)
{
	char sentence[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	f->report->faults++;
	if (f->ops->fault)
		f->ops->fault(f->ops->arg, sentence);
}

/* A record without a row of its own: a duplicate that lost a race, in quarantine, or an orphan. */
static int check_rowless(struct fsck *f, const struct record *r, bool same)
{
	struct db_stmt *s;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-quarantine"), &s, f->e);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, r->sop_instance, strlen(r->sop_instance));
	db_bind_blob(s, 2, r->digest, sizeof r->digest);
	db_bind_blob(s, 3, sent_digest(r->digest, r->sent), sizeof r->digest);
	db_bind_int(s, 4, (int64_t)r->seq);
	rc = db_step(s, f->e);
	if (rc == 1 && !db_int(s, 1)) /* what is settled counts where it lies now */
		(*(db_int(s, 0) == 2 ? &f->matched : &f->report->quarantined))++;
	db_reset(s);
	if (rc == 1)
		return 0;
	if (rc == 0 && !same)
		fault(f, "record %llu (pack %llu at %llu, %s) has no row in the index", (unsigned long long)r->seq,
		      (unsigned long long)r->pack, (unsigned long long)r->at, r->sop_instance);
	return rc < 0 ? rc : 0;
}

/* A settled record is where its bytes are read, or was superseded by another. */
static int check_settled(struct fsck *f, const struct record *r)
{
	struct db_stmt *s;
	size_t n;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-settled"), &s, f->e);
	if (rc < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)r->seq);
	if ((rc = db_step(s, f->e)) < 0)
		return rc;
	bool here = rc && (uint64_t)db_int(s, 0) == r->pack && (uint64_t)db_int(s, 1) == r->at + PACK_HEAD;
	bool lengths = rc && (uint64_t)db_int(s, 2) == r->part10_len && (uint32_t)db_int(s, 3) == r->head_len &&
		       (uint64_t)db_int(s, 4) == r->appendix_len;
	const void *digest = rc ? db_blob(s, 5, &n) : NULL;
	bool same = rc && n == sizeof r->digest && !memcmp(digest, r->digest, n);
	bool instance = rc && db_int(s, 6);
	db_reset(s);
	if (!here)
		return 0;
	(*(instance ? &f->matched : &f->report->quarantined))++;
	if (!same || !lengths)
		fault(f, "the settled place of %s differs from its record (pack %llu at %llu) in %s", r->sop_instance,
		      (unsigned long long)r->pack, (unsigned long long)r->at, lengths ? "digest" : "length");
	return 0;
}

static int check_event(struct fsck *f, const struct record *r)
{
	struct db_stmt *s;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-event"), &s, f->e);
	if (rc < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)r->seq);
	if ((rc = db_step(s, f->e)) < 0)
		return rc;
	bool here = rc && (uint64_t)db_int(s, 0) == r->pack && (uint64_t)db_int(s, 1) == r->at;
	db_reset(s);
	if (!here)
		fault(f, "decision %llu (pack %llu at %llu) has no row in the index", (unsigned long long)r->seq,
		      (unsigned long long)r->pack, (unsigned long long)r->at);
	return 0;
}

static int check_row_of(struct fsck *f, const struct record *r)
{
	struct db_stmt *s;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-instance"), &s, f->e);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, r->sop_instance, strlen(r->sop_instance));
	if ((rc = db_step(s, f->e)) < 0)
		return rc;
	size_t n = 0;
	const void *digest = rc ? db_blob(s, 4, &n) : NULL;
	bool here = rc && (uint64_t)db_int(s, 0) == r->pack && (uint64_t)db_int(s, 1) == r->at + PACK_HEAD;
	bool same = rc && n == sizeof r->digest && !memcmp(digest, r->digest, n);
	const void *sent = rc ? db_blob(s, 5, &n) : NULL;
	bool again = rc && n == sizeof r->sent && !memcmp(sent, sent_digest(r->digest, r->sent), n);
	bool lengths = rc && (uint64_t)db_int(s, 2) == r->part10_len && (uint32_t)db_int(s, 3) == r->head_len;
	bool moved = rc && db_int(s, 6);
	db_reset(s);
	if (!here)
		return check_rowless(f, r, same || again);
	f->matched += !moved;
	if (!same || !lengths)
		fault(f, "the row of %s differs from its record (pack %llu at %llu) in %s", r->sop_instance,
		      (unsigned long long)r->pack, (unsigned long long)r->at, lengths ? "digest" : "length");
	return 0;
}

static int check_record(struct fsck *f, const struct record *r)
{
	struct err why = {0};
	if (r->kind == RECORD_VOID) {
		f->report->blanks++;
		return 0;
	}
	if (r->seq > f->through) /* newer than this check */
		return 0;
	f->report->records++;
	f->report->bytes += r->part10_len;
	int rc = record_verify(f->archive->packs, r, NULL, NULL, &why);
	if (rc == -E_CORRUPT)
		fault(f, "%s (%s)", why.msg, r->sop_instance);
	else if (rc < 0)
		return err_set(f->e, why.code, "%s", why.msg);
	if (f->losses)
		return 0;
	switch (r->kind) {
	case RECORD_EVENT:
		return check_event(f, r);
	case RECORD_SETTLED:
		return check_settled(f, r);
	case RECORD_SERIES:
		return 0;
	default:
		return check_row_of(f, r);
	}
}

static int check_pack(void *arg, uint64_t pack)
{
	struct fsck *f = arg;
	struct pack_walk w;
	struct record r;
	struct err why = {0};
	int rc = pack_walk_begin(&w, f->archive->packs, pack, &why);
	if (rc == -E_NOENT) /* removed meanwhile: it was empty */
		return 0;
	f->report->packs++;
	if (rc == -E_CORRUPT && w.size > PACK_BLOCK && !f->losses) /* its records are found without it */
		fault(f, "%s", why.msg);
	else if (rc < 0 && rc != -E_CORRUPT)
		return err_set(f->e, why.code, "%s", why.msg);
	rc = w.window ? 0 : err_set(f->e, E_NOMEM, "no memory to walk a pack");
	while (rc == 0 && (rc = pack_walk_next(&w, &r, f->e)) > 0) {
		rc = check_record(f, &r);
		if (f->ops->progress)
			f->ops->progress(f->ops->arg, f->done + r.at, f->total);
	}
	f->done += w.size;
	pack_walk_end(&w);
	return rc;
}

static int add_size(void *arg, uint64_t pack)
{
	struct fsck *f = arg;
	int64_t n = f->archive->packs->ops->size(f->archive->packs, pack, NULL);
	f->total += n > 0 ? (uint64_t)n : 0;
	return 0;
}

/* The other way round: names the rows of a table that have no record. head: from a record's beginning to what rows point at. */
static int check_rows(struct fsck *f, const char *rows, const char *noun, uint64_t head)
{
	int64_t last = 0;
	for (bool more = true; more;) {
		struct db_stmt *s;
		int rc = db_prepare(f->reader, db_sql(f->archive->db, rows), &s, f->e);
		if (rc < 0)
			return rc;
		db_bind_int(s, 1, last);
		db_bind_int(s, 2, (int64_t)f->through);
		more = false;
		while ((rc = db_step(s, f->e)) > 0) {
			uint8_t bytes[PACK_HEAD];
			struct record r;
			const char *uid = db_text(s, 1, NULL);
			uint64_t pack = (uint64_t)db_int(s, 2), at = (uint64_t)db_int(s, 3) - head;
			int64_t k =
			    f->archive->packs->ops->read(f->archive->packs, pack, at, bytes, sizeof bytes, NULL);
			if (k != (int64_t)sizeof bytes || !record_header_read(bytes, pack, at, &r) ||
			    (r.sop_instance[0] && strcmp(r.sop_instance, uid)))
				fault(f, "the %s of %s points at pack %llu at %llu, where its record is not", noun, uid,
				      (unsigned long long)pack, (unsigned long long)at);
			last = db_int(s, 0);
			more = true;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_counts(struct fsck *f)
{
	struct db_stmt *s;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-counts"), &s, f->e);
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, f->e)) > 0)
		fault(f, "the instance count of study %s differs from what is there", db_text(s, 0, NULL));
	return rc;
}

static int check_index(struct fsck *f)
{
	struct db_stmt *s;
	int rc = db_prepare(f->reader, db_sql(f->archive->db, "check-number-of-rows"), &s, f->e);
	if (rc < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)f->through);
	if ((rc = db_step(s, f->e)) == 1)
		f->report->rows = (uint64_t)db_int(s, 0);
	db_reset(s);
	if (rc >= 0) /* where all records matched, no row is left over */
		rc = f->matched == f->report->rows ? 0 : check_rows(f, "check-rows", "row", PACK_HEAD);
	if (rc == 0)
		rc = check_rows(f, "check-kept", "row in quarantine", PACK_HEAD);
	if (rc == 0)
		rc = check_rows(f, "check-events", "row", 0);
	return rc < 0 || f->losses ? rc : check_counts(f);
}

static int check(struct archive *a, bool losses, const struct check_ops *ops, struct check_report *out, struct err *e)
{
	uint64_t floor;
	struct fsck f = {.archive = a, .losses = losses, .ops = ops, .report = out, .e = e};
	AUTO(fd) held = -1;
	*out = (struct check_report){0};
	int rc = packs_hold(a, false, &held, e);
	if (rc == 0)
		rc = db_get(a->db, DB_READ, &f.reader, e);
	if (rc == 0)
		rc = index_through(f.reader, &f.through, &floor, e);
	if (rc == 0)
		rc = a->packs->ops->walk(a->packs, 0, add_size, &f, e);
	if (rc == 0)
		rc = a->packs->ops->walk(a->packs, 0, check_pack, &f, e);
	if (rc == 0)
		rc = check_index(&f);
	db_put(f.reader);
	return rc;
}

int check_fsck(struct archive *a, const struct check_ops *ops, struct check_report *out, struct err *e)
{
	return check(a, false, ops, out, e);
}

int check_losses(struct archive *a, const struct check_ops *ops, struct check_report *out, struct err *e)
{
	return check(a, true, ops, out, e);
}
