/* JPEG 2000 and its high-throughput kind: every depth and shape comes back exactly, beginnings of a frame are smaller pictures, code streams
 * that contradict their data set, and damaged ones. */
#include "imaging/codec_own.h"
#include "imaging/j2k_own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST (256u << 20)

struct kind {
	const char *syntax;
	codec_encode_fn *encode;
	codec_decode_fn *decode;
	unsigned deepest;
};
static const struct kind kinds[] = {
    {J2K_LOSSLESS, j2k_encode, j2k_decode, 24},
    {HTJ2K_LOSSLESS, htj2k_encode, htj2k_decode, 18},
    {HTJ2K_RPCL, htj2k_encode, htj2k_decode, 18},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- pictures */

static struct image_pixel grey(uint32_t columns, uint32_t rows, uint16_t allocated, uint16_t stored, bool is_signed)
{
	return (struct image_pixel){.columns = columns,
				    .rows = rows,
				    .samples = 1,
				    .bits_allocated = allocated,
				    .bits_stored = stored,
				    .high_bit = (uint16_t)(stored - 1),
				    .is_signed = is_signed,
				    .photometric = "MONOCHROME2"};
}

static struct image_pixel colour(uint32_t columns, uint32_t rows, uint16_t allocated, const char *photometric)
{
	struct image_pixel p = grey(columns, rows, allocated, allocated, false);

	p.samples = 3;
	snprintf(p.photometric, sizeof p.photometric, "%s", photometric);
	return p;
}

static uint32_t chance(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

enum look {
	SMOOTH,  /* slopes with noise in the low bits */
	ROUGH,   /* noise alone */
	EXTREME, /* a chessboard of the least and the greatest: wavelets make the most of it */
	LOOKS
};

/* All stored bits are used, the sign is extended. */
static uint8_t *fill(const struct image_pixel *p, enum look look, size_t *n)
{
	uint32_t seed = p->columns * 31 + p->rows * 7 + p->bits_stored;
	size_t count = (size_t)p->columns * p->rows * p->samples, bytes = p->bits_allocated / 8u;
	uint8_t *data = calloc(1, (*n = (size_t)image_pixel_frame_bytes(p)) + 4);

	assert_non_null(data);
	for (size_t i = 0; i < count; i++) {
		size_t x = i / p->samples % p->columns, y = i / p->samples / p->columns;
		uint32_t v = chance(&seed) << 16 ^ chance(&seed);
		if (look == EXTREME)
			v = (x ^ y ^ i % p->samples) & 1 ? (1u << (p->bits_stored - p->is_signed)) - 1
			    : p->is_signed               ? 1u << (p->bits_stored - 1)
							 : 0;
		if (look == SMOOTH)
			v = (uint32_t)(((uint64_t)(x + 2 * y) << p->bits_stored) / (p->columns + 2 * p->rows)) + v % 4;
		v <<= 32 - p->bits_stored;
		v = p->is_signed ? (uint32_t)((int32_t)v >> (32 - p->bits_stored)) : v >> (32 - p->bits_stored);
		if (p->bits_allocated == 1)
			data[i / 8] |= (uint8_t)((v & 1) << i % 8);
		else
			memcpy(data + i * bytes, &v, bytes);
	}
	return data;
}

static void encode(const struct kind *k, const struct image_pixel *p, const void *data, size_t n,
		   struct codec_stream *s)
{
	const struct codec_how how = {0};
	struct err e = {0};
	int rc = k->encode(k->syntax, &how, p, data, n, MOST, s, &e);

	if (rc < 0)
		fail_msg("%s, %u x %u, %u of %u bits: %s", k->syntax, p->columns, p->rows, p->bits_stored,
			 p->bits_allocated, e.msg);
	assert_int_equal(s->bytes.len % 2, 0);
	assert_int_equal(s->cuts[s->n_cuts - 1], s->bytes.len);
}

static void decode(const struct kind *k, const struct image_pixel *p, const void *in, size_t n, unsigned reduce,
		   struct codec_frame *f)
{
	struct err e = {0};

	if (k->decode(k->syntax, p, in, n, reduce, MOST, f, &e) < 0)
		fail_msg("%s, %u x %u: %s", k->syntax, p->columns, p->rows, e.msg);
}

static void round_trip(const struct kind *k, const struct image_pixel *p, enum look look)
{
	AUTO(codec_stream) s = {.n_cuts = 0};
	AUTO(codec_frame) f = {.n = 0};
	size_t n;
	AUTO(str) data = (char *)fill(p, look, &n);

	encode(k, p, data, n, &s);
	decode(k, &s.pixels, s.bytes.data, s.bytes.len, 0, &f);
	assert_string_equal(f.warning, "");
	assert_int_equal(f.n, n);
	if (memcmp(f.data, data, n) != 0)
		fail_msg("%s, %u x %u, %u of %u bits, signed %d, look %d: other samples", k->syntax, p->columns,
			 p->rows, p->bits_stored, p->bits_allocated, p->is_signed, look);
	assert_string_equal(f.pixels.photometric, p->photometric);
	assert_int_equal(f.pixels.planar, 0);
}

static void depths(void **state)
{
	static const struct {
		uint16_t allocated, stored;
	} bits[] = {{1, 1},   {8, 1},   {8, 2},   {8, 3},   {8, 4},   {8, 5},   {8, 7},   {8, 8},
		    {16, 8},  {16, 9},  {16, 10}, {16, 12}, {16, 13}, {16, 14}, {16, 15}, {16, 16},
		    {32, 12}, {32, 16}, {32, 17}, {32, 18}, {32, 22}, {32, 24}};

	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < sizeof bits / sizeof bits[0] && bits[i].stored <= kinds[k].deepest; i++)
			for (unsigned how = 0; how < 2 * LOOKS; how++) {
				const struct image_pixel p =
				    grey(299, 170, bits[i].allocated, bits[i].stored, (how & 1) && bits[i].stored > 1);
				round_trip(&kinds[k], &p, (enum look)(how / 2));
			}
}

static void sizes(void **state)
{
	static const uint32_t size[][2] = {{1, 1},   {1, 2},   {2, 1},   {1, 300},   {300, 1}, {3, 3},
					   {63, 65}, {64, 64}, {65, 63}, {128, 129}, {5, 700}, {513, 257}};

	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
			const struct image_pixel p[] = {
			    grey(size[i][0], size[i][1], 16, 12, false), grey(size[i][0], size[i][1], 16, 16, true),
			    grey(size[i][0], size[i][1], 1, 1, false), colour(size[i][0], size[i][1], 8, "RGB"),
			    colour(size[i][0], size[i][1], 8, "YBR_FULL")};
			for (size_t j = 0; j < sizeof p / sizeof p[0]; j++)
				round_trip(&kinds[k], &p[j], (enum look)(j % LOOKS));
		}
}

static void colours(void **state)
{
	static const char *const plain[] = {"MONOCHROME1", "PALETTE COLOR"};

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		AUTO(codec_stream) s = {.n_cuts = 0};
		struct image_pixel p = colour(120, 90, 8, "RGB");
		size_t n;
		AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

		encode(&kinds[k], &p, data, n, &s);
		assert_string_equal(s.pixels.photometric, "YBR_RCT");
		for (unsigned allocated = 8; allocated <= 16; allocated += 8)
			for (int look = 0; look < LOOKS; look++) {
				p = colour(61, 47, (uint16_t)allocated, "RGB");
				round_trip(&kinds[k], &p, (enum look)look);
				p = colour(61, 47, (uint16_t)allocated, "YBR_FULL");
				round_trip(&kinds[k], &p, (enum look)look);
			}
		for (size_t i = 0; i < 2; i++) {
			p = grey(61, 47, 8, 8, false);
			snprintf(p.photometric, sizeof p.photometric, "%s", plain[i]);
			round_trip(&kinds[k], &p, ROUGH);
		}
	}
}

/* Overlays in the bits above, and signed samples without their sign there, come back with every bit. */
static void high_bits(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int is_signed = 0; is_signed < 2; is_signed++) {
			struct image_pixel p = grey(80, 60, 16, 16, is_signed);
			AUTO(codec_stream) s = {.n_cuts = 0};
			AUTO(codec_frame) f = {.n = 0};
			size_t n;
			AUTO(str) data = (char *)fill(&p, ROUGH, &n);

			p.bits_stored = 12;
			p.high_bit = 11;
			encode(&kinds[k], &p, data, n, &s);
			decode(&kinds[k], &s.pixels, s.bytes.data, s.bytes.len, 0, &f);
			assert_memory_equal(f.data, data, n);
			assert_int_equal(f.pixels.bits_stored, 12);
		}
}

/* cuts[r] bytes alone give the same picture as all of them at that resolution. */
static void beginnings(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int i = 0; i < 2; i++) {
			const struct image_pixel p = i ? colour(513, 300, 8, "RGB") : grey(1000, 700, 16, 12, false);
			AUTO(codec_stream) s = {.n_cuts = 0};
			size_t n;
			AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

			encode(&kinds[k], &p, data, n, &s);
			assert_int_equal(s.n_cuts, j2k_levels(p.columns, p.rows) + 1);
			for (unsigned r = 0; r < s.n_cuts; r++) {
				AUTO(codec_frame) whole = {.n = 0};
				AUTO(codec_frame) part = {.n = 0};
				unsigned reduce = s.n_cuts - 1 - r;

				decode(&kinds[k], &s.pixels, s.bytes.data, s.bytes.len, reduce, &whole);
				decode(&kinds[k], &s.pixels, s.bytes.data, s.cuts[r], reduce, &part);
				assert_int_equal(whole.pixels.columns, (p.columns + (1u << reduce) - 1) >> reduce);
				assert_int_equal(whole.pixels.rows, (p.rows + (1u << reduce) - 1) >> reduce);
				assert_string_equal(whole.warning, "");
				assert_true(r + 1 == s.n_cuts || part.warning[0]);
				assert_int_equal(whole.n, part.n);
				assert_memory_equal(whole.data, part.data, part.n);
				if (r > 0)
					assert_true(s.cuts[r] > s.cuts[r - 1]);
			}
		}
}

/* The TLM marker segment is there and its lengths are those of the tile-parts. */
static void tile_lengths(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		const struct image_pixel p = grey(700, 500, 16, 12, false);
		AUTO(codec_stream) s = {.n_cuts = 0};
		struct j2k_head h;
		struct err e = {0};
		size_t n, at, end;
		AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

		encode(&kinds[k], &p, data, n, &s);
		assert_int_equal(j2k_head_read(s.bytes.data, s.bytes.len, &h, &e), 0);
		assert_true(h.tlm && h.progression == J2K_RPCL && h.tiles == 1 && h.reversible);
		struct j2k_sound sound = j2k_head_sound(&h);
		assert_true(s.bytes.len - sound.n < 2 && sound.ended);
		for (at = 2; memcmp(h.stream + at, "\xff\x55", 2) != 0;)
			at += 2u + (size_t)(h.stream[at + 2] << 8 | h.stream[at + 3]);
		size_t each = h.stream[at + 5] == 0x60 ? 6 : h.stream[at + 5] == 0x50 ? 5 : 0;
		assert_true(each != 0);
		assert_int_equal(h.stream[at + 2] << 8 | h.stream[at + 3], 4 + each * s.n_cuts);
		end = h.main_n;
		for (unsigned r = 0; r < s.n_cuts; r++) {
			const uint8_t *t = h.stream + at + 6 + each * r + (each - 4);
			end += (size_t)t[0] << 24 | (size_t)t[1] << 16 | (size_t)t[2] << 8 | t[3];
			assert_true(end == s.cuts[r] || r + 1 == s.n_cuts);
		}
		assert_memory_equal(h.stream + end, "\xff\xd9", 2);
	}
}

/* ---- code streams that contradict their data set, or are not all there */

static int try_decode(const struct kind *k, const struct image_pixel *p, const void *in, size_t n, uint64_t most,
		      char *warning, struct err *e)
{
	AUTO(codec_frame) f = {.n = 0};
	int rc;

	*e = (struct err){0};
	rc = k->decode(k->syntax, p, in, n, 0, most, &f, e);
	assert_true(rc == 0 ? f.n == image_pixel_frame_bytes(&f.pixels) : rc == -(int)e->code && e->msg[0] && !f.data);
	snprintf(warning, CODEC_WARNING, "%s", f.warning);
	return rc;
}

static void contradictions(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		const struct image_pixel p = grey(90, 50, 16, 12, false);
		AUTO(codec_stream) s = {.n_cuts = 0};
		char warning[CODEC_WARNING];
		struct image_pixel other;
		struct err e;
		size_t n;
		AUTO(str) data = (char *)fill(&p, SMOOTH, &n);
		uint8_t *in;

		encode(&kinds[k], &p, data, n, &s);
		in = s.bytes.data;
		other = p, other.rows = 51;
		assert_int_equal(try_decode(&kinds[k], &other, in, s.bytes.len, MOST, warning, &e), -E_MISMATCH);
		assert_non_null(strstr(e.msg, "90 x 50, the data set says 90 x 51"));
		other = p, other.samples = 3;
		assert_int_equal(try_decode(&kinds[k], &other, in, s.bytes.len, MOST, warning, &e), -E_MISMATCH);
		other = p, other.bits_allocated = other.bits_stored = 8;
		assert_int_equal(try_decode(&kinds[k], &other, in, s.bytes.len, MOST, warning, &e), -E_MISMATCH);
		assert_int_equal(try_decode(&kinds[k], &p, in, s.bytes.len, n - 1, warning, &e), -E_LIMIT);
		assert_int_equal(try_decode(&kinds[k], &p, "RIFF", 4, MOST, warning, &e), -E_CORRUPT);
		assert_int_equal(try_decode(&kinds[k], &p, in, 60, MOST, warning, &e), -E_CORRUPT);
		memcpy(in + 8, "\0\0\x75\x30\0\0\x75\x30", 8); /* 30000 x 30000 of a few bytes, and believed */
		memcpy(in + 24, "\0\0\x75\x30\0\0\x75\x30", 8);
		other = p, other.columns = other.rows = 30000;
		assert_int_equal(try_decode(&kinds[k], &p, in, s.bytes.len, MOST, warning, &e), -E_MISMATCH);
		assert_int_equal(try_decode(&kinds[k], &other, in, s.bytes.len, MOST, warning, &e), -E_LIMIT);
		memcpy(in + 24, "\0\0\0\1\0\0\0\1", 8); /* of tiles of one sample */
		assert_int_equal(try_decode(&kinds[k], &other, in, s.bytes.len, UINT32_MAX, warning, &e), -E_LIMIT);
		assert_non_null(strstr(e.msg, "tiles"));
	}
}

/* The sign of the data set counts, the bits are those of the code stream. */
static void signs(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (int is_signed = 0; is_signed < 2; is_signed++) {
			struct image_pixel p = grey(64, 40, 16, 13, is_signed);
			AUTO(codec_stream) s = {.n_cuts = 0};
			AUTO(codec_frame) f = {.n = 0};
			size_t n;
			AUTO(str) data = (char *)fill(&p, ROUGH, &n);

			encode(&kinds[k], &p, data, n, &s);
			p.is_signed = !is_signed;
			decode(&kinds[k], &p, s.bytes.data, s.bytes.len, 0, &f);
			assert_non_null(
			    strstr(f.warning, is_signed ? "the code stream is signed" : "the code stream is unsigned"));
			for (size_t i = 0; i < n; i += 2) {
				uint16_t was = (uint16_t)((uint8_t)data[i] | (uint8_t)data[i + 1] << 8);
				uint16_t is = (uint16_t)(f.data[i] | f.data[i + 1] << 8);
				assert_int_equal(is, p.is_signed ? (uint16_t)((int16_t)(was << 3) >> 3) : was & 0x1fff);
			}
		}
}

/* Colours follow the code stream; where the data set says otherwise, that is told. */
static void mislabelled(void **state)
{
	static const struct {
		const char *encoded, *said, *is;
		bool odd;
	} label[] = {{"RGB", "YBR_RCT", "RGB", false},
		     {"RGB", "RGB", "RGB", true},
		     {"YBR_FULL", "YBR_RCT", "RGB", true},
		     {"YBR_FULL", "YBR_FULL_422", "YBR_FULL", false}};

	(void)state;
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < sizeof label / sizeof label[0]; i++) {
			struct image_pixel p = colour(40, 30, 8, label[i].encoded);
			AUTO(codec_stream) s = {.n_cuts = 0};
			AUTO(codec_frame) f = {.n = 0};
			size_t n;
			AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

			encode(&kinds[k], &p, data, n, &s);
			snprintf(p.photometric, sizeof p.photometric, "%s", label[i].said);
			decode(&kinds[k], &p, s.bytes.data, s.bytes.len, 0, &f);
			assert_string_equal(f.pixels.photometric, label[i].is);
			assert_int_equal(f.warning[0] != 0, label[i].odd);
			assert_int_equal(f.n, n);
			assert_memory_equal(f.data, data, n);
		}
}

static void boxes(void **state)
{
	static const uint8_t before[] = "\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x0a"
					"freexx\0\0\0\0jp2c";

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		const struct image_pixel p = grey(70, 41, 8, 8, false);
		AUTO(codec_stream) s = {.n_cuts = 0};
		AUTO(codec_frame) f = {.n = 0};
		AUTO(buf) in = BUF(1 << 20);
		size_t n;
		AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

		encode(&kinds[k], &p, data, n, &s);
		buf_put(&in, before, sizeof before - 1, NULL);
		buf_put(&in, s.bytes.data, s.bytes.len, NULL);
		decode(&kinds[k], &p, in.data, in.len, 0, &f);
		assert_memory_equal(f.data, data, n);
		assert_string_equal(f.warning, "the code stream is in a JP2 file");
	}
}

/* Wherever a frame is cut, it is refused or shown with a warning; the more there is, the more is right. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		const struct image_pixel p = grey(150, 130, 16, 12, false);
		AUTO(codec_stream) s = {.n_cuts = 0};
		char warning[CODEC_WARNING];
		struct err e;
		size_t n, shown = 0;
		AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

		encode(&kinds[k], &p, data, n, &s);
		for (size_t cut = 0; cut < s.bytes.len - 3; cut += cut < 300 ? 7 : 211) {
			AUTO(str) part = malloc(cut + 1); /* so that a sanitizer sees one byte too far */
			memcpy(part, s.bytes.data, cut);
			int rc = try_decode(&kinds[k], &p, part, cut, MOST, warning, &e);
			assert_true(rc == -E_CORRUPT || (rc == 0 && warning[0]));
			shown += rc == 0;
		}
		assert_true(shown > 20);
	}
}

static void with_loss(void **state)
{
	static const struct kind lossy[] = {{J2K_ANY, j2k_encode, j2k_decode, 24},
					    {HTJ2K_ANY, htj2k_encode, htj2k_decode, 18}};

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (int i = 0; i < 3; i++) {
			const struct image_pixel p = i == 2 ? colour(300, 200, 8, "RGB") : grey(300, 200, 16, 12, i);
			const struct codec_how how = {.ratio = 8};
			AUTO(codec_stream) s = {.n_cuts = 0};
			AUTO(codec_frame) f = {.n = 0};
			struct err e = {0};
			size_t n;
			AUTO(str) data = (char *)fill(&p, SMOOTH, &n);

			assert_int_equal(lossy[k].encode(lossy[k].syntax, &how, &p, data, n, MOST, &s, &e), 0);
			assert_true(s.bytes.len < n / 7);
			assert_string_equal(s.pixels.photometric, i == 2 ? "YBR_ICT" : "MONOCHROME2");
			decode(&lossy[k], &s.pixels, s.bytes.data, s.bytes.len, 0, &f);
			assert_string_equal(f.warning, "");
			assert_string_equal(f.pixels.photometric, p.photometric);
			for (size_t j = 0; j < n && i < 2; j += 2) {
				int was = (int16_t)((uint8_t)data[j] | (uint8_t)data[j + 1] << 8);
				assert_in_range(was - (int16_t)(f.data[j] | f.data[j + 1] << 8) + 60, 0, 120);
			}
		}
}

/* What cannot be encoded is refused with the reason. */
static void refusals(void **state)
{
	const struct codec_how lossless = {0}, ratio = {.ratio = 10};

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct image_pixel p[] = {grey(20, 20, 32, 32, false), colour(20, 20, 8, "YBR_FULL_422"),
					  colour(20, 20, 8, "YBR_RCT"), grey(20, 20, 64, 64, false)};
		for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
			AUTO(codec_stream) s = {.n_cuts = 0};
			struct err e = {0};
			AUTO(str) data = calloc(1, 20 * 20 * 8);
			assert_int_equal(kinds[k].encode(kinds[k].syntax, &lossless, &p[i], data,
							 (size_t)image_pixel_frame_bytes(&p[i]), MOST, &s, &e),
					 -E_UNSUP);
			assert_true(e.msg[0]);
		}
	}
	struct image_pixel overlay = grey(20, 20, 16, 16, false);
	AUTO(codec_stream) s = {.n_cuts = 0};
	struct err e = {0};
	size_t n;
	AUTO(str) data = (char *)fill(&overlay, ROUGH, &n);
	overlay.bits_stored = 12, overlay.high_bit = 11;
	assert_int_equal(htj2k_encode(HTJ2K_ANY, &ratio, &overlay, data, n, MOST, &s, &e), -E_UNSUP);
	assert_non_null(strstr(e.msg, "above Bits Stored"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(depths),         cmocka_unit_test(sizes),        cmocka_unit_test(colours),
	    cmocka_unit_test(high_bits),      cmocka_unit_test(beginnings),   cmocka_unit_test(tile_lengths),
	    cmocka_unit_test(contradictions), cmocka_unit_test(signs),        cmocka_unit_test(mislabelled),
	    cmocka_unit_test(boxes),          cmocka_unit_test(cut_anywhere), cmocka_unit_test(with_loss),
	    cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
