/* imaging/edits.c - elements that replace others, and what that does to the lengths of groups. */
#include "imaging/outline.h"
#include <stdlib.h>
#include <string.h>

/* ---- elements */

static void number(uint8_t *p, unsigned n, uint64_t v, bool big)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));
}

static unsigned unit(const char *vr)
{
	static const struct {
		char vr[3];
		uint8_t n;
	} units[] = {{"US", 2}, {"SS", 2}, {"OW", 2}, {"UL", 4}, {"SL", 4}, {"FL", 4}, {"FD", 8}, {"OV", 8}};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(units[i].vr, vr) == 0)
			return units[i].n;
	return 1;
}

static int put_value(struct buf *out, enum encoding c, const char *vr, const uint8_t *value, size_t n, struct err *e)
{
	const unsigned u = c == ENCODING_BIG ? unit(vr) : 1;
	int rc = buf_put(out, value, n, e);

	for (size_t i = 0; rc == 0 && u > 1 && i + u <= n; i += u)
		for (unsigned k = 0; k < u; k++)
			out->data[out->len - n + i + k] = value[i + u - 1 - k];
	if (rc == 0 && n % 2)
		rc = buf_byte(out, vr_is_string(vr) && strcmp(vr, "UI") != 0 ? ' ' : 0, e);
	return rc;
}

int element_put(struct buf *out, enum encoding c, uint32_t tag, const char *vr, const void *value, size_t n,
		struct err *e)
{
	const bool big = c == ENCODING_BIG, wide = c == ENCODING_IMPLICIT || vr_is_long(vr);
	const size_t padded = n + n % 2, begun = out->len;
	uint8_t head[12] = {0};
	size_t length = 8;
	int rc;

	if (padded > (wide ? UINT32_MAX - 1 : UINT16_MAX))
		return err_set(e, E_LIMIT, "%zu bytes are too many for an element", n);
	number(head, 2, tag >> 16, big);
	number(head + 2, 2, tag & 0xFFFF, big);
	if (c == ENCODING_IMPLICIT) {
		number(head + 4, 4, padded, false);
	} else {
		memcpy(head + 4, vr, 2);
		number(head + (wide ? 8 : 6), wide ? 4 : 2, padded, big);
		length = wide ? 12 : 8;
	}
	if ((rc = buf_put(out, head, length, e)) < 0 || (rc = put_value(out, c, vr, value, n, e)) < 0)
		out->len = begun;
	return rc;
}

/* ---- edits */

void edits_cleanup(struct edits *x)
{
	for (unsigned i = 0; i < x->n; i++)
		buf_cleanup(&x->list[i].bytes);
	x->n = 0;
}

struct edit *edits_at(struct edits *x, uint32_t tag)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->list[i].tag == tag)
			return &x->list[i];
	return NULL;
}

/* The place is taken from the outline; what was said of the same element before is replaced. */
static struct edit *edit_of(struct edits *x, const struct outline *o, uint32_t tag, struct err *e)
{
	const struct place *p = outline_at(o, tag);
	struct edit *it = edits_at(x, tag);

	if (!p || (!it && x->n == EDITS_MOST)) {
		err_set(e, E_BUG, "no place for an edit of %08X", tag);
		return NULL;
	}
	if (!it)
		it = &x->list[x->n++];
	else
		buf_cleanup(&it->bytes);
	*it = (struct edit){.tag = tag, .at = p->at, .old_n = p->end - p->at, .bytes = BUF(UINT32_MAX)};
	return it;
}

int edits_put(struct edits *x, const struct outline *o, uint32_t tag, const char *vr, const void *value, size_t n,
	      struct err *e)
{
	struct edit *it = edit_of(x, o, tag, e);

	return it ? element_put(&it->bytes, o->encoding, tag, vr, value, n, e) : -E_BUG;
}

int edits_text(struct edits *x, const struct outline *o, uint32_t tag, const char *vr, const char *text, struct err *e)
{
	return edits_put(x, o, tag, vr, text, strlen(text), e);
}

int edits_number(struct edits *x, const struct outline *o, uint32_t tag, uint16_t value, struct err *e)
{
	const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

	return edits_put(x, o, tag, "US", bytes, sizeof bytes, e);
}

int edits_remove(struct edits *x, const struct outline *o, uint32_t tag, struct err *e)
{
	if (!outline_at(o, tag) || !outline_at(o, tag)->there)
		return 0;
	return edit_of(x, o, tag, e) ? 0 : -E_BUG;
}

static int in_order(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

static int group_length(struct edits *x, const struct outline *o, uint32_t group, struct err *e)
{
	const struct place *p = outline_at(o, group);
	const bool big = o->encoding == ENCODING_BIG;
	uint64_t length = 0;
	uint8_t value[4];

	if (!p->there || p->n != 4 || edits_at(x, group))
		return 0;
	for (unsigned i = 0; i < 4; i++)
		length |= (uint64_t)p->value[big ? 3 - i : i] << 8 * i;
	const uint64_t before = length;
	for (unsigned i = 0; i < x->n; i++)
		if (x->list[i].tag >> 16 == group >> 16)
			length += x->list[i].bytes.len - x->list[i].old_n;
	if (length == before)
		return 0;
	number(value, 4, length, false);
	return edits_put(x, o, group, "UL", value, 4, e);
}

int edits_end(struct edits *x, const struct outline *o, struct err *e)
{
	int rc;

	if ((rc = group_length(x, o, TAG(0x0008, 0), e)) < 0 || (rc = group_length(x, o, TAG(0x0028, 0), e)) < 0)
		return rc;
	qsort(x->list, x->n, sizeof *x->list, in_order);
	for (unsigned i = 1; i < x->n; i++) /* what is out of order, or there twice, is too broken to be cut up */
		if (x->list[i].at < x->list[i - 1].at + x->list[i - 1].old_n)
			return err_set(e, E_CORRUPT, "elements of the data set overlap");
	return 0;
}
