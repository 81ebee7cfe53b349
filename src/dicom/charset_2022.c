/* ISO 2022 with the escape sequences of PS3.3 C.12.1.1.2. Each run of bytes of one set is put in the form that iconv
 * knows it in: 94x94 sets of G0 get their high bits set, which makes them EUC. */
#include "dicom/charset_2022.h"
#include "base/text.h"
#include <string.h>

enum part { G0_ONE, G0_PAIRS, G1 };

struct set {
	char escape[4]; /* behind ESC */
	enum part part;
	const char *iconv;
	uint8_t prefix; /* before each pair in EUC */
};

static const struct set sets[] = {
    {"(B", G0_ONE, "ASCII", 0},     {"(J", G0_ONE, "ASCII", 0},        {"$B", G0_PAIRS, "EUC-JP", 0},
    {"$@", G0_PAIRS, "EUC-JP", 0},  {"$(D", G0_PAIRS, "EUC-JP", 0x8F}, {"$A", G0_PAIRS, "EUC-CN", 0},
    {"$(C", G0_PAIRS, "EUC-KR", 0}, {"$)C", G1, "EUC-KR", 0},          {"$)A", G1, "EUC-CN", 0},
    {")I", G1, "CP932", 0},         {"-A", G1, "ISO-8859-1", 0},       {"-B", G1, "ISO-8859-2", 0},
    {"-C", G1, "ISO-8859-3", 0},    {"-D", G1, "ISO-8859-4", 0},       {"-F", G1, "ISO-8859-7", 0},
    {"-G", G1, "ISO-8859-6", 0},    {"-H", G1, "ISO-8859-8", 0},       {"-L", G1, "ISO-8859-5", 0},
    {"-M", G1, "ISO-8859-9", 0},    {"-T", G1, "TIS-620", 0},          {"-b", G1, "ISO-8859-15", 0},
};
static const struct set ascii = {"(B", G0_ONE, "ASCII", 0};

struct decoder {
	const uint8_t *p;
	size_t n, at;
	const char *vr;
	const struct set *g0;
	const char *g1, *g1_first, *g1_last; /* now; after a reset; the last that an escape named */
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

static int convert(const struct decoder *d, const char *iconv, const uint8_t *p, size_t n)
{
	struct err why = {0};
	int rc = text_from(iconv, p, n, d->out, &why);

	if (rc == -E_LIMIT || rc == -E_NOMEM)
		return err_set(d->e, why.code, "%s", why.msg);
	return rc < 0 ? 0 : 1;
}

static int take_escape(struct decoder *d)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		size_t k = strlen(sets[i].escape);

		if (d->n - d->at - 1 < k || memcmp(d->p + d->at + 1, sets[i].escape, k) != 0)
			continue;
		if (sets[i].part == G1)
			d->g1 = d->g1_last = sets[i].iconv;
		else
			d->g0 = &sets[i];
		d->at += k + 1;
		return 1;
	}
	return 0;
}

/* A run of bytes above ASCII. Many writers do not name their set again behind a delimiter; the last one is taken then.
 */
static int take_high(struct decoder *d)
{
	const char *set = d->g1 ? d->g1 : d->g1_last;
	size_t start = d->at;

	while (d->at < d->n && d->p[d->at] >= 0x80)
		d->at++;
	return set ? convert(d, set, d->p + start, d->at - start) : 0;
}

static int take_pair(struct decoder *d)
{
	uint8_t euc[3] = {d->g0->prefix};
	size_t k = d->g0->prefix ? 1 : 0;

	if (d->n - d->at < 2 || d->p[d->at] < 0x21 || d->p[d->at + 1] < 0x21 || d->p[d->at + 1] > 0x7E)
		return 0;
	euc[k++] = d->p[d->at++] | 0x80;
	euc[k++] = d->p[d->at++] | 0x80;
	return convert(d, d->g0->iconv, euc, k);
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
	return convert(d, "ASCII", d->p + start, d->at - start);
}

static int take(struct decoder *d)
{
	uint8_t c = d->p[d->at];

	if (c == 0x1B)
		return take_escape(d);
	if (c >= 0x80)
		return take_high(d);
	if (c <= ' ' && d->g0->part == G0_PAIRS) /* controls and blanks are no part of a pair set */
		d->g0 = &ascii;
	return d->g0->part == G0_PAIRS ? take_pair(d) : take_plain(d);
}

int charset_2022_decode(const char *first, const char *vr, const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	struct decoder d = {.p = p, .n = n, .vr = vr, .g0 = &ascii, .out = out, .e = e};
	size_t start = out->len;
	int rc = 1;

	if (first && strcmp(first, "ASCII") != 0)
		d.g1 = d.g1_first = first;
	while (rc > 0 && d.at < n)
		rc = take(&d);
	if (rc <= 0)
		out->len = start;
	return rc;
}
