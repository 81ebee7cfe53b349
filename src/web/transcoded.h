/* web/transcoded.h - a stored instance in another transfer syntax, as a file; those asked for lately are kept.
 *
 * Who asks first makes it; who asks for the same meanwhile waits for it. Kept are at most TRANSCODED_KEPT bytes in
 * TRANSCODED_MOST files without names (archive/scratch.h), besides what is in use; what was not asked for the longest
 * goes first.
 * Errors:   as transcode_file(): -E_UNSUP (ask transcode_can() beforehand), -E_LIMIT, -E_INVAL for bytes that cannot be
 *           decoded, -E_IO, -E_FULL.
 * Threads:  any that may wait for disk and processor.
 */
#ifndef WEB_TRANSCODED_H
#define WEB_TRANSCODED_H

#include "archive/query.h"

#define TRANSCODED_KEPT (1ULL << 30)
#define TRANSCODED_MOST 64u
struct transcoded;
/* What *out says stays true, and its file open, until transcoded_release(). */
int transcoded_open(struct archive *a, const struct stored *s, const char *syntax, struct transcoded **out,
		    struct err *e);
void transcoded_release(struct transcoded *t); /* NULL is fine */
/* The descriptor (t's own, to be read at offsets) of a Part 10 file of *size bytes whose data set begins at *head_len. */
int transcoded_file(const struct transcoded *t, uint64_t *size, uint64_t *head_len);
/* Where a frame (from 0) lies in the file: native syntaxes only. -E_NOENT, -E_UNSUP for frames that begin within a
 * byte. */
int transcoded_frame(const struct transcoded *t, uint64_t frame, uint64_t *at, uint64_t *n, struct err *e);
/* All of them: the value of Pixel Data, and the bits of one frame, of which the next one begins at once. -E_NOENT. */
struct transcoded_pixels {
	uint64_t at, n, frame_bits;
};
int transcoded_pixels(const struct transcoded *t, struct transcoded_pixels *out, struct err *e);
void transcoded_forget(void); /* all that is not in use */
#endif
