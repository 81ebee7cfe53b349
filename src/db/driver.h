/* db/driver.h - what an engine provides to db.c. Included by db.c, pool.c and the drivers alone.
 *
 * A driver's connection and statement begin with the common struct; db.c allocates neither. Statements are cached,
 * transactions tracked and connections pooled above this table, so a driver is a thin layer over its library.
 * Errors as in db.h. Threads: one at a time for each connection.
 */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db/db.h"
#include <pthread.h>

#define DB_STMTS_KEPT 64         /* by a connection that nobody holds */
#define DB_LOG_LONG (16LL << 20) /* bytes of log from which db_checkpoint stops the writer to have it start again */
#define DB_LOG_MOST (64LL << 20) /* bytes of log from which a commit does that work by itself */

struct db_conn {
	struct db *db;
	enum db_mode mode;
	bool open;           /* between db_begin and its end */
	enum err_code ended; /* not 0: the engine ended the transaction by itself, for this reason */
	struct db_stmt **stmts;
	size_t count, room;
	uint64_t clock, hold; /* clock: counts uses of statements; hold: its value at db_get */
	struct db_conn *next; /* of the idle readers */
};

struct db_stmt {
	struct db_conn *conn;
	char *sql;
	uint64_t hash, used;
	bool active;           /* stepped, and neither done nor reset */
	int bad;               /* a parameter that was bound and is not there; reported by db_step */
	enum err_code refused; /* a value could not be bound */
};

struct db_driver {
	const char *name; /* "sqlite", also the folder of its SQL files */
	/* SQL: is there a table schema_version (0 or 1); how many tables of any name */
	const char *sql_has_version, *sql_tables;
	const char *sql_begin_read, *sql_begin_write;

	/* For DB_WRITE, makes the database where there is none. */
	int (*connect)(struct db *d, enum db_mode mode, struct db_conn **out, struct err *e);
	void (*disconnect)(struct db_conn *c); /* statements are finalized already */
	void (*rest)(struct db_conn *c);       /* gives back memory that an idle connection does not need */
	bool (*in_transaction)(struct db_conn *c);
	int (*snapshot)(struct db_conn *c, struct err *e); /* after sql_begin_read: fixes what is seen */
	int (*exec)(struct db_conn *c, const char *sql, struct err *e);
	/* Moves the log into the database. alone: c is the writer, and nobody of this process writes meanwhile; then
	 * also prepares the log. *log_bytes: how long the log was. */
	int (*tidy)(struct db_conn *c, bool alone, int64_t *log_bytes, struct err *e);
	/* Copies what c sees, a reader inside a transaction, to a new database at place; not synced yet. */
	int (*backup)(struct db_conn *c, const char *place, void (*progress)(void *arg, uint64_t done, uint64_t of),
		      void *arg, struct err *e);
	void (*committed)(struct db_conn *c); /* after each commit of the writer: keeps the log bounded */
	int (*changes)(struct db_conn *c);

	int (*prepare)(struct db_conn *c, const char *sql, struct db_stmt **out, struct err *e);
	void (*finalize)(struct db_stmt *s);
	void (*bind_int)(struct db_stmt *s, int n, int64_t v);
	void (*bind_text)(struct db_stmt *s, int n, const char *text, size_t len);
	void (*bind_blob)(struct db_stmt *s, int n, const void *data, size_t len);
	void (*bind_null)(struct db_stmt *s, int n);
	int (*step)(struct db_stmt *s, struct err *e); /* 1, 0 or negative; does not reset */
	void (*reset)(struct db_stmt *s);
	void (*unbind)(struct db_stmt *s);
	int64_t (*get_int)(struct db_stmt *s, int col);
	const char *(*get_text)(struct db_stmt *s, int col, size_t *len);
	const void *(*get_blob)(struct db_stmt *s, int col, size_t *len);
	bool (*is_null)(struct db_stmt *s, int col);
};
extern const struct db_driver db_driver_sqlite;

struct db_waiter {
	pthread_cond_t turn;
	bool granted;
	struct db_waiter *next;
};

struct db {
	const struct db_driver *driver;
	const struct db_sql_file *files;
	char *place; /* the url without its scheme */
	int version;
	pthread_mutex_t lock; /* over all below */
	struct db_conn *writer, *idle;
	unsigned idle_count, readers; /* readers: idle ones and those handed out */
	bool writer_taken;
	pthread_t writer_owner;
	struct db_waiter *first, *last; /* who waits for the writer, in order of asking */
	bool prepared;                  /* the log, by db_checkpoint */
};

/* db.c: drops statements until only as many as keep are left, and resets those. */
void db_conn_trim(struct db_conn *c, size_t keep);
/* pool.c */
int db_pool_open(struct db *d, struct err *e); /* connects the writer */
void db_pool_close(struct db *d);
/* migrate.c */
int db_migrate(struct db *d, bool as_is, struct err *e);

/* An SQL file as scripts/embed-sql writes it: sorted by engine and name; the last has name NULL. */
struct db_sql_file {
	const char *engine, *name, *text;
	int version; /* of a migration; 0: a query */
};
extern const struct db_sql_file db_sql_files[];
/* The caller's own list instead of the embedded one; for tests of migrations. */
int db_open_with(const char *url, const struct db_sql_file *files, struct db **out, struct err *e);

#endif
