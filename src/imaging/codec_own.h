/* imaging/codec_own.h - what the codecs, the table and the door share. Of this room only. */
#ifndef IMAGING_CODEC_OWN_H
#define IMAGING_CODEC_OWN_H

#include "imaging/codec.h"

/* The door has looked before: rows, columns and bits are possible, the table allows it, a frame of what is said fits `most`.
 * out is zeroed. */
typedef int codec_decode_fn(const char *syntax, const struct image_pixel *said, const void *in, size_t n,
			    unsigned reduce, uint64_t most, struct codec_frame *out, struct err *e);
/* Likewise; samples are exactly one frame, planar 0 (but native_encode takes both); out is zeroed but for its cap. */
typedef int codec_encode_fn(const char *syntax, const struct codec_how *how, const struct image_pixel *p,
			    const void *samples, size_t n, uint64_t most, struct codec_stream *out, struct err *e);
/* codec_j2k.c: OpenJPEG */
codec_decode_fn j2k_decode;
codec_encode_fn j2k_encode;
/* codec_htj2k.c: OpenJPH, by shim/htj2k.h */
codec_decode_fn htj2k_decode;
codec_encode_fn htj2k_encode;
/* codec_jpeg.c: libjpeg-turbo for 8 bits (codec_jpeg_8.c), else the toolkit's (shim/jpeg.h) */
codec_decode_fn jpeg_decode;
codec_encode_fn jpeg_lossy_encode, jpeg_lossless_encode;
/* codec_jpegls.c: CharLS */
codec_decode_fn jpegls_decode;
codec_encode_fn jpegls_encode;
/* codec_rle.c */
codec_decode_fn rle_decode;
codec_encode_fn rle_encode;
/* codec_native.c: little and big endian, planes, single bits */
codec_decode_fn native_decode;
codec_encode_fn native_encode;
codec_decode_fn deflated_decode; /* each frame by itself */
codec_encode_fn deflated_encode;

/* ---- the table */
/* Kinds of Photometric Interpretation, as bits. */
enum codec_colours {
	COLOURS_GREY = 1,
	COLOURS_PALETTE = 2,
	COLOURS_RGB = 4, /* and three samples of any other name */
	COLOURS_YBR = 8,
	COLOURS_YBR_422 = 16,
	COLOURS_J2K = 32, /* YBR_RCT, YBR_ICT: what the data set says beside a JPEG 2000 code stream */
};
enum codec_sign { SIGN_NONE = 1, SIGN_TWO = 2, SIGN_ANY = 3 };
struct codec_row {
	uint8_t colours;
	uint8_t allocated; /* Bits Allocated as bits: BITS_1 ... */
	uint8_t stored_least, stored_most;
	uint8_t sign;
	const char *no_decode, *no_encode; /* NULL: it is done; else why not */
};
enum { BITS_1 = 1, BITS_8 = 2, BITS_16 = 4, BITS_32 = 8, BITS_64 = 16, BITS_ANY = 31 };
struct codec_syntax {
	const char *uid, *name;
	bool lossless;
	codec_decode_fn *decode;
	codec_encode_fn *encode;
	const struct codec_row *rows; /* the first that fits counts; ends with colours 0 */
};
const struct codec_syntax *codec_syntaxes(void); /* ends with uid NULL */
const struct codec_syntax *codec_find(const char *syntax);
enum codec_colours codec_colours(const struct image_pixel *p);
/* NULL: no such row. */
const struct codec_row *codec_row(const struct codec_syntax *s, const struct image_pixel *p);

/* ---- what several codecs need */
static inline size_t codec_container(const struct image_pixel *p) /* bytes of a sample; 0 for single bits */
{
	return p->bits_allocated / 8u;
}
int codec_frame_within(const struct image_pixel *p, uint64_t most, struct err *e); /* -E_LIMIT */
/* Room for one frame of out->pixels, zeroed. -E_LIMIT, -E_NOMEM. */
int codec_frame_room(struct codec_frame *out, uint64_t most, struct err *e);
/* The first warning is kept. */
void codec_warn(struct codec_frame *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Do the sizes that a code stream states agree with those of the data set? -E_MISMATCH. */
int codec_agree(const struct image_pixel *said, uint64_t columns, uint64_t rows, unsigned samples, unsigned bits,
		struct err *e);
/* Bits that samples of 8 or 16 bits allocated use from bit 0 on: Bits Stored, or more where bits above them are used. */
unsigned codec_depth(const struct image_pixel *p, const void *samples, size_t n);
/* Bytes to little-endian words and back: n samples. */
void codec_widen(uint8_t *bytes, size_t n);
bool codec_by_planes(const struct image_pixel *p); /* colour by plane, and more than one plane */
int codec_even(struct buf *b, struct err *e);
#endif
