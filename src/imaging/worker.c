/* imaging/worker.c - a job from the node's side: what is sent, what becomes of it when its worker dies, and what is believed. */
#include "imaging/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "imaging/worker_metrics.h"
#include "imaging/worker_pool.h"
#include "imaging/worker_refused.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEATHS_MOST 2u        /* of workers by the same input */
#define TIME_LEAST 10u        /* seconds of processor time that any frame may take */
#define TIME_BYTES (1u << 20) /* and for so many bytes of samples one more */
#define MISHAPS_MOST 16u      /* of workers by somebody else while they had this job */

int worker_input(struct err *e)
{
	int fd = memfd_create("teleread-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == 0) { /* 0 means none: whoever has closed standard input */
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 1);
		close(0);
	}
	return fd < 0 ? err_sys(e, E_NOMEM, "no memory for a job") : fd;
}

void job_result_cleanup(struct job_result *r)
{
	if (r->out > 0)
		close(r->out);
	r->out = 0;
}

/* ---- what goes in */

struct inputs {
	int fd[2]; /* -1: none */
	bool own[2];
};

static void inputs_cleanup(struct inputs *in)
{
	for (unsigned i = 0; i < 2; i++)
		if (in->own[i])
			close(in->fd[i]);
}
AUTO_TYPE(inputs, struct inputs);

/* What a worker gets it can read and nothing more: a memfd is sealed, any other file opened again for reading. */
static int guard(int given, int *fd, bool *own, struct err *e)
{
	int mode = fcntl(given, F_GETFL);
	char path[40];

	if (mode < 0)
		return err_sys(e, E_IO, "cannot look at a job's input");
	*fd = given;
	if ((mode & O_ACCMODE) == O_RDONLY ||
	    fcntl(given, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/fd/%d", given);
	if ((*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_sys(e, E_IO, "cannot open a job's input for reading");
	*own = true;
	return 0;
}

static int inputs_open(const struct job *j, struct inputs *in, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < 2 && rc == 0; i++)
		if (j->in[i] > 0)
			rc = guard(j->in[i], &in->fd[i], &in->own[i], e);
	return rc;
}

/* The frame that is asked for, or given, must fit a worker before anybody takes the memory. */
static int fits(const struct job *j, uint64_t memory, struct err *e)
{
	struct image_pixel p = j->pixels;

	if (j->kind > JOB_PROVE)
		return 0;
	if (j->kind == JOB_DECODE && j->reduce < 32) {
		p.rows = (uint32_t)(((uint64_t)p.rows + (1ULL << j->reduce) - 1) >> j->reduce);
		p.columns = (uint32_t)(((uint64_t)p.columns + (1ULL << j->reduce) - 1) >> j->reduce);
	}
	if (image_pixel_frame_fits(&p, memory))
		return 0;
	return err_set(e, E_LIMIT, "a frame of %u x %u pixels does not fit the %llu MB of a worker", p.columns, p.rows,
		       (unsigned long long)(memory >> 20));
}

/* Seconds of processor time. A small frame gets less than the most: who sends many that never end shall not have the processors. */
static unsigned time_for(const struct job *j, unsigned most)
{
	uint64_t enough = TIME_LEAST + image_pixel_frame_bytes(&j->pixels) / TIME_BYTES;

	return j->kind > JOB_PROVE || enough > most ? most : (unsigned)enough;
}

/* ---- what comes out */

/* Then the worker can change nothing any more. It fails where a worker has mapped it for writing, which none has reason to. */
static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

/* The result of a job that says it has failed is nothing: a worker that keeps its descriptor has no memory by it. */
static bool empty(int fd)
{
	return ftruncate(fd, 0) == 0 && seal(fd);
}

/* The result of a job that says it is done. */
static bool believe(const struct job *j, int fd, uint64_t memory, struct job_result *r)
{
	struct stat st;

	if (!seal(fd) || fstat(fd, &st) < 0)
		return false;
	r->out = fd;
	r->n = (uint64_t)st.st_size;
	if (r->n > (j->most ? j->most : memory) || r->n > memory)
		return false;
	for (unsigned i = 0; i < r->n_cuts; i++)
		if (r->cuts[i] > r->n || (i > 0 && r->cuts[i] < r->cuts[i - 1]))
			return false;
	if (j->kind == JOB_DECODE)
		return image_pixel_frame_fits(&r->pixels, memory) && image_pixel_frame_bytes(&r->pixels) == r->n;
	if (j->kind == JOB_ENCODE || j->kind == JOB_PROVE)
		return r->pixels.rows == j->pixels.rows && r->pixels.columns == j->pixels.columns;
	return true;
}

/* ---- one try, and the next one */

struct attempt {
	const struct job *job;
	struct inputs in;
	struct imaging_options options;
	unsigned deaths, mishaps;
	bool hung; /* one of them gave no answer in time */
	enum death last;
	char what[64]; /* of the last death */
};

static int died(struct attempt *a, struct slot *s, enum exchange x)
{
	enum death suspected = x == EXCHANGE_HUNG ? DEATH_HUNG : x == EXCHANGE_NONSENSE ? DEATH_ANSWER : DEATH_NONE;

	a->last = pool_bury(s, suspected, a->what);
	if (pool_stopping())
		return -E_CANCEL;
	metric_add(&metric_deaths[a->last], 1);
	if (x == EXCHANGE_IDLE_DEATH || a->last == DEATH_OUTSIDE)
		a->mishaps++;
	else
		a->deaths++;
	a->hung |= a->last == DEATH_HUNG;
	log_warn("imaging: a worker has died of a job (%s%s%s): %s%s", job_name(a->job->kind),
		 a->job->syntax[0] ? " " : "", a->job->syntax, a->what,
		 a->last == DEATH_HUNG        ? ", it gave no answer in time"
		 : a->last == DEATH_ANSWER    ? ", its answer was not sound"
		 : a->last == DEATH_FORBIDDEN ? ", it made a system call that it may not make"
					      : "");
	return 0;
}

/* 1: the worker died, and the job may be tried again. Else the job's own result. */
static int attempt(struct attempt *a, struct job_result *out, struct err *e)
{
	AUTO(fd) fd = worker_input(e);
	struct worker_answer answer;
	struct slot *s;
	enum exchange x;
	int rc;

	if (fd < 0)
		return fd;
	if ((rc = pool_take(a->job->background, &s, e)) < 0)
		return rc;
	x = process_ask(&s->p, a->job, fd, a->in.fd, time_for(a->job, a->options.seconds), &answer);
	if (x == EXCHANGE_ANSWERED &&
	    (answer.rc < 0 ? !empty(fd) : !believe(a->job, fd, a->options.memory, &answer.result)))
		x = EXCHANGE_NONSENSE;
	if (x != EXCHANGE_ANSWERED)
		return died(a, s, x) < 0 ? err_set(e, E_CANCEL, "the workers for pictures are being stopped") : 1;
	pool_give(s);
	if (answer.rc < 0)
		return err_set(e, answer.e.code, "%s", answer.e.msg);
	*out = answer.result;
	fd_steal(&fd);
	return 0;
}

static int give_up(struct attempt *a, struct err *e)
{
	const bool late = a->last == DEATH_TIME || a->last == DEATH_HUNG;
	uint64_t digest[2];

	if (a->deaths < DEATHS_MOST)
		return err_set(e, E_IO, "%u workers were killed from outside while they had this job", a->mishaps);
	if (!a->hung && refused_digest(a->job, a->in.fd, digest, NULL) == 0)
		refused_add(digest, late ? E_LIMIT : E_UNSUP);
	if (late)
		return err_set(e, E_LIMIT, "takes more time than a worker has (%u s)",
			       time_for(a->job, a->options.seconds));
	return err_set(e, E_CORRUPT, "cannot be read: two workers died of it (%s)", a->what);
}

static int check_refused(const struct attempt *a, struct err *e)
{
	uint64_t digest[2];
	enum err_code code;
	int rc;

	if (!refused_any())
		return 0;
	if ((rc = refused_digest(a->job, a->in.fd, digest, e)) < 0)
		return rc;
	code = refused_has(digest);
	return code == E_OK      ? 0
	       : code == E_LIMIT ? err_set(e, E_LIMIT, "not tried again: it took more time than a worker has")
				 : err_set(e, code, "not tried again: two workers died of it before");
}

static int run(const struct job *j, const struct imaging_options *o, struct job_result *out, struct err *e)
{
	struct attempt a = {.job = j, .options = *o};
	AUTO(inputs) in = {.fd = {-1, -1}};
	int rc;

	if ((rc = fits(j, o->memory, e)) < 0 || (rc = inputs_open(j, &in, e)) < 0)
		return rc;
	a.in = in;
	if ((rc = check_refused(&a, e)) < 0)
		return rc;
	do
		rc = attempt(&a, out, e);
	while (rc > 0 && a.deaths < DEATHS_MOST && a.mishaps < MISHAPS_MOST);
	return rc > 0 ? give_up(&a, e) : rc;
}

int worker_run(const struct job *j, struct job_result *out, struct err *e)
{
	int64_t begun = clock_mono_us();
	struct imaging_options now;
	int rc;

	*out = (struct job_result){0};
	if ((unsigned)j->kind >= JOB_KINDS)
		return err_set(e, E_BUG, "a worker has no job of kind %d", (int)j->kind);
	if ((rc = pool_enter(&now, e)) < 0)
		return rc;
	rc = run(j, &now, out, e);
	pool_leave();
	metric_job(j, rc, clock_mono_us() - begun);
	if (rc == 0 && (j->kind == JOB_ENCODE || j->kind == JOB_PROVE)) {
		metric_add(&metric_encode_bytes, (int64_t)image_pixel_frame_bytes(&j->pixels));
		metric_observe(&metric_encode_time, (int64_t)(out->seconds_ns / 1000));
	}
	return rc;
}
