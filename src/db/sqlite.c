/* The SQLite driver: one file and its write-ahead log (WAL), where every commit is synced (synchronous=FULL).
 *
 * Automatic checkpoints are off, because they would make some commit wait for two more syncs; db_checkpoint() does
 * them. The log is never cut while in use: its blocks stay allocated, so that syncing a commit needs no change of the
 * file's length. Files are not mapped into memory: an error of the disk then is a return code, not a signal.
 */
#include "base/log.h"
#include "db/driver.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 10000 /* wait for another process */
#define PAGE_BYTES 4096LL
#define BACKUP_PAGES 1024         /* of one step */
#define LOG_PREPARED (24LL << 20) /* somewhat over DB_LOG_LONG: what comes while the checkpoint runs */

struct lite_conn {
	struct db_conn common;
	sqlite3 *db;
	int log_pages; /* after the last commit */
};

struct lite_stmt {
	struct db_stmt common;
	sqlite3_stmt *st;
	int params;          /* greatest N of $N */
	uint16_t position[]; /* of $N in position[N - 1]; 0: not there */
};

static struct lite_conn *lite(struct db_conn *c)
{
	return (struct lite_conn *)c;
}

static struct lite_stmt *lite_s(struct db_stmt *s)
{
	return (struct lite_stmt *)s;
}

static enum err_code code_of(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return E_EXISTS;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return E_CONFLICT;
	default:
		break;
	}
	switch (rc & 0xFF) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_BUSY;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL:
		return E_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_CORRUPT;
	case SQLITE_NOMEM:
		return E_NOMEM;
	case SQLITE_TOOBIG:
		return E_LIMIT;
	case SQLITE_INTERRUPT:
		return E_CANCEL;
	default:
		return E_BUG;
	}
}

static int fail(sqlite3 *db, int rc, struct err *e)
{
	return err_set(e, code_of(rc), "database: %s", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static int lite_exec(struct db_conn *c, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(lite(c)->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(lite(c)->db, rc, e);
}

/* --- connections --- */

static void once_for_all(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* its counters are a lock that all connections share */
	sqlite3_initialize();
}

static int note_log_pages(void *arg, sqlite3 *db, const char *schema, int pages)
{
	(void)db;
	(void)schema;
	((struct lite_conn *)arg)->log_pages = pages;
	return SQLITE_OK;
}

/* Changing to WAL does not wait for other processes as statements do. */
static int use_log(sqlite3 *db, struct err *e)
{
	const struct timespec nap = {.tv_nsec = 10 * 1000000};
	sqlite3_stmt *st;
	bool wal = false;
	int rc, tries = 0;

	do {
		if (tries > 0)
			nanosleep(&nap, NULL);
		rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL);
		if (rc != SQLITE_OK)
			continue;
		rc = sqlite3_step(st);
		wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
		sqlite3_finalize(st);
	} while ((rc & 0xFF) == SQLITE_BUSY && ++tries < BUSY_MS / 10);
	if (rc != SQLITE_ROW)
		return fail(db, rc, e);
	return wal ? 0 : err_set(e, E_IO, "database: this file system has no shared memory for a write-ahead log");
}

static int setup(struct lite_conn *l, struct err *e)
{
	bool writer = l->common.mode == DB_WRITE;
	int rc;

	sqlite3_busy_timeout(l->db, BUSY_MS);
	if (writer && (rc = use_log(l->db, e)) < 0)
		return rc;
	/* The last statement reads the file, so that one that is no database is found here. */
	rc = lite_exec(&l->common,
		       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		       "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 0;"
		       "PRAGMA journal_size_limit = 67108864;",
		       e);
	if (rc == 0)
		rc = lite_exec(
		    &l->common,
		    writer ? "PRAGMA cache_size = -16384" : "PRAGMA cache_size = -2048; PRAGMA query_only = ON", e);
	if (rc == 0)
		rc = lite_exec(&l->common, "SELECT count(*) FROM sqlite_schema", e);
	sqlite3_wal_hook(l->db, note_log_pages, l);
	return rc;
}

static void lite_disconnect(struct db_conn *c)
{
	if (sqlite3_close(lite(c)->db) != SQLITE_OK)
		log_error("database: a connection was closed while in use");
	free(c);
}

/* SQLite would make the file readable for everybody. A file that is there is not touched: closing it here would drop
 * the locks that other connections of this process have on it. */
static void create_private(const char *place)
{
	AUTO(fd) fd = open(place, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);

	if (fd < 0 && errno != EEXIST)
		log_debug("database %s: cannot be created: %s", place,
			  strerror(errno)); /* and opening it will say so */
}

static int lite_connect(struct db *d, enum db_mode mode, struct db_conn **out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lite_conn *l = calloc(1, sizeof *l);
	int rc;

	if (!l)
		return err_set(e, E_NOMEM, "no memory for a database connection");
	pthread_once(&once, once_for_all);
	l->common.db = d;
	l->common.mode = mode;
	if (mode == DB_WRITE)
		create_private(d->place);
	rc = sqlite3_open_v2(d->place, &l->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
				 (mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0),
			     NULL);
	rc = rc == SQLITE_OK ? setup(l, e) : fail(l->db, rc, e);
	if (rc < 0) {
		err_prefix(e, "%s", d->place);
		sqlite3_close(l->db);
		free(l);
		return rc;
	}
	*out = &l->common;
	return 0;
}

static void lite_rest(struct db_conn *c)
{
	sqlite3_db_release_memory(lite(c)->db);
}

static bool lite_in_transaction(struct db_conn *c)
{
	return !sqlite3_get_autocommit(lite(c)->db);
}

static int lite_changes(struct db_conn *c)
{
	return sqlite3_changes(lite(c)->db);
}

/* BEGIN alone fixes nothing yet; the first read does. */
static int lite_snapshot(struct db_conn *c, struct err *e)
{
	int64_t ignored;

	return db_one_int(c, "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", &ignored, e);
}

/* --- the log --- */

/* Zeros behind the log's end, so that commits overwrite blocks that are there. Recovery stops at a frame without a
 * valid checksum, so zeros are no content. Nobody else writes: the transaction holds the lock among processes. */
static void lengthen_log(struct lite_conn *l)
{
	static const char zeros[64 * 1024];
	sqlite3_file *log = NULL;
	sqlite3_int64 size = 0;
	int rc;

	if (sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return;
	rc = sqlite3_file_control(l->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (rc == SQLITE_OK && log && log->pMethods) {
		rc = log->pMethods->xFileSize(log, &size);
		for (; rc == SQLITE_OK && size < LOG_PREPARED; size += (sqlite3_int64)sizeof zeros)
			rc = log->pMethods->xWrite(log, zeros, (int)sizeof zeros, size);
		if (rc == SQLITE_OK)
			rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	}
	if (rc != SQLITE_OK) /* it costs speed only */
		log_warn("database: the log was not prepared: %s", sqlite3_errstr(rc));
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
}

static int lite_tidy(struct db_conn *c, bool alone, int64_t *log_bytes, struct err *e)
{
	int pages = 0, moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(lite(c)->db, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);

	/* Busy: another process is doing the same, or readers still need the old pages; later, then. */
	if (rc != SQLITE_OK && (rc & 0xFF) != SQLITE_BUSY)
		return fail(lite(c)->db, rc, e);
	*log_bytes = pages > 0 ? pages * PAGE_BYTES : 0;
	if (alone && !c->db->prepared)
		lengthen_log(lite(c));
	return 0;
}

/* The reader's transaction holds one snapshot, so that the copy is of one moment and never starts over. The copy is
 * written without a journal: it is worth nothing before it is whole. */
static int lite_backup(struct db_conn *c, const char *place, void (*progress)(void *arg, uint64_t done, uint64_t of),
		       void *arg, struct err *e)
{
	sqlite3 *copy = NULL;
	sqlite3_backup *b = NULL;
	int rc, ended;

	create_private(place);
	rc = sqlite3_open_v2(place, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK && !(b = sqlite3_backup_init(copy, "main", lite(c)->db, "main")))
		rc = sqlite3_extended_errcode(copy);
	while (b && (rc = sqlite3_backup_step(b, BACKUP_PAGES)) == SQLITE_OK)
		if (progress)
			progress(arg,
				 (uint64_t)(sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b)) * PAGE_BYTES,
				 (uint64_t)sqlite3_backup_pagecount(b) * PAGE_BYTES);
	ended = sqlite3_backup_finish(b);
	rc = rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_OK ? ended : rc;
	if (rc != SQLITE_OK)
		rc = fail(copy, rc, e);
	sqlite3_close(copy);
	return rc;
}

static void lite_committed(struct db_conn *c)
{
	struct err e = {0};
	int64_t ignored;

	if (lite(c)->log_pages <= DB_LOG_MOST / PAGE_BYTES)
		return;
	lite(c)->log_pages = 0;
	if (lite_tidy(c, false, &ignored, &e) < 0)
		log_warn("%s", e.msg); /* what was committed is durable all the same */
}

/* --- statements --- */

/* N of a parameter called "$N", or 0. */
static int number_of(const char *name)
{
	int n = 0;

	if (!name || name[0] != '$')
		return 0;
	for (name++; *name >= '0' && *name <= '9' && n < 100000; name++)
		n = n * 10 + (*name - '0');
	return *name || n > 32766 ? 0 : n;
}

static int params_of(sqlite3_stmt *st, int *most)
{
	*most = 0;
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
		int n = number_of(sqlite3_bind_parameter_name(st, i));

		if (n == 0)
			return -E_BUG;
		if (n > *most)
			*most = n;
	}
	return 0;
}

static int wrap(sqlite3_stmt *st, const char *sql, struct db_stmt **out, struct err *e)
{
	struct lite_stmt *s;
	int params;

	if (!st)
		return err_set(e, E_BUG, "no statement in: %.80s", sql);
	if (params_of(st, &params) < 0)
		return err_set(e, E_BUG, "a parameter that is not $1, $2, ... in: %.80s", sql);
	s = calloc(1, sizeof *s + (size_t)params * sizeof s->position[0]);
	if (!s)
		return err_set(e, E_NOMEM, "no memory for a statement");
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++)
		s->position[number_of(sqlite3_bind_parameter_name(st, i)) - 1] = (uint16_t)i;
	s->params = params;
	s->st = st;
	*out = &s->common;
	return 0;
}

static bool only_blanks(sqlite3 *db, const char *tail)
{
	sqlite3_stmt *more = NULL;
	bool none = sqlite3_prepare_v2(db, tail, -1, &more, NULL) == SQLITE_OK && !more;

	sqlite3_finalize(more);
	return none;
}

static int lite_prepare(struct db_conn *c, const char *sql, struct db_stmt **out, struct err *e)
{
	sqlite3 *db = lite(c)->db;
	sqlite3_stmt *st = NULL;
	const char *tail = "";
	int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, &tail);

	if (rc != SQLITE_OK)
		return fail(db, rc, e);
	rc = *tail && !only_blanks(db, tail) ? err_set(e, E_BUG, "more than one statement in: %.80s", sql)
					     : wrap(st, sql, out, e);
	if (rc < 0)
		sqlite3_finalize(st);
	return rc;
}

static void lite_finalize(struct db_stmt *s)
{
	sqlite3_finalize(lite_s(s)->st);
	free(s);
}

/* The position of $n, or 0, remembered as a mistake. */
static int position(struct db_stmt *s, int n)
{
	struct lite_stmt *l = lite_s(s);

	if (n >= 1 && n <= l->params && l->position[n - 1])
		return l->position[n - 1];
	if (!s->bad)
		s->bad = n ? n : -1;
	return 0;
}

static void bound(struct db_stmt *s, int rc)
{
	if (rc != SQLITE_OK && !s->refused)
		s->refused = code_of(rc);
}

static void lite_bind_int(struct db_stmt *s, int n, int64_t v)
{
	int at = position(s, n);

	if (at)
		bound(s, sqlite3_bind_int64(lite_s(s)->st, at, v));
}

static void lite_bind_text(struct db_stmt *s, int n, const char *text, size_t len)
{
	int at = position(s, n);

	if (at)
		bound(s, sqlite3_bind_text64(lite_s(s)->st, at, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

static void lite_bind_blob(struct db_stmt *s, int n, const void *data, size_t len)
{
	int at = position(s, n);

	if (at)
		bound(s, sqlite3_bind_blob64(lite_s(s)->st, at, data, len, SQLITE_STATIC));
}

static void lite_bind_null(struct db_stmt *s, int n)
{
	int at = position(s, n);

	if (at)
		bound(s, sqlite3_bind_null(lite_s(s)->st, at));
}

static int lite_step(struct db_stmt *s, struct err *e)
{
	int rc = sqlite3_step(lite_s(s)->st);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : fail(lite(s->conn)->db, rc, e);
}

static void lite_reset(struct db_stmt *s)
{
	sqlite3_reset(lite_s(s)->st);
}

static void lite_unbind(struct db_stmt *s)
{
	sqlite3_clear_bindings(lite_s(s)->st);
}

static int64_t lite_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(lite_s(s)->st, col);
}

static const char *lite_text(struct db_stmt *s, int col, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(lite_s(s)->st, col);

	*len = (size_t)sqlite3_column_bytes(lite_s(s)->st, col);
	return text;
}

static const void *lite_blob(struct db_stmt *s, int col, size_t *len)
{
	const void *data = sqlite3_column_blob(lite_s(s)->st, col);

	*len = (size_t)sqlite3_column_bytes(lite_s(s)->st, col);
	return data;
}

static bool lite_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(lite_s(s)->st, col) == SQLITE_NULL;
}

const struct db_driver db_driver_sqlite = {
    .name = "sqlite",
    .sql_has_version = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'",
    .sql_tables = "SELECT count(*) FROM sqlite_schema",
    .sql_begin_read = "BEGIN",
    .sql_begin_write = "BEGIN IMMEDIATE",
    .connect = lite_connect,
    .disconnect = lite_disconnect,
    .rest = lite_rest,
    .in_transaction = lite_in_transaction,
    .snapshot = lite_snapshot,
    .exec = lite_exec,
    .tidy = lite_tidy,
    .backup = lite_backup,
    .committed = lite_committed,
    .changes = lite_changes,
    .prepare = lite_prepare,
    .finalize = lite_finalize,
    .bind_int = lite_bind_int,
    .bind_text = lite_bind_text,
    .bind_blob = lite_bind_blob,
    .bind_null = lite_bind_null,
    .step = lite_step,
    .reset = lite_reset,
    .unbind = lite_unbind,
    .get_int = lite_int,
    .get_text = lite_text,
    .get_blob = lite_blob,
    .is_null = lite_is_null,
};
