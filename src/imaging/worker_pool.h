/* imaging/worker_pool.h - the workers of this process and the line before them. Of this room only.
 *
 * A keeper thread starts workers when jobs wait and there are fewer than configured, and buries those that die while idle. Jobs
 * that somebody waits for go first, each kind in the order they came; background ones leave one worker free where there are several.
 * Threads: any.
 */
#ifndef IMAGING_WORKER_POOL_H
#define IMAGING_WORKER_POOL_H

#include "imaging/worker_process.h"

#define POOL_WAITING_MOST 1024u /* jobs in line */
#define POOL_WORKERS_MOST 1024u
#define POOL_JOBS_MOST 20000u /* of one worker: then a new one takes its place */

struct slot {
	struct process p;
	enum { SLOT_EMPTY, SLOT_IDLE, SLOT_BUSY, SLOT_LEAVING } state;
	bool background; /* BUSY: with such a job */
	bool noticed;    /* the keeper saw its socket end */
};
/* Starts the pool with defaults where it is not running, and counts the caller in; pool_leave() counts it out. */
int pool_enter(struct imaging_options *now, struct err *e);
void pool_leave(void);
/* A worker for one job: waits in line. -E_BUSY, -E_CANCEL, -E_IO. */
int pool_take(bool background, struct slot **out, struct err *e);
void pool_give(struct slot *s);
/* Instead of pool_give(): it is dead, or shall be. */
enum death pool_bury(struct slot *s, enum death suspected, char what[64]);
bool pool_stopping(void);
#endif
