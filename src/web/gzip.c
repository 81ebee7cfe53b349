#include "web/gzip.h"
#include <string.h>
#include <zlib.h>

#define LEVEL 1          /* three times as fast as 6, and JSON of headers shrinks to a tenth anyway */
#define WINDOW (15 + 16) /* 16: with gzip's head and tail */
#define STEP (16u << 10)

struct gzip {
	const struct http_source *inner;
	void *arg;
	z_stream z;
	struct buf piece; /* of the inner source; z.next_in lies in it */
	int flush;        /* Z_NO_FLUSH until the inner source waits or ends */
	bool pending;     /* of what was to be flushed, some may be left */
};

int gzip_new(const struct http_source *inner, void *arg, struct gzip **out, struct err *e)
{
	struct gzip *g = calloc(1, sizeof *g);

	if (!g || deflateInit2(&g->z, LEVEL, Z_DEFLATED, WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return err_set(e, E_NOMEM, "no memory for compression");
	}
	g->inner = inner;
	g->arg = arg;
	g->piece = BUF(HTTP_PIECE + HTTP_PIECE / 2);
	*out = g;
	return 0;
}

/* Deflates what is there into out, until that is full. 1: all was taken and flushed, 0: out is full. */
static int squeeze(struct gzip *g, struct buf *out, struct err *e)
{
	for (;;) {
		size_t room = out->cap - out->len;
		int rc;

		if (out->len >= HTTP_PIECE || room == 0)
			return 0;
		room = room < STEP ? room : STEP;
		if ((rc = buf_reserve(out, room, e)) < 0)
			return rc;
		g->z.next_out = out->data + out->len;
		g->z.avail_out = (uInt)room;
		rc = deflate(&g->z, g->flush);
		out->len += room - g->z.avail_out;
		if (rc == Z_STREAM_END)
			return 1;
		if (rc == Z_STREAM_ERROR)
			return err_set(e, E_BUG, "compression failed");
		if (g->z.avail_out > 0) /* so there was no more to give */
			return 1;
	}
}

static int refill(struct gzip *g, struct err *e)
{
	int rc;

	buf_clear(&g->piece);
	if ((rc = g->inner->fill(g->arg, &g->piece, e)) < 0)
		return rc;
	g->z.next_in = g->piece.data;
	g->z.avail_in = (uInt)g->piece.len;
	g->flush = rc == HTTP_END ? Z_FINISH : rc == HTTP_WAIT ? Z_SYNC_FLUSH : Z_NO_FLUSH;
	g->pending = true;
	return 0;
}

static int gzip_fill(void *arg, struct buf *out, struct err *e)
{
	struct gzip *g = arg;

	for (;;) {
		int rc;

		if (!g->pending && (rc = refill(g, e)) < 0)
			return rc;
		if ((rc = squeeze(g, out, e)) < 0)
			return rc;
		if (rc == 0)
			return HTTP_MORE;
		g->pending = false;
		if (g->flush == Z_FINISH)
			return HTTP_END;
		if (g->flush == Z_SYNC_FLUSH)
			return HTTP_WAIT;
		if (out->len > 0)
			return HTTP_MORE;
	}
}

static void gzip_close(void *arg)
{
	struct gzip *g = arg;

	if (g->inner->close)
		g->inner->close(g->arg);
	deflateEnd(&g->z);
	buf_cleanup(&g->piece);
	free(g);
}

const struct http_source gzip_source = {.fill = gzip_fill, .close = gzip_close};

int gzip_bytes(const void *data, size_t n, struct buf *out, struct err *e)
{
	z_stream z = {0};
	uLong most;
	int rc;

	if (n > UINT32_MAX / 2)
		return err_set(e, E_LIMIT, "too long to be compressed at once");
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, E_NOMEM, "no memory for compression");
	most = deflateBound(&z, (uLong)n);
	if ((rc = buf_reserve(out, most, e)) == 0) {
		z.next_in = (Bytef *)(uintptr_t)data;
		z.avail_in = (uInt)n;
		z.next_out = out->data + out->len;
		z.avail_out = (uInt)most;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END)
			out->len += most - z.avail_out;
		else
			rc = err_set(e, E_BUG, "compression failed");
	}
	deflateEnd(&z);
	return rc;
}
