#include "dimse/identifier.h"
#include "shim/shim.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NAME TAG(0x0010, 0x0010)
#define CHARSET TAG(0x0008, 0x0005)
#define STUDY_UID TAG(0x0020, 0x000D)

static struct dset *row_with(const char *name)
{
	struct dset *d, *item;
	struct err e = {0};

	assert_int_equal(dset_new(&d, &e), 0);
	assert_int_equal(dset_put_text(d, NAME, name, &e), 0);
	assert_int_equal(dset_put_text(d, STUDY_UID, "1.2.3", &e), 0);
	assert_int_equal(dset_put_item(d, TAG(0x0008, 0x1032), &item, &e), 0);
	assert_int_equal(dset_put_text(item, TAG(0x0008, 0x0104), "plain", &e), 0);
	return d;
}

/* The answer to a request in `charset` for a row with this name, read back. */
static struct dset *answer(const char *charset, const char *name)
{
	struct identifier id = {.level = LEVEL_STUDY, .availability = true};
	AUTO(dset) row = row_with(name);
	AUTO(buf) bytes = BUF(1 << 20);
	struct dset *out = NULL;
	struct err e = {0};

	strcpy(id.charset, charset);
	if (identifier_answer(&id, row, "NODE", UID_EXPLICIT_LE, &bytes, &e) < 0 ||
	    dset_parse(bytes.data, bytes.len, UID_EXPLICIT_LE, &out, &e) < 0)
		fail_msg("%s", e.msg);
	return out;
}

static void check(const char *charset, const char *name, const char *charset_out, const char *bytes_out)
{
	AUTO(dset) d = answer(charset, name);

	assert_string_equal(dset_text(d, CHARSET), charset_out);
	assert_string_equal(dset_text(d, NAME), bytes_out);
	assert_string_equal(dset_text(d, STUDY_UID), "1.2.3");
	assert_string_equal(dset_text(d, TAG(0x0008, 0x0052)), "STUDY");
	assert_string_equal(dset_text(d, TAG(0x0008, 0x0054)), "NODE");
	assert_string_equal(dset_text(d, TAG(0x0008, 0x0056)), "ONLINE");
	assert_int_equal(dset_get(d, TAG(0x0008, 0x1032))->n_items, 1);
	assert_int_equal(dset_get(d, CHARSET) != NULL, charset_out[0] != 0);
}

static void test_charset_of_answers(void **state)
{
	/* trap 6: the character set of the request, else UTF-8 */
	(void)state;
	/* ASCII needs no character set, whatever was asked */
	check("", "Doe^Jane", "", "Doe^Jane");
	check("GB18030", "Doe^Jane", "", "Doe^Jane");
	/* the request's own, where it holds the value */
	check("ISO_IR 192", "王^小东", "ISO_IR 192", "王^小东");
	check("GB18030", "王^小东", "GB18030", "\xcd\xf5^\xd0\xa1\xb6\xab");
	check("ISO_IR 100", "M\xc3\xbcller", "ISO_IR 100", "M\xfcller");
	/* trap 6: ISO 2022, back in its first state before each delimiter */
	check("ISO 2022 IR 6\\ISO 2022 IR 58", "王^小东", "ISO 2022 IR 6\\ISO 2022 IR 58",
	      "\033$)A\xcd\xf5^\033$)A\xd0\xa1\xb6\xab");
	check("ISO 2022 IR 13\\ISO 2022 IR 87", "山田", "ISO 2022 IR 13\\ISO 2022 IR 87", "\033$B;3ED\033(J");
	check("\\ISO 2022 IR 149", "홍^길동", "\\ISO 2022 IR 149", "\033$)C\xc8\xab^\033$)C\xb1\xe6\xb5\xbf");
	check("\\ISO 2022 IR 149", "M\xc3\xbcller", "ISO_IR 192", "M\xc3\xbcller");
	check("GBK", "\xe6\x98\x9e^\xe4\xbf\x95", "GBK", "\x95\x5c^\x82\x5e");
	check("GBK", "\xe4\xb6\xae", "ISO_IR 192", "\xe4\xb6\xae");
	/* else UTF-8 */
	check("", "王^小东", "ISO_IR 192", "王^小东");
	check("ISO_IR 100", "王^小东", "ISO_IR 192", "王^小东");
	check("ISO_IR 999", "王^小东", "ISO_IR 192", "王^小东");
}

static void test_ignored_keys(void **state)
{
	AUTO(dset) keys = NULL;
	AUTO(dset) row = row_with("A^B");
	struct identifier id = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(dset_new(&keys, &e), 0);
	id.keys = keys;
	assert_int_equal(dset_put_text(keys, NAME, "*", &e), 0);
	assert_false(identifier_ignored(&id, row));
	assert_int_equal(dset_put_text(keys, TAG(0x0032, 0x4000), "", &e), 0);
	assert_true(identifier_ignored(&id, row));
}

static int setup(void **state)
{
	struct err e = {0};

	(void)state;
	return shim_setup() == 0 && dict_setup(&e) == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_charset_of_answers),
	    cmocka_unit_test(test_ignored_keys),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
