#include "web/gallery.h"
#include "archive/excerpt.h"
#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct held {
	struct gallery_picture p; /* first: what users are given */
	struct buf bytes;
	char *key; /* NULL: not in the table */
	unsigned users;
	struct held *older, *newer;
};

static struct {
	pthread_mutex_t lock;
	GHashTable *table; /* key -> struct held */
	struct held *oldest, *newest;
	uint64_t bytes;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

void gallery_key(const struct render_options *o, char out[GALLERY_KEY])
{
	snprintf(out, GALLERY_KEY, "%d %" PRIu64 " %u %ux%u%d %u,%u,%u,%u %d%d %d %a %a", (int)o->format, o->frame,
		 o->quality, o->width, o->height, o->enlarge, o->crop_x, o->crop_y, o->crop_w, o->crop_h, o->flip_x,
		 o->flip_y, (int)o->voi, o->window_center, o->window_width);
}

/* ---- what is kept; the lock is held */

static void unlink_held(struct held *h)
{
	*(h->older ? &h->older->newer : &kept.oldest) = h->newer;
	*(h->newer ? &h->newer->older : &kept.newest) = h->older;
	h->older = h->newer = NULL;
}

static void link_newest(struct held *h)
{
	h->older = kept.newest;
	*(kept.newest ? &kept.newest->newer : &kept.oldest) = h;
	kept.newest = h;
}

static void destroy(struct held *h)
{
	buf_cleanup(&h->bytes);
	free(h->key);
	free(h);
}

static void drop(struct held *h)
{
	g_hash_table_remove(kept.table, h->key);
	unlink_held(h);
	kept.bytes -= h->bytes.len;
	free(h->key);
	h->key = NULL;
	if (h->users == 0)
		destroy(h);
}

static void trim(uint64_t most)
{
	for (struct held *h = kept.oldest, *next; h && kept.bytes > most; h = next) {
		next = h->newer;
		drop(h);
	}
}

static struct held *find(const char *key)
{
	struct held *h = kept.table ? g_hash_table_lookup(kept.table, key) : NULL;

	if (h) {
		unlink_held(h);
		link_newest(h);
		h->users++;
	}
	return h;
}

static void keep(struct held *h, const char *key)
{
	if (h->bytes.len > GALLERY_EACH || (kept.table && g_hash_table_contains(kept.table, key)) ||
	    !(h->key = strdup(key)))
		return;
	if (!kept.table)
		kept.table = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_insert(kept.table, h->key, h);
	link_newest(h);
	kept.bytes += h->bytes.len;
	trim(GALLERY_KEPT);
}

/* ---- making one */

static int make(struct archive *a, const struct stored *s, const struct render_options *o, struct buf *out,
		struct err *e)
{
	struct render_options here = *o;
	char path[SCRATCH_PATH];

	if (!render_can(s->syntax))
		return err_set(e, E_UNSUP, "images in %s cannot be decoded yet", uid_name(s->syntax));
	AUTO(fd) fd = excerpt_frame(a, s, o->frame, path, &here.frame, e);
	return fd < 0 ? fd : render_frame(path, &here, out, e);
}

static int make_held(struct archive *a, const struct stored *s, const struct render_options *o, struct held **out,
		     struct err *e)
{
	AUTO(buf) room = BUF(GALLERY_MOST);
	struct held *h;
	int rc;

	if ((rc = make(a, s, o, &room, e)) < 0)
		return rc;
	if (!(h = calloc(1, sizeof(*h))))
		return err_set(e, E_NOMEM, "no memory for a picture");
	h->bytes = BUF(room.len); /* of just its size */
	if ((rc = buf_put(&h->bytes, room.data, room.len, e)) < 0) {
		destroy(h);
		return rc;
	}
	h->p = (struct gallery_picture){h->bytes.data, h->bytes.len};
	h->users = 1;
	*out = h;
	return 0;
}

int gallery_get(struct archive *a, const struct stored *s, const struct render_options *o,
		const struct gallery_picture **out, struct err *e)
{
	char options[GALLERY_KEY], key[GALLERY_KEY + 80];
	struct held *h;
	int rc;

	gallery_key(o, options);
	snprintf(key, sizeof(key), "%p %" PRIu64 " %" PRIu64 " %s", (void *)a, s->pack, s->at, options);
	pthread_mutex_lock(&kept.lock);
	h = find(key);
	pthread_mutex_unlock(&kept.lock);
	if (!h) {
		if ((rc = make_held(a, s, o, &h, e)) < 0)
			return rc;
		pthread_mutex_lock(&kept.lock);
		keep(h, key);
		pthread_mutex_unlock(&kept.lock);
	}
	*out = &h->p;
	return 0;
}

void gallery_release(const struct gallery_picture *p)
{
	struct held *h = (struct held *)(uintptr_t)p;

	if (!h)
		return;
	pthread_mutex_lock(&kept.lock);
	if (--h->users == 0 && !h->key)
		destroy(h);
	pthread_mutex_unlock(&kept.lock);
}

void gallery_forget(void)
{
	pthread_mutex_lock(&kept.lock);
	trim(0);
	if (kept.table)
		g_hash_table_destroy(kept.table);
	kept.table = NULL;
	pthread_mutex_unlock(&kept.lock);
}
