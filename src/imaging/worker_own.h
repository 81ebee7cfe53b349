/* imaging/worker_own.h - what a worker does with a job. Of this room only. */
#ifndef IMAGING_WORKER_OWN_H
#define IMAGING_WORKER_OWN_H

#include "imaging/worker.h"

/* Runs in the worker: in[i] is mapped, read-only, n[i] bytes; out is the memfd to write to. */
struct job_input {
	const void *data;
	size_t n;
};
typedef int job_fn(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e);
int job_execute(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e);
int job_write(int out, const void *data, size_t n, struct err *e);
#endif
