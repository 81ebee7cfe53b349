/* imaging/worker_jobs.c - what each kind of job does, in the worker. */
#include "imaging/conform.h"
#include "imaging/dataset.h"
#include "imaging/worker_own.h"
#include <time.h>
#include <unistd.h>

int job_write(int out, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;

	while (n > 0) {
		ssize_t k = write(out, p, n);
		if (k < 0)
			return err_sys(e, E_LIMIT, "the result does not fit");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int decode(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e)
{
	AUTO(codec_frame) f = {0};
	int rc = codec_decode(j->syntax, &j->pixels, in->data, in->n, j->reduce, j->most, &f, e);

	if (rc < 0 || (j->as_said && (rc = codec_conform(&f, &j->pixels, e)) < 0))
		return rc;
	r->pixels = f.pixels;
	memcpy(r->warning, f.warning, sizeof r->warning);
	return job_write(out, f.data, f.n, e);
}

static int prove(const struct job *j, const struct job_input in[2], const struct codec_stream *s, struct err *e)
{
	AUTO(codec_frame) f = {0};
	struct err why = {0};
	int rc = codec_decode(j->syntax, &s->pixels, s->bytes.data, s->bytes.len, 0, in->n, &f, &why);

	if (rc == -E_NOMEM || rc == -E_LIMIT)
		return err_set(e, why.code, "%s", why.msg);
	if (rc < 0)
		return err_set(e, E_MISMATCH, "what was encoded in %s cannot be decoded: %s", j->syntax, why.msg);
	if (f.n != in->n || memcmp(f.data, in->data, in->n) != 0)
		return err_set(e, E_MISMATCH, "what was encoded in %s does not decode to the same samples", j->syntax);
	return 0;
}

static int encode(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e)
{
	AUTO(codec_stream) s = {0};
	uint64_t begun = now_ns();
	int rc = codec_encode(j->syntax, &j->how, &j->pixels, in->data, in->n, j->most, &s, e);

	r->seconds_ns = now_ns() - begun;
#ifdef TELEREAD_FAULTS
	if (rc == 0)
		job_flip(in, s.bytes.data, s.bytes.len);
#endif
	begun = now_ns();
	if (rc < 0 || (j->kind == JOB_PROVE && (rc = prove(j, in, &s, e)) < 0))
		return rc;
	r->prove_ns = now_ns() - begun;
	r->pixels = s.pixels;
	r->n_cuts = s.n_cuts;
	memcpy(r->cuts, s.cuts, sizeof r->cuts);
	return job_write(out, s.bytes.data, s.bytes.len, e);
}

static job_fn *const kinds[JOB_KINDS] = {decode, encode, encode, render_job, dataset_job};

int job_execute(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e)
{
#ifdef TELEREAD_FAULTS
	int rc = job_fault(in, out, e);

	if (rc != 0)
		return rc < 0 ? rc : 0;
#endif
	if (j->kind >= JOB_KINDS || !kinds[j->kind])
		return err_set(e, E_UNSUP, "a worker has no job of kind %d", (int)j->kind);
	return kinds[j->kind](j, in, out, r, e);
}
