/* archive/pack.h - the form of a pack: blocks, record headers, checksums. man/teleread-pack.5 is its full description.
 *
 * A pack is a header block and then records, each at a multiple of PACK_BLOCK: a header of PACK_HEAD bytes, the whole
 * Part 10 file, zeros up to the next block. No two records share a block, so writing one never touches another. Blocks
 * of zeros between and behind records mean nothing. All numbers are little endian. Threads:  depends on arguments
 * alone.
 */
#ifndef ARCHIVE_PACK_H
#define ARCHIVE_PACK_H

#include "archive/blob.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PACK_BLOCK 4096u
#define PACK_HEAD 512u
enum pack_kind { PACK_SHARED = 1, PACK_SINGLE = 2, PACK_SETTLED = 3 };
enum record_kind {
	RECORD_INSTANCE = 1,
	RECORD_VOID = 2,       /* torn by a crash, never acknowledged; passed over */
	RECORD_EVENT = 3,      /* a decision of the operator, see event.h; no head, the digest is of all of it */
	RECORD_UNREADABLE = 4, /* a data set that could not be understood when it came; note says why */
	RECORD_SETTLED = 5, /* in a settled pack: stands for the record of the same sequence number, `was` says which */
	RECORD_SERIES =
	    6, /* in a settled pack: what goes with it, named in note; the last one is "list" (settle_pack.h) */
};

/* What was received, told by the record that stands for it. */
struct record_was {
	enum record_kind kind;
	uint64_t pack, at; /* where its header stood */
	uint64_t part10_len;
	uint32_t head_len;
	uint8_t digest[16];
	char syntax[65];
};

struct record {
	enum record_kind kind;
	uint64_t pack, at; /* where its header stands */
	uint64_t seq;      /* 1, 2, ...: order of everything taken in */
	int64_t received_us;
	uint64_t part10_len;
	uint32_t head_len;  /* of that: preamble and meta */
	uint8_t digest[16]; /* XXH3-128 (canonical) of the data set */
	uint8_t sent[16];   /* coerced: XXH3-128 of the data set as it was sent; else zeros */
	uint64_t head_hash; /* XXH3-64 of preamble and meta */
	char site[33], aet[17], sop_class[65], sop_instance[65], syntax[65];
	char note[148];
	/* RECORD_SETTLED, where note is in others: */
	struct record_was was;
	uint64_t appendix_len, appendix_hash; /* right behind the Part 10 file (dicom/appendix.h); XXH3-64 */
};

/* A number of n bytes as packs have them: the lowest first. */
static inline void pack_put(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}
static inline uint64_t pack_get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}
static inline uint64_t pack_round(uint64_t n)
{
	return (n + PACK_BLOCK - 1) / PACK_BLOCK * PACK_BLOCK;
}
static inline uint64_t record_size(const struct record *r)
{
	return pack_round(PACK_HEAD + r->part10_len + r->appendix_len);
}
/* By which two deliveries of one object are known as the same: the digest of what was sent. */
static inline const uint8_t *sent_digest(const uint8_t digest[16], const uint8_t sent[16])
{
	static const uint8_t none[16];
	return memcmp(sent, none, sizeof none) ? sent : digest;
}
void pack_header(uint64_t pack, enum pack_kind kind, int64_t created_us, uint8_t out[PACK_BLOCK]);
/* The lowest and the highest sequence number of a settled pack's records, in its header. */
void pack_header_span(uint8_t head[PACK_BLOCK], uint64_t first, uint64_t last);
void pack_header_span_read(const uint8_t head[PACK_BLOCK], uint64_t *first, uint64_t *last);
/* 0, -E_CORRUPT, or -E_UNSUP for a version that this program does not know. */
int pack_header_read(const uint8_t in[PACK_BLOCK], uint64_t pack, enum pack_kind *kind, struct err *e);
void record_header(const struct record *r, uint8_t out[PACK_HEAD]);
/* 1: a record of this pack at this offset; 0: none (zeros, or bytes that are not a header of this place). */
int record_header_read(const uint8_t in[PACK_HEAD], uint64_t pack, uint64_t at, struct record *out);

/* Walks a pack's records in order of offset. Where a header is not whole, the next block is looked at; but not in a pack
 * of one large record: what stands behind its first block are bytes of a sender, who may write there what he likes. */
struct pack_walk {
	struct blob_store *store;
	uint64_t pack, at, size;
	enum pack_kind kind; /* 0: the header is damaged */
	uint8_t *window;     /* of PACK_WINDOW bytes at window_at */
	uint64_t window_at, window_len;
};
#define PACK_WINDOW (256u << 10)
/* -E_CORRUPT when the pack's own header is damaged (records can still be walked); -E_IO. */
int pack_walk_begin(struct pack_walk *w, struct blob_store *s, uint64_t pack, struct err *e);
int pack_walk_next(struct pack_walk *w, struct record *out, struct err *e); /* 1, 0 at the end, negative */
void pack_walk_end(struct pack_walk *w);

/* Reads a record once, front to back: gives each piece of the data set to each (may be NULL; non-zero ends it) and
 * compares all checksums. 0, -E_CORRUPT naming which, -E_IO, or what each returned. */
int record_verify(struct blob_store *s, const struct record *r,
		  int (*each)(void *arg, const uint8_t *data, size_t n, struct err *e), void *arg, struct err *e);
#endif
