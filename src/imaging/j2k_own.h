/* imaging/j2k_own.h - what the two codecs of JPEG 2000 share. Of this room only.
 *
 * Threads:  depends on arguments alone.   Source: PS3.5 A.4.4, A.4.9 to A.4.11, 10.6, 10.18.
 */
#ifndef IMAGING_J2K_OWN_H
#define IMAGING_J2K_OWN_H

#include "imaging/j2k_samples.h"

#define J2K_LOSSLESS "1.2.840.10008.1.2.4.90"
#define J2K_ANY "1.2.840.10008.1.2.4.91"
#define HTJ2K_LOSSLESS "1.2.840.10008.1.2.4.201"
#define HTJ2K_RPCL "1.2.840.10008.1.2.4.202"
#define HTJ2K_ANY "1.2.840.10008.1.2.4.203"

/* Decodes any code stream whose head was found to agree; out is to be cleaned up by the caller on failure, too. */
int j2k_decode_by_openjpeg(const struct j2k_head *h, const struct image_pixel *said, unsigned reduce, uint64_t most,
			   struct codec_frame *out, struct err *e);
/* Makes bytes of even length, notes cuts and what the data set has to say. Takes the bytes. */
int j2k_stream_finish(struct buf *bytes, const struct image_pixel *p, const struct j2k_form *f,
		      struct codec_stream *out, struct err *e);
/* Makes one tile-part of a single tile into one for each resolution, with a TLM marker segment in the main header. ends[r]: where
 * resolution r ends in the stream as it is, n of them; the last is ignored (the end marker). */
int j2k_parts_split(struct buf *bytes, const uint64_t *ends, unsigned n, struct err *e);
/* The sound part of a stream with its tile-parts joined, each tile one, in the form that shim_htj2k_decode() takes. -E_CORRUPT when tile-parts
 * have marker segments that change how they are read. lengths: malloc'd, the caller's, as many as parts. */
int j2k_parts_join(const struct j2k_head *h, const struct j2k_sound *sound, struct buf *out, uint32_t **lengths,
		   size_t *parts, struct err *e);
#endif
