/* imaging/picture.h - samples of 8 bits as a JPEG, PNG or WebP file. Of this room only.
 *
 * Errors:   -E_LIMIT (the buffer's cap, or sides that the format does not know), -E_NOMEM.
 * Threads:  depends on arguments alone.   Source: ITU-T T.81, ISO/IEC 15948, RFC 9649.
 */
#ifndef IMAGING_PICTURE_H
#define IMAGING_PICTURE_H

#include "base/buf.h"

struct picture {
	uint32_t width, height, samples; /* 1 grey, 3 RGB */
	const uint8_t *data;             /* rows from the top, without padding */
	const uint8_t *profile;          /* ICC, to go with it */
	size_t profile_n;                /* 0: none */
};
/* Append to out. */
int picture_jpeg(const struct picture *p, unsigned quality, struct buf *out, struct err *e);
int picture_png(const struct picture *p, struct buf *out, struct err *e);
int picture_webp(const struct picture *p, unsigned quality, struct buf *out, struct err *e);
#endif
