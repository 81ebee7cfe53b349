/* The feeds of changes: what has a row, numbers without gaps for each site, and who is told. */
#include "archive/change.h"
#include "archive_help.h"
#include <pthread.h>
#include <stdatomic.h>

#define STUDY "1.2.826.0.1.1"

static int64_t site_id(struct archive *a, const char *code)
{
	struct site site = {.name = "a site"};
	snprintf(site.code, sizeof site.code, "%s", code);
	site_add(a, &site, NULL);
	assert_int_equal(site_get(a, code, &site, NULL), 0);
	return site.id;
}

static int take_in_at(struct archive *a, const char *code, const struct object *o, struct intake_result *r)
{
	struct intake_source src = {.site = site_id(a, code), .site_code = code, .aet = "CT1", .door = "test"};
	struct intake *in;
	int rc = intake_begin(a, &src, UID_EXPLICIT_LE, CT, o->sop, &in, NULL);
	if (rc == 0 && (rc = intake_write(in, o->data.data, o->data.len, NULL)) < 0) {
		intake_abort(in);
		return rc;
	}
	return rc < 0 ? rc : intake_finish(in, r, NULL);
}

static void decide_on(struct archive *a, enum decision_kind what, const char *study, uint64_t number)
{
	struct decision d = {.what = what, .number = number, .who = "tester", .why = "a test"};
	struct decision_result done;
	struct err e = {0};
	snprintf(d.study, sizeof d.study, "%s", study);
	if (decide(a, &d, &done, &e) < 0)
		fail_msg("%s: %s", decision_name(what), e.msg);
}

/* ---- a feed as text: "1 stored 1.2.826.0.1.1.1.1;" for each row */

struct listing {
	char text[4096];
	uint64_t next;
	unsigned rows;
};

static int list(void *arg, const struct change *c)
{
	struct listing *l = arg;
	size_t n = strlen(l->text);
	assert_int_equal(c->number, l->next++);
	assert_true(c->at_us > 0);
	snprintf(l->text + n, sizeof l->text - n, "%s%s %s", n ? "|" : "", change_name(c->kind), c->sop_instance + 14);
	l->rows++;
	return 0;
}

static const char *feed_of(struct archive *a, const char *code, uint64_t since, uint64_t limit,
			   struct change_feed *feed)
{
	static struct listing l;
	struct err e = {0};
	l = (struct listing){.next = since + 1};
	if (change_each(a, site_id(a, code), since, limit, list, &l, feed, &e) < 0)
		fail_msg("%s", e.msg);
	return l.text;
}

static const char *all_of(struct archive *a, const char *code)
{
	struct change_feed feed;
	return feed_of(a, code, 0, 0, &feed);
}

static int see_kept(void *arg, const struct kept *k)
{
	*(struct kept *)arg = *k;
	return 0;
}

static uint64_t kept_number(struct archive *a, const char *kind)
{
	struct kept_filter f = {.study = "", .kind = kind};
	struct kept k = {0};
	assert_int_equal(kept_each(a, &f, see_kept, &k, NULL), 0);
	return k.seq;
}

static void what_happens_has_a_row(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1), two = make_object("P1", 1, 2, 100, 1);
	struct object same_uid = make_object("P1", 1, 1, 100, 2);
	struct change_feed feed;
	struct intake_result r;
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &feed), "");
	assert_int_equal(feed.last, 0);
	assert_int_equal(strlen(feed.id), 32);
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(take_in(a, &one, &r, NULL), 0); /* the same again: nothing happened */
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	assert_int_equal(take_in(a, &same_uid, &r, NULL), 0); /* nor for whom quarantine is out of sight */
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_string_equal(all_of(a, "COUNTY"), "stored 1.1|stored 1.2");
	decide_on(a, DECIDE_DROP, STUDY, 0);
	decide_on(a, DECIDE_RESTORE, STUDY, 0);
	decide_on(a, DECIDE_REPLACE, "", kept_number(a, "contradiction"));
	decide_on(a, DECIDE_HOLD, STUDY, 0);
	static const char whole[] =
	    "stored 1.1|stored 1.2|dropped 1.1|dropped 1.2|restored 1.1|restored 1.2|replaced 1.1";
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &feed), whole);
	assert_int_equal(feed.last, 7);
	assert_string_equal(feed_of(a, "COUNTY", 5, 0, &feed), "restored 1.2|replaced 1.1");
	assert_string_equal(feed_of(a, "COUNTY", 1, 2, &feed), "stored 1.2|dropped 1.1");
	assert_int_equal(feed.last, 7);
	assert_string_equal(feed_of(a, "COUNTY", 7, 0, &feed), "");
	assert_string_equal(feed_of(a, "COUNTY", UINT64_MAX, 0, &feed), "");
	assert_sound(a, 7);
	archive_close(a);
	a = open_archive(); /* after a restart all is as it was */
	struct change_feed again;
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &again), whole);
	assert_string_equal(feed.id, again.id);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&two.data), buf_cleanup(&same_uid.data);
}

static int first_row(void *arg, const struct change *c)
{
	*(struct change *)arg = *c;
	return 17;
}

static void a_row_says_what_it_is_about(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1);
	struct intake_result r;
	struct change_feed feed;
	struct change c;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	for (int dropped = 0; dropped < 2; dropped++) { /* from the index, from quarantine */
		assert_int_equal(change_each(a, site_id(a, "COUNTY"), 0, 0, first_row, &c, &feed, NULL), 17);
		assert_string_equal(c.study, STUDY);
		assert_string_equal(c.series, STUDY ".1");
		assert_string_equal(c.sop_instance, one.sop);
		assert_string_equal(c.sop_class, CT);
		assert_int_equal(c.kind, CHANGE_STORED);
		if (!dropped)
			decide_on(a, DECIDE_DROP, STUDY, 0);
	}
	archive_close(a);
	buf_cleanup(&one.data);
}

/* A decision that had no effect, or was undone half way, leaves no number behind. */
static void what_did_not_happen_has_none(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1), other = make_object("P2", 1, 1, 100, 2);
	struct object two = make_object("P1", 1, 2, 100, 1);
	struct decision replace = {.what = DECIDE_REPLACE, .who = "tester", .why = "a test"};
	struct decision_result done;
	struct intake_result r;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	assert_int_equal(take_in(a, &other, &r, NULL), 0); /* the UIDs of another patient's study */
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	replace.number = kept_number(a, "contradiction");
	assert_int_equal(decide(a, &replace, &done, NULL),
			 0); /* one goes, but the other cannot come: its study stays */
	assert_false(done.done);
	assert_string_equal(all_of(a, "COUNTY"), "stored 1.1|stored 1.2");
	assert_there(a, &one);
	/* the index cannot be written for a while */
	struct object three = make_object("P1", 1, 3, 100, 1), four = make_object("P1", 1, 4, 100, 1);
	query_rows(a, "ALTER TABLE change RENAME TO elsewhere");
	assert_true(take_in(a, &three, &r, NULL) < 0);
	query_rows(a, "ALTER TABLE elsewhere RENAME TO change");
	assert_int_equal(take_in(a, &four, &r, NULL), 0);
	const char *rows = all_of(a, "COUNTY");
	assert_true(!strcmp(rows, "stored 1.1|stored 1.2|stored 1.4") ||
		    !strcmp(rows, "stored 1.1|stored 1.2|stored 1.3|stored 1.4"));
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&other.data), buf_cleanup(&two.data);
	buf_cleanup(&three.data), buf_cleanup(&four.data);
}

static void sites_do_not_see_each_other(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object here[3], there[3];
	struct change_feed feed;
	struct intake_result r;
	for (unsigned i = 0; i < 3; i++) {
		here[i] = make_object("P1", 1, i + 1, 100, 1);
		there[i] = make_object("P2", 2, i + 1, 100, 1);
		assert_int_equal(take_in_at(a, "COUNTY", &here[i], &r), 0);
		assert_int_equal(take_in_at(a, "CITY", &there[i], &r), 0);
	}
	/* an UID of another site stays in quarantine */
	assert_int_equal(take_in_at(a, "CITY", &here[0], &r), 0);
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &feed), "stored 1.1|stored 1.2|stored 1.3");
	assert_int_equal(feed.last, 3);
	assert_string_equal(all_of(a, "CITY"), "stored 1.1|stored 1.2|stored 1.3");
	assert_string_equal(feed_of(a, "VILLAGE", 0, 0, &feed), "");
	assert_int_equal(feed.last, 0);
	decide_on(a, DECIDE_DROP, "1.2.826.0.1.2", 0);
	assert_string_equal(feed_of(a, "CITY", 3, 0, &feed), "dropped 1.1|dropped 1.2|dropped 1.3");
	assert_string_equal(feed_of(a, "COUNTY", 3, 0, &feed), "");
	/* an instance of the county makes way for the city's of the same name: gone for the one, new for the other */
	decide_on(a, DECIDE_RESTORE, "1.2.826.0.1.2", 0);
	struct object of_both = make_object("P2", 2, 1, 100, 3);
	uint8_t *at = memmem(of_both.data.data, of_both.data.len, of_both.sop, strlen(of_both.sop));
	strcpy(of_both.sop, here[0].sop);
	memcpy(at, of_both.sop, strlen(of_both.sop));
	assert_int_equal(take_in_at(a, "CITY", &of_both, &r), 0);
	assert_int_equal(r.outcome, INTAKE_QUARANTINE);
	decide_on(a, DECIDE_REPLACE, "", kept_number(a, "contradiction"));
	assert_string_equal(feed_of(a, "COUNTY", 3, 0, &feed), "dropped 1.1");
	assert_string_equal(feed_of(a, "CITY", 9, 0, &feed), "stored 1.1");
	buf_cleanup(&of_both.data);
	for (unsigned i = 0; i < 3; i++)
		buf_cleanup(&here[i].data), buf_cleanup(&there[i].data);
	archive_close(a);
}

/* ---- many at once */

enum { WRITERS = 4, EACH = 40 };
struct writer {
	struct archive *archive;
	unsigned number, stored;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;
	for (unsigned i = 0; i < EACH; i++) {
		struct object o = make_object("P1", w->number + 1, i + 1, 100, 1);
		struct intake_result r;
		if (take_in_at(w->archive, w->number % 2 ? "CITY" : "COUNTY", &o, &r) == 0 &&
		    r.outcome == INTAKE_STORED)
			w->stored++;
		buf_cleanup(&o.data);
	}
	return NULL;
}

struct follower {
	struct archive *archive;
	int64_t site;
	uint64_t seen;
	atomic_bool *over;
	unsigned gaps;
};

static int follow_row(void *arg, const struct change *c)
{
	struct follower *f = arg;
	f->gaps += c->number != f->seen + 1 || c->kind != CHANGE_STORED || !c->sop_instance[0];
	f->seen = c->number;
	return 0;
}

static void *follow(void *arg)
{
	struct follower *f = arg;
	struct change_feed feed;
	bool last;
	do {
		last = atomic_load(f->over);
		if (change_each(f->archive, f->site, f->seen, 0, follow_row, f, &feed, NULL) < 0 ||
		    f->seen != feed.last)
			f->gaps++;
	} while (!last);
	return NULL;
}

static void no_gaps_while_many_write(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	atomic_bool over = false;
	struct writer w[WRITERS];
	struct follower f[2] = {{.archive = a, .over = &over, .site = site_id(a, "COUNTY")},
				{.archive = a, .over = &over, .site = site_id(a, "CITY")}};
	pthread_t writers[WRITERS], followers[2];
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&followers[i], NULL, follow, &f[i]), 0);
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){.archive = a, .number = i};
		assert_int_equal(pthread_create(&writers[i], NULL, write_many, &w[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(followers[i], NULL);
		assert_int_equal(f[i].gaps, 0);
		assert_int_equal(f[i].seen, 2 * EACH);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		assert_int_equal(w[i].stored, EACH);
	archive_close(a);
}

/* ---- another feed */

static void a_new_index_begins_a_new_feed(void **state)
{
	(void)state;
	static const char *const index[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1), two = make_object("P1", 1, 2, 100, 1);
	struct check_report report;
	struct check_ops ops = {0};
	struct change_feed first, second, third;
	struct intake_result r;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	decide_on(a, DECIDE_DROP, STUDY, 0);
	decide_on(a, DECIDE_RESTORE, STUDY, 0);
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	static const char whole[] = "stored 1.1|dropped 1.1|restored 1.1|stored 1.2";
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &first), whole);
	assert_int_equal(check_reindex(a, false, &ops, &report, NULL), 0);
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &second), whole); /* all that the packs say, in order */
	assert_string_not_equal(first.id, second.id);
	archive_close(a);
	remove_files(index, 3);
	a = open_archive();
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &third), whole);
	assert_string_not_equal(second.id, third.id);
	assert_string_not_equal(first.id, third.id);
	assert_sound(a, 4);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&two.data);
}

/* A copy that is put to use goes its own way. */
static void a_backup_has_a_feed_of_its_own(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1);
	struct change_feed before, after, later;
	struct intake_result r;
	char path[100];
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &before), "stored 1.1");
	archive_close(a);
	snprintf(path, sizeof path, "%s/backup.json", folder);
	FILE *f = fopen(path, "w");
	fputs("{}", f);
	fclose(f);
	a = open_archive();
	assert_int_not_equal(access(path, F_OK), 0);
	assert_string_equal(feed_of(a, "COUNTY", 0, 0, &after), "stored 1.1");
	assert_string_not_equal(before.id, after.id);
	archive_close(a);
	a = open_archive();
	feed_of(a, "COUNTY", 0, 0, &later);
	assert_string_equal(later.id, after.id);
	archive_close(a);
	buf_cleanup(&one.data);
}

static char *migration_text(void)
{
	char path[512];
	const char *top = getenv("srcdir");
	char *text = calloc(1, 1 << 16);
	snprintf(path, sizeof path, "%s/data/sql/sqlite/0008-change.sql", top ? top : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_in_range(fread(text, 1, 1 << 16, f), 100, (1 << 16) - 1);
	fclose(f);
	return text;
}

/* What was there before there were feeds: the tables as an older program left them. */
static void an_older_archive_begins_with_what_it_has(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1), two = make_object("P1", 1, 2, 100, 1);
	struct object other = make_object("P2", 2, 1, 100, 1);
	struct intake_result r;
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(take_in_at(a, "CITY", &other, &r), 0);
	assert_int_equal(take_in(a, &two, &r, NULL), 0);
	query_rows(a, "DROP TABLE change; DELETE FROM meta WHERE key IN ('feed', 'tag_seed');"
		      "ALTER TABLE event DROP COLUMN series_uid; ALTER TABLE event DROP COLUMN sop_uid");
	AUTO(str) migration = migration_text();
	query_rows(a, migration);
	assert_string_equal(all_of(a, "COUNTY"), "stored 1.1|stored 1.2");
	assert_string_equal(all_of(a, "CITY"), "stored 1.1");
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&two.data), buf_cleanup(&other.data);
}

/* ---- news */

struct news {
	pthread_mutex_t lock;
	int64_t sites[8];
	unsigned times, n;
};

static void told(void *arg, const int64_t *sites, unsigned n)
{
	struct news *w = arg;
	pthread_mutex_lock(&w->lock);
	w->times++;
	for (unsigned i = 0; i < n && w->n < 8; i++)
		w->sites[w->n++] = sites[i];
	pthread_mutex_unlock(&w->lock);
}

static void news_are_told_with_the_commit(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 100, 1), other = make_object("P2", 2, 1, 100, 1);
	struct news w = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct intake_result r;
	change_watch(a, told, &w);
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(w.times, 1); /* before the sender is answered */
	assert_int_equal(w.n, 1);
	assert_int_equal(w.sites[0], site_id(a, "COUNTY"));
	assert_int_equal(take_in(a, &one, &r, NULL), 0);
	assert_int_equal(w.times, 1); /* no news */
	assert_int_equal(take_in_at(a, "CITY", &other, &r), 0);
	assert_int_equal(w.sites[1], site_id(a, "CITY"));
	decide_on(a, DECIDE_DROP, STUDY, 0);
	assert_int_equal(w.sites[2], site_id(a, "COUNTY"));
	decide_on(a, DECIDE_RESTORE, STUDY, 0);
	assert_int_equal(w.sites[3], site_id(a, "COUNTY"));
	decide_on(a, DECIDE_HOLD, STUDY, 0);
	assert_int_equal(w.times, 4);
	change_watch(a, NULL, NULL);
	decide_on(a, DECIDE_UNHOLD, STUDY, 0);
	decide_on(a, DECIDE_DROP, STUDY, 0);
	assert_int_equal(w.times, 4);
	archive_close(a);
	buf_cleanup(&one.data), buf_cleanup(&other.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_happens_has_a_row, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_row_says_what_it_is_about, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_did_not_happen_has_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(sites_do_not_see_each_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_gaps_while_many_write, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_index_begins_a_new_feed, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_backup_has_a_feed_of_its_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_older_archive_begins_with_what_it_has, setup, teardown),
	    cmocka_unit_test_setup_teardown(news_are_told_with_the_commit, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/change", tests, NULL, NULL);
}
