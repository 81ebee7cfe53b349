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

/* Bits Stored that are not the lowest ones: taking those would be a loss of another kind. */
static void loss_of_shifted_samples_is_refused(void **state)
{
	struct image_pixel p = {.rows = 8,
				.columns = 8,
				.samples = 1,
				.bits_allocated = 16,
				.bits_stored = 8,
				.high_bit = 15,
				.photometric = "MONOCHROME2"};
	uint8_t samples[128] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof lossy / sizeof lossy[0]; i++) {
		AUTO(codec_stream) s = {0};
		struct err e = {0};

		assert_int_equal(codec_encode(lossy[i], NULL, &p, samples, sizeof samples, MOST, &s, &e), -E_UNSUP);
		assert_non_null(strstr(e.msg, "high bit is 15 of 8"));
	}
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

/* ---- damage */

struct sample {
	struct image_pixel pixels;
	uint8_t *samples;
	size_t n;
	struct codec_stream s;
};

static void make(struct sample *x, const char *syntax, const struct shape *shape)
{
	static const uint32_t size[2] = {64, 48};
	struct err e = {0};

	*x = (struct sample){.pixels = shaped(shape, size, 0)};
	x->samples = filled(&x->pixels, FILL_SMOOTH, &x->n);
	for (size_t i = 0; i < x->n; i++) /* nothing is zero by itself */
		x->samples[i] |= 1;
	if (codec_encode(syntax, NULL, &x->pixels, x->samples, x->n, MOST, &x->s, &e) < 0)
		fail_msg("%s: %s", syntax, e.msg);
}

static void drop(struct sample *x)
{
	free(x->samples);
	codec_stream_cleanup(&x->s);
}

static const struct {
	const char *syntax;
	struct shape shape;
} damaged[] = {
    {UID_EXPLICIT_LE, {"MONOCHROME2", 1, 16, 12, false}},
    {UID_EXPLICIT_BE, {"MONOCHROME2", 1, 16, 12, false}},
    {RLE, {"MONOCHROME2", 1, 16, 12, false}},
    {RLE, {"RGB", 3, 8, 8, false}},
    {BASELINE, {"MONOCHROME2", 1, 8, 8, false}},
    {BASELINE, {"RGB", 3, 8, 8, false}},
    {EXTENDED, {"MONOCHROME2", 1, 16, 12, false}},
    {LOSSLESS_SV1, {"MONOCHROME2", 1, 8, 8, false}},
    {LOSSLESS_SV1, {"MONOCHROME2", 1, 16, 12, false}},
    {LOSSLESS_SV1, {"MONOCHROME2", 1, 16, 16, false}},
    {JPEGLS, {"MONOCHROME2", 1, 16, 12, false}},
    {JPEGLS, {"RGB", 3, 8, 8, false}},
    {DEFLATED_FRAMES, {"MONOCHROME2", 1, 16, 12, false}},
};

/* However much of a stream is there: what it holds is shown and the rest said to be missing, or an error says why not. */
static void what_is_there_of_a_cut_frame_is_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		struct sample x;
		size_t shown = 0, tries = 0;
		make(&x, damaged[i].syntax, &damaged[i].shape);
		for (size_t n = 0; n + 3 < x.s.bytes.len; n += 1 + x.s.bytes.len / 150, tries++) {
			AUTO(codec_frame) f = {0};
			struct err e = {0};
			int rc = codec_decode(damaged[i].syntax, &x.s.pixels, x.s.bytes.data, n, 0, MOST, &f, &e);
			if (rc < 0) {
				assert_true(rc == -E_CORRUPT && e.msg[0] && !f.data);
				continue;
			}
			shown++;
			if (!f.warning[0])
				fail_msg("%s: %zu of %zu bytes and no warning", damaged[i].syntax, n, x.s.bytes.len);
			assert_int_equal(f.n, image_pixel_frame_bytes(&f.pixels));
		}
		if (shown < tries / 3)
			fail_msg("%s: only %zu of %zu were shown", damaged[i].syntax, shown, tries);
		AUTO(codec_frame) half = {0};
		assert_int_equal(codec_decode(damaged[i].syntax, &x.s.pixels, x.s.bytes.data, x.s.bytes.len * 3 / 4, 0,
					      MOST, &half, NULL),
				 0);
		if (codec_lossless(damaged[i].syntax)) /* the first row is right */
			assert_memory_equal(half.data + half.n / x.pixels.rows - 1,
					    x.samples + half.n / x.pixels.rows - 1, 1);
		drop(&x);
	}
}

/* A stream that contradicts the data set is refused before memory is taken for it. */
static void sizes_that_contradict_the_data_set(void **state)
{
	(void)state;
	for (size_t i = 4; i < sizeof damaged / sizeof damaged[0] - 1; i++) {
		struct sample x;
		make(&x, damaged[i].syntax, &damaged[i].shape);
		for (int what = 0; what < 4; what++) {
			AUTO(codec_frame) f = {0};
			struct image_pixel said = x.s.pixels;
			said.columns += what == 0;
			said.rows -= what == 1;
			if (what == 2) {
				said.samples = said.samples == 3 ? 1 : 3;
				strcpy(said.photometric, said.samples == 3 ? "RGB" : "MONOCHROME2");
			}
			if (what == 3) {
				if (said.bits_allocated == 8)
					continue;
				said.bits_allocated = said.bits_stored = 8;
				said.high_bit = 7;
			}
			assert_int_equal(
			    codec_decode(damaged[i].syntax, &said, x.s.bytes.data, x.s.bytes.len, 0, MOST, &f, NULL),
			    -E_MISMATCH);
		}
		AUTO(codec_frame) f = {0};
		struct image_pixel huge = x.s.pixels;
		huge.rows = huge.columns = 60000;
		assert_int_equal(
		    codec_decode(damaged[i].syntax, &huge, x.s.bytes.data, x.s.bytes.len, 0, MOST, &f, NULL), -E_LIMIT);
		drop(&x);
	}
}

static void run_lengths_that_lie(void **state)
{
	uint8_t in[80] = {1, 0, 0, 0, 64};
	struct image_pixel p = {
	    .rows = 4, .columns = 4, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
	struct err e = {0};
	(void)state;

	strcpy(p.photometric, "MONOCHROME2");
	in[64] = 0xf1, in[65] = 9; /* sixteen nines */
	for (int round = 0; round < 7; round++) {
		AUTO(codec_frame) f = {0};
		uint8_t bad[80];
		size_t n = sizeof bad;
		memcpy(bad, in, sizeof bad);
		if (round == 1)
			bad[0] = 0;
		else if (round == 2)
			bad[0] = 16;
		else if (round == 3)
			bad[4] = 63;
		else if (round == 4)
			memset(bad + 4, 0xff, 4);
		else if (round == 5)
			n = 63;
		else if (round == 6)
			bad[0] = 2, bad[8] = 80; /* one more than is needed */
		int rc = codec_decode(RLE, &p, bad, n, 0, MOST, &f, &e);
		if (round == 0 || round == 6) {
			assert_int_equal(rc, 0);
			assert_int_equal(f.data[0] + f.data[15], 18);
			assert_int_equal(f.warning[0] != 0, round == 6);
		} else
			assert_int_equal(rc, -E_CORRUPT);
	}
	p.bits_allocated = 16;
	AUTO(codec_frame) f = {0};
	assert_int_equal(codec_decode(RLE, &p, in, sizeof in, 0, MOST, &f, NULL), -E_MISMATCH);
}

/* ---- colours: what the stream says of itself counts */

static void colours_of_a_stream(void **state)
{
	static const struct shape rgb = {"RGB", 3, 8, 8, false};
	struct sample lossless_rgb, baseline;
	(void)state;

	make(&lossless_rgb, LOSSLESS_SV1, &rgb); /* with a marker that says RGB */
	make(&baseline, BASELINE, &rgb);         /* YCbCr by its JFIF marker */
	assert_string_equal(baseline.s.pixels.photometric, "YBR_FULL_422");
	for (int round = 0; round < 4; round++) {
		AUTO(codec_frame) f = {0};
		struct sample *x = round < 2 ? &lossless_rgb : &baseline;
		struct image_pixel said = x->s.pixels;
		strcpy(said.photometric, round % 2 ? "YBR_FULL" : "RGB");
		assert_int_equal(codec_decode(round < 2 ? LOSSLESS_SV1 : BASELINE, &said, x->s.bytes.data,
					      x->s.bytes.len, 0, MOST, &f, NULL),
				 0);
		assert_string_equal(f.pixels.photometric, round < 2 ? "RGB" : "YBR_FULL");
		assert_int_equal(f.warning[0] != 0, round == 1 || round == 2);
	}
	drop(&lossless_rgb);
	drop(&baseline);
}

/* ---- big endian: words by the value's VR */

static void words_of_big_endian(void **state)
{
	static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8}, by_two[] = {2, 1, 4, 3, 6, 5, 8, 7},
			     by_eight[] = {8, 7, 6, 5, 4, 3, 2, 1};
	static const struct {
		uint16_t bits;
		uint8_t words;
		const uint8_t *out;
	} cases[] = {{8, 1, in}, {8, 0, in}, {8, 2, by_two}, {16, 2, by_two}, {32, 2, by_two}, {64, 8, by_eight}};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		AUTO(codec_frame) f = {0};
		struct image_pixel p = {.rows = 1,
					.columns = 64u / cases[i].bits,
					.samples = 1,
					.bits_allocated = cases[i].bits,
					.bits_stored = cases[i].bits,
					.high_bit = (uint16_t)(cases[i].bits - 1),
					.words = cases[i].words};
		strcpy(p.photometric, "MONOCHROME2");
		assert_int_equal(codec_decode(UID_EXPLICIT_BE, &p, in, sizeof in, 0, MOST, &f, NULL), 0);
		assert_memory_equal(f.data, cases[i].out, sizeof in);
	}
}

/* ---- pieces of it */

static void single_bits_move(void **state)
{
	uint8_t from[40], to[40];
	(void)state;

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (uint8_t)noise();
	for (unsigned a = 0; a < 17; a++)
		for (unsigned b = 0; b < 17; b++)
			for (unsigned n = 0; n < 80; n += 13) {
				memset(to, 0xa5, sizeof to);
				codec_bits_copy(to, b, from, a, n);
				for (unsigned i = 0; i < 8 * sizeof to; i++) {
					unsigned want = i < b || i >= b + n
							    ? 0xa5 >> i % 8 & 1
							    : from[(a + i - b) / 8] >> (a + i - b) % 8 & 1;
					assert_int_equal(to[i / 8] >> i % 8 & 1, want);
				}
			}
}

static void half_of_the_chroma_is_spread(void **state)
{
	static const uint8_t halves[] = {10, 11, 1, 2, 12, 12, 3, 4}, whole[] = {10, 1, 2, 11, 1, 2, 12, 3, 4};
	AUTO(codec_frame)
	f = {.pixels = {.rows = 1, .columns = 3, .samples = 3, .bits_allocated = 8, .bits_stored = 8}};
	(void)state;

	strcpy(f.pixels.photometric, "YBR_FULL_422");
	f.n = sizeof halves;
	f.data = malloc(f.n);
	memcpy(f.data, halves, f.n);
	assert_int_equal(codec_spread(&f, MOST, NULL), 0);
	assert_string_equal(f.pixels.photometric, "YBR_FULL");
	assert_int_equal(f.n, sizeof whole);
	assert_memory_equal(f.data, whole, sizeof whole);
}

static void what_the_table_says(void **state)
{
	struct image_pixel p = {
	    .rows = 1, .columns = 1, .samples = 1, .bits_allocated = 8, .bits_stored = 8, .high_bit = 7};
	const char *why = NULL;
	(void)state;

	strcpy(p.photometric, "MONOCHROME2");
	assert_true(codec_known(CODEC_DECODE, NEAR) && !codec_known(CODEC_ENCODE, NEAR));
	assert_true(!codec_known(CODEC_DECODE, "1.2.840.10008.1.2.4.102"));
	assert_false(codec_can(CODEC_DECODE, "1.2.840.10008.1.2.4.102", &p, &why));
	assert_non_null(strstr(why, "video"));
	assert_false(codec_can(CODEC_ENCODE, NEAR, &p, &why));
	assert_non_null(strstr(why, "near-lossless"));
	assert_false(codec_can(CODEC_ENCODE, "1.2.3", &p, &why));
	assert_true(codec_can(CODEC_ENCODE, JPEGLS, &p, &why));
	assert_null(why);
	assert_true(codec_lossless(JPEGLS) && !codec_lossless(NEAR) && !codec_lossless(BASELINE) &&
		    !codec_lossless("1.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_lossless_gives_the_same),
	    cmocka_unit_test(bits_above_bits_stored_survive),
	    cmocka_unit_test(what_is_lossy_is_near),
	    cmocka_unit_test(loss_of_shifted_samples_is_refused),
	    cmocka_unit_test(what_is_there_of_a_cut_frame_is_shown),
	    cmocka_unit_test(sizes_that_contradict_the_data_set),
	    cmocka_unit_test(run_lengths_that_lie),
	    cmocka_unit_test(colours_of_a_stream),
	    cmocka_unit_test(words_of_big_endian),
	    cmocka_unit_test(single_bits_move),
	    cmocka_unit_test(half_of_the_chroma_is_spread),
	    cmocka_unit_test(what_the_table_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
