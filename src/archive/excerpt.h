/* archive/excerpt.h - one frame of a stored instance as a Part 10 file of its own, with what is needed to show it.
 *
 * Of the data set stay Image Pixel and its neighbours (group 0028), overlays, what is said of presentation and profiles, and of
 * functional groups those of this frame that change how it looks. So a decoder reads a frame's bytes, however many frames and
 * groups the instance has.
 * Errors:   -E_NOENT (no pixel data, no such frame), -E_LIMIT (more than EXCERPT_MOST bytes), -E_CORRUPT, those of frames_open()
 *           and of writing.
 * Memory:   of the head, and 256 KiB.   Threads: any.
 */
#ifndef ARCHIVE_EXCERPT_H
#define ARCHIVE_EXCERPT_H

#include "archive/query.h"

/* Bytes of a frame: it is copied to memory, and who shows it decodes no more. */
#define EXCERPT_MOST (256ULL << 20)

/* Writes it to a descriptor, from where that stands; frame from 0. *at: which frame of that file it is: 0, unless the data set is
 * deflated: then all of it was copied. */
int excerpt_write(struct archive *a, const struct stored *s, uint64_t frame, int to, uint64_t *at, struct err *e);
/* The whole Part 10 file likewise; -E_LIMIT where that is longer than most. */
int excerpt_whole(struct archive *a, const struct stored *s, uint64_t most, int to, struct err *e);
#endif
