/* imaging/transcode_proof.c - a recipe is believed when what it makes has the digest of what came in. */
#include "imaging/transcode_own.h"
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 << 10 };

int proof_open(struct proof *p, unsigned n_cuts, struct err *e)
{
	int rc;

	if ((rc = appendix_new(n_cuts, &p->w, e)) < 0)
		return rc;
	p->bytes = BUF(PROOF_BYTES);
	if (!(p->hash = XXH3_createState()))
		return err_set(e, E_NOMEM, "no memory for a digest");
	XXH3_128bits_reset(p->hash);
	return 0;
}

void proof_cleanup(struct proof *p)
{
	appendix_free(p->w);
	XXH3_freeState(p->hash);
	buf_cleanup(&p->bytes);
	*p = (struct proof){0};
}

static int flush(struct proof *p, struct err *e)
{
	const int rc = p->kind && p->n > 0 ? appendix_recipe(p->w, p->kind, p->at, p->n, p->bytes.data, e) : 0;

	p->kind = 0;
	p->n = 0;
	buf_clear(&p->bytes);
	return rc;
}

/* Pieces of one kind that follow each other become one. */
static int add(struct proof *p, enum recipe_kind kind, uint64_t at, const void *data, size_t n, struct err *e)
{
	int rc = 0;

	if (!p->w || n == 0)
		return 0;
	if (p->kind != kind || (kind == RECIPE_SETTLED && p->at + p->n != at)) {
		rc = flush(p, e);
		p->kind = kind;
		p->at = at;
	}
	p->n += n;
	XXH3_128bits_update(p->hash, data, n);
	if (rc == 0 && kind == RECIPE_BYTES && buf_put(&p->bytes, data, n, NULL) < 0)
		rc = err_set(e, E_LIMIT, "more than %u bytes of what came in would have to be kept besides",
			     PROOF_BYTES);
	return rc;
}

int proof_settled(struct proof *p, uint64_t at, const void *data, size_t n, struct err *e)
{
	return add(p, RECIPE_SETTLED, at, data, n, e);
}

int proof_bytes(struct proof *p, const void *data, size_t n, struct err *e)
{
	return add(p, RECIPE_BYTES, 0, data, n, e);
}

int proof_samples(void *proof, const void *data, size_t n, struct err *e)
{
	return add(proof, RECIPE_SAMPLES, 0, data, n, e);
}

static int digest_of(const struct image_source *in, uint8_t out[16], struct err *e)
{
	AUTO(str) piece = malloc(PIECE);
	XXH3_state_t *hash = XXH3_createState();
	XXH128_canonical_t digest;
	int64_t k = 1;

	if (!piece || !hash) {
		XXH3_freeState(hash);
		return err_set(e, E_NOMEM, "no memory for a digest"); /* cppcheck-suppress memleak */
	}
	XXH3_128bits_reset(hash);
	for (uint64_t at = in->head_len; k > 0; at += (uint64_t)k)
		if ((k = in->read(in->arg, at, piece, PIECE, e)) > 0)
			XXH3_128bits_update(hash, piece, (size_t)k);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(hash));
	memcpy(out, digest.digest, 16);
	XXH3_freeState(hash);
	return k < 0 ? (int)k : 0; /* cppcheck-suppress memleak */
}

int proof_end(struct proof *p, const struct image_source *in, const uint8_t *digest, struct err *e)
{
	XXH128_canonical_t made;
	uint8_t read[16];
	int rc;

	if (!p->w)
		return 0;
	if ((rc = flush(p, e)) < 0 || (!digest && (rc = digest_of(in, read, e)) < 0))
		return rc;
	XXH128_canonicalFromHash(&made, XXH3_128bits_digest(p->hash));
	if (memcmp(made.digest, digest ? digest : read, 16) != 0)
		return err_set(e, E_MISMATCH, "the recipe does not give back what came in");
	return 0;
}
