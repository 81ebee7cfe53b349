/* What a search over HTTP asks for: parameters to keys, default attributes, refusals; and its rows, on a small index. */
#include "archive/attr_extra.h"
#include "dicom/model.h"
#include "query_help.h"
#include "web/qido.h"

#define EXTRA "0029,1010 \"ACME 1.1\" LO study; 0029,1020 \"OTHER\" US series; 0018,9345 FD image"

static const struct qido_target studies = {LEVEL_STUDY, "", ""}, series = {LEVEL_SERIES, "", ""},
				series_of = {LEVEL_SERIES, "1.2", ""}, instances = {LEVEL_IMAGE, "", ""},
				instances_of = {LEVEL_IMAGE, "1.2", ""}, instances_in = {LEVEL_IMAGE, "1.2", "1.3"};

static int parse(const struct qido_target *t, const char *raw, struct qido *q, struct err *e)
{
	AUTO(url_query) url = {0};

	if (url_query_parse(raw, &url, e) < 0)
		return -E_INVAL;
	return qido_parse(t, &url, EXTRA, q, e);
}

/* The keys with a value, and sequences, as JSON; defaults aside. */
static void check_keys(const struct qido_target *t, const char *raw, const char *wanted)
{
	AUTO(qido) q = {0};
	AUTO(qido) plain = {0};
	AUTO(buf) json = BUF(1 << 16);
	struct err e = {0};

	if (parse(t, raw, &q, &e) < 0)
		fail_msg("%s: %s", raw, e.msg);
	assert_int_equal(parse(t, "", &plain, &e), 0);
	for (unsigned i = 0; i < dset_count(plain.keys); i++) {
		const struct elem *same = dset_at(plain.keys, i), *el = dset_get(q.keys, same->tag);

		assert_non_null(el);
		/* the default item of requests, unless the parameters are about it */
		if (el->len == 0 && (el->tag != 0x00400275 || !strstr(raw, "equest")))
			dset_remove(q.keys, same->tag);
	}
	assert_int_equal(model_dset(q.keys, MODEL_JSON, "ISO_IR 192", &json, &e), 0);
	assert_string_equal(buf_text(&json), wanted);
}

#define V(tag, vr, value) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[" value "]}"
#define N(tag, vr) "\"" tag "\":{\"vr\":\"" vr "\"}"

static void keys_of_parameters(void **state)
{
	(void)state;
	check_keys(&studies, "00100020=P1", "{" V("00100020", "LO", "\"P1\"") "}");
	check_keys(&studies, "PatientID=P1&StudyDate=20260101-",
		   "{" V("00080020", "DA", "\"20260101-\"") "," V("00100020", "LO", "\"P1\"") "}");
	check_keys(&studies, "PatientName=%E6%9D%8E%2A", "{" V("00100010", "PN", "{\"Alphabetic\":\"李*\"}") "}");
	check_keys(&studies, "PatientName=a+b%2Bc", "{" V("00100010", "PN", "{\"Alphabetic\":\"a b+c\"}") "}");
	check_keys(&studies, "PatientName=Li,%20Lei", "{" V("00100010", "PN", "{\"Alphabetic\":\"Li, Lei\"}") "}");
	check_keys(&studies, "StudyInstanceUID=1.2,1.3%5C1.4", "{" V("0020000D", "UI", "\"1.2\",\"1.3\",\"1.4\"") "}");
	check_keys(&studies, "StudyInstanceUID=1.2&0020000D=1.3", "{" V("0020000D", "UI", "\"1.2\",\"1.3\"") "}");
	check_keys(&studies, "ModalitiesInStudy=CT%2CMR&00080061=PT",
		   "{" V("00080061", "CS", "\"CT\",\"MR\",\"PT\"") "}");
	check_keys(&instances, "Rows=512", "{" V("00280010", "US", "512") "}");
	check_keys(&instances, "AcquisitionDateTime=20260102+0800-", "{" V("0008002A", "DT", "\"20260102+0800-\"") "}");
	check_keys(&studies, "PatientName=", "{}");
	check_keys(&studies, "accept=application/json&charset=utf-8&StudyID=7", "{" V("00200010", "SH", "\"7\"") "}");
}

static void paths_through_sequences(void **state)
{
	(void)state;
	check_keys(&series_of, "00400275.00400009=S7&RequestAttributesSequence.RequestedProcedureID=R1",
		   "{" V("0020000D", "UI", "\"1.2\"") "," V(
		       "00400275", "SQ", "{" V("00400009", "SH", "\"S7\"") "," V("00401001", "SH", "\"R1\"") "}") "}");
	/* what is answered of each item anyway, and one more */
	check_keys(
	    &series_of, "includefield=RequestAttributesSequence.00400007",
	    "{" V("0020000D", "UI", "\"1.2\"") "," V(
		"00400275", "SQ", "{" N("00400007", "LO") "," N("00400009", "SH") "," N("00401001", "SH") "}") "}");
	/* all of it */
	check_keys(&series_of, "includefield=RequestAttributesSequence",
		   "{" V("0020000D", "UI", "\"1.2\"") "," N("00400275", "SQ") "}");
	check_keys(&studies, "00081032.00080100=A&includefield=ProcedureCodeSequence.CodeMeaning",
		   "{" V("00081032", "SQ", "{" V("00080100", "SH", "\"A\"") "," N("00080104", "LO") "}") "}");
}

static void fields_to_include(void **state)
{
	AUTO(qido) q = {0};
	struct err e = {0};

	(void)state;
	check_keys(&studies, "includefield=00081030,PatientComments&includefield=00102154",
		   "{" N("00081030", "LO") "," N("00102154", "SH") "," N("00104000", "LT") "}");
	check_keys(&studies, "includefield=00081030%2C00102154", "{" N("00081030", "LO") "," N("00102154", "SH") "}");
	assert_int_equal(parse(&studies, "includefield=all", &q, &e), 0);
	assert_non_null(dset_get(q.keys, 0x00081030));
	assert_non_null(dset_get(q.keys, 0x00100021));
	assert_null(dset_get(q.keys, 0x00080060)); /* of series */
	assert_string_equal(dset_text(q.keys, 0x00290010), "ACME 1.1");
	assert_non_null(dset_get(q.keys, 0x00291010));
	qido_cleanup(&q);
	assert_int_equal(parse(&instances, "includefield=all", &q, &e), 0);
	assert_non_null(dset_get(q.keys, 0x00189345));
	assert_null(dset_get(q.keys, 0x00081010)); /* of series, and none of the tables' */
	qido_cleanup(&q);
	assert_int_equal(parse(&studies, "includefield=NoSuchThing,%22%0Ax", &q, &e), -E_INVAL); /* a line end */
	assert_int_equal(parse(&studies, "includefield=NoSuchThing,x%22y", &q, &e), 0);
	assert_string_equal(buf_text(&q.ignored), "NoSuchThing, x?y");
}

static void private_attributes(void **state)
{
	(void)state;
	/* with their creator, in whatever block and order */
	check_keys(&studies, "00291110=x&00290011=ACME%201.1",
		   "{" V("00290011", "LO", "\"ACME 1.1\"") "," V("00291110", "LO", "\"x\"") "}");
	/* without: it is known of one creator only */
	check_keys(&studies, "includefield=00291010",
		   "{" V("00290010", "LO", "\"ACME 1.1\"") "," N("00291010", "LO") "}");
	check_keys(&series, "00291020=7", "{" V("00290010", "LO", "\"OTHER\"") "," V("00291020", "US", "7") "}");
	/* of another creator nothing is kept */
	check_keys(&studies, "00290010=ELSE&includefield=00291010",
		   "{" V("00290010", "LO", "\"ELSE\"") "," N("00291010", "LO") "}");
}

static void rules_and_pages(void **state)
{
	AUTO(qido) q = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse(&studies, "", &q, &e), 0);
	assert_true(q.query.relational && q.query.datetime && !q.query.fuzzy && !q.query.empty && !q.query.every);
	assert_true(q.query.limit == 0 && q.query.offset == 0 && !q.nothing);
	qido_cleanup(&q);
	assert_int_equal(parse(&studies,
			       "fuzzymatching=true&emptyvaluematching=true&multiplevaluematching=true&limit=7&offset=9",
			       &q, &e),
			 0);
	assert_true(q.query.fuzzy && q.query.empty && q.query.every);
	assert_true(q.query.limit == 7 && q.query.offset == 9);
	qido_cleanup(&q);
	assert_int_equal(parse(&studies, "limit=0&fuzzymatching=false", &q, &e), 0);
	assert_true(q.nothing && !q.query.fuzzy);
	qido_cleanup(&q);
	assert_int_equal(parse(&studies, "TimezoneOffsetFromUTC=%2B0800&00080056=ONLINE", &q, &e), 0);
	assert_string_equal(buf_text(&q.ignored), "TimezoneOffsetFromUTC, 00080056");
	assert_string_equal(dset_text(q.keys, 0x00080201), "");
	qido_cleanup(&q);
	assert_int_equal(parse(&studies, "PatientNam=x&nocache=17&PatientID=1", &q, &e), 0);
	assert_string_equal(buf_text(&q.ignored), "PatientNam, nocache");
}

static const struct {
	const char *raw, *says;
} wrong[] = {
    {"limit=-1", "limit=-1: expected a whole number"},
    {"limit=", "limit: expected a whole number"},
    {"limit=1000000000000000000000", "expected a whole number"},
    {"offset=1e3", "offset=1e3: expected a whole number"},
    {"fuzzymatching=1", "fuzzymatching=1: expected true or false"},
    {"emptyvaluematching=yes", "expected true or false"},
    {"PatientName.PatientID=1", "PatientName.PatientID: PatientName is no sequence"},
    {"ProcedureCodeSequence=1", "expected ProcedureCodeSequence.ATTRIBUTE=VALUE"},
    {"Rows=many", "Rows: expected a whole number from 0 to 65535"},
    {"Rows=70000", "Rows: expected a whole number"},
    {"00189345=x", "00189345: expected a number"},
    {"StudyDate=20260101&StudyDate=20260102", "StudyDate is given twice"},
    {"PixelData=1", "PixelData: expected no value"},
    {"includefield=PatientName.PatientID", "PatientName is no sequence"},
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		AUTO(qido) q = {0};
		struct err e = {0};

		assert_int_equal(parse(&instances, wrong[i].raw, &q, &e), -E_INVAL);
		if (!strstr(e.msg, wrong[i].says))
			fail_msg("%s: %s", wrong[i].raw, e.msg);
		assert_null(q.keys);
	}
}

static void uids_of_the_path(void **state)
{
	AUTO(qido) q = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse(&instances_in, "StudyInstanceUID=1.2", &q, &e), 0);
	assert_string_equal(dset_text(q.keys, 0x0020000D), "1.2");
	assert_string_equal(dset_text(q.keys, 0x0020000E), "1.3");
	qido_cleanup(&q);
	assert_int_equal(parse(&instances_in, "SeriesInstanceUID=1.2", &q, &e), -E_INVAL);
	assert_string_equal(e.msg, "SeriesInstanceUID: the path says another one");
}

static void levels_above(void **state)
{
	static const struct {
		const struct qido_target *t;
		bool study, series, image;
	} tables[] = {{&studies, true, false, false},     {&series, true, true, false},
		      {&series_of, false, true, false},   {&instances, true, true, true},
		      {&instances_of, false, true, true}, {&instances_in, false, false, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		AUTO(qido) q = {0};

		assert_int_equal(parse(tables[i].t, "", &q, NULL), 0);
		assert_int_equal(tables[i].study, dset_get(q.keys, 0x00080061) != NULL);
		assert_int_equal(tables[i].series, dset_get(q.keys, 0x00201209) != NULL);
		assert_int_equal(tables[i].series, dset_get(q.keys, 0x00400275) != NULL);
		assert_int_equal(tables[i].image, dset_get(q.keys, 0x00080016) != NULL);
	}
}

/* ---- rows */

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void answers(void **state)
{
	struct sample s = {.charset = "GB18030",
			   .patient_id = "P1",
			   .issuer = "",
			   .name = "\xC0\xEE^\xC0\xD7",
			   .study = "1.2.3",
			   .series = "1.2.4",
			   .sop = "1.2.5",
			   .date = "20260102",
			   .time = "0130",
			   .accession = "",
			   .modality = "CT",
			   .series_number = "1",
			   .number = "5",
			   .site = 1};
	struct archive *a = help_open();
	struct db_conn *c = help_writer(a);
	struct cursor *rows = NULL;
	AUTO(qido) q = {0};
	AUTO(dset) row = NULL;
	AUTO(buf) json = BUF(1 << 16);
	struct err e = {0};

	(void)state;
	assert_int_equal(help_put(c, &s, NULL), INTAKE_STORED);
	help_commit(c);
	assert_int_equal(parse(&instances, "PatientName=%E6%9D%8E*", &q, &e), 0);
	q.query.scope = &everything;
	if (query_open(a, &q.query, &rows, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(cursor_take(rows, &row, &e), 1);
	cursor_close(rows); /* the row is ours */
	assert_int_equal(qido_complete(&q, "https://here:1/dicom-web", row, &e), 0);
	assert_int_equal(model_dset(row, MODEL_JSON, "ISO_IR 192", &json, &e), 0);
	assert_string_equal(
	    buf_text(&json),
	    "{" V("00080005", "CS", "\"ISO_IR 192\"") "," V("00080016", "UI", "\"1.2.840.10008.5.1.4.1.1.2\"") "," V(
		"00080018", "UI", "\"1.2.5\"") "," V("00080020",
						     "DA", "\"20260102\"") "," V("00080030",
										 "TM", "\"0130\"") "," N("00080050", "S"
														     "H") "," V("00080056",
																"CS", "\"ONLINE\"") "," V("00080060", "CS", "\"CT\"") "," V("00080061", "CS", "\"CT\"") "," N("00080090", "PN") "," N("0008103E", "LO") "," V("00081190", "UR", "\"https://here:1/dicom-web/studies/1.2.3/series/1.2.4/instances/1.2.5\"") "," V("00100010",
																																														 "PN",
																																														 "{\"Alphabetic\":\"李^雷\"}") "," V("00100020",
																																																		     "LO",
																																																		     "\"P1\"") "," N("00100030", "DA") "," N("00100040", "CS") "," V("0020000D", "UI", "\"1.2.3\"") "," V("0020000E",
																																																															  "UI",
																																																															  "\"1.2.4\"") "," N("00200010", "SH") "," V("00200011",
																																																																				     "IS",
																																																																				     "1") "," V("00200013", "IS", "5") "," V("00201206",
																																																																									     "IS",
																																																																									     "1") "," V("00201208",
																																																																											"IS",
																																																																											"1") "," V("00201209", "IS", "1") "," N("00400244",
																																																																																"DA") "," N("00400245",
																																																																																	    "TM") "," N("00400275",
																																																																																			"SQ") "}");
	help_close(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_of_parameters),
	    cmocka_unit_test(paths_through_sequences),
	    cmocka_unit_test(fields_to_include),
	    cmocka_unit_test(private_attributes),
	    cmocka_unit_test(rules_and_pages),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(uids_of_the_path),
	    cmocka_unit_test(levels_above),
	    cmocka_unit_test(answers),
	};

	dict_setup(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
