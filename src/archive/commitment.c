/* archive/commitment.c - requests for storage commitment as rows; commitment_verify.c looks at the instances. */
#include "archive/commitment.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

void commitment_cleanup(struct commitment *c)
{
	buf_cleanup(&c->items);
	buf_cleanup(&c->verdicts);
}

/* ---------------------------------------------------------------- instances: lines of "CLASS INSTANCE" */

int commitment_add(struct commitment *c, const char *sop_class, const char *sop_instance, struct err *e)
{
	int rc;

	if (c->n == COMMITMENT_ITEMS)
		return err_set(e, E_LIMIT, "more than %u instances in one request", COMMITMENT_ITEMS);
	if ((rc = buf_printf(&c->items, e, "%s %s\n", sop_class, sop_instance)) == 0)
		c->n++;
	return rc;
}

static const char *take_word(const char *at, const char *end, char stop, char out[65])
{
	const char *to = memchr(at, stop, (size_t)(end - at));

	if (!to || to - at > 64)
		return NULL;
	memcpy(out, at, (size_t)(to - at));
	out[to - at] = 0;
	return to + 1;
}

bool commitment_item(const struct commitment *c, size_t *at, struct commitment_item *out)
{
	const char *text = buf_text(&c->items), *end = text + c->items.len, *p = text;
	size_t n = *at >> 32, from = *at & UINT32_MAX; /* number of the line, and where it begins */

	if (from >= c->items.len || !(p = take_word(p + from, end, ' ', out->sop_class)) ||
	    !(p = take_word(p, end, '\n', out->sop_instance)))
		return false;
	out->verdict = 0;
	if (2 * n + 1 < c->verdicts.len)
		out->verdict = (uint16_t)(c->verdicts.data[2 * n] | c->verdicts.data[2 * n + 1] << 8);
	*at = (n + 1) << 32 | (size_t)(p - text);
	return true;
}

/* ---------------------------------------------------------------- rows */

static int prepare(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e)
{
	return db_prepare(c, db_sql(db_of(c), name), out, e);
}

static void bind_str(struct db_stmt *s, int n, const char *text)
{
	db_bind_text(s, n, text, strlen(text));
}

static int run(struct db_stmt *s, struct err *e)
{
	int rc = db_step(s, e);

	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

static int open_write(struct archive *a, struct db_conn **c, struct err *e)
{
	int rc = db_get(archive_db(a), DB_WRITE, c, e);

	return rc < 0 ? rc : db_begin(*c, e);
}

static void copy_text(char *out, size_t room, struct db_stmt *s, int col)
{
	snprintf(out, room, "%s", db_text(s, col, NULL));
}

/* The columns that commitment-get and commitment-list share. */
static void read_row(struct db_stmt *s, struct commitment *out)
{
	out->id = db_int(s, 0);
	out->site = db_int(s, 1);
	copy_text(out->aet, sizeof out->aet, s, 2);
	copy_text(out->transaction, sizeof out->transaction, s, 3);
	out->state = (enum commitment_state)db_int(s, 4);
	out->n = (unsigned)db_int(s, 5);
	out->failed = (unsigned)db_int(s, 6);
	out->tries = (int)db_int(s, 7);
	out->asked_us = db_int(s, 8);
	out->changed_us = db_int(s, 9);
	out->due_us = db_int(s, 10);
	copy_text(out->why, sizeof out->why, s, 11);
	copy_text(out->site_code, sizeof out->site_code, s, 12);
}

static void bind_peer(struct db_stmt *s, const struct commitment *c)
{
	db_bind_int(s, 1, c->site);
	bind_str(s, 2, c->aet);
}

/* 1: the same request is there, asked again now; 0: there is none; -E_CONFLICT. */
static int ask_again(struct db_conn *w, struct commitment *c, int64_t now, struct err *e)
{
	struct db_stmt *s;
	bool same;
	int rc = prepare(w, "commitment-find", &s, e);

	if (rc < 0)
		return rc;
	bind_peer(s, c);
	bind_str(s, 3, c->transaction);
	db_bind_text(s, 4, buf_text(&c->items), c->items.len);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	c->id = db_int(s, 0);
	c->state = db_int(s, 1) == COMMITMENT_ASKED ? COMMITMENT_ASKED : COMMITMENT_VERIFIED;
	same = db_int(s, 2) != 0;
	db_reset(s);
	if (!same)
		return err_set(e, E_CONFLICT, "transaction %s is about other instances", c->transaction);
	if ((rc = prepare(w, "commitment-repeat", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, c->id);
	db_bind_int(s, 2, now);
	return (rc = run(s, e)) < 0 ? rc : 1;
}

static int check_waiting(struct db_conn *w, const struct commitment *c, struct err *e)
{
	struct db_stmt *s;
	int64_t n = 0;
	int rc = prepare(w, "commitment-waiting", &s, e);

	if (rc < 0)
		return rc;
	bind_peer(s, c);
	if ((rc = db_step(s, e)) > 0) {
		n = db_int(s, 0);
		db_reset(s);
	}
	if (rc >= 0 && n >= COMMITMENT_WAITING)
		return err_set(e, E_LIMIT, "%u requests of %s wait already", COMMITMENT_WAITING, c->aet);
	return rc < 0 ? rc : 0;
}

static int ask_first(struct db_conn *w, struct commitment *c, int64_t now, struct err *e)
{
	struct db_stmt *s;
	int rc;

	if ((rc = check_waiting(w, c, e)) < 0 || (rc = prepare(w, "commitment-add", &s, e)) < 0)
		return rc;
	bind_peer(s, c);
	bind_str(s, 3, c->transaction);
	db_bind_int(s, 4, c->n);
	db_bind_text(s, 5, buf_text(&c->items), c->items.len);
	db_bind_int(s, 6, now);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	c->id = db_int(s, 0);
	c->state = COMMITMENT_ASKED;
	db_reset(s);
	return 0;
}

int commitment_ask(struct archive *a, struct commitment *c, struct err *e)
{
	AUTO(db_conn) w = NULL;
	int64_t now = clock_wall_us();
	int rc, known;

	if ((rc = open_write(a, &w, e)) < 0 || (known = rc = ask_again(w, c, now, e)) < 0 ||
	    (rc == 0 && (rc = ask_first(w, c, now, e)) < 0) || (rc = db_commit(w, e)) < 0)
		return rc;
	return known;
}

int commitment_load(struct archive *a, int64_t id, struct commitment *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	const void *p;
	size_t n;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "commitment-get", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, id);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	if (rc == 0)
		return err_set(e, E_NOENT, "there is no commitment request %lld", (long long)id);
	read_row(s, out);
	buf_clear(&out->items);
	buf_clear(&out->verdicts);
	p = db_text(s, 13, &n);
	if ((rc = buf_put(&out->items, p, n, e)) == 0 && (p = db_blob(s, 14, &n)))
		rc = buf_put(&out->verdicts, p, n, e);
	db_reset(s);
	return rc;
}

int commitment_note(struct archive *a, const struct commitment *c, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = open_write(a, &w, e)) < 0 || (rc = prepare(w, "commitment-set", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, c->id);
	db_bind_int(s, 2, c->state);
	db_bind_int(s, 3, clock_wall_us());
	db_bind_int(s, 4, c->due_us);
	db_bind_int(s, 5, c->tries);
	bind_str(s, 6, c->why);
	db_bind_int(s, 7, c->asked_us);
	if ((rc = run(s, e)) < 0)
		return rc;
	if (c->state == COMMITMENT_VERIFIED && c->why[0]) {
		if ((rc = prepare(w, "commitment-postpone", &s, e)) < 0)
			return rc;
		bind_peer(s, c);
		db_bind_int(s, 3, c->due_us);
		if ((rc = run(s, e)) < 0)
			return rc;
	}
	return db_commit(w, e);
}

int commitment_later(struct archive *a, int64_t id, int64_t due_us, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = open_write(a, &w, e)) < 0 || (rc = prepare(w, "commitment-later", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, id);
	db_bind_int(s, 2, due_us);
	return (rc = run(s, e)) < 0 ? rc : db_commit(w, e);
}

int commitment_due(struct archive *a, enum commitment_state state, int (*seen)(void *arg, const struct commitment *c),
		   void *arg, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "commitment-due", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, state);
	while ((rc = db_step(s, e)) > 0) {
		struct commitment one = {.id = db_int(s, 0), .site = db_int(s, 1), .due_us = db_int(s, 3)};

		copy_text(one.aet, sizeof one.aet, s, 2);
		if ((rc = seen(arg, &one)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

int commitment_each(struct archive *a, bool all, int (*seen)(void *arg, const struct commitment *c), void *arg,
		    struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = prepare(c, "commitment-list", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, all);
	while ((rc = db_step(s, e)) > 0) {
		struct commitment one = {0};

		read_row(s, &one);
		if ((rc = seen(arg, &one)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

int commitment_purge(struct archive *a, int64_t before_us, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc, n;

	if ((rc = open_write(a, &w, e)) < 0 || (rc = prepare(w, "commitment-purge", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, before_us);
	if ((rc = run(s, e)) < 0)
		return rc;
	n = db_changes(w);
	return (rc = db_commit(w, e)) < 0 ? rc : n;
}
