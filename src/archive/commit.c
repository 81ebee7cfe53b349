/* The committer: one thread that takes finished instances in order of sequence number, a group at a time: one sync for
 * the group's bytes, one index transaction, then everybody's answer. */
#include "archive/event.h"
#include "archive/lookup_cache.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_MOST = 256, FOLD_EVERY = 4096, FOLD_STEP = 2048, IDLE_MS = 500, CHECKPOINT_EVERY = 8192 };

struct committer {
	struct archive *archive;
	pthread_mutex_t lock;
	pthread_cond_t ready;
	pthread_t thread;
	struct place *first, *last; /* queue in order of seq */
	uint64_t next_seq;
	bool behind; /* records are durable that could not be indexed; the committer's own while it runs */
	bool stop;
	unsigned unfolded, unchecked; /* instances since the last fold and checkpoint; the committer's own */
};

static struct metric m_group = METRIC(COUNTER, "teleread_commit_groups_total", "", "Groups made durable with one sync");
static struct metric m_items = METRIC(COUNTER, "teleread_commit_instances_total", "", "Instances in those groups");
static struct metric m_sync = METRIC(SECONDS, "teleread_commit_sync_seconds", "", "Syncing a group's bytes");
static struct metric m_index =
    METRIC(SECONDS, "teleread_commit_index_seconds", "", "Indexing a group, its sync included");
static struct metric m_failed = METRIC(COUNTER, "teleread_commit_failed_total", "", "Instances that could not be kept");

int committer_enter(struct committer *c, uint64_t n, struct place *p, struct err *e)
{
	int rc = 0;
	pthread_mutex_lock(&c->lock);
	if (n)
		rc = packer_reserve(c->archive->packer, n, &p->pack, &p->at, e);
	if (rc == 0) {
		p->seq = c->next_seq++;
		p->next = NULL;
		p->state = PLACE_WRITING;
		sem_init(&p->done, 0, 0);
		*(c->first ? &c->last->next : &c->first) = p;
		c->last = p;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void committer_ready(struct committer *c, struct place *p, enum place_state state)
{
	pthread_mutex_lock(&c->lock);
	p->state = state;
	bool head = c->first == p;
	pthread_mutex_unlock(&c->lock);
	if (head)
		pthread_cond_signal(&c->ready);
}

bool committer_done(struct place *p)
{
	int posted = 0;
	return sem_getvalue(&p->done, &posted) == 0 && posted > 0;
}

int committer_wait(struct place *p, struct err *e)
{
	while (sem_wait(&p->done) < 0 && errno == EINTR)
		;
	sem_destroy(&p->done);
	if (p->rc < 0 && e)
		*e = p->err;
	return p->rc;
}

/* Marks everything of one shared pack in the group as failed, and blanks what was placed: it was never acknowledged. */
static void fail_pack(struct place **group, unsigned n, const struct open_pack *pack, const struct err *why)
{
	for (unsigned i = 0; i < n; i++)
		if (group[i]->pack == pack && group[i]->rc == 0) {
			packer_blank(group[i]->pack, group[i]->at);
			group[i]->rc = -(int)why->code;
			group[i]->err = *why;
		}
}

static void sync_group(struct committer *c, struct place **group, unsigned n)
{
	struct open_pack *synced = NULL;
	struct packer *packer = c->archive->packer;
	int64_t start = clock_mono_us();
	for (unsigned i = 0; i < n; i++) {
		struct open_pack *k = group[i]->pack;
		struct err e = {0};
		if (group[i]->rc < 0 || !k || k == synced) /* a group meets at most a few packs, one after the other */
			continue;
		if (packer_is_bad(packer, k))
			err_set(&e, E_IO, "the pack could not be synced before");
		else
			packer_sync(packer, k, &e);
		if (e.code)
			fail_pack(group, n, k, &e);
		else
			synced = k;
	}
	metric_observe(&m_sync, clock_mono_us() - start);
}

/* Decisions were prepared from an index that lacked something. */
static int prepare_again(struct committer *c, struct db_conn *w, struct place **group, unsigned n, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < n && rc == 0; i++)
		if (group[i]->rc == 0 && group[i]->event) {
			event_cleanup(group[i]->event);
			rc = event_prepare(c->archive, w, group[i]->event, e);
		}
	return rc;
}

static int index_items(struct committer *c, struct db_conn *w, struct place **group, unsigned n, bool caught_up,
		       struct err *e)
{
	int rc = db_begin(w, e);
	if (rc == 0 && caught_up)
		rc = prepare_again(c, w, group, n, e);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		if (group[i]->rc < 0)
			continue;
		struct err one = {0};
		int put = group[i]->event ? event_apply(c->archive, w, group[i]->event, &one)
					  : index_put(w, group[i]->item, &one);
		if (put == -E_FULL || put == -E_IO || put == -E_CORRUPT)
			rc = err_set(e, one.code, "%s", one.msg); /* the index itself: none of the group */
		else if (put < 0) {
			group[i]->rc = put;
			group[i]->err = one;
			if (group[i]->pack) /* a pack of its own goes as a whole */
				packer_blank(group[i]->pack, group[i]->at);
			log_error("record %llu could not be indexed: %s", (unsigned long long)group[i]->seq, one.msg);
		}
	}
	if (rc == 0)
		rc = index_set_through(w, group[n - 1]->seq, packer_floor(c->archive->packer), e);
	fault_point("before-commit");
	return rc == 0 ? db_commit(w, e) : rc;
}

/* What could not be indexed comes before what follows it: order is all that decides between records. */
static int catch_up(struct committer *c, uint64_t before, struct err *e)
{
	int rc = c->behind ? recover_before(c->archive, before, e) : 0;
	if (rc == 0)
		c->behind = false;
	return rc;
}

/* Decisions take instances away; so may those among what was caught up with. */
static void forget(struct committer *c, struct place **group, unsigned n, bool caught_up)
{
	bool any = caught_up;
	for (unsigned i = 0; i < n; i++)
		any |= group[i]->event && !group[i]->event->settle;
	if (any)
		lookup_cache_forget(c->archive->lookups);
	for (unsigned i = 0; i < n && !any; i++)
		if (group[i]->event)
			lookup_cache_forget_series(c->archive->lookups, group[i]->event->decision.series);
}

/* Whoever follows the feeds of changes. What was caught up with may be of any site. */
static void tell(struct committer *c, struct place **group, unsigned n, bool committed, bool caught_up)
{
	struct change_sites news = {.any = caught_up};
	for (unsigned i = 0; i < n && committed; i++) {
		const struct event *ev = group[i]->event;
		if (group[i]->rc < 0)
			continue;
		if (!ev && group[i]->item->outcome == INTAKE_STORED)
			change_note(&news, group[i]->item->site);
		for (unsigned k = 0; ev && k < ev->news.n; k++)
			change_note(&news, ev->news.sites[k]);
		news.any |= ev && ev->news.any;
	}
	change_tell(c->archive, &news);
}

static void index_group(struct committer *c, struct place **group, unsigned n)
{
	struct err e = {0};
	struct db_conn *w = NULL;
	int64_t start = clock_mono_us();
	bool any = false;
	for (unsigned i = 0; i < n; i++)
		any |= group[i]->rc == 0;
	if (!any)
		return;
	bool behind = c->behind;
	int rc = catch_up(c, group[0]->seq, &e);
	if (rc == 0)
		rc = db_get(c->archive->db, DB_WRITE, &w, &e);
	if (rc == 0)
		rc = index_items(c, w, group, n, behind, &e);
	db_put(w); /* rolls back what was not committed */
	forget(c, group, n, behind);
	tell(c, group, n, rc == 0, behind);
	if (rc < 0) {
		log_error("a group of %u instances could not be indexed: %s", n, e.msg);
		c->behind = true; /* durable: the next group, or the next start, finds them in the packs */
		for (unsigned i = 0; i < n; i++)
			if (group[i]->rc == 0) {
				group[i]->rc = rc;
				group[i]->err = e;
				group[i]->kept = true;
			}
	}
	metric_observe(&m_index, clock_mono_us() - start);
}

static void commit_group(struct committer *c, struct place **group, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		group[i]->rc = 0;
		if (group[i]->state == PLACE_FAILED) {
			group[i]->rc = -E_IO;
			err_set(&group[i]->err, E_IO, "the record could not be written");
		}
	}
	fault_point("before-sync");
	sync_group(c, group, n);
	fault_point("after-sync");
	index_group(c, group, n);
	fault_point("after-commit");
	metric_add(&m_group, 1);
	for (unsigned i = 0; i < n; i++) {
		metric_add(group[i]->rc < 0 ? &m_failed : &m_items, 1);
		if (group[i]->pack)
			packer_done(c->archive->packer, group[i]->pack);
	}
	c->unfolded += n;
	c->unchecked += n;
}

/* Takes the finished ones from the head of the queue. Lock held. */
static unsigned take_group(struct committer *c, struct place **group)
{
	unsigned n = 0;
	while (n < GROUP_MOST && c->first && c->first->state != PLACE_WRITING) {
		group[n++] = c->first;
		c->first = c->first->next;
	}
	return n;
}

/* When nothing waits, or after many instances: counts are folded and the index's log is written back. */
static void keep_house(struct committer *c, bool idle)
{
	struct err e = {0};
	if (c->unfolded && (idle || c->unfolded >= FOLD_EVERY)) {
		int rc = index_fold(c->archive->db, FOLD_STEP, &e);
		if (rc < 0)
			log_warn("counts could not be folded: %s", e.msg);
		if (rc < FOLD_STEP)
			c->unfolded = 0;
	}
	if (c->unchecked && (idle || c->unchecked >= CHECKPOINT_EVERY)) {
		if (db_checkpoint(c->archive->db, &e) < 0)
			log_warn("the index's log could not be written back: %s", e.msg);
		c->unchecked = 0;
	}
}

/* Waits for work; false after IDLE_MS without any. Lock held. */
static bool wait_ready(struct committer *c)
{
	int64_t until = clock_mono_us() + IDLE_MS * 1000;
	while (!(c->first && c->first->state != PLACE_WRITING)) {
		bool settled = !c->unfolded && !c->unchecked;
		if (c->stop && !c->first)
			return false;
		if (settled)
			pthread_cond_wait(&c->ready, &c->lock);
		else if (clock_wait(&c->ready, &c->lock, until) == ETIMEDOUT)
			return false;
	}
	return true;
}

static void *commit_thread(void *arg)
{
	struct committer *c = arg;
	struct place *group[GROUP_MOST];
	log_context("commit");
	pthread_mutex_lock(&c->lock);
	while (!c->stop || c->first) {
		bool work = wait_ready(c);
		unsigned n = work ? take_group(c, group) : 0;
		pthread_mutex_unlock(&c->lock);
		if (n)
			commit_group(c, group, n);
		for (unsigned i = 0; i < n; i++)
			sem_post(&group[i]->done); /* and it is gone */
		keep_house(c, !work);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int committer_start(struct archive *a, uint64_t next_seq, struct committer **out, struct err *e)
{
	struct committer *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(e, E_NOMEM, "no memory for the committer");
	c->archive = a;
	c->next_seq = next_seq;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->ready, NULL);
	if (pthread_create(&c->thread, NULL, commit_thread, c)) {
		free(c);
		return err_set(e, E_NOMEM, "cannot start the committer's thread");
	}
	*out = c;
	return 0;
}

uint64_t committer_stop(struct committer *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->ready);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	while (index_fold(c->archive->db, FOLD_STEP, NULL) == FOLD_STEP)
		;
	uint64_t next = c->behind ? 0 : c->next_seq; /* 0: the next start must look */
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->ready);
	free(c);
	return next;
}
