#include "access/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAUSES 5 /* before the lock: 1, 2, 4, 8, 16 s */

struct entry {
	uint64_t key; /* 0: free */
	int64_t failures, most, last, until;
};
struct known {
	uint64_t name, address; /* keys */
	int64_t at;             /* 0: free */
};
struct throttle {
	pthread_mutex_t lock;
	int64_t tries, lock_us;
	uint8_t secret[crypto_shorthash_KEYBYTES]; /* nobody can choose texts that fall together */
	struct entry entries[THROTTLE_ENTRIES];
	struct known known[THROTTLE_KNOWN];
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
	e->most = most;
	e->last = now;
	if (e->failures >= most)
		e->until = now + t->lock_us;
	else if (e->failures >= pauses_from)
		e->until = now + (1000000LL << (e->failures - pauses_from));
	return e->failures == most;
}

/* ---- where a name is known */

static struct known *find_known(struct throttle *t, const char *name, const char *address)
{
	uint64_t of = key_of(t, 'n', name), at = key_of(t, 'a', address);

	for (unsigned i = 0; i < THROTTLE_KNOWN; i++)
		if (t->known[i].name == of && t->known[i].address == at)
			return &t->known[i];
	return NULL;
}

static void remember(struct throttle *t, const char *name, const char *address, int64_t now)
{
	struct known *k = find_known(t, name, address);

	if (!k) {
		k = t->known;
		for (unsigned i = 0; i < THROTTLE_KNOWN; i++)
			if (t->known[i].at < k->at)
				k = &t->known[i];
	}
	*k = (struct known){key_of(t, 'n', name), key_of(t, 'a', address), now};
}

/* What the failures of a name are counted under. */
static uint64_t name_key(struct throttle *t, const char *name, const char *address, int64_t now)
{
	const struct known *k = find_known(t, name, address);

	return k && now - k->at < THROTTLE_KNOWN_US ? k->name ^ (k->address << 1 | 1) : key_of(t, 'n', name);
}

/* ---- trying */

static void say_wait(struct throttle *t, uint64_t key, struct throttle_told *told)
{
	const struct entry *e = find(t, key);

	told->locked = e->failures >= e->most;
	told->since = e->last;
}

int64_t throttle_try(struct throttle *t, const char *name, const char *address, int64_t now, struct throttle_told *told)
{
	uint64_t by_name, by_address = key_of(t, 'a', address);
	int64_t wait, other;

	*told = (struct throttle_told){0};
	pthread_mutex_lock(&t->lock);
	by_name = name_key(t, name, address, now);
	wait = wait_of(t, by_name, now);
	other = wait_of(t, by_address, now);
	told->by_address = other > wait;
	wait = other > wait ? other : wait;
	if (wait == 0) {
		bool a = count(t, by_name, t->tries, now);
		bool b = count(t, by_address, t->tries * THROTTLE_ADDRESS, now);

		told->last = a || b;
		told->by_address = b && !a;
	} else {
		say_wait(t, told->by_address ? by_address : by_name, told);
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

static void clear(struct throttle *t, uint64_t key)
{
	struct entry *e = find(t, key);

	if (e)
		*e = (struct entry){0};
}

void throttle_undo(struct throttle *t, const char *name, const char *address, int64_t now)
{
	pthread_mutex_lock(&t->lock);
	one_less(t, name_key(t, name, address, now));
	one_less(t, key_of(t, 'a', address));
	pthread_mutex_unlock(&t->lock);
}

void throttle_right(struct throttle *t, const char *name, const char *address, int64_t now)
{
	pthread_mutex_lock(&t->lock);
	clear(t, name_key(t, name, address, now));
	one_less(t, key_of(t, 'a', address));
	remember(t, name, address, now);
	pthread_mutex_unlock(&t->lock);
}

void throttle_forget(struct throttle *t, const char *name)
{
	uint64_t of = key_of(t, 'n', name);

	pthread_mutex_lock(&t->lock);
	clear(t, of);
	for (unsigned i = 0; i < THROTTLE_KNOWN; i++)
		if (t->known[i].name == of)
			clear(t, of ^ (t->known[i].address << 1 | 1));
	pthread_mutex_unlock(&t->lock);
}
