#include "tests/unit/net_peer.h"

/* ---- C-STORE, in pieces */

struct sink {
	size_t total, most_read;
	uint32_t sum;
	char instance[65], originator[17];
	uint16_t status, originator_id;
};
struct spring {
	size_t at, total, piece;
	uint8_t block[100000];
	int sent;
};

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static uint32_t sum_more(uint32_t sum, uint8_t byte)
{
	return (sum ^ byte) * 16777619u;
}

static int take_store(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context, struct err *e)
{
	struct sink *s = f->arg;
	uint8_t some[5000];
	int64_t n;

	while ((n = dimse_data(d, some, sizeof(some), e)) > 0) {
		for (int64_t i = 0; i < n; i++)
			s->sum = sum_more(s->sum, some[i]);
		s->total += (size_t)n;
	}
	if (n < 0)
		return (int)n;
	snprintf(s->instance, sizeof(s->instance), "%s", rq->affected_instance);
	snprintf(s->originator, sizeof(s->originator), "%s", rq->move_originator);
	s->originator_id = rq->move_originator_id;
	return reply(d, context, rq, s->status, NULL, 0, e);
}

static int64_t give(void *arg, const void **at, bool *last, struct err *e)
{
	struct spring *s = arg;
	size_t n = s->total - s->at < s->piece ? s->total - s->at : s->piece;

	(void)e;
	for (size_t i = 0; i < n; i++)
		s->block[i] = byte_at(s->at + i);
	s->at += n;
	*at = s->block;
	*last = s->at == s->total;
	return (int64_t)n;
}

static void note_sent(void *arg)
{
	((struct spring *)arg)->sent++;
}

static void store_of(size_t total, size_t piece)
{
	static const struct scu_proposal p[] = {{.abstract = CT, .syntaxes = {EXPLICIT}}};
	static struct spring spring;
	struct sink sink = {.sum = 2166136261u};
	struct fake f = {.request = take_store, .arg = &sink};
	struct dimse_object o = {.sop_class = CT,
				 .sop_instance = "1.2.3.4.5",
				 .originator = "ASKER",
				 .originator_id = 77,
				 .piece = give,
				 .sent = note_sent,
				 .arg = &spring};
	uint32_t sum = 2166136261u;
	struct err e = {0};
	uint16_t status = 1;
	struct scu *s;

	spring = (struct spring){.total = total, .piece = piece};
	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 1);
	o.context = context_of(s, CT);
	if (scu_store(s, &o, &status, &e) < 0)
		fail_msg("%zu bytes: %s", total, e.msg);
	assert_int_equal(status, 0);
	assert_int_equal(spring.sent, 1);
	assert_int_equal(scu_close(s, &e), 0);
	server_stop(f.server, 1000);
	for (size_t i = 0; i < total; i++)
		sum = sum_more(sum, byte_at(i));
	assert_int_equal(sink.total, total);
	assert_int_equal(sink.sum, sum);
	assert_string_equal(sink.instance, "1.2.3.4.5");
	assert_string_equal(sink.originator, "ASKER");
	assert_int_equal(sink.originator_id, 77);
}

static void test_store(void **state)
{
	static const size_t sizes[] = {2, 100, 16376, 16378, 16380, 65536, 1000000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t piece = 100; piece <= 100000; piece *= 10)
			store_of(sizes[i], piece);
}

/* The sender's own trouble in the middle ends the association; the receiver hears of it. */
static int64_t give_up(void *arg, const void **at, bool *last, struct err *e)
{
	struct spring *s = arg;

	return s->at ? err_set(e, E_CORRUPT, "no more") : give(arg, at, last, e);
}

static void test_store_fails_midway(void **state)
{
	static const struct scu_proposal p[] = {{.abstract = CT, .syntaxes = {EXPLICIT}}};
	static struct spring spring = {.total = 500000, .piece = 40000};
	struct sink sink = {0};
	struct fake f = {.request = take_store, .arg = &sink};
	struct dimse_object o = {.sop_class = CT, .sop_instance = "1.2.3", .piece = give_up, .arg = &spring};
	struct err e = {0};
	uint16_t status;
	struct scu *s;

	(void)state;
	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 1);
	o.context = context_of(s, CT);
	assert_int_equal(scu_store(s, &o, &status, &e), -E_CORRUPT);
	scu_abort(s);
	server_stop(f.server, 3000);
	assert_int_equal(f.broken, 1);
	assert_string_equal(sink.instance, "");
}

/* ---- C-FIND */

struct finder {
	unsigned rows, answered, cancelled;
	size_t limit;
	int limit_hit;
};

static int take_find(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context, struct err *e)
{
	struct finder *q = f->arg;
	struct buf keys = BUF(q->limit);
	struct err why = {0};
	int rc = dimse_data_all(d, &keys, &why);

	q->limit_hit = rc == -E_LIMIT;
	buf_cleanup(&keys);
	if (rc < 0 && rc != -E_LIMIT)
		return rc;
	for (q->answered = 0; q->answered < q->rows; q->answered++) {
		char row[40];

		if ((rc = reply(d, context, rq, 0xFF00, row, (size_t)snprintf(row, sizeof(row), "row %u", q->answered),
				e)) < 0)
			return rc;
		usleep(q->rows > 10 ? 2000 : 0);
		if ((rc = dimse_cancelled(d, rq->message_id, e)) < 0)
			return rc;
		if (rc) {
			q->cancelled = 1;
			return reply(d, context, rq, 0xFE00, NULL, 0, e);
		}
	}
	return reply(d, context, rq, 0, NULL, 0, e);
}

struct rows {
	unsigned n, stop_at;
};

static int see_row(void *arg, const void *row, size_t n)
{
	struct rows *r = arg;
	char due[40];

	assert_int_equal(n, snprintf(due, sizeof(due), "row %u", r->n));
	assert_memory_equal(row, due, n);
	return ++r->n == r->stop_at;
}

static void find_with(struct finder *q, struct rows *r, size_t key_len, uint16_t status)
{
	static const struct scu_proposal p[] = {{.abstract = VERIFICATION, .syntaxes = {IMPLICIT}},
						{.abstract = FIND_STUDY, .syntaxes = {EXPLICIT}}};
	static uint8_t keys[100000];
	struct fake f = {.request = take_find, .arg = q};
	struct shim_command final;
	struct err e = {0};
	struct scu *s;

	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 2);
	if (scu_find(s, context_of(s, FIND_STUDY), FIND_STUDY, keys, key_len, see_row, r, &final, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(final.status, status);
	assert_string_equal(final.affected_class, FIND_STUDY);
	assert_int_equal(scu_close(s, &e), 0);
	server_stop(f.server, 1000);
	assert_int_equal(f.broken, 0);
}

static void test_find(void **state)
{
	struct finder q = {.rows = 3, .limit = 1000};
	struct rows r = {0};

	(void)state;
	find_with(&q, &r, 10, 0);
	assert_int_equal(r.n, 3);
	assert_int_equal(q.limit_hit, 0);
	q.rows = 0;
	r.n = 0;
	find_with(&q, &r, 1000, 0);
	assert_int_equal(r.n, 0);
	assert_int_equal(q.limit_hit, 0);
}

static void test_find_too_long(void **state)
{
	struct finder q = {.limit = 1000};
	struct rows r = {0};

	(void)state;
	find_with(&q, &r, 100000, 0); /* the association goes on */
	assert_int_equal(q.limit_hit, 1);
}

static void test_find_cancelled(void **state)
{
	/* trap 13: as SCU: cancelled by message ID */
	struct finder q = {.rows = 2000, .limit = 1000};
	struct rows r = {.stop_at = 5};

	(void)state;
	find_with(&q, &r, 10, 0xFE00);
	assert_int_equal(r.n, 5);
	assert_int_equal(q.cancelled, 1);
	assert_true(q.answered < 2000);
}

/* ---- C-MOVE */

static int take_move(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context, struct err *e)
{
	struct shim_command rsp = {.field = SHIM_C_MOVE_RSP, .responded_id = rq->message_id, .has_status = 1};
	int rc = dimse_data_skip(d, e);

	(void)f;
	for (uint16_t left = 3; rc == 0 && left > 0; left--) {
		rsp.status = 0xFF00;
		rsp.has_counts = 1;
		rsp.remaining = left;
		rsp.completed = 3 - left;
		rc = dimse_send(d, context, &rsp, NULL, 0, e);
	}
	rsp.status = strcmp(rq->move_destination, "ELSEWHERE") ? 0xA801 : 0xB000;
	rsp.remaining = 0;
	rsp.completed = 2;
	rsp.failed = 1;
	rsp.has_data = 1;
	return rc < 0 ? rc : dimse_send(d, context, &rsp, "failed ones", 11, e);
}

static void see_progress(void *arg, const struct shim_command *rsp)
{
	unsigned *n = arg;

	assert_int_equal(rsp->remaining, 3 - *n);
	assert_int_equal(rsp->completed, *n);
	++*n;
}

static void test_move(void **state)
{
	static const struct scu_proposal p[] = {{.abstract = MOVE_STUDY, .syntaxes = {IMPLICIT}}};
	struct fake f = {.request = take_move};
	struct shim_command final;
	struct err e = {0};
	unsigned n = 0;
	struct scu *s;

	(void)state;
	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 1);
	if (scu_move(s, 1, MOVE_STUDY, "ELSEWHERE", "keys", 4, see_progress, &n, &final, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(n, 3);
	assert_int_equal(final.status, 0xB000);
	assert_int_equal(final.failed, 1);
	assert_int_equal(scu_close(s, &e), 0);
	server_stop(f.server, 1000);
}

/* ---- what a peer must not do */

static void break_with(int (*misbehave)(struct dimse *d, struct err *e), unsigned broken)
{
	static const struct scu_proposal p[] = {{.abstract = CT, .syntaxes = {EXPLICIT}},
						{.abstract = VERIFICATION, .syntaxes = {IMPLICIT}}};
	struct sink sink = {0};
	struct fake f = {.request = take_store, .arg = &sink};
	struct shim_command rsp;
	struct err e = {0};
	uint8_t context;
	struct scu *s;

	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 2);
	assert_int_equal(misbehave(scu_dimse(s), &e), 0);
	assert_int_equal(dimse_receive(scu_dimse(s), 5000, &rsp, &context, &e), -E_CLOSED);
	scu_abort(s);
	server_stop(f.server, 1000);
	assert_int_equal(f.broken, broken);
	assert_string_equal(sink.instance, "");
}

static const struct shim_command store_rq = {
    .field = SHIM_C_STORE_RQ, .message_id = 1, .has_data = 1, .affected_class = CT, .affected_instance = "1.2.3"};

static int data_first(struct dimse *d, struct err *e)
{
	(void)e;
	return shim_assoc_send_data(d->assoc, 1, "data", 4, 1);
}

static int command_in_data(struct dimse *d, struct err *e)
{
	int rc = dimse_send(d, 1, &store_rq, NULL, 0, e);

	if (rc == 0)
		rc = shim_assoc_send_data(d->assoc, 1, "data", 4, 0);
	return rc < 0 ? rc : dimse_send(d, 1, &store_rq, NULL, 0, e);
}

static int other_context(struct dimse *d, struct err *e)
{
	int rc = dimse_send(d, 1, &store_rq, NULL, 0, e);

	return rc < 0 ? rc : shim_assoc_send_data(d->assoc, 3, "data", 4, 1);
}

static int bad_command(struct dimse *d, struct err *e)
{
	(void)e;
	return shim_assoc_send(d->assoc, 1, "\x00\x00\x00\x01\xff\xff\xff\x7f", 8, NULL, 0);
}

static int endless_command(struct dimse *d, struct err *e)
{
	static uint8_t much[2 * DIMSE_COMMAND_MOST];
	int rc;

	(void)e;
	rc = shim_assoc_send(d->assoc, 1, much, sizeof(much), NULL, 0);
	return rc == SHIM_ECLOSED ? 0 : rc;
}

static int vanish(struct dimse *d, struct err *e)
{
	int rc = dimse_send(d, 1, &store_rq, NULL, 0, e);

	if (rc == 0)
		rc = shim_assoc_send_data(d->assoc, 1, "data", 4, 0);
	shim_assoc_shutdown(d->assoc);
	return rc;
}

static void test_broken_protocol(void **state)
{
	(void)state;
	break_with(data_first, 1);
	break_with(command_in_data, 1);
	break_with(other_context, 1);
	break_with(bad_command, 1);
	break_with(endless_command, 1);
	break_with(vanish, 1);
}

/* ---- a peer that always sends something, and never enough */

static int read_impatiently(struct fake *f, struct dimse *d, const struct shim_command *rq, uint8_t context,
			    struct err *e)
{
	(void)rq, (void)context;
	d->message_ms = 200;
	*(int *)f->arg = dimse_data_skip(d, e);
	return -1;
}

static void test_too_slow(void **state)
{
	/* trap 19: a message that drips ends the association */
	static const struct scu_proposal p[] = {{.abstract = CT, .syntaxes = {EXPLICIT}}};
	struct err e = {0};
	int ended = 0;
	struct fake f = {.request = read_impatiently, .arg = &ended};
	struct scu *s;

	(void)state;
	fake_start(&f, 1, 1000);
	s = fake_open(&f, p, 1);
	assert_int_equal(dimse_send(scu_dimse(s), 1, &store_rq, NULL, 0, &e), 0);
	for (int i = 0; i < 200 && shim_assoc_send_data(scu_dimse(s)->assoc, 1, "no", 2, 0) == 0; i++)
		usleep(60000);
	scu_abort(s);
	server_stop(f.server, 1000);
	assert_int_equal(ended, -E_TIMEOUT);
}

static void test_too_many_proposals(void **state)
{
	/* trap 16: no more than 128 contexts */
	static struct scu_proposal p[SCU_PROPOSALS + 1];
	struct fake f = {0};
	struct scu *s = NULL;
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < SCU_PROPOSALS + 1; i++)
		p[i] = (struct scu_proposal){.abstract = CT, .syntaxes = {EXPLICIT}};
	p[SCU_PROPOSALS - 1].abstract = VERIFICATION;
	fake_start(&f, 1, 1000);
	assert_int_equal(fake_call(&f, p, SCU_PROPOSALS + 1, &s, &e), -E_LIMIT);
	s = fake_open(&f, p, SCU_PROPOSALS);
	assert_int_equal(context_of(s, VERIFICATION), 255);
	uint16_t status = 1;
	assert_int_equal(scu_echo(s, &status, &e), 0);
	assert_int_equal(status, 0);
	assert_int_equal(scu_close(s, &e), 0);
	server_stop(f.server, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_store),
	    cmocka_unit_test(test_store_fails_midway),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_find_too_long),
	    cmocka_unit_test(test_find_cancelled),
	    cmocka_unit_test(test_move),
	    cmocka_unit_test(test_broken_protocol),
	    cmocka_unit_test(test_too_slow),
	    cmocka_unit_test(test_too_many_proposals),
	};

	return cmocka_run_group_tests(tests, net_setup, NULL);
}
