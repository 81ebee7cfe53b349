/* ISO 2022 with the escape sequences of PS3.3 C.12.1.1.2. When reading, each run of bytes of one set is put in the form
 * that iconv knows it in: 94x94 sets of G0 get their high bits set, which makes them EUC. */
#include "dicom/charset_2022.h"
#include "base/utf8.h"
#include <string.h>

/* ---- decoding */

/* G0 sequences that the standard does not have but writers use: G0 instead of G1, and JIS C 6226 of 1978. */
static const struct {
	const char *escape, *key;
	bool g1;
} strangers[] = {{"$A", "58", false}, {"$(C", "149", false}, {"$@", "87", false}, {"$(B", "87", false}};

static const char *const keys[] = {"6",   "13",  "87",  "159", "58",  "149", "100", "101", "109",
				   "110", "126", "127", "138", "144", "148", "166", "203"};

struct decoder {
	const uint8_t *p;
	size_t n, at;
	const char *vr;
	const struct charset_set *g0, *g0_first;
	const struct charset_set *g1, *g1_first, *g1_last; /* now; after a reset; the last that an escape named */
	struct buf *out;
	struct err *e;
};

static bool resets(const struct decoder *d, uint8_t c)
{
	bool pn = !strcmp(d->vr, "PN");
	bool one_value = !strcmp(d->vr, "LT") || !strcmp(d->vr, "ST") || !strcmp(d->vr, "UT");

	return c == '\r' || c == '\n' || c == '\f' || c == '\t' || (pn && (c == '^' || c == '=')) ||
	       (!one_value && c == '\\');
}

static bool named(const struct decoder *d, const char *escape)
{
	size_t k = escape ? strlen(escape) : 0;

	return k > 0 && d->n - d->at - 1 >= k && memcmp(d->p + d->at + 1, escape, k) == 0;
}

static int take_escape(struct decoder *d)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct charset_set *s = charset_set_find(keys[i]);

		if (named(d, s->g1)) {
			d->g1 = d->g1_last = s;
			d->at += strlen(s->g1) + 1;
			return 1;
		}
		if (named(d, s->g0)) {
			d->g0 = s;
			d->at += strlen(s->g0) + 1;
			return 1;
		}
	}
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		if (named(d, strangers[i].escape)) {
			d->g0 = charset_set_find(strangers[i].key);
			d->at += strlen(strangers[i].escape) + 1;
			return 1;
		}
	return 0;
}

/* A run of bytes above ASCII. Many writers do not name their set again behind a delimiter; the last one is taken then.
 */
static int take_high(struct decoder *d)
{
	const struct charset_set *set = d->g1 ? d->g1 : d->g1_last;
	size_t start = d->at;

	while (d->at < d->n && d->p[d->at] >= 0x80)
		d->at++;
	return set ? charset_set_read(set, d->p + start, d->at - start, d->out, d->e) : 0;
}

static int take_pair(struct decoder *d)
{
	uint8_t euc[3] = {d->g0->euc};
	size_t k = d->g0->euc ? 1 : 0;

	if (d->n - d->at < 2 || d->p[d->at] < 0x21 || d->p[d->at + 1] < 0x21 || d->p[d->at + 1] > 0x7E)
		return 0;
	euc[k++] = d->p[d->at++] | 0x80;
	euc[k++] = d->p[d->at++] | 0x80;
	return charset_set_read(d->g0, euc, k, d->out, d->e);
}

static int take_plain(struct decoder *d)
{
	size_t start = d->at;

	while (d->at < d->n && d->p[d->at] < 0x80 && d->p[d->at] != 0x1B && d->p[d->at] != 0) {
		if (resets(d, d->p[d->at++])) {
			d->g1 = d->g1_first;
			break;
		}
	}
	if (d->at == start) /* a NUL inside */
		return 0;
	return buf_put(d->out, d->p + start, d->at - start, d->e) < 0 ? -E_LIMIT : 1;
}

static int take(struct decoder *d)
{
	uint8_t c = d->p[d->at];

	if (c == 0x1B)
		return take_escape(d);
	if (c >= 0x80)
		return take_high(d);
	if (c <= ' ' && d->g0->kind == CHARSET_PAIRS) /* controls and blanks are no part of a pair set */
		d->g0 = d->g0_first;
	return d->g0->kind == CHARSET_PAIRS ? take_pair(d) : take_plain(d);
}

int charset_2022_decode(const struct charset_label *l, const char *vr, const uint8_t *p, size_t n, struct buf *out,
			struct err *e)
{
	struct decoder d = {.p = p, .n = n, .vr = vr, .out = out, .e = e};
	size_t start = out->len;
	int rc = 1;

	d.g0 = d.g0_first = l->set[0];
	if (l->set[0]->g1)
		d.g1 = d.g1_first = l->set[0];
	while (rc > 0 && d.at < n)
		rc = take(&d);
	if (rc <= 0)
		out->len = start;
	return rc;
}

/* ---- encoding */

struct encoder {
	const struct charset_label *label;
	const struct charset_set *g0, *g1; /* now; g1 NULL: none */
	struct buf *out;
	struct err *e;
};

static int announce(struct encoder *w, const char *escape)
{
	int rc = buf_byte(w->out, 0x1B, w->e);

	return rc < 0 ? rc : buf_str(w->out, escape, w->e);
}

static int reset_g0(struct encoder *w)
{
	const struct charset_set *first = w->label->set[0];

	if (w->g0 == first)
		return 0;
	w->g0 = first;
	return announce(w, first->g0);
}

/* To the initial state. A label without a value 1 has no initial G1, and no way to say so: the next one is named anew. */
static int reset(struct encoder *w)
{
	const struct charset_set *first = w->label->set[0]->g1 ? w->label->set[0] : NULL;
	int rc = reset_g0(w);

	if (rc < 0 || w->g1 == first)
		return rc;
	w->g1 = first;
	return first ? announce(w, first->g1) : 0;
}

static int put_ascii(struct encoder *w, uint8_t c)
{
	int rc = c < 0x20 || c == '\\' || c == '^' || c == '=' ? reset(w) : reset_g0(w);

	return rc < 0 ? rc : buf_byte(w->out, c, w->e);
}

/* 1: written in this set; 0: it lacks the character. */
static int put_in(struct encoder *w, const struct charset_set *s, const char *utf8, size_t n)
{
	uint8_t bytes[4];
	size_t len = charset_set_write(s, utf8, n, bytes);
	int rc = 0;

	if (len == 0)
		return 0;
	if (s->g1) /* many readers think that one sequence ends what the one before it began */
		rc = reset_g0(w);
	if (rc >= 0 && s->g1 && w->g1 != s) {
		rc = announce(w, s->g1);
		w->g1 = s;
	} else if (!s->g1 && w->g0 != s) {
		rc = announce(w, s->g0);
		w->g0 = s;
	}
	for (size_t i = 0; i < len && !s->g1; i++)
		bytes[i] &= 0x7F;
	return rc < 0 || (rc = buf_put(w->out, bytes, len, w->e)) < 0 ? rc : 1;
}

static int put_character(struct encoder *w, const char *utf8, size_t n)
{
	int rc = w->g1 ? put_in(w, w->g1, utf8, n) : 0;

	if (rc == 0 && w->g0->kind == CHARSET_PAIRS)
		rc = put_in(w, w->g0, utf8, n);
	for (unsigned i = 0; i < w->label->n && rc == 0; i++)
		rc = put_in(w, w->label->set[i], utf8, n);
	return rc == 0 ? err_set(w->e, E_UNSUP, "no character set of the label has a character") : rc;
}

int charset_2022_encode(const struct charset_label *l, const char *utf8, size_t n, struct buf *out, struct err *e)
{
	struct encoder w = {.label = l, .g0 = l->set[0], .out = out, .e = e};
	size_t start = out->len;
	int rc = 0;

	if (l->set[0]->g1)
		w.g1 = l->set[0];
	for (size_t i = 0, k; i < n && rc >= 0; i += k) {
		uint32_t ignored;

		k = utf8_next((const uint8_t *)utf8 + i, n - i, &ignored);
		rc = k > 1 ? put_character(&w, utf8 + i, k) : put_ascii(&w, (uint8_t)utf8[i]);
	}
	if (rc >= 0)
		rc = reset(&w);
	if (rc < 0)
		out->len = start;
	return rc < 0 ? rc : 0;
}
