/* imaging/render_overlay.c - overlay planes, in data of their own or in unused bits of the samples (PS3.3 C.9.2, PS3.5 8.1.2). */
#include "imaging/render_own.h"

static bool frame_of(const struct dset *d, uint32_t group, const struct shot *s, uint64_t *out)
{
	double frames = 1, origin = 1;

	*out = 0;
	if (!number_of(d, group | 0x15, 0, &frames) || frames < 1)
		return true; /* one plane for all frames */
	number_of(d, group | 0x51, 0, &origin);
	double at = (double)s->number - (origin - 1);
	if (!(at >= 0) || at >= frames)
		return false;
	*out = (uint64_t)at;
	return true;
}

int overlay_read(const struct dset *d, unsigned k, const struct shot *s, struct overlay *out, struct notes *notes)
{
	uint32_t group = (0x6000 + 2 * k) << 16;
	double rows, columns, top = 1, left = 1, allocated = 1, position = 0;
	const struct elem *data = dset_get(d, group | 0x3000);
	uint64_t frame;

	if (!number_of(d, group | 0x10, 0, &rows) || !number_of(d, group | 0x11, 0, &columns))
		return 0;
	number_of(d, group | 0x50, 0, &top);
	number_of(d, group | 0x50, 1, &left);
	number_of(d, group | 0x100, 0, &allocated);
	number_of(d, group | 0x102, 0, &position);
	if (rows < 1 || columns < 1 || rows > 65535 || columns > 65535) {
		notes_add(notes, "overlay %u has no size", k);
		return 0;
	}
	if (!frame_of(d, group, s, &frame))
		return 0;
	*out = (struct overlay){.left = (int64_t)left - 1,
				.top = (int64_t)top - 1,
				.rows = (uint32_t)rows,
				.columns = (uint32_t)columns,
				.position = (unsigned)position};
	if (data) {
		uint64_t bits = (uint64_t)out->rows * out->columns, first = 0;
		if (__builtin_mul_overflow(bits, frame, &first) || first >= (uint64_t)data->len * 8) {
			notes_add(notes, "overlay %u is not there", k);
			return 0;
		}
		if (first + bits > (uint64_t)data->len * 8)
			notes_add(notes, "overlay %u ends early", k);
		out->bits = data->value;
		out->n_bits = data->len * 8;
		out->first = (size_t)first;
		return 1;
	}
	if (allocated <= 1 || position < 0 || position >= s->said.bits_allocated || d != s->head) {
		notes_add(notes, "overlay %u is not there", k);
		return 0;
	}
	return 1;
}

bool overlay_bit(const struct overlay *o, const struct codec_frame *f, uint32_t x, uint32_t y)
{
	if (x >= o->columns || y >= o->rows)
		return false;
	if (o->bits) {
		size_t at = o->first + (size_t)y * o->columns + x;
		return at < o->n_bits && (o->bits[at / 8] >> at % 8 & 1);
	}
	return f && x < f->pixels.columns && y < f->pixels.rows && f->pixels.samples == 1 &&
	       (sample_raw(f, (size_t)y * f->pixels.columns + x) >> o->position & 1);
}

void overlay_draw(const struct overlay *o, const struct codec_frame *f, struct canvas *c)
{
	int64_t left = o->left < 0 ? 0 : o->left, top = o->top < 0 ? 0 : o->top;
	int64_t right = o->left + o->columns, bottom = o->top + o->rows;

	if (right > c->width)
		right = c->width;
	if (bottom > c->height)
		bottom = c->height;
	for (int64_t y = top; y < bottom; y++)
		for (int64_t x = left; x < right; x++)
			if (overlay_bit(o, f, (uint32_t)(x - o->left), (uint32_t)(y - o->top)))
				memset(c->data + ((size_t)y * c->width + (size_t)x) * c->samples, 255, c->samples);
}
