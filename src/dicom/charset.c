#include "dicom/charset.h"
#include "base/text.h"
#include "dicom/charset_2022.h"
#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"
#define TERM_MOST 32

/* ---- labels */

static const struct {
	const char *term, *iconv; /* term without "ISO_IR " or "ISO 2022 IR " */
} plain[] = {
    {"6", "ASCII"},        {"13", "CP932"},        {"100", "ISO-8859-1"}, {"101", "ISO-8859-2"}, {"109", "ISO-8859-3"},
    {"110", "ISO-8859-4"}, {"126", "ISO-8859-7"},  {"127", "ISO-8859-6"}, {"138", "ISO-8859-8"}, {"144", "ISO-8859-5"},
    {"148", "ISO-8859-9"}, {"149", "EUC-KR"},      {"58", "EUC-CN"},      {"159", "EUC-JP"},     {"166", "TIS-620"},
    {"192", "UTF-8"},      {"203", "ISO-8859-15"}, {"87", "EUC-JP"},
};

/* The iconv name of one defined term, as the standard spells it and as it is met; NULL when unknown. An empty term is
 * the default repertoire. */
static const char *iconv_name(const char *term)
{
	const char *number = NULL;

	if (!*term)
		return "ASCII";
	if (!strcasecmp(term, "GB18030"))
		return "GB18030";
	if (!strcasecmp(term, "GBK") || !strcasecmp(term, "GB2312"))
		return "GBK";
	if (!strncasecmp(term, "ISO_IR", 6) || !strncasecmp(term, "ISO IR", 6))
		number = term + 6;
	else if (!strncasecmp(term, "ISO 2022 IR", 11) || !strncasecmp(term, "ISO-2022-IR", 11))
		number = term + 11;
	if (!number)
		return !strcasecmp(term, "UTF-8") || !strcasecmp(term, "UTF8") ? "UTF-8" : NULL;
	while (*number == ' ' || *number == '_' || *number == '-')
		number++;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strcmp(number, plain[i].term))
			return plain[i].iconv;
	return NULL;
}

/* Copies the first term, trimmed. Returns whether there are more. */
static bool first_term(const char *label, char out[TERM_MOST])
{
	size_t n = strcspn(label, "\\");
	bool more = label[n] != 0;

	while (n > 0 && *label == ' ')
		label++, n--;
	while (n > 0 && label[n - 1] == ' ')
		n--;
	if (n >= TERM_MOST)
		n = 0;
	memcpy(out, label, n);
	out[n] = 0;
	return more;
}

/* ---- looking at bytes */

static bool is_plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 0x80 || p[i] == 0x1B || p[i] == 0)
			return false;
	return true;
}

static bool has_escape(const uint8_t *p, size_t n)
{
	return memchr(p, 0x1B, n) != NULL;
}

/* Every byte above ASCII belongs to a pair of the level 1 and 2 hanzi of GB 2312, the ones that names are made of.
 * Western text in Latin-1 hardly ever looks so: its accented letters stand alone between ASCII ones. */
static bool all_common_hanzi(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80)
			continue;
		if (p[i] < 0xB0 || p[i] > 0xF7 || i + 1 >= n || p[i + 1] < 0xA1 || p[i + 1] > 0xFE)
			return false;
		i++;
	}
	return true;
}

/* ---- decoding */

/* All or nothing: out is as it was when anything does not fit. */
static int strictly(const char *iconv, const uint8_t *p, size_t n, struct buf *out)
{
	size_t start = out->len;
	int rc = text_from(iconv, p, n, out, NULL); /* no sentence: trying is cheap that way */

	if (rc >= 0 && !text_valid(buf_text(out) + start, out->len - start))
		rc = -E_INVAL; /* iconv knows UTF-8 beyond U+10FFFF */
	if (rc < 0)
		out->len = start;
	return rc == -E_LIMIT || rc == -E_NOMEM ? rc : rc < 0 ? 0 : 1;
}

/* Length of the longest character at p that the charset knows, decoded into out; 0 when none. */
static int one_character(const char *iconv, const uint8_t *p, size_t n, struct buf *out)
{
	int rc;

	for (int k = 1; k <= 4 && (size_t)k <= n; k++)
		if ((rc = strictly(iconv, p, (size_t)k, out)) != 0)
			return rc < 0 ? rc : k;
	return 0;
}

/* What fits is decoded, each byte that does not becomes U+FFFD. ASCII runs are copied, so only the rest is slow. */
static int leniently(const char *iconv, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	bool lossy = false;
	int rc;

	for (size_t i = 0; i < n;) {
		if (p[i] < 0x80 && p[i] != 0x1B && p[i] != 0) {
			rc = buf_byte(out, p[i++], e);
		} else if ((rc = p[i] < 0x80 ? 0 : one_character(iconv, p + i, n - i, out)) > 0) {
			i += (size_t)rc;
		} else if (rc == 0) {
			lossy = true;
			i++;
			rc = buf_str(out, REPLACEMENT, e);
		}
		if (rc < 0)
			return err_set(e, (enum err_code) - rc, "text is too long");
	}
	return lossy ? CHARSET_LOSSY : 0;
}

/* The encodings likely behind a label, most telling first. 1 decoded, 0 none fits. */
static int guess(const char *labelled, const uint8_t *p, size_t n, struct buf *out)
{
	bool latin = !strcmp(labelled, "ISO-8859-1");
	int rc;

	if (strcmp(labelled, "UTF-8") != 0 && (rc = strictly("UTF-8", p, n, out)) != 0)
		return rc;
	if (latin && !all_common_hanzi(p, n))
		return 0;
	return strictly("GB18030", p, n, out);
}

static int decode(const char *label, const char *vr, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	char term[TERM_MOST];
	bool more = first_term(label, term);
	const char *name = iconv_name(term);
	bool escapes = has_escape(p, n) && (more || !strncasecmp(term, "ISO 2022", 8));
	bool suspect = !name || !strcmp(name, "ASCII") || !strcmp(name, "ISO-8859-1");
	int rc;

	if (escapes && (rc = charset_2022_decode(name, vr, p, n, out, e)) != 0)
		return rc < 0 ? rc : CHARSET_AS_LABELLED;
	if (!name)
		name = "ASCII";
	if (!escapes && !suspect && (rc = strictly(name, p, n, out)) != 0)
		return rc < 0 ? rc : CHARSET_AS_LABELLED;
	if (!escapes && (rc = guess(name, p, n, out)) != 0)
		return rc < 0 ? rc : CHARSET_GUESSED;
	return leniently(name, p, n, out, e);
}

int charset_decode(const char *label, const char *vr, const void *bytes, size_t n, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int rc;

	while (n > 0 && ((const uint8_t *)bytes)[n - 1] == 0) /* padding, though it should be blanks */
		n--;
	if (is_plain(bytes, n))
		return buf_put(out, bytes, n, e);
	if ((rc = decode(label, vr, bytes, n, out, e)) < 0) {
		out->len = start;
		return err_set(e, (enum err_code) - rc, "text does not fit its buffer");
	}
	return rc;
}

/* ---- encoding */

static size_t utf8_length(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;
	size_t k = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	return k < n ? k : n;
}

/* Character by character, '?' for what the charset lacks. */
static int encode_with_marks(const char *name, const char *s, size_t n, struct buf *out, struct err *e)
{
	int rc = 0;

	for (size_t k; n > 0 && rc >= 0; s += k, n -= k) {
		struct err ignored = {0};
		size_t start = out->len;

		k = utf8_length(s, n);
		if ((rc = text_to(name, s, k, out, &ignored)) >= 0)
			continue;
		out->len = start;
		rc = buf_byte(out, '?', e);
	}
	return rc < 0 ? rc : 0;
}

int charset_encode(const char *label, const char *utf8, size_t n, struct buf *out, struct err *e)
{
	char term[TERM_MOST];
	bool more = first_term(label, term);
	const char *name = iconv_name(term);
	size_t start = out->len;
	int rc;

	if (!text_valid(utf8, n))
		return err_set(e, E_INVAL, "text is not UTF-8");
	if (is_plain((const uint8_t *)utf8, n))
		return buf_put(out, utf8, n, e);
	if (!name)
		return err_set(e, E_UNSUP, "unknown character set \"%.32s\"", term);
	if (!strcmp(name, "CP932") || !strcmp(name, "EUC-JP"))
		return err_set(e, E_UNSUP, "text cannot be written in %.32s", term);
	if (text_to(name, utf8, n, out, NULL) >= 0)
		return 0;
	out->len = start;
	if (more)
		return err_set(e, E_UNSUP, "text needs more than %.32s", *term ? term : "the default character set");
	if ((rc = encode_with_marks(name, utf8, n, out, e)) < 0)
		out->len = start;
	return rc;
}
