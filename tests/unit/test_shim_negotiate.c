/* tests/unit/test_shim_negotiate.c - what is negotiated beside the contexts: extended negotiation, the window. */
#include "tests/unit/shim_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int serve_extended(struct pair_server *s, int fd)
{
	struct shim_extended *x;
	struct shim_context *c;
	shim_assoc *a = NULL;
	int rc = shim_assoc_accept(fd, &pair_options, &a);

	(void)s;
	if (rc < 0)
		return rc;
	shim_assoc_contexts(a, &c);
	c[0].result = 0;
	strcpy(c[0].accepted, ILE);
	/* of the two for one class the first counts */
	if (shim_assoc_extended(a, &x) != 2 || strcmp(x[0].abstract, "1.2.3.4") != 0 || x[0].n != 3 ||
	    memcmp(x[0].proposed, "\1\0\1", 3) != 0 || x[1].n != 0)
		rc = -100;
	x[0].n_accepted = 2;
	x[0].accepted[0] = 1;
	if (rc == 0 && (rc = shim_assoc_acknowledge(a)) == 0)
		rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0});
	shim_assoc_free(a);
	return rc;
}

/* Appends a user item to the last item of an A-ASSOCIATE-RQ, the user information. */
static size_t add_user_item(uint8_t *pdu, size_t n, size_t user, uint8_t type, const void *value, size_t len)
{
	n += pair_item(pdu + n, type, value, len);
	pdu[user + 2] = (uint8_t)((n - user - 4) >> 8);
	pdu[user + 3] = (uint8_t)(n - user - 4);
	pdu[4] = (uint8_t)((n - 6) >> 8);
	pdu[5] = (uint8_t)(n - 6);
	return n;
}

static void extended_negotiation(void **state)
{
	static const uint8_t ask[] = "\0\0071.2.3.4\1\0\1", again[] = "\0\0071.2.3.4\1\1\1", bare[] = "\0\0071.2.3.5",
			     answer[] = "\x56\0\0\013\0\0071.2.3.4\1\0";
	uint8_t pdu[512], reply[512];
	size_t n = pair_request(pdu), user = n - 12;
	struct pair_server s;
	ssize_t got = 0, more;
	int fd;

	(void)state;
	n = add_user_item(pdu, n, user, 0x56, ask, sizeof ask - 1);
	n = add_user_item(pdu, n, user, 0x56, again, sizeof again - 1);
	n = add_user_item(pdu, n, user, 0x56, bare, sizeof bare - 1);
	pair_start(&s, serve_extended, NULL);
	fd = pair_connect(s.port);
	assert_int_equal(write(fd, pdu, n), n);
	while ((size_t)got < sizeof reply && (got < 6 || got < 6 + reply[4] * 256 + reply[5]) &&
	       (more = read(fd, reply + got, sizeof reply - (size_t)got)) > 0)
		got += more;
	assert_int_equal(reply[0], 2);
	assert_non_null(memmem(reply, (size_t)got, answer, sizeof answer - 1));
	assert_null(memmem(reply, (size_t)got, "1.2.3.5", 7));
	close(fd);
	assert_int_equal(pair_end(&s), SHIM_ECLOSED);
}

/* ---- the window of asynchronous operations */

struct window {
	uint16_t grant[2]; /* 0,0: nothing is granted */
	struct shim_peer seen;
};

static int serve_window(struct pair_server *s, int fd)
{
	struct window *w = s->arg;
	struct shim_context *c;
	shim_assoc *a = NULL;
	int rc = shim_assoc_accept(fd, &pair_options, &a);

	if (rc < 0)
		return rc;
	shim_assoc_peer(a, &w->seen);
	shim_assoc_contexts(a, &c);
	c[0].result = 0;
	strcpy(c[0].accepted, ILE);
	if (w->grant[0])
		rc = shim_assoc_window(a, w->grant[0], w->grant[1]);
	if (rc == 0 && (rc = shim_assoc_acknowledge(a)) == 0)
		rc = shim_assoc_next(a, 5000, &(struct shim_pdv){0});
	shim_assoc_free(a);
	return rc;
}

/* The user items of the A-ASSOCIATE-AC to a request by hand that proposes a window (NULL: none). Their length. */
static size_t answered_items(uint16_t port, const uint8_t window[4], uint8_t user[512])
{
	uint8_t pdu[1024];
	size_t n = pair_request(pdu), at = 74, len;
	int fd = pair_connect(port);

	if (window)
		n = add_user_item(pdu, n, n - 12, 0x53, window, 4);
	assert_int_equal(write(fd, pdu, n), (ssize_t)n);
	assert_int_equal(recv(fd, pdu, 6, MSG_WAITALL), 6);
	assert_int_equal(pdu[0], 2);
	len = (size_t)pdu[4] << 8 | pdu[5];
	assert_in_range(len, 68, sizeof pdu - 6);
	assert_int_equal(recv(fd, pdu + 6, len, MSG_WAITALL), (ssize_t)len);
	close(fd);
	while (pdu[at] != 0x50)
		at += 4 + ((size_t)pdu[at + 2] << 8 | pdu[at + 3]);
	n = (size_t)pdu[at + 2] << 8 | pdu[at + 3];
	assert_int_equal(at + 4 + n, len + 6); /* the lengths agree */
	assert_in_range(n, 1, 512);
	memcpy(user, pdu + at + 4, n);
	return n;
}

/* Where item `type` stands among the user items, NULL when it is not there; they must be whole, in order of types. */
static const uint8_t *user_item(const uint8_t *user, size_t n, uint8_t type)
{
	const uint8_t *found = NULL, *end = user + n;
	uint8_t last = 0;

	for (; user < end; user += 4 + ((size_t)user[2] << 8 | user[3])) {
		assert_true(user[0] >= last);
		last = user[0];
		if (last == type)
			found = user;
	}
	assert_ptr_equal(user, end);
	return found;
}

static void window_granted(void **state)
{
	/* trap 18: the acceptor grants at most what was proposed, and says nothing where nothing was proposed */
	static const uint8_t proposed[] = {0, 0, 1, 2};
	static const uint8_t granted[] = {0x53, 0, 0, 4, 0, 16, 0, 1};
	struct window w = {.grant = {16, 1}};
	struct pair_server s;
	uint8_t user[512];
	size_t n;

	(void)state;
	pair_start(&s, serve_window, &w);
	n = answered_items(s.port, proposed, user);
	pair_end(&s);
	assert_true(w.seen.has_window);
	assert_int_equal(w.seen.max_invoked, 0);
	assert_int_equal(w.seen.max_performed, 0x0102);
	assert_non_null(user_item(user, n, 0x53));
	assert_memory_equal(user_item(user, n, 0x53), granted, sizeof granted);
	assert_non_null(user_item(user, n, 0x51));
	assert_non_null(user_item(user, n, 0x55));

	pair_start(&s, serve_window, &w); /* none proposed */
	n = answered_items(s.port, NULL, user);
	pair_end(&s);
	assert_false(w.seen.has_window);
	assert_int_equal(w.seen.max_invoked, 1);
	assert_null(user_item(user, n, 0x53));

	w.grant[0] = 0; /* proposed, but nobody here knows of windows */
	pair_start(&s, serve_window, &w);
	n = answered_items(s.port, proposed, user);
	pair_end(&s);
	assert_null(user_item(user, n, 0x53));
}

static int setup(void **state)
{
	(void)state;
	return shim_setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(extended_negotiation),
	    cmocka_unit_test(window_granted),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
