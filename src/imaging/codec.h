/* imaging/codec.h - one frame between its compressed form and its samples: the one door to all codecs.
 *
 * Runs in a worker (imaging/worker.h), never in the node. The table in codec_table.c says which (transfer syntax, photometric
 * interpretation, bits) are decoded, encoded, or refused and why; teleread-codecs(7) is generated from it.
 *
 * Samples are native: little endian, rows from the top, colour by pixel (planar 0), in containers of Bits Allocated, single bits
 * packed (lowest first). Decoding converts no colours: JPEG in YBR stays YBR (subsampled chroma is spread: YBR_FULL; what is not
 * compressed stays YBR_FULL_422 with two samples a pixel: codec_spread()), only the component transforms of JPEG 2000 are undone (RGB). What a code stream says of its size is compared with what the data
 * set says before memory is taken. Bits above Bits Stored survive where the codec can carry them: an encoder of a lossless
 * syntax that cannot refuses (-E_UNSUP).
 * Big endian: single bits and bytes are written as OB has them, wider samples as OW (words of two bytes); read as said->words tells.
 * Errors:   -E_UNSUP (names the codec and what it cannot), -E_CORRUPT, -E_LIMIT (more than most bytes), -E_NOMEM, -E_MISMATCH
 *           (the code stream contradicts the data set). Where some of a damaged frame can be shown, decode gives it with a warning.
 * Source:   PS3.5 8.2, annex A.4, annex G.   Threads: depends on arguments alone, but see each codec.
 */
#ifndef IMAGING_CODEC_H
#define IMAGING_CODEC_H

#include "base/buf.h"
#include "dicom/pixels.h"

#define CODEC_CUTS 12u /* resolutions whose end is noted: up to 65536 pixels, the coarsest at most 64 */
#define CODEC_WARNING 160u

struct codec_frame { /* a frame as samples */
	struct image_pixel pixels;
	uint8_t *data; /* malloc'd, the caller's */
	size_t n;
	char warning[CODEC_WARNING]; /* "" or what is odd, or missing from it */
};
void codec_frame_cleanup(struct codec_frame *f);
AUTO_TYPE(codec_frame, struct codec_frame);

/* said: by the data set. reduce: the picture is wanted at 1/2^reduce of its size, as far as the code stream has such
 * resolutions (out->pixels says what was given); others decode all of it and leave shrinking to the caller. in: the frame's
 * fragments, joined. most: bytes that the samples may take; 0: what memory allows. */
int codec_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		 uint64_t most, struct codec_frame *out, struct err *e);

struct codec_how {        /* zeroed: lossless, or the syntax's default */
	double ratio;     /* lossy: compressed to about 1:ratio */
	unsigned quality; /* of lossy JPEG: 1 to 100 */
};
struct codec_stream {     /* a frame as a code stream */
	struct buf bytes; /* of even length */
	/* cuts[r]: bytes from the beginning that hold resolution r and all coarser ones (0 the coarsest); the last is all of it.
	 * n_cuts 0: the stream is not ordered by resolution. */
	unsigned n_cuts;
	uint64_t cuts[CODEC_CUTS];
	struct image_pixel
	    pixels; /* what the data set has to say of it: Photometric Interpretation, Planar Configuration, bits */
};
void codec_stream_cleanup(struct codec_stream *s);
AUTO_TYPE(codec_stream, struct codec_stream);
/* samples: one frame as p says; by planes is fine. */
int codec_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		 size_t n, uint64_t most, struct codec_stream *out, struct err *e);

/* ---- samples in other orders; lengths have been checked by the caller */
/* By pixel to by plane, or back: one frame of bits_allocated 8 or more. */
void codec_planes(void *to, const void *from, const struct image_pixel *p, bool to_planes);
/* Native frames of single bits follow each other without padding, so one may begin within a byte: n bits from bit from_bit on
 * (the lowest of a byte first) to bit to_bit on; other bits of `to` stay. */
void codec_bits_copy(uint8_t *to, uint64_t to_bit, const uint8_t *from, uint64_t from_bit, uint64_t n);
/* Native YBR_FULL_422 (decoded as stored: two samples a pixel) to YBR_FULL; nothing to do for others. */
int codec_spread(struct codec_frame *f, uint64_t most, struct err *e);

/* May be asked in the node: looks at the table alone. reason: of a refusal; may be NULL. */
enum codec_way { CODEC_DECODE, CODEC_ENCODE };
bool codec_can(enum codec_way way, const char *syntax, const struct image_pixel *p, const char **reason);
bool codec_known(enum codec_way way, const char *syntax); /* for some pixels */
bool codec_lossless(const char *syntax);                  /* what it encodes is exactly what it decodes */
#endif
