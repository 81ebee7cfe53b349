#include "web/wado_pixels.h"
#include "archive/frames.h"
#include "dicom/dict.h"
#include "web/transcoded.h"
#include "web/wado_bulk.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct pixels {
	struct exchange *x;
	struct stored stored;
	struct frame_table *table; /* NULL: samples of copy */
	struct transcoded *copy;   /* NULL: none yet */
	uint64_t n;                /* frames */
	bool encapsulated;
	struct transcoded_pixels samples; /* native ones: of the stored file, or of copy */
};

static bool needs_copy(const struct stored *s)
{
	return strcmp(s->syntax, UID_EXPLICIT_BE) == 0 || uid_is_deflated(s->syntax);
}

/* The samples of copy become those of p. */
static int read_copy(struct pixels *p, struct err *e)
{
	int rc;

	if (p->copy)
		return 0;
	if ((rc = transcoded_open(p->x->archive, &p->stored, UID_EXPLICIT_LE, &p->copy, e)) < 0)
		return rc;
	return transcoded_pixels(p->copy, &p->samples, e);
}

static void read_table(struct pixels *p)
{
	const struct frames *f = frames_of(p->table);

	p->n = f->n;
	p->encapsulated = f->encapsulated;
	p->samples = (struct transcoded_pixels){.at = f->value_at, .n = f->value_n, .frame_bits = f->frame_bits};
}

int pixels_open(struct exchange *x, const struct stored *s, struct pixels **out, struct err *e)
{
	AUTO(pixels) p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, E_NOMEM, "no memory for pixel data");
	p->x = x;
	p->stored = *s;
	if (needs_copy(s)) {
		if ((rc = read_copy(p, e)) < 0)
			return rc;
		p->n = p->samples.n * 8 / p->samples.frame_bits;
	} else {
		if ((rc = frames_open(x->archive, s, &p->table, e)) < 0)
			return rc;
		read_table(p);
	}
	*out = STEAL(p);
	return 0;
}

int pixels_known(struct exchange *x, const struct stored *s, struct pixels **out)
{
	struct pixels *p;
	struct frame_table *table;

	if (needs_copy(s) || !frames_known(x->archive, s, &table))
		return 0;
	if (!(p = calloc(1, sizeof(*p)))) {
		frames_close(table);
		return 0;
	}
	p->x = x;
	p->stored = *s;
	p->table = table;
	read_table(p);
	*out = p;
	return 1;
}

void pixels_close(struct pixels *p)
{
	if (!p)
		return;
	frames_close(p->table);
	transcoded_release(p->copy);
	free(p);
}

bool pixels_fault(int rc)
{
	return rc == -E_UNSUP || rc == -E_LIMIT || rc == -E_INVAL || rc == -E_CORRUPT;
}

uint64_t pixels_frames(const struct pixels *p)
{
	return p->n;
}

bool pixels_whole(const struct pixels *p)
{
	return !p->encapsulated || p->n == 1;
}

/* ---- parts */

static int put_fragments(struct pixels *p, uint64_t frame, struct part *out, struct err *e)
{
	int64_t n = frames_locate(p->table, frame, &out->one, 1, e);

	if (n < 0)
		return (int)n;
	out->n = (size_t)n;
	if (n <= 1)
		return 0;
	if (!(out->pieces = calloc((size_t)n, sizeof(*out->pieces))))
		return err_set(e, E_NOMEM, "no memory for %lld fragments", (long long)n);
	n = frames_locate(p->table, frame, out->pieces, (size_t)n, e);
	return n < 0 ? (int)n : 0;
}

static int put_samples(struct pixels *p, uint64_t frame, struct part *out, struct err *e)
{
	const struct transcoded_pixels *s = &p->samples;
	uint64_t first, n = s->frame_bits ? s->n * 8 / s->frame_bits : 0;

	if (frame >= n)
		return err_set(e, E_NOENT, "frame %" PRIu64 " of %" PRIu64, frame + 1, n);
	first = frame * s->frame_bits;
	out->n = 1;
	out->shift = (unsigned)(first % 8);
	out->bits = s->frame_bits % 8 ? s->frame_bits : 0;
	out->one.at = s->at + first / 8;
	out->one.n = (out->shift + s->frame_bits + 7) / 8;
	return 0;
}

static int open_view(struct pixels *p, struct part *out, struct err *e)
{
	if (p->copy)
		return view_open(p->x->archive, &p->stored, UID_EXPLICIT_LE, &out->view, e);
	view_stored(p->x->archive, &p->stored, &out->view);
	return 0;
}

/* Of several compressed frames one is decoded alone: others need not wait for it, nor it for them. */
static int put_decoded(struct pixels *p, uint64_t frame, struct part *out, struct err *e)
{
	static const struct bulk_path pixel_data = {.tag = {TAG(0x7FE0, 0x0010)}};
	const struct frames *f = frames_of(p->table);
	uint64_t n = ((uint64_t)f->rows * f->columns * f->samples * f->bits_allocated + 7) / 8;
	int rc;

	if (frame >= p->n)
		return err_set(e, E_NOENT, "frame %" PRIu64 " of %" PRIu64, frame + 1, p->n);
	if ((rc = view_frame(p->x->archive, &p->stored, frame, &out->view, e)) < 0 ||
	    (rc = bulk_find(&out->view, &pixel_data, out, e)) < 0)
		return rc;
	if (out->one.n > n)
		out->one.n = n; /* a byte of padding */
	return 0;
}

static int begin(struct pixels *p, const struct wado_pixels *how, struct part *out, struct err *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->type = how->type;
	memcpy(out->syntax, how->syntax, sizeof(out->syntax));
	if (how->decoded && p->n > 1)
		return 0;
	if (how->decoded && (rc = read_copy(p, e)) < 0)
		return rc;
	return open_view(p, out, e);
}

int pixels_frame(struct pixels *p, const struct wado_pixels *how, uint64_t frame, struct part *out, struct err *e)
{
	const struct stored *s = &p->stored;
	int rc = begin(p, how, out, e);

	if (rc == 0 && how->decoded && p->n > 1)
		rc = put_decoded(p, frame, out, e);
	else if (rc == 0 && p->encapsulated && !how->decoded)
		rc = put_fragments(p, frame, out, e);
	else if (rc == 0)
		rc = put_samples(p, frame, out, e);
	if (rc < 0) {
		part_cleanup(out);
		return rc;
	}
	part_locate(p->x, out, "/studies/%s/series/%s/instances/%s/frames/%" PRIu64, s->study, s->series,
		    s->sop_instance, frame + 1);
	return 0;
}

int pixels_all(struct pixels *p, const struct wado_pixels *how, uint64_t i, struct part *out, struct err *e)
{
	const struct stored *s = &p->stored;
	int rc;

	if (i >= p->n || (i > 0 && !p->encapsulated))
		return 0;
	if (p->encapsulated) {
		rc = pixels_frame(p, how, i, out, e);
	} else if ((rc = begin(p, how, out, e)) == 0) {
		out->one = (struct frame_piece){.at = p->samples.at, .n = p->samples.n};
		out->n = 1;
	}
	if (rc < 0)
		return rc;
	part_locate(p->x, out, "/studies/%s/series/%s/instances/%s/bulkdata/7FE00010", s->study, s->series,
		    s->sop_instance);
	return 1;
}
