/* Frames through each codec and back: depths, signs, colours, planes and sizes; and frames that are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dicom/dict.h"
#include "imaging/codec.h"
#include <stdio.h>
#include <stdlib.h>

#define RLE "1.2.840.10008.1.2.5"
#define DEFLATED_FRAMES "1.2.840.10008.1.2.8.1"
#define BASELINE "1.2.840.10008.1.2.4.50"
#define EXTENDED "1.2.840.10008.1.2.4.51"
#define LOSSLESS "1.2.840.10008.1.2.4.57"
#define LOSSLESS_SV1 "1.2.840.10008.1.2.4.70"
#define JPEGLS "1.2.840.10008.1.2.4.80"
#define NEAR "1.2.840.10008.1.2.4.81"
#define J2K "1.2.840.10008.1.2.4.90"
#define HTJ2K "1.2.840.10008.1.2.4.201"
#define HTJ2K_RPCL "1.2.840.10008.1.2.4.202"
#define MOST (64u << 20)

static const char *const lossless[] = {
    UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE, DEFLATED_FRAMES, RLE, LOSSLESS, LOSSLESS_SV1, JPEGLS, J2K,
    HTJ2K,           HTJ2K_RPCL};
static const char *const lossy[] = {BASELINE, EXTENDED};

struct shape {
	const char *photometric;
	uint16_t samples, allocated, stored;
	bool is_signed;
};
static const struct shape shapes[] = {
    {"MONOCHROME2", 1, 1, 1, false},   {"MONOCHROME2", 1, 8, 8, false},   {"MONOCHROME1", 1, 8, 8, false},
    {"MONOCHROME2", 1, 8, 6, false},   {"MONOCHROME2", 1, 8, 8, true},    {"MONOCHROME2", 1, 8, 1, false},
    {"MONOCHROME2", 1, 16, 8, false},  {"MONOCHROME2", 1, 16, 10, false}, {"MONOCHROME1", 1, 16, 12, false},
    {"MONOCHROME2", 1, 16, 12, true},  {"MONOCHROME2", 1, 16, 14, false}, {"MONOCHROME2", 1, 16, 16, false},
    {"MONOCHROME2", 1, 16, 16, true},  {"MONOCHROME2", 1, 32, 32, false}, {"MONOCHROME2", 1, 32, 24, true},
    {"MONOCHROME2", 1, 64, 64, false}, {"PALETTE COLOR", 1, 8, 8, false}, {"PALETTE COLOR", 1, 16, 16, false},
    {"RGB", 3, 8, 8, false},           {"YBR_FULL", 3, 8, 8, false},      {"YBR_FULL_422", 3, 8, 8, false},
    {"RGB", 3, 16, 16, false},         {"RGB", 3, 16, 12, false},         {"RGB", 3, 32, 32, false},
};
static const uint32_t sizes[][2] = {{1, 1}, {3, 3}, {7, 5}, {2, 130}, {64, 33}, {65, 1}};

enum fill { FILL_FLAT, FILL_SMOOTH, FILL_NOISE, FILLS };

static uint32_t noise(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static struct image_pixel shaped(const struct shape *s, const uint32_t size[2], uint8_t planar)
{
	struct image_pixel p = {.rows = size[1],
				.columns = size[0],
				.samples = s->samples,
				.bits_allocated = s->allocated,
				.bits_stored = s->stored,
				.high_bit = (uint16_t)(s->stored - 1),
				.planar = planar,
				.is_signed = s->is_signed};

	snprintf(p.photometric, sizeof p.photometric, "%s", s->photometric);
	return p;
}

/* Values that the stored bits have; signed ones fill their container, as encoders write them. */
static uint8_t *filled(const struct image_pixel *p, enum fill how, size_t *n)
{
	size_t width = p->bits_allocated / 8u;
	uint8_t *out;

	*n = image_pixel_frame_bytes(p);
	out = calloc(1, *n + 1);
	if (width == 0) {
		for (uint64_t i = 0; i < image_pixel_frame_bits(p); i++)
			if (how == FILL_NOISE ? noise() & 1 : i / 9 & 1)
				out[i / 8] |= (uint8_t)(1u << i % 8);
		return out;
	}
	for (size_t i = 0; i < *n / width; i++) {
		uint64_t v = how == FILL_FLAT     ? 77
			     : how == FILL_SMOOTH ? i * 3 / (1 + i % 2)
						  : (uint64_t)noise() << 32 | noise();
		if (p->bits_stored < 64)
			v &= (1ull << p->bits_stored) - 1;
		if (p->is_signed && v >> (p->bits_stored - 1) & 1)
			v |= ~0ull << (p->bits_stored - 1);
		for (size_t k = 0; k < width; k++)
			out[i * width + k] = (uint8_t)(v >> 8 * k);
	}
	return out;
}

static void by_pixel(uint8_t *samples, size_t n, const struct image_pixel *p)
{
	uint8_t *copy = malloc(n);

	memcpy(copy, samples, n);
	codec_planes(samples, copy, p, false);
	free(copy);
}

static unsigned round_trip(const char *syntax, const struct image_pixel *p, enum fill how)
{
	AUTO(codec_stream) s = {0};
	AUTO(codec_frame) f = {0};
	struct err e = {0};
	const char *reason = NULL;
	size_t n;
	uint8_t *samples = filled(p, how, &n);
	bool can = codec_can(CODEC_ENCODE, syntax, p, &reason);
	int rc = codec_encode(syntax, NULL, p, samples, n, MOST, &s, &e);

	if (!can) {
		assert_int_equal(rc, -E_UNSUP);
		assert_non_null(reason);
		assert_non_null(strstr(e.msg, reason));
		free(samples);
		return 0;
	}
	if (rc < 0)
		fail_msg("%s %s %u/%u: %s", syntax, p->photometric, p->bits_stored, p->bits_allocated, e.msg);
	assert_true(s.bytes.len % 2 == 0);
	if ((rc = codec_decode(syntax, &s.pixels, s.bytes.data, s.bytes.len, 0, n, &f, &e)) < 0)
		fail_msg("%s %s %u/%u: %s", syntax, p->photometric, p->bits_stored, p->bits_allocated, e.msg);
	assert_string_equal(f.warning, "");
	if (p->planar == 1)
		by_pixel(samples, n, p);
	assert_int_equal(f.n, n);
	if (memcmp(f.data, samples, n) != 0)
		fail_msg("%s %s %u/%u %ux%u fill %d: other samples", syntax, p->photometric, p->bits_stored,
			 p->bits_allocated, p->columns, p->rows, how);
	assert_string_equal(f.pixels.photometric, p->photometric);
	assert_int_equal(f.pixels.planar, 0);
	free(samples);
	return 1;
}

static void what_is_lossless_gives_the_same(void **state)
{
	unsigned done = 0, refused = 0;
	(void)state;

	for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
		assert_true(codec_lossless(lossless[i]));
		for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
			for (size_t m = 0; m < sizeof sizes / sizeof sizes[0]; m++)
				for (int how = 0; how < FILLS; how++)
					for (uint8_t planar = 0; planar < (shapes[k].samples == 3 ? 2 : 1); planar++) {
						struct image_pixel p = shaped(&shapes[k], sizes[m], planar);
						if (image_pixel_subsampled(&p) && planar)
							continue;
						unsigned ok = round_trip(lossless[i], &p, (enum fill)how);
						done += ok;
						refused += !ok;
					}
	}
	print_message("# %u frames gave the same, %u were refused by the table\n", done, refused);
	assert_true(done > 2500);
}

/* Overlay planes of old objects live above Bits Stored: they come through, or the encoder says no. */
static void bits_above_bits_stored_survive(void **state)
{
	struct shape grey = {"MONOCHROME2", 1, 16, 12, false};
	struct image_pixel p = shaped(&grey, sizes[4], 0);
	size_t n;
	uint8_t *samples = filled(&p, FILL_NOISE, &n);
	(void)state;

	samples[2 * 17 + 1] |= 0x10;
	samples[2 * 40 + 1] |= 0xe0;
	for (size_t i = 0; i < sizeof lossless / sizeof lossless[0]; i++) {
		AUTO(codec_stream) s = {0};
		AUTO(codec_frame) f = {0};
		assert_int_equal(codec_encode(lossless[i], NULL, &p, samples, n, MOST, &s, NULL), 0);
		assert_int_equal(codec_decode(lossless[i], &s.pixels, s.bytes.data, s.bytes.len, 0, MOST, &f, NULL), 0);
		assert_memory_equal(f.data, samples, n);
	}
	free(samples);
}

static double distance(const struct codec_frame *f, const uint8_t *samples, const struct image_pixel *p)
{
	double sum = 0;
	size_t width = f->pixels.bits_allocated / 8u, from = p->bits_allocated / 8u;

	for (size_t i = 0; i < f->n / width; i++) {
		int a = f->data[i * width] | (width > 1 ? f->data[i * width + 1] << 8 : 0);
		int b = samples[i * from] | (from > 1 ? samples[i * from + 1] << 8 : 0);
		sum += abs(a - b);
	}
	return sum * (double)width / (double)f->n;
}

static void what_is_lossy_is_near(void **state)
{
	static const uint32_t size[2] = {97, 61};
	(void)state;

	for (size_t i = 0; i < sizeof lossy / sizeof lossy[0]; i++)
		for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
			AUTO(codec_stream) s = {0}, small = {0};
			AUTO(codec_frame) f = {0};
			struct image_pixel p = shaped(&shapes[k], size, 0);
			if (!codec_can(CODEC_ENCODE, lossy[i], &p, NULL) || p.samples == 3)
				continue;
			size_t n;
			struct err e = {0};
			uint8_t *samples = filled(&p, FILL_SMOOTH, &n);
			struct codec_how best = {.quality = 100}, ratio = {.ratio = 8};
			assert_int_equal(codec_encode(lossy[i], &best, &p, samples, n, MOST, &s, &e), 0);
			assert_int_equal(codec_decode(lossy[i], &s.pixels, s.bytes.data, s.bytes.len, 0, MOST, &f, &e),
					 0);
			if (distance(&f, samples, &p) > 40)
				fail_msg("%s %u/%u: %f", lossy[i], p.bits_stored, p.bits_allocated,
					 distance(&f, samples, &p));
			assert_int_equal(codec_encode(lossy[i], &ratio, &p, samples, n, MOST, &small, &e), 0);
			assert_true(small.bytes.len < s.bytes.len);
			free(samples);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_lossless_gives_the_same),
	    cmocka_unit_test(bits_above_bits_stored_survive),
	    cmocka_unit_test(what_is_lossy_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
