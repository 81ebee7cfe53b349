/* cmd/settler_series.c - one leased series: its instances through the crew, in order into the settled pack. */
#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/settler_own.h"
#include <inttypes.h>

#define WAIT_US 1000000
#define RENEW_US (60 * 1000000LL)

AUTO_TYPE(settle_pack, struct settle_pack *);

static void settle_pack_cleanup(struct settle_pack **p)
{
	settle_abort(*p);
}

struct series {
	struct settler *settler;
	const struct settle_job *job;
	struct settle_pack *pack;
	struct extras *extras;
	struct settler_run *sum;
	struct task
	    *ring; /* tasks under way, the oldest at head; more than threads, which shall not wait for this one */
	unsigned room, head, n;
	int64_t renewed_us;
};

static int renew(struct series *x, struct err *e)
{
	int64_t now = clock_mono_us();
	int rc = 0;

	if (now - x->renewed_us > RENEW_US) {
		rc = settle_renew(x->settler->o.archive, x->job, SETTLER_LEASE_US, e);
		x->renewed_us = now;
	}
	return rc;
}

/* Gives the crew as many as may be under way; 0 when the series has no more. */
static int fill(struct series *x, struct err *e)
{
	int rc = 1;

	while (x->n < x->room && rc > 0) {
		struct task *t = &x->ring[(x->head + x->n) % x->room];

		t->job = x->job;
		if ((rc = settle_next(x->pack, &t->stored, &t->settled, e)) == 1) {
			x->n++;
			crew_submit(x->settler->crew, t);
		}
	}
	return rc;
}

static int put(struct series *x, struct task *t, struct err *e)
{
	const struct transcode_result *r = &t->result;

	if (t->outcome != ENCODED)
		return settle_keep(x->pack, &t->stored, e);
	return settle_put(x->pack, &t->stored, r->syntax, t->file, r->size, r->head_len, r->appendix.data,
			  r->appendix.len, e);
}

static void count(struct series *x, const struct task *t)
{
	settler_count(t);
	if (t->settled)
		return;
	x->sum->encoded += t->outcome == ENCODED;
	x->sum->kept += t->outcome == KEPT;
	x->sum->mismatched += t->outcome == MISMATCHED;
	if (t->outcome == ENCODED) {
		x->sum->in += t->stored.part10_len;
		x->sum->out += t->result.size;
	}
}

/* The oldest one, when it is done. */
static int take(struct series *x, struct err *e)
{
	struct task *t = &x->ring[x->head];
	int rc;

	while (!crew_wait(x->settler->crew, t, WAIT_US))
		if ((rc = renew(x, e)) < 0)
			return rc;
	if (t->err.code != E_OK) {
		settler_count_failure();
		return err_set(e, t->err.code, "%s", t->err.msg);
	}
	if ((rc = renew(x, e)) < 0 || (rc = extras_add(x->extras, x->settler->o.archive, t, e)) < 0 ||
	    (rc = put(x, t, e)) < 0)
		return rc;
	count(x, t);
	settler_seen(x->settler);
	task_clear(t);
	x->head = (x->head + 1) % x->room;
	x->n--;
	return atomic_load(&x->settler->stop) ? err_set(e, E_CANCEL, "settling was stopped") : 0;
}

static int settle_instances(struct series *x, struct err *e)
{
	int rc, more = 1;

	do {
		if (more > 0 && (more = fill(x, e)) < 0)
			return more;
		if (x->n > 0 && (rc = take(x, e)) < 0)
			return rc;
	} while (x->n > 0 || more > 0);
	return 0;
}

/* Nothing may be at the tasks when they go. */
static void drain(struct series *x)
{
	atomic_store(&x->settler->cut, true);
	for (; x->n > 0; x->n--, x->head = (x->head + 1) % x->room) {
		while (!crew_wait(x->settler->crew, &x->ring[x->head], WAIT_US))
			;
		task_clear(&x->ring[x->head]);
	}
	atomic_store(&x->settler->cut, false);
}

static void say(const struct settle_job *job, const struct settler_run *sum, int64_t us)
{
	char in[16], out[16];

	log_info("settled series %s: %" PRIu64 " instances encoded (%s, now %s), %" PRIu64 " kept, %" PRIu64
		 " not equal, %.1f s",
		 job->series, sum->encoded, size_text(sum->in, in), size_text(sum->out, out), sum->kept,
		 sum->mismatched, (double)us / 1e6);
}

int settler_series(struct settler *s, const struct settle_job *job, struct settler_run *sum, struct err *e)
{
	int64_t begun = clock_mono_us();
	struct series x = {.settler = s, .job = job, .sum = sum, .room = 2 * s->at_once, .renewed_us = begun};
	AUTO(settle_pack) pack = NULL;
	AUTO(extras) extras = NULL;
	int rc;

	if (!(x.ring = calloc(x.room, sizeof *x.ring)))
		return err_set(e, E_NOMEM, "no memory for settling");
	for (unsigned i = 0; i < x.room; i++)
		x.ring[i].file = -1;
	if ((rc = settle_begin(s->o.archive, job, &pack, e)) == 0 && (rc = extras_new(job, &extras, e)) == 0) {
		x.pack = pack;
		x.extras = extras;
		rc = settle_instances(&x, e);
	}
	drain(&x);
	free(x.ring);
	if (rc < 0 || (rc = extras_put(extras, pack, e)) < 0 || (rc = settle_commit(STEAL(pack), e)) < 0)
		return rc;
	say(job, sum, clock_mono_us() - begun);
	return 0;
}
