/* base/clock.h - time. Threads: any. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <pthread.h>
#include <stdint.h>

int64_t clock_wall_us(void); /* microseconds since 1970-01-01 UTC */
int64_t clock_mono_us(void); /* microseconds from some start, never going back */
/* "2026-11-22T02:38:22.123456Z"; returns out. */
const char *clock_text(int64_t wall_us, char out[32]);
/* Waits for c (an ordinary condition variable) until clock_mono_us() is that late: 0, or ETIMEDOUT. The wall clock may
 * jump meanwhile. */
int clock_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t until_mono_us);
#endif
