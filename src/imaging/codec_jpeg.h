/* imaging/codec_jpeg.h - what the JPEG codecs share. Of this room only. */
#ifndef IMAGING_CODEC_JPEG_H
#define IMAGING_CODEC_JPEG_H

#include "imaging/codec_own.h"

struct jpeg_head {   /* what a stream says before its first scan (T.81 B.2) */
	uint8_t sof; /* the marker's low byte: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, 0xc3 lossless */
	unsigned precision, columns, rows, samples;
	uint8_t id[3];   /* of components */
	bool subsampled; /* components of different sampling */
	int adobe;       /* transform of APP14: 0 none, 1 YCbCr, 2 YCCK; -1: no such segment */
	bool jfif;
	bool odd_scan; /* its first scan says 0 where a sequential one says 63 */
};
/* -E_CORRUPT: no frame header. */
int jpeg_head_read(const uint8_t *in, size_t n, struct jpeg_head *h, struct err *e);
/* Baseline, extended and progressive streams of eight bits, into out->data. */
int jpeg_8_decode(const struct jpeg_head *h, const uint8_t *in, size_t n, struct codec_frame *out, struct err *e);
/* p: eight bits allocated; three samples become YBR with half of the chroma. */
int jpeg_8_encode(const struct image_pixel *p, const uint8_t *samples, unsigned quality, struct buf *out,
		  struct err *e);
#endif
