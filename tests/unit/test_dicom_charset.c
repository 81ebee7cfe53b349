#include "base/text.h"
#include "dicom/charset.h"
#include "dicom_bytes.h"

#define IR58 "\033$)A"
#define IR87 "\033$B"
#define IR149 "\033$)C"
#define IR159 "\033$(D"
#define IR6 "\033(B"

static const struct {
	const char *label, *vr, *bytes, *utf8;
	int flags;
} decodings[] = {
    /* as labelled */
    {"", "PN", "Doe^John", "Doe^John", 0},
    {"ISO_IR 100", "PN", "Buc^J\xE9r\xF4me", "Buc^Jérôme", 0},
    {"ISO_IR 101", "LO", "W\xB3odzimierz", "Włodzimierz", 0},
    {"ISO_IR 110", "LO", "\xC5\xE3", "Åã", 0},
    {"ISO_IR 126", "PN", "\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2", "Διονυσιος", 0},
    {"ISO_IR 127", "PN", "\xE2\xC8\xC7\xE6\xEA^\xE4\xE6\xD2\xC7\xD1", "قباني^لنزار", 0},
    {"ISO_IR 138", "PN", "\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4", "שרון^דבורה", 0},
    {"ISO_IR 144", "PN", "\xBB\xEE\xDA\x63\xD5\xDC\xD1\xE3\xE0\xD3", "Люкcембург", 0},
    {"ISO_IR 148", "PN", "\xC7\xDE\xFD", "ÇŞı", 0},
    {"ISO_IR 166", "LO", "\xB9\xD2\xC2", "นาย", 0},
    {"ISO_IR 192", "PN", "Wang^XiaoDong=王^小東", "Wang^XiaoDong=王^小東", 0},
    {"ISO_IR 203", "LO", "10 \xA4", "10 €", 0},
    {"ISO_IR 13", "PN", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ", 0},
    {"GB18030", "PN", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB", "Wang^XiaoDong=王^小东", 0},
    {"GBK", "PN", "\x94\x5C", "擻", 0},
    {"GB18030", "LO", "\x81\x39\xEF\x30", "㐁", 0},
    /* ISO 2022 */
    {"\\ISO 2022 IR 58", "PN",
     "Zhang^XiaoDong=" IR58 "\xD5\xC5^" IR58 "\xD0\xA1\xB6\xAB=", "Zhang^XiaoDong=张^小东=", 0},
    {"\\ISO 2022 IR 58", "PN", "=" IR58 "\xD5\xC5^\xD0\xA1\xB6\xAB", "=张^小东", 0}, /* not named again */
    {"\\ISO 2022 IR 87", "PN", "Yamada^Tarou=" IR87 "\x3B\x33\x45\x44" IR6 "^" IR87 "\x42\x40\x4F\x3A" IR6,
     "Yamada^Tarou=山田^太郎", 0},
    {"ISO 2022 IR 13\\ISO 2022 IR 87", "PN", "\xD4\xCF\xC0\xDE^=\033$B\x3B\x33\x45\x44\033(J^", "ﾔﾏﾀﾞ^=山田^", 0},
    {"\\ISO 2022 IR 149", "PN", "Hong^Gildong=" IR149 "\xFB\xF3^" IR149 "\xD1\xCE\xD4\xD7", "Hong^Gildong=洪^吉洞", 0},
    {"\\ISO 2022 IR 87\\ISO 2022 IR 159", "LO", "a" IR159 "\x30\x21" IR6 "b", "a丂b", 0},
    {"ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144", "PN", "\033-A\xE4\033-L\xB6=\033-L\xB6", "äЖ=Ж", 0},
    /* a pair whose bytes are delimiters in ASCII: 0x5E 0x3D 0x5C belong to the character */
    {"\\ISO 2022 IR 87", "PN", IR87 "\x3D\x5C\x5E\x3D" IR6 "^x", "十泙", -1},
    /* wrong labels */
    {"", "PN", "\xE7\x8E\x8B", "王", CHARSET_GUESSED},
    {"ISO_IR 6", "PN", "\xCD\xF5^\xD0\xA1\xB6\xAB", "王^小东", CHARSET_GUESSED},
    {"ISO_IR 100", "PN", "\xCD\xF5^\xD0\xA1\xB6\xAB", "王^小东", CHARSET_GUESSED},
    {"ISO_IR 100", "PN", "M\xC3\xBCller", "Müller", CHARSET_GUESSED},
    {"ISO_IR 100", "PN", "M\xFCller", "Müller", 0},
    {"ISO_IR 192", "PN", "\xCD\xF5^\xD0\xA1", "王^小", CHARSET_GUESSED},
    {"no such set", "PN", "\xCD\xF5", "王", CHARSET_GUESSED},
    {"GB18030", "PN", "\xFF\xFF", "\xEF\xBF\xBD\xEF\xBF\xBD", CHARSET_LOSSY},
    {"", "PN", "a\xFF", "a\xEF\xBF\xBD", CHARSET_LOSSY},
    {"\\ISO 2022 IR 87", "PN", "\033$Z12", "\xEF\xBF\xBD$Z12", CHARSET_LOSSY},
};

static void values_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decodings) / sizeof(*decodings); i++) {
		AUTO(buf) out = BUF(1000);
		struct err e = {0};
		int rc = charset_decode(decodings[i].label, decodings[i].vr, decodings[i].bytes,
					strlen(decodings[i].bytes), &out, &e);

		if (decodings[i].flags < 0) { /* only the shape: one delimiter, at the place where it is one */
			assert_int_equal(rc, 0);
			assert_non_null(strchr(buf_text(&out), '^'));
			assert_ptr_equal(strchr(buf_text(&out), '^'), strrchr(buf_text(&out), '^'));
			assert_null(strpbrk(buf_text(&out), "=\\"));
			continue;
		}
		assert_string_equal(buf_text(&out), decodings[i].utf8);
		assert_int_equal(rc, decodings[i].flags);
	}
}

/* Whatever comes in, what comes out is UTF-8. */
static void nothing_invalid_comes_out(void **state)
{
	static const char *const labels[] = {"",
					     "ISO_IR 13",
					     "ISO_IR 100",
					     "ISO_IR 127",
					     "ISO_IR 166",
					     "ISO_IR 192",
					     "GB18030",
					     "GBK",
					     "ISO_IR 149",
					     "x",
					     "\\ISO 2022 IR 87\\ISO 2022 IR 159",
					     "\\ISO 2022 IR 149"};
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t bytes[24];
		AUTO(buf) out = BUF(1000);
		struct err e = {0};
		size_t n;

		for (n = 0; n < sizeof(bytes); n++) {
			seed = seed * 1664525 + 1013904223;
			bytes[n] = seed >> 28 ? (uint8_t)(seed >> 20) : 0x1B;
		}
		assert_true(charset_decode(labels[round % 12], round & 1 ? "PN" : "LO", bytes, n, &out, &e) >= 0);
		for (size_t i = 0; i < out.len; i++)
			if (out.data[i] == 0)
				fail_msg("NUL in a decoded value");
		if (!text_valid(buf_text(&out), out.len)) {
			for (size_t i = 0; i < n; i++)
				printf(" %02X", bytes[i]);
			fail_msg("%s: not UTF-8: %s", labels[round % 12], buf_text(&out));
		}
	}
}

static void values_are_encoded(void **state)
{
	static const struct {
		const char *label, *utf8, *bytes;
		int rc;
	} encodings[] = {
	    {"", "Doe", "Doe", 0},
	    {"", "Jérôme", "J?r?me", 0},
	    {"ISO_IR 100", "Jérôme 王", "J\xE9r\xF4me ?", 0},
	    {"ISO_IR 192", "王", "王", 0},
	    {"GB18030", "王^小东", "\xCD\xF5^\xD0\xA1\xB6\xAB", 0},
	    {"GBK", "王", "\xCD\xF5", 0},
	    {"ISO 2022 IR 100\\ISO 2022 IR 87", "ö", "\xF6", 0},
	    {"ISO 2022 IR 100\\ISO 2022 IR 87", "山", "", -E_UNSUP},
	    {"\\ISO 2022 IR 58", "plain", "plain", 0},
	    {"nonsense", "ö", "", -E_UNSUP},
	    {"ISO_IR 192", "\xFF", "", -E_INVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		AUTO(buf) out = BUF(1000);
		struct err e = {0};

		assert_int_equal(
		    charset_encode(encodings[i].label, encodings[i].utf8, strlen(encodings[i].utf8), &out, &e),
		    encodings[i].rc);
		assert_string_equal(buf_text(&out), encodings[i].bytes);
	}
}

static void a_full_buffer_is_an_error(void **state)
{
	AUTO(buf) out = BUF(6);
	struct err e = {0};

	(void)state;
	assert_int_equal(buf_str(&out, "abc", &e), 0);
	assert_int_equal(charset_decode("GB18030", "PN", "\xCD\xF5\xCD\xF5", 4, &out, &e), -E_LIMIT);
	assert_int_equal(out.len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_are_decoded),
	    cmocka_unit_test(nothing_invalid_comes_out),
	    cmocka_unit_test(values_are_encoded),
	    cmocka_unit_test(a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
