/* Log lines, metrics and clocks. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tests/unit/folder.h"
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>

/* What the log wrote to f->path/log since it was opened. */
static char text[64 * 1024];

static int log_to(void **state, enum log_level least, enum log_format format)
{
	struct folder *f = *state;
	char path[sizeof f->path + 8];
	int fd;

	snprintf(path, sizeof path, "%s/log", f->path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	assert_true(fd >= 0);
	log_setup(least, format, fd);
	return fd;
}

static const char *written(int fd)
{
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	log_setup(LOG_INFO, LOG_TEXT, 2);
	log_context(NULL);
	return text;
}

static void text_lines(void **state)
{
	int fd = log_to(state, LOG_INFO, LOG_TEXT);
	const char *line;

	log_debug("not wanted %d", 1);
	log_context("a42");
	log_warn("stored %s", "王\n\x1b[2J\x7f\xff\xc2\x85\xe2\x80\xae|");
	line = written(fd);
	assert_int_equal(line[4], '-'); /* a date: this is no terminal */
	assert_int_equal(line[13], ':');
	assert_int_equal(line[19], '.');
	assert_string_equal(line + 23, " warn  a42 stored 王\\x0A\\x1B[2J\\x7F\\xFF\\xC2\\x85\\xE2\\x80\\xAE|\n");
}

static void json_lines(void **state)
{
	int fd = log_to(state, LOG_DEBUG, LOG_JSON);
	json_error_t why;
	json_t *o;
	char *end;

	log_context("job \"7\"");
	log_debug("quote \" back \\ tab \t bell \a bad \xff han 王 rtl \xe2\x80\xae");
	log_error("second");
	written(fd);
	end = strchr(text, '\n');
	assert_non_null(end);
	o = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, &why);
	if (!o)
		fail_msg("%s in %s", why.text, text);
	assert_string_equal(json_string_value(json_object_get(o, "level")), "debug");
	assert_string_equal(json_string_value(json_object_get(o, "context")), "job \"7\"");
	assert_string_equal(json_string_value(json_object_get(o, "message")),
			    "quote \" back \\ tab \t bell \a bad \\xFF han 王 rtl \xe2\x80\xae");
	assert_int_equal(strlen(json_string_value(json_object_get(o, "time"))), 27);
	json_decref(o);
	assert_non_null(strstr(end, "second"));
}

static void long_lines_are_cut(void **state)
{
	static char longer[10000];
	int fd = log_to(state, LOG_INFO, LOG_JSON);
	json_t *o;

	memset(longer, '\x01', sizeof longer - 1);
	log_info("%s", longer);
	written(fd);
	assert_true(strlen(text) <= 4096);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	json_decref(o);
}

static void *write_lines(void *arg)
{
	log_context(arg);
	for (int i = 0; i < 100; i++)
		log_info("line %d of %s", i, (const char *)arg);
	return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
	int fd = log_to(state, LOG_INFO, LOG_TEXT), lines = 0;
	pthread_t threads[4];
	char *names[] = {"a1", "a2", "a3", "a4"};

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	written(fd);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
		assert_memory_equal(line + 30, line + strlen(line) - 2, 2); /* context, and the end */
	assert_int_equal(lines, 400);
}

/* Whoever reads our log and stalls must not stop the node; what was lost is said. */
static void a_stalled_reader_loses_lines(void **state)
{
	int64_t start = clock_mono_us();
	size_t total = 0;
	ssize_t n;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	log_setup(LOG_INFO, LOG_TEXT, p[1]);
	for (int i = 0; i < 3000; i++)
		log_info("a line that fills the pipe, number %d", i);
	assert_true(clock_mono_us() - start < 5000000);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while ((n = read(p[0], text, sizeof text)) > 0)
		total += (size_t)n;
	assert_true(total > 0 && total <= 64 * 1024);
	log_info("after");
	log_setup(LOG_INFO, LOG_TEXT, 2);
	n = read(p[0], text, sizeof text - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "lines of the log were lost"));
	assert_non_null(strstr(text, "after\n"));
	close(p[0]);
	close(p[1]);
}

static void levels_have_names(void **state)
{
	enum log_level level = LOG_DEBUG;

	(void)state;
	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_level_parse("Error", &level), -E_INVAL);
	assert_int_equal(log_level_parse("", &level), -E_INVAL);
	assert_int_equal(level, LOG_ERROR);
}

static struct metric stored = METRIC(COUNTER, "teleread_test_total", "result=\"stored\"", "Instances.");
static struct metric refused = METRIC(COUNTER, "teleread_test_total", "result=\"refused\"", "Instances.");
static struct metric level = METRIC(GAUGE, "teleread_a_level", "", "A level.");
static struct metric wait = METRIC(SECONDS, "teleread_wait_seconds", "door=\"dimse\"", "A wait.");
static struct metric unused = METRIC(COUNTER, "teleread_unused", "", "Nothing.");

static void *count(void *arg)
{
	for (int i = 0; i < 1000; i++)
		metric_add(arg, 1);
	return NULL;
}

static void metrics_print_for_prometheus(void **state)
{
	AUTO(buf) out = BUF(1 << 16);
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, &stored), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	metric_add(&refused, 2);
	metric_set(&level, -5);
	metric_observe(&wait, 250);
	metric_observe(&wait, 251);
	metric_observe(&wait, 4096000);
	metric_observe(&wait, 60000000);
	(void)unused;
	assert_int_equal(metrics_print(&out, NULL), 0);
	assert_memory_equal(buf_text(&out),
			    "# HELP teleread_a_level A level.\n# TYPE teleread_a_level gauge\nteleread_a_level -5\n"
			    "# HELP teleread_test_total Instances.\n# TYPE teleread_test_total counter\n"
			    "teleread_test_total{result=\"refused\"} 2\n"
			    "teleread_test_total{result=\"stored\"} 4000\n"
			    "# HELP teleread_wait_seconds A wait.\n# TYPE teleread_wait_seconds histogram\n"
			    "teleread_wait_seconds_bucket{door=\"dimse\",le=\"0.00025\"} 1\n"
			    "teleread_wait_seconds_bucket{door=\"dimse\",le=\"0.0005\"} 2\n",
			    400);
	assert_non_null(strstr(buf_text(&out), "le=\"4.096\"} 3\n"));
	assert_non_null(strstr(buf_text(&out), "le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(buf_text(&out), "teleread_wait_seconds_sum{door=\"dimse\"} 64.096501\n"
					       "teleread_wait_seconds_count{door=\"dimse\"} 4\n"));
	assert_null(strstr(buf_text(&out), "teleread_unused"));
}

static void clocks_tell_time(void **state)
{
	char out[32];
	int64_t a = clock_mono_us(), b = clock_mono_us();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_wall_us() > 1600000000000000);
	assert_string_equal(clock_text(0, out), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(clock_text(-1, out), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(clock_text(1795314142123456, out), "2026-11-22T02:22:22.123456Z");
	assert_string_equal(clock_text(INT64_MAX, out), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(text_lines),
	    folder_test(json_lines),
	    folder_test(long_lines_are_cut),
	    folder_test(lines_of_threads_do_not_mix),
	    cmocka_unit_test(a_stalled_reader_loses_lines),
	    cmocka_unit_test(levels_have_names),
	    cmocka_unit_test(metrics_print_for_prometheus),
	    cmocka_unit_test(clocks_tell_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
