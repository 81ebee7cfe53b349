#include "dicom/dset.h"
#include "dicom/model.h"
#include "dicom/scan.h"
#include "dicom_bytes.h"

static struct dset *fresh(void)
{
	struct dset *d = NULL;

	assert_int_equal(dset_new(&d, NULL), 0);
	return d;
}

static void put(struct dset *d, uint32_t tag, const char *text)
{
	assert_int_equal(dset_put_text(d, tag, text, NULL), 0);
}

static void values_come_back(void **state)
{
	AUTO(dset) d = fresh();
	struct err e = {0};

	(void)state;
	put(d, 0x00100020, " ID 7  ");
	put(d, 0x00100010, "Doe^John");
	put(d, 0x00080018, "1.2.3");
	assert_string_equal(dset_text(d, 0x00100020), "ID 7");
	assert_string_equal(dset_text(d, 0x00100010), "Doe^John");
	assert_string_equal(dset_text(d, 0x00100030), "");
	assert_int_equal(dset_count(d), 3);
	assert_int_equal(dset_at(d, 0)->tag, 0x00080018);
	assert_int_equal(dset_at(d, 2)->tag, 0x00100020);
	assert_null(dset_at(d, 3));
	put(d, 0x00100010, "Roe");
	assert_int_equal(dset_count(d), 3);
	assert_string_equal(dset_text(d, 0x00100010), "Roe");
	dset_remove(d, 0x00100010);
	dset_remove(d, 0x00100010);
	assert_null(dset_get(d, 0x00100010));
	assert_int_equal(dset_put_int(d, 0x00280010, 512, &e), 0);
	assert_int_equal(dset_put_int(d, 0x00200013, -3, &e), 0);
	assert_int_equal(dset_int(d, 0x00280010, -1), 512);
	assert_int_equal(dset_int(d, 0x00200013, -1), -3);
	assert_int_equal(dset_int(d, 0x00280011, -1), -1);
	assert_int_equal(dset_put_int(d, 0x00280010, 65536, &e), -E_INVAL);
	put(d, 0x00200013, "12\\13");
	assert_int_equal(dset_int(d, 0x00200013, -1), 12);
	put(d, 0x00200013, "x");
	assert_int_equal(dset_int(d, 0x00200013, -1), -1);
}

/* One data set with a sequence in a sequence. */
static struct dset *nested(void)
{
	struct dset *d = fresh(), *item, *inner;

	put(d, 0x00080005, "ISO_IR 192");
	put(d, 0x00080060, "CT");
	assert_int_equal(dset_put_item(d, 0x00400275, &item, NULL), 0);
	put(item, 0x00400007, "Thorax");
	put(item, 0x00400009, "7");
	assert_int_equal(dset_put_item(item, 0x00400008, &inner, NULL), 0);
	put(inner, 0x00080100, "CODE");
	assert_int_equal(dset_put_item(d, 0x00400275, &item, NULL), 0);
	assert_int_equal(dset_put_int(d, 0x00280010, 258, NULL), 0);
	return d;
}

static void written_and_parsed_in_every_syntax(void **state)
{
	static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};
	AUTO(dset) d = nested();
	AUTO(buf) wanted = BUF(4096);
	struct err e = {0};

	(void)state;
	assert_int_equal(model_dset(d, MODEL_JSON, NULL, &wanted, &e), 0);
	for (int i = 0; i < 3; i++) {
		AUTO(buf) bytes = BUF(4096);
		AUTO(buf) json = BUF(4096);
		AUTO(dset) back = NULL;

		assert_int_equal(dset_write(d, syntaxes[i], &bytes, &e), 0);
		assert_int_equal(bytes.len % 2, 0);
		assert_int_equal(dset_parse(bytes.data, bytes.len, syntaxes[i], &back, &e), 0);
		assert_int_equal(model_dset(back, MODEL_JSON, NULL, &json, &e), 0);
		assert_string_equal(buf_text(&json), buf_text(&wanted));
		assert_int_equal(dset_int(back, 0x00280010, 0), 258);
		assert_int_equal(dset_get(back, 0x00400275)->n_items, 2);
		assert_string_equal(dset_text(dset_get(back, 0x00400275)->items[0], 0x00400009), "7");
	}
	assert_int_equal(dset_write(d, "1.2.840.10008.1.2.5", &wanted, &e), -E_UNSUP);
}

static void exact_bytes(void **state)
{
	AUTO(dset) d = fresh();
	AUTO(buf) b = BUF(4096);
	struct dset *item;
	struct err e = {0};

	(void)state;
	put(d, 0x00080018, "1.2");
	assert_int_equal(dset_put_item(d, 0x00081140, &item, &e), 0);
	put(item, 0x00080060, "C");
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &b, &e), 0);
	assert_int_equal(b.len, 12 + 12 + 8 + 10);
	assert_memory_equal(b.data,
			    "\x08\0\x18\0UI\4\0"
			    "1.2\0"
			    "\x08\0\x40\x11SQ\0\0\x12\0\0\0"
			    "\xFE\xFF\0\xE0\x0A\0\0\0"
			    "\x08\0\x60\0CS\2\0C ",
			    b.len);
}

static void json_follows_the_standard(void **state)
{
	AUTO(dset) d = fresh();
	AUTO(buf) json = BUF(1 << 16);
	struct dset *item;
	struct err e = {0};

	(void)state;
	put(d, 0x00080005, "ISO_IR 100");
	put(d, 0x00080008, "ORIGINAL\\\\AXIAL");
	put(d, 0x00081030, "a \"quote\" \xE9\n ");
	put(d, 0x00100010, "Doe^John=D\xF6^J==x");
	put(d, 0x00100030, "");
	put(d, 0x00181210, "");
	assert_int_equal(dset_put_item(d, 0x00081140, &item, &e), 0);
	put(item, 0x0008103E, "\xE9");
	put(d, 0x00200013, "+007\\x\\12");
	put(d, 0x00280030, "0.50\\1.\\ 1e3 \\.5\\-\\");
	assert_int_equal(dset_put(d, 0x00280009, NULL, "\x18\0\x63\x10", 4, &e), 0);
	assert_int_equal(dset_put(d, 0x00280106, "SS", "\xFE\xFF", 2, &e), 0);
	assert_int_equal(dset_put(d, 0x00189087, "FD", "\0\0\0\0\0\0\xF8\x3F", 8, &e), 0);
	assert_int_equal(dset_put(d, 0x00091001, "UN", "\0\1\2", 3, &e), 0);
	assert_int_equal(dset_put(d, 0x00700022, "FL", "\0\0\xC0\x7F", 4, &e), 0);
	assert_int_equal(dset_put(d, 0x00720082, "SV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 8, &e), 0);
	put(d, 0x00204000, "  two\\lines ");
	assert_int_equal(model_dset(d, MODEL_JSON, NULL, &json, &e), 0);
	assert_string_equal(
	    buf_text(&json),
	    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
	    "\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",null,\"AXIAL\"]},"
	    "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"a \\\"quote\\\" é\\u000a\"]},"
	    "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}]},"
	    "\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAEC\"},"
	    "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^John\",\"Ideographic\":\"Dö^J\"}]},"
	    "\"00100030\":{\"vr\":\"DA\"},"
	    "\"00181210\":{\"vr\":\"SH\"},"
	    "\"00189087\":{\"vr\":\"FD\",\"Value\":[1.5]},"
	    "\"00200013\":{\"vr\":\"IS\",\"Value\":[7,\"x\",12]},"
	    "\"00204000\":{\"vr\":\"LT\",\"Value\":[\"  two\\\\lines\"]},"
	    "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]},"
	    "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.50,1,1e3,0.5,\"-\",null]},"
	    "\"00280106\":{\"vr\":\"SS\",\"Value\":[-2]},"
	    "\"00700022\":{\"vr\":\"FL\",\"Value\":[\"NaN\"]},"
	    "\"00720082\":{\"vr\":\"SV\",\"Value\":[\"9223372036854775807\"]}}");
}

static void delimiters_inside_characters(void **state)
{
	AUTO(dset) d = fresh();
	AUTO(buf) json = BUF(4096);

	(void)state;
	put(d, 0x00080005, "GB18030");
	put(d, 0x00100020, "\x94\x5C\\B"); /* one character with 0x5C in it, then a real backslash */
	assert_int_equal(model_dset(d, MODEL_JSON, NULL, &json, NULL), 0);
	assert_non_null(strstr(buf_text(&json), "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"擻\",\"B\"]}"));
}

static void limits(void **state)
{
	AUTO(dset) d = fresh();
	AUTO(buf) b = BUF(8 << 20);
	AUTO(dset) parsed = NULL;
	struct dset *at, *item;
	struct err e = {0};
	int rc = 0, n;

	(void)state;
	memset((buf_reserve(&b, DSET_MOST, NULL), b.data), 'x', DSET_MOST);
	assert_int_equal(dset_put(d, 0x00420011, "OB", b.data, DSET_MOST, &e), 0);
	assert_int_equal(dset_put(d, 0x00420012, "LO", "y", 1, &e), -E_LIMIT);
	dset_remove(d, 0x00420011);
	memset(&e, 0, sizeof(e));
	assert_int_equal(dset_put(d, 0x00104000, "LT", b.data, 65536, &e), 0);
	buf_clear(&b);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &b, &e), -E_LIMIT); /* too long for a 16-bit length */
	assert_int_equal(b.len, 0);
	assert_int_equal(dset_write(d, UID_IMPLICIT_LE, &b, NULL), 0);
	at = d;
	for (n = 0; rc == 0 && n < 1000; n++) {
		rc = dset_put_item(at, 0x00081140, &item, NULL);
		at = item;
	}
	assert_int_equal(rc, -E_LIMIT);
	assert_int_equal(n, SCAN_DEPTH + 1);
	buf_clear(&b);
	for (uint32_t i = 0; i <= DSET_ELEMENTS; i++)
		bytes_head(&b, TAG(0x0011, i), "LO", 0, false);
	memset(&e, 0, sizeof(e));
	assert_int_equal(dset_parse(b.data, b.len, UID_EXPLICIT_LE, &parsed, &e), 0); /* one is a group length */
	dset_free(STEAL(parsed));
	bytes_head(&b, 0x00120001, "LO", 0, false);
	assert_int_equal(dset_parse(b.data, b.len, UID_EXPLICIT_LE, &parsed, &e), -E_LIMIT);
	assert_null(parsed);
}

static void odd_input(void **state)
{
	AUTO(buf) b = BUF(1 << 20);
	AUTO(dset) d = NULL;
	struct err e = {0};

	(void)state;
	bytes_element(&b, 0x00100020, "LO", "first", false);
	bytes_element(&b, 0x00080060, "UN", "CT", false); /* descending, and text in disguise */
	bytes_element(&b, 0x00100020, "LO", "second", false);
	bytes_head(&b, 0x00080000, "UL", 4, false);
	bytes_number(&b, 99, 4, false);
	assert_int_equal(dset_parse(b.data, b.len, UID_EXPLICIT_LE, &d, &e), 0);
	assert_int_equal(dset_count(d), 2);
	assert_string_equal(dset_text(d, 0x00100020), "first");
	assert_string_equal(dset_text(d, 0x00080060), "CT");
	b.len--;
	assert_int_equal(dset_parse(b.data, b.len, UID_EXPLICIT_LE, &d, &e), -E_INVAL);
	assert_string_equal(dset_text(d, 0x00100020), "first"); /* untouched on failure */
	memset(&e, 0, sizeof(e));
	buf_clear(&b);
	bytes_head(&b, 0x7FE00010, "OB", SCAN_UNDEFINED, false);
	assert_int_equal(dset_parse(b.data, b.len, UID_EXPLICIT_LE, &d, &e), -E_LIMIT);
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
	    cmocka_unit_test(values_come_back), cmocka_unit_test(written_and_parsed_in_every_syntax),
	    cmocka_unit_test(exact_bytes),      cmocka_unit_test(json_follows_the_standard),
	    cmocka_unit_test(limits),           cmocka_unit_test(delimiters_inside_characters),
	    cmocka_unit_test(odd_input),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
