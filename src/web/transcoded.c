#include "web/transcoded.h"
#include "archive/scratch.h"
#include "base/auto.h"
#include "dicom/dset.h"
#include "dicom/part10.h"
#include "dicom/scan.h"
#include "imaging/transcode.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536u

struct layout { /* of the pixel data */
	uint64_t rows, columns, samples, bits;
	uint64_t at, n; /* in the file; n 0: none, or encapsulated */
};
struct transcoded {
	struct transcoded *next; /* those asked for lately come first */
	struct archive *archive;
	uint64_t pack, record;
	char syntax[65];
	unsigned users;
	bool made, dropped; /* dropped: out of the list, freed with its last user */
	int rc;
	struct err why;
	int fd;
	uint64_t size, head_len;
	struct layout pixels;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t made;
	struct transcoded *first;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER, .made = PTHREAD_COND_INITIALIZER};

/* ---- making one */

static uint64_t number(const struct scan_element *el)
{
	if (!el->value || el->length < 2)
		return 0;
	return el->big_endian ? (uint64_t)(el->value[0] << 8 | el->value[1])
			      : (uint64_t)(el->value[1] << 8 | el->value[0]);
}

static int layout_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct layout *p = arg;

	(void)e;
	if (el->depth > 0)
		return 0;
	switch (el->tag) {
	case TAG(0x28, 0x02):
		p->samples = number(el);
		break;
	case TAG(0x28, 0x10):
		p->rows = number(el);
		break;
	case TAG(0x28, 0x11):
		p->columns = number(el);
		break;
	case TAG(0x28, 0x100):
		p->bits = number(el);
		break;
	case TAG(0x7fe0, 0x10):
		p->at = el->at;
		p->n = el->length == SCAN_UNDEFINED ? 0 : el->length;
		return 1;
	}
	return 0;
}

static int find_pixels(struct transcoded *t, struct err *e)
{
	static const struct scan_ops ops = {.element = layout_element};
	AUTO(str) piece = malloc(PIECE);
	AUTO(scan) scan = NULL;
	struct part10_meta meta;
	ssize_t n;
	int64_t rc;

	if (!piece)
		return err_set(e, E_NOMEM, "no memory to read with");
	if ((n = pread(t->fd, piece, PIECE, 0)) < 0)
		return err_sys(e, E_IO, "reading a scratch file");
	if ((rc = part10_read(piece, (size_t)n, &meta, e)) < 0)
		return (int)rc;
	t->head_len = (uint64_t)rc;
	if ((rc = scan_new(meta.syntax, 64, &ops, &t->pixels, &scan, e)) < 0)
		return (int)rc;
	for (uint64_t at = t->head_len; at < t->size && rc == 0; at += (uint64_t)n) {
		if ((n = pread(t->fd, piece, PIECE, (off_t)at)) <= 0)
			return err_sys(e, E_IO, "reading a scratch file");
		rc = scan_feed(scan, piece, (size_t)n, e);
	}
	t->pixels.at += t->head_len;
	return rc < 0 ? (int)rc : 0;
}

static int make(struct transcoded *t, const struct stored *s, struct err *e)
{
	char in[SCRATCH_PATH], out[SCRATCH_PATH];
	AUTO(fd) in_fd = scratch_stored(t->archive, s, in, e);
	struct stat st;
	int rc;

	if (in_fd < 0)
		return in_fd;
	if ((t->fd = scratch_file(t->archive, out, e)) < 0)
		return t->fd;
	if ((rc = transcode_file(in, out, t->syntax, e)) < 0)
		return rc;
	if (fstat(t->fd, &st) < 0)
		return err_sys(e, E_IO, "looking at a scratch file");
	t->size = (uint64_t)st.st_size;
	return find_pixels(t, e);
}

/* ---- keeping them; the lock is held */

static void destroy(struct transcoded *t)
{
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static void drop(struct transcoded **link)
{
	struct transcoded *t = *link;

	*link = t->next;
	t->dropped = true;
	if (t->users == 0)
		destroy(t);
}

static void trim(uint64_t bytes_most, unsigned files_most)
{
	uint64_t bytes = 0;
	unsigned files = 0;

	for (struct transcoded **link = &kept.first; *link;) {
		struct transcoded *t = *link;

		if (!t->made) { /* its maker still writes size */
			link = &t->next;
			continue;
		}
		bytes += t->size;
		files++;
		if (t->users == 0 && (bytes > bytes_most || files > files_most)) {
			bytes -= t->size;
			files--;
			drop(link);
		} else {
			link = &t->next;
		}
	}
}

static struct transcoded *take(struct archive *a, const struct stored *s, const char *syntax)
{
	for (struct transcoded **link = &kept.first, *t; (t = *link); link = &t->next) {
		if (t->archive != a || t->pack != s->pack || t->record != s->at || strcmp(t->syntax, syntax) != 0)
			continue;
		*link = t->next;
		t->next = kept.first;
		kept.first = t;
		t->users++;
		return t;
	}
	return NULL;
}

static void let_go(struct transcoded *t)
{
	if (--t->users > 0)
		return;
	if (t->dropped)
		destroy(t);
	else
		trim(TRANSCODED_KEPT, TRANSCODED_MOST);
}

/* What failed is tried again by whoever asks next, not by those who have waited. */
static void finish(struct transcoded *t, int rc)
{
	t->rc = rc;
	t->made = true;
	pthread_cond_broadcast(&kept.made);
	if (rc < 0)
		for (struct transcoded **link = &kept.first; *link; link = &(*link)->next)
			if (*link == t) {
				drop(link);
				break;
			}
}

/* ---- for users */

int transcoded_open(struct archive *a, const struct stored *s, const char *syntax, struct transcoded **out,
		    struct err *e)
{
	struct transcoded *t;
	int rc;

	pthread_mutex_lock(&kept.lock);
	if (!(t = take(a, s, syntax))) {
		if (!(t = calloc(1, sizeof(*t)))) {
			pthread_mutex_unlock(&kept.lock);
			return err_set(e, E_NOMEM, "no memory for another syntax");
		}
		*t = (struct transcoded){
		    .next = kept.first, .archive = a, .pack = s->pack, .record = s->at, .users = 1, .fd = -1};
		snprintf(t->syntax, sizeof(t->syntax), "%s", syntax);
		kept.first = t;
		pthread_mutex_unlock(&kept.lock);
		rc = make(t, s, &t->why);
		pthread_mutex_lock(&kept.lock);
		finish(t, rc);
	}
	while (!t->made)
		pthread_cond_wait(&kept.made, &kept.lock);
	if ((rc = t->rc) < 0) {
		if (e)
			*e = t->why;
		let_go(t);
	} else {
		*out = t;
	}
	pthread_mutex_unlock(&kept.lock);
	return rc;
}

void transcoded_release(struct transcoded *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&kept.lock);
	let_go(t);
	pthread_mutex_unlock(&kept.lock);
}

int transcoded_file(const struct transcoded *t, uint64_t *size, uint64_t *head_len)
{
	*size = t->size;
	*head_len = t->head_len;
	return t->fd;
}

int transcoded_pixels(const struct transcoded *t, struct transcoded_pixels *out, struct err *e)
{
	const struct layout *p = &t->pixels;
	uint64_t bits = p->rows * p->columns * p->samples * p->bits; /* of 16 bits each */

	if (bits == 0 || p->n == 0)
		return err_set(e, E_NOENT, "no pixel data in native form");
	*out = (struct transcoded_pixels){.at = p->at, .n = p->n, .frame_bits = bits};
	return 0;
}

int transcoded_frame(const struct transcoded *t, uint64_t frame, uint64_t *at, uint64_t *n, struct err *e)
{
	struct transcoded_pixels p = {0};
	int rc = transcoded_pixels(t, &p, e);

	if (rc < 0)
		return rc;
	if (p.frame_bits % 8)
		return err_set(e, E_UNSUP, "frames of %llu bits do not begin at a byte",
			       (unsigned long long)p.frame_bits);
	if (frame >= p.n / (p.frame_bits / 8))
		return err_set(e, E_NOENT, "frame %llu of %llu", (unsigned long long)frame + 1,
			       (unsigned long long)(p.n / (p.frame_bits / 8)));
	*n = p.frame_bits / 8;
	*at = p.at + frame * *n;
	return 0;
}

void transcoded_forget(void)
{
	pthread_mutex_lock(&kept.lock);
	trim(0, 0);
	pthread_mutex_unlock(&kept.lock);
}
