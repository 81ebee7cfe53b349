/* imaging/render_lut.c - lookup tables: descriptor and data, 8 or 16 bits, whole or in segments.
 *
 * Writers get descriptors wrong: bits that do not fit the entries, fewer entries than said, bytes where words are due. The data
 * decide, and what was missing is noted.
 */
#include "imaging/render_own.h"
#include <math.h>

#define ENTRIES_MOST 65536u

void lut_cleanup(struct lut *l)
{
	free(l->values);
	*l = (struct lut){0};
}

unsigned lut_at(const struct lut *l, double value)
{
	double at = floor(value + 0.5) - (double)l->first;

	return l->values[!(at > 0) ? 0 : at >= l->n ? l->n - 1 : (uint32_t)at]; /* no number: the first */
}

/* ---- segments: PS3.3 C.7.9.2 */

struct segments {
	const uint8_t *p;
	size_t n, at;  /* in units */
	unsigned unit; /* bytes: 1 or 2 */
	struct lut *to;
	uint32_t most; /* entries */
};

static unsigned unit_at(const struct segments *s, size_t at)
{
	return s->unit == 1 ? s->p[at] : (unsigned)(s->p[2 * at] | s->p[2 * at + 1] << 8);
}

static void put(struct segments *s, unsigned value)
{
	if (s->to->n < s->most)
		s->to->values[s->to->n++] = (uint16_t)value;
}

/* One segment at s->at; nested: among those that an indirect one repeats. False: they are damaged. */
static bool segment(struct segments *s, bool nested)
{
	if (s->at + 2 > s->n)
		return false;
	unsigned code = unit_at(s, s->at), length = unit_at(s, s->at + 1);

	s->at += 2;
	if (code == 0 && length <= s->n - s->at) {
		for (unsigned i = 0; i < length; i++)
			put(s, unit_at(s, s->at + i));
		s->at += length;
		return true;
	}
	if (code == 1 && s->at < s->n && s->to->n > 0) {
		int from = s->to->values[s->to->n - 1], end = (int)unit_at(s, s->at++);
		for (unsigned i = 1; i <= length; i++)
			put(s, (unsigned)lround(from + (double)(end - from) * i / length));
		return true;
	}
	unsigned words = s->unit == 1 ? 4 : 2; /* of the offset in bytes */
	if (code != 2 || nested || s->at + words > s->n)
		return false;
	uint64_t offset = 0;
	for (unsigned i = words; i-- > 0;)
		offset = offset << (8 * s->unit) | unit_at(s, s->at + i);
	size_t back = s->at + words;
	s->at = (size_t)(offset / s->unit);
	for (unsigned i = 0; i < length; i++)
		if (s->at >= s->n || !segment(s, true))
			return false;
	s->at = back;
	return true;
}

static int expand(const struct elem *el, unsigned bits, uint32_t entries, struct lut *out, struct err *e)
{
	struct segments s = {.p = el->value, .unit = bits > 8 ? 2 : 1, .to = out, .most = entries};

	s.n = el->len / s.unit;
	while (s.at < s.n && out->n < entries)
		if (!segment(&s, false))
			return err_set(e, E_CORRUPT, "a segment of a lookup table that cannot be");
	return 0;
}

/* ---- whole ones */

static void copy(const struct elem *el, uint32_t entries, struct lut *out)
{
	bool words = el->len / 2 >= entries || el->len < entries; /* bytes only where they are what fits */
	uint32_t there = (uint32_t)(words ? el->len / 2 : el->len);

	out->n = there < entries ? there : entries;
	for (uint32_t i = 0; i < out->n; i++)
		out->values[i] =
		    words ? (uint16_t)(el->value[2 * i] | el->value[2 * i + 1] << 8) : (uint16_t)el->value[i];
}

/* The greatest value that entries of these bits have; entries that say otherwise are right. */
static unsigned greatest(const struct lut *l, unsigned bits)
{
	unsigned most = 0;

	for (uint32_t i = 0; i < l->n; i++)
		if (l->values[i] > most)
			most = l->values[i];
	if (bits < 1 || bits > 16)
		bits = 1;
	while (most >> bits)
		bits++;
	return (1u << bits) - 1;
}

int lut_read(const struct dset *d, uint32_t descriptor, uint32_t data, bool is_signed, bool segmented, struct lut *out,
	     struct notes *notes, struct err *e)
{
	const struct elem *el = dset_get(d, data);
	double entries, first, bits;
	struct lut l = {0};

	if (!number_of(d, descriptor, 0, &entries) || !number_of(d, descriptor, 1, &first) ||
	    !number_of(d, descriptor, 2, &bits) || !el || el->len == 0)
		return err_set(e, E_CORRUPT, "a lookup table without descriptor or data");
	uint16_t said = (uint16_t)(int32_t)entries;
	uint32_t n = said ? said : ENTRIES_MOST;
	uint16_t raw = (uint16_t)(int32_t)first;
	l.first = is_signed ? (int16_t)raw : raw;
	if (!(l.values = calloc(n, sizeof(*l.values))))
		return err_set(e, E_NOMEM, "no memory for a lookup table");
	if (!segmented)
		copy(el, n, &l);
	else if (expand(el, (unsigned)bits, n, &l, e) < 0) {
		lut_cleanup(&l);
		return -E_CORRUPT;
	}
	if (l.n == 0) {
		lut_cleanup(&l);
		return err_set(e, E_CORRUPT, "a lookup table without entries");
	}
	if (l.n < n)
		notes_add(notes, "a lookup table has %u of %u entries", l.n, n);
	l.most = greatest(&l, (unsigned)bits);
	lut_cleanup(out);
	*out = l;
	return 0;
}
