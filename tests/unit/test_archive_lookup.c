/* One instance by its UIDs: within a scope, from memory or not; what is forgotten; tags of what changes. */
#include "archive/lookup.h"
#include "archive/lookup_cache.h"
#include "archive_help.h"
#include <fcntl.h>
#include <pthread.h>

#define STUDY "1.2.826.0.1.1"
#define SERIES "1.2.826.0.1.1.1"

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void decide_on(struct archive *a, enum decision_kind what, const char *study, uint64_t number)
{
	struct decision d = {.what = what, .number = number, .who = "tester", .why = "a test"};
	struct decision_result done;
	struct err e = {0};
	snprintf(d.study, sizeof d.study, "%s", study);
	if (decide(a, &d, &done, &e) < 0)
		fail_msg("%s: %s", decision_name(what), e.msg);
	assert_true(done.done);
}

static int is_found(struct archive *a, const struct scope *scope, const struct object *o)
{
	struct stored s;
	int rc = lookup_instance(a, scope, STUDY, "", o->sop, &s, NULL);
	if (rc == 0)
		assert_string_equal(s.sop_instance, o->sop);
	return rc;
}

static int is_known(struct archive *a, const struct scope *scope, const struct object *o)
{
	struct stored s;
	return lookup_known(a, scope, STUDY, SERIES, o->sop, &s);
}

/* All of its UIDs must be right, and its site in the scope, whether it is known or not. */
static void an_instance_is_found_in_its_scope(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1);
	struct site site;
	int64_t sites[1];
	struct scope mine = {.kind = SCOPE_SITES, .n = 1, .sites = sites}, other = mine, nothing = {0};
	int64_t elsewhere[1];
	struct intake_result r;
	struct stored s;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(site_get(a, "COUNTY", &site, NULL), 0);
	sites[0] = site.id;
	elsewhere[0] = site.id + 1;
	other.sites = elsewhere;
	for (int known = 0; known < 2; known++) {
		assert_int_equal(is_known(a, &mine, &one), known);
		assert_int_equal(is_known(a, &other, &one), 0);
		assert_int_equal(is_known(a, &nothing, &one), 0);
		assert_int_equal(is_found(a, &other, &one), -E_NOENT);
		assert_int_equal(is_found(a, &nothing, &one), -E_NOENT);
		assert_int_equal(lookup_instance(a, &mine, "1.2.3", "", one.sop, &s, NULL), -E_NOENT);
		assert_int_equal(lookup_instance(a, &mine, STUDY, "1.2.3", one.sop, &s, NULL), -E_NOENT);
		assert_int_equal(lookup_instance(a, &mine, STUDY, SERIES, STUDY, &s, NULL), -E_NOENT);
		assert_int_equal(lookup_instance(a, &mine, STUDY, SERIES, one.sop, &s, NULL), 0);
	}
	assert_string_equal(s.study, STUDY);
	assert_string_equal(s.series, SERIES);
	assert_string_equal(s.sop_class, CT);
	assert_string_equal(s.syntax, UID_EXPLICIT_LE);
	assert_int_equal(s.site, site.id);
	uint8_t *bytes = malloc(one.data.len);
	assert_int_equal(stored_read(a, &s, s.head_len, bytes, one.data.len, NULL), one.data.len);
	assert_memory_equal(bytes, one.data.data, one.data.len);
	free(bytes);
	archive_close(a);
	buf_cleanup(&one.data);
}

static int keep_last(void *arg, const struct kept *k)
{
	*(struct kept *)arg = *k;
	return 0;
}

static void what_a_decision_changes_is_forgotten(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), same_uid = make_object("P1", 1, 1, 1000, 2);
	struct kept_filter all = {.study = "", .kind = ""};
	struct intake_result r;
	struct kept k = {0};
	struct stored before, after;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", one.sop, &before, NULL), 0);
	assert_int_equal(is_known(a, &everything, &one), 1);
	decide_on(a, DECIDE_DROP, STUDY, 0);
	assert_int_equal(is_known(a, &everything, &one), 0);
	assert_int_equal(is_found(a, &everything, &one), -E_NOENT);
	decide_on(a, DECIDE_RESTORE, STUDY, 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", one.sop, &after, NULL), 0);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(take_in(a, &same_uid, &r, NULL), 0);
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_int_equal(is_known(a, &everything, &one), 1); /* an arrival changes no place */
	assert_int_equal(kept_each(a, &all, keep_last, &k, NULL), 0);
	decide_on(a, DECIDE_REPLACE, "", k.seq);
	assert_int_equal(is_known(a, &everything, &one), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", one.sop, &after, NULL), 0);
	assert_memory_not_equal(before.digest, after.digest, sizeof before.digest);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&same_uid.data);
}

/* A new index knows nothing of what the old one said; tags are the same all the same. */
static void a_new_index_is_asked_anew(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1);
	struct check_ops ops = {0};
	struct check_report report;
	struct intake_result r;
	char before[LOOKUP_TAG], after[LOOKUP_TAG];
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(is_found(a, &everything, &one), 0);
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", before, NULL), 0);
	assert_int_equal(check_reindex(a, false, &ops, &report, NULL), 0);
	assert_int_equal(is_known(a, &everything, &one), 0);
	assert_int_equal(is_found(a, &everything, &one), 0);
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", after, NULL), 0);
	assert_string_equal(before, after);
	archive_close(a);
	buf_cleanup(&one.data);
}

/* Nobody tells a process that only reads of a change: it asks the index each time. */
static void a_reader_keeps_nothing(void **state)
{
	(void)state;
	struct archive *a = open_archive(), *reader;
	struct object one = make_object("P1", 1, 1, 1000, 1);
	struct intake_result r;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(archive_open(&config, ARCHIVE_READ, &reader, NULL), 0);
	assert_int_equal(is_found(reader, &everything, &one), 0);
	assert_int_equal(is_known(reader, &everything, &one), 0);
	decide_on(a, DECIDE_DROP, STUDY, 0);
	assert_int_equal(is_found(reader, &everything, &one), -E_NOENT);
	archive_close(reader);
	archive_close(a);
	buf_cleanup(&one.data);
}

static void the_file_can_be_read_by_descriptor(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 5000, 1);
	struct intake_result r;
	struct stored s;
	struct err e = {0};
	uint64_t at = 0;
	int fds[100];
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", one.sop, &s, NULL), 0);
	uint8_t *bytes = malloc(one.data.len);
	for (unsigned i = 0; i < 100; i++) /* more than are kept open */
		assert_int_equal(stored_descriptor(a, &s, &fds[i], &at, &e), 0);
	for (unsigned i = 0; i < 100; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(pread(fds[i], bytes, one.data.len, (off_t)(at + s.head_len)), one.data.len);
		assert_memory_equal(bytes, one.data.data, one.data.len);
		close(fds[i]);
	}
	s.pack += 1000;
	assert_int_equal(stored_descriptor(a, &s, fds, &at, &e), -E_NOENT);
	free(bytes);
	archive_close(a);
	buf_cleanup(&one.data);
}

static void tags(struct archive *a, char study[LOOKUP_TAG], char series[LOOKUP_TAG])
{
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", study, NULL), 0);
	assert_int_equal(lookup_tag(a, &everything, STUDY, SERIES, series, NULL), 0);
	assert_int_equal(strlen(study), 32);
	assert_string_not_equal(study, series);
}

/* Both tags are none of those that there were before. */
static void tags_are_new(struct archive *a, char (*seen)[LOOKUP_TAG], unsigned *n)
{
	tags(a, seen[*n], seen[*n + 1]);
	for (unsigned i = 0; i < *n; i++) {
		assert_string_not_equal(seen[i], seen[*n]);
		assert_string_not_equal(seen[i], seen[*n + 1]);
	}
	*n += 2;
}

static void tags_change_with_everything(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), two = make_object("P1", 1, 2, 1000, 1);
	struct object same_uid = make_object("P1", 1, 1, 1000, 2), other = make_object("P1", 2, 1, 1000, 3);
	struct kept_filter all = {.study = "", .kind = "contradiction"}, replaced = {.study = "", .kind = "replaced"};
	char seen[16][LOOKUP_TAG], study[LOOKUP_TAG], series[LOOKUP_TAG];
	struct intake_result r;
	struct kept k = {0};
	unsigned n = 0;
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", study, NULL), -E_NOENT);
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	tags_are_new(a, seen, &n);
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	tags_are_new(a, seen, &n);
	decide_on(a, DECIDE_DROP, STUDY, 0);
	assert_int_equal(lookup_tag(a, &everything, STUDY, "", study, NULL), -E_NOENT);
	assert_int_equal(lookup_tag(a, &everything, STUDY, SERIES, study, NULL), -E_NOENT);
	decide_on(a, DECIDE_RESTORE, STUDY, 0);
	tags_are_new(a, seen, &n);
	assert_int_equal(take_in(a, &same_uid, &r, NULL), 0);
	tags(a, study, series); /* what is in quarantine is not of the study */
	assert_string_equal(study, seen[n - 2]);
	assert_string_equal(series, seen[n - 1]);
	assert_int_equal(kept_each(a, &all, keep_last, &k, NULL), 0);
	decide_on(a, DECIDE_REPLACE, "", k.seq);
	tags_are_new(a, seen, &n);
	assert_int_equal(kept_each(a, &replaced, keep_last, &k, NULL), 0);
	decide_on(a, DECIDE_REPLACE, "", k.seq); /* and back */
	tags_are_new(a, seen, &n);
	assert_int_equal(take_in(a, &other, &r, NULL), 0);
	decide_on(a, DECIDE_HOLD, STUDY, 0);
	tags(a, study, series);
	assert_string_equal(study, seen[n - 2]);
	archive_close(a);
	a = open_archive();
	tags(a, study, series);
	assert_string_equal(study, seen[n - 2]);
	assert_string_equal(series, seen[n - 1]);
	struct scope nothing = {0};
	assert_int_equal(lookup_tag(a, &nothing, STUDY, "", study, NULL), -E_NOENT);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&two.data), buf_cleanup(&same_uid.data), buf_cleanup(&other.data);
}

static void an_instance_has_a_tag_of_its_own(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 1000, 1), two = make_object("P1", 1, 2, 1000, 1);
	struct intake_result r;
	struct stored s, t;
	char first[LOOKUP_TAG], again[LOOKUP_TAG], second[LOOKUP_TAG];
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", one.sop, &s, NULL), 0);
	assert_int_equal(lookup_instance(a, &everything, STUDY, "", two.sop, &t, NULL), 0);
	stored_tag(a, &s, first);
	stored_tag(a, &s, again);
	stored_tag(a, &t, second);
	assert_string_equal(first, again);
	assert_string_not_equal(first, second);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&two.data);
}

/* ---- the memory itself */

static struct stored numbered(unsigned i)
{
	struct stored s = {.site = 7, .pack = i, .at = i + 1, .part10_len = i + 2, .head_len = i + 3};
	snprintf(s.sop_instance, sizeof s.sop_instance, "1.2.%u", i);
	snprintf(s.study, sizeof s.study, "1.3.%u", i / 1000);
	snprintf(s.series, sizeof s.series, "1.4.%u", i / 100);
	snprintf(s.sop_class, sizeof s.sop_class, "%s", CT);
	snprintf(s.syntax, sizeof s.syntax, "%s", UID_EXPLICIT_LE);
	return s;
}

static void memory_is_bounded(void **state)
{
	(void)state;
	struct lookup_cache *c = lookup_cache_new();
	unsigned there = 0, last = 0, many = 3 * LOOKUP_SETS * LOOKUP_WAYS;
	for (unsigned i = 0; i < many; i++) {
		struct stored s = numbered(i), got;
		lookup_cache_put(c, 0, &s);
		assert_int_equal(lookup_cache_get(c, s.sop_instance, true, &got), 1);
		assert_memory_equal(&s, &got, sizeof s);
	}
	for (unsigned i = 0; i < many; i++) {
		struct stored s = numbered(i), got;
		int found = lookup_cache_get(c, s.sop_instance, true, &got);
		there += (unsigned)found;
		last += found && i >= many - LOOKUP_SETS;
	}
	assert_in_range(there, LOOKUP_SETS * LOOKUP_WAYS / 2, LOOKUP_SETS * LOOKUP_WAYS);
	assert_in_range(last, LOOKUP_SETS * 9 / 10, LOOKUP_SETS); /* those used last stay */
	lookup_cache_free(c);
}

/* Who read the index before a change and fills the memory behind it must not bring back what has gone. */
static void an_old_answer_is_not_kept(void **state)
{
	(void)state;
	struct lookup_cache *c = lookup_cache_new();
	struct stored s = numbered(1), got;
	uint64_t before = lookup_cache_generation(c);
	lookup_cache_forget(c);
	lookup_cache_put(c, before, &s);
	assert_int_equal(lookup_cache_get(c, s.sop_instance, true, &got), 0);
	lookup_cache_put(c, lookup_cache_generation(c), &s);
	assert_int_equal(lookup_cache_get(c, s.sop_instance, true, &got), 1);
	lookup_cache_free(c);
}

struct worker {
	struct lookup_cache *cache;
	unsigned salt, wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = (i * 7919 + w->salt) % 200;
		struct stored s = numbered(k), got;
		if (i % 3 == 0)
			lookup_cache_put(w->cache, lookup_cache_generation(w->cache), &s);
		else if (lookup_cache_get(w->cache, s.sop_instance, i % 2, &got))
			w->wrong += memcmp(&s, &got, sizeof s) != 0;
		if (i % 1000 == 0)
			lookup_cache_forget(w->cache);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	(void)state;
	struct lookup_cache *c = lookup_cache_new();
	struct worker w[4];
	pthread_t t[4];
	for (unsigned i = 0; i < 4; i++) {
		w[i] = (struct worker){.cache = c, .salt = i * 31};
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(w[i].wrong, 0);
	}
	lookup_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_instance_is_found_in_its_scope, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_a_decision_changes_is_forgotten, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_index_is_asked_anew, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_reader_keeps_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_file_can_be_read_by_descriptor, setup, teardown),
	    cmocka_unit_test_setup_teardown(tags_change_with_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_instance_has_a_tag_of_its_own, setup, teardown),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(an_old_answer_is_not_kept),
	    cmocka_unit_test(threads_share_it),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/lookup", tests, NULL, NULL);
}
