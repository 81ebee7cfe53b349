/* Intake from the first byte to the answer: what is acknowledged is there, byte for byte, after every kind of end. */
#include "archive_help.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void outcomes(void **state)
{
	/* trap 22: stored, the same, quarantined */
	(void)state;
	struct archive *a = open_archive();
	struct intake_result r;
	struct err e = {0};
	struct object one = make_object("P1", 1, 1, 500000, 1), other = make_object("P1", 1, 1, 500000, 2);
	struct object large = make_object("P1", 1, 2, 5 << 20, 3), edge = make_object("P1", 1, 3, (1 << 20) - 2900, 4);
	struct object stray = make_object("P2", 1, 4, 1000, 5);

	assert_int_equal(take_in(a, &one, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_STORED);
	assert_there(a, &one);
	assert_int_equal(take_in(a, &one, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_SAME);
	assert_int_equal(take_in(a, &other, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_int_equal(take_in(a, &other, &r, &e), 0); /* once more: nothing is written a second time */
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_string_equal(r.reason, "other content under a known SOP Instance UID");
	assert_there(a, &one);
	assert_int_equal(take_in(a, &large, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_STORED);
	assert_there(a, &large);
	assert_int_equal(take_in(a, &large, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_SAME);
	assert_int_equal(take_in(a, &edge, &r, &e), 0);
	assert_there(a, &edge);
	assert_int_equal(take_in(a, &stray, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_sound(a, 5);

	strcpy(stray.sop, "1.2.3"); /* the request names another UID than the data set */
	assert_int_equal(take_in(a, &stray, &r, &e), -E_MISMATCH);
	archive_close(a);
	a = open_archive(); /* after a clean stop */
	assert_there(a, &one);
	assert_there(a, &large);
	assert_sound(a, 5);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&other.data), buf_cleanup(&large.data), buf_cleanup(&edge.data),
	    buf_cleanup(&stray.data);
}

/* A child takes in some and dies; the parent must find all that the child was told is kept. */
static void acknowledged_survives_a_kill(void **state)
{
	(void)state;
	int pipes[2];
	char told;
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct archive *a = open_archive();
		for (unsigned i = 0; i < 12; i++) {
			struct intake_result r;
			struct object o = make_object("P1", 1, i, i % 4 == 3 ? 3 << 20 : 20000, i);
			if (take_in(a, &o, &r, NULL) == 0 && write(pipes[1], "k", 1) != 1)
				_exit(3);
		}
		kill(getpid(), SIGKILL);
	}
	close(pipes[1]);
	unsigned n = 0;
	while (read(pipes[0], &told, 1) == 1)
		n++;
	close(pipes[0]);
	waitpid(child, NULL, 0);
	assert_int_equal(n, 12);
	for (int round = 0; round < 3; round++) {
		if (round == 1) { /* the index is gone altogether */
			char path[100];
			static const char *const tails[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm",
							    "clean"};
			for (unsigned i = 0; i < 4; i++) {
				snprintf(path, sizeof path, "%s/%s", folder, tails[i]);
				unlink(path);
			}
		}
		struct archive *a = open_archive();
		for (unsigned i = 0; i < 12; i++) {
			struct object o = make_object("P1", 1, i, i % 4 == 3 ? 3 << 20 : 20000, i);
			assert_there(a, &o);
			buf_cleanup(&o.data);
		}
		assert_sound(a, 12);
		archive_close(a);
	}
}

/* The n-th call of the store fails, for every n: the object is there whole, or refused and not there; the node goes on.
 */
static void every_failing_call(void **state)
{
	(void)state;
#ifndef TELEREAD_FAULTS
	skip();
#endif
	static const char *const calls[] = {"create", "write", "sync", "room"};
	for (unsigned c = 0; c < 4; c++)
		for (unsigned n = 1, failed = 1; failed && n < 40; n++) {
			char plan[40];
			struct object o[3] = {make_object("P1", 1, 1, 30000, 1), make_object("P1", 1, 2, 3 << 20, 2),
					      make_object("P1", 1, 3, 10, 3)};
			setup(NULL);
			snprintf(plan, sizeof plan, "%s:%u", calls[c], n);
			setenv("TELEREAD_FAULT_BLOB", plan, 1);
			struct archive *a = open_archive();
			uint64_t kept = 0;
			failed = 0;
			for (unsigned i = 0; i < 3; i++) {
				bool same;
				struct intake_result r;
				struct err e = {0};
				int rc = take_in(a, &o[i], &r, &e);
				if (rc == 0) {
					assert_there(a, &o[i]);
					kept++;
					continue;
				}
				failed++;
				assert_true(e.msg[0]);
				assert_int_equal(found(a, &o[i], &same), 0);
				usleep(210000);                                 /* free space is asked for again */
				assert_int_equal(take_in(a, &o[i], &r, &e), 0); /* and again, as a sender does */
				assert_there(a, &o[i]);
				kept++;
			}
			archive_close(a);
			unsetenv("TELEREAD_FAULT_BLOB");
			a = open_archive();
			for (unsigned i = 0; i < 3; i++)
				assert_there(a, &o[i]);
			assert_sound(a, kept);
			archive_close(a);
			for (unsigned i = 0; i < 3; i++)
				buf_cleanup(&o[i].data);
			teardown(NULL);
		}
	setup(NULL);
}

static const char *const clean_file[] = {"clean"};
static const char *const index_files[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};

/* An archive with a small and a large instance, as a crash leaves it that came before the index had said so. */
static void leave_behind(struct object o[2], const char *sql)
{
	struct intake_result r;
	struct archive *a = open_archive();
	for (unsigned i = 0; i < 2; i++) {
		o[i] = make_object("P1", 1, i, i ? 3 << 20 : 900000, i);
		assert_int_equal(take_in(a, &o[i], &r, NULL), 0);
	}
	query_rows(a, sql);
	archive_close(a);
	remove_files(clean_file, 1);
}

static void assert_both(const struct object o[2])
{
	struct archive *a = open_archive();
	assert_there(a, &o[0]);
	assert_there(a, &o[1]);
	assert_sound(a, 2);
	archive_close(a);
}

static void forget_both(struct object o[2])
{
	buf_cleanup(&o[0].data);
	buf_cleanup(&o[1].data);
}

/* The index is derived: taken away after a clean stop, it is built again by the next start. */
static void index_lost_after_a_clean_stop(void **state)
{
	(void)state;
	struct object o[2];
	leave_behind(o, "SELECT 1");
	assert_both(o); /* leaves the folder clean */
	remove_files(index_files, 3);
	assert_both(o);
	forget_both(o);
}

/* A pack that cannot be read at this start is neither cut nor removed: the next one finds everything. */
static void unreadable_while_tidying(void **state)
{
	(void)state;
#ifndef TELEREAD_FAULTS
	skip();
#endif
	static const char *const before[] = {"UPDATE meta SET value = '1' WHERE key = 'floor'",
					     "UPDATE meta SET value = '1' WHERE key = 'floor';"
					     "DELETE FROM instance; DELETE FROM series; DELETE FROM stat_delta;"
					     "DELETE FROM study_class; DELETE FROM study_modality; DELETE FROM study;"
					     "UPDATE meta SET value = '0' WHERE key = 'through'"};
	for (unsigned i = 0; i < 2; i++)
		for (unsigned n = 1; n < 16; n++) {
			struct object o[2];
			struct archive *a;
			char plan[40];
			setup(NULL);
			leave_behind(o, before[i]);
			snprintf(plan, sizeof plan, "read:%u", n);
			setenv("TELEREAD_FAULT_BLOB", plan, 1);
			if (archive_open(&config, ARCHIVE_SERVE, &a, NULL) == 0)
				archive_close(a);
			unsetenv("TELEREAD_FAULT_BLOB");
			assert_both(o);
			forget_both(o);
			teardown(NULL);
		}
	setup(NULL);
}

/* A damaged index says nothing about the packs: recovery refuses, and voids none of their records. */
static void damaged_index_voids_nothing(void **state)
{
	(void)state;
	struct object o[2];
	struct archive *a;
	char path[100], garbage[4096];
	int64_t page = 0;
	struct db_conn *c;
	leave_behind(o, "UPDATE meta SET value = '1' WHERE key = 'floor';"
			"UPDATE meta SET value = '1' WHERE key = 'through'");
	assert_int_equal(archive_open(&config, ARCHIVE_READ, &a, NULL), 0);
	assert_int_equal(db_get(archive_db(a), DB_READ, &c, NULL), 0);
	db_one_int(c, "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_instance_1'", &page, NULL);
	db_put(c);
	archive_close(a);
	assert_true(page > 1);
	snprintf(path, sizeof path, "%s/index.sqlite", folder);
	memset(garbage, 0xff, sizeof garbage);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, garbage, sizeof garbage, (page - 1) * 4096), sizeof garbage);
	close(fd);
	assert_true(archive_open(&config, ARCHIVE_SERVE, &a, NULL) < 0);
	remove_files(index_files, 3);
	assert_both(o);
	forget_both(o);
}

/* What the index refuses is not kept: the sender is told so, and nobody finds it in the packs afterwards. */
static void refused_by_the_index(void **state)
{
	(void)state;
	struct intake_result r;
	struct archive *a = open_archive();
	struct object o = make_object("P1", 1, 1, 1000, 1);
	query_rows(a, "CREATE TRIGGER no BEFORE INSERT ON instance BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_true(take_in(a, &o, &r, NULL) < 0);
	query_rows(a, "DROP TRIGGER no");
	assert_sound(a, 0);
	assert_int_equal(take_in(a, &o, &r, NULL), 0);
	assert_there(a, &o);
	assert_sound(a, 1);
	archive_close(a);
	buf_cleanup(&o.data);
}

/* Durable, but the index was full: the next start finds it, however many packs were begun since. */
static void unindexed_stays_above_the_floor(void **state)
{
	(void)state;
	struct intake_result r;
	struct object o;
	config_set(&config, "archive.pack_size", "16M", NULL);
	struct archive *a = open_archive();
	query_rows(a, "PRAGMA max_page_count = 1"); /* of what there is */
	unsigned n = 0, taken = 0;
	int rc = 0;
	for (; rc == 0 && n < 5000; n++) {
		o = make_object("P1", n, 1, 10, n);
		rc = take_in(a, &o, &r, NULL);
		buf_cleanup(&o.data);
	}
	assert_int_equal(rc, -E_FULL);
	query_rows(a, "PRAGMA max_page_count = 1000000000");
	for (taken = 0; taken < 40; taken++) { /* more than two packs */
		o = make_object("P2", 6000 + taken, 1, 900000, taken);
		assert_int_equal(take_in(a, &o, &r, NULL), 0);
		buf_cleanup(&o.data);
	}
	archive_close(a);
	a = open_archive();
	assert_sound(a, n + taken);
	archive_close(a);
}

/* The index was full for a while: what it lacks then comes into it before anything else does, whatever its size, so that
 * the first one stays the first. Nothing is applied twice at the next start. */
static void order_holds_where_the_index_was_full(void **state)
{
	(void)state;
	static const size_t sizes[] = {10, 3000000};
	for (unsigned i = 0; i < 2; i++) {
		struct object first = make_object("P1", 1, 1, 1000, 1), late, other;
		struct decision drop = {
		    .what = DECIDE_DROP, .study = "1.2.826.0.1.1", .who = "tester", .why = "a test"};
		struct decision_result done;
		struct intake_result r;
		bool same;
		unsigned n = 1;
		int rc;
		setup(NULL);
		struct archive *a = open_archive();
		assert_int_equal(take_in(a, &first, &r, NULL), 0);
		query_rows(a, "PRAGMA max_page_count = 1"); /* of what there is */
		for (late = first; n == 1 || rc == 0; rc = take_in(a, &late, &r, NULL)) {
			if (n > 1)
				buf_cleanup(&late.data);
			n++;
			late = make_object("P2", n, 1, sizes[i], n);
		}
		assert_int_equal(rc, -E_FULL);
		assert_int_equal(found(a, &late, &same), 0);
		query_rows(a, "PRAGMA max_page_count = 1000000000");
		other = make_object("P2", n, 1, sizes[i], n + 1);
		assert_int_equal(take_in(a, &other, &r, NULL), 0);
		assert_int_equal(r.outcome, INTAKE_QUARANTINE);
		assert_there(a, &late);
		assert_int_equal(decide(a, &drop, &done, NULL), 0);
		assert_true(done.done && done.records == 1);
		archive_close(a);
		a = open_archive();
		assert_there(a, &late);
		assert_int_equal(found(a, &first, &same), 0);
		assert_sound(a, n + 2);
		archive_close(a);
		buf_cleanup(&first.data), buf_cleanup(&late.data), buf_cleanup(&other.data);
		teardown(NULL);
	}
	setup(NULL);
}

static void one_node_for_a_folder(void **state)
{
	(void)state;
	struct archive *a = open_archive(), *b;
	struct err e = {0};
	assert_int_equal(archive_open(&config, ARCHIVE_SERVE, &b, &e), -E_BUSY);
	assert_int_equal(archive_open(&config, ARCHIVE_READ, &b, &e), 0);
	archive_close(b);
	archive_close(a);
}

/* Who reads beside a node of an older version must not move the index under it. */
static void readers_do_not_migrate_under_a_node(void **state)
{
	(void)state;
	struct archive *a = open_archive(), *b;
	struct err e = {0};
	query_rows(a, "CREATE TABLE was AS SELECT max(version) AS v FROM schema_version;"
		      "DELETE FROM schema_version WHERE version = (SELECT v FROM was)");
	assert_int_equal(archive_open(&config, ARCHIVE_READ, &b, &e), -E_BUSY);
	assert_non_null(strstr(e.msg, "older version"));
	query_rows(a, "INSERT INTO schema_version SELECT v FROM was; DROP TABLE was");
	assert_int_equal(archive_open(&config, ARCHIVE_READ, &b, NULL), 0);
	archive_close(b);
	archive_close(a);
}

static void below_the_reserve(void **state)
{
	(void)state;
	struct intake_result r;
	struct err e = {0};
	struct object o = make_object("P1", 1, 1, 1000, 1);
	config.reserve = INT64_MAX / 4;
	struct archive *a = open_archive();
	assert_int_equal(take_in(a, &o, &r, &e), -E_FULL);
	archive_close(a);
	buf_cleanup(&o.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(outcomes, setup, teardown),
	    cmocka_unit_test_setup_teardown(acknowledged_survives_a_kill, setup, teardown),
	    cmocka_unit_test_setup_teardown(every_failing_call, setup, teardown),
	    cmocka_unit_test_setup_teardown(index_lost_after_a_clean_stop, setup, teardown),
	    cmocka_unit_test_setup_teardown(unreadable_while_tidying, setup, teardown),
	    cmocka_unit_test_setup_teardown(damaged_index_voids_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused_by_the_index, setup, teardown),
	    cmocka_unit_test_setup_teardown(unindexed_stays_above_the_floor, setup, teardown),
	    cmocka_unit_test_setup_teardown(order_holds_where_the_index_was_full, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_node_for_a_folder, setup, teardown),
	    cmocka_unit_test_setup_teardown(readers_do_not_migrate_under_a_node, setup, teardown),
	    cmocka_unit_test_setup_teardown(below_the_reserve, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/intake", tests, NULL, NULL);
}
