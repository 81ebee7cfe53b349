#include "base/clock.h"
#include <stdio.h>
#include <time.h>

static int64_t now_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

const char *clock_text(int64_t wall_us, char out[32])
{
	int64_t us = wall_us % 1000000;
	time_t sec = wall_us / 1000000;
	struct tm tm;

	if (us < 0) { /* before 1970 the fraction still counts upward */
		us += 1000000;
		sec--;
	}
	if (!gmtime_r(&sec, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
		snprintf(out, 32, "-");
		return out;
	}
	snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)(tm.tm_year + 1900) % 10000u,
		 (unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		 (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, (unsigned)us % 1000000u);
	return out;
}

int clock_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t until_mono_us)
{
	struct timespec until = {.tv_sec = until_mono_us / 1000000, .tv_nsec = until_mono_us % 1000000 * 1000};

	return pthread_cond_clockwait(c, m, CLOCK_MONOTONIC, &until);
}
