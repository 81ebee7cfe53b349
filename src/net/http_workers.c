#include "base/log.h"
#include "net/http_private.h"
#include <errno.h>

/* One step of one exchange; returns whether the exchange still exists. Steps of one never overlap. */
static bool step(struct http_request *r)
{
	unsigned todo;

	pthread_mutex_lock(&r->c->lock);
	todo = r->todo;
	if (todo & TODO_OVER)
		todo = TODO_OVER;
	todo &= -todo;
	r->todo &= ~todo;
	pthread_mutex_unlock(&r->c->lock);
	switch (todo) {
	case TODO_WORK:
		r->c->h->o.work(r->c->h->o.arg, r);
		pthread_mutex_lock(&r->c->lock);
		todo = r->reply || r->receiving;
		pthread_mutex_unlock(&r->c->lock);
		if (!todo)
			http_reply_text(r, 500, "no answer was made\n");
		return true;
	case TODO_DIGEST:
		http_body_digest(r);
		return true;
	case TODO_FILL:
		http_reply_fill(r);
		return true;
	case TODO_OVER:
		http_finish(r);
		return false;
	default:
		return true;
	}
}

/* Into the line of those who have something to do; each is there once at most. */
static void enqueue(struct http *h, struct http_request *r)
{
	struct http_line *l = &h->lines[r->share];

	pthread_mutex_lock(&h->lock);
	r->next_job = NULL;
	r->turn = h->turns++;
	*l->last = r;
	l->last = &r->next_job;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
}

void http_post(struct http_request *r, unsigned todo)
{
	r->todo |= todo;
	if (r->active)
		return;
	r->active = r->posted = true;
	enqueue(r->c->h, r);
}

/* The one that has waited the longest of those whose share is not taken; NULL: none. Holds the lock. */
static struct http_request *pick(struct http *h, struct http_line **from)
{
	struct http_line *best = NULL;

	for (struct http_line *l = h->lines; l < h->lines + HTTP_SHARES; l++)
		if (l->first && l->busy < l->most && (!best || l->first->turn < best->first->turn))
			best = l;
	*from = best;
	return best ? best->first : NULL;
}

/* line: of which a worker was; it is of another one then. NULL: none. */
static struct http_request *dequeue(struct http *h, struct http_line **line)
{
	struct http_request *r;

	pthread_mutex_lock(&h->lock);
	if (*line)
		(*line)->busy--;
	while (!(r = pick(h, line)) && !h->ending)
		pthread_cond_wait(&h->work, &h->lock);
	if (r) {
		(*line)->busy++;
		if (!((*line)->first = r->next_job))
			(*line)->last = &(*line)->first;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

static void *work_loop(void *arg)
{
	struct http *h = arg;
	struct http_line *line = NULL;
	struct http_request *r;

	while ((r = dequeue(h, &line))) {
		bool more;

		if (!step(r))
			continue;
		log_context(NULL);
		pthread_mutex_lock(&r->c->lock);
		more = r->todo != 0;
		r->active = more;
		pthread_mutex_unlock(&r->c->lock);
		if (more)
			enqueue(h, r);
	}
	return NULL;
}

int http_workers_start(struct http *h, struct err *e)
{
	unsigned n = h->o.workers ? h->o.workers : 32;
	pthread_attr_t attr;

	for (unsigned i = 0; i < HTTP_SHARES; i++)
		h->lines[i].most = n > i ? n / (i + 1) : 1; /* all, half, a third */
	if (!(h->workers = calloc(n, sizeof(*h->workers))))
		return err_set(e, E_NOMEM, "no memory for %u workers", n);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HTTP_STACK);
	for (errno = 0; h->n_workers < n && errno == 0;)
		if ((errno = pthread_create(&h->workers[h->n_workers], &attr, work_loop, h)) == 0)
			h->n_workers++;
	pthread_attr_destroy(&attr);
	return errno ? err_sys(e, E_IO, "starting %u workers", n) : 0;
}

void http_workers_stop(struct http *h)
{
	pthread_mutex_lock(&h->lock);
	h->ending = true;
	pthread_cond_broadcast(&h->work);
	pthread_mutex_unlock(&h->lock);
	while (h->n_workers)
		pthread_join(h->workers[--h->n_workers], NULL);
	free(h->workers);
	h->workers = NULL;
}
