#include "imaging/gate.h"
#include "imaging/transcode.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static unsigned inside;

void gate_enter(void)
{
	pthread_mutex_lock(&lock);
	while (inside == TRANSCODE_AT_ONCE)
		pthread_cond_wait(&freed, &lock);
	inside++;
	pthread_mutex_unlock(&lock);
}

void gate_leave(void)
{
	pthread_mutex_lock(&lock);
	inside--;
	pthread_cond_signal(&freed);
	pthread_mutex_unlock(&lock);
}
