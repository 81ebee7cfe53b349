/* The database as callers see it: statements, transactions, connections, what stays after a close. */
#include "db/db.h"
#include "tests/unit/folder.h"

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

	exec(c, "CREATE TABLE t_base(id INTEGER PRIMARY KEY, name TEXT UNIQUE, parent INTEGER REFERENCES t_base(id), data BLOB)");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(values_come_back),
	    folder_test(a_unique_key_costs_the_statement_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
