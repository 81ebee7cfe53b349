#include "net/server.h"
#include "base/alert.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where a connection is. The place among the associations is taken when the request is complete, not before. */
enum stage {
	WAITING, /* for its request */
	LEAVING, /* cut, as others need its place; its thread ends at once */
	OPEN,    /* an association */
	REFUSED, /* being told that there is no place */
	STAGES
};

/* One connection and its thread. In the list of the server from accept() until joined. */
struct conn {
	struct server *server;
	struct conn *next;
	pthread_t thread;
	char address[64];
	int fd;            /* until the association exists: belongs to the shim, which closes it */
	int watch;         /* until the association exists: our own name for the same socket, to cut it with; else -1 */
	shim_assoc *assoc; /* NULL before and after */
	enum stage stage;
	bool spare; /* many of its address waited already when it came */
	bool done;  /* the thread has nothing left to do: join it */
};

struct server {
	struct server_options o;
	int listener, wake[2];
	uint16_t port;
	pthread_t acceptor;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t ended; /* a connection ended */
	struct conn *conns;   /* the newest first */
	unsigned n[STAGES];
	_Atomic bool stopping;
};

static struct metric m_open = METRIC(GAUGE, "teleread_associations_open", "", "Associations being served now");
static struct metric m_total = METRIC(COUNTER, "teleread_associations_total", "", "Connections accepted");
static struct metric m_limit =
    METRIC(COUNTER, "teleread_associations_rejected_total", "reason=\"limit\"", "Associations refused");
static struct metric m_failed =
    METRIC(COUNTER, "teleread_associations_rejected_total", "reason=\"no_request\"", "Associations refused");
static struct metric m_cut =
    METRIC(COUNTER, "teleread_associations_rejected_total", "reason=\"cut\"", "Associations refused");

/* ---- one connection */

/* What came of a complete request. Holds the lock. */
static void conn_settle(struct conn *c)
{
	struct server *s = c->server;

	if (c->stage == LEAVING)
		return;
	s->n[WAITING]--;
	if (!server_stopping(s) && s->n[OPEN] < s->o.max_associations) {
		c->stage = OPEN;
		metric_add(&m_open, 1);
	} else if (s->n[REFUSED] < SERVER_REFUSED) {
		c->stage = REFUSED;
	} else {
		c->stage = LEAVING;
		metric_add(&m_cut, 1);
		log_warn("connection from %s cut: far too many associations", c->address);
	}
	s->n[c->stage]++;
}

static void conn_refuse(struct conn *c, shim_assoc *a)
{
	metric_add(&m_limit, 1);
	log_warn("association from %s refused: %s", c->address,
		 server_stopping(c->server) ? "the node is stopping" : "too many associations");
	if (!server_stopping(c->server))
		alert_raise(ALERT_REPEATED, c->address, "association refused: too many at once");
	shim_assoc_reject(a, 2, 3, 2);
}

/* Waits for the request; the association, or NULL when there is none worth going on with. */
static shim_assoc *conn_request(struct conn *c)
{
	struct server *s = c->server;
	shim_assoc *a = NULL;
	int rc = shim_assoc_accept(c->fd, &s->o.assoc, &a);

	pthread_mutex_lock(&s->lock);
	close(c->watch);
	c->watch = -1;
	if (rc == 0) {
		c->assoc = a;
		conn_settle(c);
	}
	pthread_mutex_unlock(&s->lock);
	if (rc == 0)
		return a;
	if (c->stage == WAITING && !server_stopping(s)) {
		metric_add(&m_failed, 1);
		log_info("connection from %s ended without an association: %s", c->address, shim_error());
	}
	return NULL;
}

static void *conn_run(void *arg)
{
	struct conn *c = arg;
	struct server *s = c->server;
	shim_assoc *a = conn_request(c);

	if (a && c->stage == REFUSED)
		conn_refuse(c, a);
	else if (a && c->stage == OPEN)
		s->o.serve(s->o.arg, a);
	pthread_mutex_lock(&s->lock);
	c->assoc = NULL; /* nobody cuts it any more */
	pthread_mutex_unlock(&s->lock);
	shim_assoc_free(a);
	log_context(NULL);

	pthread_mutex_lock(&s->lock);
	c->done = true;
	s->n[c->stage]--;
	if (c->stage == OPEN)
		metric_add(&m_open, -1);
	pthread_cond_broadcast(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Joins threads that are done (all: waits for every one). */
static void reap(struct server *s, bool all)
{
	struct conn **at, *c, *done = NULL;

	pthread_mutex_lock(&s->lock);
	for (at = &s->conns; (c = *at);) {
		if (!c->done && !all) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next = done;
		done = c;
	}
	pthread_mutex_unlock(&s->lock);
	while ((c = done)) {
		done = c->next;
		pthread_join(c->thread, NULL);
		free(c);
	}
}

/* Makes the thread; consumes fd. Holds the lock. */
static int conn_start(struct server *s, struct conn *c)
{
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SERVER_STACK);
	rc = pthread_create(&c->thread, &attr, conn_run, c);
	pthread_attr_destroy(&attr);
	if (rc != 0)
		return rc;
	c->next = s->conns;
	s->conns = c;
	s->n[WAITING]++;
	return 0;
}

/* Whether so many of an address wait that one more is the first to go. Holds the lock. */
static bool plenty(const struct server *s, const char *address)
{
	unsigned n = 0;

	for (const struct conn *c = s->conns; c && n < SERVER_WAITING_EACH; c = c->next)
		n += c->stage == WAITING && strcmp(c->address, address) == 0;
	return n == SERVER_WAITING_EACH;
}

/* All places for waiting are taken: of those who can be spared, else of all, the one that waited longest goes. A flood
 * from one address displaces itself that way. Holds the lock. */
static void make_room(struct server *s)
{
	struct conn *oldest = NULL;

	for (struct conn *c = s->conns; c; c = c->next)
		if (c->stage == WAITING && c->watch >= 0 && (c->spare || !oldest || !oldest->spare))
			oldest = c;
	if (!oldest)
		return;
	metric_add(&m_cut, 1);
	log_warn("connection from %s cut: too many wait for their request", oldest->address);
	shutdown(oldest->watch, SHUT_RDWR);
	s->n[WAITING]--;
	oldest->stage = LEAVING;
	s->n[LEAVING]++;
}

static void conn_cut(struct conn *c, const char *why)
{
	metric_add(&m_cut, 1);
	log_warn("connection from %s cut: %s", c->address, why);
	if (c->watch >= 0)
		close(c->watch);
	close(c->fd);
	free(c);
}

/* A new socket; consumes it. */
static void admit(struct server *s, int fd, const struct sockaddr_storage *from, socklen_t from_len)
{
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1, rc;

	metric_add(&m_total, 1);
	if (!c) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->watch = -1;
	listen_address((const struct sockaddr *)from, from_len, c->address, sizeof(c->address));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if ((c->watch = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0) {
		conn_cut(c, "no file descriptor left");
		return;
	}
	pthread_mutex_lock(&s->lock);
	c->spare = plenty(s, c->address);
	if (s->n[WAITING] >= s->o.max_associations + SERVER_WAITING_MORE)
		make_room(s);
	while (s->n[LEAVING] >= SERVER_LEAVING) /* they are quick: nothing holds them any more */
		pthread_cond_wait(&s->ended, &s->lock);
	rc = conn_start(s, c);
	pthread_mutex_unlock(&s->lock);
	if (rc != 0)
		conn_cut(c, "no thread to be had");
}

/* ---- the listener */

/* Out of descriptors or memory: the connection stays in the kernel's line; waiting a little beats spinning. */
static void breathe(struct server *s, int why)
{
	struct pollfd p = {.fd = s->wake[0], .events = POLLIN};

	log_warn("accepting a connection failed: %s", strerror(why));
	reap(s, false);
	poll(&p, 1, 100);
}

static void *accept_loop(void *arg)
{
	struct server *s = arg;

	while (!server_stopping(s)) {
		struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN}, {.fd = s->wake[0], .events = POLLIN}};
		struct sockaddr_storage from = {0};
		socklen_t len = sizeof(from);
		int fd;

		if (poll(p, 2, s->conns ? 1000 : -1) < 0 && errno != EINTR)
			breathe(s, errno);
		reap(s, false);
		if (!(p[0].revents & POLLIN))
			continue;
		fd = accept4(s->listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
		if (fd >= 0)
			admit(s, fd, &from, len);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			breathe(s, errno);
	}
	return NULL;
}

static void server_free(struct server *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->wake[0] >= 0) {
		close(s->wake[0]);
		close(s->wake[1]);
	}
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int server_start(const struct server_options *o, struct server **out, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for the listener");
	s->o = *o;
	s->listener = s->wake[0] = s->wake[1] = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
	if ((rc = listen_on(o->listen, o->port, &s->listener, &s->port, e)) < 0)
		goto fail;
	if (pipe2(s->wake, O_CLOEXEC) < 0) {
		rc = err_sys(e, E_IO, "making a pipe");
		goto fail;
	}
	if ((errno = pthread_create(&s->acceptor, NULL, accept_loop, s)) != 0) {
		rc = err_sys(e, E_IO, "starting the listener's thread");
		goto fail;
	}
	*out = s;
	return 0;
fail:
	server_free(s);
	return rc;
}

uint16_t server_port(const struct server *s)
{
	return s->port;
}

unsigned server_open(const struct server *s)
{
	struct server *mine = (struct server *)s; /* the lock is not part of what is promised to stay */
	unsigned n;

	pthread_mutex_lock(&mine->lock);
	n = s->n[OPEN];
	pthread_mutex_unlock(&mine->lock);
	return n;
}

bool server_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool server_stopping(const struct server *s)
{
	return s->stopping;
}

/* Connections of whatever kind. Holds the lock. */
static unsigned count(const struct server *s)
{
	return s->n[WAITING] + s->n[LEAVING] + s->n[OPEN] + s->n[REFUSED];
}

/* Cuts those that have not sent a request yet, or (all) every one. Holds the lock. */
static void cut(struct server *s, bool all)
{
	for (struct conn *c = s->conns; c; c = c->next) {
		if (c->watch >= 0)
			shutdown(c->watch, SHUT_RDWR);
		else if (all && c->assoc)
			shim_assoc_shutdown(c->assoc);
	}
}

void server_stop(struct server *s, uint32_t grace_ms)
{
	int64_t until = clock_mono_us() + (int64_t)grace_ms * 1000;
	struct timespec at;

	s->stopping = true;
	if (write(s->wake[1], "", 1) < 0)
		log_warn("waking the listener failed: %s", strerror(errno));
	pthread_join(s->acceptor, NULL);
	close(s->listener);
	s->listener = -1;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += grace_ms / 1000;
	at.tv_nsec += (long)(grace_ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000)
		at.tv_sec++, at.tv_nsec -= 1000000000;
	pthread_mutex_lock(&s->lock);
	cut(s, false);
	while (count(s) && clock_mono_us() < until)
		pthread_cond_timedwait(&s->ended, &s->lock, &at);
	if (count(s))
		log_warn("%u associations cut after %u ms", count(s), grace_ms);
	cut(s, true);
	pthread_mutex_unlock(&s->lock);
	reap(s, true);
	server_free(s);
}
