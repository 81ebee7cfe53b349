#include "web/events.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "web/changes.h"
#include "web/exchange_own.h"
#include "web/handlers.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE 200u /* changes of one filling; each is below 640 bytes */
#define TICK_US 1000000

struct position {
	int64_t site;
	uint64_t number;
	char code[33];
	bool news; /* the lock of struct events */
};
struct listener {
	struct events *events;
	struct exchange *x;
	struct listener *next, **at;
	struct position *list; /* by site; added to by its own filling only, under the lock */
	unsigned n;
	bool strangers;  /* there may be sites that list does not know; the lock */
	bool begun, due; /* due: a heartbeat; the lock */
	char feed[sizeof((struct change_feed *)0)->id];
	int64_t began_us, spoke_us, known_us; /* known: when who listens was last looked at */
	/* while filling */
	struct position *now;
	struct buf *out;
	struct err *e;
	unsigned seen;
};
struct events {
	struct archive *archive;
	pthread_mutex_t lock;
	pthread_cond_t halt;
	pthread_t beat;
	struct listener *first;
	unsigned n;
	bool halting, beating;
};

static struct metric listening = METRIC(GAUGE, "teleread_http_listeners", "", "Streams of server-sent events.");

/* ---- who is woken */

static struct position *find(const struct listener *l, int64_t site)
{
	unsigned low = 0, high = l->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (l->list[middle].site < site)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n && l->list[low].site == site ? &l->list[low] : NULL;
}

/* Called by the committer: only marks, and wakes. n 0: any site may have news. */
static void news(void *arg, const int64_t *sites, unsigned n)
{
	struct events *v = arg;

	pthread_mutex_lock(&v->lock);
	for (struct listener *l = v->first; l; l = l->next) {
		bool concerned = n == 0;

		for (unsigned i = 0; n == 0 && i < l->n; i++)
			l->list[i].news = true;
		for (unsigned i = 0; i < n; i++) {
			struct position *p = find(l, sites[i]);

			if (p)
				p->news = true;
			else if (l->x->scope->kind == SCOPE_EVERYTHING)
				l->strangers = true;
			else
				continue;
			concerned = true;
		}
		if (concerned)
			http_wake(l->x->http);
	}
	pthread_mutex_unlock(&v->lock);
}

static void *beat(void *arg)
{
	struct events *v = arg;

	pthread_mutex_lock(&v->lock);
	while (!v->halting) {
		int64_t now = clock_mono_us();

		for (struct listener *l = v->first; l; l = l->next)
			if (now - l->spoke_us >= EVENTS_BEAT_S * 1000000LL) {
				l->spoke_us = now;
				l->due = true;
				http_wake(l->x->http);
			}
		clock_wait(&v->halt, &v->lock, now + TICK_US);
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

int events_open(struct archive *a, struct events **out, struct err *e)
{
	struct events *v = calloc(1, sizeof *v);

	if (!v)
		return err_set(e, E_NOMEM, "no memory for events");
	v->archive = a;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->halt, NULL);
	if (pthread_create(&v->beat, NULL, beat, v) != 0) {
		free(v);
		return err_set(e, E_NOMEM, "cannot start a thread for events");
	}
	v->beating = true;
	change_watch(a, news, v);
	*out = v;
	return 0;
}

void events_halt(struct events *v)
{
	if (!v)
		return;
	change_watch(v->archive, NULL, NULL);
	pthread_mutex_lock(&v->lock);
	v->halting = true;
	for (struct listener *l = v->first; l; l = l->next)
		http_wake(l->x->http);
	pthread_cond_broadcast(&v->halt);
	pthread_mutex_unlock(&v->lock);
	if (v->beating)
		pthread_join(v->beat, NULL);
	v->beating = false;
}

void events_close(struct events *v)
{
	if (!v)
		return;
	events_halt(v);
	pthread_cond_destroy(&v->halt);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

/* ---- positions */

int events_positions(const char *text, int (*each)(void *arg, const char *code, uint64_t number), void *arg,
		     struct err *e)
{
	while (*text && *text != '@') {
		size_t n = strcspn(text, ":,@");
		char code[33];
		uint64_t number = 0;
		int rc;

		if (text[n] != ':' || n == 0 || n >= sizeof code || text[n + 1] < '0' || text[n + 1] > '9')
			return err_set(e, E_INVAL,
				       "expected positions such as NORTH:5,SOUTH:9, as the id of an event says them");
		memcpy(code, text, n);
		code[n] = '\0';
		for (text += n + 1; *text >= '0' && *text <= '9'; text++)
			if (__builtin_mul_overflow(number, 10, &number) ||
			    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number) || number > INT64_MAX)
				return err_set(e, E_INVAL, "a position is larger than any can be");
		if (*text && *text != '@' && *text++ != ',')
			return err_set(e, E_INVAL, "expected a comma between positions");
		if ((rc = each(arg, code, number)) < 0)
			return rc;
	}
	return 0;
}

static int by_site(const void *a, const void *b)
{
	int64_t x = ((const struct position *)a)->site, y = ((const struct position *)b)->site;

	return x < y ? -1 : x > y;
}

struct gathering {
	struct listener *l;
	struct position *list;
	unsigned n, room;
	struct err *e;
};

static int gather(void *arg, const struct site *s)
{
	struct gathering *g = arg;

	if (!scope_has(g->l->x->scope, s->id))
		return 0;
	if (g->n == g->room) {
		unsigned room = g->room ? 2 * g->room : 16;
		struct position *more = realloc(g->list, room * sizeof *more);

		if (!more)
			return err_set(g->e, E_NOMEM, "no memory for a stream of events");
		g->list = more;
		g->room = room;
	}
	g->list[g->n] = (struct position){.site = s->id, .news = true};
	memcpy(g->list[g->n++].code, s->code, sizeof s->code);
	return 0;
}

/* The sites of the scope, as they are now; those that were known keep where they are. */
static int know_sites(struct listener *l, struct err *e)
{
	struct gathering g = {.l = l, .e = e};
	struct position *old;
	int rc = site_each(l->x->archive, gather, &g, e);

	if (rc < 0) {
		free(g.list);
		return rc;
	}
	if (g.n)
		qsort(g.list, g.n, sizeof *g.list, by_site);
	pthread_mutex_lock(&l->events->lock);
	for (unsigned i = 0; i < g.n; i++) {
		const struct position *was = find(l, g.list[i].site);

		if (was)
			g.list[i] = *was;
	}
	old = l->list;
	l->list = g.list;
	l->n = g.n;
	pthread_mutex_unlock(&l->events->lock);
	free(old);
	return 0;
}

static int go_to(void *arg, const char *code, uint64_t number)
{
	struct listener *l = arg;

	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->list[i].code, code) == 0)
			l->list[i].number = number;
	return 0; /* a site that has left the scope, or never was in it */
}

static int none(void *arg, const struct change *c)
{
	(void)arg;
	(void)c;
	return 1;
}

/* With what comes next. */
static int place_last(struct listener *l, struct err *e)
{
	struct change_feed feed = {.last = 0};
	int rc = 0;

	for (unsigned i = 0; rc >= 0 && i < l->n; i++) {
		rc = change_each(l->x->archive, l->list[i].site, INT64_MAX, 1, none, NULL, &feed, e);
		l->list[i].number = feed.last;
	}
	memcpy(l->feed, feed.id, sizeof l->feed);
	return rc < 0 ? rc : 0;
}

/* Behind what the client had, where it says so. */
static int place(struct listener *l, struct err *e)
{
	const char *had = http_header(l->x->http, "Last-Event-ID"), *feed;
	int rc = place_last(l, e);

	if (!had)
		had = url_query_get(&l->x->query, "since");
	if (rc < 0 || !had)
		return rc;
	for (unsigned i = 0; i < l->n; i++)
		l->list[i].number = 0;
	feed = strchr(had, '@');
	return feed && strcmp(feed + 1, l->feed) != 0 ? 0 : events_positions(had, go_to, l, e);
}

/* ---- what it says */

static int put_id(struct listener *l)
{
	bool first = true;
	int rc = buf_str(l->out, "id: ", l->e);

	for (unsigned i = 0; rc == 0 && i < l->n; i++)
		if (l->list[i].number) {
			rc = buf_printf(l->out, l->e, "%s%s:%" PRIu64, first ? "" : ",", l->list[i].code,
					l->list[i].number);
			first = false;
		}
	return rc < 0 ? rc : buf_printf(l->out, l->e, "@%s\n", l->feed);
}

static int put_change(void *arg, const struct change *c)
{
	struct listener *l = arg;
	int rc;

	l->now->number = c->number;
	l->seen++;
	if ((l->n == 1 && (rc = put_id(l)) < 0) || (rc = buf_str(l->out, "event: change\ndata: ", l->e)) < 0 ||
	    (rc = change_json(l->out, l->now->code, c, l->e)) < 0)
		return rc;
	return buf_str(l->out, "\n\n", l->e);
}

/* The next site with something new; NULL: none. */
static struct position *next_news(struct listener *l)
{
	struct position *found = NULL;

	pthread_mutex_lock(&l->events->lock);
	for (unsigned i = 0; !found && i < l->n; i++)
		if (l->list[i].news) {
			found = &l->list[i];
			found->news = false; /* before it is read: what comes later is news again */
		}
	pthread_mutex_unlock(&l->events->lock);
	return found;
}

static int tell(struct listener *l, struct position *p)
{
	struct change_feed feed;
	unsigned room = PAGE - l->seen, before = l->seen;
	int rc;

	l->now = p;
	if ((rc = change_each(l->x->archive, p->site, p->number, room, put_change, l, &feed, l->e)) < 0)
		return rc;
	if (l->seen - before >= room) {
		pthread_mutex_lock(&l->events->lock);
		p->news = true; /* there may be more */
		pthread_mutex_unlock(&l->events->lock);
	}
	return 0;
}

/* What is flagged, taken and put back under the lock. */
struct state {
	bool over, due, strangers;
};

static struct state look(struct listener *l, int64_t now)
{
	struct state s;

	pthread_mutex_lock(&l->events->lock);
	s = (struct state){l->events->halting || now - l->began_us > EVENTS_LIFE_S * 1000000LL, l->due, l->strangers};
	l->due = l->strangers = false;
	pthread_mutex_unlock(&l->events->lock);
	return s;
}

static int speak(struct listener *l, const struct state *s)
{
	struct position *p;
	int rc = 0;

	if (!l->begun && (rc = buf_str(l->out, "retry: 2000\n: listening\n\n", l->e)) < 0)
		return rc;
	l->begun = true;
	if (s->strangers && (rc = know_sites(l, l->e)) < 0)
		return rc;
	l->seen = 0;
	while (rc == 0 && l->seen < PAGE && (p = next_news(l)))
		rc = tell(l, p);
	/* of several sites the id stands once behind all, on its own: it is long, and clients take it in this way */
	if (rc == 0 && l->seen && l->n > 1 && (rc = put_id(l)) == 0)
		rc = buf_str(l->out, "\n", l->e);
	if (rc == 0 && s->due && l->out->len == 0)
		rc = buf_str(l->out, ": still here\n\n", l->e);
	return rc;
}

/* Who was let in may have been taken out since, or see other sites now: then the client has to come again. */
static bool may_listen(struct listener *l, int64_t now)
{
	if (now - l->known_us < ACCESS_TTL_US)
		return true;
	l->known_us = now;
	return exchange_still(l->x);
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct listener *l = arg;
	int64_t now = clock_mono_us();
	struct state s = look(l, now);
	int rc;

	l->out = out;
	l->e = e;
	if (s.over || !may_listen(l, now))
		return HTTP_END;
	if ((rc = speak(l, &s)) < 0)
		return rc;
	if (out->len) {
		pthread_mutex_lock(&l->events->lock);
		l->spoke_us = now;
		pthread_mutex_unlock(&l->events->lock);
	}
	return l->seen >= PAGE ? HTTP_MORE : HTTP_WAIT;
}

/* ---- coming and going */

static void leave(void *arg)
{
	struct listener *l = arg;
	struct events *v = l->events;

	pthread_mutex_lock(&v->lock);
	if (l->at) {
		*l->at = l->next;
		if (l->next)
			l->next->at = l->at;
		v->n--;
		metric_add(&listening, -1);
	}
	pthread_mutex_unlock(&v->lock);
	free(l->list);
	free(l);
}

static int enter(struct listener *l, struct err *e)
{
	struct events *v = l->events;
	unsigned same = 0;
	int rc = 0;

	pthread_mutex_lock(&v->lock);
	for (const struct listener *other = v->first; other; other = other->next)
		same += strcmp(other->x->who->subject, l->x->who->subject) == 0;
	if (v->halting || v->n >= EVENTS_ALL) {
		l->x->status = 503;
		rc = err_set(e, E_BUSY, "too many streams of events are open");
	} else if (same >= EVENTS_EACH) {
		l->x->status = 429;
		rc = err_set(e, E_BUSY, "%u streams of events are open for you already", same);
	} else {
		l->next = v->first;
		if (l->next)
			l->next->at = &l->next;
		l->at = &v->first;
		v->first = l;
		v->n++;
		metric_add(&listening, 1);
	}
	pthread_mutex_unlock(&v->lock);
	return rc;
}

int events_listen(struct exchange *x, struct err *e)
{
	static const struct http_source source = {.fill = fill, .close = leave};
	struct listener *l = calloc(1, sizeof *l);
	int64_t now = clock_mono_us();
	int rc;

	if (!l)
		return err_set(e, E_NOMEM, "no memory for a stream of events");
	*l = (struct listener){.events = x->web->events, .x = x, .began_us = now, .spoke_us = now, .known_us = now};
	/* it is known before its place is looked up, so that nothing falls between the two */
	if ((rc = know_sites(l, e)) < 0 || (rc = enter(l, e)) < 0 || (rc = place(l, e)) < 0) {
		leave(l);
		return rc;
	}
	http_add(x->http, "X-Accel-Buffering", "no"); /* nginx */
	return reply_stream(x, 200, "text/event-stream", -1, &source, l, e);
}
