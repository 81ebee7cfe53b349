/* archive/frames_read.c - the head of a data set up to its pixel data, and frames by arithmetic. */
#include "archive/frames_read.h"
#include "dicom/dict.h"
#include "dicom/scan.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIXEL_DATA TAG(0x7FE0, 0x0010)
#define FLOAT_PIXEL_DATA TAG(0x7FE0, 0x0008)
#define DOUBLE_PIXEL_DATA TAG(0x7FE0, 0x0009)
enum { PIECE = 64 << 10, VALUE_MOST = 16 };

struct head {
	struct frames *about;
	uint64_t data_at, size;
	uint64_t declared;
	uint32_t length; /* of the pixel data, as it says */
	struct frame_offsets extended;
};

void frames_warn(struct frames *f, const char *fmt, ...)
{
	va_list ap;
	if (f->warning[0])
		return;
	va_start(ap, fmt);
	vsnprintf(f->warning, sizeof f->warning, fmt, ap);
	va_end(ap);
}

size_t frames_bytes(const struct frame_table *t)
{
	return sizeof *t + t->n_fragments * sizeof *t->fragments +
	       (t->first ? ((size_t)t->about.n + 1) * sizeof *t->first : 0) +
	       (t->cuts ? (size_t)t->about.n * t->n_cuts * sizeof *t->cuts : 0);
}

/* ---- the head */

static uint32_t number(const struct scan_element *el)
{
	if (!el->value || el->length < 2)
		return 0;
	return el->big_endian ? (uint32_t)el->value[0] << 8 | el->value[1] : (uint32_t)el->value[1] << 8 | el->value[0];
}

static void text(const struct scan_element *el, char *out, size_t room)
{
	size_t n = el->value ? el->length : 0;
	while (n > 0 && (el->value[n - 1] == ' ' || el->value[n - 1] == 0))
		n--;
	n = n < room - 1 ? n : room - 1;
	memcpy(out, n ? (const char *)el->value : "", n);
	out[n] = 0;
}

static void number_of_frames(struct head *h, const struct scan_element *el)
{
	char digits[VALUE_MOST + 1], *end;
	text(el, digits, sizeof digits);
	h->declared = strtoull(digits, &end, 10);
	if (h->declared == 0 || *end || strchr(digits, '-')) {
		h->declared = 0;
		if (digits[0] || !el->value)
			frames_warn(h->about, "Number of Frames is no number of frames");
	}
}

static void extended(struct head *h, const struct scan_element *el, struct frame_piece *out)
{
	if (el->length == SCAN_UNDEFINED || h->data_at + el->at > h->size || el->length > h->size - h->data_at - el->at)
		return; /* the scan itself meets the end */
	*out = (struct frame_piece){h->data_at + el->at, el->length};
}

/* PS3.5 6.2: what is swapped in big endian. */
static uint8_t words_of(const char *vr)
{
	static const struct {
		char vr[3];
		uint8_t words;
	} table[] = {{"OB", 1}, {"OW", 2}, {"OF", 4}, {"OL", 4}, {"OD", 8}, {"OV", 8}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].vr, vr) == 0)
			return table[i].words;
	return 0;
}

static void pixel_data(struct head *h, const struct scan_element *el)
{
	struct frames *f = h->about;
	uint64_t left;
	f->tag = el->tag;
	f->words = words_of(el->vr);
	f->value_at = h->data_at + el->at;
	left = h->size > f->value_at ? h->size - f->value_at : 0;
	f->encapsulated = el->length == SCAN_UNDEFINED;
	h->length = el->length;
	f->value_n = f->encapsulated || el->length > left ? left : el->length;
	if (!f->encapsulated && el->length > left)
		frames_warn(f, "pixel data ends after %" PRIu64 " of %" PRIu32 " bytes", left, el->length);
}

static int head_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct head *h = arg;
	struct frames *f = h->about;
	(void)e;
	if (el->depth > 0)
		return 0;
	switch (el->tag) {
	case TAG(0x0028, 0x0002):
		f->samples = number(el);
		break;
	case TAG(0x0028, 0x0004):
		text(el, f->photometric, sizeof f->photometric);
		break;
	case TAG(0x0028, 0x0006):
		f->planar = number(el);
		break;
	case TAG(0x0028, 0x0008):
		number_of_frames(h, el);
		break;
	case TAG(0x0028, 0x0010):
		f->rows = number(el);
		break;
	case TAG(0x0028, 0x0011):
		f->columns = number(el);
		break;
	case TAG(0x0028, 0x0100):
		f->bits_allocated = number(el);
		break;
	case TAG(0x0028, 0x0101):
		f->bits_stored = number(el);
		break;
	case TAG(0x0028, 0x0102):
		f->high_bit = number(el);
		break;
	case TAG(0x0028, 0x0103):
		f->pixel_signed = number(el) == 1;
		break;
	case TAG(0x7FE0, 0x0001):
		extended(h, el, &h->extended.offsets);
		break;
	case TAG(0x7FE0, 0x0002):
		extended(h, el, &h->extended.lengths);
		break;
	case FLOAT_PIXEL_DATA:
	case DOUBLE_PIXEL_DATA:
	case PIXEL_DATA:
		pixel_data(h, el);
		return 1;
	default:
		break;
	}
	return 0;
}

/* 1: the pixel data was met. */
static int read_head(const struct frame_source *src, const char *syntax, struct head *h, struct err *e)
{
	static const struct scan_ops ops = {.element = head_element};
	AUTO(scan) scan = NULL;
	AUTO(str) piece = malloc(PIECE);
	struct err why = {0};
	int64_t k = 1;
	int rc = piece ? scan_new(syntax, VALUE_MOST, &ops, h, &scan, e) : err_set(e, E_NOMEM, "no memory for a head");
	if (rc < 0)
		return rc; /* cppcheck-suppress memleak */
	for (uint64_t at = src->data_at; rc == 0 && k > 0; at += (uint64_t)k) {
		if ((k = src->read(src->arg, at, piece, PIECE, e)) < 0)
			return (int)k;
		rc = scan_feed(scan, piece, (size_t)k, &why);
	}
	if (rc == 0)
		rc = scan_end(scan, &why);
	if (rc < 0) /* what the stored object is, is not the fault of who asks for it */
		return err_set(e, rc == -E_INVAL ? E_CORRUPT : why.code, "%s", why.msg);
	return rc > 0 ? 1 : err_set(e, E_NOENT, "the instance has no pixel data");
}

/* ---- native */

/* Bits of a frame; 0 where the head does not say. Pixels of 4:2:2 share their colours in pairs. */
static uint64_t bits_of_frame(const struct frames *f)
{
	uint64_t columns = f->columns, samples = f->samples, bits;
	if (f->samples == 3 &&
	    (!strcmp(f->photometric, "YBR_FULL_422") || !strcmp(f->photometric, "YBR_PARTIAL_422"))) {
		columns = (columns + 1) / 2 * 2;
		samples = 2;
	}
	/* 16 bits each: no more than 2^64 together */
	bits = (uint64_t)f->rows * columns;
	return __builtin_mul_overflow(bits, samples * f->bits_allocated, &bits) ? 0 : bits;
}

static int native(struct head *h, const char *syntax, struct err *e)
{
	struct frames *f = h->about;
	if (f->tag == PIXEL_DATA && uid_is_encapsulated(syntax) && strncmp(syntax, "1.2.840.10008.", 14) == 0)
		return err_set(e, E_CORRUPT, "pixel data of transfer syntax %s does not lie in fragments", syntax);
	if (f->tag == FLOAT_PIXEL_DATA || f->tag == DOUBLE_PIXEL_DATA) {
		f->bits_allocated = f->bits_stored = f->tag == FLOAT_PIXEL_DATA ? 32 : 64;
		f->samples = 1;
	}
	if (f->samples == 0) {
		f->samples = 1;
		frames_warn(f, "Samples per Pixel is not there: taken for 1");
	}
	if (strcmp(syntax, UID_EXPLICIT_BE) != 0)
		f->words = 0;
	f->frame_bits = bits_of_frame(f);
	if (f->frame_bits == 0)
		return err_set(e, E_CORRUPT, "%" PRIu32 " rows, %" PRIu32 " columns, %" PRIu32 " bits: no frame",
			       f->rows, f->columns, f->bits_allocated);
	uint64_t bits, there = f->value_n * 8 / f->frame_bits, declared = h->declared ? h->declared : 1;
	/* What is filled up to a whole byte, and to an even number of bytes, is not another frame. */
	bool fits = !__builtin_mul_overflow(declared, f->frame_bits, &bits) && bits <= f->value_n * 8 &&
		    (bits + 15) / 16 == (f->value_n * 8 + 15) / 16;
	f->n = fits ? declared : there;
	if (f->n != declared)
		frames_warn(f, "Number of Frames says %" PRIu64 ", there are %" PRIu64, declared, f->n);
	return 0;
}

int frames_read(const struct frame_source *src, const char *syntax, struct frame_table **out, struct err *e)
{
	if (uid_is_deflated(syntax))
		return err_set(e, E_UNSUP,
			       "the data set is deflated as a whole: its frames cannot be addressed in the file");
	struct frame_table *t = calloc(1, sizeof *t);
	if (!t)
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	struct head h = {.about = &t->about, .data_at = src->data_at, .size = src->size};
	atomic_init(&t->refs, 1);
	int rc = read_head(src, syntax, &h, e);
	if (rc > 0)
		rc = t->about.encapsulated ? frames_items(src, syntax, &h.extended, h.declared, t, e)
					   : native(&h, syntax, e);
	if (rc < 0) {
		frames_close(t);
		return rc;
	}
	*out = t;
	return 0;
}
