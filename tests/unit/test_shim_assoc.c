/* tests/unit/test_shim_assoc.c - associations between the shim's two ends, and with sockets that misbehave. */
#include "tests/unit/shim_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const ile[] = {ILE};
static const char *const ht[] = {HTJ2K, ILE};

static struct shim_context context(uint8_t id, const char *abstract, const char *const *syntaxes, unsigned n)
{
	struct shim_context c = {.id = id, .syntaxes = syntaxes, .n_syntaxes = n, .role_scu = 1};

	snprintf(c.abstract, sizeof c.abstract, "%s", abstract);
	return c;
}

static int connect_to(const struct pair_server *s, struct shim_context *c, unsigned n, shim_assoc **a)
{
	return shim_assoc_request("127.0.0.1", s->port, "ALICE", "BOB", &pair_options, c, n, a);
}

/* Reads one message: command bytes into *cmd, data appended to out (room bytes). Returns the data's length or a code.
 */
static int64_t read_message(shim_assoc *a, uint8_t *cmd, size_t *cmd_n, uint8_t *out, size_t room, bool data)
{
	struct shim_pdv v;
	size_t n = 0;
	bool command_done = false;
	int64_t got;
	int rc;

	*cmd_n = 0;
	do {
		if ((rc = shim_assoc_next(a, 5000, &v)) < 0)
			return rc;
		while (v.length > 0) {
			uint8_t *to = v.command ? cmd + *cmd_n : out + n;
			got = shim_assoc_read(a, to, v.command ? 1024 - *cmd_n : room - n);
			if (got < 0)
				return got;
			v.length -= (uint32_t)got;
			*(v.command ? cmd_n : &n) += (size_t)got;
		}
		if (v.command && v.last)
			command_done = true;
	} while (!(command_done && (!data || (!v.command && v.last))));
	return (int64_t)n;
}

static int serve_echo(struct pair_server *s, int fd)
{
	struct shim_command c, r = {.field = SHIM_C_ECHO_RSP, .has_status = 1};
	uint8_t buf[1024];
	shim_assoc *a = NULL;
	size_t n;
	int64_t rc = pair_accept_all(fd, &pair_options, &a);

	while (rc == 0 && (rc = read_message(a, buf, &n, NULL, 0, false)) >= 0) {
		if ((rc = shim_command_decode(buf, n, &c)) < 0)
			break;
		r.responded_id = c.message_id;
		snprintf(r.affected_class, sizeof r.affected_class, "%s", c.affected_class);
		n = (size_t)shim_command_encode(&r, buf, sizeof buf);
		rc = shim_assoc_send(a, 1, buf, n, NULL, 0);
	}
	if (rc == SHIM_ERELEASE)
		rc = shim_assoc_release_ack(a);
	if (s->arg)
		shim_assoc_peer(a, s->arg);
	shim_assoc_free(a);
	return (int)rc;
}

static void echo_and_release(void **state)
{
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1)};
	struct shim_command q = {.field = SHIM_C_ECHO_RQ, .message_id = 7, .affected_class = VERIFICATION}, r;
	struct shim_peer seen = {0}, server_side;
	struct pair_server s;
	uint8_t buf[1024];
	shim_assoc *a = NULL;
	size_t n;

	(void)state;
	pair_start(&s, serve_echo, &server_side);
	assert_int_equal(connect_to(&s, c, 1, &a), 0);
	assert_int_equal(c[0].result, 0);
	assert_string_equal(c[0].accepted, ILE);
	shim_assoc_peer(a, &seen);
	assert_string_equal(seen.implementation, "1.2.3.4.5");
	assert_string_equal(seen.version, "PAIR_TEST");
	assert_int_equal(seen.max_pdu, 16384);
	assert_string_equal(seen.address, "127.0.0.1");
	assert_int_equal(shim_assoc_send_size(a), 16378);
	for (int i = 0; i < 3; i++) {
		q.message_id = (uint16_t)(7 + i);
		n = (size_t)shim_command_encode(&q, buf, sizeof buf);
		assert_int_equal(shim_assoc_send(a, 1, buf, n, NULL, 0), 0);
		assert_int_equal(read_message(a, buf, &n, NULL, 0, false), 0);
		assert_int_equal(shim_command_decode(buf, n, &r), 0);
		assert_int_equal(r.field, SHIM_C_ECHO_RSP);
		assert_int_equal(r.responded_id, 7 + i);
		assert_int_equal(r.has_status, 1);
		assert_int_equal(r.status, 0);
		assert_string_equal(r.affected_class, VERIFICATION);
	}
	assert_int_equal(shim_assoc_release(a), 0);
	assert_int_equal(shim_assoc_send(a, 1, buf, n, NULL, 0), SHIM_EINVAL);
	shim_assoc_free(a);
	assert_int_equal(pair_end(&s), 0);
	assert_string_equal(server_side.calling, "ALICE");
	assert_string_equal(server_side.called, "BOB");
	assert_int_equal(server_side.max_invoked, 1);
}

enum { BIG = 10000019 };

static uint8_t *pattern(size_t n)
{
	uint8_t *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 2654435761u >> 13);
	return p;
}

static int serve_store(struct pair_server *s, int fd)
{
	uint8_t cmd[1024], *got = malloc(BIG + 16), *want = pattern(BIG);
	shim_assoc *a = NULL;
	size_t n;
	int64_t rc = pair_accept_all(fd, &pair_options, &a);

	for (int i = 0; rc >= 0 && i < 2; i++) {
		rc = read_message(a, cmd, &n, got, BIG + 16, true);
		if (rc >= 0 && (rc != BIG || memcmp(got, want, BIG) != 0 || n != 9))
			rc = -100;
		if (rc >= 0)
			rc = shim_assoc_send(a, 3, "answer", 6, NULL, 0);
	}
	if (rc >= 0 && (rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0})) == SHIM_ERELEASE)
		rc = shim_assoc_release_ack(a);
	(void)s;
	shim_assoc_free(a);
	free(got);
	free(want);
	return (int)rc;
}

/* 10 MB, at first in odd pieces, then at once; the transfer syntax is one that DCMTK 3.6.7 does not know. */
static void big_data_set(void **state)
{
	/* trap 17: a data set in fragments of both sizes */
	static const size_t pieces[] = {1, 16378, 2, 65536, 333333, 100000, 7};
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1), context(3, CT_STORAGE, ht, 2)};
	uint8_t *data = pattern(BIG), answer[1024];
	struct pair_server s;
	shim_assoc *a = NULL;
	size_t at = 0, n;

	(void)state;
	pair_start(&s, serve_store, NULL);
	assert_int_equal(connect_to(&s, c, 2, &a), 0);
	assert_string_equal(c[1].accepted, HTJ2K);
	assert_int_equal(shim_assoc_send(a, 3, "a command", 9, NULL, 0), 0);
	for (unsigned i = 0; at < BIG; i++, at += n) {
		n = pieces[i % 7] < BIG - at ? pieces[i % 7] : BIG - at;
		assert_int_equal(shim_assoc_send_data(a, 3, data + at, n, 0), 0);
	}
	assert_int_equal(shim_assoc_send_data(a, 3, NULL, 0, 1), 0);
	assert_int_equal(read_message(a, answer, &n, NULL, 0, false), 0);
	assert_memory_equal(answer, "answer", 6);
	assert_int_equal(shim_assoc_send(a, 3, "a command", 9, data, BIG), 0);
	assert_int_equal(read_message(a, answer, &n, NULL, 0, false), 0);
	assert_int_equal(shim_assoc_release(a), 0);
	shim_assoc_free(a);
	assert_int_equal(pair_end(&s), 0);
	free(data);
}

static int serve_choice(struct pair_server *s, int fd)
{
	struct shim_context *c;
	shim_assoc *a = NULL;
	int rc = shim_assoc_accept(fd, &pair_options, &a);

	(void)s;
	if (rc < 0)
		return rc;
	if (shim_assoc_contexts(a, &c) != 4 || strcmp(c[0].abstract, VERIFICATION) != 0 || c[1].n_syntaxes != 2 ||
	    strcmp(c[1].syntaxes[0], HTJ2K) != 0 || c[0].role_scp || !c[2].role_scp || c[2].role_scu || !c[3].role_scu)
		return -100;
	c[0].result = 0;
	strcpy(c[0].accepted, ILE);
	c[1].result = 4;
	c[2].result = 0;
	strcpy(c[2].accepted, ILE);
	c[2].accepted_scu = 0;
	c[2].accepted_scp = 1;
	c[3].result = 3;
	if ((rc = shim_assoc_acknowledge(a)) == 0)
		rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0});
	shim_assoc_free(a);
	return rc;
}

static void contexts_and_roles(void **state)
{
	/* trap 16: a result for each context, one syntax for each accepted one */
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1), context(3, CT_STORAGE, ht, 2),
				   context(5, "1.2.840.10008.5.1.4.1.1.4", ile, 1), context(255, "1.2.3", ile, 1)};
	struct pair_server s;
	shim_assoc *a = NULL;

	(void)state;
	c[2].role_scu = 0;
	c[2].role_scp = 1;
	pair_start(&s, serve_choice, NULL);
	assert_int_equal(connect_to(&s, c, 4, &a), 0);
	assert_int_equal(c[0].result, 0);
	assert_int_equal(c[0].accepted_scu, 1);
	assert_int_equal(c[0].accepted_scp, 0);
	assert_int_equal(c[1].result, 4);
	assert_int_equal(c[2].result, 0);
	assert_int_equal(c[2].accepted_scu, 0);
	assert_int_equal(c[2].accepted_scp, 1);
	assert_int_equal(c[3].result, 3);
	assert_int_equal(shim_assoc_send(a, 3, "x", 1, NULL, 0), SHIM_EINVAL);
	assert_int_equal(shim_assoc_abort(a), 0);
	shim_assoc_free(a);
	assert_int_equal(pair_end(&s), SHIM_EABORTED);
}

static int serve_reject(struct pair_server *s, int fd)
{
	shim_assoc *a = NULL;
	int rc = shim_assoc_accept(fd, &pair_options, &a);

	(void)s;
	if (rc == 0)
		rc = shim_assoc_reject(a, 2, 3, 2);
	shim_assoc_free(a);
	return rc;
}

static void rejected(void **state)
{
	/* trap 19: result, source and reason of a rejection */
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1)};
	struct pair_server s;
	shim_assoc *a = NULL;

	(void)state;
	pair_start(&s, serve_reject, NULL);
	assert_int_equal(connect_to(&s, c, 1, &a), SHIM_EREJECTED);
	assert_null(a);
	assert_string_equal(shim_error(), "association rejected: result 2, source 3, reason 2");
	assert_int_equal(pair_end(&s), 0);
}

static int serve_accept_only(struct pair_server *s, int fd)
{
	struct shim_assoc_options o = pair_options;
	shim_assoc *a = NULL;
	int rc;

	o.artim_ms = 300;
	rc = shim_assoc_accept(fd, &o, &a);
	(void)s;
	shim_assoc_free(a);
	return rc;
}

/* A peer that says nothing, or one byte now and then, is let go when its time is over. */
static void silent_peer(void **state)
{
	/* trap 19: ARTIM */
	(void)state;
	for (int drip = 0; drip < 2; drip++) {
		struct pair_server s;
		int64_t start = pair_now_ms(), took;
		int fd;

		pair_start(&s, serve_accept_only, NULL);
		fd = pair_connect(s.port);
		for (int i = 0; drip && i < 8; i++) {
			static const uint8_t head[8] = {1, 0, 0, 0, 0, 200, 0, 1};
			(void)!send(fd, head + i, 1, MSG_NOSIGNAL);
			usleep(60000);
		}
		assert_int_equal(pair_end(&s), SHIM_ETIMEOUT);
		took = pair_now_ms() - start;
		assert_true(took >= 290 && took < 1500);
		assert_non_null(strstr(s.error, "time limit"));
		close(fd);
	}
}

static int serve_nothing(struct pair_server *s, int fd)
{
	(void)s;
	usleep(700000);
	close(fd);
	return 0;
}

static void silent_server(void **state)
{
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1)};
	struct shim_assoc_options o = pair_options;
	struct pair_server s;
	shim_assoc *a = NULL;
	int64_t start = pair_now_ms();

	(void)state;
	o.artim_ms = 300;
	pair_start(&s, serve_nothing, NULL);
	assert_int_equal(shim_assoc_request("127.0.0.1", s.port, "A", "B", &o, c, 1, &a), SHIM_ETIMEOUT);
	assert_true(pair_now_ms() - start < 650);
	assert_int_equal(pair_end(&s), 0);
	/* nobody listens there any more */
	assert_int_equal(shim_assoc_request("127.0.0.1", s.port, "A", "B", &o, c, 1, &a), SHIM_ECLOSED);
	assert_int_equal(shim_assoc_request("no-such-host.invalid", 104, "A", "B", &o, c, 1, &a), SHIM_EIO);
	assert_null(a);
}

static int serve_stalled(struct pair_server *s, int fd)
{
	struct shim_assoc_options o = pair_options;
	shim_assoc *a = NULL;
	struct shim_pdv v;
	char waste[64];
	int64_t start, got = 0;
	int rc;

	(void)s;
	o.io_ms = 200;
	if ((rc = pair_accept_all(fd, &o, &a)) < 0)
		return rc;
	if (shim_assoc_next(a, 0, &v) != SHIM_ETIMEOUT)
		return -100;
	start = pair_now_ms();
	if (shim_assoc_next(a, 100, &v) != SHIM_ETIMEOUT || pair_now_ms() - start < 95)
		return -101;
	if ((rc = shim_assoc_next(a, 5000, &v)) < 0 || v.length != 0xfa || !v.command || !v.last)
		return -102;
	start = pair_now_ms();
	while (got >= 0)
		got = shim_assoc_read(a, waste, sizeof waste);
	if (pair_now_ms() - start < 190 || pair_now_ms() - start > 2000)
		return -103;
	shim_assoc_free(a);
	return (int)got;
}

/* A peer that stops in the middle of a PDU costs io_ms, no more. */
static void stalled_peer(void **state)
{
	static const uint8_t half[] = {4, 0, 0, 0, 1, 0, 0, 0, 0, 0xfc, 1, 3, 'a', 'b'};
	struct pair_server s;
	uint8_t pdu[512];
	size_t n = pair_request(pdu);
	int fd;

	(void)state;
	pair_start(&s, serve_stalled, NULL);
	fd = pair_connect(s.port);
	assert_int_equal(send(fd, pdu, n, 0), n);
	usleep(250000);
	assert_int_equal(send(fd, half, sizeof half, 0), sizeof half);
	assert_int_equal(pair_end(&s), SHIM_ETIMEOUT);
	close(fd);
}

static int serve_halves(struct pair_server *s, int fd)
{
	struct shim_assoc_options o = pair_options;
	shim_assoc *a = NULL;
	struct shim_pdv v;
	int rc;

	(void)s;
	o.io_ms = 200;
	if ((rc = pair_accept_all(fd, &o, &a)) == 0)
		rc = shim_assoc_next(a, 5000, &v);
	shim_assoc_free(a);
	return rc;
}

/* Stopping inside a header is not silence: waiting on would take the rest of it for the beginning of another. */
static void half_header(void **state)
{
	/* trap 19: a peer that stops within a PDU */
	static const uint8_t half[] = {4, 0, 0, 0, 1, 0, 0, 0};
	uint8_t pdu[512];
	size_t n = pair_request(pdu);

	(void)state;
	for (size_t part = 3; part <= sizeof half; part += 5) { /* of the PDU, of the PDV */
		struct pair_server s;
		int fd;

		pair_start(&s, serve_halves, NULL);
		fd = pair_connect(s.port);
		assert_int_equal(send(fd, pdu, n, 0), n);
		assert_int_equal(send(fd, half, part, 0), part);
		assert_int_equal(pair_end(&s), SHIM_EPROTO);
		close(fd);
	}
}

static int serve_shutdown(struct pair_server *s, int fd)
{
	shim_assoc **shared = s->arg, *a = NULL;
	int rc = pair_accept_all(fd, &pair_options, &a);

	__atomic_store_n(shared, a, __ATOMIC_SEQ_CST);
	if (rc == 0)
		rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0});
	return rc;
}

static void shutdown_from_outside(void **state)
{
	struct shim_context c[] = {context(1, VERIFICATION, ile, 1)};
	struct pair_server s;
	shim_assoc *a = NULL, *other = NULL;
	int64_t start = pair_now_ms();

	(void)state;
	pair_start(&s, serve_shutdown, &other);
	assert_int_equal(connect_to(&s, c, 1, &a), 0);
	while (!__atomic_load_n(&other, __ATOMIC_SEQ_CST))
		usleep(1000);
	usleep(50000);
	shim_assoc_shutdown(other);
	assert_int_equal(pair_end(&s), SHIM_ECLOSED);
	assert_true(pair_now_ms() - start < 2000);
	assert_int_equal(shim_assoc_next(a, 1000, &(struct shim_pdv){0}), SHIM_ECLOSED);
	shim_assoc_shutdown(a);
	shim_assoc_free(other);
	shim_assoc_free(a);
}

static int serve_abort_midway(struct pair_server *s, int fd)
{
	shim_assoc *a = NULL;
	struct shim_pdv v;
	int rc = pair_accept_all(fd, &pair_options, &a);

	(void)s;
	if (rc == 0 && (rc = shim_assoc_next(a, 5000, &v)) == 0)
		rc = shim_assoc_abort(a);
	shim_assoc_free(a);
	return rc;
}

static void abort_while_sending(void **state)
{
	/* trap 19: an abort while sending */
	struct shim_context c[] = {context(1, CT_STORAGE, ile, 1)};
	static uint8_t data[262144];
	struct pair_server s;
	shim_assoc *a = NULL;
	int rc = 0;

	(void)state;
	pair_start(&s, serve_abort_midway, NULL);
	assert_int_equal(connect_to(&s, c, 1, &a), 0);
	assert_int_equal(shim_assoc_send(a, 1, "cmd", 3, NULL, 0), 0);
	for (int i = 0; rc == 0 && i < 1000; i++)
		rc = shim_assoc_send_data(a, 1, data, sizeof data, 0);
	assert_true(rc == SHIM_EABORTED || rc == SHIM_ECLOSED);
	shim_assoc_free(a);
	assert_int_equal(pair_end(&s), 0);
}

static int serve_late_data(struct pair_server *s, int fd)
{
	static uint8_t data[100000];
	shim_assoc *a = NULL;
	int rc = pair_accept_all(fd, &pair_options, &a);

	(void)s;
	if (rc == 0)
		rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0});
	if (rc == SHIM_ERELEASE && (rc = shim_assoc_send(a, 1, "late", 4, data, sizeof data)) == 0)
		rc = shim_assoc_release_ack(a);
	shim_assoc_free(a);
	return rc;
}

/* What was under way when release was asked for is passed over. */
static void release_passes_over_data(void **state)
{
	/* trap 19: data that comes behind a release request */
	struct shim_context c[] = {context(1, CT_STORAGE, ile, 1)};
	struct pair_server s;
	shim_assoc *a = NULL;

	(void)state;
	pair_start(&s, serve_late_data, NULL);
	assert_int_equal(connect_to(&s, c, 1, &a), 0);
	assert_int_equal(shim_assoc_release(a), 0);
	shim_assoc_free(a);
	assert_int_equal(pair_end(&s), 0);
}

/* Both ask for release at once (PS3.8 9.2.3: the requestor answers first). */
static void release_collision(void **state)
{
	/* trap 19: both sides ask for release at once */
	static const uint8_t ask[10] = {5, 0, 0, 0, 0, 4}, answer[10] = {6, 0, 0, 0, 0, 4};
	uint8_t pdu[512], got[512];
	size_t n = pair_request(pdu);
	ssize_t more;
	int pair[2];
	shim_assoc *a = NULL;
	struct shim_context *c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(send(pair[1], pdu, n, 0), n);
	assert_int_equal(shim_assoc_accept(pair[0], &pair_options, &a), 0);
	assert_int_equal(shim_assoc_contexts(a, &c), 1);
	c->result = 0;
	strcpy(c->accepted, ILE);
	assert_int_equal(shim_assoc_acknowledge(a), 0);
	assert_int_equal(send(pair[1], ask, 10, 0), 10);
	assert_int_equal(send(pair[1], answer, 10, 0), 10);
	assert_int_equal(shim_assoc_release(a), 0);
	shim_assoc_free(a);
	for (n = 0; (more = recv(pair[1], got + n, sizeof got - n, 0)) > 0;)
		n += (size_t)more;
	assert_int_equal(got[0], 2); /* A-ASSOCIATE-AC, our question, our answer */
	assert_int_equal(got[n - 20], 5);
	assert_int_equal(got[n - 10], 6);
	close(pair[1]);
}

/* A client that is not ours, where it is installed. */
static void echoscu(void **state)
{
	struct shim_peer seen;
	struct pair_server s;
	char command[200];

	(void)state;
	if (system("command -v echoscu >/dev/null 2>&1") != 0) {
		print_message("skipped: no echoscu\n");
		skip();
	}
	pair_start(&s, serve_echo, &seen);
	snprintf(command, sizeof command, "echoscu -to 5 -ta 5 -aet OTHER -aec NODE -pts 3 127.0.0.1 %u", s.port);
	assert_int_equal(system(command), 0);
	assert_int_equal(pair_end(&s), 0);
	assert_string_equal(seen.calling, "OTHER");
	assert_string_equal(seen.called, "NODE");
	assert_non_null(strstr(seen.version, "DCMTK"));
}

static void bad_arguments(void **state)
{
	struct shim_context c[] = {context(2, VERIFICATION, ile, 1)};
	struct shim_assoc_options o = pair_options;
	shim_assoc *a = NULL;
	struct shim_peer p;
	char huge[5000];

	(void)state;
	memset(huge, 'X', sizeof huge - 1);
	huge[sizeof huge - 1] = 0;
	assert_int_equal(shim_assoc_accept(-1, &o, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_accept(-1, NULL, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_accept(9999, &o, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, "A", "B", &o, c, 1, &a), SHIM_EINVAL);
	c[0].id = 1;
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, "A", "B", &o, c, 0, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, "A", "B", &o, NULL, 1, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request(NULL, 1, "A", "B", &o, c, 1, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, NULL, "B", &o, c, 1, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, huge, "B", &o, c, 1, &a), SHIM_EINVAL);
	assert_int_equal(shim_assoc_request(huge, 1, "A", "B", &o, c, 1, &a), SHIM_EIO);
	o.max_pdu_receive = 1u << 30;
	assert_int_equal(shim_assoc_request("127.0.0.1", 1, "A", "B", &o, c, 1, &a), SHIM_EINVAL);
	assert_non_null(strstr(shim_error(), "1073741824"));
	assert_null(a);
	assert_int_equal(shim_assoc_next(NULL, 0, NULL), SHIM_EINVAL);
	assert_int_equal(shim_assoc_read(NULL, NULL, 0), SHIM_EINVAL);
	assert_int_equal(shim_assoc_send(NULL, 1, "a", 1, NULL, 0), SHIM_EINVAL);
	assert_int_equal(shim_assoc_send_data(NULL, 1, "a", 1, 1), SHIM_EINVAL);
	assert_int_equal(shim_assoc_release(NULL), SHIM_EINVAL);
	assert_int_equal(shim_assoc_release_ack(NULL), SHIM_EINVAL);
	assert_int_equal(shim_assoc_abort(NULL), SHIM_EINVAL);
	assert_int_equal(shim_assoc_acknowledge(NULL), SHIM_EINVAL);
	assert_int_equal(shim_assoc_reject(NULL, 1, 1, 1), SHIM_EINVAL);
	assert_int_equal(shim_assoc_contexts(NULL, NULL), 0);
	assert_int_equal(shim_assoc_send_size(NULL), 0);
	shim_assoc_peer(NULL, &p);
	assert_string_equal(p.calling, "");
	shim_assoc_shutdown(NULL);
	shim_assoc_free(NULL);
}

static int setup(void **state)
{
	(void)state;
	return shim_setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(echo_and_release),    cmocka_unit_test(big_data_set),
	    cmocka_unit_test(contexts_and_roles),  cmocka_unit_test(rejected),
	    cmocka_unit_test(silent_peer),         cmocka_unit_test(silent_server),
	    cmocka_unit_test(stalled_peer),        cmocka_unit_test(shutdown_from_outside),
	    cmocka_unit_test(abort_while_sending), cmocka_unit_test(release_passes_over_data),
	    cmocka_unit_test(release_collision),   cmocka_unit_test(echoscu),
	    cmocka_unit_test(bad_arguments),       cmocka_unit_test(half_header),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
