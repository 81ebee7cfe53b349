/* tests/unit/test_query_plan.c - the questions that workstations ask are answered through an index, never by a walk. */
#include "query_help.h"

#include "archive/query_plan.h"

#include <stdlib.h>

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static int setup(void **state)
{
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);
	char study[24], series[24], sop[24], id[16], name[32], date[24];

	for (int i = 0; i < 300; i++) {
		struct sample s = {.patient_id = id,
				   .name = name,
				   .study = study,
				   .series = series,
				   .sop = sop,
				   .date = date,
				   .accession = id,
				   .modality = i % 2 ? "CT" : "MR",
				   .site = 1 + i % 3,
				   .content = i};

		snprintf(study, sizeof(study), "1.%d", i);
		snprintf(series, sizeof(series), "1.%d.1", i);
		snprintf(sop, sizeof(sop), "1.%d.1.1", i);
		snprintf(id, sizeof(id), "P%d", i);
		snprintf(name, sizeof(name), "Lin^Yu%d=林^雨", i);
		snprintf(date, sizeof(date), "2024%02d%02d", 1 + i % 12, 1 + i % 28);
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

/* What the engine says it will do, one step after the other. Frees the keys. */
static const char *explain_query(struct archive *a, const struct query *q, enum plan_use use)
{
	static char out[4096];
	struct plan *p = calloc(1, sizeof(*p));
	AUTO(db_conn) c = NULL;
	AUTO(buf) sql = BUF(1 << 20);
	struct err e = {0};
	struct db_stmt *s;
	size_t len = 0;

	assert_non_null(p);
	out[0] = '\0';
	if (db_get(archive_db(a), DB_READ, &c, &e) < 0 || plan_make(p, c, NULL, q, use, &e) < 0 ||
	    buf_printf(&sql, &e, "EXPLAIN QUERY PLAN %s", buf_text(&p->sql)) < 0 ||
	    db_prepare(c, buf_text(&sql), &s, &e) < 0)
		fail_msg("%s", e.msg);
	while (db_step(s, &e) > 0)
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s\n", db_text(s, 3, NULL));
	assert_true(len > 0);
	query_plan_cleanup(p);
	free(p);
	dset_free((struct dset *)(uintptr_t)q->keys);
	return out;
}

static const char *explain(struct archive *a, enum query_level level, bool relational, enum plan_use use,
			   const struct scope *scope, struct dset *keys)
{
	struct query q = {.level = level, .relational = relational, .keys = keys, .scope = scope};

	return explain_query(a, &q, use);
}

static void has(const char *plan, const char *what)
{
	if (!strstr(plan, what))
		fail_msg("no \"%s\" in:\n%s", what, plan);
}

static void lacks(const char *plan, const char *what)
{
	if (strstr(plan, what))
		fail_msg("\"%s\" in:\n%s", what, plan);
}

static void check_keyed(const char *plan, const char *index)
{
	has(plan, index);
	lacks(plan, "SCAN s\n");
	lacks(plan, "SCAN e\n");
	lacks(plan, "SCAN i\n");
	lacks(plan, "SCAN p\n");
	lacks(plan, "SCAN f\n");
	lacks(plan, "rowid>?");
}

/* Each in every sort of scope: a scope must not lead the planner astray. */
static void check_all(struct archive *a, const struct scope *scope)
{
#define PLAN(level, relational, ...) explain(a, level, relational, PLAN_FIND, scope, help_keys(__VA_ARGS__, NULL))
	check_keyed(PLAN(LEVEL_STUDY, false, "PatientID", "P7"), "INDEX study_patient (patient=?)");
	check_keyed(PLAN(LEVEL_PATIENT, false, "PatientID", "P7"), "(patient_id=?");
	check_keyed(PLAN(LEVEL_STUDY, false, "PatientID", "P7*"), "(patient_id>? AND patient_id<?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "PatientName", "Lin^Yu1*"), "(form>? AND form<?)");
	check_keyed(PLAN(LEVEL_PATIENT, false, "PatientName", "Lin^Yu1*"), "(form>? AND form<?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "PatientName", "*雨*"), "(gram=?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "StudyDate", "20240105", "ModalitiesInStudy", "CT"),
		    "INDEX study_study_date (study_date=?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "StudyDate", "20240105-20240107"),
		    "INDEX study_study_date (study_date>? AND study_date<?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "StudyInstanceUID", "1.5"), "(study_uid=?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "StudyInstanceUID", "1.5\\1.6\\1.7"), "(study_uid=?)");
	check_keyed(PLAN(LEVEL_STUDY, false, "AccessionNumber", "P9"), "INDEX study_accession (accession=?)");
	check_keyed(PLAN(LEVEL_SERIES, false, "StudyInstanceUID", "1.5", "Modality", "CT"),
		    "INDEX series_study (study=?)");
	check_keyed(PLAN(LEVEL_IMAGE, false, "StudyInstanceUID", "1.5", "SeriesInstanceUID", "1.5.1"),
		    "INDEX instance_series (series=?)");
	check_keyed(PLAN(LEVEL_IMAGE, true, "SOPInstanceUID", "1.5.1.1"), "(sop_uid=?)");
	check_keyed(PLAN(LEVEL_IMAGE, true, "PatientID", "P5"), "INDEX instance_series (series=?)");
	check_keyed(PLAN(LEVEL_SERIES, true, "PatientName", "Lin^Yu1*"), "INDEX series_study (study=?)");
}

static void test_keyed(void **state)
{
	int64_t two[] = {1, 2}, many[20];
	struct scope one = help_scope(1), few = {.kind = SCOPE_SITES, .n = 2, .sites = two},
		     lots = {.kind = SCOPE_SITES, .n = 20, .sites = many};

	for (int i = 0; i < 20; i++)
		many[i] = i + 1;
	check_all(*state, &everything);
	check_all(*state, &one);
	check_all(*state, &few);
	check_all(*state, &lots);
	scope_cleanup(&one);
}

/* By the letter or by forms for fuzzy matching: a look-up for each, whatever order the words have. */
static void test_fuzzy_is_keyed(void **state)
{
	static const char *const names[] = {"lin yu", "linyu", "ly", "lin*", "l* y*", "*inyu*", "林雨"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (int level = LEVEL_PATIENT; level <= LEVEL_STUDY; level++) {
			struct query q = {.level = (enum query_level)level,
					  .fuzzy = true,
					  .keys = help_keys("PatientName", names[i], NULL),
					  .scope = &everything};
			const char *plan = explain_query(*state, &q, PLAN_FIND);

			has(plan, "UNION ALL");
			check_keyed(plan, names[i][0] == '*' ? "(gram=?)" : "(form");
		}
}

/* Without a key that picks, rows come in order of arrival: no sorting, and a page costs a page. */
/* A range of moments, in another zone, is still found by its dates: one day more at either end. */
static void test_moments_are_keyed(void **state)
{
	struct query q = {.level = LEVEL_STUDY,
			  .datetime = true,
			  .timezone = "-0500",
			  .otherwise = "+0800",
			  .keys = help_keys("StudyDate", "20240105", "StudyTime", "10", NULL),
			  .scope = &everything};

	/* trap 8: dates in the time zone of the query stay a matter of the index */
	check_keyed(explain_query(*state, &q, PLAN_FIND), "INDEX study_study_date (study_date>? AND study_date<?)");
	q.keys = help_keys("StudyDate", "20240105-20240106", "StudyTime", "1000-1100", NULL);
	check_keyed(explain_query(*state, &q, PLAN_FIND), "INDEX study_study_date (study_date>? AND study_date<?)");
}

static void test_walks(void **state)
{
	static const enum query_level levels[] = {LEVEL_PATIENT, LEVEL_STUDY, LEVEL_SERIES, LEVEL_IMAGE};
	static const char *const first[] = {
	    "SEARCH p USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH s USING INTEGER PRIMARY KEY (rowid>?)",
	    "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH i USING INTEGER PRIMARY KEY (rowid>?)"};
	int64_t two[] = {1, 2};
	struct scope few = {.kind = SCOPE_SITES, .n = 2, .sites = two}, one = help_scope(1);

	for (size_t i = 0; i < 4; i++) {
		const char *plan =
		    explain(*state, levels[i], true, PLAN_FIND, &everything, help_keys("PatientName", "", NULL));

		has(plan, first[i]);
		lacks(plan, "TEMP B-TREE");
		plan =
		    explain(*state, levels[i], true, PLAN_FIND, &few, help_keys("PatientBirthDate", "19700101", NULL));
		has(plan, first[i]);
		lacks(plan, "FOR ORDER BY");
	}
	has(explain(*state, LEVEL_STUDY, true, PLAN_FIND, &one, help_keys("PatientName", "", NULL)),
	    "INDEX study_site (site=? AND rowid>?)");
	scope_cleanup(&one);
}

static void test_selections(void **state)
{
	struct scope one = help_scope(1);
	const struct scope *scopes[] = {&everything, &one};

	for (int i = 0; i < 2; i++) {
		check_keyed(explain(*state, LEVEL_STUDY, false, PLAN_SELECT, scopes[i],
				    help_keys("StudyInstanceUID", "1.1\\1.2", NULL)),
			    "(study_uid=?)");
		check_keyed(explain(*state, LEVEL_SERIES, false, PLAN_SELECT, scopes[i],
				    help_keys("StudyInstanceUID", "1.1", "SeriesInstanceUID", "1.1.1", NULL)),
			    "INDEX instance_series (series=?)");
		check_keyed(
		    explain(*state, LEVEL_PATIENT, false, PLAN_SELECT, scopes[i], help_keys("PatientID", "P1", NULL)),
		    "INDEX study_patient (patient=?)");
		check_keyed(explain(*state, LEVEL_IMAGE, true, PLAN_SELECT, scopes[i],
				    help_keys("SOPInstanceUID", "1.1.1.1", NULL)),
			    "(sop_uid=?)");
	}
	scope_cleanup(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keyed),          cmocka_unit_test(test_moments_are_keyed),
	    cmocka_unit_test(test_fuzzy_is_keyed), cmocka_unit_test(test_walks),
	    cmocka_unit_test(test_selections),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
