/* archive/settle_reclaim.c - the blocks of what settled records stand for are given back.
 *
 * A record goes only when the one that stands for it was read again, whole, just before. In a shared pack it becomes void, then its
 * bytes go, then its header, each step durable before the next: whenever the process ends, what is left is a record, a
 * void one, or zeros. Rows of the table reclaim go last: who comes back finds what is gone, and goes on. */
#include "archive/settle_pack.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 256 };

struct row {
	uint64_t pack, at, seq, n;
	bool done; /* the row goes */
	bool void_now;
	struct record record;
};
struct reclaim {
	struct archive *archive;
	struct row rows[PAGE];
	unsigned n;
	int64_t since, bytes;
	struct err *e;
};

/* ---- is it safe? */

/* The record that is read in the place of seq, verified from beginning to end: 1; 0: there is none, or it is damaged. */
static int stands(struct reclaim *c, uint64_t seq, struct record *out)
{
	AUTO(db_conn) reader = NULL;
	struct settled_entry place = {.seq = seq};
	uint8_t digest[16] = {0};
	struct db_stmt *s;
	struct err why = {0};
	size_t n;
	*out = (struct record){0}; /* for the alert */
	int rc = db_get(c->archive->db, DB_READ, &reader, c->e);
	if (rc < 0 || (rc = event_statement(reader, "settled-place", &s, c->e, 1, (int64_t)seq)) < 0 ||
	    (rc = db_step(s, c->e)) <= 0)
		return rc;
	place.pack = (uint64_t)db_int(s, 0);
	place.at = (uint64_t)db_int(s, 1) - PACK_HEAD;
	const void *have = db_blob(s, 2, &n);
	if (n == sizeof digest)
		memcpy(digest, have, n);
	db_reset(s);
	rc = settled_record(c->archive, &place, out, &why);
	if (rc > 0 && memcmp(out->digest, digest, sizeof digest) != 0)
		rc = err_set(&why, E_CORRUPT, "pack %" PRIu64 " at %" PRIu64 " is not what the index says", place.pack,
			     place.at);
	if (rc > 0)
		rc = record_verify(c->archive->packs, out, NULL, NULL, &why);
	else if (rc == 0)
		rc = err_set(&why, E_CORRUPT, "pack %" PRIu64 " has no record at %" PRIu64, place.pack, place.at);
	if (rc == 0)
		return 1;
	if (rc != -E_CORRUPT && rc != -E_NOENT)
		return err_set(c->e, why.code, "%s", why.msg);
	alert_raise(ALERT_CORRUPT, out->sop_instance[0] ? out->sop_instance : "a settled record",
		    "%s; what it stands for is kept", why.msg);
	return 0;
}

/* 1: the record of this row may go. 0: not, or it is gone, and the row is done. */
static int may_go(struct reclaim *c, struct row *r)
{
	uint8_t head[PACK_HEAD];
	struct record now = {0};
	struct blob_store *packs = c->archive->packs;
	int64_t k = packs->ops->read(packs, r->pack, r->at, head, sizeof head, c->e);
	if (k < 0)
		return (int)k;
	if (k != (int64_t)sizeof head || !record_header_read(head, r->pack, r->at, &r->record) ||
	    r->record.seq != r->seq || r->record.kind == RECORD_SETTLED) {
		r->done = true; /* given back before */
		return 0;
	}
	int rc = stands(c, r->seq, &now);
	if (rc <= 0)
		return rc;
	if (now.pack == r->pack && now.at == r->at)
		r->done = true; /* it is in use again */
	return !r->done && now.kind == RECORD_SETTLED && now.was.pack == r->pack && now.was.at == r->at;
}

/* ---- a shared pack */

static int make_void(struct reclaim *c, struct blob_writer *w, const struct row *r)
{
	uint8_t head[PACK_HEAD];
	struct record v = r->record;
	v.kind = RECORD_VOID;
	record_header(&v, head);
	return c->archive->packs->ops->write(w, head, sizeof head, r->at, c->e);
}

static int punch(struct reclaim *c, struct blob_writer *w, const struct row *r, bool header)
{
	uint64_t size = record_size(&r->record);
	if (header)
		return c->archive->packs->ops->punch(w, r->at, PACK_BLOCK, c->e);
	return size > PACK_BLOCK ? c->archive->packs->ops->punch(w, r->at + PACK_BLOCK, size - PACK_BLOCK, c->e) : 0;
}

enum step { MAKE_VOID, PUNCH_BYTES, PUNCH_HEADERS, STEPS };

/* One step for each of the records that go, and a sync. */
static int take_step(struct reclaim *c, struct blob_writer *w, struct row *rows, unsigned n, enum step step)
{
	int rc = 0;
	for (unsigned i = 0; i < n && rc == 0; i++)
		if (rows[i].void_now)
			rc = step == MAKE_VOID ? make_void(c, w, &rows[i])
					       : punch(c, w, &rows[i], step == PUNCH_HEADERS);
	return rc == 0 ? c->archive->packs->ops->sync(w, c->e) : rc;
}

static int punch_records(struct reclaim *c, struct blob_writer *w, struct row *rows, unsigned n)
{
	static const char *const points[STEPS] = {"reclaim-void", "reclaim-bytes", "reclaim-headers"};
	unsigned any = 0;
	int rc = 0;
	for (unsigned i = 0; i < n && rc >= 0; i++) {
		rc = may_go(c, &rows[i]);
		rows[i].void_now = rc > 0;
		any += rows[i].void_now;
	}
	if (rc < 0 || any == 0)
		return rc;
	atomic_fetch_add(&c->archive->reclaims, 1);
	rc = 0;
	for (enum step s = MAKE_VOID; s < STEPS && rc == 0; s++) {
		rc = take_step(c, w, rows, n, s);
		fault_point(points[s]);
	}
	for (unsigned i = 0; i < n && rc == 0; i++)
		if (rows[i].void_now) {
			rows[i].done = true;
			c->bytes += (int64_t)record_size(&rows[i].record);
		}
	return rc;
}

static int reclaim_shared(struct reclaim *c, struct row *rows, unsigned n)
{
	struct archive *a = c->archive;
	struct blob_writer *w;
	struct err why = {0};
	int rc = a->no_holes ? 0 : a->packs->ops->reopen(a->packs, rows->pack, &w, c->e);
	if (rc < 0 || a->no_holes)
		return rc;
	rc = a->packs->ops->punch(w, 0, 0, &why);
	if (rc == 0) {
		rc = punch_records(c, w, rows, n);
	} else if (rc == -E_UNSUP) {
		a->no_holes = true;
		log_warn("the file system of %s cannot give back parts of a file: what series were settled from stays "
			 "there",
			 a->folder);
		rc = 0;
	} else {
		err_set(c->e, why.code, "%s", why.msg);
	}
	a->packs->ops->drop(w);
	return rc;
}

/* ---- whole packs */

static int remove_pack(struct reclaim *c, struct row *r)
{
	struct blob_store *packs = c->archive->packs;
	atomic_fetch_add(&c->archive->reclaims, 1);
	int rc = packs->ops->remove(packs, r->pack, c->e);
	fault_point("reclaim-removed");
	if (rc < 0)
		return rc;
	c->bytes += (int64_t)r->n;
	r->done = true;
	return 0;
}

/* All that an old settled pack holds is read elsewhere by now, and is whole there: 1. */
static int all_stand(struct reclaim *c, uint64_t pack)
{
	struct pack_walk w;
	struct record r, now;
	struct err why = {0};
	int rc = pack_walk_begin(&w, c->archive->packs, pack, &why);
	if (rc == -E_CORRUPT && w.window)
		rc = 0;
	while (rc == 0 && (rc = pack_walk_next(&w, &r, &why)) > 0) {
		rc = 0;
		if (r.kind == RECORD_SETTLED && (rc = stands(c, r.seq, &now)) > 0)
			rc = now.pack == pack ? -E_BUSY : 0;
		else if (r.kind == RECORD_SETTLED)
			rc = rc < 0 ? rc : -E_BUSY;
	}
	pack_walk_end(&w);
	if (rc == -E_BUSY)
		return 0;
	return rc < 0 ? err_set(c->e, why.code ? why.code : E_IO, "%s", why.msg) : 1;
}

static int in_use(struct reclaim *c, uint64_t pack)
{
	AUTO(db_conn) reader = NULL;
	struct db_stmt *s;
	int rc = db_get(c->archive->db, DB_READ, &reader, c->e);
	if (rc < 0 || (rc = event_statement(reader, "settled-of", &s, c->e, 1, (int64_t)pack)) < 0)
		return rc;
	if ((rc = db_step(s, c->e)) > 0)
		db_reset(s);
	return rc;
}

static int reclaim_settled(struct reclaim *c, struct row *r)
{
	struct blob_store *packs = c->archive->packs;
	if (packs->ops->size(packs, r->pack, NULL) == -E_NOENT) {
		r->done = true;
		return 0;
	}
	int rc = in_use(c, r->pack);
	if (rc != 0)
		return rc < 0 ? rc : 0; /* what was dropped lies there still */
	rc = all_stand(c, r->pack);
	return rc > 0 ? remove_pack(c, r) : rc;
}

/* ---- a page of rows */

/* The rows of one pack. */
static int reclaim_pack(struct reclaim *c, struct row *rows, unsigned n)
{
	uint8_t head[PACK_BLOCK];
	enum pack_kind kind = PACK_SHARED;
	struct blob_store *packs = c->archive->packs;
	struct err why = {0};
	if (rows->at == 0)
		return reclaim_settled(c, rows);
	int64_t k = packs->ops->read(packs, rows->pack, 0, head, sizeof head, &why);
	if (k == -E_NOENT) {
		for (unsigned i = 0; i < n; i++)
			rows[i].done = true;
		return 0;
	}
	if (k < 0)
		return err_set(c->e, why.code, "%s", why.msg);
	if (k != (int64_t)sizeof head || pack_header_read(head, rows->pack, &kind, &why) < 0)
		return 0; /* damaged: left to fsck */
	if (kind == PACK_SHARED)
		return reclaim_shared(c, rows, n);
	int rc = kind == PACK_SINGLE && rows->at == PACK_BLOCK ? may_go(c, rows) : 0;
	return rc > 0 ? remove_pack(c, rows) : rc;
}

static int read_page(struct reclaim *c, uint64_t pack, uint64_t at)
{
	AUTO(db_conn) reader = NULL;
	struct db_stmt *s;
	int rc = db_get(c->archive->db, DB_READ, &reader, c->e);
	c->n = 0;
	if (rc < 0 || (rc = event_statement(reader, "reclaim-page", &s, c->e, 4, (int64_t)pack, (int64_t)at, c->since,
					    (int64_t)PAGE)) < 0)
		return rc;
	while ((rc = db_step(s, c->e)) > 0)
		if (c->n < PAGE)
			c->rows[c->n++] = (struct row){.pack = (uint64_t)db_int(s, 0),
						       .at = (uint64_t)db_int(s, 1),
						       .seq = (uint64_t)db_int(s, 2),
						       .n = (uint64_t)db_int(s, 3)};
	return rc;
}

static int forget_row(struct db_conn *w, const struct row *r, struct err *e)
{
	static const char *const of_pack[] = {"settled-pack-remove", "settled-extra-remove"};
	struct db_stmt *s;
	int rc = event_statement(w, "reclaim-not", &s, e, 2, (int64_t)r->pack, (int64_t)r->at);
	if (rc == 0)
		rc = db_step(s, e);
	for (unsigned i = 0; i < 2 && r->at == 0 && rc == 0; i++) {
		rc = event_statement(w, of_pack[i], &s, e, 1, (int64_t)r->pack);
		if (rc == 0)
			rc = db_step(s, e);
	}
	return rc;
}

static int forget_done(struct reclaim *c)
{
	AUTO(db_conn) w = NULL;
	unsigned any = 0;
	for (unsigned i = 0; i < c->n; i++)
		any += c->rows[i].done;
	if (!any)
		return 0;
	int rc = db_get(c->archive->db, DB_WRITE, &w, c->e);
	if (rc == 0)
		rc = db_begin(w, c->e);
	for (unsigned i = 0; i < c->n && rc == 0; i++)
		if (c->rows[i].done)
			rc = forget_row(w, &c->rows[i], c->e);
	rc = rc == 0 ? db_commit(w, c->e) : rc;
	fault_point("reclaim-rows");
	return rc;
}

static int reclaim_page(struct reclaim *c)
{
	int rc = 0;
	for (unsigned i = 0, n; i < c->n && rc >= 0; i += n) {
		for (n = 1; i + n < c->n && c->rows[i + n].pack == c->rows[i].pack && c->rows[i].at; n++)
			;
		rc = reclaim_pack(c, c->rows + i, n);
	}
	int forgotten = forget_done(c);
	return rc < 0 ? rc : forgotten;
}

int64_t settle_reclaim(struct archive *a, int64_t grace_us, bool (*go_on)(void *arg), void *arg, struct err *e)
{
	uint64_t pack = 0, at = 0;
	if (a->mode != ARCHIVE_SERVE)
		return err_set(e, E_BUSY, "what was settled is given back by the process that serves the folder");
	struct reclaim *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(e, E_NOMEM, "no memory to give back what was settled");
	*c = (struct reclaim){.archive = a, .since = clock_wall_us() - grace_us, .e = e};
	int rc;
	while ((rc = read_page(c, pack, at)) == 0 && c->n && (!go_on || go_on(arg))) {
		AUTO(fd) held = -1;
		struct err why = {0};
		if ((rc = packs_hold(a, true, &held, &why)) == -E_BUSY) { /* a backup: another time */
			rc = 0;
			break;
		}
		if (rc < 0) {
			err_set(e, why.code, "%s", why.msg);
			break;
		}
		pack = c->rows[c->n - 1].pack;
		at = c->rows[c->n - 1].at;
		if ((rc = reclaim_page(c)) < 0)
			break;
	}
	int64_t bytes = c->bytes;
	free(c);
	return rc < 0 ? rc : bytes;
}
