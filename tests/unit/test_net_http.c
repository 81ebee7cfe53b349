#include "tests/unit/http_peer.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: here\r\n"

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

static void expect_body(struct answer *a, int status, const char *body)
{
	assert_int_equal(a->status, status);
	assert_false(a->cut);
	assert_string_equal(a->body ? (char *)a->body : "", body);
	answer_free(a);
}

static void test_answers(void **state)
{
	struct app *a = *state;
	struct answer r;
	struct peer *p = dial(http_port(a->h));

	for (int i = 0; i < 3; i++) { /* one connection: an answer, by whichever thread, keeps it */
		say(p, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
		hear(p, &r, false);
		expect_body(&r, 200, "hello\n");
		say(p, "GET /task/hello HTTP/1.1\r\n" HOST "\r\n");
		hear(p, &r, false);
		expect_body(&r, 200, "hello\n");
		say(p, "GET /task/empty HTTP/1.1\r\n" HOST "\r\n");
		hear(p, &r, false);
		expect_body(&r, 204, "");
	}
	say(p, "GET /nothing HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	hear(p, &r, false);
	assert_true(r.closes);
	expect_body(&r, 404, "nothing\n");
	assert_in_range(closed_within(p, 5000), 0, 5000);
	hang_up(p);
	assert_int_equal(ask(a, "GET /forgotten HTTP/1.1\r\n" HOST "\r\n", NULL), 500);
	assert_int_equal(ask(a, "GET /hello HTTP/1.0\r\n\r\n", NULL), 200);
	assert_true(wait_for(&a->done, 12));
	assert_int_equal(a->whole, 12);
}

static void test_what_is_told(void **state)
{
	struct app *a = *state;
	struct answer r;

	ask(a, "GET /told?a=%2F&b HTTP/1.1\r\n" HOST "X-Thing: one\r\nx-thing:two\t\r\nX-THING: \r\n\r\n", &r);
	assert_non_null(strstr(r.head, "\r\nX-Good: fine\r\n"));
	assert_null(strstr(r.head, "Injected"));
	expect_body(&r, 200, "GET|/told|a=%2F&b|one, two, |127.0.0.1|0|0||");
	ask(a, "GET /told HTTP/1.1\r\n" HOST "\r\n", &r);
	expect_body(&r, 200, "GET|/told||none|127.0.0.1|0|0||");
	ask(a, "GET http://elsewhere:80/told?? HTTP/1.1\r\n" HOST "\r\n", &r);
	expect_body(&r, 200, "GET|/told|?|none|127.0.0.1|0|0||");
	ask(a, "BREW /told HTTP/1.1\r\n" HOST "Content-Length: 00\r\n\r\n", &r);
	expect_body(&r, 200, "BREW|/told||none|127.0.0.1|0|0||");
}

static void test_pipelined(void **state)
{
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;

	for (int i = 0; i < 40; i++)
		say(p,
		    "GET /%shello HTTP/1.1\r\n" HOST "\r\n%sPOST /up HTTP/1.1\r\n" HOST
		    "Content-Length: %d\r\n\r\n%.*s",
		    i % 2 ? "task/" : "", i % 3 ? "\r\n" : "", i % 5, i % 5, "abcdef");
	for (int i = 0; i < 40; i++) {
		hear(p, &r, false);
		expect_body(&r, 200, "hello\n");
		hear(p, &r, false);
		assert_int_equal(strtol((char *)r.body, NULL, 10), i % 5);
		answer_free(&r);
	}
	hang_up(p);
}

static void test_head(void **state)
{
	static const char *const paths[] = {"/hello",         "/task/hello", "/range?5,400000,7,9",
					    "/length?400016", "/stream?9",   "/task/range?5,1000,0,0"};
	static const char *const lengths[] = {"6", "6", "400016", "400016", NULL, "1000"};
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char line[64];

		say(p, "HEAD %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
		hear(p, &r, true);
		assert_in_range(r.status, 200, 206);
		snprintf(line, sizeof(line), "\r\nContent-Length: %s\r\n", lengths[i] ? lengths[i] : "");
		assert_int_equal(strstr(r.head, line) != NULL, lengths[i] != NULL);
		if (r.closes) {
			assert_int_equal(hear_some(p, line, 1), 0); /* no body, not even its end */
			hang_up(p);
			p = dial(http_port(a->h));
		}
	}
	say(p, "GET /hello HTTP/1.1\r\n" HOST "\r\n"); /* nothing was left on the line */
	hear(p, &r, false);
	expect_body(&r, 200, "hello\n");
	hang_up(p);
	assert_true(wait_for(&a->closed, 2));
}

static uint64_t sum_of(const uint8_t *data, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + data[i];
	return sum;
}

static void send_chunked(struct peer *p, const uint8_t *data, size_t n)
{
	for (size_t at = 0, size = 1; at < n; at += size, size = size * 7 % 99991 + 1) {
		if (size > n - at)
			size = n - at;
		say(p, "%zx;x=y\r\n", size);
		say_n(p, data + at, size);
		say(p, "\r\n");
	}
	say(p, "0\r\nTrailer: of no interest\r\n\r\n");
}

static void test_uploads(void **state)
{
	static const size_t sizes[] = {0, 1, 4096, 65536, 262144, 262145, 525000, 5000000};
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	uint8_t *data = malloc(5000000);
	char expect[80];
	struct answer r;

	for (size_t i = 0; i < 5000000; i++)
		data[i] = file_byte(i);
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i / 2];

		if (i % 2) {
			say(p, "POST /up HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n");
			send_chunked(p, data, n);
		} else {
			say(p, "POST /up HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
			say_n(p, data, n);
		}
		hear(p, &r, false);
		snprintf(expect, sizeof(expect), "%zu %llu\n", n, (unsigned long long)sum_of(data, n));
		expect_body(&r, 200, expect);
	}
	hang_up(p);
	free(data);
	assert_int_equal(a->broken, 0);
	/* Pieces are large, so that an instance takes few turns. */
	assert_in_range(a->pieces, 1, 2 * (1 + 1 + 1 + 1 + 2 + 3 + 20) + 10);
}

static void test_expect(void **state)
{
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;

	say(p, "POST /up HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	hear(p, &r, false);
	assert_int_equal(r.status, 100);
	say(p, "abc");
	hear(p, &r, false);
	assert_int_equal(r.status, 200);
	answer_free(&r);
	say(p, "POST /refused HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	hear(p, &r, false); /* no 100 before it */
	assert_true(r.closes);
	expect_body(&r, 413, "no\n");
	hang_up(p);
}

/* Whoever answers early is heard, though the client goes on sending. */
static void test_early_answers(void **state)
{
	static const char *const paths[] = {"/refused", "/task/refused", "/early-piece"};
	struct app *a = *state;
	uint8_t *block = calloc(1, 1 << 20);

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (int mb = 1; mb <= 64; mb *= 8) {
			struct peer *p = dial(http_port(a->h));
			struct answer r;

			say(p, "POST %s HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", paths[i], mb << 20);
			for (int k = 0; k < mb; k++)
				say_n(p, block, 1 << 20);
			hear(p, &r, false);
			assert_true(r.closes);
			expect_body(&r, i == 2 ? 507 : 413, i == 2 ? "full\n" : "no\n");
			assert_in_range(closed_within(p, 5000), 0, 5000);
			hang_up(p);
		}
	free(block);
	assert_int_equal(a->ended, 0);
}

static void expect_file(struct answer *r, uint64_t at, size_t n, size_t head, size_t tail)
{
	assert_false(r->cut);
	assert_int_equal(r->n, n + head + tail);
	for (size_t i = 0; i < n; i++)
		if (r->body[head + i] != file_byte(at + i))
			fail_msg("byte %zu of %zu is wrong", i, n);
	for (size_t i = 0; i < head + tail; i++)
		assert_int_equal(r->body[i < head ? i : n + i], '#');
	answer_free(r);
}

static void test_streams(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 65536, 262144, 262145, 2000000};
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;

	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(*sizes); i++) {
		say(p, "GET %s/%s?%zu HTTP/1.1\r\n" HOST "\r\n", i & 1 ? "/task" : "", i & 2 ? "stream" : "length",
		    sizes[i / 4]);
		hear(p, &r, false);
		assert_int_equal(strstr(r.head, "chunked") != NULL, (i & 2) != 0);
		expect_file(&r, 0, sizes[i / 4], 0, 0);
	}
	hang_up(p);
	assert_true(wait_for(&a->closed, 28));
	assert_true(wait_for(&a->done, 28));
	assert_int_equal(a->whole, 28);
}

/* What is not whole does not look whole. */
static void test_cut_off(void **state)
{
	static const char *const paths[] = {"/broken?900000", "/short?1000", "/short?500000", "/range?2999000,2000,0,0",
					    "/range?2000000,1500000,100,100"};
	struct app *a = *state;
	struct answer r;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char request[100];

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]);
		ask(a, request, &r);
		assert_true(r.cut);
		answer_free(&r);
	}
	assert_true(wait_for(&a->done, 5));
	assert_int_equal(a->whole, 0);
	ask(a, "GET /broken?900000 HTTP/1.0\r\n\r\n", &r); /* no length, no chunks: only a reset tells */
	assert_int_equal(r.n < 900000, true);
	answer_free(&r);
}

static void test_ranges(void **state)
{
	static const struct {
		unsigned at, n, head, tail;
	} some[] = {{0, 1, 0, 0},     {77, 40000, 0, 0},         {1000, 40000, 120, 40},   {0, 65536, 0, 0},
		    {1, 65536, 1, 1}, {12345, 525000, 0, 0},     {54321, 525000, 200, 60}, {0, 262144, 0, 0},
		    {0, 0, 20, 20},   {4096, 1 << 20, 300, 300}, {0, FILE_BYTES, 0, 0},    {5, 70000, 0, 300}};
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;

	for (size_t i = 0; i < 2 * sizeof(some) / sizeof(*some); i++) {
		size_t k = i / 2;

		say(p, "GET %s/range?%u,%u,%u,%u HTTP/1.1\r\n" HOST "\r\n", i % 2 ? "/task" : "", some[k].at, some[k].n,
		    some[k].head, some[k].tail);
		hear(p, &r, false);
		assert_int_equal(r.status, 206);
		expect_file(&r, some[k].at, some[k].n, some[k].head, some[k].tail);
	}
	hang_up(p);
}

static void test_events(void **state)
{
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	char line[200];
	size_t n = 0;

	say(p, "GET /events HTTP/1.1\r\n" HOST "\r\n");
	while (n < sizeof(line) - 1 && (n += hear_some(p, line + n, 1)) &&
	       (n < 4 || memcmp(line + n - 4, "\r\n\r\n", 4) != 0))
		; /* headers come before the first event */
	for (int i = 1; i <= 50; i++) {
		char expect[40];

		a->events = i;
		for (int k = 0; k < 20000 && !a->waiting; k++)
			usleep(1000);
		http_wake(a->waiting);
		snprintf(expect, sizeof(expect), "%zX\r\ndata: %d\n\n\r\n", strlen("data: n\n\n") + (i > 9), i);
		for (n = 0; n < strlen(expect);)
			n += hear_some(p, line + n, strlen(expect) - n);
		assert_memory_equal(line, expect, n);
	}
	hang_up(p); /* nothing moves on the connection, and still it is noticed */
	assert_true(wait_for(&a->closed, 1));
	assert_true(wait_for(&a->done, 1));
	assert_int_equal(a->whole, 0);
}

static void test_client_leaves(void **state)
{
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));

	a->hold = true;
	say(p, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	assert_true(wait_for(&a->worked, 1));
	hang_up(p);
	assert_true(wait_for(&a->saw_gone, 1));
	assert_true(wait_for(&a->done, 1));
	assert_int_equal(a->last, 0);

	p = dial(http_port(a->h));
	say(p, "POST /up HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\nabc");
	assert_true(wait_for(&a->worked, 2));
	hang_up(p);
	assert_true(wait_for(&a->broken, 1));
	assert_true(wait_for(&a->done, 2));

	p = dial(http_port(a->h));
	say(p, "POST /slow-sink HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\n");
	for (int i = 0; i < 700; i++) /* the sink has one piece and is at it, another waits */
		say_n(p, (uint8_t[1000]){0}, 1000);
	assert_true(wait_for(&a->pieces, 1));
	hang_up(p);
	a->hold = false;
	assert_true(wait_for(&a->broken, 2));

	p = dial(http_port(a->h));
	say(p, "GET /quick?4000000000 HTTP/1.1\r\n" HOST "\r\n");
	hear_some(p, (uint8_t[100]){0}, 100);
	hang_up(p);
	assert_true(wait_for(&a->closed, 1));
	assert_true(wait_for(&a->done, 4));
	assert_int_equal(a->whole, 0);
}

/* A sink that does not keep up holds the client up: what is on its way is bounded. */
static void test_back_pressure(void **state)
{
	struct app *a = *state;
	struct peer *p = dial(http_port(a->h));
	struct answer r;
	uint8_t *block = calloc(1, 1 << 20);
	size_t sent = 0, size = 64u << 20;

	a->hold = true;
	say(p, "POST /slow-sink HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", size);
	for (int quiet = 0; quiet < 50;) {
		ssize_t n = send(p->fd, block, 1 << 20, MSG_DONTWAIT | MSG_NOSIGNAL);

		quiet = n > 0 ? 0 : quiet + 1;
		sent += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			usleep(10000);
		assert_true(sent < size);
	}
	a->hold = false;
	for (; sent < size; sent += size - sent < 1 << 20 ? size - sent : 1 << 20)
		say_n(p, block, size - sent < 1 << 20 ? size - sent : 1 << 20);
	hear(p, &r, false);
	assert_int_equal(r.status, 200);
	assert_int_equal(a->received, size);
	answer_free(&r);
	hang_up(p);
	free(block);
}

static void test_stop(void **state)
{
	struct app a;
	struct peer *held, *idle, *events;
	struct answer r;

	(void)state;
	app_options(&a);
	app_start(&a);
	held = dial(http_port(a.h));
	idle = dial(http_port(a.h));
	events = dial(http_port(a.h));
	say(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	hear(idle, &r, false);
	answer_free(&r);
	say(events, "GET /events HTTP/1.1\r\n" HOST "\r\n");
	a.hold = true;
	say(held, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
	assert_true(wait_for(&a.worked, 1));
	assert_true(wait_for(&a.begun, 3));
	a.hold = false; /* within the grace */
	http_stop(a.h, 500);
	hear(held, &r, false);
	assert_int_equal(r.status, 200);
	answer_free(&r);
	assert_in_range(closed_within(idle, 1000), 0, 1000);
	assert_in_range(closed_within(events, 1000), 0, 1000); /* cut behind the grace */
	assert_int_equal(a.done, 3);
	assert_int_equal(a.closed, 1);
	hang_up(held);
	hang_up(idle);
	hang_up(events);
	close(a.file);
}

/* Of four workers two are for the half and one for the third, whatever waits for them. */
static void test_shares(void **state)
{
	enum { HELD = 12 };
	struct app *a = *state;
	struct peer *held[HELD];
	struct answer r;

	a->hold = true;
	for (int i = 0; i < HELD; i++) {
		held[i] = dial(http_port(a->h));
		say(held[i], "GET %s HTTP/1.1\r\n" HOST "\r\n", i % 2 ? "/hold-half" : "/hold-third");
	}
	assert_true(wait_for(&a->begun, HELD));
	assert_true(wait_for(&a->worked, 3));
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(a, "GET /task/hello HTTP/1.1\r\n" HOST "\r\n", NULL), 200);
	assert_int_equal(a->worked, 3 + 5);
	a->hold = false;
	for (int i = 0; i < HELD; i++) {
		hear(held[i], &r, false);
		expect_body(&r, 200, "held\n");
		hang_up(held[i]);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_answers),       CASE(test_what_is_told), CASE(test_pipelined),        CASE(test_head),
	    CASE(test_uploads),       CASE(test_expect),       CASE(test_early_answers),    CASE(test_streams),
	    CASE(test_cut_off),       CASE(test_ranges),       CASE(test_events),           CASE(test_client_leaves),
	    CASE(test_back_pressure), CASE(test_shares),       cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
