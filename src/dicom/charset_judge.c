/* What an object's text is written in, judged by all of its values: see charset.h. */
#include "base/utf8.h"
#include "dicom/charset.h"
#include "dicom/charset_set.h"
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#define CUT_FROM 16 /* bytes: values are cut in the middle of a character where a field ends, SH being the shortest */

static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

/* The byte at i, 0 outside. */
static uint8_t at(const uint8_t *p, size_t n, size_t i)
{
	return i < n ? p[i] : 0;
}

/* ---- UTF-8 */

/* The letters that Greek, Russian, Hebrew and Arabic are written with today. */
static bool everyday(uint32_t c)
{
	return (c >= 0x386 && c <= 0x3CE) || (c >= 0x401 && c <= 0x45F) || (c >= 0x5D0 && c <= 0x5EA) ||
	       (c >= 0x621 && c <= 0x64A) || (c >= 0x490 && c <= 0x491);
}

/* A character of two bytes. Western letters stand in words, signs at letters and digits; in other scripts letters stand
 * together. GBK pairs that look like such a character by chance come out as a medley. */
static int two_byte_score(const uint8_t *p, size_t n, size_t i, uint32_t c, uint32_t *last)
{
	UErrorCode ignored = U_ZERO_ERROR;
	UScriptCode own = uscript_getScript((UChar32)c, &ignored);
	uint8_t before = i > 0 ? p[i - 1] : 0, behind = at(p, n, i + 2);
	uint32_t previous = *last;

	*last = c;
	if (own == USCRIPT_LATIN)
		return is_letter(before) || is_letter(behind) ? 5 : 1;
	if (c < 0xC0)
		return is_letter(before) || is_digit(before) || is_letter(behind) || is_digit(behind) ? 4 : 1;
	if (!everyday(c) || (previous && uscript_getScript((UChar32)previous, &ignored) != own) ||
	    (u_isupper((UChar32)c) && u_islower((UChar32)previous) && before >= 0x80))
		return -2;
	return 3;
}

static void see_utf8(struct charset_judge *j, const uint8_t *p, size_t n)
{
	uint32_t c, last = 0;
	int score = 0;

	for (size_t i = 0, k; i < n; i += k) {
		if ((k = utf8_next(p + i, n - i, &c)) == 0) {
			if (n < CUT_FROM || n - i > 3 || p[i] < 0xC2) {
				j->utf8.broken = true;
				return;
			}
			break;
		}
		if (k > 2)
			score += 6;
		else if (k == 2)
			score += two_byte_score(p, n, i, c, &last);
	}
	j->utf8.score += score;
}

/* ---- GB18030 */

/* Length of the character at p, 0 when it is none. */
static size_t gb_length(const uint8_t *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] == 0x80 || p[0] == 0xFF || n < 2)
		return 0;
	if (p[1] >= 0x40 && p[1] != 0x7F && p[1] != 0xFF)
		return 2;
	if (n >= 4 && p[1] >= '0' && p[1] <= '9' && p[2] >= 0x81 && p[2] != 0xFF && p[3] >= '0' && p[3] <= '9')
		return 4;
	return 0;
}

/* Pairs of two high bytes among the hanzi of GB 2312 are what Chinese text consists of. A pair that eats a letter, or stands
 * in a word, rather is a Western letter. Lead bytes that are controls in Latin-1 say that it is not that. before: the
 * character before it, 0 when that is Chinese, too (beside). */
static int gb_score(const uint8_t *p, size_t n, size_t i, size_t k, uint8_t before, bool beside)
{
	uint8_t behind = at(p, n, i + k), a = p[i], b = p[i + 1];
	bool common = k == 2 && a >= 0xB0 && a <= 0xF7 && b >= 0xA1;

	if (k == 4)
		return a < 0xA0 && !is_letter(before) ? 2 : 0;
	if (common && (is_lower(before) || is_lower(behind)))
		return -3;
	if (common)
		return 2;
	if (b < 0x80 && (is_letter(before) || (is_letter(b) && is_lower(behind))))
		return -3;
	return a < 0xA0 ? 2 : beside ? 1 : 0;
}

static void see_gb(struct charset_judge *j, const uint8_t *p, size_t n)
{
	size_t last = 0; /* length of the character before */

	for (size_t i = 0, k; i < n; i += k, last = k) {
		if ((k = gb_length(p + i, n - i)) == 0) {
			j->gb.broken |= n < CUT_FROM || n - i > 3;
			return;
		}
		if (k > 1)
			j->gb.score += gb_score(p, n, i, k, last == 1 ? p[i - 1] : 0, last > 1);
	}
}

/* ---- one byte, one character */

/* Adds what the character c between its neighbours says. */
static void weigh(struct charset_reading *r, uint32_t before, uint32_t c, uint32_t behind)
{
	UErrorCode ignored = U_ZERO_ERROR;
	bool latin = uscript_getScript((UChar32)c, &ignored) == USCRIPT_LATIN;
	bool in_word = (before < 0x80 && is_letter((uint8_t)before)) || (behind < 0x80 && is_letter((uint8_t)behind));

	if (u_charType((UChar32)c) == U_CONTROL_CHAR) {
		r->against += 2;
	} else if (u_isalpha((UChar32)c)) {
		if (u_isupper((UChar32)c) && u_islower((UChar32)before))
			r->against++;
		else
			r->score += latin ? (in_word ? 2 : 0) : 1;
	} else if (u_charType((UChar32)c) == U_NON_SPACING_MARK) {
		if (u_isalpha((UChar32)before) || u_charType((UChar32)before) == U_NON_SPACING_MARK)
			r->score++;
		else
			r->against++;
	} else if (before >= 0x80 || behind >= 0x80) {
		r->against++;
	} else {
		r->score++;
	}
}

static void see_single(const struct charset_set *s, struct charset_reading *r, const uint8_t *p, size_t n)
{
	AUTO(buf) text = BUF(4 * n + 4);
	uint32_t before = 0, now = 0, behind = 0;
	size_t k;

	if (charset_set_read(s, p, n, &text, NULL) <= 0) {
		r->broken = true;
		return;
	}
	for (size_t i = 0; i <= text.len; i += k, before = now, now = behind) {
		k = i < text.len ? utf8_next(text.data + i, text.len - i, &behind) : 1;
		if (i == text.len)
			behind = 0;
		if (now >= 0x80)
			weigh(r, before, now, behind);
		if (k == 0)
			return;
	}
}

/* ---- the judge */

static bool is_set(const struct charset_set *s, const char *key)
{
	return s && !strcmp(s->key, key);
}

/* Latin script: letters above ASCII stand alone or in twos within words, so runs of them that are UTF-8 are no chance. */
static bool is_western(const struct charset_set *s)
{
	return is_set(s, "100") || is_set(s, "101") || is_set(s, "109") || is_set(s, "110") || is_set(s, "148") ||
	       is_set(s, "203");
}

/* Is it read by the rules of GB18030? */
static bool is_gb(const struct charset_set *s)
{
	return s && !strcmp(s->read[0], "GB18030");
}

void charset_judge_begin(struct charset_judge *j, const char *label)
{
	struct charset_label l;

	charset_label_read(label, &l);
	*j = (struct charset_judge){.set = charset_label_high(&l)};
}

void charset_judge_see(struct charset_judge *j, const void *bytes, size_t n)
{
	const struct charset_set *set = j->set;
	const uint8_t *p = bytes;
	const struct charset_set *single = set && set->kind == CHARSET_SINGLE ? set : charset_set_find("100");
	size_t high = 0;

	while (n > 0 && p[n - 1] == 0)
		n--;
	while (high < n && p[high] < 0x80)
		high++;
	if (high == n || memchr(p, 0x1B, n)) /* escape sequences speak for themselves */
		return;
	j->values++;
	see_utf8(j, p, n);
	if (is_set(set, "192") && !j->utf8.broken) /* as labelled: what remains is work for nothing */
		return;
	see_gb(j, p, n);
	if (is_gb(set) && j->utf8.broken && !j->gb.broken)
		return;
	see_single(single, &j->single, p, n);
	if (set && set->kind == CHARSET_PAIRS) {
		AUTO(buf) ignored = BUF(4 * n + 4);

		j->labelled.broken |= charset_set_read(set, p, n, &ignored, NULL) <= 0;
	}
}

static bool likely_utf8(const struct charset_judge *j)
{
	return !j->utf8.broken && j->utf8.score > 0 && j->utf8.score > j->gb.score &&
	       (j->single.broken || j->utf8.score > j->single.score - j->single.against);
}

static bool likely_gb(const struct charset_judge *j)
{
	return !j->gb.broken && j->gb.score > 0 &&
	       (j->single.broken || j->gb.score > j->single.score - j->single.against);
}

static bool likely_single(const struct charset_judge *j)
{
	return !j->single.broken && j->single.against == 0;
}

/* The likely reading among all, when nothing can be said for the label; NULL: none. */
static const char *best(const struct charset_judge *j)
{
	if (likely_utf8(j))
		return "ISO_IR 192";
	if (likely_gb(j))
		return "GB18030";
	if (likely_single(j) || (!j->single.broken && j->single.score > 0))
		return "ISO_IR 100";
	return !j->utf8.broken ? "ISO_IR 192" : !j->gb.broken ? "GB18030" : NULL;
}

/* Another reading than the labelled one; NULL: there is no reason to look for one. */
static const char *instead(const struct charset_judge *j)
{
	const struct charset_set *set = j->set;
	bool latin = is_set(set, "100");

	if (is_set(set, "192"))
		return j->utf8.broken ? best(j) : NULL;
	if (is_gb(set)) {
		if (j->gb.broken)
			return likely_utf8(j) ? "ISO_IR 192" : likely_single(j) ? "ISO_IR 100" : NULL;
		return likely_utf8(j) && j->utf8.score > j->gb.score + 2 ? "ISO_IR 192" : NULL;
	}
	if (set->kind == CHARSET_PAIRS)
		return j->labelled.broken ? best(j) : NULL;
	if (likely_utf8(j) && (is_western(set) || j->single.broken || j->single.against > 0))
		return "ISO_IR 192";
	if (likely_gb(j) && (latin || j->single.broken || j->single.against > 0))
		return "GB18030";
	return NULL;
}

/* Enough to show the other reading instead of the labelled one? */
static bool strong(const struct charset_judge *j, const char *likely)
{
	const struct charset_set *set = j->set;
	int score = !strcmp(likely, "ISO_IR 192") ? j->utf8.score : !strcmp(likely, "GB18030") ? j->gb.score : 4;

	if (is_set(set, "100") && !strcmp(likely, "ISO_IR 192"))
		return true; /* no word of Latin-1 is UTF-8 by chance */
	if (is_set(set, "192"))
		return score > j->utf8.score; /* else most of it is UTF-8: keep to that */
	if (set->kind == CHARSET_SINGLE && !j->single.broken && j->single.against == 0)
		return score >= 4 && score >= 2 * j->single.score;
	return score >= 2;
}

struct charset_verdict charset_judge_end(const struct charset_judge *j, const char *label)
{
	struct charset_verdict v = {.shown = label};
	const char *likely;

	if (j->values == 0)
		return v;
	if (!j->set) { /* nothing outside ASCII was announced */
		if (!(likely = best(j)))
			return v;
		v.shown = likely;
		v.wrong = true;
		if (strcmp(likely, "ISO_IR 100") != 0 && j->single.score > 0 && !j->single.broken)
			v.other = "ISO_IR 100";
		else if (strcmp(likely, "GB18030") != 0 && j->gb.score > 0 && !j->gb.broken)
			v.other = "GB18030";
		return v;
	}
	if (!(likely = instead(j)))
		return v;
	v.wrong = strong(j, likely);
	v.shown = v.wrong ? likely : label;
	v.other = v.wrong ? label : likely;
	return v;
}
