/* tests/unit/test_query.c - keys of every kind against a small index. */
#include "query_help.h"

#include <stdlib.h>

static const struct sample samples[] = {
    /* charset, ID, issuer, name, study, series, sop, date, time, accession, modality, series no, no, class, rows,
       content, site */
    {NULL, "P1", "", "Wang^XiaoDong=王^小东", "1.1", "1.1.1", "1.1.1.1", "20240101", "101500", "A%1", "CT", "2", "1",
     NULL, 512, 1, 1},
    {NULL, "P1", "", "Wang^XiaoDong=王^小东", "1.1", "1.1.1", "1.1.1.2", "20240101", "101500", "A%1", "CT", "2", "2",
     NULL, 512, 2, 1},
    {NULL, "P1", "", "Wang^XiaoDong=王^小东", "1.1", "1.1.2", "1.1.2.1", "20240101", "101500", "A%1", "MR", "1", "1",
     "1.2.840.10008.5.1.4.1.1.4", 256, 3, 1},
    {NULL, "P2", "", "王", "1.2", "1.2.1", "1.2.1.1", "20240102", "235959.5", "A_1", "US", "1", "1", NULL, 0, 4, 1},
    {NULL, "P3", "H", "MÜLLER^Hans^^Dr", "1.3", "1.3.1", "1.3.1.1", "20240301", "10", "A1", "CT", "1", "10", NULL, 0, 5,
     1},
    {NULL, "p3", "", "O'Neil^Ann", "1.4", "1.4.1", "1.4.1.1", "19051231", "", "it's", "MG", "1", "", NULL, 0, 6, 1},
    {NULL, "", "", "", "1.5", "1.5.1", "1.5.1.1", "", "", "", "OT", "", "", NULL, 0, 7, 1},
    {NULL, "", "", "", "1.6", "1.6.1", "1.6.1.1", "2023.05.06", "", "A\\B", "OT", "", "", NULL, 0, 8, 1},
    {NULL, "P*", "", "Wang", "1.7", "1.7.1", "1.7.1.1", "20240101", "", "A?1", "CT", "", "", NULL, 0, 9, 1},
    {"GB18030", "P8", "", "Zhang^Wei=\xD5\xC5^\xCE\xB0", "1.8", "1.8.1", "1.8.1.1", "20240104", "", "", "CT", "", "",
     NULL, 0, 10, 1},
    {"ISO_IR 100", "P9", "", "Li=\xC0\xEE^\xC3\xF7", "1.9", "1.9.1", "1.9.1.1", "20240105", "", "", "CT", "", "", NULL,
     0, 11, 1},
};

static int setup(void **state)
{
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (help_put(c, &samples[i], NULL) != INTAKE_STORED)
			fail_msg("sample %zu", i);
	help_commit(c);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	help_close(*state);
	return 0;
}

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

/* Relational, so that each key can be tried alone. */
static const char *find(struct archive *a, enum query_level level, const char *keyword, const char *value,
			const char *show)
{
	AUTO(dset) keys = help_keys(keyword, value, NULL);
	struct query q = {.level = level, .relational = true, .keys = keys, .scope = &everything};
	struct err e = {0};
	uint32_t tag;

	assert_int_equal(dict_tag(show, &tag, &e), 0);
	if (!dset_get(keys, tag))
		assert_int_equal(dset_put_text(keys, tag, "", &e), 0);
	return help_find(a, &q, show);
}

static const char *study(struct archive *a, const char *keyword, const char *value)
{
	return find(a, LEVEL_STUDY, keyword, value, "StudyInstanceUID");
}

#define ALL "1.1|1.2|1.3|1.4|1.5|1.6|1.7|1.8|1.9"

static void test_single_values(void **state)
{
	struct archive *a = *state;

	assert_string_equal(study(a, "PatientID", "P1"), "1.1");
	assert_string_equal(study(a, "PatientID", " P1 "), "1.1");
	assert_string_equal(study(a, "PatientID", "p3"), "1.4"); /* case counts */
	assert_string_equal(study(a, "PatientID", "P3"), "1.3");
	assert_string_equal(study(a, "PatientID", ""), ALL);
	assert_string_equal(study(a, "IssuerOfPatientID", "H"), "1.3");
	assert_string_equal(study(a, "StudyInstanceUID", "1.2"), "1.2");
	assert_string_equal(study(a, "StudyInstanceUID", "1.99"), "");
	assert_string_equal(study(a, "AccessionNumber", "A1"), "1.3");
	assert_string_equal(find(a, LEVEL_IMAGE, "SOPInstanceUID", "1.1.1.2", "SeriesInstanceUID"), "1.1.1");
	assert_string_equal(find(a, LEVEL_IMAGE, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4", "SOPInstanceUID"),
			    "1.1.2.1");
	assert_string_equal(find(a, LEVEL_IMAGE, "InstanceNumber", "0010", "SOPInstanceUID"), "1.3.1.1");
	assert_string_equal(find(a, LEVEL_SERIES, "SeriesNumber", "2", "SeriesInstanceUID"), "1.1.1");
	assert_string_equal(find(a, LEVEL_SERIES, "Modality", "MR", "SeriesInstanceUID"), "1.1.2");
	assert_string_equal(find(a, LEVEL_PATIENT, "PatientID", "P1", "PatientName"), "Wang^XiaoDong=王^小东");
}

static void test_binary_number(void **state)
{
	struct query q = {.level = LEVEL_IMAGE, .relational = true, .scope = &everything};
	AUTO(dset) keys = help_keys("SOPInstanceUID", "", NULL);
	struct err e = {0};
	const struct dset *row;
	struct cursor *c;

	assert_int_equal(dset_put_int(keys, TAG(0x0028, 0x0010), 256, &e), 0);
	q.keys = keys;
	assert_int_equal(query_open(*state, &q, &c, &e), 0);
	assert_int_equal(cursor_next(c, &row, &e), 1);
	assert_string_equal(dset_text(row, TAG(0x0008, 0x0018)), "1.1.2.1");
	assert_int_equal(dset_int(row, TAG(0x0028, 0x0010), 0), 256);
	assert_int_equal(cursor_next(c, &row, &e), 0);
	assert_int_equal(cursor_next(c, &row, &e), 0);
	cursor_close(c);
}

/* Characters that mean something to SQL, or to DICOM in another place. */
static void test_metacharacters(void **state)
{
	/* trap 4: characters that SQL or patterns would take for more */
	struct archive *a = *state;

	assert_string_equal(study(a, "AccessionNumber", "A%1"), "1.1");
	assert_string_equal(study(a, "AccessionNumber", "A_1"), "1.2");
	assert_string_equal(study(a, "AccessionNumber", "A%"), "");
	assert_string_equal(study(a, "AccessionNumber", "A%*"), "1.1");
	assert_string_equal(study(a, "AccessionNumber", "A_*"), "1.2");
	assert_string_equal(study(a, "AccessionNumber", "it's"), "1.4");
	assert_string_equal(study(a, "AccessionNumber", "it'*"), "1.4");
	assert_string_equal(study(a, "AccessionNumber", "' OR 1=1 --"), "");
	assert_string_equal(study(a, "PatientName", "o'neil^ann"), "1.4");
	assert_string_equal(study(a, "PatientName", "%"), "");
	assert_string_equal(study(a, "PatientName", "_*"), "");
	assert_string_equal(study(a, "AccessionNumber", "A1\\A_1"), "1.2|1.3"); /* several values: any of them */
	assert_string_equal(study(a, "AccessionNumber", "\"],[\\A1"), "1.3");
}

static void test_wildcards(void **state)
{
	struct archive *a = *state;

	assert_string_equal(study(a, "AccessionNumber", "A?1"), "1.1|1.2|1.7");
	assert_string_equal(study(a, "AccessionNumber", "*1"), "1.1|1.2|1.3|1.7");
	assert_string_equal(study(a, "AccessionNumber", "*"), ALL); /* absent matches, too */
	assert_string_equal(study(a, "AccessionNumber", "?*"), "1.1|1.2|1.3|1.4|1.6|1.7");
	assert_string_equal(study(a, "PatientID", "P?"), "1.1|1.2|1.3|1.7|1.8|1.9");
	assert_string_equal(study(a, "PatientID", "?3"), "1.3|1.4");
	assert_string_equal(find(a, LEVEL_SERIES, "Modality", "M*", "SeriesInstanceUID"), "1.1.2|1.4.1");
	/* not in UI, dates, times and numbers */
	assert_string_equal(study(a, "StudyInstanceUID", "1.*"), "!INVAL");
	assert_string_equal(study(a, "StudyInstanceUID", "1.?"), "!INVAL");
	assert_string_equal(study(a, "StudyDate", "2024*"), "!INVAL");
	assert_string_equal(study(a, "StudyTime", "10*"), "!INVAL");
	assert_string_equal(find(a, LEVEL_IMAGE, "InstanceNumber", "1*", "SOPInstanceUID"), "!INVAL");
}

static void test_names(void **state)
{
	/* trap 3: component groups of names */
	struct archive *a = *state;

	assert_string_equal(study(a, "PatientName", "Wang^XiaoDong"), "1.1");
	assert_string_equal(study(a, "PatientName", "WANG^xiaodong^^"), "1.1");
	assert_string_equal(study(a, "PatientName", "王^小东"), "1.1");
	assert_string_equal(study(a, "PatientName", "Wang^XiaoDong=王^小东"), "1.1");
	assert_string_equal(study(a, "PatientName", "=王^小东"), "1.1");
	assert_string_equal(study(a, "PatientName", "=王*"), "1.1");
	assert_string_equal(study(a, "PatientName", "王*=Wang*"), "");
	assert_string_equal(study(a, "PatientName", "Wang^*"), "1.1|1.7"); /* a trailing ^ says nothing */
	assert_string_equal(study(a, "PatientName", "Wa*^*"), "1.1|1.7");
	assert_string_equal(study(a, "PatientName", "Wa*^*^*"), "1.1|1.7");
	assert_string_equal(study(a, "PatientName", "*^*"), ALL);
	assert_string_equal(study(a, "PatientName", "wang*"), "1.1|1.7");
	assert_string_equal(study(a, "PatientName", "Wang"), "1.7");
	assert_string_equal(study(a, "PatientName", "muller^hans^^dr"), "1.3");
	assert_string_equal(study(a, "PatientName", "Müller*"), "1.3");
	assert_string_equal(study(a, "PatientName", "*小东"), "1.1");
	assert_string_equal(study(a, "PatientName", "*小*"), "1.1");
	assert_string_equal(study(a, "PatientName", "*iaodo*"), "1.1");
	assert_string_equal(study(a, "PatientName", "*a*"), "1.1|1.3|1.4|1.7|1.8|1.9"); /* Àî^Ã÷ */
	assert_string_equal(study(a, "PatientName", "*^小*"), "1.1");
	assert_string_equal(study(a, "PatientName", "?ang*"), "1.1|1.7");
	assert_string_equal(study(a, "PatientName", "W?ng*"), "1.1|1.7");
	assert_string_equal(study(a, "PatientName", "Ｗａｎｇ"), "1.7"); /* full width */
	assert_string_equal(study(a, "PatientName", "张^伟"), "1.8");    /* was GB18030 */
	assert_string_equal(study(a, "PatientName", "*李*"), "1.9");     /* GBK under another label */
	assert_string_equal(study(a, "PatientName", "*"), ALL);
	assert_string_equal(find(a, LEVEL_PATIENT, "PatientName", "王*", "PatientID"), "P1|P2");
	assert_string_equal(find(a, LEVEL_SERIES, "PatientName", "王*", "SeriesInstanceUID"), "1.1.1|1.1.2|1.2.1");
	assert_string_equal(find(a, LEVEL_IMAGE, "PatientName", "王^*", "SOPInstanceUID"),
			    "1.1.1.1|1.1.1.2|1.1.2.1|1.2.1.1");
}

/* A wildcard stands for a character, not for a byte of it. */
static void test_characters(void **state)
{
	struct archive *a = *state;

	assert_string_equal(study(a, "PatientName", "王?小*"), "1.1");
	assert_string_equal(study(a, "PatientName", "?"), "1.2");
	assert_string_equal(study(a, "PatientName", "王^?东"), "1.1");
	assert_string_equal(study(a, "PatientName", "王^??东"), "");
	assert_string_equal(study(a, "PatientName", "王?"), "");
	assert_string_equal(study(a, "PatientName", "王^??"), "1.1");
}

static void test_dates(void **state)
{
	struct archive *a = *state;

	assert_string_equal(study(a, "StudyDate", "20240101"), "1.1|1.7");
	assert_string_equal(study(a, "StudyDate", "2024.01.01"), "1.1|1.7");
	assert_string_equal(study(a, "StudyDate", "20240101-20240102"), "1.1|1.2|1.7");
	assert_string_equal(study(a, "StudyDate", "20240103-"), "1.3|1.8|1.9");
	assert_string_equal(study(a, "StudyDate", "-20230601"), "1.4|1.6"); /* before 1970; the old spelling */
	assert_string_equal(study(a, "StudyDate", "20240201-20240101"), "");
	assert_string_equal(study(a, "StudyDate", ""), ALL);
	assert_string_equal(study(a, "StudyDate", "-"), "!INVAL");
	assert_string_equal(study(a, "StudyDate", "20241301"), "!INVAL");
	assert_string_equal(study(a, "StudyDate", "2024"), "!INVAL");
	assert_string_equal(study(a, "StudyDate", "20240101\\20240102"), "!INVAL");
}

static void test_times(void **state)
{
	/* trap 7: times of less precision */
	struct archive *a = *state;

	assert_string_equal(study(a, "StudyTime", "1015"), "1.1");
	assert_string_equal(study(a, "StudyTime", "10"), "1.1|1.3"); /* stored 10 is 10:00:00 */
	assert_string_equal(study(a, "StudyTime", "10:15:00"), "1.1");
	assert_string_equal(study(a, "StudyTime", "100000-101500"), "1.1|1.3");
	assert_string_equal(study(a, "StudyTime", "1001-1015"), "1.1");
	assert_string_equal(study(a, "StudyTime", "2359-"), "1.2");
	assert_string_equal(study(a, "StudyTime", "-1014"), "1.3");
	assert_string_equal(study(a, "StudyTime", "-235959"), "1.1|1.2|1.3"); /* 235959.5 is within that second */
	assert_string_equal(study(a, "StudyTime", "235959.4"), "");
	assert_string_equal(study(a, "StudyTime", "2460"), "!INVAL");
	assert_string_equal(study(a, "StudyTime", "101"), "!INVAL");
}

static void test_in_study(void **state)
{
	/* trap 10: any modality, any class of a study */
	struct archive *a = *state;

	assert_string_equal(study(a, "ModalitiesInStudy", "MR"), "1.1");
	assert_string_equal(study(a, "ModalitiesInStudy", "US\\MR"), "1.1|1.2");
	assert_string_equal(study(a, "ModalitiesInStudy", "M*"), "1.1|1.4");
	assert_string_equal(study(a, "ModalitiesInStudy", "XX"), "");
	assert_string_equal(study(a, "SOPClassesInStudy", "1.2.840.10008.5.1.4.1.1.4"), "1.1");
	assert_string_equal(find(a, LEVEL_STUDY, "StudyInstanceUID", "1.1", "ModalitiesInStudy"), "CT\\MR");
	assert_string_equal(find(a, LEVEL_STUDY, "StudyInstanceUID", "1.1", "SOPClassesInStudy"),
			    "1.2.840.10008.5.1.4.1.1.2\\1.2.840.10008.5.1.4.1.1.4");
	assert_string_equal(find(a, LEVEL_SERIES, "StudyInstanceUID", "1.1", "ModalitiesInStudy"), "CT\\MR|CT\\MR");
}

static void check_counts(struct archive *a)
{
	assert_string_equal(find(a, LEVEL_STUDY, "StudyInstanceUID", "1.1", "NumberOfStudyRelatedSeries"), "2");
	assert_string_equal(find(a, LEVEL_STUDY, "StudyInstanceUID", "1.1", "NumberOfStudyRelatedInstances"), "3");
	assert_string_equal(find(a, LEVEL_SERIES, "StudyInstanceUID", "1.1", "NumberOfSeriesRelatedInstances"), "2|1");
	assert_string_equal(find(a, LEVEL_PATIENT, "PatientID", "P1", "NumberOfPatientRelatedStudies"), "1");
	assert_string_equal(find(a, LEVEL_PATIENT, "PatientID", "P1", "NumberOfPatientRelatedSeries"), "2");
	assert_string_equal(find(a, LEVEL_PATIENT, "PatientID", "P1", "NumberOfPatientRelatedInstances"), "3");
	assert_string_equal(find(a, LEVEL_STUDY, "NumberOfStudyRelatedSeries", "7", "StudyInstanceUID"),
			    ALL); /* told, not matched */
}

static void test_counts(void **state)
{
	struct err e = {0};

	check_counts(*state);
	assert_int_equal(index_fold(archive_db(*state), 2, &e), 2); /* half folded */
	check_counts(*state);
	assert_int_equal(index_fold(archive_db(*state), 1000, &e), 9);
	check_counts(*state);
}

static void test_answers(void **state)
{
	AUTO(dset)
	keys = help_keys("StudyInstanceUID", "1.9", "PatientName", "", "PatientBirthDate", "", "StudyDescription", "",
			 "Modality", "", NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	const struct dset *row;
	struct err e = {0};
	struct cursor *c;

	assert_int_equal(query_open(*state, &q, &c, &e), 0);
	assert_int_equal(cursor_next(c, &row, &e), 1);
	assert_string_equal(dset_text(row, TAG(0x0010, 0x0010)), "Li=李^明");
	assert_non_null(dset_get(row, TAG(0x0010, 0x0030))); /* asked for, absent: empty */
	assert_int_equal(dset_get(row, TAG(0x0010, 0x0030))->len, 0);
	assert_null(dset_get(row, TAG(0x0008, 0x0060))); /* not of this level */
	assert_null(dset_get(row, TAG(0x0008, 0x0020))); /* not asked for */
	assert_true(cursor_partial(c));
	cursor_close(c);
}

static void test_hierarchy(void **state)
{
	AUTO(dset) none = help_keys("SOPInstanceUID", "", NULL);
	AUTO(dset) series = help_keys("StudyInstanceUID", "1.1", "SeriesInstanceUID", "", NULL);
	AUTO(dset) two = help_keys("StudyInstanceUID", "1.1\\1.2", "SeriesInstanceUID", "", NULL);
	AUTO(dset) wild = help_keys("PatientID", "P*", "StudyInstanceUID", "", NULL);
	AUTO(dset) without = help_keys("PatientID", "\"\"", "StudyInstanceUID", "", NULL);
	struct query q = {.level = LEVEL_SERIES, .keys = series, .scope = &everything};

	assert_string_equal(help_find(*state, &q, "SeriesInstanceUID"), "1.1.1|1.1.2");
	q.keys = two;
	assert_string_equal(help_find(*state, &q, "SeriesInstanceUID"), "!MISMATCH");
	q.relational = true;
	assert_string_equal(help_find(*state, &q, "SeriesInstanceUID"), "1.1.1|1.1.2|1.2.1");
	q.relational = false, q.keys = none;
	assert_string_equal(help_find(*state, &q, "SeriesInstanceUID"), "!MISMATCH");
	q.level = LEVEL_IMAGE;
	assert_string_equal(help_find(*state, &q, "SOPInstanceUID"), "!MISMATCH");
	q.keys = series;
	assert_string_equal(help_find(*state, &q, "SOPInstanceUID"), "!MISMATCH");
	q.level = LEVEL_STUDY, q.patient_root = true;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!MISMATCH");
	q.keys = wild;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!MISMATCH");
	q.keys = without, q.empty = true;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!MISMATCH");
	q.keys = wild, q.empty = false;
	q.patient_root = false;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "1.1|1.2|1.3|1.7|1.8|1.9");
}

static void test_limit_and_offset(void **state)
{
	AUTO(dset) keys = help_keys("StudyInstanceUID", "", NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything, .limit = 3};

	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "1.1|1.2|1.3");
	q.offset = 2;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "1.3|1.4|1.5");
	q.limit = 0, q.offset = 7;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "1.8|1.9");
	q.offset = 100;
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "");
}

/* Many pages, and lists far longer than a statement has parameters. */
static void test_many(void **state)
{
	struct archive *a = *state;
	struct db_conn *w = help_writer(a);
	char *list = malloc(20000 * 12), study_uid[24], series[24], sop[24];
	size_t len = 0;
	unsigned n = 0;

	assert_non_null(list);
	for (int i = 0; i < 3000; i++) {
		struct sample s = {.patient_id = "M",
				   .name = "Many^One",
				   .modality = "CR",
				   .date = "20200101",
				   .site = 1,
				   .content = i};

		snprintf(study_uid, sizeof(study_uid), "2.%d", i);
		snprintf(series, sizeof(series), "2.%d.1", i);
		snprintf(sop, sizeof(sop), "2.%d.1.1", i);
		s.study = study_uid, s.series = series, s.sop = sop;
		assert_int_equal(help_put(w, &s, NULL), INTAKE_STORED);
	}
	help_commit(w);
	for (int i = 19999; i >= 0; i--) /* most are unknown; the order of the list does not matter */
		len += (size_t)sprintf(list + len, "%s2.%d", len ? "\\" : "", i);
	const char *found = study(a, "StudyInstanceUID", list);
	for (const char *p = found; (p = strchr(p, '|')); p++)
		n++;
	assert_int_equal(n, 2999);
	assert_memory_equal(found, "2.0|2.1|2.2|", 12);
	n = 0;
	for (const char *p = study(a, "PatientName", "many*"); (p = strchr(p, '|')); p++)
		n++;
	assert_int_equal(n, 2999);
	n = 0;
	for (const char *p = study(a, "StudyDate", "20190101-20210101"); (p = strchr(p, '|'));
	     p++) /* the way of wide ranges */
		n++;
	assert_int_equal(n, 2999);
	free(list);
}

/* What comes in while a cursor is open neither breaks it nor is it lost behind it. */
static void test_while_writing(void **state)
{
	struct archive *a = *state;
	AUTO(dset) keys = help_keys("StudyInstanceUID", "", NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	const struct dset *row;
	struct err e = {0};
	struct db_conn *w;
	struct cursor *c;
	int n = 0;

	test_many(state);
	assert_int_equal(query_open(a, &q, &c, &e), 0);
	while (cursor_next(c, &row, &e) > 0)
		if (n++ % 500 == 10) { /* needs the writer, so no transaction may be open */
			char uid[24];
			struct sample s = {.patient_id = "W", .modality = "CR", .site = 1};

			snprintf(uid, sizeof(uid), "3.%d", n);
			s.study = s.series = s.sop = uid;
			w = help_writer(a);
			assert_int_equal(help_put(w, &s, NULL), INTAKE_STORED);
			help_commit(w);
		}
	cursor_close(c);
	assert_true(n >= 3009);
}

static void test_levels(void **state)
{
	enum query_level level;

	(void)state;
	assert_int_equal(query_level_parse("STUDY", &level), 0);
	assert_int_equal(level, LEVEL_STUDY);
	assert_int_equal(query_level_parse("image ", &level), 0);
	assert_int_equal(level, LEVEL_IMAGE);
	assert_int_equal(query_level_parse("", &level), -E_INVAL);
	assert_int_equal(query_level_parse("STUD", &level), -E_INVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_single_values),
	    TEST(test_binary_number),
	    TEST(test_metacharacters),
	    TEST(test_wildcards),
	    TEST(test_names),
	    TEST(test_characters),
	    TEST(test_dates),
	    TEST(test_times),
	    TEST(test_in_study),
	    TEST(test_counts),
	    TEST(test_answers),
	    TEST(test_hierarchy),
	    TEST(test_limit_and_offset),
	    TEST(test_many),
	    TEST(test_while_writing),
	    TEST(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
