/* tests/unit/test_query_scope.c - nobody sees another site's objects: every level, every key, answers and selections.
 */
#include "query_help.h"

#include <stdlib.h>

static const char *const values[][2] = {
    {"PatientID", "P1"},
    {"PatientID", "P*"},
    {"PatientID", "P1\\P2"},
    {"PatientName", "Wang^*"},
    {"PatientName", "*ang*"},
    {"PatientName", "Wang^Wu"},
    {"PatientBirthDate", "19600101"},
    {"StudyDate", "20240101"},
    {"StudyDate", "20230101-"},
    {"AccessionNumber", "A1"},
    {"AccessionNumber", "A?"},
    {"ModalitiesInStudy", "CT"},
    {"SOPClassesInStudy", "1.2.840.10008.5.1.4.1.1.2"},
    {"StudyDescription", "*"},
    {"StudyInstanceUID", "1.1\\1.2\\1.3\\1.4"},
    {"StudyInstanceUID", "1.2"},
    {"SeriesInstanceUID", "1.1.1\\1.2.1\\1.3.1\\1.4.1"},
    {"Modality", "CT"},
    {"SOPInstanceUID", "1.1.1.1\\1.2.1.1\\1.3.1.1\\1.4.1.1"},
    {"SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"},
    {"InstanceNumber", "1"},
    {"NumberOfStudyRelatedInstances", ""},
};

static int setup(void **state)
{
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);
	struct err e = {0};

	for (int site = 1; site <= 4; site++) { /* the same patient at each site, as far as anyone can tell */
		char study[24], series[24], sop[24];
		struct sample s = {.patient_id = "P1",
				   .name = "Wang^Wu",
				   .date = "20240101",
				   .accession = "A1",
				   .modality = "CT",
				   .number = "1",
				   .study = study,
				   .series = series,
				   .sop = sop,
				   .site = site};

		snprintf(study, sizeof(study), "1.%d", site);
		snprintf(series, sizeof(series), "1.%d.1", site);
		snprintf(sop, sizeof(sop), "1.%d.1.1", site);
		AUTO(dset) d = help_dset(&s);
		assert_int_equal(dset_put_text(d, TAG(0x0010, 0x0030), "19600101", &e), 0);
		assert_int_equal(help_put_dset(c, d, UID_EXPLICIT_LE, site, 0, NULL), INTAKE_STORED);
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

static const char *const unique[] = {"PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"};

/* How many answers a key has at a level in a scope; each must be of a site in the scope. */
static unsigned answers(struct archive *a, enum query_level level, const char *keyword, const char *value,
			const struct scope *scope)
{
	AUTO(dset) keys = help_keys(keyword, value, NULL);
	struct query q = {.level = level, .relational = true, .keys = keys, .scope = scope};
	const struct dset *row;
	struct err e = {0};
	struct cursor *c;
	unsigned n = 0;
	uint32_t tag;

	assert_int_equal(dict_tag(unique[level], &tag, &e), 0);
	if (!dset_get(keys, tag))
		assert_int_equal(dset_put_text(keys, tag, "", &e), 0);
	if (query_open(a, &q, &c, &e) < 0)
		fail_msg("%s=%s: %s", keyword, value, e.msg);
	while (cursor_next(c, &row, &e) > 0) {
		n++;
		if (level > LEVEL_PATIENT) /* 1.SITE... */
			assert_true(scope_has(scope, dset_text(row, tag)[2] - '0'));
	}
	cursor_close(c);
	return n;
}

/* Does a key say nothing at a level, because its attribute stands below it? */
static bool below(enum query_level level, const char *keyword)
{
	static const char *const series[] = {"SeriesInstanceUID", "Modality"};
	static const char *const image[] = {"SOPInstanceUID", "SOPClassUID", "InstanceNumber"};

	for (size_t i = 0; i < 2; i++)
		if (level < LEVEL_SERIES && strcmp(series[i], keyword) == 0)
			return true;
	for (size_t i = 0; i < 3; i++)
		if (level < LEVEL_IMAGE && strcmp(image[i], keyword) == 0)
			return true;
	return false;
}

static void check_scope(struct archive *a, const struct scope *scope, unsigned sites)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int level = LEVEL_PATIENT; level <= LEVEL_IMAGE; level++) {
			unsigned n = answers(a, (enum query_level)level, values[i][0], values[i][1], scope);
			unsigned most = sites;

			if (strcmp(values[i][1], "1.2") == 0 && level > LEVEL_PATIENT)
				most = scope_has(scope, 2);
			if (n != most)
				fail_msg("%s=%s at level %d: %u answers instead of %u%s", values[i][0], values[i][1],
					 level, n, most,
					 below((enum query_level)level, values[i][0]) ? " (a key below the level)"
										      : "");
		}
}

static void test_each_key_and_level(void **state)
{
	struct scope everything = scope_everything("test"), one = help_scope(1), tree = {0};
	struct err e = {0};

	check_scope(*state, &everything, 4);
	check_scope(*state, &one, 1);
	assert_int_equal(site_scope(*state, 1, &tree, &e), 0); /* 1, 2 and 3 */
	assert_int_equal(tree.n, 3);
	check_scope(*state, &tree, 3);
	scope_cleanup(&one);
	scope_cleanup(&tree);
}

/* Scopes too long to be listed in a statement. */
static void test_many_sites(void **state)
{
	struct scope many = {.kind = SCOPE_SITES, .n = SCOPE_MOST, .sites = calloc(SCOPE_MOST, sizeof(int64_t))};

	assert_non_null(many.sites);
	many.sites[0] = 2;
	for (unsigned i = 1; i < many.n; i++)
		many.sites[i] = 100 + i;
	check_scope(*state, &many, 1);
	scope_cleanup(&many);
}

static void test_nothing(void **state)
{
	AUTO(dset) keys = help_keys("StudyInstanceUID", "1.1", NULL);
	struct scope nothing = {0}, empty = {.kind = SCOPE_SITES}, other = help_scope(99);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &nothing};
	struct selection *s;
	struct err e = {0};
	uint64_t total;

	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!DENIED");
	assert_int_equal(select_open(*state, &q, &s, &total, &e), -E_DENIED);
	q.scope = &empty;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!DENIED");
	q.scope = &other;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "");
	assert_int_equal(select_open(*state, &q, &s, &total, &e), 0);
	assert_int_equal(total, 0);
	select_close(s);
	scope_cleanup(&other);
}

/* The counts of a patient are those of this site's patient, whatever another site keeps under the same ID. */
static void test_counts(void **state)
{
	AUTO(dset) keys = help_keys("PatientID", "P1", "NumberOfPatientRelatedInstances", "", NULL);
	struct scope two = help_scope(2);
	struct query q = {.level = LEVEL_PATIENT, .keys = keys, .scope = &two};

	assert_string_equal(help_find(*state, &q, "NumberOfPatientRelatedInstances"), "1");
	scope_cleanup(&two);
}

static void test_selection(void **state)
{
	static const struct {
		enum query_level level;
		const char *keyword, *value;
	} cases[] = {{LEVEL_PATIENT, "PatientID", "P1"},
		     {LEVEL_STUDY, "StudyInstanceUID", "1.1\\1.2\\1.3\\1.4"},
		     {LEVEL_SERIES, "SeriesInstanceUID", "1.1.1\\1.2.1\\1.3.1\\1.4.1"},
		     {LEVEL_IMAGE, "SOPInstanceUID", "1.1.1.1\\1.2.1.1\\1.3.1.1\\1.4.1.1"}};
	struct scope three = help_scope(3);
	struct stored got;
	struct err e = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(dset) keys = help_keys(cases[i].keyword, cases[i].value, NULL);
		struct query q = {.level = cases[i].level, .relational = true, .keys = keys, .scope = &three};
		struct selection *s;
		uint64_t total;

		assert_int_equal(select_open(*state, &q, &s, &total, &e), 0);
		assert_int_equal(total, 1);
		assert_int_equal(select_next(s, &got, &e), 1);
		assert_int_equal(got.site, 3);
		assert_string_equal(got.sop_instance, "1.3.1.1");
		assert_int_equal(select_next(s, &got, &e), 0);
		select_close(s);
	}
	scope_cleanup(&three);
}

static void test_has(void **state)
{
	struct scope everything = scope_everything("test"), nothing = {0};
	int64_t some[] = {2, 5, 9};
	struct scope sites = {.kind = SCOPE_SITES, .n = 3, .sites = some};

	(void)state;
	assert_true(scope_has(&everything, 7));
	assert_false(scope_has(&nothing, 7));
	assert_true(scope_has(&sites, 2) && scope_has(&sites, 5) && scope_has(&sites, 9));
	assert_false(scope_has(&sites, 1) || scope_has(&sites, 3) || scope_has(&sites, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_key_and_level),
	    cmocka_unit_test(test_many_sites),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_selection),
	    cmocka_unit_test(test_has),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
