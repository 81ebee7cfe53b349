/* net/http.h - an HTTP/1.1 listener: requests in, answers out, both as streams. The library behind it stays behind it.
 *
 * One exchange goes so:
 *   1. begin() on the connection's thread, when the head is complete. It must not block: no index, no disk, short locks
 *      only. It answers at once (http_reply...), or returns HTTP_WORK.
 *   2. work() on a worker thread. It may wait for disk and index, never for the client. It answers, or asks for the body
 *      with http_receive(): then pieces come on worker threads, one at a time, and the sink's end() answers. An answer
 *      before the body was read to its end closes the connection behind it.
 *   3. The answer's body is bytes, a range of a file, or a source that is asked for more when the client has taken what
 *      was there.
 *   4. done() once, on any thread, when all of it is over, however it ended. It must not block where begin() answered.
 *      work() is left out when the client has gone before it.
 * A protocol to upgrade to (WebSocket) would be a third answer beside HTTP_ANSWERED and HTTP_WORK: nobody needs one yet.
 * While there is nothing to do for a client its connection is suspended: a slow reader or a slow uploader costs a few
 * pages of memory, and no thread.
 * Errors:   requests that are no HTTP/1.1, heads over head_most, both kinds of length, a chunk that lies: answered with
 *           400, 413, 414 or 431 where that is still possible, and the connection is closed. begin() never sees them.
 * Threads:  all functions on one exchange belong to whoever was called for it last; http_wake() may be called by any
 *           until close() of the source was called.
 * Source:   RFC 9110, RFC 9112.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buf.h"
#include <stdbool.h>

struct http;
struct http_request;
enum http_next { HTTP_ANSWERED, HTTP_WORK };
struct http_outcome {
	int status;       /* that was answered; 0: none */
	uint64_t in, out; /* bytes of the bodies */
	bool complete;    /* the whole answer was taken */
	int64_t us;       /* from the head to the end */
};
struct http_options {
	const char *listen;       /* numeric address */
	uint16_t port;            /* 0: a free one */
	unsigned threads;         /* that connections are served on; 0: one for each core, at least 4 */
	unsigned workers;         /* that work() and sinks and sources run on; 0: 32 */
	unsigned max_connections; /* in all; one more is closed at once */
	unsigned max_each;        /* of one address; 0: no limit */
	size_t head_most; /* request line and headers; a connection takes this and 6 KB of memory, idle ones too */
	uint32_t head_ms; /* a head that has begun must be complete within this */
	uint32_t idle_ms; /* without a request; a body must move some KB within this, while we wait for it */
	const char *certificate, *key; /* PEM files: TLS; NULL: plain */
	const char *client_ca; /* PEM file: client certificates are asked for, and verified where one is shown */
	enum http_next (*begin)(void *arg, struct http_request *r);
	void (*work)(void *arg, struct http_request *r);
	void (*done)(void *arg, struct http_request *r, const struct http_outcome *o);
	void *arg;
};
int http_start(const struct http_options *o, struct http **out, struct err *e);
int http_check(const struct http_options *o, struct err *e); /* what http_start() would say of the PEM files */
uint16_t http_port(const struct http *h);
void http_stop(struct http *h, uint32_t grace_ms); /* takes nothing new; lets exchanges end for so long; frees */

/* ---- the request; strings live until done() */
const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r);  /* as sent: percent-encoded, without the query */
const char *http_query(const struct http_request *r); /* as sent, behind the first ?; "" without */
const char *http_header(const struct http_request *r,
			const char *name);              /* any case; several joined by ", "; NULL: none */
const char *http_address(const struct http_request *r); /* of the other end: numeric */
bool http_secure(const struct http_request *r);         /* came over TLS */
/* SHA-256 of the certificate that the client proved, 64 hexadecimal digits; "" for none. subject: its name, RFC 4514. */
const char *http_certificate(const struct http_request *r, const char **subject);
int64_t http_length(const struct http_request *r); /* of the body: Content-Length; 0 none; -1 chunked */
void *http_context(const struct http_request *r);  /* the caller's own; NULL at first */
void http_set_context(struct http_request *r, void *context);
/* Of how many workers an exchange may keep one busy: what waits long (for a disk, for a turn to decode) gets a share of them
 * only, so that many such exchanges never stop the others. What finds its share taken waits without a thread. */
enum http_share { HTTP_SHARE_ALL, HTTP_SHARE_HALF, HTTP_SHARE_THIRD, HTTP_SHARES };
void http_set_share(struct http_request *r, enum http_share share); /* in begin() only */
bool http_gone(
    const struct http_request *r); /* the client has left, as far as is known: long work may stop. Any thread */

/* ---- its body */
struct http_sink {
	/* Negative: the sink has answered and wants no more. */
	int (*piece)(void *arg, const uint8_t *data, size_t n);
	/* Once, unless piece() was negative. complete false: the client has gone, or lied about the length; no answer needed. */
	void (*end)(void *arg, bool complete);
};
void http_receive(struct http_request *r, const struct http_sink *sink, void *arg);

/* ---- the answer: headers first, then one reply */
int http_add(struct http_request *r, const char *name, const char *value); /* -E_INVAL for line ends and NUL in it */
void http_reply(struct http_request *r, int status, const void *body, size_t n); /* copied */
/* head (copied), then n bytes of fd from at, then tail (copied). fd is duplicated. */
struct http_range {
	const void *head, *tail;
	size_t head_n, tail_n;
	int fd;
	uint64_t at, n;
};
void http_reply_range(struct http_request *r, int status, const struct http_range *range);
enum { HTTP_END = 0, HTTP_MORE = 1, HTTP_WAIT = 2 };
#define HTTP_PIECE (256u << 10)
struct http_source {
	/* Appends the next piece to out (its cap is a little above HTTP_PIECE; about that much is best), on a worker thread.
	 * HTTP_WAIT: nothing now, call again after http_wake(). Negative: the answer is cut off, so that the client sees that
	 * it is not whole (but one of HTTP/1.0, when length is -1); the reason is logged. */
	int (*fill)(void *arg, struct buf *out, struct err *e);
	void (*close)(void *arg); /* once, when the client has all of it or has gone; may be NULL */
};
/* length -1: not known beforehand (chunked). Of a HEAD request only the headers go out; the source is closed unused. */
void http_reply_stream(struct http_request *r, int status, int64_t length, const struct http_source *source, void *arg);
void http_wake(struct http_request *r);
#endif
