/* imaging/worker_refused.h - jobs that killed two workers: a bounded list of digests. Of this room only.
 *
 * The digest (XXH3, 128 bits) covers the inputs' bytes and all that tells the worker what to do with them, so that another syntax of the
 * same frame may still be tried. The oldest entry makes room for the newest. Nothing is kept over a restart.
 * Threads: any.
 */
#ifndef IMAGING_WORKER_REFUSED_H
#define IMAGING_WORKER_REFUSED_H

#include "imaging/worker.h"

#define REFUSED_MOST 1024u
bool refused_any(void);
/* in: -1 for none; read through, so only asked for while refused_any(), or after a death. */
int refused_digest(const struct job *j, const int in[2], uint64_t digest[2], struct err *e);
/* 0: not refused; else as refused_add() was told: E_LIMIT where another limit could help, E_UNSUP. */
enum err_code refused_has(const uint64_t digest[2]);
void refused_add(const uint64_t digest[2], enum err_code code);
void refused_forget(void); /* all of them */
#endif
