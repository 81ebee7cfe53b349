#include "archive/packer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ZERO_STEP = 4 << 20, IDLE_MS = 100, SHARE = 32 };

struct open_pack {
	struct open_pack *next; /* in packer.spare */
	struct blob_writer *writer;
	uint64_t id, tail; /* next free offset */
	uint64_t zeroed;   /* zeros are written below this */
	uint64_t zeroing;  /* and are being written up to this */
	unsigned users;    /* places reserved and not yet done */
	bool retired, bad;
};
struct packer {
	struct blob_store *store;
	uint64_t pack_size, most_ahead, reserve;
	pthread_mutex_t lock;
	pthread_cond_t work, zeroed;
	pthread_t thread;
	struct open_pack *current, *spare; /* spare: made ahead, in order of id */
	uint64_t next_id, taken;           /* bytes placed so far */
	uint64_t floor;                    /* of packs retired but not sealed; UINT64_MAX: none */
	unsigned retiring;
	uint64_t *own; /* ids of open packs of one record */
	size_t n_own, room_own;
	bool stop, asleep; /* asleep: the thread waits for something to be placed */
};

static struct metric m_ahead =
    METRIC(GAUGE, "teleread_pack_ahead_bytes", "", "Bytes of packs written with zeros ahead of the tail");
static struct metric m_packs = METRIC(COUNTER, "teleread_packs_total", "", "Packs begun by this process");

static int pack_begin(struct packer *p, uint64_t id, struct open_pack **out, struct err *e)
{
	uint8_t head[PACK_BLOCK];
	struct open_pack *k = calloc(1, sizeof *k);
	if (!k)
		return err_set(e, E_NOMEM, "no memory for a pack");
	int rc = p->store->ops->create(p->store, id, &k->writer, e);
	if (rc < 0) {
		free(k);
		return rc;
	}
	pack_header(id, PACK_SHARED, clock_wall_us(), head);
	rc = p->store->ops->write(k->writer, head, sizeof head, 0, e);
	if (rc < 0) {
		p->store->ops->abort(k->writer);
		free(k);
		return rc;
	}
	k->id = id;
	k->tail = k->zeroed = k->zeroing = PACK_BLOCK;
	metric_add(&m_packs, 1);
	*out = k;
	return 0;
}

static void pack_seal(struct packer *p, struct open_pack *k)
{
	struct err e = {0};
	if (k->tail == PACK_BLOCK)
		p->store->ops->abort(k->writer); /* nothing was ever placed */
	else if (k->bad)
		p->store->ops->drop(k->writer);
	else if (p->store->ops->seal(k->writer, k->tail, &e) < 0)
		log_warn("pack %llu is complete but could not be cut to size: %s", (unsigned long long)k->id, e.msg);
	free(k);
}

/* How far ahead zeros are there: the rest of the current pack and the spare ones. Lock held. */
static uint64_t ahead_now(const struct packer *p)
{
	uint64_t n = 0;
	if (p->current && p->current->zeroed > p->current->tail)
		n += p->current->zeroed - p->current->tail;
	for (const struct open_pack *k = p->spare; k; k = k->next)
		n += k->zeroed - PACK_BLOCK;
	return n;
}

/* The configured most, but never more than a 1/SHARE of the free space. */
static uint64_t ahead_wanted(const struct packer *p)
{
	int64_t room = p->store->ops->room(p->store, NULL);
	uint64_t share = room > 0 ? (uint64_t)room / SHARE : 0;
	return share < p->most_ahead ? share : p->most_ahead;
}

/* The pack whose next stretch should be zeroed, or NULL. Lock held. */
static struct open_pack *zero_candidate(struct packer *p)
{
	struct open_pack *c = p->current;
	if (c && c->zeroed < c->tail) /* overtaken */
		c->zeroed = c->zeroing = c->tail;
	if (c && c->zeroed < p->pack_size)
		return c;
	for (struct open_pack *k = p->spare; k; k = k->next)
		if (k->zeroed < p->pack_size)
			return k;
	return NULL;
}

static bool room_for(struct packer *p, uint64_t n)
{
	int64_t room = p->store->ops->room(p->store, NULL);
	return room > 0 && (uint64_t)room > p->reserve * 2 + n;
}

static void append_spare(struct packer *p, struct open_pack *k)
{
	struct open_pack **end = &p->spare;
	while (*end)
		end = &(*end)->next;
	*end = k;
}

/* A user of a pack goes; the last one out of a retired pack seals it. Lock held on entry and exit. */
static void leave(struct packer *p, struct open_pack *k)
{
	if (--k->users || !k->retired)
		return;
	if (--p->retiring == 0)
		p->floor = UINT64_MAX;
	pthread_mutex_unlock(&p->lock);
	pack_seal(p, k);
	pthread_mutex_lock(&p->lock);
}

/* One step of writing ahead. Lock held on entry and exit; false when there was nothing to do. */
static bool zero_step(struct packer *p)
{
	if (ahead_now(p) >= ahead_wanted(p) || !room_for(p, ZERO_STEP))
		return false;
	struct open_pack *k = zero_candidate(p);
	if (!k) {
		uint64_t id = p->next_id;
		if (pack_begin(p, id, &k, NULL) < 0)
			return false;
		p->next_id++;
		append_spare(p, k);
	}
	uint64_t from = k->zeroed, to = from + ZERO_STEP < p->pack_size ? from + ZERO_STEP : p->pack_size;
	k->zeroing = to;
	k->users++; /* stays open while the lock is let go */
	pthread_mutex_unlock(&p->lock);
	int rc = p->store->ops->prewrite(k->writer, from, to - from, NULL);
	pthread_mutex_lock(&p->lock);
	if (rc == 0)
		k->zeroed = to;
	k->zeroing = k->zeroed;
	pthread_cond_broadcast(&p->zeroed);
	leave(p, k);
	metric_set(&m_ahead, (int64_t)ahead_now(p));
	return rc == 0;
}

static void *zero_thread(void *arg)
{
	struct packer *p = arg;
	uint64_t seen = 0;
	log_context("packer");
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (p->taken != seen) {
			seen = p->taken;
			clock_wait(&p->work, &p->lock, clock_mono_us() + IDLE_MS * 1000);
		} else if (!zero_step(p)) {
			p->asleep = true;
			pthread_cond_wait(&p->work, &p->lock);
			p->asleep = false;
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int packer_open(struct blob_store *s, const struct config *c, uint64_t first_pack, struct packer **out, struct err *e)
{
	struct packer *p = calloc(1, sizeof *p);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for the packer");
	p->store = s;
	p->pack_size = pack_round((uint64_t)(c->pack_size > 4 * c->buffer ? c->pack_size : 4 * c->buffer));
	p->most_ahead = (uint64_t)c->prewrite;
	p->reserve = (uint64_t)c->reserve;
	p->next_id = first_pack;
	p->floor = UINT64_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->zeroed, NULL);
	if (pthread_create(&p->thread, NULL, zero_thread, p)) {
		free(p);
		return err_set(e, E_NOMEM, "cannot start the packer's thread");
	}
	*out = p;
	return 0;
}

static void drop_spares(struct packer *p)
{
	struct open_pack **at = &p->spare;
	while (*at) {
		struct open_pack *k = *at;
		if (k->users) { /* being zeroed just now */
			at = &k->next;
			continue;
		}
		*at = k->next;
		p->store->ops->abort(k->writer);
		free(k);
	}
	metric_set(&m_ahead, (int64_t)ahead_now(p));
}

uint64_t packer_close(struct packer *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	drop_spares(p);
	if (p->current)
		pack_seal(p, p->current);
	uint64_t next = p->next_id;
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->zeroed);
	free(p->own);
	free(p);
	return next;
}

/* The current pack is full or bad: it is sealed when its last user is done. Lock held. */
static void retire_current(struct packer *p)
{
	struct open_pack *k = p->current;
	p->current = NULL;
	k->retired = true;
	if (k->users) {
		p->retiring++;
		if (k->id < p->floor)
			p->floor = k->id;
	} else {
		pack_seal(p, k);
	}
}

static int take_current(struct packer *p, struct err *e)
{
	if (p->spare) {
		p->current = p->spare;
		p->spare = p->current->next;
		p->current->next = NULL;
		return 0;
	}
	int rc = pack_begin(p, p->next_id, &p->current, e);
	p->next_id++; /* a failed id is not tried again: its file may be there */
	return rc;
}

int packer_reserve(struct packer *p, uint64_t n, struct open_pack **pack, uint64_t *at, struct err *e)
{
	int rc = 0;
	pthread_mutex_lock(&p->lock);
	if (p->current && (p->current->bad || p->current->tail + n > p->pack_size))
		retire_current(p);
	if (!p->current)
		rc = take_current(p, e);
	if (rc == 0) {
		struct open_pack *k = p->current;
		k->users++; /* before any waiting: it must not be sealed under us */
		uint64_t place = k->tail;
		k->tail += n;
		p->taken += n;
		while (k->zeroing > k->zeroed && place < k->zeroing && place + n > k->zeroed)
			pthread_cond_wait(&p->zeroed, &p->lock); /* zeros are on their way to just here */
		*pack = k;
		*at = place;
		if (p->asleep)
			pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int packer_write(struct open_pack *pack, const void *data, size_t n, uint64_t at, struct err *e)
{
	return pack->writer->store->ops->write(pack->writer, data, n, at, e);
}

void packer_blank(struct open_pack *pack, uint64_t at)
{
	static const _Alignas(PACK_BLOCK) uint8_t zeros[PACK_BLOCK];
	packer_write(pack, zeros, sizeof zeros, at, NULL);
}

uint64_t open_pack_id(const struct open_pack *pack)
{
	return pack->id;
}

int packer_sync(struct packer *p, struct open_pack *pack, struct err *e)
{
	int rc = p->store->ops->sync(pack->writer, e);
	if (rc < 0) {
		pthread_mutex_lock(&p->lock);
		pack->bad = true;
		pthread_mutex_unlock(&p->lock);
		log_error("pack %llu: %s; no more is written to it", (unsigned long long)pack->id, e ? e->msg : "");
	}
	return rc;
}

bool packer_is_bad(struct packer *p, const struct open_pack *pack)
{
	pthread_mutex_lock(&p->lock);
	bool bad = pack->bad;
	pthread_mutex_unlock(&p->lock);
	return bad;
}

void packer_done(struct packer *p, struct open_pack *pack)
{
	pthread_mutex_lock(&p->lock);
	leave(p, pack);
	pthread_mutex_unlock(&p->lock);
}

int packer_take_id(struct packer *p, uint64_t *id, struct err *e)
{
	int rc = 0;
	pthread_mutex_lock(&p->lock);
	if (p->n_own == p->room_own) {
		size_t room = p->room_own ? p->room_own * 2 : 64;
		uint64_t *own = reallocarray(p->own, room, sizeof *own);
		if (own) {
			p->own = own;
			p->room_own = room;
		} else {
			rc = err_set(e, E_NOMEM, "no memory for the list of open packs");
		}
	}
	if (rc == 0)
		*id = p->own[p->n_own++] = p->next_id++;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

void packer_give_id(struct packer *p, uint64_t id)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n_own; i++)
		if (p->own[i] == id) {
			p->own[i] = p->own[--p->n_own];
			break;
		}
	pthread_mutex_unlock(&p->lock);
}

uint64_t packer_floor(struct packer *p)
{
	pthread_mutex_lock(&p->lock);
	uint64_t f = p->current ? p->current->id : p->spare ? p->spare->id : p->next_id;
	if (p->floor < f)
		f = p->floor;
	for (size_t i = 0; i < p->n_own; i++)
		if (p->own[i] < f)
			f = p->own[i];
	pthread_mutex_unlock(&p->lock);
	return f;
}

void packer_shrink(struct packer *p)
{
	pthread_mutex_lock(&p->lock);
	drop_spares(p);
	pthread_mutex_unlock(&p->lock);
}
