/* The database as callers see it: statements, transactions, connections, what stays after a close. */
#include "db/db.h"
#include "tests/unit/folder.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

static struct db *open_db(void **state)
{
	struct folder *f = *state;
	char url[sizeof f->path + 32];
	struct err e = {0};
	struct db *d = NULL;

	snprintf(url, sizeof url, "sqlite:%s/index.db", f->path);
	if (db_open(url, &d, &e) < 0)
		fail_msg("%s", e.msg);
	return d;
}

static struct db_conn *get(struct db *d, enum db_mode mode)
{
	struct err e = {0};
	struct db_conn *c = NULL;

	if (db_get(d, mode, &c, &e) < 0)
		fail_msg("%s", e.msg);
	return c;
}

static void exec(struct db_conn *c, const char *sql)
{
	struct err e = {0};

	if (db_exec(c, sql, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
}

static int64_t number(struct db_conn *c, const char *sql)
{
	struct err e = {0};
	int64_t n = -1;

	if (db_one_int(c, sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	return n;
}

static struct db_stmt *prepare(struct db_conn *c, const char *sql)
{
	struct err e = {0};
	struct db_stmt *s = NULL;

	if (db_prepare(c, sql, &s, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	return s;
}

static void insert(struct db_conn *c, int64_t id, const char *name, size_t len, int want)
{
	struct err e = {0};
	struct db_stmt *s = prepare(c, "INSERT INTO t_base(id, name) VALUES ($1, $2)");

	db_bind_int(s, 1, id);
	db_bind_text(s, 2, name, len);
	assert_int_equal(db_step(s, &e), want);
}

static void make_table(struct db *d)
{
	struct db_conn *c = get(d, DB_WRITE);

	exec(c, "CREATE TABLE t_base(id INTEGER PRIMARY KEY, name TEXT UNIQUE, parent INTEGER REFERENCES t_base(id), "
		"data BLOB)");
	db_put(c);
}

static void values_come_back(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct db_stmt *s;
	struct err e = {0};
	size_t len;

	make_table(d);
	c = get(d, DB_WRITE);
	s = prepare(c, "INSERT INTO t_base(id, name, data) VALUES ($2, $1, $3)"); /* by number, not by place */
	db_bind_text(s, 1, "a\0b", 3);
	db_bind_int(s, 2, -7000000000);
	db_bind_blob(s, 3, "\0\xFF", 2);
	assert_int_equal(db_step(s, &e), 0);
	assert_int_equal(db_changes(c), 1);
	s = prepare(c, "SELECT id, name, data, parent FROM t_base WHERE name = $1 OR data = $1");
	db_bind_text(s, 1, "a\0b", 3);
	assert_int_equal(db_step(s, &e), 1);
	assert_int_equal(db_int(s, 0), -7000000000);
	assert_memory_equal(db_text(s, 1, &len), "a\0b", 4);
	assert_int_equal(len, 3);
	assert_memory_equal(db_blob(s, 2, &len), "\0\xFF", 2);
	assert_int_equal(len, 2);
	assert_false(db_is_null(s, 2));
	assert_true(db_is_null(s, 3));
	assert_string_equal(db_text(s, 3, &len), "");
	assert_int_equal(len, 0);
	assert_int_equal(db_int(s, 3), 0);
	assert_int_equal(db_step(s, &e), 0);
	db_put(c);
	db_close(d);
}

static void a_unique_key_costs_the_statement_alone(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct err e = {0};

	make_table(d);
	c = get(d, DB_WRITE);
	assert_int_equal(db_begin(c, &e), 0);
	insert(c, 1, "one", 3, 0);
	insert(c, 1, "two", 3, -E_EXISTS);
	insert(c, 2, "one", 3, -E_EXISTS);
	insert(c, 2, "two", 3, 0);
	assert_int_equal(db_exec(c, "INSERT INTO t_base(id, parent) VALUES (9, 77)", &e), -E_CONFLICT);
	e = (struct err){0};
	if (db_commit(c, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(number(c, "SELECT count(*) FROM t_base"), 2);
	db_put(c);
	db_close(d);
}

static void savepoints_undo_a_part(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct err e = {0};

	make_table(d);
	c = get(d, DB_WRITE);
	assert_int_equal(db_begin(c, &e), 0);
	insert(c, 1, "kept", 4, 0);
	assert_int_equal(db_savepoint(c, &e), 0);
	insert(c, 2, "undone", 6, 0);
	db_savepoint_rollback(c);
	assert_int_equal(db_savepoint(c, &e), 0);
	insert(c, 3, "kept too", 8, 0);
	assert_int_equal(db_savepoint_release(c, &e), 0);
	assert_int_equal(db_commit(c, &e), 0);
	assert_int_equal(number(c, "SELECT sum(id) FROM t_base"), 4);
	db_put(c);
	db_close(d);
}

static void what_is_not_committed_goes(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct err e = {0};

	make_table(d);
	c = get(d, DB_WRITE);
	assert_int_equal(db_begin(c, &e), 0);
	insert(c, 1, "one", 3, 0);
	assert_int_equal(db_begin(c, &e), -E_BUG);
	db_put(c);
	c = get(d, DB_WRITE);
	assert_int_equal(number(c, "SELECT count(*) FROM t_base"), 0);
	e = (struct err){0};
	assert_int_equal(db_commit(c, &e), -E_BUG);
	assert_int_equal(db_begin(c, NULL), 0);
	insert(c, 1, "one", 3, 0);
	db_rollback(c);
	assert_int_equal(number(c, "SELECT count(*) FROM t_base"), 0);
	db_put(c);
	db_put(NULL);
	db_close(d);
}

static void a_reader_sees_one_moment(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *r, *w;
	struct err e = {0};

	make_table(d);
	r = get(d, DB_READ);
	w = get(d, DB_WRITE);
	assert_int_equal(db_begin(r, &e), 0);
	insert(w, 1, "late", 4, 0);
	assert_int_equal(number(r, "SELECT count(*) FROM t_base"), 0);
	db_rollback(r);
	assert_int_equal(number(r, "SELECT count(*) FROM t_base"), 1);
	assert_true(db_exec(r, "DELETE FROM t_base", &e) < 0);
	db_put(r);
	db_put(w);
	db_close(d);
}

static void mistakes_are_errors(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c = get(d, DB_READ), *again = NULL;
	struct db_stmt *s;
	struct err e = {0};
	int64_t n;

	s = prepare(c, "SELECT $1, $3");
	db_bind_int(s, 2, 1);
	assert_int_equal(db_step(s, &e), -E_BUG);
	assert_string_equal(e.msg, "statement without a parameter $2: SELECT $1, $3");
	assert_int_equal(db_prepare(c, "SELECT ?", &s, NULL), -E_BUG);
	assert_int_equal(db_prepare(c, "SELECT $1x", &s, NULL), -E_BUG);
	assert_int_equal(db_prepare(c, "SELECT 1; SELECT 2", &s, NULL), -E_BUG);
	assert_int_equal(db_prepare(c, "-- nothing", &s, NULL), -E_BUG);
	assert_int_equal(db_prepare(c, "SELECT * FROM nowhere", &s, NULL), -E_BUG);
	assert_int_equal(db_prepare(c, "-- before\nSELECT 1; -- after\n", &s, NULL), 0);
	assert_int_equal(db_one_int(c, "SELECT 1 WHERE 0", &n, NULL), -E_NOENT);
	db_put(c);
	c = get(d, DB_WRITE);
	assert_int_equal(db_get(d, DB_WRITE, &again, NULL), -E_BUG);
	db_put(c);
	db_close(d);
	assert_int_equal(db_open("oracle:x", &d, NULL), -E_CONFIG);
	e = (struct err){0};
	assert_int_equal(db_open("sqlite:/nonexistent/index.db", &d, &e), -E_IO);
	assert_string_equal(e.msg, "/nonexistent/index.db: database: unable to open database file");
}

static void statements_are_kept_and_dropped(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c = get(d, DB_READ);
	struct db_stmt *first = prepare(c, "SELECT $1 + 1000"), *one = prepare(c, "SELECT 1 UNION SELECT 2");
	struct err e = {0};
	char sql[64];

	assert_int_equal(db_step(one, &e), 1);
	for (int i = 0; i < 400; i++) {
		snprintf(sql, sizeof sql, "SELECT %d", i);
		assert_int_equal(number(c, sql), i);
	}
	/* Both are still ours in this hold, the one in the middle of its rows, too. */
	assert_ptr_equal(prepare(c, "SELECT $1 + 1000"), first);
	db_bind_int(first, 1, 7);
	assert_int_equal(db_step(first, &e), 1);
	assert_int_equal(db_int(first, 0), 1007);
	assert_int_equal(db_step(one, &e), 1);
	assert_int_equal(db_int(one, 0), 2);
	assert_int_equal(db_step(one, &e), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(sql, sizeof sql, "SELECT %d", i);
		assert_int_equal(number(c, sql), i);
	}
	db_put(c);
	c = get(d, DB_READ);
	/* Bindings of the last use are gone. */
	first = prepare(c, "SELECT coalesce($1, -1)");
	db_bind_int(first, 1, 5);
	assert_int_equal(db_step(first, &e), 1);
	first = prepare(c, "SELECT coalesce($1, -1)");
	assert_int_equal(db_step(first, &e), 1);
	assert_int_equal(db_int(first, 0), -1);
	db_put(c);
	db_close(d);
}

static void a_full_disk_ends_the_transaction(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct db_stmt *s;
	struct err e = {0};
	int rc = 0;

	make_table(d);
	c = get(d, DB_WRITE);
	exec(c, "PRAGMA max_page_count = 40");
	assert_int_equal(db_begin(c, &e), 0);
	for (int i = 1; rc == 0 && i < 1000; i++) {
		s = prepare(c, "INSERT INTO t_base(id, data) VALUES ($1, zeroblob(4000))");
		db_bind_int(s, 1, i);
		rc = db_step(s, &e);
	}
	assert_int_equal(rc, -E_FULL);
	db_rollback(c);
	assert_int_equal(number(c, "SELECT count(*) FROM t_base"), 0);
	insert(c, 1, "again", 5, 0);
	db_put(c);
	db_close(d);
}

static void an_ended_transaction_writes_nothing_more(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c;
	struct err e = {0};

	make_table(d);
	c = get(d, DB_WRITE);
	insert(c, 1, "one", 3, 0);
	assert_int_equal(db_begin(c, &e), 0);
	assert_int_equal(db_exec(c, "INSERT OR ROLLBACK INTO t_base(id) VALUES (1)", &e), -E_EXISTS);
	insert(c, 2, "two", 3, -E_EXISTS);
	assert_int_equal(db_savepoint(c, NULL), -E_EXISTS);
	db_savepoint_rollback(c);
	e = (struct err){0};
	assert_int_equal(db_commit(c, &e), -E_EXISTS);
	assert_string_equal(e.msg, "an earlier error ended the transaction: already there");
	assert_int_equal(number(c, "SELECT count(*) FROM t_base"), 1);
	insert(c, 2, "two", 3, 0);
	db_put(c);
	db_close(d);
}

static void no_database_is_said(void **state)
{
	struct folder *f = *state;
	struct err e = {0};
	struct db *d;
	char url[sizeof f->path + 32];
	FILE *file;

	snprintf(url, sizeof url, "sqlite:%s/index.db", f->path);
	file = fopen(url + 7, "w");
	for (int i = 0; i < 500; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_int_equal(db_open(url, &d, &e), -E_CORRUPT);
	assert_non_null(strstr(e.msg, "index.db: database: file is not a database"));
}

static void commits_are_synced_and_private(void **state)
{
	struct db *d = open_db(state);
	struct db_conn *c = get(d, DB_WRITE);
	struct folder *f = *state;
	char path[sizeof f->path + 32];
	struct stat st;

	assert_int_equal(number(c, "PRAGMA synchronous"), 2);
	assert_int_equal(number(c, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number(c, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
	db_put(c);
	snprintf(path, sizeof path, "%s/index.db", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	db_close(d);
}

/* --- the log --- */

static long long log_size(void **state)
{
	struct folder *f = *state;
	char path[sizeof f->path + 32];
	struct stat st;

	snprintf(path, sizeof path, "%s/index.db-wal", f->path);
	return stat(path, &st) < 0 ? -1 : (long long)st.st_size;
}

static void fill(struct db *d, int commits, int checkpoint_every)
{
	struct err e = {0};

	for (int i = 1; i <= commits; i++) {
		struct db_conn *c = get(d, DB_WRITE);

		assert_int_equal(db_begin(c, &e), 0);
		exec(c, "INSERT INTO t_base(data) VALUES (zeroblob(1000000))");
		if (i > 5)
			exec(c, "DELETE FROM t_base WHERE id < (SELECT max(id) - 4 FROM t_base)");
		assert_int_equal(db_commit(c, &e), 0);
		db_put(c);
		if (i % checkpoint_every == 0 && db_checkpoint(d, &e) < 0)
			fail_msg("%s", e.msg);
	}
}

static void the_log_is_prepared_and_used_again(void **state)
{
	struct db *d = open_db(state);
	struct err e = {0};
	long long prepared;

	make_table(d);
	assert_int_equal(db_checkpoint(d, &e), 0);
	prepared = log_size(state);
	assert_true(prepared >= 16 << 20);
	fill(d, 60, 6);
	assert_int_equal(log_size(state), prepared); /* 60 MB went through it */
	db_close(d);
	assert_int_equal(log_size(state), -1);
	d = open_db(state);
	assert_int_equal(db_checkpoint(d, &e), 0);
	db_close(d);
}

static void the_log_is_bounded_without_help(void **state)
{
	struct db *d = open_db(state);

	make_table(d);
	fill(d, 150, 1000);
	assert_true(log_size(state) < 70 << 20);
	db_close(d);
}

/* --- threads --- */

struct crowd {
	struct db *d;
	_Atomic int stop, reads, order, turns[4];
};

static void *read_on(void *arg)
{
	struct crowd *crowd = arg;

	while (!crowd->stop) {
		struct db_conn *c = get(crowd->d, DB_READ);

		assert_int_equal(number(c, "SELECT count(*) % 10 FROM t_base"), 0);
		db_put(c);
		crowd->reads++;
	}
	return NULL;
}

static void readers_do_not_disturb_the_writer(void **state)
{
	struct crowd crowd = {.d = open_db(state)};
	pthread_t threads[8];
	struct err e = {0};

	make_table(crowd.d);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &crowd), 0);
	for (int i = 0; i < 50 || crowd.reads < 100; i++) {
		struct db_conn *c = get(crowd.d, DB_WRITE);

		assert_int_equal(db_begin(c, &e), 0);
		for (int k = 0; k < 10; k++)
			exec(c, "INSERT INTO t_base(data) VALUES (zeroblob(100))");
		assert_int_equal(db_commit(c, &e), 0);
		db_put(c);
		if (i % 20 == 0)
			assert_int_equal(db_checkpoint(crowd.d, &e), 0);
	}
	crowd.stop = 1;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	db_close(crowd.d);
}

/* Those who keep asking all get their turn: nobody is passed by for ever. */
static void *ask_often(void *arg)
{
	struct crowd *crowd = arg;
	int mine = crowd->order++;

	while (!crowd->stop) {
		struct db_conn *c = get(crowd->d, DB_WRITE);

		crowd->turns[mine]++;
		usleep(1000);
		db_put(c);
	}
	return NULL;
}

static void the_writer_goes_round(void **state)
{
	struct crowd crowd = {.d = open_db(state)};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd), 0);
	while (crowd.turns[0] < 50 && crowd.turns[1] < 50)
		usleep(1000);
	crowd.stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 4; i++)
		assert_true(crowd.turns[i] >= 20);
	db_close(crowd.d);
}

struct told {
	struct db *d;
	unsigned times;
};

static void write_meanwhile(void *arg, uint64_t done, uint64_t of)
{
	struct told *t = arg;
	struct db_conn *w = get(t->d, DB_WRITE);

	assert_true(done <= of);
	t->times++;
	exec(w, "INSERT INTO t (name) VALUES ('later')");
	db_put(w);
}

static void a_backup_is_of_one_moment(void **state)
{
	struct folder *f = *state;
	char place[sizeof f->path + 32], url[sizeof place + 8];
	struct db *d = open_db(state), *copy = NULL;
	struct told t = {.d = d};
	struct db_conn *c = get(d, DB_WRITE);
	struct err e = {0};

	exec(c, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
	exec(c, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
		"INSERT INTO t (name) SELECT printf('%0100d', i) FROM n");
	db_put(c);
	snprintf(place, sizeof place, "%s/copy.db", f->path);
	assert_int_equal(db_backup(d, place, write_meanwhile, &t, &e), 0);
	assert_true(t.times > 1);
	snprintf(url, sizeof url, "sqlite:%s", place);
	assert_int_equal(db_open(url, &copy, &e), 0);
	c = get(copy, DB_READ);
	assert_int_equal(number(c, "SELECT COUNT(*) FROM t"), 100000);
	db_put(c);
	db_close(copy);
	assert_int_equal(db_backup(d, place, NULL, NULL, &e), -E_EXISTS);
	e = (struct err){0};
	snprintf(place, sizeof place, "%s/none/copy.db", f->path);
	assert_true(db_backup(d, place, NULL, NULL, &e) < 0);
	assert_true(e.msg[0]);
	db_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(values_come_back),
	    folder_test(a_unique_key_costs_the_statement_alone),
	    folder_test(savepoints_undo_a_part),
	    folder_test(what_is_not_committed_goes),
	    folder_test(a_reader_sees_one_moment),
	    folder_test(mistakes_are_errors),
	    folder_test(statements_are_kept_and_dropped),
	    folder_test(a_full_disk_ends_the_transaction),
	    folder_test(an_ended_transaction_writes_nothing_more),
	    folder_test(no_database_is_said),
	    folder_test(commits_are_synced_and_private),
	    folder_test(the_log_is_prepared_and_used_again),
	    folder_test(the_log_is_bounded_without_help),
	    folder_test(readers_do_not_disturb_the_writer),
	    folder_test(a_backup_is_of_one_moment),
	    folder_test(the_writer_goes_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
