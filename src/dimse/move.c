/* C-MOVE: the caller's thread answers, looks for C-CANCEL and counts; workers send, each over an association of its
 * own, all from one selection. A worker whose association fails tries again on a fresh one; what it held goes back. */
#include "base/log.h"
#include "dimse/call.h"
#include "dimse/offer.h"
#include "dimse/retrieve.h"
#include "dimse/send.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WORKERS_MOST 4u
#define WORKERS_DEFAULT 2
#define WORTH_ANOTHER 8u /* instances that make another association worth while */
#define TRIES_MOST 2     /* associations that one instance may cost */
#define STRIKES_MOST 3   /* associations failing in a row until a worker gives up */
#define TICK_MS 250      /* how often C-CANCEL is looked for */
#define PAUSE_MS 300     /* before a failed association is tried again */

struct job {
	struct stored what;
	int tries;
};
struct worker {
	struct move *move;
	pthread_t thread;
	struct scu *scu; /* set and cleared under the lock; NULL while there is none */
	struct sender sender;
	struct job jobs[2]; /* under way, and the one to follow */
	unsigned n;
	int strikes;
};
struct move {
	struct retrieve r;
	struct peer to;
	struct scope allowed; /* what the destination's site may have */
	struct offer offer;
	pthread_mutex_t lock; /* all below, r's counters and its selection */
	pthread_cond_t changed;
	unsigned group, running;
	_Atomic bool stop;
	bool exhausted;
	uint64_t successes, bytes;
	struct job back[2 * WORKERS_MOST]; /* held by workers that gave up */
	unsigned n_back;
	struct worker workers[WORKERS_MOST];
};

static void wait_changed(struct move *m, unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += (long)ms * 1000000;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&m->changed, &m->lock, &at);
}

/* ---- what is to be sent. All with the lock held. */

static bool take(struct move *m, struct job *out)
{
	struct err why = {0};
	int rc;

	if (m->n_back) {
		*out = m->back[--m->n_back];
		return true;
	}
	while (!m->exhausted) {
		*out = (struct job){0};
		if ((rc = select_next(m->r.selection, &out->what, &why)) <= 0) {
			if (rc < 0)
				log_error("selection ended early: %s", why.msg);
			m->exhausted = true;
			break;
		}
		if (offer_group(&m->offer, out->what.sop_class) != (int)m->group)
			continue;
		if (scope_has(&m->allowed, out->what.site))
			return true;
		log_warn("instance %s not sent: %s may not have it", out->what.sop_instance, m->to.aet);
		retrieve_count(&m->r, &out->what, RETRIEVE_UNSENT);
	}
	return false;
}

static void give_back(struct move *m, struct worker *w)
{
	while (w->n)
		m->back[m->n_back++] = w->jobs[--w->n];
}

/* ---- one worker */

static int add_context(void *arg, uint8_t id, const char *abstract, const char *syntax)
{
	struct sender *s = arg;

	s->contexts[s->n_contexts++] = (struct send_context){id, abstract, syntax};
	return 0;
}

static int call(struct worker *w, struct err *e)
{
	struct move *m = w->move;
	struct scu_proposal proposals[SCU_PROPOSALS];
	unsigned n = offer_proposals(&m->offer, m->group, proposals);
	struct scu *scu;
	int rc;

	if ((rc = call_peer(m->r.s->face->config, &m->to, 0, proposals, n, &scu, e)) < 0)
		return rc;
	pthread_mutex_lock(&m->lock);
	w->scu = scu;
	pthread_mutex_unlock(&m->lock);
	w->sender = (struct sender){.archive = m->r.s->face->archive,
				    .dimse = scu_dimse(scu),
				    .originator = m->r.s->peer.calling,
				    .originator_id = m->r.rq->message_id};
	scu_contexts(scu, add_context, &w->sender);
	return 0;
}

static void hang_up(struct worker *w, bool politely)
{
	struct move *m = w->move;
	struct err ignored = {0};
	struct scu *scu;

	pthread_mutex_lock(&m->lock);
	scu = STEAL(w->scu);
	m->bytes += w->sender.bytes;
	pthread_mutex_unlock(&m->lock);
	sender_cleanup(&w->sender);
	w->sender = (struct sender){0};
	if (scu && politely)
		scu_close(scu, &ignored);
	else
		scu_abort(scu);
}

/* The association failed: the worker waits a little, then makes another, or gives up. */
static void strike(struct worker *w, const struct err *why)
{
	struct move *m = w->move;

	log_warn("sub-association to %s: %s", m->to.aet, why->msg);
	hang_up(w, false);
	pthread_mutex_lock(&m->lock);
	if (++w->strikes < STRIKES_MOST && !m->stop)
		wait_changed(m, PAUSE_MS);
	pthread_mutex_unlock(&m->lock);
}

/* Fills both places; false when there is nothing to do. */
static bool fetch(struct worker *w)
{
	struct move *m = w->move;

	pthread_mutex_lock(&m->lock);
	while (w->n < 2 && !m->stop && take(m, &w->jobs[w->n]))
		w->n++;
	pthread_mutex_unlock(&m->lock);
	return w->n > 0 && !m->stop;
}

/* The job under way is over; the next moves up. */
static void job_done(struct worker *w, uint16_t status)
{
	struct move *m = w->move;

	pthread_mutex_lock(&m->lock);
	retrieve_count(&m->r, &w->jobs[0].what, status);
	m->successes += status != RETRIEVE_UNSENT;
	w->jobs[0] = w->jobs[1];
	w->n--;
	pthread_mutex_unlock(&m->lock);
}

/* Sends the job under way; whether the association is still good. */
static bool send_job(struct worker *w, struct err *why)
{
	struct job *now = &w->jobs[0];
	uint16_t status = RETRIEVE_UNSENT;
	int rc = sender_send(&w->sender, &now->what, w->n > 1 ? &w->jobs[1].what : NULL, &status, why);

	if (rc < 0 && ++now->tries < TRIES_MOST)
		return false; /* it stays, for the next association */
	if (rc != 0)
		log_warn("instance %s not sent: %s", now->what.sop_instance, why->msg);
	else if (status != STATUS_SUCCESS)
		log_warn("instance %s answered with %04x by %s", now->what.sop_instance, status, w->move->to.aet);
	job_done(w, status);
	return rc >= 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct move *m = w->move;

	log_context(m->r.s->id);
	while (w->strikes < STRIKES_MOST && !m->stop) {
		struct err why = {0};

		if (!w->scu && call(w, &why) < 0) {
			strike(w, &why);
			continue;
		}
		if (!fetch(w))
			break;
		if (send_job(w, &why))
			w->strikes = 0;
		else
			strike(w, &why);
	}
	hang_up(w, true);
	pthread_mutex_lock(&m->lock);
	give_back(m, w);
	m->running--;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* ---- the caller's thread */

static unsigned worker_count(const struct move *m)
{
	unsigned most = m->to.max_associations > 0 ? (unsigned)m->to.max_associations : WORKERS_DEFAULT;
	uint64_t worth = 1 + m->r.total / WORTH_ANOTHER;

	if (most > WORKERS_MOST)
		most = WORKERS_MOST;
	return worth < most ? (unsigned)worth : most;
}

/* Starts the workers of a round; how many there are. */
static unsigned start(struct move *m)
{
	unsigned n = 0, want = worker_count(m);
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SERVER_STACK);
	pthread_mutex_lock(&m->lock);
	for (; n < want; n++) {
		m->workers[n] = (struct worker){.move = m};
		if (pthread_create(&m->workers[n].thread, &attr, work, &m->workers[n]) != 0)
			break;
		m->running++;
	}
	pthread_mutex_unlock(&m->lock);
	pthread_attr_destroy(&attr);
	return n;
}

/* Ends all sub-associations at once: nobody waits for the result. */
static void cut_workers(struct move *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (m->workers[i].scu)
			scu_shutdown(m->workers[i].scu);
}

/* Looks after the workers until they are done: pending answers, C-CANCEL. 1: cancelled; negative: caller gone. */
static int watch(struct move *m, unsigned n, struct err *e)
{
	struct session *s = m->r.s;
	bool cancelled = false;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	while (m->running && rc >= 0) {
		wait_changed(m, TICK_MS);
		/* a pending answer is small and rare: the socket has room, the lock is not held long */
		if ((rc = retrieve_pending(&m->r, false, e)) < 0 ||
		    (rc = dimse_cancelled(&s->d, m->r.rq->message_id, e)) < 0)
			break;
		if (rc > 0)
			cancelled = true;
		if (cancelled)
			m->stop = true;
	}
	if (rc < 0) {
		m->stop = true;
		cut_workers(m, n);
	}
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < n; i++)
		pthread_join(m->workers[i].thread, NULL);
	return rc < 0 ? rc : cancelled;
}

/* What nobody could send. */
static void fail_rest(struct move *m)
{
	struct job left;

	pthread_mutex_lock(&m->lock);
	while (take(m, &left))
		retrieve_count(&m->r, &left.what, RETRIEVE_UNSENT);
	pthread_mutex_unlock(&m->lock);
}

/* One group of classes: rounds of workers, as long as each round gets something done. */
static int run_group(struct move *m, struct err *e)
{
	uint64_t before;
	int rc;

	m->exhausted = false;
	do {
		before = m->successes;
		if ((rc = watch(m, start(m), e)) != 0)
			return rc;
	} while ((m->n_back || !m->exhausted) && m->successes > before);
	fail_rest(m);
	return 0;
}

static int survey(struct move *m, struct err *why)
{
	struct stored what;
	int rc;

	while ((rc = select_next(m->r.selection, &what, why)) > 0)
		if ((rc = offer_add(&m->offer, what.sop_class, what.syntax, why)) < 0)
			break;
	if (rc < 0)
		return rc;
	offer_divide(&m->offer);
	return 0;
}

/* All groups, and the last word. */
static int run(struct move *m, struct err *e)
{
	struct err why = {0};
	int rc;

	if (m->r.total && (rc = retrieve_pending(&m->r, true, e)) < 0)
		return rc;
	for (m->group = 0; m->group < m->offer.groups; m->group++) {
		if (retrieve_rewind(&m->r, &why) < 0) {
			log_error("selection cannot be read again: %s", why.msg);
			break;
		}
		if ((rc = run_group(m, e)) != 0)
			return rc < 0 ? rc : retrieve_end(&m->r, true, e);
	}
	if (m->r.total > m->r.completed + m->r.failed + m->r.warning) /* vanished, or the index failed */
		m->r.failed = m->r.total - m->r.completed - m->r.warning;
	return retrieve_end(&m->r, false, e);
}

/* Who is meant, and what it may have. A status other than success refuses. */
static uint16_t destination(struct move *m, const struct shim_command *rq, struct err *why)
{
	struct archive *a = m->r.s->face->archive;

	if (peer_destination(a, rq->move_destination, m->r.s->who.site, &m->to, why) < 0)
		return why->code == E_NOENT ? STATUS_NO_DESTINATION : session_status(why);
	return site_scope(a, m->to.site, &m->allowed, why) < 0 ? session_status(why) : STATUS_SUCCESS;
}

static struct move *move_new(void)
{
	struct move *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;

	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);
	pthread_condattr_destroy(&attr);
	return m;
}

static void move_free(struct move *m)
{
	retrieve_cleanup(&m->r);
	scope_cleanup(&m->allowed);
	offer_cleanup(&m->offer);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int serve_move(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	struct move *m = move_new();
	struct err why = {0};
	uint16_t status;
	int rc;

	if (!m)
		return err_set(e, E_NOMEM, "no memory for a C-MOVE");
	rc = retrieve_begin(&m->r, s, rq, cx, &status, &why, e);
	if (rc == 0 && status == STATUS_SUCCESS)
		status = destination(m, rq, &why);
	if (rc == 0 && status == STATUS_SUCCESS && survey(m, &why) < 0)
		status = session_status(&why);
	if (rc == 0 && status == STATUS_SUCCESS) {
		rc = run(m, e);
		s->bytes_out += m->bytes;
	} else if (rc == 0) {
		log_warn("C-MOVE answered with %04x: %s", status, why.msg);
		rc = session_refuse(s, cx, rq, status, m->r.id.offending, &why, e);
	}
	move_free(m);
	return rc;
}
