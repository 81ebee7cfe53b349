/* imaging/conform.h - decoded samples in the form that a data set describes. Of this room only.
 *
 * Planes where it says planes, chroma in pairs where it says YBR_FULL_422 or YBR_PARTIAL_422 (PS3.3 C.7.6.3.1.2: that of the
 * first pixel of each two). What it says of other colours is left as it was decoded, and f->pixels tells.
 * Errors:   -E_NOMEM; f is as it was.   Threads: depends on arguments alone.
 */
#ifndef IMAGING_CONFORM_H
#define IMAGING_CONFORM_H

#include "imaging/codec.h"

int codec_conform(struct codec_frame *f, const struct image_pixel *said, struct err *e);
#endif
