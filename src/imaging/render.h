/* imaging/render.h - a frame for people's eyes: JPEG, PNG or WebP of 8 bits, grey or RGB.
 *
 * A worker (imaging/worker.h, JOB_RENDER) reads the data set, decodes the frame and shows it: Modality LUT, VOI LUT or window,
 * Presentation LUT, palettes, YBR; overlays; then region, turn and size; a colour profile at last (PS3.4 N.2, PS3.18 8.3.5).
 * Without any window or table grey goes from the darkest to the brightest value, Pixel Padding apart. The node touches no pixels.
 * A grayscale softcopy presentation state stands in for what the image says of its looks (PS3.4 N.2.1, PS3.3 A.33.1): modality,
 * VOI and presentation LUT, shutters, overlays, turn and displayed area are applied, graphic annotations and masks are not.
 * What was not done as asked, or is odd, is said in a warning: the picture is there nevertheless.
 * Errors:   those of worker_run() and codec_decode(); -E_UNSUP names what cannot be shown, -E_LIMIT (a frame of more than
 *           RENDER_MOST bytes), -E_CORRUPT, -E_NOENT (no pixel data, no such frame), -E_INVAL (a region that is not in the image).
 * Threads:  any; a call waits for its job.
 */
#ifndef IMAGING_RENDER_H
#define IMAGING_RENDER_H

#include "imaging/worker.h"

#define RENDER_MOST (128ULL << 20)
#define RENDER_PICTURE_MOST (256ULL << 20)
#define RENDER_QUALITY 90u
#define RENDER_SIDE_MOST 16384u        /* of a picture that is made larger */
#define RENDER_AREA_MOST (16ULL << 20) /* likewise, or larger than the image: pixels */

enum render_format { RENDER_JPEG, RENDER_PNG, RENDER_WEBP };
/* RENDER_FILE: as the file says. The others: of the window given (PS3.3 C.11.2.1.2, C.11.2.1.3). */
enum render_voi { RENDER_FILE, RENDER_LINEAR, RENDER_LINEAR_EXACT, RENDER_SIGMOID };
/* NONE: samples as they are, no profile. OWN: the image's profile goes with them, sRGB where it has none. The others: converted
 * into that space, whose profile goes with them. Grey pictures get a grey profile of the same tone curve (OWN: of sRGB's). */
enum render_profile {
	RENDER_PROFILE_NONE,
	RENDER_PROFILE_OWN,
	RENDER_PROFILE_SRGB,
	RENDER_PROFILE_ADOBE,
	RENDER_PROFILE_ROMM,
	RENDER_PROFILE_P3
};
struct render_options { /* no pointers: it travels to a worker as it is */
	enum render_format format;
	uint64_t frame;         /* of the file given, from 0 */
	uint64_t number;        /* which one it is of the instance (an excerpt has one frame), from 0 */
	unsigned quality;       /* of JPEG and WebP, 1 to 100; 0: RENDER_QUALITY */
	unsigned width, height; /* to fit into, keeping the ratio; 0: no bound; both 0: one for one */
	bool enlarge;           /* to fit means to grow, too */
	uint32_t crop_x, crop_y, crop_w, crop_h; /* of the image, in its pixels; w, h 0: up to its edge */
	bool flip_x, flip_y;                     /* at last */
	bool no_overlays;
	enum render_profile profile;
	enum render_voi voi;
	double window_center, window_width; /* finite, width above 0 */
};
/* file: a descriptor of a Part 10 file; of encapsulated ones with the fragments of one frame alone (archive/excerpt.h). state: of
 * a presentation state, Part 10; 0: none. out: the picture; out->warning: see above. */
int render_frame(int file, int state, const struct render_options *o, struct job_result *out, struct err *e);
bool render_can(const char *syntax);           /* a transfer syntax: for some pixels; the table of codecs decides */
bool render_is_state(const char *sop_class);   /* can it be given as a presentation state? */
const char *render_type(enum render_format f); /* "image/jpeg" */

/* ---- in the worker */
/* The same from memory. Appends to out. warning: of CODEC_WARNING bytes. */
int render_bytes(const void *file, size_t n, const void *state, size_t state_n, const struct render_options *o,
		 struct buf *out, char *warning, struct err *e);
#endif
