#include "access/session.h"
#include "access/access_internal.h"

#include <stdlib.h>

static void print_sites(const struct session *s, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < s->n && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%s%lld", i ? " " : "", (long long)s->sites[i]);
}

static void parse_sites(const char *text, struct session *s)
{
	char *end;

	for (s->n = 0; *text && s->n < HOLDER_SITES; text = end) {
		s->sites[s->n] = strtoll(text, &end, 10);
		if (end == text)
			return;
		s->n++;
	}
}

static void read_row(struct db_stmt *s, struct session *out)
{
	memset(out, 0, sizeof *out);
	out->id = db_int(s, 0);
	access_copy(out->csrf, s, 1);
	out->holder = db_int(s, 2);
	access_copy(out->name, s, 3);
	access_copy(out->subject, s, 4);
	out->roles = (uint32_t)db_int(s, 5);
	parse_sites(db_text(s, 6, NULL), out);
	access_copy(out->address, s, 7);
	out->created = db_int(s, 8);
	out->used = db_int(s, 9);
	out->until = db_int(s, 10);
}

static int add_row(struct db_conn *c, struct session *s, const uint8_t proof[SECRET_PROOF], struct err *e)
{
	char sites[HOLDER_SITES * 21];
	struct db_stmt *row;
	int rc = access_prepare(c, "session-add", &row, e);

	if (rc < 0)
		return rc;
	print_sites(s, sites, sizeof sites);
	db_bind_blob(row, 1, proof, SECRET_PROOF);
	access_bind(row, 2, s->csrf);
	db_bind_int(row, 3, s->holder);
	access_bind(row, 4, s->name);
	access_bind(row, 5, s->subject);
	db_bind_int(row, 6, s->roles);
	access_bind(row, 7, sites);
	access_bind(row, 8, s->address);
	db_bind_int(row, 9, s->created);
	db_bind_int(row, 10, s->until);
	if ((rc = db_step(row, e)) <= 0)
		return rc < 0 ? rc : err_set(e, E_BUG, "a session was not added");
	s->id = db_int(row, 0);
	db_reset(row);
	return 0;
}

int session_add(struct archive *a, struct session *s, char secret[SECRET_TEXT], struct err *e)
{
	AUTO(db_conn) c = NULL;
	uint8_t proof[SECRET_PROOF], unused[SECRET_PROOF];
	int rc;

	if ((rc = secret_make(s->csrf, unused, e)) < 0 || (rc = secret_make(secret, proof, e)) < 0 ||
	    (rc = access_write(a, &c, e)) < 0 || (rc = add_row(c, s, proof, e)) < 0)
		return rc;
	return db_commit(c, e);
}

int session_get(struct archive *a, const char *secret, int64_t now, int64_t idle_us, struct session *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	uint8_t proof[SECRET_PROOF];
	struct db_stmt *s;
	int rc;

	if (secret_proof(secret, proof, NULL) < 0)
		return err_set(e, E_DENIED, "there is no such session");
	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "session-get", &s, e)) < 0)
		return rc;
	db_bind_blob(s, 1, proof, sizeof proof);
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : err_set(e, E_DENIED, "there is no such session");
	read_row(s, out);
	db_reset(s);
	if (now >= out->until || now >= out->used + idle_us)
		return err_set(e, E_DENIED, "the session is over: log in again");
	return 0;
}

/* A statement with one or two numbers. */
static int write_one(struct archive *a, const char *name, int64_t first, const int64_t *second, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = access_write(a, &c, e)) < 0 || (rc = access_prepare(c, name, &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, first);
	if (second)
		db_bind_int(s, 2, *second);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	return db_commit(c, e);
}

int session_used(struct archive *a, int64_t id, int64_t now, struct err *e)
{
	return write_one(a, "session-used", id, &now, e);
}

int session_end(struct archive *a, int64_t id, struct err *e)
{
	return write_one(a, "session-end", id, NULL, e);
}

int session_end_all(struct archive *a, int64_t holder, struct err *e)
{
	const int64_t none = 0;

	return write_one(a, "session-end-others", holder, &none, e);
}

int session_purge(struct archive *a, int64_t now, int64_t idle_us, struct err *e)
{
	const int64_t unused_since = now - idle_us;

	return write_one(a, "session-purge", now, &unused_since, e);
}

int session_each(struct archive *a, int64_t holder, int64_t now, int (*seen)(void *arg, const struct session *s),
		 void *arg, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct session session;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "session-each", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, holder);
	db_bind_int(s, 2, now);
	while ((rc = db_step(s, e)) > 0) {
		read_row(s, &session);
		if ((rc = seen(arg, &session)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}
