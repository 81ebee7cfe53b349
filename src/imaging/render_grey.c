/* imaging/render_grey.c - grey samples by the grayscale transformation sequence: modality, VOI, presentation (PS3.4 N.2.1). */
#include "imaging/render_own.h"
#include <endian.h>
#include <math.h>

#define TABLE_MOST 65536u /* values of a frame for which each is looked at once, not in every pixel */

void look_cleanup(struct look *l)
{
	lut_cleanup(&l->modality);
	lut_cleanup(&l->voi);
	lut_cleanup(&l->presentation);
}

/* ---- what is said */

int look_modality(const struct dset *d, bool is_signed, struct look *l, struct notes *notes, struct err *e)
{
	const struct dset *item = item_of(d, TAG(0x28, 0x3000), 0);
	double slope, intercept;

	if (item) {
		int rc = lut_read(item, TAG(0x28, 0x3002), TAG(0x28, 0x3006), is_signed, false, &l->modality, notes, e);
		return rc < 0 ? rc : 1;
	}
	if (!number_of(d, TAG(0x28, 0x1053), 0, &slope) || !number_of(d, TAG(0x28, 0x1052), 0, &intercept))
		return 0;
	if (slope == 0) {
		notes_add(notes, "a rescale slope of 0 is not applied");
		return 0;
	}
	l->slope = slope;
	l->intercept = intercept;
	return 1;
}

static bool window_of(const struct dset *d, struct look *l, struct notes *notes)
{
	double center, width;
	char function[17];

	if (!number_of(d, TAG(0x28, 0x1050), 0, &center) || !number_of(d, TAG(0x28, 0x1051), 0, &width))
		return false;
	code_of(d, TAG(0x28, 0x1056), function);
	l->function = strcmp(function, "LINEAR_EXACT") == 0 ? RENDER_LINEAR_EXACT
		      : strcmp(function, "SIGMOID") == 0    ? RENDER_SIGMOID
							    : RENDER_LINEAR;
	if (!(width > 0)) {
		notes_add(notes, "a window of width %g is not applied", width);
		return false;
	}
	l->way = LOOK_WINDOW;
	l->center = center;
	l->width = l->function == RENDER_LINEAR && width < 1 ? 1 : width;
	return true;
}

int look_voi(const struct dset *d, bool is_signed, struct look *l, struct notes *notes, struct err *e)
{
	const struct dset *item = item_of(d, TAG(0x28, 0x3010), 0);
	int rc;

	if (window_of(d, l, notes))
		return 1;
	if (!item)
		return 0;
	if ((rc = lut_read(item, TAG(0x28, 0x3002), TAG(0x28, 0x3006), is_signed, false, &l->voi, notes, e)) < 0)
		return rc;
	l->way = LOOK_TABLE;
	return 1;
}

int look_presentation(const struct dset *d, struct look *l, struct notes *notes, struct err *e)
{
	const struct dset *item = item_of(d, TAG(0x2050, 0x10), 0);
	char shape[17];

	if (item) {
		int rc = lut_read(item, TAG(0x28, 0x3002), TAG(0x28, 0x3006), false, false, &l->presentation, notes, e);
		l->inverse = false;
		return rc < 0 ? rc : 1;
	}
	code_of(d, TAG(0x2050, 0x20), shape);
	if (strcmp(shape, "IDENTITY") != 0 && strcmp(shape, "INVERSE") != 0)
		return 0;
	l->inverse = shape[1] == 'N';
	return 1;
}

static void look_padding(const struct shot *s, struct look *l)
{
	const struct image_pixel *p = &s->said;
	double from, to;

	if (!number_of(s->head, TAG(0x28, 0x120), 0, &from))
		return;
	if (!number_of(s->head, TAG(0x28, 0x121), 0, &to))
		to = from;
	l->padding_from = sample_value(p, (uint32_t)(int64_t)from << (p->high_bit + 1 - p->bits_stored));
	l->padding_to = sample_value(p, (uint32_t)(int64_t)to << (p->high_bit + 1 - p->bits_stored));
	if (l->padding_from > l->padding_to) {
		int64_t swap = l->padding_from;
		l->padding_from = l->padding_to;
		l->padding_to = swap;
	}
	l->has_padding = true;
}

int look_of_image(const struct shot *s, const struct render_options *o, struct look *out, struct notes *notes,
		  struct err *e)
{
	bool lut_signed;
	int rc;

	out->slope = 1;
	out->inverse = strcmp(s->said.photometric, "MONOCHROME1") == 0;
	look_padding(s, out);
	/* Signed are the input values of a VOI LUT if stored values are, or a modality transformation can make them so (C.11.2.1.1). */
	if ((rc = look_modality(frame_group(s, TAG(0x28, 0x9145)), s->said.is_signed, out, notes, e)) < 0)
		return rc;
	lut_signed = out->modality.n == 0 && (s->said.is_signed || out->intercept < 0);
	if (o->voi != RENDER_FILE) {
		out->way = LOOK_WINDOW;
		out->function = o->voi;
		out->center = o->window_center;
		out->width = o->window_width;
	} else if ((rc = look_voi(frame_group(s, TAG(0x28, 0x9132)), lut_signed, out, notes, e)) < 0) {
		return rc;
	}
	return look_presentation(s->head, out, notes, e) < 0 ? -E_CORRUPT : 0;
}

/* ---- stored values */

int64_t sample_value(const struct image_pixel *p, uint32_t raw)
{
	unsigned stored = p->bits_stored;
	uint64_t v = (uint64_t)raw >> (p->high_bit + 1u - stored);

	v &= (1ull << stored) - 1;
	return p->is_signed && v >> (stored - 1) ? (int64_t)v - (int64_t)(1ull << stored) : (int64_t)v;
}

uint32_t sample_raw(const struct codec_frame *f, size_t at)
{
	const uint8_t *d = f->data;

	switch (f->pixels.bits_allocated) {
	case 1:
		return d[at / 8] >> at % 8 & 1;
	case 8:
		return d[at];
	case 16:
		return (uint32_t)(d[2 * at] | d[2 * at + 1] << 8);
	default:
		return (uint32_t)d[4 * at] | (uint32_t)d[4 * at + 1] << 8 | (uint32_t)d[4 * at + 2] << 16 |
		       (uint32_t)d[4 * at + 3] << 24;
	}
}

/* ---- the transformations */

struct range {
	double low, high; /* after the modality transformation */
};

static double modality(const struct look *l, double v)
{
	return l->modality.n ? lut_at(&l->modality, v) : v * l->slope + l->intercept;
}

static double voi(const struct look *l, const struct range *r, double x)
{
	switch (l->way) {
	case LOOK_TABLE:
		return (double)lut_at(&l->voi, x) / l->voi.most;
	case LOOK_WINDOW:
		break;
	default:
		return r->high > r->low ? (x - r->low) / (r->high - r->low) : 0;
	}
	switch (l->function) {
	case RENDER_SIGMOID:
		return 1 / (1 + exp(-4 * (x - l->center) / l->width));
	case RENDER_LINEAR_EXACT:
		return (x - l->center) / l->width + 0.5;
	default:
		if (l->width <= 1)
			return x <= l->center - 0.5 ? 0 : 1;
		return (x - (l->center - 0.5)) / (l->width - 1) + 0.5;
	}
}

static uint8_t shown(const struct look *l, const struct range *r, double stored)
{
	double y = voi(l, r, modality(l, stored));

	y = y > 0 ? y < 1 ? y : 1 : 0; /* no number at all: black */
	if (l->presentation.n)
		y = (double)lut_at(&l->presentation, (double)l->presentation.first + y * (l->presentation.n - 1)) /
		    l->presentation.most;
	if (l->inverse)
		y = 1 - y;
	return (uint8_t)(y * 255 + 0.5);
}

/* Of values from low to high; a slope below 0 turns them round. */
static struct range range_of(const struct look *l, double low, double high)
{
	struct range r = {modality(l, low), modality(l, high)};

	if (l->modality.n) { /* not monotonous, perhaps */
		for (double v = low; v <= high && v <= low + TABLE_MOST; v++) {
			double m = modality(l, v);
			r.low = m < r.low ? m : r.low;
			r.high = m > r.high ? m : r.high;
		}
	} else if (r.low > r.high) {
		r = (struct range){r.high, r.low};
	}
	return r;
}

static struct range range_possible(const struct look *l, const struct image_pixel *p)
{
	double n = ldexp(1, p->bits_stored);

	return p->is_signed ? range_of(l, -n / 2, n / 2 - 1) : range_of(l, 0, n - 1);
}

/* ---- integers */

struct extent {
	int64_t low, high;           /* all values */
	int64_t low_seen, high_seen; /* without padding */
};

/* How a stored value lies in a word of 8 or 16 bits. */
struct place {
	unsigned shift;
	uint32_t mask, sign;
};

static struct place place_of(const struct image_pixel *p)
{
	return (struct place){.shift = p->high_bit + 1u - p->bits_stored,
			      .mask = (uint32_t)((1ull << p->bits_stored) - 1),
			      .sign = p->is_signed ? 1u << (p->bits_stored - 1) : 0};
}

/* The least value counts 0. */
static uint32_t rank_of(uint32_t raw, const struct place *w)
{
	return (raw >> w->shift & w->mask) ^ w->sign;
}

/* A row of stored values: what is done for each pixel, without a choice for each. */
static void row_values(const struct codec_frame *f, uint32_t y, int64_t *out)
{
	const struct image_pixel *p = &f->pixels;
	size_t first = (size_t)y * p->columns;
	const struct place w = place_of(p);
	const uint8_t *at = f->data + first * (p->bits_allocated / 8u);

	if (p->bits_allocated == 16)
		for (uint32_t x = 0; x < p->columns; x++)
			out[x] = (int32_t)rank_of((uint32_t)(at[2 * x] | at[2 * x + 1] << 8), &w) - (int32_t)w.sign;
	else if (p->bits_allocated == 8)
		for (uint32_t x = 0; x < p->columns; x++)
			out[x] = (int32_t)rank_of(at[x], &w) - (int32_t)w.sign;
	else
		for (uint32_t x = 0; x < p->columns; x++)
			out[x] = sample_value(p, sample_raw(f, first + x));
}

/* Of words of 16 bits, many side by side: in a form that compilers make one instruction of. */
static void widen_words(struct extent *x, const struct codec_frame *f)
{
	enum { LANES = 16 };
	size_t n = (size_t)f->pixels.rows * f->pixels.columns, i = 0;
	const struct place w = place_of(&f->pixels);
	const uint16_t shift = (uint16_t)w.shift, mask = (uint16_t)w.mask, turn = (uint16_t)(w.sign ^ 0x8000);
	int16_t low[LANES], high[LANES]; /* ranks, less 32768 */
	uint16_t raw[LANES];

	for (unsigned k = 0; k < LANES; k++)
		low[k] = INT16_MAX, high[k] = INT16_MIN;
	while (i < n) {
		memcpy(raw, f->data + 2 * i, sizeof(raw));
		for (unsigned k = 0; k < LANES; k++) {
			int16_t v = (int16_t)(((uint16_t)(le16toh(raw[k]) >> shift) & mask) ^ turn);

			low[k] = v < low[k] ? v : low[k];
			high[k] = v > high[k] ? v : high[k];
		}
		i += LANES;
		if (i < n && n - i < LANES)
			i = n - LANES; /* some of them twice */
	}
	for (unsigned k = 0; k < LANES; k++) {
		int64_t l = low[k] + 32768 - (int64_t)w.sign, h = high[k] + 32768 - (int64_t)w.sign;

		x->low = l < x->low ? l : x->low;
		x->high = h > x->high ? h : x->high;
	}
}

static void widen(struct extent *x, const struct look *l, const int64_t *row, uint32_t n)
{
	int64_t low = x->low, high = x->high;

	for (uint32_t i = 0; i < n; i++) {
		low = row[i] < low ? row[i] : low;
		high = row[i] > high ? row[i] : high;
	}
	x->low = low;
	x->high = high;
	if (!l->has_padding)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (row[i] < l->padding_from || row[i] > l->padding_to) {
			x->low_seen = row[i] < x->low_seen ? row[i] : x->low_seen;
			x->high_seen = row[i] > x->high_seen ? row[i] : x->high_seen;
		}
}

static struct extent extent_of(const struct look *l, const struct codec_frame *f, int64_t *row)
{
	struct extent x = {INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN};

	bool whole = !l->has_padding || l->way != LOOK_SPREAD; /* nobody asks for what is seen of it */

	if (whole && f->pixels.bits_allocated == 16 && (uint64_t)f->pixels.rows * f->pixels.columns >= 16)
		widen_words(&x, f);
	else
		for (uint32_t y = 0; y < f->pixels.rows; y++) {
			row_values(f, y, row);
			widen(&x, l, row, f->pixels.columns);
		}
	if (x.low_seen > x.high_seen) {
		x.low_seen = x.low;
		x.high_seen = x.high;
	}
	if (f->pixels.bits_stored == 1) { /* bits have no other range */
		x.low_seen = 0;
		x.high_seen = 1;
	}
	return x;
}

/* table: what is shown of the values from low on. Words of 8 and 16 bits. */
static void paint(const struct codec_frame *f, const uint8_t *table, int64_t low, uint8_t *to)
{
	size_t n = (size_t)f->pixels.rows * f->pixels.columns;
	const struct place w = place_of(&f->pixels);
	const uint32_t first = (uint32_t)(low + (int64_t)w.sign);
	const uint8_t *at = f->data;

	if (f->pixels.bits_allocated == 8)
		for (size_t i = 0; i < n; i++)
			to[i] = table[rank_of(at[i], &w) - first];
	else
		for (size_t i = 0; i < n; i++)
			to[i] = table[rank_of((uint32_t)(at[2 * i] | at[2 * i + 1] << 8), &w) - first];
}

int grey_show(const struct look *l, const struct codec_frame *f, struct canvas *out, struct err *e)
{
	const struct image_pixel *p = &f->pixels;
	AUTO(str) room = malloc(p->columns * sizeof(int64_t));
	AUTO(str) table = NULL;
	int64_t *row = (int64_t *)(void *)room;
	int rc;

	if (!room)
		return err_set(e, E_NOMEM, "no memory for a row of pixels");
	if ((rc = canvas_new(p->columns, p->rows, 1, out, e)) < 0)
		return rc;
	struct extent x = extent_of(l, f, row);
	struct range r =
	    l->way == LOOK_FULL ? range_possible(l, p) : range_of(l, (double)x.low_seen, (double)x.high_seen);
	uint64_t values = (uint64_t)(x.high - x.low) + 1;
	if (values <= TABLE_MOST && values <= (uint64_t)p->rows * p->columns) {
		if (!(table = malloc(values)))
			return err_set(e, E_NOMEM, "no memory for a table");
		for (uint64_t v = 0; v < values; v++)
			table[v] = (char)shown(l, &r, (double)(x.low + (int64_t)v));
	}
	if (table && (p->bits_allocated == 8 || p->bits_allocated == 16)) {
		paint(f, (const uint8_t *)table, x.low, out->data);
		return 0;
	}
	for (uint32_t y = 0; y < p->rows; y++) {
		uint8_t *to = out->data + (size_t)y * p->columns;
		row_values(f, y, row);
		for (uint32_t k = 0; k < p->columns; k++)
			to[k] = table ? (uint8_t)table[row[k] - x.low] : shown(l, &r, (double)row[k]);
	}
	return 0;
}

/* ---- real numbers */

static double real_at(const struct shot *s, size_t i, bool big)
{
	unsigned size = s->said.bits_allocated / 8;
	const uint8_t *p = s->data + i * size;
	uint64_t raw = 0;

	for (unsigned k = 0; k < size; k++)
		raw = raw << 8 | p[big ? k : size - 1 - k];
	if (size == 8) {
		double v;
		memcpy(&v, &raw, sizeof(v));
		return v;
	}
	uint32_t raw32 = (uint32_t)raw;
	float v;
	memcpy(&v, &raw32, sizeof(v));
	return (double)v;
}

int grey_show_real(const struct look *l, const struct shot *s, struct canvas *out, struct err *e)
{
	size_t n = (size_t)s->said.rows * s->said.columns, there = s->n / (s->said.bits_allocated / 8);
	bool big = strcmp(s->syntax, UID_EXPLICIT_BE) == 0;
	struct range r = {INFINITY, -INFINITY};
	int rc;

	if (s->said.samples != 1)
		return err_set(e, E_UNSUP, "real numbers of %u samples a pixel", s->said.samples);
	if ((rc = canvas_new(s->said.columns, s->said.rows, 1, out, e)) < 0)
		return rc;
	if (there > n)
		there = n;
	for (size_t i = 0; i < there; i++) {
		double v = modality(l, real_at(s, i, big));
		if (isfinite(v)) {
			r.low = v < r.low ? v : r.low;
			r.high = v > r.high ? v : r.high;
		}
	}
	for (size_t i = 0; i < there; i++)
		out->data[i] = shown(l, &r, real_at(s, i, big));
	return 0;
}
