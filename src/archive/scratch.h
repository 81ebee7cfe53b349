/* archive/scratch.h - files without names, for what is made on the way out.
 *
 * Scratch files lie in TMPDIR, else in tmp of the archive's folder, and have lost their names already when they are given
 * out: whatever happens to this process, nothing of them stays. path is how they are opened while the descriptor is
 * open; each open begins at offset 0.
 * Errors:   -E_IO, -E_FULL, -E_CONFIG (a folder's name is too long).
 * Memory:   the caller closes the descriptor.   Threads: any.
 */
#ifndef ARCHIVE_SCRATCH_H
#define ARCHIVE_SCRATCH_H

#include "archive/query.h"

#define SCRATCH_PATH 32
/* An empty one; returns the descriptor, above 0. */
int scratch_file(struct archive *a, char path[SCRATCH_PATH], struct err *e);
/* Where it lies there is room for n bytes: 0, -E_FULL. The reserve is of the archive's file system; scratch files may lie on another. */
int scratch_room(const struct archive *a, int fd, uint64_t n, struct err *e);
#endif
