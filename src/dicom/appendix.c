/* dicom/appendix.c - head, table of frames and recipe: their bytes. */
#include "dicom/appendix.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define MAGIC "TLRDAPX1"
enum {
	ENTRY = 16, /* of a frame, and CUT bytes for each cut */
	CUT = 4,
	HEAD_SUM = APPENDIX_HEAD - 8,
	RECIPE_HEAD = 24, /* how many pieces, bytes before and after compression */
	PIECE = 24,
	SUM = 8,
	LEVEL = 3 /* of compression */
};

static void put(uint8_t *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = n; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* ---- writing */

struct appendix_writer {
	unsigned n_cuts;
	uint64_t frames;
	uint32_t pieces;
	struct buf table, recipe, bytes;
};

int appendix_new(unsigned n_cuts, struct appendix_writer **out, struct err *e)
{
	struct appendix_writer *w;

	if (n_cuts > APPENDIX_CUTS)
		return err_set(e, E_LIMIT, "%u cuts of a frame", n_cuts);
	if (!(w = calloc(1, sizeof *w)))
		return err_set(e, E_NOMEM, "no memory for a table of frames");
	w->n_cuts = n_cuts;
	w->table.cap = w->bytes.cap = APPENDIX_MOST;
	w->recipe.cap = (size_t)RECIPE_PIECES * PIECE;
	*out = w;
	return 0;
}

void appendix_free(struct appendix_writer *w)
{
	if (!w)
		return;
	buf_cleanup(&w->table);
	buf_cleanup(&w->recipe);
	buf_cleanup(&w->bytes);
	free(w);
}

static uint32_t entry_sum(const uint8_t *entry, size_t size)
{
	uint8_t copy[ENTRY + CUT * APPENDIX_CUTS];

	memcpy(copy, entry, size);
	memset(copy + 12, 0, 4);
	return (uint32_t)XXH3_64bits(copy, size);
}

int appendix_add(struct appendix_writer *w, const struct appendix_frame *f, struct err *e)
{
	uint8_t entry[ENTRY + CUT * APPENDIX_CUTS] = {0};
	const size_t size = ENTRY + (size_t)CUT * w->n_cuts;
	int rc;

	if (f->n > UINT32_MAX)
		return err_set(e, E_LIMIT, "a frame of %llu bytes", (unsigned long long)f->n);
	put(entry, 8, f->at);
	put(entry + 8, 4, f->n);
	for (unsigned i = 0; i < w->n_cuts; i++)
		put(entry + ENTRY + (size_t)CUT * i, CUT, f->cut[i]);
	put(entry + 12, 4, entry_sum(entry, size));
	if ((rc = buf_put(&w->table, entry, size, e)) == 0)
		w->frames++;
	return rc;
}

int appendix_recipe(struct appendix_writer *w, enum recipe_kind kind, uint64_t at, uint64_t n, const void *bytes,
		    struct err *e)
{
	uint8_t piece[PIECE] = {0};
	int rc;

	if (kind == RECIPE_BYTES)
		at = w->bytes.len;
	put(piece, 4, kind);
	put(piece + 8, 8, at);
	put(piece + 16, 8, n);
	if (kind == RECIPE_BYTES && (n > APPENDIX_MOST || (rc = buf_put(&w->bytes, bytes, (size_t)n, NULL)) < 0))
		return err_set(e, E_LIMIT, "more than %llu bytes of a data set would have to be kept",
			       (unsigned long long)APPENDIX_MOST);
	if ((rc = buf_put(&w->recipe, piece, sizeof piece, e)) == 0)
		w->pieces++;
	return rc;
}

static void put_pixels(uint8_t out[40], const struct image_pixel *p)
{
	put(out, 4, p->rows);
	put(out + 4, 4, p->columns);
	put(out + 8, 2, p->samples);
	put(out + 10, 2, p->bits_allocated);
	put(out + 12, 2, p->bits_stored);
	put(out + 14, 2, p->high_bit);
	out[16] = p->planar;
	out[17] = p->is_signed;
	/* a value of the object: whatever was sent; readers take text alone */
	for (size_t i = 0; i + 1 < sizeof p->photometric && p->photometric[i]; i++)
		out[20 + i] = p->photometric[i] < ' ' || p->photometric[i] > '~' ? '?' : (uint8_t)p->photometric[i];
}

static void put_head(uint8_t head[APPENDIX_HEAD], const struct appendix_writer *w, const struct appendix *about,
		     uint64_t recipe_at, uint64_t size)
{
	memset(head, 0, APPENDIX_HEAD);
	memcpy(head, MAGIC, 8);
	put(head + 8, 8, size);
	put(head + 16, 8, w->frames);
	put(head + 24, 4, w->n_cuts);
	put(head + 28, 4, w->pieces > 0);
	head[32] = about->swap;
	head[33] = about->planar;
	put(head + 40, 8, about->value_at);
	put(head + 48, 8, about->value_n);
	put(head + 56, 8, APPENDIX_HEAD);
	put(head + 64, 8, recipe_at);
	put_pixels(head + 72, &about->pixels);
	put(head + HEAD_SUM, 8, XXH3_64bits(head, HEAD_SUM));
}

static int put_recipe(const struct appendix_writer *w, struct buf *out, struct err *e)
{
	const size_t begun = out->len, bound = ZSTD_compressBound(w->bytes.len);
	uint8_t head[RECIPE_HEAD] = {0}, sum[SUM];
	size_t n = 0;
	int rc;

	if ((rc = buf_put(out, head, sizeof head, e)) < 0 || (rc = buf_put(out, w->recipe.data, w->recipe.len, e)) < 0)
		return rc;
	if (w->bytes.len > 0) {
		if ((rc = buf_reserve(out, bound, e)) < 0)
			return rc;
		n = ZSTD_compress(out->data + out->len, bound, w->bytes.data, w->bytes.len, LEVEL);
		if (ZSTD_isError(n))
			return err_set(e, E_NOMEM, "zstd: %s", ZSTD_getErrorName(n));
		out->len += n;
	}
	put(out->data + begun, 4, w->pieces);
	put(out->data + begun + 8, 8, w->bytes.len);
	put(out->data + begun + 16, 8, n);
	put(sum, 8, XXH3_64bits(out->data + begun, out->len - begun));
	return buf_put(out, sum, sizeof sum, e);
}

int appendix_end(struct appendix_writer *w, const struct appendix *about, struct buf *out, struct err *e)
{
	uint8_t head[APPENDIX_HEAD] = {0};
	const size_t begun = out->len;
	struct appendix again;
	int rc;

	if ((rc = buf_put(out, head, sizeof head, e)) < 0 || (rc = buf_put(out, w->table.data, w->table.len, e)) < 0)
		goto fail;
	const uint64_t recipe_at = out->len - begun;
	if (w->pieces > 0 && (rc = put_recipe(w, out, e)) < 0)
		goto fail;
	put_head(head, w, about, recipe_at, out->len - begun);
	memcpy(out->data + begun, head, sizeof head);
	/* what stands in for what was received must be readable for ever */
	if ((rc = appendix_read(head, out->len - begun, &again, e)) < 0)
		goto fail;
	return 0;
fail:
	out->len = begun;
	return rc;
}

/* ---- reading */

static bool is_text(const uint8_t *p, size_t n)
{
	size_t length = strnlen((const char *)p, n);

	for (size_t i = 0; i < n; i++)
		if (i < length ? p[i] < ' ' || p[i] > '~' : p[i] != 0)
			return false;
	return length < n;
}

static bool get_pixels(const uint8_t in[40], struct image_pixel *p)
{
	*p = (struct image_pixel){.rows = (uint32_t)get(in, 4),
				  .columns = (uint32_t)get(in + 4, 4),
				  .samples = (uint16_t)get(in + 8, 2),
				  .bits_allocated = (uint16_t)get(in + 10, 2),
				  .bits_stored = (uint16_t)get(in + 12, 2),
				  .high_bit = (uint16_t)get(in + 14, 2),
				  .planar = in[16],
				  .is_signed = in[17] != 0};
	if (in[16] > 1 || in[17] > 1 || !is_text(in + 20, sizeof p->photometric))
		return false;
	memcpy(p->photometric, in + 20, sizeof p->photometric);
	return true;
}

/* Head, table and recipe fill the size, and nothing wraps. */
static bool places_fit(const struct appendix *a)
{
	uint64_t table;

	return a->n_cuts <= APPENDIX_CUTS && a->table_at == APPENDIX_HEAD &&
	       !__builtin_mul_overflow(a->frames, (uint64_t)appendix_entry_size(a), &table) && table <= APPENDIX_MOST &&
	       a->recipe_at == a->table_at + table && a->value_n <= UINT64_MAX - a->value_at &&
	       (a->has_recipe ? a->size >= a->recipe_at + RECIPE_HEAD + SUM : a->size == a->recipe_at);
}

int appendix_read(const uint8_t in[APPENDIX_HEAD], uint64_t size, struct appendix *out, struct err *e)
{
	struct appendix a = {.size = get(in + 8, 8),
			     .frames = get(in + 16, 8),
			     .n_cuts = (unsigned)get(in + 24, 4),
			     .has_recipe = get(in + 28, 4) == 1,
			     .swap = in[32],
			     .planar = in[33],
			     .value_at = get(in + 40, 8),
			     .value_n = get(in + 48, 8),
			     .table_at = get(in + 56, 8),
			     .recipe_at = get(in + 64, 8)};

	if (memcmp(in, MAGIC, 8) != 0)
		return err_set(e, E_CORRUPT, "what should be an appendix does not begin like one");
	if (get(in + HEAD_SUM, 8) != XXH3_64bits(in, HEAD_SUM))
		return err_set(e, E_CORRUPT, "the sum of an appendix's head is wrong");
	if (a.size != size || !places_fit(&a) || !get_pixels(in + 72, &a.pixels) || a.planar > 1 ||
	    get(in + 28, 4) > 1 || (a.swap != 0 && a.swap != 2 && a.swap != 4 && a.swap != 8))
		return err_set(e, E_CORRUPT, "the head of an appendix of %llu bytes contradicts itself",
			       (unsigned long long)size);
	*out = a;
	return 0;
}

uint64_t appendix_entry_at(const struct appendix *a, uint64_t frame)
{
	return a->table_at + frame * appendix_entry_size(a);
}

size_t appendix_entry_size(const struct appendix *a)
{
	return ENTRY + (size_t)CUT * a->n_cuts;
}

int appendix_entry(const struct appendix *a, const uint8_t *entry, struct appendix_frame *out, struct err *e)
{
	struct appendix_frame f = {.at = get(entry, 8), .n = get(entry + 8, 4)};
	const uint64_t end = a->value_at + a->value_n;
	uint64_t before = 0;
	bool fits = f.at >= a->value_at && f.at <= end && f.n <= end - f.at;

	for (unsigned i = 0; i < a->n_cuts; i++) {
		f.cut[i] = get(entry + ENTRY + (size_t)CUT * i, CUT);
		fits = fits && f.cut[i] >= before && f.cut[i] <= f.n;
		before = f.cut[i];
	}
	if (!fits || get(entry + 12, 4) != entry_sum(entry, appendix_entry_size(a)))
		return err_set(e, E_CORRUPT, "an entry of the table of frames is damaged");
	*out = f;
	return 0;
}

/* ---- the recipe */

struct recipe {
	const uint8_t *pieces, *packed;
	uint32_t n_pieces;
	uint64_t raw, packed_n;
};

static int recipe_head(const struct appendix *a, const uint8_t *in, size_t n, struct recipe *r, struct err *e)
{
	if (n != a->size - a->recipe_at || get(in + n - SUM, 8) != XXH3_64bits(in, n - SUM))
		return err_set(e, E_CORRUPT, "the sum of a recipe is wrong");
	*r = (struct recipe){.pieces = in + RECIPE_HEAD,
			     .n_pieces = (uint32_t)get(in, 4),
			     .raw = get(in + 8, 8),
			     .packed_n = get(in + 16, 8)};
	const size_t room = n - RECIPE_HEAD - SUM;
	if (r->n_pieces > RECIPE_PIECES || (size_t)r->n_pieces * PIECE > room ||
	    r->packed_n != room - (size_t)r->n_pieces * PIECE || r->raw > APPENDIX_MOST)
		return err_set(e, E_CORRUPT, "a recipe contradicts itself");
	r->packed = r->pieces + (size_t)r->n_pieces * PIECE;
	return 0;
}

static int unpack(const struct recipe *r, char **out, struct err *e)
{
	if (r->raw == 0)
		return 0;
	if (ZSTD_getFrameContentSize(r->packed, (size_t)r->packed_n) != r->raw)
		return err_set(e, E_CORRUPT, "the bytes of a recipe are not as many as it says");
	if (!(*out = malloc((size_t)r->raw)))
		return err_set(e, E_NOMEM, "no memory for the bytes of a recipe");
	const size_t n = ZSTD_decompress(*out, (size_t)r->raw, r->packed, (size_t)r->packed_n);
	if (ZSTD_isError(n) || n != r->raw)
		return err_set(e, E_CORRUPT, "the bytes of a recipe are damaged");
	return 0;
}

int appendix_recipe_each(const struct appendix *a, const void *in, size_t n,
			 int (*piece)(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e),
			 void *arg, struct err *e)
{
	AUTO(str) bytes = NULL;
	struct recipe r = {0};
	int rc;

	if (!a->has_recipe)
		return err_set(e, E_NOENT, "there is no recipe of what was received");
	if ((rc = recipe_head(a, in, n, &r, e)) < 0 || (rc = unpack(&r, &bytes, e)) < 0)
		return rc;
	for (uint32_t i = 0; i < r.n_pieces; i++) {
		const uint8_t *at = r.pieces + (size_t)i * PIECE;
		const struct recipe_piece p = {(enum recipe_kind)get(at, 4), get(at + 8, 8), get(at + 16, 8)};

		if (p.kind < RECIPE_SETTLED || p.kind > RECIPE_SAMPLES || p.n > UINT64_MAX - p.at ||
		    (p.kind == RECIPE_BYTES && p.at + p.n > r.raw))
			return err_set(e, E_CORRUPT, "piece %u of a recipe does not fit", i + 1);
		rc = piece(arg, &p, p.kind == RECIPE_BYTES ? (const uint8_t *)bytes + p.at : NULL, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
