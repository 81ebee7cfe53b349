/* imaging/worker_process.h - one worker as the node sees it: started, asked, and buried. Of this room only.
 *
 * Threads: one thread at a time for each process. process_start() only from a thread that outlives it: the kernel ends a worker with
 * the thread that started it.
 */
#ifndef IMAGING_WORKER_PROCESS_H
#define IMAGING_WORKER_PROCESS_H

#include "imaging/worker_own.h"
#include <sys/types.h>

struct process {
	pid_t pid;
	int socket;
	int statm; /* its memory, in /proc; -1: cannot be looked at */
	uint64_t jobs;
};
/* patience_s: by the clock, for the answer to any job. -E_CLOSED: somebody killed it before it was ready, so another may do better. */
int process_start(const char *program, const struct sandbox_limits *l, unsigned patience_s, struct process *out,
		  struct sandbox_state *state, struct err *e);

/* How a worker's life ended. All but the last three are held against the input. */
enum death {
	DEATH_CRASH,     /* a signal of its own: SIGSEGV, SIGABRT ... */
	DEATH_FORBIDDEN, /* a system call that is not on the list */
	DEATH_TIME,      /* its processor time was used up */
	DEATH_ANSWER,    /* its answer was not to be believed; it was killed */
	DEATH_EXIT,      /* it ended by itself */
	DEATH_HUNG,      /* no answer within the time by the clock, which may be the machine's fault; it was killed */
	DEATH_OUTSIDE,   /* somebody else's signal, or the kernel's for want of memory */
	DEATH_NONE,      /* it was idle, or was told to go */
	DEATHS
};
/* Kills it where it still lives. suspected: DEATH_HUNG or DEATH_ANSWER where that is why, else DEATH_NONE. what: of 64, for people. */
enum death process_end(struct process *p, enum death suspected, char what[64]);
bool process_large(const struct process *p, uint64_t most); /* holds more than so many bytes of memory */

enum exchange { EXCHANGE_ANSWERED, EXCHANGE_IDLE_DEATH, EXCHANGE_DIED, EXCHANGE_HUNG, EXCHANGE_NONSENSE };
/* One job, with so many seconds of processor time. in: -1 for none. The answer's texts, numbers and code are checked for what they are alone (a->rc is 0 or -E_*). */
enum exchange process_ask(struct process *p, const struct job *j, int out, const int in[2], unsigned seconds,
			  struct worker_answer *a);
#endif
