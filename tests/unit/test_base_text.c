/* The normal form of text, wildcards that count characters, grams, character sets. */
#include "base/text.h"
#include "tests/unit/folder.h"
#include <string.h>
#include <time.h>

static void folds_to(const char *text, const char *want)
{
	AUTO(buf) out = BUF(4096);
	AUTO(buf) twice = BUF(4096);
	struct err e = {0};

	if (text_fold(text, strlen(text), &out, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	assert_string_equal(buf_text(&out), want);
	assert_int_equal(text_fold(want, strlen(want), &twice, &e), 0);
	assert_string_equal(buf_text(&twice), want);
}

static void spellings_of_one_name_are_one(void **state)
{
	(void)state;
	folds_to("ZHANG^WEI", "zhang^wei");
	folds_to("Zhāng Wěi", "zhang wei");
	folds_to("Zha\u0304ng We\u030Ci", "zhang wei");
	folds_to("ＺＨＡＮＧ　ＷＥＩ", "zhang wei");
	folds_to("  Zhang \t\r\n Wei  ", "zhang wei");
	folds_to("\u00A0Zhang\u2003\u3000Wei\u00A0", "zhang wei");
	folds_to("Straße STRASSE", "strasse strasse");
	folds_to("İstanbul ISTANBUL", "istanbul istanbul");
	folds_to("Ærø Łódź", "ærø łodz");
	folds_to("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", "οδυσσευσ οδυσσευσ");
	folds_to("Николай Ёж", "николаи еж");
	folds_to("Nguyễn Thị Hạnh", "nguyen thi hanh");
	folds_to("ﬁﬂ№", "fiflno");
	folds_to("", "");
	folds_to(" \t ", "");
	folds_to("a \u00B4 b", "a b"); /* an accent on a blank */
	folds_to("A\x1b[", "a\x1b[");
}

static void marks_that_are_spelling_stay(void **state)
{
	(void)state;
	folds_to("王小明", "王小明");
	folds_to("ガ ｶﾞ か\u3099 か", "ガ ガ が か");
	folds_to("ﾊﾟ", "パ");
	folds_to("한글 \u1112\u1161\u11AB", "한글 한");
	folds_to("ก็", "ก็");
	folds_to("हिन्दी", "हिन्दी");
	folds_to("葛\U000E0100西", "葛西"); /* a variation selector is invisible */
	folds_to("Zhang\u200B\u00ADWei", "zhangwei");
	folds_to("𠮷野家", "𠮷野家");
}

static void what_is_no_text_is_refused(void **state)
{
	AUTO(buf) out = BUF(8);

	(void)state;
	assert_int_equal(text_fold("\xD5\xC5", 2, &out, NULL), -E_INVAL);
	assert_int_equal(text_fold("a\0b", 3, &out, NULL), -E_INVAL);
	assert_int_equal(text_fold("\xED\xA0\x80", 3, &out, NULL), -E_INVAL);
	assert_int_equal(text_fold("123456789", 9, &out, NULL), -E_LIMIT);
	assert_int_equal(text_fold("王小明", 9, &out, NULL), -E_LIMIT);
	assert_int_equal(text_fold("a", 17u << 20, &out, NULL), -E_LIMIT);
	assert_int_equal(out.len, 0);
	assert_int_equal(text_fold("王小", 6, &out, NULL), 0);
	assert_int_equal(out.len, 6);
}

static void long_text_folds_as_short(void **state)
{
	AUTO(buf) in = BUF(1 << 20);
	AUTO(buf) out = BUF(1 << 20);
	AUTO(buf) want = BUF(1 << 20);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		buf_str(&in, "Ā\uFDFA ", NULL); /* the second becomes 18 characters */
		buf_str(&want, i ? " a" : "a", NULL);
		buf_str(&want, "صلى الله عليه وسلم", NULL);
	}
	assert_int_equal(text_fold(buf_text(&in), in.len, &out, NULL), 0);
	assert_string_equal(buf_text(&out), buf_text(&want));
}

static void valid_is_strict(void **state)
{
	(void)state;
	assert_true(text_valid("", 0));
	assert_true(text_valid("a王𠮷\x7f", 9));
	assert_false(text_valid("a\0b", 3));
	assert_false(text_valid("\xC0\x80", 2));
	assert_false(text_valid("\xE0\x9F\xBF", 3));
	assert_false(text_valid("\xED\xA0\x80", 3));
	assert_false(text_valid("\xF4\x90\x80\x80", 4));
	assert_false(text_valid("\xE7\x8E", 2));
	assert_false(text_valid("\x80", 1));
	assert_false(text_valid("\xFF", 1));
}

static bool wild(const char *pattern, const char *s)
{
	return text_wild(pattern, strlen(pattern), s, strlen(s));
}

static void wildcards_count_characters(void **state)
{
	(void)state;
	assert_true(wild("王?", "王小"));
	assert_false(wild("王?", "王小明"));
	assert_false(wild("王?", "王"));
	assert_true(wild("王??", "王小明"));
	assert_true(wild("?", "𠮷"));
	assert_true(wild("*明", "王小明"));
	assert_true(wild("*小*", "王小明"));
	assert_true(wild("*", ""));
	assert_true(wild("", ""));
	assert_false(wild("", "a"));
	assert_false(wild("?", ""));
	assert_true(wild("a*b*c", "aXbXbXc"));
	assert_false(wild("a*b*c", "aXbXbXcd"));
	assert_true(wild("**a**", "bab"));
	assert_true(wild("*a", "aaaa"));
	assert_true(wild("*?", "王"));
	assert_false(wild("*??", "王"));
	assert_true(wild("a?*", "ab"));
}

static void wildcards_end_in_time(void **state)
{
	char s[4096], pattern[200];
	clock_t start = clock();

	(void)state;
	memset(s, 'a', sizeof s);
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof pattern - 1] = 'b';
	assert_false(text_wild(pattern, sizeof pattern, s, sizeof s));
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

struct grams {
	char all[4096];
	int stop_after, count;
};

static int note_gram(void *arg, const char *gram, size_t len)
{
	struct grams *g = arg;

	strncat(g->all, gram, len);
	strcat(g->all, "|");
	return ++g->count == g->stop_after ? 42 : 0;
}

static void grams_are(const char *text, const char *want)
{
	struct grams g = {0};

	assert_int_equal(text_grams(text, strlen(text), note_gram, &g), 0);
	assert_string_equal(g.all, want);
}

static void grams_are_distinct(void **state)
{
	struct grams g = {.stop_after = 2};
	char many[2000];

	(void)state;
	grams_are("", "");
	grams_are("a", "");
	grams_are("ab", "");
	grams_are("ababab", "aba|bab|");
	grams_are("li 李a", " 李|li |李|李a|");
	grams_are("王小明", "小|小明|明|王|王小|");
	grams_are("王", "王|");
	grams_are("a𠮷a", "a𠮷|𠮷|𠮷a|");
	assert_int_equal(text_grams("abcde", 5, note_gram, &g), 42);
	assert_string_equal(g.all, "abc|bcd|");
	assert_int_equal(text_grams("\xFF", 1, note_gram, &g), -E_INVAL);
	memset(many, 'x', sizeof many);
	g = (struct grams){0};
	assert_int_equal(text_grams(many, sizeof many, note_gram, &g), 0);
	assert_string_equal(g.all, "xxx|");
}

static void character_sets_are_strict(void **state)
{
	AUTO(buf) out = BUF(4096);
	struct err e = {0};

	(void)state;
	assert_int_equal(text_from("GB18030", "\x90\x30\x81\x30\xCD\xF5", 6, &out, &e), 0);
	assert_string_equal(buf_text(&out), "\U00010000王");
	assert_int_equal(text_from("GB18030", "\xCD\xF5\x90\x30\x81", 5, &out, &e), -E_INVAL);
	assert_string_equal(e.msg, "text ends inside a character");
	e = (struct err){0};
	assert_int_equal(text_from("GBK", "ab\xFF\xFF", 4, &out, &e), -E_INVAL);
	assert_string_equal(e.msg, "byte 3 is no character");
	assert_string_equal(buf_text(&out), "\U00010000王");                               /* failures append nothing */
	assert_int_equal(text_from("UTF-8", "\xF4\x90\x80\x80", 4, &out, NULL), -E_INVAL); /* beyond U+10FFFF */
	assert_int_equal(text_from("UTF-8", "\xF4\x8F\xBF\xBF", 4, &out, NULL), 0);
	assert_string_equal(buf_text(&out), "\U00010000王\U0010FFFF");
	out.len = strlen("\U00010000王");
	out.data[out.len] = 0;
	e = (struct err){0};
	assert_int_equal(text_from("no-such-set", "a", 1, &out, &e), -E_UNSUP);
	assert_string_equal(e.msg, "unknown character set no-such-set");
	assert_int_equal(text_from("ASCII//TRANSLIT", "a", 1, &out, NULL), -E_UNSUP);
	buf_clear(&out);
	assert_int_equal(text_to("GB18030", "王", 3, &out, NULL), 0);
	assert_memory_equal(out.data, "\xCD\xF5", 2);
	assert_int_equal(text_to("ISO-8859-1", "王", 3, &out, NULL), -E_INVAL);
	assert_int_equal(text_to("GB18030", "\xFF", 1, &out, NULL), -E_INVAL);
	buf_clear(&out);
	assert_int_equal(text_to("ISO-2022-JP", "山", 3, &out, NULL), 0); /* and back to ASCII at the end */
	assert_memory_equal(out.data, "\x1B$B;3\x1B(B", 8);
	assert_int_equal(out.len, 8);
	buf_clear(&out);
	assert_int_equal(text_from("GB18030", NULL, 0, &out, NULL), 0);
	assert_int_equal(out.len, 0);
}

static void converters_are_kept_and_changed(void **state)
{
	static const char *const sets[] = {"GB18030",    "GBK",    "ISO-8859-1", "ISO-8859-2", "ISO-8859-5",
					   "ISO-8859-7", "EUC-KR", "SHIFT_JIS",  "TIS-620",    "UTF-8"};
	AUTO(buf) out = BUF(4096);

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(text_from(sets[i * 7 % 10], "abc", 3, &out, NULL), 0);
	assert_int_equal(out.len, 150);
}

static void long_text_converts_whole(void **state)
{
	AUTO(buf) in = BUF(1 << 20);
	AUTO(buf) out = BUF(1 << 20);

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_str(&in, i % 3 ? "\xCD\xF5" : "x", NULL);
	assert_int_equal(text_from("GBK", in.data, in.len, &out, NULL), 0);
	assert_int_equal(out.len, 1667 + 3333 * 3);
	assert_true(text_valid(buf_text(&out), out.len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(spellings_of_one_name_are_one),
	    cmocka_unit_test(marks_that_are_spelling_stay),
	    cmocka_unit_test(what_is_no_text_is_refused),
	    cmocka_unit_test(long_text_folds_as_short),
	    cmocka_unit_test(valid_is_strict),
	    cmocka_unit_test(wildcards_count_characters),
	    cmocka_unit_test(wildcards_end_in_time),
	    cmocka_unit_test(grams_are_distinct),
	    cmocka_unit_test(character_sets_are_strict),
	    cmocka_unit_test(converters_are_kept_and_changed),
	    cmocka_unit_test(long_text_converts_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
