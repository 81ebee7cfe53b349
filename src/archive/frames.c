/* archive/frames.c - tables of frames in memory, the ones used last; and where a frame lies. */
#include "archive/frames.h"
#include "archive/frames_cache.h"
#include "archive/frames_read.h"
#include "archive/lookup.h"
#include "archive/store.h"
#include "base/log.h"
#include "base/metrics.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUCKETS = 8192 };

struct frame_cache {
	pthread_mutex_t lock;
	struct frame_table *buckets[BUCKETS], *newest, *oldest;
	size_t bytes;
};

struct frame_cache *frame_cache_new(void)
{
	struct frame_cache *c = calloc(1, sizeof *c);
	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void frame_cache_free(struct frame_cache *c)
{
	if (!c)
		return;
	for (struct frame_table *t = c->oldest, *next; t; t = next) {
		next = t->newer;
		frames_close(t);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* A record's place is given to one record only, ever: what is known of it stays true. */
static struct frame_table **bucket(struct frame_cache *c, uint64_t pack, uint64_t at)
{
	const uint64_t key[2] = {pack, at};
	return &c->buckets[XXH3_64bits(key, sizeof key) % BUCKETS];
}

static void leave_row(struct frame_cache *c, struct frame_table *t)
{
	*(t->newer ? &t->newer->older : &c->newest) = t->older;
	*(t->older ? &t->older->newer : &c->oldest) = t->newer;
}

static void enter_row(struct frame_cache *c, struct frame_table *t)
{
	t->older = c->newest;
	t->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = t;
	c->newest = t;
}

static struct frame_table *find(struct frame_cache *c, uint64_t pack, uint64_t at)
{
	struct frame_table *t = *bucket(c, pack, at);
	while (t && (t->pack != pack || t->at != at))
		t = t->chain;
	return t;
}

static void evict(struct frame_cache *c, struct frame_table *t)
{
	struct frame_table **link = bucket(c, t->pack, t->at);
	while (*link != t)
		link = &(*link)->chain;
	*link = t->chain;
	leave_row(c, t);
	c->bytes -= frames_bytes(t);
	frames_close(t);
}

/* Lock held. */
static struct frame_table *take(struct frame_cache *c, uint64_t pack, uint64_t at)
{
	struct frame_table *t = find(c, pack, at);
	if (!t)
		return NULL;
	leave_row(c, t);
	enter_row(c, t);
	atomic_fetch_add(&t->refs, 1);
	return t;
}

struct frame_table *frame_cache_get(struct frame_cache *c, uint64_t pack, uint64_t at, bool wait)
{
	if (wait)
		pthread_mutex_lock(&c->lock);
	else if (pthread_mutex_trylock(&c->lock))
		return NULL;
	struct frame_table *t = take(c, pack, at);
	pthread_mutex_unlock(&c->lock);
	return t;
}

void frame_cache_put(struct frame_cache *c, struct frame_table *t)
{
	size_t bytes = frames_bytes(t);
	if (bytes > FRAMES_KEPT)
		return;
	pthread_mutex_lock(&c->lock);
	if (!find(c, t->pack, t->at)) { /* else somebody else was quicker */
		struct frame_table **to = bucket(c, t->pack, t->at);
		while (c->bytes + bytes > FRAMES_KEPT)
			evict(c, c->oldest);
		t->chain = *to;
		*to = t;
		enter_row(c, t);
		c->bytes += bytes;
		atomic_fetch_add(&t->refs, 1);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- from a record */

struct stored_source {
	struct archive *archive;
	const struct stored *stored;
	int fd; /* for hints alone; -1: not opened yet, -2: there is none */
	uint64_t at;
};

static int64_t source_read(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	struct stored_source *s = arg;
	return stored_read(s->archive, s->stored, at, buf, n, e);
}

static void source_ahead(void *arg, uint64_t at, size_t n)
{
	struct stored_source *s = arg;
	if (s->fd == -1 && stored_descriptor(s->archive, s->stored, &s->fd, &s->at, NULL) < 0)
		s->fd = -2;
	if (s->fd >= 0 && at < s->stored->part10_len)
		posix_fadvise(s->fd, (off_t)(s->at + at), (off_t)n, POSIX_FADV_WILLNEED);
}

#define HELP "Tables of frames: known, read from the appendix of a settled instance, or made of its pixel data"
static struct metric m_known = METRIC(COUNTER, "teleread_frame_tables_total", "from=\"memory\"", HELP);
static struct metric m_carried = METRIC(COUNTER, "teleread_frame_tables_total", "from=\"appendix\"", HELP);
static struct metric m_walked = METRIC(COUNTER, "teleread_frame_tables_total", "from=\"pixels\"", HELP);

int frames_known(struct archive *a, const struct stored *s, struct frame_table **out)
{
	struct frame_table *t = frame_cache_get(a->frames, s->pack, s->at, false);
	if (!t)
		return 0;
	metric_add(&m_known, 1);
	*out = t;
	return 1;
}

static int64_t appendix_read_at(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct stored_source *s = arg;
	return stored_appendix(s->archive, s->stored, at, buf, n, e);
}

/* 1: it carries none that can be believed. */
static int carried(struct archive *a, const struct stored *s, struct frame_table **out, struct err *e)
{
	struct stored_source from = {.archive = a, .stored = s, .fd = -1};
	const struct frame_source src = {.read = appendix_read_at, .arg = &from, .size = s->appendix_n};
	struct err why = {0};
	int rc = s->appendix_n > 0 ? frames_appendix(&src, s->part10_len, out, &why) : 1;
	if (rc == -E_CORRUPT || rc == -E_NOENT) {
		log_warn("instance %s: %s; its frames are looked for in the pixel data", s->sop_instance, why.msg);
		return 1;
	}
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	if (rc == 0)
		metric_add(&m_carried, 1);
	return rc;
}

static int walked(struct archive *a, const struct stored *s, struct frame_table **out, struct err *e)
{
	struct stored_source from = {.archive = a, .stored = s, .fd = -1};
	const struct frame_source src = {
	    .read = source_read, .ahead = source_ahead, .arg = &from, .size = s->part10_len, .data_at = s->head_len};
	int rc = frames_read(&src, s->syntax, out, e);
	if (from.fd >= 0)
		close(from.fd);
	if (rc == 0)
		metric_add(&m_walked, 1);
	return rc;
}

int frames_open(struct archive *a, const struct stored *s, struct frame_table **out, struct err *e)
{
	struct frame_table *t = frame_cache_get(a->frames, s->pack, s->at, true);
	if (t) {
		metric_add(&m_known, 1);
	} else {
		int rc = carried(a, s, &t, e);
		if (rc > 0)
			rc = walked(a, s, &t, e);
		if (rc < 0)
			return rc;
		t->pack = s->pack;
		t->at = s->at;
		frame_cache_put(a->frames, t);
	}
	*out = t;
	return 0;
}

const struct frames *frames_of(const struct frame_table *t)
{
	return &t->about;
}

int64_t frames_locate(const struct frame_table *t, uint64_t frame, struct frame_piece *out, size_t most, struct err *e)
{
	const struct frames *f = &t->about;
	if (frame >= f->n)
		return err_set(e, E_NOENT, "there is no frame %" PRIu64 " of %" PRIu64, frame + 1, f->n);
	if (!f->encapsulated) {
		uint64_t from = frame * f->frame_bits, to = from + f->frame_bits;
		if (most > 0)
			*out = (struct frame_piece){f->value_at + from / 8, (to + 7) / 8 - from / 8};
		return 1;
	}
	size_t from = t->first ? t->first[frame] : (size_t)frame;
	size_t n = t->first ? t->first[frame + 1] - from : 1;
	for (size_t i = 0; i < n && i < most; i++)
		out[i] = t->fragments[from + i];
	return (int64_t)n;
}

unsigned frames_cuts(const struct frame_table *t, uint64_t frame, uint64_t cuts[APPENDIX_CUTS])
{
	if (!t->cuts || frame >= t->about.n)
		return 0;
	for (unsigned i = 0; i < t->n_cuts; i++)
		cuts[i] = t->cuts[frame * t->n_cuts + i];
	return t->n_cuts;
}

void frames_close(struct frame_table *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	free(t->fragments);
	free(t->first);
	free(t->cuts);
	free(t);
}
