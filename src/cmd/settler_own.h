/* cmd/settler_own.h - what the parts of the settler share. Of settler*.c only. */
#ifndef CMD_SETTLER_OWN_H
#define CMD_SETTLER_OWN_H

#include "archive/settle.h"
#include "cmd/settler.h"
#include "imaging/transcode.h"
#include <pthread.h>
#include <stdatomic.h>

#define SETTLER_LEASE_US (600 * 1000000LL)

struct settler {
	struct settler_options o;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, asked;
	atomic_bool stop; /* all of it */
	atomic_bool cut;  /* the series under way */
	struct settler_ask ask;
	int64_t after; /* of a run: the job it had last */
	unsigned asks; /* counted: what is asked for while a run ends is not lost */
	struct settler_run run;
	struct crew *crew;
	unsigned at_once;
};

/* ---- settler.c */
/* Called between frames and between instances by whoever works since *from_us; rests where the node is busy. false: stop. */
bool settler_pace(struct settler *s, int64_t *from_us);
void settler_seen(struct settler *s); /* one more instance of the run under way */

/* ---- settler_crew.c: threads that work on tasks */
enum outcome { ENCODED, KEPT, MISMATCHED, OUTCOMES };
struct task { /* an instance from settle_next() to settle_put() */
	const struct settle_job *job;
	struct stored stored;
	bool settled; /* it was so before, and is left so */
	enum outcome outcome;
	int file; /* ENCODED: the settled Part 10 file, from offset 0; else -1 */
	struct transcode_result result;
	char reason[FORM_REASON]; /* KEPT: why; MISMATCHED: what differs */
	struct err err;           /* neither: tried again later */
	bool done;                /* by the crew */
	struct task *next;
};
void task_clear(struct task *t);
struct crew;
int crew_start(unsigned n, void (*work)(void *arg, struct task *t), void *arg, struct crew **out, struct err *e);
void crew_submit(struct crew *c, struct task *t);
bool crew_wait(struct crew *c, struct task *t, int64_t us); /* false: not done within that time */
void crew_stop(struct crew *c);                             /* no task may be under way; NULL is fine */

/* ---- settler_instance.c */
void settler_encode(void *settler, struct task *t);

/* ---- settler_series.c: 0, or -E_CANCEL when it was cut or somebody else's turn */
int settler_series(struct settler *s, const struct settle_job *job, struct settler_run *sum, struct err *e);

/* ---- settler_extra.c: what goes with a series */
struct extras;
int extras_new(const struct settle_job *job, struct extras **out, struct err *e);
int extras_add(struct extras *x, struct archive *a, const struct task *t, struct err *e);
int extras_put(struct extras *x, struct settle_pack *p, struct err *e);
void extras_free(struct extras *x);
static inline void extras_cleanup(struct extras **x)
{
	extras_free(*x);
}
AUTO_TYPE(extras, struct extras *);

/* ---- settler_count.c: metrics */
void settler_count(const struct task *t);
void settler_count_failure(void);
void settler_count_pause(int64_t us);
void settler_count_reclaimed(int64_t bytes);
void settler_gauges(struct archive *a);
#endif
