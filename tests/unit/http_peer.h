/* tests/unit/http_peer.h - a listener in the test's own process with paths that do one thing each, and a client of raw
 * sockets. What a path does is told beside its name in http_peer.c. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include "net/http.h"
#include <gnutls/gnutls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

struct app {
	struct http_options o; /* filled in by app_options(), changed by tests, used by app_start() */
	struct http *h;
	int file; /* FILE_BYTES of it: byte i is file_byte(i) */
	atomic_int begun, worked, done, whole, closed, ended, broken, pieces; /* calls, and how they came out */
	atomic_int saw_gone;                    /* work() was told that the client had left */
	atomic_int last;                        /* status of the last outcome */
	atomic_long received;                   /* by sinks */
	atomic_bool hold;                       /* /hold and sinks of /slow-sink wait while it is set */
	_Atomic(struct http_request *) waiting; /* of /events */
	atomic_int events;
};
#define FILE_BYTES 3000000u
static inline uint8_t file_byte(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 253);
}

void app_options(struct app *a); /* plain, loopback, 4 workers, times long enough not to matter */
void app_start(struct app *a);
void app_stop(struct app *a);
bool wait_for(const atomic_int *n, int least); /* at most 20 s */

/* ---- the client */
struct peer {
	int fd;
	gnutls_session_t tls; /* NULL: plain */
	uint8_t have[65536];
	size_t n, at;
	bool closed;
};
struct answer {
	int status; /* 0: closed without one */
	char head[4096];
	uint8_t *body; /* caller frees, by answer_free() */
	size_t n;
	bool cut;    /* it ended before its end */
	bool closes; /* Connection: close */
};
struct peer *dial(uint16_t port);
void hang_up(struct peer *p);
void say_n(struct peer *p, const void *data, size_t n); /* a closed connection is no failure */
void say(struct peer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void hear(struct peer *p, struct answer *a, bool head_only);
void answer_free(struct answer *a);
size_t hear_some(struct peer *p, void *out, size_t room);        /* 0: closed */
int closed_within(struct peer *p, int ms);                       /* milliseconds until it was closed; -1: it was not */
int ask(struct app *a, const char *request, struct answer *out); /* on a connection of its own; status */

#endif
