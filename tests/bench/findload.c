/* findload - C-FIND at the study level by patterns of Patient's Name, one after the other, on several associations.
 *
 *   findload HOST PORT AET ASSOCIATIONS SECONDS < PATTERNS
 *
 * PATTERNS: one in UTF-8 a line; each association takes the next one, round and round. The other attributes asked for
 * are those that a worklist shows. Prints one line: queries, failures, answers, rate, latencies.
 */
#include "tests/bench/upper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUDY_ROOT_FIND "1.2.840.10008.5.1.4.1.2.2.1"

enum { C_FIND_RQ = 0x0020, C_FIND_RSP = 0x8020, PATTERNS = 4096, TIMES = 1 << 20, ASSOCIATIONS = 64 };

static char *patterns[PATTERNS];
static unsigned n_patterns;
static const char *host, *port, *aet;
static double until;
static double times[TIMES];
static atomic_uint next, taken;
static atomic_ulong matches, failed;

static void read_patterns(void)
{
	char line[256];

	while (n_patterns < PATTERNS && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[0] && !(patterns[n_patterns++] = strdup(line)))
			upper_die("patterns", "no memory");
	}
	if (n_patterns == 0)
		upper_die("patterns", "none on standard input");
}

static size_t identifier(uint8_t *to, const char *pattern)
{
	uint8_t *p = to;

	p = upper_string(p, 0x00080005, "CS", "ISO_IR 192");
	p = upper_string(p, 0x00080020, "DA", "");
	p = upper_string(p, 0x00080030, "TM", "");
	p = upper_string(p, 0x00080050, "SH", "");
	p = upper_string(p, 0x00080052, "CS", "STUDY");
	p = upper_string(p, 0x00080061, "CS", "");
	p = upper_string(p, 0x00081030, "LO", "");
	p = upper_string(p, 0x00100010, "PN", pattern);
	p = upper_string(p, 0x00100020, "LO", "");
	p = upper_string(p, 0x00100030, "DA", "");
	p = upper_string(p, 0x00100040, "CS", "");
	p = upper_string(p, 0x0020000D, "UI", "");
	p = upper_string(p, 0x00201206, "IS", "");
	p = upper_string(p, 0x00201208, "IS", "");
	return (size_t)(p - to);
}

/* One query to its last answer. */
static void ask(struct upper *u, const char *pattern, unsigned message)
{
	const struct upper_command c = {
	    .field = C_FIND_RQ, .message = message, .has_data = 1, .class_uid = STUDY_ROOT_FIND};
	uint8_t keys[1024];
	struct upper_command rsp;

	upper_send(u, 1, &c, keys, identifier(keys, pattern));
	for (;;) {
		upper_command(u, &rsp); /* passes over the data set of the answer before */
		if (rsp.field != C_FIND_RSP)
			upper_die("C-FIND", "something else was answered");
		if ((rsp.status & 0xFF00) != 0xFF00)
			break;
		matches++;
	}
	if (rsp.status != 0)
		failed++;
}

static void *associate(void *unused)
{
	struct upper_context context = {.abstract = STUDY_ROOT_FIND, .syntax = UPPER_EXPLICIT_LE};
	unsigned message = 0;
	struct upper u;

	(void)unused;
	upper_open(&u, host, port, aet, &context, 1);
	if (!context.accepted)
		upper_die("association", "C-FIND was not accepted");
	for (double from; (from = upper_now()) < until;) {
		unsigned at;

		ask(&u, patterns[next++ % n_patterns], ++message & 0xFFFF);
		at = taken++;
		if (at < TIMES)
			times[at] = upper_now() - from;
	}
	upper_close(&u);
	return NULL;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

int main(int argc, char **argv)
{
	pthread_t threads[ASSOCIATIONS];
	double from, seconds;
	unsigned n, kept;
	int count;

	if (argc != 6 || (count = atoi(argv[4])) < 1 || count > ASSOCIATIONS) {
		fprintf(stderr, "usage: findload HOST PORT AET ASSOCIATIONS SECONDS < PATTERNS\n");
		return 2;
	}
	host = argv[1];
	port = argv[2];
	aet = argv[3];
	read_patterns();
	from = upper_now();
	until = from + atof(argv[5]);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, associate, NULL) != 0)
			upper_die("thread", "could not be started");
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	seconds = upper_now() - from;
	n = taken;
	kept = n < TIMES ? n : TIMES;
	if (n == 0)
		upper_die("C-FIND", "no query was answered in time");
	qsort(times, kept, sizeof *times, by_value);
	printf("n=%u fail=%lu q/s=%.1f matches/q=%.1f p50ms=%.2f p99ms=%.2f\n", n, (unsigned long)failed, n / seconds,
	       (double)matches / n, times[kept / 2] * 1e3, times[kept * 99ul / 100] * 1e3);
	return failed != 0;
}
