/* imaging/transcode.h - the seam through which a stored instance becomes another transfer syntax.
 *
 * Today: native syntaxes, deflated, RLE, JPEG lossless, JPEG-LS by the toolkit, one file to another, in a scratch
 * folder. Errors:   -E_UNSUP when no way is known (ask transcode_can beforehand), -E_INVAL for bytes that cannot be
 * read, -E_IO. Threads:  any; each call works on files of its own.
 */
#ifndef IMAGING_TRANSCODE_H
#define IMAGING_TRANSCODE_H

#include "base/err.h"
#include <stdbool.h>

#define TRANSCODE_MOST (512LL << 20)
#define TRANSCODE_AT_ONCE 2

bool transcode_can(const char *from, const char *to);
/* in: a Part 10 file. out: made, or left absent on failure. */
int transcode_file(const char *in, const char *out, const char *to, struct err *e);
#endif
