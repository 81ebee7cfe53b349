#include "imaging/sandbox.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Standard ones, the socket, and those of a job: who keeps what came with earlier jobs, and the memory in it, gets no further one.
 * With sanitizers a pipe besides. */
#define FILES_MOST (SANDBOX_SANITIZED ? 9u : 7u)

/* ---- limits */

/* Bytes of address space that are taken already; 0 when nobody knows. */
static uint64_t address_space(void)
{
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (!fgets(text, sizeof text, f))
		text[0] = '\0';
	fclose(f);
	return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int limit(int what, uint64_t most, struct err *e)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) < 0)
		return err_sys(e, E_IO, "a worker cannot be limited");
	if (now.rlim_max < most)
		most = now.rlim_max;
	now.rlim_cur = now.rlim_max = most;
	return setrlimit((__rlimit_resource_t)what, &now) < 0 ? err_sys(e, E_IO, "a worker cannot be limited") : 0;
}

static int set_limits(const struct sandbox_limits *l, struct err *e)
{
	int rc;

	if (!SANDBOX_SANITIZED && (rc = limit(RLIMIT_AS, address_space() + l->memory, e)) < 0)
		return rc;
	if ((rc = limit(RLIMIT_FSIZE, l->memory, e)) < 0 || (rc = limit(RLIMIT_NOFILE, FILES_MOST, e)) < 0 ||
	    (rc = limit(RLIMIT_NPROC, 0, e)) < 0)
		return rc;
	return limit(RLIMIT_CORE, 0, e);
}

/* The kernel's table is older than some headers and newer than others: the names are its own, the numbers those of the man page. */
static int give_up_rights(struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (syscall(SYS_capset, &head, none) < 0)
		return err_sys(e, E_IO, "a worker cannot give up its capabilities");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, E_IO, "a worker cannot give up new privileges");
	return 0;
}

/* ---- landlock, by number: what the kernel has may be newer than the headers */

struct landlock_rules {
	uint64_t fs, net, scoped;
};
#define CALL_CREATE_RULESET 444
#define CALL_RESTRICT_SELF 446
#define RULESET_VERSION 1u

/* ABI: 1 paths, 2 links between folders, 3 truncation, 4 TCP ports, 5 ioctl of devices, 6 abstract sockets and signals. */
static int enter_landlock(void)
{
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, RULESET_VERSION);
	struct landlock_rules rules = {.fs = (1u << 13) - 1};
	size_t size = sizeof rules.fs;
	long fd;
	bool locked;

	if (abi < 1)
		return 0;
	rules.fs |= abi >= 2 ? 1u << 13 : 0;
	rules.fs |= abi >= 3 ? 1u << 14 : 0;
	rules.fs |= abi >= 5 ? 1u << 15 : 0;
	if (abi >= 4) {
		rules.net = 3;
		size += sizeof rules.net;
	}
	if (abi >= 6) {
		rules.scoped = 3;
		size += sizeof rules.scoped;
	}
	if ((fd = syscall(CALL_CREATE_RULESET, &rules, size, 0)) < 0)
		return 0;
	locked = syscall(CALL_RESTRICT_SELF, (int)fd, 0) == 0;
	close((int)fd);
	return locked ? (int)abi : 0;
}

/* ---- system calls */

static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(close),
    SCMP_SYS(recvmsg), /* answers are written: descriptors go one way only */
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sysinfo),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrusage),
#if SANDBOX_SANITIZED
    /* the run time library: alternative stacks, limits of the stack, who it is, pauses between threads; a pipe, by which it asks whether
     * memory may be read (pointers to C++ objects) */
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(uname),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
#endif
};

/* What libraries try when they look around: it is not done, and they go on. */
static const struct {
	int call, error;
} refused[] = {
    {SCMP_SYS(open), EACCES},      {SCMP_SYS(openat), EACCES},     {SCMP_SYS(access), EACCES},
    {SCMP_SYS(faccessat), EACCES}, {SCMP_SYS(faccessat2), EACCES}, {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},     {SCMP_SYS(newfstatat), EACCES}, {SCMP_SYS(statx), EACCES},
    {SCMP_SYS(readlink), EACCES},  {SCMP_SYS(readlinkat), EACCES}, {SCMP_SYS(ioctl), ENOTTY},
    {SCMP_SYS(prctl), EPERM},
};

static int add_rules(scmp_filter_ctx c)
{
	const struct scmp_arg_cmp data_only = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp myself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof allowed / sizeof allowed[0]; i++)
		rc = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (unsigned i = 0; rc == 0 && i < sizeof refused / sizeof refused[0]; i++)
		rc = seccomp_rule_add_array(c, SCMP_ACT_ERRNO((unsigned)refused[i].error), refused[i].call, 0, NULL);
	if (rc == 0)
		rc = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &data_only);
	if (rc == 0)
		rc = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &data_only);
	if (rc == 0) /* abort() */
		rc = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &myself);
	return rc;
}

static int enter_seccomp(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (!c)
		return -ENOSYS; /* libseccomp asks the kernel before it gives one */
	if ((rc = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) == 0 && (rc = add_rules(c)) == 0)
		rc = seccomp_load(c);
	seccomp_release(c);
	return rc;
}

int sandbox_enter(const struct sandbox_limits *l, struct sandbox_state *out, struct err *e)
{
	struct sandbox_state s = {0};
	int rc;

	if ((rc = set_limits(l, e)) < 0 || (rc = give_up_rights(e)) < 0)
		return rc;
	s.landlock = enter_landlock();
	rc = enter_seccomp();
	s.seccomp = rc == 0;
	if (rc < 0 && !l->optional) {
		errno = -rc;
		return err_sys(e, E_IO,
			       "the kernel refuses the allow-list of system calls (seccomp) that a worker needs");
	}
	*out = s;
	return 0;
}
