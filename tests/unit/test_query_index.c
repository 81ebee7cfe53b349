/* tests/unit/test_query_index.c - what goes into the index, and what is refused, quarantined or found to be the same.
 */
#include "query_help.h"

#include "base/text.h"

static int setup(void **state)
{
	*state = help_open();
	return 0;
}

static int teardown(void **state)
{
	help_close(*state);
	return 0;
}

static const struct sample ct = {.patient_id = "P1",
				 .name = "Zhang^Wei=张^伟",
				 .study = "1.2.1",
				 .series = "1.2.1.1",
				 .sop = "1.2.1.1.1",
				 .date = "20240102",
				 .time = "101500",
				 .accession = "A1",
				 .modality = "CT",
				 .number = "1",
				 .content = 1,
				 .site = 1};

static void test_stored_once(void **state)
{
	struct archive *a = *state;
	struct db_conn *c = help_writer(a);
	const uint8_t digest[16] = {1}, none[16] = {0}, sent[16] = {2};
	char reason[160];
	struct err e = {0};

	assert_int_equal(help_put(c, &ct, NULL), INTAKE_STORED);
	assert_int_equal(help_put(c, &ct, NULL), INTAKE_SAME);
	assert_int_equal(index_known(c, ct.sop, digest, none, 1000, UID_EXPLICIT_LE, 1, reason, &e), 1);
	assert_int_equal(index_known(c, ct.sop, digest, none, 1001, UID_EXPLICIT_LE, 1, reason, &e), 0);
	assert_int_equal(index_known(c, ct.sop, digest, none, 1000, UID_IMPLICIT_LE, 1, reason, &e), 0);
	assert_int_equal(index_known(c, ct.sop, digest, none, 1000, UID_EXPLICIT_LE, 2, reason, &e), 0);
	assert_int_equal(index_known(c, "1.2.1.1.2", digest, none, 1000, UID_EXPLICIT_LE, 1, reason, &e), 0);
	/* coerced now, but kept as it was sent before */
	assert_int_equal(index_known(c, ct.sop, sent, digest, 1010, UID_EXPLICIT_LE, 1, reason, &e), 1);
	assert_int_equal(index_known(c, ct.sop, sent, sent, 1010, UID_EXPLICIT_LE, 1, reason, &e), 0);
	help_commit(c);
	assert_int_equal(help_count(a, "SELECT count(*) FROM instance"), 1);
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 1);
	assert_int_equal(help_count(a, "SELECT count(*) FROM stat_delta"), 1);
	assert_int_equal(help_count(a, "SELECT count(*) FROM name WHERE part < 4"),
			 4);                                             /* two groups, of patient and study */
	assert_int_equal(help_count(a, "SELECT count(*) FROM form"), 4); /* and in one word, and by initials */
}

static void expect(struct archive *a, const struct sample *s, int outcome, const char *reason)
{
	struct db_conn *c = help_writer(a);
	char why[160] = "";

	int got = help_put(c, s, why);
	if (got != outcome || strcmp(why, reason) != 0)
		fprintf(stderr, "outcome %d, reason: %s\n", got, why);
	help_commit(c);
	assert_int_equal(got, outcome);
	assert_string_equal(why, reason);
}

static const char *found(struct archive *a, const char *keyword, const char *value)
{
	AUTO(dset) keys = help_keys("StudyInstanceUID", "", keyword, value, NULL);
	struct scope all = scope_everything("test");
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &all};
	const char *uids = help_find(a, &q, "StudyInstanceUID");

	scope_cleanup(&all);
	return uids;
}

static void test_wrong_label(void **state)
{
	/* trap 5: text under a wrong label is found as it is labelled, and as it likely is; the study is marked */
	struct archive *a = *state;
	struct sample chinese = ct, german = ct;
	AUTO(dset) d = NULL;
	struct db_conn *c;
	char note[CHARSET_NOTE] = "";
	struct err e = {0};

	chinese.charset = "ISO_IR 100";
	chinese.name = "Wang=\xCD\xF5^\xD0\xA1\xB6\xAB";
	d = help_dset(&chinese);
	assert_int_equal(dset_put_text(d, TAG(0x0008, 0x1030), "\xCD\xB7\xC2\xAD CT", &e), 0);
	c = help_writer(a);
	assert_int_equal(help_put_dset(c, d, UID_EXPLICIT_LE, 1, 1, NULL), INTAKE_STORED);
	german.charset = "ISO_IR 100", german.name = "M\xFCller^J\xF6rg";
	german.patient_id = "P2", german.study = "1.3", german.series = "1.3.1", german.sop = "1.3.1.1";
	assert_int_equal(help_put(c, &german, NULL), INTAKE_STORED);
	help_commit(c);
	assert_int_equal(query_charset_note(a, "1.2.1", note, &e), 1);
	assert_string_equal(note, "ISO_IR 100 is GB18030");
	assert_int_equal(query_charset_note(a, "1.3", note, &e), 0);
	assert_string_equal(found(a, "PatientName", "王*"), "1.2.1");
	assert_string_equal(found(a, "PatientName", "*小东"), "1.2.1");
	assert_string_equal(found(a, "PatientName", "王^小?"), "1.2.1");
	assert_string_equal(found(a, "PatientName", "Íõ^*"), "1.2.1");
	assert_string_equal(found(a, "PatientName", "*Ð¡¶«"), "1.2.1");
	assert_string_equal(found(a, "StudyDescription", "头颅 CT"), "1.2.1");
	assert_string_equal(found(a, "StudyDescription", "Í·Â­*"), "1.2.1");
	assert_string_equal(found(a, "PatientName", "müller*"), "1.3");
}

static void test_quarantine(void **state)
{
	struct archive *a = *state;
	struct sample s = ct;

	expect(a, &ct, INTAKE_STORED, "");
	s.content = 2;
	expect(a, &s, INTAKE_QUARANTINE, "other content under a known SOP Instance UID");
	expect(a, &s, INTAKE_QUARANTINE, "other content under a known SOP Instance UID");
	assert_int_equal(help_count(a, "SELECT count(*) FROM quarantine"), 1);
	s.content = 3;
	expect(a, &s, INTAKE_QUARANTINE, "other content under a known SOP Instance UID");
	assert_int_equal(help_count(a, "SELECT count(*) FROM quarantine"), 2);

	s = ct, s.site = 2;
	expect(a, &s, INTAKE_QUARANTINE, "the SOP Instance UID belongs to another site");
	s.sop = "1.2.1.1.9";
	expect(a, &s, INTAKE_QUARANTINE, "the Study Instance UID belongs to another site");
	s = ct, s.sop = "1.2.1.1.9", s.patient_id = "P2";
	expect(a, &s, INTAKE_QUARANTINE, "the Study Instance UID belongs to another patient");
	s.series = "1.2.1.2";
	expect(a, &s, INTAKE_QUARANTINE, "the Study Instance UID belongs to another patient");
	s = ct, s.sop = "1.2.1.1.9", s.issuer = "ELSEWHERE";
	expect(a, &s, INTAKE_QUARANTINE, "the Study Instance UID belongs to another patient");
	s = ct, s.sop = "1.2.1.1.9", s.patient_id = "";
	expect(a, &s, INTAKE_QUARANTINE, "the Study Instance UID belongs to another patient");
	s = ct, s.sop = "1.2.1.1.9", s.study = "1.2.9", s.content = 9;
	expect(a, &s, INTAKE_QUARANTINE, "the Series Instance UID belongs to another study");
	assert_int_equal(help_count(a, "SELECT count(*) FROM instance"), 1);
	assert_int_equal(help_count(a, "SELECT count(*) FROM study"), 1);
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 1);
	assert_int_equal(help_count(a, "SELECT sum(n) FROM stat_delta"), 1);
}

static void test_patients(void **state)
{
	struct archive *a = *state;
	struct sample s = ct;

	expect(a, &s, INTAKE_STORED, "");
	s.study = "1.2.2", s.series = "1.2.2.1", s.sop = "1.2.2.1.1"; /* another study of P1 */
	expect(a, &s, INTAKE_STORED, "");
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 1);
	s.study = "1.2.3", s.series = "1.2.3.1", s.sop = "1.2.3.1.1", s.site = 2; /* the same ID at another site */
	expect(a, &s, INTAKE_STORED, "");
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 2);
	s.study = "1.2.4", s.series = "1.2.4.1", s.sop = "1.2.4.1.1", s.patient_id = ""; /* nobody's ID */
	expect(a, &s, INTAKE_STORED, "");
	s.study = "1.2.5", s.series = "1.2.5.1", s.sop = "1.2.5.1.1";
	expect(a, &s, INTAKE_STORED, "");
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 4);
	s.sop = "1.2.5.1.2"; /* more of the same study without an ID */
	expect(a, &s, INTAKE_STORED, "");
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 4);
	s.patient_id = "  P1 ", s.study = "1.2.6", s.series = "1.2.6.1", s.sop = "1.2.6.1.1"; /* blanks do not count */
	expect(a, &s, INTAKE_STORED, "");
	assert_int_equal(help_count(a, "SELECT count(*) FROM patient"), 4);
}

static void test_head(void **state)
{
	struct archive *a = *state;
	struct db_conn *c = help_writer(a);
	char why[160] = "";
	struct sample s = ct;

	s.sop = "";
	assert_int_equal(help_put(c, &s, why), -1);
	assert_string_equal(why, "SOP Instance UID is missing");
	s = ct, s.study = "";
	assert_int_equal(help_put(c, &s, why), -1);
	assert_string_equal(why, "Study Instance UID is missing");
	s = ct, s.series = "1.2/../3";
	assert_int_equal(help_put(c, &s, why), -1);
	assert_string_equal(why, "Series Instance UID is not a UID");
	s = ct, s.sop = "1.2\\3.4";
	assert_int_equal(help_put(c, &s, why), -1);
	assert_string_equal(why, "SOP Instance UID is not a UID");
	help_commit(c);
	assert_int_equal(help_count(a, "SELECT count(*) FROM study"), 0);
}

static int feed(const char *syntax, const void *data, size_t n, char remark[160], struct err *e)
{
	struct index_head *h;
	int rc;

	assert_int_equal(index_head_new(syntax, NULL, &h, e), 0);
	if ((rc = index_head_feed(h, data, n, e)) == 0)
		rc = index_head_end(h, remark, e);
	index_head_free(h);
	return rc;
}

/* Pixel data that ends early is kept with a remark; a head that ends early is not. */
static void test_truncated(void **state)
{
	AUTO(dset) d = help_dset(&ct);
	AUTO(buf) bytes = BUF(1 << 20);
	static const uint8_t pixels[100];
	struct err e = {0};
	char remark[160];

	(void)state;
	assert_int_equal(dset_put(d, TAG(0x7FE0, 0x0010), "OW", pixels, sizeof(pixels), &e), 0);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &bytes, &e), 0);
	assert_int_equal(feed(UID_EXPLICIT_LE, bytes.data, bytes.len, remark, &e), 0);
	assert_string_equal(remark, "");
	assert_int_equal(feed(UID_EXPLICIT_LE, bytes.data, bytes.len - 10, remark, &e), 0);
	assert_non_null(strstr(remark, "ends"));
	assert_int_equal(feed(UID_EXPLICIT_LE, bytes.data, 100, remark, &e), -E_INVAL);
	assert_true(e.msg[0]);
}

static void test_syntaxes(void **state)
{
	struct archive *a = *state;
	struct db_conn *c = help_writer(a);
	struct sample s = ct;
	static const char *const syntaxes[] = {UID_EXPLICIT_LE, UID_IMPLICIT_LE, UID_EXPLICIT_BE};
	static const char *const sops[] = {"1.2.1.1.1", "1.2.1.1.2", "1.2.1.1.3"};

	for (int i = 0; i < 3; i++) {
		s.sop = sops[i];
		s.rows = 513;
		AUTO(dset) d = help_dset(&s);
		assert_int_equal(help_put_dset(c, d, syntaxes[i], 1, i, NULL), INTAKE_STORED);
	}
	help_commit(c);
	assert_int_equal(help_count(a, "SELECT count(*) FROM series"), 1);
	assert_int_equal(help_count(a, "SELECT count(DISTINCT attrs) FROM instance"), 1); /* one meaning in each */
	assert_int_equal(help_count(a, "SELECT count(*) FROM instance WHERE instr(attrs, '513') > 0"), 3);
	assert_int_equal(help_count(a, "SELECT count(*) FROM uid"), 4);
}

static void test_fold(void **state)
{
	struct archive *a = *state;
	struct db_conn *c = help_writer(a);
	struct sample s = ct;
	struct err e = {0};
	char sop[20];

	for (int i = 0; i < 25; i++) {
		snprintf(sop, sizeof(sop), "1.2.1.1.%d", i);
		s.sop = sop;
		s.series = i % 5 ? "1.2.1.1" : "1.2.1.2";
		assert_int_equal(help_put(c, &s, NULL), INTAKE_STORED);
	}
	help_commit(c);
	assert_int_equal(index_fold(archive_db(a), 10, &e), 10);
	assert_int_equal(help_count(a, "SELECT n_instances FROM study"), 10);
	assert_int_equal(help_count(a, "SELECT count(*) FROM stat_delta"), 15);
	assert_int_equal(index_fold(archive_db(a), 10, &e), 10);
	assert_int_equal(index_fold(archive_db(a), 10, &e), 5);
	assert_int_equal(index_fold(archive_db(a), 10, &e), 0);
	assert_int_equal(help_count(a, "SELECT n_instances FROM study"), 25);
	assert_int_equal(help_count(a, "SELECT bytes FROM study"), 25 * 1300);
	assert_int_equal(help_count(a, "SELECT n_instances FROM series WHERE series_uid = '1.2.1.2'"), 5);
	assert_int_equal(help_count(a, "SELECT n_instances FROM series WHERE series_uid = '1.2.1.1'"), 20);
}

static void test_through_and_clear(void **state)
{
	struct archive *a = *state;
	struct db_conn *c = help_writer(a);
	uint64_t seq = 9, pack = 9, form = 0;
	struct err e = {0};

	assert_int_equal(index_through(c, &seq, &pack, &e), 0);
	assert_true(seq == 0 && pack == 0);
	assert_int_equal(index_set_through(c, 18446744073709551615u, 7, &e), 0);
	assert_int_equal(index_through(c, &seq, &pack, &e), 0);
	assert_true(seq == UINT64_MAX && pack == 7);
	assert_int_equal(help_put(c, &ct, NULL), INTAKE_STORED);
	assert_int_equal(index_clear(c, &e), 0);
	assert_int_equal(index_through(c, &seq, &pack, &e), 0);
	assert_true(seq == 0 && pack == 0);
	assert_int_equal(index_form(c, &form, &e), 0);
	assert_int_equal(form, TEXT_FORM);
	help_commit(c);
	assert_int_equal(help_count(a, "SELECT (SELECT count(*) FROM instance) + (SELECT count(*) FROM name) + "
				       "(SELECT count(*) FROM name_gram) + (SELECT count(*) FROM stat_delta) + "
				       "(SELECT count(*) FROM uid) + (SELECT count(*) FROM study_class)"),
			 0);
	assert_int_equal(help_count(a, "SELECT count(*) FROM site"), 4);
	c = help_writer(a);
	assert_int_equal(help_put(c, &ct, NULL), INTAKE_STORED);
	help_commit(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_stored_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_label, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_quarantine, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_patients, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_head, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_syntaxes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fold, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_through_and_clear, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
