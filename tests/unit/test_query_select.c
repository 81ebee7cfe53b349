/* tests/unit/test_query_select.c - what a retrieve sends, and in which order. */
#include "query_help.h"

#include <stdlib.h>

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void put(struct db_conn *c, const char *study, const char *series, const char *sop, const char *series_number,
		const char *number)
{
	struct sample s = {.patient_id = "P*",
			   .study = study,
			   .series = series,
			   .sop = sop,
			   .series_number = series_number,
			   .number = number,
			   .modality = "CT",
			   .site = 1};

	assert_int_equal(help_put(c, &s, NULL), INTAKE_STORED);
}

static int setup(void **state)
{
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);

	put(c, "1", "1.3", "1.3.1", "", "");
	put(c, "1", "1.2", "1.2.10", "2", "10");
	put(c, "1", "1.2", "1.2.2", "2", "2");
	put(c, "1", "1.2", "1.2.0", "2", "x");
	put(c, "1", "1.1", "1.1.2", "1", "2");
	put(c, "1", "1.1", "1.1.1", "1", "1");
	put(c, "2", "2.1", "2.1.1", "1", "1");
	help_commit(c);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	help_close(*state);
	return 0;
}

static const char *take(struct archive *a, enum query_level level, bool relational, struct dset *keys)
{
	static char out[1 << 16];
	struct query q = {.level = level, .relational = relational, .keys = keys, .scope = &everything};
	struct selection *s;
	struct stored got;
	struct err e = {0};
	uint64_t total = 0, n = 0;
	size_t len = 0;
	int rc;

	out[0] = '\0';
	if ((rc = select_open(a, &q, &s, &total, &e)) == 0) {
		for (; (rc = select_next(s, &got, &e)) > 0; n++)
			len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s", len ? "|" : "", got.sop_instance);
		assert_int_equal(n, total);
		select_close(s);
	}
	if (rc < 0)
		snprintf(out, sizeof(out), "!%s", err_name((enum err_code) - rc));
	dset_free(keys);
	return out;
}

static void test_order(void **state)
{
	assert_string_equal(take(*state, LEVEL_STUDY, false, help_keys("StudyInstanceUID", "1", NULL)),
			    "1.1.1|1.1.2|1.2.2|1.2.10|1.2.0|1.3.1");
	assert_string_equal(take(*state, LEVEL_STUDY, false, help_keys("StudyInstanceUID", "2\\1", NULL)),
			    "1.1.1|1.1.2|1.2.2|1.2.10|1.2.0|1.3.1|2.1.1");
	assert_string_equal(
	    take(*state, LEVEL_SERIES, false, help_keys("StudyInstanceUID", "1", "SeriesInstanceUID", "1.2", NULL)),
	    "1.2.2|1.2.10|1.2.0");
	assert_string_equal(take(*state, LEVEL_IMAGE, false,
				 help_keys("StudyInstanceUID", "1", "SeriesInstanceUID", "1.2", "SOPInstanceUID",
					   "1.2.10\\1.2.2", NULL)),
			    "1.2.2|1.2.10");
	assert_string_equal(take(*state, LEVEL_IMAGE, true, help_keys("SOPInstanceUID", "1.1.1", NULL)), "1.1.1");
}

/* Never more than was named. */
static void test_identity(void **state)
{
	assert_string_equal(take(*state, LEVEL_STUDY, false, help_keys("StudyInstanceUID", "", NULL)), "!MISMATCH");
	assert_string_equal(take(*state, LEVEL_STUDY, true, help_keys("StudyInstanceUID", "", NULL)), "!MISMATCH");
	assert_string_equal(take(*state, LEVEL_STUDY, true, help_keys("PatientID", "P*", NULL)), "!MISMATCH");
	assert_string_equal(take(*state, LEVEL_PATIENT, true, help_keys("PatientID", "*", NULL)), "!MISMATCH");
	assert_string_equal(take(*state, LEVEL_PATIENT, true, help_keys("PatientID", "?*", NULL)), "");
	assert_string_equal(take(*state, LEVEL_PATIENT, true, help_keys("PatientID", "P*", NULL)),
			    "1.1.1|1.1.2|1.2.2|1.2.10|1.2.0|1.3.1|2.1.1"); /* that is how it is called */
	assert_string_equal(take(*state, LEVEL_SERIES, false, help_keys("SeriesInstanceUID", "1.2", NULL)),
			    "!MISMATCH");
	assert_string_equal(take(*state, LEVEL_SERIES, true, help_keys("SeriesInstanceUID", "1.2", NULL)),
			    "1.2.2|1.2.10|1.2.0");
	assert_string_equal(
	    take(*state, LEVEL_SERIES, true, help_keys("StudyInstanceUID", "2", "SeriesInstanceUID", "1.2", NULL)), "");
	assert_string_equal(take(*state, LEVEL_STUDY, false, help_keys("StudyInstanceUID", "1.*", NULL)), "!INVAL");
}

static void test_fields(void **state)
{
	AUTO(dset) keys = help_keys("StudyInstanceUID", "2", NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	struct selection *s;
	struct stored got;
	struct err e = {0};
	uint64_t total;

	assert_int_equal(select_open(*state, &q, &s, &total, &e), 0);
	assert_int_equal(select_next(s, &got, &e), 1);
	assert_string_equal(got.sop_class, "1.2.840.10008.5.1.4.1.1.2");
	assert_string_equal(got.syntax, UID_EXPLICIT_LE);
	assert_string_equal(got.study, "2");
	assert_string_equal(got.series, "2.1");
	assert_int_equal(got.site, 1);
	assert_int_equal(got.pack, 1);
	assert_int_equal(got.part10_len, 1300);
	assert_int_equal(got.head_len, 300);
	assert_true(got.at > 0);
	select_close(s);
}

/* A snapshot: what comes later is not in it, and no transaction is held. */
static void test_snapshot(void **state)
{
	struct query q = {.level = LEVEL_STUDY, .scope = &everything};
	AUTO(dset) keys = help_keys("StudyInstanceUID", "9", NULL);
	struct db_conn *c = help_writer(*state);
	struct selection *s;
	struct stored got;
	struct err e = {0};
	uint64_t total, n = 0;
	char sop[24], number[16];

	for (int i = 999; i >= 0; i--) {
		snprintf(sop, sizeof(sop), "9.1.%d", i);
		snprintf(number, sizeof(number), "%d", i);
		put(c, "9", "9.1", sop, "1", number);
	}
	help_commit(c);
	q.keys = keys;
	assert_int_equal(select_open(*state, &q, &s, &total, &e), 0);
	assert_int_equal(total, 1000);
	while (select_next(s, &got, &e) > 0) {
		snprintf(sop, sizeof(sop), "9.1.%d", (int)n);
		assert_string_equal(got.sop_instance, sop);
		if (n++ == 5) {
			c = help_writer(*state);
			put(c, "9", "9.0", "9.0.1", "0", "1");
			help_commit(c);
		}
	}
	assert_int_equal(n, 1000);
	select_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_snapshot, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
