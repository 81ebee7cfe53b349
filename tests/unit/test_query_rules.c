/* tests/unit/test_query_rules.c - rules of matching that need more than one key or value: items, moments, zones, attributes
 * of the configuration. */
#include "query_help.h"

#include "archive/attr.h"
#include "archive/attr_extra.h"
#include "archive/when.h"

#include <stdlib.h>

#define CODE TAG(0x0008, 0x0100)
#define SCHEME TAG(0x0008, 0x0102)
#define MEANING TAG(0x0008, 0x0104)
#define PROCEDURE TAG(0x0008, 0x1032)
#define REQUEST TAG(0x0040, 0x0275)
#define PROTOCOL TAG(0x0040, 0x0008)
#define VALUE_DT TAG(0x0008, 0x002A)

static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void put(struct dset *d, uint32_t tag, const char *text)
{
	assert_int_equal(dset_put_text(d, tag, text, NULL), 0);
}

static void put_code(struct dset *d, uint32_t sequence, const char *value, const char *scheme, const char *meaning)
{
	struct dset *item;

	assert_int_equal(dset_put_item(d, sequence, &item, NULL), 0);
	put(item, CODE, value);
	put(item, SCHEME, scheme);
	put(item, MEANING, meaning);
}

static void store(struct archive *a, const struct dset *d, const char *syntax)
{
	struct db_conn *c = help_writer(a);

	assert_int_equal(help_put_dset(c, d, syntax, 1, 0, NULL), INTAKE_STORED);
	help_commit(c);
}

/* A study with procedure codes and a request; its number is in every UID. */
static struct dset *study(int n, const char *charset)
{
	static char uids[3][32];
	static const char *const form[] = {"1.2.%d", "1.2.%d.1", "1.2.%d.1.1"};

	for (int i = 0; i < 3; i++)
		snprintf(uids[i], sizeof uids[i], form[i], n);
	return help_dset(&(struct sample){.charset = charset,
					  .patient_id = "P",
					  .issuer = "",
					  .name = "Demo^One",
					  .study = uids[0],
					  .series = uids[1],
					  .sop = uids[2],
					  .date = "20260102",
					  .time = "013000",
					  .accession = "",
					  .modality = "CT",
					  .series_number = "1",
					  .number = "1",
					  .site = 1});
}

static const char *found(struct archive *a, enum query_level level, const struct dset *keys)
{
	struct query q = {.level = level, .relational = true, .keys = keys, .scope = &everything};

	return help_find(a, &q, "StudyInstanceUID");
}

static struct dset *item_key(uint32_t sequence, uint32_t tag, const char *value, uint32_t tag2, const char *value2)
{
	struct dset *d, *item;

	assert_int_equal(dset_new(&d, NULL), 0);
	assert_int_equal(dset_put_item(d, sequence, &item, NULL), 0);
	put(item, tag, value);
	if (tag2)
		put(item, tag2, value2);
	return d;
}

static const char *by_item(struct archive *a, uint32_t tag, const char *value, uint32_t tag2, const char *value2)
{
	AUTO(dset) keys = item_key(PROCEDURE, tag, value, tag2, value2);

	return found(a, LEVEL_STUDY, keys);
}

static void test_items(void **state)
{
	static const char *const syntaxes[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};
	struct archive *a = *state;

	/* trap 9: all keys of the item match one and the same item */
	for (int n = 0; n < 3; n++) {
		AUTO(dset) d = study(n + 1, "ISO_IR 192");

		put_code(d, PROCEDURE, "A", n == 1 ? "LN" : "99X", "头部");
		put_code(d, PROCEDURE, "B", "LN", "Chest");
		assert_int_equal(dset_put_int(dset_get(d, PROCEDURE)->items[1], TAG(0x0028, 0x0010), 513 + n, NULL), 0);
		store(a, d, syntaxes[n]);
	}
	for (int n = 0; n < 3; n++) {
		AUTO(dset) keys = item_key(PROCEDURE, CODE, "B", 0, NULL);
		char want[8];

		assert_int_equal(dset_put_int(dset_get(keys, PROCEDURE)->items[0], TAG(0x0028, 0x0010), 513 + n, NULL),
				 0);
		snprintf(want, sizeof want, "1.2.%d", n + 1);
		assert_string_equal(found(a, LEVEL_STUDY, keys), want);
	}
	assert_string_equal(by_item(a, CODE, "A", 0, NULL), "1.2.1|1.2.2|1.2.3");
	assert_string_equal(by_item(a, CODE, "A", SCHEME, "LN"), "1.2.2");
	assert_string_equal(by_item(a, CODE, "a", 0, NULL), "");
	assert_string_equal(by_item(a, MEANING, "头*", SCHEME, "99?"), "1.2.1|1.2.3");
	assert_string_equal(by_item(a, CODE, "", SCHEME, "*"), "1.2.1|1.2.2|1.2.3");
	assert_string_equal(by_item(a, TAG(0x0008, 0x010F), "x", 0, NULL), "");
}

static void test_charsets_of_items(void **state)
{
	static const char gbk[] = "\xCD\xB7\xB2\xBF",
			  latin[] = "T\xEAte"; /* 头部; of an item with a label of its own */
	struct archive *a = *state;
	AUTO(dset) d = study(1, "GBK");
	struct dset *item;

	put_code(d, PROCEDURE, "A", "LN", gbk);
	put_code(d, PROCEDURE, "B", "LN", latin);
	item = dset_get(d, PROCEDURE)->items[1];
	put(item, TAG(0x0008, 0x0005), "ISO_IR 100");
	store(a, d, UID_EXPLICIT_LE);
	assert_string_equal(by_item(a, MEANING, "头部", 0, NULL), "1.2.1");
	assert_string_equal(by_item(a, MEANING, "Tête", 0, NULL), "1.2.1");
}

/* The one answer of a query for series, which has it. */
static void check_answer(struct archive *a, const struct dset *keys, void (*check)(const struct elem *el))
{
	struct query q = {.level = LEVEL_SERIES, .relational = true, .keys = keys, .scope = &everything};
	struct cursor *c = NULL;
	const struct dset *row;
	struct err e = {0};

	assert_int_equal(query_open(a, &q, &c, &e), 0);
	assert_int_equal(cursor_next(c, &row, &e), 1);
	assert_non_null(dset_get(row, REQUEST));
	check(dset_get(row, REQUEST));
	assert_int_equal(cursor_next(c, &row, &e), 0);
	cursor_close(c);
}

static void is_narrow(const struct elem *el)
{
	const struct elem *inner = dset_get(el->items[0], PROTOCOL);

	assert_int_equal(el->n_items, 1);
	assert_int_equal(dset_count(el->items[0]), 2);
	assert_string_equal(dset_text(el->items[0], TAG(0x0040, 0x1001)), "R2");
	assert_int_equal(inner->n_items, 1);
	assert_int_equal(dset_count(inner->items[0]), 1);
	assert_string_equal(dset_text(inner->items[0], CODE), "P2");
}

static void is_whole(const struct elem *el)
{
	assert_int_equal(el->n_items, 2);
	assert_int_equal(dset_count(el->items[1]), 3);
	assert_int_equal(dset_get(el->items[1], PROTOCOL)->n_items, 2);
}

static void test_answered_items(void **state)
{
	struct archive *a = *state;
	AUTO(dset) d = study(1, "ISO_IR 192");
	AUTO(dset) keys = NULL;
	AUTO(dset) all = NULL;
	struct dset *item, *inner;

	/* trap 9: what is answered are the items that match, nested ones, too, with what was asked for */
	for (int i = 1; i < 3; i++) {
		char text[8];

		assert_int_equal(dset_put_item(d, REQUEST, &item, NULL), 0);
		snprintf(text, sizeof text, "R%d", i);
		put(item, TAG(0x0040, 0x1001), text);
		put(item, TAG(0x0040, 0x0009), "S");
		put_code(item, PROTOCOL, "P1", "L", "one");
		if (i == 2)
			put_code(item, PROTOCOL, "P2", "L", "two");
	}
	store(a, d, UID_IMPLICIT_LE);
	keys = item_key(REQUEST, TAG(0x0040, 0x1001), "", 0, NULL);
	item = dset_get(keys, REQUEST)->items[0];
	assert_int_equal(dset_put_item(item, PROTOCOL, &inner, NULL), 0);
	put(inner, CODE, "P2");
	check_answer(a, keys, is_narrow);
	assert_int_equal(dset_new(&all, NULL), 0);
	assert_int_equal(dset_put(all, REQUEST, "SQ", "", 0, NULL), 0);
	check_answer(a, all, is_whole);
}

/* A sequence over the limits is not kept at all, and the object is stored all the same. */
static void test_limits(void **state)
{
	struct archive *a = *state;
	AUTO(dset) many = study(1, "ISO_IR 192");
	AUTO(dset) deep = study(2, "ISO_IR 192");
	struct dset *item = deep;
	char code[8];

	for (int i = 0; i < 100; i++) {
		snprintf(code, sizeof code, "C%d", i);
		put_code(many, PROCEDURE, code, "L", "one of many");
	}
	store(a, many, UID_EXPLICIT_LE);
	put_code(deep, PROCEDURE, "C1", "L", "");
	item = dset_get(deep, PROCEDURE)->items[0];
	for (int i = 0; i < 20; i++) {
		assert_int_equal(dset_put_item(item, PROTOCOL, &item, NULL), 0);
		put(item, CODE, "deep");
	}
	store(a, deep, UID_EXPLICIT_LE);
	assert_string_equal(by_item(a, CODE, "C1", 0, NULL), "1.2.2"); /* of the deep one the upper items */
	assert_string_equal(by_item(a, CODE, "C99", 0, NULL), "");
}

static void test_two_items_are_refused(void **state)
{
	AUTO(dset) keys = item_key(PROCEDURE, CODE, "A", 0, NULL);
	uint32_t offending = 0;
	struct query q = {
	    .level = LEVEL_STUDY, .keys = keys, .scope = &everything, .offending = &offending, .relational = true};

	put_code(keys, PROCEDURE, "B", "", "");
	assert_string_equal(help_find(*state, &q, "StudyInstanceUID"), "!INVAL");
	assert_int_equal(offending, PROCEDURE);
}

static void test_when(void **state)
{
	static const struct {
		const char *date;
		int days;
		const char *want;
	} days[] = {{"20240228", 1, "20240229"},   {"20230228", 1, "20230301"},  {"19000228", 1, "19000301"},
		    {"20000229", 366, "20010301"}, {"20260101", -1, "20251231"}, {"00010101", -1, "00010101"},
		    {"99991231", 1, "99991231"}};
	static const struct {
		const char *date, *tod;
		int minutes;
		const char *want;
	} shifts[] = {{"20260102", "013000", -480, "20260101 173000"},
		      {"20260102", "2359", 60, "20260103 0059"},
		      {"20260102", "10", 60, "20260102 11"},
		      {"20260102", "10", 345, "20260102 1545"},
		      {"20260102", "101500.25", 0, "20260102 101500.25"},
		      {"20260301", "0000", -840, "20260228 1000"}};
	char date[9], tod[17], got[32];

	(void)state;
	/* trap 8: across midnight, months and leap days */
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		memcpy(date, days[i].date, 9);
		when_add_days(date, days[i].days);
		assert_string_equal(date, days[i].want);
	}
	for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
		memcpy(date, shifts[i].date, 9);
		assert_true(when_shift(date, shifts[i].tod, strlen(shifts[i].tod), shifts[i].minutes, tod));
		snprintf(got, sizeof got, "%s %s", date, tod);
		assert_string_equal(got, shifts[i].want);
	}
	assert_false(when_shift(date, "1:30", 4, 60, tod));
	assert_false(when_shift(date, "", 0, 60, tod));
	assert_int_equal(when_zone("+0800", 5), 480);
	assert_int_equal(when_zone(" -0330 ", 7), -210);
	for (const char *const *bad = (const char *const[]){"", "0800", "+8", "+1500", "-1230x", "+0860", NULL}; *bad;
	     bad++)
		assert_int_equal(when_zone(*bad, strlen(*bad)), WHEN_NO_ZONE);
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	assert_int_equal(when_here("20260102"), -300);
	assert_int_equal(when_here("20260702"), -240);
	unsetenv("TZ");
	assert_int_equal(when_moment("20260101000000000000", 480), when_moment("20251231160000000000", 0));
}

static void test_attributes_of_the_configuration(void **state)
{
	struct archive *a = *state;
	struct attr_set *first = NULL, *again = NULL, *reader = NULL;
	const struct attr *x;
	struct err e = {0};

	assert_int_equal(
	    attr_set_open(archive_db(a), "0029,1010 \"ACME 1.1\" LO study; 0018,9345 FD image", true, &first, &e), 0);
	assert_non_null(x = attr_set_private(first, TAG(0x0029, 0x3010), "ACME 1.1 ", 9));
	assert_null(attr_set_private(first, TAG(0x0029, 0x3010), "ACME", 4));
	assert_null(attr_set_private(first, TAG(0x0029, 0x3011), "ACME 1.1", 8));
	assert_true(attr_set_creator(first, TAG(0x0029, 0x0010), "ACME 1.1", 8));
	assert_false(attr_set_creator(first, TAG(0x0031, 0x0010), "ACME 1.1", 8));
	assert_non_null(attr_set_find(first, TAG(0x0018, 0x9345)));
	assert_non_null(attr_set_find(first, TAG(0x0010, 0x0010)));
	assert_null(attr_set_find(NULL, TAG(0x0018, 0x9345)));
	/* codes stay, in another order and beside others; another VR is another attribute */
	assert_int_equal(attr_set_open(archive_db(a),
				       "DistanceSourceToDetector series; 0018,9345 LO image;"
				       "0029,1010 \"ACME 1.1\" LO study",
				       true, &again, &e),
			 0);
	assert_int_equal(attr_set_private(again, TAG(0x0029, 0x1010), "ACME 1.1", 8)->code, x->code);
	assert_int_not_equal(attr_set_find(again, TAG(0x0018, 0x9345))->code,
			     attr_set_find(first, TAG(0x0018, 0x9345))->code);
	/* who only reads takes what has a code */
	assert_int_equal(attr_set_open(archive_db(a), "0018,9345 FD image; WindowCenter image", false, &reader, &e), 0);
	assert_non_null(attr_set_find(reader, TAG(0x0018, 0x9345)));
	assert_null(attr_set_find(reader, TAG(0x0028, 0x1050)));
	attr_set_free(first);
	attr_set_free(again);
	attr_set_free(reader);
}

static void test_lists_of_attributes(void **state)
{
	static const char *const bad[] = {"PatientName study",
					  "StudyDate",
					  "0029,1010 LO study",
					  "0029,1010 \"A LO study",
					  "0029,1010 \"\" LO study",
					  "0018,9345 \"A\" FD image",
					  "0018,9345 OB image",
					  "0018,9345 F image",
					  "0018,9345 FD frame",
					  "PixelData image",
					  "0008,0005 CS image",
					  "0018,0000 UL image",
					  "WindowCenter image; 0028,1050 DS image",
					  "a b c d e"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		e = (struct err){0};
		if (attr_set_check(bad[i], &e) != -E_CONFIG)
			fail_msg("%s is taken", bad[i]);
		assert_non_null(strstr(e.msg, "entry "));
	}
	assert_int_equal(attr_set_check("", &e), 0);
	assert_int_equal(attr_set_check(" ; WindowCenter image ;", &e), 0);
}

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

int main(void)
{
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    WITH_INDEX(test_items),
	    WITH_INDEX(test_charsets_of_items),
	    WITH_INDEX(test_answered_items),
	    WITH_INDEX(test_limits),
	    WITH_INDEX(test_two_items_are_refused),
	    WITH_INDEX(test_attributes_of_the_configuration),
	    cmocka_unit_test(test_when),
	    cmocka_unit_test(test_lists_of_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
