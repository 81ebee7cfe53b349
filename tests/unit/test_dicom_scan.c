#include "dicom/scan.h"
#include "dicom_bytes.h"
#include <zlib.h>

struct record {
	struct buf text;
	int stop_at, seen; /* the n-th element answers stop_with */
	int stop_with;
};

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct record *r = arg;
	int rc = buf_printf(&r->text, e, "%u:%08X %s %u", el->depth, el->tag, el->vr, el->length);

	if (rc == 0 && el->value && vr_is_string(el->vr))
		rc = buf_printf(&r->text, e, " %.*s", (int)el->length, (const char *)el->value);
	else if (rc == 0 && el->value && el->length == 2)
		rc = buf_printf(&r->text, e, " #%d", el->big_endian ? el->value[1] : el->value[0]);
	else if (rc == 0 && !el->value)
		rc = buf_printf(&r->text, e, " @%llu", (unsigned long long)el->at);
	if (rc == 0)
		rc = buf_str(&r->text, "\n", e);
	if (rc == 0 && ++r->seen == r->stop_at)
		return r->stop_with < 0 ? err_set(e, (enum err_code) - r->stop_with, "said so") : r->stop_with;
	return rc;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	return buf_printf(&((struct record *)arg)->text, e, "%u%s\n", depth, begin ? "{" : "}");
}

static int on_end(void *arg, unsigned depth, struct err *e)
{
	return buf_printf(&((struct record *)arg)->text, e, "%u;\n", depth);
}

static const struct scan_ops ops = {.element = on_element, .item = on_item, .sequence_end = on_end};

/* Scans in pieces; the text of events is left in r. */
static int scan_in(const struct buf *b, const char *syntax, size_t piece, size_t cap, struct record *r, struct err *e)
{
	AUTO(scan) s = NULL;
	int rc = scan_new(syntax, cap, &ops, r, &s, e);

	for (size_t at = 0; at < b->len && rc == 0; at += piece) {
		/* a copy of exactly the piece, so that the sanitizer sees reads beyond it */
		size_t n = b->len - at < piece ? b->len - at : piece;
		uint8_t *copy = malloc(n);

		memcpy(copy, b->data + at, n);
		rc = scan_feed(s, copy, n, e);
		free(copy);
	}
	return rc ? rc : scan_end(s, e);
}

static void expect(const struct buf *b, const char *syntax, int expected_rc, const char *expected)
{
	static const size_t pieces[] = {1 << 20, 1, 2, 3, 7, 11, 13};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct record r = {.text = BUF(1 << 20)};
		struct err e = {0};
		int rc = scan_in(b, syntax, pieces[i], 64, &r, &e);

		if (rc < 0)
			buf_printf(&r.text, NULL, "! %s\n", e.msg);
		assert_string_equal(buf_text(&r.text), expected);
		assert_int_equal(rc, expected_rc);
		buf_cleanup(&r.text);
	}
}

static void plain_elements(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_element(&b, 0x00080016, "UI", "1.2.3\0", false);
	bytes_element(&b, 0x00080060, "CS", "", false);
	bytes_head(&b, 0x00280010, "US", 2, false);
	bytes_number(&b, 5, 2, false);
	bytes_element(&b, 0x00420010, "UT", "long form ", false);
	bytes_head(&b, 0x7FE00010, "OW", 100, false);
	for (int i = 0; i < 100; i++)
		buf_byte(&b, 0xFE, NULL);
	bytes_element(&b, 0xFFFCFFFC, "OB", "", false);
	expect(&b, UID_EXPLICIT_LE, 0,
	       "0:00080016 UI 5 1.2.3\n0:00080060 CS 0 \n0:00280010 US 2 #5\n0:00420010 UT 10 long form \n"
	       "0:7FE00010 OW 100 @65\n0:FFFCFFFC OB 0\n");
}

static void big_endian(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_element(&b, 0x00080060, "CS", "CT", true);
	bytes_head(&b, 0x00280010, "US", 2, true);
	bytes_number(&b, 7, 2, true);
	bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, true);
	bytes_head(&b, 0xFFFEE000, NULL, SCAN_UNDEFINED, true);
	bytes_element(&b, 0x00081150, "UI", "1.2 ", true);
	bytes_head(&b, 0xFFFEE00D, NULL, 0, true);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, true);
	expect(
	    &b, UID_EXPLICIT_BE, 0,
	    "0:00080060 CS 2 CT\n0:00280010 US 2 #7\n0:00081140 SQ 4294967295 @32\n0{\n1:00081150 UI 4 1.2 \n0}\n0;\n");
}

static void implicit_finds_sequences_by_dictionary(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_head(&b, 0x00080000, NULL, 4, false);
	bytes_number(&b, 30, 4, false);
	bytes_element(&b, 0x00080060, NULL, "CT", false);
	bytes_head(&b, 0x00081140, NULL, 8 + 10, false);
	bytes_head(&b, 0xFFFEE000, NULL, 10, false);
	bytes_element(&b, 0x00081150, NULL, "1.", false);
	bytes_element(&b, 0x00090010, NULL, "CREATOR ", false);
	bytes_element(&b, 0x00091001, NULL, "private ", false);
	bytes_head(&b, 0x00091002, NULL, SCAN_UNDEFINED, false);
	bytes_head(&b, 0xFFFEE000, NULL, 0, false);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	expect(&b, UID_IMPLICIT_LE, 0,
	       "0:00080000 UL 4\n0:00080060 CS 2 CT\n0:00081140 SQ 18 @30\n0{\n1:00081150 UI 2 1.\n0}\n0;\n"
	       "0:00090010 LO 8 CREATOR \n0:00091001 UN 8\n0:00091002 SQ 4294967295 @88\n0{\n0}\n0;\n");
}

static void unknown_with_undefined_length_is_implicit(void **state)
{
	/* trap 20: UN of undefined length is read as implicit little endian */
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_head(&b, 0x00091002, "UN", SCAN_UNDEFINED, true);
	bytes_head(&b, 0xFFFEE000, NULL, SCAN_UNDEFINED, false);
	bytes_element(&b, 0x00080060, NULL, "CT", false);
	bytes_head(&b, 0xFFFEE00D, NULL, 0, false);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	bytes_element(&b, 0x00100020, "LO", "ID", true);
	expect(&b, UID_EXPLICIT_BE, 0,
	       "0:00091002 SQ 4294967295 @12\n0{\n1:00080060 CS 2 CT\n0}\n0;\n0:00100020 LO 2 ID\n");
}

static void fragments_are_passed_over(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_head(&b, 0x7FE00010, "OB", SCAN_UNDEFINED, false);
	bytes_head(&b, 0xFFFEE000, NULL, 0, false);
	bytes_head(&b, 0xFFFEE000, NULL, 10, false);
	buf_put(&b, "\xFE\xFF\xDD\xE0\0\0\0\0..", 10, NULL); /* looks like the end, but is pixels */
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	bytes_element(&b, 0x00100020, "LO", "ID", false);
	expect(&b, "1.2.840.10008.1.2.4.90", 0, "0:7FE00010 OB 4294967295 @12\n0:00100020 LO 2 ID\n");
	b.len -= 10 + 8 + 4;
	expect(&b, "1.2.840.10008.1.2.4.90", -E_INVAL,
	       "0:7FE00010 OB 4294967295 @12\n! pixel data fragment ends after 6 of 10 bytes\n");
}

static void strange_value_representations(void **state)
{
	/* trap 20: unknown VRs are passed over, not refused */
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_element(&b, 0x00091001, "??", "ab", false);
	bytes_element(&b, 0x00091002, "--", "", false);
	bytes_tag(&b, 0x00091003, false); /* two capitals of a future edition: the long form */
	buf_put(&b, "ZZ\0\0\2\0\0\0ab", 10, NULL);
	bytes_element(&b, 0x00100020, "LO", "ID", false);
	expect(&b, UID_EXPLICIT_LE, 0,
	       "0:00091001 UN 2 #97\n0:00091002 UN 0\n0:00091003 UN 2 #97\n0:00100020 LO 2 ID\n");
}

static int note_pixels(void *arg, const struct scan_element *el, struct err *e)
{
	(void)e;
	if (el->tag != 0x7FE00010 || el->depth > 0)
		return 0;
	*(bool *)arg = el->value == NULL && el->length == 100;
	return 1;
}

static void pixels_not_waited_for(void **state)
{
	static const struct scan_ops ops = {.element = note_pixels};
	AUTO(buf) b = BUF(4096);
	AUTO(scan) s = NULL;
	bool announced = false;

	(void)state;
	bytes_element(&b, 0x00100020, "LO", "ID", false);
	bytes_head(&b, 0x7FE00010, "OW", 100, false);
	for (int pass = 0; pass < 2; pass++) { /* its value has not come yet, and would be short enough to be given */
		scan_free(STEAL(s));
		assert_int_equal(scan_new(UID_EXPLICIT_LE, 1000, &ops, &announced, &s, NULL), 0);
		if (pass)
			scan_pass_pixels(s);
		assert_int_equal(scan_feed(s, b.data, b.len, NULL), pass);
		assert_int_equal(announced, pass);
	}
}

static void cut_short(void **state)
{
	AUTO(buf) b = BUF(8192);

	(void)state;
	bytes_head(&b, 0x7FE00010, "OW", 4096, false);
	buf_str(&b, "0123456789", NULL);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL, "0:7FE00010 OW 4096 @12\n! pixel data ends after 10 of 4096 bytes\n");
	buf_clear(&b);
	bytes_head(&b, 0x00100020, "LO", 10, false);
	buf_str(&b, "0123", NULL);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL, "! element (0010,0020) ends after 4 of 10 bytes\n");
	b.len = 7;
	expect(&b, UID_EXPLICIT_LE, -E_INVAL, "! data set ends inside the header of an element, at byte 7\n");
	buf_clear(&b);
	bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, false);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL,
	       "0:00081140 SQ 4294967295 @12\n! data set ends inside sequence (0008,1140), at byte 12\n");
}

static void lengths_that_do_not_nest(void **state)
{
	AUTO(buf) b = BUF(8192);

	/* trap 20: lengths of sequences, items and elements that contradict each other */
	(void)state;
	bytes_head(&b, 0x00081140, "SQ", 20, false); /* shorter than its item, which is believed */
	bytes_head(&b, 0xFFFEE000, NULL, 14, false);
	bytes_element(&b, 0x00081150, "UI", "1.2.3.", false);
	bytes_element(&b, 0x00100020, "LO", "P1", false);
	expect(&b, UID_EXPLICIT_LE, 0,
	       "0:00081140 SQ 20 @12\n0{\n1:00081150 UI 6 1.2.3.\n0}\n0;\n0:00100020 LO 2 P1\n");
	buf_clear(&b);
	bytes_head(&b, 0x00081140, "SQ", 20, false); /* and so where the item is cut behind an element */
	bytes_head(&b, 0xFFFEE000, NULL, 40, false);
	bytes_element(&b, 0x00081150, "UI", "1.2.3.", false);
	expect(&b, UID_EXPLICIT_LE, 0, "0:00081140 SQ 20 @12\n0{\n1:00081150 UI 6 1.2.3.\n0}\n0;\n");
	buf_clear(&b);
	bytes_head(&b, 0x00081140, "SQ", 20, false);
	bytes_head(&b, 0xFFFEE000, NULL, 12, false);
	bytes_element(&b, 0x00081150, "UI", "1.2.3.", false);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL,
	       "0:00081140 SQ 20 @12\n0{\n! element (0008,1150) at byte 28 is longer than the sequence or item around "
	       "it\n");
	buf_clear(&b);
	bytes_head(&b, 0x00081140, "SQ", 4, false);
	bytes_head(&b, 0xFFFEE000, NULL, 0, false);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL,
	       "0:00081140 SQ 4 @12\n"
	       "! element header (FFFE,E000) at byte 20 passes the end of the sequence or item around it\n");
	buf_clear(&b);
	bytes_head(&b, 0x00081140, "SQ", 28, false); /* two sequences deep, the inner item passes the outer one */
	bytes_head(&b, 0xFFFEE000, NULL, 20, false);
	bytes_head(&b, 0x00081140, "SQ", 8, false);
	bytes_head(&b, 0xFFFEE000, NULL, 14, false);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL,
	       "0:00081140 SQ 28 @12\n0{\n1:00081140 SQ 8 @32\n"
	       "! item (0008,1140) at byte 40 is longer than what is around it\n");
}

static void delimiters_out_of_place(void **state)
{
	AUTO(buf) b = BUF(8192);

	/* trap 20: delimiters that are missing, wrong or superfluous */
	(void)state;
	bytes_head(&b, 0xFFFEE00D, NULL, 0, false);
	bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, false);
	bytes_head(&b, 0xFFFEE000, NULL, SCAN_UNDEFINED, false); /* not ended */
	bytes_element(&b, 0x00081150, "UI", "1.2.3.", false);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, false);
	bytes_head(&b, 0xFFFEE000, NULL, 0, false);
	bytes_head(&b, 0xFFFEE00D, NULL, 0, false); /* instead of the other */
	bytes_element(&b, 0x00100020, "LO", "P1", false);
	buf_put(&b, "\0\0\0", 3, NULL); /* padding */
	expect(&b, UID_EXPLICIT_LE, 0,
	       "0:00081140 SQ 4294967295 @20\n0{\n1:00081150 UI 6 1.2.3.\n0}\n0;\n"
	       "0:00081140 SQ 4294967295 @62\n0{\n0}\n0;\n0:00100020 LO 2 P1\n");
	buf_clear(&b);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	expect(&b, UID_EXPLICIT_LE, -E_INVAL, "! delimiter or item (FFFE,E0DD) at byte 8 where an element is due\n");
}

static void elements_without_their_vr(void **state)
{
	AUTO(buf) b = BUF(8192);

	/* trap 20: implicit elements among explicit ones, VRs of nobody */
	(void)state;
	bytes_head(&b, 0x00080060, NULL, 2, false);
	buf_str(&b, "CT", NULL);
	bytes_head(&b, 0x00081140, NULL, SCAN_UNDEFINED, false);
	bytes_head(&b, 0xFFFEE0DD, NULL, 0, false);
	buf_put(&b, "\x40\0\x54\2??\4\0text", 12, NULL);
	buf_put(&b, "\x40\0\x54\2\0\0\0\0", 8, NULL);
	buf_put(&b, "\x42\0\x11\0ox\0\0\4\0\0\0text", 16, NULL);
	expect(&b, UID_EXPLICIT_LE, 0,
	       "0:00080060 CS 2 CT\n0:00081140 SQ 4294967295 @18\n0;\n0:00400254 UN 4\n0:00400254 UN 0\n"
	       "0:00420011 UN 4\n");
}

static void deep_nesting_is_refused(void **state)
{
	AUTO(buf) b = BUF(1 << 16);
	struct record r = {.text = BUF(1 << 20)};
	struct err e = {0};

	(void)state;
	for (int i = 0; i < SCAN_DEPTH; i++) {
		bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, false);
		bytes_head(&b, 0xFFFEE000, NULL, SCAN_UNDEFINED, false);
	}
	assert_int_equal(scan_in(&b, UID_EXPLICIT_LE, 100, 64, &r, &e), -E_INVAL); /* not closed, but not too deep */
	bytes_head(&b, 0x00081140, "SQ", SCAN_UNDEFINED, false);
	memset(&e, 0, sizeof(e));
	assert_int_equal(scan_in(&b, UID_EXPLICIT_LE, 100, 64, &r, &e), -E_LIMIT);
	buf_cleanup(&r.text);
}

static void callbacks_can_stop(void **state)
{
	AUTO(buf) b = BUF(1 << 16);
	struct record r = {.text = BUF(1 << 20), .stop_at = 2, .stop_with = 7};
	AUTO(scan) s = NULL;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		bytes_element(&b, 0x00100020 + (uint32_t)i, "LO", "ID", false);
	assert_int_equal(scan_new(UID_EXPLICIT_LE, 64, &ops, &r, &s, &e), 0);
	assert_int_equal(scan_feed(s, b.data, b.len, &e), 7);
	assert_int_equal(scan_feed(s, b.data, b.len, &e), 7);
	assert_int_equal(r.seen, 2);
	scan_free(s);
	r.seen = 0;
	r.stop_with = -E_FULL;
	assert_int_equal(scan_new(UID_EXPLICIT_LE, 64, &ops, &r, &s, &e), 0);
	assert_int_equal(scan_feed(s, b.data, b.len, &e), -E_FULL);
	assert_string_equal(e.msg, "said so");
	memset(&e, 0, sizeof(e));
	assert_int_equal(scan_end(s, &e), -E_FULL);
	assert_string_equal(e.msg, "said so");
	buf_cleanup(&r.text);
}

static void pack(const struct buf *in, struct buf *out)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(buf_reserve(out, deflateBound(&z, in->len), NULL), 0);
	z.next_in = in->data;
	z.avail_in = (uInt)in->len;
	z.next_out = out->data;
	z.avail_out = (uInt)out->room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	deflateEnd(&z);
}

static void deflated(void **state)
{
	AUTO(buf) plain = BUF(1 << 20);
	AUTO(buf) b = BUF(1 << 20);

	(void)state;
	bytes_element(&plain, 0x00080060, "CS", "CT", false);
	bytes_head(&plain, 0x7FE00010, "OW", 100000, false);
	for (int i = 0; i < 100000; i++)
		buf_byte(&plain, (uint8_t)((unsigned)i * (unsigned)i >> 8), NULL);
	pack(&plain, &b);
	buf_byte(&b, 0, NULL); /* padding to even length */
	expect(&b, UID_DEFLATED_LE, 0, "0:00080060 CS 2 CT\n0:7FE00010 OW 100000 @22\n");
	b.len /= 2;
	AUTO(scan) s = NULL;
	struct record r = {.text = BUF(1 << 20)};
	struct err e = {0};
	assert_int_equal(scan_new(UID_DEFLATED_LE, 64, &ops, &r, &s, &e), 0);
	assert_int_equal(scan_feed(s, b.data, b.len, &e), 0);
	assert_int_equal(scan_end(s, &e), -E_INVAL);
	assert_non_null(strstr(e.msg, "deflated data set ends early"));
	buf_cleanup(&r.text);
	buf_clear(&b);
	buf_str(&b, "\377\377 this is no deflate stream", NULL);
	expect(&b, UID_DEFLATED_LE, -E_INVAL, "! deflated data set: invalid block type\n");
}

/* A bomb: pixel data of 1 GB of zeros. It must end in an error after the free part, holding nothing. */
static void bombs_are_refused(void **state)
{
	static uint8_t zeros[1 << 16], packed[1 << 16];
	struct record r = {.text = BUF(1 << 20)};
	AUTO(buf) head = BUF(64);
	AUTO(scan) s = NULL;
	struct err e = {0};
	z_stream z = {0};
	int rc = 0;

	(void)state;
	bytes_head(&head, 0x7FE00010, "OB", 1 << 30, false);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(scan_new(UID_DEFLATED_LE, 64, &ops, &r, &s, &e), 0);
	for (unsigned i = 0; i <= (1 << 14) && rc == 0; i++) {
		z.next_in = i ? zeros : head.data;
		z.avail_in = i ? sizeof(zeros) : (uInt)head.len;
		do {
			z.next_out = packed;
			z.avail_out = sizeof(packed);
			assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
			rc = scan_feed(s, packed, sizeof(packed) - z.avail_out, &e);
		} while (z.avail_out == 0);
	}
	deflateEnd(&z);
	assert_int_equal(rc, -E_LIMIT);
	assert_string_equal(e.msg, "deflated data set grows beyond 200 times its size");
	buf_cleanup(&r.text);
}

static int count(void *arg, const struct scan_element *el, struct err *e)
{
	(void)el;
	(void)e;
	++*(int *)arg;
	return 0;
}

static void a_million_empty_elements(void **state)
{
	static const struct scan_ops counting = {.element = count};
	AUTO(buf) b = BUF(16 << 20);
	AUTO(scan) s = NULL;
	struct err e = {0};
	int counted = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++)
		bytes_head(&b, TAG(0x0011, i & 0xFFFF), "LO", 0, false);
	assert_int_equal(scan_new(UID_EXPLICIT_LE, 64, &counting, &counted, &s, &e), 0);
	assert_int_equal(scan_feed(s, b.data, b.len, &e), 0);
	assert_int_equal(scan_end(s, &e), 0);
	assert_int_equal(counted, 1000000);
}

static int setup(void **state)
{
	struct err e = {0};

	(void)state;
	return dict_setup(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_elements),
	    cmocka_unit_test(big_endian),
	    cmocka_unit_test(implicit_finds_sequences_by_dictionary),
	    cmocka_unit_test(unknown_with_undefined_length_is_implicit),
	    cmocka_unit_test(fragments_are_passed_over),
	    cmocka_unit_test(strange_value_representations),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(pixels_not_waited_for),
	    cmocka_unit_test(lengths_that_do_not_nest),
	    cmocka_unit_test(delimiters_out_of_place),
	    cmocka_unit_test(elements_without_their_vr),
	    cmocka_unit_test(deep_nesting_is_refused),
	    cmocka_unit_test(callbacks_can_stop),
	    cmocka_unit_test(deflated),
	    cmocka_unit_test(bombs_are_refused),
	    cmocka_unit_test(a_million_empty_elements),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
