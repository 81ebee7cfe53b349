/* imaging/j2k_samples.h - between containers of samples and the integers of JPEG 2000, a row at a time. Of this room only.
 *
 * Both codecs of JPEG 2000 choose depth and sign, give and take rows, and say of colours what is said here.
 * Memory:   nothing is kept.   Threads: depends on arguments alone.
 * Source:   PS3.5 8.1.1 (bits of a cell), 8.2.4 (sign and depth are those of the code stream), PS3.3 C.7.6.3.1.2 (YBR_RCT, YBR_ICT).
 */
#ifndef IMAGING_J2K_SAMPLES_H
#define IMAGING_J2K_SAMPLES_H

#include "imaging/j2k_head.h"

struct j2k_form { /* how a frame becomes a code stream */
	unsigned depth;
	bool is_signed, transformed, lossy;
	char photometric[17]; /* for the data set */
};
/* Depth is Bits Stored where the bits above say nothing (zero, or the sign), else Bits Allocated, so that overlays there survive. n: bytes
 * of the samples. deepest: what the library can without overflow. -E_UNSUP with the reason; -E_INVAL when n is not that of a frame. */
int j2k_form_choose(const struct image_pixel *p, const void *samples, size_t n, bool lossy, unsigned deepest,
		    struct j2k_form *out, struct err *e);
/* One component of row y, columns integers. */
void j2k_row_read(const struct image_pixel *p, const struct j2k_form *f, const void *samples, unsigned component,
		  uint32_t y, int32_t *row);

/* A frame to fill from a code stream: out->pixels as they will be, memory for the samples, and what is odd about the two as a warning. */
int j2k_frame_begin(const struct j2k_head *h, const struct image_pixel *said, uint32_t columns, uint32_t rows,
		    uint64_t most, struct codec_frame *out, struct err *e);
/* Row y of a component, n integers, goes where it belongs; subsampled ones are spread. What lies outside is left out. */
void j2k_row_write(const struct j2k_head *h, struct codec_frame *out, unsigned component, uint32_t y,
		   const int32_t *row, uint32_t n);
/* Adds to the warning, as far as there is room. */
void j2k_warn(struct codec_frame *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
