/* archive/excerpt.h - one frame of a stored instance as a Part 10 file of its own, with what is needed to show it.
 *
 * Of the data set stay Image Pixel and its neighbours (group 0028), and of functional groups those of this frame that change
 * how it looks. So a decoder reads a frame's bytes, however many frames and groups the instance has.
 * Errors:   -E_NOENT (no pixel data, no such frame), -E_UNSUP (samples that are no integers), -E_LIMIT, -E_CORRUPT, those of
 *           frames_open() and of scratch files.
 * Memory:   the caller closes the descriptor.   Threads: any.
 */
#ifndef ARCHIVE_EXCERPT_H
#define ARCHIVE_EXCERPT_H

#include "archive/scratch.h"

/* Returns a descriptor, path as in scratch.h; frame from 0. *at: which frame of that file it is: 0, unless the data set is
 * deflated or in big endian: then all of it was copied. */
int excerpt_frame(struct archive *a, const struct stored *s, uint64_t frame, char path[SCRATCH_PATH], uint64_t *at,
		  struct err *e);
#endif
