/* imaging/sink.c - to a file, perhaps deflated on the way (PS3.5 A.5). */
#include "imaging/sink.h"
#include "base/write.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define WHAT "a copy in another transfer syntax"
enum { PIECE = 64 << 10 };

struct deflater {
	z_stream z;
	uint64_t before, after;
	uint8_t out[PIECE];
};

int sink_open(struct sink *s, int fd, struct err *e)
{
	const off_t at = lseek(fd, 0, SEEK_CUR);

	if (at < 0)
		return err_sys(e, E_IO, "cannot write %s", WHAT);
	*s = (struct sink){.fd = fd, .base = (uint64_t)at};
	return 0;
}

int sink_deflate(struct sink *s, struct err *e)
{
	struct deflater *d = calloc(1, sizeof *d);

	if (!d || deflateInit2(&d->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(d);
		return err_set(e, E_NOMEM, "no memory to deflate with");
	}
	d->before = s->at;
	s->deflater = d;
	return 0;
}

static int deflate_some(struct sink *s, int flush, struct err *e)
{
	struct deflater *d = s->deflater;
	int rc = 0;

	do {
		d->z.next_out = d->out;
		d->z.avail_out = PIECE;
		if (deflate(&d->z, flush) == Z_STREAM_ERROR)
			return err_set(e, E_BUG, "deflate failed");
		d->after += PIECE - d->z.avail_out;
		rc = write_all(s->fd, d->out, PIECE - d->z.avail_out, WHAT, e);
	} while (rc == 0 && d->z.avail_out == 0);
	return rc;
}

int sink_put(struct sink *s, const void *data, size_t n, struct err *e)
{
	s->at += n;
	if (!s->deflater)
		return write_all(s->fd, data, n, WHAT, e);
	s->deflater->z.next_in = (Bytef *)(uintptr_t)data;
	for (size_t left = n; left > 0;) { /* avail_in has 32 bits */
		const size_t part = left < 1u << 30 ? left : 1u << 30;

		s->deflater->z.avail_in = (uInt)part;
		const int rc = deflate_some(s, Z_NO_FLUSH, e);
		if (rc < 0)
			return rc;
		left -= part;
	}
	return 0;
}

int sink_patch(struct sink *s, uint64_t at, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;

	while (n > 0) {
		const ssize_t k = pwrite(s->fd, p, n, (off_t)(s->base + at));

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_sys(e, errno == ENOSPC ? E_FULL : E_IO, "cannot write %s", WHAT);
		p += k;
		at += (uint64_t)k;
		n -= (size_t)k;
	}
	return 0;
}

int sink_end(struct sink *s, uint64_t *n, struct err *e)
{
	struct deflater *d = s->deflater;
	int rc;

	*n = s->at;
	if (!d)
		return 0;
	d->z.next_in = NULL;
	d->z.avail_in = 0;
	if ((rc = deflate_some(s, Z_FINISH, e)) < 0)
		return rc;
	if (d->after % 2) {
		d->after++;
		rc = write_all(s->fd, "", 1, WHAT, e);
	}
	*n = d->before + d->after;
	return rc;
}

void sink_cleanup(struct sink *s)
{
	if (s->deflater)
		deflateEnd(&s->deflater->z);
	free(s->deflater);
	s->deflater = NULL;
}
