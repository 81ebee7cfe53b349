/* access/holder.c - accounts, tokens and certificates are rows of one table. */
#include "access/holder.h"
#include "access/access_internal.h"
#include "access/credential.h"
#include "base/text.h"

#include <sodium.h>

int access_prepare(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e)
{
	return db_prepare(c, db_sql(db_of(c), name), out, e);
}

int access_run(struct db_stmt *s, struct err *e)
{
	int rc = db_step(s, e);

	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

int access_write(struct archive *a, struct db_conn **c, struct err *e)
{
	int rc = db_get(archive_db(a), DB_WRITE, c, e);

	return rc < 0 ? rc : db_begin(*c, e);
}

static const char *kind_name(enum holder_kind kind)
{
	return kind == HOLDER_ACCOUNT ? "user" : kind == HOLDER_TOKEN ? "token" : "certificate";
}

/* ---- reading */

static int read_sites(struct db_conn *c, struct holder *h, struct err *e)
{
	struct db_stmt *s;
	int rc = access_prepare(c, "holder-sites", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, h->id);
	while ((rc = db_step(s, e)) > 0 && h->n < HOLDER_SITES) {
		h->sites[h->n] = db_int(s, 0);
		access_copy(h->codes[h->n], s, 1);
		h->n++;
	}
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

static void read_row(struct db_stmt *s, struct holder *h)
{
	const void *proof;

	memset(h, 0, sizeof *h);
	h->id = db_int(s, 0);
	h->kind = (enum holder_kind)db_int(s, 1);
	access_copy(h->name, s, 2);
	proof = db_blob(s, 3, &h->proof_n);
	if (h->proof_n > HOLDER_PROOF)
		h->proof_n = 0; /* fits nothing */
	if (h->proof_n > 0)
		memcpy(h->proof, proof, h->proof_n);
	h->roles = (uint32_t)db_int(s, 4);
	access_copy(h->store_as_code, s, 6);
	h->store_as = db_int(s, 5);
	h->disabled = db_int(s, 7) != 0;
	h->created = db_int(s, 8);
	h->expires = db_int(s, 9);
	h->used = db_int(s, 10);
	h->locked = db_int(s, 11);
	h->pardoned = db_int(s, 12);
}

/* The one row that a prepared statement gives. */
static int read_one(struct db_conn *c, struct db_stmt *s, struct holder *out, struct err *e)
{
	int rc = db_step(s, e);

	if (rc <= 0)
		return rc < 0 ? rc : -E_NOENT;
	read_row(s, out);
	db_reset(s);
	return read_sites(c, out, e);
}

int holder_get(struct archive *a, enum holder_kind kind, int64_t id, struct holder *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "holder-get", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, kind);
	db_bind_int(s, 2, id);
	rc = read_one(c, s, out, e);
	return rc == -E_NOENT ? err_set(e, E_NOENT, "there is no %s %lld", kind_name(kind), (long long)id) : rc;
}

int holder_named(struct archive *a, enum holder_kind kind, const char *name, struct holder *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "holder-name", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, kind);
	access_bind(s, 2, name);
	rc = read_one(c, s, out, e);
	return rc == -E_NOENT ? err_set(e, E_NOENT, "there is no %s %.128s", kind_name(kind), name) : rc;
}

int holder_proved(struct archive *a, enum holder_kind kind, const void *proof, size_t n, struct holder *out,
		  struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "holder-proof", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, kind);
	db_bind_blob(s, 2, proof, n);
	rc = read_one(c, s, out, e);
	return rc == -E_NOENT ? err_set(e, E_NOENT, "there is no such %s", kind_name(kind)) : rc;
}

int holder_each(struct archive *a, enum holder_kind kind, int (*seen)(void *arg, const struct holder *h), void *arg,
		struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	struct holder h;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 || (rc = access_prepare(c, "holder-each", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, kind);
	while ((rc = db_step(s, e)) > 0) {
		read_row(s, &h);
		if ((rc = read_sites(c, &h, e)) < 0 || (rc = seen(arg, &h)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

int64_t holder_accounts(struct archive *a, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int64_t n = 0;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 ||
	    (rc = db_one_int(c, db_sql(db_of(c), "holder-count"), &n, e)) < 0)
		return rc;
	return n;
}

/* ---- writing */

static int check_name(const struct holder *h, struct err *e)
{
	size_t n = strlen(h->name);

	if (n == 0 || n > 128 || !text_valid(h->name, n) || h->name[0] == ' ' || h->name[n - 1] == ' ')
		return err_set(e, E_INVAL, "a name has 1 to 128 bytes of UTF-8, no blank at its ends");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)h->name[i] < 0x20 || h->name[i] == 0x7F)
			return err_set(e, E_INVAL, "a name has no control characters");
	return 0;
}

static int find_site(struct db_conn *c, const char *code, int64_t *id, struct err *e)
{
	struct db_stmt *s;
	int rc = access_prepare(c, "site-get", &s, e);

	if (rc < 0)
		return rc;
	access_bind(s, 1, code);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	if (rc == 0)
		return err_set(e, E_NOENT, "there is no site %s", code);
	*id = db_int(s, 0);
	db_reset(s);
	return 0;
}

static int write_sites(struct db_conn *c, const struct holder *h, struct err *e)
{
	struct db_stmt *s;
	int rc = access_prepare(c, "holder-site-clear", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, h->id);
	rc = access_run(s, e);
	for (unsigned i = 0; i < h->n && rc == 0; i++) {
		int64_t site;

		if ((rc = find_site(c, h->codes[i], &site, e)) < 0 ||
		    (rc = access_prepare(c, "holder-site-add", &s, e)) < 0)
			return rc;
		db_bind_int(s, 1, h->id);
		db_bind_int(s, 2, site);
		rc = access_run(s, e);
	}
	return rc;
}

/* Its key; what is stored must belong to a site that its owner was given, or one below. */
static int find_store_as(struct archive *a, struct db_conn *c, const struct holder *h, int64_t *site, struct err *e)
{
	bool within = false;
	int rc = 0;

	*site = 0;
	if (!h->store_as_code[0])
		return 0;
	if ((rc = find_site(c, h->store_as_code, site, e)) < 0)
		return rc;
	for (unsigned i = 0; i < h->n && !within; i++) {
		struct scope below = {0};
		int64_t top;

		if ((rc = find_site(c, h->codes[i], &top, e)) < 0 || (rc = site_scope(a, top, &below, e)) < 0)
			return rc;
		within = scope_has(&below, *site);
		scope_cleanup(&below);
	}
	return within ? 0 : err_set(e, E_INVAL, "site %s, to store as, is not among its sites", h->store_as_code);
}

static int add_row(struct db_conn *c, struct holder *h, int64_t store_as, struct err *e)
{
	struct db_stmt *s;
	int rc = access_prepare(c, "holder-add", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, h->kind);
	access_bind(s, 2, h->name);
	db_bind_blob(s, 3, h->proof, h->proof_n);
	db_bind_int(s, 4, h->roles);
	db_bind_int(s, 5, store_as);
	db_bind_int(s, 6, h->disabled);
	db_bind_int(s, 7, h->created);
	db_bind_int(s, 8, h->expires);
	if ((rc = db_step(s, NULL)) == -E_EXISTS)
		return h->kind == HOLDER_ACCOUNT ? err_set(e, E_EXISTS, "there is a user %s already", h->name)
						 : err_set(e, E_EXISTS, "that certificate is known already");
	if (rc <= 0)
		return err_set(e, rc < 0 ? (enum err_code) - rc : E_BUG, "the %s could not be added",
			       kind_name(h->kind));
	h->id = db_int(s, 0);
	db_reset(s);
	return 0;
}

int holder_add(struct archive *a, struct holder *h, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int64_t store_as;
	int rc;

	if ((rc = check_name(h, e)) < 0 || (rc = access_write(a, &c, e)) < 0 ||
	    (rc = find_store_as(a, c, h, &store_as, e)) < 0 || (rc = add_row(c, h, store_as, e)) < 0 ||
	    (rc = write_sites(c, h, e)) < 0)
		return rc;
	return db_commit(c, e);
}

static int end_sessions(struct db_conn *c, int64_t holder, int64_t keep, struct err *e)
{
	struct db_stmt *s;
	int rc = access_prepare(c, "session-end-others", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, holder);
	db_bind_int(s, 2, keep);
	return access_run(s, e);
}

int holder_set(struct archive *a, const struct holder *h, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int64_t store_as;
	int rc;

	if ((rc = check_name(h, e)) < 0 || (rc = access_write(a, &c, e)) < 0 ||
	    (rc = find_store_as(a, c, h, &store_as, e)) < 0 || (rc = access_prepare(c, "holder-set", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, h->id);
	access_bind(s, 2, h->name);
	db_bind_int(s, 3, h->roles);
	db_bind_int(s, 4, store_as);
	db_bind_int(s, 5, h->disabled);
	db_bind_int(s, 6, h->expires);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	if (db_changes(c) == 0)
		return err_set(e, E_NOENT, "there is no %s %lld", kind_name(h->kind), (long long)h->id);
	if ((rc = write_sites(c, h, e)) < 0 || (h->disabled && (rc = end_sessions(c, h->id, 0, e)) < 0))
		return rc;
	return db_commit(c, e);
}

int holder_prove(struct archive *a, int64_t id, const void *proof, size_t n, int64_t keep_session, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = access_write(a, &c, e)) < 0 || (rc = access_prepare(c, "holder-prove", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, id);
	db_bind_blob(s, 2, proof, n);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	if (db_changes(c) == 0)
		return err_set(e, E_NOENT, "there is no such user");
	if ((rc = end_sessions(c, id, keep_session, e)) < 0)
		return rc;
	return db_commit(c, e);
}

int holder_remove(struct archive *a, enum holder_kind kind, int64_t id, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct holder none = {.id = id};
	struct db_stmt *s;
	int rc;

	if ((rc = access_write(a, &c, e)) < 0 || (rc = end_sessions(c, id, 0, e)) < 0 ||
	    (rc = write_sites(c, &none, e)) < 0 || (rc = access_prepare(c, "holder-remove", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, id);
	db_bind_int(s, 2, kind);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	if (db_changes(c) == 0)
		return err_set(e, E_NOENT, "there is no %s %lld", kind_name(kind), (long long)id);
	return db_commit(c, e);
}

/* One statement with a key and a time, in a transaction of its own. */
static int change_one(struct archive *a, const char *statement, const char *name, int64_t id, int64_t at, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = access_write(a, &c, e)) < 0 || (rc = access_prepare(c, statement, &s, e)) < 0)
		return rc;
	if (name)
		access_bind(s, 1, name);
	else if (id)
		db_bind_int(s, 1, id);
	if (at)
		db_bind_int(s, 2, at);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	return db_commit(c, e);
}

int holder_lock(struct archive *a, const char *name, int64_t until, struct err *e)
{
	return change_one(a, "holder-lock", name, 0, until, e);
}

int holder_unlock(struct archive *a, struct err *e)
{
	return change_one(a, "holder-unlock", NULL, 0, 0, e);
}

int holder_pardon(struct archive *a, int64_t id, int64_t now, struct err *e)
{
	return change_one(a, "holder-pardon", NULL, id, now, e);
}

int holder_used(struct archive *a, int64_t id, int64_t now, struct err *e)
{
	return change_one(a, "holder-used", NULL, id, now, e);
}

int holder_token(struct archive *a, struct holder *h, char out[TOKEN_TEXT], struct err *e)
{
	char secret[SECRET_TEXT];
	int rc;

	if ((rc = secret_make(secret, h->proof, e)) < 0)
		return rc;
	h->kind = HOLDER_TOKEN;
	h->proof_n = SECRET_PROOF;
	if ((rc = holder_add(a, h, e)) == 0)
		snprintf(out, TOKEN_TEXT, "tr_%lld_%s", (long long)h->id, secret);
	sodium_memzero(secret, sizeof secret);
	return rc;
}
