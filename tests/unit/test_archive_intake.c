/* Intake from the first byte to the answer: what is acknowledged is there, byte for byte, after every kind of end. */
#include "archive/check.h"
#include "archive/intake.h"
#include "archive/kept.h"
#include "archive/pack.h"
#include "archive/query.h"
#include "archive/registry.h"
#include "dicom/dset.h"
#include "shim/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
static char folder[] = "/tmp/test-intake.XXXXXX";
static struct config config;

static int setup(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(config_default(&config, NULL), 0);
	config_set(&config, "node.data", folder, NULL);
	config_set(&config, "archive.reserve", "1M", NULL);
	config_set(&config, "archive.prewrite", "16M", NULL);
	return 0;
}

static int teardown(void **state)
{
	char command[100];
	(void)state;
	config_cleanup(&config);
	unsetenv("TELEREAD_FAULT_BLOB");
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static struct archive *open_archive(void)
{
	struct archive *a;
	struct err e = {0};
	struct site s = {.code = "COUNTY", .name = "County"};
	if (archive_open(&config, ARCHIVE_SERVE, &a, &e) < 0)
		fail_msg("archive_open: %s", e.msg);
	site_add(a, &s, NULL); /* there already after the first time */
	return a;
}

struct object {
	struct buf data;
	char sop[65];
};

/* A CT image, n-th of its study; pixels bytes of a pattern that depends on salt. */
static struct object make_object(const char *patient, unsigned study, unsigned n, size_t pixels, unsigned salt)
{
	struct object o = {.data = BUF(64 << 20)};
	AUTO(dset) d = NULL;
	char uid[65];
	assert_int_equal(dset_new(&d, NULL), 0);
	snprintf(o.sop, sizeof o.sop, "1.2.826.0.1.%u.1.%u", study, n);
	dset_put_text(d, TAG(8, 0x16), CT, NULL);
	dset_put_text(d, TAG(8, 0x18), o.sop, NULL);
	dset_put_text(d, TAG(8, 0x20), "20260102", NULL);
	dset_put_text(d, TAG(8, 0x60), "CT", NULL);
	dset_put_text(d, TAG(0x10, 0x10), "DEMO^ONE", NULL);
	dset_put_text(d, TAG(0x10, 0x20), patient, NULL);
	snprintf(uid, sizeof uid, "1.2.826.0.1.%u", study);
	dset_put_text(d, TAG(0x20, 0xd), uid, NULL);
	snprintf(uid, sizeof uid, "1.2.826.0.1.%u.1", study);
	dset_put_text(d, TAG(0x20, 0xe), uid, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &o.data, NULL), 0);
	uint8_t head[12] = {0xe0,
			    0x7f,
			    0x10,
			    0,
			    'O',
			    'W',
			    0,
			    0,
			    (uint8_t)pixels,
			    (uint8_t)(pixels >> 8),
			    (uint8_t)(pixels >> 16),
			    (uint8_t)(pixels >> 24)};
	buf_put(&o.data, head, sizeof head, NULL);
	assert_int_equal(buf_reserve(&o.data, pixels, NULL), 0);
	for (size_t i = 0; i < pixels; i++)
		o.data.data[o.data.len++] = (uint8_t)(i * 2654435761u >> 13 ^ salt);
	return o;
}

static int take_in(struct archive *a, const struct object *o, struct intake_result *r, struct err *e)
{
	struct site site;
	struct intake *in;
	assert_int_equal(site_get(a, "COUNTY", &site, NULL), 0);
	struct intake_source src = {.site = site.id, .site_code = "COUNTY", .aet = "CT1", .door = "test"};
	int rc = intake_begin(a, &src, UID_EXPLICIT_LE, CT, o->sop, &in, e);
	if (rc < 0)
		return rc;
	for (size_t at = 0; at < o->data.len && rc == 0; at += 100000)
		rc = intake_write(in, o->data.data + at, o->data.len - at < 100000 ? o->data.len - at : 100000, e);
	if (rc < 0) {
		intake_abort(in);
		return rc;
	}
	return intake_finish(in, r, e);
}

/* How many instances have this UID (0 or 1), and is the stored data set this one? */
static int found(struct archive *a, const struct object *o, bool *identical)
{
	AUTO(dset) keys = NULL;
	struct selection *s;
	struct stored at;
	uint64_t total;
	struct err e = {0};
	struct scope all = scope_everything("test");
	dset_new(&keys, NULL);
	dset_put_text(keys, TAG(8, 0x18), o->sop, NULL);
	struct query q = {.level = LEVEL_IMAGE, .relational = true, .keys = keys, .scope = &all};
	if (select_open(a, &q, &s, &total, &e) < 0)
		fail_msg("select: %s", e.msg);
	int n = 0;
	while (select_next(s, &at, &e) == 1)
		n++;
	select_close(s);
	if (n == 1) {
		uint8_t *buf = malloc(o->data.len + 1);
		int64_t k = stored_read(a, &at, at.head_len, buf, o->data.len + 1, &e);
		*identical = k == (int64_t)o->data.len && !memcmp(buf, o->data.data, o->data.len);
		free(buf);
	}
	return n;
}

static void assert_there(struct archive *a, const struct object *o)
{
	bool same = false;
	assert_int_equal(found(a, o, &same), 1);
	assert_true(same);
}

static void print_fault(void *arg, const char *sentence)
{
	print_message("fault: %s\n", sentence);
	(void)arg;
}

static void assert_sound(struct archive *a, uint64_t records)
{
	struct err e = {0};
	struct check_report r;
	struct check_ops ops = {.fault = print_fault};
	assert_int_equal(check_fsck(a, &ops, &r, &e), 0);
	assert_int_equal(r.faults, 0);
	assert_int_equal(r.records, records);
	if (check_reindex(a, true, &ops, &r, &e) < 0)
		fail_msg("reindex: %s", e.msg);
	assert_int_equal(r.faults, 0);
}

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

static void query_rows(struct archive *a, const char *sql)
{
	struct db_conn *c;
	struct err e = {0};
	assert_int_equal(db_get(archive_db(a), DB_WRITE, &c, &e), 0);
	if (db_exec(c, sql, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	db_put(c);
}

static void remove_files(const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char path[100];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
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

/* ---- decisions */

static struct decision about_study(enum decision_kind what, const char *study)
{
	struct decision d = {.what = what, .who = "tester", .why = "a test"};
	strcpy(d.study, study);
	return d;
}

/* What a retrieval has selected goes, and something else comes: it meets nothing, never the other one. */
static void a_selection_never_meets_another(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), other = make_object("P2", 2, 1, 1000, 2);
	struct scope all = scope_everything("test");
	struct decision drop = about_study(DECIDE_DROP, "1.2.826.0.1.1"), undo = drop;
	struct decision_result done;
	struct intake_result r;
	struct selection *s[2];
	struct stored at;
	struct err e = {0};
	uint64_t total;
	AUTO(dset) keys = NULL;
	undo.what = DECIDE_RESTORE;
	assert_int_equal(take_in(a, &one, &r, &e), 0);
	dset_new(&keys, NULL);
	dset_put_text(keys, TAG(0x20, 0xd), drop.study, NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &all};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(select_open(a, &q, &s[i], &total, &e), 0);
		assert_int_equal(total, 1);
	}
	assert_int_equal(decide(a, &drop, &done, &e), 0);
	assert_true(done.done && done.records == 1);
	assert_int_equal(take_in(a, &other, &r, &e), 0);
	assert_int_equal(r.outcome, INTAKE_STORED);
	assert_int_equal(select_next(s[0], &at, &e), 0);
	assert_int_equal(decide(a, &undo, &done, &e), 0);
	assert_int_equal(select_next(s[1], &at, &e), 1); /* back again, as itself */
	assert_string_equal(at.sop_instance, one.sop);
	select_close(s[0]);
	select_close(s[1]);
	assert_sound(a, 4);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&other.data);
}

/* A write or a sync of the decision fails: it has no effect, the node goes on, and so does the next start. */
static void decisions_that_cannot_be_written(void **state)
{
	(void)state;
#ifndef TELEREAD_FAULTS
	skip();
#endif
	static const char *const calls[] = {"write", "sync"};
	for (unsigned c = 0; c < 2; c++)
		for (unsigned n = 1, failed = 0; !failed && n < 40; n++) {
			char plan[40];
			bool same;
			struct object o = make_object("P1", 1, 1, 30000, 1);
			struct decision drop = about_study(DECIDE_DROP, "1.2.826.0.1.1");
			struct decision_result done;
			struct intake_result r;
			struct err e = {0};
			setup(NULL);
			snprintf(plan, sizeof plan, "%s:%u", calls[c], n);
			setenv("TELEREAD_FAULT_BLOB", plan, 1);
			struct archive *a = open_archive();
			while (take_in(a, &o, &r, NULL) < 0)
				;
			int rc = decide(a, &drop, &done, &e);
			failed = rc < 0;
			assert_int_equal(found(a, &o, &same), rc < 0);
			archive_close(a);
			unsetenv("TELEREAD_FAULT_BLOB");
			a = open_archive();
			assert_int_equal(found(a, &o, &same), rc < 0);
			assert_sound(a, rc < 0 ? 1 : 2);
			rc = decide(a, &drop, &done, NULL);
			assert_int_equal(found(a, &o, &same), 0);
			archive_close(a);
			buf_cleanup(&o.data);
			teardown(NULL);
			if (n == 39 && !failed)
				fail_msg("%s: no call of a decision failed", calls[c]);
		}
	setup(NULL);
}

/* Changes the kind of the decision in the first pack, checksums and all, as a program to come might have written it. */
static void rewrite_decision(void)
{
	static uint8_t block[PACK_BLOCK];
	char path[120];
	struct record r;
	XXH128_canonical_t sum;
	bool changed = false;
	snprintf(path, sizeof path, "%s/packs/000000000000/0001.pack", folder);
	FILE *f = fopen(path, "r+be");
	assert_non_null(f);
	for (long at = PACK_BLOCK; fread(block, 1, sizeof block, f) > PACK_HEAD; at += PACK_BLOCK) {
		fseek(f, at, SEEK_SET);
		if (fread(block, 1, sizeof block, f) <= PACK_HEAD)
			break;
		if (!record_header_read(block, 1, (uint64_t)at, &r) || r.kind != RECORD_EVENT)
			continue;
		assert_memory_equal(block + PACK_HEAD + 2, "drop", 4);
		memcpy(block + PACK_HEAD + 2, "sell", 4);
		XXH128_canonicalFromHash(&sum, XXH3_128bits(block + PACK_HEAD, r.part10_len));
		memcpy(r.digest, sum.digest, sizeof r.digest);
		record_header(&r, block);
		fseek(f, at, SEEK_SET);
		fwrite(block, 1, PACK_HEAD + r.part10_len, f);
		changed = true;
		break;
	}
	fclose(f);
	assert_true(changed);
}

static void an_unknown_decision_is_not_passed_over(void **state)
{
	(void)state;
	static const char *const index[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "clean"};
	struct archive *a = open_archive();
	struct object o = make_object("P1", 1, 1, 30000, 1);
	struct decision drop = about_study(DECIDE_DROP, "1.2.826.0.1.1");
	struct decision_result done;
	struct intake_result r;
	struct err e = {0};
	assert_int_equal(take_in(a, &o, &r, &e), 0);
	assert_int_equal(decide(a, &drop, &done, &e), 0);
	archive_close(a);
	rewrite_decision();
	remove_files(index, 4);
	assert_int_equal(archive_open(&config, ARCHIVE_SERVE, &a, &e), -E_UNSUP);
	assert_non_null(strstr(e.msg, "does not know the decision \"sell\""));
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
	    cmocka_unit_test_setup_teardown(one_node_for_a_folder, setup, teardown),
	    cmocka_unit_test_setup_teardown(below_the_reserve, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_selection_never_meets_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(decisions_that_cannot_be_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_unknown_decision_is_not_passed_over, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/intake", tests, NULL, NULL);
}
