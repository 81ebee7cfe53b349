/* pgm.h - a 16-bit picture of dcmload's, and the loop that both codec loads measure with. */
#ifndef BENCH_PGM_H
#define BENCH_PGM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct pgm {
	unsigned width, height;
	uint16_t *samples; /* native order: little endian here */
	size_t bytes;
};

static inline struct pgm pgm_read(const char *path)
{
	struct pgm p = {0, 0, NULL, 0};
	unsigned most = 0;
	FILE *f = fopen(path, "rb");

	if (!f || fscanf(f, "P5 %u %u %u", &p.width, &p.height, &most) != 3 || most != 65535 || fgetc(f) == EOF) {
		fprintf(stderr, "%s is no PGM of 16 bits\n", path);
		exit(2);
	}
	p.bytes = (size_t)p.width * p.height * 2;
	p.samples = (uint16_t *)malloc(p.bytes);
	if (!p.samples || fread(p.samples, 2, p.bytes / 2, f) != p.bytes / 2) {
		fprintf(stderr, "%s is too short\n", path);
		exit(2);
	}
	for (size_t i = 0; i < p.bytes / 2; i++)
		p.samples[i] = (uint16_t)(p.samples[i] >> 8 | p.samples[i] << 8);
	fclose(f);
	return p;
}

static inline double processor_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Processor seconds of one call of once(), over at least so many seconds and twice. */
static inline double each(void (*once)(void *arg), void *arg, double seconds)
{
	unsigned n = 0;

	once(arg); /* caches, first allocations */
	double begun = processor_now(), took;
	do {
		once(arg);
		n++;
		took = processor_now() - begun;
	} while (took < seconds || n < 2);
	return took / n;
}
#endif
