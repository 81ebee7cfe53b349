/* imaging/j2k_samples.c - containers and integers. */
#include "imaging/j2k_samples.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- on the way in */

static uint32_t cell(const uint8_t *p, unsigned bytes)
{
	uint16_t two;
	uint32_t four;

	if (bytes == 1)
		return *p;
	if (bytes == 2) {
		memcpy(&two, p, 2);
		return two;
	}
	memcpy(&four, p, 4);
	return four;
}

static int32_t extended(uint32_t v, unsigned depth)
{
	return (int32_t)(v << (32 - depth)) >> (32 - depth);
}

/* Some cell has more than its lowest bits say: each differs from itself cut to them (and extended). Not inlined calls: the compiler makes
 * vectors of these loops. */
static bool high_bits_used(const struct image_pixel *p, const uint8_t *cells, size_t count)
{
	unsigned s = p->bits_stored, bytes = p->bits_allocated / 8u;
	uint32_t seen = 0, mask = (1u << s) - 1;

	if (bytes == 1)
		for (size_t i = 0; i < count; i++)
			seen |= p->is_signed ? (uint32_t)((int8_t)cells[i] ^ extended(cells[i], s)) : cells[i] & ~mask;
	else if (bytes == 2)
		for (size_t i = 0; i < count; i++) {
			uint32_t v = cell(cells + 2 * i, 2);
			seen |= p->is_signed ? (uint32_t)((int16_t)v ^ extended(v, s)) : v & ~mask;
		}
	else
		for (size_t i = 0; i < count; i++) {
			uint32_t v = cell(cells + 4 * i, 4);
			seen |= p->is_signed ? v ^ (uint32_t)extended(v, s) : v & ~mask;
		}
	return seen != 0;
}

static int choose_colours(const struct image_pixel *p, bool lossy, struct j2k_form *f, struct err *e)
{
	bool rgb = p->samples == 3 && strcmp(p->photometric, "RGB") == 0;

	if (p->samples != 1 && p->samples != 3)
		return err_set(e, E_UNSUP, "JPEG 2000 of %u samples per pixel", p->samples);
	if (p->samples == 3 && (image_pixel_subsampled(p) || strncmp(p->photometric, "YBR_PARTIAL", 11) == 0))
		return err_set(e, E_UNSUP, "JPEG 2000 of %s: its colours are to be spread first", p->photometric);
	if (strcmp(p->photometric, "YBR_RCT") == 0 || strcmp(p->photometric, "YBR_ICT") == 0)
		return err_set(e, E_UNSUP, "%s is of code streams, not of samples", p->photometric);
	if (p->planar && p->samples > 1)
		return err_set(e, E_UNSUP, "JPEG 2000 of colours by plane");
	if (lossy && strcmp(p->photometric, "PALETTE COLOR") == 0)
		return err_set(e, E_UNSUP, "PALETTE COLOR is not compressed with loss");
	f->transformed = rgb;
	memcpy(f->photometric, p->photometric, sizeof f->photometric);
	if (rgb)
		snprintf(f->photometric, sizeof f->photometric, "%s", lossy ? "YBR_ICT" : "YBR_RCT");
	return 0;
}

static int choose_depth(const struct image_pixel *p, const void *samples, struct j2k_form *f, struct err *e)
{
	size_t count = (size_t)p->rows * p->columns * p->samples;
	bool all = p->bits_stored == p->bits_allocated;

	f->depth = p->bits_allocated;
	f->is_signed = p->is_signed && p->bits_allocated > 1;
	if (p->bits_allocated == 1 || all)
		return 0;
	if (p->high_bit + 1 == p->bits_stored && !high_bits_used(p, samples, count))
		f->depth = p->bits_stored;
	else if (f->lossy)
		return err_set(e, E_UNSUP, "the bits above Bits Stored are in use and would not survive loss");
	return 0;
}

int j2k_form_choose(const struct image_pixel *p, const void *samples, size_t n, bool lossy, unsigned deepest,
		    struct j2k_form *out, struct err *e)
{
	unsigned a = p->bits_allocated;
	int rc;

	*out = (struct j2k_form){.lossy = lossy};
	if (p->rows == 0 || p->columns == 0)
		return err_set(e, E_UNSUP, "a frame of %u x %u", p->columns, p->rows);
	if ((a != 1 && a != 8 && a != 16 && a != 32) || p->bits_stored == 0 || p->bits_stored > a)
		return err_set(e, E_UNSUP, "JPEG 2000 of %u bits in %u", p->bits_stored, a);
	if (a == 1 && (lossy || p->samples != 1))
		return err_set(e, E_UNSUP, "single bits are compressed without loss and without colours only");
	if ((rc = choose_colours(p, lossy, out, e)) < 0)
		return rc;
	if (!image_pixel_frame_fits(p, n) || image_pixel_frame_bytes(p) != n)
		return err_set(e, E_INVAL, "%zu bytes are not a frame of %u x %u x %u with %u bits", n, p->columns,
			       p->rows, p->samples, a);
	if ((rc = choose_depth(p, samples, out, e)) < 0)
		return rc;
	if (out->depth > deepest)
		return err_set(e, E_UNSUP, "JPEG 2000 of samples of %u bits; at most %u", out->depth, deepest);
	return 0;
}

static void read_bits(const uint8_t *bits, uint64_t from, uint32_t n, int32_t *row)
{
	for (uint32_t x = 0; x < n; x++, from++)
		row[x] = bits[from / 8] >> (from % 8) & 1;
}

void j2k_row_read(const struct image_pixel *p, const struct j2k_form *f, const void *samples, unsigned component,
		  uint32_t y, int32_t *row)
{
	uint32_t n = p->columns;
	size_t step = p->samples, first = (size_t)y * n * step + component;
	const uint8_t *at = samples;

	if (p->bits_allocated == 1) {
		read_bits(samples, (uint64_t)y * n, n, row);
	} else if (p->bits_allocated == 8) {
		at += first;
		if (f->is_signed)
			for (uint32_t x = 0; x < n; x++)
				row[x] = (int8_t)at[x * step]; /* NOLINT(bugprone-signed-char-misuse): so */
		else
			for (uint32_t x = 0; x < n; x++)
				row[x] = at[x * step];
	} else if (p->bits_allocated == 16) {
		at += 2 * first;
		if (f->is_signed)
			for (uint32_t x = 0; x < n; x++)
				row[x] = (int16_t)cell(at + 2 * step * x, 2);
		else
			for (uint32_t x = 0; x < n; x++)
				row[x] = (int32_t)cell(at + 2 * step * x, 2);
	} else {
		at += 4 * first;
		for (uint32_t x = 0; x < n; x++)
			row[x] = (int32_t)cell(at + 4 * step * x, 4);
	}
}

/* ---- on the way out */

void j2k_warn(struct codec_frame *out, const char *fmt, ...)
{
	size_t used = strlen(out->warning);
	va_list ap;

	if (used + 3 >= sizeof out->warning)
		return;
	if (used > 0)
		used += (size_t)snprintf(out->warning + used, sizeof out->warning - used, "; ");
	va_start(ap, fmt);
	vsnprintf(out->warning + used, sizeof out->warning - used, fmt, ap);
	va_end(ap);
}

static bool says(const char *photometric, const char *what)
{
	return strcmp(photometric, what) == 0;
}

/* What the code stream does counts; what the data set says of it is a warning where the two differ. */
static void judge_colours(const struct j2k_head *h, struct codec_frame *out)
{
	char *said = out->pixels.photometric;
	bool ybr = says(said, "YBR_RCT") || says(said, "YBR_ICT");
	const char *is = NULL;

	if (h->components != 3)
		return;
	if (h->component[1].dx > 1 || h->component[1].dy > 1 || h->component[2].dx > 1 || h->component[2].dy > 1) {
		if (!says(said, "YBR_FULL_422") && !says(said, "YBR_FULL") && !says(said, "YBR_PARTIAL_420"))
			j2k_warn(out, "the code stream has half of the colours, the data set says %s", said);
		is = "YBR_FULL";
	} else if (h->transformed && !ybr) {
		j2k_warn(out, "the code stream has a colour transform, the data set says %s", said);
	} else if (!h->transformed && ybr) {
		j2k_warn(out, "the code stream has no colour transform, the data set says %s", said);
		is = "RGB";
	} else if (ybr) {
		is = "RGB";
	}
	if (!is && image_pixel_subsampled(&out->pixels))
		is = "YBR_FULL";
	if (is)
		snprintf(said, sizeof out->pixels.photometric, "%s", is);
}

int j2k_frame_begin(const struct j2k_head *h, const struct image_pixel *said, uint32_t columns, uint32_t rows,
		    uint64_t most, struct codec_frame *out, struct err *e)
{
	out->pixels = *said;
	out->pixels.columns = columns;
	out->pixels.rows = rows;
	out->pixels.planar = 0;
	out->pixels.photometric[sizeof out->pixels.photometric - 1] = '\0';
	judge_colours(h, out); /* before anything is measured: half of the colours become all of them */
	if (h->boxed)
		j2k_warn(out, "the code stream is in a JP2 file");
	if (h->component[0].is_signed != said->is_signed && said->bits_allocated > 1)
		j2k_warn(out, "the code stream is %s, the data set says %s",
			 h->component[0].is_signed ? "signed" : "unsigned", said->is_signed ? "signed" : "unsigned");
	if (!image_pixel_frame_fits(&out->pixels, most))
		return err_set(e, E_LIMIT, "a frame of %u x %u x %u with %u bits is over %llu bytes", columns, rows,
			       said->samples, said->bits_allocated, (unsigned long long)most);
	out->n = (size_t)image_pixel_frame_bytes(&out->pixels);
	if (out->n == 0 || !(out->data = calloc(1, out->n)))
		return err_set(e, out->n ? E_NOMEM : E_CORRUPT, "no memory for %zu bytes of samples", out->n);
	return 0;
}

/* The bits of a cell: a sample within its depth, in the sign that the data set gives to them. */
struct writing {
	int32_t low, high;
	uint32_t mask;
	unsigned extend; /* from this depth */
};

static struct writing writing_of(const struct j2k_component *c, const struct image_pixel *p)
{
	unsigned d = c->depth < 31 ? c->depth : 31;
	struct writing w = {.mask = UINT32_MAX};

	w.high = c->is_signed ? (int32_t)((1u << (d - 1)) - 1) : (int32_t)(d == 31 ? INT32_MAX : (1u << d) - 1);
	w.low = c->is_signed ? -w.high - 1 : 0;
	if (c->is_signed && !p->is_signed)
		w.mask = (1u << d) - 1;
	if (!c->is_signed && p->is_signed)
		w.extend = d;
	return w;
}

static inline uint32_t written(const struct writing *w, int32_t v)
{
	v = v < w->low ? w->low : v > w->high ? w->high : v;
	if (w->extend)
		v = extended((uint32_t)v, w->extend);
	return (uint32_t)v & w->mask;
}

static void write_bits(uint8_t *bits, uint64_t from, const int32_t *row, uint32_t n)
{
	for (uint32_t x = 0; x < n; x++, from++)
		if (row[x] != 0)
			bits[from / 8] |= (uint8_t)(1u << from % 8);
}

/* row[x / dx] goes to columns x */
static void write_row(const struct image_pixel *p, const struct writing *w, uint8_t *data, unsigned component,
		      uint32_t y, const int32_t *row, uint32_t n, unsigned dx)
{
	uint32_t columns = dx == 1 && n < p->columns ? n : p->columns;
	size_t step = p->samples, first = (size_t)y * p->columns * step + component;

	if (p->bits_allocated == 1) {
		write_bits(data, (uint64_t)y * p->columns, row, columns);
	} else if (dx == 1 && p->bits_allocated == 8) {
		for (uint32_t x = 0; x < columns; x++)
			data[first + x * step] = (uint8_t)written(w, row[x]);
	} else if (dx == 1 && p->bits_allocated == 16) {
		for (uint32_t x = 0; x < columns; x++) {
			uint16_t v = (uint16_t)written(w, row[x]);
			memcpy(data + 2 * (first + x * step), &v, 2);
		}
	} else {
		for (uint32_t x = 0; x < columns; x++) {
			uint32_t v = written(w, row[x / dx < n ? x / dx : n - 1]);
			memcpy(data + p->bits_allocated / 8u * (first + x * step), &v, p->bits_allocated / 8u);
		}
	}
}

void j2k_row_write(const struct j2k_head *h, struct codec_frame *out, unsigned component, uint32_t y,
		   const int32_t *row, uint32_t n)
{
	const struct j2k_component *c = &h->component[component < h->components ? component : 0];
	const struct writing w = writing_of(c, &out->pixels);
	uint64_t last = ((uint64_t)y + 1) * c->dy;

	if (component >= h->components || n == 0)
		return;
	for (uint64_t to = (uint64_t)y * c->dy; to < last && to < out->pixels.rows; to++)
		write_row(&out->pixels, &w, out->data, component, (uint32_t)to, row, n, c->dx);
}
