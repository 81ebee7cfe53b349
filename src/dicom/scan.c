#include "dicom/scan.h"
#include "base/buf.h"
#include "dicom/dict.h"
#include <string.h>
#include <zlib.h>

#define ITEM TAG(0xFFFE, 0xE000)
#define ITEM_END TAG(0xFFFE, 0xE00D)
#define SEQUENCE_END TAG(0xFFFE, 0xE0DD)
#define PIXEL_DATA TAG(0x7FE0, 0x0010)

#define UID_GE_IMPLICIT "1.2.840.113619.5.2" /* implicit VR little endian but for the pixels, which nobody looks into */

#define NOWHERE UINT64_MAX /* the end of what has undefined length */
#define LEVELS (2 * SCAN_DEPTH + 2)
#define WINDOW (32u << 10)
/* Deflate reaches 1032:1. Label maps come to a few hundred, and what is small may be as dense as it likes; the rest
 * is a bomb. */
#define BOMB_RATIO 200u
#define BOMB_FREE (256ull << 20)

enum kind { DATA, SEQUENCE, FRAGMENTS };

struct level {
	uint64_t end;   /* by its own length; NOWHERE when undefined */
	uint64_t limit; /* nearest end of this level and those around it */
	uint32_t tag;   /* of the sequence */
	uint8_t kind;
	bool implicit, big;
};

struct header {
	uint32_t tag, length;
	char vr[3];
	unsigned size;
};

enum state { HEADER, COLLECT, PASS };

struct scan {
	struct scan_ops ops;
	void *arg;
	size_t value_cap;
	bool pass_pixels;
	uint64_t at;   /* offset in the data set of the next byte to come */
	uint64_t left; /* COLLECT, PASS: bytes of the value still to come */
	enum state state;
	unsigned top; /* level in use; even: a data set or item, odd: a sequence */
	int stopped;  /* what a callback or an error said: answered from then on */
	struct err why;
	struct scan_element el;
	struct buf value; /* COLLECT: what came so far */
	uint8_t head[12];
	unsigned have; /* HEADER: bytes in head */
	bool deflated, inflated;
	uint64_t deflated_in;
	z_stream z;
	uint8_t *window;
	struct level levels[LEVELS];
};

/* ---- small readers */

static uint16_t get16(const uint8_t *p, bool big)
{
	return big ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get32(const uint8_t *p, bool big)
{
	return big ? (uint32_t)get16(p, true) << 16 | get16(p + 2, true)
		   : (uint32_t)get16(p + 2, false) << 16 | get16(p, false);
}

static bool vr_known(const char *vr)
{
	return vr_is_string(vr) || vr_is_long(vr) || !strcmp(vr, "AT") || !strcmp(vr, "FD") || !strcmp(vr, "FL") ||
	       !strcmp(vr, "SL") || !strcmp(vr, "SS") || !strcmp(vr, "UL") || !strcmp(vr, "US");
}

static bool is_letter(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

/* Two capitals that are no VR today are one of tomorrow, in the long form (PS3.5 7.1.2); anything else in this place
 * ("??", "--", zero bytes) is what sloppy writers put there, and they use the short form. */
static bool vr_long_form(const uint8_t *p)
{
	const char vr[3] = {(char)p[0], (char)p[1], 0};

	if (!memcmp(p, "ox", 2)) /* an old toolkit's own name for OB or OW, let out by mistake */
		return true;
	if (!is_letter(p[0]) || !is_letter(p[1]))
		return false;
	return !vr_known(vr) || vr_is_long(vr);
}

/* Some write single elements without a VR into a data set with VRs. Then the bytes of a short length stand in its place:
 * as a VR they would have a control character, and no value behind them. */
static bool vr_missing(const uint8_t *p)
{
	static const uint8_t undefined[4] = {0xFF, 0xFF, 0xFF, 0xFF};

	if (!memcmp(p, undefined, sizeof(undefined)))
		return true;
	return (p[0] || p[1]) && (p[0] < 0x20 || p[1] < 0x20) && p[2] == 0 && p[3] == 0;
}

static const char *what(uint32_t tag)
{
	return tag == PIXEL_DATA ? "pixel data" : "element";
}

#define WHERE "(%04X,%04X) at byte %llu"
#define WHERE_OF(s, tag) (unsigned)((tag) >> 16), (unsigned)((tag)&0xFFFF), (unsigned long long)(s)->at

/* ---- header of an element, item or delimiter */

static unsigned header_size(const struct scan *s, const uint8_t *h)
{
	const struct level *l = &s->levels[s->top];

	if (l->implicit || l->kind != DATA || get16(h, l->big) == 0xFFFE)
		return 8;
	return vr_long_form(h + 4) ? 12 : 8;
}

static void header_decode(const struct scan *s, const uint8_t *h, unsigned size, struct header *out)
{
	const struct level *l = &s->levels[s->top];

	out->tag = TAG(get16(h, l->big), get16(h + 2, l->big));
	out->size = size;
	if (l->kind != DATA || out->tag >> 16 == 0xFFFE) {
		strcpy(out->vr, "");
		out->length = get32(h + 4, l->big);
	} else if (l->implicit || (!l->big && vr_missing(h + 4))) {
		memcpy(out->vr, dict_vr(out->tag), 3);
		out->length = get32(h + 4, l->big);
	} else {
		memcpy(out->vr, h + 4, 2);
		out->vr[2] = 0;
		if (!vr_known(out->vr))
			memcpy(out->vr, "UN", 3);
		out->length = size == 12 ? get32(h + 8, l->big) : get16(h + 6, l->big);
	}
}

/* Brings one whole header together out of what arrived. *used: bytes taken; false: more is needed. */
static bool header_take(struct scan *s, const uint8_t *p, size_t n, size_t *used, struct header *out)
{
	unsigned need = s->have < 8 ? 8 : header_size(s, s->head);

	*used = 0;
	if (s->have == 0 && n >= sizeof(s->head)) {
		need = header_size(s, p);
		header_decode(s, p, need, out);
		*used = need;
		return true;
	}
	while (s->have < need) {
		size_t k = need - s->have;

		if (*used == n)
			return false;
		if (k > n - *used)
			k = n - *used;
		memcpy(s->head + s->have, p + *used, k);
		s->have += (unsigned)k;
		*used += k;
		if (s->have >= 8)
			need = header_size(s, s->head);
	}
	header_decode(s, s->head, need, out);
	s->have = 0;
	return true;
}

/* ---- levels */

static unsigned depth_of(const struct scan *s)
{
	return s->top / 2;
}

static int pop(struct scan *s, struct err *e)
{
	struct level *l = &s->levels[s->top--];

	if (l->kind == DATA && s->ops.item)
		return s->ops.item(s->arg, depth_of(s), false, e);
	if (l->kind == SEQUENCE && s->ops.sequence_end)
		return s->ops.sequence_end(s->arg, depth_of(s), e);
	return 0;
}

/* Closes every level whose length is used up. */
static int close_levels(struct scan *s, struct err *e)
{
	int rc = 0;

	while (rc == 0 && s->top > 0 && s->levels[s->top].end <= s->at)
		rc = pop(s, e);
	return rc;
}

/* Where the data set or item around this place ends. A sequence that says to be shorter than its items is not believed. */
static uint64_t room_around(const struct scan *s)
{
	const struct level *l = &s->levels[s->top];

	return l->kind == SEQUENCE ? l[-1].limit : l->limit;
}

static int push(struct scan *s, enum kind kind, uint32_t tag, uint32_t length, struct err *e)
{
	struct level *up = &s->levels[s->top], *l = up + 1;

	if (s->top + 1 >= LEVELS || (kind == SEQUENCE && depth_of(s) >= SCAN_DEPTH))
		return err_set(e, E_LIMIT, "sequences nested deeper than %d, " WHERE, SCAN_DEPTH, WHERE_OF(s, tag));
	*l = *up;
	l->limit = room_around(s);
	l->kind = (uint8_t)kind;
	l->tag = tag;
	l->end = length == SCAN_UNDEFINED ? NOWHERE : s->at + length;
	if (l->end != NOWHERE)
		l->limit = l->end;
	s->top++;
	return 0;
}

/* ---- values */

static int announce(struct scan *s, const uint8_t *value, struct err *e)
{
	s->el.value = value;
	return s->ops.element(s->arg, &s->el, e);
}

static int begin_nested(struct scan *s, const struct header *h, struct err *e)
{
	bool other = !strcmp(h->vr, "OB") || !strcmp(h->vr, "OW") || h->tag == PIXEL_DATA;
	bool unknown = !strcmp(h->vr, "UN");
	int rc;

	if (!other) /* a sequence in disguise, too: said so, that users need not know about it */
		memcpy(s->el.vr, "SQ", 3);
	if ((rc = announce(s, NULL, e)) != 0 || (rc = push(s, other ? FRAGMENTS : SEQUENCE, h->tag, h->length, e)) != 0)
		return rc;
	if (unknown && !other) { /* PS3.5 6.2.2: implicit little endian, whatever is around it */
		s->levels[s->top].implicit = true;
		s->levels[s->top].big = false;
	}
	return close_levels(s, e);
}

static bool is_pixels(uint32_t tag)
{
	return tag >= TAG(0x7FE0, 0x0008) && tag <= TAG(0x7FE0, 0x0010);
}

static int begin_element(struct scan *s, const struct header *h, struct err *e)
{
	const struct level *l = &s->levels[s->top];
	int rc;

	s->el = (struct scan_element){.depth = depth_of(s),
				      .tag = h->tag,
				      .length = h->length,
				      .at = s->at,
				      .head_at = s->at - h->size,
				      .big_endian = l->big};
	memcpy(s->el.vr, h->vr, 3);
	if (h->length != SCAN_UNDEFINED && h->length > l->limit - s->at)
		return err_set(e, E_INVAL, "%s " WHERE " is longer than the sequence or item around it", what(h->tag),
			       WHERE_OF(s, h->tag));
	if (!strcmp(h->vr, "SQ") || h->length == SCAN_UNDEFINED)
		return begin_nested(s, h, e);
	if (h->length == 0) {
		if ((rc = announce(s, (const uint8_t *)"", e)) != 0)
			return rc;
		return close_levels(s, e);
	}
	s->left = h->length;
	if (h->length <= s->value_cap && !(s->pass_pixels && s->el.depth == 0 && is_pixels(h->tag))) {
		s->state = COLLECT;
		buf_clear(&s->value);
		return 0;
	}
	s->state = PASS;
	return announce(s, NULL, e);
}

static int begin_item(struct scan *s, const struct header *h, struct err *e)
{
	const struct level *l = &s->levels[s->top];
	int rc;

	if (h->tag == SEQUENCE_END || h->tag == ITEM_END) { /* the wrong one is met, too: no item is open here */
		if (l->end != NOWHERE)                      /* superfluous, but some write it */
			return close_levels(s, e);
		if ((rc = pop(s, e)) != 0)
			return rc;
		return close_levels(s, e);
	}
	if (h->tag != ITEM)
		return err_set(e, E_INVAL, "no item but " WHERE " in sequence (%04X,%04X)", WHERE_OF(s, h->tag),
			       (unsigned)(l->tag >> 16), (unsigned)(l->tag & 0xFFFF));
	if (h->length != SCAN_UNDEFINED && h->length > room_around(s) - s->at)
		return err_set(e, E_INVAL, "item " WHERE " is longer than what is around it", WHERE_OF(s, l->tag));
	if (l->kind == FRAGMENTS) {
		if (h->length == SCAN_UNDEFINED)
			return err_set(e, E_INVAL, "fragment of undefined length, " WHERE, WHERE_OF(s, l->tag));
		s->el.tag = l->tag;
		s->el.length = h->length;
		s->left = h->length;
		s->state = h->length ? PASS : HEADER;
		return close_levels(s, e);
	}
	if (s->ops.item && (rc = s->ops.item(s->arg, depth_of(s), true, e)) != 0)
		return rc;
	if ((rc = push(s, DATA, l->tag, h->length, e)) != 0)
		return rc;
	return close_levels(s, e);
}

static int begin_delimiter(struct scan *s, const struct header *h, struct err *e)
{
	const struct level *l = &s->levels[s->top];
	int rc;

	if (h->tag == ITEM_END && s->top > 0 && l->end == NOWHERE) {
		if ((rc = pop(s, e)) != 0)
			return rc;
		return close_levels(s, e);
	}
	if (h->tag == SEQUENCE_END && s->top > 0 && l->end == NOWHERE && l[-1].end == NOWHERE) {
		/* its last item was not ended */
		if ((rc = pop(s, e)) != 0 || (rc = pop(s, e)) != 0)
			return rc;
		return close_levels(s, e);
	}
	if (h->tag == ITEM_END) /* of an item whose length says already where it ends, or of none */
		return close_levels(s, e);
	return err_set(e, E_INVAL, "delimiter or item " WHERE " where an element is due", WHERE_OF(s, h->tag));
}

/* ---- the machine */

static int step_header(struct scan *s, const uint8_t *p, size_t n, size_t *used, struct err *e)
{
	struct header h;
	const struct level *l = &s->levels[s->top];

	if (!header_take(s, p, n, used, &h)) {
		s->at += *used;
		return 0;
	}
	s->at += *used;
	if (s->at > l->limit)
		return err_set(e, E_INVAL, "element header " WHERE " passes the end of the sequence or item around it",
			       WHERE_OF(s, h.tag));
	if (l->kind != DATA)
		return begin_item(s, &h, e);
	if (h.tag >> 16 == 0xFFFE)
		return begin_delimiter(s, &h, e);
	return begin_element(s, &h, e);
}

static int step_collect(struct scan *s, const uint8_t *p, size_t n, size_t *used, struct err *e)
{
	int rc;

	*used = n < s->left ? n : (size_t)s->left;
	s->left -= *used;
	s->at += *used;
	if (s->left > 0 || s->value.len > 0) {
		if ((rc = buf_put(&s->value, p, *used, e)) < 0)
			return rc;
		p = s->value.data;
	}
	if (s->left > 0)
		return 0;
	s->state = HEADER;
	if ((rc = announce(s, p, e)) != 0)
		return rc;
	return close_levels(s, e);
}

static int step_pass(struct scan *s, size_t n, size_t *used, struct err *e)
{
	*used = n < s->left ? n : (size_t)s->left;
	s->left -= *used;
	s->at += *used;
	if (s->left > 0)
		return 0;
	s->state = HEADER;
	return close_levels(s, e);
}

static int parse(struct scan *s, const uint8_t *p, size_t n, struct err *e)
{
	size_t used = 0;
	int rc = 0;

	for (; n > 0 && rc == 0; p += used, n -= used) {
		switch (s->state) {
		case HEADER:
			rc = step_header(s, p, n, &used, e);
			break;
		case COLLECT:
			rc = step_collect(s, p, n, &used, e);
			break;
		case PASS:
			rc = step_pass(s, n, &used, e);
			break;
		}
	}
	return rc;
}

static int inflate_some(struct scan *s, const uint8_t *p, size_t n, struct err *e)
{
	while (n > 0 && !s->inflated) {
		uInt part = n > (1u << 30) ? 1u << 30 : (uInt)n;
		int rc, z;

		s->z.next_in = (Bytef *)(uintptr_t)p;
		s->z.avail_in = part;
		s->deflated_in += part;
		p += part;
		n -= part;
		do {
			s->z.next_out = s->window;
			s->z.avail_out = WINDOW;
			z = inflate(&s->z, Z_NO_FLUSH);
			if ((rc = parse(s, s->window, WINDOW - s->z.avail_out, e)) != 0)
				return rc;
			if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
				return err_set(e, z == Z_MEM_ERROR ? E_NOMEM : E_INVAL, "deflated data set: %s",
					       s->z.msg ? s->z.msg : "not a deflate stream");
			if (s->at > BOMB_FREE && s->at - BOMB_FREE > s->deflated_in * BOMB_RATIO)
				return err_set(e, E_LIMIT, "deflated data set grows beyond %u times its size",
					       BOMB_RATIO);
		} while (z != Z_STREAM_END && s->z.avail_out == 0);
		s->inflated = z == Z_STREAM_END;
	}
	return 0;
}

int scan_feed(struct scan *s, const void *data, size_t n, struct err *e)
{
	struct err why = {0};

	if (s->stopped == 0)
		s->stopped = s->deflated ? inflate_some(s, data, n, &why) : parse(s, data, n, &why);
	else
		why = s->why;
	if (s->stopped < 0) {
		s->why = why;
		return err_set(e, (enum err_code) - s->stopped, "%s", why.msg);
	}
	return s->stopped;
}

static bool only_zeros(const uint8_t *p, size_t n)
{
	while (n > 0 && !p[n - 1])
		n--;
	return n == 0;
}

/* An item that is longer than its sequence and than the whole data set: what it holds is there. */
static int close_cut_items(struct scan *s, struct err *e)
{
	int rc = 0;

	while (rc == 0 && s->top > 0 && s->levels[s->top].kind == DATA && s->levels[s->top].end != NOWHERE &&
	       s->levels[s->top - 1].end <= s->at)
		if ((rc = pop(s, e)) == 0)
			rc = pop(s, e);
	return rc;
}

int scan_end(struct scan *s, struct err *e)
{
	const struct level *l;
	int rc;

	if (s->stopped != 0)
		return scan_feed(s, NULL, 0, e);
	if (s->state == HEADER && s->have == 0 && (rc = close_cut_items(s, e)) != 0)
		return rc;
	l = &s->levels[s->top];
	if (s->deflated && !s->inflated && s->deflated_in > 0)
		return err_set(e, E_INVAL, "deflated data set ends early, after %llu inflated bytes",
			       (unsigned long long)s->at);
	if (s->state != HEADER && s->el.tag == PIXEL_DATA)
		return err_set(e, E_INVAL, "%s ends after %llu of %u bytes",
			       l->kind == FRAGMENTS ? "pixel data fragment" : "pixel data",
			       (unsigned long long)(s->el.length - s->left), (unsigned)s->el.length);
	if (s->state != HEADER)
		return err_set(e, E_INVAL, "element (%04X,%04X) ends after %llu of %u bytes",
			       (unsigned)(s->el.tag >> 16), (unsigned)(s->el.tag & 0xFFFF),
			       (unsigned long long)(s->el.length - s->left), (unsigned)s->el.length);
	if (s->have > 0 && (s->top > 0 || !only_zeros(s->head, s->have))) /* zeros behind it all are padding */
		return err_set(e, E_INVAL, "data set ends inside the header of an element, at byte %llu",
			       (unsigned long long)s->at);
	if (s->top > 0)
		return err_set(e, E_INVAL, "data set ends inside %s (%04X,%04X), at byte %llu",
			       l->kind == FRAGMENTS ? "the fragments of" : "sequence", (unsigned)(l->tag >> 16),
			       (unsigned)(l->tag & 0xFFFF), (unsigned long long)s->at);
	return 0;
}

static int inflater_new(struct scan *s, struct err *e)
{
	s->window = malloc(WINDOW);
	if (!s->window || inflateInit2(&s->z, -MAX_WBITS) != Z_OK)
		return err_set(e, E_NOMEM, "no memory for an inflater");
	s->deflated = true;
	return 0;
}

void scan_pass_pixels(struct scan *s)
{
	s->pass_pixels = true;
}

int scan_new(const char *syntax, size_t value_cap, const struct scan_ops *ops, void *arg, struct scan **out,
	     struct err *e)
{
	struct scan *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a data set reader");
	s->ops = *ops;
	s->arg = arg;
	s->value_cap = value_cap;
	s->value = BUF(value_cap);
	s->levels[0] = (struct level){.end = NOWHERE, .limit = NOWHERE, .kind = DATA};
	s->levels[0].implicit = !strcmp(syntax, UID_IMPLICIT_LE) || !strcmp(syntax, UID_GE_IMPLICIT);
	s->levels[0].big = !strcmp(syntax, UID_EXPLICIT_BE);
	if (uid_is_deflated(syntax) && (rc = inflater_new(s, e)) < 0) {
		scan_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	if (s->deflated)
		inflateEnd(&s->z);
	free(s->window);
	buf_cleanup(&s->value);
	free(s);
}
