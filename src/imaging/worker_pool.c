#include "imaging/worker_pool.h"
#include "base/log.h"
#include "imaging/worker_metrics.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_AGAIN_MS 1000
#define KILLED_MOST 64u /* workers in a row that somebody killed while they began */
#define CLOCK_FACTOR 4u /* seconds by the clock for each of processor time */
#define LOOK_EVERY 256u /* jobs between two looks at a worker's memory */

struct waiter {
	struct waiter *next;
	struct slot *given;
	int rc;
	struct err e;
	pthread_cond_t woken;
};
struct line {
	struct waiter *first, **last;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t left; /* a caller has gone, or the state has changed */
	enum { NEW, RUNNING, STOPPING, STOPPED } state;
	struct imaging_options options;
	char program[4096];
	struct slot *slots;
	struct pollfd *watch; /* of the keeper: its bell, then a place for each slot */
	unsigned inside, waiting, background;
	struct line lines[2]; /* [0] somebody waits, [1] background */
	int bell;
	bool told; /* what the sandbox is made of */
	pthread_t keeper;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

/* ---- the line */

static void line_join(struct line *l, struct waiter *w)
{
	if (!l->first)
		l->last = &l->first;
	*l->last = w;
	l->last = &w->next;
	metric_set(&metric_queue, ++pool.waiting);
}

static struct waiter *line_next(struct line *l)
{
	struct waiter *w = l->first;

	l->first = w->next;
	metric_set(&metric_queue, --pool.waiting);
	return w;
}

static bool background_may(void)
{
	return pool.options.workers == 1 ? pool.background == 0 : pool.background + 1 < pool.options.workers;
}

/* Who is next, or NULL. */
static struct line *line_now(void)
{
	if (pool.lines[0].first)
		return &pool.lines[0];
	return pool.lines[1].first && background_may() ? &pool.lines[1] : NULL;
}

static struct slot *find(int state)
{
	for (unsigned i = 0; i < pool.options.workers; i++)
		if ((int)pool.slots[i].state == state)
			return &pool.slots[i];
	return NULL;
}

static void ring(void)
{
	const uint64_t one = 1;

	if (write(pool.bell, &one, sizeof one) < 0)
		return; /* full of rings already */
}

static void occupy(struct slot *s, bool background)
{
	s->state = SLOT_BUSY;
	s->background = background;
	pool.background += background;
}

/* Under the lock: whoever is next gets what is idle; the keeper hears of it when more are wanted. */
static void serve_line(void)
{
	struct line *l;
	struct slot *s;

	while ((l = line_now()) && (s = find(SLOT_IDLE))) {
		struct waiter *w = line_next(l);

		occupy(s, l == &pool.lines[1]);
		w->given = s;
		pthread_cond_signal(&w->woken);
	}
	if (l && find(SLOT_EMPTY))
		ring();
}

static void refuse_line(int code, const char *sentence)
{
	for (unsigned i = 0; i < 2; i++)
		while (pool.lines[i].first) {
			struct waiter *w = line_next(&pool.lines[i]);

			w->rc = err_set(&w->e, (enum err_code)code, "%s", sentence);
			pthread_cond_signal(&w->woken);
		}
}

static int wait_in_line(bool background, struct slot **out, struct err *e)
{
	struct waiter w = {.woken = PTHREAD_COND_INITIALIZER};

	if (pool.waiting >= POOL_WAITING_MOST)
		return err_set(e, E_BUSY, "%u jobs wait for %u workers for pictures already", pool.waiting,
			       pool.options.workers);
	line_join(&pool.lines[background], &w);
	serve_line();
	while (!w.given && w.rc == 0)
		pthread_cond_wait(&w.woken, &pool.lock);
	pthread_cond_destroy(&w.woken);
	*out = w.given;
	return w.rc < 0 ? err_set(e, w.e.code, "%s", w.e.msg) : 0;
}

int pool_take(bool background, struct slot **out, struct err *e)
{
	int rc;

	pthread_mutex_lock(&pool.lock);
	if (pool.state == STOPPING)
		rc = err_set(e, E_CANCEL, "the workers for pictures are being stopped");
	else
		rc = wait_in_line(background, out, e);
	pthread_mutex_unlock(&pool.lock);
	return rc;
}

/* ---- workers come and go */

static void count_workers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool.options.workers; i++)
		n += pool.slots[i].state != SLOT_EMPTY;
	metric_set(&metric_workers, n);
}

/* Under the lock, which is not held while a process is ended. */
static enum death bury(struct slot *s, enum death suspected, char what[64])
{
	struct process p = s->p;
	enum death d;

	if (s->state == SLOT_BUSY)
		pool.background -= s->background;
	s->state = SLOT_LEAVING;
	pthread_mutex_unlock(&pool.lock);
	d = process_end(&p, suspected, what);
	pthread_mutex_lock(&pool.lock);
	*s = (struct slot){.state = SLOT_EMPTY};
	count_workers();
	serve_line();
	ring(); /* the keeper forgets its socket */
	return d;
}

enum death pool_bury(struct slot *s, enum death suspected, char what[64])
{
	enum death d;

	pthread_mutex_lock(&pool.lock);
	d = bury(s, suspected, what);
	pthread_mutex_unlock(&pool.lock);
	return d;
}

/* Memory that a library has lost, or that lies in pieces, goes with its worker. */
static bool spent(const struct slot *s)
{
	return s->p.jobs >= POOL_JOBS_MOST ||
	       (s->p.jobs % LOOK_EVERY == 0 && process_large(&s->p, pool.options.memory / 4));
}

void pool_give(struct slot *s)
{
	char what[64];
	bool leaves = spent(s);

	pthread_mutex_lock(&pool.lock);
	if (leaves) {
		bury(s, DEATH_NONE, what);
	} else {
		pool.background -= s->background;
		s->state = SLOT_IDLE;
		serve_line();
	}
	pthread_mutex_unlock(&pool.lock);
}

static void tell_sandbox(const struct sandbox_state *s)
{
	if (pool.told)
		return;
	pool.told = true;
	if (!s->seccomp)
		log_warn("imaging: the kernel has no allow-list of system calls (seccomp): workers run without");
	log_debug("imaging: workers are locked in by limits%s%s", s->seccomp ? ", seccomp" : "",
		  s->landlock ? ", landlock" : "; this kernel has no landlock");
}

/* Under the lock, which is not held meanwhile. */
static int start_one(struct slot *s, struct err *e)
{
	const struct sandbox_limits limits = {pool.options.memory, pool.options.sandbox_optional};
	struct sandbox_state state = {0};
	struct process p;
	int rc;

	s->state = SLOT_LEAVING; /* nobody else's */
	pthread_mutex_unlock(&pool.lock);
	rc = process_start(pool.program, &limits, pool.options.seconds * CLOCK_FACTOR, &p, &state, e);
	pthread_mutex_lock(&pool.lock);
	if (rc == 0)
		tell_sandbox(&state);
	*s = rc == 0 ? (struct slot){.p = p, .state = SLOT_IDLE} : (struct slot){.state = SLOT_EMPTY};
	count_workers();
	return rc;
}

/* ---- the keeper */

static void bury_idle(void)
{
	char what[64];

	for (unsigned i = 0; i < pool.options.workers; i++) {
		struct slot *s = &pool.slots[i];
		enum death d;

		if (s->state != SLOT_IDLE || !s->noticed)
			continue;
		d = bury(s, DEATH_NONE, what);
		metric_add(&metric_deaths[d], 1);
		log_warn("imaging: an idle worker has died (%s)", what);
	}
}

/* Waits, without the lock, for the bell or for the end of a socket that was not noticed yet. */
static void watch(int timeout_ms)
{
	unsigned n = pool.options.workers;
	uint64_t rings;

	pool.watch[0] = (struct pollfd){pool.bell, POLLIN, 0};
	for (unsigned i = 0; i < n; i++) {
		const struct slot *s = &pool.slots[i];
		bool alive = (s->state == SLOT_IDLE || s->state == SLOT_BUSY) && !s->noticed;

		pool.watch[i + 1] = (struct pollfd){alive ? s->p.socket : -1, 0, 0};
	}
	pthread_mutex_unlock(&pool.lock);
	poll(pool.watch, n + 1, timeout_ms);
	if (pool.watch[0].revents && read(pool.bell, &rings, sizeof rings) < 0)
		rings = 0; /* somebody took it: nobody does */
	pthread_mutex_lock(&pool.lock);
	for (unsigned i = 0; i < n; i++) {
		struct slot *s = &pool.slots[i];

		if (pool.watch[i + 1].revents && s->p.socket == pool.watch[i + 1].fd)
			s->noticed = true;
	}
}

static bool more_wanted(void)
{
	return line_now() && !find(SLOT_IDLE) && find(SLOT_EMPTY);
}

/* As many as the line needs. Whoever cannot be served by a worker that is there is told why there is none. */
static int start_wanted(void)
{
	unsigned killed = 0;

	while (more_wanted()) {
		struct err e = {0};
		int rc = start_one(find(SLOT_EMPTY), &e);

		serve_line();
		if (rc == 0)
			continue;
		log_warn("imaging: %s", e.msg);
		if (rc == -E_CLOSED && ++killed < KILLED_MOST)
			continue;
		if (!find(SLOT_IDLE) && !find(SLOT_BUSY))
			refuse_line(E_IO, e.msg);
		return rc;
	}
	return 0;
}

static void *keep(void *unused)
{
	bool failed = false;

	(void)unused;
	pthread_mutex_lock(&pool.lock);
	while (pool.state != STOPPING || pool.inside > 0) {
		watch(failed ? START_AGAIN_MS : -1);
		bury_idle();
		failed = pool.state != STOPPING && start_wanted() < 0;
	}
	for (unsigned i = 0; i < pool.options.workers; i++) {
		char what[64];

		if (pool.slots[i].state == SLOT_IDLE)
			bury(&pool.slots[i], DEATH_NONE, what);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

/* ---- the pool */

/* One for each processor, and one that background jobs never take. */
static unsigned workers_of_machine(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 2 : n >= (long)POOL_WORKERS_MOST ? POOL_WORKERS_MOST : (unsigned)n + 1;
}

static bool named_teleread(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return strncmp(name, "teleread", 8) == 0 && (name[8] == '\0' || name[8] == ' '); /* "teleread (deleted)" */
}

/* This very program, even where its file has been replaced by a newer one since. */
static int find_program(const char *given, char *out, size_t room, struct err *e)
{
	char self[4096] = "";

	if (getenv("TELEREAD_WORKER"))
		return err_set(e, E_BUG, "a worker starts no workers");
	if (given) {
		snprintf(out, room, "%s", given);
		return 0;
	}
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return err_sys(e, E_IO, "cannot find the program for workers (/proc/self/exe)");
	if (named_teleread(self)) {
		snprintf(out, room, "/proc/self/exe");
		return 0;
	}
#ifdef TELEREAD_FAULTS
	if (getenv("TELEREAD_BUILD")) { /* a test: it is not the program itself */
		snprintf(out, room, "%s/teleread", getenv("TELEREAD_BUILD"));
		return 0;
	}
#endif
	return err_set(e, E_IO, "this program cannot be its own worker (%s)", self);
}

static int prepare(const struct imaging_options *o, struct err *e)
{
	int rc;

	pool.options = *o;
	pool.options.program = pool.program;
	if (o->workers == 0)
		pool.options.workers = workers_of_machine();
	if (pool.options.workers > POOL_WORKERS_MOST)
		return err_set(e, E_CONFIG, "%u workers, expected %u at most", o->workers, POOL_WORKERS_MOST);
	if (o->memory == 0)
		pool.options.memory = IMAGING_MEMORY;
	if (o->seconds == 0)
		pool.options.seconds = IMAGING_SECONDS;
	if ((rc = find_program(o->program, pool.program, sizeof pool.program, e)) < 0)
		return rc;
	pool.slots = calloc(pool.options.workers, sizeof *pool.slots);
	pool.watch = calloc(pool.options.workers + 1, sizeof *pool.watch);
	if (!pool.slots || !pool.watch)
		return err_set(e, E_NOMEM, "no memory for %u workers", pool.options.workers);
	if ((pool.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return err_sys(e, E_IO, "no bell for the keeper of workers");
	return 0;
}

static void forget(void)
{
	free(pool.slots);
	free(pool.watch);
	if (pool.bell >= 0)
		close(pool.bell);
	pool.slots = NULL;
	pool.watch = NULL;
	pool.bell = -1;
	metric_set(&metric_workers, 0);
}

/* Signals are for other threads. */
static int start_keeper(struct err *e)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&pool.keeper, NULL, keep, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		return err_sys(e, E_IO, "no thread for the keeper of workers");
	}
	return 0;
}

/* Under the lock. */
static int start_pool(const struct imaging_options *o, struct err *e)
{
	int rc;

	pool.bell = -1;
	pool.told = false;
	pool.background = 0;
	if ((rc = prepare(o, e)) < 0 || (rc = start_keeper(e)) < 0) {
		forget();
		return rc;
	}
	pool.state = RUNNING;
	return 0;
}

int pool_enter(struct imaging_options *now, struct err *e)
{
#ifdef TELEREAD_FAULTS /* tests go on where the kernel has no seccomp; the one of the sandbox says so */
	static const struct imaging_options unasked = {.sandbox_optional = true};
#else
	static const struct imaging_options unasked = {0};
#endif
	int rc = 0;

	pthread_mutex_lock(&pool.lock);
	if (pool.state == STOPPING || pool.state == STOPPED)
		rc = err_set(e, E_CANCEL, "the workers for pictures are being stopped");
	else if (pool.state == NEW)
		rc = start_pool(&unasked, e);
	if (rc == 0) {
		pool.inside++;
		*now = pool.options;
	}
	pthread_mutex_unlock(&pool.lock);
	return rc;
}

void pool_leave(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.inside--;
	if (pool.state == STOPPING)
		ring();
	pthread_mutex_unlock(&pool.lock);
}

bool pool_stopping(void)
{
	bool is;

	pthread_mutex_lock(&pool.lock);
	is = pool.state == STOPPING;
	pthread_mutex_unlock(&pool.lock);
	return is;
}

int imaging_start(const struct imaging_options *o, struct err *e)
{
	struct imaging_options now;
	struct slot *s;
	int rc;

	pthread_mutex_lock(&pool.lock);
	if (pool.state == RUNNING || pool.state == STOPPING)
		rc = err_set(e, E_BUG, "the workers for pictures were started before");
	else
		rc = start_pool(o, e);
	pthread_mutex_unlock(&pool.lock);
	if (rc < 0 || (rc = pool_enter(&now, e)) < 0)
		return rc;
	/* one at once: what stands in the way is said now */
	if ((rc = pool_take(false, &s, e)) == 0)
		pool_give(s);
	pool_leave();
	if (rc < 0)
		imaging_stop();
	return rc;
}

void imaging_stop(void)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.state != RUNNING) {
		pthread_mutex_unlock(&pool.lock);
		return;
	}
	pool.state = STOPPING;
	refuse_line(E_CANCEL, "the workers for pictures are being stopped");
	/* whoever waits for one of these reads the end of the socket, then ends the process */
	for (unsigned i = 0; i < pool.options.workers; i++)
		if (pool.slots[i].state == SLOT_BUSY)
			shutdown(pool.slots[i].p.socket, SHUT_RDWR);
	ring();
	pthread_mutex_unlock(&pool.lock);
	pthread_join(pool.keeper, NULL);
	pthread_mutex_lock(&pool.lock);
	forget();
	pool.state = STOPPED;
	pthread_mutex_unlock(&pool.lock);
}
