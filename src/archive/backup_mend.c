#include "archive/backup_mend.h"
#include "archive/backup_file.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mend {
	struct db_conn *reader; /* of the archive's index */
	const char *refers;
	struct blob_store *earlier;
	struct backup_pack *copy;
	uint8_t *chunk; /* of PACK_WINDOW bytes */
};

/* ---- a copy as a store */

static int fd_of(const struct blob_store *s)
{
	return ((const struct backup_pack *)s)->fd;
}

static int64_t copy_size(struct blob_store *s, uint64_t key, struct err *e)
{
	struct stat st;

	(void)key;
	return fstat(fd_of(s), &st) < 0 ? err_sys(e, E_IO, "cannot look at a copy") : st.st_size;
}

static int64_t copy_read(struct blob_store *s, uint64_t key, uint64_t at, void *buf, size_t n, struct err *e)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = pread(fd_of(s), (uint8_t *)buf + got, n - got, (off_t)(at + got));

		if (k < 0)
			return err_sys(e, E_IO, "cannot read the copy of pack %llu", (unsigned long long)key);
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (int64_t)got;
}

struct backup_pack backup_pack(int fd)
{
	static const struct blob_store_ops ops = {.name = "copy", .read = copy_read, .size = copy_size};

	return (struct backup_pack){.store.ops = &ops, .fd = fd};
}

/* ---- one record */

static int refers(struct mend *m, const struct record *r, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(m->reader, m->refers, &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)r->seq);
	db_bind_int(s, 2, (int64_t)r->pack);
	db_bind_int(s, 3, (int64_t)r->at);
	db_bind_int(s, 4, (int64_t)(r->at + PACK_HEAD));
	db_bind_blob(s, 5, r->digest, sizeof r->digest);
	db_bind_int(s, 6, r->received_us);
	rc = db_step(s, e);
	db_reset(s);
	return rc;
}

static bool whole(struct mend *m, const struct record *r)
{
	uint8_t earlier[PACK_HEAD], copy[PACK_HEAD];

	return m->earlier->ops->read(m->earlier, r->pack, r->at, earlier, PACK_HEAD, NULL) == PACK_HEAD &&
	       copy_read(&m->copy->store, r->pack, r->at, copy, PACK_HEAD, NULL) == PACK_HEAD &&
	       memcmp(earlier, copy, PACK_HEAD) == 0 && record_verify(&m->copy->store, r, NULL, NULL, NULL) == 0;
}

static int put(struct mend *m, uint64_t pack, uint64_t at, uint64_t n, struct err *e)
{
	for (uint64_t end = at + n; at < end;) {
		size_t want = end - at < PACK_WINDOW ? (size_t)(end - at) : PACK_WINDOW;
		int64_t k = m->earlier->ops->read(m->earlier, pack, at, m->chunk, want, e);

		if (k <= 0) /* the padding of the last record may be missing */
			return (int)k;
		if (backup_write(m->copy->fd, m->chunk, (size_t)k, (off_t)at, e) < 0)
			return -(int)e->code;
		at += (uint64_t)k;
	}
	return 0;
}

/* 1: mended. */
static int mend_record(struct mend *m, const struct record *r, struct err *e)
{
	int rc;

	if (r->kind == RECORD_VOID || whole(m, r))
		return 0;
	if ((rc = refers(m, r, e)) <= 0)
		return rc;
	if (record_verify(m->earlier, r, NULL, NULL, NULL) < 0)
		return 0;
	rc = put(m, r->pack, r->at, record_size(r), e);
	return rc < 0 ? rc : 1;
}

/* ---- a pack */

static int mend_header(struct mend *m, uint64_t pack, struct err *e)
{
	uint8_t block[PACK_BLOCK];
	enum pack_kind kind;

	if (copy_read(&m->copy->store, pack, 0, block, sizeof block, NULL) == PACK_BLOCK &&
	    pack_header_read(block, pack, &kind, NULL) == 0)
		return 0;
	return put(m, pack, 0, PACK_BLOCK, e);
}

static int mend_pack(struct mend *m, uint64_t pack, void (*told)(void *arg, const struct record *r), void *arg,
		     struct err *e)
{
	struct pack_walk w;
	struct record r;
	struct err why = {0};
	int n = 0, rc = pack_walk_begin(&w, m->earlier, pack, &why);

	if (rc == 0)
		rc = mend_header(m, pack, e);
	else if (rc != -E_CORRUPT || !w.window) /* nothing to be had from it */
		rc = -E_NOENT;
	else
		rc = 0;
	while (rc == 0 && (rc = pack_walk_next(&w, &r, e)) > 0) {
		if ((rc = mend_record(m, &r, e)) <= 0)
			continue;
		told(arg, &r);
		n++;
		rc = 0;
	}
	pack_walk_end(&w);
	return rc == -E_NOENT ? 0 : rc < 0 ? rc : n;
}

/* ---- what was given back since */

/* 1: taken over; 0: it is there. */
static int keep_record(struct mend *m, const struct record *r, struct err *e)
{
	uint8_t head[PACK_HEAD];
	struct record now;

	if (r->kind != RECORD_INSTANCE && r->kind != RECORD_UNREADABLE)
		return 0;
	if (copy_read(&m->copy->store, r->pack, r->at, head, sizeof head, NULL) == PACK_HEAD &&
	    record_header_read(head, r->pack, r->at, &now) && now.kind != RECORD_VOID)
		return 0;
	int rc = put(m, r->pack, r->at, record_size(r), e);
	return rc < 0 ? rc : 1;
}

int backup_keep(struct blob_store *earlier, struct backup_pack *copy, uint64_t pack, struct err *e)
{
	AUTO(str) chunk = malloc(PACK_WINDOW);
	struct mend m = {.earlier = earlier, .copy = copy, .chunk = (uint8_t *)chunk};
	struct pack_walk w;
	struct record r;
	struct err why = {0};
	int n = 0, rc;

	if (!chunk)
		return err_set(e, E_NOMEM, "no memory to copy a pack");
	if ((rc = pack_walk_begin(&w, earlier, pack, &why)) < 0) { /* there is none, or a damaged one */
		pack_walk_end(&w);
		return rc == -E_NOENT || rc == -E_CORRUPT ? 0 : err_set(e, why.code, "%s", why.msg);
	}
	while (w.kind == PACK_SHARED && (rc = pack_walk_next(&w, &r, e)) > 0)
		if ((rc = keep_record(&m, &r, e)) < 0)
			break;
		else
			n += rc;
	pack_walk_end(&w);
	return rc < 0 ? rc : n;
}

int backup_mend(struct archive *a, struct blob_store *earlier, struct backup_pack *copy, uint64_t pack,
		void (*told)(void *arg, const struct record *r), void *arg, struct err *e)
{
	AUTO(db_conn) reader = NULL;
	AUTO(str) chunk = malloc(PACK_WINDOW);
	struct mend m = {
	    .refers = db_sql(a->db, "backup-record"), .earlier = earlier, .copy = copy, .chunk = (uint8_t *)chunk};
	int rc = chunk ? db_get(a->db, DB_READ, &reader, e) : err_set(e, E_NOMEM, "no memory to mend a pack");

	m.reader = reader;
	return rc < 0 ? rc : mend_pack(&m, pack, told, arg, e);
}
