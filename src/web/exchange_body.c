#include "web/exchange_own.h"
#include "web/reply.h"

/* ---- any body, counted */

static int counted_piece(void *arg, const uint8_t *data, size_t n)
{
	struct own *o = arg;
	int64_t most = o->x.config->http_max_body;
	struct err e = {0};

	o->received += n;
	if (most == 0 || o->received <= (uint64_t)most)
		return o->sink.piece(o->sink_arg, data, n);
	o->sink.end(o->sink_arg, false);
	o->x.status = 413;
	err_set(&e, E_LIMIT, "the body has more than %lld bytes, which is http.max_body", (long long)most);
	reply_error(&o->x, &e);
	return -E_LIMIT;
}

static void counted_end(void *arg, bool complete)
{
	struct own *o = arg;

	o->sink.end(o->sink_arg, complete);
}

void exchange_receive(struct exchange *x, const struct http_sink *sink, void *arg)
{
	static const struct http_sink counted = {.piece = counted_piece, .end = counted_end};
	struct own *o = own_of(x);

	o->sink = *sink;
	o->sink_arg = arg;
	http_receive(x->http, &counted, o);
}

/* ---- a small one as a whole */

struct whole {
	struct exchange *x;
	struct buf body;
	int (*then)(struct exchange *x, const struct buf *body, struct err *e);
};

static void whole_free(void *p)
{
	struct whole *w = p;

	buf_cleanup(&w->body);
	free(w);
}

static int whole_piece(void *arg, const uint8_t *data, size_t n)
{
	struct whole *w = arg;
	struct err e = {0};
	int rc = buf_put(&w->body, data, n, &e);

	if (rc == 0)
		return 0;
	w->x->status = rc == -E_LIMIT ? 413 : 503;
	if (rc == -E_LIMIT) {
		e = (struct err){0};
		err_set(&e, E_LIMIT, "the body is longer than %zu bytes", w->body.cap);
	}
	reply_error(w->x, &e);
	return rc;
}

static void whole_end(void *arg, bool complete)
{
	struct whole *w = arg;
	struct err e = {0};

	if (complete && w->then(w->x, &w->body, &e) < 0)
		reply_error(w->x, &e);
}

int exchange_body(struct exchange *x, size_t most,
		  int (*then)(struct exchange *x, const struct buf *body, struct err *e), struct err *e)
{
	static const struct http_sink sink = {.piece = whole_piece, .end = whole_end};
	struct whole *w;
	int rc;

	if (http_length(x->http) > (int64_t)most) {
		x->status = 413;
		return err_set(e, E_LIMIT, "the body is longer than %zu bytes", most);
	}
	if (!(w = calloc(1, sizeof *w)))
		return err_set(e, E_NOMEM, "no memory for a request");
	*w = (struct whole){.x = x, .body = BUF(most), .then = then};
	if ((rc = exchange_keep(x, w, whole_free, e)) < 0)
		return rc;
	exchange_receive(x, &sink, w);
	return 0;
}
