/* archive/derived.c - a list of files, the ones asked for lately first. */
#include "archive/derived.h"
#include "archive/scratch.h"
#include "archive/store.h"
#include "base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct derived {
	struct derived *next;
	struct derived_cache *cache;
	uint64_t pack, record;
	char key[DERIVED_KEY];
	unsigned users;
	bool made, dropped; /* dropped: out of the list, freed with its last user */
	int rc;
	struct err why;
	int fd;
	uint64_t size;
	_Alignas(16) uint8_t about[DERIVED_ABOUT];
};
struct derived_cache {
	pthread_mutex_t lock;
	pthread_cond_t made;
	struct derived *first;
	uint64_t most;
};

static struct metric m_hits =
    METRIC(COUNTER, "teleread_derived_hits_total", "", "Copies in another form that were there already");
static struct metric m_misses =
    METRIC(COUNTER, "teleread_derived_misses_total", "", "Copies in another form that had to be made");
static struct metric m_failures =
    METRIC(COUNTER, "teleread_derived_failures_total", "", "Copies in another form that could not be made");
static struct metric m_bytes = METRIC(GAUGE, "teleread_derived_bytes", "", "Bytes of copies in another form on disk");
static struct metric m_files = METRIC(GAUGE, "teleread_derived_files", "", "Copies in another form on disk");

int derived_start(struct archive *a, uint64_t bytes, struct err *e)
{
	struct derived_cache *c = calloc(1, sizeof *c);

	if (!c)
		return err_set(e, E_NOMEM, "no memory for copies in other forms");
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->made, NULL);
	c->most = bytes;
	a->derived = c;
	metric_add(&m_hits, 0);
	metric_add(&m_misses, 0);
	return 0;
}

/* ---- the list; the lock is held */

static void destroy(struct derived *d)
{
	if (d->made && d->rc == 0) {
		metric_add(&m_bytes, -(int64_t)d->size);
		metric_add(&m_files, -1);
	}
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static void drop(struct derived **link)
{
	struct derived *d = *link;

	*link = d->next;
	d->dropped = true;
	if (d->users == 0)
		destroy(d);
}

static void trim(struct derived_cache *c, uint64_t bytes_most, unsigned files_most)
{
	uint64_t bytes = 0;
	unsigned files = 0;

	for (struct derived **link = &c->first; *link;) {
		struct derived *d = *link;

		if (!d->made) { /* its maker still writes size */
			link = &d->next;
			continue;
		}
		bytes += d->size;
		files++;
		if (d->users == 0 && (bytes > bytes_most || files > files_most)) {
			bytes -= d->size;
			files--;
			drop(link);
		} else {
			link = &d->next;
		}
	}
}

static struct derived *take(struct derived_cache *c, const struct stored *s, const char *key)
{
	for (struct derived **link = &c->first, *d; (d = *link); link = &d->next) {
		if (d->pack != s->pack || d->record != s->at || strcmp(d->key, key) != 0)
			continue;
		*link = d->next;
		d->next = c->first;
		c->first = d;
		d->users++;
		return d;
	}
	return NULL;
}

static void let_go(struct derived *d)
{
	if (--d->users > 0)
		return;
	if (d->dropped)
		destroy(d);
	else
		trim(d->cache, d->cache->most, DERIVED_MOST);
}

static void finish(struct derived *d, int rc)
{
	d->rc = rc;
	d->made = true;
	metric_add(rc < 0 ? &m_failures : &m_files, 1);
	if (rc == 0)
		metric_add(&m_bytes, (int64_t)d->size);
	pthread_cond_broadcast(&d->cache->made);
	if (rc < 0)
		for (struct derived **link = &d->cache->first; *link; link = &(*link)->next)
			if (*link == d) {
				drop(link);
				break;
			}
}

/* ---- making one */

static int make_it(struct archive *a, struct derived *d, const struct stored *s,
		   int (*make)(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e), void *arg,
		   struct err *e)
{
	char path[SCRATCH_PATH];
	struct stat st;
	int rc;

	if ((d->fd = scratch_file(a, path, e)) < 0)
		return d->fd;
	if (scratch_room(a, d->fd, s->part10_len, NULL) < 0) {
		derived_forget(a);
		if ((rc = scratch_room(a, d->fd, s->part10_len, e)) < 0)
			return rc;
	}
	if ((rc = make(arg, d->fd, d->about, e)) < 0)
		return rc;
	if (fstat(d->fd, &st) < 0)
		return err_sys(e, E_IO, "looking at a scratch file");
	d->size = (uint64_t)st.st_size;
	return 0;
}

static struct derived *new_one(struct derived_cache *c, const struct stored *s, const char *key)
{
	struct derived *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->next = c->first;
	d->cache = c;
	d->pack = s->pack;
	d->record = s->at;
	d->users = 1;
	d->fd = -1;
	snprintf(d->key, sizeof d->key, "%s", key);
	c->first = d;
	return d;
}

int derived_open(struct archive *a, const struct stored *s, const char *key,
		 int (*make)(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e), void *arg,
		 struct derived **out, struct err *e)
{
	struct derived_cache *c = a->derived;
	struct derived *d;
	int rc;

	if (strlen(key) >= DERIVED_KEY)
		return err_set(e, E_LIMIT, "a copy has too long a name");
	pthread_mutex_lock(&c->lock);
	if ((d = take(c, s, key))) {
		metric_add(&m_hits, 1);
	} else if ((d = new_one(c, s, key))) {
		pthread_mutex_unlock(&c->lock);
		metric_add(&m_misses, 1);
		rc = make_it(a, d, s, make, arg, &d->why);
		pthread_mutex_lock(&c->lock);
		finish(d, rc);
	} else {
		pthread_mutex_unlock(&c->lock);
		return err_set(e, E_NOMEM, "no memory for a copy in another form");
	}
	while (!d->made)
		pthread_cond_wait(&c->made, &c->lock);
	if ((rc = d->rc) < 0) {
		err_set(e, d->why.code, "%s", d->why.msg);
		let_go(d);
	} else {
		*out = d;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void derived_release(struct derived *d)
{
	if (!d)
		return;
	struct derived_cache *c = d->cache;
	pthread_mutex_lock(&c->lock);
	let_go(d);
	pthread_mutex_unlock(&c->lock);
}

int derived_file(const struct derived *d, uint64_t *size)
{
	*size = d->size;
	return d->fd;
}

const uint8_t *derived_about(const struct derived *d)
{
	return d->about;
}

void derived_forget(struct archive *a)
{
	pthread_mutex_lock(&a->derived->lock);
	trim(a->derived, 0, 0);
	pthread_mutex_unlock(&a->derived->lock);
}

void derived_stop(struct archive *a)
{
	struct derived_cache *c = a->derived;

	if (!c)
		return;
	derived_forget(a);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->made);
	free(c);
	a->derived = NULL;
}
