/* web/wado_pixels.h - pixel data of an instance, frame by frame, as parts of an answer.
 *
 * Frames lie in the file, or each is made alone by a worker (imaging/frame.h) and lies in its memory until it was given:
 * decoded ones, those in another compressed syntax, those stored in big endian. Samples within a deflated data set, and
 * what cannot be taken apart in big endian, come from a copy in Explicit VR Little Endian (web/transcoded.h). Frames of
 * single bits begin at a byte (PS3.18 8.7.3.3.1).
 * Errors:   -E_NOENT (no pixel data; a frame that is not there), and those of frames_open(), frame_decode(), frame_encode() and
 *           transcoded_open().
 * Memory:   pixels_close().   Threads: one at a time for each; opening and parts may wait.
 */
#ifndef WEB_WADO_PIXELS_H
#define WEB_WADO_PIXELS_H

#include "web/wado_choice.h"
#include "web/wado_parts.h"

struct pixels;
int pixels_open(struct exchange *x, const struct stored *s, struct pixels **out, struct err *e);
/* From memory alone: 1; else 0. Then pixels_frame() does not block, unless it is to decode. */
int pixels_known(struct exchange *x, const struct stored *s, struct pixels **out);
/* What went wrong lies in the pixel data, not here: they cannot be decoded, or are damaged. */
bool pixels_fault(int rc);
uint64_t pixels_frames(const struct pixels *p);
const struct image_pixel *pixels_shape(struct pixels *p); /* borrowed; NULL: nobody knows, or it takes reading */
bool pixels_whole(const struct pixels *p);                /* pixels_all() is one part */
/* frame: from 0. The part is located as .../frames/N. */
int pixels_frame(struct pixels *p, const struct wado_pixels *how, uint64_t frame, struct part *out, struct err *e);
/* Part i of all pixel data: 1, or 0 when there is none any more. Samples are one part, compressed frames one each; located
 * as .../bulkdata/7FE00010. */
int pixels_all(struct pixels *p, const struct wado_pixels *how, uint64_t i, struct part *out, struct err *e);
void pixels_close(struct pixels *p); /* NULL is fine */
static inline void pixels_cleanup(struct pixels **p)
{
	pixels_close(*p);
}
AUTO_TYPE(pixels, struct pixels *);
#endif
