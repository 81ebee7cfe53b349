/* dicom/model_value.c - takes the value of an element apart by its VR and gives the parts to the format. */
#include "base/text.h"
#include "dicom/model_format.h"
#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define SPECIFIC_CHARACTER_SET TAG(0x0008, 0x0005)
#define INT_EXACT (INT64_C(1) << 53) /* beyond, readers that know only doubles lose digits */
#define INT_DIGITS 18u               /* and beyond this, readers that know only 64 bits lose everything */

/* ---- numbers */

const char *model_real_text(char out[MODEL_REAL], double v, bool single)
{
	static const char *const formats[2][3] = {{"%.15g", "%.16g", "%.17g"}, {"%.7g", "%.8g", "%.9g"}};

	for (unsigned i = 0; i < 3; i++) {
		double back;

		g_ascii_formatd(out, MODEL_REAL, formats[single][i], v);
		back = g_ascii_strtod(out, NULL);
		if (single ? (float)back == (float)v : back == v)
			break;
	}
	return out;
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Is s a number as JSON writes it, and one that readers of JSON take? */
static bool json_number(const char *s)
{
	const char *text = s;
	size_t n;

	s += *s == '-';
	n = digits(s);
	if (n == 0 || (n > 1 && *s == '0') || n > INT_DIGITS)
		return false;
	s += n;
	if (*s == '.') {
		if ((n = digits(++s)) == 0)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		if ((n = digits(s)) == 0 || !isfinite(g_ascii_strtod(text, NULL)))
			return false;
		s += n;
	}
	return *s == 0;
}

/* IS and DS: a number where the text is one, and the digits as they were written where JSON allows them. */
static int decimal(struct model_writer *w, unsigned n, const char *s, size_t len, bool integer, struct err *e)
{
	char text[64], clean[G_ASCII_DTOSTR_BUF_SIZE], *end;
	double v;

	if (len >= sizeof(text) || strspn(s, integer ? "+-0123456789" : "+-.0123456789eE") < len)
		return w->ops->text(w, n, s, len, e);
	memcpy(text, s, len);
	text[len] = 0;
	if (json_number(text))
		return w->ops->number(w, n, text, true, e);
	v = g_ascii_strtod(text, &end);
	if (end == text || *end || !isfinite(v) || (integer && fabs(v) >= (double)INT_EXACT))
		return w->ops->text(w, n, s, len, e);
	return w->ops->number(w, n, g_ascii_formatd(clean, sizeof(clean), integer ? "%.0f" : "%.16g", v), true, e);
}

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static int real(struct model_writer *w, unsigned n, const uint8_t *p, bool single, struct err *e)
{
	uint64_t bits = little(p, single ? 4 : 8);
	uint32_t half = (uint32_t)bits;
	double v;
	float f;

	if (!single) {
		memcpy(&v, &bits, 8);
		return w->ops->real(w, n, v, false, e);
	}
	memcpy(&f, &half, 4);
	return w->ops->real(w, n, (double)f, true, e);
}

static int whole(struct model_writer *w, unsigned n, const uint8_t *p, unsigned size, bool is_signed, struct err *e)
{
	uint64_t v = little(p, size);
	unsigned shift = size && size < 8 ? 64 - 8 * size : 0;
	int64_t s = (int64_t)(v << shift) >> shift;
	char text[24];

	if (is_signed) {
		snprintf(text, sizeof(text), "%" PRId64, s);
		return w->ops->number(w, n, text, s > -INT_EXACT && s < INT_EXACT, e);
	}
	snprintf(text, sizeof(text), "%" PRIu64, v);
	return w->ops->number(w, n, text, v < (uint64_t)INT_EXACT, e);
}

enum binary_kind { UNSIGNED, SIGNED, SINGLE, DOUBLE, ATTRIBUTE };
static const struct binary {
	char vr[3];
	uint8_t size, kind;
} binaries[] = {
    {"US", 2, UNSIGNED}, {"SS", 2, SIGNED}, {"UL", 4, UNSIGNED}, {"SL", 4, SIGNED},    {"UV", 8, UNSIGNED},
    {"SV", 8, SIGNED},   {"FL", 4, SINGLE}, {"FD", 8, DOUBLE},   {"AT", 4, ATTRIBUTE},
};

static int binary_one(struct model_writer *w, unsigned n, const uint8_t *p, const struct binary *b, struct err *e)
{
	char text[9];

	switch (b->kind) {
	case SINGLE:
	case DOUBLE:
		return real(w, n, p, b->kind == SINGLE, e);
	case ATTRIBUTE:
		snprintf(text, sizeof(text), "%04X%04X", (unsigned)little(p, 2), (unsigned)little(p + 2, 2));
		return w->ops->text(w, n, text, 8, e);
	default:
		return whole(w, n, p, b->size, b->kind == SIGNED, e);
	}
}

static int binary(struct model_writer *w, const uint8_t *p, size_t len, const struct binary *b, struct err *e)
{
	int rc;

	if (len < b->size)
		return 0;
	rc = w->ops->values(w, true, e);
	for (unsigned n = 1; len >= b->size && rc >= 0; p += b->size, len -= b->size)
		rc = binary_one(w, n++, p, b, e);
	return rc < 0 ? rc : w->ops->values(w, false, e);
}

/* ---- strings */

static bool is(const char *vr, const char *one)
{
	return vr[0] == one[0] && vr[1] == one[1];
}

/* Where blanks in front count. */
static bool is_paragraph(const char *vr)
{
	return is(vr, "LT") || is(vr, "ST") || is(vr, "UT");
}

static void trim(const char *vr, const char **s, size_t *len)
{
	while (*len > 0 && ((*s)[*len - 1] == ' ' || (*s)[*len - 1] == 0))
		--*len;
	while (*len > 0 && **s == ' ' && !is_paragraph(vr))
		++*s, --*len;
}

/* Delimiters of components and groups behind a name say nothing (PS3.5 6.2.1.1). */
static void trim_name(const char *s, size_t *len)
{
	while (*len > 0 && (s[*len - 1] == '^' || s[*len - 1] == '=' || s[*len - 1] == ' '))
		--*len;
}

static int string_one(struct model_writer *w, unsigned n, const char *vr, const char *s, size_t len, struct err *e)
{
	trim(vr, &s, &len);
	if (is(vr, "PN"))
		trim_name(s, &len);
	if (len == 0)
		return w->ops->none(w, n, e);
	if (is(vr, "PN"))
		return w->ops->name(w, n, s, len, e);
	if (is(vr, "IS") || is(vr, "DS"))
		return decimal(w, n, s, len, is(vr, "IS"), e);
	return w->ops->text(w, n, s, len, e);
}

/* Values in UTF-8. */
static int strings(struct model_writer *w, const char *vr, const char *s, size_t len, struct err *e)
{
	bool one = is_paragraph(vr) || is(vr, "UR");
	const char *all = s, *end;
	size_t all_len = len;
	unsigned n = 1;
	int rc;

	trim(vr, &all, &all_len);
	if (is(vr, "PN"))
		trim_name(all, &all_len);
	if (all_len == 0)
		return 0;
	rc = w->ops->values(w, true, e);
	for (; rc >= 0 && !one && (end = memchr(s, '\\', len)); len -= (size_t)(end - s) + 1, s = end + 1)
		rc = string_one(w, n++, vr, s, (size_t)(end - s), e);
	if (rc < 0 || (rc = string_one(w, n, vr, s, len, e)) < 0)
		return rc;
	return w->ops->values(w, false, e);
}

/* Nothing to decode: ASCII, as most values are, and UTF-8 that says so. */
static bool is_utf8(const char *charset, const uint8_t *p, size_t n)
{
	bool ascii = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == 0x1B || p[i] == 0)
			return false;
		ascii &= p[i] < 0x80;
	}
	return ascii || (!strcmp(charset, "ISO_IR 192") && text_valid((const char *)p, n));
}

static int text_value(struct model_writer *w, uint32_t tag, const char *vr, const uint8_t *p, size_t len, struct err *e)
{
	const char *charset = w->levels[w->depth].charset, *s = (const char *)p;
	int rc;

	if (tag == SPECIFIC_CHARACTER_SET) /* the answer is in UTF-8, whatever the data set was in */
		return strings(w, vr, "ISO_IR 192", 10, e);
	if (!is_utf8(charset, p, len)) {
		buf_clear(&w->text);
		if ((rc = charset_decode(charset, vr_is_text(vr) ? vr : "LO", p, len, &w->text, e)) < 0)
			return rc;
		s = buf_text(&w->text);
		len = w->text.len;
	}
	if (w->xml && tag >> 16 & 1 && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF &&
	    (rc = model_creator_note(w, tag, s, len, e)) < 0)
		return rc;
	return strings(w, vr, s, len, e);
}

int model_value(struct model_writer *w, uint32_t tag, const char *vr, const uint8_t *value, size_t len, struct err *e)
{
	if (vr_is_string(vr))
		return text_value(w, tag, vr, value, len, e);
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++)
		if (is(vr, binaries[i].vr))
			return binary(w, value, len, &binaries[i], e);
	return w->ops->bytes(w, value, len, e);
}
