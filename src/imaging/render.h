/* imaging/render.h - a frame for people's eyes: JPEG or PNG of 8 bits, grey or RGB.
 *
 * The seam that the imaging floor will take over: today the toolkit decodes, in this process, behind checks of size. Only
 * the frame asked for is decoded. Grey values are shown through the window given, else through the first window or
 * table of the file (enhanced objects: of the frame), else from the darkest to the brightest; MONOCHROME1 comes out
 * inverted, palettes and YBR as RGB. Overlays, presentation states and ICC profiles are not applied.
 * Errors:   -E_UNSUP names what cannot be decoded, -E_LIMIT (a frame of more than RENDER_MOST bytes, or out is too small),
 *           -E_CORRUPT, -E_NOENT (no pixel data, no such frame), -E_INVAL (a region that is not in the image).
 * Threads:  any; at most TRANSCODE_AT_ONCE decode at the same time, others wait.
 */
#ifndef IMAGING_RENDER_H
#define IMAGING_RENDER_H

#include "base/buf.h"
#include "imaging/transcode.h"

#define RENDER_MOST (128ULL << 20)
#define RENDER_QUALITY 90u
#define RENDER_SIDE_MOST 16384u /* of a picture that is made larger */

enum render_format { RENDER_JPEG, RENDER_PNG };
/* RENDER_FILE: as the file says. The others: of the window given (PS3.3 C.11.2.1.2, C.11.2.1.3). */
enum render_voi { RENDER_FILE, RENDER_LINEAR, RENDER_LINEAR_EXACT, RENDER_SIGMOID };
struct render_options {
	enum render_format format;
	uint64_t frame;                          /* from 0 */
	unsigned quality;                        /* of JPEG, 1 to 100; 0: RENDER_QUALITY */
	unsigned width, height;                  /* to fit into, keeping the ratio; 0: no bound; both 0: one for one */
	bool enlarge;                            /* to fit means to grow, too */
	uint32_t crop_x, crop_y, crop_w, crop_h; /* of the image, in its pixels; w, h 0: up to its edge */
	bool flip_x, flip_y;                     /* at last */
	enum render_voi voi;
	double window_center, window_width; /* finite, width above 0 */
};
/* in: a Part 10 file. Appends to out. */
int render_frame(const char *in, const struct render_options *o, struct buf *out, struct err *e);
bool render_can(const char *syntax); /* a transfer syntax */
#endif
