/* archive/frames_read.h - reads the table of frames of a Part 10 file from wherever its bytes come. Of this room only.
 */
#ifndef ARCHIVE_FRAMES_READ_H
#define ARCHIVE_FRAMES_READ_H

#include "archive/frames.h"
#include <stdatomic.h>

struct frame_source {
	/* At most n bytes from at; fewer only at the end. */
	int64_t (*read)(void *arg, uint64_t at, void *buf, size_t n, struct err *e);
	void (*ahead)(void *arg, uint64_t at, size_t n); /* they will be read soon; may be NULL */
	void *arg;
	uint64_t size;    /* of the file */
	uint64_t data_at; /* where its data set begins */
};

struct frame_table {
	struct frames about;
	atomic_uint refs;
	struct frame_piece *fragments; /* encapsulated */
	uint32_t n_fragments;
	uint32_t *first; /* of each frame, and one more: n_fragments; NULL: one fragment a frame */
	uint32_t *cuts;  /* n_cuts of each frame; NULL: none */
	unsigned n_cuts;
	/* frames.c: */
	uint64_t pack, at;
	struct frame_table *chain, *newer, *older;
};
size_t frames_bytes(const struct frame_table *t);
/* The table, with one reference. */
int frames_read(const struct frame_source *src, const char *syntax, struct frame_table **out, struct err *e);

/* Likewise of a settled record: src reads its appendix (data_at is not looked at), file_n: bytes of its Part 10 file.
 * -E_CORRUPT also where the appendix contradicts itself or the file. */
int frames_appendix(const struct frame_source *src, uint64_t file_n, struct frame_table **out, struct err *e);

/* ---- frames_read.c and frames_items.c */

/* The first warning stays. */
void frames_warn(struct frames *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct frame_offsets { /* Extended Offset Table and its lengths: values in the file; n in bytes, 0 for none */
	struct frame_piece offsets, lengths;
};
/* Walks the items of t->about.value_at and shares the fragments out; declared: Number of Frames. */
int frames_items(const struct frame_source *src, const char *syntax, const struct frame_offsets *extended,
		 uint64_t declared, struct frame_table *t, struct err *e);
#endif
