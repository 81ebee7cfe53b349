/* imaging/codec_htj2k.c - high-throughput JPEG 2000 by OpenJPH.
 *
 * The library writes one tile-part without TLM; where each resolution ends is asked of the library itself, which reads the
 * packets up to there, and the tile-part is cut in place. What OpenJPH cannot read (several layers, changes of
 * style within the picture, classical code-blocks) OpenJPEG tries.
 */
#include "imaging/codec_own.h"
#include "imaging/j2k_own.h"
#include "shim/htj2k.h"
#include "shim/shim.h"
#include <math.h>

static int from_shim(int rc, const char *what, struct err *e)
{
	enum err_code code = rc == SHIM_ENOMEM   ? E_NOMEM
			     : rc == SHIM_ELIMIT ? E_LIMIT
			     : rc == SHIM_EPARSE ? E_CORRUPT
						 : E_BUG;

	return err_set(e, code, "%s: %s", what, shim_error());
}

/* ---- decoding */

struct taking {
	const struct j2k_head *head;
	const struct image_pixel *said;
	uint64_t most;
	struct codec_frame *out;
	struct err first; /* what OpenJPH's part of it had to say */
	int rc;
};

static int begin(void *arg, uint32_t columns, uint32_t rows)
{
	struct taking *t = arg;

	t->rc = j2k_frame_begin(t->head, t->said, columns, rows, t->most, t->out, &t->first);
	return t->rc < 0;
}

static void take(void *arg, unsigned component, uint32_t y, int32_t *row, uint32_t n)
{
	struct taking *t = arg;

	j2k_row_write(t->head, t->out, component, y, row, n);
}

static int decode_by_openjph(struct taking *t, unsigned reduce, struct err *e)
{
	const struct j2k_sound sound = j2k_head_sound(t->head);
	AUTO(buf) joined = BUF(sound.n + 2);
	AUTO(str) owned = NULL;
	uint32_t *lengths = NULL;
	struct shim_htj2k_stream in = {.main_n = t->head->main_n};
	char odd[100];
	int rc = j2k_parts_join(t->head, &sound, &joined, &lengths, &in.parts, e);

	owned = (char *)lengths; /* NOLINT(clang-analyzer-deadcode.DeadStores): freed with its scope */
	in.lengths = lengths;
	in.data = joined.data;
	in.n = joined.len;
	if (rc < 0)
		return rc;
	rc = shim_htj2k_decode(&in, reduce, begin, take, t, odd, sizeof odd);

	if (t->rc < 0)
		return t->rc;
	if (rc < 0)
		return from_shim(rc, "high-throughput JPEG 2000", e);
	if (sound.missing)
		j2k_warn(t->out, "%s", sound.missing);
	else if (odd[0])
		j2k_warn(t->out, "%s", odd);
	return 0;
}

/* First OpenJPH; what that refuses or never reads goes to OpenJPEG, and is told. */
static int decode_by_either(struct taking *t, unsigned reduce, struct err *e)
{
	int rc = -E_CORRUPT;

	if (t->head->high_throughput)
		rc = decode_by_openjph(t, reduce, &t->first);
	else
		err_set(&t->first, E_CORRUPT, "the code stream is not high-throughput");
	if (rc == -E_CORRUPT) {
		codec_frame_cleanup(t->out);
		rc = j2k_decode_by_openjpeg(t->head, t->said, reduce, t->most, t->out, NULL);
		if (rc == 0)
			j2k_warn(t->out, "%s", t->first.msg);
	}
	return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", t->first.msg) : 0;
}

int htj2k_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		 uint64_t most, struct codec_frame *out, struct err *e)
{
	AUTO(codec_frame) f = {0};
	struct j2k_head h;
	struct taking t = {.head = &h, .said = said, .most = most, .out = &f};
	int rc;

	(void)syntax;
	if ((rc = j2k_head_read(in, n, &h, e)) < 0 || (rc = j2k_head_agree(&h, said, reduce, most, e)) < 0)
		return rc;
	if (h.extended)
		return err_set(e, E_UNSUP, "the code stream needs part 2 of JPEG 2000");
	if ((rc = decode_by_either(&t, reduce < h.levels ? reduce : h.levels, e)) < 0)
		return rc;
	*out = f;
	f = (struct codec_frame){0};
	return 0;
}

/* ---- encoding */

/* The library's code-blocks are of 32 bits with what wavelets and colours add: from 20 bits on, chessboards come back otherwise. */
#define DEPTH_MOST 18u

struct giving {
	const struct image_pixel *p;
	const struct j2k_form *f;
	const void *samples;
	struct buf *to;
	struct err *e;
};

static void fill(void *arg, unsigned component, uint32_t y, int32_t *row, uint32_t n)
{
	struct giving *g = arg;

	(void)n;
	j2k_row_read(g->p, g->f, g->samples, component, y, row);
}

static int put(void *arg, const void *data, size_t n)
{
	struct giving *g = arg;

	return buf_put(g->to, data, n, g->e) < 0;
}

static int compress(struct giving *g, unsigned levels, float step)
{
	const struct shim_htj2k form = {
	    .columns = g->p->columns,
	    .rows = g->p->rows,
	    .components = g->p->samples,
	    .depth = g->f->depth,
	    .levels = levels,
	    .is_signed = g->f->is_signed,
	    .transform = g->f->transformed,
	    .step = step,
	};
	int rc;

	buf_clear(g->to);
	rc = shim_htj2k_encode(&form, fill, put, g);
	if (rc == SHIM_ELIMIT && g->e && g->e->code)
		return -(int)g->e->code;
	return rc < 0 ? from_shim(rc, "high-throughput JPEG 2000", g->e) : 0;
}

#define STEP_TRIES 8u
#define STEP_NEAR 0.03 /* of the wanted size */

/* OpenJPH knows steps of the quantiser, not sizes: about halves the size for each bit that the step grows, so each
 * try goes where a straight line through the last one leads, between what was too small and too large. */
static int compress_to(struct giving *g, unsigned levels, double ratio, size_t n)
{
	double want = (double)n / ratio;
	double low = -(double)g->f->depth, high = 0,
	       at = low; /* a step of 1 to begin with: finer ones are as good as none */

	for (unsigned i = 0;; i++) {
		int rc = compress(g, levels, (float)exp2(at));
		double per_sample = (double)g->p->rows * g->p->columns * g->p->samples / 8;
		double off = ((double)g->to->len - want) / want;
		if (rc < 0 || fabs(off) <= STEP_NEAR || (i == 0 && off < 0) || i + 1 == STEP_TRIES)
			return rc;
		*(off > 0 ? &low : &high) = at;
		at += fmax(-4, fmin(4, ((double)g->to->len - want) / fmin(per_sample, (double)g->to->len)));
		if (at <= low || at >= high)
			at = (low + high) / 2;
	}
}

static int split(struct buf *bytes, unsigned levels, struct err *e)
{
	uint64_t ends[33];
	int rc = shim_htj2k_ends(bytes->data, bytes->len, levels, ends);

	if (rc < 0)
		return from_shim(rc, "resolutions of high-throughput JPEG 2000", e);
	return j2k_parts_split(bytes, ends, levels + 1, e);
}

int htj2k_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		 size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	AUTO(buf) bytes = BUF((size_t)most);
	bool lossy = how->ratio > 1 && strcmp(syntax, HTJ2K_ANY) == 0;
	unsigned levels = j2k_levels(p->columns, p->rows);
	struct j2k_form f;
	struct giving g = {.p = p, .f = &f, .samples = samples, .to = &bytes, .e = e};
	int rc;

	if (strcmp(syntax, HTJ2K_LOSSLESS) != 0 && strcmp(syntax, HTJ2K_RPCL) != 0 && strcmp(syntax, HTJ2K_ANY) != 0)
		return err_set(e, E_UNSUP, "nothing is encoded in %s", syntax);
	if ((rc = j2k_form_choose(p, samples, n, lossy, DEPTH_MOST, &f, e)) < 0 ||
	    (rc = lossy ? compress_to(&g, levels, how->ratio, n) : compress(&g, levels, 0)) < 0 ||
	    (rc = split(&bytes, levels, e)) < 0)
		return rc;
	return j2k_stream_finish(&bytes, p, &f, out, e);
}
