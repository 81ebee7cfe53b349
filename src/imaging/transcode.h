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
	struct codec_how codec;   /* a lossy syntax is written only where this asks for it: ratio or quality */
	const char *new_instance; /* lossy: the new SOP Instance UID; NULL: one is made */
	/* Each frame is decoded again and compared, the appendix is made, and the recipe is proven to give the bytes that came in.
	 * -E_UNSUP for what is compressed already. */
	bool prove;
	const uint8_t
	    *digest; /* with prove: XXH3-128 that the data set must have, canonical; NULL: of what is read now */
	bool background;
	int (*between)(void *arg,
		       struct err *e); /* NULL, or asked before each frame: negative ends it, and is returned */
	void *arg;                     /* of between */
};
struct transcode_result {
	uint64_t size; /* of the Part 10 file that was written */
	uint32_t head_len;
	char syntax[65];
	struct buf appendix; /* with prove */
	/* What of the data set differs from what came in, a line each: "(0028,0004) RGB -> YBR_RCT" */
	struct buf changes;
	uint64_t frames;
	uint64_t raw, coded; /* bytes of all frames before and after */
	uint64_t encode_ns, prove_ns;
	struct image_pixel pixels;  /* that the new data set speaks of */
	uint32_t tag;               /* its Pixel Data; 0: none */
	uint64_t value_at, value_n; /* the value of it, in the new Part 10 file */
	char warning[CODEC_WARNING];
	bool workers_limit; /* of -E_LIMIT: a worker's memory or time, which settings may raise */
};
void transcode_result_cleanup(struct transcode_result *r);
AUTO_TYPE(transcode_result, struct transcode_result);
/* For some pixels; lossy ones are not counted among what can be written. An instance without pixel data goes into any
 * encapsulated syntax besides. */
bool transcode_can(const char *from, const char *to);
/* Writes a Part 10 file to out, from its offset on; marks are filled in with pwrite(), so out is a file. to may be what it is in
 * already: the data set is written anew by the toolkit, its frames are copied. */
int transcode(const struct image_source *in, const char *to, const struct transcode_how *how, int out,
	      struct transcode_result *result, struct err *e);
/* Where things lie in a file that was made. */
struct transcode_about {
	uint64_t head_len;
	uint64_t value_at, value_n; /* of Pixel Data */
	uint32_t tag;               /* of it; 0: none, or (deflated) not in the file */
	bool encapsulated;
	struct image_pixel pixels;
};
/* What was received, from a settled instance and its appendix, as a Part 10 file: the data set is proven by its digest (XXH3-128,
 * canonical) and length, else -E_CORRUPT; -E_NOENT where there is no recipe. size may be NULL. */
int transcode_rebuild(const struct image_source *settled, const char *syntax, const uint8_t digest[16], uint64_t data_n,
		      int out, uint64_t *size, struct err *e);

struct transcode_received { /* what a settled instance was */
	const char *syntax;
	const uint8_t *digest;
	uint64_t n; /* bytes of its data set */
};
/* In syntax `to` for who asked for it: what was received, where it was received so (received may be NULL) and can be made again,
 * else transcoded. Errors as both. */
int transcode_for(const struct image_source *in, const struct transcode_received *received, const char *to, int out,
		  struct transcode_about *about, struct err *e);
#endif
