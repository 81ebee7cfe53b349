/* web/wado_metadata_settled.c - the document that was written when a series settled, as the answer. */
#include "archive/lookup.h"
#include "archive/settle.h"
#include "base/log.h"
#include "base/metrics.h"
#include "web/metadata.h"
#include "web/reply.h"
#include "web/wado_metadata.h"
#include <stdio.h>
#include <string.h>
#include <zstd.h>

static struct metric m_settled =
    METRIC(COUNTER, "teleread_http_metadata_total", "from=\"settled\"",
	   "Metadata of series answered from the document that was written when they settled");

struct unpacking {
	struct exchange *x;
	struct buf blob, copy; /* copy: all of it, while it is small enough to keep */
	ZSTD_DCtx *z;
	ZSTD_inBuffer in;
	bool keep, whole;
	char key[256], tag[LOOKUP_TAG];
};

/* ---- unpacked on the way */

static int unpack(struct unpacking *u, struct buf *out, struct err *e)
{
	size_t begin = out->len, left = 1;
	int rc;

	while (left > 0 && out->len - begin < HTTP_PIECE / 2) {
		size_t room = ZSTD_DStreamOutSize() < HTTP_PIECE / 2 ? ZSTD_DStreamOutSize() : HTTP_PIECE / 2;

		if ((rc = buf_reserve(out, room, e)) < 0)
			return rc;
		ZSTD_outBuffer to = {.dst = out->data + out->len, .size = room};
		left = ZSTD_decompressStream(u->z, &to, &u->in);
		if (ZSTD_isError(left) || (left > 0 && to.pos == 0 && u->in.pos == u->in.size))
			return err_set(e, E_CORRUPT, "the metadata of a settled series are damaged");
		out->len += to.pos;
	}
	return left > 0;
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct unpacking *u = arg;
	size_t begin = out->len;
	int rc = unpack(u, out, e);

	if (rc < 0)
		return rc;
	if (u->keep && buf_put(&u->copy, out->data + begin, out->len - begin, NULL) < 0) {
		u->keep = false;
		buf_cleanup(&u->copy);
	}
	u->whole = rc == 0;
	return rc > 0 ? HTTP_MORE : HTTP_END;
}

static void end(void *arg)
{
	struct unpacking *u = arg;

	if (u->keep && u->whole)
		metadata_keep_fresh(u->x, u->key, u->tag, &u->copy);
	ZSTD_freeDCtx(u->z);
	buf_cleanup(&u->blob);
	buf_cleanup(&u->copy);
	free(u);
}

static int reply_unpacked(struct unpacking *u, const char *type, struct err *e)
{
	static const struct http_source source = {.fill = fill, .close = end};

	if (!(u->z = ZSTD_createDCtx())) {
		end(u);
		return err_set(e, E_NOMEM, "no memory for an answer");
	}
	return reply_stream(u->x, 200, type, -1, &source, u, e);
}

/* ---- as it is */

static int fill_packed(void *arg, struct buf *out, struct err *e)
{
	struct unpacking *u = arg;
	size_t left = u->in.size - u->in.pos, n = left < HTTP_PIECE ? left : HTTP_PIECE;
	int rc = buf_put(out, (const uint8_t *)u->in.src + u->in.pos, n, e);

	u->in.pos += n;
	return rc < 0 ? rc : u->in.pos == u->in.size ? HTTP_END : HTTP_MORE;
}

static int reply_packed(struct unpacking *u, const char *type, struct err *e)
{
	static const struct http_source source = {.fill = fill_packed, .close = end};
	int rc = reply_prepare(u->x, type, e);

	if (rc == 0 && (http_add(u->x->http, "Vary", "Accept, Accept-Encoding") < 0 ||
			http_add(u->x->http, "Content-Encoding", "zstd") < 0))
		rc = err_set(e, E_NOMEM, "a header of the answer could not be set");
	if (rc < 0)
		end(u);
	else
		http_reply_stream(u->x->http, 200, (int64_t)u->in.size, &source, u);
	return rc;
}

/* ---- for the handler */

/* 1: it is there, in the form of today. What is wrong with it is no reason not to answer: the metadata are made anew. */
static int find(struct exchange *x, struct buf *blob)
{
	struct err why = {0};
	int rc = settle_extra(x->archive, x->scope, x->study, x->series, SETTLE_METADATA, blob, &why);

	if (rc < 0 && rc != -E_NOENT)
		log_warn("metadata of the settled series %s are made anew: %s", x->series, why.msg);
	return rc == 0 && metadata_current(blob->data, blob->len);
}

/* Who names it: a star is written by clients that are older than it. */
static bool takes_zstd(const struct exchange *x)
{
	const char *codings = http_header(x->http, "Accept-Encoding");

	return codings && strcasestr(codings, "zstd") && accept_coding(codings, "zstd");
}

int metadata_settled(struct exchange *x, const char *type, const char *key, const char *tag, struct err *e)
{
	struct unpacking *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return err_set(e, E_NOMEM, "no memory for an answer");
	u->x = x;
	u->blob = BUF(SETTLE_EXTRA_MOST);
	u->copy = BUF(METADATA_ONE);
	if (!find(x, &u->blob)) {
		end(u);
		return 0;
	}
	u->in.src = metadata_frame(u->blob.data, u->blob.len, &u->in.size);
	snprintf(u->key, sizeof(u->key), "%s", key);
	snprintf(u->tag, sizeof(u->tag), "%s", tag);
	exchange_audit(x, x->study, NULL, 0);
	metric_add(&m_settled, 1);
	if (takes_zstd(x)) {
		rc = reply_packed(u, type, e);
	} else {
		u->keep = true;
		rc = reply_unpacked(u, type, e);
	}
	return rc < 0 ? rc : 1;
}
