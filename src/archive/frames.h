/* archive/frames.h - where each frame of a stored instance lies, without reading the pixels.
 *
 * Native pixel data: by arithmetic. Encapsulated: by Extended Offset Table, Basic Offset Table, one fragment a frame, or
 * the items walked; whichever table is there is checked against the items before it is believed. Number of Frames that
 * lies is a warning: what is there counts.
 * Tables of instances used lately are kept in memory, up to a bound.
 * Errors:   -E_NOENT (no pixel data), -E_CORRUPT (says what does not fit), -E_UNSUP.
 * Source:   PS3.5 A.4, PS3.3 C.7.6.3.1.8.   Threads: any.
 */
#ifndef ARCHIVE_FRAMES_H
#define ARCHIVE_FRAMES_H

#include "archive/query.h"

struct frame_piece { /* of the Part 10 file */
	uint64_t at, n;
};
struct frames {
	uint64_t n; /* frames */
	bool encapsulated;
	uint32_t rows, columns, samples, bits_allocated, bits_stored, planar;
	bool pixel_signed;
	char photometric[17];
	uint64_t frame_bits; /* native: of one frame; frames of 1 bit may begin within a byte */
	char warning[160];   /* "" or what did not fit */
};
struct frame_table;
int frames_open(struct archive *a, const struct stored *s, struct frame_table **out, struct err *e);
int frames_known(struct archive *a, const struct stored *s, struct frame_table **out); /* 1 from memory alone, else 0 */
const struct frames *frames_of(const struct frame_table *t);
/* Fragments of frame (from 0), in order: how many there are; the first `most` of them are written to out. */
int64_t frames_locate(const struct frame_table *t, uint64_t frame, struct frame_piece *out, size_t most, struct err *e);
void frames_close(struct frame_table *t);
#endif
