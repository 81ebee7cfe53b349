#include "imaging/worker_process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELLO_MS 60000

/* ---- starting */

#define ENVIRONMENT_MOST 16u
struct environment {
	char *words[ENVIRONMENT_MOST + 1];
	unsigned n;
	char text[2048];
	size_t used;
};

static void set_word(struct environment *v, const char *name, const char *value, const char *more)
{
	int n = snprintf(v->text + v->used, sizeof v->text - v->used, "%s=%s%s", name, value, more);

	if (n < 0 || (size_t)n >= sizeof v->text - v->used || v->n == ENVIRONMENT_MOST)
		return;
	v->words[v->n++] = v->text + v->used;
	v->used += (size_t)n + 1;
}

/* Where libraries and the dictionary are, and nothing else of ours. */
static void make_environment(struct environment *v, uint64_t memory)
{
	static const char *const kept[] = {"LD_LIBRARY_PATH", "DCMDICTPATH", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
	char asan[120];

	*v = (struct environment){0};
	set_word(v, "LC_ALL", "C.UTF-8", "");
	set_word(v, "TZ", "UTC0", "");
	set_word(v, "TELEREAD_WORKER", "1", "");
	for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (getenv(kept[i]))
			set_word(v, kept[i], getenv(kept[i]), "");
	if (!SANDBOX_SANITIZED)
		return;
	const char *own = getenv("ASAN_OPTIONS");
	snprintf(asan, sizeof asan,
		 ":detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:max_allocation_size_mb=%llu",
		 (unsigned long long)(memory >> 20));
	set_word(v, "ASAN_OPTIONS", own ? own : "", asan);
}

static int prepare_files(posix_spawn_file_actions_t *files, int socket)
{
	int rc;

	if ((rc = posix_spawn_file_actions_adddup2(files, socket, WORKER_SOCKET)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0)) != 0 ||
	    (rc = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0)) != 0)
		return rc;
	/* What a sanitizer finds must be seen; anything else a worker says, it says by the socket. */
	if (!SANDBOX_SANITIZED && (rc = posix_spawn_file_actions_addopen(files, 2, "/dev/null", O_WRONLY, 0)) != 0)
		return rc;
	return posix_spawn_file_actions_addclosefrom_np(files, WORKER_SOCKET + 1);
}

static int prepare_signals(posix_spawnattr_t *how)
{
	sigset_t set;
	int rc;

	sigfillset(&set);
	if ((rc = posix_spawnattr_setsigdefault(how, &set)) != 0)
		return rc;
	sigemptyset(&set);
	if ((rc = posix_spawnattr_setsigmask(how, &set)) != 0)
		return rc;
	return posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* 0 or an errno. posix_spawn shares memory with the child until it is another program: locks of other threads do no harm. */
static int spawn(const char *program, int socket, uint64_t memory, pid_t *pid)
{
	char *words[] = {(char[]){"teleread"}, (char[]){"worker"}, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	struct environment v;
	int rc;

	make_environment(&v, memory);
	if ((rc = posix_spawn_file_actions_init(&files)) != 0)
		return rc;
	if ((rc = posix_spawnattr_init(&how)) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return rc;
	}
	if ((rc = prepare_files(&files, socket)) == 0 && (rc = prepare_signals(&how)) == 0)
		rc = posix_spawn(pid, program, &files, &how, words, v.words);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Waits until it is locked in. */
static int greet(const struct process *p, const struct sandbox_limits *l, struct worker_hello *hello, struct err *e)
{
	const struct worker_setup setup = {.magic = WORKER_MAGIC, .size = sizeof(struct worker_request), .limits = *l};
	struct pollfd socket = {p->socket, POLLIN, 0};

	ssize_t n;

	if (send(p->socket, &setup, sizeof setup, MSG_NOSIGNAL) != (ssize_t)sizeof setup)
		return err_set(e, E_CLOSED, "a worker for pictures has ended at once");
	if (poll(&socket, 1, HELLO_MS) != 1)
		return err_set(e, E_IO, "a worker for pictures was not ready in time");
	if ((n = recv(p->socket, hello, sizeof *hello, 0)) <= 0)
		return err_set(e, E_CLOSED, "a worker for pictures ended before it was ready");
	if (n != (ssize_t)sizeof *hello || hello->magic != WORKER_MAGIC)
		return err_set(e, E_IO, "what was started as a worker for pictures is none");
	hello->e.msg[sizeof hello->e.msg - 1] = '\0';
	return hello->e.code ? err_set(e, E_IO, "no worker for pictures: %s", hello->e.msg) : 0;
}

/* While it may still be looked at: locked in, it is hidden where /proc shows one's own processes alone (hidepid). */
static int open_statm(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int process_start(const char *program, const struct sandbox_limits *l, unsigned patience_s, struct process *out,
		  struct sandbox_state *state, struct err *e)
{
	const struct timeval patience = {.tv_sec = (time_t)patience_s};
	struct process p = {.statm = -1};
	struct worker_hello hello;
	struct err why = {0};
	int pair[2], rc;
	char what[64];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, E_IO, "no socket for a worker");
	/* dup2() of a descriptor onto itself would leave it to be closed by exec */
	if (pair[1] == WORKER_SOCKET) {
		int other = fcntl(pair[1], F_DUPFD_CLOEXEC, WORKER_SOCKET + 1);
		close(pair[1]);
		pair[1] = other;
	}
	p.socket = pair[0];
	rc = pair[1] < 0 ? errno : spawn(program, pair[1], l->memory, &p.pid);
	if (pair[1] >= 0)
		close(pair[1]);
	if (rc != 0) {
		close(p.socket);
		errno = rc;
		return err_sys(e, E_IO, "cannot start a worker (%s)", program);
	}
	p.statm = open_statm(p.pid);
	if ((rc = greet(&p, l, &hello, &why)) < 0) {
		bool outside = process_end(&p, DEATH_NONE, what) == DEATH_OUTSIDE && rc == -E_CLOSED;

		if (rc == -E_CLOSED)
			rc = err_set(e, outside ? E_CLOSED : E_IO, "%s (%s)", why.msg, what);
		else
			rc = err_set(e, why.code, "%s", why.msg);
		return rc;
	}
	/* can only fail for a wrong argument */
	setsockopt(p.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	*state = hello.state;
	*out = p;
	return 0;
}

/* ---- the end */

static enum death judge(int status, enum death suspected, char what[64])
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (WIFEXITED(status)) {
		snprintf(what, 64, "exit status %d", WEXITSTATUS(status));
		return DEATH_EXIT;
	}
	snprintf(what, 64, "SIG%s", sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
	switch (sig) {
	case SIGSYS:
		return DEATH_FORBIDDEN;
	case SIGXCPU:
		return DEATH_TIME;
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
		return DEATH_CRASH;
	default:
		return sig == SIGKILL && suspected != DEATH_NONE ? suspected : DEATH_OUTSIDE;
	}
}

enum death process_end(struct process *p, enum death suspected, char what[64])
{
	int status = 0;
	pid_t got;

	/* One whose socket has ended is on its way already, and how it ends is settled: this does not change it. */
	kill(p->pid, SIGKILL);
	while ((got = waitpid(p->pid, &status, 0)) < 0 && errno == EINTR)
		;
	close(p->socket);
	if (p->statm >= 0)
		close(p->statm);
	snprintf(what, 64, "gone");
	*p = (struct process){.socket = -1, .statm = -1};
	return got < 0 ? DEATH_OUTSIDE : judge(status, suspected, what);
}

bool process_large(const struct process *p, uint64_t most)
{
	char text[128], *resident;
	ssize_t n = p->statm < 0 ? -1 : pread(p->statm, text, sizeof text - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	resident = text + strcspn(text, " "); /* behind the size of the address space, both in pages */
	return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) > most;
}

/* ---- a job */

/* The limit of processor time counts all that a process ever used. The wall clock is the second bound, should this one fail. */
static void grant_time(const struct process *p, unsigned seconds)
{
	struct rlimit now, next;
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &used) < 0 ||
	    prlimit(p->pid, RLIMIT_CPU, NULL, &now) < 0)
		return;
	next = (struct rlimit){(rlim_t)used.tv_sec + seconds + (used.tv_nsec > 0), now.rlim_max};
	if (next.rlim_cur > next.rlim_max)
		next.rlim_cur = next.rlim_max;
	if (next.rlim_cur != now.rlim_cur)
		prlimit(p->pid, RLIMIT_CPU, &next, NULL);
}

static bool ask(const struct process *p, const struct worker_request *q, int out, const int in[2])
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	struct iovec piece = {(void *)(uintptr_t)q, sizeof *q};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control};
	int fds[3] = {out}, n = 1;
	struct cmsghdr *c;

	for (unsigned i = 0; i < 2; i++)
		if (q->in[i])
			fds[n++] = in[i];
	m.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){
	    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)n * sizeof(int))};
	memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
	return sendmsg(p->socket, &m, MSG_NOSIGNAL) == (ssize_t)sizeof *q;
}

static bool ends(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL;
}

/* Sentences go into logs and headers: one line of plain text, whoever wrote it. */
static void plain_text(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* What may be asked of an answer without knowing the job. */
static bool plain(const struct worker_answer *a, uint64_t number)
{
	const struct job_result *r = &a->result;
	uint8_t truth; /* a bool that holds another value may not be read as one */

	memcpy(&truth, &r->pixels.is_signed, 1);
	if (truth > 1)
		return false;
	if (a->number != number || a->rc > 0 || a->rc <= -(int)E_COUNT || !ends(a->e.msg, sizeof a->e.msg) ||
	    !ends(r->warning, sizeof r->warning) || !ends(r->pixels.photometric, sizeof r->pixels.photometric))
		return false;
	if (a->rc < 0)
		return (int)a->e.code == -a->rc;
	return r->n_cuts <= CODEC_CUTS;
}

enum exchange process_ask(struct process *p, const struct job *j, int out, const int in[2], unsigned seconds,
			  struct worker_answer *a)
{
	struct worker_request q = {.number = ++p->jobs, .job = *j, .in = {in[0] >= 0, in[1] >= 0}};
	ssize_t n;

	q.job.in[0] = q.job.in[1] = 0;
	grant_time(p, seconds);
	if (!ask(p, &q, out, in))
		return EXCHANGE_IDLE_DEATH;
	while ((n = recv(p->socket, a, sizeof *a, MSG_TRUNC)) < 0 && errno == EINTR)
		;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return EXCHANGE_HUNG;
	if (n <= 0)
		return EXCHANGE_DIED;
	if (n != (ssize_t)sizeof *a || !plain(a, q.number))
		return EXCHANGE_NONSENSE;
	plain_text(a->e.msg);
	plain_text(a->result.warning);
	return EXCHANGE_ANSWERED;
}
