/* web/transcoded.h - a stored instance in another transfer syntax, as a file that is made once and kept (archive/derived.h).
 *
 * What a settled instance was received in is made again by its recipe, all else by the workers (imaging/transcode.h).
 * Errors:   as transcode_for() (ask transcode_can() beforehand) and derived_open().
 * Threads:  any that may wait for disk and processor.
 */
#ifndef WEB_TRANSCODED_H
#define WEB_TRANSCODED_H

#include "archive/derived.h"

/* The caller has it until derived_release(). */
int transcoded_open(struct archive *a, const struct stored *s, const char *syntax, struct derived **out, struct err *e);
/* The descriptor (d's own, to be read at offsets) of a Part 10 file of *size bytes whose data set begins at *head_len. */
int transcoded_file(const struct derived *d, uint64_t *size, uint64_t *head_len);
/* Where native samples lie in it: the value of Pixel Data, and the bits of one frame, of which the next one begins at once.
 * -E_NOENT. */
struct transcoded_pixels {
	uint64_t at, n, frame_bits;
};
int transcoded_pixels(const struct derived *d, struct transcoded_pixels *out, struct err *e);
#endif
