#include "dicom/dset.h"
#include "dicom/dset_tree.h"
#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPECIFIC_CHARACTER_SET TAG(0x0008, 0x0005)
#define INT_EXACT (INT64_C(1) << 53) /* beyond, readers that know only doubles lose digits */

struct json {
	struct buf *out;
	struct buf text; /* a value in UTF-8, kept for its memory */
	struct err *e;
};

static int set_json(struct json *j, const struct dset *d, const char *charset);

static int put(struct json *j, const char *s)
{
	return buf_str(j->out, s, j->e);
}

/* A JSON string; s is UTF-8. */
static int put_string(struct json *j, const char *s, size_t n)
{
	int rc = buf_byte(j->out, '"', j->e);
	size_t from = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
			continue;
		if ((rc = buf_put(j->out, s + from, i - from, j->e)) < 0)
			break;
		from = i + 1;
		if (c == '"' || c == '\\')
			rc = buf_printf(j->out, j->e, "\\%c", c);
		else
			rc = buf_printf(j->out, j->e, "\\u%04x", c);
	}
	if (rc >= 0)
		rc = buf_put(j->out, s + from, n - from, j->e);
	return rc < 0 ? rc : buf_byte(j->out, '"', j->e);
}

/* ---- components of string values */

static int name_json(struct json *j, const char *s, size_t n)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	const char *sep = "{";
	int rc;

	for (unsigned i = 0; i < 3; i++) {
		const char *end = memchr(s, '=', n);
		size_t k = end ? (size_t)(end - s) : n;

		if (k > 0) {
			if ((rc = buf_printf(j->out, j->e, "%s\"%s\":", sep, groups[i])) < 0 ||
			    (rc = put_string(j, s, k)) < 0)
				return rc;
			sep = ",";
		}
		if (!end)
			break;
		s += k + 1;
		n -= k + 1;
	}
	return put(j, *sep == '{' ? "{}" : "}");
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Is s a number as JSON writes it? */
static bool json_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = digits(s);
	if (n == 0 || (n > 1 && *s == '0'))
		return false;
	s += n;
	if (*s == '.') {
		if ((n = digits(++s)) == 0)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		if ((n = digits(s)) == 0)
			return false;
		s += n;
	}
	return *s == 0;
}

/* IS and DS: a number where the text is one, and the digits as they were written where JSON allows them. */
static int number_json(struct json *j, const char *s, size_t n, bool integer)
{
	char text[64], clean[G_ASCII_DTOSTR_BUF_SIZE], *end;
	double v;

	if (n >= sizeof(text) || strspn(s, integer ? "+-0123456789" : "+-.0123456789eE") < n)
		return put_string(j, s, n);
	memcpy(text, s, n);
	text[n] = 0;
	if (json_number(text))
		return put(j, text);
	v = g_ascii_strtod(text, &end);
	if (end == text || *end || !isfinite(v) || (integer && fabs(v) >= (double)INT_EXACT))
		return put_string(j, s, n);
	return put(j, g_ascii_formatd(clean, sizeof(clean), integer ? "%.0f" : "%.16g", v));
}

static int component(struct json *j, const char *vr, const char *s, size_t n)
{
	while (n > 0 && s[n - 1] == ' ')
		n--;
	while (n > 0 && *s == ' ' && strcmp(vr, "LT") != 0 && strcmp(vr, "ST") != 0 && strcmp(vr, "UT") != 0)
		s++, n--;
	if (n == 0)
		return put(j, "null");
	if (!strcmp(vr, "PN"))
		return name_json(j, s, n);
	if (!strcmp(vr, "IS") || !strcmp(vr, "DS"))
		return number_json(j, s, n, *vr == 'I');
	return put_string(j, s, n);
}

static int strings_json(struct json *j, const struct elem *el, const char *charset)
{
	bool one = !strcmp(el->vr, "LT") || !strcmp(el->vr, "ST") || !strcmp(el->vr, "UT") || !strcmp(el->vr, "UR");
	const char *s, *end;
	size_t n;
	int rc;

	/* The answer is in UTF-8, whatever the data set was in. */
	if (el->tag == SPECIFIC_CHARACTER_SET)
		return put(j, ",\"Value\":[\"ISO_IR 192\"]");
	buf_clear(&j->text);
	if ((rc = charset_decode(charset, el->vr, el->value, el->len, &j->text, j->e)) < 0 ||
	    (rc = put(j, ",\"Value\":[")) < 0)
		return rc;
	s = buf_text(&j->text);
	for (n = j->text.len; !one && (end = memchr(s, '\\', n)); n -= (size_t)(end - s) + 1, s = end + 1)
		if ((rc = component(j, el->vr, s, (size_t)(end - s))) < 0 || (rc = put(j, ",")) < 0)
			return rc;
	if ((rc = component(j, el->vr, s, n)) < 0)
		return rc;
	return put(j, "]");
}

/* ---- binary values */

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static int real_json(struct json *j, double v, const char *format)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	if (isnan(v))
		return put(j, "\"NaN\"");
	if (isinf(v))
		return put(j, v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
	return put(j, g_ascii_formatd(text, sizeof(text), format, v));
}

static int integer_json(struct json *j, int64_t v)
{
	bool exact = v > -INT_EXACT && v < INT_EXACT;

	return buf_printf(j->out, j->e, exact ? "%" PRId64 : "\"%" PRId64 "\"", v);
}

static int unsigned_json(struct json *j, uint64_t v)
{
	return buf_printf(j->out, j->e, v < (uint64_t)INT_EXACT ? "%" PRIu64 : "\"%" PRIu64 "\"", v);
}

static int us_json(struct json *j, const uint8_t *p)
{
	return unsigned_json(j, little(p, 2));
}

static int ss_json(struct json *j, const uint8_t *p)
{
	return integer_json(j, (int16_t)little(p, 2));
}

static int ul_json(struct json *j, const uint8_t *p)
{
	return unsigned_json(j, little(p, 4));
}

static int sl_json(struct json *j, const uint8_t *p)
{
	return integer_json(j, (int32_t)little(p, 4));
}

static int uv_json(struct json *j, const uint8_t *p)
{
	return unsigned_json(j, little(p, 8));
}

static int sv_json(struct json *j, const uint8_t *p)
{
	return integer_json(j, (int64_t)little(p, 8));
}

static int fl_json(struct json *j, const uint8_t *p)
{
	uint32_t bits = (uint32_t)little(p, 4);
	float v;

	memcpy(&v, &bits, 4);
	return real_json(j, (double)v, "%.9g");
}

static int fd_json(struct json *j, const uint8_t *p)
{
	uint64_t bits = little(p, 8);
	double v;

	memcpy(&v, &bits, 8);
	return real_json(j, v, "%.17g");
}

static int at_json(struct json *j, const uint8_t *p)
{
	return buf_printf(j->out, j->e, "\"%04X%04X\"", (unsigned)little(p, 2), (unsigned)little(p + 2, 2));
}

static const struct binary {
	char vr[3];
	uint8_t size;
	int (*print)(struct json *, const uint8_t *);
} binaries[] = {
    {"US", 2, us_json}, {"SS", 2, ss_json}, {"UL", 4, ul_json}, {"SL", 4, sl_json}, {"UV", 8, uv_json},
    {"SV", 8, sv_json}, {"FL", 4, fl_json}, {"FD", 8, fd_json}, {"AT", 4, at_json},
};

static int numbers_json(struct json *j, const struct elem *el, const struct binary *b)
{
	int rc = put(j, ",\"Value\":[");

	for (size_t i = 0; i + b->size <= el->len && rc >= 0; i += b->size) {
		if (i > 0 && (rc = put(j, ",")) < 0)
			break;
		rc = b->print(j, el->value + i);
	}
	return rc < 0 ? rc : put(j, "]");
}

static int bytes_json(struct json *j, const struct elem *el)
{
	g_autofree gchar *text = g_base64_encode(el->value, el->len);

	return buf_printf(j->out, j->e, ",\"InlineBinary\":\"%s\"", text);
}

/* ---- elements */

static int items_json(struct json *j, const struct elem *el, const char *charset)
{
	int rc = put(j, ",\"Value\":[");

	for (unsigned i = 0; i < el->n_items && rc >= 0; i++) {
		if (i > 0 && (rc = put(j, ",")) < 0)
			break;
		rc = set_json(j, el->items[i], charset);
	}
	return rc < 0 ? rc : put(j, "]");
}

static int value_json(struct json *j, const struct elem *el, const char *charset)
{
	if (!strcmp(el->vr, "SQ"))
		return el->n_items ? items_json(j, el, charset) : 0;
	if (el->len == 0)
		return 0;
	if (vr_is_string(el->vr))
		return strings_json(j, el, charset);
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++)
		if (!strcmp(el->vr, binaries[i].vr))
			return el->len >= binaries[i].size ? numbers_json(j, el, &binaries[i]) : 0;
	return bytes_json(j, el);
}

/* charset: of the data set around this one, which an item has as well unless it names its own. */
static int set_json(struct json *j, const struct dset *d, const char *charset)
{
	const struct elem *own = d->up ? dset_get(d, SPECIFIC_CHARACTER_SET) : NULL;
	int rc = put(j, "{");

	if (own)
		charset = (const char *)own->value;
	for (unsigned i = 0; i < d->n && rc >= 0; i++) {
		const struct elem *el = &d->v[i];

		if ((rc = buf_printf(j->out, j->e, "%s\"%08X\":{\"vr\":\"%s\"", i ? "," : "", el->tag, el->vr)) < 0 ||
		    (rc = value_json(j, el, charset)) < 0)
			break;
		rc = put(j, "}");
	}
	return rc < 0 ? rc : put(j, "}");
}

int dset_json(const struct dset *d, struct buf *out, struct err *e)
{
	struct json j = {.out = out, .text = BUF(4 * (size_t)DSET_MOST), .e = e};
	size_t start = out->len;
	int rc = set_json(&j, d, dset_judge(d).shown);

	buf_cleanup(&j.text);
	if (rc < 0)
		out->len = start;
	return rc < 0 ? rc : 0;
}
