#include "archive/pack.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* offsets in a record header */
enum {
	R_MAGIC = 0,
	R_PACK = 8,
	R_AT = 16,
	R_SEQ = 24,
	R_RECEIVED = 32,
	R_LENGTH = 40,
	R_HEAD = 48,
	R_KIND = 52,
	R_DIGEST = 56,
	R_HEAD_HASH = 72,
	R_SITE = 80,
	R_AET = 116,
	R_CLASS = 136,
	R_INSTANCE = 204,
	R_SYNTAX = 272,
	R_SENT = 340,
	R_NOTE = 356,
	R_WAS_PACK = 356, /* settled: in the place of the note */
	R_WAS_AT = 364,
	R_WAS_LENGTH = 372,
	R_WAS_HEAD = 380,
	R_WAS_KIND = 384,
	R_WAS_DIGEST = 388,
	R_WAS_SYNTAX = 404,
	R_APPENDIX = 472,
	R_APPENDIX_HASH = 480,
	R_SUM = PACK_HEAD - 8,
};
enum {
	H_MAGIC = 0,
	H_VERSION = 8,
	H_BLOCK = 12,
	H_PACK = 16,
	H_CREATED = 24,
	H_KIND = 32,
	H_FIRST = 36,
	H_LAST = 44,
	H_SUM = 56,
	PACK_VERSION = 3,        /* of settled packs */
	PACK_VERSION_INTAKE = 2, /* of others; 1: without events and unreadable records, else the same */
};

static const char pack_magic[8] = "TLRDPACK", record_magic[8] = {'T', 'L', 'R', 'D', 'R', 'E', 'C', '1'};

static void get_text(const uint8_t *p, char *out, size_t room)
{
	memcpy(out, p, room - 1);
	out[room - 1] = 0;
}

void pack_header(uint64_t pack, enum pack_kind kind, int64_t created_us, uint8_t out[PACK_BLOCK])
{
	memset(out, 0, PACK_BLOCK);
	memcpy(out + H_MAGIC, pack_magic, 8);
	pack_put(out + H_VERSION, kind == PACK_SETTLED ? PACK_VERSION : PACK_VERSION_INTAKE, 4);
	pack_put(out + H_BLOCK, PACK_BLOCK, 4);
	pack_put(out + H_PACK, pack, 8);
	pack_put(out + H_CREATED, (uint64_t)created_us, 8);
	pack_put(out + H_KIND, kind, 4);
	pack_put(out + H_SUM, XXH3_64bits(out, H_SUM), 8);
}

void pack_header_span(uint8_t head[PACK_BLOCK], uint64_t first, uint64_t last)
{
	pack_put(head + H_FIRST, first, 8);
	pack_put(head + H_LAST, last, 8);
	pack_put(head + H_SUM, XXH3_64bits(head, H_SUM), 8);
}

void pack_header_span_read(const uint8_t head[PACK_BLOCK], uint64_t *first, uint64_t *last)
{
	*first = pack_get(head + H_FIRST, 8);
	*last = pack_get(head + H_LAST, 8);
}

int pack_header_read(const uint8_t in[PACK_BLOCK], uint64_t pack, enum pack_kind *kind, struct err *e)
{
	if (memcmp(in, pack_magic, 8) || pack_get(in + H_SUM, 8) != XXH3_64bits(in, H_SUM) ||
	    pack_get(in + H_PACK, 8) != pack)
		return err_set(e, E_CORRUPT, "pack %llu: its header is damaged", (unsigned long long)pack);
	if (pack_get(in + H_VERSION, 4) < 1 || pack_get(in + H_VERSION, 4) > PACK_VERSION)
		return err_set(e, E_UNSUP, "pack %llu: version %u, this program reads versions up to %d",
			       (unsigned long long)pack, (unsigned)pack_get(in + H_VERSION, 4), PACK_VERSION);
	*kind = (enum pack_kind)pack_get(in + H_KIND, 4);
	return 0;
}

static void put_was(const struct record *r, uint8_t *out)
{
	const struct record_was *w = &r->was;
	pack_put(out + R_WAS_PACK, w->pack, 8);
	pack_put(out + R_WAS_AT, w->at, 8);
	pack_put(out + R_WAS_LENGTH, w->part10_len, 8);
	pack_put(out + R_WAS_HEAD, w->head_len, 4);
	pack_put(out + R_WAS_KIND, w->kind, 4);
	memcpy(out + R_WAS_DIGEST, w->digest, 16);
	memcpy(out + R_WAS_SYNTAX, w->syntax, strlen(w->syntax));
	pack_put(out + R_APPENDIX, r->appendix_len, 8);
	pack_put(out + R_APPENDIX_HASH, r->appendix_hash, 8);
}

static bool get_was(const uint8_t *in, struct record *r)
{
	struct record_was *w = &r->was;
	*w = (struct record_was){
	    .kind = (enum record_kind)pack_get(in + R_WAS_KIND, 4),
	    .pack = pack_get(in + R_WAS_PACK, 8),
	    .at = pack_get(in + R_WAS_AT, 8),
	    .part10_len = pack_get(in + R_WAS_LENGTH, 8),
	    .head_len = (uint32_t)pack_get(in + R_WAS_HEAD, 4),
	};
	memcpy(w->digest, in + R_WAS_DIGEST, 16);
	get_text(in + R_WAS_SYNTAX, w->syntax, sizeof w->syntax);
	r->appendix_len = pack_get(in + R_APPENDIX, 8);
	r->appendix_hash = pack_get(in + R_APPENDIX_HASH, 8);
	return w->head_len <= w->part10_len && w->part10_len < INT64_MAX / 2 && r->appendix_len < INT64_MAX / 4;
}

void record_header(const struct record *r, uint8_t out[PACK_HEAD])
{
	memset(out, 0, PACK_HEAD);
	memcpy(out + R_MAGIC, record_magic, 8);
	pack_put(out + R_PACK, r->pack, 8);
	pack_put(out + R_AT, r->at, 8);
	pack_put(out + R_SEQ, r->seq, 8);
	pack_put(out + R_RECEIVED, (uint64_t)r->received_us, 8);
	pack_put(out + R_LENGTH, r->part10_len, 8);
	pack_put(out + R_HEAD, r->head_len, 4);
	pack_put(out + R_KIND, r->kind, 4);
	memcpy(out + R_DIGEST, r->digest, 16);
	pack_put(out + R_HEAD_HASH, r->head_hash, 8);
	memcpy(out + R_SITE, r->site, strlen(r->site));
	memcpy(out + R_AET, r->aet, strlen(r->aet));
	memcpy(out + R_CLASS, r->sop_class, strlen(r->sop_class));
	memcpy(out + R_INSTANCE, r->sop_instance, strlen(r->sop_instance));
	memcpy(out + R_SYNTAX, r->syntax, strlen(r->syntax));
	memcpy(out + R_SENT, r->sent, 16);
	if (r->kind == RECORD_SETTLED)
		put_was(r, out);
	else
		memcpy(out + R_NOTE, r->note, strlen(r->note));
	pack_put(out + R_SUM, XXH3_64bits(out, R_SUM), 8);
}

int record_header_read(const uint8_t in[PACK_HEAD], uint64_t pack, uint64_t at, struct record *out)
{
	if (memcmp(in, record_magic, 8) || pack_get(in + R_PACK, 8) != pack || pack_get(in + R_AT, 8) != at ||
	    pack_get(in + R_SUM, 8) != XXH3_64bits(in, R_SUM))
		return 0;
	*out = (struct record){
	    .kind = (enum record_kind)pack_get(in + R_KIND, 4),
	    .pack = pack,
	    .at = at,
	    .seq = pack_get(in + R_SEQ, 8),
	    .received_us = (int64_t)pack_get(in + R_RECEIVED, 8),
	    .part10_len = pack_get(in + R_LENGTH, 8),
	    .head_len = (uint32_t)pack_get(in + R_HEAD, 4),
	    .head_hash = pack_get(in + R_HEAD_HASH, 8),
	};
	memcpy(out->digest, in + R_DIGEST, 16);
	memcpy(out->sent, in + R_SENT, 16);
	get_text(in + R_SITE, out->site, sizeof out->site);
	get_text(in + R_AET, out->aet, sizeof out->aet);
	get_text(in + R_CLASS, out->sop_class, sizeof out->sop_class);
	get_text(in + R_INSTANCE, out->sop_instance, sizeof out->sop_instance);
	get_text(in + R_SYNTAX, out->syntax, sizeof out->syntax);
	if (out->kind == RECORD_SETTLED && !get_was(in, out))
		return 0;
	if (out->kind != RECORD_SETTLED)
		get_text(in + R_NOTE, out->note, sizeof out->note);
	return out->head_len <= out->part10_len && out->part10_len < INT64_MAX / 2;
}

/* Makes [at, at + n) visible in the window; NULL at the end of the pack or on failure (*rc). */
static const uint8_t *walk_see(struct pack_walk *w, uint64_t at, size_t n, int *rc, struct err *e)
{
	*rc = 0;
	if (at < w->window_at || at + n > w->window_at + w->window_len) {
		int64_t k = w->store->ops->read(w->store, w->pack, at, w->window, PACK_WINDOW, e);
		if (k < 0) {
			*rc = (int)k;
			return NULL;
		}
		w->window_at = at;
		w->window_len = (uint64_t)k;
		if ((uint64_t)k < n)
			return NULL;
	}
	return w->window + (at - w->window_at);
}

int pack_walk_begin(struct pack_walk *w, struct blob_store *s, uint64_t pack, struct err *e)
{
	int rc;
	*w = (struct pack_walk){.store = s, .pack = pack, .at = PACK_BLOCK};
	int64_t size = s->ops->size(s, pack, e);
	if (size < 0)
		return (int)size;
	w->size = (uint64_t)size;
	w->window = malloc(PACK_WINDOW);
	if (!w->window)
		return err_set(e, E_NOMEM, "no memory to walk a pack");
	const uint8_t *head = walk_see(w, 0, PACK_BLOCK, &rc, e);
	if (rc < 0)
		return rc;
	if (!head)
		return err_set(e, E_CORRUPT, "pack %llu: shorter than its header", (unsigned long long)pack);
	return pack_header_read(head, pack, &w->kind, e);
}

/* What was given back is passed over at once. w->at is a block that is no record. */
static void pass_hole(struct pack_walk *w)
{
	int64_t next = w->store->ops->next ? w->store->ops->next(w->store, w->pack, w->at, NULL) : -1;
	if (next >= 0 && (uint64_t)next > w->at + PACK_BLOCK)
		w->at = (uint64_t)next / PACK_BLOCK * PACK_BLOCK - PACK_BLOCK; /* the caller goes on behind it */
}

int pack_walk_next(struct pack_walk *w, struct record *out, struct err *e)
{
	for (; w->at + PACK_HEAD <= w->size; w->at += PACK_BLOCK) {
		int rc;
		if (w->kind == PACK_SINGLE && w->at > PACK_BLOCK)
			return 0;
		const uint8_t *head = walk_see(w, w->at, PACK_HEAD, &rc, e);
		if (rc < 0)
			return rc;
		if (!head)
			return 0;
		if (record_header_read(head, w->pack, w->at, out)) {
			w->at += record_size(out);
			return 1;
		}
		if (w->at == w->window_at)
			pass_hole(w);
	}
	return 0;
}

void pack_walk_end(struct pack_walk *w)
{
	free(w->window);
	w->window = NULL;
}

static int verify_appendix(struct blob_store *s, const struct record *r, XXH3_state_t *state, uint8_t *buf,
			   struct err *e)
{
	uint64_t at = r->at + PACK_HEAD + r->part10_len, end = at + r->appendix_len;
	XXH3_64bits_reset(state);
	while (at < end) {
		size_t want = end - at < PACK_WINDOW ? (size_t)(end - at) : PACK_WINDOW;
		int64_t k = s->ops->read(s, r->pack, at, buf, want, e);
		if (k < 0)
			return (int)k;
		if ((size_t)k < want)
			break;
		XXH3_64bits_update(state, buf, want);
		at += want;
	}
	if (at == end && XXH3_64bits_digest(state) == r->appendix_hash)
		return 0;
	return err_set(e, E_CORRUPT, "the appendix of pack %llu at %llu does not match its checksum",
		       (unsigned long long)r->pack, (unsigned long long)r->at);
}

int record_verify(struct blob_store *s, const struct record *r,
		  int (*each)(void *arg, const uint8_t *data, size_t n, struct err *e), void *arg, struct err *e)
{
	int rc = 0;
	uint8_t *buf = malloc(PACK_WINDOW);
	XXH3_state_t *state = XXH3_createState();
	if (!buf || !state || r->head_len > PACK_WINDOW) {
		rc = err_set(e, r->head_len > PACK_WINDOW ? E_CORRUPT : E_NOMEM,
			     "cannot read a record of pack %llu at %llu", (unsigned long long)r->pack,
			     (unsigned long long)r->at);
		goto out;
	}
	XXH3_128bits_reset(state);
	for (uint64_t at = 0; at < r->part10_len && rc == 0;) {
		size_t want = at < r->head_len ? r->head_len : PACK_WINDOW;
		if (want > r->part10_len - at)
			want = (size_t)(r->part10_len - at);
		int64_t k = s->ops->read(s, r->pack, r->at + PACK_HEAD + at, buf, want, e);
		if (k < 0) {
			rc = (int)k;
		} else if ((size_t)k < want) {
			rc = err_set(e, E_CORRUPT, "the record of pack %llu at %llu ends after %llu of %llu bytes",
				     (unsigned long long)r->pack, (unsigned long long)r->at,
				     (unsigned long long)(at + (uint64_t)k), (unsigned long long)r->part10_len);
		} else if (at < r->head_len) {
			if (XXH3_64bits(buf, want) != r->head_hash)
				rc = err_set(e, E_CORRUPT,
					     "the file meta of pack %llu at %llu does not match its checksum",
					     (unsigned long long)r->pack, (unsigned long long)r->at);
		} else {
			XXH3_128bits_update(state, buf, want);
		}
		if (rc == 0 && each && at >= r->head_len)
			rc = each(arg, buf, want, e);
		at += want;
	}
	if (rc == 0) {
		XXH128_canonical_t sum;
		XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(state));
		if (memcmp(sum.digest, r->digest, 16))
			rc = err_set(e, E_CORRUPT, "the data set of pack %llu at %llu does not match its checksum",
				     (unsigned long long)r->pack, (unsigned long long)r->at);
	}
	if (rc == 0 && r->appendix_len)
		rc = verify_appendix(s, r, state, buf, e);
out:
	free(buf);
	XXH3_freeState(state);
	return rc;
}
