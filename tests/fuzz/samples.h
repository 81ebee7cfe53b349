/* tests/fuzz/samples.h - a frame of any bytes through the door of the codecs, with a data set that is told by a few bytes. */
#ifndef TESTS_FUZZ_SAMPLES_H
#define TESTS_FUZZ_SAMPLES_H

#include "fuzz.h"
#include "imaging/codec.h"
#include <string.h>

#define SAMPLES_MOST (1u << 20)

static inline struct image_pixel samples_said(uint32_t columns, uint32_t rows, unsigned samples, unsigned bits,
					      uint8_t how)
{
	static const char *const colours[] = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422"};
	struct image_pixel p = {.rows = rows, .columns = columns, .samples = (uint16_t)samples};

	p.bits_allocated = bits == 1 ? 1 : bits <= 8 && !(how & 1) ? 8 : bits <= 16 ? 16 : 32;
	p.bits_stored = bits >= 1 && bits <= p.bits_allocated ? (uint16_t)bits : p.bits_allocated;
	p.high_bit = p.bits_stored - 1;
	p.is_signed = how & 2;
	p.planar = how >> 2 & 1;
	strcpy(p.photometric, samples == 3 ? colours[how >> 3 & 3] : how & 8 ? "PALETTE COLOR" : "MONOCHROME2");
	p.rows += how >> 7; /* a data set that says otherwise */
	return p;
}

static inline int samples_run(const char *syntax, const struct image_pixel *said, const uint8_t *data, size_t size)
{
	AUTO(codec_frame) f = {0};
	struct err e = {0};
	int rc = codec_decode(syntax, said, data, size, 0, SAMPLES_MOST, &f, &e);

	FUZZ_EXPECT(rc == 0 ? f.data && f.n == image_pixel_frame_bytes(&f.pixels) : !f.data && e.msg[0]);
	FUZZ_EXPECT(rc == 0 || rc == -(int)e.code);
	FUZZ_EXPECT(rc < 0 ||
		    (f.n <= SAMPLES_MOST && f.pixels.rows == said->rows && f.pixels.columns == said->columns));
	return 0;
}
#endif
