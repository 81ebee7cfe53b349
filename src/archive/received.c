/* archive/received.c - the head of what was received, of a record or a stored instance. What is settled may say other things
 * in its own head (Photometric Interpretation, for one): then the recipe in its appendix tells. What stands behind the
 * pixel data counts for a record, as it did when it was taken in. */
#include "archive/settle_pack.h"
#include "dicom/appendix.h"
#include <stdlib.h>
#include <string.h>

enum { HEAD_STEP = 16 << 10 };

struct received {
	struct archive *archive;
	const struct stored *stored;
	struct index_head *head;
	bool whole; /* with what stands behind the pixel data */
};

static bool is_over(const struct received *r)
{
	return !r->whole && index_head_over(r->head);
}

/* n bytes of the data set from offset on, or fewer where the head is over before. */
static int feed_range(struct received *r, uint64_t offset, uint64_t n, struct err *e)
{
	uint8_t part[HEAD_STEP];
	uint64_t at = r->stored->head_len + offset;
	while (n && !is_over(r)) {
		int64_t k = stored_read(r->archive, r->stored, at, part, n < sizeof part ? (size_t)n : sizeof part, e);
		int rc = k <= 0 ? (int)k : index_head_feed(r->head, part, (size_t)k, e);
		if (rc < 0 || k == 0)
			return rc;
		at += (uint64_t)k;
		n -= (uint64_t)k;
	}
	return 0;
}

/* No attribute is among samples: they count by their number. */
static int feed_samples(struct received *r, uint64_t n, struct err *e)
{
	static const uint8_t zeros[HEAD_STEP];
	int rc = 0;
	for (uint64_t part; n && rc == 0 && !is_over(r); n -= part) {
		part = n < sizeof zeros ? n : sizeof zeros;
		rc = index_head_feed(r->head, zeros, (size_t)part, e);
	}
	return rc;
}

/* -E_CANCEL: it is over. */
static int feed_piece(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e)
{
	struct received *r = arg;
	int rc = 0;
	if (p->kind == RECIPE_SETTLED)
		rc = feed_range(r, p->at, p->n, e);
	else if (p->kind == RECIPE_SAMPLES)
		rc = feed_samples(r, p->n, e);
	else if (!is_over(r))
		rc = index_head_feed(r->head, bytes, (size_t)p->n, e);
	return rc < 0 ? rc : is_over(r) ? -E_CANCEL : 0;
}

/* The recipe of a settled instance: its bytes are the caller's to free. -E_NOENT: it has none. */
static int read_recipe(struct archive *a, const struct stored *w, struct appendix *about, char **out, size_t *n,
		       struct err *e)
{
	uint8_t head[APPENDIX_HEAD];
	if (!w->settled || w->appendix_n < sizeof head)
		return -E_NOENT;
	int64_t k = stored_appendix(a, w, 0, head, sizeof head, e);
	if (k < 0)
		return (int)k;
	if (appendix_read(head, w->appendix_n, about, NULL) < 0 || !about->has_recipe || about->size > APPENDIX_MOST)
		return -E_NOENT;
	*n = (size_t)(about->size - about->recipe_at);
	if (!(*out = malloc(*n ? *n : 1)))
		return err_set(e, E_NOMEM, "no memory for a recipe");
	k = stored_appendix(a, w, about->recipe_at, *out, *n, e);
	if (k < 0)
		return (int)k;
	return (size_t)k == *n ? 0 : err_set(e, E_CORRUPT, "a recipe is cut");
}

static int finish(int rc, struct index_head **out, struct err *e)
{
	char remark[160];
	if (rc == 0)
		rc = index_head_end(*out, remark, e);
	if (rc < 0)
		index_head_free(STEAL(*out));
	return rc;
}

/* By the recipe. */
static int told_head(struct archive *a, const struct stored *w, bool whole, struct index_head **out, struct err *e)
{
	AUTO(str) recipe = NULL;
	struct appendix about;
	struct err why = {0};
	size_t n = 0;
	int rc = read_recipe(a, w, &about, &recipe, &n, e);
	if (rc < 0 || (rc = index_head_new(w->received_syntax, a->attrs, out, e)) < 0)
		return rc;
	struct received r = {a, w, *out, whole};
	rc = appendix_recipe_each(&about, recipe, n, feed_piece, &r, &why);
	if (rc == -E_CANCEL)
		rc = 0;
	else if (rc < 0)
		err_set(e, why.code, "%s", why.msg);
	return finish(rc, out, e);
}

static int received_head(struct archive *a, const struct stored *w, bool whole, struct index_head **out, struct err *e)
{
	struct err why = {0};
	*out = NULL;
	int rc = told_head(a, w, whole, out, &why);
	bool untold = rc == -E_CORRUPT || rc == -E_INVAL || (rc == -E_NOENT && !why.code);
	if (rc < 0 && !untold)
		return err_set(e, why.code ? why.code : (enum err_code) - rc, "%s", why.msg);
	if (rc == 0) /* a recipe that cannot be followed is no reason for not finding the instance */
		return 0;
	if ((rc = index_head_new(w->syntax, a->attrs, out, e)) < 0)
		return rc;
	struct received r = {a, w, *out, whole};
	return finish(feed_range(&r, 0, w->part10_len - w->head_len, e), out, e);
}

int stored_head(struct archive *a, const struct stored *w, struct index_head **out, struct err *e)
{
	return received_head(a, w, false, out, e);
}

static int feed_head(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return index_head_feed(arg, data, n, e);
}

/* A settled record as a stored instance. */
static struct stored stored_of(const struct record *r)
{
	struct stored w = {.settled = true,
			   .pack = r->pack,
			   .at = r->at + PACK_HEAD,
			   .part10_len = r->part10_len,
			   .head_len = r->head_len,
			   .appendix_at = r->at + PACK_HEAD + r->part10_len,
			   .appendix_n = r->appendix_len};
	memcpy(w.sop_instance, r->sop_instance, sizeof w.sop_instance);
	memcpy(w.syntax, r->syntax, sizeof w.syntax);
	memcpy(w.digest, r->digest, sizeof w.digest);
	memcpy(w.received_syntax, r->was.syntax, sizeof w.received_syntax);
	return w;
}

int record_head(struct archive *a, const struct record *r, struct index_head **out, struct err *e)
{
	*out = NULL;
	if (r->kind == RECORD_SETTLED) {
		const struct stored w = stored_of(r);
		int rc = record_verify(a->packs, r, NULL, NULL, e);
		return rc < 0 ? rc : received_head(a, &w, true, out, e);
	}
	int rc = index_head_new(r->syntax, a->attrs, out, e);
	return rc < 0 ? rc : finish(record_verify(a->packs, r, feed_head, *out, e), out, e);
}
