/* Decisions: what they do to the index, to a retrieval and a refresh under way, and what happens when they fail. */
#include "archive/index_refresh.h"
#include "archive/pack.h"
#include "archive_help.h"
#include <xxhash.h>

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

static int see_kept(void *arg, const struct kept *k)
{
	*(struct kept *)arg = *k;
	return 0;
}

/* A data set whose name was not seen before it had to be written out: the decision about it does not know either whose
 * place it would take. */
static void nothing_replaces_what_is_held(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), again = make_object("P1", 1, 1, 1000, 2);
	struct decision hold = about_study(DECIDE_HOLD, "1.2.826.0.1.1"), replace = about_study(DECIDE_REPLACE, "");
	struct decision_result done;
	struct intake_result r;
	struct kept k = {0};
	struct kept_filter all = {.study = "", .kind = "unreadable"};
	struct object nameless = {.data = BUF(64 << 20)};
	static const uint8_t head[12] = {4, 0, 1, 0, 'U', 'N', 0, 0, 0, 0, 0x20, 0};
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(decide(a, &hold, &done, NULL), 0);
	assert_int_equal(buf_put(&nameless.data, head, sizeof head, NULL), 0);
	assert_int_equal(buf_reserve(&nameless.data, 2 << 20, NULL), 0);
	memset(nameless.data.data + nameless.data.len, 0, 2 << 20);
	nameless.data.len += 2 << 20;
	assert_int_equal(buf_put(&nameless.data, again.data.data, again.data.len, NULL), 0);
	assert_int_equal(take_in_as(a, &nameless, "", &r, NULL), 0);
	assert_int_equal(r.outcome, INTAKE_UNREADABLE);
	assert_int_equal(kept_each(a, &all, see_kept, &k, NULL), 0);
	assert_string_equal(k.where.sop_instance, "");
	replace.number = k.seq;
	assert_int_equal(decide(a, &replace, &done, NULL), 0);
	assert_false(done.done);
	assert_non_null(strstr(done.reason, "held"));
	assert_there(a, &one);
	assert_sound(a, 4);
	hold.what = DECIDE_UNHOLD;
	assert_int_equal(decide(a, &hold, &done, NULL), 0);
	assert_int_equal(decide(a, &replace, &done, NULL), 0);
	assert_true(done.done);
	assert_sound(a, 6);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&again.data), buf_cleanup(&nameless.data);
}

/* A refresh has read a head; its study goes, and the next one gets the keys that are free. */
static void a_refresh_writes_into_no_other_study(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), other = make_object("P2", 2, 1, 1000, 2);
	struct decision drop = about_study(DECIDE_DROP, "1.2.826.0.1.1");
	struct decision_result done;
	struct intake_result r;
	struct refresh_row row;
	struct db_conn *c;
	char remark[160];
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(db_get(archive_db(a), DB_READ, &c, NULL), 0);
	assert_int_equal(index_refresh_page(c, 0, 10, &row, 1, NULL), 1);
	db_put(c);
	assert_int_equal(index_head_new(UID_EXPLICIT_LE, NULL, &row.head, NULL), 0);
	assert_int_equal(index_head_feed(row.head, one.data.data, one.data.len, NULL), 0);
	assert_int_equal(index_head_end(row.head, remark, NULL), 0);
	assert_int_equal(decide(a, &drop, &done, NULL), 0);
	assert_int_equal(take_in(a, &other, &r, NULL), 0);
	assert_int_equal(db_get(archive_db(a), DB_WRITE, &c, NULL), 0);
	assert_int_equal(db_begin(c, NULL), 0);
	assert_int_equal(index_refresh_put(c, &row, NULL), 0);
	assert_int_equal(db_commit(c, NULL), 0);
	db_put(c);
	index_head_free(row.head);
	assert_sound(a, 3);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&other.data);
}

static void nothing_comes_in_behind_a_refresh(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1);
	struct decision drop = about_study(DECIDE_DROP, "1.2.826.0.1.1"), undo = drop;
	struct decision_result done;
	struct intake_result r;
	struct err e = {0};
	undo.what = DECIDE_RESTORE;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	query_rows(a, "REPLACE INTO meta VALUES ('refresh_upto', '9')");
	assert_int_equal(decide(a, &drop, &done, NULL), 0);
	assert_int_equal(decide(a, &undo, &done, &e), -E_BUSY);
	assert_non_null(strstr(e.msg, "being refreshed"));
	query_rows(a, "REPLACE INTO meta VALUES ('refresh_upto', '0')");
	assert_int_equal(decide(a, &undo, &done, NULL), 0);
	assert_there(a, &one);
	assert_sound(a, 3);
	archive_close(a);
	buf_cleanup(&one.data);
}

static int count_aside(void *arg, const struct set_aside *s)
{
	unsigned *n = arg;
	char uid[65];
	snprintf(uid, sizeof uid, "1.2.3.%u", ++*n);
	assert_string_equal(s->study, uid);
	assert_string_equal(s->who, "tester");
	return 0;
}

static void holds_come_in_pages(void **state)
{
	(void)state;
	enum { MANY = 203 };
	struct archive *a = open_archive();
	struct decision_result done;
	unsigned n = 0;
	for (unsigned i = 1; i <= MANY; i++) {
		struct decision d = about_study(DECIDE_HOLD, "");
		snprintf(d.study, sizeof d.study, "1.2.3.%u", i);
		assert_int_equal(decide(a, &d, &done, NULL), 0);
	}
	assert_int_equal(hold_each(a, count_aside, &n, NULL), 0);
	assert_int_equal(n, MANY);
	archive_close(a);
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
	    cmocka_unit_test_setup_teardown(a_selection_never_meets_another, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_replaces_what_is_held, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_refresh_writes_into_no_other_study, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_comes_in_behind_a_refresh, setup, teardown),
	    cmocka_unit_test_setup_teardown(holds_come_in_pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(decisions_that_cannot_be_written, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_unknown_decision_is_not_passed_over, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/kept", tests, NULL, NULL);
}
