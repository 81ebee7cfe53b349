#include "tests/bench/upper.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { IN_SIZE = 1 << 20, PDU_RECEIVE = 131072, HEAD = 12, PDUS_AT_ONCE = 64 };

double upper_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

_Noreturn void upper_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(1);
}

static uint8_t *be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}
static uint8_t *be32(uint8_t *p, uint32_t v)
{
	return be16(be16(p, v >> 16), v & 0xffff);
}
static uint32_t from_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint8_t *le16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	return p + 2;
}
static uint8_t *le32(uint8_t *p, uint32_t v)
{
	return le16(le16(p, v & 0xffff), v >> 16);
}
static unsigned from_le16(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

/* ---- the socket */

static int dial(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int on = 1, fd, rc;

	if ((rc = getaddrinfo(host, port, &hints, &found)) != 0)
		upper_die(host, gai_strerror(rc));
	if ((fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol)) < 0)
		upper_die("socket", strerror(errno));
	if (connect(fd, found->ai_addr, found->ai_addrlen) != 0)
		upper_die(port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	freeaddrinfo(found);
	return fd;
}

static void write_all(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t k = writev(fd, v, n);

		if (k < 0)
			upper_die("write", strerror(errno));
		while (n > 0 && (size_t)k >= v->iov_len) {
			k -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = (uint8_t *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
}

/* Makes at least n bytes lie at in[at]. */
static void need(struct upper *u, size_t n)
{
	if (u->end - u->at < n && IN_SIZE - u->at < n) {
		memmove(u->in, u->in + u->at, u->end - u->at);
		u->end -= u->at;
		u->at = 0;
	}
	while (u->end - u->at < n) {
		ssize_t k = read(u->fd, u->in + u->end, IN_SIZE - u->end);

		if (k <= 0)
			upper_die("read", k == 0 ? "the peer closed the connection" : strerror(errno));
		u->end += (size_t)k;
	}
}

static const uint8_t *take(struct upper *u, size_t n)
{
	const uint8_t *p;

	if (u->at == u->end)
		u->at = u->end = 0;
	need(u, n);
	p = u->in + u->at;
	u->at += n;
	return p;
}

/* ---- negotiation */

static uint8_t *item(uint8_t *p, unsigned type, const char *text)
{
	size_t n = strlen(text);

	*p++ = (uint8_t)type;
	*p++ = 0;
	p = be16(p, (unsigned)n);
	memcpy(p, text, n);
	return p + n;
}

static void length_of(uint8_t *item_start, const uint8_t *end)
{
	be16(item_start + 2, (unsigned)(end - item_start - 4));
}

static uint8_t *propose(uint8_t *p, const struct upper_context *c, unsigned id)
{
	uint8_t *start = p;

	memcpy(p, (const uint8_t[]){0x20, 0, 0, 0, (uint8_t)id, 0, 0, 0}, 8);
	p = item(p + 8, 0x30, c->abstract);
	p = item(p, 0x40, c->syntax);
	length_of(start, p);
	return p;
}

static uint8_t *role(uint8_t *p, const struct upper_context *c)
{
	uint8_t *start = p;
	size_t n = strlen(c->abstract);

	memcpy(p, (const uint8_t[]){0x54, 0, 0, 0}, 4);
	p = be16(p + 4, (unsigned)n);
	memcpy(p, c->abstract, n);
	p += n;
	*p++ = 0; /* SCU */
	*p++ = 1; /* SCP */
	length_of(start, p);
	return p;
}

static void send_request(int fd, const char *called, const struct upper_context *c, unsigned n)
{
	uint8_t pdu[8192], *p = pdu, *user;
	unsigned i;

	if (n > 16 || strlen(called) > 16)
		upper_die(called, "too many contexts, or too long an AE title");
	memset(pdu, 0, 74);
	pdu[0] = 1;
	pdu[7] = 1; /* protocol version */
	memset(pdu + 10, ' ', 32);
	memcpy(pdu + 10, called, strlen(called));
	memcpy(pdu + 26, "BENCH", 5);
	p = item(pdu + 74, 0x10, "1.2.840.10008.3.1.1.1");
	for (i = 0; i < n; i++)
		p = propose(p, &c[i], 2 * i + 1);
	user = p;
	memcpy(p, (const uint8_t[]){0x50, 0, 0, 0, 0x51, 0, 0, 4}, 8);
	p = be32(p + 8, PDU_RECEIVE);
	p = item(p, 0x52, "1.2.826.0.1.3680043.10.1530.99");
	for (i = 0; i < n; i++)
		if (c[i].scp)
			p = role(p, &c[i]);
	length_of(user, p);
	be32(pdu + 2, (uint32_t)(p - pdu - 6));
	write_all(fd, &(struct iovec){pdu, (size_t)(p - pdu)}, 1);
}

static void read_user_items(struct upper *u, const uint8_t *p, size_t n)
{
	while (n >= 4) {
		size_t len = (size_t)p[2] << 8 | p[3];

		if (len > n - 4)
			return;
		if (p[0] == 0x51 && len == 4) {
			uint32_t most = from_be32(p + 4);

			u->payload = (most == 0 || most > PDU_RECEIVE ? PDU_RECEIVE : most) - 6;
		}
		p += 4 + len;
		n -= 4 + len;
	}
}

static void read_answer(struct upper *u, struct upper_context *c, unsigned n)
{
	const uint8_t *p = take(u, 6);
	uint8_t type = p[0];
	uint32_t left = from_be32(p + 2);

	if (type != 2 || left < 68 || left > IN_SIZE / 2)
		upper_die("association", type == 3 ? "rejected" : "not accepted");
	p = take(u, left);
	for (p += 68, left -= 68; left >= 4;) {
		uint32_t len = (uint32_t)p[2] << 8 | p[3];

		if (len > left - 4)
			break;
		if (p[0] == 0x21 && len >= 4 && p[4] / 2 < n)
			c[p[4] / 2].accepted = p[6] == 0;
		else if (p[0] == 0x50)
			read_user_items(u, p + 4, len);
		p += 4 + len;
		left -= 4 + len;
	}
}

void upper_open(struct upper *u, const char *host, const char *port, const char *called, struct upper_context *contexts,
		unsigned n)
{
	*u = (struct upper){.payload = 16384 - 6, .in = malloc(IN_SIZE)};
	if (u->in == NULL)
		upper_die("malloc", "out of memory");
	u->fd = dial(host, port);
	send_request(u->fd, called, contexts, n);
	read_answer(u, contexts, n);
}

void upper_close(struct upper *u)
{
	static const uint8_t release[10] = {5, 0, 0, 0, 0, 4};

	write_all(u->fd, &(struct iovec){(void *)release, sizeof release}, 1);
	take(u, 10);
	close(u->fd);
	free(u->in);
}

/* ---- messages */

static uint8_t *head(uint8_t *p, unsigned context, unsigned flags, uint32_t n)
{
	p[0] = 4;
	p[1] = 0;
	p = be32(be32(p + 2, n + 6), n + 2);
	p[0] = (uint8_t)context;
	p[1] = (uint8_t)flags;
	return p + 2;
}

void upper_send_data(struct upper *u, unsigned context, const void *data, size_t n, int last)
{
	const uint8_t *p = data;

	while (n > 0) {
		struct iovec v[2 * PDUS_AT_ONCE];
		uint8_t heads[PDUS_AT_ONCE][HEAD];
		int k;

		for (k = 0; k < PDUS_AT_ONCE && n > 0; k++) {
			size_t m = n < u->payload ? n : u->payload;

			head(heads[k], context, last && m == n ? UPPER_LAST : 0, (uint32_t)m);
			v[2 * k] = (struct iovec){heads[k], HEAD};
			v[2 * k + 1] = (struct iovec){(void *)p, m};
			p += m;
			n -= m;
		}
		write_all(u->fd, v, 2 * k);
	}
}

static uint8_t *command_bytes(uint8_t *p, unsigned element, const void *value, size_t n)
{
	p = le32(le16(le16(p, 0), element), (uint32_t)(n + (n & 1)));
	memcpy(p, value, n);
	p[n] = 0;
	return p + n + (n & 1);
}
static uint8_t *command_us(uint8_t *p, unsigned element, unsigned v)
{
	uint8_t b[2];

	le16(b, v);
	return command_bytes(p, element, b, 2);
}

static size_t encode(const struct upper_command *c, uint8_t *to)
{
	int answer = (c->field & 0x8000) != 0;
	uint8_t *p = to + 12;

	p = command_bytes(p, 0x0002, c->class_uid, strlen(c->class_uid));
	p = command_us(p, 0x0100, c->field);
	p = answer ? command_us(p, 0x0120, c->responded) : command_us(p, 0x0110, c->message);
	if (!answer)
		p = command_us(p, 0x0700, 0);
	p = command_us(p, 0x0800, c->has_data ? 1 : 0x0101);
	if (answer)
		p = command_us(p, 0x0900, c->status);
	if (c->instance_uid[0])
		p = command_bytes(p, 0x1000, c->instance_uid, strlen(c->instance_uid));
	le32(le32(le16(le16(to, 0), 0), 4), (uint32_t)(p - to - 12));
	return (size_t)(p - to);
}

void upper_send(struct upper *u, unsigned context, const struct upper_command *c, const void *identifier, size_t n)
{
	uint8_t bytes[512], heads[2][HEAD];
	size_t len = encode(c, bytes);
	struct iovec v[4] = {{heads[0], HEAD}, {bytes, len}, {heads[1], HEAD}, {(void *)identifier, n}};

	head(heads[0], context, UPPER_COMMAND | UPPER_LAST, (uint32_t)len);
	head(heads[1], context, UPPER_LAST, (uint32_t)n);
	write_all(u->fd, v, n > 0 ? 4 : 2);
}

static void next_pdv(struct upper *u)
{
	const uint8_t *p;
	uint32_t n;

	while (u->pdu_left == 0) {
		p = take(u, 6);
		if (p[0] != 4)
			upper_die("association", p[0] == 7 ? "aborted by the peer" : "an unexpected PDU");
		u->pdu_left = from_be32(p + 2);
	}
	p = take(u, 6);
	n = from_be32(p);
	if (u->pdu_left < 6 || n < 2 || n > u->pdu_left - 4)
		upper_die("PDV", "its length does not fit its PDU");
	u->context = p[4];
	u->flags = p[5];
	u->pdv_left = n - 2;
	u->pdu_left -= n + 4;
}

void upper_piece(struct upper *u, struct upper_piece *out)
{
	size_t have;

	while (u->pdv_left == 0) {
		next_pdv(u);
		if (u->pdv_left == 0 && u->flags & UPPER_LAST)
			break;
	}
	if (u->pdv_left > 0 && u->at == u->end) {
		u->at = u->end = 0;
		need(u, 1);
	}
	have = u->end - u->at;
	out->n = have < u->pdv_left ? have : u->pdv_left;
	out->p = u->in + u->at;
	u->at += out->n;
	u->pdv_left -= (uint32_t)out->n;
	out->context = u->context;
	out->command = u->flags & UPPER_COMMAND;
	out->last = u->pdv_left == 0 && (u->flags & UPPER_LAST) != 0;
}

static void copy_uid(char to[65], const uint8_t *p, uint32_t n)
{
	n = n < 64 ? n : 64;
	memcpy(to, p, n);
	to[n] = 0;
}

static void decode(const uint8_t *p, size_t n, struct upper_command *c)
{
	*c = (struct upper_command){0};
	while (n >= 8) {
		unsigned element = from_le16(p + 2);
		uint32_t len = from_le16(p + 4) | (uint32_t)from_le16(p + 6) << 16;
		unsigned us;

		if (len > n - 8)
			upper_die("command set", "an element longer than the rest");
		us = len >= 2 ? from_le16(p + 8) : 0;
		switch (element) {
		case 0x0002:
			copy_uid(c->class_uid, p + 8, len);
			break;
		case 0x0100:
			c->field = us;
			break;
		case 0x0110:
			c->message = us;
			break;
		case 0x0120:
			c->responded = us;
			break;
		case 0x0800:
			c->has_data = us != 0x0101;
			break;
		case 0x0900:
			c->status = us;
			break;
		case 0x1000:
			copy_uid(c->instance_uid, p + 8, len);
			break;
		case 0x1020:
			c->remaining = us;
			break;
		case 0x1021:
			c->completed = us;
			break;
		case 0x1022:
			c->failed = us;
			break;
		case 0x1023:
			c->warning = us;
			break;
		}
		p += 8 + len;
		n -= 8 + len;
	}
}

unsigned upper_command(struct upper *u, struct upper_command *out)
{
	uint8_t bytes[4096];
	struct upper_piece piece;
	size_t n = 0;

	do {
		upper_piece(u, &piece);
		if (!piece.command)
			continue;
		if (piece.n > sizeof bytes - n)
			upper_die("command set", "longer than any needed here");
		memcpy(bytes + n, piece.p, piece.n);
		n += piece.n;
	} while (!piece.command || !piece.last);
	decode(bytes, n, out);
	return piece.context;
}

/* ---- data sets */

uint8_t *upper_element(uint8_t *to, uint32_t tag, const char *vr, const void *value, size_t n)
{
	to = le16(le16(to, tag >> 16), tag & 0xffff);
	memcpy(to, vr, 2);
	to = le16(to + 2, (unsigned)(n + (n & 1)));
	memcpy(to, value, n);
	if (n & 1)
		to[n] = strcmp(vr, "UI") == 0 ? 0 : ' ';
	return to + n + (n & 1);
}

uint8_t *upper_string(uint8_t *to, uint32_t tag, const char *vr, const char *value)
{
	return upper_element(to, tag, vr, value, strlen(value));
}
