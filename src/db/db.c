/* Opening, transactions and the cache of statements: what is the same for every engine. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "db/driver.h"
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define STMTS_MOST 512

static const struct db_driver *const drivers[] = {&db_driver_sqlite};

static struct metric commit_seconds = METRIC(SECONDS, "teleread_db_commit_seconds", "", "Commits, until durable.");
static struct metric checkpoint_seconds =
    METRIC(SECONDS, "teleread_db_checkpoint_seconds", "", "Moves of the log into the database.");

/* --- opening --- */

static const struct db_driver *driver_of(const char *url, const char **place)
{
	for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
		size_t n = strlen(drivers[i]->name);

		if (strncmp(url, drivers[i]->name, n) == 0 && url[n] == ':' && url[n + 1]) {
			*place = url + n + 1;
			return drivers[i];
		}
	}
	return NULL;
}

static int open_db(const char *url, const struct db_sql_file *files, bool as_is, struct db **out, struct err *e)
{
	const char *place;
	const struct db_driver *driver = driver_of(url, &place);
	struct db *d;
	int rc;

	if (!driver)
		return err_set(e, E_CONFIG, "%.80s: expected a database such as sqlite:PATH", url);
	if (!(d = calloc(1, sizeof *d)) || !(d->place = strdup(place))) {
		free(d);
		return err_set(e, E_NOMEM, "no memory for the database");
	}
	d->driver = driver;
	d->files = files;
	pthread_mutex_init(&d->lock, NULL);
	if ((rc = db_pool_open(d, e)) < 0 || (rc = db_migrate(d, as_is, e)) < 0) {
		db_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

int db_open_with(const char *url, const struct db_sql_file *files, struct db **out, struct err *e)
{
	return open_db(url, files, false, out, e);
}

int db_open(const char *url, struct db **out, struct err *e)
{
	return db_open_with(url, db_sql_files, out, e);
}

int db_open_as_is(const char *url, struct db **out, struct err *e)
{
	return open_db(url, db_sql_files, true, out, e);
}

void db_close(struct db *d)
{
	if (!d)
		return;
	db_pool_close(d);
	pthread_mutex_destroy(&d->lock);
	free(d->place);
	free(d);
}

int db_schema_version(struct db *d)
{
	return d->version;
}

const char *db_sql(struct db *d, const char *name)
{
	for (const struct db_sql_file *f = d->files; f->name; f++)
		if (f->version == 0 && strcmp(f->name, name) == 0 && strcmp(f->engine, d->driver->name) == 0)
			return f->text;
	log_error("there is no SQL file %s/%s.sql", d->driver->name, name);
	abort(); /* a mistake in this program, and nothing could run in its place */
}

struct db *db_of(const struct db_conn *c)
{
	return c->db;
}

int db_checkpoint(struct db *d, struct err *e)
{
	int64_t start = clock_mono_us(), log_bytes = 0;
	struct db_conn *c;
	bool alone = !d->prepared;
	int rc;

	if ((rc = db_get(d, DB_READ, &c, e)) < 0)
		return rc;
	rc = d->driver->tidy(c, false, &log_bytes, e);
	db_put(c);
	/* The log starts again from its front only when all of it was moved, and while others write it never is. */
	if (rc == 0 && (alone || log_bytes > DB_LOG_LONG)) {
		if ((rc = db_get(d, DB_WRITE, &c, e)) < 0)
			return rc;
		rc = d->driver->tidy(c, true, &log_bytes, e);
		d->prepared = d->prepared || rc == 0;
		db_put(c);
	}
	metric_observe(&checkpoint_seconds, clock_mono_us() - start);
	return rc;
}

static int sync_file(const char *place, struct err *e)
{
	AUTO(fd) fd = open(place, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : err_sys(e, E_IO, "cannot sync %s", place);
}

int db_backup(struct db *d, const char *place, void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg,
	      struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc;

	if (access(place, F_OK) == 0)
		return err_set(e, E_EXISTS, "%s is there already", place);
	if ((rc = db_get(d, DB_READ, &c, e)) < 0 || (rc = db_begin(c, e)) < 0)
		return rc;
	if ((rc = d->driver->backup(c, place, progress, arg, e)) < 0 || (rc = sync_file(place, e)) < 0)
		unlink(place);
	return rc;
}

/* --- statements --- */

/* What was used before this hold and longest ago, or NULL; when the hold alone fills the cache, the oldest idle one. */
static size_t victim(const struct db_conn *c)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < c->count; i++) {
		const struct db_stmt *s = c->stmts[i];

		if (s->active || (s->used > c->hold && c->count < STMTS_MOST))
			continue;
		if (best == SIZE_MAX || s->used < c->stmts[best]->used)
			best = i;
	}
	return best;
}

static void forget(struct db_conn *c, size_t at)
{
	struct db_stmt *s = c->stmts[at];

	c->stmts[at] = c->stmts[--c->count];
	free(s->sql);
	c->db->driver->finalize(s);
}

static int room_for_one(struct db_conn *c, struct err *e)
{
	struct db_stmt **more;
	size_t room, at;

	if (c->count >= DB_STMTS_KEPT && (at = victim(c)) != SIZE_MAX)
		forget(c, at);
	if (c->count < c->room)
		return 0;
	room = c->room ? c->room * 2 : 16;
	if (!(more = reallocarray(c->stmts, room, sizeof *more)))
		return err_set(e, E_NOMEM, "no memory for %zu statements", room);
	c->stmts = more;
	c->room = room;
	return 0;
}

static int prepare_new(struct db_conn *c, const char *sql, uint64_t hash, struct db_stmt **out, struct err *e)
{
	struct db_stmt *s;
	char *copy;
	int rc;

	if ((rc = room_for_one(c, e)) < 0)
		return rc;
	if (!(copy = strdup(sql)))
		return err_set(e, E_NOMEM, "no memory for a statement");
	if ((rc = c->db->driver->prepare(c, sql, &s, e)) < 0) {
		free(copy);
		return rc;
	}
	s->conn = c;
	s->sql = copy;
	s->hash = hash;
	c->stmts[c->count++] = s;
	*out = s;
	return 0;
}

int db_prepare(struct db_conn *c, const char *sql, struct db_stmt **out, struct err *e)
{
	uint64_t hash = XXH3_64bits(sql, strlen(sql));
	struct db_stmt *s = NULL;
	int rc;

	for (size_t i = 0; i < c->count && !s; i++)
		if (c->stmts[i]->hash == hash && strcmp(c->stmts[i]->sql, sql) == 0)
			s = c->stmts[i];
	if (s) {
		db_reset(s);
		c->db->driver->unbind(s);
	} else if ((rc = prepare_new(c, sql, hash, &s, e)) < 0) {
		return rc;
	}
	s->bad = 0;
	s->refused = E_OK;
	s->used = ++c->clock;
	*out = s;
	return 0;
}

void db_conn_trim(struct db_conn *c, size_t keep)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->stmts[i]->active)
			db_reset(c->stmts[i]);
	c->hold = c->clock;
	while (c->count > keep)
		forget(c, victim(c));
	if (keep == 0) {
		free(c->stmts);
		c->stmts = NULL;
		c->room = 0;
	}
}

void db_bind_int(struct db_stmt *s, int n, int64_t v)
{
	s->conn->db->driver->bind_int(s, n, v);
}

void db_bind_text(struct db_stmt *s, int n, const char *text, size_t len)
{
	if (text)
		s->conn->db->driver->bind_text(s, n, text, len);
	else
		s->conn->db->driver->bind_null(s, n);
}

void db_bind_blob(struct db_stmt *s, int n, const void *data, size_t len)
{
	if (data)
		s->conn->db->driver->bind_blob(s, n, data, len);
	else
		s->conn->db->driver->bind_null(s, n);
}

void db_bind_null(struct db_stmt *s, int n)
{
	s->conn->db->driver->bind_null(s, n);
}

static int ended(const struct db_conn *c, struct err *e)
{
	return err_set(e, c->ended, "an earlier error ended the transaction: %s", err_text(c->ended));
}

int db_step(struct db_stmt *s, struct err *e)
{
	struct db_conn *c = s->conn;
	int rc;

	if (s->bad)
		rc = err_set(e, E_BUG, "statement without a parameter $%d: %.80s", s->bad, s->sql);
	else if (s->refused)
		rc = err_set(e, s->refused, "a value could not be bound: %s", err_text(s->refused));
	else if (c->ended)
		rc = ended(c, e); /* else what follows would be written outside of any transaction */
	else
		rc = c->db->driver->step(s, e);
	s->active = rc == 1;
	if (rc == 1)
		return 1;
	if (rc < 0 && c->open && !c->ended && !c->db->driver->in_transaction(c))
		c->ended = (enum err_code) - rc;
	c->db->driver->reset(s);
	return rc;
}

void db_reset(struct db_stmt *s)
{
	if (s->active)
		s->conn->db->driver->reset(s);
	s->active = false;
}

int64_t db_int(struct db_stmt *s, int col)
{
	return s->conn->db->driver->get_int(s, col);
}

const char *db_text(struct db_stmt *s, int col, size_t *len)
{
	size_t n = 0;
	const char *text = s->conn->db->driver->get_text(s, col, &n);

	if (len)
		*len = text ? n : 0;
	return text ? text : "";
}

const void *db_blob(struct db_stmt *s, int col, size_t *len)
{
	size_t n = 0;
	const void *data = s->conn->db->driver->get_blob(s, col, &n);

	if (len)
		*len = data ? n : 0;
	return data ? data : "";
}

bool db_is_null(struct db_stmt *s, int col)
{
	return s->conn->db->driver->is_null(s, col);
}

int db_one_int(struct db_conn *c, const char *sql, int64_t *out, struct err *e)
{
	struct db_stmt *s;
	int rc;

	if ((rc = db_prepare(c, sql, &s, e)) < 0 || (rc = db_step(s, e)) < 0)
		return rc;
	if (rc == 0)
		return err_set(e, E_NOENT, "no row");
	*out = db_int(s, 0);
	db_reset(s);
	return 0;
}

int db_changes(struct db_conn *c)
{
	return c->db->driver->changes(c);
}

int db_exec(struct db_conn *c, const char *sql, struct err *e)
{
	int rc;

	if (c->ended)
		return ended(c, e);
	rc = c->db->driver->exec(c, sql, e);
	if (rc < 0 && c->open && !c->db->driver->in_transaction(c))
		c->ended = (enum err_code) - rc;
	return rc;
}

/* --- transactions --- */

static int run(struct db_conn *c, const char *sql, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(c, sql, &s, e);

	return rc < 0 ? rc : db_step(s, e);
}

int db_begin(struct db_conn *c, struct err *e)
{
	const struct db_driver *driver = c->db->driver;
	int rc;

	if (c->open)
		return err_set(e, E_BUG, "a transaction within a transaction");
	if ((rc = run(c, c->mode == DB_WRITE ? driver->sql_begin_write : driver->sql_begin_read, e)) < 0)
		return rc;
	c->open = true;
	if (c->mode == DB_READ && (rc = driver->snapshot(c, e)) < 0)
		db_rollback(c);
	return rc;
}

int db_commit(struct db_conn *c, struct err *e)
{
	int64_t start = clock_mono_us();
	int rc;

	if (!c->open)
		return err_set(e, E_BUG, "no transaction to commit");
	if ((rc = run(c, "COMMIT", e)) < 0) {
		db_rollback(c);
		return rc;
	}
	c->open = false;
	if (c->mode == DB_WRITE) {
		c->db->driver->committed(c);
		metric_observe(&commit_seconds, clock_mono_us() - start);
	}
	return 0;
}

void db_rollback(struct db_conn *c)
{
	struct err e = {0};

	/* Rows still being read would keep the transaction's snapshot alive. */
	for (size_t i = 0; i < c->count; i++)
		db_reset(c->stmts[i]);
	c->ended = E_OK;
	c->open = false;
	if (c->db->driver->in_transaction(c) && run(c, "ROLLBACK", &e) < 0)
		log_error("database: rollback failed: %s", e.msg);
}

int db_savepoint(struct db_conn *c, struct err *e)
{
	return run(c, "SAVEPOINT one", e);
}

int db_savepoint_release(struct db_conn *c, struct err *e)
{
	return run(c, "RELEASE SAVEPOINT one", e);
}

void db_savepoint_rollback(struct db_conn *c)
{
	struct err e = {0};

	/* When the transaction itself has gone, db_commit says so. */
	if (c->ended)
		return;
	if (run(c, "ROLLBACK TO SAVEPOINT one", &e) < 0 || run(c, "RELEASE SAVEPOINT one", &e) < 0) {
		log_error("database: rollback to the savepoint failed: %s", e.msg);
		if (!c->ended)
			c->ended = E_BUG;
	}
}
