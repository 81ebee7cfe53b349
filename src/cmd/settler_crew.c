#include "base/clock.h"
#include "base/log.h"
#include "cmd/settler_own.h"
#include <stdlib.h>
#include <unistd.h>

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct task *first, **last; /* that wait */
	bool stop;
	void (*work)(void *arg, struct task *t);
	void *arg;
	unsigned n;
	pthread_t threads[SETTLER_AT_ONCE];
};

void task_clear(struct task *t)
{
	if (t->file >= 0)
		close(t->file);
	transcode_result_cleanup(&t->result);
	*t = (struct task){.file = -1};
}

static struct task *take(struct crew *c)
{
	struct task *t;

	pthread_mutex_lock(&c->lock);
	while (!c->first && !c->stop)
		pthread_cond_wait(&c->changed, &c->lock);
	if ((t = c->first) && !(c->first = t->next))
		c->last = &c->first;
	pthread_mutex_unlock(&c->lock);
	return t;
}

static void *run(void *arg)
{
	struct crew *c = arg;
	struct task *t;

	log_context("settle");
	while ((t = take(c))) {
		c->work(c->arg, t);
		pthread_mutex_lock(&c->lock);
		t->done = true;
		pthread_cond_broadcast(&c->changed);
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

int crew_start(unsigned n, void (*work)(void *arg, struct task *t), void *arg, struct crew **out, struct err *e)
{
	struct crew *c = calloc(1, sizeof *c);

	if (!c)
		return err_set(e, E_NOMEM, "no memory for the threads that settle");
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->last = &c->first;
	c->work = work;
	c->arg = arg;
	while (c->n < n && pthread_create(&c->threads[c->n], NULL, run, c) == 0)
		c->n++;
	if (c->n == 0) {
		crew_stop(c);
		return err_set(e, E_NOMEM, "no thread that settles can be started");
	}
	*out = c;
	return 0;
}

void crew_submit(struct crew *c, struct task *t)
{
	pthread_mutex_lock(&c->lock);
	t->done = false;
	t->next = NULL;
	*c->last = t;
	c->last = &t->next;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

bool crew_wait(struct crew *c, struct task *t, int64_t us)
{
	int64_t until = clock_mono_us() + us;
	bool done;

	pthread_mutex_lock(&c->lock);
	while (!t->done && clock_wait(&c->changed, &c->lock, until) == 0)
		;
	done = t->done;
	pthread_mutex_unlock(&c->lock);
	return done;
}

void crew_stop(struct crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->n; i++)
		pthread_join(c->threads[i], NULL);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
