/* bigload - sends very large instances, several at once, each made of nothing but its header and one repeated block.
 *
 *   bigload HOST PORT AET ASSOCIATIONS MEBIBYTES SEED
 *
 * One instance of MEBIBYTES of pixels (even; at most 4094: Pixel Data has a 32-bit length) on each of ASSOCIATIONS
 * associations, all at the same time; explicit little endian, multi-frame grayscale secondary capture, frames of 2 MiB.
 * Prints one line; SEED makes the UIDs.
 */
#include "tests/bench/upper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SC "1.2.840.10008.5.1.4.1.1.7.3"
#define ROOT "1.2.826.0.1.3680043.10.1530.98"

enum { C_STORE_RQ = 0x0001, BLOCK = 1 << 20, MOST = 256 };

struct load {
	const char *host, *port, *aet;
	unsigned mebibytes, seed;
	const uint8_t *block;
	atomic_long failed;
	atomic_uint next;
};

static uint8_t *us(uint8_t *p, uint32_t tag, unsigned v)
{
	const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

	return upper_element(p, tag, "US", b, 2);
}

static size_t header(const struct load *l, unsigned number, char instance[65], uint8_t *to)
{
	char study[64], series[70], frames[12];
	uint32_t bytes = (uint32_t)l->mebibytes << 20;
	uint8_t *p = to;

	snprintf(study, sizeof study, ROOT ".%u", l->seed);
	snprintf(series, sizeof series, "%s.1", study);
	snprintf(instance, 65, ROOT ".%u.1.%u", l->seed, number + 1);
	snprintf(frames, sizeof frames, "%u", l->mebibytes / 2);
	p = upper_string(p, 0x00080016, "UI", WORD_SC);
	p = upper_string(p, 0x00080018, "UI", instance);
	p = upper_string(p, 0x00080020, "DA", "20260101");
	p = upper_string(p, 0x00080060, "CS", "OT");
	p = upper_string(p, 0x00100010, "PN", "LARGE^INSTANCE");
	p = upper_string(p, 0x00100020, "LO", "BENCH-LARGE");
	p = upper_string(p, 0x0020000D, "UI", study);
	p = upper_string(p, 0x0020000E, "UI", series);
	p = us(p, 0x00280002, 1);
	p = upper_string(p, 0x00280004, "CS", "MONOCHROME2");
	p = upper_string(p, 0x00280008, "IS", frames);
	p = us(p, 0x00280010, 1024);
	p = us(p, 0x00280011, 1024);
	p = us(p, 0x00280100, 16);
	p = us(p, 0x00280101, 16);
	p = us(p, 0x00280102, 15);
	p = us(p, 0x00280103, 0);
	memcpy(p, (const uint8_t[]){0xE0, 0x7F, 0x10, 0x00, 'O', 'W', 0, 0}, 8);
	memcpy(p + 8,
	       (const uint8_t[]){(uint8_t)bytes, (uint8_t)(bytes >> 8), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 24)},
	       4);
	return (size_t)(p + 12 - to);
}

/* Full PDUs only, until the rest: what is sent begins anywhere in the block, which makes no difference to anyone. */
static void send_pixels(struct upper *u, const struct load *l)
{
	uint64_t left = (uint64_t)l->mebibytes << 20;
	size_t step = BLOCK / u->payload * u->payload;

	while (left > step) {
		upper_send_data(u, 1, l->block, step, 0);
		left -= step;
	}
	upper_send_data(u, 1, l->block, (size_t)left, 1);
}

static void *one(void *arg)
{
	struct load *l = arg;
	struct upper_context context = {.abstract = WORD_SC, .syntax = UPPER_EXPLICIT_LE};
	struct upper_command c = {.field = C_STORE_RQ, .message = 1, .has_data = 1, .class_uid = WORD_SC};
	uint8_t head[1024];
	struct upper u;
	size_t n;

	n = header(l, atomic_fetch_add(&l->next, 1), c.instance_uid, head);
	upper_open(&u, l->host, l->port, l->aet, &context, 1);
	if (!context.accepted)
		upper_die("association", "secondary capture storage was not accepted");
	upper_send(&u, 1, &c, NULL, 0);
	upper_send_data(&u, 1, head, n, 0); /* a short PDU: allowed anywhere */
	send_pixels(&u, l);
	upper_command(&u, &c);
	if (c.status != 0) {
		fprintf(stderr, "bigload: refused with status 0x%04X\n", c.status);
		atomic_fetch_add(&l->failed, 1);
	}
	upper_close(&u);
	return NULL;
}

static uint8_t *pattern(void)
{
	uint8_t *block = malloc(BLOCK);
	uint32_t x = 1;

	if (block == NULL)
		upper_die("malloc", "out of memory");
	for (size_t i = 0; i < BLOCK; i++) {
		x = x * 1664525u + 1013904223u;
		block[i] = (uint8_t)(x >> 24);
	}
	return block;
}

int main(int argc, char **argv)
{
	struct load l = {0};
	pthread_t threads[MOST];
	unsigned n = argc == 7 ? (unsigned)atoi(argv[4]) : 0, i;
	double from, seconds;

	l.mebibytes = n ? (unsigned)atoi(argv[5]) : 0;
	if (n < 1 || n > MOST || l.mebibytes < 2 || l.mebibytes > 4094 || l.mebibytes % 2) {
		fprintf(stderr, "usage: bigload HOST PORT AET ASSOCIATIONS MEBIBYTES SEED (MEBIBYTES even, 2..4094)\n");
		return 2;
	}
	l.host = argv[1];
	l.port = argv[2];
	l.aet = argv[3];
	l.seed = (unsigned)atoi(argv[6]);
	l.block = pattern();
	from = upper_now();
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, one, &l) != 0)
			upper_die("pthread_create", "no thread");
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	seconds = upper_now() - from;
	printf("assoc=%u mib=%u fail=%ld secs=%.2f MB/s=%.1f\n", n, l.mebibytes, (long)l.failed, seconds,
	       (double)n * l.mebibytes * 1.048576 / seconds);
	return l.failed != 0;
}
