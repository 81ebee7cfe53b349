#include "dicom_bytes.h"

static void tags_have_representations(void **state)
{
	static const struct {
		uint32_t tag;
		const char *vr, *keyword;
	} known[] = {
	    {0x00100010, "PN", "PatientName"},
	    {0x00080018, "UI", "SOPInstanceUID"},
	    {0x7FE00010, "OW", "PixelData"},
	    {0x00280106, "US", "SmallestImagePixelValue"},
	    {0x00081140, "SQ", "ReferencedImageSequence"},
	    {0x00080000, "UL", ""},
	    {0x60003000, "OW", "OverlayData"},
	    {0x60020010, "US", "OverlayRows"},
	    {0x60013000, "UN", ""},
	    {0x50043000, "OW", "CurveData"},
	    {0x00090010, "LO", ""},
	    {0x00091001, "UN", ""},
	    {0x00091000, "UN", ""},
	    {0x00119999, "UN", ""},
	    {0x00081199, "SQ", "ReferencedSOPSequence"},
	    {0x00089999, "UN", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		assert_string_equal(dict_vr(known[i].tag), known[i].vr);
		if (known[i].keyword[0] || dict_keyword(known[i].tag)[0] == 0)
			assert_string_equal(dict_keyword(known[i].tag), known[i].keyword);
	}
}

static void tags_are_parsed(void **state)
{
	static const char *const good[] = {"PatientName", "00100010", "0010,0010", "(0010,0010)", "(00100010)"};
	static const char *const bad[] = {"",           "patientname", "0010",      "001000100",
					  "(0010,0010", "0010,001g",   "0010,0010 "};
	struct err e;
	uint32_t tag;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		tag = 0;
		assert_int_equal(dict_tag(good[i], &tag, NULL), 0);
		assert_int_equal(tag, 0x00100010);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&e, 0, sizeof(e));
		tag = 7;
		assert_int_equal(dict_tag(bad[i], &tag, &e), -E_NOENT);
		assert_int_equal(tag, 7);
		assert_non_null(strstr(e.msg, bad[i]));
	}
	assert_int_equal(dict_tag("7fe0,ABcd", &tag, NULL), 0);
	assert_int_equal(tag, 0x7FE0ABCD);
}

static void representations_have_kinds(void **state)
{
	(void)state;
	assert_true(vr_is_text("PN") && vr_is_text("UC") && !vr_is_text("CS") && !vr_is_text("UI") && !vr_is_text(""));
	assert_true(vr_is_string("PN") && vr_is_string("UI") && vr_is_string("UR") && !vr_is_string("US"));
	assert_true(!vr_is_string("UN") && !vr_is_string("P") && !vr_is_string("PNX"));
	assert_true(vr_is_long("OB") && vr_is_long("UN") && vr_is_long("SQ") && vr_is_long("UT") && !vr_is_long("LT"));
}

static void storage_classes(void **state)
{
	static const char *const yes[] = {
	    "1.2.840.10008.5.1.4.1.1.2",
	    "1.2.840.10008.5.1.4.1.1.5" /* retired */,
	    "1.2.840.10008.5.1.4.1.1.66.7" /* newer than the toolkit */,
	    "1.2.840.10008.5.1.4.1.1.9999.1" /* not there yet */,
	    "1.2.840.10008.5.1.4.34.7",
	    "1.2.840.10008.5.1.4.38.1",
	    "1.2.840.10008.5.1.4.43.1",
	    "1.2.840.10008.5.1.4.1.1.88.67",
	    "1.2.840.10008.5.1.4.1.1.77.1.6",
	};
	static const char *const no[] = {
	    UID_VERIFICATION,
	    UID_FIND_STUDY,
	    UID_MOVE_PATIENT,
	    "1.2.840.10008.5.1.4.1.1.200.4",
	    "1.2.840.10008.5.1.4.1.1.201.2",
	    "1.2.840.10008.5.1.4.34.6.1",
	    "1.2.840.10008.5.1.4.31",
	    "1.2.840.10008.5.1.4.1.1.",
	    "1.2.840.10008.5.1.4.1.1",
	    "1.2.3",
	    "",
	    "1.2.840.10008.5.1.4.1.1./x",
	};
	unsigned n;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(uid_is_storage(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(uid_is_storage(no[i]));
	for (n = 0; uid_storage(n); n++) {
		assert_true(uid_is_storage(uid_storage(n)));
		assert_true(n == 0 || strcmp(uid_storage(n - 1), uid_storage(n)) < 0);
	}
	assert_in_range(n, 180, 400);
	assert_string_equal(uid_name("1.2.840.10008.5.1.4.1.1.66.7"), "Label Map Segmentation Storage");
	assert_string_equal(uid_name("1.2.3"), "1.2.3");
}

static void transfer_syntaxes(void **state)
{
	(void)state;
	assert_true(uid_is_syntax(UID_IMPLICIT_LE) && uid_is_syntax("1.2.840.10008.1.2.4.201"));
	assert_true(uid_is_syntax("1.2.840.10008.1.2.4.110") && uid_is_syntax("1.2.840.10008.1.2.4.104.1"));
	assert_false(uid_is_syntax("1.2.840.10008.1.2.7.1") || uid_is_syntax("1.2.840.10008.1.2.4") ||
		     uid_is_syntax(""));
	assert_false(uid_is_encapsulated(UID_EXPLICIT_BE) || uid_is_encapsulated(UID_DEFLATED_LE));
	assert_true(uid_is_encapsulated("1.2.840.10008.1.2.5") && uid_is_encapsulated("1.2.3.4"));
	assert_string_equal(uid_name(UID_EXPLICIT_LE), "Explicit VR Little Endian");
	assert_true(uid_is_standard(UID_VERIFICATION) && !uid_is_standard("1.2.840.100089.1") &&
		    !uid_is_standard("1.2"));
}

static void uids_that_are_safe(void **state)
{
	char longest[66];

	(void)state;
	memset(longest, '1', 65);
	longest[65] = 0;
	assert_true(uid_sane("1.2.3", 5) && uid_sane("odd_UID-x", 9) && uid_sane(longest, 64));
	assert_false(uid_sane("", 0) || uid_sane(longest, 65) || uid_sane("1/2", 3) || uid_sane("1 2", 3));
	assert_false(uid_sane("..", 2) || uid_sane("1\n", 2) || uid_sane("1\0002", 3) || uid_sane("1%2", 3));
}

static int setup(void **state)
{
	struct err e = {0};

	(void)state;
	return dict_setup(&e) < 0 ? -1 : dict_setup(&e); /* the second time does nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_have_representations),  cmocka_unit_test(tags_are_parsed),
	    cmocka_unit_test(representations_have_kinds), cmocka_unit_test(storage_classes),
	    cmocka_unit_test(transfer_syntaxes),          cmocka_unit_test(uids_that_are_safe),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
