#include "web/gzip.h"
#include "web/wado_metadata.h"
#include <pthread.h>
#include <string.h>

#define KEY_MOST 256

struct metadata_kept {
	struct metadata_kept *next; /* asked for lately comes first */
	char key[KEY_MOST];
	struct buf plain, zipped; /* zipped: empty until asked for */
	unsigned users;
	bool dropped; /* out of the list: freed with its last user */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metadata_kept *first;

static void destroy(struct metadata_kept *k)
{
	buf_cleanup(&k->plain);
	buf_cleanup(&k->zipped);
	free(k);
}

static void trim(void)
{
	size_t bytes = 0;

	for (struct metadata_kept **link = &first; *link;) {
		struct metadata_kept *k = *link;

		bytes += k->plain.room + k->zipped.room + sizeof(*k);
		if (bytes <= METADATA_KEPT) {
			link = &k->next;
			continue;
		}
		*link = k->next;
		k->dropped = true;
		if (k->users == 0)
			destroy(k);
	}
}

static struct metadata_kept *take(const char *key)
{
	for (struct metadata_kept **link = &first, *k; (k = *link); link = &k->next) {
		if (strcmp(k->key, key) != 0)
			continue;
		*link = k->next;
		k->next = first;
		first = k;
		return k;
	}
	return NULL;
}

/* Made outside the lock; of two who make it at once the first one's stays. */
static bool zip(struct metadata_kept *k)
{
	AUTO(buf) out = BUF(METADATA_ONE);
	bool there;

	pthread_mutex_lock(&lock);
	there = k->zipped.len > 0;
	pthread_mutex_unlock(&lock);
	if (there)
		return true;
	if (gzip_bytes(k->plain.data, k->plain.len, &out, NULL) < 0)
		return false;
	pthread_mutex_lock(&lock);
	if (k->zipped.len == 0) {
		struct buf swap = k->zipped;

		k->zipped = out;
		out = swap;
		trim();
	}
	pthread_mutex_unlock(&lock);
	return true;
}

int metadata_find(const char *key, bool gzip, struct metadata_kept **held, struct metadata_doc *out)
{
	struct metadata_kept *k;

	pthread_mutex_lock(&lock);
	if ((k = take(key)))
		k->users++;
	pthread_mutex_unlock(&lock);
	if (!k)
		return 0;
	if (gzip && !zip(k)) {
		metadata_release(k);
		return 0;
	}
	*out = gzip ? (struct metadata_doc){k->zipped.data, k->zipped.len}
		    : (struct metadata_doc){k->plain.data, k->plain.len};
	*held = k;
	return 1;
}

void metadata_release(struct metadata_kept *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&lock);
	if (--k->users == 0 && k->dropped)
		destroy(k);
	pthread_mutex_unlock(&lock);
}

void metadata_keep(const char *key, struct buf *doc)
{
	struct metadata_kept *k;

	if (doc->len == 0 || doc->len > METADATA_ONE || strlen(key) >= KEY_MOST || !(k = calloc(1, sizeof(*k))))
		return;
	memcpy(k->key, key, strlen(key) + 1);
	k->plain = *doc;
	k->zipped = BUF(METADATA_ONE);
	doc->data = NULL;
	doc->len = doc->room = 0;
	pthread_mutex_lock(&lock);
	if (take(key)) {
		destroy(k);
	} else {
		k->next = first;
		first = k;
		trim();
	}
	pthread_mutex_unlock(&lock);
}
