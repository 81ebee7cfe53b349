/* tests/unit/test_query_names.c - names as people look for them: by the letter, and fuzzy. Each case is asked of one name
 * and of an index that holds them all, so that narrowing never loses what matching would find. */
#include "query_help.h"

#include "archive/match.h"

#include <stdlib.h>

static const char *const names[] = {
    "ZHANG^WEI=张^伟",                      /* 0 */
    "Zhang^Wei",                            /* 1: letters alone */
    "張偉",                                 /* 2: characters alone, traditional */
    "=张小明",                              /* 3 */
    "WANG^FANG=王^芳",                      /* 4 */
    "王小明",                               /* 5 */
    "SHAN^XIONGXIN=单雄信",                 /* 6 */
    "=曾国藩",                              /* 7 */
    "=吕布",                                /* 8 */
    "LYU^BU",                               /* 9 */
    "Smith^John",                           /* 10 */
    "O'Brien^Mary-Ann",                     /* 11 */
    "=买买提·艾力",                         /* 12 */
    "Yamada^Tarou=山田^太郎=やまだ^たろう", /* 13 */
    "Müller^Jörg",                          /* 14 */
    "=欧阳伟",                              /* 15 */
    "章薇",                                 /* 16: sounds as 0 does */
    "van der Berg^Jan",                     /* 17 */
    "=张伟强",                              /* 18 */
};
#define NAMES (sizeof names / sizeof names[0])

static const struct {
	const char *key;
	bool fuzzy;
	const char *found; /* numbers of names */
} cases[] = {
    /* by the letter: any group, without case, accents, width; traditional as simplified */
    {"zhang wei", false, "0 1"},
    {"ZHANG^WEI", false, "0 1"},
    {"Zhāng  Wěi", false, "0 1"},
    {"ＺＨＡＮＧ＾ＷＥＩ", false, "0 1"},
    {"zhangwei", false, ""},
    {"zw", false, ""},
    {"wei zhang", false, ""},
    {"张伟", false, "0 2"},
    {"张^伟", false, "0 2"},
    {"張 偉", false, "0 2"},
    {"张*", false, "0 2 3 18"},
    {"张^*", false, "0 2 3 18"},
    {"張?", false, "0 2"},
    {"张??", false, "0 3 18"}, /* 张^伟 has three, and two */
    {"王?", false, "4"},
    {"王??", false, "4 5"},
    {"*伟*", false, "0 2 15 18"},
    {"*伟", false, "0 2 15"},
    {"?伟", false, "0 2"},
    {"*小明", false, "3 5"},
    {"买买提艾力", false, "12"},
    {"买买提·*", false, "12"},
    {"买买提 艾力", false, "12"},
    {"山田太郎", false, "13"},
    {"山田*", false, "13"},
    {"やまだ たろう", false, "13"},
    {"yamada*=山田*", false, "13"},
    {"yamada*=张*", false, ""},
    {"muller jorg", false, "14"},
    {"van der berg^jan", false, "17"},
    {"van*", false, "17"},
    {"*ang*", false, "0 1 4"},
    {"呂布", false, "8"},
    {"smith, john", false, ""},

    /* fuzzy: what was found above, and */
    {"zhang wei", true, "0 1 2 16"},
    {"zhangwei", true, "0 1 2 16"},
    {"ZHANG^WEI", true, "0 1 2 16"},
    {"Zhāng Wěi", true, "0 1 2 16"},
    {"wei zhang", true, "0 1 2 16"},
    {"zw", true, "0 2 16"},
    {"zxm", true, "3"},
    {"ZX*", true, "3"},
    {"zhang*", true, "0 1 2 3 16 18"},
    {"zh* w*", true, "0 1 2 16 18"},
    {"zh* m*", true, "3"},
    {"zhang xiaoming", true, "3"},
    {"xiao ming zhang", true, "3"},
    {"ouyang wei", true, "15"},
    {"oyw", true, "15"},
    {"shan xiongxin", true, "6"},
    {"dan xiong xin", true, "6"},
    {"zeng guofan", true, "7"},
    {"ceng guo fan", true, "7"},
    {"lv bu", true, "8 9"},
    {"lü bu", true, "8 9"},
    {"lu bu", true, "8 9"},
    {"lyu bu", true, "8 9"},
    {"吕布", true, "8 9"},
    {"john smith", true, "10"},
    {"Smith^John", true, "10"},
    {"smith, john", true, "10"},
    {"obrien mary ann", true, "11"},
    {"maryann obrien", true, "11"},
    {"o'br* mary*", true, "11"},
    {"张伟", true, "0 1 2"}, /* 1 has no characters of its own; 16 has others */
    {"张*", true, "0 2 3 18"},
    {"maimaiti aili", true, "12"},
    {"*wei*", true, "0 1 2 15 16 18"},
    {"*qiang", true, "18"},
    {"jorg muller", true, "14"},
    {"wei", true, ""},
};

static bool matches(const char *key, bool fuzzy, const char *name)
{
	AUTO(dset) keys = help_keys("PatientName", key, NULL);
	struct match m;
	bool is;

	assert_int_equal(match_new(attr_find(TAG(0x0010, 0x0010)), dset_at(keys, 0), fuzzy ? MATCH_FUZZY : 0, &m, NULL),
			 0);
	is = match_value(&m, name, strlen(name), 0);
	match_cleanup(&m);
	return is;
}

static void test_one_by_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char found[200] = "";

		for (unsigned k = 0; k < NAMES; k++)
			if (matches(cases[i].key, cases[i].fuzzy, names[k]))
				snprintf(found + strlen(found), sizeof found - strlen(found), "%s%u",
					 found[0] ? " " : "", k);
		if (strcmp(found, cases[i].found) != 0)
			fail_msg("%s%s finds %s, not %s", cases[i].key, cases[i].fuzzy ? " (fuzzy)" : "", found,
				 cases[i].found);
	}
}

static int setup(void **state)
{
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);
	char study[24], series[24], sop[24], id[16];

	for (unsigned i = 0; i < NAMES; i++) {
		struct sample s = {.charset = "ISO_IR 192",
				   .patient_id = id,
				   .name = names[i],
				   .study = study,
				   .series = series,
				   .sop = sop,
				   .modality = "CT",
				   .site = 1,
				   .content = (int)i};

		snprintf(study, sizeof study, "1.%u", i);
		snprintf(series, sizeof series, "1.%u.1", i);
		snprintf(sop, sizeof sop, "1.%u.1.1", i);
		snprintf(id, sizeof id, "%u", i);
		assert_int_equal(help_put(c, &s, NULL), INTAKE_STORED);
	}
	help_commit(c);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	help_close(*state);
	return 0;
}

static void test_from_an_index(void **state)
{
	static const struct scope everything = {.kind = SCOPE_EVERYTHING};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int level = LEVEL_PATIENT; level <= LEVEL_STUDY; level++) {
			AUTO(dset) keys = help_keys("PatientName", cases[i].key, "PatientID", "", NULL);
			struct query q = {.level = (enum query_level)level,
					  .relational = true,
					  .fuzzy = cases[i].fuzzy,
					  .keys = keys,
					  .scope = &everything};
			char found[200];

			snprintf(found, sizeof found, "%s", help_find(*state, &q, "PatientID"));
			for (char *bar = found; (bar = strchr(bar, '|'));)
				*bar = ' ';
			if (strcmp(found, cases[i].found) != 0)
				fail_msg("%s%s finds %s, not %s", cases[i].key, cases[i].fuzzy ? " (fuzzy)" : "", found,
					 cases[i].found);
		}
}

/* Many characters of many readings: bounded, whatever comes. */
static void test_bounds(void **state)
{
	AUTO(buf) name = BUF(1 << 16);

	(void)state;
	for (int i = 0; i < 23; i++)
		assert_int_equal(buf_str(&name, "单", NULL), 0);
	assert_true(matches("dddddddddddddddddddddd*", true, buf_text(&name)));
	assert_true(matches("*dan*", true, buf_text(&name)));
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf_str(&name, "单", NULL), 0);
	assert_false(matches("*dan*", true, buf_text(&name)));
	assert_true(matches("单*", true, buf_text(&name)));
	assert_false(matches("* * * * * * * * * * * * * * * * * * * * * * * * * * x", true, "单单单单"));
}

static int dict(void **state)
{
	struct err e = {0};

	(void)state;
	return dict_setup(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_by_one),
	    cmocka_unit_test_setup_teardown(test_from_an_index, setup, teardown),
	    cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, dict, NULL);
}
