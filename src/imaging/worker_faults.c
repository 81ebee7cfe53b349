/* imaging/worker_faults.c - what a codec that was taken over might try. Builds with --enable-faults only; tests ask for it. */
#ifdef TELEREAD_FAULTS
#include "imaging/worker_own.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARK "teleread-fault="
#define LOOK (16u << 10)
#define PAGE 4096u

static int said(const char *what, long result, struct err *e)
{
	return result < 0 ? err_set(e, E_DENIED, "%s: errno %d", what, errno)
			  : err_set(e, E_BUG, "%s went through", what);
}

static int crash(int out, struct err *e)
{
	volatile char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	page[out] = 1;
	return said("a crash", 0, e);
}

static int turn(int out, struct err *e)
{
	volatile unsigned n = 0;

	for (;;)
		n += (unsigned)out;
	return said("a loop", 0, e);
}

static int wait_for_ever(int out, struct err *e)
{
	char none;
	struct iovec piece = {&none, 1};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};

	(void)out;
	return said("to wait", recvmsg(WORKER_SOCKET, &m, 0), e);
}

/* A hundred gigabytes at once, then as much as there is, piece by piece. */
static int swallow(int out, struct err *e)
{
	char *p = malloc(100ULL << 30);

	(void)out;
	if (p)
		return said("100 GB", 0, e); /* cppcheck-suppress memleak */
	if (SANDBOX_SANITIZED)               /* no limit of the address space: it would take the machine's memory */
		return err_set(e, E_NOMEM, "no memory");
	for (unsigned i = 0; i < 100u << 10 && (p = malloc(1u << 20)); i++)
		for (unsigned at = 0; at < 1u << 20; at += PAGE)
			((volatile char *)p)[at] = 1;
	return p ? said("100 GB in pieces", 0, e) : err_set(e, E_NOMEM, "no memory");
}

static int open_file(int out, struct err *e)
{
	(void)out;
	return said("open", open("/etc/passwd", O_RDONLY), e);
}

static int make_file(int out, struct err *e)
{
	(void)out;
	return said("open", open("/tmp/teleread-worker-was-here", O_WRONLY | O_CREAT, 0600), e);
}

static int connect_out(int out, struct err *e)
{
	(void)out;
	return said("socket", socket(AF_INET, SOCK_STREAM, 0), e);
}

static int run_shell(int out, struct err *e)
{
	char *words[] = {(char[]){"sh"}, NULL};

	(void)out;
	return said("exec", execve("/bin/sh", words, words + 1), e);
}

static int make_child(int out, struct err *e)
{
	(void)out;
	return said("fork", syscall(SYS_clone, 17, 0, 0, 0, 0), e); /* SIGCHLD */
}

static int make_code(int out, struct err *e)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)out;
	return said("mmap of code", p == MAP_FAILED ? -1 : 0, e);
}

static int allow_code(int out, struct err *e)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)out;
	return said("mprotect of code", p == MAP_FAILED ? 0 : mprotect(p, PAGE, PROT_READ | PROT_EXEC), e);
}

static int kill_parent(int out, struct err *e)
{
	(void)out;
	return said("kill", syscall(SYS_kill, (pid_t)1, 0), e);
}

/* Larger than any file of a worker. */
static int flood(int out, struct err *e)
{
	return said("a long file", ftruncate(out, (off_t)1 << 40), e);
}

/* An answer to a job that was never asked, with texts that do not end. */
static int lie(int out, struct err *e)
{
	struct worker_answer a;

	(void)out;
	memset(&a, 'x', sizeof a);
	return said("a lie", write(WORKER_SOCKET, &a, sizeof a), e);
}

/* A descriptor to the node, which would have to close it. */
static int pass_descriptor(int out, struct err *e)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.align = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct worker_answer a = {0};
	struct iovec piece = {&a, sizeof a};
	const struct msghdr m = {
	    .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

	memcpy(CMSG_DATA(&control.align), &out, sizeof out);
	return said("a descriptor", sendmsg(WORKER_SOCKET, &m, 0), e);
}

/* A result that is changed after the answer: by a mapping that stays, however the job ends. */
static int keep_mapped(int out, struct err *e)
{
	if (ftruncate(out, PAGE) < 0 || mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, out, 0) == MAP_FAILED)
		return said("a shared mapping", -1, e);
	return 1;
}

static int keep_mapped_and_fail(int out, struct err *e)
{
	int rc = keep_mapped(out, e);

	return rc < 0 ? rc : err_set(e, E_CORRUPT, "nothing to see here");
}

/* To keep descriptors, and the memory that they stand for, of one job after the other. */
static int hoard(int out, struct err *e)
{
	int copy = (int)syscall(SYS_dup, out);

	return said("a copy of a descriptor", copy, e);
}

/* Text for a log, and for a header. */
static int write_lines(int out, struct err *e)
{
	(void)out;
	return err_set(e, E_CORRUPT, "one line\r\nSet-Cookie: another\x1b[2J\xff");
}

static int leave(int out, struct err *e)
{
	_exit(out > 0 ? 7 : 8);
	return said("to leave", 0, e);
}

/* What the sandbox leaves is whole: nothing of it may be refused. */
static int nothing(int out, struct err *e)
{
	int rc = job_write(out, "nothing", 7, e);

	return rc < 0 ? rc : 1;
}

static const struct {
	const char *word;
	int (*act)(int out, struct err *e);
} faults[] = {
    {"crash", crash},
    {"loop", turn},
    {"wait", wait_for_ever},
    {"memory", swallow},
    {"open", open_file},
    {"create", make_file},
    {"socket", connect_out},
    {"exec", run_shell},
    {"fork", make_child},
    {"code", make_code},
    {"protect", allow_code},
    {"kill", kill_parent},
    {"flood", flood},
    {"lie", lie},
    {"exit", leave},
    {"nothing", nothing},
    {"pass", pass_descriptor},
    {"mapped", keep_mapped},
    {"hidden", keep_mapped_and_fail},
    {"dup", hoard},
    {"lines", write_lines},
};

int job_fault(const struct job_input *in, int out, struct err *e)
{
	const char *at, *end;
	size_t n = in->n < LOOK ? in->n : LOOK;

	if (n == 0 || !(at = memmem(in->data, n, MARK, strlen(MARK))))
		return 0;
	at += strlen(MARK);
	end = (const char *)in->data + n;
	for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		size_t length = strlen(faults[i].word);

		if ((size_t)(end - at) > length && memcmp(at, faults[i].word, length) == 0 && at[length] == ';')
			return faults[i].act(out, e);
	}
	return 0;
}

void job_flip(const struct job_input *in, uint8_t *stream, size_t n)
{
	static const char word[] = MARK "flip;";
	size_t look = in->n < LOOK ? in->n : LOOK;

	if (n > 0 && look > 0 && memmem(in->data, look, word, sizeof word - 1))
		stream[n * 3 / 4] ^= 0x10;
}
#endif
