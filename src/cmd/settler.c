#include "cmd/settler.h"
#include "archive/intake.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/settler_own.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SECOND_US 1000000LL
#define LOOK_MOST_US (10 * SECOND_US) /* between two looks at what is due */
#define LOOK_LEAST_US (SECOND_US / 5)
#define RECLAIM_US (60 * SECOND_US)
#define GAUGES_US (10 * SECOND_US)
#define REST_MOST_US (5 * SECOND_US)
#define REST_STEP_US (SECOND_US / 10)
#define RETRY_US (30 * SECOND_US)
#define RETRY_MOST_US (3600 * SECOND_US)

static const struct config *config_of(const struct settler *s)
{
	return s->o.in_force(s->o.arg).config;
}

static bool stopped(struct settler *s)
{
	return atomic_load(&s->stop) || atomic_load(&s->cut);
}

/* Waits, at most so long; less when something changed: the end, or a run. */
static void rest(struct settler *s, int64_t us)
{
	int64_t until = clock_mono_us() + us;

	pthread_mutex_lock(&s->lock);
	if (!atomic_load(&s->stop) && !s->asked)
		clock_wait(&s->changed, &s->lock, until);
	pthread_mutex_unlock(&s->lock);
}

/* ---- giving way */

static bool busy(struct settler *s)
{
	int64_t within = config_of(s)->settle_busy_ms * 1000, last = intake_last_us(s->o.archive);

	return !s->o.alone && within > 0 && last > 0 && clock_mono_us() - last < within;
}

/* All threads together are to work a quarter of the time of one. */
bool settler_pace(struct settler *s, int64_t *from_us)
{
	int64_t begun = clock_mono_us(), us = (begun - *from_us) * (4 * (int64_t)s->at_once - 1);
	int64_t until = begun + (us < REST_MOST_US ? us : REST_MOST_US);
	bool rested = false;

	while (!stopped(s) && clock_mono_us() < until && busy(s)) {
		usleep(REST_STEP_US < until - begun ? REST_STEP_US : (useconds_t)(until - begun));
		rested = true;
	}
	*from_us = clock_mono_us();
	if (rested)
		settler_count_pause(*from_us - begun);
	return !stopped(s);
}

void settler_seen(struct settler *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->run.running && s->run.done < s->run.of)
		s->run.done++;
	pthread_mutex_unlock(&s->lock);
}

/* ---- a series */

static int64_t retry_at(const struct settle_job *job)
{
	int64_t pause = RETRY_US;

	if (job->tries + 1 >= SETTLER_TRIES)
		return 0;
	for (int i = 0; i < job->tries && pause < RETRY_MOST_US; i++)
		pause *= 2;
	return clock_wall_us() + (pause < RETRY_MOST_US ? pause : RETRY_MOST_US);
}

static void give_back(struct settler *s, const struct settle_job *job, int rc, const struct err *why)
{
	/* Stopped, or something arrived meanwhile: due as before, and no failure. */
	bool cancelled = rc == -E_CANCEL;
	struct err e = {0};

	int64_t due_us = cancelled ? clock_wall_us() : retry_at(job);

	if (!cancelled)
		log_warn("series %s could not be settled: %s", job->series, why->msg);
	if (due_us == 0 && job->state != SETTLE_DONE)
		alert_raise(ALERT_SETTLE, job->series, "given up after %d tries: %s", job->tries + 1, why->msg);
	if (settle_fail(s->o.archive, job, cancelled ? "" : why->msg, due_us, &e) < 0 && e.code != E_CANCEL)
		log_warn("the job of series %s could not be given back: %s", job->series, e.msg);
}

static void add(struct settler_run *to, const struct settler_run *one)
{
	to->encoded += one->encoded;
	to->kept += one->kept;
	to->mismatched += one->mismatched;
	to->in += one->in;
	to->out += one->out;
}

static void settle(struct settler *s, const struct settle_job *job)
{
	struct settler_run sum = {0};
	struct err e = {0};
	int rc = settler_series(s, job, &sum, &e);

	if (rc < 0)
		give_back(s, job, rc, &e);
	pthread_mutex_lock(&s->lock);
	if (s->run.running && rc == 0) {
		add(&s->run, &sum);
		s->run.series++;
	} else if (s->run.running && rc != -E_CANCEL) {
		s->run.failed++;
		s->run.err = e;
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- runs */

struct count {
	const struct settler_ask *ask;
	uint64_t n;
};

static int count_one(void *arg, const struct settle_job *j)
{
	struct count *c = arg;

	if (!c->ask->study[0] || strcmp(c->ask->study, j->study) == 0)
		c->n += j->instances;
	return 0;
}

static void begin_run(struct settler *s)
{
	struct settler_ask ask;
	struct count waiting = {.ask = &ask};

	pthread_mutex_lock(&s->lock);
	ask = s->ask;
	pthread_mutex_unlock(&s->lock);
	settle_each(s->o.archive, false, count_one, &waiting, NULL);
	if (ask.again)
		settle_each(s->o.archive, true, count_one, &waiting, NULL);
	pthread_mutex_lock(&s->lock);
	s->run.of = waiting.n;
	pthread_mutex_unlock(&s->lock);
}

/* Unless it was asked again since, when there may be more to do: false. */
static bool end_run(struct settler *s, unsigned asks, const struct err *why)
{
	bool over;

	pthread_mutex_lock(&s->lock);
	if ((over = s->asks == asks)) {
		s->asked = false;
		s->run.running = false;
	}
	if (why->code != E_OK)
		s->run.err = *why;
	pthread_mutex_unlock(&s->lock);
	return over;
}

/* The next series of the run under way, or one that is due by itself. 1, 0 or negative. */
static int next_job(struct settler *s, bool running, struct settle_job *job, struct err *e)
{
	const struct config *c = config_of(s);
	struct settle_want want = {.quiet_us = c->settle_quiet_ms * 1000};
	struct settler_ask ask;
	int rc;

	if (!running && (s->o.alone || !c->settle_enabled))
		return 0;
	pthread_mutex_lock(&s->lock);
	ask = s->ask;
	want.after = running ? s->after : 0;
	pthread_mutex_unlock(&s->lock);
	if (running) {
		want.now = ask.now;
		want.again = ask.again;
		want.study = ask.study;
	}
	if ((rc = settle_lease(s->o.archive, &want, SETTLER_LEASE_US, job, e)) == 1 && running) {
		pthread_mutex_lock(&s->lock);
		s->after = job->id;
		pthread_mutex_unlock(&s->lock);
	}
	return rc;
}

static int64_t pause_of(const struct settler *s)
{
	int64_t us = config_of(s)->settle_quiet_ms * 1000 / 4;

	return us < LOOK_LEAST_US ? LOOK_LEAST_US : us > LOOK_MOST_US ? LOOK_MOST_US : us;
}

static bool go_on(void *arg)
{
	struct settler *s = arg;

	return !atomic_load(&s->stop);
}

static void reclaim(struct settler *s)
{
	struct err e = {0};
	int64_t n = settle_reclaim(s->o.archive, config_of(s)->settle_grace_ms * 1000, go_on, s, &e);

	if (n < 0)
		log_warn("disk space of settled instances could not be given back: %s", e.msg);
	else
		settler_count_reclaimed(n);
}

/* What comes round now and then, beside the series. */
static void housekeeping(struct settler *s, int64_t *gauges_us, int64_t *reclaim_us)
{
	int64_t now = clock_mono_us(), grace = config_of(s)->settle_grace_ms * 1000,
		every = grace < RECLAIM_US ? grace : RECLAIM_US;

	if (now - *reclaim_us >= (every > SECOND_US ? every : SECOND_US)) {
		reclaim(s);
		*reclaim_us = clock_mono_us();
	}
	if (now - *gauges_us >= GAUGES_US) {
		settler_gauges(s->o.archive);
		*gauges_us = clock_mono_us();
	}
}

/* Looks what there is to do and does one series: 1, 0 (there was none) or negative. */
static int turn(struct settler *s, bool *running, struct err *e)
{
	struct settle_job job;
	unsigned asks;
	bool begins;
	int rc;

	/* What was asked for before this is what was noticed by now. */
	pthread_mutex_lock(&s->lock);
	begins = s->asked && !*running;
	asks = s->asks;
	pthread_mutex_unlock(&s->lock);
	*running |= begins;
	rc = settle_notice(s->o.archive, go_on, s, e);
	if (begins)
		begin_run(s);
	if (rc >= 0 && (rc = next_job(s, *running, &job, e)) == 1)
		settle(s, &job);
	if (rc == 1 || !*running)
		return rc;
	reclaim(s);
	if (end_run(s, asks, e))
		*running = false;
	else
		rc = 1;
	return rc;
}

static void *run(void *arg)
{
	struct settler *s = arg;
	int64_t gauges_us = 0, reclaim_us = 0;
	bool running = false;

	log_context("settle");
	while (!atomic_load(&s->stop)) {
		struct err e = {0};
		int rc = turn(s, &running, &e);

		if (rc < 0)
			log_warn("nothing can be settled: %s", e.msg);
		housekeeping(s, &gauges_us, &reclaim_us);
		if (rc != 1)
			rest(s, pause_of(s));
	}
	return NULL;
}

/* ---- from outside */

void settler_ask(struct settler *s, const struct settler_ask *ask)
{
	pthread_mutex_lock(&s->lock);
	s->asks++;
	if (!s->asked) {
		s->ask = *ask;
		s->run = (struct settler_run){.running = true};
		s->asked = true;
		s->after = 0;
	} else {
		s->after = 0;
		s->ask.now |= ask->now;
		s->ask.again |= ask->again;
		if (strcmp(s->ask.study, ask->study) != 0)
			s->ask.study[0] = '\0';
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void settler_look(struct settler *s, struct settler_run *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->run;
	pthread_mutex_unlock(&s->lock);
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > SETTLER_AT_ONCE ? SETTLER_AT_ONCE : (unsigned)n;
}

int settler_start(const struct settler_options *o, struct settler **out, struct err *e)
{
	struct settler *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for settling");
	s->o = *o;
	s->at_once = (unsigned)config_of(s)->settle_at_once;
	s->at_once = s->at_once ? s->at_once : processors();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if ((rc = crew_start(s->at_once, settler_encode, s, &s->crew, e)) == 0) {
		s->started = pthread_create(&s->thread, NULL, run, s) == 0;
		rc = s->started ? 0 : err_set(e, E_NOMEM, "no thread that settles can be started");
	}
	if (rc < 0)
		settler_free(s);
	else
		*out = s;
	return rc;
}

void settler_end(struct settler *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->stop, true);
	if (s->run.running)
		err_set(&s->run.err, E_CANCEL, "stopped before all was settled");
	s->run.running = false;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void settler_free(struct settler *s)
{
	if (!s)
		return;
	settler_end(s);
	if (s->started)
		pthread_join(s->thread, NULL);
	crew_stop(s->crew);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
