/* imaging/render_size.c - a region of a picture, turned, in another size: means of areas when it shrinks, straight lines between
 * pixels when it grows. */
#include "imaging/render_own.h"
#include <math.h>

int canvas_new(uint32_t width, uint32_t height, uint32_t samples, struct canvas *out, struct err *e)
{
	uint8_t *data = calloc((size_t)width * height, samples);

	if (!data)
		return err_set(e, E_NOMEM, "no memory for a picture of %u x %u pixels", width, height);
	canvas_cleanup(out);
	*out = (struct canvas){width, height, samples, data};
	return 0; /* cppcheck-suppress memleak */
}

void canvas_cleanup(struct canvas *c)
{
	free(c->data);
	*c = (struct canvas){0};
}

static uint32_t side(double v)
{
	v = v < 1 ? 1 : v > RENDER_SIDE_MOST ? RENDER_SIDE_MOST : v;
	return (uint32_t)lround(v);
}

int size_fit(const struct rect *region, double ratio, const struct render_options *o, uint32_t *width, uint32_t *height,
	     struct err *e)
{
	double w = region->w, h = region->h, scale = RENDER_SIDE_MOST;
	uint64_t most = (uint64_t)region->w * region->h;

	*width = region->w;
	*height = region->h;
	if (!o->width && !o->height)
		return 0;
	if (ratio > 0.05 && ratio < 20)
		w *= ratio;
	if (o->width)
		scale = fmin(scale, o->width / w);
	if (o->height)
		scale = fmin(scale, o->height / h);
	if (!o->enlarge)
		scale = fmin(scale, 1);
	*width = side(w * scale);
	*height = side(h * scale);
	if (most < RENDER_AREA_MOST)
		most = RENDER_AREA_MOST;
	return (uint64_t)*width * *height > most
		   ? err_set(e, E_INVAL, "a picture of %u x %u pixels is larger than the image and than %llu pixels",
			     *width, *height, (unsigned long long)RENDER_AREA_MOST)
		   : 0;
}

/* ---- scaling, one direction after the other */

struct tap { /* of one place along a side: which pixels make it up */
	uint32_t first, n;
	const float *weight;
};
struct taps {
	struct tap *tap;
	float *weights;
};
static void taps_cleanup(struct taps *t)
{
	free(t->tap);
	free(t->weights);
}
AUTO_TYPE(taps, struct taps);

static uint32_t tap_shrink(uint32_t i, double step, double aside, uint32_t from, float *w, uint32_t *first)
{
	double begin = fmin(i * step + aside, from - 1.0), end = fmin(begin + step, from);
	uint32_t n = 0;

	*first = (uint32_t)begin;
	for (uint32_t k = *first; k < from && k < end; k++)
		w[n++] = (float)((fmin(end, k + 1.0) - fmax(begin, k)) / (end - begin));
	return n;
}

static uint32_t tap_grow(uint32_t i, double step, double aside, uint32_t from, float *w, uint32_t *first)
{
	double at = (i + 0.5) * step - 0.5 + aside;

	at = at < 0 ? 0 : at > from - 1.0 ? from - 1.0 : at;
	*first = (uint32_t)at;
	w[0] = (float)(1 - (at - *first));
	w[1] = 1 - w[0];
	return *first + 1 < from ? 2 : 1;
}

static int taps_make(uint32_t from, uint32_t to, double aside, double real, struct taps *out, struct err *e)
{
	double step = (real > 0 ? real : from) / to;
	size_t each = (size_t)ceil(step) + 2;

	out->tap = calloc(to, sizeof(*out->tap));
	out->weights = calloc(to, each * sizeof(*out->weights));
	if (!out->tap || !out->weights)
		return err_set(e, E_NOMEM, "no memory to scale a picture");
	for (uint32_t i = 0; i < to; i++) {
		float *w = out->weights + i * each;
		uint32_t first, n = step >= 1 ? tap_shrink(i, step, aside, from, w, &first)
					      : tap_grow(i, step, aside, from, w, &first);

		out->tap[i] = (struct tap){first, n, w};
	}
	return 0;
}

static void across(const uint8_t *row, unsigned samples, const struct tap *tap, uint32_t width, float *out)
{
	for (uint32_t x = 0; x < width; x++, tap++)
		for (unsigned s = 0; s < samples; s++) {
			float sum = 0;
			for (uint32_t k = 0; k < tap->n; k++)
				sum += tap->weight[k] * (float)row[(size_t)(tap->first + k) * samples + s];
			*out++ = sum;
		}
}

/* The rows made across last: neighbours need them again. */
struct rows {
	const struct canvas *in;
	const struct tap *tap;
	uint32_t width, which[2];
	float *row[2];
};

static const float *row_of(struct rows *r, uint32_t y)
{
	unsigned slot = y % 2;

	if (r->which[slot] != y) {
		across(r->in->data + (size_t)y * r->in->width * r->in->samples, r->in->samples, r->tap, r->width,
		       r->row[slot]);
		r->which[slot] = y;
	}
	return r->row[slot];
}

static int scale(const struct canvas *in, const struct rect *of, uint32_t width, uint32_t height, struct canvas *out,
		 struct err *e)
{
	size_t n = (size_t)width * in->samples;
	AUTO(taps) x = {0};
	AUTO(taps) y = {0};
	int rc;

	if ((rc = taps_make(in->width, width, of->aside_x, of->real_w, &x, e)) < 0 ||
	    (rc = taps_make(in->height, height, of->aside_y, of->real_h, &y, e)) < 0 ||
	    (rc = canvas_new(width, height, in->samples, out, e)) < 0)
		return rc;
	float *room = malloc(3 * n * sizeof(*room)), *sum;
	if (!room)
		return err_set(e, E_NOMEM, "no memory to scale a picture");
	sum = room + 2 * n;
	struct rows rows = {in, x.tap, width, {UINT32_MAX, UINT32_MAX}, {room, room + n}};
	for (uint32_t i = 0; i < height; i++) {
		memset(sum, 0, n * sizeof(*sum));
		for (uint32_t k = 0; k < y.tap[i].n; k++) {
			const float *row = row_of(&rows, y.tap[i].first + k);
			for (size_t s = 0; s < n; s++)
				sum[s] += y.tap[i].weight[k] * row[s];
		}
		for (size_t s = 0; s < n; s++)
			out->data[i * n + s] = (uint8_t)(sum[s] >= 255 ? 255 : sum[s] + 0.5f);
	}
	free(room);
	return 0;
}

static int cut(const struct canvas *in, const struct rect *r, struct canvas *out, struct err *e)
{
	int64_t left = r->x < 0 ? 0 : r->x, right = r->x + r->w < in->width ? r->x + r->w : in->width;
	int rc = canvas_new(r->w, r->h, in->samples, out, e);

	for (uint32_t y = 0; rc == 0 && y < r->h; y++) {
		int64_t from = r->y + y;
		if (from >= 0 && from < in->height && left < right)
			memcpy(out->data + ((size_t)y * r->w + (size_t)(left - r->x)) * in->samples,
			       in->data + ((size_t)from * in->width + (size_t)left) * in->samples,
			       (size_t)(right - left) * in->samples);
	}
	return rc;
}

int size_make(const struct canvas *in, const struct rect *region, uint32_t width, uint32_t height, struct canvas *out,
	      struct err *e)
{
	AUTO(canvas) part = {0};
	bool whole = region->x == 0 && region->y == 0 && region->w == in->width && region->h == in->height,
	     same = width == region->w && height == region->h && region->real_w == 0;
	int rc = 0;

	if (same)
		return cut(in, region, out, e);
	if (!whole && (rc = cut(in, region, &part, e)) < 0)
		return rc;
	return scale(whole ? in : &part, region, width, height, out, e);
}

/* ---- turning */

int size_turn(struct canvas *c, unsigned quarters, struct err *e)
{
	bool lies = quarters % 2;
	AUTO(canvas) out = {0};
	int rc;

	if (quarters % 4 == 0)
		return 0;
	if ((rc = canvas_new(lies ? c->height : c->width, lies ? c->width : c->height, c->samples, &out, e)) < 0)
		return rc;
	for (uint32_t y = 0; y < c->height; y++)
		for (uint32_t x = 0; x < c->width; x++) {
			uint32_t tx = quarters % 4 == 1 ? c->height - 1 - y : quarters % 4 == 2 ? c->width - 1 - x : y;
			uint32_t ty = quarters % 4 == 1 ? x : quarters % 4 == 2 ? c->height - 1 - y : c->width - 1 - x;
			memcpy(out.data + ((size_t)ty * out.width + tx) * c->samples,
			       c->data + ((size_t)y * c->width + x) * c->samples, c->samples);
		}
	canvas_cleanup(c);
	*c = out;
	out = (struct canvas){0};
	return 0;
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	while (n-- > 0) {
		uint8_t was = a[n];
		a[n] = b[n];
		b[n] = was;
	}
}

void size_flip(struct canvas *c, bool x, bool y)
{
	size_t stride = (size_t)c->width * c->samples;

	for (uint32_t i = 0; x && i < c->height; i++)
		for (uint32_t k = 0; k < c->width / 2; k++)
			swap(c->data + i * stride + (size_t)k * c->samples,
			     c->data + i * stride + (size_t)(c->width - 1 - k) * c->samples, c->samples);
	for (uint32_t i = 0; y && i < c->height / 2; i++)
		swap(c->data + i * stride, c->data + (size_t)(c->height - 1 - i) * stride, stride);
}
