/* imaging/samples.c - words, planes, bits and colours of one frame at a time. */
#include "imaging/samples.h"
#include "base/auto.h"
#include "base/write.h"
#include "dicom/dict.h"
#include "imaging/frame.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define WHAT "a frame"

uint8_t samples_swap(const char *syntax, const char *vr)
{
	static const struct {
		char vr[3];
		uint8_t n;
	} words[] = {{"OW", 2}, {"OF", 4}, {"OL", 4}, {"OD", 8}, {"OV", 8}};

	if (strcmp(syntax, UID_EXPLICIT_BE) != 0)
		return 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].vr, vr) == 0)
			return words[i].n;
	return 0;
}

void samples_turn(uint8_t *p, size_t n, uint8_t swap)
{
	if (swap < 2)
		return;
	for (size_t at = 0; at + swap <= n; at += swap)
		for (unsigned i = 0; i < swap / 2u; i++) {
			const uint8_t b = p[at + i];

			p[at + i] = p[at + swap - 1 - i];
			p[at + swap - 1 - i] = b;
		}
}

/* ---- reading */

static int read_all(const struct image_source *in, uint64_t at, uint8_t *buf, size_t n, struct err *e)
{
	for (size_t have = 0; have < n;) {
		const int64_t k = in->read(in->arg, at + have, buf + have, n - have, e);

		if (k < 0)
			return (int)k;
		if (k == 0)
			return err_set(e, E_CORRUPT, "the file ends after %" PRIu64 " bytes", at + have);
		have += (size_t)k;
	}
	return 0;
}

/* Bytes from..from+n of the value as they were before words were turned round. room: n + 16 bytes. */
static int read_value(const struct image_source *in, uint8_t swap, uint64_t from, uint8_t *room, size_t n,
		      uint8_t **out, struct err *e)
{
	const uint64_t step = swap ? swap : 1, begin = from / step * step;
	uint64_t end = (from + n + step - 1) / step * step;
	int rc;

	if (end > in->value_n)
		end = in->value_n > from + n ? in->value_n : from + n;
	if ((rc = read_all(in, in->value_at + begin, room, (size_t)(end - begin), e)) < 0)
		return rc;
	samples_turn(room, (size_t)(end - begin), swap);
	*out = room + (from - begin);
	return 0;
}

static int put(int fd, const void *data, size_t n, struct err *e)
{
	return write_all(fd, data, n, WHAT, e);
}

int samples_copy(const struct image_source *in, uint64_t at, uint64_t n, int fd, uint8_t *room, struct err *e)
{
	off_t from = (off_t)(in->fd_at + at);
	int rc;

	while (in->fd >= 0 && n > 0) {
		const ssize_t k = sendfile(fd, in->fd, &from, n < 1u << 30 ? (size_t)n : 1u << 30);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break; /* some file systems cannot: read it is, and that tells what is wrong */
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
	for (size_t part; n > 0; at += part, n -= part) {
		part = n < SAMPLES_ROOM ? (size_t)n : SAMPLES_ROOM;
		if ((rc = read_all(in, at, room, part, e)) < 0 || (rc = put(fd, room, part, e)) < 0)
			return rc;
	}
	return 0;
}

/* ---- native frames to what codecs take */

static int bits_in(const struct image_source *in, uint8_t swap, uint64_t first, uint64_t bits, int fd, uint8_t *room,
		   struct err *e)
{
	const unsigned shift = (unsigned)(first % 8);
	uint8_t *p;
	int rc;

	for (uint64_t done = 0; done < bits;) {
		const uint64_t part =
		    bits - done < SAMPLES_PIECE * 4u ? bits - done : SAMPLES_PIECE * 4u; /* whole bytes */
		const size_t n = (size_t)((part + 7) / 8), there = (size_t)((shift + part + 7) / 8);

		if ((rc = read_value(in, swap, (first + done) / 8, room, there, &p, e)) < 0)
			return rc;
		for (size_t i = 0; shift && i < n; i++)
			p[i] = (uint8_t)((p[i] | (i + 1 < there ? p[i + 1] : 0u) << 8) >> shift);
		if (part % 8)
			p[n - 1] &= (uint8_t)((1u << part % 8) - 1);
		if ((rc = put(fd, p, n, e)) < 0)
			return rc;
		done += part;
	}
	return 0;
}

/* From planes: as many pixels at a time as three pieces of a third have room for. */
static int planes_in(const struct image_source *in, uint8_t swap, uint64_t at, int fd, uint8_t *room, struct err *e)
{
	const struct image_pixel *p = &in->pixels;
	const size_t sample = p->bits_allocated / 8u, samples = p->samples,
		     most = SAMPLES_PIECE / (sample * samples) / 8 * 8;
	const uint64_t pixels = (uint64_t)p->rows * p->columns;
	uint8_t *mixed = room + SAMPLES_PIECE, *plane;
	int rc;

	for (uint64_t done = 0, part; done < pixels; done += part) {
		part = pixels - done < most ? pixels - done : most;
		for (size_t s = 0; s < samples; s++) {
			if ((rc = read_value(in, swap, at + (s * pixels + done) * sample, room, (size_t)part * sample,
					     &plane, e)) < 0)
				return rc;
			for (size_t i = 0; i < part; i++)
				memcpy(mixed + (i * samples + s) * sample, plane + i * sample, sample);
		}
		if ((rc = put(fd, mixed, (size_t)part * samples * sample, e)) < 0)
			return rc;
	}
	return 0;
}

static int bytes_in(const struct image_source *in, uint8_t swap, uint64_t at, uint64_t n, int fd, uint8_t *room,
		    struct err *e)
{
	uint8_t *p;
	int rc = 0;

	if (!swap)
		return samples_copy(in, in->value_at + at, n, fd, room, e);
	for (uint64_t part; n > 0 && rc == 0; at += part, n -= part) {
		part = n < SAMPLES_PIECE ? n : SAMPLES_PIECE;
		if ((rc = read_value(in, swap, at, room, (size_t)part, &p, e)) == 0)
			rc = put(fd, p, (size_t)part, e);
	}
	return rc;
}

int samples_native(const struct image_source *in, uint8_t swap, uint64_t frame, uint8_t *room, struct err *e)
{
	const struct image_pixel *p = &in->pixels;
	const uint64_t bits = image_pixel_frame_bits(p);
	AUTO(fd) fd = -1;
	int rc;

	if (!image_pixel_frame_fits(p, FRAME_MOST))
		return err_set(e, E_LIMIT,
			       "frames of %" PRIu32 " x %" PRIu32 " pixels are too large to be compressed as one",
			       p->columns, p->rows);
	if ((fd = worker_input(e)) < 0)
		return fd;
	if (p->bits_allocated % 8)
		rc = bits_in(in, swap, frame * bits, bits, fd, room, e);
	else if (p->samples > 1 && p->planar)
		rc = planes_in(in, swap, frame * (bits / 8), fd, room, e);
	else
		rc = bytes_in(in, swap, frame * (bits / 8), bits / 8, fd, room, e);
	return rc < 0 ? rc : fd_steal(&fd);
}

/* ---- colours */

static int32_t clamp(int32_t v, int32_t most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

/* With 16 bits of fraction, each product rounded by itself but for green, whose products are rounded together. */
static void to_rgb(int32_t v[3], int32_t middle, int32_t most)
{
	const int64_t y = v[0], cb = v[1] - middle, cr = v[2] - middle, half = 1 << 15;

	v[0] = clamp((int32_t)(y + ((91881 * cr + half) >> 16)), most);
	v[1] = clamp((int32_t)(y + ((-22554 * cb - 46802 * cr + half) >> 16)), most);
	v[2] = clamp((int32_t)(y + ((116130 * cb + half) >> 16)), most);
}

static void piece_to_rgb(uint8_t *p, size_t pixels, const struct image_pixel *about)
{
	const int32_t most = (int32_t)((1u << about->bits_stored) - 1), middle = (most + 1) / 2;
	const bool wide = about->bits_allocated == 16;

	for (size_t i = 0; i < 3 * pixels; i += 3) {
		int32_t v[3];

		for (unsigned k = 0; k < 3; k++)
			v[k] = wide ? p[2 * (i + k)] | p[2 * (i + k) + 1] << 8 : p[i + k];
		to_rgb(v, middle, most);
		for (unsigned k = 0; k < 3; k++) {
			if (!wide) {
				p[i + k] = (uint8_t)v[k];
				continue;
			}
			p[2 * (i + k)] = (uint8_t)v[k];
			p[2 * (i + k) + 1] = (uint8_t)(v[k] >> 8);
		}
	}
}

static int read_fd(int fd, uint64_t at, uint8_t *buf, size_t n, struct err *e)
{
	for (size_t have = 0; have < n;) {
		const ssize_t k = pread(fd, buf + have, n - have, (off_t)(at + have));

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? err_sys(e, E_IO, "cannot read a frame")
				     : err_set(e, E_CORRUPT, "a frame is short");
		have += (size_t)k;
	}
	return 0;
}

int samples_rgb(int fd, struct image_pixel *p, uint8_t *room, struct err *e)
{
	const size_t pixel = p->bits_allocated / 8u * 3u, most = SAMPLES_PIECE / pixel;
	const uint64_t pixels = (uint64_t)p->rows * p->columns;
	AUTO(fd) out = -1;
	int rc;

	if (p->samples != 3 || (p->bits_allocated != 8 && p->bits_allocated != 16) ||
	    p->bits_stored > p->bits_allocated)
		return err_set(e, E_UNSUP, "%u samples of %u bits are no colours that can be turned into RGB",
			       p->samples, p->bits_allocated);
	if ((out = worker_input(e)) < 0)
		return out;
	for (uint64_t done = 0, part; done < pixels; done += part) {
		part = pixels - done < most ? pixels - done : most;
		if ((rc = read_fd(fd, done * pixel, room, (size_t)part * pixel, e)) < 0)
			return rc;
		piece_to_rgb(room, (size_t)part, p);
		if ((rc = put(out, room, (size_t)part * pixel, e)) < 0)
			return rc;
	}
	strcpy(p->photometric, "RGB");
	return fd_steal(&out);
}

/* ---- and back */

static int give(struct samples_out *o, const uint8_t *data, size_t n, struct err *e)
{
	if (n > o->left)
		n = (size_t)o->left;
	o->left -= n;
	return n > 0 ? o->put(o->arg, data, n, e) : 0;
}

/* data is changed. */
static int turned(struct samples_out *o, uint8_t *data, size_t n, struct err *e)
{
	int rc = 0;

	if (o->swap < 2)
		return give(o, data, n, e);
	while (n > 0 && o->n_carry > 0 && rc == 0) {
		o->carry[o->n_carry++] = *data++;
		n--;
		if (o->n_carry < o->swap)
			continue;
		samples_turn(o->carry, o->swap, o->swap);
		o->n_carry = 0;
		rc = give(o, o->carry, o->swap, e);
	}
	const size_t whole = n / o->swap * o->swap;
	samples_turn(data, whole, o->swap);
	if (rc == 0)
		rc = give(o, data, whole, e);
	if (whole < n) {
		memcpy(o->carry, data + whole, n - whole);
		o->n_carry = (unsigned)(n - whole);
	}
	return rc;
}

static int bits_out(struct samples_out *o, uint8_t *p, uint64_t bits, struct err *e)
{
	const size_t n = (size_t)((bits + 7) / 8);
	const unsigned last = (unsigned)(bits - (n - 1) * 8);
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned there = i + 1 < n ? 8 : last;

		o->bits |= (p[i] & ((1u << there) - 1)) << o->n_bits;
		o->n_bits += there;
		if (o->n_bits < 8)
			continue;
		p[made++] = (uint8_t)o->bits; /* never ahead of what was read */
		o->bits >>= 8;
		o->n_bits -= 8;
	}
	return turned(o, p, made, e);
}

static int planes_out(struct samples_out *o, int fd, const struct image_pixel *p, uint8_t *room, struct err *e)
{
	const size_t sample = p->bits_allocated / 8u, pixel = sample * p->samples, most = SAMPLES_PIECE / pixel;
	const uint64_t pixels = (uint64_t)p->rows * p->columns;
	uint8_t *plane = room + SAMPLES_PIECE;
	int rc;

	for (size_t s = 0; s < p->samples; s++)
		for (uint64_t done = 0, part; done < pixels; done += part) {
			part = pixels - done < most ? pixels - done : most;
			if ((rc = read_fd(fd, done * pixel, room, (size_t)part * pixel, e)) < 0)
				return rc;
			for (size_t i = 0; i < part; i++)
				memcpy(plane + i * sample, room + i * pixel + s * sample, sample);
			if ((rc = turned(o, plane, (size_t)part * sample, e)) < 0)
				return rc;
		}
	return 0;
}

int samples_put(struct samples_out *o, int fd, const struct image_pixel *p, uint8_t *room, struct err *e)
{
	const uint64_t bits = image_pixel_frame_bits(p), bytes = (bits + 7) / 8;
	const bool single = p->bits_allocated % 8 != 0;
	int rc = 0;

	if (o->planar && p->samples > 1 && !single)
		return planes_out(o, fd, p, room, e);
	for (uint64_t at = 0, part; at < bytes && rc == 0; at += part) {
		part = bytes - at < SAMPLES_PIECE ? bytes - at : SAMPLES_PIECE;
		if ((rc = read_fd(fd, at, room, (size_t)part, e)) < 0)
			return rc;
		rc = single ? bits_out(o, room, at + part == bytes ? bits - at * 8 : part * 8, e)
			    : turned(o, room, (size_t)part, e);
	}
	return rc;
}

int samples_end(struct samples_out *o, struct err *e)
{
	uint8_t last = (uint8_t)o->bits;
	int rc = 0;

	if (o->n_bits > 0 && o->left > 0)
		rc = turned(o, &last, 1, e);
	o->bits = o->n_bits = 0;
	if (rc == 0 && o->n_carry > 0) /* a word that is filled up with zeros */
		rc = turned(o, (uint8_t[8]){0}, o->swap - o->n_carry, e);
	return rc;
}
