#include "access/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAUSES 5 /* before the lock: 1, 2, 4, 8, 16 s */

struct entry {
	uint64_t key; /* 0: free */
	int64_t failures, last, until;
};
struct throttle {
	pthread_mutex_t lock;
	int64_t tries, lock_us;
	uint8_t secret[crypto_shorthash_KEYBYTES]; /* nobody can choose texts that fall together */
	struct entry entries[THROTTLE_ENTRIES];
};

struct throttle *throttle_new(int64_t tries, int64_t lock_us)
{
	struct throttle *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	t->tries = tries;
	t->lock_us = lock_us;
	crypto_shorthash_keygen(t->secret);
	return t;
}

void throttle_free(struct throttle *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Who has one address of IPv6 has 2^64 of them: the upper half counts. */
static const char *whose(const char *address, char room[INET6_ADDRSTRLEN])
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, address, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
		return address;
	memset(a.s6_addr + 8, 0, 8);
	return inet_ntop(AF_INET6, &a, room, INET6_ADDRSTRLEN);
}

static uint64_t key_of(const struct throttle *t, char kind, const char *text)
{
	char both[256], room[INET6_ADDRSTRLEN];
	uint64_t key = 0;
	size_t n;

	if (kind == 'a')
		text = whose(text, room);
	n = strnlen(text, sizeof both - 1);
	both[0] = kind;
	memcpy(both + 1, text, n);
	crypto_shorthash((uint8_t *)&key, (const uint8_t *)both, n + 1, t->secret);
	return key ? key : 1;
}

static struct entry *find(struct throttle *t, uint64_t key)
{
	for (unsigned i = 0; i < THROTTLE_ENTRIES; i++)
		if (t->entries[i].key == key)
			return &t->entries[i];
	return NULL;
}

/* Its entry, or a fresh one in place of what failed longest ago. */
static struct entry *entry_for(struct throttle *t, uint64_t key)
{
	struct entry *e = find(t, key);

	if (e)
		return e;
	e = t->entries;
	for (unsigned i = 0; i < THROTTLE_ENTRIES && e->key; i++)
		if (!t->entries[i].key || t->entries[i].last < e->last)
			e = &t->entries[i];
	*e = (struct entry){.key = key};
	return e;
}

static int64_t wait_of(const struct throttle *t, uint64_t key, int64_t now)
{
	const struct entry *e = find((struct throttle *)t, key);
	int64_t wait = e ? e->until - now : 0;

	return wait < 0 ? 0 : wait > t->lock_us ? t->lock_us : wait; /* the clock may have been set back */
}

static bool count(struct throttle *t, uint64_t key, int64_t most, int64_t now)
{
	struct entry *e = entry_for(t, key);
	int64_t pauses_from = most - PAUSES > 2 ? most - PAUSES : 2;

	if (now - e->last >= t->lock_us)
		e->failures = 0;
	e->failures++;
	e->last = now;
	if (e->failures >= most)
		e->until = now + t->lock_us;
	else if (e->failures >= pauses_from)
		e->until = now + (1000000LL << (e->failures - pauses_from));
	return e->failures == most;
}

int64_t throttle_try(struct throttle *t, const char *name, const char *address, int64_t now, bool *last)
{
	uint64_t by_name = key_of(t, 'n', name), by_address = key_of(t, 'a', address);
	int64_t wait, other;

	*last = false;
	pthread_mutex_lock(&t->lock);
	wait = wait_of(t, by_name, now);
	other = wait_of(t, by_address, now);
	wait = other > wait ? other : wait;
	if (wait == 0) {
		bool a = count(t, by_name, t->tries, now);
		bool b = count(t, by_address, t->tries * THROTTLE_ADDRESS, now);

		*last = a || b;
	}
	pthread_mutex_unlock(&t->lock);
	return wait;
}

static void one_less(struct throttle *t, uint64_t key)
{
	struct entry *e = find(t, key);

	if (e && e->failures > 0) {
		e->failures--;
		e->until = 0;
	}
}

void throttle_undo(struct throttle *t, const char *name, const char *address)
{
	pthread_mutex_lock(&t->lock);
	one_less(t, key_of(t, 'n', name));
	one_less(t, key_of(t, 'a', address));
	pthread_mutex_unlock(&t->lock);
}

void throttle_right(struct throttle *t, const char *name, const char *address)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	if ((e = find(t, key_of(t, 'n', name))))
		*e = (struct entry){0};
	one_less(t, key_of(t, 'a', address));
	pthread_mutex_unlock(&t->lock);
}
