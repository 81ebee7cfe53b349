/* imaging/worker_own.h - what the two sides of a worker share, and what a worker does with a job. Of this room only.
 *
 * One message each way for a job, over a SOCK_SEQPACKET pair. The node begins with a struct worker_setup, the worker answers with a
 * struct worker_hello when it is locked in. A request carries its descriptors (SCM_RIGHTS): out, then the inputs that are there.
 */
#ifndef IMAGING_WORKER_OWN_H
#define IMAGING_WORKER_OWN_H

#include "imaging/sandbox.h"
#include "imaging/worker.h"

/* ---- what goes over the socket: both ends are the same program, of the same build */
#define WORKER_MAGIC 0x74726a31u
struct worker_setup {
	uint32_t magic, size; /* size of a request */
	struct sandbox_limits limits;
};
struct worker_hello {
	uint32_t magic;
	struct err e; /* code 0: ready */
	struct sandbox_state state;
};
struct worker_request {
	uint64_t number;
	struct job job; /* its descriptors say nothing */
	bool in[2];     /* which of them come along, behind out */
};
struct worker_answer {
	uint64_t number; /* of the request */
	int rc;
	struct err e;
	struct job_result result; /* out and n say nothing: the node looks itself */
};

/* ---- in the worker: in[i] is mapped, read-only, n[i] bytes; out is the memfd to write to. */
struct job_input {
	const void *data;
	size_t n;
};
typedef int job_fn(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e);
int job_execute(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e);
job_fn render_job; /* render_job.c */
int job_write(int out, const void *data, size_t n, struct err *e);
#ifdef TELEREAD_FAULTS
/* An input with "teleread-fault=WORD;" near its beginning does what WORD says, see worker_faults.c. 0: it has none; 1: done. */
int job_fault(const struct job_input *in, int out, struct err *e);
/* WORD is flip: an encoder that errs, in one bit of its stream. */
void job_flip(const struct job_input *in, uint8_t *stream, size_t n);
#endif
#endif
