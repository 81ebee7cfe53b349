#include "base/buf.h"
#include "net/multipart.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What was told of, as text: "<type|location|length" data ">" */
struct seen {
	struct buf text;
	unsigned parts;
	uint64_t bytes;
	bool count_only;
};

static int begin(void *arg, const struct multipart_part *part, struct err *e)
{
	struct seen *s = arg;

	s->parts++;
	if (s->count_only)
		return 0;
	return buf_printf(&s->text, e, "<%s|%s|%s|%lld%s:", part->typed ? part->type.type : "", part->location,
			  part->id, (long long)part->length, part->plain ? "" : "|coded");
}

static int data(void *arg, const uint8_t *bytes, size_t n, struct err *e)
{
	struct seen *s = arg;

	assert_true(n > 0);
	s->bytes += n;
	return s->count_only ? 0 : buf_put(&s->text, bytes, n, e);
}

static int end(void *arg, struct err *e)
{
	struct seen *s = arg;

	return s->count_only ? 0 : buf_str(&s->text, ">", e);
}

static const struct multipart_ops ops = {begin, data, end};

/* In pieces of so many bytes; the code of the end. */
static int walk(const char *boundary, const void *body, size_t n, size_t piece, struct seen *s, struct err *e)
{
	AUTO(multipart) m = NULL;
	int rc = multipart_new(boundary, &ops, s, &m, e);

	for (size_t at = 0; at < n && rc == 0; at += piece)
		rc = multipart_feed(m, (const char *)body + at, n - at < piece ? n - at : piece, e);
	return rc < 0 ? rc : multipart_end(m, e);
}

/* Whatever the pieces are, the same is told of. says: in the sentence of a failure; NULL: none is expected. */
static void tells_n(const char *boundary, const void *body, size_t n, const char *wanted, const char *says)
{
	for (size_t piece = 1; piece <= n + 1; piece++) {
		struct seen s = {.text = BUF(1 << 20)};
		struct err e = {0};
		int rc = walk(boundary, body, n, piece, &s, &e);

		if (rc < 0 && !says)
			fail_msg("pieces of %zu: %s", piece, e.msg);
		if (says)
			assert_true(rc < 0 && strstr(e.msg, says));
		assert_string_equal(buf_text(&s.text), wanted);
		buf_cleanup(&s.text);
	}
}

static void tells(const char *boundary, const char *body, const char *wanted, const char *says)
{
	tells_n(boundary, body, strlen(body), wanted, says);
}

/* trap 29: CRLF, no final CRLF, blanks behind a boundary, preamble and epilogue, parts without head or body */
static void lines_and_ends(void **state)
{
	(void)state;
	tells("b", "--b\r\nContent-Type: Application/DICOM\r\nContent-Length: 2\r\n\r\nXY\r\n--b--\r\n",
	      "<application/dicom|||2:XY>", NULL);
	tells("b", "--b\r\n\r\nXY\r\n--b\r\n\r\nZ\r\n--b--", "<|||-1:XY><|||-1:Z>", NULL);
	tells("b", "see below\r\n\r\n--b \t \r\n\r\nXY\r\n--b-- \r\nthat was all", "<|||-1:XY>", NULL);
	tells("b", "--b\r\nA: 1\r\n\r\n--b\r\nA: 1\r\n\r\n\r\n--b--", "<|||-1:><|||-1:>", NULL);
	tells("b", "--b--\r\n", "", NULL);
	tells("b", "\r\n--b\r\n\r\n\r\n\r\n--b--\r\n", "<|||-1:\r\n>", NULL);
}

/* trap 29: bytes of the boundary in the payload */
static void boundary_in_payload(void **state)
{
	(void)state;
	tells("abc",
	      "--abc\r\n\r\n\r\n--abd\r\n--ab\r\r\n\n--abc\r\n--abcd\r\n--abc-\r\n--abc--x\r\n--abc \r \r\n--abc--",
	      "<|||-1:\r\n--abd\r\n--ab\r\r\n\n--abc\r\n--abcd\r\n--abc-\r\n--abc--x\r\n--abc \r >", NULL);
	tells("-", "-----\r\n", "", NULL);
	tells("-", "---\r\n\r\n--\r\n---\r\r\n-----", "<|||-1:--\r\n---\r>", NULL);
	tells_n("b", "--b\r\n\r\n\0\r\0\n\0\r\n\0--b\r\n--b--", 25, "<|||-1:", NULL); /* compared up to the NUL */
	tells("b", "--b\r\n\r\nX\r\n--b\r\r\n--b\r\n\r\n--b--", "<|||-1:X\r\n--b\r><|||-1:>", NULL);
}

/* trap 29: a body of bare LF is one throughout; a CR before its boundary is data */
static void bare_lines(void **state)
{
	(void)state;
	tells("b", "--b\nContent-Type: a/b\n\nX\r\n--b\n\nY\n--b--\n", "<a/b|||-1:X\r><|||-1:Y>", NULL);
	tells("b", "--b\r\nContent-Type: a/b\n\nX\n--b\r\n--b--\n", "<a/b|||-1:X\n--b>", NULL);
}

static void heads(void **state)
{
	(void)state;
	tells("b",
	      "--b\r\ncontent-location:  /bulk/1?x \r\nContent-ID: <i@d>\r\nX-Other: a\r\nContent-Type: "
	      "application/octet-stream;\r\n transfer-syntax=1.2\r\ncontent-transfer-encoding: BINARY\r\n\r\n--b--",
	      "<application/octet-stream|/bulk/1?x|i@d|-1:>", NULL);
	tells("b", "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b--", "<|||-1|coded:>", NULL);
	tells("b", "--b\r\nno colon\r\n\r\n--b--", "", "name: value");
	tells("b", "--b\r\nContent-Type : a/b\r\n\r\n--b--", "", "name: value");
	tells("b", "--b\r\nContent-Length: 1x\r\n\r\n--b--", "", "no number");
	tells("b", "--b\r\nContent-Length: 99999999999999999999\r\n\r\n--b--", "", "no number");
	tells("b", "--b\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n--b--", "", "two Content-Type");
	tells("b", "--b\r\nContent-Type: nothing\r\n\r\n--b--", "", "type/subtype");
	tells_n("b", "--b\r\nA: \0\r\n\r\n--b--", 18, "", "NUL");
}

/* trap 29: without its closing boundary what is complete stays so */
static void cut_off(void **state)
{
	(void)state;
	tells("b", "", "", "before the first boundary");
	tells("b", "no boundary", "", "before the first boundary");
	tells("b", "--b\r\n\r\nX\r\n--b\r\n\r\nY", "<|||-1:X><|||-1:Y", "within a part");
	tells("b", "--b\r\n\r\nX\r\n--b\r\nContent-", "<|||-1:X>", "in the head of a part");
	tells("b", "--b\r\n\r\nX\r\n--b", "<|||-1:X", "within a part");
	tells("b", "--b\r\n\r\nX\r\n--b-", "<|||-1:X", "within a part");
}

static void filled(struct buf *b, char c, size_t n)
{
	assert_int_equal(buf_reserve(b, n, NULL), 0);
	memset(b->data + b->len, c, n);
	b->len += n;
}

static int walk_of(const char *before, char c, size_t n, const char *behind)
{
	AUTO(buf) body = BUF(1 << 20);
	struct seen s = {.count_only = true};
	struct err e = {0};

	assert_int_equal(buf_str(&body, before, NULL), 0);
	filled(&body, c, n);
	assert_int_equal(buf_str(&body, behind, NULL), 0);
	return walk("b", body.data, body.len, 1000, &s, &e);
}

static void limits(void **state)
{
	char boundary[MULTIPART_BOUNDARY + 2] = {0}, lines[3 * MULTIPART_FIELDS + 4] = "";
	struct seen s = {.count_only = true};
	struct err e = {0};
	struct multipart *m;

	(void)state;
	assert_int_equal(walk_of("--b\r\nA: ", 'a', MULTIPART_HEAD - 10, "\r\n\r\n\r\n--b--"), 0);
	assert_int_equal(walk_of("--b\r\nA: ", 'a', MULTIPART_HEAD, "\r\n\r\n\r\n--b--"), -E_LIMIT);
	assert_int_equal(walk_of("", 'a', MULTIPART_AROUND - 10, "\r\n--b--"), 0);
	assert_int_equal(walk_of("", 'a', MULTIPART_AROUND + 1, "\r\n--b--"), -E_LIMIT);
	assert_int_equal(walk_of("--b--\r\n", 'a', MULTIPART_AROUND, ""), 0);
	assert_int_equal(walk_of("--b--\r\n", 'a', MULTIPART_AROUND + 1, ""), -E_LIMIT);
	assert_int_equal(walk_of("--b", ' ', 60, "\r\n\r\n\r\n--b--"), 0);
	for (unsigned i = 0; i <= MULTIPART_FIELDS; i++)
		strcat(lines, "a:\n");
	assert_int_equal(walk_of("--b\n", 'a', 1, lines), -E_LIMIT);
	memset(boundary, 'x', MULTIPART_BOUNDARY);
	assert_int_equal(walk(boundary, "", 0, 1, &s, &e), -E_INVAL);
	assert_non_null(strstr(e.msg, "first boundary"));
	boundary[MULTIPART_BOUNDARY] = 'x';
	assert_int_equal(multipart_new(boundary, &ops, &s, &m, &e), -E_INVAL);
	assert_int_equal(multipart_new("", &ops, &s, &m, &e), -E_INVAL);
	assert_int_equal(multipart_new("a ", &ops, &s, &m, &e), -E_INVAL);
	assert_int_equal(multipart_new("a\r\nb", &ops, &s, &m, &e), -E_INVAL);
}

/* trap 29: any number of parts; binary data that is full of line ends */
static void many_parts(void **state)
{
	AUTO(multipart) m = NULL;
	struct seen s = {.count_only = true};
	struct err e = {0};
	static const char part[] = "\r\n--b\r\n\r\n\r\n\r\r\n--\r\n-b";

	(void)state;
	assert_int_equal(multipart_new("b", &ops, &s, &m, &e), 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(multipart_feed(m, part, sizeof part - 1, &e), 0);
	assert_int_equal(multipart_feed(m, "\r\n--b--", 7, &e), 0);
	assert_int_equal(multipart_end(m, &e), 0);
	assert_int_equal(s.parts, 100000);
	assert_int_equal(s.bytes, 100000 * (sizeof part - 1 - 9));
}

static int refuse(void *arg, const uint8_t *bytes, size_t n, struct err *e)
{
	(void)arg;
	(void)bytes;
	(void)n;
	return err_set(e, E_FULL, "no room");
}

static void callbacks_end_it(void **state)
{
	struct multipart_ops full = {begin, refuse, end};
	AUTO(multipart) m = NULL;
	struct seen s = {.count_only = true};
	struct err e = {0};

	(void)state;
	assert_int_equal(multipart_new("b", &full, &s, &m, &e), 0);
	assert_int_equal(multipart_feed(m, "--b\r\n\r\nX", 8, &e), -E_FULL);
	assert_int_equal(multipart_feed(m, "\r\n--b--", 7, NULL), -E_FULL);
	assert_int_equal(multipart_end(m, &e), -E_FULL);
	assert_string_equal(e.msg, "no room");
}

static int parse(const char *text, struct mime *m)
{
	return mime_parse(text, strlen(text), m, NULL);
}

/* trap 29: the boundary in quotes or not; type= without quotes */
static void media_types(void **state)
{
	struct mime m;
	char many[200] = "a/b";

	(void)state;
	assert_int_equal(parse(" Multipart/Related ;Type=\"application/dicom\"; BOUNDARY=\"a;\\\"b\" ; ", &m), 0);
	assert_string_equal(m.type, "multipart/related");
	assert_string_equal(mime_param(&m, "type"), "application/dicom");
	assert_string_equal(mime_param(&m, "boundary"), "a;\"b");
	assert_null(mime_param(&m, "start"));
	assert_int_equal(parse("multipart/related;type=application/dicom+json;boundary=-=(x)", &m), 0);
	assert_string_equal(mime_param(&m, "type"), "application/dicom+json");
	assert_string_equal(mime_param(&m, "boundary"), "-=(x)");
	static const char *const wrong[] = {"",       "a",       "a/",        "/b",          "a/b/c",        "a/b c/d",
					    "a/b; x", "a/b; =y", "a/b; x=\"", "a/b;x=1;X=2", "a/b;x=\"\n\"", "a b/c"};
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(parse(wrong[i], &m), -E_INVAL);
	for (unsigned i = 0; i <= MIME_PARAMS; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), ";p%u=1", i);
	assert_int_equal(parse(many, &m), -E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_and_ends), cmocka_unit_test(boundary_in_payload),
	    cmocka_unit_test(bare_lines),     cmocka_unit_test(heads),
	    cmocka_unit_test(cut_off),        cmocka_unit_test(limits),
	    cmocka_unit_test(many_parts),     cmocka_unit_test(callbacks_end_it),
	    cmocka_unit_test(media_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
