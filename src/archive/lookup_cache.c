/* archive/lookup_cache.c - sets of a few entries each; locks are shared by sets. */
#include "archive/lookup_cache.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { LOCKS = 64, TEXTS = 6, SERIES = 4 };

/* A struct stored with its texts packed: a fifth of the room for most. */
struct entry {
	uint64_t hash, generation, used;
	int64_t site;
	uint64_t pack, at, part10_len;
	uint32_t head_len;
	uint8_t digest[16], received_digest[16];
	uint64_t appendix_n, received_len;
	bool settled;
	char texts[]; /* SOP instance, SOP class, transfer syntax, study, series, syntax received, each with its NUL */
};
struct lock {
	pthread_mutex_t mutex;
	uint64_t clock;
};
struct lookup_cache {
	_Atomic uint64_t generation; /* the low half counts what was forgotten of single series */
	struct lock locks[LOCKS];
	struct entry *entries[LOOKUP_SETS][LOOKUP_WAYS];
};

struct lookup_cache *lookup_cache_new(void)
{
	struct lookup_cache *c = calloc(1, sizeof *c);
	for (unsigned i = 0; c && i < LOCKS; i++)
		pthread_mutex_init(&c->locks[i].mutex, NULL);
	return c;
}

void lookup_cache_free(struct lookup_cache *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < LOOKUP_SETS; i++)
		for (unsigned k = 0; k < LOOKUP_WAYS; k++)
			free(c->entries[i][k]);
	for (unsigned i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->locks[i].mutex);
	free(c);
}

static const char *text_at(const struct entry *n, unsigned i)
{
	const char *text = n->texts;
	while (i-- > 0)
		text += strlen(text) + 1;
	return text;
}

static void unpack(const struct entry *n, struct stored *out)
{
	char *const to[TEXTS] = {out->sop_instance, out->sop_class, out->syntax,
				 out->study,        out->series,    out->received_syntax};
	const char *from = n->texts;
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < TEXTS; i++) {
		size_t len = strlen(from) + 1;
		memcpy(to[i], from, len);
		from += len;
	}
	out->site = n->site;
	out->pack = n->pack;
	out->at = n->at;
	out->part10_len = n->part10_len;
	out->head_len = n->head_len;
	out->settled = n->settled;
	out->appendix_n = n->appendix_n;
	out->appendix_at = n->appendix_n ? n->at + n->part10_len : 0;
	out->received_len = n->received_len;
	memcpy(out->digest, n->digest, sizeof out->digest);
	memcpy(out->received_digest, n->received_digest, sizeof out->received_digest);
}

static bool same_generation(uint64_t a, uint64_t b)
{
	return a >> 32 == b >> 32;
}

uint64_t lookup_cache_generation(struct lookup_cache *c)
{
	return atomic_load(&c->generation);
}

void lookup_cache_forget(struct lookup_cache *c)
{
	if (c)
		atomic_fetch_add(&c->generation, 1ULL << 32);
}

static void forget_set(struct lookup_cache *c, unsigned set, const char *series)
{
	for (unsigned k = 0; k < LOOKUP_WAYS; k++) {
		struct entry **n = &c->entries[set][k];
		if (*n && strcmp(text_at(*n, SERIES), series) == 0) {
			free(*n);
			*n = NULL;
		}
	}
}

void lookup_cache_forget_series(struct lookup_cache *c, const char *series)
{
	if (!c)
		return;
	atomic_fetch_add(&c->generation, 1); /* who read the index before does not put it in any more */
	for (unsigned i = 0; i < LOOKUP_SETS; i++) {
		pthread_mutex_lock(&c->locks[i % LOCKS].mutex);
		forget_set(c, i, series);
		pthread_mutex_unlock(&c->locks[i % LOCKS].mutex);
	}
}

static uint64_t hash_of(const char *sop_instance)
{
	return XXH3_64bits(sop_instance, strlen(sop_instance));
}

static struct entry *pack(const struct stored *s, uint64_t hash, uint64_t generation)
{
	const char *const from[TEXTS] = {s->sop_instance, s->sop_class, s->syntax,
					 s->study,        s->series,    s->received_syntax};
	size_t room = 0;
	for (unsigned i = 0; i < TEXTS; i++)
		room += strlen(from[i]) + 1;
	struct entry *n = malloc(sizeof *n + room);
	if (!n)
		return NULL;
	*n = (struct entry){.hash = hash,
			    .generation = generation,
			    .site = s->site,
			    .pack = s->pack,
			    .at = s->at,
			    .part10_len = s->part10_len,
			    .head_len = s->head_len,
			    .appendix_n = s->appendix_n,
			    .received_len = s->received_len,
			    .settled = s->settled};
	memcpy(n->digest, s->digest, sizeof n->digest);
	memcpy(n->received_digest, s->received_digest, sizeof n->received_digest);
	char *to = n->texts;
	for (unsigned i = 0; i < TEXTS; i++) {
		size_t len = strlen(from[i]) + 1;
		memcpy(to, from[i], len);
		to += len;
	}
	return n;
}

int lookup_cache_get(struct lookup_cache *c, const char *sop_instance, bool wait, struct stored *out)
{
	uint64_t hash = hash_of(sop_instance), generation = lookup_cache_generation(c);
	struct entry **set = c->entries[hash % LOOKUP_SETS];
	struct lock *l = &c->locks[hash % LOCKS];
	int found = 0;
	if (wait)
		pthread_mutex_lock(&l->mutex);
	else if (pthread_mutex_trylock(&l->mutex))
		return 0;
	for (unsigned i = 0; i < LOOKUP_WAYS && !found; i++)
		if (set[i] && set[i]->hash == hash && same_generation(set[i]->generation, generation) &&
		    strcmp(set[i]->texts, sop_instance) == 0) {
			set[i]->used = ++l->clock;
			unpack(set[i], out);
			found = 1;
		}
	pthread_mutex_unlock(&l->mutex);
	return found;
}

void lookup_cache_put(struct lookup_cache *c, uint64_t generation, const struct stored *s)
{
	uint64_t hash = hash_of(s->sop_instance);
	struct entry **set = c->entries[hash % LOOKUP_SETS], **slot = NULL, *old;
	struct lock *l = &c->locks[hash % LOCKS];
	struct entry *n = pack(s, hash, generation);
	if (!n)
		return; /* the next one who asks tries again */
	pthread_mutex_lock(&l->mutex);
	if (lookup_cache_generation(c) != generation) { /* it may be out of date */
		pthread_mutex_unlock(&l->mutex);
		free(n);
		return;
	}
	for (unsigned i = 0; i < LOOKUP_WAYS; i++) {
		if (set[i] && set[i]->hash == hash && strcmp(set[i]->texts, s->sop_instance) == 0) {
			slot = &set[i];
			break;
		}
		if (!slot || (*slot && (!set[i] || set[i]->used < (*slot)->used)))
			slot = &set[i];
	}
	n->used = ++l->clock;
	old = *slot;
	*slot = n;
	pthread_mutex_unlock(&l->mutex);
	free(old);
}
