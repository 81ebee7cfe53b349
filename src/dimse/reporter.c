/* dimse/reporter.c - the threads that verify what was asked, and tell peers what was found. */
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "dicom/dict.h"
#include "dimse/call.h"
#include "dimse/report.h"
#include <stdio.h>
#include <string.h>

#define TELLERS 3u            /* threads that tell: a peer that does not answer keeps one of them */
#define THREADS (TELLERS + 1) /* and one that verifies */
#define LOOK_EVERY_US (60 * 1000000LL)
#define TROUBLE_US (5 * 1000000LL) /* after the index failed */
#define LATER_US (60 * 1000000LL)  /* for the request that it failed at */
#define PURGE_EVERY_US (600 * 1000000LL)
#define CONNECT_MOST_MS 10000 /* a stop waits for it */

struct worker {
	struct reporter *reporter;
	pthread_t thread;
	enum commitment_state duty; /* what it looks for: ASKED, to be verified, or VERIFIED, to be told */
	struct commitment job;      /* id, site and aet of what is under way; id 0: nothing */
	struct scu *scu;            /* NULL while there is none */
};
struct reporter {
	struct archive *archive;
	const struct config *(*config)(void *arg);
	void *arg;
	pthread_mutex_t lock; /* all below; also held from asking to holding */
	pthread_cond_t changed;
	struct report_hold *holds;
	_Atomic bool stop;
	int64_t purged_us;
	unsigned n;
	struct worker workers[THREADS];
};

/* ---- what is next. With the lock held. */

static struct report_hold *find_hold(const struct reporter *r, int64_t id)
{
	struct report_hold *h = r->holds;

	while (h && h->id != id)
		h = h->next;
	return h;
}

/* Is it under way, or, where it is to be told, another one of the same peer? */
static bool busy(const struct reporter *r, enum commitment_state duty, const struct commitment *c)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct commitment *job = &r->workers[i].job;

		if (job->id && (job->id == c->id || (duty == COMMITMENT_VERIFIED && r->workers[i].duty == duty &&
						     job->site == c->site && strcmp(job->aet, c->aet) == 0)))
			return true;
	}
	return false;
}

static bool being_told(const struct reporter *r, int64_t id)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->workers[i].job.id == id && r->workers[i].duty == COMMITMENT_VERIFIED)
			return true;
	return false;
}

struct pick {
	struct worker *worker;
	int64_t now, wait_us; /* until the first that is not due */
};

static int pick_one(void *arg, const struct commitment *c)
{
	struct pick *p = arg;
	struct worker *w = p->worker;

	if (c->due_us > p->now) { /* they come in order */
		p->wait_us = c->due_us - p->now;
		return 2;
	}
	if (busy(w->reporter, w->duty, c) || (w->duty == COMMITMENT_VERIFIED && find_hold(w->reporter, c->id)))
		return 0;
	w->job = *c;
	return 1;
}

/* True: w->job is to be done. Else *wait_us says for how long nothing is due. */
static bool pick(struct worker *w, int64_t *wait_us)
{
	struct pick p = {.worker = w, .now = clock_wall_us(), .wait_us = LOOK_EVERY_US};
	struct err e = {0};
	int rc = commitment_due(w->reporter->archive, w->duty, pick_one, &p, &e);

	if (rc < 0) {
		log_error("storage commitment: %s", e.msg);
		p.wait_us = TROUBLE_US;
	}
	*wait_us = p.wait_us < LOOK_EVERY_US ? p.wait_us : LOOK_EVERY_US;
	return rc == 1;
}

/* ---- one request */

/* Negative: the index failed; it stays asked. */
static int verify(struct worker *w, struct err *e)
{
	struct reporter *r = w->reporter;
	AUTO(commitment) c = COMMITMENT;
	struct report_hold *h;
	int rc;

	if ((rc = commitment_load(r->archive, w->job.id, &c, e)) < 0 ||
	    (rc = commitment_verify(r->archive, &c, &r->stop, e)) < 0)
		return rc;
	log_info("commitment %s of %s verified: %u of %u instances are kept", c.transaction, c.aet, c.n - c.failed,
		 c.n);
	pthread_mutex_lock(&r->lock);
	if ((h = find_hold(r, c.id)))
		h->ready = true;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

struct way {
	bool found;
	uint8_t context;
	char syntax[65];
};

static int first_way(void *arg, uint8_t context, const char *syntax)
{
	struct way *way = arg;

	way->found = true;
	way->context = context;
	snprintf(way->syntax, sizeof way->syntax, "%s", syntax);
	return 1;
}

static void set_scu(struct worker *w, struct scu *scu)
{
	pthread_mutex_lock(&w->reporter->lock);
	w->scu = scu;
	if (scu && w->reporter->stop)
		scu_shutdown(scu);
	pthread_mutex_unlock(&w->reporter->lock);
}

static int call(struct worker *w, const struct config *config, const struct peer *to, struct scu **out, struct err *e)
{
	static const struct scu_proposal proposal = {
	    .abstract = UID_COMMITMENT, .syntaxes = {UID_EXPLICIT_LE, UID_IMPLICIT_LE}, .as_scp = true};
	int rc = call_peer(config, to, CONNECT_MOST_MS, &proposal, 1, out, e);

	if (rc == 0)
		set_scu(w, *out);
	return rc;
}

static int send_report(struct scu *scu, const struct config *config, const struct commitment *c, uint16_t *status,
		       struct err *e)
{
	AUTO(buf) data = BUF(REPORT_MOST);
	struct dimse_event event = {.sop_class = UID_COMMITMENT, .sop_instance = UID_COMMITMENT_INSTANCE};
	struct way way = {0};
	int rc;

	scu_accepted(scu, UID_COMMITMENT, first_way, &way);
	if (!way.found)
		return err_set(e, E_UNSUP, "%s does not take reports of storage commitment", c->aet);
	if ((rc = report_encode(c, config->aet, way.syntax, &data, e)) < 0)
		return rc;
	event.type = (uint16_t)rc;
	event.data = data.data;
	event.n = data.len;
	return scu_event_report(scu, way.context, &event, status, e);
}

/* Over an association of its own: 0, or why not. refused: the peer answered, with a failure. */
static int tell_anew(struct worker *w, const struct config *config, const struct commitment *c, bool *refused,
		     struct err *e)
{
	struct scu *scu;
	struct peer to;
	uint16_t status;
	int rc;

	*refused = false;
	if (strcmp(config->commit_report, "same") == 0)
		return err_set(e, E_CLOSED, "the association that asked has ended");
	if ((rc = report_destination(w->reporter->archive, c->aet, c->site, &to, e)) < 0 ||
	    (rc = call(w, config, &to, &scu, e)) < 0)
		return rc;
	rc = send_report(scu, config, c, &status, e);
	set_scu(w, NULL);
	if (rc < 0) {
		scu_abort(scu);
		return rc;
	}
	scu_close(scu, NULL);
	*refused = report_refuses(status);
	return *refused ? err_set(e, E_DENIED, "the event report was answered with %04x", status) : 0;
}

static int tell(struct worker *w, struct err *e)
{
	struct reporter *r = w->reporter;
	const struct config *config = r->config(r->arg);
	AUTO(commitment) c = COMMITMENT;
	struct err why = {0};
	bool refused;
	int rc;

	if ((rc = commitment_load(r->archive, w->job.id, &c, e)) < 0)
		return rc;
	rc = tell_anew(w, config, &c, &refused, &why);
	if (rc < 0 && r->stop) /* the next start begins it again */
		return 0;
	report_outcome(r->archive, config, &c, rc < 0 ? &why : NULL, refused);
	return 0;
}

/* ---- the threads */

static void purge(struct reporter *r)
{
	int64_t keep = r->config(r->arg)->commit_keep_ms;
	struct err e = {0};
	int n = commitment_purge(r->archive, clock_wall_us() - keep * 1000, &e);

	if (n < 0)
		log_warn("old requests for storage commitment stay: %s", e.msg);
	else if (n > 0)
		log_info("%d requests for storage commitment are forgotten, their time is over", n);
}

/* The index failed at this request: those behind it are not to wait. False: it cannot be written, either. */
static bool put_off(struct worker *w, const struct err *why)
{
	struct err e = {0};

	log_error("storage commitment: request %lld of %s: %s", (long long)w->job.id, w->job.aet, why->msg);
	alert_raise(ALERT_COMMITMENT, w->job.aet, "request %lld is put off: %s", (long long)w->job.id, why->msg);
	if (commitment_later(w->reporter->archive, w->job.id, clock_wall_us() + LATER_US, &e) == 0)
		return true;
	log_error("storage commitment: %s", e.msg);
	return false;
}

/* With the lock held, which it gives away meanwhile. */
static void do_job(struct worker *w)
{
	struct reporter *r = w->reporter;
	bool clean = w->duty == COMMITMENT_ASKED && clock_mono_us() - r->purged_us > PURGE_EVERY_US;
	bool stuck = false;
	struct err e = {0};

	if (clean)
		r->purged_us = clock_mono_us();
	pthread_mutex_unlock(&r->lock);
	if (clean)
		purge(r);
	if ((w->duty == COMMITMENT_ASKED ? verify(w, &e) : tell(w, &e)) < 0 && !r->stop)
		stuck = !put_off(w, &e);
	pthread_mutex_lock(&r->lock);
	if (stuck && !r->stop) /* not at once again; the job stays with us */
		clock_wait(&r->changed, &r->lock, clock_mono_us() + TROUBLE_US);
	w->job.id = 0;
	pthread_cond_broadcast(&r->changed);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct reporter *r = w->reporter;
	int64_t wait_us;

	log_context(w->duty == COMMITMENT_ASKED ? "verify" : "report");
	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		if (pick(w, &wait_us))
			do_job(w);
		else
			clock_wait(&r->changed, &r->lock, clock_mono_us() + wait_us);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int reporter_start(struct archive *a, const struct config *(*config)(void *arg), void *arg, struct reporter **out,
		   struct err *e)
{
	struct reporter *r = calloc(1, sizeof *r);

	if (!r)
		return err_set(e, E_NOMEM, "no memory for storage commitment");
	r->archive = a;
	r->config = config;
	r->arg = arg;
	r->purged_us = clock_mono_us() - PURGE_EVERY_US;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	pthread_mutex_lock(&r->lock); /* they begin when all are there */
	for (; r->n < THREADS; r->n++) {
		struct worker *w = &r->workers[r->n];

		*w = (struct worker){.reporter = r, .duty = r->n ? COMMITMENT_VERIFIED : COMMITMENT_ASKED};
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			break;
	}
	pthread_mutex_unlock(&r->lock);
	if (r->n < THREADS) {
		reporter_stop(r);
		return err_set(e, E_NOMEM, "cannot start the threads of storage commitment");
	}
	*out = r;
	return 0;
}

void reporter_halt(struct reporter *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	for (unsigned i = 0; i < r->n; i++)
		if (r->workers[i].scu)
			scu_shutdown(r->workers[i].scu);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void reporter_stop(struct reporter *r)
{
	if (!r)
		return;
	reporter_halt(r);
	for (unsigned i = 0; i < r->n; i++)
		pthread_join(r->workers[i].thread, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- the associations */

int reporter_ask(struct reporter *r, struct commitment *c, struct report_hold *hold, struct err *e)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	if ((rc = commitment_ask(r->archive, c, e)) >= 0) {
		if (hold && !find_hold(r, c->id) && !being_told(r, c->id)) {
			hold->id = c->id;
			hold->ready = rc > 0 && c->state == COMMITMENT_VERIFIED;
			hold->next = r->holds;
			r->holds = hold;
		}
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void reporter_release(struct reporter *r, struct report_hold *hold)
{
	struct report_hold **at = &r->holds;

	pthread_mutex_lock(&r->lock);
	while (*at && *at != hold)
		at = &(*at)->next;
	if (*at)
		*at = hold->next;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}
