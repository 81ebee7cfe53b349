/* getload - fetches one series by C-GET and throws the bytes away.
 *
 *   getload HOST PORT AET STUDY_UID SERIES_UID [TIMES]
 *
 * Proposes CT Image Storage in the SCP role, explicit little endian, and answers every C-STORE as soon as its last byte
 * is there. Prints one line: instances, failures that the server counted, MB/s of data sets, and this program's own
 * CPU.
 */
#include "tests/bench/upper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STUDY_ROOT_GET "1.2.840.10008.5.1.4.1.2.2.3"
#define CT_STORAGE "1.2.840.10008.5.1.4.1.1.2"

enum { C_STORE_RQ = 0x0001, C_GET_RQ = 0x0010, C_STORE_RSP = 0x8001, C_GET_RSP = 0x8010, PENDING = 0xFF00 };

struct sum {
	uint64_t bytes;
	long instances, failed;
};

static void swallow(struct upper *u, struct sum *s)
{
	struct upper_piece piece;

	do {
		upper_piece(u, &piece);
		if (piece.command)
			upper_die("data set", "a command set came in the middle");
		s->bytes += piece.n;
	} while (!piece.last);
}

static void answer(struct upper *u, unsigned context, const struct upper_command *asked)
{
	struct upper_command c = *asked;

	c.field = C_STORE_RSP;
	c.responded = asked->message;
	c.has_data = 0;
	c.status = 0;
	upper_send(u, context, &c, NULL, 0);
}

static void ask(struct upper *u, const char *study, const char *series, unsigned message)
{
	const struct upper_command c = {
	    .field = C_GET_RQ, .message = message, .has_data = 1, .class_uid = STUDY_ROOT_GET};
	uint8_t keys[512], *p = keys;

	p = upper_string(p, 0x00080052, "CS", "SERIES");
	p = upper_string(p, 0x0020000D, "UI", study);
	p = upper_string(p, 0x0020000E, "UI", series);
	upper_send(u, 1, &c, keys, (size_t)(p - keys));
}

static void fetch(struct upper *u, const char *study, const char *series, unsigned message, struct sum *s)
{
	struct upper_command c;

	ask(u, study, series, message);
	for (;;) {
		unsigned context = upper_command(u, &c);
		struct sum before = *s;

		if (c.has_data)
			swallow(u, s);
		if (c.field == C_STORE_RQ) {
			answer(u, context, &c);
			s->instances++;
			continue;
		}
		s->bytes = before.bytes; /* the failed list of a C-GET-RSP is no image */
		if (c.field != C_GET_RSP)
			upper_die("C-GET", "something else was answered");
		if (c.status != PENDING)
			break;
	}
	s->failed += c.failed;
	if (c.status != 0)
		fprintf(stderr, "getload: final status 0x%04X, %u failed\n", c.status, c.failed);
}

int main(int argc, char **argv)
{
	struct upper_context contexts[] = {
	    {.abstract = STUDY_ROOT_GET, .syntax = UPPER_EXPLICIT_LE},
	    {.abstract = CT_STORAGE, .syntax = UPPER_EXPLICIT_LE, .scp = 1},
	};
	struct sum s = {0};
	struct upper u;
	double from, seconds;
	int i, times = argc == 7 ? atoi(argv[6]) : 1;

	if (argc < 6 || argc > 7 || times < 1 || strlen(argv[4]) > 64 || strlen(argv[5]) > 64) {
		fprintf(stderr, "usage: getload HOST PORT AET STUDY_UID SERIES_UID [TIMES]\n");
		return 2;
	}
	upper_open(&u, argv[1], argv[2], argv[3], contexts, 2);
	if (!contexts[0].accepted || !contexts[1].accepted)
		upper_die("association", "C-GET or CT Image Storage was not accepted");
	from = upper_now();
	for (i = 0; i < times; i++)
		fetch(&u, argv[4], argv[5], (unsigned)i + 1, &s);
	seconds = upper_now() - from;
	upper_close(&u);
	printf("n=%ld fail=%ld secs=%.3f inst/s=%.1f MB/s=%.1f bytes=%llu client_cpu_s=%.2f\n", s.instances, s.failed,
	       seconds, (double)s.instances / seconds, (double)s.bytes / seconds / 1e6, (unsigned long long)s.bytes,
	       (double)clock() / CLOCKS_PER_SEC);
	return s.instances == 0 || s.failed != 0;
}
