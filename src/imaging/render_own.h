/* imaging/render_own.h - the steps by which a frame becomes a picture, in their order. Of this room only; all run in a worker.
 *
 * Errors:   0 or negative; what can be shown nevertheless is noted.   Threads: depends on arguments alone.
 */
#ifndef IMAGING_RENDER_OWN_H
#define IMAGING_RENDER_OWN_H

#include "dicom/dset.h"
#include "imaging/render.h"

#define FLOAT_PIXELS TAG(0x7fe0, 0x08)
#define DOUBLE_PIXELS TAG(0x7fe0, 0x09)

struct
    notes { /* what is to be said with the picture: sentences with "; " between them, each once, cut where they are long */
	char text[CODEC_WARNING];
};
void notes_add(struct notes *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What was not understood was stored so: -E_INVAL and -E_MISMATCH become -E_CORRUPT. */
int render_damaged(int rc, struct err *e);

/* ---- reading (render_read.c) */
struct shot { /* a Part 10 file of a frame, in pieces; borrowed from the bytes it was read from */
	struct dset *head;
	char sop_class[65], sop_instance[65], syntax[65]; /* syntax: of the frame's bytes, as codec_decode() takes it */
	struct image_pixel said;
	uint32_t tag;           /* of the pixel data */
	uint64_t frame, number; /* as in render_options */
	const uint8_t *data;    /* of the frame; encapsulated: its fragments, joined */
	size_t n;
	void *owned[2];
};
int shot_read(const void *file, size_t n, const struct render_options *o, struct shot *out, struct err *e);
void shot_cleanup(struct shot *s);
AUTO_TYPE(shot, struct shot);
/* The data set of a Part 10 file without pixel data. uid: its SOP class and instance. */
int shot_read_state(const void *file, size_t n, struct dset **out, char sop_class[65], struct err *e);

/* Values of data sets as they are needed here. An item that is not there: NULL. */
const struct dset *item_of(const struct dset *d, uint32_t sequence, unsigned n);
bool number_of(const struct dset *d, uint32_t tag, unsigned n, double *out); /* the n-th value, DS or binary; finite */
const char *code_of(const struct dset *d, uint32_t tag, char out[17]);       /* first value of a CS */
/* Of the frame: from its functional groups, or those of all frames, or the data set itself (PS3.3 C.7.6.16). */
const struct dset *frame_group(const struct shot *s, uint32_t kind);

/* ---- tables (render_lut.c): PS3.3 C.11.1.1, C.7.6.3.1.5 */
struct lut {
	uint32_t n; /* entries; 0: no table */
	int64_t first;
	unsigned most;    /* the greatest value that an entry can have */
	uint16_t *values; /* malloc'd */
};
void lut_cleanup(struct lut *l);
/* is_signed: of the values that are looked up. segmented: the data are segments (PS3.3 C.7.9.2). */
int lut_read(const struct dset *d, uint32_t descriptor, uint32_t data, bool is_signed, bool segmented, struct lut *out,
	     struct notes *notes, struct err *e);
unsigned lut_at(const struct lut *l, double value);

/* ---- pictures */
struct canvas {
	uint32_t width, height, samples; /* 1 grey, 3 RGB */
	uint8_t *data;                   /* rows from the top; malloc'd */
};
int canvas_new(uint32_t width, uint32_t height, uint32_t samples, struct canvas *out, struct err *e);
void canvas_cleanup(struct canvas *c);
AUTO_TYPE(canvas, struct canvas);

/* ---- grey (render_grey.c) */
struct look { /* what becomes of stored values: PS3.4 N.2.1 */
	double slope, intercept;
	struct lut modality;
	enum look_voi {
		LOOK_SPREAD,
		LOOK_WINDOW,
		LOOK_TABLE,
		LOOK_FULL
	} way;                    /* SPREAD: darkest to brightest; FULL: of what is possible */
	enum render_voi function; /* of LOOK_WINDOW */
	double center, width;
	struct lut voi;
	bool inverse;
	struct lut presentation;
	bool has_padding;
	int64_t padding_from, padding_to; /* stored values */
};
void look_cleanup(struct look *l);
AUTO_TYPE(look, struct look);
/* As the image says, or the request. */
int look_of_image(const struct shot *s, const struct render_options *o, struct look *out, struct notes *notes,
		  struct err *e);
/* modality, window, table of an item that holds them; absent: left as it is. 1: there was one. */
int look_modality(const struct dset *d, bool is_signed, struct look *l, struct notes *notes, struct err *e);
int look_voi(const struct dset *d, bool is_signed, struct look *l, struct notes *notes, struct err *e);
int look_presentation(const struct dset *d, struct look *l, struct notes *notes, struct err *e);
int grey_show(const struct look *l, const struct codec_frame *f, struct canvas *out, struct err *e);
/* Float (32) and double (64 bits) pixel data, little or big endian. */
int grey_show_real(const struct look *l, const struct shot *s, struct canvas *out, struct err *e);
/* A stored value of the frame, without the bits that are none of it. */
int64_t sample_value(const struct image_pixel *p, uint32_t raw);
uint32_t sample_raw(const struct codec_frame *f, size_t at);

/* ---- colour (render_colour.c) */
int colour_show(const struct codec_frame *f, struct canvas *out, struct err *e);
int palette_show(const struct shot *s, const struct codec_frame *f, struct canvas *out, struct notes *notes,
		 struct err *e);

/* ---- overlays (render_overlay.c): PS3.3 C.9.2 */
struct overlay {
	int64_t left, top; /* of the image, from 0 */
	uint32_t rows, columns;
	const uint8_t *bits; /* borrowed; NULL: in the samples' bit `position` */
	size_t n_bits, first;
	unsigned position;
};
/* Group 0x6000 + 2 * k of d. 1: it is there and shows in this frame. */
int overlay_read(const struct dset *d, unsigned k, const struct shot *s, struct overlay *out, struct notes *notes);
bool overlay_bit(const struct overlay *o, const struct codec_frame *f, uint32_t x, uint32_t y);
void overlay_draw(const struct overlay *o, const struct codec_frame *f, struct canvas *c);

/* ---- presentation states (render_softcopy.c) */
struct softcopy {
	bool there;
	int32_t area[4]; /* displayed: left, top, right, bottom, from 0, inclusive */
	bool has_area;
	unsigned turn; /* by 90 degrees clockwise */
	bool mirror;   /* then left to right */
	bool overlay_of_state[16], overlay_of_image[16];
	struct dset *state; /* owned */
};
void softcopy_cleanup(struct softcopy *c);
AUTO_TYPE(softcopy, struct softcopy);
int softcopy_read(const void *file, size_t n, const struct shot *s, struct softcopy *out, struct notes *notes,
		  struct err *e);
int softcopy_look(const struct softcopy *c, const struct shot *s, struct look *out, struct notes *notes, struct err *e);
void softcopy_shutter(const struct softcopy *c, const struct shot *s, struct canvas *to, struct notes *notes);

/* ---- region, turn, size (render_size.c) */
struct rect {
	int64_t x, y;
	uint32_t w, h;
	/* What is wanted of it where that is no whole pixels: from so far right of and below its corner on, of this size; 0: all. */
	double aside_x, aside_y, real_w, real_h;
};
/* The region in the size asked for. What of it lies outside the image is black. ratio: height of a pixel to its width. */
int size_fit(const struct rect *region, double ratio, const struct render_options *o, uint32_t *width, uint32_t *height,
	     struct err *e);
int size_make(const struct canvas *in, const struct rect *region, uint32_t width, uint32_t height, struct canvas *out,
	      struct err *e);
int size_turn(struct canvas *c, unsigned quarters, struct err *e); /* clockwise */
void size_flip(struct canvas *c, bool x, bool y);

/* ---- profiles (render_profile.c) */
/* Converts c in place; appends the profile to go with it to out. */
int profile_apply(enum render_profile which, const struct dset *head, struct canvas *c, struct buf *out,
		  struct notes *notes, struct err *e);
#endif
