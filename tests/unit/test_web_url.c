#include "web/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* these come first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void takes_apart(void **state)
{
	static const struct {
		const char *raw, *pairs; /* name=value, one a line */
	} rows[] = {
	    {"", ""},
	    {"&&", ""},
	    {"a=1", "a=1\n"},
	    {"a=1&b=2&a=3", "a=1\nb=2\na=3\n"},
	    {"a", "a=\n"},
	    {"a=", "a=\n"},
	    {"=v", "=v\n"},
	    {"a=b=c", "a=b=c\n"},
	    {"PatientName=%E5%BC%A0%E4%B8%89*", "PatientName=张三*\n"},
	    {"PatientName=WANG%5EXIAODONG%3D%E7%8E%8B", "PatientName=WANG^XIAODONG=王\n"},
	    {"x=a+b%2Bc", "x=a b+c\n"},
	    /* split first, then decode: an encoded & or = is part of its value */
	    {"x=1%262&y%3D=3", "x=1&2\ny==3\n"},
	    {"includefield=00081030%2C00080060", "includefield=00081030,00080060\n"},
	    {"x=%25%32%35", "x=%25\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		AUTO(url_query) q = {0};
		struct err e = {0};
		char all[512] = "";

		assert_int_equal(url_query_parse(rows[i].raw, &q, &e), 0);
		for (unsigned k = 0; k < q.n; k++) {
			strcat(all, q.pairs[k].name);
			strcat(all, "=");
			strcat(all, q.pairs[k].value);
			strcat(all, "\n");
		}
		assert_string_equal(all, rows[i].pairs);
	}
}

static void refuses(void **state)
{
	static const char *const rows[] = {"a=%",         "a=%4",     "a=%4g",     "%zz=1",  "a=%00",
					   "a=%0A",       "a=%7F",    "a=%C2%85",  "a=%FF",  "a=%C0%AF",
					   "a=%ED%A0%80", "a=%E5%BC", "a=1&b=%0d", "a=\xFF", "a=%E2%80%AE"};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct url_query q = {0};
		struct err e = {0};

		if (url_query_parse(rows[i], &q, &e) != -E_INVAL)
			fail_msg("%s was taken", rows[i]);
		assert_true(e.msg[0]);
		assert_null(q.pairs);
	}
}

static void finds_the_first(void **state)
{
	AUTO(url_query) q = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(url_query_parse("limit=1&limit=2&Limit=3", &q, &e), 0);
	assert_string_equal(url_query_get(&q, "limit"), "1");
	assert_string_equal(url_query_get(&q, "Limit"), "3");
	assert_null(url_query_get(&q, "offset"));
}

static void bounds_parameters(void **state)
{
	AUTO(url_query) q = {0};
	AUTO(str) raw = malloc(3 * 2000 + 1);
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		memcpy(raw + 3 * (size_t)i, "a=&", 4);
	assert_int_equal(url_query_parse(raw, &q, &e), -E_LIMIT);
}

static void decodes_segments(void **state)
{
	static const struct {
		const char *raw;
		int rc;
		const char *out;
	} rows[] = {
	    {"1.2.3", 5, "1.2.3"},
	    {"1%2E3", 3, "1.3"},
	    {"a+b", 3, "a+b"},
	    {"%2e%2e%2f", 3, "../"},
	    {"", 0, ""},
	    {"%00", -E_INVAL, ""},
	    {"123456789", 9, "123456789"},
	    {"1234567890", -E_LIMIT, ""},
	    {"%", -E_INVAL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[10] = "";
		struct err e = {0};

		assert_int_equal(url_decode(rows[i].raw, strlen(rows[i].raw), out, sizeof out, &e), rows[i].rc);
		assert_string_equal(out, rows[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_apart),       cmocka_unit_test(refuses),          cmocka_unit_test(finds_the_first),
	    cmocka_unit_test(bounds_parameters), cmocka_unit_test(decodes_segments),
	};

	return cmocka_run_group_tests_name("web/url", tests, NULL, NULL);
}
