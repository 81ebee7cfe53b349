#include "web/wado_pixels.h"
#include "archive/frames.h"
#include "dicom/dict.h"
#include "imaging/frame.h"
#include "web/transcoded.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>

struct pixels {
	struct exchange *x;
	struct stored stored;
	struct frame_table *table;  /* NULL: samples of copy */
	struct image_source source; /* for workers; arg NULL: not opened yet */
	struct derived *copy;       /* NULL: none yet */
	uint64_t n;                 /* frames */
	bool encapsulated;
	bool swapped;                     /* in big endian: each frame is made */
	struct transcoded_pixels samples; /* native ones: of the stored file, or of copy */
};

static bool is_big(const struct stored *s)
{
	return strcmp(s->syntax, UID_EXPLICIT_BE) == 0;
}

/* Bytes of narrow samples are swapped in pairs, which may be of two frames. */
static bool can_swap(const struct frames *f)
{
	return f->tag == TAG(0x7FE0, 0x0010) && (f->bits_allocated == 16 || f->bits_allocated == 32);
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
	p->swapped = is_big(&p->stored);
	p->samples = (struct transcoded_pixels){.at = f->value_at, .n = f->value_n, .frame_bits = f->frame_bits};
}

/* 1: by a copy. */
static int open_table(struct pixels *p, struct err *e)
{
	int rc;

	if (uid_is_deflated(p->stored.syntax))
		return 1;
	if ((rc = frames_open(p->x->archive, &p->stored, &p->table, e)) < 0)
		return rc;
	if (!is_big(&p->stored) || can_swap(frames_of(p->table))) {
		read_table(p);
		return 0;
	}
	frames_close(STEAL(p->table));
	return 1;
}

int pixels_open(struct exchange *x, const struct stored *s, struct pixels **out, struct err *e)
{
	AUTO(pixels) p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, E_NOMEM, "no memory for pixel data");
	p->x = x;
	p->stored = *s;
	if ((rc = open_table(p, e)) < 0)
		return rc;
	if (rc > 0) {
		if ((rc = read_copy(p, e)) < 0)
			return rc;
		p->n = p->samples.n * 8 / p->samples.frame_bits;
	}
	*out = STEAL(p);
	return 0;
}

int pixels_known(struct exchange *x, const struct stored *s, struct pixels **out)
{
	struct pixels *p;
	struct frame_table *table;

	if (is_big(s) || uid_is_deflated(s->syntax) || !frames_known(x->archive, s, &table))
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
	frames_source_cleanup(&p->source);
	frames_close(p->table);
	derived_release(p->copy);
	free(p);
}

bool pixels_fault(int rc)
{
	return rc == -E_UNSUP || rc == -E_LIMIT || rc == -E_INVAL || rc == -E_CORRUPT || rc == -E_MISMATCH;
}

uint64_t pixels_frames(const struct pixels *p)
{
	return p->n;
}

static int open_source(struct pixels *p, struct err *e)
{
	return p->source.arg ? 0 : frames_source(p->x->archive, &p->stored, &p->source, e);
}

const struct image_pixel *pixels_shape(struct pixels *p)
{
	return p->table && open_source(p, NULL) == 0 ? &p->source.pixels : NULL;
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

static void warn(struct part *out, uint64_t frame, const char *warning)
{
	if (warning[0])
		part_warn(out, "frame %" PRIu64 ": %s", frame + 1, warning);
}

/* Samples go out from the worker's memory. A frame is made alone: others need not wait for it, nor it for them. */
static int put_decoded(struct pixels *p, uint64_t frame, struct part *out, struct err *e)
{
	AUTO(job_result) made = {0};
	int rc = open_source(p, e);

	if (rc < 0 || (rc = frame_decode(&p->source, frame, &made, e)) < 0)
		return rc;
	view_file(p->x->archive, &p->stored, made.out, made.n, &out->view);
	made.out = 0;
	out->one = (struct frame_piece){.at = 0, .n = made.n};
	out->n = 1;
	out->from = PART_DECODED;
	warn(out, frame, made.warning);
	return 0;
}

struct making {
	struct pixels *pixels;
	const char *syntax;
	uint64_t frame;
};
struct made { /* what derived_about() has of it */
	uint64_t n_cuts, cuts[APPENDIX_CUTS];
	char warning[CODEC_WARNING];
};

static int make(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e)
{
	const struct making *m = arg;
	AUTO(job_result) r = {0};
	struct made *made = (struct made *)(void *)about;
	off_t at = 0;
	int rc = open_source(m->pixels, e);

	_Static_assert(sizeof(*made) <= DERIVED_ABOUT, "there is room for it");
	if (rc < 0 || (rc = frame_encode(&m->pixels->source, m->frame, m->syntax, &r, e)) < 0)
		return rc;
	while ((uint64_t)at < r.n) {
		ssize_t k = sendfile(fd, r.out, &at, (size_t)(r.n - (uint64_t)at));

		if (k < 0 && errno != EINTR)
			return err_sys(e, E_IO, "writing a scratch file");
	}
	made->n_cuts = r.n_cuts < APPENDIX_CUTS ? r.n_cuts : APPENDIX_CUTS;
	memcpy(made->cuts, r.cuts, sizeof(made->cuts));
	memcpy(made->warning, r.warning, sizeof(made->warning));
	return 0;
}

/* Code streams are kept: viewers come back for the rest of them. */
static int put_made(struct pixels *p, const char *syntax, uint64_t frame, struct part *out, struct err *e)
{
	struct making m = {.pixels = p, .syntax = syntax, .frame = frame};
	const struct made *made;
	struct derived *d;
	char key[DERIVED_KEY];
	int rc;

	snprintf(key, sizeof(key), "frame %" PRIu64 " %s", frame + 1, syntax);
	if ((rc = derived_open(p->x->archive, &p->stored, key, make, &m, &d, e)) < 0)
		return rc;
	view_derived(p->x->archive, &p->stored, d, &out->view);
	made = (const struct made *)(const void *)derived_about(d);
	out->one = (struct frame_piece){.at = 0, .n = out->view.size};
	out->n = 1;
	out->from = PART_MADE;
	out->n_cuts = (unsigned)made->n_cuts;
	memcpy(out->cuts, made->cuts, sizeof(out->cuts));
	warn(out, frame, made->warning);
	return 0;
}

static int put_stored(struct pixels *p, uint64_t frame, struct part *out, struct err *e)
{
	int rc = open_view(p, out, e);

	if (rc == 0)
		rc = p->encapsulated ? put_fragments(p, frame, out, e) : put_samples(p, frame, out, e);
	if (rc < 0)
		return rc;
	out->from = p->copy ? PART_DECODED : PART_STORED;
	if (p->encapsulated)
		out->n_cuts = frames_cuts(p->table, frame, out->cuts);
	return 0;
}

static void begin(const struct wado_pixels *how, struct part *out)
{
	memset(out, 0, sizeof(*out));
	out->type = how->type;
	memcpy(out->syntax, how->syntax, sizeof(out->syntax));
}

int pixels_frame(struct pixels *p, const struct wado_pixels *how, uint64_t frame, struct part *out, struct err *e)
{
	const struct stored *s = &p->stored;
	int rc;

	begin(how, out);
	if (frame >= p->n)
		return err_set(e, E_NOENT, "frame %" PRIu64 " of %" PRIu64, frame + 1, p->n);
	part_locate(p->x, out, "/studies/%s/series/%s/instances/%s/frames/%" PRIu64, s->study, s->series,
		    s->sop_instance, frame + 1);
	if (how->made)
		rc = put_made(p, how->syntax, frame, out, e);
	else if (how->decoded || p->swapped)
		rc = put_decoded(p, frame, out, e);
	else
		rc = put_stored(p, frame, out, e);
	if (rc < 0) {
		part_cleanup(out);
		return rc;
	}
	if (p->table && frames_of(p->table)->warning[0])
		part_warn(out, "%s", frames_of(p->table)->warning);
	return 0;
}

/* All native samples, at once. */
static int put_all(struct pixels *p, const struct wado_pixels *how, struct part *out, struct err *e)
{
	int rc;

	begin(how, out);
	if (p->swapped && (rc = read_copy(p, e)) < 0)
		return rc;
	if ((rc = open_view(p, out, e)) < 0)
		return rc;
	out->one = (struct frame_piece){.at = p->samples.at, .n = p->samples.n};
	out->n = 1;
	return 0;
}

int pixels_all(struct pixels *p, const struct wado_pixels *how, uint64_t i, struct part *out, struct err *e)
{
	const struct stored *s = &p->stored;
	bool whole = !p->encapsulated && !how->made;
	int rc;

	if (i >= p->n || (i > 0 && whole))
		return 0;
	rc = whole ? put_all(p, how, out, e) : pixels_frame(p, how, i, out, e);
	if (rc < 0)
		return rc;
	part_locate(p->x, out, "/studies/%s/series/%s/instances/%s/bulkdata/7FE00010", s->study, s->series,
		    s->sop_instance);
	return 1;
}
