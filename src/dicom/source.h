/* dicom/source.h - a Part 10 file whose frames can be found, wherever it lies: what one room gives to another.
 *
 * The archive makes one of a stored instance (archive/frames.h, frames_source()), tests of a file. Who uses it holds no more
 * than a frame in memory.
 * Threads:  read and locate may be called by several threads at once.
 */
#ifndef DICOM_SOURCE_H
#define DICOM_SOURCE_H

#include "base/err.h"
#include "dicom/pixels.h"
#include <stddef.h>

struct frame_piece { /* of the Part 10 file */
	uint64_t at, n;
};
struct image_source {
	void *arg;
	/* At most n bytes of the Part 10 file from offset; 0 at its end. */
	int64_t (*read)(void *arg, uint64_t offset, void *buf, size_t n, struct err *e);
	/* Pieces of a frame (from 0), in order: how many there are, the first `most` of them in out. NULL: tag is 0.
	 * -E_NOENT. Of native frames of single bits the first piece begins at the byte that holds bit frame * frame_bits. */
	int64_t (*locate)(void *arg, uint64_t frame, struct frame_piece *out, size_t most, struct err *e);
	/* A file that holds it from fd_at on, for reading at offsets of one's own; -1: there is none. */
	int fd;
	uint64_t fd_at;
	char syntax[65];
	uint64_t size;     /* of the Part 10 file */
	uint32_t head_len; /* preamble and meta: the data set begins there */
	struct image_pixel pixels;
	uint64_t frames; /* that are there */
	uint32_t tag;    /* of Pixel Data, Float or Double Float Pixel Data; 0: none, or deflated: not known */
	bool encapsulated, video;
	uint64_t value_at, value_n; /* of that element, with all items where it is encapsulated */
	/* What lies behind it where it was settled (dicom/appendix.h); appendix_n 0: nothing. */
	int64_t (*appendix)(void *arg, uint64_t offset, void *buf, size_t n, struct err *e);
	uint64_t appendix_n;
	char warning[160]; /* "" or what about its pixel data does not fit */
};
#endif
