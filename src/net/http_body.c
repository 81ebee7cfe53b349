#include "base/clock.h"
#include "net/http_private.h"

/* A body on its way to the sink. up fills on the connection's thread; when it is ripe it is exchanged for eat, the empty
 * one, which a worker gives to the sink. Both full: the connection is suspended until the next exchange. */

static size_t buffer_most(const struct http *h)
{
	return HTTP_PIECE + 2 * h->pool;
}

void http_buffer_take(struct http *h, struct buf *out)
{
	*out = BUF(buffer_most(h));
	pthread_mutex_lock(&h->lock);
	if (h->n_spares)
		*out = h->spare[--h->n_spares];
	pthread_mutex_unlock(&h->lock);
}

void http_buffer_give(struct http *h, struct buf *b)
{
	bool keep = b->data && b->room > b->cap; /* grown to its end */

	buf_clear(b);
	pthread_mutex_lock(&h->lock);
	keep = keep && b->cap == buffer_most(h) && h->n_spares < HTTP_SPARES;
	if (keep)
		h->spare[h->n_spares++] = *b;
	pthread_mutex_unlock(&h->lock);
	if (keep)
		*b = (struct buf){0};
	else
		buf_cleanup(b);
}

/* Whether the sink should have what is there: a large piece, or a small one of a slow client. Holds the lock. */
static bool ripe(const struct http_request *r)
{
	return r->up.len >= HTTP_PIECE || (r->up.len >= HTTP_SLOW_PIECE && clock_mono_us() - r->ripe_us > HTTP_SLOW_US);
}

/* Holds the lock; eat is empty. */
static void hand_over(struct http_request *r)
{
	struct buf full = r->up;

	r->up = r->eat;
	r->eat = full;
	r->eating = true;
	http_post(r, TODO_DIGEST);
}

/* Bytes behind an early answer. There is no queueing it before the body's end, so the rest of a body is read and dropped;
 * of a long one the answer is forced out instead, and the connection ends. */
static enum MHD_Result drop(struct http_request *r, size_t n)
{
	r->discarded += n;
	if (r->discarded <= HTTP_DISCARD)
		return MHD_YES;
	http_reply_raw(r);
	return MHD_NO;
}

/* The library takes a line feed alone for the end of a chunk's first line, and another reader may not. That line stands before
 * data that came together with it; what stands before other data is the NULs of the head. */
static bool bare_line_feed(const struct http_request *r, const char *data)
{
	return r->length < 0 && data[-1] == '\n' && data[-2] != '\r';
}

enum MHD_Result http_body_take(struct http_request *r, const char *data, size_t n)
{
	enum MHD_Result rc = MHD_YES;
	bool over;

	pthread_mutex_lock(&r->c->lock);
	r->in += n;
	over = r->sink_over;
	if (r->gone || bare_line_feed(r, data)) {
		rc = MHD_NO;
	} else if (!over) {
		if (r->up.len == 0)
			r->ripe_us = clock_mono_us();
		if (buf_put(&r->up, data, n, NULL) < 0)
			rc = MHD_NO;
		else if (!r->eating && ripe(r))
			hand_over(r);
		if (rc == MHD_YES && r->up.len >= HTTP_PIECE && !r->suspended && !r->c->h->cutting) {
			r->suspended = true;
			MHD_suspend_connection(r->mhd);
		}
	}
	pthread_mutex_unlock(&r->c->lock);
	return over && rc == MHD_YES ? drop(r, n) : rc;
}

/* Holds the lock; returns without it. */
static void end_body(struct http_request *r)
{
	bool answered;

	r->sink_over = true;
	pthread_mutex_unlock(&r->c->lock);
	r->sink.end(r->sink_arg, true);
	pthread_mutex_lock(&r->c->lock);
	answered = r->reply != NULL;
	pthread_mutex_unlock(&r->c->lock);
	if (!answered)
		http_reply_text(r, 500, "no answer was made\n");
}

/* Behind a piece: what is next. Holds the lock. */
static void go_on(struct http_request *r)
{
	buf_clear(&r->eat);
	r->eating = false;
	if (r->up.len >= HTTP_PIECE || (r->body_ended && r->up.len))
		hand_over(r);
	else if (r->body_ended)
		http_post(r, TODO_DIGEST);
	if (!r->body_ended)
		http_resume(r);
}

void http_body_digest(struct http_request *r)
{
	bool answered;
	int rc;

	pthread_mutex_lock(&r->c->lock);
	if (!r->eating && !r->sink_over && r->body_ended && r->up.len)
		hand_over(r);
	if (r->sink_over || !r->eating) {
		if (!r->sink_over && r->body_ended)
			end_body(r);
		else
			pthread_mutex_unlock(&r->c->lock);
		return;
	}
	r->todo &= ~(unsigned)TODO_DIGEST;
	pthread_mutex_unlock(&r->c->lock);

	rc = r->sink.piece(r->sink_arg, r->eat.data, r->eat.len);

	pthread_mutex_lock(&r->c->lock);
	answered = r->reply != NULL;
	if (rc < 0) {
		r->sink_over = true;
		http_resume(r);
	} else {
		go_on(r);
	}
	pthread_mutex_unlock(&r->c->lock);
	if (rc < 0 && !answered)
		http_reply_text(r, 500, "no answer was made\n");
}

void http_receive(struct http_request *r, const struct http_sink *sink, void *arg)
{
	size_t most = buffer_most(r->c->h);

	pthread_mutex_lock(&r->c->lock);
	r->sink = *sink;
	r->sink_arg = arg;
	r->receiving = true;
	if (r->length >= 0 && (size_t)r->length <= most / 2) { /* a small body takes what it needs */
		r->up = r->eat = BUF(most);
	} else {
		http_buffer_take(r->c->h, &r->up);
		http_buffer_take(r->c->h, &r->eat);
	}
	if (r->length == 0) {
		r->body_ended = true;
		http_post(r, TODO_DIGEST);
	} else {
		http_resume(r);
	}
	pthread_mutex_unlock(&r->c->lock);
}
