/* imaging/worker.h - processes of this program that do what is dangerous: codecs, rendering, data sets read by the toolkit.
 *
 * A worker is `teleread worker`, started with one socket. Before its first job it gives up all that it does not need (sandbox.h):
 * seccomp allow-list, no network, no files (landlock where the kernel has it), no exec, limits of address space, of file size, of
 * processor time for each job. Bytes go in and out by memfd; a job's parameters and result are a struct of numbers and short texts.
 * The node checks what comes back as it checks what a peer sends.
 *
 * A worker that dies or takes too long is replaced, and its job is tried once more. An input that killed two workers, by a crash, a
 * forbidden system call, its time or an answer that was not sound, is answered with -E_CORRUPT or -E_LIMIT, remembered (by digest;
 * 1024 of them, until the process ends) and refused at once. A worker that dies by somebody else's signal, or by the kernel's for
 * want of memory, is not held against the input: up to sixteen tries. No answer in time by the clock ends a job after two
 * tries, too, but the machine may have been busy, so that is not remembered. Jobs wait in line, 1024 at most: those that somebody waits
 * for go before background ones, which never take the last worker while more than one is configured.
 * One pool for each process, started on first use with the defaults where imaging_start() was not called before. What the pool does
 * is in the metrics teleread_imaging_* (worker_metrics.c).
 * Errors:   those of the job; -E_LIMIT (too much memory or time, says which), -E_BUSY (too many wait), -E_UNSUP (such an input killed
 *           two workers), -E_CANCEL (imaging_stop()), -E_IO (no worker can be started).
 * Memory:   of the node: none that grows with the picture. Descriptors are the caller's to close.
 * Threads:  any; a call waits for its job, some 50 microseconds where there is little to do.
 */
#ifndef IMAGING_WORKER_H
#define IMAGING_WORKER_H

#include "imaging/codec.h"

struct imaging_options {
	/* NULL: this one (/proc/self/exe). A test is another: with --enable-faults NULL is TELEREAD_BUILD/teleread there. */
	const char *program;
	unsigned workers; /* 0: one for each processor, and one that background jobs never take */
	uint64_t memory;  /* of a worker (address space, beside its program), bytes; 0: IMAGING_MEMORY */
	/* Of processor time for a job, at most: 10 s for a frame, and one more for each MB of its samples; all of it for what is not
	 * a single frame. By the clock any job has four times the most. 0: IMAGING_SECONDS */
	unsigned seconds;
	bool sandbox_optional; /* work even where the kernel refuses the allow-list of system calls */
};
#define IMAGING_MEMORY (2ULL << 30)
#define IMAGING_SECONDS 60u
/* One worker is started at once, so what stands in the way is said here; the others when jobs wait. */
int imaging_start(const struct imaging_options *o, struct err *e);
/* What is under way is cut, and whatever comes later until imaging_start(): -E_CANCEL. Comes back when all have left. */
void imaging_stop(void);
/* main() of `teleread worker`: never returns. */
#define WORKER_SOCKET 3 /* where it finds its socket */
_Noreturn void worker_main(int socket);

enum job_kind {
	JOB_DECODE,  /* in: a frame's code stream; out: its samples */
	JOB_ENCODE,  /* in: samples; out: a code stream */
	JOB_PROVE,   /* in: samples; out: a code stream that was decoded again and found equal, else -E_MISMATCH */
	JOB_RENDER,  /* in: Part 10 file of a frame (and a presentation state); out: a picture. render.h */
	JOB_DATASET, /* in: Part 10 file without pixel data; out: the same in another syntax. dataset.h */
	JOB_KINDS
};
#define JOB_PARAMETERS 2048u
struct job {
	enum job_kind kind;
	bool background;
	char syntax[65];
	struct image_pixel pixels;
	unsigned reduce;              /* DECODE */
	bool as_said;                 /* DECODE: planes and pairs as pixels says (imaging/conform.h) */
	struct codec_how how;         /* ENCODE, PROVE */
	uint64_t most;                /* bytes of out; 0: what a worker's memory allows */
	uint8_t more[JOB_PARAMETERS]; /* what the kind says: a struct of its own header, without pointers */
	/* Descriptors, 0 for none; read from offset 0 to their end. A memfd is sealed by worker_run(), so it can be used again as it
	 * is, but not written to; of any other file the worker gets a descriptor for reading. */
	int in[2];
};
struct job_result {
	int out; /* a sealed memfd, to be read at offsets of one's own; the caller closes it */
	uint64_t n;
	struct image_pixel pixels;
	char warning[CODEC_WARNING];
	unsigned n_cuts;
	uint64_t cuts[CODEC_CUTS];
	uint64_t seconds_ns; /* processor time it took; PROVE: of encoding alone */
	uint64_t prove_ns;   /* PROVE: of decoding again and comparing */
	uint64_t number;     /* what the kind says */
};
int worker_run(const struct job *j, struct job_result *out, struct err *e);
void job_result_cleanup(struct job_result *r);
AUTO_TYPE(job_result, struct job_result);

/* An input that is filled piece by piece: write() or sendfile() to it. Returns the descriptor. */
int worker_input(struct err *e);
#endif
