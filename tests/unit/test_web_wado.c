/* What retrieval decides without an archive: forms, syntaxes, media types, lists of frames, paths of bulk data; and ZIP files. */
#include "dicom/dict.h"
#include "web/wado_bulk.h"
#include "web/wado_choice.h"
#include "web/wado_metadata.h"
#include "web/zip.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define JPEG_SV1 "1.2.840.10008.1.2.4.70"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define JPEG_XL "1.2.840.10008.1.2.4.110"
#define HTJ2K "1.2.840.10008.1.2.4.201"
#define JPEG(n) "1.2.840.10008.1.2.4." n
#define RLE "1.2.840.10008.1.2.5"

static struct accept parse(const char *text)
{
	struct accept a;
	struct err e = {0};

	if (accept_parse(text, &a, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return a;
}

/* ---- application/dicom */

static void syntax(const char *accept, bool multipart, const char *stored, const char *expected)
{
	struct accept a = parse(accept);
	const char *got = wado_syntax(&a, "application/dicom", multipart, stored);

	if (strcmp(got, expected) != 0)
		fail_msg("%s for %s: \"%s\", expected \"%s\"", accept, stored, got, expected);
}

#define PARTS "multipart/related; type=\"application/dicom\""

static void test_syntax_default(void **state)
{
	(void)state;
	syntax(PARTS, true, UID_EXPLICIT_LE, UID_EXPLICIT_LE);
	syntax(PARTS, true, UID_IMPLICIT_LE, UID_EXPLICIT_LE);
	syntax(PARTS, true, UID_EXPLICIT_BE, UID_EXPLICIT_LE);
	syntax(PARTS, true, RLE, UID_EXPLICIT_LE);
	syntax(PARTS, true, JPEG_SV1, UID_EXPLICIT_LE);
	syntax(PARTS, true, JPEG_BASELINE, JPEG_BASELINE); /* lossy: as it is */
	syntax(PARTS, true, JPEG_XL, JPEG_XL);             /* nothing here decodes it */
	syntax(NULL, true, UID_IMPLICIT_LE, UID_EXPLICIT_LE);
	syntax("multipart/related", true, RLE, UID_EXPLICIT_LE);
	syntax("application/dicom", false, UID_IMPLICIT_LE, UID_EXPLICIT_LE);
}

static void test_syntax_named(void **state)
{
	(void)state;
	syntax(PARTS "; transfer-syntax=*", true, UID_IMPLICIT_LE, UID_IMPLICIT_LE);
	syntax(PARTS "; transfer-syntax=*", true, HTJ2K, HTJ2K);
	syntax(PARTS "; transfer-syntax=" UID_EXPLICIT_LE, true, JPEG_BASELINE, UID_EXPLICIT_LE);
	syntax(PARTS "; transfer-syntax=" UID_EXPLICIT_LE, true, JPEG_XL, "");
	syntax(PARTS "; transfer-syntax=" JPEG_XL, true, JPEG_XL, JPEG_XL);
	syntax(PARTS "; transfer-syntax=" JPEG_XL, true, UID_EXPLICIT_LE, "");
	syntax(PARTS "; transfer-syntax=" JPEG_LS, true, UID_EXPLICIT_LE, JPEG_LS);
	syntax(PARTS "; transfer-syntax=" UID_IMPLICIT_LE, true, UID_EXPLICIT_LE, ""); /* has no place on the web */
	syntax(PARTS "; transfer-syntax=" UID_EXPLICIT_BE, true, UID_EXPLICIT_LE, "");
	syntax("application/dicom; transfer-syntax=*", true, RLE, ""); /* of one alone */
}

static void test_syntax_liked(void **state)
{
	(void)state;
	/* equally: as stored */
	syntax(PARTS "; transfer-syntax=" JPEG_LS ", " PARTS "; transfer-syntax=" UID_EXPLICIT_LE, true,
	       UID_EXPLICIT_LE, UID_EXPLICIT_LE);
	syntax(PARTS "; transfer-syntax=" JPEG_LS ", " PARTS "; transfer-syntax=" UID_EXPLICIT_LE, true, JPEG_LS,
	       JPEG_LS);
	syntax(PARTS "; transfer-syntax=" JPEG_LS ", " PARTS "; transfer-syntax=" UID_EXPLICIT_LE "; q=0.5", true,
	       UID_EXPLICIT_LE, JPEG_LS);
	syntax(PARTS "; transfer-syntax=" JPEG_XL ", " PARTS "; transfer-syntax=" UID_EXPLICIT_LE "; q=0.1", true,
	       UID_EXPLICIT_LE, UID_EXPLICIT_LE);
	syntax(PARTS "; transfer-syntax=*, " PARTS "; transfer-syntax=" RLE "; q=0", true, RLE, "");
}

static void test_zip_as_stored(void **state)
{
	struct accept a = parse("application/zip"), b = parse("application/zip; transfer-syntax=" UID_EXPLICIT_LE);

	(void)state;
	assert_string_equal(wado_syntax(&a, "application/zip", false, UID_IMPLICIT_LE), UID_IMPLICIT_LE);
	assert_string_equal(wado_syntax(&b, "application/zip", false, UID_IMPLICIT_LE), UID_EXPLICIT_LE);
}

static void form(const char *accept, bool single, int expected, bool expected_multipart)
{
	struct accept a = parse(accept);
	struct offer offers[WADO_OFFERS];
	unsigned n = wado_form_offers(single, offers);
	bool multipart = false;
	const struct offer *o = accept_choose(&a, offers, n, &multipart);

	if ((o ? (int)(o - offers) : -1) != expected || (o && multipart != expected_multipart))
		fail_msg("%s: form %d%s", accept, o ? (int)(o - offers) : -1, multipart ? " in parts" : "");
}

static void test_forms(void **state)
{
	(void)state;
	form(NULL, true, WADO_DICOM, true);
	form("*/*", false, WADO_DICOM, true);
	form("application/dicom", true, WADO_DICOM, false);
	form("application/dicom", false, -1, false);
	form("multipart/related; type=application/dicom; transfer-syntax=*", false, WADO_DICOM, true);
	form("multipart/related; type=\"application/octet-stream\"", false, WADO_BULK, true);
	form("application/zip", false, WADO_ZIP, false);
	form("application/dicom+json", false, WADO_JSON, false);
	form("multipart/related; type=\"application/dicom+xml\"", true, WADO_XML, true);
	form("application/zip;q=0.5, application/dicom+json", true, WADO_JSON, false);
	form("image/png", true, -1, false);
}

/* ---- pixels */

static void pixels(const char *accept, const char *stored, bool single, const char *type, const char *wanted,
		   bool multipart)
{
	struct accept a = parse(accept);
	struct wado_pixels p = {0};
	bool found = wado_choose_pixels(&a, stored, NULL, single, true, &p);

	if (found != (type != NULL))
		fail_msg("%s of %s: %s", accept, stored, found ? p.type : "nothing");
	if (found && (strcmp(p.type, type) != 0 || strcmp(p.syntax, wanted) != 0 || p.multipart != multipart))
		fail_msg("%s of %s: %s in %s%s", accept, stored, p.type, p.syntax, p.multipart ? " in parts" : "");
	if (found)
		assert_int_equal(p.decoded, wado_media_type(stored) && strcmp(wanted, stored) != 0);
}

#define OCTETS "application/octet-stream"

static void test_pixels_native(void **state)
{
	static const char *const native[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE, UID_DEFLATED_LE};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pixels("multipart/related; type=" OCTETS "; transfer-syntax=*", native[i], true, OCTETS,
		       UID_EXPLICIT_LE, true);
		pixels("multipart/related; type=\"" OCTETS "\"", native[i], true, OCTETS, UID_EXPLICIT_LE, true);
		pixels(OCTETS, native[i], true, OCTETS, UID_EXPLICIT_LE, false);
		pixels(OCTETS, native[i], false, NULL, NULL, false);
		pixels("*/*", native[i], true, OCTETS, UID_EXPLICIT_LE, true);
		pixels("image/jpeg", native[i], true, NULL, NULL, false);
		pixels(OCTETS "; transfer-syntax=" JPEG_LS, native[i], true, NULL, NULL, false);
	}
}

static void test_pixels_compressed(void **state)
{
	(void)state;
	pixels("multipart/related; type=" OCTETS "; transfer-syntax=*", JPEG_LS, true, OCTETS, JPEG_LS, true);
	pixels("multipart/related; type=" OCTETS "; transfer-syntax=" JPEG_LS, JPEG_LS, true, OCTETS, JPEG_LS, true);
	pixels("multipart/related; type=" OCTETS, JPEG_LS, true, OCTETS, UID_EXPLICIT_LE, true);
	pixels("image/jls", JPEG_LS, true, "image/jls", JPEG_LS, false);
	pixels("multipart/related; type=\"image/jls\"; transfer-syntax=" JPEG_LS, JPEG_LS, false, "image/jls", JPEG_LS,
	       true);
	pixels("image/jxl", JPEG_LS, true, NULL, NULL, false);
	pixels("*/*", JPEG_LS, true, OCTETS, UID_EXPLICIT_LE, true);
	pixels("*/*", HTJ2K, true, OCTETS, UID_EXPLICIT_LE, true);
	pixels("*/*; transfer-syntax=*", JPEG_LS, true, "image/jls", JPEG_LS, true);
	pixels("*/*", JPEG_BASELINE, true, "image/jpeg", JPEG_BASELINE, true); /* lossy: as it is */
	pixels(OCTETS, JPEG_BASELINE, true, OCTETS, UID_EXPLICIT_LE, false);   /* said to want samples */
	pixels("image/*", RLE, true, "image/dicom-rle", RLE, false);
	pixels("image/jpeg, image/jls;q=0.2", JPEG_LS, true, "image/jls", JPEG_LS, false);
}

static void test_pixels_undecodable(void **state)
{
	(void)state;
	pixels(OCTETS, JPEG_XL, true, NULL, NULL, false); /* compressed bytes are no samples */
	pixels(OCTETS "; transfer-syntax=*", JPEG_XL, true, OCTETS, JPEG_XL, false);
	pixels("*/*", JPEG_XL, true, "image/jxl", JPEG_XL, true);
	pixels("multipart/related; type=" OCTETS ", multipart/related; type=image/jxl; q=0.1", JPEG_XL, true,
	       "image/jxl", JPEG_XL, true);
}

static struct image_pixel shape(const char *photometric, uint16_t samples, uint16_t bits)
{
	struct image_pixel p = {
	    .rows = 64, .columns = 64, .samples = samples, .bits_allocated = bits, .bits_stored = bits};

	p.high_bit = (uint16_t)(bits - 1);
	snprintf(p.photometric, sizeof p.photometric, "%s", photometric);
	return p;
}

/* wanted: the syntax of what is made; NULL: nothing is. */
static void is_made(const char *accepted, const char *stored, const struct image_pixel *p, const char *wanted)
{
	struct accept a;
	struct wado_pixels how = {0};
	bool found;

	assert_int_equal(accept_parse(accepted, &a, NULL), 0);
	found = wado_choose_pixels(&a, stored, p, true, true, &how);
	if (found && how.made)
		assert_string_equal(how.syntax, wanted ? wanted : "nothing");
	else
		assert_null(wanted);
	if (wanted) /* never without decoding, nor where nobody knows the pixels */
		assert_false((wado_choose_pixels(&a, stored, p, true, false, &how) && how.made) ||
			     (wado_choose_pixels(&a, stored, NULL, true, true, &how) && how.made));
}

static void test_made_for_who_names_it(void **state)
{
	const struct image_pixel grey = shape("MONOCHROME2", 1, 16), pairs = shape("YBR_FULL_422", 3, 8),
				 rct = shape("YBR_RCT", 3, 8);

	(void)state;
	is_made("image/jphc", UID_IMPLICIT_LE, &grey, JPEG("201"));
	is_made("image/jphc; transfer-syntax=" JPEG("202"), UID_EXPLICIT_BE, &grey, JPEG("202"));
	is_made("*/*; transfer-syntax=" JPEG("80"), UID_EXPLICIT_LE, &grey, JPEG("80"));
	is_made("image/jls", JPEG("90"), &rct, JPEG("80"));
	is_made("image/jls;q=0.2, application/octet-stream;q=0.1", UID_EXPLICIT_LE, &grey, JPEG("80"));
	is_made("image/jls;q=0.1, application/octet-stream;q=0.2", UID_EXPLICIT_LE, &grey, NULL);
	is_made("image/jp2", JPEG("90"), &grey, NULL); /* it is that */
	is_made("*/*", UID_EXPLICIT_LE, &grey, NULL);
	is_made("image/*, */*;q=0.1", UID_EXPLICIT_LE, &grey, NULL);
	is_made("application/octet-stream; transfer-syntax=*", UID_EXPLICIT_LE, &grey, NULL);
	is_made("image/jp2; transfer-syntax=" JPEG("91"), UID_EXPLICIT_LE, &grey, NULL); /* with loss */
	is_made("image/jphc", JPEG_BASELINE, &pairs, NULL);                              /* of what has lost */
	is_made("image/jphc", UID_EXPLICIT_LE, &pairs, NULL);                            /* its colours would change */
}

static void test_offers_are_chosen(void **state)
{
	static const char *const stored[] = {UID_IMPLICIT_LE, JPEG_LS, JPEG_BASELINE, JPEG_XL};

	(void)state;
	for (unsigned i = 0; i < 4; i++) { /* what a 406 names can be had */
		struct offer offers[WADO_PIXEL_OFFERS];
		unsigned n = wado_pixel_offers(stored[i], NULL, true, offers);

		assert_true(n > 0);
		for (unsigned k = 0; k < n; k++) {
			char text[200];

			snprintf(text, sizeof text, "%s; transfer-syntax=%s", offers[k].type, offers[k].syntax);
			pixels(text, stored[i], true, offers[k].type, offers[k].syntax, false);
		}
	}
}

static void test_offers_that_would_be_made(void **state)
{
	static const char *const types[] = {"image/jphc", "image/jp2", "image/jls", "image/jpeg", "image/dicom-rle"};
	static const char *const forms[] = {JPEG_LS,    UID_EXPLICIT_LE, "1.2.840.10008.1.2.8.1", JPEG("70"),
					    JPEG("90"), JPEG("201"),     "1.2.840.10008.1.2.5"};
	const struct image_pixel grey = shape("MONOCHROME2", 1, 16);
	struct offer offers[WADO_PIXEL_OFFERS], whole[WADO_SYNTAX_OFFERS];
	unsigned n = wado_pixel_offers(UID_EXPLICIT_LE, &grey, true, offers), found = 0;
	struct accept a;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
			found |= strcmp(offers[i].type, types[t]) == 0 ? 1u << t : 0;
	assert_int_equal(found, 31);
	for (unsigned i = 1; i < n; i++)
		is_made(offers[i].type, UID_EXPLICIT_LE, &grey,
			strcmp(offers[i].syntax, JPEG("202")) == 0 ? JPEG("201") : offers[i].syntax);
	n = wado_syntax_offers(JPEG_LS, true, whole);
	found = 0;
	for (unsigned i = 0; i < n; i++) {
		char text[200];

		snprintf(text, sizeof text, "application/dicom; transfer-syntax=%s", whole[i].syntax);
		assert_int_equal(accept_parse(text, &a, NULL), 0);
		assert_string_equal(wado_syntax(&a, "application/dicom", false, JPEG_LS), whole[i].syntax);
		for (size_t t = 0; t < sizeof forms / sizeof forms[0]; t++)
			found |= strcmp(whole[i].syntax, forms[t]) == 0 ? 1u << t : 0;
	}
	assert_int_equal(found, 127);
}

/* ---- lists of frames */

static int list(const char *text, const char *expected)
{
	uint64_t *frames = NULL;
	char got[200] = "";
	unsigned n = 0;
	int rc = wado_frame_list(text, &frames, &n, NULL);

	for (unsigned i = 0; rc == 0 && i < n; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%llu", i ? " " : "",
			 (unsigned long long)frames[i]);
	free(frames);
	if (rc == 0)
		assert_string_equal(got, expected);
	return rc;
}

static void test_frame_lists(void **state)
{
	char many[2 * WADO_FRAMES_MOST + 8];

	(void)state;
	assert_int_equal(list("1", "1"), 0);
	assert_int_equal(list("3,1,3", "3 1 3"), 0);
	assert_int_equal(list("999999999999999999", "999999999999999999"), 0);
	assert_int_equal(list("0", ""), -E_NOENT);
	assert_int_equal(list("1,0", ""), -E_NOENT);
	assert_int_equal(list("", ""), -E_INVAL);
	assert_int_equal(list(",", ""), -E_INVAL);
	assert_int_equal(list("1,", ""), -E_INVAL);
	assert_int_equal(list("1,,2", ""), -E_INVAL);
	assert_int_equal(list("-1", ""), -E_INVAL);
	assert_int_equal(list("1 ,2", ""), -E_INVAL);
	assert_int_equal(list("1-3", ""), -E_INVAL);
	assert_int_equal(list("one", ""), -E_INVAL);
	assert_int_equal(list("9999999999999999999", ""), -E_INVAL);
	for (unsigned i = 0; i <= WADO_FRAMES_MOST; i++)
		memcpy(many + 2 * (size_t)i, "1,", 3);
	many[2 * WADO_FRAMES_MOST + 1] = '\0';
	assert_int_equal(list(many, ""), -E_LIMIT);
}

/* ---- paths */

static void test_paths(void **state)
{
	static const char *const wrong[] = {"",
					    "7FE0001",
					    "7FE00010/",
					    "7FE000100",
					    "00081140/0",
					    "00081140/0/",
					    "00081140/x/00081150",
					    "00081140//00081150",
					    "00081140/0/0008115G",
					    "../../etc/passwd",
					    "00081140/1234567890/00081150",
					    "0008,1140"};
	struct bulk_path p;

	(void)state;
	assert_int_equal(bulk_path_parse("7FE00010", &p, NULL), 0);
	assert_int_equal(p.depth, 0);
	assert_int_equal(p.tag[0], 0x7FE00010);
	assert_int_equal(bulk_path_parse("00291010", &p, NULL), 0);
	assert_int_equal(bulk_path_parse("52009230/17/00289132/0/7fe00010", &p, NULL), 0);
	assert_int_equal(p.depth, 2);
	assert_int_equal(p.tag[0], 0x52009230);
	assert_int_equal(p.item[0], 17);
	assert_int_equal(p.item[1], 0);
	assert_int_equal(p.tag[2], 0x7FE00010);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (bulk_path_parse(wrong[i], &p, NULL) != -E_INVAL)
			fail_msg("\"%s\" is taken", wrong[i]);
	AUTO(buf) deep = BUF(8192);
	for (unsigned i = 0; i < SCAN_DEPTH; i++)
		assert_int_equal(buf_str(&deep, "00081140/0/", NULL), 0);
	assert_int_equal(buf_str(&deep, "00081150", NULL), 0);
	assert_int_equal(bulk_path_parse(buf_text(&deep), &p, NULL), -E_INVAL);
}

/* ---- ZIP */

static void test_zip(void **state)
{
	AUTO(buf) file = BUF(1 << 20);
	struct archive_entry *entry;
	struct archive *reader = archive_read_new();
	struct zip *z;
	struct err e = {0};
	char got[16];

	(void)state;
	assert_int_equal(zip_new(&file, &z, &e), 0);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(got, sizeof got, "1.2/%u.dcm", i);
		assert_int_equal(zip_member(z, got, 10 * i, &e), 0);
		assert_int_equal(zip_data(z, "0123456789", i ? 10 : 0, &e), 0);
		if (i == 2)
			assert_int_equal(zip_data(z, "abcdefghij", 10, &e), 0);
	}
	assert_int_equal(zip_end(z, &e), 0);
	zip_free(z);
	archive_read_support_format_zip(reader);
	assert_int_equal(archive_read_open_memory(reader, file.data, file.len), ARCHIVE_OK);
	for (unsigned i = 0; i < 3; i++) {
		char data[40] = "";

		assert_int_equal(archive_read_next_header(reader, &entry), ARCHIVE_OK);
		snprintf(got, sizeof got, "1.2/%u.dcm", i);
		assert_string_equal(archive_entry_pathname(entry), got);
		assert_int_equal(archive_read_data(reader, data, sizeof data), 10 * i);
		assert_string_equal(data, i == 0 ? "" : i == 1 ? "0123456789" : "0123456789abcdefghij");
	}
	assert_int_equal(archive_read_next_header(reader, &entry), ARCHIVE_EOF);
	archive_read_free(reader);
}

/* ---- documents that are kept */

static void keep(const char *key, const char *text, size_t n)
{
	struct buf b = BUF(METADATA_ONE);

	assert_int_equal(buf_reserve(&b, n, NULL), 0);
	memset(b.data, text[0], n);
	b.len = n;
	metadata_keep(key, &b);
	buf_cleanup(&b);
}

static bool kept(const char *key, bool gzip, uint8_t first)
{
	struct metadata_kept *held;
	struct metadata_doc doc;

	if (!metadata_find(key, gzip, &held, &doc))
		return false;
	assert_int_equal(doc.data[0], first);
	metadata_release(held);
	return true;
}

static void test_kept(void **state)
{
	struct metadata_kept *held;
	struct metadata_doc doc;
	char key[32];

	(void)state;
	assert_false(kept("a", false, 0));
	keep("a", "x", 1000);
	keep("a", "y", 1000); /* the first one stays: both are the same */
	assert_true(kept("a", false, 'x'));
	assert_true(kept("a", true, 0x1f));
	assert_true(kept("a", true, 0x1f));
	assert_int_equal(metadata_find("a", false, &held, &doc), 1);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(key, sizeof key, "big %u", i);
		keep(key, "z", 10 << 20);
	}
	assert_true(kept("big 11", false, 'z'));
	assert_false(kept("big 0", false, 'z')); /* those not asked for go first */
	assert_false(kept("a", false, 'x'));
	assert_int_equal(doc.data[999], 'x'); /* and what is in use stays whole */
	metadata_release(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_syntax_default),
	    cmocka_unit_test(test_syntax_named),
	    cmocka_unit_test(test_syntax_liked),
	    cmocka_unit_test(test_zip_as_stored),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_pixels_native),
	    cmocka_unit_test(test_pixels_compressed),
	    cmocka_unit_test(test_pixels_undecodable),
	    cmocka_unit_test(test_made_for_who_names_it),
	    cmocka_unit_test(test_offers_are_chosen),
	    cmocka_unit_test(test_offers_that_would_be_made),
	    cmocka_unit_test(test_frame_lists),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_zip),
	    cmocka_unit_test(test_kept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
