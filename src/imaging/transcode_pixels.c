/* imaging/transcode_pixels.c - the frames: decoded, encoded, written one at a time (PS3.5 A.4). */
#include "imaging/frame.h"
#include "imaging/transcode_own.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITEM_MOST (UINT32_MAX - 1)

/* Offsets are 32 bits in the Basic Offset Table: where what is not compressed would pass that, it stays empty, and the
 * Extended Offset Table says where frames lie (PS3.3 C.7.6.3.1.8). */
bool pixels_tables(const struct transcoding *t)
{
	const unsigned __int128 raw = (unsigned __int128)t->in->frames * (image_pixel_frame_bytes(&t->in->pixels) + 8);

	return raw > UINT32_MAX - (UINT32_MAX >> 4) && t->in->frames > 1;
}

/* ---- one frame */

/* A worker's word is checked like a peer's. */
static int check_samples(const struct job_result *r, const struct image_pixel *said, struct err *e)
{
	const struct image_pixel *p = &r->pixels;

	if (p->rows != said->rows || p->columns != said->columns || (p->samples != 1 && p->samples != 3) ||
	    !image_pixel_frame_fits(p, FRAME_MOST) || r->n != image_pixel_frame_bytes(p) || p->planar ||
	    memchr(p->photometric, 0, sizeof p->photometric) == NULL)
		return err_set(e, E_CORRUPT, "%" PRIu64 " bytes of samples are not what the data set says", r->n);
	return 0;
}

static int decode(struct transcoding *t, uint64_t frame, struct image_pixel *p, struct err *e)
{
	struct job j = {
	    .kind = JOB_DECODE, .background = t->how->background, .pixels = t->in->pixels, .most = FRAME_MOST};
	AUTO(job_result) r = {0};
	AUTO(fd) stream = -1;
	int rc;

	if (!image_pixel_frame_fits(&t->in->pixels, FRAME_MOST))
		return err_set(e, E_LIMIT, "frames of %" PRIu32 " x %" PRIu32 " pixels are too large to be decoded",
			       t->in->pixels.columns, t->in->pixels.rows);
	if ((stream = frame_input(t->in, frame, e)) < 0)
		return stream;
	snprintf(j.syntax, sizeof j.syntax, "%s", t->in->syntax);
	j.in[0] = stream;
	if ((rc = worker_run(&j, &r, e)) < 0) {
		t->r->workers_limit = rc == -E_LIMIT;
		return rc;
	}
	if ((rc = check_samples(&r, &t->in->pixels, e)) < 0)
		return rc;
	r.warning[sizeof r.warning - 1] = 0;
	warn(t, r.warning);
	*p = r.pixels;
	if (p->samples == 3 && syntax_loses(t->in->syntax) && strncmp(p->photometric, "YBR_FULL", 8) == 0)
		return samples_rgb(r.out, p, t->room, e);
	const int fd = r.out;
	r.out = 0;
	return fd;
}

/* Its samples, as codecs take them: the descriptor. */
static int samples(struct transcoding *t, uint64_t frame, struct image_pixel *p, struct err *e)
{
	if (t->decode)
		return decode(t, frame, p, e);
	*p = t->in->pixels;
	p->planar = p->words = 0;
	return samples_native(t->in, t->swap, frame, t->room, e);
}

static int encode(struct transcoding *t, const struct image_pixel *p, int fd, struct job_result *r, struct err *e)
{
	struct job j = {.kind = t->how->prove ? JOB_PROVE : JOB_ENCODE,
			.background = t->how->background,
			.pixels = *p,
			.how = t->how->codec,
			.most = FRAME_MOST,
			.in = {fd}};
	int rc;

	snprintf(j.syntax, sizeof j.syntax, "%s", t->to);
	if ((rc = worker_run(&j, r, e)) < 0) {
		t->r->workers_limit = rc == -E_LIMIT;
		return rc;
	}
	t->r->encode_ns += r->seconds_ns;
	t->r->prove_ns += r->prove_ns;
	bool fits = r->n > 0 && r->n <= ITEM_MOST && r->n_cuts <= CODEC_CUTS && r->pixels.rows == p->rows &&
		    r->pixels.columns == p->columns && memchr(r->pixels.photometric, 0, sizeof r->pixels.photometric);
	for (unsigned i = 0; fits && i < r->n_cuts; i++)
		fits = r->cuts[i] <= r->n && (i == 0 || r->cuts[i] >= r->cuts[i - 1]);
	return fits ? 0 : err_set(e, E_CORRUPT, "a code stream of %" PRIu64 " bytes contradicts itself", r->n);
}

/* The frame in its new form: a code stream, or samples. Samples pass by proof on their way. */
static int new_form(struct transcoding *t, uint64_t frame, struct samples_out *proof, struct job_result *r,
		    struct err *e)
{
	struct image_pixel p = {0};
	AUTO(fd) fd = samples(t, frame, &p, e);
	int rc;

	if (fd < 0)
		return fd;
	t->r->raw += image_pixel_frame_bytes(&p);
	if (!t->encode) {
		*r = (struct job_result){.out = fd, .n = image_pixel_frame_bytes(&p), .pixels = p};
		fd = -1;
		return 0;
	}
	if ((rc = encode(t, &p, fd, r, e)) < 0)
		return rc;
	if (frame == 0 && t->how->prove) { /* there is nothing yet that proves: next_frame() */
		t->first_samples = fd_steal(&fd);
		t->first_pixels = p;
	}
	return proof ? samples_put(proof, fd, &p, t->room, e) : 0;
}

static int named(const struct transcoding *t, uint64_t frame, const struct err *why, struct err *e)
{
	return err_set(e, why->code, "frame %" PRIu64 " of %" PRIu64 ": %.180s", frame + 1, t->in->frames, why->msg);
}

int pixels_first(struct transcoding *t, struct err *e)
{
	struct err why = {0};

	t->pixels = t->in->pixels;
	if (!t->decode && !t->encode)
		return 0;
	if (t->in->frames == 0)
		return err_set(e, E_CORRUPT, "there is not one whole frame");
	if (new_form(t, 0, NULL, &t->first, &why) < 0)
		return named(t, 0, &why, e);
	t->pixels = t->first.pixels;
	/* Planes go out as planes, where nothing else changes: who has read the old data set reads these samples, too. */
	if (!t->encode && t->in->pixels.planar && strcmp(t->pixels.photometric, t->in->pixels.photometric) == 0)
		t->pixels.planar = t->pixels.samples == 3;
	t->n_cuts = t->first.n_cuts;
	return 0;
}

static bool same(const struct image_pixel *a, const struct image_pixel *b)
{
	return a->samples == b->samples && a->bits_allocated == b->bits_allocated && a->bits_stored == b->bits_stored &&
	       a->high_bit == b->high_bit && a->planar == b->planar && a->is_signed == b->is_signed &&
	       strcmp(a->photometric, b->photometric) == 0;
}

static int next_frame(struct transcoding *t, uint64_t frame, struct samples_out *proof, struct job_result *r,
		      struct err *e)
{
	struct err why = {0};
	int rc;

	if (t->how->between && (rc = t->how->between(t->how->arg, e)) < 0)
		return rc;
	if (frame == 0) {
		*r = t->first;
		t->first = (struct job_result){0};
		AUTO(fd) fd = fd_steal(&t->first_samples);
		return proof ? samples_put(proof, fd, &t->first_pixels, t->room, e) : 0;
	}
	if (new_form(t, frame, proof, r, &why) < 0)
		return named(t, frame, &why, e);
	if (!t->encode)
		r->pixels.planar = t->pixels.planar;
	if (!same(&r->pixels, &t->pixels))
		return err_set(e, E_UNSUP, "frame %" PRIu64 " would need another description than the first one",
			       frame + 1);
	return 0;
}

/* ---- elements and items */

static int put_head(struct transcoding *t, const char *vr, uint32_t n, struct err *e)
{
	const enum encoding c = encoding_of(t->to);
	const bool big = c == ENCODING_BIG;
	uint8_t head[12] = {0};
	const size_t length = c == ENCODING_IMPLICIT ? 8 : 12;
	const uint32_t tag = t->in->tag;

	for (unsigned i = 0; i < 2; i++) {
		head[i] = (uint8_t)(tag >> (big ? 24 - 8 * i : 16 + 8 * i));
		head[2 + i] = (uint8_t)(tag >> (big ? 8 - 8 * i : 8 * i));
	}
	if (c != ENCODING_IMPLICIT)
		memcpy(head + 4, vr, 2);
	for (unsigned i = 0; i < 4; i++)
		head[length - 4 + i] = (uint8_t)(n >> 8 * (big ? 3 - i : i));
	t->r->value_at = t->out.at + length;
	t->r->tag = tag;
	return sink_put(&t->out, head, length, e);
}

static int put_item_head(struct transcoding *t, uint16_t element, uint32_t n, struct err *e)
{
	const uint8_t head[8] = {0xFE,
				 0xFF,
				 (uint8_t)element,
				 (uint8_t)(element >> 8),
				 (uint8_t)n,
				 (uint8_t)(n >> 8),
				 (uint8_t)(n >> 16),
				 (uint8_t)(n >> 24)};

	return sink_put(&t->out, head, sizeof head, e);
}

static int put_file(struct transcoding *t, int fd, uint64_t n, struct err *e)
{
	int rc = 0;

	for (uint64_t at = 0; at < n && rc == 0;) {
		const size_t part = n - at < SAMPLES_ROOM ? (size_t)(n - at) : SAMPLES_ROOM;
		const ssize_t k = pread(fd, t->room, part, (off_t)at);

		if (k <= 0)
			return err_set(e, E_IO, "a frame of a worker cannot be read");
		rc = sink_put(&t->out, t->room, (size_t)k, e);
		at += (uint64_t)k;
	}
	return rc == 0 && n % 2 ? sink_put(&t->out, "", 1, e) : rc;
}

/* ---- encapsulated */

static int basic_table(struct transcoding *t, struct err *e)
{
	static const uint8_t zeros[4096];
	const bool empty = pixels_tables(t) || t->in->video || t->in->frames > ITEM_MOST / 4;
	uint64_t n = empty ? 0 : 4 * t->in->frames;
	int rc = put_item_head(t, 0xE000, (uint32_t)n, e);

	t->basic_at = empty ? 0 : t->out.at;
	for (uint64_t part; n > 0 && rc == 0; n -= part) {
		part = n < sizeof zeros ? n : sizeof zeros;
		rc = sink_put(&t->out, zeros, (size_t)part, e);
	}
	return rc;
}

/* The first item of a frame begins here; n: bytes of its code stream, where it is one item. */
static int note_place(struct transcoding *t, uint64_t first, uint64_t frame, uint64_t n, struct err *e)
{
	const uint64_t offset = t->out.at - first;
	const struct edit *offsets = edits_at(&t->edits, T_OFFSETS), *lengths = edits_at(&t->edits, T_LENGTHS);
	uint8_t bytes[8], length[8];
	int rc;

	for (unsigned i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(offset >> 8 * i);
		length[i] = (uint8_t)(n >> 8 * i);
	}
	if (t->basic_at && offset > UINT32_MAX)
		return err_set(e, E_LIMIT, "frames lie further apart than a Basic Offset Table can say");
	if (t->basic_at)
		return sink_patch(&t->out, t->basic_at + 4 * frame, bytes, 4, e);
	if (!offsets || !lengths || offsets->bytes.len == 0)
		return 0;
	if ((rc = sink_patch(&t->out, offsets->new_at + 12 + 8 * frame, bytes, 8, e)) < 0)
		return rc;
	return sink_patch(&t->out, lengths->new_at + 12 + 8 * frame, length, 8, e);
}

static int write_coded(struct transcoding *t, uint64_t first, uint64_t frame, struct samples_out *proof, struct err *e)
{
	AUTO(job_result) r = {0};
	int rc;

	if ((rc = next_frame(t, frame, proof, &r, e)) < 0 || (rc = note_place(t, first, frame, r.n, e)) < 0 ||
	    (rc = put_item_head(t, 0xE000, (uint32_t)(r.n + r.n % 2), e)) < 0)
		return rc;
	struct appendix_frame f = {.at = t->out.at, .n = r.n + r.n % 2};
	if (r.n_cuts != t->n_cuts)
		return err_set(e, E_UNSUP, "frame %" PRIu64 " has other resolutions than the first one", frame + 1);
	memcpy(f.cut, r.cuts, sizeof f.cut);
	t->coded += f.n;
	if ((rc = put_file(t, r.out, r.n, e)) < 0 || !t->proof.w)
		return rc;
	return appendix_add(t->proof.w, &f, e);
}

static int end_items(struct transcoding *t, struct err *e)
{
	const int rc = put_item_head(t, 0xE0DD, 0, e);

	t->r->value_n = t->out.at - t->r->value_at;
	return rc;
}

/* Bytes of the value that are no samples of whole frames. */
static int prove_rest(struct transcoding *t, uint64_t from, struct err *e)
{
	const struct image_source *in = t->in;
	int rc = 0;

	for (uint64_t at = in->value_at + from, end = in->value_at + in->value_n; t->proof.w && at < end && rc == 0;) {
		const int64_t k =
		    in->read(in->arg, at, t->room, end - at < SAMPLES_ROOM ? (size_t)(end - at) : SAMPLES_ROOM, e);

		if (k <= 0)
			return k < 0 ? (int)k : err_set(e, E_CORRUPT, "pixel data is short");
		rc = proof_bytes(&t->proof, t->room, (size_t)k, e);
		at += (uint64_t)k;
	}
	return rc;
}

static int prove_head(struct transcoding *t, uint64_t samples, struct err *e)
{
	uint8_t head[64];
	const uint64_t at = t->was.to, n = t->in->value_at - at;
	int64_t k;

	if (!t->proof.w)
		return 0;
	if (n > sizeof head)
		return err_set(e, E_CORRUPT, "Pixel Data does not begin where its element does");
	if ((k = t->in->read(t->in->arg, at, head, (size_t)n, e)) != (int64_t)n)
		return k < 0 ? (int)k : err_set(e, E_CORRUPT, "Pixel Data has no head");
	if (t->swap && samples % t->swap)
		return err_set(e, E_UNSUP, "words in big endian that are not full");
	return proof_bytes(&t->proof, head, (size_t)n, e);
}

static int write_encapsulated(struct transcoding *t, struct err *e)
{
	const uint64_t whole =
	    (uint64_t)(((unsigned __int128)t->in->frames * image_pixel_frame_bits(&t->in->pixels)) / 8);
	struct samples_out proof = {
	    .swap = t->swap, .planar = t->in->pixels.planar, .put = proof_samples, .arg = &t->proof, .left = whole};
	int rc;

	if ((rc = put_head(t, "OB", UINT32_MAX, e)) < 0 || (rc = basic_table(t, e)) < 0 ||
	    (rc = prove_head(t, whole, e)) < 0)
		return rc;
	const uint64_t first = t->out.at;
	for (uint64_t i = 0; i < t->in->frames; i++)
		if ((rc = write_coded(t, first, i, t->proof.w ? &proof : NULL, e)) < 0)
			return rc;
	if ((rc = samples_end(&proof, e)) < 0 || (rc = prove_rest(t, whole, e)) < 0)
		return rc;
	return end_items(t, e);
}

/* Fragments as they are, with even lengths. */
static int copy_frame(struct transcoding *t, uint64_t first, uint64_t frame, struct err *e)
{
	int64_t n = t->in->locate(t->in->arg, frame, NULL, 0, e);
	AUTO(str) memory = NULL;
	int rc;

	if (n < 0)
		return (int)n;
	if (!(memory = calloc((size_t)n + 1, sizeof(struct frame_piece))))
		return err_set(e, E_NOMEM, "no memory for %lld fragments", (long long)n);
	struct frame_piece *p = (struct frame_piece *)(void *)memory;
	if ((n = t->in->locate(t->in->arg, frame, p, (size_t)n, e)) < 0)
		return (int)n;
	if ((rc = note_place(t, first, frame, 0, e)) < 0)
		return rc;
	for (int64_t i = 0; i < n; i++) {
		if (p[i].n > ITEM_MOST)
			return err_set(e, E_CORRUPT, "a fragment of %" PRIu64 " bytes", p[i].n);
		if ((rc = put_item_head(t, 0xE000, (uint32_t)(p[i].n + p[i].n % 2), e)) < 0 ||
		    (rc = samples_copy(t->in, p[i].at, p[i].n, t->out.fd, t->room, e)) < 0)
			return rc;
		t->out.at += p[i].n;
		if (p[i].n % 2 && (rc = sink_put(&t->out, "", 1, e)) < 0)
			return rc;
	}
	return 0;
}

static int copy_encapsulated(struct transcoding *t, struct err *e)
{
	int rc;

	if ((rc = put_head(t, "OB", UINT32_MAX, e)) < 0 || (rc = basic_table(t, e)) < 0)
		return rc;
	const uint64_t first = t->out.at;
	for (uint64_t i = 0; i < t->in->frames; i++)
		if ((rc = copy_frame(t, first, i, e)) < 0)
			return rc;
	return end_items(t, e);
}

/* ---- native */

static int put_sink(void *arg, const void *data, size_t n, struct err *e)
{
	return sink_put(arg, data, n, e);
}

static int end_native(struct transcoding *t, uint64_t n, struct err *e)
{
	t->r->value_n = n;
	return n % 2 ? sink_put(&t->out, "", 1, e) : 0;
}

static int too_large(uint64_t n, struct err *e)
{
	return err_set(e, E_LIMIT, "%" PRIu64 " bytes of samples have no place in Pixel Data that is not compressed",
		       n);
}

static int write_decoded(struct transcoding *t, struct err *e)
{
	const unsigned __int128 bits = (unsigned __int128)t->in->frames * image_pixel_frame_bits(&t->pixels);
	const char *vr = t->pixels.bits_allocated > 8 ? "OW" : "OB";
	const uint64_t n = (uint64_t)((bits + 7) / 8);
	struct samples_out to = {
	    .swap = samples_swap(t->to, vr), .planar = t->pixels.planar, .put = put_sink, .arg = &t->out, .left = n};
	int rc;

	if ((bits + 7) / 8 > ITEM_MOST)
		return too_large(n, e);
	if ((rc = put_head(t, vr, (uint32_t)(n + n % 2), e)) < 0)
		return rc;
	for (uint64_t i = 0; i < t->in->frames; i++) {
		AUTO(job_result) r = {0};

		if ((rc = next_frame(t, i, NULL, &r, e)) < 0 ||
		    (rc = samples_put(&to, r.out, &r.pixels, t->room, e)) < 0)
			return rc;
	}
	if ((rc = samples_end(&to, e)) < 0)
		return rc;
	t->coded = n;
	return end_native(t, n, e);
}

static const char *native_vr(const struct transcoding *t)
{
	const char *vr = t->was.pixel_vr;

	if (t->in->tag != T_PIXELS)
		return t->in->tag == TAG(0x7FE0, 0x0009) ? "OD" : "OF";
	const bool wide = t->in->pixels.bits_allocated > 8;
	if (t->was.encoding == ENCODING_IMPLICIT || (strcmp(vr, "OB") != 0 && strcmp(vr, "OW") != 0) ||
	    (wide && encoding_of(t->to) == ENCODING_BIG))
		return wide ? "OW" : "OB";
	return vr;
}

/* The value as it is, words turned round where that differs. */
static int copy_native(struct transcoding *t, struct err *e)
{
	const struct image_source *in = t->in;
	const char *vr = native_vr(t);
	const uint8_t to = samples_swap(t->to, vr), swap = to == t->swap ? 0 : to ? to : t->swap;
	int rc;

	if (in->value_n > ITEM_MOST)
		return too_large(in->value_n, e);
	if ((rc = put_head(t, vr, (uint32_t)(in->value_n + in->value_n % 2), e)) < 0)
		return rc;
	for (uint64_t at = 0; at < in->value_n;) {
		const size_t most = SAMPLES_PIECE, part = in->value_n - at < most ? (size_t)(in->value_n - at) : most;
		size_t have = 0;

		while (have < part) { /* whole words: a piece is read to its end */
			const int64_t k = in->read(in->arg, in->value_at + at + have, t->room + have, part - have, e);

			if (k <= 0)
				return k < 0 ? (int)k : err_set(e, E_CORRUPT, "pixel data is short");
			have += (size_t)k;
		}
		samples_turn(t->room, part, swap);
		if ((rc = sink_put(&t->out, t->room, part, e)) < 0)
			return rc;
		at += part;
	}
	t->r->raw = t->coded = in->value_n;
	return end_native(t, in->value_n, e);
}

int pixels_write(struct transcoding *t, struct err *e)
{
	if (t->encode)
		return write_encapsulated(t, e);
	if (t->in->encapsulated)
		return t->decode ? write_decoded(t, e) : copy_encapsulated(t, e);
	return copy_native(t, e);
}
