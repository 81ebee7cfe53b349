/* imaging/codec.c - the door: looks the codec up, checks what is common to all of them. */
#include "imaging/codec_own.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void codec_frame_cleanup(struct codec_frame *f)
{
	free(f->data);
	*f = (struct codec_frame){0};
}

void codec_stream_cleanup(struct codec_stream *s)
{
	buf_cleanup(&s->bytes);
	*s = (struct codec_stream){0};
}

/* ---- what several codecs need */

int codec_frame_within(const struct image_pixel *p, uint64_t most, struct err *e)
{
	struct image_pixel counted = *p;

	if (image_pixel_subsampled(p) && p->samples == 3) {
		counted.samples = 2;
		counted.columns += p->columns % 2;
	}
	if (!image_pixel_frame_fits(&counted, most) || !image_pixel_frame_fits(&counted, SIZE_MAX / 2))
		return err_set(e, E_LIMIT, "a frame of %u x %u pixels is larger than %llu bytes", p->columns, p->rows,
			       (unsigned long long)most);
	return 0;
}

int codec_frame_room(struct codec_frame *out, uint64_t most, struct err *e)
{
	int rc = codec_frame_within(&out->pixels, most, e);

	if (rc < 0)
		return rc;
	out->n = image_pixel_frame_bytes(&out->pixels);
	if (!(out->data = calloc(1, out->n + 1)))
		return err_set(e, E_NOMEM, "no memory for a frame of %zu bytes", out->n);
	return 0;
}

void codec_warn(struct codec_frame *out, const char *fmt, ...)
{
	va_list args;

	if (out->warning[0])
		return;
	va_start(args, fmt);
	vsnprintf(out->warning, sizeof out->warning, fmt, args);
	va_end(args);
}

int codec_agree(const struct image_pixel *said, uint64_t columns, uint64_t rows, unsigned samples, unsigned bits,
		struct err *e)
{
	if (columns != said->columns || rows != said->rows || samples != said->samples)
		return err_set(
		    e, E_MISMATCH,
		    "%llu columns, %llu rows and %u samples in the code stream, %u, %u and %u in the data set",
		    (unsigned long long)columns, (unsigned long long)rows, samples, said->columns, said->rows,
		    said->samples);
	if (bits < 1 || bits > said->bits_allocated)
		return err_set(e, E_MISMATCH,
			       "samples of %u bits in the code stream, %u bits allocated in the data set", bits,
			       said->bits_allocated);
	return 0;
}

unsigned codec_depth(const struct image_pixel *p, const void *samples, size_t n)
{
	const uint8_t *s = samples;
	uint32_t used = 0;
	unsigned bits = p->bits_stored;

	if (p->bits_allocated == 8)
		for (size_t i = 0; i < n; i++)
			used |= s[i];
	else /* two bytes: no codec that asks has more */
		for (size_t i = 0; i + 1 < n; i += 2)
			used |= s[i] | (uint32_t)s[i + 1] << 8;
	while (bits < 32 && used >> bits)
		bits++;
	return bits;
}

void codec_widen(uint8_t *bytes, size_t n)
{
	while (n-- > 0) {
		bytes[2 * n] = bytes[n];
		bytes[2 * n + 1] = 0;
	}
}

int codec_even(struct buf *b, struct err *e)
{
	return b->len % 2 ? buf_byte(b, 0, e) : 0;
}

/* ---- the door */

static int check_pixels(const struct image_pixel *p, struct err *e)
{
	unsigned a = p->bits_allocated;

	if (p->rows == 0 || p->columns == 0)
		return err_set(e, E_CORRUPT, "an image of %u columns and %u rows", p->columns, p->rows);
	if (p->samples != 1 && p->samples != 3)
		return err_set(e, E_UNSUP, "%u samples a pixel: 1 or 3 are known", p->samples);
	if (a != 1 && a != 8 && a != 16 && a != 32 && a != 64)
		return err_set(e, E_UNSUP, "%u bits allocated: 1, 8, 16, 32 or 64 are known", a);
	if (p->bits_stored < 1 || p->bits_stored > a || p->high_bit >= a)
		return err_set(e, E_CORRUPT, "%u bits stored of %u allocated, the high one %u", p->bits_stored, a,
			       p->high_bit);
	return 0;
}

static int look_up(enum codec_way way, const char *syntax, const struct image_pixel *p, const struct codec_syntax **out,
		   struct err *e)
{
	const char *reason = NULL;
	int rc = check_pixels(p, e);

	if (rc < 0)
		return rc;
	if (!codec_can(way, syntax, p, &reason))
		return err_set(e, E_UNSUP, "%s, %s, %u of %u bits: %s", syntax, p->photometric, p->bits_stored,
			       p->bits_allocated, reason);
	*out = codec_find(syntax);
	return 0;
}

int codec_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		 uint64_t most, struct codec_frame *out, struct err *e)
{
	AUTO(codec_frame) f = {0};
	const struct codec_syntax *s = NULL;
	int rc;

	if (most == 0)
		most = SIZE_MAX / 2;
	if ((rc = look_up(CODEC_DECODE, syntax, said, &s, e)) < 0)
		return rc;
	if (reduce == 0 && (rc = codec_frame_within(said, most, e)) < 0)
		return rc;
	if ((rc = s->decode(syntax, said, in, n, reduce, most, &f, e)) < 0)
		return rc;
	*out = f;
	f.data = NULL;
	return 0;
}

int codec_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		 size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	AUTO(codec_stream) stream = {.bytes = BUF(most ? most : SIZE_MAX / 2), .pixels = *p};
	static const struct codec_how usual;
	const struct codec_syntax *s = NULL;
	int rc = look_up(CODEC_ENCODE, syntax, p, &s, e);

	if (rc < 0)
		return rc;
	if (!image_pixel_frame_fits(p, SIZE_MAX / 2) || n != image_pixel_frame_bytes(p))
		return err_set(e, E_MISMATCH, "%zu bytes of samples for a frame of %u x %u pixels", n, p->columns,
			       p->rows);
	AUTO(buf) turned = BUF(n);
	if (codec_by_planes(p) && s->encode != native_encode) {
		if ((rc = buf_reserve(&turned, n, e)) < 0)
			return rc;
		codec_planes(turned.data, samples, p, false);
		samples = turned.data;
		stream.pixels.planar = 0;
	}
	struct image_pixel given = stream.pixels;
	p = &given;
	if ((rc = s->encode(syntax, how ? how : &usual, p, samples, n, stream.bytes.cap, &stream, e)) < 0 ||
	    (rc = codec_even(&stream.bytes, e)) < 0)
		return rc;
	*out = stream;
	stream.bytes = (struct buf){0};
	return 0;
}
