#include "base/clock.h"
#include "base/metrics.h"
#include "tests/unit/http_peer.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: here\r\n"
#define GET "GET /hello HTTP/1.1\r\n" HOST
#define POST "POST /up HTTP/1.1\r\n" HOST
#define CHUNKED "Transfer-Encoding: chunked\r\n"
/* A request that must never be seen: it stands where a body, or a broken head, leaves a lenient reader. */
#define SMUGGLED "GET /hello?smuggled HTTP/1.1\r\n" HOST "\r\n"

struct bad {
	const char *what, *text;
	size_t n;
	int status; /* 0: closed without an answer */
};
#define BAD(status_, what_, text_)                                                                                     \
	{                                                                                                              \
		.what = (what_), .text = (text_), .n = sizeof(text_) - 1, .status = (status_)                          \
	}

static const struct bad refused[] = {
    BAD(400, "both lengths", POST "Content-Length: 5\r\n" CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "both lengths, chunks first", POST CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "two lengths", POST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nabcde" SMUGGLED),
    BAD(400, "one length twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde" SMUGGLED),
    BAD(400, "a list of lengths", POST "Content-Length: 5, 5\r\n\r\nabcde" SMUGGLED),
    BAD(400, "a negative length", POST "Content-Length: -5\r\n\r\n" SMUGGLED),
    BAD(400, "a signed length", POST "Content-Length: +5\r\n\r\nabcde" SMUGGLED),
    BAD(400, "a hexadecimal length", POST "Content-Length: 0x5\r\n\r\nabcde" SMUGGLED),
    BAD(400, "no length", POST "Content-Length: \r\n\r\n" SMUGGLED),
    BAD(413, "a length past 64 bits", POST "Content-Length: 99999999999999999999999\r\n\r\n" SMUGGLED),
    BAD(400, "a length past 63 bits", POST "Content-Length: 18446744073709551615\r\n\r\n" SMUGGLED),
    BAD(501, "an unknown coding", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(501, "two codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(501, "identity", POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(501, "a space behind chunked", POST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "codings in two lines", POST CHUNKED "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "a vertical tab",
	POST "Transfer-Encoding: \x0b"
	     "chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "a space before the colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "chunks in HTTP/1.0", "POST /up HTTP/1.0\r\n" HOST CHUNKED "\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "line feeds alone", "GET /hello HTTP/1.1\nHost: here\n\n" SMUGGLED),
    BAD(400, "one line feed alone", "GET /hello HTTP/1.1\r\nHost: here\nA: b\r\n\r\n" SMUGGLED),
    BAD(400, "a line feed before the end", GET "A: b\n\r\n" SMUGGLED),
    BAD(400, "a carriage return alone", GET "A: b\rC: d\r\n\r\n" SMUGGLED),
    BAD(400, "a folded line", GET "A: b\r\n c\r\n\r\n" SMUGGLED),
    BAD(400, "a folded first line", "GET /hello HTTP/1.1\r\n A: b\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a NUL in a value", GET "A: b\0c\r\n\r\n" SMUGGLED),
    BAD(400, "NULs as line ends", GET "A: b\0\0C: d\r\n\r\n" SMUGGLED),
    BAD(400, "a NUL in a name", GET "A\0: b\r\n\r\n" SMUGGLED),
    BAD(400, "a NUL in the address", "GET /hel\0lo HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a space in a name", GET "A b: c\r\n\r\n" SMUGGLED),
    BAD(400, "no colon", GET "Abc\r\n\r\n" SMUGGLED),
    BAD(400, "no name", GET ": c\r\n\r\n" SMUGGLED),
    BAD(400, "no host", "GET /hello HTTP/1.1\r\n\r\n" SMUGGLED),
    BAD(400, "two hosts", GET "Host: there\r\n\r\n" SMUGGLED),
    BAD(400, "HTTP/0.9", "GET /hello\r\n\r\n" SMUGGLED),
    BAD(505, "HTTP/0.8", "GET /hello HTTP/0.8\r\n" HOST "\r\n" SMUGGLED),
    BAD(505, "HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD(400, "lower case", "GET /hello http/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(0, "no method", " /hello HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a method of signs", "G@T /hello HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "CONNECT", "CONNECT there:80 HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "two spaces", "GET  /hello HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a space at the end", "GET /hello HTTP/1.1 \r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a space in the address", "GET /hel lo HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a tab in the address", "GET /hel\tlo HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "no path", "GET hello HTTP/1.1\r\n" HOST "\r\n" SMUGGLED),
    BAD(400, "a negative chunk", POST CHUNKED "\r\n-5\r\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "0x before a chunk", POST CHUNKED "\r\n0x5\r\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "a space behind a chunk's size", POST CHUNKED "\r\n5 \r\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(413, "a chunk past 64 bits", POST CHUNKED "\r\nfffffffffffffffff\r\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(400, "a chunk longer than it says", POST CHUNKED "\r\n3\r\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(0, "a line feed behind a chunk's size", POST CHUNKED "\r\n5\nabcde\r\n0\r\n\r\n" SMUGGLED),
    BAD(0, "a line feed in a chunk's extension", POST CHUNKED "\r\n5;\nabcde\r\n0\r\n\r\n" SMUGGLED),
};

static int setup(void **state)
{
	struct app *a = calloc(1, sizeof(*a));

	app_options(a);
	app_start(a);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	app_stop(*state);
	free(*state);
	return 0;
}

/* What cannot be read as exactly one request is refused, and nothing behind it is looked at. */
static void test_refused(void **state)
{
	struct app *a = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		const struct bad *b = &refused[i];
		struct peer *p = dial(http_port(a->h));
		struct answer r;

		say_n(p, b->text, b->n);
		hear(p, &r, false);
		if (r.status != b->status)
			fail_msg("%s: %d instead of %d", b->what, r.status, b->status);
		assert_in_range(r.n, 0, 500);
		if (closed_within(p, 5000) < 0)
			fail_msg("%s: not closed", b->what);
		answer_free(&r);
		hang_up(p);
	}
	assert_true(wait_for(&a->done, a->begun));
	assert_int_equal(a->whole, 0); /* nothing smuggled was answered */
	assert_int_equal(ask(a, GET "\r\n", NULL), 200);
}

/* The same, where every byte comes alone: how the bytes are packed makes no difference to heads. */
static void test_refused_in_bytes(void **state)
{
	struct app *a = *state;
	int one = 1;

	for (size_t i = 19; i < 32; i++) {
		const struct bad *b = &refused[i];
		struct peer *p = dial(http_port(a->h));
		struct answer r;

		setsockopt(p->fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
		for (size_t k = 0; k < b->n; k++) {
			say_n(p, b->text + k, 1);
			usleep(200);
		}
		hear(p, &r, false);
		if (r.status != b->status)
			fail_msg("%s: %d instead of %d", b->what, r.status, b->status);
		answer_free(&r);
		hang_up(p);
	}
	assert_int_equal(a->begun, 0);
}

static int ask_long(struct app *a, size_t address, size_t header, int lines)
{
	char *text = malloc(address + header + 100 + (size_t)lines * 8), *at = text;
	int status;

	at += sprintf(at, "GET /hello?");
	memset(at, 'a', address);
	at += address;
	at += sprintf(at, " HTTP/1.1\r\nHost: here\r\nX: ");
	memset(at, 'b', header);
	at += header;
	at += sprintf(at, "\r\n");
	while (lines--)
		at += sprintf(at, "A: b\r\n");
	sprintf(at, "\r\n");
	status = ask(a, text, NULL);
	free(text);
	return status;
}

static void test_long_heads(void **state)
{
	struct app *a = *state;

	assert_int_equal(ask_long(a, 8000, 10, 0), 200);
	assert_int_equal(ask_long(a, 10, 8000, 0), 200);
	assert_int_equal(ask_long(a, 10, 10, 95), 200);
	assert_int_equal(ask_long(a, 10, 10, 150), 431);
	assert_int_equal(ask_long(a, 10, 10, 5000), 431);
	assert_int_equal(ask_long(a, 8300, 10, 0), 414);
	for (int i = 0; i < 50; i++) /* what is left of it does not make the answer be lost */
		assert_int_equal(ask_long(a, 300000, 10, 0), 414);
	assert_int_equal(ask_long(a, 10, 8300, 0), 431);
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask_long(a, 10, 300000, 0), 431);
}

/* Many arguments are no more than a long query. */
static void test_many_arguments(void **state)
{
	struct app *a = *state;
	char text[8000] = "GET /told?", *at = text + strlen(text);
	struct answer r;

	while (at < text + 6000)
		at += sprintf(at, "a&");
	strcpy(at, " HTTP/1.1\r\n" HOST "\r\n");
	/* The answer of this path has room for 2000 bytes of it. */
	assert_int_equal(ask(a, GET "\r\n", &r), 200);
	answer_free(&r);
	memcpy(text, "GET /hell?", 10);
	assert_int_equal(ask(a, text, NULL), 404);
}

static void test_slow_heads(void **state)
{
	struct app a;
	struct peer *trickle, *silent, *half, *idle;
	struct answer r;
	int64_t from;

	(void)state;
	app_options(&a);
	a.o.head_ms = 600;
	a.o.idle_ms = 1200;
	app_start(&a);
	trickle = dial(http_port(a.h));
	silent = dial(http_port(a.h));
	half = dial(http_port(a.h));
	idle = dial(http_port(a.h));
	say(half, "GET /hello HT");
	say(idle, GET "\r\n");
	hear(idle, &r, false);
	answer_free(&r);
	from = clock_mono_us();
	while (closed_within(trickle, 20) < 0) { /* a byte now and then does not keep it open */
		say(trickle, "G");
		assert_true(clock_mono_us() - from < 20000000);
	}
	assert_in_range(closed_within(half, 20000), 0, 20000);
	assert_in_range(closed_within(silent, 20000), 0, 20000);
	assert_in_range(closed_within(idle, 20000), 0, 20000);
	assert_true(clock_mono_us() - from >= 1100000); /* the idle one had its time */
	assert_int_equal(a.begun, 1);
	hang_up(trickle);
	hang_up(silent);
	hang_up(half);
	hang_up(idle);
	app_stop(&a);
}

static void test_slow_bodies(void **state)
{
	struct app a;
	struct peer *up, *down;
	struct answer r;
	int64_t from;

	(void)state;
	app_options(&a);
	a.o.idle_ms = 1000;
	app_start(&a);
	up = dial(http_port(a.h));
	down = dial(http_port(a.h));
	say(down, "GET /quick?4000000000 HTTP/1.1\r\n" HOST "\r\n"); /* and takes nothing of it */
	say(up, POST "Content-Length: 1000000\r\n\r\n");
	from = clock_mono_us();
	while (closed_within(up, 50) < 0) {
		say(up, "x");
		assert_true(clock_mono_us() - from < 20000000);
	}
	assert_true(wait_for(&a.broken, 1));
	assert_true(wait_for(&a.done, 2));
	assert_int_equal(a.closed, 1);
	hang_up(up);
	hang_up(down);

	/* Slow, but at a pace: it ends well, in more time than idle_ms. */
	up = dial(http_port(a.h));
	say(up, POST "Content-Length: 60000\r\n\r\n");
	for (int i = 0; i < 60; i++) {
		say_n(up, (uint8_t[1000]){0}, 1000);
		usleep(40000);
	}
	hear(up, &r, false);
	assert_int_equal(r.status, 200);
	answer_free(&r);
	hang_up(up);
	app_stop(&a);
}

static int threads(void)
{
	char line[200];
	int n = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		sscanf(line, "Threads: %d", &n);
	fclose(f);
	return n;
}

/* Slow ones hold no thread: with two workers and a hundred of each kind others are served. */
static void test_slow_ones_hold_no_thread(void **state)
{
	struct app a;
	struct peer *slow[300];
	int before;

	(void)state;
	app_options(&a);
	a.o.workers = 2;
	app_start(&a);
	before = threads();
	for (int i = 0; i < 300; i += 3) {
		for (int k = 0; k < 3; k++)
			slow[i + k] = dial(http_port(a.h));
		say(slow[i], POST "Content-Length: 1000000\r\n\r\nsome");
		say(slow[i + 1], "GET /quick-chunks?400000000 HTTP/1.1\r\n" HOST "\r\n");
		say(slow[i + 2], "GET /events HTTP/1.1\r\n" HOST "\r\n");
	}
	assert_true(wait_for(&a.begun, 300));
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask(&a, GET "\r\n", NULL), 200);
		assert_int_equal(ask(&a, "GET /task/hello HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
		assert_int_equal(ask(&a, POST "Content-Length: 3\r\n\r\nabc", NULL), 200);
	}
	assert_int_equal(threads(), before);
	for (int i = 0; i < 300; i++)
		hang_up(slow[i]);
	assert_true(wait_for(&a.broken, 100));
	assert_true(wait_for(&a.closed, 200));
	app_stop(&a);
}

static struct peer *dial_from(uint16_t port, const char *address)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct peer *p = calloc(1, sizeof(*p));
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(p->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return p;
}

static bool served(struct peer *p)
{
	struct answer r;

	say(p, GET "\r\n");
	hear(p, &r, false);
	free(r.body);
	return r.status == 200;
}

static void test_limits(void **state)
{
	struct app a;
	struct peer *p[12];
	struct answer r;

	(void)state;
	app_options(&a);
	a.o.max_connections = 8;
	a.o.max_each = 5;
	app_start(&a);
	for (int i = 0; i < 12; i++) {
		p[i] = dial_from(http_port(a.h), i < 6 ? "127.0.0.2" : "127.0.0.3");
		say(p[i], GET "\r\n");
		hear(p[i], &r, false);
		/* five of the first, then what is left of eight */
		assert_int_equal(r.status, i < 5 || (i >= 6 && i < 9) ? 200 : 0);
		answer_free(&r);
	}
	hang_up(p[0]);
	for (int i = 0; i < 2000; i++) { /* its place is free as soon as the server has seen it go */
		p[0] = dial_from(http_port(a.h), "127.0.0.3");
		if (served(p[0]))
			break;
		hang_up(p[0]);
		usleep(5000);
		p[0] = NULL;
	}
	assert_non_null(p[0]);
	for (int i = 0; i < 12; i++)
		hang_up(p[i]);
	app_stop(&a);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static long resident_kb(void)
{
	char line[200];
	long n = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %ld kB", &n);
	fclose(f);
	return n;
}

static void test_many_idle(void **state)
{
	enum { N = 2000 };
	struct app *a = *state;
	struct rlimit l;
	long before = resident_kb(), after;
	int *fd = malloc(N * sizeof(*fd));

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur < 2 * N + 100) {
		print_message("# skipped: %llu open files are allowed\n", (unsigned long long)l.rlim_cur);
		skip();
	}
	for (int i = 0; i < N; i++) {
		struct peer *p = dial(http_port(a->h));

		if (!served(p))
			fail_msg("connection %d was not served", i);
		fd[i] = dup(p->fd);
		hang_up(p);
	}
	after = resident_kb();
	print_message("# %d idle connections: %ld KB\n", N, after - before);
	assert_true(after - before < N * 20); /* 20 KB each: ten thousand in 200 MB */
	assert_int_equal(ask(a, "GET /task/hello HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
	for (int i = 0; i < N; i++)
		close(fd[i]);
	free(fd);
}

static void test_memory(void **state)
{
	struct app *a = *state;
	long before = resident_kb(), most = 0;
	uint8_t *block = calloc(1, 1 << 20);
	static const char *const gets[] = {"/quick", "/quick-chunks"};

	for (int chunked = 0; chunked < 2; chunked++) {
		struct peer *p = dial(http_port(a->h));
		struct answer r;

		say(p, "POST /swallow HTTP/1.1\r\n" HOST "%s\r\n",
		    chunked ? CHUNKED : "Content-Length: 1073741824\r\n");
		for (int i = 0; i < 1024; i++) {
			if (chunked)
				say(p, "100000\r\n");
			say_n(p, block, 1 << 20);
			if (chunked)
				say(p, i == 1023 ? "\r\n0\r\n\r\n" : "\r\n");
			most = i % 64 == 0 && resident_kb() > most ? resident_kb() : most;
		}
		hear(p, &r, false);
		assert_int_equal(r.status, 200);
		answer_free(&r);
		hang_up(p);
	}
	assert_int_equal(a->received, 2147483648);
	for (int i = 0; i < 2; i++) {
		struct peer *p = dial(http_port(a->h));
		uint64_t n = 0;

		say(p, "GET %s?1073741824 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", gets[i]);
		for (size_t got = 1, k = 0; got; n += got, k++) {
			got = hear_some(p, block, 1 << 20);
			most = k % 1024 == 0 && resident_kb() > most ? resident_kb() : most;
		}
		assert_true(n > 1073741824);
		hang_up(p);
	}
	free(block);
	print_message("# four times 1 GB: %ld KB more\n", most - before);
	assert_true(most - before < 50000);
}
#endif

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_refused),
		CASE(test_refused_in_bytes),
		CASE(test_long_heads),
		CASE(test_many_arguments),
		cmocka_unit_test(test_slow_heads),
		cmocka_unit_test(test_slow_bodies),
		cmocka_unit_test(test_slow_ones_hold_no_thread),
		cmocka_unit_test(test_limits),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their shadows are memory, too */
		CASE(test_many_idle),
		CASE(test_memory),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
