/* tests/unit/net_peer.h - a server with a made-up face for the tests of net/: takes every context as proposed, then
 * lets the test answer each request. */
#ifndef TESTS_NET_PEER_H
#define TESTS_NET_PEER_H

#include "net/dimse.h"
#include "net/scu.h"
#include "net/server.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VERIFICATION "1.2.840.10008.1.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define FIND_STUDY "1.2.840.10008.5.1.4.1.2.2.1"
#define MOVE_STUDY "1.2.840.10008.5.1.4.1.2.2.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"

struct fake {
	struct server *server;
	int (*request)(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context, struct err *e);
	void *arg;
	_Atomic int released, broken;
};

static const struct shim_assoc_options plain_options = {.max_pdu_receive = 16384,
							.max_pdu_send = 16384,
							.artim_ms = 1000,
							.io_ms = 5000,
							.implementation_uid = "1.2.3.4",
							.implementation_version = "TEST"};

static int reply(struct dimse *d, uint8_t context, const struct shim_command *rq, uint16_t status, const void *data,
		 size_t n, struct err *e)
{
	struct shim_command rsp = {.field = rq->field | 0x8000,
				   .responded_id = rq->message_id,
				   .has_status = 1,
				   .status = status,
				   .has_data = n > 0};

	memcpy(rsp.affected_class, rq->affected_class, sizeof(rsp.affected_class));
	return dimse_send(d, context, &rsp, data, n, e);
}

static inline int say_yes(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context,
			  struct err *e)
{
	int rc = dimse_data_skip(d, e);

	(void)f;
	return rc < 0 ? rc : reply(d, context, rq, 0, NULL, 0, e);
}

static void fake_serve(void *arg, shim_assoc *a)
{
	struct fake *f = arg;
	struct shim_context *contexts;
	unsigned n = shim_assoc_contexts(a, &contexts);
	struct dimse d = {.assoc = a, .message_ms = 5000};
	struct shim_command rq;
	struct err e = {0};
	uint8_t context;
	int rc;

	for (unsigned i = 0; i < n; i++) {
		contexts[i].result = 0;
		contexts[i].accepted_scu = 1;
		snprintf(contexts[i].accepted, sizeof(contexts[i].accepted), "%s", contexts[i].syntaxes[0]);
		if (strcmp(contexts[i].abstract, "1.2.3.999") == 0)
			contexts[i].result = 3;
	}
	if (shim_assoc_acknowledge(a) < 0)
		return;
	while ((rc = dimse_receive(&d, 10000, &rq, &context, &e)) == 0)
		if ((rc = f->request(f, &d, &rq, context, &e)) < 0)
			break;
	if (rc > 0) {
		f->released++;
		shim_assoc_release_ack(a);
	} else {
		f->broken++;
		shim_assoc_abort(a);
	}
}

static void fake_start(struct fake *f, unsigned most, uint32_t artim_ms)
{
	struct server_options o = {
	    .listen = "127.0.0.1", .max_associations = most, .assoc = plain_options, .serve = fake_serve, .arg = f};
	struct err e = {0};

	o.assoc.artim_ms = artim_ms;
	if (!f->request)
		f->request = say_yes;
	if (server_start(&o, &f->server, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_not_equal(server_port(f->server), 0);
}

static int fake_call(const struct fake *f, const struct scu_proposal *p, unsigned n, struct scu **out, struct err *e)
{
	struct scu_target t = {.host = "127.0.0.1",
			       .called = "FAKE",
			       .calling = "TESTER",
			       .port = server_port(f->server),
			       .message_ms = 5000,
			       .options = plain_options};

	return scu_open(&t, p, n, out, e);
}

static struct scu *fake_open(const struct fake *f, const struct scu_proposal *p, unsigned n)
{
	struct scu *s = NULL;
	struct err e = {0};

	if (fake_call(f, p, n, &s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

static inline int first_of(void *arg, uint8_t context, const char *syntax)
{
	(void)syntax;
	*(uint8_t *)arg = context;
	return 1;
}

static inline uint8_t context_of(const struct scu *s, const char *abstract)
{
	uint8_t context = 0;

	assert_int_equal(scu_accepted(s, abstract, first_of, &context), 1);
	return context;
}

static inline int net_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return shim_setup();
}
#endif
