/* Alerts: one line for news, a count for what repeats, and a file that stays small. */
#include "base/alert.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "tests/unit/folder.h"
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define LONG_MS 3600000

static void open_in(void **state, int64_t window_ms, int64_t size, int64_t repeated)
{
	struct folder *f = *state;
	const struct alert_options o = {.folder = f->path, .window_ms = window_ms, .size = size, .repeated = repeated};
	struct err e = {0};

	assert_int_equal(alert_open(&o, &e), 0);
}

/* All lines of the file, as JSON; each must be one object. */
static json_t *lines(void **state, const char *name)
{
	struct folder *f = *state;
	char path[300], line[4096];
	json_t *all = json_array();
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", f->path, name);
	if (!(file = fopen(path, "r")))
		return all;
	while (fgets(line, sizeof line, file)) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(o);
		json_array_append_new(all, o);
	}
	fclose(file);
	return all;
}

static const char *text_at(json_t *all, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(all, i), key));
}

static json_int_t count_at(json_t *all, size_t i)
{
	return json_integer_value(json_object_get(json_array_get(all, i), "count"));
}

static void repeats_are_summed(void **state)
{
	json_t *all;

	open_in(state, LONG_MS, 1 << 20, 10);
	for (int i = 0; i < 5; i++)
		alert_raise(ALERT_MISMATCH, "1.2.3", "image %d of another patient", i);
	alert_raise(ALERT_COLLISION, "1.2.3", "another kind");
	alert_raise(ALERT_MISMATCH, "1.2.4", "another subject");
	alert_tick();
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 3);
	assert_string_equal(text_at(all, 0, "message"), "image 0 of another patient");
	assert_string_equal(text_at(all, 1, "kind"), "collision");
	assert_int_equal(strlen(text_at(all, 0, "time")), 27);
	json_decref(all);
	alert_close();
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 4);
	assert_string_equal(text_at(all, 3, "message"), "image 4 of another patient");
	assert_int_equal(count_at(all, 3), 4);
	json_decref(all);
}

static void window_ends(void **state)
{
	json_t *all;

	open_in(state, 1, 1 << 20, 10);
	alert_raise(ALERT_SPACE, "/data", "first");
	usleep(2000);
	alert_raise(ALERT_SPACE, "/data", "second");
	usleep(2000);
	alert_tick();
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(count_at(all, 1), 1);
	json_decref(all);
	alert_close();
}

static void failures_wait_for_their_number(void **state)
{
	json_t *all;

	open_in(state, LONG_MS, 1 << 20, 3);
	for (int i = 0; i < 4; i++) {
		alert_raise(ALERT_REPEATED, "CT1 at 10.0.0.1", "refused %d", i);
		if (i < 2)
			alert_raise(ALERT_REPEATED, "CT2 at 10.0.0.2", "refused");
	}
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 1);
	assert_int_equal(count_at(all, 0), 3);
	assert_string_equal(text_at(all, 0, "message"), "refused 2");
	json_decref(all);
	alert_close();
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 2); /* the fourth; CT2 stayed below */
	assert_int_equal(count_at(all, 1), 1);
	json_decref(all);
}

static void any_bytes_become_text(void **state)
{
	char longer[5000];
	json_t *all;

	memset(longer, '\\', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	open_in(state, LONG_MS, 1 << 20, 10);
	alert_raise(ALERT_CHARSET, "a\xff\"王\x1b[2J\n", "%s", longer);
	alert_raise(ALERT_CHARSET, "", "cut \xe7\x8e");
	all = lines(state, ALERT_FILE);
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(text_at(all, 0, "subject"), "a?\"王?[2J?");
	assert_string_equal(text_at(all, 1, "message"), "cut ??");
	json_decref(all);
	alert_close();
}

static void many_subjects_lose_no_count(void **state)
{
	json_int_t sum = 0;
	json_t *all;
	char uid[32];

	open_in(state, LONG_MS, 1 << 30, 10);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < ALERT_SUBJECTS + 50; i++) {
			snprintf(uid, sizeof uid, "1.2.%d", i);
			alert_raise(ALERT_COLLISION, uid, "x");
		}
	alert_close();
	all = lines(state, ALERT_FILE);
	for (size_t i = 0; i < json_array_size(all); i++)
		sum += count_at(all, i);
	assert_int_equal(sum, 2 * (ALERT_SUBJECTS + 50));
	json_decref(all);
}

static void the_file_is_begun_anew(void **state)
{
	struct folder *f = *state;
	char path[300], uid[32];
	struct stat st;

	open_in(state, LONG_MS, 4096, 10);
	for (int i = 0; i < 1000; i++) {
		snprintf(uid, sizeof uid, "1.2.%d", i);
		alert_raise(ALERT_COLLISION, uid, "some words to make the line longer");
	}
	alert_close();
	for (int i = 0; i <= ALERT_KEPT + 1; i++) {
		snprintf(path, sizeof path, i ? "%s/" ALERT_FILE ".%d" : "%s/" ALERT_FILE, f->path, i);
		assert_int_equal(stat(path, &st), i <= ALERT_KEPT ? 0 : -1);
		if (i <= ALERT_KEPT)
			assert_in_range(st.st_size, 1, 4096);
	}
	json_decref(lines(state, ALERT_FILE ".1")); /* whole lines */
}

static void an_unfinished_line_stands_alone(void **state)
{
	struct folder *f = *state;
	char path[300], line[4096];
	json_t *o;
	FILE *file;

	snprintf(path, sizeof path, "%s/" ALERT_FILE, f->path);
	assert_non_null(file = fopen(path, "w"));
	fputs("{\"time\":\"2026-01-0", file); /* the machine went down */
	fclose(file);
	open_in(state, LONG_MS, 1 << 20, 10);
	alert_raise(ALERT_SPACE, "/data", "after it");
	alert_close();
	assert_non_null(file = fopen(path, "r"));
	assert_non_null(fgets(line, sizeof line, file));
	assert_non_null(fgets(line, sizeof line, file));
	assert_non_null(o = json_loads(line, 0, NULL));
	assert_string_equal(json_string_value(json_object_get(o, "message")), "after it");
	assert_null(fgets(line, sizeof line, file));
	json_decref(o);
	fclose(file);
}

static void *raise_many(void *arg)
{
	for (int i = 0; i < 2000; i++)
		alert_raise(ALERT_CORRUPT, arg, "%d", i);
	return NULL;
}

static void threads_share_it(void **state)
{
	char a[] = "a", b[] = "b";
	char *const who[4] = {a, b, a, b};
	pthread_t t[4];
	json_int_t sum = 0;
	json_t *all;

	open_in(state, 1, 1 << 30, 10);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, raise_many, who[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	alert_close();
	all = lines(state, ALERT_FILE);
	for (size_t i = 0; i < json_array_size(all); i++)
		sum += count_at(all, i);
	assert_int_equal(sum, 8000);
	json_decref(all);
}

static void kinds_have_names(void **state)
{
	enum alert_kind kind;

	(void)state;
	for (int i = 0; i < ALERT_KINDS; i++) {
		assert_int_equal(alert_parse(alert_name((enum alert_kind)i), &kind), 0);
		assert_int_equal(kind, i);
	}
	assert_int_equal(alert_parse("fire", &kind), -E_INVAL);
}

static void closed_counts_only(void **state)
{
	AUTO(buf) text = BUF(1 << 16);
	struct err e = {0};

	(void)state;
	alert_raise(ALERT_COMMITMENT, "1.2", "nobody hears it");
	alert_tick();
	alert_close();
	assert_int_equal(metrics_print(&text, &e), 0);
	assert_non_null(strstr(buf_text(&text), "teleread_alerts_total{kind=\"commitment\"} 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(repeats_are_summed),
	    folder_test(window_ends),
	    folder_test(failures_wait_for_their_number),
	    folder_test(any_bytes_become_text),
	    folder_test(many_subjects_lose_no_count),
	    folder_test(the_file_is_begun_anew),
	    folder_test(an_unfinished_line_stands_alone),
	    folder_test(threads_share_it),
	    cmocka_unit_test(kinds_have_names),
	    cmocka_unit_test(closed_counts_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
