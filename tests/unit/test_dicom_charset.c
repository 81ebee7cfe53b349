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
    /* as the field spells and writes it */
    {"iso-ir 100", "LO", "\xE9", "é", 0},
    {"ISO IR 100", "LO", "\xE9", "é", 0},
    {"ISO_IR_100", "LO", "\xE9", "é", 0},
    {"ISO 2022 GBK", "LO", "\xCD\xF5", "王", 0},
    {"GB2312", "LO", "\xCD\xF5\xE9\x46", "王镕", 0},
    {" utf-8 ", "LO", "王", "王", 0},
    {"ISO_IR 100\\ISO_IR 192", "LO", "王", "王", 0},
    {"ISO 2022 IR 58", "LO", IR58 "\xCD\xF5", "王", 0},
    {"ISO 2022 IR 58", "LO", "\xCD\xF5", "王", 0},
    {"ISO_IR 149", "LO", "\xC8\xAB", "홍", 0},
    {"ISO_IR 100", "LO",
     "O\x92"
     "Brien",
     "O’Brien", 0},
    {"ISO_IR 6", "LO", IR58 "\xCD\xF5", "王", 0},
    {"GBK", "LO", "\xFE\x9F", "䶮", 0},
    {"GBK", "LO", "\x82\x30\xB7\x31", "㛃", 0},
    /* the dot of names, which glibc's GB 2312 reads as another */
    {"\\ISO 2022 IR 58", "PN", IR58 "\xB0\xA2\xA1\xA4\xB0\xA2", "阿·阿", 0},
    /* GB 18030: two-byte codes of 2022, and what the edition of 2005 had for the same characters */
    {"GB18030", "LO", "\xFE\x59\xFE\xA0\xA6\xD9\xA6\xF3", "\u9FB4\u9FBB\uFE10\uFE19", 0},
    {"GB18030", "LO", "\x82\x35\x90\x37\x82\x35\x91\x34", "\u9FB4\u9FBB", 0},
    {"GB18030", "LO", "\x84\x31\x82\x36\x84\x31\x82\x38\x84\x31\x83\x35", "\uFE10\uFE12\uFE19", 0},
    /* what does not fit */
    {"", "PN", "a\xE9", "a\xEF\xBF\xBD", CHARSET_LOSSY},
    {"no such set", "PN", "\xE9", "\xEF\xBF\xBD", CHARSET_LOSSY},
    {"ISO_IR 192", "PN", "\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", CHARSET_LOSSY},
    {"GB18030", "PN", "\xFF\xFF", "\xEF\xBF\xBD\xEF\xBF\xBD", CHARSET_LOSSY},
    {"\\ISO 2022 IR 87", "PN", "\033$Z12", "\xEF\xBF\xBD$Z12", CHARSET_LOSSY},
};

static void values_are_decoded(void **state)
{
	/* trap 5: values are split behind decoding only */
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

/* The examples of PS3.5 annexes H, I, J and K, and of one set after the other: the bytes there are what is written. */
static void values_are_encoded(void **state)
{
	static const struct {
		const char *label, *utf8, *bytes; /* NULL: refused */
	} encodings[] = {
	    {"", "Doe", "Doe"},
	    {"", "Jérôme", NULL},
	    {"ISO_IR 6", "Jérôme", NULL},
	    {"ISO_IR 100", "Jérôme", "J\xE9r\xF4me"},
	    {"ISO_IR 100", "Jérôme 王", NULL},
	    {"ISO_IR 100", "O’Brien", NULL},
	    {"ISO_IR 101", "Włodzimierz", "W\xB3odzimierz"},
	    {"ISO_IR 109", "Ħ", "\xA1"},
	    {"ISO_IR 110", "Åã", "\xC5\xE3"},
	    {"ISO_IR 126", "Διονυσιος", "\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2"},
	    {"ISO_IR 127", "قباني^لنزار", "\xE2\xC8\xC7\xE6\xEA^\xE4\xE6\xD2\xC7\xD1"},
	    {"ISO_IR 138", "שרון^דבורה", "\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4"},
	    {"ISO_IR 144", "Люкcембург", "\xBB\xEE\xDA\x63\xD5\xDC\xD1\xE3\xE0\xD3"},
	    {"ISO_IR 148", "ÇŞı", "\xC7\xDE\xFD"},
	    {"ISO_IR 166", "นาย", "\xB9\xD2\xC2"},
	    {"ISO_IR 192", "王", "王"},
	    {"ISO_IR 203", "10 €", "10 \xA4"},
	    {"ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3"},
	    {"ISO_IR 13", "山田", NULL},
	    {"ISO_IR 13", "¥", NULL},
	    {"GB18030", "Wang^XiaoDong=王^小东=", "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB="},
	    {"GB18030", "昞俕寍亊㛃𬱖䶮",
	     "\x95\x5C\x82\x5E\x8C\x7C\x81\x7E\x82\x30\xB7\x31\x99\x33\xC3\x36\xFE\x9F"},
	    {"GB18030", "\u9FB4\uFE10", "\xFE\x59\xA6\xD9"},
	    {"GBK", "昞俕寍亊", "\x95\x5C\x82\x5E\x8C\x7C\x81\x7E"},
	    {"GBK", "㛃", NULL},
	    {"GBK", "𬱖", NULL},
	    {"GBK", "€", NULL}, /* some know it there, some do not */
	    {"gb2312", "王", "\xCD\xF5"},
	    {"gb2312", "镕", NULL},
	    {"\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう",
	     "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B=\033$B$d$^$@\033(B^\033$B$?$m$&\033(B"},
	    {"ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
	     "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\033$B;3ED\033(J^\033$BB@O:\033(J=\033$B$d$^$@\033(J^\033$B$?$m$&\033(J"},
	    {"\\ISO 2022 IR 87\\ISO 2022 IR 159", "a丂b山", "a\033$(D\x30\x21\033(Bb\033$B;3\033(B"},
	    {"\\ISO 2022 IR 87", "丂", NULL},
	    {"\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동",
	     "Hong^Gildong=" IR149 "\xFB\xF3^" IR149 "\xD1\xCE\xD4\xD7=" IR149 "\xC8\xAB^" IR149 "\xB1\xE6\xB5\xBF"},
	    {"\\ISO 2022 IR 58",
	     "Zhang^XiaoDong=张^小东=", "Zhang^XiaoDong=" IR58 "\xD5\xC5^" IR58 "\xD0\xA1\xB6\xAB="},
	    {"ISO 2022 IR 6\\ISO 2022 IR 58", "第一行\r\n第二行",
	     IR58 "\xB5\xDA\xD2\xBB\xD0\xD0\r\n" IR58 "\xB5\xDA\xB6\xFE\xD0\xD0"},
	    {"\\ISO 2022 IR 58", "阿·阿", IR58 "\xB0\xA2\xA1\xA4\xB0\xA2"},
	    {"\\ISO 2022 IR 58", "镕", NULL}, /* not in GB 2312 */
	    {"ISO 2022 IR 58", "王", IR58 "\xCD\xF5"},
	    {"ISO 2022 IR 100\\ISO 2022 IR 87", "ö", "\xF6"},
	    {"ISO 2022 IR 100\\ISO 2022 IR 87", "ö山ö", "\xF6\033$B;3\033(B\xF6"},
	    {"ISO 2022 IR 100\\ISO 2022 IR 144", "äЖ=ä", "\xE4\033-L\xB6\033-A=\xE4"},
	    {"ISO 2022 IR 100\\ISO 2022 IR 144", "Ж", "\033-L\xB6\033-A"},
	    {"ISO 2022 IR 6\\ISO 2022 IR 166", "นาย A", "\033-T\xB9\xD2\xC2 A"},
	    {"\\ISO 2022 IR 58", "plain", "plain"},
	    {"nonsense", "ö", NULL},
	    {"ISO_IR 192", "\xFF", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		AUTO(buf) out = BUF(1000);
		AUTO(buf) back = BUF(1000);
		struct err e = {0};
		const char *utf8 = encodings[i].utf8;
		int rc = charset_encode(encodings[i].label, utf8, strlen(utf8), &out, &e);

		if (!encodings[i].bytes) {
			if (rc == 0)
				fail_msg("%s wrote %s", encodings[i].label, utf8);
			assert_int_equal(out.len, 0);
			continue;
		}
		assert_string_equal(buf_text(&out), encodings[i].bytes);
		assert_int_equal(rc, 0);
		assert_int_equal(charset_decode(encodings[i].label, "PN", out.data, out.len, &back, &e), 0);
		assert_string_equal(buf_text(&back), utf8);
	}
}

/* Whatever single-byte sets, and pairs of the others, read, they write again. */
static void whole_repertoires_come_back(void **state)
{
	static const char *const single[] = {"ISO_IR 13",  "ISO_IR 100", "ISO_IR 101", "ISO_IR 109",
					     "ISO_IR 110", "ISO_IR 126", "ISO_IR 127", "ISO_IR 138",
					     "ISO_IR 144", "ISO_IR 148", "ISO_IR 166", "ISO_IR 203"};
	static const char *const pairs[][2] = {
	    {"\\ISO 2022 IR 58", IR58}, {"\\ISO 2022 IR 149", IR149}, {"GBK", ""}, {"GB18030", ""}};
	unsigned n[16] = {0};

	(void)state;
	for (size_t k = 0; k < 12; k++)
		for (unsigned c = 0xA0; c < 0x100; c++) {
			uint8_t byte = (uint8_t)c;
			AUTO(buf) text = BUF(16);
			AUTO(buf) back = BUF(16);
			struct err e = {0};

			if (charset_decode(single[k], "LO", &byte, 1, &text, &e) != 0 || text.len < 2)
				continue;
			if (charset_encode(single[k], buf_text(&text), text.len, &back, &e) < 0 || back.len != 1 ||
			    back.data[0] != byte)
				fail_msg("%s lost %02X", single[k], c);
			n[k]++;
		}
	for (size_t k = 0; k < 12; k++)
		assert_true(n[k] >= 45); /* Arabic has the fewest */
	for (size_t k = 0; k < 4; k++)
		for (unsigned row = 0xB0; row <= 0xC8; row++)
			for (unsigned c = 0xA1; c < 0xFF; c++) {
				char bytes[8];
				AUTO(buf) text = BUF(16);
				AUTO(buf) back = BUF(16);
				struct err e = {0};
				int len = snprintf(bytes, sizeof(bytes), "%s%c%c", pairs[k][1], (char)row, (char)c);

				assert_int_equal(charset_decode(pairs[k][0], "LO", bytes, (size_t)len, &text, &e), 0);
				assert_int_equal(charset_encode(pairs[k][0], buf_text(&text), text.len, &back, &e), 0);
				assert_string_equal(buf_text(&back), bytes);
			}
}

static void labels_are_spelled_by_the_book(void **state)
{
	static const char *const labels[][2] = {
	    {"", ""},
	    {"  ", ""},
	    {"ISO_IR 100", "ISO_IR 100"},
	    {"iso-ir 100 ", "ISO_IR 100"},
	    {"ISO 2022 IR 100", "ISO 2022 IR 100"},
	    {"UTF-8", "ISO_IR 192"},
	    {"GB2312", "GBK"},
	    {"ISO 2022 GBK", "GBK"},
	    {"gb18030", "GB18030"},
	    {"ISO 2022 IR 6\\ISO 2022 IR 58", "ISO 2022 IR 6\\ISO 2022 IR 58"},
	    {"\\ISO 2022 IR 149", "\\ISO 2022 IR 149"},
	    {"ISO 2022 IR 149", "\\ISO 2022 IR 149"},
	    {"ISO_IR 13\\ISO 2022 IR 87", "ISO 2022 IR 13\\ISO 2022 IR 87"},
	    {"ISO_IR 100\\ISO_IR 192", "ISO_IR 192"},
	    {"\\GB18030", "GB18030"},
	    {"ISO_IR 999", NULL},
	    {"nonsense", NULL},
	};
	char all[300] = "ISO 2022 IR 100", most[CHARSET_LABEL];

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		char out[CHARSET_LABEL] = "?";
		int rc = charset_canonical(labels[i][0], out, NULL);

		assert_int_equal(rc, labels[i][1] ? 0 : -E_UNSUP);
		assert_string_equal(out, labels[i][1] ? labels[i][1] : "?");
	}
	for (int i = 0; i < 12; i++)
		strcat(all, "\\ISO 2022 IR 101");
	assert_int_equal(charset_canonical(all, most, NULL), 0); /* the first eight */
	assert_int_equal(strlen(most), 8 * 15 + 7);
}

/* ---- wrong labels */

struct object {
	const char *label, *values[6];
	const char *shown, *other; /* other NULL: none, or whichever */
	bool wrong;
};

static const struct object objects[] = {
    /* right labels stay */
    {"ISO_IR 100",
     {"M\xFCller^J\xF6rg", "\xDC"
			   "b\xFCng"},
     "ISO_IR 100",
     NULL,
     false},
    {"ISO_IR 100", {"\xC5ngstr\xF6m"}, "ISO_IR 100", NULL, false},
    {"ISO_IR 100",
     {"B\xF6hm^J\xF6rg", "37\xB0"
			 "C"},
     "ISO_IR 100",
     NULL,
     false},
    {"ISO_IR 100",
     {"Jos\xE9^Mar\xED"
      "a"},
     "ISO_IR 100",
     NULL,
     false},
    {"ISO_IR 100",
     {"S\xE3o Paulo",
      "Gr\xF6\xDF"
      "e",
      "cr\xE9\xE9"
      "e"},
     "ISO_IR 100",
     NULL,
     false},
    {"ISO_IR 100", {"\xDE\xF3rir", "S\xF8ren^\xC5ge"}, "ISO_IR 100", NULL, false},
    {"ISO_IR 100", {"M\xDCLLER^J\xD6RG"}, "ISO_IR 100", NULL, false},
    {"ISO_IR 100", {"5 \xB5m", "m\xB2"}, "ISO_IR 100", NULL, false},
    {"ISO_IR 101",
     {"\xBF\xF3\xB3\xE6^\xA3\xF3"
      "d\xBC"},
     "ISO_IR 101",
     NULL,
     false},
    {"ISO_IR 148", {"\xDD\xDE\xC7\xDD"}, "ISO_IR 148", NULL, false},
    {"ISO_IR 144", {"\xBB\xEE\xDA\xE1\xD5\xDC\xD1\xE3\xE0\xD3"}, "ISO_IR 144", NULL, false},
    {"ISO_IR 144", {"\xB8\xD2\xD0\xDD\xDE\xD2^\xB8\xD2\xD0\xDD"}, "ISO_IR 144", NULL, false},
    {"ISO_IR 126", {"\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2"}, "ISO_IR 126", NULL, false},
    {"ISO_IR 127", {"\xE2\xC8\xC7\xE6\xEA^\xE4\xE6\xD2\xC7\xD1"}, "ISO_IR 127", NULL, false},
    {"ISO_IR 138", {"\xF9\xF8\xE5\xEF^\xE3\xE1\xE5\xF8\xE4"}, "ISO_IR 138", NULL, false},
    {"ISO_IR 166", {"\xB9\xD2\xC2^\xCA\xC1\xAA\xD2\xC2"}, "ISO_IR 166", NULL, false},
    {"ISO_IR 13", {"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3"}, "ISO_IR 13", NULL, false},
    {"\\ISO 2022 IR 149", {IR149 "\xFB\xF3^" IR149 "\xD1\xCE\xD4\xD7"}, "\\ISO 2022 IR 149", NULL, false},
    {"ISO_IR 149", {"\xC8\xAB^\xB1\xE6\xB5\xBF"}, "ISO_IR 149", NULL, false},
    {"GB18030", {"\xCD\xF5^\xD0\xA1\xB6\xAB"}, "GB18030", NULL, false},
    {"GBK", {"\x95\x5C^\x82\x5E"}, "GBK", NULL, false},
    {"GB18030", {"\xCD\xA8"}, "GB18030", NULL, false}, /* by chance one letter of UTF-8 */
    {"ISO_IR 192", {"王^小东", "Müller"}, "ISO_IR 192", NULL, false},
    {"", {"plain"}, "", NULL, false},
    {"", {"\033$B;3ED\033(B"}, "", NULL, false},
    /* Chinese under the label of another */
    {"ISO_IR 100", {"Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB"}, "GB18030", "ISO_IR 100", true},
    {"ISO_IR 100", {"\xC0\xEE\xC3\xF7", "CT\xC6\xBD\xC9\xA8"}, "GB18030", "ISO_IR 100", true},
    {"ISO_IR 100", {"\xD5\xC5\xCE\xB0"}, "GB18030", "ISO_IR 100", true},
    {"ISO_IR 100", {"\x95\x5C^\x82\x5E"}, "GB18030", "ISO_IR 100", true},
    {"ISO_IR 100", {"\xCD\xF5^\x82\x30\xB7\x31"}, "GB18030", "ISO_IR 100", true},
    {"ISO_IR 100", {"\xC0\xEE"}, "ISO_IR 100", "GB18030", false}, /* too little to be sure */
    {"ISO_IR 144", {"\xCD\xF5^\xD0\xA1\xB6\xAB", "\xD5\xC5\xCE\xB0"}, "GB18030", "ISO_IR 144", true},
    {"ISO_IR 192", {"\xCD\xF5^\xD0\xA1\xB6\xAB"}, "GB18030", "ISO_IR 192", true},
    {"", {"\xCD\xF5^\xD0\xA1\xB6\xAB"}, "GB18030", NULL, true},
    {"ISO_IR 6", {"\xCD\xF5"}, "GB18030", NULL, true},
    {"no such set", {"\xCD\xF5"}, "GB18030", NULL, true},
    /* UTF-8 under the label of another */
    {"ISO_IR 100", {"M\xC3\xBCller"}, "ISO_IR 192", "ISO_IR 100", true},
    {"ISO_IR 100", {"王^小东"}, "ISO_IR 192", "ISO_IR 100", true},
    {"ISO_IR 101", {"J\xC3\xB3zef"}, "ISO_IR 101", "ISO_IR 192", false}, /* two letters of Latin-2, and nothing odd */
    {"GB18030", {"王^小东"}, "ISO_IR 192", "GB18030", true},
    {"GB18030", {"Müller"}, "ISO_IR 192", "GB18030", true},
    {"", {"王"}, "ISO_IR 192", NULL, true},
    {"", {"Müller^Jörg"}, "ISO_IR 192", NULL, true},
    {"", {"Иван"}, "ISO_IR 192", NULL, true},
    /* Latin-1 under none, or another */
    {"", {"M\xFCller^J\xF6rg"}, "ISO_IR 100", NULL, true},
    {"", {"Jos\xE9"}, "ISO_IR 100", NULL, true},
    {"", {"S\xE3o"}, "ISO_IR 100", NULL, true},
    {"", {"\xC5ngstr\xF6m"}, "ISO_IR 100", NULL, true},
    {"ISO_IR 192", {"M\xFCller"}, "ISO_IR 100", "ISO_IR 192", true},
    {"GB18030", {"Jos\xE9"}, "ISO_IR 100", "GB18030", true},
    {"ISO_IR 100", {"M\xC3\x9CLLER", "37\xC2\xB0"}, "ISO_IR 192", "ISO_IR 100", true},
    {"ISO_IR 166", {"\xE1\xB4\xA7"}, "ISO_IR 166", NULL, false},         /* by chance one character of UTF-8 */
    {"ISO_IR 100", {"\xD1\xA6\xD1\xA9"}, "GB18030", "ISO_IR 100", true}, /* in UTF-8 two letters that nobody writes */
    {"", {"\xCB\xD5\xAB\x6E\xEA\xD8"}, "GB18030", NULL, true}, /* a trail byte that is a letter, amid Chinese */
    {"ISO_IR 192", {"\xCD\xF5^\xB3\xC2", "\xCD\xA8"}, "GB18030", "ISO_IR 192", true}, /* one value is UTF-8 by chance */
    /* all values together: what one leaves open another decides */
    {"ISO_IR 100", {"\xC0\xEE", "\xCD\xB7\xC2\xAD"}, "GB18030", "ISO_IR 100", true},
    {"", {"\xC4\xF6", "M\xFCller", "J\xF6rg Gr\xFCn"}, "ISO_IR 100", NULL, true},
};

static void labels_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		const struct object *o = &objects[i];
		struct charset_judge j;
		struct charset_verdict v;

		charset_judge_begin(&j, o->label);
		for (unsigned k = 0; k < 6 && o->values[k]; k++)
			charset_judge_see(&j, o->values[k], strlen(o->values[k]));
		v = charset_judge_end(&j, o->label);
		if (strcmp(v.shown, o->shown) != 0 || v.wrong != o->wrong ||
		    (o->other && (!v.other || strcmp(v.other, o->other) != 0)))
			fail_msg("object %zu, %s \"%s\": shown %s, other %s, %s; utf8 %d gb %d single %d-%d", i,
				 o->label, o->values[0], v.shown, v.other ? v.other : "-", v.wrong ? "wrong" : "right",
				 j.utf8.score, j.gb.score, j.single.score, j.single.against);
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
	    cmocka_unit_test(whole_repertoires_come_back),
	    cmocka_unit_test(labels_are_spelled_by_the_book),
	    cmocka_unit_test(labels_are_judged),
	    cmocka_unit_test(a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
