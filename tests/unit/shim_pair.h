/* tests/unit/shim_pair.h - two ends of an association on loopback, for the shim's tests. */
#ifndef TESTS_UNIT_SHIM_PAIR_H
#define TESTS_UNIT_SHIM_PAIR_H

#include "shim/shim.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VERIFICATION "1.2.840.10008.1.1"
#define CT_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define ILE "1.2.840.10008.1.2"
#define HTJ2K "1.2.840.10008.1.2.4.201"

static const struct shim_assoc_options pair_options = {
    .max_pdu_receive = 16384,
    .max_pdu_send = 131072,
    .artim_ms = 5000,
    .io_ms = 5000,
    .implementation_uid = "1.2.3.4.5",
    .implementation_version = "PAIR_TEST",
};

static inline int pair_listen(uint16_t *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		abort();
	*port = ntohs(sa.sin_port);
	return fd;
}

static inline int pair_connect(uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		abort();
	return fd;
}

static inline int64_t pair_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline size_t pair_item(uint8_t *p, uint8_t type, const void *value, size_t n)
{
	const uint8_t head[4] = {type, 0, (uint8_t)(n >> 8), (uint8_t)n};

	memmove(p + 4, value, n);
	memcpy(p, head, 4);
	return 4 + n;
}

/* An A-ASSOCIATE-RQ for Verification, context 1, made by hand; room for 512 bytes. */
static inline size_t pair_request(uint8_t *pdu)
{
	static const uint8_t limit[8] = {0x51, 0, 0, 4, 0, 0, 0x40, 0};
	uint8_t context[200] = {1, 0, 0, 0};
	size_t n = 74, c = 4;

	memset(pdu, 0, 74);
	pdu[0] = 1;
	pdu[7] = 1;
	memcpy(pdu + 10, "BOB             ALICE           ", 32);
	n += pair_item(pdu + n, 0x10, "1.2.840.10008.3.1.1.1", 21);
	c += pair_item(context + c, 0x30, VERIFICATION, strlen(VERIFICATION));
	c += pair_item(context + c, 0x40, ILE, strlen(ILE));
	n += pair_item(pdu + n, 0x20, context, c);
	n += pair_item(pdu + n, 0x50, limit, sizeof limit);
	pdu[4] = (uint8_t)((n - 6) >> 8);
	pdu[5] = (uint8_t)(n - 6);
	return n;
}

/* A server in a thread: serves one connection with `serve`, which gets the accepted socket and owns it. */
struct pair_server {
	int listener;
	uint16_t port;
	pthread_t thread;
	int (*serve)(struct pair_server *s, int fd);
	int rc;          /* what serve returned */
	char error[240]; /* and why */
	void *arg;
};

static inline void *pair_run(void *arg)
{
	struct pair_server *s = arg;
	int fd = accept(s->listener, NULL, NULL);

	s->rc = s->serve(s, fd);
	snprintf(s->error, sizeof s->error, "%.239s", shim_error());
	return NULL;
}

static inline void pair_start(struct pair_server *s, int (*serve)(struct pair_server *, int), void *arg)
{
	memset(s, 0, sizeof *s);
	s->serve = serve;
	s->arg = arg;
	s->listener = pair_listen(&s->port);
	if (pthread_create(&s->thread, NULL, pair_run, s) != 0)
		abort();
}

static inline int pair_end(struct pair_server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
	return s->rc;
}

/* Accepts every context with its first transfer syntax and every role proposed. */
static inline int pair_accept_all(int fd, const struct shim_assoc_options *o, shim_assoc **a)
{
	struct shim_context *c;
	int rc = shim_assoc_accept(fd, o, a);
	unsigned n;

	if (rc < 0)
		return rc;
	n = shim_assoc_contexts(*a, &c);
	for (unsigned i = 0; i < n; i++) {
		c[i].result = 0;
		snprintf(c[i].accepted, sizeof c[i].accepted, "%s", c[i].syntaxes[0]);
		c[i].accepted_scu = c[i].role_scu;
		c[i].accepted_scp = c[i].role_scp;
	}
	return shim_assoc_acknowledge(*a);
}

#endif
