#include "web/accept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* these come first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define LE "1.2.840.10008.1.2.1"
#define JPEG "1.2.840.10008.1.2.4.50"
#define J2K "1.2.840.10008.1.2.4.90"
#define HTJ2K "1.2.840.10008.1.2.4.201"

/* type;syntax;charset q, with + in front where in parts */
static void spell(const struct media *m, char *out)
{
	sprintf(out, "%s%s;%s;%s %u", m->multipart ? "+" : "", m->type, m->syntax, m->charset, m->q);
}

/* trap 28: quoted or not, q, any type, multipart without type, parameters within quotes */
static void reads(void **state)
{
	static const struct {
		const char *text, *list, *refused; /* between | */
	} rows[] = {
	    {NULL, "*/*;; 1000", ""},
	    {"", "*/*;; 1000", ""},
	    {" , ,", "*/*;; 1000", ""},
	    {"*/*", "*/*;; 1000", ""},
	    {"*", "*/*;; 1000", ""},
	    {"Application/DICOM+Json", "application/dicom+json;; 1000", ""},
	    {"a/b;q=0.5,c/d", "c/d;; 1000|a/b;; 500", ""},
	    {"a/b;q=0", "", "a/b;; 0"},
	    {"a/b;q=0.0001", "a/b;; 1", ""},
	    {"a/b; q=.2", "a/b;; 200", ""},
	    {"a/b;Q=1.000", "a/b;; 1000", ""},
	    {"*/*, a/*, a/b", "a/b;; 1000|a/*;; 1000|*/*;; 1000", ""},
	    {"a/b, c/d", "a/b;; 1000|c/d;; 1000", ""},
	    /* Cornerstone: not quoted */
	    {"multipart/related; type=application/octet-stream; transfer-syntax=*", "+application/octet-stream;*; 1000",
	     ""},
	    {"multipart/related; type=\"application/octet-stream\"; transfer-syntax=\"*\"",
	     "+application/octet-stream;*; 1000", ""},
	    {"multipart/related;type=image/jpeg;transfer-syntax=" JPEG, "+image/jpeg;" JPEG "; 1000", ""},
	    /* within the quotes */
	    {"multipart/related; type=\"application/dicom; transfer-syntax=" J2K "\"",
	     "+application/dicom;" J2K "; 1000", ""},
	    {"multipart/related; type=\"application/\\dicom\"", "+application/dicom;; 1000", ""},
	    {"multipart/related", "+*/*;; 1000", ""},
	    {"multipart/*", "+*/*;; 1000", ""},
	    {"multipart/related; type=\"image/*\"", "+image/*;; 1000", ""},
	    {"application/dicom; transfer-syntax=" LE "; q=0.7; ext=\"a,b;c\"", "application/dicom;" LE "; 700", ""},
	    {"text/html;;level=1;", "text/html;; 1000", ""},
	    {"application/json;charset=UTF-8", "application/json;;utf-8 1000", ""},
	    {"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
	     "text/html;; 1000|image/gif;; 1000|image/jpeg;; 1000|*/*;; 200|*/*;; 200", ""},
	    {"a/b\t;\tq=0.3 ,\tc/d", "c/d;; 1000|a/b;; 300", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct accept a;
		struct err e = {0};
		char list[2048] = "", refused[2048] = "", one[256];

		if (accept_parse(rows[i].text, &a, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		for (unsigned k = 0; k < a.n; k++) {
			spell(&a.list[k], one);
			strcat(strcat(list, k ? "|" : ""), one);
		}
		for (unsigned k = 0; k < a.n_refused; k++) {
			spell(&a.refused[k], one);
			strcat(strcat(refused, k ? "|" : ""), one);
		}
		assert_string_equal(list, rows[i].list);
		assert_string_equal(refused, rows[i].refused);
	}
}

static void refuses(void **state)
{
	static const char *const rows[] = {
	    "nonsense",
	    "a/",
	    "/b",
	    "a/b/c",
	    "a/b c/d",
	    "a/b;q=2",
	    "a/b;q=x",
	    "a/b;q=1.5",
	    "a/b;q=",
	    "*/b",
	    "a/b*",
	    "a*/b",
	    "a/b;=1",
	    "a/b; type=\"x",
	    "multipart/related; type=\"nothing\"",
	    "<script>",
	    "a/b;q=\"",
	    "a/b,\"c/d\"",
	    "multipart/related; type=\"\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct accept a;
		struct err e = {0};

		if (accept_parse(rows[i], &a, &e) != -E_INVAL)
			fail_msg("%s was taken", rows[i]);
		assert_true(e.msg[0]);
	}
}

static void bounds(void **state)
{
	size_t n = 65536;
	AUTO(str) text = malloc(n + 1);
	struct accept a;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < n; i++)
		text[i] = "a/b,"[i % 4];
	text[n] = '\0';
	assert_int_equal(accept_parse(text, &a, &e), -E_LIMIT);
	text[4 * (ACCEPT_MOST + 1)] = '\0';
	assert_int_equal(accept_parse(text, &a, &e), -E_LIMIT);
	text[4 * ACCEPT_MOST] = '\0';
	assert_int_equal(accept_parse(text, &a, &e), 0);
	assert_int_equal(a.n, ACCEPT_MOST);
	memset(text, 'a', 1000);
	memcpy(text + 500, "/b", 3);
	assert_int_equal(accept_parse(text, &a, &e), -E_LIMIT);
}

static const struct offer metadata[] = {
    {.type = "application/dicom+json", .single = true},
    {.type = "application/json", .single = true},
    {.type = "application/dicom+xml", .multipart = true},
};
/* of an instance that is stored as JPEG */
static const struct offer frames[] = {
    {.type = "application/octet-stream", .syntax = LE, .multipart = true, .single = true},
    {.type = "image/jpeg", .syntax = JPEG, .multipart = true, .single = true, .stored = true},
    {.type = "application/octet-stream", .syntax = JPEG, .multipart = true, .single = true, .stored = true},
};
static const struct offer objects[] = {
    {.type = "application/dicom", .syntax = LE, .multipart = true},
    {.type = "application/dicom", .syntax = J2K, .multipart = true, .stored = true},
};

static const struct {
	const char *header, *parameter, *syntax;
	const struct offer *offers;
	int chosen; /* -1: 406 */
	bool multipart;
} choices[] = {
    {NULL, NULL, NULL, metadata, 0, false},
    {"*/*", NULL, NULL, metadata, 0, false},
    {"application/json", NULL, NULL, metadata, 1, false},
    {"application/*", NULL, NULL, metadata, 0, false},
    {"multipart/related; type=\"application/dicom+xml\"", NULL, NULL, metadata, 2, true},
    {"multipart/*", NULL, NULL, metadata, 2, true},
    {"application/dicom+xml", NULL, NULL, metadata, -1, false},
    {"multipart/related; type=\"application/dicom+json\"", NULL, NULL, metadata, -1, false},
    {"text/html", NULL, NULL, metadata, -1, false},
    {"application/dicom+json;q=0.1, */*", NULL, NULL, metadata, 1, false},
    {"application/dicom+json;q=0, */*", NULL, NULL, metadata, 1, false},
    {"application/*;q=0, */*", NULL, NULL, metadata, 2, true}, /* in parts it is another type */
    {"application/json;q=0.9, application/dicom+json;q=0.8", NULL, NULL, metadata, 1, false},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8", NULL, NULL, metadata, 0, false},
    /* the parameter goes before the header, which counts when the parameter names nothing that is there */
    {"application/json", "application/dicom+json", NULL, metadata, 0, false},
    {"*/*", "multipart/related;type=application/dicom+xml", NULL, metadata, 2, true},
    {"application/json", "image/png", NULL, metadata, 1, false},
    {"text/html", "image/png", NULL, metadata, -1, false},
    {"application/json", "", NULL, metadata, 1, false},
    {"application/dicom+json;q=0, */*", "application/dicom+json", NULL, metadata, 0, false},

    {"*/*", NULL, NULL, frames, 0, true},
    {"multipart/related; type=application/octet-stream", NULL, NULL, frames, 0, true},
    {"multipart/related; type=application/octet-stream; transfer-syntax=*", NULL, NULL, frames, 2, true},
    {"multipart/related; type=\"image/jpeg\"", NULL, NULL, frames, 1, true},
    {"image/jpeg", NULL, NULL, frames, 1, false},
    {"image/*", NULL, NULL, frames, 1, false},
    {"multipart/related; type=\"image/jp2\", multipart/related; type=\"application/octet-stream\";q=0.5", NULL, NULL,
     frames, 0, true},
    {"*/*; transfer-syntax=*", NULL, NULL, frames, 1, true},
    {"multipart/related; type=application/octet-stream; transfer-syntax=" HTJ2K, NULL, NULL, frames, -1, false},
    {"application/octet-stream", NULL, JPEG, frames, 2, false},
    {"*/*", "application/octet-stream", JPEG, frames, 2, false},

    {"multipart/related; type=\"application/dicom\"", NULL, NULL, objects, 0, true},
    {"multipart/related; type=\"application/dicom\"; transfer-syntax=*", NULL, NULL, objects, 1, true},
    {"multipart/related; type=\"application/dicom\"; transfer-syntax=" J2K, NULL, NULL, objects, 1, true},
    {"multipart/related; type=\"application/dicom\"; transfer-syntax=" J2K
     ", multipart/related; type=\"application/dicom\"; transfer-syntax=" LE ";q=0.9",
     NULL, NULL, objects, 1, true},
    {"application/dicom", NULL, NULL, objects, -1, false}, /* several in a single part */
    {"multipart/related", NULL, NULL, objects, 0, true},
};

/* trap 28: of what is on offer the one that header and parameter like best, in parts or not, in which transfer syntax */
static void chooses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		const struct offer *offers = choices[i].offers, *o;
		struct accept a;
		struct err e = {0};
		bool multipart = false;

		assert_int_equal(accept_parse(choices[i].header, &a, &e), 0);
		assert_int_equal(accept_prefer(choices[i].parameter, choices[i].syntax, &a, &e), 0);
		o = accept_choose(&a, offers, offers == objects ? 2 : 3, &multipart);
		if ((o ? o - offers : -1) != choices[i].chosen)
			fail_msg("%s (%s): offer %ld", choices[i].header, choices[i].parameter,
				 (long)(o ? o - offers : -1));
		if (o && multipart != choices[i].multipart)
			fail_msg("%s (%s): parts %d", choices[i].header, choices[i].parameter, multipart);
	}
}

static void tells_mixtures(void **state)
{
	static const struct {
		const char *text;
		bool mixed;
	} rows[] = {
	    {"application/dicom, image/jpeg", true},
	    {"application/dicom+json, text/html", true},
	    {"multipart/related; type=\"application/dicom\", image/png;q=0.1", true},
	    {"multipart/related; type=\"application/dicom\", video/mp4", true},
	    {"application/dicom, */*", false},
	    {"application/octet-stream, image/jpeg", false},
	    {"multipart/related; type=\"application/dicom\", multipart/related; type=\"image/jpeg\"", false},
	    {"image/jpeg, image/png, text/html", false},
	    {"application/dicom, image/jpeg;q=0", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct accept a;
		struct err e = {0};

		assert_int_equal(accept_parse(rows[i].text, &a, &e), 0);
		if (accept_mixed(&a) != rows[i].mixed)
			fail_msg("%s", rows[i].text);
	}
}

static void names_what_there_is(void **state)
{
	AUTO(buf) out = BUF(1024);

	(void)state;
	assert_int_equal(accept_list(metadata, 3, &out, NULL), 0);
	assert_string_equal(
	    buf_text(&out),
	    "application/dicom+json, application/json, multipart/related; type=\"application/dicom+xml\"");
	buf_clear(&out);
	assert_int_equal(accept_list(frames, 1, &out, NULL), 0);
	assert_string_equal(buf_text(&out),
			    "application/octet-stream; transfer-syntax=" LE
			    ", multipart/related; type=\"application/octet-stream\"; transfer-syntax=" LE);
}

static void reads_codings(void **state)
{
	static const struct {
		const char *text;
		bool gzip;
	} rows[] = {
	    {NULL, false},
	    {"", false},
	    {"gzip", true},
	    {"GZip", true},
	    {"deflate, gzip;q=1.0, *;q=0.5", true},
	    {"gzip;q=0", false},
	    {"gzip;q=0.0, *", false},
	    {"gzip ; q=0.001", true},
	    {"*", true},
	    {"*;q=0", false},
	    {"br, zstd", false},
	    {"x-gzip", false},
	    {"identity;q=1, gzip;q=0.5", true},
	    {"gzip;q=x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (accept_coding(rows[i].text, "gzip") != rows[i].gzip)
			fail_msg("%s", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),         cmocka_unit_test(refuses),        cmocka_unit_test(bounds),
	    cmocka_unit_test(chooses),       cmocka_unit_test(tells_mixtures), cmocka_unit_test(names_what_there_is),
	    cmocka_unit_test(reads_codings),
	};

	return cmocka_run_group_tests_name("web/accept", tests, NULL, NULL);
}
