#include "base/log.h"
#include "net/http_private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HTTP_RAW_MOST (64u << 10)
#define HTTP_BLOCK (128u << 10) /* of a file, for one call to the socket; larger ones are fresh memory each time */

int http_add(struct http_request *r, const char *name, const char *value)
{
	struct http_field *f = &r->added[r->n_added];
	size_t n = strlen(name) + 1, v = strlen(value) + 1;

	if (strpbrk(value, "\r\n") || strpbrk(name, "\r\n: ") || !*name)
		return -E_INVAL;
	if (r->n_added == sizeof(r->added) / sizeof(*r->added) || !(f->value = malloc(n + v)))
		return -E_LIMIT;
	f->name = memcpy(f->value, name, n);
	f->value += n;
	memcpy(f->value, value, v);
	r->n_added++;
	return 0;
}

struct MHD_Response *http_reply_refusal(int status, const char *why)
{
	static const struct {
		const char *name, *value;
	} harmless[] = {
	    {"Content-Type", "text/plain"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Cache-Control", "no-store"},
	    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	};
	char text[200];
	int n = snprintf(text, sizeof(text), "%d %s\n", status, why);
	struct MHD_Response *m = MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);

	for (size_t i = 0; m && i < sizeof(harmless) / sizeof(*harmless); i++)
		MHD_add_response_header(m, harmless[i].name, harmless[i].value);
	return m;
}

/* An answer before the end of the body may have to be written past the library, which takes it then only behind the body. */
static void keep_raw(struct http_request *r, int status, const void *body, size_t n)
{
	const char *reason = MHD_get_reason_phrase_for((unsigned)status);
	bool whole = n <= HTTP_RAW_MOST;

	r->raw = BUF(HTTP_RAW_MOST * 2);
	if (buf_printf(&r->raw, NULL, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n", status,
		       reason ? reason : "", whole ? n : 0) < 0)
		return;
	for (unsigned i = 0; i < r->n_added; i++)
		buf_printf(&r->raw, NULL, "%s: %s\r\n", r->added[i].name, r->added[i].value);
	buf_str(&r->raw, "\r\n", NULL);
	if (whole)
		buf_put(&r->raw, body, n, NULL);
}

void http_reply_raw(struct http_request *r)
{
	const union MHD_ConnectionInfo *tls = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	ssize_t n;

	if (!r->reply || !r->raw.len)
		return;
	n = tls ? gnutls_record_send(tls->tls_session, r->raw.data, r->raw.len)
		: send(r->c->fd, r->raw.data, r->raw.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	r->queued = n > 0;
}

/* The answer is known; consumes m. Only the first one counts. on: the connection may go on with it now. */
static void answer(struct http_request *r, int status, struct MHD_Response *m, int64_t n, bool on)
{
	bool early;

	if (!m) {
		log_error("http: no memory for an answer");
		pthread_mutex_lock(&r->c->lock);
		r->gone = true;
		http_resume(r);
		pthread_mutex_unlock(&r->c->lock);
		return;
	}
	for (unsigned i = 0; i < r->n_added; i++)
		if (MHD_add_response_header(m, r->added[i].name, r->added[i].value) != MHD_YES)
			log_error("http: the header %s of an answer is left out", r->added[i].name);
	pthread_mutex_lock(&r->c->lock);
	early = r->receiving && !r->body_ended;
	if (early || r->c->h->stopping)
		MHD_add_response_header(m, "Connection", "close");
	if (early)
		r->sink_over = true;
	r->status = status;
	r->promised = n;
	r->reply = m;
	if (on)
		http_resume(r);
	pthread_mutex_unlock(&r->c->lock);
}

static bool answered(struct http_request *r)
{
	bool yes;

	pthread_mutex_lock(&r->c->lock);
	yes = r->reply != NULL;
	pthread_mutex_unlock(&r->c->lock);
	if (yes)
		log_error("http: a second answer to a request is dropped");
	return yes;
}

static bool is_early(struct http_request *r)
{
	bool yes;

	pthread_mutex_lock(&r->c->lock);
	yes = r->receiving && !r->body_ended;
	pthread_mutex_unlock(&r->c->lock);
	return yes;
}

void http_reply(struct http_request *r, int status, const void *body, size_t n)
{
	if (answered(r))
		return;
	if (is_early(r))
		keep_raw(r, status, body, n);
	answer(r, status,
	       MHD_create_response_from_buffer(n, n ? (void *)(uintptr_t)body : (void *)(uintptr_t) "",
					       MHD_RESPMEM_MUST_COPY),
	       (int64_t)n, true);
}

void http_reply_text(struct http_request *r, int status, const char *text)
{
	http_add(r, "Content-Type", "text/plain");
	http_reply(r, status, text, strlen(text));
}

/* ---- answers that come in pieces: http_reply_reader() on the connection's thread takes, http_reply_fill() on a worker
 * fills. fill says whose turn it is. */

static struct MHD_Response *stream_response(struct http_request *r, int64_t length, bool head)
{
	uint64_t size = length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length;
	struct MHD_Response *m = MHD_create_response_from_callback(size, HTTP_WHOLE, http_reply_reader, r, NULL);

	/* The library ends the chunks of an answer to HEAD, which has none: the client would take that for the next answer. */
	if (m && head && length < 0)
		MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return m;
}

void http_reply_stream(struct http_request *r, int status, int64_t length, const struct http_source *source, void *arg)
{
	bool head = strcmp(r->method, "HEAD") == 0;

	if (answered(r)) {
		if (source->close)
			source->close(arg);
		return;
	}
	if (is_early(r))
		keep_raw(r, status, "", 0);
	r->source = *source;
	r->source_arg = arg;
	r->sourced = true;
	r->piece = BUF(HTTP_PIECE + (64u << 10));
	r->fill = head ? FILL_ENDED : FILL_UNDER_WAY;
	answer(r, status, stream_response(r, length, head), length, head);
	if (head)
		return;
	pthread_mutex_lock(&r->c->lock);
	http_post(r, TODO_FILL);
	pthread_mutex_unlock(&r->c->lock);
}

void http_wake(struct http_request *r)
{
	pthread_mutex_lock(&r->c->lock);
	if (r->fill == FILL_WAITING) {
		r->fill = FILL_UNDER_WAY;
		http_post(r, TODO_FILL);
	} else {
		r->woken = true;
	}
	pthread_mutex_unlock(&r->c->lock);
}

/* What the source said. Holds the lock. */
static void filled(struct http_request *r, int rc, const struct err *e)
{
	r->piece_at = 0;
	if (rc < 0) {
		log_warn("http: an answer to %s is cut off: %s", r->c->address, e->msg);
		r->fill = FILL_FAILED;
	} else if (rc == HTTP_END) {
		r->fill = FILL_ENDED;
	} else if (r->piece.len) {
		r->fill = FILL_READY;
	} else if (rc == HTTP_WAIT && !r->woken) {
		r->fill = FILL_WAITING;
	} else {
		http_post(r, TODO_FILL);
	}
}

/* Of a range, what the page cache did not have at once. */
static int fill_range(struct http_request *r, struct err *e)
{
	const struct http_range *g = &r->range;
	uint64_t at = r->range_at, n = g->n - at;
	ssize_t got;

	if (n > HTTP_PIECE)
		n = HTTP_PIECE;
	if (buf_reserve(&r->piece, n, e) < 0)
		return -E_NOMEM;
	do
		got = pread(g->fd, r->piece.data, n, (off_t)(g->at + at));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, E_IO, "reading what is to be sent");
	if (got == 0)
		return err_set(e, E_CORRUPT, "the file ends before what is to be sent of it");
	r->piece.len = (size_t)got;
	return HTTP_MORE;
}

void http_reply_fill(struct http_request *r)
{
	struct err e = {0};
	int rc;

	pthread_mutex_lock(&r->c->lock);
	r->woken = false;
	pthread_mutex_unlock(&r->c->lock);
	buf_clear(&r->piece);
	rc = r->ranged ? fill_range(r, &e) : r->source.fill(r->source_arg, &r->piece, &e);
	pthread_mutex_lock(&r->c->lock);
	filled(r, rc, &e);
	http_resume(r);
	pthread_mutex_unlock(&r->c->lock);
}

/* There is nothing at hand: asks for it, unless that was done, and waits. 0: it has come meanwhile; 1: suspended; else the
 * answer is over. */
static ssize_t await_fill(struct http_request *r)
{
	ssize_t rc = 0;

	pthread_mutex_lock(&r->c->lock);
	if (r->fill == FILL_NEED || (r->fill == FILL_READY && r->piece_at == r->piece.len)) {
		r->fill = FILL_UNDER_WAY;
		http_post(r, TODO_FILL);
	}
	if (r->gone || r->c->h->cutting || r->fill == FILL_FAILED) {
		rc = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (r->fill == FILL_UNDER_WAY || r->fill == FILL_WAITING) {
		r->suspended = true;
		MHD_suspend_connection(r->mhd);
		rc = 1;
	}
	pthread_mutex_unlock(&r->c->lock);
	return rc;
}

/* From the piece that the worker left, if it is there: 0 when not. */
static ssize_t take(struct http_request *r, char *out, size_t room)
{
	enum http_fill fill;
	size_t n;

	pthread_mutex_lock(&r->c->lock);
	fill = r->fill;
	pthread_mutex_unlock(&r->c->lock);
	if (fill != FILL_READY && fill != FILL_ENDED)
		return 0;
	n = r->piece.len - r->piece_at;
	if (n > room)
		n = room;
	if (n)
		memcpy(out, r->piece.data + r->piece_at, n);
	r->piece_at += n;
	r->out += n;
	if (n == 0 && fill == FILL_ENDED) {
		if (r->promised >= 0 && r->out < (uint64_t)r->promised) {
			log_error("http: an answer ends after %llu of %lld bytes", (unsigned long long)r->out,
				  (long long)r->promised);
			return MHD_CONTENT_READER_END_WITH_ERROR;
		}
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	return (ssize_t)n;
}

ssize_t http_reply_reader(void *arg, uint64_t at, char *out, size_t room)
{
	struct http_request *r = arg;
	ssize_t n;

	(void)at;
	while ((n = take(r, out, room)) == 0)
		if ((n = await_fill(r)) != 0)
			return n > 0 ? 0 : n;
	return n;
}

/* ---- a range of a file */

/* Bytes of the file that are in the page cache. Fewer than n: the rest is not, or the file system does not tell. */
static size_t read_some(const struct http_range *g, uint64_t from, void *out, size_t n)
{
	struct iovec to = {.iov_base = out, .iov_len = n};
	ssize_t got = preadv2(g->fd, &to, 1, (off_t)(g->at + from), RWF_NOWAIT);

	return got > 0 ? (size_t)got : 0;
}

/* The whole of a small answer in memory, so that it leaves with its headers; NULL when not all is at hand. */
static struct MHD_Response *whole(const struct http_range *g, size_t total)
{
	char *all = malloc(total + 1);
	struct MHD_Response *m;

	if (!all)
		return NULL;
	if (read_some(g, 0, all + g->head_n, g->n) < g->n) {
		free(all);
		return NULL;
	}
	if (g->head_n)
		memcpy(all, g->head, g->head_n);
	if (g->tail_n)
		memcpy(all + g->head_n + g->n, g->tail, g->tail_n);
	if (!(m = MHD_create_response_from_buffer(total, all, MHD_RESPMEM_MUST_FREE)))
		free(all);
	return m;
}

static ssize_t from_memory(const void *data, size_t n, uint64_t at, char *out, size_t room)
{
	size_t some = n - at < room ? n - at : room;

	memcpy(out, (const char *)data + at, some);
	return (ssize_t)some;
}

/* The page cache is read here, the disk by a worker. */
static ssize_t from_file(struct http_request *r, uint64_t at, char *out, size_t room)
{
	size_t n = r->range.n - at < room ? r->range.n - at : room, got;
	bool idle;

	pthread_mutex_lock(&r->c->lock);
	if (r->fill == FILL_READY && r->piece_at == r->piece.len)
		r->fill = FILL_NEED;
	idle = r->fill == FILL_NEED;
	if (idle)
		r->range_at = at;
	pthread_mutex_unlock(&r->c->lock);
	if (!idle || (got = read_some(&r->range, at, out, n)) == 0)
		return http_reply_reader(r, at, out, n);
	r->out += got;
	return (ssize_t)got;
}

/* What follows and is at hand, so that texts and file leave with one call: the rest of out. */
static size_t from_next(struct http_request *r, uint64_t at, char *out, size_t room)
{
	const struct http_range *g = &r->range;
	size_t n;

	if (at < g->head_n || at > g->head_n + g->n || room == 0)
		return 0;
	at -= g->head_n;
	if (at == g->n)
		return g->tail_n ? (size_t)from_memory(g->tail, g->tail_n, 0, out, room) : 0;
	n = g->n - at < room ? g->n - at : room;
	n = read_some(g, at, out, n);
	r->out += n;
	return n;
}

static ssize_t range_reader(void *arg, uint64_t at, char *out, size_t room)
{
	struct http_request *r = arg;
	const struct http_range *g = &r->range;
	bool file = at >= g->head_n && at < g->head_n + g->n;
	ssize_t n;

	if (at < g->head_n)
		n = from_memory(g->head, g->head_n, at, out, room);
	else if (file)
		n = from_file(r, at - g->head_n, out, room);
	else
		return from_memory(g->tail, g->tail_n, at - g->head_n - g->n, out, room);
	for (size_t more = 1; n > 0 && more; n += (ssize_t)more)
		more = from_next(r, at + (uint64_t)n, out + n, room - (size_t)n);
	return n;
}

/* fd and the texts around it are needed until the end. */
static bool keep_range(struct http_request *r, const struct http_range *g)
{
	char *texts = malloc(g->head_n + g->tail_n + 1);

	r->range = *g;
	r->range.fd = fcntl(g->fd, F_DUPFD_CLOEXEC, 0);
	r->texts = texts;
	if (!texts || r->range.fd < 0)
		return false;
	r->range.head = texts;
	r->range.tail = texts + g->head_n;
	if (g->head_n)
		memcpy(texts, g->head, g->head_n);
	if (g->tail_n)
		memcpy(texts + g->head_n, g->tail, g->tail_n);
	r->ranged = true;
	r->piece = BUF(HTTP_PIECE);
	return true;
}

void http_reply_range(struct http_request *r, int status, const struct http_range *range)
{
	uint64_t total = range->head_n + range->n + range->tail_n;
	struct MHD_Response *m = NULL;

	if (answered(r))
		return;
	if (is_early(r))
		keep_raw(r, status, "", 0);
	if (total <= HTTP_WHOLE && strcmp(r->method, "HEAD") != 0)
		m = whole(range, total);
	if (!m && keep_range(r, range))
		m = MHD_create_response_from_callback(total, total < HTTP_BLOCK ? total : HTTP_BLOCK, range_reader, r,
						      NULL);
	answer(r, status, m, (int64_t)total, true);
}
