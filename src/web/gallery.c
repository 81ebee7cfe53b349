#include "web/gallery.h"
#include "archive/excerpt.h"
#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct held {
	struct gallery_picture p; /* first: what users are given */
	char *key;                /* NULL: not in the table */
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
	snprintf(out, GALLERY_KEY, "%d %" PRIu64 " %u %ux%u%d %u,%u,%u,%u %d%d%d%d %d %a %a", (int)o->format, o->frame,
		 o->quality, o->width, o->height, o->enlarge, o->crop_x, o->crop_y, o->crop_w, o->crop_h, o->flip_x,
		 o->flip_y, o->no_overlays, (int)o->profile, (int)o->voi, o->window_center, o->window_width);
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
	if (h->p.n)
		munmap((void *)(uintptr_t)h->p.data, h->p.n);
	free(h->key);
	free(h);
}

static void drop(struct held *h)
{
	g_hash_table_remove(kept.table, h->key);
	unlink_held(h);
	kept.bytes -= h->p.n;
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
	if (h->p.n > GALLERY_EACH || (kept.table && g_hash_table_contains(kept.table, key)) || !(h->key = strdup(key)))
		return;
	if (!kept.table)
		kept.table = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_insert(kept.table, h->key, h);
	link_newest(h);
	kept.bytes += h->p.n;
	trim(GALLERY_KEPT);
}

/* ---- making one */

static int make(struct archive *a, const struct stored *s, const struct stored *state, const struct render_options *o,
		struct job_result *out, struct err *e)
{
	struct render_options here = *o;
	AUTO(fd) file = -1;
	AUTO(fd) with = -1;
	int rc;

	if (!render_can(s->syntax))
		return err_set(e, E_UNSUP, "images in %s cannot be decoded", uid_name(s->syntax));
	if ((file = worker_input(e)) < 0)
		return file;
	here.number = o->frame;
	if ((rc = excerpt_write(a, s, o->frame, file, &here.frame, e)) < 0)
		return rc;
	if (state && ((with = worker_input(e)) < 0 || (rc = excerpt_whole(a, state, GALLERY_STATE, with, e)) < 0))
		return with < 0 ? with : rc;
	return render_frame(file, state ? with : 0, &here, out, e);
}

/* The worker's bytes stay where it wrote them: the picture is a view of them. */
static int make_held(struct archive *a, const struct stored *s, const struct stored *state,
		     const struct render_options *o, struct held **out, struct err *e)
{
	AUTO(job_result) made = {0};
	struct held *h;
	int rc;

	if ((rc = make(a, s, state, o, &made, e)) < 0)
		return rc;
	if (made.n == 0 || made.n > RENDER_PICTURE_MOST)
		return err_set(e, E_BUG, "a picture of %" PRIu64 " bytes", made.n);
	if (!(h = calloc(1, sizeof(*h))))
		return err_set(e, E_NOMEM, "no memory for a picture");
	void *view = mmap(NULL, made.n, PROT_READ, MAP_PRIVATE, made.out, 0);
	if (view == MAP_FAILED) {
		free(h);
		return err_sys(e, E_NOMEM, "no memory for a picture");
	}
	h->p = (struct gallery_picture){.data = view, .n = made.n};
	memcpy(h->p.warning, made.warning, sizeof(h->p.warning));
	h->p.warning[sizeof(h->p.warning) - 1] = '\0';
	h->users = 1;
	*out = h;
	return 0;
}

int gallery_get(struct archive *a, const struct stored *s, const struct stored *state, const struct render_options *o,
		const struct gallery_picture **out, struct err *e)
{
	char options[GALLERY_KEY], key[GALLERY_KEY + 128];
	struct held *h;
	int rc;

	gallery_key(o, options);
	snprintf(key, sizeof(key), "%p %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s", (void *)a, s->pack, s->at,
		 state ? state->pack : 0, state ? state->at : 0, options);
	pthread_mutex_lock(&kept.lock);
	h = find(key);
	pthread_mutex_unlock(&kept.lock);
	if (!h) {
		if ((rc = make_held(a, s, state, o, &h, e)) < 0)
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
