/* Rules of coercion over every syntax that they reach into: what they change, what they note, what they leave alone. */
#include "dicom/charset.h"
#include "dicom/coerce.h"
#include "dicom/dset.h"
#include "dicom_bytes.h"
#include "shim/shim.h"

#define ROOM (8u << 20)
#define NOW 1795305600123456LL /* 2026-11-22 00:00:00.123456 */
#define ORIGINAL TAG(0x0400, 0x0561)
#define PATIENT_ID TAG(0x0010, 0x0020)
#define ISSUER TAG(0x0010, 0x0021)
#define ADDRESS TAG(0x0010, 0x1040)
#define INSTITUTION TAG(0x0008, 0x0080)

static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};

struct rules {
	struct config_rules list;
	struct coerce *coerce;
	const struct coerce_peer *peer;
};

static void rules_cleanup(struct rules *r)
{
	coerce_free(r->coerce);
	config_rules_cleanup(&r->list);
}
AUTO_TYPE(rules, struct rules);

/* Pairs of key and value. */
static void rules_of(struct rules *r, const char *const *pairs)
{
	struct err e = {0};

	for (; *pairs; pairs += 2)
		assert_int_equal(config_rules_add(&r->list, "CT1", pairs[0], pairs[1], 0, &e), 0);
	if (coerce_compile(&r->list, NULL, &r->coerce, &e) < 0)
		fail_msg("%s", e.msg);
	r->peer = coerce_of(r->coerce, "CT1");
	assert_non_null(r->peer);
}
#define RULES(r, ...)                                                                                                  \
	AUTO(rules) r = {0};                                                                                           \
	rules_of(&r, (const char *const[]){__VA_ARGS__, NULL})

/* The whole way of a data set in pieces; the number of attributes changed, or negative. */
static int coerce_bytes(const struct rules *r, const char *syntax, const struct buf *in, size_t piece, struct buf *out,
			struct err *e)
{
	AUTO(coercion) c = NULL;
	const uint32_t *tags;
	int rc = coercion_new(r->peer, syntax, "TELEREAD", NOW, &c, e);

	for (size_t at = 0; at < in->len && rc >= 0; at += piece) {
		size_t n = in->len - at < piece ? in->len - at : piece;
		bool passing = coercion_passing(c);

		rc = coercion_feed(c, in->data + at, n, e);
		if (rc >= 0 && passing)
			assert_int_equal(buf_put(out, in->data + at, n, e), 0);
		else if (rc > 0)
			assert_int_equal(buf_put(out, coercion_out(c)->data, coercion_out(c)->len, e), 0);
	}
	if (rc >= 0 && (rc = coercion_end(c, e)) > 0)
		assert_int_equal(buf_put(out, coercion_out(c)->data, coercion_out(c)->len, e), 0);
	return rc < 0 ? rc : (int)coercion_changed(c, &tags);
}

static struct dset *parse(const struct buf *b, const char *syntax)
{
	struct dset *d = NULL;
	struct err e = {0};

	if (dset_parse(b->data, b->len, syntax, &d, &e) < 0)
		fail_msg("%s", e.msg);
	return d;
}

static void put(struct dset *d, uint32_t tag, const char *text)
{
	assert_int_equal(dset_put_text(d, tag, text, NULL), 0);
}

/* A CT with a Chinese name in GB18030, a sequence, private elements and what stands for pixels. */
static struct dset *sample(void)
{
	struct dset *d = NULL, *item;
	uint8_t pixels[4096];
	struct err e = {0};

	assert_int_equal(dset_new(&d, &e), 0);
	put(d, TAG(0x0008, 0x0005), "GB18030");
	put(d, TAG(0x0008, 0x0016), "1.2.840.10008.5.1.4.1.1.2");
	put(d, TAG(0x0008, 0x0018), "2.25.1");
	put(d, INSTITUTION, "Demo");
	assert_int_equal(dset_put_item(d, TAG(0x0008, 0x1032), &item, &e), 0);
	put(item, TAG(0x0008, 0x0100), "CT");
	put(item, PATIENT_ID, "not at the top");
	put(d, TAG(0x0010, 0x0010), "\xCD\xF5\\\xD0\xA1"); /* with a backslash that is no part of a character */
	put(d, PATIENT_ID, "123");
	put(d, ADDRESS, "1 Demo Street");
	put(d, TAG(0x0028, 0x0004), "MONOCHROME2");
	memset(pixels, 0x5A, sizeof pixels);
	assert_int_equal(dset_put(d, TAG(0x7FE0, 0x0010), "OW", pixels, sizeof pixels, &e), 0);
	return d;
}

static void write_set(const struct dset *d, const char *syntax, struct buf *out)
{
	struct err e = {0};

	if (dset_write(d, syntax, out, &e) < 0)
		fail_msg("%s", e.msg);
}

static void expect_text(const struct dset *d, uint32_t tag, const char *text)
{
	assert_non_null(dset_get(d, tag));
	assert_string_equal(dset_text(d, tag), text);
}

/* What DCMTK reads there. */
static void expect_toolkit(const struct buf *b, const char *syntax, uint32_t tag, const char *text)
{
	shim_dataset *ds = NULL;
	char got[200] = "";

	assert_int_equal(shim_dataset_parse(b->data, b->len, syntax, &ds), 0);
	assert_true(shim_dataset_get_string(ds, tag, got, sizeof got) >= 0);
	assert_string_equal(got, text);
	shim_dataset_free(ds);
}

/* Without what rules changed and noted, the two are the same bytes. */
static void expect_rest(const struct buf *before, const struct buf *after, const char *syntax, const uint32_t *tags)
{
	AUTO(dset) a = parse(before, syntax);
	AUTO(dset) b = parse(after, syntax);
	AUTO(buf) x = BUF(ROOM);
	AUTO(buf) y = BUF(ROOM);

	for (; *tags; tags++) {
		dset_remove(a, *tags);
		dset_remove(b, *tags);
	}
	dset_remove(a, ORIGINAL);
	dset_remove(b, ORIGINAL);
	write_set(a, syntax, &x);
	write_set(b, syntax, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
}

static const struct dset *last_note(const struct dset *d, unsigned notes)
{
	const struct elem *el = dset_get(d, ORIGINAL), *inner;
	const struct dset *item;

	assert_non_null(el);
	assert_int_equal(el->n_items, notes);
	item = el->items[notes - 1];
	expect_text(item, TAG(0x0400, 0x0562), "20261122000000.123456+0000");
	expect_text(item, TAG(0x0400, 0x0563), "TELEREAD");
	expect_text(item, TAG(0x0400, 0x0564), "CT1");
	expect_text(item, TAG(0x0400, 0x0565), "COERCE");
	assert_non_null(inner = dset_get(item, TAG(0x0400, 0x0550)));
	assert_int_equal(inner->n_items, 1);
	return inner->items[0];
}

static void all_verbs_in_all_syntaxes(void **state)
{
	/* trap 21: what is changed is noted in Original Attributes Sequence, in every syntax */
	static const uint32_t touched[] = {PATIENT_ID, ISSUER, ADDRESS, INSTITUTION, 0};
	RULES(r, "set InstitutionName", "北县医院", "default IssuerOfPatientID", "C1", "prefix PatientID", "C1-",
	      "remove", "PatientAddress OtherPatientIDs", "default PatientName", "Nobody");
	AUTO(buf) gb = BUF(ROOM);
	AUTO(dset) d = sample();

	(void)state;
	assert_int_equal(charset_encode("GB18030", "北县医院", 12, &gb, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		for (size_t piece = 1; piece <= COERCE_STEP; piece = piece * 37 + 1) {
			AUTO(buf) before = BUF(ROOM);
			AUTO(buf) after = BUF(ROOM);
			struct err e = {0};
			const struct dset *old;

			write_set(d, syntaxes[i], &before);
			assert_int_equal(coerce_bytes(&r, syntaxes[i], &before, piece, &after, &e), 4);
			AUTO(dset) got = parse(&after, syntaxes[i]);
			expect_text(got, PATIENT_ID, "C1-123");
			expect_text(got, ISSUER, "C1");
			expect_text(got, INSTITUTION, buf_text(&gb));
			assert_null(dset_get(got, ADDRESS));
			expect_toolkit(&after, syntaxes[i], PATIENT_ID, "C1-123");
			expect_toolkit(&after, syntaxes[i], INSTITUTION, buf_text(&gb));
			old = last_note(got, 1);
			assert_int_equal(dset_count(old), 4);
			expect_text(old, PATIENT_ID, "123");
			expect_text(old, ISSUER, "");
			expect_text(old, ADDRESS, "1 Demo Street");
			expect_text(old, INSTITUTION, "Demo");
			expect_rest(&before, &after, syntaxes[i], touched);
		}
}

static void what_is_so_already_stays(void **state)
{
	RULES(r, "set InstitutionName", "Demo", "prefix PatientID", "12", "default PatientAddress", "x",
	      "prefix EthnicGroup", "x", "remove", "OtherPatientIDs");
	AUTO(dset) d = sample();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		AUTO(buf) before = BUF(ROOM);
		AUTO(buf) after = BUF(ROOM);

		write_set(d, syntaxes[i], &before);
		assert_int_equal(coerce_bytes(&r, syntaxes[i], &before, 100, &after, NULL), 0);
		assert_int_equal(before.len, after.len);
		assert_memory_equal(before.data, after.data, before.len);
	}
}

static void a_charset_that_cannot_hold_the_value(void **state)
{
	static const struct {
		const char *label;
		bool holds;
	} labels[] = {{"", false},       {"ISO_IR 100", false}, {"ISO_IR 13", false}, {"ISO_IR 192", true},
		      {"GB18030", true}, {"GBK", true},         {"no such", false}};
	RULES(r, "set InstitutionName", "北县医院");

	(void)state;
	for (unsigned i = 0; i < sizeof labels / sizeof *labels; i++) {
		AUTO(dset) d = sample();
		AUTO(buf) before = BUF(ROOM);
		AUTO(buf) after = BUF(ROOM);
		AUTO(buf) text = BUF(ROOM);
		struct err e = {0};
		int rc;

		put(d, TAG(0x0008, 0x0005), labels[i].label);
		write_set(d, UID_EXPLICIT_LE, &before);
		rc = coerce_bytes(&r, UID_EXPLICIT_LE, &before, 1000, &after, &e);
		assert_int_equal(rc, labels[i].holds ? 1 : -E_INVAL);
		if (rc < 0) {
			assert_non_null(strstr(e.msg, "cannot hold"));
			continue;
		}
		AUTO(dset) got = parse(&after, UID_EXPLICIT_LE);
		assert_int_equal(charset_decode(labels[i].label, "LO", dset_get(got, INSTITUTION)->value,
						dset_get(got, INSTITUTION)->len, &text, NULL),
				 0);
		assert_string_equal(buf_text(&text), "北县医院");
	}
}

static void blanks_in_front_count_in_paragraphs_alone(void **state)
{
	RULES(r, "prefix PatientComments", "C1:", "prefix PatientID", "C1-", "set InstitutionAddress", "x");
	AUTO(dset) d = sample();
	AUTO(buf) before = BUF(ROOM);
	AUTO(buf) after = BUF(ROOM);

	(void)state;
	put(d, TAG(0x0010, 0x4000), "  two blanks");
	put(d, PATIENT_ID, "  123");
	put(d, TAG(0x0008, 0x0081), " x");
	write_set(d, UID_EXPLICIT_LE, &before);
	assert_int_equal(coerce_bytes(&r, UID_EXPLICIT_LE, &before, 1000, &after, NULL), 3);
	AUTO(dset) got = parse(&after, UID_EXPLICIT_LE);
	expect_text(got, TAG(0x0010, 0x4000), "C1:  two blanks");
	expect_text(got, PATIENT_ID, "C1-123");
}

static void a_prefix_that_makes_it_too_long(void **state)
{
	RULES(r, "prefix AccessionNumber", "COUNTY-");
	AUTO(dset) d = sample();
	AUTO(buf) before = BUF(ROOM);
	AUTO(buf) after = BUF(ROOM);
	struct err e = {0};

	(void)state;
	put(d, TAG(0x0008, 0x0050), "1234567890");
	write_set(d, UID_EXPLICIT_LE, &before);
	assert_int_equal(coerce_bytes(&r, UID_EXPLICIT_LE, &before, 1000, &after, &e), -E_INVAL);
	assert_string_equal(e.msg, "coercion: (0008,0050) is too long with its prefix");
}

/* A head with group lengths, a sequence of undefined length, and perhaps an Original Attributes Sequence by hand. */
static void by_hand(struct buf *b, bool big, bool implicit, const char *note_vr, bool undefined)
{
	const char *lo = implicit ? NULL : "LO", *sq = implicit ? NULL : "SQ", *ul = implicit ? NULL : "UL";
	bool note_big = big && strcmp(note_vr, "UN") != 0;
	size_t start;

	bytes_head(b, TAG(0x0008, 0x1140), sq, UINT32_MAX, big);
	bytes_head(b, TAG(0xFFFE, 0xE000), NULL, UINT32_MAX, big);
	bytes_element(b, TAG(0x0010, 0x0020), lo, "in", big);
	bytes_head(b, TAG(0xFFFE, 0xE00D), NULL, 0, big);
	bytes_head(b, TAG(0xFFFE, 0xE0DD), NULL, 0, big);
	bytes_head(b, TAG(0x0010, 0x0000), ul, 4, big);
	bytes_number(b, 10 + 100, 4, big); /* wrong by 100, and so it stays */
	bytes_element(b, PATIENT_ID, lo, "12", big);
	if (note_vr[0]) {
		bytes_head(b, ORIGINAL, implicit ? NULL : note_vr, undefined ? UINT32_MAX : 0, big);
		start = b->len;
		bytes_head(b, TAG(0xFFFE, 0xE000), NULL, undefined ? UINT32_MAX : 8, note_big);
		bytes_head(b, TAG(0x0400, 0x0565), implicit || !strcmp(note_vr, "UN") ? NULL : "CS", 0, note_big);
		if (undefined) {
			bytes_head(b, TAG(0xFFFE, 0xE00D), NULL, 0, note_big);
			bytes_head(b, TAG(0xFFFE, 0xE0DD), NULL, 0, note_big);
		} else {
			uint32_t n = (uint32_t)(b->len - start);

			for (unsigned i = 0; i < 4; i++)
				b->data[start - 4 + i] = (uint8_t)(n >> 8 * (big ? 3 - i : i));
		}
	}
	bytes_element(b, TAG(0x4000, 0x0010), lo, "end!", big);
}

static void notes_are_appended_and_lengths_follow(void **state)
{
	static const char *const vrs[] = {"", "SQ", "UN"};
	RULES(r, "set PatientID", "123456");

	(void)state;
	for (unsigned n = 0; n < 3 * 3 * 2; n++) {
		const char *syntax = syntaxes[n % 3], *vr = vrs[n / 3 % 3];
		bool big = n % 3 == 2, undefined = n / 9;
		AUTO(buf) before = BUF(ROOM);
		AUTO(buf) after = BUF(ROOM);
		struct err e = {0};
		size_t sequence, lengths;

		if (!strcmp(vr, "UN") && !undefined) /* opaque to the reader of this test */
			continue;
		by_hand(&before, big, n % 3 == 0, vr, undefined);
		if (coerce_bytes(&r, syntax, &before, 5, &after, &e) != 1)
			fail_msg("%u: %s", n, e.msg);
		AUTO(dset) got = parse(&after, syntax);
		expect_text(got, PATIENT_ID, "123456");
		expect_text(got, TAG(0x4000, 0x0010), "end!");
		expect_text(last_note(got, vr[0] ? 2 : 1), PATIENT_ID, "12");
		/* up to the group length, nothing has changed; the length has grown by four */
		sequence = n % 3 == 0 ? 8 + 8 + 8 + 2 + 8 + 8 : 12 + 8 + 8 + 2 + 8 + 8;
		lengths = sequence + 8;
		assert_memory_equal(before.data, after.data, lengths);
		assert_int_equal(after.data[lengths + (big ? 3 : 0)], 114);
		expect_toolkit(&after, syntax, PATIENT_ID, "123456");
	}
}

static void an_unknown_sequence_of_known_length(void **state)
{
	RULES(r, "set PatientID", "123456");
	AUTO(buf) before = BUF(ROOM);
	AUTO(buf) after = BUF(ROOM);
	uint32_t was, is;

	(void)state;
	by_hand(&before, false, false, "UN", false);
	assert_int_equal(coerce_bytes(&r, UID_EXPLICIT_LE, &before, 5, &after, NULL), 1);
	AUTO(dset) a = parse(&before, UID_EXPLICIT_LE);
	AUTO(dset) b = parse(&after, UID_EXPLICIT_LE);
	was = (uint32_t)dset_get(a, ORIGINAL)->len;
	is = (uint32_t)dset_get(b, ORIGINAL)->len;
	assert_true(is > was + 100);
	assert_memory_equal(dset_get(a, ORIGINAL)->value, dset_get(b, ORIGINAL)->value, was);
}

static void expect_refused(struct rules *r, const struct buf *b, enum err_code code, const char *why)
{
	AUTO(buf) after = BUF(ROOM);
	struct err e = {0};

	assert_int_equal(coerce_bytes(r, UID_EXPLICIT_LE, b, 4000, &after, &e), -(int)code);
	if (!strstr(e.msg, why))
		fail_msg("%s", e.msg);
}

static void what_cannot_be_changed_is_refused(void **state)
{
	RULES(r, "set PatientID", "123456");
	AUTO(buf) b = BUF(ROOM);

	(void)state;
	bytes_element(&b, PATIENT_ID, "LO", "12", false);
	bytes_element(&b, PATIENT_ID, "LO", "34", false);
	expect_refused(&r, &b, E_INVAL, "(0010,0020) stands twice");
	buf_clear(&b);
	bytes_element(&b, TAG(0x4000, 0x0010), "LO", "12", false);
	bytes_element(&b, PATIENT_ID, "LO", "34", false);
	expect_refused(&r, &b, E_INVAL, "(0010,0020) stands behind");
	buf_clear(&b);
	bytes_head(&b, PATIENT_ID, "SQ", 0, false);
	expect_refused(&r, &b, E_INVAL, "is a sequence");
	buf_clear(&b);
	bytes_head(&b, PATIENT_ID, "LO", 10, false);
	expect_refused(&r, &b, E_INVAL, "ends after 0 of 10");
	buf_clear(&b);
	bytes_head(&b, TAG(0x0009, 0x0010), "UN", COERCE_HEAD, false);
	for (unsigned i = 0; i < COERCE_HEAD / 4; i++)
		bytes_number(&b, 0, 4, false);
	expect_refused(&r, &b, E_LIMIT, "head is larger than 2097152 bytes");
}

static void zeros_behind_the_end_stay_there(void **state)
{
	RULES(r, "set PatientComments", "x");
	AUTO(buf) before = BUF(ROOM);
	AUTO(buf) after = BUF(ROOM);

	(void)state;
	bytes_element(&before, PATIENT_ID, "LO", "12", false);
	bytes_number(&before, 0, 4, false);
	assert_int_equal(coerce_bytes(&r, UID_EXPLICIT_LE, &before, 3, &after, NULL), 1);
	AUTO(dset) got = parse(&after, UID_EXPLICIT_LE);
	expect_text(got, TAG(0x0010, 0x4000), "x");
	last_note(got, 1);
	assert_memory_equal(after.data + after.len - 4, "\0\0\0", 4);
}

/* It holds all that follows, and would hold what is added, too. */
static void an_item_that_is_too_long(void **state)
{
	RULES(r, "set PatientComments", "x");
	AUTO(buf) b = BUF(ROOM);

	(void)state;
	bytes_head(&b, TAG(0x0008, 0x1140), "SQ", 18, false);
	bytes_head(&b, TAG(0xFFFE, 0xE000), NULL, 1000, false);
	bytes_element(&b, PATIENT_ID, "LO", "12", false);
	bytes_element(&b, TAG(0x0010, 0x0040), "CS", "O ", false);
	expect_refused(&r, &b, E_INVAL, "");
}

static void wrong_rules_are_named(void **state)
{
	static const struct {
		const char *key, *value, *expected;
	} wrong[] = {
	    {"set StudyInstanceUID", "1.2", "expected an attribute"},
	    {"set SpecificCharacterSet", "GBK", "the character set is not coerced"},
	    {"set PixelData", "x", "expected an attribute"},
	    {"set PhotometricInterpretation", "RGB", "expected an attribute"},
	    {"set TransferSyntaxUID", "1.2", "expected an attribute"},
	    {"set 00091010", "x", "expected an attribute"},
	    {"set Nonsense", "x", "expected an attribute"},
	    {"set Rows", "5", "expected an attribute"},
	    {"set PatientBirthDate", "1980", "a date: YYYYMMDD"},
	    {"set PatientBirthDate", "19801301", "a date: YYYYMMDD"},
	    {"set StudyTime", "2500", "a time: HHMMSS"},
	    {"set AcquisitionDateTime", "20260101120000+9", "a date and time"},
	    {"set PatientAge", "30", "an age"},
	    {"set Modality", "ct", "capitals"},
	    {"set AccessionNumber", "12345678901234567", "at most 16 characters"},
	    {"set PatientID", "a\\b", "text, at most 64"},
	    {"prefix PatientBirthDate", "19", "expected an attribute of VR AE CS LO"},
	    {"prefix PatientID", "", "expected text"},
	    {"default PatientID", "", "expected text"},
	    {"remove", " ", "names of attributes"},
	    {"remove", "PatientAddress SOPInstanceUID", "expected an attribute"},
	    {"status", "maybe", "warning or success"},
	    {"change PatientID", "x", "expected set ATTRIBUTE"},
	    {"set", "x", "expected set ATTRIBUTE"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		AUTO(config_rules) list = {0};
		AUTO(coerce) c = NULL;
		struct err e = {0};
		char where[100];

		assert_int_equal(config_rules_add(&list, "CT1", wrong[i].key, wrong[i].value, 7, NULL), 0);
		assert_int_equal(coerce_compile(&list, "node.conf", &c, &e), -E_CONFIG);
		snprintf(where, sizeof where, "node.conf:7: [coerce CT1] %s = ", wrong[i].key);
		if (strncmp(e.msg, where, strlen(where)) != 0 || !strstr(e.msg, wrong[i].expected))
			fail_msg("%s", e.msg);
	}
}

static void right_rules_are_taken(void **state)
{
	RULES(r, "set PatientBirthDate", "19800229", "set StudyTime", "2359", "set AcquisitionDateTime",
	      "20260101120000.5+0800", "set Modality", "CT", "set (0010,1010)", "030Y", "set PatientComments",
	      "a\\b: one value", "set PatientName", "Wang^Xiaodong=王^小东", "set\tPatientAddress", "", "status",
	      "success");

	(void)state;
	assert_int_equal(r.peer->n, 8);
	assert_true(r.peer->quiet);
	assert_null(coerce_of(r.coerce, "CT2"));
	assert_null(coerce_of(NULL, "CT1"));
}

static void one_rule_for_an_attribute(void **state)
{
	AUTO(config_rules) list = {0};
	AUTO(coerce) c = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(config_rules_add(&list, "CT1", "set PatientID", "1", 3, NULL), 0);
	assert_int_equal(config_rules_add(&list, "CT2", "set 00100020", "1", 5, NULL), 0);
	assert_int_equal(config_rules_add(&list, "CT1", "remove", "00100020", 6, NULL), 0);
	assert_int_equal(coerce_compile(&list, "f", &c, &e), -E_CONFIG);
	assert_string_equal(e.msg, "f:6: [coerce CT1] remove = 00100020: expected one rule for an attribute");
}

static void deflated_data_sets_are_not_reached(void **state)
{
	RULES(r, "set PatientID", "1");
	struct coercion *c = NULL;

	(void)state;
	assert_int_equal(coercion_new(r.peer, UID_DEFLATED_LE, "TELEREAD", NOW, &c, NULL), -E_UNSUP);
	assert_null(c);
}

static int setup(void **state)
{
	(void)state;
	return shim_setup() < 0 || dict_setup(NULL) < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_verbs_in_all_syntaxes),
	    cmocka_unit_test(what_is_so_already_stays),
	    cmocka_unit_test(a_charset_that_cannot_hold_the_value),
	    cmocka_unit_test(blanks_in_front_count_in_paragraphs_alone),
	    cmocka_unit_test(a_prefix_that_makes_it_too_long),
	    cmocka_unit_test(notes_are_appended_and_lengths_follow),
	    cmocka_unit_test(an_unknown_sequence_of_known_length),
	    cmocka_unit_test(what_cannot_be_changed_is_refused),
	    cmocka_unit_test(zeros_behind_the_end_stay_there),
	    cmocka_unit_test(an_item_that_is_too_long),
	    cmocka_unit_test(wrong_rules_are_named),
	    cmocka_unit_test(right_rules_are_taken),
	    cmocka_unit_test(one_rule_for_an_attribute),
	    cmocka_unit_test(deflated_data_sets_are_not_reached),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
