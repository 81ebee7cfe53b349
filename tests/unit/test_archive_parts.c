/* Series and instances that are dropped by themselves: what is left of their study, what comes back, what the packs say. */
#include "archive/change.h"
#include "archive/event.h"
#include "archive/lookup.h"
#include "archive_help.h"

#define STUDY "1.2.826.0.1.1"
#define SERIES(n) STUDY "." #n

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

/* What the object says of its study is in `says`: description, and the patient's name. */
static struct object part(unsigned series, unsigned n, const char *modality, const char *says)
{
	struct object o = {.data = BUF(1 << 20)};
	AUTO(dset) d = NULL;
	char uid[65], name[65];
	assert_int_equal(dset_new(&d, NULL), 0);
	snprintf(o.sop, sizeof o.sop, STUDY ".%u.%u", series, n);
	snprintf(uid, sizeof uid, STUDY ".%u", series);
	snprintf(name, sizeof name, "DEMO^%s", says);
	dset_put_text(d, TAG(8, 0x16), CT, NULL);
	dset_put_text(d, TAG(8, 0x18), o.sop, NULL);
	dset_put_text(d, TAG(8, 0x20), "20260102", NULL);
	dset_put_text(d, TAG(8, 0x60), modality, NULL);
	dset_put_text(d, TAG(8, 0x1030), says, NULL);
	dset_put_text(d, TAG(8, 0x103e), says, NULL);
	dset_put_text(d, TAG(0x10, 0x10), name, NULL);
	dset_put_text(d, TAG(0x10, 0x20), "P1", NULL);
	dset_put_text(d, TAG(0x20, 0xd), STUDY, NULL);
	dset_put_text(d, TAG(0x20, 0xe), uid, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &o.data, NULL), 0);
	return o;
}

static int decide_part(struct archive *a, enum decision_kind what, const char *series, const char *instance,
		       struct decision_result *done, struct err *e)
{
	struct decision d = {.what = what, .study = STUDY, .who = "tester", .why = "a test"};
	snprintf(d.series, sizeof d.series, "%s", series);
	snprintf(d.sop_instance, sizeof d.sop_instance, "%s", instance);
	return decide(a, &d, done, e);
}

static void done_part(struct archive *a, enum decision_kind what, const char *series, const char *instance,
		      uint64_t records)
{
	struct decision_result done;
	struct err e = {0};
	if (decide_part(a, what, series, instance, &done, &e) < 0)
		fail_msg("%s: %s", decision_name(what), e.msg);
	assert_true(done.done);
	assert_int_equal(done.records, records);
	assert_int_equal(done.left, 0);
}

/* "1 studies: CT\MR DEMO^A A 2 series 3 instances", as queries answer. */
static const char *study_says(struct archive *a)
{
	static const uint32_t tags[] = {TAG(8, 0x61), TAG(0x10, 0x10), TAG(8, 0x1030), TAG(0x20, 0x1206),
					TAG(0x20, 0x1208)};
	static char text[400];
	AUTO(dset) keys = NULL;
	const struct dset *row;
	struct cursor *c;
	struct err e = {0};
	text[0] = 0;
	assert_int_equal(dset_new(&keys, NULL), 0);
	dset_put_text(keys, TAG(0x20, 0xd), STUDY, NULL);
	for (unsigned i = 0; i < 5; i++)
		dset_put_text(keys, tags[i], "", NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	if (query_open(a, &q, &c, &e) < 0)
		fail_msg("%s", e.msg);
	while (cursor_next(c, &row, &e) == 1)
		for (unsigned i = 0; i < 5; i++) {
			size_t n = strlen(text);
			snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", dset_text(row, tags[i]));
		}
	cursor_close(c);
	return text;
}

/* How many studies a name, and a patient, finds. */
static unsigned found_by(struct archive *a, uint32_t tag, const char *value)
{
	AUTO(dset) keys = NULL;
	const struct dset *row;
	struct cursor *c;
	unsigned n = 0;
	assert_int_equal(dset_new(&keys, NULL), 0);
	dset_put_text(keys, tag, value, NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	assert_int_equal(query_open(a, &q, &c, NULL), 0);
	while (cursor_next(c, &row, NULL) == 1)
		n++;
	cursor_close(c);
	return n;
}

struct five {
	struct object o[5];
};

static struct archive *open_five(struct five *f)
{
	struct archive *a = open_archive();
	struct intake_result r;
	f->o[0] = part(1, 1, "CT", "A");
	f->o[1] = part(1, 2, "CT", "B");
	f->o[2] = part(2, 1, "MR", "C");
	f->o[3] = part(2, 2, "MR", "D");
	f->o[4] = part(1, 3, "CT", "E");
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(take_in(a, &f->o[i], &r, NULL), 0);
		assert_int_equal(r.outcome, INTAKE_STORED);
	}
	assert_string_equal(study_says(a), "CT\\MR DEMO^A A 2 5");
	return a;
}

static void close_five(struct archive *a, struct five *f)
{
	archive_close(a);
	for (unsigned i = 0; i < 5; i++)
		buf_cleanup(&f->o[i].data);
}

static void there(struct archive *a, const struct five *f, const char *which)
{
	for (unsigned i = 0; i < 5; i++) {
		bool same = true;
		assert_int_equal(found(a, &f->o[i], &same), strchr(which, '0' + (int)i) != NULL);
		assert_true(same);
	}
}

static void a_series_goes_and_comes_back(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	done_part(a, DECIDE_DROP, SERIES(2), "", 2);
	there(a, &f, "014");
	assert_string_equal(study_says(a), "CT DEMO^A A 1 3");
	assert_sound(a, 6);
	done_part(a, DECIDE_RESTORE, SERIES(2), "", 2);
	there(a, &f, "01234");
	assert_string_equal(study_says(a), "CT\\MR DEMO^A A 2 5");
	assert_sound(a, 7);
	close_five(a, &f);
}

/* Those that stay say what the study is, and what the patient is called. */
static void the_next_one_speaks(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	assert_int_equal(found_by(a, TAG(0x10, 0x10), "DEMO^A"), 1);
	done_part(a, DECIDE_DROP, SERIES(1), f.o[0].sop, 1);
	there(a, &f, "1234");
	assert_string_equal(study_says(a), "CT\\MR DEMO^B B 2 4");
	assert_int_equal(found_by(a, TAG(0x10, 0x10), "DEMO^A"), 0);
	assert_int_equal(found_by(a, TAG(0x10, 0x10), "DEMO^B"), 1);
	assert_sound(a, 6);
	done_part(a, DECIDE_DROP, SERIES(1), "", 2);
	there(a, &f, "23");
	assert_string_equal(study_says(a), "MR DEMO^C C 1 2");
	assert_sound(a, 7);
	done_part(a, DECIDE_DROP, SERIES(2), f.o[3].sop, 1);
	assert_string_equal(study_says(a), "MR DEMO^C C 1 1");
	done_part(a, DECIDE_RESTORE, "", "", 4); /* of the study: all that is in the bin */
	there(a, &f, "01234");
	assert_string_equal(study_says(a), "CT\\MR DEMO^C C 2 5");
	assert_sound(a, 9);
	close_five(a, &f);
}

static void one_instance_comes_back_and_speaks_again(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	done_part(a, DECIDE_DROP, SERIES(1), f.o[0].sop, 1);
	done_part(a, DECIDE_DROP, SERIES(1), f.o[4].sop, 1);
	assert_string_equal(study_says(a), "CT\\MR DEMO^B B 2 3");
	done_part(a, DECIDE_RESTORE, SERIES(1), f.o[4].sop, 1);
	assert_string_equal(study_says(a), "CT\\MR DEMO^B B 2 4");
	there(a, &f, "1234");
	done_part(a, DECIDE_RESTORE, SERIES(1), f.o[0].sop, 1);
	assert_string_equal(study_says(a), "CT\\MR DEMO^A A 2 5");
	assert_sound(a, 9);
	close_five(a, &f);
}

/* No empty shell is left of a series or study, nor a patient without studies. */
static void the_last_one_takes_all_with_it(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	struct decision_result done;
	struct err e = {0};
	done_part(a, DECIDE_DROP, SERIES(2), f.o[2].sop, 1);
	done_part(a, DECIDE_DROP, SERIES(2), f.o[3].sop, 1);
	assert_string_equal(study_says(a), "CT DEMO^A A 1 3");
	assert_int_equal(decide_part(a, DECIDE_DROP, SERIES(2), "", &done, &e), -E_NOENT);
	done_part(a, DECIDE_DROP, SERIES(1), "", 3);
	assert_string_equal(study_says(a), "");
	assert_int_equal(found_by(a, TAG(0x10, 0x20), "P1"), 0);
	assert_int_equal(found_by(a, TAG(0x10, 0x10), "DEMO^*"), 0);
	assert_int_equal(decide_part(a, DECIDE_DROP, "", "", &done, &e), -E_NOENT);
	assert_sound(a, 8);
	done_part(a, DECIDE_RESTORE, "", "", 5);
	assert_string_equal(study_says(a), "CT\\MR DEMO^A A 2 5");
	there(a, &f, "01234");
	assert_sound(a, 9);
	close_five(a, &f);
}

static void parts_are_held_with_their_study(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	struct decision_result done;
	struct err e = {0};
	done_part(a, DECIDE_HOLD, "", "", 0);
	assert_int_equal(decide_part(a, DECIDE_DROP, SERIES(2), "", &done, &e), -E_DENIED);
	assert_int_equal(decide_part(a, DECIDE_DROP, SERIES(2), f.o[2].sop, &done, NULL), -E_DENIED);
	done_part(a, DECIDE_UNHOLD, "", "", 0);
	archive_close(a);
	config_set(&config, "archive.retention_years", "30", NULL);
	a = open_archive();
	e = (struct err){0};
	assert_int_equal(decide_part(a, DECIDE_DROP, SERIES(2), "", &done, &e), -E_DENIED);
	assert_non_null(strstr(e.msg, "kept until 2056-01-02"));
	there(a, &f, "01234");
	close_five(a, &f);
}

static void what_is_no_part_is_refused(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	struct decision_result done;
	assert_int_equal(decide_part(a, DECIDE_DROP, "1.2.3", "", &done, NULL), -E_NOENT);
	assert_int_equal(decide_part(a, DECIDE_DROP, SERIES(2), f.o[0].sop, &done, NULL),
			 -E_NOENT); /* of another series */
	assert_int_equal(decide_part(a, DECIDE_DROP, "", f.o[0].sop, &done, NULL), -E_INVAL);
	assert_int_equal(decide_part(a, DECIDE_DROP, "..", "", &done, NULL), -E_INVAL);
	assert_int_equal(decide_part(a, DECIDE_HOLD, SERIES(2), "", &done, NULL), -E_INVAL);
	assert_int_equal(decide_part(a, DECIDE_RESTORE, SERIES(2), "", &done, NULL), -E_NOENT);
	there(a, &f, "01234");
	assert_sound(a, 5);
	close_five(a, &f);
}

/* Dropped, sent again, brought back: the one that is there stays; tags and feed tell of all of it. */
static void a_part_that_is_sent_again(void **state)
{
	(void)state;
	struct five f;
	struct archive *a = open_five(&f);
	struct intake_result r;
	struct stored s;
	struct change_feed feed;
	char before[LOOKUP_TAG], after[LOOKUP_TAG];
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", before, NULL), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", f.o[2].sop, &s, NULL), 0);
	done_part(a, DECIDE_DROP, SERIES(2), f.o[2].sop, 1);
	assert_int_equal(lookup_known(a, &everything, STUDY, "", f.o[2].sop, &s), 0);
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", after, NULL), 0);
	assert_string_not_equal(before, after);
	assert_int_equal(take_in(a, &f.o[2], &r, NULL), 0);
	assert_int_equal(r.outcome, INTAKE_STORED);
	done_part(a, DECIDE_RESTORE, SERIES(2), f.o[2].sop, 1); /* settled: it is there already */
	there(a, &f, "01234");
	assert_string_equal(study_says(a), "CT\\MR DEMO^A A 2 5");
	assert_int_equal(change_each(a, s.site, UINT64_MAX, 0, NULL, NULL, &feed, NULL), 0);
	assert_int_equal(feed.last, 7); /* five, one dropped, one stored */
	assert_sound(a, 8);
	close_five(a, &f);
}

/* ---- from packs */

static int last_decided(void *arg, const struct decided *d)
{
	*(struct decided *)arg = *d;
	return 0;
}

static void an_index_from_packs_has_parts(void **state)
{
	(void)state;
	static const char *const index[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "clean"};
	struct five f;
	struct archive *a = open_five(&f);
	struct decided d = {0};
	done_part(a, DECIDE_DROP, SERIES(1), f.o[0].sop, 1);
	done_part(a, DECIDE_DROP, SERIES(2), "", 2);
	done_part(a, DECIDE_RESTORE, SERIES(2), f.o[3].sop, 1);
	archive_close(a);
	remove_files(index, 4);
	a = open_archive();
	there(a, &f, "134");
	assert_string_equal(study_says(a), "CT\\MR DEMO^B B 2 3");
	assert_int_equal(decided_each(a, STUDY, last_decided, &d, NULL), 0);
	assert_int_equal(d.decision.what, DECIDE_RESTORE);
	assert_string_equal(d.decision.series, SERIES(2));
	assert_string_equal(d.decision.sop_instance, f.o[3].sop);
	assert_sound(a, 8);
	close_five(a, &f);
}

/* A program that knows no parts must not take the decision for one about all of the study. */
static void a_part_is_of_a_kind_of_its_own(void **state)
{
	(void)state;
	struct event whole = {.decision = {.what = DECIDE_DROP, .study = STUDY, .who = "a", .why = "b"}}, one = whole;
	AUTO(buf) text = BUF(4096);
	strcpy(one.decision.series, SERIES(1));
	assert_int_equal(event_write(&whole, &text, NULL), 0);
	assert_memory_equal(text.data, "\1\4drop\2", 7);
	buf_clear(&text);
	assert_int_equal(event_write(&one, &text, NULL), 0);
	assert_memory_equal(text.data, "\1\11drop-part\2", 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_series_goes_and_comes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_next_one_speaks, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_instance_comes_back_and_speaks_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_last_one_takes_all_with_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(parts_are_held_with_their_study, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_part_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_part_that_is_sent_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_index_from_packs_has_parts, setup, teardown),
	    cmocka_unit_test(a_part_is_of_a_kind_of_its_own),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/parts", tests, NULL, NULL);
}
