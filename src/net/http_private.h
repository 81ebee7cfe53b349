/* net/http_private.h - what the files of the HTTP listener share. Included by http*.c only.
 *
 * The library behind (libmicrohttpd, poll mode, a pool of threads) reads heads, frames bodies and writes answers, on the
 * connections' threads. All that may wait runs on workers. An exchange is suspended in the library while a worker
 * has something to do for it. What is known of how the library behaves, and relied on here, of 0.9.75:
 *   - An answer queued in the first call of the handler closes the connection behind it; a request without a body gets a
 *     second call, in which an answer does not. One queued between pieces of a body is refused.
 *   - Suspending in the first call leads to the same call again after the resumption, and no 100 Continue before.
 *   - A connection that is resumed before it was seen suspended stays suspended when it is suspended again.
 *   - Stopping aborts the program while a connection is suspended.
 *   - The pool of a connection is filled with zeros after each exchange, so an idle connection owns all of it.
 * Locks: shard, then connection, then queue. A connection's lock guards its exchanges, too. */
#ifndef NET_HTTP_PRIVATE_H
#define NET_HTTP_PRIVATE_H

#include "net/http.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_STACK (512u << 10)
#define HTTP_SHARDS 16u
#define HTTP_FIELDS 100u            /* most header lines of a request */
#define HTTP_SLOW_PIECE (16u << 10) /* of a slow uploader: so much is handed on after HTTP_SLOW_US */
#define HTTP_SLOW_US 100000
#define HTTP_PACE 4096u          /* bytes that a body must move within idle_ms */
#define HTTP_DISCARD (16u << 20) /* of a body that was answered early: read this far before the answer is forced out */
#define HTTP_SPARES 32u
#define HTTP_WHOLE (64u << 10) /* an answer of up to this goes out with its headers, from memory */

struct http_conn {
	struct http *h;
	struct http_conn *next, **at; /* in its shard */
	struct http_request *now;     /* lock; the exchange that the library works on */
	pthread_mutex_t lock;
	atomic_uint refs; /* the library's, and one of each exchange */
	int fd;           /* valid while in the shard */
	char address[INET6_ADDRSTRLEN];
	/* TLS, set with the first request */
	bool looked, forged; /* forged: a certificate was shown that is not of client_ca */
	char fingerprint[65], *subject;
	/* of http_watch.c; lock */
	int64_t idle_us, head_us, pace_us, gone_us;
	uint64_t mark;
	bool fresh;
	bool linger; /* when it is closed, the client may still be sending; the connection's thread alone */
};

struct http_field {
	const char *name;
	char *value;
};

enum http_todo { TODO_WORK = 1, TODO_DIGEST = 2, TODO_FILL = 4, TODO_OVER = 8 };
enum http_fill { FILL_NEED, FILL_UNDER_WAY, FILL_WAITING, FILL_READY, FILL_ENDED, FILL_FAILED };

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of who may touch what */
struct http_request {
	struct http_conn *c;
	struct MHD_Connection *mhd; /* not to be touched once over */
	void *context;
	int64_t begun_us;

	/* the head; written on the connection's thread before begin() */
	char *uri, *query;  /* as sent; query: within uri */
	const char *uri_at; /* where the library had it: for http_head.c alone */
	const char *path, *method;
	char *block; /* that the fields lie in */
	struct http_field *fields;
	size_t n_fields;
	int64_t length;
	bool one_zero; /* HTTP/1.0 */
	enum http_share share;

	/* the connection's thread alone */
	bool seen, begun;
	uint64_t discarded;
	int64_t ripe_us; /* when up began to fill */

	/* the connection's lock */
	struct http_request *next_job;
	uint64_t turn; /* of the queue; its lock */
	unsigned todo;
	bool active;    /* in the queue, or a worker is at it */
	bool posted;    /* was so ever */
	bool suspended; /* in the library */
	bool gone;      /* to be closed as soon as the library asks */
	bool over;      /* the library has done with it */
	bool receiving, reading, body_ended, sink_over, eating;
	struct http_sink sink;
	void *sink_arg;
	struct buf up; /* fills on the connection's thread */
	struct MHD_Response *reply;
	bool queued;
	enum http_fill fill;
	bool woken;
	uint64_t in, out;
	struct http_outcome outcome;

	/* whoever works */
	struct buf eat;   /* the piece that the sink has */
	struct buf piece; /* that the source filled; the connection's thread while FILL_READY or FILL_ENDED */
	size_t piece_at;
	struct http_source source;
	void *source_arg;
	bool sourced;
	int64_t promised; /* bytes of the answer, -1: not known */
	struct http_range range;
	uint64_t range_at; /* where the next filling begins */
	bool ranged;
	char *texts;    /* around the range */
	struct buf raw; /* an early answer, as it goes over the wire */
	struct http_field added[24];
	unsigned n_added;
	int status;
};

struct http {
	struct http_options o;
	struct MHD_Daemon *daemon;
	int listener;
	uint16_t port;
	size_t pool;
	char *certificate, *key, *client_ca;
	atomic_bool stopping, cutting;
	atomic_uint connections, exchanges;
	struct http_shard {
		pthread_mutex_t lock;
		struct http_conn *first;
	} shards[HTTP_SHARDS];

	struct buf spare[HTTP_SPARES]; /* lock */
	unsigned n_spares;
	pthread_mutex_t lock; /* queue, lingering, spares */
	pthread_cond_t work, none;
	struct http_line {
		struct http_request *first, **last;
		unsigned busy, most; /* workers that are at one of it */
	} lines[HTTP_SHARES];
	uint64_t turns;
	bool ending;
	unsigned n_workers;
	pthread_t *workers, watch;
	bool watched;
	int wake[2];
	struct http_linger *lingering;
	unsigned n_lingering;
	atomic_bool watch_ends;
};

/* http_exchange.c: what the library calls */
void *http_on_uri(void *arg, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_call(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
			     const char *version, const char *data, size_t *size, void **context);
void http_on_over(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why);
void http_resume(struct http_request *r); /* if it is suspended; holds the lock */
void http_finish(struct http_request *r); /* tells all who wait, and frees */
void http_forgotten(struct http_conn *c);
void http_count(int status); /* an answer, in the metrics */

/* http_conn.c */
void http_on_connection(void *arg, struct MHD_Connection *mhd, void **context,
			enum MHD_ConnectionNotificationCode code);
enum MHD_Result http_on_accept(void *arg, const struct sockaddr *from, socklen_t n);
void http_conn_unref(struct http_conn *c);
void http_conn_certificate(struct http_conn *c, struct MHD_Connection *mhd);
void http_conn_cut(struct http_conn *c); /* holds the lock; the library sees it closed */

/* http_head.c: reads the head that the library has parsed, strictly, and copies it. 0, or the status to refuse it with. */
int http_head_take(struct http_request *r, const char *method, const char *version, const char **why);

/* http_body.c */
/* A buffer for much of a body, or of an answer; pages that were touched once are kept for the next (HTTP_SPARES). */
void http_buffer_take(struct http *h, struct buf *out);
void http_buffer_give(struct http *h, struct buf *b);
enum MHD_Result http_body_take(struct http_request *r, const char *data, size_t n);
void http_body_digest(struct http_request *r);

/* http_reply.c */
struct MHD_Response *http_reply_refusal(int status, const char *why);
void http_reply_fill(struct http_request *r);
void http_reply_text(struct http_request *r, int status, const char *text);
void http_reply_raw(struct http_request *r);
ssize_t http_reply_reader(void *arg, uint64_t at, char *out, size_t room);

/* http_workers.c */
int http_workers_start(struct http *h, struct err *e);
void http_workers_stop(struct http *h);
void http_post(struct http_request *r, unsigned todo); /* holds the lock of its connection */

/* http_watch.c: clients that left, hang or trickle; connections that are to be closed so that the answer arrives */
int http_watch_start(struct http *h, struct err *e);
void http_watch_stop(struct http *h);
void http_linger(struct http *h, int fd);

#endif
