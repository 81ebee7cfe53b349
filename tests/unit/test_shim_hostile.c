/* tests/unit/test_shim_hostile.c - bytes that a hostile or broken client sends, thrown at the acceptor: it answers or
 * lets go, within its time limits. */
#include "tests/unit/shim_pair.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The shared files: $TELEREAD_SHARED, or beside the source tree; NULL when they are not there. */
static const char *shared(void)
{
	static char beside[400];
	const char *dir = getenv("TELEREAD_SHARED"), *source = getenv("srcdir");

	snprintf(beside, sizeof beside, "%.380s/../shared", source ? source : ".");
	dir = dir ? dir : beside;
	return access(dir, R_OK) == 0 ? dir : NULL;
}

/* Takes everything that comes as a server would, until the association ends. */
static int serve_anything(struct pair_server *s, int fd)
{
	struct shim_assoc_options o = pair_options;
	static __thread uint8_t buf[65536];
	struct shim_command c;
	shim_assoc *a = NULL;
	struct shim_pdv v;
	size_t n = 0;
	int rc;

	(void)s;
	o.artim_ms = 300;
	o.io_ms = 300;
	rc = pair_accept_all(fd, &o, &a);
	while (rc == 0 && (rc = shim_assoc_next(a, 300, &v)) == 0) {
		for (n = 0; rc == 0 && v.length > 0;) {
			int64_t got = shim_assoc_read(a, buf, sizeof buf);
			if (got < 0)
				rc = (int)got;
			else
				v.length -= (uint32_t)got, n = (size_t)got;
		}
		if (rc == 0 && v.command && shim_command_decode(buf, n, &c) == SHIM_EBUG)
			rc = SHIM_EBUG;
	}
	if (rc == SHIM_ERELEASE)
		rc = shim_assoc_release_ack(a);
	else if (a && rc < 0)
		shim_assoc_abort(a); /* keeps the sentence */
	shim_assoc_free(a);
	return rc;
}

/* Sends the bytes, then waits for the end as a silent client does; returns what the server made of it. */
static int throw(const uint8_t *bytes, size_t n, int64_t *took)
{
	struct pair_server s;
	int64_t start = pair_now_ms();
	int fd, rc;

	pair_start(&s, serve_anything, NULL);
	fd = pair_connect(s.port);
	for (size_t at = 0; at < n;) {
		ssize_t r = send(fd, bytes + at, n - at, MSG_NOSIGNAL);
		if (r <= 0)
			break;
		at += (size_t)r;
	}
	rc = pair_end(&s);
	*took = pair_now_ms() - start;
	close(fd);
	return rc;
}

static void sensible(int rc, int64_t took, const char *name)
{
	if (rc > 0 || rc < SHIM_EIO || rc == SHIM_EBUG || rc == SHIM_EINVAL || took > 3000) {
		print_error("%s: %d after %lld ms\n", name, rc, (long long)took);
		fail();
	}
}

static void shared_pdus(void **state)
{
	/* trap 17: several PDVs in one PDU */
	static uint8_t bytes[4u << 20];
	char pattern[512];
	glob_t g;

	(void)state;
	if (!shared()) {
		print_message("skipped: no shared data (TELEREAD_SHARED)\n");
		skip();
	}
	snprintf(pattern, sizeof pattern, "%s/data/hostile/pdu/*.bin", shared());
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "rb");
		size_t n;
		int64_t took;
		int rc;

		assert_non_null(f);
		n = fread(bytes, 1, sizeof bytes, f);
		fclose(f);
		rc = throw(bytes, n, &took);
		if (getenv("SHIM_TEST_VERBOSE"))
			print_message("%-45s %4d %5lld ms\n", strrchr(g.gl_pathv[i], '/') + 1, rc, (long long)took);
		sensible(rc, took, g.gl_pathv[i]);
		if (strstr(g.gl_pathv[i], "/ok-"))
			assert_int_equal(rc, 0);
	}
	globfree(&g);
}

/* A sound request with bytes changed or cut off. */
static void mutated_requests(void **state)
{
	uint8_t good[512], bad[512];
	size_t n = pair_request(good);
	unsigned seed = 20;

	(void)state;
	for (int i = 0; i < 150; i++) {
		size_t len = n;
		int64_t took;

		memcpy(bad, good, n);
		for (int k = 0; k < 2; k++) {
			seed = seed * 1103515245u + 12345u;
			bad[6 + (seed >> 8) % (unsigned)(n - 6)] = (uint8_t)(seed >> 24);
		}
		if (i % 10 == 0) {
			len = (seed >> 8) % (unsigned)n; /* and the length says so: what is left must not be believed */
			if (len < 6)
				len = 6;
			bad[4] = 0;
			bad[5] = (uint8_t)(len - 6);
		}
		int rc = throw(bad, len, &took);
		sensible(rc, took, "a changed request");
	}
}

struct named {
	const char *name;
	uint8_t bytes[12];
	size_t n;
	int rc;
	const char *error;
};

/* What is said about clients of another kind, and about broken P-DATA. */
static void sentences(void **state)
{
	static const struct named before[] = {
	    {"TLS", {0x16, 3, 1, 2, 0, 1}, 6, SHIM_EPROTO, "TLS"},
	    {"HTTP", "GET / HTTP/1", 12, SHIM_EPROTO, "HTTP"},
	    {"data at once", {4, 0, 0, 0, 0, 6}, 6, SHIM_EPROTO, "0x04"},
	    {"a huge request", {1, 0, 0x7f, 0xff, 0xff, 0xff}, 6, SHIM_EPROTO, "2147483647"},
	    {"an abort", {7, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, SHIM_EABORTED, "abort"},
	};
	static const struct named after[] = {
	    {"type 0", {0, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, SHIM_EPROTO, "0x00"},
	    {"a second request", {1, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, SHIM_EPROTO, "0x01"},
	    {"empty data", {4, 0, 0, 0, 0, 0}, 6, SHIM_EPROTO, "0 bytes"},
	    {"too long", {4, 0, 0, 0, 0x40, 1}, 6, SHIM_EPROTO, "16385"},
	    {"PDV too short", {4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3}, 12, SHIM_EPROTO, "PDV of 1"},
	    {"PDV too long", {4, 0, 0, 0, 0, 6, 0, 0, 0, 3, 1, 3}, 12, SHIM_EPROTO, "PDV of 3"},
	    {"other context", {4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 3, 3}, 12, SHIM_EPROTO, "context 3"},
	    {"even context", {4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 2, 3}, 12, SHIM_EPROTO, "context 2"},
	    {"release too long", {5, 0, 0, 0, 0, 5}, 6, SHIM_EPROTO, "0x05"},
	    {"release", {5, 0, 0, 0, 0, 4, 0, 0, 0, 0}, 10, 0, NULL},
	};

	(void)state;
	for (int late = 0; late < 2; late++) {
		const struct named *t = late ? after : before;
		size_t n = late ? sizeof after / sizeof *after : sizeof before / sizeof *before;
		for (size_t i = 0; i < n; i++) {
			struct pair_server s;
			uint8_t bytes[600];
			size_t len = late ? pair_request(bytes) : 0;
			int fd;

			memcpy(bytes + len, t[i].bytes, t[i].n);
			pair_start(&s, serve_anything, NULL);
			fd = pair_connect(s.port);
			assert_int_equal(send(fd, bytes, len + t[i].n, MSG_NOSIGNAL), len + t[i].n);
			shutdown(fd, SHUT_WR);
			assert_int_equal(pair_end(&s), t[i].rc);
			if (t[i].error && !strstr(s.error, t[i].error)) {
				print_error("%s: %s\n", t[i].name, s.error);
				fail();
			}
			close(fd);
		}
	}
}

/* While twenty peers say nothing, another is served at once. */
static void silence_blocks_nobody(void **state)
{
	enum { SILENT = 20 };
	struct pair_server s[SILENT], good;
	int fd[SILENT], one;
	uint8_t request[512], answer[6];
	size_t n = pair_request(request);
	int64_t start;

	(void)state;
	for (int i = 0; i < SILENT; i++) {
		pair_start(&s[i], serve_anything, NULL);
		fd[i] = pair_connect(s[i].port);
	}
	start = pair_now_ms();
	pair_start(&good, serve_anything, NULL);
	one = pair_connect(good.port);
	assert_int_equal(send(one, request, n, 0), n);
	assert_int_equal(recv(one, answer, 6, MSG_WAITALL), 6);
	assert_int_equal(answer[0], 2);
	assert_true(pair_now_ms() - start < 250);
	close(one);
	assert_int_equal(pair_end(&good), SHIM_ECLOSED);
	for (int i = 0; i < SILENT; i++) {
		assert_int_equal(pair_end(&s[i]), SHIM_ETIMEOUT);
		close(fd[i]);
	}
}

static int setup(void **state)
{
	(void)state;
	return shim_setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shared_pdus),
	    cmocka_unit_test(mutated_requests),
	    cmocka_unit_test(sentences),
	    cmocka_unit_test(silence_blocks_nobody),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
