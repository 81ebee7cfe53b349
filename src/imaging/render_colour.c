/* imaging/render_colour.c - samples of colour, and palettes, as RGB of 8 bits (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5). */
#include "imaging/render_own.h"

static uint8_t clamp(double v)
{
	return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

/* ---- full and partial luminance with colour differences; 0 to 255 each */

static void from_full(uint8_t *p)
{
	double y = p[0], cb = p[1] - 128.0, cr = p[2] - 128.0;

	p[0] = clamp(y + 1.402 * cr);
	p[1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
	p[2] = clamp(y + 1.772 * cb);
}

static void from_partial(uint8_t *p)
{
	double y = 1.1644 * (p[0] - 16.0), cb = p[1] - 128.0, cr = p[2] - 128.0;

	p[0] = clamp(y + 1.5960 * cr);
	p[1] = clamp(y - 0.3917 * cb - 0.8130 * cr);
	p[2] = clamp(y + 2.0173 * cb);
}

static uint8_t to_byte(const struct image_pixel *p, uint32_t raw)
{
	uint64_t v = (uint64_t)raw >> (p->high_bit + 1u - p->bits_stored) & ((1ull << p->bits_stored) - 1);
	uint64_t most = (1ull << p->bits_stored) - 1;

	if (p->is_signed) /* the middle of the range is 0 */
		v ^= 1ull << (p->bits_stored - 1);
	return p->bits_stored == 8 ? (uint8_t)v : (uint8_t)((v * 255 + most / 2) / most);
}

int colour_show(const struct codec_frame *f, struct canvas *out, struct err *e)
{
	const struct image_pixel *p = &f->pixels;
	size_t n = (size_t)p->rows * p->columns;
	bool partial = strncmp(p->photometric, "YBR_PARTIAL", 11) == 0,
	     full = strncmp(p->photometric, "YBR_FULL", 8) == 0;
	int rc;

	if (!partial && !full && strcmp(p->photometric, "RGB") != 0 && strcmp(p->photometric, "YBR_RCT") != 0 &&
	    strcmp(p->photometric, "YBR_ICT") != 0)
		return err_set(e, E_UNSUP, "colours of the photometric interpretation \"%s\"", p->photometric);
	if ((rc = canvas_new(p->columns, p->rows, 3, out, e)) < 0)
		return rc;
	if (p->bits_allocated == 8 && p->bits_stored == 8 && !p->is_signed)
		memcpy(out->data, f->data, 3 * n);
	else
		for (size_t i = 0; i < 3 * n; i++)
			out->data[i] = to_byte(p, sample_raw(f, i));
	for (size_t i = 0; full && i < n; i++)
		from_full(out->data + 3 * i);
	for (size_t i = 0; partial && i < n; i++)
		from_partial(out->data + 3 * i);
	return 0;
}

/* ---- palettes */

struct palette {
	struct lut lut[3];
};
static void palette_cleanup(struct palette *p)
{
	for (unsigned i = 0; i < 3; i++)
		lut_cleanup(&p->lut[i]);
}
AUTO_TYPE(palette, struct palette);

static uint8_t entry(const struct lut *l, double at)
{
	unsigned v = lut_at(l, at);

	return l->most > 255 ? (uint8_t)(v >> 8) : (uint8_t)v;
}

int palette_show(const struct shot *s, const struct codec_frame *f, struct canvas *out, struct notes *notes,
		 struct err *e)
{
	const struct image_pixel *p = &f->pixels;
	size_t n = (size_t)p->rows * p->columns;
	AUTO(palette) palette = {0};
	bool segmented = !dset_get(s->head, TAG(0x28, 0x1201));
	int rc;

	for (uint32_t i = 0; i < 3; i++) {
		if ((rc = lut_read(s->head, TAG(0x28, 0x1101) + i, TAG(0x28, segmented ? 0x1221 : 0x1201) + i,
				   p->is_signed, segmented, &palette.lut[i], notes, e)) < 0)
			return rc;
		/* Entries of 16 bits are wanted (C.7.6.3.1.5); of those that all fit into one byte, that byte was meant. */
		if (palette.lut[i].most > 255)
			palette.lut[i].most = 65535;
	}
	if ((rc = canvas_new(p->columns, p->rows, 3, out, e)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		double v = (double)sample_value(p, sample_raw(f, i));
		for (unsigned k = 0; k < 3; k++)
			out->data[3 * i + k] = entry(&palette.lut[k], v);
	}
	return 0;
}
