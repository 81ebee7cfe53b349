#include "imaging/frame.h"
#include "dicom/dict.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PIXEL_DATA TAG(0x7FE0, 0x0010)
#define PIECE (256u << 10)

/* ---- a worker's input */

static int write_piece(int to, const uint8_t *data, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t k = write(to, data, n);

		if (k < 0)
			return err_sys(e, E_NOMEM, "no memory for a frame");
		data += k;
		n -= (size_t)k;
	}
	return 0;
}

/* From file to file within the kernel. */
static int copy_within(const struct image_source *src, const struct frame_piece *p, int to, struct err *e)
{
	off_t at = (off_t)(src->fd_at + p->at);

	for (uint64_t left = p->n; left > 0;) {
		ssize_t k = sendfile(to, src->fd, &at, left < FRAME_STREAM_MOST ? (size_t)left : FRAME_STREAM_MOST);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, E_IO, "a frame's bytes cannot be copied");
		if (k == 0)
			return err_set(e, E_CORRUPT, "a frame's bytes end early");
		left -= (uint64_t)k;
	}
	return 0;
}

/* shift: bits of the first byte that belong to the frame before; what follows moves to the beginning of bytes. */
static int copy_through(const struct image_source *src, const struct frame_piece *p, unsigned shift, int to,
			struct err *e)
{
	AUTO(str) memory = malloc(PIECE + 1);
	uint8_t *piece = (uint8_t *)memory;
	int rc = 0;

	if (!piece)
		return err_set(e, E_NOMEM, "no memory to copy with");
	for (uint64_t done = 0; rc == 0 && done < p->n;) {
		size_t n = p->n - done < PIECE ? (size_t)(p->n - done) : PIECE;
		size_t more = done + n < p->n ? n + 1 : n; /* bits of the next byte, too */
		int64_t k = src->read(src->arg, p->at + done, piece, more, e);

		if (k < 0)
			return (int)k;
		if ((size_t)k < n)
			return err_set(e, E_CORRUPT, "a frame's bytes end early");
		for (size_t i = 0; shift > 0 && i < n; i++)
			piece[i] = (uint8_t)(piece[i] >> shift | (i + 1 < (size_t)k ? piece[i + 1] << (8 - shift) : 0));
		rc = write_piece(to, piece, n, e);
		done += n;
	}
	return rc;
}

static int copy_pieces(const struct image_source *src, uint64_t frame, const struct frame_piece *pieces, size_t n,
		       int to, struct err *e)
{
	unsigned shift = src->encapsulated ? 0 : (unsigned)(frame * image_pixel_frame_bits(&src->pixels) % 8);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = src->fd >= 0 && shift == 0 ? copy_within(src, &pieces[i], to, e)
						: copy_through(src, &pieces[i], shift, to, e);
	return rc;
}

static int input(const struct image_source *src, uint64_t frame, struct err *e)
{
	struct frame_piece one, *pieces = &one;
	AUTO(str) memory = NULL;
	AUTO(fd) fd = -1;
	uint64_t bytes = 0;
	int64_t n;
	int rc;

	if (src->tag != PIXEL_DATA)
		return err_set(e, E_NOENT, "no pixel data of integers that lies in the file");
	if ((n = src->locate(src->arg, frame, &one, 1, e)) < 0)
		return (int)n;
	if (n > 1) {
		if (!(pieces = calloc((size_t)n, sizeof(*pieces))))
			return err_set(e, E_NOMEM, "no memory for %lld fragments", (long long)n);
		memory = (char *)pieces; /* NOLINT(clang-analyzer-deadcode.DeadStores): freed with its scope */
		if ((n = src->locate(src->arg, frame, pieces, (size_t)n, e)) < 0)
			return (int)n;
	}
	/* bytes in words of big endian: the last one is the first of its word */
	if (src->pixels.words == 2 && src->pixels.bits_allocated <= 8 && strcmp(src->syntax, UID_EXPLICIT_BE) == 0 &&
	    pieces->n % 2 && pieces->at + pieces->n < src->value_at + src->value_n)
		pieces->n++;
	for (int64_t i = 0; i < n; i++)
		if (__builtin_add_overflow(bytes, pieces[i].n, &bytes) || bytes > FRAME_STREAM_MOST)
			return err_set(e, E_LIMIT, "more than %llu bytes", FRAME_STREAM_MOST);
	if (bytes == 0)
		return err_set(e, E_CORRUPT, "it has no bytes");
	if ((fd = worker_input(e)) < 0)
		return fd;
	rc = copy_pieces(src, frame, pieces, (size_t)n, fd, e);
	return rc < 0 ? rc : fd_steal(&fd);
}

/* ---- jobs */

static int name_frame(const struct image_source *src, uint64_t frame, struct err *e, const struct err *why)
{
	return err_set(e, why->code, "frame %" PRIu64 " of %" PRIu64 ": %s", frame + 1, src->frames,
		       why->msg[0] ? why->msg : err_text(why->code));
}

int frame_input(const struct image_source *src, uint64_t frame, struct err *e)
{
	struct err why = {0};
	int fd = input(src, frame, &why);

	return fd < 0 ? name_frame(src, frame, e, &why) : fd;
}

static int decode(const struct image_source *src, uint64_t frame, bool as_said, struct job_result *out, struct err *e)
{
	AUTO(fd) fd = -1;
	struct job j = {.kind = JOB_DECODE, .as_said = as_said, .pixels = src->pixels, .most = FRAME_MOST};

	if (!image_pixel_frame_fits(&src->pixels, FRAME_MOST))
		return err_set(e, E_LIMIT, "%" PRIu32 " x %" PRIu32 " pixels take more than %llu bytes",
			       src->pixels.columns, src->pixels.rows, FRAME_MOST);
	if ((fd = input(src, frame, e)) < 0)
		return fd;
	snprintf(j.syntax, sizeof j.syntax, "%s", src->syntax);
	j.in[0] = fd;
	return worker_run(&j, out, e);
}

int frame_decode(const struct image_source *src, uint64_t frame, struct job_result *out, struct err *e)
{
	struct err why = {0};
	int rc = decode(src, frame, true, out, &why);

	return rc < 0 ? name_frame(src, frame, e, &why) : 0;
}

static int encode(const struct image_source *src, uint64_t frame, const char *to, struct job_result *out, struct err *e)
{
	AUTO(job_result) samples = {0};
	struct job j = {.kind = JOB_ENCODE, .most = FRAME_STREAM_MOST};
	int rc = decode(src, frame, false, &samples, e);

	if (rc < 0)
		return rc;
	snprintf(j.syntax, sizeof j.syntax, "%s", to);
	j.pixels = samples.pixels;
	j.in[0] = samples.out;
	if ((rc = worker_run(&j, out, e)) == 0 && !out->warning[0])
		memcpy(out->warning, samples.warning, sizeof out->warning);
	return rc;
}

int frame_encode(const struct image_source *src, uint64_t frame, const char *to, struct job_result *out, struct err *e)
{
	struct err why = {0};
	int rc = encode(src, frame, to, out, &why);

	return rc < 0 ? name_frame(src, frame, e, &why) : 0;
}
