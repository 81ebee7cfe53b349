/* dicom/pixels.h - how the samples of one frame lie in memory: the Image Pixel module in C.
 *
 * Source:   PS3.3 C.7.6.3, PS3.5 8.   Threads: depends on arguments alone.
 */
#ifndef DICOM_PIXELS_H
#define DICOM_PIXELS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct image_pixel {
	uint32_t rows, columns;
	uint16_t samples;        /* Samples per Pixel: 1 or 3 */
	uint16_t bits_allocated; /* 1, 8, 16, 32; 64: Double Float Pixel Data */
	uint16_t bits_stored, high_bit;
	uint8_t planar; /* Planar Configuration: 1: colour by plane */
	bool is_signed;
	uint8_t words; /* of big endian, else 0: bytes of a word by the VR: OB 1, OW 2, OF 4, OD 8 */
	char photometric[17];
};

static inline bool image_pixel_subsampled(const struct image_pixel *p)
{
	return strcmp(p->photometric, "YBR_FULL_422") == 0 || strcmp(p->photometric, "YBR_PARTIAL_422") == 0;
}
/* Bits of one native frame. Frames of single bits follow each other without padding. Rows and columns are at most 2^32 - 1
 * each: the product may wrap, so callers compare it with a limit by image_pixel_frame_fits() first. */
static inline uint64_t image_pixel_frame_bits(const struct image_pixel *p)
{
	bool half = image_pixel_subsampled(p) && p->samples == 3; /* pixels share their colours in pairs */
	uint64_t columns = half ? ((uint64_t)p->columns + 1) / 2 * 2 : p->columns;

	return (uint64_t)p->rows * columns * (half ? 2 : p->samples) * p->bits_allocated;
}
static inline uint64_t image_pixel_frame_bytes(const struct image_pixel *p)
{
	return (image_pixel_frame_bits(p) + 7) / 8;
}
/* A frame takes at most this many bytes; nothing wraps. */
static inline bool image_pixel_frame_fits(const struct image_pixel *p, uint64_t most)
{
	unsigned __int128 bits = (unsigned __int128)p->rows * p->columns * p->samples * p->bits_allocated;

	return (bits + 7) / 8 <= most;
}
#endif
