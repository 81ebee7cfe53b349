#include "tests/unit/http_peer.h"
#include "base/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the paths */

struct call { /* context of one exchange */
	struct app *app;
	struct http_request *r;
	uint64_t left, sum, n;
	int at;
};

static uint64_t number(const struct http_request *r)
{
	return strtoull(http_query(r), NULL, 10);
}

static int sink_piece(void *arg, const uint8_t *data, size_t n)
{
	struct call *c = arg;

	c->app->pieces++;
	while (c->app->hold && strcmp(http_path(c->r), "/slow-sink") == 0)
		usleep(1000);
	c->app->received += (long)n;
	for (size_t i = 0; i < n && strcmp(http_path(c->r), "/swallow") != 0; i++)
		c->sum = c->sum * 31 + data[i];
	c->n += n;
	if (strcmp(http_path(c->r), "/early-piece") != 0)
		return 0;
	http_reply(c->r, 507, "full\n", 5);
	return -1;
}

static void sink_end(void *arg, bool complete)
{
	struct call *c = arg;
	char text[80];

	c->app->ended++;
	if (!complete) {
		c->app->broken++;
		return;
	}
	http_reply(
	    c->r, 200, text,
	    (size_t)snprintf(text, sizeof(text), "%llu %llu\n", (unsigned long long)c->n, (unsigned long long)c->sum));
}

/* The bytes of the file, as many as asked for, again and again. */
static int source_fill(void *arg, struct buf *out, struct err *e)
{
	struct call *c = arg;
	size_t n = c->left < HTTP_PIECE ? (size_t)c->left : HTTP_PIECE;

	if (strcmp(http_path(c->r), "/broken") == 0 && c->n > 300000)
		return err_set(e, E_CORRUPT, "stored bytes are damaged");
	if (buf_reserve(out, n, e) < 0)
		return -E_NOMEM;
	for (size_t i = 0; i < n; i++)
		out->data[i] = file_byte(c->n + i);
	out->len = n;
	c->n += n;
	c->left -= n;
	return c->left ? HTTP_MORE : HTTP_END;
}

static int quick_fill(void *arg, struct buf *out, struct err *e)
{
	struct call *c = arg;
	size_t n = c->left < HTTP_PIECE ? (size_t)c->left : HTTP_PIECE;

	if (buf_reserve(out, n, e) < 0)
		return -E_NOMEM;
	memset(out->data, 'q', n);
	out->len = n;
	c->left -= n;
	return c->left ? HTTP_MORE : HTTP_END;
}

static int events_fill(void *arg, struct buf *out, struct err *e)
{
	struct call *c = arg;

	c->app->waiting = c->r;
	if (c->at == c->app->events)
		return HTTP_WAIT;
	return buf_printf(out, e, "data: %d\n\n", ++c->at) < 0 ? -E_NOMEM : HTTP_MORE;
}

static void source_close(void *arg)
{
	struct call *c = arg;

	c->app->closed++;
	if (c->app->waiting == c->r)
		c->app->waiting = NULL;
}

static void reply_told(struct http_request *r)
{
	const char *subject, *finger = http_certificate(r, &subject);
	char text[2000];
	const char *x = http_header(r, "x-thing");

	assert_int_equal(http_add(r, "X-Bad", "a\r\nInjected: b"), -E_INVAL);
	assert_int_equal(http_add(r, "X-Good", "fine"), 0);
	http_reply(r, 200, text,
		   (size_t)snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%d|%lld|%s|%s", http_method(r), http_path(r),
				    http_query(r), x ? x : "none", http_address(r), http_secure(r),
				    (long long)http_length(r), finger, subject));
}

static void reply_range(struct call *c)
{
	unsigned long long at = 0, n = 0;
	unsigned head = 0, tail = 0;
	char around[300];

	memset(around, '#', sizeof(around));
	sscanf(http_query(c->r), "%llu,%llu,%u,%u", &at, &n, &head, &tail);
	http_reply_range(
	    c->r, 206,
	    &(struct http_range){
		.head = around, .tail = around, .head_n = head, .tail_n = tail, .fd = c->app->file, .at = at, .n = n});
}

static void reply_stream(struct call *c, int64_t length, int (*fill)(void *, struct buf *, struct err *))
{
	http_reply_stream(c->r, 200, length, &(struct http_source){fill, source_close}, c);
}

/* What is answered at once; begin(), or work() with /task before it. */
static bool quick(struct call *c, const char *path)
{
	if (strcmp(path, "/hello") == 0)
		http_reply(c->r, 200, "hello\n", 6);
	else if (strcmp(path, "/told") == 0) /* what is known of the request */
		reply_told(c->r);
	else if (strcmp(path, "/refused") == 0)
		http_reply(c->r, 413, "no\n", 3);
	else if (strcmp(path, "/empty") == 0)
		http_reply(c->r, 204, NULL, 0);
	else if (strcmp(path, "/range") == 0) /* ?at,n,head,tail */
		reply_range(c);
	else if (strcmp(path, "/stream") == 0) /* ?n, chunked */
		reply_stream(c, -1, source_fill);
	else if (strcmp(path, "/length") == 0) /* ?n */
		reply_stream(c, (int64_t)c->left, source_fill);
	else if (strcmp(path, "/short") == 0) /* promises one byte more than ?n */
		reply_stream(c, (int64_t)c->left + 1, source_fill);
	else if (strcmp(path, "/broken") == 0) /* fails in the middle */
		reply_stream(c, -1, source_fill);
	else if (strcmp(path, "/quick") == 0) /* ?n, content of no matter */
		reply_stream(c, (int64_t)c->left, quick_fill);
	else if (strcmp(path, "/quick-chunks") == 0)
		reply_stream(c, -1, quick_fill);
	else if (strcmp(path, "/events") == 0) /* app.events of them, then waits to be woken */
		reply_stream(c, -1, events_fill);
	else
		return false;
	return true;
}

static enum http_next app_begin(void *arg, struct http_request *r)
{
	struct app *a = arg;
	struct call *c = calloc(1, sizeof(*c));

	a->begun++;
	c->app = a;
	c->r = r;
	c->left = number(r);
	http_set_context(r, c);
	if (strcmp(http_path(r), "/hold-half") == 0)
		http_set_share(r, HTTP_SHARE_HALF);
	if (strcmp(http_path(r), "/hold-third") == 0)
		http_set_share(r, HTTP_SHARE_THIRD);
	return quick(c, http_path(r)) ? HTTP_ANSWERED : HTTP_WORK;
}

static void app_work(void *arg, struct http_request *r)
{
	static const struct http_sink sink = {sink_piece, sink_end};
	struct app *a = arg;
	struct call *c = http_context(r);
	const char *path = http_path(r);

	a->worked++;
	if (strcmp(path, "/forgotten") == 0) /* neither answers nor receives */
		return;
	if (strcmp(path, "/up") == 0 || strcmp(path, "/swallow") == 0 || strcmp(path, "/slow-sink") == 0 ||
	    strcmp(path, "/early-piece") == 0) {
		http_receive(r, &sink, c);
		return;
	}
	if (strncmp(path, "/hold", 5) == 0) { /* /hold-half, /hold-third: of so many workers */
		while (a->hold && !http_gone(r))
			usleep(1000);
		a->saw_gone += http_gone(r);
		http_reply(r, 200, "held\n", 5);
		return;
	}
	if (strncmp(path, "/task", 5) != 0 || !quick(c, path + 5))
		http_reply(r, 404, "nothing\n", 8);
}

static void app_done(void *arg, struct http_request *r, const struct http_outcome *o)
{
	struct app *a = arg;

	free(http_context(r));
	a->last = o->status;
	a->whole += o->complete;
	a->done++;
}

void app_options(struct app *a)
{
	memset(a, 0, sizeof(*a));
	a->o = (struct http_options){.listen = "127.0.0.1",
				     .workers = 4,
				     .max_connections = 5000,
				     .head_most = 8192,
				     .head_ms = 20000,
				     .idle_ms = 20000,
				     .begin = app_begin,
				     .work = app_work,
				     .done = app_done,
				     .arg = a};
}

void app_start(struct app *a)
{
	uint8_t *bytes = malloc(FILE_BYTES);
	struct err e = {0};

	for (uint64_t i = 0; i < FILE_BYTES; i++)
		bytes[i] = file_byte(i);
	a->file = memfd_create("range", MFD_CLOEXEC);
	assert_int_equal(write(a->file, bytes, FILE_BYTES), FILE_BYTES);
	free(bytes);
	if (http_start(&a->o, &a->h, &e) < 0)
		fail_msg("%s", e.msg);
}

void app_stop(struct app *a)
{
	a->hold = false;
	http_stop(a->h, 5000);
	close(a->file);
	assert_int_equal(a->done, a->begun); /* once each */
}

bool wait_for(const atomic_int *n, int least)
{
	for (int i = 0; i < 20000 && *n < least; i++)
		usleep(1000);
	return *n >= least;
}

/* ---- the client */

struct peer *dial(uint16_t port)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct peer *p = calloc(1, sizeof(*p));

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return p;
}

void hang_up(struct peer *p)
{
	if (p->tls)
		gnutls_deinit(p->tls);
	close(p->fd);
	free(p);
}

void say_n(struct peer *p, const void *data, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t sent = p->tls ? gnutls_record_send(p->tls, (const char *)data + at, n - at)
				      : send(p->fd, (const char *)data + at, n - at, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += (size_t)sent;
	}
}

void say(struct peer *p, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(text) - 1);
	say_n(p, text, (size_t)n);
}

size_t hear_some(struct peer *p, void *out, size_t room)
{
	size_t n;

	if (p->at == p->n) {
		struct pollfd f = {.fd = p->fd, .events = POLLIN};
		ssize_t got;

		if (!p->tls && poll(&f, 1, 20000) <= 0)
			fail_msg("the server says nothing");
		got = p->tls ? gnutls_record_recv(p->tls, p->have, sizeof(p->have))
			     : recv(p->fd, p->have, sizeof(p->have), 0);
		p->at = 0;
		p->n = got > 0 ? (size_t)got : 0;
		p->closed = got <= 0;
	}
	n = p->n - p->at < room ? p->n - p->at : room;
	memcpy(out, p->have + p->at, n);
	p->at += n;
	return n;
}

static bool hear_line(struct peer *p, char *out, size_t room)
{
	size_t n = 0;

	while (n + 1 < room && hear_some(p, out + n, 1) == 1)
		if (out[n++] == '\n') {
			out[n] = '\0';
			return true;
		}
	out[n] = '\0';
	return false;
}

static void hear_body(struct peer *p, struct answer *a, uint64_t most)
{
	uint8_t *grown;

	while (most) {
		size_t want = most < sizeof(p->have) ? (size_t)most : sizeof(p->have), n;

		grown = realloc(a->body, a->n + want + 1);
		assert_non_null(grown);
		a->body = grown;
		if ((n = hear_some(p, a->body + a->n, want)) == 0) {
			a->cut = most != UINT64_MAX;
			return;
		}
		a->n += n;
		a->body[a->n] = '\0';
		most -= most == UINT64_MAX ? 0 : n;
	}
}

static void hear_chunks(struct peer *p, struct answer *a)
{
	char line[64];
	size_t n;

	do {
		if (!hear_line(p, line, sizeof(line))) {
			a->cut = true;
			return;
		}
		n = strtoul(line, NULL, 16);
		hear_body(p, a, n);
		if (a->cut || !hear_line(p, line, sizeof(line))) {
			a->cut = true;
			return;
		}
		assert_string_equal(line, "\r\n");
	} while (n);
}

void hear(struct peer *p, struct answer *a, bool head_only)
{
	char *length;

	memset(a, 0, sizeof(*a));
	for (size_t n = 0; hear_line(p, a->head + n, sizeof(a->head) - n); n += strlen(a->head + n))
		if (strcmp(a->head + n, "\r\n") == 0)
			break;
	if (sscanf(a->head, "HTTP/1.1 %d", &a->status) != 1)
		return;
	a->closes = strcasestr(a->head, "\r\nConnection: close\r\n") != NULL;
	if (head_only || a->status == 100 || a->status == 204 || a->status == 304)
		return;
	if (strcasestr(a->head, "\r\nTransfer-Encoding: chunked\r\n"))
		hear_chunks(p, a);
	else if ((length = strcasestr(a->head, "\r\nContent-Length: ")))
		hear_body(p, a, strtoull(length + 18, NULL, 10));
	else
		hear_body(p, a, UINT64_MAX);
}

void answer_free(struct answer *a)
{
	free(a->body);
	memset(a, 0, sizeof(*a));
}

int closed_within(struct peer *p, int ms)
{
	int64_t from = clock_mono_us();
	char byte[4096];

	for (;;) {
		struct pollfd f = {.fd = p->fd, .events = POLLIN};
		int left = ms - (int)((clock_mono_us() - from) / 1000);

		if (left <= 0 || poll(&f, 1, left) <= 0)
			return -1;
		if (recv(p->fd, byte, sizeof(byte), 0) <= 0)
			return (int)((clock_mono_us() - from) / 1000);
	}
}

int ask(struct app *a, const char *request, struct answer *out)
{
	struct peer *p = dial(http_port(a->h));
	struct answer mine;
	int status;

	say_n(p, request, strlen(request));
	hear(p, out ? out : &mine, strncmp(request, "HEAD", 4) == 0);
	hang_up(p);
	status = out ? out->status : mine.status;
	if (!out)
		answer_free(&mine);
	return status;
}
