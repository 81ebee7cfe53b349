/* archive/frames.h - where each frame of a stored instance lies, without reading the pixels.
 *
 * Native pixel data: by arithmetic. Encapsulated: the items are walked, always (a read of a few bytes for each), and the
 * fragments shared out by Extended Offset Table, Basic Offset Table, one fragment a frame, or where a codestream begins;
 * whichever table is there is checked against the items before it is believed. Number of Frames that lies is a warning: what
 * is there counts. So does what is left of pixel data that ends early: whole frames of native ones, fragments of others.
 * Video is one frame, whatever its number of pictures: they do not lie apart. Of a settled instance the table that it carries
 * is read instead (dicom/appendix.h), unless that is damaged.
 * Memory:   16 bytes for a fragment and 4 for each of its cuts, at most FRAMES_FRAGMENTS. Tables of instances used lately are kept, together at most
 *           FRAMES_KEPT bytes besides those in use.
 * Errors:   -E_NOENT (no pixel data; no such frame), -E_CORRUPT (says what does not fit), -E_LIMIT, -E_UNSUP (a deflated data
 *           set: its frames have no place in the file).
 * Source:   PS3.5 A.4, PS3.3 C.7.6.3.1.8, C.7.6.3.1.2 (422).   Threads: any.
 */
#ifndef ARCHIVE_FRAMES_H
#define ARCHIVE_FRAMES_H

#include "archive/query.h"
#include "dicom/appendix.h"

#define FRAMES_FRAGMENTS (2u << 20)
#define FRAMES_KEPT (64u << 20)

struct frames {
	uint64_t n; /* frames */
	bool encapsulated, video;
	uint32_t rows, columns, samples, bits_allocated, bits_stored, high_bit, planar;
	bool pixel_signed;
	uint8_t words;              /* as in dicom/pixels.h */
	uint32_t tag;               /* of Pixel Data, Float Pixel Data or Double Float Pixel Data */
	uint64_t value_at, value_n; /* its value in the Part 10 file, with all items where it is encapsulated */
	char photometric[17];
	uint64_t frame_bits; /* native: of one frame; frame k begins at bit k * frame_bits % 8 of its first byte */
	char warning[160];   /* "" or what did not fit */
};
struct frame_table;
int frames_open(struct archive *a, const struct stored *s, struct frame_table **out, struct err *e);
/* From memory alone: 1 or 0. Does not block. */
int frames_known(struct archive *a, const struct stored *s, struct frame_table **out);
const struct frames *frames_of(const struct frame_table *t);
/* Pieces of frame (from 0), in order: how many there are; the first `most` of them are written to out. -E_NOENT. */
int64_t frames_locate(const struct frame_table *t, uint64_t frame, struct frame_piece *out, size_t most, struct err *e);
/* Bytes of the frame up to each resolution, the coarsest first, the last is all of it: how many there are. 0: it is not ordered
 * by resolution, or nobody noted it. */
unsigned frames_cuts(const struct frame_table *t, uint64_t frame, uint64_t cuts[APPENDIX_CUTS]);
void frames_close(struct frame_table *t); /* NULL is fine */

/* What other rooms read of a stored instance, imaging above all. Instances without pixel data and deflated ones (whose pixel data
 * nobody can address in the file) have tag 0. The caller closes it: frames_source_cleanup(). */
int frames_source(struct archive *a, const struct stored *s, struct image_source *out, struct err *e);
void frames_source_cleanup(struct image_source *src); /* zeroed memory is fine */
AUTO_TYPE(frames_source, struct image_source);
#endif
