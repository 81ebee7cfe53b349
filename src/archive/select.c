/* archive/select.c - the instances that a retrieve asks for: their keys in one pass, their places page by page. */
#include "archive/query_plan.h"
#include "archive/store.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELECT_MOST (8u << 20) /* instances in one selection: 64 MB of keys */
#define SELECT_PAGE 256
#define PAGE_FRESH_US 60000000LL

struct selection {
	struct archive *archive;
	struct db *db;
	int64_t *keys;
	uint64_t n, room, next; /* next: the first key that no page has held yet */
	struct stored page[SELECT_PAGE];
	unsigned n_page, at;
	uint64_t as_of;  /* of the page */
	int64_t read_us; /* when */
};

static int add_key(struct selection *s, int64_t pk, struct err *e)
{
	if (s->n == SELECT_MOST)
		return err_set(e, E_LIMIT, "more than %u instances in one retrieve", SELECT_MOST);
	if (s->n == s->room) {
		uint64_t more = s->room ? s->room * 2 : 64;
		int64_t *bigger = reallocarray(s->keys, more, sizeof(*bigger));

		if (!bigger)
			return err_set(e, E_NOMEM, "no memory for a selection");
		s->keys = bigger;
		s->room = more;
	}
	s->keys[s->n++] = pk;
	return 0;
}

static int collect(struct selection *s, struct db_conn *c, const struct plan *p, struct err *e)
{
	struct db_stmt *st;
	int rc = plan_prepare(p, c, &st, e);

	if (rc < 0)
		return rc;
	db_bind_int(st, 1, 0);
	db_bind_int(st, 2, (int64_t)SELECT_MOST + 1);
	while ((rc = db_step(st, e)) > 0)
		if ((rc = add_key(s, db_int(st, 0), e)) < 0) {
			db_reset(st);
			break;
		}
	return rc;
}

int select_open(struct archive *a, const struct query *q, struct selection **out, uint64_t *total, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct selection *s = calloc(1, sizeof(*s));
	struct plan *p = calloc(1, sizeof(*p));
	int rc;

	if (!s || !p) {
		rc = err_set(e, E_NOMEM, "no memory for a selection");
	} else {
		s->archive = a;
		s->db = archive_db(a);
		if ((rc = db_get(s->db, DB_READ, &c, e)) == 0 && (rc = plan_make(p, c, NULL, q, PLAN_SELECT, e)) == 0)
			rc = collect(s, c, p, e);
		query_plan_cleanup(p);
	}
	free(p);
	if (rc < 0) {
		select_close(s);
		return rc;
	}
	*total = s->n;
	*out = s;
	return 0;
}

int select_keys(struct archive *a, int64_t *keys, uint64_t n, struct selection **out, struct err *e)
{
	struct selection *s = calloc(1, sizeof(*s));

	if (!s) {
		free(keys);
		return err_set(e, E_NOMEM, "no memory for a selection");
	}
	*s = (struct selection){.archive = a, .db = archive_db(a), .keys = keys, .n = n, .room = n};
	*out = s;
	return 0;
}

static void copy_uid(char out[65], struct db_stmt *st, int col)
{
	snprintf(out, 65, "%s", db_text(st, col, NULL));
}

void stored_received(struct db_stmt *st, int col, struct stored *out)
{
	const void *digest;
	size_t n;

	out->settled = db_int(st, col) != 0;
	out->appendix_n = (uint64_t)db_int(st, col + 1);
	out->appendix_at = out->appendix_n ? out->at + out->part10_len : 0;
	copy_uid(out->received_syntax, st, col + 2);
	digest = db_blob(st, col + 3, &n);
	if (n == sizeof(out->received_digest))
		memcpy(out->received_digest, digest, n);
	out->received_len = (uint64_t)db_int(st, col + 4);
}

void stored_row(struct db_stmt *st, struct stored *out)
{
	const void *digest;
	size_t n;

	memset(out, 0, sizeof(*out));
	copy_uid(out->sop_class, st, 0);
	copy_uid(out->sop_instance, st, 1);
	copy_uid(out->syntax, st, 2);
	copy_uid(out->study, st, 3);
	copy_uid(out->series, st, 4);
	out->site = db_int(st, 5);
	out->pack = (uint64_t)db_int(st, 6);
	out->at = (uint64_t)db_int(st, 7);
	out->part10_len = (uint64_t)db_int(st, 8);
	out->head_len = (uint32_t)db_int(st, 9);
	digest = db_blob(st, 10, &n);
	if (n == sizeof(out->digest))
		memcpy(out->digest, digest, n);
	stored_received(st, 11, out);
}

static int read_page(struct selection *s, struct err *e)
{
	AUTO(db_conn) c = NULL;
	AUTO(buf) json = BUF(SELECT_PAGE * 24);
	struct db_stmt *st;
	int rc;

	s->n_page = s->at = 0;
	s->as_of = stored_as_of(s->archive);
	s->read_us = clock_mono_us();
	for (unsigned i = 0; i < SELECT_PAGE && s->next < s->n; i++)
		if ((rc = buf_printf(&json, e, "%s%" PRId64, i ? "," : "[", s->keys[s->next++])) < 0)
			return rc;
	if ((rc = buf_byte(&json, ']', e)) < 0 || (rc = db_get(s->db, DB_READ, &c, e)) < 0 ||
	    (rc = db_prepare(c, db_sql(db_of(c), "select-page"), &st, e)) < 0)
		return rc;
	db_bind_text(st, 1, buf_text(&json), json.len);
	while ((rc = db_step(st, e)) > 0)
		if (s->n_page < SELECT_PAGE)
			stored_row(st, &s->page[s->n_page++]);
	for (unsigned i = 0; i < s->n_page; i++)
		s->page[i].as_of = s->as_of;
	return rc;
}

/* The page may name places that were given back. Another process that does so lets readers of a minute finish. */
static bool is_old(const struct selection *s)
{
	return stored_as_of(s->archive) != s->as_of ||
	       (s->archive->mode != ARCHIVE_SERVE && clock_mono_us() - s->read_us > PAGE_FRESH_US);
}

int select_next(struct selection *s, struct stored *out, struct err *e)
{
	struct stored now;
	int rc;

	while (s->at == s->n_page) { /* a page may be empty when what it named has gone */
		if (s->next == s->n)
			return 0;
		if ((rc = read_page(s, e)) < 0)
			return rc;
	}
	*out = s->page[s->at++];
	/* What was dropped since is sent all the same: it was there when it was asked for. */
	if (is_old(s) && (rc = stored_find(s->archive, out->sop_instance, &now, e)) != 0) {
		if (rc < 0)
			return rc;
		*out = now;
	}
	return 1;
}

void select_close(struct selection *s)
{
	if (!s)
		return;
	free(s->keys);
	free(s);
}
