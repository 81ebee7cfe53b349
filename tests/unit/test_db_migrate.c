/* Migrations: in order, once, each whole or not at all, also when two programs come at once. */
#include "db/driver.h"
#include "tests/unit/folder.h"
#include <string.h>
#include <sys/wait.h>

static const struct db_sql_file first[] = {
    {"sqlite", "0001-start", "CREATE TABLE a(x); CREATE TABLE b(y);", 1},
    {"sqlite", "count", "SELECT count(*) FROM a", 0},
    {0},
};
static const struct db_sql_file second[] = {
    {"other", "0001-start", "not for us", 1},
    {"other", "0009-much-later", "not for us", 9},
    {"sqlite", "0001-start", "CREATE TABLE a(x); CREATE TABLE b(y);", 1},
    {"sqlite", "0002-rows", "INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)", 2},
    {"sqlite", "0004-more", "INSERT INTO a SELECT x + 1 FROM a; ALTER TABLE b ADD COLUMN z", 4},
    {"sqlite", "sum", "SELECT sum(x) FROM a", 0},
    {0},
};
static const struct db_sql_file broken[] = {
    {"sqlite", "0001-start", "CREATE TABLE a(x); CREATE TABLE b(y);", 1},
    {"sqlite", "0002-broken", "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (2)", 2},
    {0},
};

static int open_with(void **state, const struct db_sql_file *files, struct db **out, struct err *e)
{
	struct folder *f = *state;
	char url[sizeof f->path + 32];

	snprintf(url, sizeof url, "sqlite:%s/index.db", f->path);
	*e = (struct err){0};
	return db_open_with(url, files, out, e);
}

static int64_t number(struct db *d, const char *sql)
{
	struct db_conn *c = NULL;
	struct err e = {0};
	int64_t n = -1;

	if (db_get(d, DB_READ, &c, &e) < 0 || db_one_int(c, sql, &n, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	db_put(c);
	return n;
}

static void from_nothing_and_from_before(void **state)
{
	struct db *d;
	struct err e;

	assert_int_equal(open_with(state, first, &d, &e), 0);
	assert_int_equal(db_schema_version(d), 1);
	assert_int_equal(number(d, db_sql(d, "count")), 0);
	db_close(d);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(open_with(state, second, &d, &e), 0);
		assert_int_equal(db_schema_version(d), 4);
		assert_int_equal(number(d, db_sql(d, "sum")), 3);
		assert_int_equal(number(d, "SELECT count(*) FROM schema_version"), 3);
		db_close(d);
	}
}

static void newer_is_refused(void **state)
{
	struct folder *f = *state;
	char want[sizeof f->path + 160];
	struct db *d;
	struct err e;

	assert_int_equal(open_with(state, second, &d, &e), 0);
	db_close(d);
	assert_int_equal(open_with(state, first, &d, &e), -E_UNSUP);
	snprintf(
	    want, sizeof want,
	    "the database %s/index.db has schema version 4, made by a newer program; this one knows versions up to 1",
	    f->path);
	assert_string_equal(e.msg, want);
	assert_int_equal(open_with(state, second, &d, &e), 0); /* and is as it was */
	db_close(d);
}

static void a_failed_step_leaves_the_last_one(void **state)
{
	struct db *d;
	struct err e;

	assert_int_equal(open_with(state, broken, &d, &e), -E_BUG);
	assert_string_equal(e.msg, "migration 0002-broken: database: no such table: nowhere");
	assert_int_equal(open_with(state, first, &d, &e), 0);
	assert_int_equal(db_schema_version(d), 1);
	assert_int_equal(number(d, "SELECT count(*) FROM a"), 0);
	db_close(d);
}

static void a_foreign_database_is_left_alone(void **state)
{
	struct db *d;
	struct db_conn *c;
	struct err e;

	assert_int_equal(open_with(state, first, &d, &e), 0);
	assert_int_equal(db_get(d, DB_WRITE, &c, &e), 0);
	assert_int_equal(db_exec(c, "DROP TABLE schema_version", &e), 0);
	db_put(c);
	db_close(d);
	assert_int_equal(open_with(state, second, &d, &e), -E_UNSUP);
	assert_non_null(strstr(e.msg, "index.db belongs to another program"));
}

static void several_at_once(void **state)
{
	pid_t child[4];
	struct db *d;
	struct err e;
	int status;

	for (int i = 0; i < 4; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] > 0)
			continue;
		if (open_with(state, second, &d, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(1);
		}
		status = db_schema_version(d) != 4;
		db_close(d);
		_exit(status);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(open_with(state, second, &d, &e), 0);
	assert_int_equal(number(d, db_sql(d, "sum")), 3);
	db_close(d);
}

/* What was committed is there after a process died without closing anything; what was not is gone. */
static void a_killed_process_loses_nothing_committed(void **state)
{
	struct db *d;
	struct db_conn *c;
	struct err e;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (open_with(state, first, &d, &e) < 0 || db_checkpoint(d, &e) < 0 || db_get(d, DB_WRITE, &c, &e) < 0)
			_exit(1);
		for (int i = 0; i < 100; i++)
			if (db_begin(c, &e) < 0 || db_exec(c, "INSERT INTO a VALUES (1)", &e) < 0 ||
			    db_commit(c, &e) < 0)
				_exit(2);
		if (db_begin(c, &e) < 0 || db_exec(c, "INSERT INTO a VALUES (1)", &e) < 0)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(open_with(state, first, &d, &e), 0);
	assert_int_equal(number(d, db_sql(d, "count")), 100);
	db_close(d);
}

static void the_embedded_list_is_in_order(void **state)
{
	struct db *d;
	struct err e = {0};
	struct folder *f = *state;
	char url[sizeof f->path + 32];
	int newest = 0;

	for (const struct db_sql_file *s = db_sql_files; s->name; s++) {
		assert_true(s->text[0] != '\0');
		if (s->version == 0)
			continue;
		assert_true(s->version > newest);
		newest = s->version;
	}
	snprintf(url, sizeof url, "sqlite:%s/real.db", f->path);
	if (db_open(url, &d, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(db_schema_version(d), newest);
	db_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(from_nothing_and_from_before),
	    folder_test(newer_is_refused),
	    folder_test(a_failed_step_leaves_the_last_one),
	    folder_test(a_foreign_database_is_left_alone),
	    folder_test(several_at_once),
	    folder_test(a_killed_process_loses_nothing_committed),
	    folder_test(the_embedded_list_is_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
