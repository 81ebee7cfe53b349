/* imaging/samples.h - the samples of a frame between the form of a data set and the one that codecs work on. Of this room only.
 *
 * Codecs take samples as codec.h says: little endian, colour by pixel, single bits from the lowest of the first byte on. Native Pixel Data
 * may be in big endian words, by plane, and begin a frame of single bits within a byte. All of it is arithmetic, done piece by
 * piece on descriptors.
 * Errors:   -E_CORRUPT (a frame is short), -E_LIMIT (a frame of more than FRAME_MOST bytes), -E_NOMEM, -E_IO.
 * Memory:   SAMPLES_ROOM bytes that the caller lends; nothing grows with the frame but the memfd it is in.   Threads: any.
 */
#ifndef IMAGING_SAMPLES_H
#define IMAGING_SAMPLES_H

#include "dicom/source.h"

#define SAMPLES_PIECE (192u << 10) /* of whole words, and of whole pixels of three bytes */
#define SAMPLES_ROOM (2 * SAMPLES_PIECE)

/* How many bytes of a word are turned round in the value of Pixel Data in big endian (PS3.5 7.3): 0, 2, 4, 8. */
uint8_t samples_swap(const char *syntax, const char *vr);
/* Words of so many bytes, turned round in place; what is left at the end stays. */
void samples_turn(uint8_t *p, size_t n, uint8_t swap);

/* Frame (from 0) of native Pixel Data whose words are swapped so, into a new memfd, which is returned; little endian, planar 0. */
int samples_native(const struct image_source *in, uint8_t swap, uint64_t frame, uint8_t *room, struct err *e);
/* n bytes of in from at, to the end of the file fd. */
int samples_copy(const struct image_source *in, uint64_t at, uint64_t n, int fd, uint8_t *room, struct err *e);
/* A memfd of n bytes from fd, read and written. YBR_FULL to RGB (PS3.3 C.7.6.3.1.2) as JPEG libraries round; p is changed. */
int samples_rgb(int fd, struct image_pixel *p, uint8_t *room, struct err *e);

/* Back again: frames in order, each from its memfd, to the bytes of a value. */
struct samples_out {
	uint8_t swap, planar;
	int (*put)(void *arg, const void *data, size_t n, struct err *e);
	void *arg;
	uint64_t left; /* bytes that are wanted: no more are given */
	/* of this module: */
	uint8_t carry[8];
	unsigned n_carry;
	unsigned bits, n_bits; /* of a byte that is not full */
};
int samples_put(struct samples_out *o, int fd, const struct image_pixel *p, uint8_t *room, struct err *e);
int samples_end(struct samples_out *o, struct err *e); /* a last byte that is not full, a last word */
#endif
