/* imaging/outline.c - one walk over a data set up to its pixels, and what is to be changed in it. */
#include "imaging/outline.h"
#include "dicom/scan.h"
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 << 10 };

/* Ascending. Lengths of groups are there since they go stale. */
static const uint32_t tags[] = {
    TAG(0x0008, 0),   T_IMAGE_TYPE,   T_SOP_CLASS,   T_SOP_INSTANCE,   T_DERIVATION, T_SOURCE_IMAGES, T_DERIVATION_CODE,
    TAG(0x0028, 0),   T_SAMPLES,      T_PHOTOMETRIC, T_PLANAR,         T_FRAMES,     T_ROWS,          T_COLUMNS,
    T_BITS_ALLOCATED, T_BITS_STORED,  T_HIGH_BIT,    T_REPRESENTATION, T_LOSSY,      T_RATIO,         T_METHOD,
    T_ICON,           TAG(0x7FE0, 0), T_OFFSETS,     T_LENGTHS,        T_TOTAL,      T_PIXELS};
enum { TAGS = sizeof tags / sizeof *tags };
_Static_assert(TAGS <= OUTLINE_TAGS, "room for all");

enum encoding encoding_of(const char *syntax)
{
	if (strcmp(syntax, UID_IMPLICIT_LE) == 0)
		return ENCODING_IMPLICIT;
	return strcmp(syntax, UID_EXPLICIT_BE) == 0 ? ENCODING_BIG : ENCODING_EXPLICIT;
}

/* ---- reading */

struct walk {
	struct outline *o;
	const struct image_source *src;
};

static void end_open(struct outline *o, uint64_t at)
{
	for (unsigned i = 0; o->open; i++)
		if (o->open & 1u << i) {
			o->places[i].end = at;
			o->open &= ~(1u << i);
		}
}

static void keep_value(struct place *p, const struct scan_element *el)
{
	uint32_t n = el->value && el->length <= OUTLINE_VALUE ? el->length : 0;

	while (n > 0 && vr_is_string(el->vr) && (el->value[n - 1] == ' ' || el->value[n - 1] == 0))
		n--;
	if (n > 0)
		memcpy(p->value, el->value, n);
	p->value[n] = 0;
	p->n = n;
}

static int element(void *arg, const struct scan_element *el, struct err *e)
{
	struct walk *w = arg;
	struct outline *o = w->o;
	const uint64_t at = w->src->head_len + el->head_at;

	(void)e;
	if (el->depth > 0) {
		if (el->tag == T_PIXELS && el->length == SCAN_UNDEFINED && !o->coded)
			o->coded = o->within;
		return 0;
	}
	o->within = el->tag;
	end_open(o, at);
	o->to = at;
	for (unsigned i = 0; i < TAGS; i++) {
		struct place *p = &o->places[i];

		if (p->there)
			continue;
		if (el->tag > p->tag && !p->placed) {
			p->placed = true;
			p->at = p->end = at;
		}
		if (el->tag == p->tag && !(w->src->tag && el->tag == w->src->tag)) {
			p->there = p->placed = true;
			p->at = at;
			o->open |= 1u << i;
			keep_value(p, el);
		}
	}
	if (!w->src->tag || el->tag != w->src->tag)
		return 0;
	memcpy(o->pixel_vr, el->vr, sizeof o->pixel_vr);
	o->value_at = w->src->head_len + el->at;
	o->value_length = el->length;
	return 1;
}

static int walk_it(struct walk *w, struct scan *scan, struct err *e)
{
	AUTO(str) piece = malloc(PIECE);
	int64_t k = 1;
	int rc = piece ? 0 : err_set(e, E_NOMEM, "no memory to read with");

	for (uint64_t at = w->src->head_len; rc == 0 && k > 0; at += (uint64_t)k) {
		if ((k = w->src->read(w->src->arg, at, piece, PIECE, e)) < 0)
			return (int)k;
		rc = scan_feed(scan, piece, (size_t)k, e);
	}
	return rc == 0 ? scan_end(scan, e) : rc; /* cppcheck-suppress memleak */
}

/* Some say explicit and write no VR: what such a data set is, not what it is called, is its encoding. */
static int real_encoding(const struct image_source *src, enum encoding *c, struct err *e)
{
	uint8_t head[6];
	const int64_t n = src->read(src->arg, src->head_len, head, sizeof head, e);

	*c = encoding_of(src->syntax);
	if (n < 0)
		return (int)n;
	if (*c == ENCODING_EXPLICIT && n == sizeof head &&
	    (head[4] < 'A' || head[4] > 'Z' || head[5] < 'A' || head[5] > 'Z'))
		*c = ENCODING_IMPLICIT;
	return 0;
}

int outline_read(const struct image_source *src, struct outline *out, struct err *e)
{
	static const struct scan_ops ops = {.element = element};
	struct walk w = {out, src};
	struct err why = {0};
	AUTO(scan) scan = NULL;
	int rc = scan_new(src->syntax, OUTLINE_VALUE, &ops, &w, &scan, e);

	if (rc < 0)
		return rc;
	memset(out, 0, sizeof *out);
	if ((rc = real_encoding(src, &out->encoding, e)) < 0)
		return rc;
	out->from = out->to = src->head_len;
	for (unsigned i = 0; i < TAGS; i++)
		out->places[i].tag = tags[i];
	if (src->tag)
		scan_pass_pixels(scan);
	if ((rc = walk_it(&w, scan, &why)) < 0)
		return err_set(e, rc == -E_INVAL ? E_CORRUPT : why.code, "%s", why.msg);
	if (!out->pixel_vr[0])
		out->to = src->size;
	end_open(out, out->to);
	for (unsigned i = 0; i < TAGS; i++)
		if (!out->places[i].placed)
			out->places[i].at = out->places[i].end = out->to;
	return 0;
}

const struct place *outline_at(const struct outline *o, uint32_t tag)
{
	for (unsigned i = 0; i < TAGS; i++)
		if (tags[i] == tag)
			return &o->places[i];
	return NULL;
}

const char *outline_text(const struct outline *o, uint32_t tag)
{
	const struct place *p = outline_at(o, tag);

	return p && p->there ? (const char *)p->value : "";
}

uint16_t outline_number(const struct outline *o, uint32_t tag)
{
	const struct place *p = outline_at(o, tag);

	if (!p || p->n < 2)
		return 0;
	return (uint16_t)(o->encoding == ENCODING_BIG ? p->value[0] << 8 | p->value[1]
						      : p->value[1] << 8 | p->value[0]);
}
