#include "base/text.h"
#include "base/han.h"
#include "base/utf8.h"
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

#define FOLD_MOST (16u << 20) /* bytes: UTF-16 lengths stay far below what ICU's int32_t can count */
#define GRAMS_ON_STACK 512

void text_plain(char *out, size_t room, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t left = text ? strlen(text) : 0, n = 0, len;

	for (; left > 0; s += len, left -= len) {
		uint32_t c = 0;
		bool plain = (len = utf8_next(s, left, &c)) > 0 && !utf8_control(c);

		if (n + (plain ? len : 1) >= room)
			break;
		if (plain)
			memcpy(out + n, s, len);
		else
			out[n] = '?';
		n += plain ? len : 1;
		len = len ? len : 1;
	}
	out[n] = '\0';
}

bool text_valid(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	uint32_t c;

	while (n > 0) {
		size_t len = utf8_next(p, n, &c);

		if (len == 0 || c == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static bool ascii_only(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* The same answer as the long way, for the text that most names and all codes consist of. */
static int fold_ascii(const char *s, size_t n, struct buf *out, struct err *e)
{
	bool blank = false;
	uint8_t *to;
	size_t len = 0;
	int rc = buf_reserve(out, n, e);

	if (rc < 0)
		return rc;
	to = out->data + out->len;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			blank = len > 0;
			continue;
		}
		if (blank)
			to[len++] = ' ';
		blank = false;
		to[len++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
	}
	out->len += len;
	out->data[out->len] = '\0';
	return 0;
}

/* UTF-16 that starts on the stack and moves to the heap when ICU asks for more. */
struct wide {
	UChar small[512], *p;
	int32_t len, room;
};

static void wide_init(struct wide *w)
{
	w->p = w->small;
	w->len = 0;
	w->room = sizeof w->small / sizeof w->small[0];
}

static void wide_cleanup(struct wide *w)
{
	if (w->p != w->small)
		free(w->p);
}
AUTO_TYPE(wide, struct wide);

static int wide_grow(struct wide *w, int32_t room, struct err *e)
{
	UChar *p = malloc((size_t)room * sizeof *p);

	if (!p)
		return err_set(e, E_NOMEM, "no memory for %d characters", (int)room);
	wide_cleanup(w);
	w->p = p;
	w->room = room;
	return 0;
}

static int wide_from_utf8(struct wide *w, const char *s, size_t n, struct err *e)
{
	UErrorCode code = U_ZERO_ERROR;
	int rc;

	if ((int32_t)n > w->room && (rc = wide_grow(w, (int32_t)n, e)) < 0)
		return rc;
	u_strFromUTF8(w->p, w->room, &w->len, s, (int32_t)n, &code);
	if (U_FAILURE(code))
		return err_set(e, E_INVAL, "not UTF-8");
	return 0;
}

static int wide_normalize(const UNormalizer2 *form, const struct wide *from, struct wide *to, struct err *e)
{
	UErrorCode code = U_ZERO_ERROR;
	int rc;

	to->len = unorm2_normalize(form, from->p, from->len, to->p, to->room, &code);
	if (code == U_BUFFER_OVERFLOW_ERROR) {
		if ((rc = wide_grow(to, to->len + 1, e)) < 0)
			return rc;
		code = U_ZERO_ERROR;
		to->len = unorm2_normalize(form, from->p, from->len, to->p, to->room, &code);
	}
	if (code == U_MEMORY_ALLOCATION_ERROR)
		return err_set(e, E_NOMEM, "no memory to normalize text");
	if (U_FAILURE(code))
		return err_set(e, E_BUG, "text was not normalized: %s", u_errorName(code));
	return 0;
}

/* An accent goes when what it stands on is a letter of an alphabet that is searched without accents, or a blank (a
 * spacing accent is a blank with a mark). On kana, Hangul, Arabic, Devanagari and all others the mark is spelling. */
static bool drops_marks(UChar32 base)
{
	UErrorCode code = U_ZERO_ERROR;
	UScriptCode script = uscript_getScript(base, &code);

	return script == USCRIPT_LATIN || script == USCRIPT_GREEK || script == USCRIPT_CYRILLIC;
}

/* Composed text: each Han character by its table. One of the Basic Plane may go to one of another: twice as long. */
static int fold_han(struct wide *from, struct wide *to, struct err *e)
{
	int32_t at = 0, out = 0;
	UChar32 c;
	int rc;

	if (to->room < 2 * from->len && (rc = wide_grow(to, 2 * from->len, e)) < 0)
		return rc;
	while (at < from->len) {
		U16_NEXT(from->p, at, from->len, c);
		c = (UChar32)han_fold((uint32_t)c);
		U16_APPEND_UNSAFE(to->p, out, c);
	}
	to->len = out;
	return 0;
}

/* In place, on decomposed text: drops accents, folds runs of blanks, drops blanks at both ends. */
static void strip(struct wide *w)
{
	int32_t at = 0, to = 0;
	bool blank = false, drop = true;
	UChar32 c;

	while (at < w->len) {
		int32_t from = at;

		U16_NEXT(w->p, at, w->len, c);
		if (u_charType(c) == U_NON_SPACING_MARK) {
			if (drop)
				continue;
		} else if (u_isUWhiteSpace(c)) {
			blank = to > 0;
			drop = true;
			continue;
		} else {
			drop = drops_marks(c);
		}
		if (blank)
			w->p[to++] = ' ';
		blank = false;
		memmove(w->p + to, w->p + from, (size_t)(at - from) * sizeof *w->p);
		to += at - from;
	}
	w->len = to;
}

static int append_utf8(const struct wide *w, struct buf *out, struct err *e)
{
	UErrorCode code = U_ZERO_ERROR;
	int32_t len = 0;
	int rc;

	u_strToUTF8(NULL, 0, &len, w->p, w->len, &code);
	if (U_FAILURE(code) && code != U_BUFFER_OVERFLOW_ERROR)
		return err_set(e, E_BUG, "text was not encoded: %s", u_errorName(code));
	if ((rc = buf_reserve(out, (size_t)len, e)) < 0)
		return rc;
	code = U_ZERO_ERROR;
	u_strToUTF8((char *)out->data + out->len, len, NULL, w->p, w->len, &code);
	if (U_FAILURE(code))
		return err_set(e, E_BUG, "text was not encoded: %s", u_errorName(code));
	out->len += (size_t)len;
	out->data[out->len] = '\0';
	return 0;
}

static int fold_unicode(const char *s, size_t n, struct buf *out, struct err *e)
{
	AUTO(wide) a, b;
	UErrorCode code = U_ZERO_ERROR;
	const UNormalizer2 *casefold, *nfd, *nfc;
	int rc;

	wide_init(&a);
	wide_init(&b);
	casefold = unorm2_getNFKCCasefoldInstance(&code);
	nfd = unorm2_getNFDInstance(&code);
	nfc = unorm2_getNFCInstance(&code);
	if (U_FAILURE(code))
		return err_set(e, E_BUG, "ICU has no normal forms: %s", u_errorName(code));
	if ((rc = wide_from_utf8(&a, s, n, e)) < 0 || (rc = wide_normalize(casefold, &a, &b, e)) < 0 ||
	    (rc = wide_normalize(nfd, &b, &a, e)) < 0)
		return rc;
	strip(&a);
	if ((rc = wide_normalize(nfc, &a, &b, e)) < 0 || (rc = fold_han(&b, &a, e)) < 0)
		return rc;
	return append_utf8(&a, out, e);
}

int text_fold(const char *s, size_t n, struct buf *out, struct err *e)
{
	if (n > FOLD_MOST)
		return err_set(e, E_LIMIT, "text of %zu bytes", n);
	if (n > 0 && memchr(s, 0, n))
		return err_set(e, E_INVAL, "text with a NUL");
	return ascii_only(s, n) ? fold_ascii(s, n, out, e) : fold_unicode(s, n, out, e);
}

/* Bytes of the character at s; a malformed byte counts as a character. */
static size_t step(const char *s, size_t n)
{
	uint32_t c;
	size_t len = utf8_next((const uint8_t *)s, n, &c);

	return len ? len : 1;
}

/* Only the last * needs to be tried again, so the work is at most pn x sn. Literal bytes may be compared one by one:
 * in UTF-8 no character begins in the middle of another. */
bool text_wild(const char *pattern, size_t pn, const char *s, size_t sn)
{
	size_t p = 0, at = 0, star_p = 0, star_at = 0;
	bool star = false;

	while (at < sn) {
		if (p < pn && pattern[p] == '*') {
			star = true;
			star_p = ++p;
			star_at = at;
		} else if (p < pn && pattern[p] == '?') {
			p++;
			at += step(s + at, sn - at);
		} else if (p < pn && pattern[p] == s[at]) {
			p++;
			at++;
		} else if (star) {
			p = star_p;
			star_at += step(s + star_at, sn - star_at);
			at = star_at;
		} else {
			return false;
		}
	}
	while (p < pn && pattern[p] == '*')
		p++;
	return p == pn;
}

static int by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return a < b ? -1 : a > b;
}

static size_t put_utf8(uint32_t c, char *out)
{
	size_t len = 0;

	U8_APPEND_UNSAFE(out, len, c);
	return len;
}

#define GRAM(a, b, c) ((uint64_t)(a) << 42 | (uint64_t)(b) << 21 | (uint64_t)(c))

/* A gram as a number: its characters, the first one highest, 0 for none. */
static int grams_of(const char *folded, size_t n, uint64_t *grams, size_t *count)
{
	const uint8_t *s = (const uint8_t *)folded;
	uint32_t c, before = 0, first = 0;

	*count = 0;
	while (n > 0) {
		size_t len = utf8_next(s, n, &c);

		if (len == 0 || c == 0)
			return -E_INVAL;
		if (before && (before >= 0x80 || c >= 0x80))
			grams[(*count)++] = GRAM(before, c, 0);
		else if (first && first < 0x80)
			grams[(*count)++] = GRAM(first, before, c);
		if (c >= 0x80)
			grams[(*count)++] = GRAM(c, 0, 0);
		first = before;
		before = c;
		s += len;
		n -= len;
	}
	return 0;
}

int text_grams(const char *folded, size_t n, int (*seen)(void *arg, const char *gram, size_t len), void *arg)
{
	uint64_t small[GRAMS_ON_STACK], *grams = small;
	size_t count;
	int rc;

	/* ASCII gives one gram a byte; others give two for at least two bytes. */
	if (n > GRAMS_ON_STACK) {
		grams = calloc(n, sizeof *grams);
		if (!grams)
			return -E_NOMEM;
	}
	rc = grams_of(folded, n, grams, &count);
	if (rc == 0)
		qsort(grams, count, sizeof *grams, by_value);
	for (size_t i = 0; i < count && rc == 0; i++) {
		char text[12];
		size_t len = 0;

		if (i > 0 && grams[i] == grams[i - 1])
			continue;
		for (int shift = 42; shift >= 0; shift -= 21)
			if (grams[i] >> shift & 0x1FFFFF)
				len += put_utf8((uint32_t)(grams[i] >> shift & 0x1FFFFF), text + len);
		rc = seen(arg, text, len);
	}
	if (grams != small)
		free(grams);
	return rc;
}
