#include "base/clock.h"
#include "tests/unit/net_peer.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

static const struct scu_proposal echo_only[] = {{.abstract = VERIFICATION, .syntaxes = {IMPLICIT}}};

static int echo(struct scu *s)
{
	struct err e = {0};
	uint16_t status = 0xFFFF;
	int rc = scu_echo(s, &status, &e);

	return rc < 0 ? rc : status;
}

static void close_well(struct scu *s)
{
	struct err e = {0};

	if (scu_close(s, &e) < 0)
		fail_msg("%s", e.msg);
}

/* A connection from an address of this machine. */
static int connect_from(const struct fake *f, const char *address)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(server_port(f->server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* A connection that says nothing. */
static int silent(const struct fake *f)
{
	return connect_from(f, "127.0.0.1");
}

/* Waits until the other side closes; milliseconds, -1 when it did not within most. */
static int64_t closed_after(int fd, int most_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t from = clock_mono_us();
	char byte[64];

	while (poll(&p, 1, most_ms) > 0)
		if (read(fd, byte, sizeof(byte)) <= 0)
			return (clock_mono_us() - from) / 1000;
	return -1;
}

static void wait_open(const struct fake *f, unsigned n)
{
	for (int i = 0; i < 500 && server_open(f->server) != n; i++)
		usleep(10000);
	assert_int_equal(server_open(f->server), n);
}

static void test_echo(void **state)
{
	struct fake f = {0};

	(void)state;
	fake_start(&f, 4, 1000);
	for (int i = 0; i < 3; i++) {
		struct scu *s = fake_open(&f, echo_only, 1);

		assert_int_equal(echo(s), 0);
		assert_int_equal(echo(s), 0);
		close_well(s);
	}
	wait_open(&f, 0);
	assert_int_equal(f.released, 3);
	server_stop(f.server, 1000);
	assert_int_equal(f.broken, 0);
}

static void test_class_not_taken(void **state)
{
	/* trap 16: a class that is not taken */
	static const struct scu_proposal other[] = {{.abstract = "1.2.3.999", .syntaxes = {IMPLICIT}},
						    {.abstract = CT, .syntaxes = {EXPLICIT}}};
	struct fake f = {0};
	struct scu *s;
	uint8_t context;

	(void)state;
	fake_start(&f, 4, 1000);
	s = fake_open(&f, other, 2);
	assert_int_equal(scu_accepted(s, "1.2.3.999", first_of, &context), 0);
	assert_int_equal(context_of(s, CT), 3);
	assert_int_equal(echo(s), -E_UNSUP);
	close_well(s);
	server_stop(f.server, 1000);
}

static void test_limit(void **state)
{
	/* trap 19: one too many is rejected as transient */
	struct fake f = {0};
	struct scu *a, *b, *c = NULL;
	struct err e = {0};

	(void)state;
	fake_start(&f, 2, 1000);
	a = fake_open(&f, echo_only, 1);
	b = fake_open(&f, echo_only, 1);
	assert_int_equal(fake_call(&f, echo_only, 1, &c, &e), -E_DENIED);
	assert_null(c);
	assert_non_null(strstr(e.msg, "result 2")); /* transient */
	assert_int_equal(echo(a), 0);
	close_well(a);
	wait_open(&f, 1);
	c = fake_open(&f, echo_only, 1);
	assert_int_equal(echo(c), 0);
	assert_int_equal(echo(b), 0);
	close_well(c);
	close_well(b);
	server_stop(f.server, 1000);
}

static void test_silent(void **state)
{
	struct fake f = {0};
	struct scu *s;
	int64_t ms;
	int fd;

	(void)state;
	fake_start(&f, 4, 400);
	fd = silent(&f);
	s = fake_open(&f, echo_only, 1);
	assert_int_equal(echo(s), 0); /* not held up by the silent one */
	ms = closed_after(fd, 5000);
	assert_in_range(ms, 100, 3000);
	assert_int_equal(echo(s), 0);
	close(fd);
	close_well(s);
	server_stop(f.server, 1000);
}

/* Sends a request from an address; the type of the answer: 2 accepted, 3 rejected; 0 when cut. */
static int ask_from(const struct fake *f, const char *address, int *fd)
{
	static const uint8_t rq[] = "\x01\0\0\0\0\xA6\0\1\0\0"
				    "FAKE            OTHER           "
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
				    "\x10\0\0\x15"
				    "1.2.840.10008.3.1.1.1"
				    "\x20\0\0\x2E\1\0\0\0\x30\0\0\x11"
				    "1.2.840.10008.1.1"
				    "\x40\0\0\x11"
				    "1.2.840.10008.1.2"
				    "\x50\0\0\x13\x51\0\0\4\0\0\x40\0\x52\0\0\7"
				    "1.2.3.4";
	struct pollfd p = {.events = POLLIN};
	uint8_t answer[4] = {0};

	*fd = p.fd = connect_from(f, address);
	assert_int_equal(write(*fd, rq, sizeof(rq) - 1), sizeof(rq) - 1);
	assert_int_equal(poll(&p, 1, 3000), 1);
	return read(*fd, answer, sizeof(answer)) == sizeof(answer) ? answer[0] : 0;
}

/* Those who say nothing take nobody's place; the limit is one of associations. */
static void test_many_silent(void **state)
{
	struct fake f = {0};
	int quiet[40], fd[5];

	(void)state;
	fake_start(&f, 4, 60000);
	for (int i = 0; i < 40; i++)
		quiet[i] = silent(&f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask_from(&f, "127.0.0.2", &fd[i]), 2);
	assert_int_equal(server_open(f.server), 4);
	assert_int_equal(ask_from(&f, "127.0.0.2", &fd[4]), 3);
	assert_int_equal(closed_after(quiet[0], 50), -1);
	close(fd[0]);
	close(fd[4]);
	wait_open(&f, 3);
	assert_int_equal(ask_from(&f, "127.0.0.3", &fd[0]), 2);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	for (int i = 0; i < 40; i++)
		close(quiet[i]);
	server_stop(f.server, 1000);
}

/* A flood displaces itself, not those of other addresses who have not finished asking. */
static void test_flood(void **state)
{
	enum { FLOOD = 2 + SERVER_WAITING_MORE + 50 };
	struct fake f = {0};
	int other, fd, quiet[FLOOD];
	unsigned cut = 0;
	int64_t from;

	(void)state;
	fake_start(&f, 2, 60000);
	other = connect_from(&f, "127.0.0.2");
	for (int i = 0; i < FLOOD; i++)
		quiet[i] = silent(&f);
	assert_int_equal(ask_from(&f, "127.0.0.3", &fd), 2);
	for (int i = 0; i < FLOOD; i++)
		cut += closed_after(quiet[i], 0) >= 0;
	assert_in_range(cut, 51, 53); /* the 50, and the room for the two others */
	assert_int_equal(closed_after(quiet[0], 0), -1);
	assert_in_range(closed_after(quiet[SERVER_WAITING_EACH], 0), 0, 100);
	assert_int_equal(closed_after(quiet[FLOOD - 1], 0), -1);
	assert_int_equal(closed_after(other, 0), -1);
	from = clock_mono_us();
	close(fd);
	server_stop(f.server, 5000);
	assert_in_range((clock_mono_us() - from) / 1000, 0, 2000);
	for (int i = 0; i < FLOOD; i++)
		close(quiet[i]);
	close(other);
}

/* Bytes that are no PDU, and a PDU that claims to be huge, cost nobody anything. */
static void test_garbage(void **state)
{
	static const uint8_t huge[] = {0x01, 0, 0xff, 0xff, 0xff, 0xf0, 0, 1, 0, 0};
	static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03};
	struct fake f = {0};
	struct scu *s;
	int fd[2];

	(void)state;
	fake_start(&f, 4, 1000);
	fd[0] = silent(&f);
	fd[1] = silent(&f);
	assert_int_equal(write(fd[0], huge, sizeof(huge)), sizeof(huge));
	assert_int_equal(write(fd[1], hello, sizeof(hello)), sizeof(hello));
	for (int i = 0; i < 2; i++) {
		assert_in_range(closed_after(fd[i], 5000), 0, 4000);
		close(fd[i]);
	}
	s = fake_open(&f, echo_only, 1);
	assert_int_equal(echo(s), 0);
	close_well(s);
	wait_open(&f, 0);
	server_stop(f.server, 1000);
}

static int slow_yes(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context, struct err *e)
{
	*(_Atomic int *)f->arg = 1;
	usleep(400000);
	return say_yes(f, d, rq, context, e);
}

static void *echo_thread(void *scu)
{
	return (void *)(intptr_t)echo(scu);
}

/* A message under way at the stop is answered; those who are idle are cut after the grace, those who say nothing at
 * once. */
static void test_stop(void **state)
{
	_Atomic int under_way = 0;
	struct fake f = {.request = slow_yes, .arg = &under_way};
	struct scu *busy, *idle;
	pthread_t t;
	void *status;
	int64_t from;
	int fd;

	(void)state;
	fake_start(&f, 4, 60000);
	busy = fake_open(&f, echo_only, 1);
	idle = fake_open(&f, echo_only, 1);
	fd = silent(&f);
	wait_open(&f, 2);
	assert_int_equal(pthread_create(&t, NULL, echo_thread, busy), 0);
	while (!under_way)
		usleep(1000);
	from = clock_mono_us();
	server_stop(f.server, 900);
	assert_in_range((clock_mono_us() - from) / 1000, 300, 3000);
	pthread_join(t, &status);
	assert_int_equal((intptr_t)status, 0);
	assert_true(echo(idle) < 0);
	assert_in_range(closed_after(fd, 100), 0, 100);
	close(fd);
	scu_abort(busy);
	scu_abort(idle);
}

static void test_port_taken(void **state)
{
	struct fake f = {0};
	struct server_options o = {.listen = "127.0.0.1", .max_associations = 1, .assoc = plain_options};
	struct server *second = NULL;
	struct err e = {0};

	(void)state;
	fake_start(&f, 1, 1000);
	o.port = server_port(f.server);
	o.serve = fake_serve;
	o.arg = &f;
	assert_int_equal(server_start(&o, &second, &e), -E_BUSY);
	assert_null(second);
	assert_non_null(strstr(e.msg, "127.0.0.1"));
	e = (struct err){0};
	o.listen = "no such address";
	assert_int_equal(server_start(&o, &second, &e), -E_CONFIG);
	server_stop(f.server, 0);
}

static void test_loopback(void **state)
{
	static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1", "0:0::1"};
	static const char *const elsewhere[] = {"127.example.org",
						"127.0.0.1.example.org",
						"128.0.0.1",
						"0.0.0.0",
						"::",
						"10.127.0.1",
						"::1:1",
						"127.",
						""};

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		assert_true(server_loopback(here[i]));
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		assert_false(server_loopback(elsewhere[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),       cmocka_unit_test(test_class_not_taken), cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_silent),     cmocka_unit_test(test_garbage),         cmocka_unit_test(test_stop),
	    cmocka_unit_test(test_port_taken), cmocka_unit_test(test_many_silent),     cmocka_unit_test(test_flood),
	    cmocka_unit_test(test_loopback),
	};

	return cmocka_run_group_tests(tests, net_setup, NULL);
}
