/* shim/jpeg.h - JPEG of more than eight bits, and lossless JPEG, by the toolkit's three IJG libraries: memory to memory.
 *
 * Samples: bytes up to 8 bits, else words of this machine's order; by pixel. No colours are converted. Bit patterns: a sign is
 * not known here.
 * Errors:   SHIM_EINVAL, SHIM_EPARSE, SHIM_ELIMIT (4 GB or more, more than 65500 rows or columns), as in shim/shim.h.
 * Source:   ITU-T T.81.   Threads: any, without shim_setup().
 */
#ifndef SHIM_JPEG_H
#define SHIM_JPEG_H

#include "shim/shim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* precision: of the stream's frame header, which the caller has read and whose samples fit room. Bytes that were not reached
 * stay as they were. 0, or 1: the stream ends early, or breaks. *warnings: how many the library had. */
int shim_jpeg_decode(const void *in, size_t n, unsigned precision, void *out, size_t room, unsigned *warnings);

struct shim_jpeg {
	unsigned columns, rows, samples;
	unsigned depth;   /* bits that the samples use; the stream's precision is the next of 8, 12, 16 */
	int ybr;          /* three samples: YBR_FULL, else RGB */
	unsigned quality; /* 0: lossless, selection value 1; else extended lossy of 12 bits, one sample a pixel */
};
/* take() is given the stream, once; what it returns other than 0 is returned. */
int shim_jpeg_encode(const struct shim_jpeg *how, const void *samples, size_t n,
		     int (*take)(void *arg, const void *data, size_t n), void *arg);

#ifdef __cplusplus
}
#endif
#endif
