#include "dicom/dset.h"
#include "dicom/dset_tree.h"
#include <string.h>

struct writer {
	struct buf *out;
	bool implicit, big;
};

static void set16(uint8_t *p, uint16_t v, bool big)
{
	p[big ? 1 : 0] = (uint8_t)v;
	p[big ? 0 : 1] = (uint8_t)(v >> 8);
}

static void set32(uint8_t *p, uint32_t v, bool big)
{
	set16(p + (big ? 2 : 0), (uint16_t)v, big);
	set16(p + (big ? 0 : 2), (uint16_t)(v >> 16), big);
}

static int put_head(const struct writer *w, uint32_t tag, const char *vr, size_t length, struct err *e)
{
	uint8_t h[12] = {0};
	unsigned size = 8;

	set16(h, (uint16_t)(tag >> 16), w->big);
	set16(h + 2, (uint16_t)tag, w->big);
	if (w->implicit || tag >> 16 == 0xFFFE) {
		set32(h + 4, (uint32_t)length, w->big);
	} else if (vr_is_long(vr)) {
		memcpy(h + 4, vr, 2);
		set32(h + 8, (uint32_t)length, w->big);
		size = 12;
	} else {
		if (length > UINT16_MAX)
			return err_set(e, E_LIMIT, "(%04X,%04X): %zu bytes do not fit VR %s", tag >> 16, tag & 0xFFFF,
				       length, vr);
		memcpy(h + 4, vr, 2);
		set16(h + 6, (uint16_t)length, w->big);
	}
	return buf_put(w->out, h, size, e);
}

static int put_set(const struct writer *w, const struct dset *d, struct err *e);

/* The four bytes before start, written as zero, become the length of what stands behind them. */
static void patch_length(const struct writer *w, size_t start)
{
	set32(w->out->data + start - 4, (uint32_t)(w->out->len - start), w->big);
}

static int put_sequence(const struct writer *w, const struct elem *el, struct err *e)
{
	size_t start, item;
	int rc;

	if ((rc = put_head(w, el->tag, el->vr, 0, e)) < 0)
		return rc;
	start = w->out->len;
	for (unsigned i = 0; i < el->n_items; i++) {
		if ((rc = put_head(w, TAG(0xFFFE, 0xE000), "", 0, e)) < 0)
			return rc;
		item = w->out->len;
		if ((rc = put_set(w, el->items[i], e)) < 0)
			return rc;
		patch_length(w, item);
	}
	patch_length(w, start);
	return 0;
}

static int put_value(const struct writer *w, const struct elem *el, struct err *e)
{
	bool odd = el->len & 1;
	size_t start;
	int rc;

	if ((rc = put_head(w, el->tag, el->vr, el->len + odd, e)) < 0)
		return rc;
	start = w->out->len;
	if ((rc = buf_put(w->out, el->value, el->len, e)) < 0)
		return rc;
	if (w->big)
		dset_swap(el->vr, w->out->data + start, el->len);
	if (!odd)
		return 0;
	return buf_byte(w->out, vr_is_string(el->vr) && strcmp(el->vr, "UI") != 0 ? ' ' : 0, e);
}

static int put_set(const struct writer *w, const struct dset *d, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < d->n && rc == 0; i++)
		rc = strcmp(d->v[i].vr, "SQ") != 0 ? put_value(w, &d->v[i], e) : put_sequence(w, &d->v[i], e);
	return rc;
}

int dset_write(const struct dset *d, const char *syntax, struct buf *out, struct err *e)
{
	struct writer w = {.out = out};
	size_t start = out->len;
	int rc;

	w.implicit = !strcmp(syntax, UID_IMPLICIT_LE);
	w.big = !strcmp(syntax, UID_EXPLICIT_BE);
	if (!w.implicit && !w.big && strcmp(syntax, UID_EXPLICIT_LE) != 0)
		return err_set(e, E_UNSUP, "data sets in memory are not written in %.64s", syntax);
	if ((rc = put_set(&w, d, e)) < 0)
		out->len = start;
	return rc;
}
