/* imaging/worker_main.c - the worker's side: locks itself in, then does one job after another until the node goes. */
#include "imaging/worker_own.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { OUT, IN, DESCRIPTORS = IN + 2 };
#define KEEP_BYTES (128 << 20) /* of freed memory, for the next frame of the same size */
#define MAP_WHOLE (8u << 20)   /* inputs up to this size are mapped without a fault for each page */

/* How many descriptors came, or -1: the node has gone. */
static int receive(int socket, void *data, size_t n, int fds[DESCRIPTORS])
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
	} control;
	struct iovec piece = {data, n};
	struct msghdr m = {
	    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t got;
	int count = 0;

	while ((got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)n || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
		}
	return count;
}

static bool answer(int socket, const void *data, size_t n)
{
	return write(socket, data, n) == (ssize_t)n;
}

/* ---- a job */

static int map(int fd, struct job_input *in, struct err *e)
{
	struct stat st;
	void *p;
	int rc = 0;

	/* not fstat(): C libraries differ in the system call that they make of it */
	if (syscall(SYS_fstat, fd, &st) < 0)
		rc = err_sys(e, E_IO, "cannot look at a job's input");
	else if (st.st_size > 0) {
		/* private: a sealed memfd cannot be mapped shared by everyone's kernel */
		p = mmap(NULL, (size_t)st.st_size, PROT_READ,
			 MAP_PRIVATE | (st.st_size <= MAP_WHOLE ? MAP_POPULATE : 0), fd, 0);
		if (p == MAP_FAILED)
			rc = err_sys(e, E_NOMEM, "cannot map a job's input");
		else
			*in = (struct job_input){p, (size_t)st.st_size};
	}
	close(fd);
	return rc;
}

static void run(struct worker_request *q, int fds[DESCRIPTORS], uint64_t memory, struct worker_answer *a)
{
	struct job_input in[2] = {{0}, {0}};
	unsigned at = IN;

	*a = (struct worker_answer){.number = q->number};
	if (q->job.most == 0 || q->job.most > memory)
		q->job.most = memory;
	for (unsigned i = 0; i < 2; i++)
		if (q->in[i] && a->rc == 0)
			a->rc = map(fds[at++], &in[i], &a->e);
	if (a->rc == 0)
		a->rc = job_execute(&q->job, in, fds[OUT], &a->result, &a->e);
	for (unsigned i = 0; i < 2; i++)
		if (in[i].n)
			munmap((void *)(uintptr_t)in[i].data, in[i].n);
	close(fds[OUT]);
	if (a->rc < 0)
		a->e.code = (enum err_code) - a->rc; /* a sentence is the first one's, a code the last one's */
	if (a->rc == -E_NOMEM) {
		a->e = (struct err){0};
		a->rc = err_set(&a->e, E_LIMIT, "needs more memory than a worker has (%llu MB)",
				(unsigned long long)(memory >> 20));
	}
}

static _Noreturn void serve(int socket, uint64_t memory)
{
	static struct worker_request q;
	static struct worker_answer a;
	int fds[DESCRIPTORS], n;

	for (;;) {
		if ((n = receive(socket, &q, sizeof q, fds)) < 1 || n != 1 + q.in[0] + q.in[1])
			_exit(0);
		run(&q, fds, memory, &a);
		if (!answer(socket, &a, sizeof a))
			_exit(0);
	}
}

/* ---- the beginning */

/* Under pressure the kernel shall take a worker, never the node. */
static void offer_to_the_killer(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (!f)
		return;
	fputs("900", f);
	fclose(f);
}

/* What would read files later. */
static void warm_up(void)
{
	time_t now = time(NULL);
	struct tm t;

	tzset();
	localtime_r(&now, &t);
	sysconf(_SC_PHYS_PAGES);
	sysconf(_SC_NPROCESSORS_ONLN);
}

void worker_main(int socket)
{
	struct worker_hello hello = {.magic = WORKER_MAGIC};
	struct worker_setup setup = {0};
	int none[DESCRIPTORS];

	prctl(PR_SET_PDEATHSIG,
	      SIGKILL); /* of the thread that keeps the pool; who was too late reads the end of the socket */
	prctl(PR_SET_NAME, "teleread-worker");
	signal(SIGXFSZ, SIG_IGN); /* the write fails and the job says so */
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	if (receive(socket, &setup, sizeof setup, none) != 0 || setup.magic != WORKER_MAGIC ||
	    setup.size != sizeof(struct worker_request))
		_exit(2);
	offer_to_the_killer();
	warm_up();
	int rc = sandbox_enter(&setup.limits, &hello.state, &hello.e);
	if (!answer(socket, &hello, sizeof hello) || rc < 0)
		_exit(2);
	serve(socket, setup.limits.memory);
}
