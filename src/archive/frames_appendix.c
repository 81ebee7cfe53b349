/* archive/frames_appendix.c - the table of frames that a settled record carries: read, not walked. */
#include "archive/frames_read.h"
#include "dicom/appendix.h"
#include "dicom/dict.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 64 << 10, ITEM_HEAD = 8 };

struct reader {
	const struct frame_source *src;
	uint64_t at; /* what piece holds, from where */
	size_t have;
	uint8_t piece[AT_ONCE];
};

/* n bytes of the appendix, from memory where they were read along. */
static int bytes_at(struct reader *r, uint64_t at, size_t n, const uint8_t **out, struct err *e)
{
	if (at < r->at || at - r->at > r->have || r->have - (at - r->at) < n) {
		int64_t k = r->src->read(r->src->arg, at, r->piece, AT_ONCE, e);
		r->at = at;
		r->have = k > 0 ? (size_t)k : 0;
		if (k < 0)
			return (int)k;
		if (r->have < n)
			return err_set(e, E_CORRUPT, "the appendix ends within its table of frames");
	}
	*out = r->piece + (at - r->at);
	return 0;
}

static void describe(const struct appendix *a, struct frames *f)
{
	const struct image_pixel *p = &a->pixels;
	*f = (struct frames){.n = a->frames,
			     .encapsulated = true,
			     .rows = p->rows,
			     .columns = p->columns,
			     .samples = p->samples,
			     .bits_allocated = p->bits_allocated,
			     .bits_stored = p->bits_stored,
			     .high_bit = p->high_bit,
			     .planar = p->planar,
			     .pixel_signed = p->is_signed,
			     .tag = TAG(0x7FE0, 0x0010),
			     .value_at = a->value_at,
			     .value_n = a->value_n};
	snprintf(f->photometric, sizeof f->photometric, "%s", p->photometric);
}

/* Frames follow each other as items of the value do. */
static int place(struct frame_table *t, uint64_t i, uint64_t *end, const struct appendix_frame *f, struct err *e)
{
	uint64_t stop = t->about.value_at + t->about.value_n;
	if (f->at < *end + ITEM_HEAD || f->at > stop || f->n > stop - f->at)
		return err_set(e, E_CORRUPT, "the table of frames says that frame %" PRIu64 " lies outside", i + 1);
	t->fragments[i] = (struct frame_piece){f->at, f->n};
	for (unsigned k = 0; k < t->n_cuts; k++) {
		if (f->cut[k] > f->n || (k > 0 && f->cut[k] < f->cut[k - 1]))
			return err_set(e, E_CORRUPT, "the table of frames has cuts that lie outside of frame %" PRIu64,
				       i + 1);
		t->cuts[i * t->n_cuts + k] = (uint32_t)f->cut[k];
	}
	*end = f->at + f->n;
	return 0;
}

static int read_entries(struct reader *r, const struct appendix *a, struct frame_table *t, struct err *e)
{
	uint64_t end = a->value_at;
	size_t size = appendix_entry_size(a);
	int rc = 0;
	for (uint64_t i = 0; rc == 0 && i < a->frames; i++) {
		struct appendix_frame f;
		struct err why = {0};
		const uint8_t *entry;
		if ((rc = bytes_at(r, appendix_entry_at(a, i), size, &entry, e)) < 0)
			return rc;
		if (appendix_entry(a, entry, &f, &why) < 0)
			return err_set(e, why.code, "frame %" PRIu64 ": %s", i + 1, why.msg);
		rc = place(t, i, &end, &f, e);
	}
	return rc;
}

static int make(struct reader *r, uint64_t file_n, struct frame_table *t, struct err *e)
{
	const uint8_t *head;
	struct appendix a;
	int rc;
	if ((rc = bytes_at(r, 0, APPENDIX_HEAD, &head, e)) < 0 || (rc = appendix_read(head, r->src->size, &a, e)) < 0)
		return rc;
	if (a.value_at > file_n || a.value_n > file_n - a.value_at)
		return err_set(e, E_CORRUPT, "the appendix is not of this file: pixel data at %" PRIu64 " of %" PRIu64,
			       a.value_at, file_n);
	if (a.frames == 0)
		return err_set(e, E_NOENT, "the appendix has no frame");
	if (a.frames > FRAMES_FRAGMENTS)
		return err_set(e, E_LIMIT, "more than %u frames in one instance", FRAMES_FRAGMENTS);
	describe(&a, &t->about);
	t->n_fragments = (uint32_t)a.frames;
	t->n_cuts = a.n_cuts;
	t->fragments = calloc((size_t)a.frames, sizeof *t->fragments);
	t->cuts = a.n_cuts ? calloc((size_t)a.frames * a.n_cuts, sizeof *t->cuts) : NULL;
	if (!t->fragments || (a.n_cuts && !t->cuts))
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	return read_entries(r, &a, t, e);
}

int frames_appendix(const struct frame_source *appendix, uint64_t file_n, struct frame_table **out, struct err *e)
{
	struct reader *r = malloc(sizeof *r);
	struct frame_table *t = calloc(1, sizeof *t);
	int rc;
	if (!r || !t) {
		free(r);
		free(t);
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	}
	r->src = appendix;
	r->at = 0;
	r->have = 0;
	atomic_init(&t->refs, 1);
	rc = make(r, file_n, t, e);
	free(r);
	if (rc < 0) {
		frames_close(t);
		return rc;
	}
	*out = t;
	return 0;
}
