/* db/db.h - rows: one SQL interface over a table of drivers (sqlite; postgres comes later). Knows no DICOM.
 *
 * Statements:  SQL text with parameters $1, $2, ... Text is either a file of data/sql/ENGINE/, by name through
 *              db_sql(), or built by a caller from the portable subset.
 * Connections: taken from a pool: one writer (taking it waits for its turn), readers up to a limit (made on demand).
 *              A connection and its statements belong to one thread from db_get to db_put.
 * Errors:      -E_BUSY (contention, retry), -E_EXISTS (unique key), -E_FULL (no space left), -E_IO, -E_CORRUPT, -E_BUG.
 * Memory:      text and blob columns are borrowed until the next step, reset or put.
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
 * list in a transaction of its own); refuses a schema newer than this program with a sentence. */
int db_open(const char *url, struct db **out, struct err *e);
void db_close(struct db *d); /* checkpoints; all connections must be back */
int db_schema_version(struct db *d);
const char *db_sql(struct db *d, const char *name); /* text of NAME.sql; never NULL (unknown name: assert) */

enum db_mode { DB_READ, DB_WRITE };
int db_get(struct db *d, enum db_mode mode, struct db_conn **out, struct err *e);
void db_put(struct db_conn *c); /* rolls back what is open; NULL is fine */

int db_begin(struct db_conn *c, struct err *e); /* writer: IMMEDIATE; reader: a snapshot */
int db_commit(struct db_conn *c, struct err *e);
void db_rollback(struct db_conn *c);
int db_savepoint(struct db_conn *c, struct err *e);      /* one level */
int db_savepoint_release(struct db_conn *c, struct err *e);
void db_savepoint_rollback(struct db_conn *c);           /* undoes to the savepoint; the transaction goes on */
int db_exec(struct db_conn *c, const char *sql, struct err *e); /* one or more statements without parameters */

/* A prepared statement, kept by the connection under its text (least recently used ones are dropped). Reset and
 * unbound when handed out. Do not nest two uses of one text. */
int db_prepare(struct db_conn *c, const char *sql, struct db_stmt **out, struct err *e);
void db_bind_int(struct db_stmt *s, int n, int64_t v);
void db_bind_text(struct db_stmt *s, int n, const char *text, size_t len); /* borrowed until reset; NULL binds NULL */
void db_bind_blob(struct db_stmt *s, int n, const void *data, size_t len); /* likewise */
void db_bind_null(struct db_stmt *s, int n);
int db_step(struct db_stmt *s, struct err *e); /* 1: a row, 0: done (and reset), negative: error (and reset) */
void db_reset(struct db_stmt *s);              /* when stopping before 0 */
int64_t db_int(struct db_stmt *s, int col);    /* columns count from 0; NULL reads as 0 */
const char *db_text(struct db_stmt *s, int col, size_t *len); /* NULL reads as "" ; len may be NULL */
const void *db_blob(struct db_stmt *s, int col, size_t *len);
bool db_is_null(struct db_stmt *s, int col);
/* Prepare, bind nothing, step once: for single numbers. */
int db_one_int(struct db_conn *c, const char *sql, int64_t *out, struct err *e);
int db_changes(struct db_conn *c); /* rows the last statement wrote */
#endif
