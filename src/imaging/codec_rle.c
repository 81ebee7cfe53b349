/* imaging/codec_rle.c - run lengths: a segment for each byte of each sample, the highest byte first (PS3.5 annex G). */
#include "imaging/codec_own.h"

#define HEADER 64u
#define SEGMENTS 15u

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Where a segment's bytes go: every stride-th from the first. Single bits are one segment of packed bytes. */
struct lane {
	size_t first, stride, n;
};

static unsigned segments_of(const struct image_pixel *p)
{
	return p->bits_allocated == 1 ? 1 : p->samples * (unsigned)codec_container(p);
}

static struct lane lane_of(const struct image_pixel *p, unsigned segment)
{
	size_t width = codec_container(p);

	if (width == 0)
		return (struct lane){0, 1, image_pixel_frame_bytes(p)};
	return (struct lane){segment / width * width + width - 1 - segment % width, p->samples * width,
			     (size_t)p->rows * p->columns};
}

/* How many bytes of the lane were there. */
static size_t unpack(const uint8_t *in, size_t n, uint8_t *out, const struct lane *l)
{
	size_t at = 0, done = 0;

	while (at < n && done < l->n) {
		uint8_t control = in[at++];
		if (control == 128)
			continue;
		bool repeated = control > 128;
		size_t count = repeated ? 257u - control : control + 1u;
		if (repeated ? at >= n : n - at < count) { /* cut */
			if (repeated)
				break;
			count = n - at;
		}
		if (count > l->n - done)
			count = l->n - done;
		uint8_t *to = out + l->first + done * l->stride;
		for (size_t i = 0; i < count; i++, to += l->stride)
			*to = in[repeated ? at : at + i];
		at += repeated ? 1 : count;
		done += count;
	}
	return done;
}

static int check_header(const uint8_t *in, size_t n, unsigned expected, struct codec_frame *out, struct err *e)
{
	if (n < HEADER)
		return err_set(e, E_CORRUPT, "a run-length frame of %zu bytes has no header", n);
	uint32_t count = number(in), before = HEADER;
	if (count < 1 || count > SEGMENTS)
		return err_set(e, E_CORRUPT, "%u run-length segments: 1 to 15 are possible", count);
	if (count < expected)
		return err_set(e, E_MISMATCH, "%u run-length segments, %u are needed for these pixels", count,
			       expected);
	if (count > expected)
		codec_warn(out, "%u run-length segments where %u are needed: the others are left out", count, expected);
	for (unsigned i = 0; i < count; i++) {
		uint32_t at = number(in + 4 + 4 * i);
		if (at < before)
			return err_set(e, E_CORRUPT, "run-length segment %u begins at %u of %zu bytes", i + 1, at, n);
		before = at;
	}
	return 0;
}

int rle_decode(const char *syntax, const struct image_pixel *said, const void *data, size_t n, unsigned reduce,
	       uint64_t most, struct codec_frame *out, struct err *e)
{
	const uint8_t *in = data;
	unsigned expected = segments_of(said);
	size_t got = 0, want = 0;
	int rc;
	(void)syntax, (void)reduce;

	out->pixels = *said;
	out->pixels.planar = 0;
	if (codec_colours(said) == COLOURS_YBR_422) { /* no syntax of run lengths has it (8.2.2): segments are whole */
		memcpy(out->pixels.photometric, "YBR_FULL", 9);
		codec_warn(out, "the data set says %s, run lengths have all samples", said->photometric);
	}
	if ((rc = check_header(in, n, expected, out, e)) < 0 || (rc = codec_frame_room(out, most, e)) < 0)
		return rc;
	for (unsigned i = 0; i < expected; i++) {
		struct lane lane = lane_of(said, i);
		size_t from = number(in + 4 + 4 * i), to = i + 1 < number(in) ? number(in + 8 + 4 * i) : n;
		if (to > n)
			to = n;
		want += lane.n;
		if (from < to)
			got += unpack(in + from, to - from, out->data, &lane);
	}
	if (got == 0)
		return err_set(e, E_CORRUPT, "the run-length segments hold nothing");
	if (got < want)
		codec_warn(out, "%zu of %zu bytes are there: the rest is zero", got, want);
	return 0;
}

/* ---- runs do not cross rows (G.3.1); of single bits there are no rows in bytes */

static int put_literals(struct buf *out, const uint8_t *row, size_t n, size_t stride, struct err *e)
{
	while (n > 0) {
		size_t count = n > 128 ? 128 : n;
		int rc = buf_byte(out, (uint8_t)(count - 1), e);
		for (size_t i = 0; rc == 0 && i < count; i++)
			rc = buf_byte(out, row[i * stride], e);
		if (rc < 0)
			return rc;
		row += count * stride;
		n -= count;
	}
	return 0;
}

static int put_run(struct buf *out, uint8_t byte, size_t n, struct err *e)
{
	uint8_t pair[2] = {(uint8_t)(257 - n), byte};

	return buf_put(out, pair, sizeof pair, e);
}

static size_t run_at(const uint8_t *row, size_t n, size_t stride)
{
	size_t k = 1;

	while (k < n && k < 128 && row[k * stride] == row[0])
		k++;
	return k;
}

static int pack_row(struct buf *out, const uint8_t *row, size_t n, size_t stride, struct err *e)
{
	size_t literal = 0; /* bytes before `at` that wait to be written */
	int rc;

	for (size_t at = 0; at < n;) {
		size_t run = run_at(row + at * stride, n - at, stride);
		if (run < 3 && !(run == 2 && literal == 0)) {
			at += run;
			literal += run;
			continue;
		}
		if ((rc = put_literals(out, row + (at - literal) * stride, literal, stride, e)) < 0 ||
		    (rc = put_run(out, row[at * stride], run, e)) < 0)
			return rc;
		at += run;
		literal = 0;
	}
	return put_literals(out, row + (n - literal) * stride, literal, stride, e);
}

static int pack(struct buf *out, const uint8_t *samples, const struct lane *l, size_t row, struct err *e)
{
	int rc;

	for (size_t at = 0; at < l->n; at += row) {
		size_t n = l->n - at < row ? l->n - at : row;
		if ((rc = pack_row(out, samples + l->first + at * l->stride, n, l->stride, e)) < 0)
			return rc;
	}
	return codec_even(out, e);
}

int rle_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
	       size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	uint8_t header[HEADER] = {(uint8_t)segments_of(p)};
	int rc = buf_put(&out->bytes, header, sizeof header, e);
	(void)syntax, (void)how, (void)n, (void)most;

	for (unsigned i = 0; rc == 0 && i < segments_of(p); i++) {
		struct lane lane = lane_of(p, i);
		uint64_t at = out->bytes.len;
		if (at > UINT32_MAX)
			return err_set(e, E_LIMIT, "run-length segments of more than 4 GB");
		for (unsigned k = 0; k < 4; k++)
			out->bytes.data[4 + 4 * i + k] = (uint8_t)(at >> 8 * k);
		rc = pack(&out->bytes, samples, &lane, p->bits_allocated == 1 ? lane.n : p->columns, e);
	}
	return rc;
}
