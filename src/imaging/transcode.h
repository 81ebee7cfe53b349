/* imaging/transcode.h - a whole instance in another transfer syntax, frame by frame, through the workers.
 *
 * The data set without its pixel data is kept byte for byte where both syntaxes have the same encoding; else the toolkit writes it
 * anew in a worker (imaging/dataset.h). Frames are decoded and encoded one at a time. What changes with the pixels is changed in the data set:
 * Photometric Interpretation, Planar Configuration, Bits, and after loss Lossy Image Compression (0028,2110), its Ratio and Method, Image Type
 * value 1, Derivation Description, Source Image Sequence and a new SOP Instance UID (PS3.3 C.7.6.1.1.5, PS3.5 A.4). Lossy never comes out of
 * lossy without saying so.
 * Errors:   -E_UNSUP (ask transcode_can() beforehand), -E_CORRUPT (names the frame), -E_LIMIT, -E_IO, -E_FULL, those of worker_run().
 * Samples decoded from JPEG in YBR go out as RGB, and the data set says so: receivers misread YBR that is not compressed.
 * Memory:   a frame's worth at most, in memfds.   Threads: any.
 */
#ifndef IMAGING_TRANSCODE_H
#define IMAGING_TRANSCODE_H

#include "dicom/appendix.h"
#include "imaging/codec.h"

struct transcode_how {
	struct codec_how codec;   /* lossy targets only */
	const char *new_instance; /* lossy: the new SOP Instance UID; NULL: one is made */
	bool prove;               /* each frame is decoded again and compared; the appendix is made */
	bool background;
};
struct transcode_result {
	uint64_t size; /* of the Part 10 file that was written */
	uint32_t head_len;
	char syntax[65];
	struct buf appendix; /* with prove */
	struct buf
	    changes; /* with prove: what of the data set differs from what was sent, a line each: "(0028,0004) RGB -> YBR_RCT" */
	uint64_t raw, coded; /* bytes of all frames before and after */
	uint64_t encode_ns, prove_ns;
	char warning[CODEC_WARNING];
};
void transcode_result_cleanup(struct transcode_result *r);
AUTO_TYPE(transcode_result, struct transcode_result);
bool transcode_can(const char *from, const char *to); /* for some pixels */
/* Writes a Part 10 file to out (from its offset on, sequentially, but for marks in the File Meta Information). */
int transcode(const struct image_source *in, const char *to, const struct transcode_how *how, int out,
	      struct transcode_result *result, struct err *e);
/* What was received, from a settled instance and its appendix: the data set of it in Part 10 form, proven by its digest (XXH3-128) and length. */
int transcode_rebuild(const struct image_source *settled, uint64_t appendix_at, uint64_t appendix_n, const char *syntax,
		      const uint8_t digest[16], uint64_t data_n, int out, struct err *e);

/* ---- on the way out: the toolkit's codecs in this process, for what has not moved to transcode() yet */
#define TRANSCODE_MOST (512LL << 20)
#define TRANSCODE_AT_ONCE 2
/* in: a Part 10 file. out: made, or left absent on failure. */
int transcode_file(const char *in, const char *out, const char *to, struct err *e);
#endif
