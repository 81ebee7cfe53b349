/* db/db.h - rows: one SQL interface over a table of drivers (sqlite; postgres comes later). Knows no DICOM.
 *
 * Statements:  SQL text with parameters $1, $2, ... Text is either a file of data/sql/ENGINE/, by name through
 *              db_sql(), or built by a caller from the portable subset. Files NNNN-name.sql are migrations, all others
 *              queries; both are listed in data/local.mk and become part of the program when it is built.
 * Connections: taken from a pool: one writer (taking it waits for its turn), readers up to a limit (made on demand).
 *              The writer's turn goes in the order of asking. A connection and its statements belong to one thread
 *              from db_get to db_put. Other processes may use the same database at the same time.
 * Errors:      -E_BUSY (contention, retry), -E_EXISTS (unique key), -E_CONFLICT (foreign key), -E_FULL (no space left),
 *              -E_IO, -E_CORRUPT, -E_NOMEM, -E_BUG. A unique key costs the statement alone. After an error that ended
 *              the transaction by itself (a full disk), everything up to db_rollback or db_put fails with that error.
 * Memory:      text and blob columns are borrowed until the next step, reset or put. An idle reader keeps at most 2 MB,
 *              the writer 16 MB.
 * Durability:  db_commit returns 0 only when the transaction is synced to disk.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/auto.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_conn;
struct db_stmt;

/* url: "sqlite:PATH". Creates the database where there is none; migrates it to the newest schema (each file of the
 * list in a transaction of its own); refuses (-E_UNSUP) a schema newer than this program with a sentence. */
int db_open(const char *url, struct db **out, struct err *e);
/* Without migrating: -E_BUSY where the schema is older than this program's. */
int db_open_as_is(const char *url, struct db **out, struct err *e);
void db_close(struct db *d); /* checkpoints; all connections must be back */
int db_schema_version(struct db *d);
const char *db_sql(struct db *d, const char *name); /* text of NAME.sql; never NULL (unknown name: assert) */
/* Moves what was committed from the log into the database file and lets the log be used again from its start; the
 * first call prepares the log, so that commits of the node need not make it grow. For a background thread, every few
 * seconds: holds the writer for milliseconds, and only when the log has become long. Without it the log is bounded,
 * too, but a commit now and then does the work and waits for it. */
int db_checkpoint(struct db *d, struct err *e);

/* Writes the database as it is at this moment to a new one at place, which must not be there; others go on reading and
 * writing meanwhile. Durable on return; on failure nothing is left. progress (may be NULL) is told of bytes. */
int db_backup(struct db *d, const char *place, void (*progress)(void *arg, uint64_t done, uint64_t of), void *arg,
	      struct err *e);

enum db_mode { DB_READ, DB_WRITE };
/* A thread that holds the writer and asks for it again gets -E_BUG rather than a deadlock. */
int db_get(struct db *d, enum db_mode mode, struct db_conn **out, struct err *e);
void db_put(struct db_conn *c); /* rolls back what is open; NULL is fine */
static inline void db_conn_cleanup(struct db_conn **c)
{
	db_put(*c);
}
AUTO_TYPE(db_conn, struct db_conn *);
struct db *db_of(const struct db_conn *c);

int db_begin(struct db_conn *c, struct err *e);  /* writer: IMMEDIATE; reader: a snapshot */
int db_commit(struct db_conn *c, struct err *e); /* what fails is rolled back */
void db_rollback(struct db_conn *c);
int db_savepoint(struct db_conn *c, struct err *e); /* within another one, too: what ends is the latest */
int db_savepoint_release(struct db_conn *c, struct err *e);
void db_savepoint_rollback(struct db_conn *c);                  /* undoes to the savepoint; the transaction goes on */
int db_exec(struct db_conn *c, const char *sql, struct err *e); /* one or more statements without parameters */

/* A prepared statement, kept by the connection under its text. Reset and unbound when handed out; may be bound and
 * stepped again and again until db_put (bindings stay until the next db_prepare). Do not nest two uses of one text. The
 * connection keeps the 64 used last; within one hold it keeps more, up to 512. */
int db_prepare(struct db_conn *c, const char *sql, struct db_stmt **out, struct err *e);
void db_bind_int(struct db_stmt *s, int n, int64_t v);
void db_bind_text(struct db_stmt *s, int n, const char *text, size_t len); /* borrowed until reset; NULL binds NULL */
void db_bind_blob(struct db_stmt *s, int n, const void *data, size_t len); /* likewise */
void db_bind_null(struct db_stmt *s, int n);
/* 1: a row, 0: done (and reset), negative: error (and reset). A parameter that the text does not have: -E_BUG here. */
int db_step(struct db_stmt *s, struct err *e);
void db_reset(struct db_stmt *s);                             /* when stopping before 0 */
int64_t db_int(struct db_stmt *s, int col);                   /* columns count from 0; NULL reads as 0 */
const char *db_text(struct db_stmt *s, int col, size_t *len); /* NULL reads as "" ; len may be NULL */
const void *db_blob(struct db_stmt *s, int col, size_t *len);
bool db_is_null(struct db_stmt *s, int col);
/* Prepare, bind nothing, step once: for single numbers. -E_NOENT when there is no row. */
int db_one_int(struct db_conn *c, const char *sql, int64_t *out, struct err *e);
int db_changes(struct db_conn *c); /* rows the last statement wrote */
#endif
