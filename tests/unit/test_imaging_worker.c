/* The workers: what they may not do, what becomes of a job whose worker dies, and what the others notice of it. */
#include "base/metrics.h"
#include "imaging/worker.h"
#include "imaging/worker_pool.h"
#include "imaging/worker_refused.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TELEREAD_FAULTS
int main(void)
{
	puts("1..1\nok 1 - the workers # SKIP this build has no faults to try (configure --enable-faults)");
	return 77;
}
#else

static bool no_seccomp;

static int begin(unsigned workers, unsigned seconds)
{
	const struct imaging_options o = {
	    .workers = workers, .seconds = seconds, .memory = 256u << 20, .sandbox_optional = no_seccomp};
	struct err e = {0};
	int rc = imaging_start(&o, &e);

	if (rc < 0)
		print_message("# %s\n", e.msg);
	return rc;
}

static int end(void **state)
{
	(void)state;
	imaging_stop();
	refused_forget();
	return 0;
}

static int one_worker(void **state)
{
	(void)state;
	return begin(1, 1);
}

static int three_workers(void **state)
{
	(void)state;
	return begin(3, 30);
}

static int input_of(const char *text)
{
	struct err e = {0};
	int fd = worker_input(&e);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* A job that does what the word says, see worker_faults.c. */
static int act(const char *word, struct job_result *out, struct err *e)
{
	struct job j = {.kind = JOB_RENDER};
	char text[80];
	int rc;

	snprintf(text, sizeof text, "an image: teleread-fault=%s; and its pixels", word);
	j.in[0] = input_of(text);
	rc = worker_run(&j, out, e);
	close(j.in[0]);
	return rc;
}

static int act_alone(const char *word, struct err *e)
{
	AUTO(job_result) r = {0};

	*e = (struct err){0};
	return act(word, &r, e);
}

static void goes_on(void)
{
	struct err e = {0};

	assert_int_equal(act_alone("nothing", &e), 0);
}

/* The number behind a metric's name and labels; 0 where it is not there. */
static long metric(const char *name)
{
	AUTO(buf) text = BUF(1 << 20);
	const char *at;

	assert_int_equal(metrics_print(&text, NULL), 0);
	at = strstr(buf_text(&text), name);
	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static long deaths(const char *cause)
{
	char name[80];

	snprintf(name, sizeof name, "\nteleread_imaging_deaths_total{cause=\"%s\"} ", cause);
	return metric(name);
}

/* ---- what it may not do */

static void the_result_is_sealed_and_whole(void **state)
{
	AUTO(job_result) r = {0};
	struct err e = {0};
	char text[8] = "";

	(void)state;
	assert_int_equal(act("nothing", &r, &e), 0);
	assert_int_equal(r.n, 7);
	assert_int_equal(pread(r.out, text, 7, 0), 7);
	assert_string_equal(text, "nothing");
	assert_int_equal(pwrite(r.out, "x", 1, 0), -1);
	assert_int_equal(ftruncate(r.out, 0), -1);
}

static void what_is_forbidden_ends_the_worker(void **state)
{
	static const char *const words[] = {"socket", "exec", "fork", "code", "protect", "kill", "pass", "dup"};
	struct err e;

	(void)state;
	if (no_seccomp)
		skip();
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		long before = deaths("forbidden");

		assert_int_equal(act_alone(words[i], &e), -E_CORRUPT);
		assert_non_null(strstr(e.msg, "two workers died of it (SIGSYS)"));
		assert_int_equal(deaths("forbidden") - before, 2);
		goes_on();
	}
}

static void files_cannot_be_opened(void **state)
{
	struct err e;

	(void)state;
	if (act_alone("open", &e) == -E_BUG && no_seccomp) {
		print_message("# nor has it landlock: workers can open files here\n");
		skip();
	}
	assert_int_equal(e.code, E_DENIED);
	assert_string_equal(e.msg, "open: errno 13");
	assert_int_equal(act_alone("create", &e), -E_DENIED);
	assert_int_equal(access("/tmp/teleread-worker-was-here", F_OK), -1);
}

static void a_file_cannot_be_longer_than_memory(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(act_alone("flood", &e), -E_DENIED);
	assert_string_equal(e.msg, "a long file: errno 27"); /* EFBIG */
	goes_on();
}

static void a_hundred_gigabytes_are_refused(void **state)
{
	struct job j = {
	    .kind = JOB_DECODE,
	    .syntax = "1.2.840.10008.1.2.4.90",
	    .pixels = {.rows = 300000,
		       .columns = 300000,
		       .samples = 1,
		       .bits_allocated = 16,
		       .bits_stored = 16,
		       .high_bit = 15},
	};
	AUTO(job_result) r = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(worker_run(&j, &r, &e), -E_LIMIT);
	assert_string_equal(e.msg, "a frame of 300000 x 300000 pixels does not fit the 256 MB of a worker");
	assert_int_equal(act_alone("memory", &e), -E_LIMIT);
	assert_string_equal(e.msg, "needs more memory than a worker has (256 MB)");
	goes_on();
}

/* ---- what becomes of it */

static void a_crash_is_tried_twice_then_never_again(void **state)
{
	long before = deaths("crash");
	struct err e;

	(void)state;
	assert_int_equal(act_alone("crash", &e), -E_CORRUPT);
	assert_string_equal(e.msg, SANDBOX_SANITIZED ? "cannot be read: two workers died of it (SIGABRT)"
						     : "cannot be read: two workers died of it (SIGSEGV)");
	assert_int_equal(deaths("crash") - before, 2);
	assert_int_equal(metric("\nteleread_imaging_refused_inputs "), 1);
	assert_int_equal(act_alone("crash", &e), -E_UNSUP);
	assert_string_equal(e.msg, "not tried again: two workers died of it before");
	assert_int_equal(deaths("crash") - before, 2);
	goes_on();
}

/* By its processor time, or by the clock where other programs take most of the processor. */
static void a_loop_ends_by_its_time(void **state)
{
	long before = deaths("time") + deaths("hung");
	struct err e;

	(void)state;
	assert_int_equal(act_alone("loop", &e), -E_LIMIT);
	assert_string_equal(e.msg, "takes more time than a worker has (1 s)");
	assert_int_equal(deaths("time") + deaths("hung") - before, 2);
	goes_on();
}

static void who_does_nothing_is_killed_by_the_clock(void **state)
{
	long before = deaths("hung");
	struct err e;

	(void)state;
	assert_int_equal(act_alone("wait", &e), -E_LIMIT);
	assert_int_equal(deaths("hung") - before, 2);
	goes_on();
}

static void a_lie_is_not_believed(void **state)
{
	long before = deaths("answer");
	struct err e;

	(void)state;
	assert_int_equal(act_alone("lie", &e), -E_CORRUPT);
	assert_int_equal(deaths("answer") - before, 2);
	goes_on();
}

/* Whether it says that the job is done, or that it has failed. */
static void a_result_that_could_be_changed_later_is_not_believed(void **state)
{
	static const char *const words[] = {"mapped", "hidden"};
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		long before = deaths("answer");

		assert_int_equal(act_alone(words[i], &e), -E_CORRUPT);
		assert_non_null(strstr(e.msg, "two workers died of it"));
		assert_int_equal(deaths("answer") - before, 2);
		goes_on();
	}
}

static void a_sentence_of_a_worker_is_one_line_of_text(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(act_alone("lines", &e), -E_CORRUPT);
	assert_string_equal(e.msg, "one line??Set-Cookie: another?[2J?");
	goes_on();
}

static void an_end_without_an_answer_is_a_death(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(act_alone("exit", &e), -E_CORRUPT);
	assert_non_null(strstr(e.msg, "exit status 7"));
	goes_on();
}

/* ---- seen from outside */

static unsigned children(pid_t out[64])
{
	char path[64];
	unsigned n = 0;
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *d;

	assert_non_null(tasks);
	while ((d = readdir(tasks))) {
		long pid;
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%.20s/children", d->d_name);
		if (d->d_name[0] == '.' || !(f = fopen(path, "r")))
			continue;
		while (n < 64 && fscanf(f, "%ld", &pid) == 1)
			out[n++] = (pid_t)pid;
		fclose(f);
	}
	closedir(tasks);
	return n;
}

/* The library has words of its own for a write that failed: the answer is one error all the same, and nobody dies of it. */
static void a_stream_that_does_not_fit_is_a_limit(void **state)
{
	static const char deaths[] = "teleread_imaging_deaths_total{cause=\"answer\"} ";
	struct job j = {.kind = JOB_ENCODE,
			.syntax = "1.2.840.10008.1.2.4.90",
			.most = 512,
			.pixels = {.rows = 64,
				   .columns = 64,
				   .samples = 1,
				   .bits_allocated = 8,
				   .bits_stored = 8,
				   .high_bit = 7,
				   .photometric = "MONOCHROME2"}};
	AUTO(job_result) r = {0};
	struct err e = {0};
	uint8_t noise[64 * 64];
	uint32_t x = 1;
	long before = metric(deaths);

	(void)state;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
	j.in[0] = worker_input(&e);
	assert_int_equal(write(j.in[0], noise, sizeof noise), (ssize_t)sizeof noise);
	assert_int_equal(worker_run(&j, &r, &e), -E_LIMIT);
	assert_int_equal(e.code, E_LIMIT);
	assert_int_equal(metric(deaths), before);
	j.most = 0;
	e = (struct err){0};
	assert_int_equal(worker_run(&j, &r, &e), 0);
	assert_true(r.n > sizeof noise / 2);
	close(j.in[0]);
}

static void a_worker_is_locked_in(void **state)
{
	AUTO(buf) status = BUF(64 << 10);
	pid_t pids[64];
	char path[64];
	FILE *f;

	(void)state;
	goes_on();
	assert_int_equal(children(pids), 1);
	snprintf(path, sizeof path, "/proc/%ld/status", (long)pids[0]);
	assert_non_null(f = fopen(path, "r"));
	assert_int_equal(buf_reserve(&status, 32 << 10, NULL), 0);
	status.len = fread(status.data, 1, 32 << 10, f);
	status.data[status.len] = '\0';
	fclose(f);
	assert_non_null(strstr(buf_text(&status), "\nNoNewPrivs:\t1\n"));
	if (!no_seccomp)
		assert_non_null(strstr(buf_text(&status), "\nSeccomp:\t2\n"));
	assert_non_null(strstr(buf_text(&status), "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(buf_text(&status), "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(buf_text(&status), "\nThreads:\t1\n"));
}

/* Among what this process has open while the worker starts is a file without close-on-exec. */
static void a_worker_has_its_socket_and_nothing_else(void **state)
{
	int leaks = open("/etc/passwd", O_RDONLY); /* NOLINT: without close-on-exec, on purpose */
	pid_t pids[64];
	char path[64], target[256];
	struct dirent *d;
	DIR *fds;

	(void)state;
	assert_true(leaks > 3);
	imaging_stop();
	assert_int_equal(begin(1, 1), 0);
	goes_on();
	assert_int_equal(children(pids), 1);
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pids[0]);
	if (!(fds = opendir(path))) {
		close(leaks);
		print_message("# only root looks into a process that is not dumpable\n");
		skip();
	}
	while ((d = readdir(fds))) {
		ssize_t n = readlinkat(dirfd(fds), d->d_name, target, sizeof target - 1);
		int fd = atoi(d->d_name);

		if (d->d_name[0] == '.')
			continue;
		assert_true(n > 0);
		target[n] = '\0';
		if (fd == WORKER_SOCKET)
			assert_int_equal(strncmp(target, "socket:", 7), 0);
		else if (fd < 2 || strcmp(target, "/dev/null") == 0)
			assert_string_equal(target, "/dev/null");
		else /* with sanitizers standard error stays open, so that what they find is seen */
			assert_int_equal(fd, 2);
	}
	closedir(fds);
	close(leaks);
}

static void an_idle_worker_that_was_killed_is_nobodys_fault(void **state)
{
	pid_t pids[64];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		goes_on();
		assert_int_equal(children(pids), 1);
		assert_int_equal(kill(pids[0], SIGKILL), 0);
		goes_on();
	}
	assert_int_equal(metric("\nteleread_imaging_refused_inputs "), 0);
}

/* ---- many at once */

struct crowd {
	const char *word;
	unsigned jobs, well;
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;

	for (unsigned i = 0; i < c->jobs; i++) {
		struct err e = {0};
		AUTO(job_result) r = {0};

		if (act(c->word, &r, &e) == 0)
			c->well++;
		else if (strcmp(c->word, "nothing") == 0)
			print_message("# %s\n", e.msg);
	}
	return NULL;
}

static void others_do_not_notice(void **state)
{
	struct crowd crowds[] = {{"nothing", 200, 0}, {"nothing", 200, 0}, {"nothing", 200, 0},
				 {"nothing", 200, 0}, {"crash", 2, 0},     {"exit", 2, 0}};
	enum { N = sizeof crowds / sizeof crowds[0] };
	pthread_t threads[N];
	pid_t pids[64];

	(void)state;
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &crowds[i]), 0);
	for (unsigned i = 0; i < 10; i++) {
		unsigned n = children(pids);

		if (n)
			kill(pids[i % n], SIGKILL);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	for (unsigned i = 0; i < N; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(crowds[i].well, 200);
	assert_int_equal(crowds[4].well + crowds[5].well, 0);
}

static void *stuck(void *arg)
{
	struct err e;

	*(int *)arg = act_alone("wait", &e);
	return NULL;
}

static void *stuck_in_the_background(void *arg)
{
	struct job j = {.kind = JOB_RENDER, .background = true};
	AUTO(job_result) r = {0};
	struct err e = {0};

	j.in[0] = input_of("teleread-fault=wait;");
	*(int *)arg = worker_run(&j, &r, &e);
	close(j.in[0]);
	return NULL;
}

/* Four jobs for three workers in the background, each of which would wait for two minutes: others still find a worker. */
static void the_background_leaves_a_worker(void **state)
{
	pthread_t threads[4];
	int rc[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, stuck_in_the_background, &rc[i]), 0);
	while (metric("\nteleread_imaging_queue ") != 2)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	for (unsigned i = 0; i < 20; i++)
		goes_on();
	imaging_stop();
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(rc[i], -E_CANCEL);
	}
}

static void the_end_cuts_what_is_under_way(void **state)
{
	pid_t pids[64];
	pthread_t thread;
	int rc = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, stuck, &rc), 0);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	imaging_stop();
	pthread_join(thread, NULL);
	assert_int_equal(rc, -E_CANCEL);
	assert_int_equal(children(pids), 0);
}

static void *wait_in_line(void *arg)
{
	struct err e;

	*(int *)arg = act_alone("nothing", &e);
	return NULL;
}

/* One worker that is busy, as many jobs in line as may be, and one more. */
static void a_line_that_is_full_is_told(void **state)
{
	enum { LINE = 1024 };
	static pthread_t threads[LINE + 1];
	static int rc[LINE + 1];
	pthread_attr_t small;
	struct err e;

	(void)state;
	imaging_stop();
	assert_int_equal(begin(1, 600), 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256u << 10);
	assert_int_equal(pthread_create(&threads[LINE], &small, stuck, &rc[LINE]), 0);
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	for (unsigned i = 0; i < LINE; i++)
		assert_int_equal(pthread_create(&threads[i], &small, wait_in_line, &rc[i]), 0);
	while (metric("\nteleread_imaging_queue ") != LINE)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	assert_int_equal(act_alone("nothing", &e), -E_BUSY);
	assert_string_equal(e.msg, "1024 jobs wait for 1 workers for pictures already");
	imaging_stop();
	for (unsigned i = 0; i <= LINE; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(rc[i], -E_CANCEL);
	}
	assert_int_equal(act_alone("nothing", &e), -E_CANCEL);
	pthread_attr_destroy(&small);
}

static void a_worker_is_replaced_after_many_jobs(void **state)
{
	pid_t first[64], second[64];

	(void)state;
	goes_on();
	assert_int_equal(children(first), 1);
	for (unsigned i = 0; i < POOL_JOBS_MOST; i++)
		goes_on();
	assert_int_equal(children(second), 1);
	assert_int_not_equal(first[0], second[0]);
}

/* ---- a kernel that does not take the list */

/* In a child, which hands its own list down to what it starts: one that refuses seccomp(). 0 when all is as it should be. */
static int without_seccomp(void)
{
	const struct imaging_options strict = {.workers = 1}, lenient = {.workers = 1, .sandbox_optional = true};
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
	const struct scmp_arg_cmp filter = SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP);
	struct err e = {0};

	if (!c || seccomp_rule_add(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) < 0 ||
	    seccomp_rule_add_array(c, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &filter) < 0 || seccomp_load(c) < 0)
		return 77;
	seccomp_release(c);
	if (imaging_start(&strict, &e) != -E_IO ||
	    !strstr(e.msg, "the kernel refuses the allow-list of system calls (seccomp)"))
		return 1;
	e = (struct err){0};
	if (imaging_start(&lenient, &e) < 0 || act_alone("nothing", &e) < 0)
		return 2;
	if (act_alone("open", &e) != -E_DENIED) /* landlock, where there is one; else it goes through: -E_BUG */
		return e.code == E_BUG ? 77 : 3;
	imaging_stop();
	return 0;
}

static void without_seccomp_nothing_starts_unless_it_may(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (no_seccomp)
		skip();
	fflush(stdout);
	if ((child = fork()) == 0)
		_exit(without_seccomp());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- what goes in */

static void an_input_is_sealed_or_opened_for_reading(void **state)
{
	struct job j = {.kind = JOB_RENDER};
	AUTO(job_result) r = {0};
	char path[] = "/tmp/test-worker.XXXXXX";
	struct err e = {0};

	(void)state;
	j.in[0] = input_of("teleread-fault=nothing;");
	assert_int_equal(worker_run(&j, &r, &e), 0);
	assert_int_equal(pwrite(j.in[0], "x", 1, 0), -1);
	job_result_cleanup(&r);
	assert_int_equal(worker_run(&j, &r, &e), 0); /* once more, as it is */
	job_result_cleanup(&r);
	close(j.in[0]);
	assert_true((j.in[0] = mkstemp(path)) > 0);
	unlink(path);
	assert_int_equal(write(j.in[0], "teleread-fault=nothing;", 23), 23);
	assert_int_equal(worker_run(&j, &r, &e), 0);
	assert_int_equal(pwrite(j.in[0], "x", 1, 0), 1);
	close(j.in[0]);
}

static void two_inputs_come_in_their_places(void **state)
{
	struct job j = {.kind = JOB_RENDER};
	AUTO(job_result) r = {0};
	struct err e = {0};

	(void)state;
	j.in[1] = input_of("teleread-fault=nothing;"); /* the first is missing: the second does not take its place */
	assert_int_not_equal(worker_run(&j, &r, &e), 0);
	e = (struct err){0};
	j.in[0] = input_of("teleread-fault=nothing;");
	assert_int_equal(worker_run(&j, &r, &e), 0);
	close(j.in[0]);
	close(j.in[1]);
}

static int look_for_seccomp(void)
{
	if (begin(1, 1) == 0) {
		imaging_stop();
		return 0;
	}
	no_seccomp = true;
	print_message("# this kernel refuses seccomp: what depends on it is skipped\n");
	return 0;
}

#define ONE(test_) cmocka_unit_test_setup_teardown(test_, one_worker, end)
#define THREE(test_) cmocka_unit_test_setup_teardown(test_, three_workers, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(the_result_is_sealed_and_whole),
	    ONE(what_is_forbidden_ends_the_worker),
	    ONE(files_cannot_be_opened),
	    ONE(a_file_cannot_be_longer_than_memory),
	    ONE(a_hundred_gigabytes_are_refused),
	    ONE(a_crash_is_tried_twice_then_never_again),
	    ONE(a_loop_ends_by_its_time),
	    ONE(who_does_nothing_is_killed_by_the_clock),
	    ONE(a_lie_is_not_believed),
	    ONE(a_result_that_could_be_changed_later_is_not_believed),
	    ONE(a_sentence_of_a_worker_is_one_line_of_text),
	    ONE(an_end_without_an_answer_is_a_death),
	    ONE(a_stream_that_does_not_fit_is_a_limit),
	    ONE(a_worker_is_locked_in),
	    ONE(a_worker_has_its_socket_and_nothing_else),
	    ONE(an_idle_worker_that_was_killed_is_nobodys_fault),
	    ONE(an_input_is_sealed_or_opened_for_reading),
	    ONE(two_inputs_come_in_their_places),
	    THREE(others_do_not_notice),
	    THREE(the_background_leaves_a_worker),
	    THREE(the_end_cuts_what_is_under_way),
	    ONE(a_line_that_is_full_is_told),
	    ONE(a_worker_is_replaced_after_many_jobs),
	    cmocka_unit_test(without_seccomp_nothing_starts_unless_it_may),
	};

	look_for_seccomp();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
