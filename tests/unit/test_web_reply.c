#include "web/gzip.h"
#include "web/reply.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* these come first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static void reads_ranges(void **state)
{
	static const struct {
		const char *header;
		uint64_t size;
		int rc;
		uint64_t at, n;
	} rows[] = {
	    {"bytes=0-0", 100, 1, 0, 1},
	    {"bytes=0-", 100, 1, 0, 100},
	    {"bytes=10-19", 100, 1, 10, 10},
	    {"BYTES=10-19", 100, 1, 10, 10},
	    {"bytes=90-200", 100, 1, 90, 10},
	    {"bytes=-10", 100, 1, 90, 10},
	    {"bytes=-1000", 100, 1, 0, 100},
	    {"bytes=99-99999999999999999999999999", 100, 1, 99, 1},
	    {"bytes=100-", 100, -E_INVAL, 0, 0},
	    {"bytes=99999999999999999999999999-", 100, -E_INVAL, 0, 0},
	    {"bytes=-0", 100, -E_INVAL, 0, 0},
	    {"bytes=-5", 0, -E_INVAL, 0, 0},
	    {"bytes=0-", 0, -E_INVAL, 0, 0},
	    /* none, or several: the whole */
	    {"bytes=5-4", 100, 0, 0, 0},
	    {"bytes=0-1,5-6", 100, 0, 0, 0},
	    {"bytes=-", 100, 0, 0, 0},
	    {"bytes=a-b", 100, 0, 0, 0},
	    {"bytes=", 100, 0, 0, 0},
	    {"bytes=1", 100, 0, 0, 0},
	    {"items=0-1", 100, 0, 0, 0},
	    {"", 100, 0, 0, 0},
	    {"bytes= 0-1", 100, 0, 0, 0},
	    {"bytes=0-1 ", 100, 0, 0, 0},
	    {"bytes=--1", 100, 0, 0, 0},
	    {"bytes=0-18446744073709551615", 5000000000000ULL, 1, 0, 5000000000000ULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t at = 0, n = 0;
		int rc = reply_parse_range(rows[i].header, rows[i].size, &at, &n);

		if (rc != rows[i].rc || (rc == 1 && (at != rows[i].at || n != rows[i].n)))
			fail_msg("%s of %lu: %d, %lu, %lu", rows[i].header, rows[i].size, rc, at, n);
	}
}

static void compares_tags(void **state)
{
	static const struct {
		const char *list;
		bool listed;
	} rows[] = {
	    {"\"abc\"", true},
	    {"W/\"abc\"", true},
	    {"*", true},
	    {"\"x\", W/\"abc\"", true},
	    {"\"x\",\"abc\",\"y\"", true},
	    {" , \"abc\"", true},
	    {"abc, \"abc\"", true}, /* what is no tag is passed over */
	    {"", false},
	    {"abc", false},
	    {"\"ab\"", false},
	    {"\"abcd\"", false},
	    {"\"abc", false},
	    {"\"x,abc\"", false},
	    {"w/\"abcd\"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (reply_tag_listed(rows[i].list, "abc") != rows[i].listed)
			fail_msg("%s", rows[i].list);
}

/* ---- gzip of a source */

struct text {
	unsigned left, closed, waits;
};

static int text_fill(void *arg, struct buf *out, struct err *e)
{
	struct text *t = arg;

	if (t->waits && t->left % 7 == 3) {
		t->waits--;
		return HTTP_WAIT;
	}
	for (unsigned i = 0; i < 1000 && t->left; i++, t->left--)
		if (buf_printf(out, e, "%u,%u\n", t->left, t->left * 2654435761u) < 0)
			return -(int)e->code;
	return t->left ? HTTP_MORE : HTTP_END;
}

static void text_close(void *arg)
{
	((struct text *)arg)->closed++;
}

static void gunzip(const struct buf *in, struct buf *out)
{
	z_stream z = {.next_in = in->data, .avail_in = (uInt)in->len};
	int rc;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	do {
		assert_int_equal(buf_reserve(out, 65536, NULL), 0);
		z.next_out = out->data + out->len;
		z.avail_out = 65536;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += 65536 - z.avail_out;
	} while (rc == Z_OK);
	assert_int_equal(rc, Z_STREAM_END);
	inflateEnd(&z);
}

static void squeezes_sources(void **state)
{
	static const struct http_source source = {.fill = text_fill, .close = text_close};
	AUTO(buf) plain = BUF(64u << 20);
	AUTO(buf) packed = BUF(64u << 20);
	AUTO(buf) again = BUF(64u << 20);
	struct text t = {.left = 300000}, same = {.left = 300000, .waits = 5};
	struct gzip *g = NULL;
	struct err e = {0};
	int rc;

	(void)state;
	while (text_fill(&t, &plain, &e) == HTTP_MORE)
		;
	assert_int_equal(gzip_new(&source, &same, &g, &e), 0);
	do {
		AUTO(buf) piece = BUF(HTTP_PIECE + 4096);

		rc = gzip_source.fill(g, &piece, &e);
		assert_true(rc >= 0);
		if (piece.len)
			assert_int_equal(buf_put(&packed, piece.data, piece.len, &e), 0);
		assert_true(piece.len || rc != HTTP_MORE); /* it never asks to be called for nothing */
	} while (rc != HTTP_END);
	assert_int_equal(same.closed, 0);
	gzip_source.close(g);
	assert_int_equal(same.closed, 1);
	gunzip(&packed, &again);
	assert_int_equal(again.len, plain.len);
	assert_memory_equal(again.data, plain.data, plain.len);
}

static void squeezes_at_once(void **state)
{
	AUTO(buf) packed = BUF(4096);
	AUTO(buf) again = BUF(1u << 20);
	struct err e = {0};

	(void)state;
	assert_int_equal(gzip_bytes("hello hello hello", 17, &packed, &e), 0);
	gunzip(&packed, &again);
	assert_int_equal(again.len, 17);
	assert_memory_equal(again.data, "hello hello hello", 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_ranges),
	    cmocka_unit_test(compares_tags),
	    cmocka_unit_test(squeezes_sources),
	    cmocka_unit_test(squeezes_at_once),
	};

	return cmocka_run_group_tests_name("web/reply", tests, NULL, NULL);
}
