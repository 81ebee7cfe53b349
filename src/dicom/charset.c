#include "dicom/charset.h"
#include "base/text.h"
#include "base/utf8.h"
#include "dicom/charset_2022.h"
#include "dicom/charset_set.h"
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

static bool is_plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 0x80 || p[i] == 0x1B || p[i] == 0)
			return false;
	return true;
}

/* ---- decoding */

/* Length of the shortest run at p that the set reads, decoded into out; 0 when there is none. */
static int one_character(const struct charset_set *s, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	int rc;

	for (int k = 1; k <= 4 && (size_t)k <= n; k++)
		if ((rc = charset_set_read(s, p, (size_t)k, out, e)) != 0)
			return rc < 0 ? rc : k;
	return 0;
}

/* What fits is decoded, each byte that does not becomes U+FFFD. ASCII runs are copied, so only the rest is slow. */
static int leniently(const struct charset_set *s, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	bool lossy = false;
	int rc;

	for (size_t i = 0; i < n;) {
		if (p[i] < 0x80 && p[i] != 0x1B && p[i] != 0) {
			rc = buf_byte(out, p[i++], e);
		} else if ((rc = p[i] < 0x80 ? 0 : one_character(s, p + i, n - i, out, e)) > 0) {
			i += (size_t)rc;
		} else if (rc == 0) {
			lossy = true;
			i++;
			rc = buf_str(out, REPLACEMENT, e);
		}
		if (rc < 0)
			return rc;
	}
	return lossy ? CHARSET_LOSSY : CHARSET_AS_LABELLED;
}

static int decode(const char *label, const char *vr, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	struct charset_label l;
	const struct charset_set *high;
	int rc;

	charset_label_read(label, &l);
	high = charset_label_high(&l);
	/* Who writes escape sequences means them, whatever the label says. */
	if (l.set[0]->kind != CHARSET_WHOLE && memchr(p, 0x1B, n) &&
	    (rc = charset_2022_decode(&l, vr, p, n, out, e)) != 0)
		return rc < 0 ? rc : CHARSET_AS_LABELLED;
	if (high && !memchr(p, 0, n) && !memchr(p, 0x1B, n) && (rc = charset_set_read(high, p, n, out, e)) != 0)
		return rc < 0 ? rc : CHARSET_AS_LABELLED;
	return leniently(high ? high : l.set[0], p, n, out, e);
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

static int encode_single(const struct charset_set *s, const char *utf8, size_t n, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int rc = 0;

	for (size_t i = 0, k; i < n && rc >= 0; i += k) {
		uint8_t bytes[4] = {(uint8_t)utf8[i]};
		size_t len = 1;
		uint32_t ignored;

		k = utf8_next((const uint8_t *)utf8 + i, n - i, &ignored);
		if (k > 1 && (len = charset_set_write(s, utf8 + i, k, bytes)) == 0)
			rc = err_set(e, E_UNSUP, "%s lacks a character", s->term ? s->term : s->key);
		else
			rc = buf_put(out, bytes, len, e);
	}
	if (rc < 0)
		out->len = start;
	return rc < 0 ? rc : 0;
}

static int read_known(const char *label, struct charset_label *out, struct err *e)
{
	charset_label_read(label, out);
	return out->unknown ? err_set(e, E_UNSUP, "unknown character set \"%.32s\"", label) : 0;
}

int charset_encode(const char *label, const char *utf8, size_t n, struct buf *out, struct err *e)
{
	struct charset_label l;
	int rc;

	if (!text_valid(utf8, n))
		return err_set(e, E_INVAL, "text is not UTF-8");
	if (is_plain((const uint8_t *)utf8, n))
		return buf_put(out, utf8, n, e);
	if ((rc = read_known(label, &l, e)) < 0)
		return rc;
	if (memchr(utf8, 0x1B, n)) /* it would begin a sequence */
		return err_set(e, E_UNSUP, "text with an escape character");
	return l.n > 1 ? charset_2022_encode(&l, utf8, n, out, e) : encode_single(l.set[0], utf8, n, out, e);
}

int charset_canonical(const char *label, char out[CHARSET_LABEL], struct err *e)
{
	struct charset_label l;
	size_t len = 0;
	int rc = read_known(label, &l, e);

	if (rc < 0)
		return rc;
	if (l.n == 1 && (l.set[0]->kind != CHARSET_SINGLE || strncmp(label, "ISO 2022 IR ", 12) != 0)) {
		snprintf(out, CHARSET_LABEL, "%s", l.first_named ? l.set[0]->term : "");
		return 0;
	}
	*out = 0;
	for (unsigned i = 0; i < l.n; i++) { /* at most 8 terms of 15 characters */
		if (i > 0)
			len += (size_t)snprintf(out + len, CHARSET_LABEL - len, "\\");
		if (i > 0 || l.first_named)
			len += (size_t)snprintf(out + len, CHARSET_LABEL - len, "ISO 2022 IR %s", l.set[i]->key);
	}
	return 0;
}
