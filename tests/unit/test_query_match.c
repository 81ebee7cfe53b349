/* tests/unit/test_query_match.c - one key against one value, for what needs no index to be seen. */
#include "query_help.h"

#include "archive/match.h"

static bool answers_by(unsigned rules, const char *keyword, const char *key, const char *value)
{
	AUTO(dset) keys = help_keys(keyword, key, NULL);
	struct match m;
	struct err e = {0};
	uint32_t tag;
	bool is;

	assert_int_equal(dict_tag(keyword, &tag, &e), 0);
	if (match_new(attr_find(tag), dset_get(keys, tag), rules, &m, &e) < 0)
		fail_msg("%s: %s", keyword, e.msg);
	is = match_value(&m, value, strlen(value), 480);
	match_cleanup(&m);
	return is;
}

static bool answers(const char *keyword, const char *key, const char *value)
{
	return answers_by(0, keyword, key, value);
}

static int refused(const char *keyword, const char *key)
{
	AUTO(dset) keys = help_keys(keyword, key, NULL);
	struct match m;
	struct err e = {0};
	uint32_t tag;
	int rc;

	assert_int_equal(dict_tag(keyword, &tag, &e), 0);
	if ((rc = match_new(attr_find(tag), dset_get(keys, tag), 0, &m, &e)) == 0)
		match_cleanup(&m);
	else
		assert_non_null(strstr(e.msg, keyword)); /* names the key; never its value */
	return rc;
}

static void test_multiple_values(void **state)
{
	(void)state;
	assert_true(answers("ImageType", "PRIMARY", "ORIGINAL\\PRIMARY \\AXIAL"));
	assert_true(answers("ImageType", "AX*", "ORIGINAL\\PRIMARY\\AXIAL"));
	assert_false(answers("ImageType", "AXIAL*X", "ORIGINAL\\PRIMARY\\AXIAL"));
	assert_true(answers("OperatorsName", "lee*", "Kim^A\\Lee^B=李^乙"));
	assert_true(answers("OperatorsName", "李*", "Kim^A\\Lee^B=李^乙"));
	assert_true(answers("PatientComments", "a\\b", "a\\b")); /* one value, whatever is in it */
	assert_false(answers("PatientComments", "a", "a\\b"));
	assert_true(answers("FrameOfReferenceUID", "1.2\\1.3", "1.3"));
	assert_false(answers("FrameOfReferenceUID", "1.2\\1.3", "1.33"));
}

static void test_every_value(void **state)
{
	(void)state;
	/* trap 10: several values, where that was agreed on: all of them, in any order, beside others */
	assert_true(answers_by(MATCH_EVERY, "ImageType", "AXIAL\\ORIGINAL", "ORIGINAL\\PRIMARY\\AXIAL"));
	assert_false(answers_by(MATCH_EVERY, "ImageType", "AXIAL\\DERIVED", "ORIGINAL\\PRIMARY\\AXIAL"));
	assert_true(answers("ImageType", "AXIAL\\DERIVED", "ORIGINAL\\PRIMARY\\AXIAL"));
	assert_true(answers_by(MATCH_EVERY, "ImageType", "\\AXIAL\\*", "AXIAL"));
	assert_false(answers_by(MATCH_EVERY, "ImageType", "AXIAL\\*", "PRIMARY"));
	assert_true(answers_by(MATCH_EVERY, "OperatorsName", "李*\\kim*", "Kim^A\\Lee^B=李^乙"));
	assert_false(answers_by(MATCH_EVERY, "OperatorsName", "李*\\park*", "Kim^A\\Lee^B=李^乙"));
	assert_true(answers_by(MATCH_EVERY, "BodyPartExamined", "HEAD\\CHEST", "CHEST")); /* it has one value */
	assert_true(answers_by(MATCH_EVERY, "FrameOfReferenceUID", "1.2\\1.3", "1.3"));
}

/* Each value is compared with each of these, so a long list would keep a query busy for hours. */
static void test_long_keys(void **state)
{
	static char key[40000];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof key; i++)
		key[i] = i % 2 ? '\\' : '1';
	assert_int_equal(refused("AccessionNumber", key), -E_LIMIT);
	assert_int_equal(refused("PatientName", key), -E_LIMIT);
	assert_true(answers("FrameOfReferenceUID", key, "1"));
	key[30000] = '\0';
	assert_true(answers("AccessionNumber", key, "1"));
}

static void test_numbers(void **state)
{
	(void)state;
	assert_true(answers("PatientWeight", "70", "70.0"));
	assert_true(answers("PatientWeight", "7e1", " 70"));
	assert_false(answers("PatientWeight", "70", "71"));
	assert_false(answers("PatientWeight", "70", "heavy"));
	assert_false(answers("PatientWeight", "70", ""));
	assert_int_equal(refused("PatientWeight", "heavy"), -E_INVAL);
	assert_int_equal(refused("SeriesNumber", "1-3"), -E_INVAL);
	assert_int_equal(refused("PatientWeight", "inf"), -E_INVAL);
}

static void test_moments(void **state)
{
	(void)state;
	assert_true(answers("AcquisitionDateTime", "20240101", "20240101101500"));
	assert_true(answers("AcquisitionDateTime", "2024", "20240101101500.5+0800"));
	assert_true(answers("AcquisitionDateTime", "20240101-20240102", "20240102235959.999"));
	assert_false(answers("AcquisitionDateTime", "20240101-20240102", "20240103"));
	/* trap 8: an offset, not a range; what names none is in the zone given, eight hours east */
	assert_true(answers("AcquisitionDateTime", "20240101120000-0500", "20240102010000"));
	assert_true(answers("AcquisitionDateTime", "20240101120000-0500", "20240101170000+0000"));
	assert_false(answers("AcquisitionDateTime", "20240101120000-0500", "20240101120000"));
	assert_true(answers("AcquisitionDateTime", "20240101-0500-20240102-0500", "20240102120000"));
	assert_true(answers("AcquisitionDateTime", "20240101120000", "20231231230000-0500"));
	assert_true(answers("AcquisitionDateTime", "19980128103000.0000", "19980128103000"));
	assert_false(answers("AcquisitionDateTime", "2024", ""));
	assert_int_equal(refused("AcquisitionDateTime", "2024-13x"), -E_INVAL);
	assert_int_equal(refused("AcquisitionDateTime", "20240230000"), -E_INVAL);
	assert_true(answers("PatientBirthTime", "08", "083000.25"));
	assert_false(answers("PatientBirthTime", "08", "nonsense"));
}

static void test_text(void **state)
{
	(void)state;
	assert_true(answers("StudyDescription", "胸?平扫", "胸部平扫"));
	assert_false(answers("StudyDescription", "胸?扫", "胸部平扫"));
	assert_false(answers("StudyDescription", "CHEST", "chest"));
	assert_true(answers("StudyDescription", "", ""));
	assert_true(answers("StudyDescription", "***", ""));
	assert_false(answers("StudyDescription", "?*", ""));
	assert_false(answers("PatientAge", "04*", "045Y")); /* no wildcards in AS */
	assert_int_equal(refused("StudyDescription", "\xFF\xFE"), -E_INVAL);
}

static void test_forms(void **state)
{
	static const struct {
		const char *name, *forms;
	} cases[] = {
	    {"Wang^XiaoDong=王^小东", "wang^xiaodong=王^小东"},
	    {"WANG ^ XiaoDong^^^", "wang^xiaodong"},
	    {"Wang  Xiao^^Dong^ ^", "wang^xiao^^dong"},
	    {"^Xiao=王 小 东", "^xiao=王^小^东"},
	    {"=王^小东", "=王^小东"},
	    {"王^小东==", "王^小东"},
	    {"Ｗａｎｇ＝Ｘ", "wang^x"},
	    {"", ""},
	    {"^^", ""},
	    {"Müller^Jörg", "muller^jorg"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) out = BUF(1000);
		struct err e = {0};

		assert_int_equal(match_names(cases[i].name, strlen(cases[i].name), &out, &e), 0);
		assert_string_equal(buf_text(&out), cases[i].forms);
	}
}

static void test_attributes(void **state)
{
	AUTO(buf) b = BUF(100000);
	char big[40000];
	struct err e = {0};
	const char *text;
	size_t n;

	(void)state;
	for (unsigned i = 1; attr_at(i); i++) {
		assert_true(attr_at(i - 1)->tag < attr_at(i)->tag); /* looked up by halves */
		for (unsigned k = 0; k < i && attr_at(i)->from == ATTR_KEPT; k++)
			assert_true(attr_at(k)->code != attr_at(i)->code);
		assert_ptr_equal(attr_find(attr_at(i)->tag), attr_at(i));
		assert_string_equal(attr_at(i)->vr, dict_vr(attr_at(i)->tag));
	}
	assert_null(attr_find(TAG(0x7FE0, 0x0010)));
	memset(big, 'x', sizeof(big));
	assert_int_equal(attr_put(&b, 5, "five", 4, &e), 0);
	assert_int_equal(attr_put(&b, 6, "", 0, &e), 0);
	assert_int_equal(attr_put(&b, 7, big, sizeof(big), &e), 0);
	assert_int_equal(attr_put(&b, 8, "eight", 5, &e), 0);
	assert_true(attr_get(b.data, b.len, 8, &text, &n) && n == 5 && memcmp(text, "eight", 5) == 0);
	assert_true(attr_get(b.data, b.len, 7, &text, &n) && n == sizeof(big));
	assert_false(attr_get(b.data, b.len, 6, &text, &n));
	assert_true(n == 0 && *text == '\0');
	for (size_t cut = 0; cut < b.len; cut += 97) /* damage reads as none */
		assert_false(attr_get(b.data, cut, 8, &text, &n));
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
	    cmocka_unit_test(test_multiple_values), cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_moments),         cmocka_unit_test(test_text),
	    cmocka_unit_test(test_forms),           cmocka_unit_test(test_attributes),
	    cmocka_unit_test(test_every_value),     cmocka_unit_test(test_long_keys),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
