#include "base/clock.h"
#include "base/log.h"
#include "net/http_private.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

/* The library sees nothing of a connection that is suspended, and takes each byte as life. So one thread looks at all
 * connections now and then, by what the kernel says of them, and cuts those that are over.
 *
 * It also keeps connections that were closed with bytes of the request unread: closing such a socket makes the kernel
 * reset the connection, and the answer may be lost on its way. They are read empty until the client closes, for a while. */

/* tcpi_state; the headers that have the names do not go with the one that has all of struct tcp_info */
enum { STATE_CLOSED = 7, STATE_CLOSE_WAIT = 8 };

#define HALF_BUSY_US 5000000
#define HALF_IDLE_US 500000
#define LINGER_US 2000000
#define LINGER_MOST 256 /* at a time; one more is closed at once */

struct http_linger {
	struct http_linger *next;
	int fd;
	int64_t until_us;
};

enum verdict { FINE, GONE, SLOW_HEAD, IDLE, SLOW_BODY };

/* Between requests, or while a head arrives. */
static enum verdict look_at_head(struct http_conn *c, const struct tcp_info *t, int64_t now)
{
	const struct http_options *o = &c->h->o;

	if (c->fresh) {
		c->fresh = false;
		c->mark = t->tcpi_bytes_received;
	}
	if (!c->head_us && t->tcpi_bytes_received != c->mark)
		c->head_us = now;
	if (c->head_us)
		return now - c->head_us > (int64_t)o->head_ms * 1000 ? SLOW_HEAD : FINE;
	return now - c->idle_us > (int64_t)o->idle_ms * 1000 ? IDLE : FINE;
}

/* While a body moves, in either direction. */
static enum verdict look_at_body(struct http_conn *c, const struct tcp_info *t, int64_t now)
{
	uint64_t moved = t->tcpi_bytes_received + t->tcpi_bytes_acked;

	c->gone_us = 0;
	if (!c->pace_us || moved - c->mark >= HTTP_PACE) {
		c->pace_us = now;
		c->mark = moved;
	}
	return now - c->pace_us > (int64_t)c->h->o.idle_ms * 1000 ? SLOW_BODY : FINE;
}

/* While we have something to do for it, or nothing to say. A client may have closed only its half behind the request, and wait
 * for the answer; most close both. So there is time for an answer that is being made, and little for one that may never come. */
static enum verdict look_at_waiting(struct http_conn *c, const struct tcp_info *t, int64_t now)
{
	c->pace_us = 0;
	if (t->tcpi_state == STATE_CLOSED)
		return GONE;
	if (t->tcpi_state != STATE_CLOSE_WAIT)
		c->gone_us = 0;
	else if (!c->gone_us)
		c->gone_us = now;
	return c->gone_us && now - c->gone_us > (c->now->fill == FILL_WAITING ? HALF_IDLE_US : HALF_BUSY_US) ? GONE
													     : FINE;
}

static void cut(struct http_conn *c, enum verdict v)
{
	const struct http_options *o = &c->h->o;

	if (v == SLOW_HEAD)
		log_info("http: connection from %s closed: no request within %u ms", c->address, o->head_ms);
	else if (v == SLOW_BODY)
		log_info("http: connection from %s closed: less than %u bytes within %u ms", c->address, HTTP_PACE,
			 o->idle_ms);
	http_conn_cut(c);
}

static void look(struct http_conn *c, int64_t now)
{
	struct tcp_info t = {0};
	socklen_t n = sizeof(t);
	enum verdict v;

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &t, &n) < 0)
		return;
	pthread_mutex_lock(&c->lock);
	if (!c->now || !c->now->seen)
		v = look_at_head(c, &t, now);
	else if (c->now->suspended)
		v = look_at_waiting(c, &t, now);
	else
		v = look_at_body(c, &t, now);
	if (v != FINE)
		cut(c, v);
	pthread_mutex_unlock(&c->lock);
}

static void look_at_all(struct http *h)
{
	int64_t now = clock_mono_us();

	for (unsigned i = 0; i < HTTP_SHARDS; i++) {
		pthread_mutex_lock(&h->shards[i].lock);
		for (struct http_conn *c = h->shards[i].first; c; c = c->next)
			look(c, now);
		pthread_mutex_unlock(&h->shards[i].lock);
	}
}

/* ---- lingering */

void http_linger(struct http *h, int fd)
{
	struct http_linger *l = fd < 0 ? NULL : malloc(sizeof(*l));

	if (!l) {
		if (fd >= 0)
			close(fd);
		return;
	}
	l->fd = fd;
	l->until_us = clock_mono_us() + LINGER_US;
	pthread_mutex_lock(&h->lock);
	l->next = h->lingering;
	h->lingering = l;
	if (h->n_lingering++ >= LINGER_MOST) {
		h->lingering = l->next;
		h->n_lingering--;
		close(fd);
		free(l);
	}
	pthread_mutex_unlock(&h->lock);
	if (write(h->wake[1], "", 1) < 0 && errno != EAGAIN)
		log_warn("http: waking the watch failed");
}

/* Reads what is there; whether the client has closed. */
static bool read_empty(int fd)
{
	char sink[16384];
	ssize_t n = 1;

	for (int i = 0; n > 0 && i < 64; i++)
		n = recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Returns how many are left. all: at the end of the node. */
static unsigned linger(struct http *h, bool all)
{
	int64_t now = clock_mono_us();
	unsigned left;

	pthread_mutex_lock(&h->lock);
	for (struct http_linger **at = &h->lingering, *l; (l = *at);) {
		if (!all && !read_empty(l->fd) && now < l->until_us) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		close(l->fd);
		free(l);
		h->n_lingering--;
	}
	left = h->n_lingering;
	pthread_mutex_unlock(&h->lock);
	return left;
}

static int round_ms(const struct http_options *o)
{
	uint32_t least = o->head_ms < o->idle_ms ? o->head_ms : o->idle_ms;

	return least / 4 < 20 ? 20 : least / 4 > 500 ? 500 : (int)(least / 4);
}

static void *watch_loop(void *arg)
{
	struct http *h = arg;
	struct pollfd p = {.fd = h->wake[0], .events = POLLIN};
	int64_t every = round_ms(&h->o) * 1000, next = clock_mono_us() + every;
	unsigned lingering = 0;

	while (!h->watch_ends) {
		int64_t now = clock_mono_us(), wait = next > now ? (next - now) / 1000 + 1 : 0;
		char woken[64];

		if (poll(&p, 1, lingering && wait > 10 ? 10 : (int)wait) > 0 && read(p.fd, woken, sizeof(woken)) < 0)
			log_warn("http: the watch's pipe is broken");
		lingering = linger(h, false);
		if (clock_mono_us() < next)
			continue;
		look_at_all(h);
		next = clock_mono_us() + every;
	}
	linger(h, true);
	return NULL;
}

int http_watch_start(struct http *h, struct err *e)
{
	pthread_attr_t attr;

	if (pipe2(h->wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, E_IO, "making a pipe");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HTTP_STACK);
	errno = pthread_create(&h->watch, &attr, watch_loop, h);
	pthread_attr_destroy(&attr);
	if (errno)
		return err_sys(e, E_IO, "starting a thread");
	h->watched = true;
	return 0;
}

void http_watch_stop(struct http *h)
{
	if (h->watched) {
		h->watch_ends = true;
		if (write(h->wake[1], "", 1) < 0)
			log_warn("http: waking the watch failed");
		pthread_join(h->watch, NULL);
	}
	for (int i = 0; i < 2; i++)
		if (h->wake[i] >= 0)
			close(h->wake[i]);
}
