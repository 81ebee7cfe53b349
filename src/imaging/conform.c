#include "imaging/conform.h"
#include "base/auto.h"
#include <stdio.h>
#include <stdlib.h>

/* Colour by pixel into planes. */
static void to_planes(const uint8_t *from, uint8_t *to, size_t pixels, size_t width)
{
	for (size_t sample = 0; sample < 3; sample++)
		for (size_t i = 0; i < pixels; i++, to += width)
			memcpy(to, from + (i * 3 + sample) * width, width);
}

/* Y Cb Cr of each pixel into Y Y Cb Cr of each two; a last pixel that has no other counts twice. */
static void to_pairs(const uint8_t *from, uint8_t *to, const struct image_pixel *p, size_t width)
{
	for (uint32_t row = 0; row < p->rows; row++, from += (size_t)p->columns * 3 * width)
		for (uint32_t x = 0; x < p->columns; x += 2, to += 4 * width) {
			const uint8_t *one = from + (size_t)x * 3 * width;
			const uint8_t *two = x + 1 < p->columns ? one + 3 * width : one;

			memcpy(to, one, width);
			memcpy(to + width, two, width);
			memcpy(to + 2 * width, one + width, 2 * width);
		}
}

int codec_conform(struct codec_frame *f, const struct image_pixel *said, struct err *e)
{
	struct image_pixel want = f->pixels;
	size_t width = f->pixels.bits_allocated / 8, n;
	AUTO(str) data = NULL;

	if (f->pixels.samples != 3 || f->pixels.planar || width == 0)
		return 0;
	if (image_pixel_subsampled(said) && strncmp(f->pixels.photometric, "YBR_FULL", 9) == 0)
		snprintf(want.photometric, sizeof want.photometric, "%s", said->photometric);
	else if (said->planar == 1)
		want.planar = 1;
	else
		return 0;
	n = (size_t)image_pixel_frame_bytes(&want);
	if (!(data = malloc(n ? n : 1)))
		return err_set(e, E_NOMEM, "no memory for %zu bytes of samples", n);
	if (want.planar)
		to_planes(f->data, (uint8_t *)data, (size_t)want.rows * want.columns, width);
	else
		to_pairs(f->data, (uint8_t *)data, &want, width);
	free(f->data);
	f->data = (uint8_t *)STEAL(data);
	f->n = n;
	f->pixels = want;
	return 0;
}
