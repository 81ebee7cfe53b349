/* Han characters that are taken for one another, and their readings: tables that are frozen with the form of names. */
#include "base/han.h"
#include "base/han_tables.h"
#include "base/pinyin.h"
#include "base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/utf8.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmocka.h>

static void same(const char *a, const char *b)
{
	AUTO(buf) x = BUF(1 << 10), y = BUF(1 << 10);

	assert_int_equal(text_fold(a, strlen(a), &x, NULL), 0);
	assert_int_equal(text_fold(b, strlen(b), &y, NULL), 0);
	assert_string_equal(buf_text(&x), buf_text(&y));
}

static void two_ways_to_write_a_name_are_one(void **state)
{
	(void)state;
	same("張偉", "张伟");
	same("劉備", "刘备");
	same("陳寶國", "陈宝国");
	same("黃飛鴻", "黄飞鸿");
	same("吳鎮宇", "吴镇宇");
	same("葉問", "叶问");
	same("鍾鐘锺钟", "钟钟钟钟");
	same("髙橋眞", "高桥真");
	same("呂靜", "吕静");
	same("臺灣", "台湾");
	same("後裡發髮", "后里发发");
	same("彥溫啓峯", "彦温启峰");
	same("戸説悅黒", "户说悦黑");
	same("為爲", "为为");
	same("\uF92F", "劳"); /* a compatibility ideograph goes through the one it stands for */
}

static void two_names_stay_two(void **state)
{
	static const char *const pairs[][2] = {{"喆", "哲"}, {"堃", "坤"}, {"乾", "干"}, {"甯", "宁"}, {"昇", "升"}};
	AUTO(buf) x = BUF(1 << 10), y = BUF(1 << 10);

	(void)state;
	for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		buf_clear(&x);
		buf_clear(&y);
		assert_int_equal(text_fold(pairs[i][0], strlen(pairs[i][0]), &x, NULL), 0);
		assert_int_equal(text_fold(pairs[i][1], strlen(pairs[i][1]), &y, NULL), 0);
		assert_string_not_equal(buf_text(&x), buf_text(&y));
	}
}

/* Every code point: folded once as twice, one character for one, and normalization leaves the result alone. */
static void all_characters_fold_once(void **state)
{
	UErrorCode code = U_ZERO_ERROR;
	const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&code);
	unsigned folded = 0;

	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		uint32_t to = han_fold(c);

		if (to == c)
			continue;
		folded++;
		assert_true(han_is(c) && han_is(to));
		assert_int_equal(han_fold(to), to);
		assert_true(unorm2_isInert(nfkc, (UChar32)to));
	}
	assert_int_equal(folded, 7267);
}

/* Not only of Han characters: the whole form. */
static void all_texts_fold_once(void **state)
{
	AUTO(buf) once = BUF(1 << 10), twice = BUF(1 << 10);

	(void)state;
	for (uint32_t c = 1; c < 0x110000; c++) {
		char text[8];
		size_t n = 0;

		if (c >= 0xD800 && c < 0xE000)
			continue;
		U8_APPEND_UNSAFE(text, n, (UChar32)c);
		buf_clear(&once);
		buf_clear(&twice);
		assert_int_equal(text_fold(text, n, &once, NULL), 0);
		assert_int_equal(text_fold(buf_text(&once), once.len, &twice, NULL), 0);
		if (once.len != twice.len || memcmp(buf_text(&once), buf_text(&twice), once.len) != 0)
			fail_msg("U+%04X", c);
	}
}

/* A changed table is another form: a new TEXT_FORM, a migration, and then these numbers. */
static void the_tables_are_frozen(void **state)
{
	(void)state;
	assert_int_equal(TEXT_FORM, 2);
	assert_true(XXH3_64bits(han_fold_text, strlen(han_fold_text)) == 0xA8814CA1065B89EFULL);
	assert_true(XXH3_64bits(pinyin_text, strlen(pinyin_text)) == 0x983C403E6ED428BFULL);
}

static bool read_as(const char *character, const char *reading)
{
	const char *all[PINYIN_READINGS];
	int32_t at = 0;
	UChar32 c;
	unsigned n;

	U8_NEXT(character, at, -1, c);
	n = pinyin_of((uint32_t)c, all);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(all[i], reading) == 0)
			return true;
	return false;
}

static void characters_are_read(void **state)
{
	static const char *const cases[][2] = {
	    {"张", "zhang"}, {"張", "zhang"}, {"伟", "wei"},  {"单", "shan"}, {"单", "dan"},  {"曾", "zeng"},
	    {"曾", "ceng"},  {"仇", "qiu"},   {"仇", "chou"}, {"解", "xie"},  {"解", "jie"},  {"重", "zhong"},
	    {"重", "chong"}, {"乐", "le"},    {"樂", "yue"},  {"行", "xing"}, {"行", "hang"}, {"翟", "zhai"},
	    {"翟", "di"},    {"查", "zha"},   {"查", "cha"},  {"朴", "piao"}, {"朴", "pu"},   {"尉", "yu"},
	    {"万", "mo"},    {"俟", "qi"},    {"盖", "ge"},   {"区", "ou"},   {"員", "yun"},  {"种", "chong"},
	    {"缪", "miao"},  {"乜", "nie"},   {"覃", "qin"},  {"吕", "lu"},   {"呂", "lu"},   {"女", "nu"},
	    {"略", "lue"},   {"〇", "ling"},  {"𠀀", "he"},   {"㐀", "qiu"},  {"龘", "da"},   {"乾", "qian"},
	};
	const char *all[PINYIN_READINGS];

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!read_as(cases[i][0], cases[i][1]))
			fail_msg("%s is not read %s", cases[i][0], cases[i][1]);
	assert_int_equal(pinyin_of('a', all), 0);
	assert_int_equal(pinyin_of(0xAC00, all), 0);
	assert_int_equal(pinyin_of(0x738B, all), 1);
	assert_string_equal(all[0], "wang");
	pinyin_of(0x5355, all);
	assert_string_equal(all[0], "dan"); /* the usual one first */
}

/* The 20,902 characters of the first Unicode, and GB2312's, which is what names are mostly written with. */
static void all_characters_are_read(void **state)
{
	const char *all[PINYIN_READINGS];
	unsigned silent = 0;

	(void)state;
	for (uint32_t c = 0x4E00; c < 0x9FA6; c++)
		silent += pinyin_of(c, all) == 0;
	print_message("# %u of 20902 characters have no reading\n", silent);
	assert_true(silent < 200);
}

static void other_spellings_of_u(void **state)
{
	static const char *const cases[][2] = {{"lv", "lu"},   {"lyu", "lu"},    {"nvlve", "nulue"}, {"lu", "lu"},
					       {"yuv", "yuv"}, {"lyon", "lyon"}, {"vnyu", "vnu"},    {"", ""}};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[16];
		size_t n;

		strcpy(text, cases[i][0]);
		n = pinyin_spell(text, strlen(text));
		text[n] = '\0';
		assert_string_equal(text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_ways_to_write_a_name_are_one),
	    cmocka_unit_test(two_names_stay_two),
	    cmocka_unit_test(all_characters_fold_once),
	    cmocka_unit_test(all_texts_fold_once),
	    cmocka_unit_test(the_tables_are_frozen),
	    cmocka_unit_test(characters_are_read),
	    cmocka_unit_test(all_characters_are_read),
	    cmocka_unit_test(other_spellings_of_u),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
