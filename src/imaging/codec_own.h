/* imaging/codec_own.h - what each codec gives to the table of codec_table.c. Of this room only. */
#ifndef IMAGING_CODEC_OWN_H
#define IMAGING_CODEC_OWN_H

#include "imaging/codec.h"

typedef int codec_decode_fn(const char *syntax, const struct image_pixel *said, const void *in, size_t n,
			    unsigned reduce, uint64_t most, struct codec_frame *out, struct err *e);
typedef int codec_encode_fn(const char *syntax, const struct codec_how *how, const struct image_pixel *p,
			    const void *samples, size_t n, uint64_t most, struct codec_stream *out, struct err *e);
/* codec_j2k.c: OpenJPEG */
codec_decode_fn j2k_decode;
codec_encode_fn j2k_encode;
/* codec_htj2k.c: OpenJPH, by shim/htj2k.h */
codec_decode_fn htj2k_decode;
codec_encode_fn htj2k_encode;
/* codec_jpeg.c: libjpeg-turbo for 8 bits, else DCMTK's (shim) */
codec_decode_fn jpeg_decode;
codec_encode_fn jpeg_encode;
/* codec_jpegls.c: CharLS */
codec_decode_fn jpegls_decode;
codec_encode_fn jpegls_encode;
/* codec_rle.c */
codec_decode_fn rle_decode;
codec_encode_fn rle_encode;
/* codec_native.c: little and big endian, planes, single bits */
codec_decode_fn native_decode;
codec_encode_fn native_encode;
#endif
