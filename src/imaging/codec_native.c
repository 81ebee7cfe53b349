/* imaging/codec_native.c - samples as they are: byte order, planes, single bits; and frames that are deflated one by one.
 *
 * PS3.5 8.1, annex A.1 to A.3; Deflated Image Frame Compression: annex A.4.13.
 */
#include "dicom/dict.h"
#include "imaging/codec_own.h"
#include <zlib.h>

static bool big_endian(const char *syntax)
{
	return strcmp(syntax, UID_EXPLICIT_BE) == 0;
}

static void swap(uint8_t *to, const uint8_t *from, size_t n, size_t width)
{
	for (size_t at = 0; at + width <= n; at += width)
		for (size_t k = 0; k < width; k++)
			to[at + k] = from[at + width - 1 - k];
}

/* Samples of up to eight bits lie in bytes or in words, wider ones in words: words are swapped, not samples (PS3.5 6.2, 8.1.1). */
static size_t words_of(const struct image_pixel *p)
{
	if (p->bits_allocated <= 8)
		return p->words == 2 ? 2 : 1;
	return p->words > 1 ? p->words : p->bits_allocated == 64 ? 8 : 2;
}

void codec_planes(void *out, const void *in, const struct image_pixel *p, bool to_planes)
{
	const uint8_t *from = in;
	uint8_t *to = out;
	size_t area = (size_t)p->rows * p->columns, width = codec_container(p);

	for (size_t s = 0; s < p->samples; s++)
		for (size_t i = 0; i < area; i++) {
			size_t plane = (s * area + i) * width, pixel = (i * p->samples + s) * width;
			memcpy(to + (to_planes ? plane : pixel), from + (to_planes ? pixel : plane), width);
		}
}

bool codec_by_planes(const struct image_pixel *p)
{
	return p->planar == 1 && p->samples > 1 && !image_pixel_subsampled(p) && p->bits_allocated > 1;
}

void codec_bits_copy(uint8_t *to, uint64_t to_bit, const uint8_t *from, uint64_t from_bit, uint64_t n)
{
	if (to_bit % 8 == 0 && from_bit % 8 == 0) {
		memcpy(to + to_bit / 8, from + from_bit / 8, n / 8);
		to_bit += n / 8 * 8, from_bit += n / 8 * 8, n %= 8;
	}
	for (uint64_t i = 0; i < n; i++) {
		uint8_t mask = (uint8_t)(1u << (to_bit + i) % 8);
		bool on = from[(from_bit + i) / 8] >> (from_bit + i) % 8 & 1;
		to[(to_bit + i) / 8] = (uint8_t)(on ? to[(to_bit + i) / 8] | mask : to[(to_bit + i) / 8] & ~mask);
	}
}

int codec_spread(struct codec_frame *f, uint64_t most, struct err *e)
{
	AUTO(codec_frame) full = {.pixels = f->pixels};
	size_t width = codec_container(&f->pixels);
	int rc;

	if (!image_pixel_subsampled(&f->pixels) || f->pixels.samples != 3 || width == 0)
		return 0;
	bool partial = strstr(f->pixels.photometric, "PARTIAL") != NULL;
	memcpy(full.pixels.photometric, partial ? "YBR_PARTIAL" : "YBR_FULL", partial ? 12 : 9);
	full.pixels.planar = 0;
	if ((rc = codec_frame_room(&full, most, e)) < 0)
		return rc;
	const uint8_t *from = f->data;
	uint8_t *to = full.data;
	for (size_t row = 0; row < f->pixels.rows; row++)
		for (size_t x = 0; x < f->pixels.columns; x += 2, from += 4 * width) {
			memcpy(to, from, width);
			memcpy(to + width, from + 2 * width, 2 * width);
			to += 3 * width;
			if (x + 1 == f->pixels.columns)
				continue;
			memcpy(to, from + width, width);
			memcpy(to + width, from + 2 * width, 2 * width);
			to += 3 * width;
		}
	memcpy(full.warning, f->warning, sizeof full.warning);
	codec_frame_cleanup(f);
	*f = full;
	full.data = NULL;
	return 0;
}

/* The frame's bytes in little endian: those that are there, then zeros. */
static int in_little_endian(const uint8_t *in, size_t n, size_t word, struct buf *out, size_t want, struct err *e)
{
	size_t room = want + want % word;
	int rc = buf_reserve(out, room, e);

	if (rc < 0)
		return rc;
	memset(out->data, 0, room);
	memcpy(out->data, in, n < room ? n : room);
	for (size_t at = 0; word > 1 && at + word <= room; at += word)
		for (size_t k = 0; k < word / 2; k++) {
			uint8_t byte = out->data[at + k];
			out->data[at + k] = out->data[at + word - 1 - k];
			out->data[at + word - 1 - k] = byte;
		}
	return 0;
}

int native_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		  uint64_t most, struct codec_frame *out, struct err *e)
{
	size_t word = big_endian(syntax) ? words_of(said) : 1;
	AUTO(buf) little = BUF(SIZE_MAX / 2);
	int rc;
	(void)reduce;

	out->pixels = *said;
	out->pixels.words = 0;
	if ((rc = codec_frame_room(out, most, e)) < 0)
		return rc;
	if (n == 0)
		return err_set(e, E_CORRUPT, "a frame of no bytes, %zu were expected", out->n);
	if (n < out->n)
		codec_warn(out, "the frame has %zu of %zu bytes: the rest is zero", n, out->n);
	if (n < out->n || word > 1) {
		if ((rc = in_little_endian(in, n, word, &little, out->n, e)) < 0)
			return rc;
		in = little.data;
	}
	if (codec_by_planes(&out->pixels))
		codec_planes(out->data, in, &out->pixels, false);
	else
		memcpy(out->data, in, out->n);
	out->pixels.planar = 0;
	return 0;
}

int native_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		  size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	size_t word = big_endian(syntax) && p->bits_allocated > 8 ? words_of(p) : 1;
	int rc;
	(void)how, (void)most;

	if ((rc = buf_reserve(&out->bytes, n, e)) < 0)
		return rc;
	if (word > 1)
		swap(out->bytes.data, samples, n, word);
	else
		memcpy(out->bytes.data, samples, n);
	out->bytes.len = n;
	return 0;
}

/* ---- each frame a deflate stream of its own (RFC 1951), the samples by pixel or by plane as the data set says */

int deflated_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		    uint64_t most, struct codec_frame *out, struct err *e)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in};
	AUTO(buf) bytes = BUF(SIZE_MAX / 2);
	size_t want, got = 0;
	int rc, state = Z_OK;
	(void)syntax;

	want = image_pixel_frame_bytes(said);
	if ((rc = buf_reserve(&bytes, want, e)) < 0)
		return rc;
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return err_set(e, E_NOMEM, "no memory to inflate a frame");
	while (state == Z_OK && got < want && (z.avail_in || n)) {
		if (z.avail_in == 0) {
			z.avail_in = n > UINT32_MAX ? UINT32_MAX : (uInt)n;
			n -= z.avail_in;
		}
		z.next_out = bytes.data + got;
		z.avail_out = want - got > UINT32_MAX ? UINT32_MAX : (uInt)(want - got);
		size_t before = z.avail_out;
		state = inflate(&z, Z_NO_FLUSH);
		got += before - z.avail_out;
	}
	inflateEnd(&z);
	if (got == 0)
		return err_set(e, E_CORRUPT, "a frame that does not inflate");
	if (got < want)
		codec_warn(out, "the frame inflates to %zu of %zu bytes: the rest is zero", got, want);
	return native_decode(UID_EXPLICIT_LE, said, bytes.data, got, reduce, most, out, e);
}

int deflated_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		    size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	z_stream z = {0};
	int rc;
	(void)syntax, (void)how, (void)p, (void)most;

	if (n > UINT32_MAX / 2)
		return err_set(e, E_LIMIT, "a frame of %zu bytes to deflate", n);
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, E_NOMEM, "no memory to deflate a frame");
	size_t room = deflateBound(&z, (uLong)n);
	if ((rc = buf_reserve(&out->bytes, room, e)) == 0) {
		z.next_in = (Bytef *)(uintptr_t)samples;
		z.avail_in = (uInt)n;
		z.next_out = out->bytes.data;
		z.avail_out = (uInt)room;
		if (deflate(&z, Z_FINISH) != Z_STREAM_END)
			rc = err_set(e, E_BUG, "deflate did not end");
		out->bytes.len = room - z.avail_out;
	}
	deflateEnd(&z);
	return rc;
}
