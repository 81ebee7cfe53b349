/* imaging/render.h - a frame for people's eyes (JPEG, PNG), and a frame's samples in another syntax.
 *
 * The seam that the imaging floor will take over: today the toolkit decodes, in this process, behind checks of size.
 * Errors:   -E_UNSUP names what cannot be decoded, -E_LIMIT (too large to decode), -E_CORRUPT, -E_NOENT (no such frame).
 * Threads:  any; at most TRANSCODE_AT_ONCE decode at the same time, others wait.
 */
#ifndef IMAGING_RENDER_H
#define IMAGING_RENDER_H

#include "base/buf.h"
#include "imaging/transcode.h"

enum render_format { RENDER_JPEG, RENDER_PNG };
struct render_options {
	enum render_format format;
	uint64_t frame;          /* from 0 */
	unsigned quality;        /* 1 to 100; 0: default */
	unsigned width, height;  /* to fit into, keeping the ratio; 0: as it is */
	int64_t crop_x, crop_y;  /* of the source image, in pixels */
	uint64_t crop_w, crop_h; /* 0: all of it */
	bool flip_x, flip_y;
	bool window; /* center and width are given */
	double window_center, window_width;
	enum { RENDER_LINEAR, RENDER_LINEAR_EXACT, RENDER_SIGMOID } voi;
};
/* in: a Part 10 file. */
int render_frame(const char *in, const struct render_options *o, struct buf *out, struct err *e);
bool render_can(const char *syntax); /* a transfer syntax */
#endif
