/* web/stow_bulk.h - what kind of pixels a bulk part brings: native, or frames of an encapsulated syntax. Of stow*.c only.
 *
 * Source: PS3.18 8.7.3 (tables of bulk data media types), PS3.5 A.4. */
#ifndef WEB_STOW_BULK_H
#define WEB_STOW_BULK_H

#include "net/mime.h"
#include <stdbool.h>

struct stow_pixels {
	char syntax[65]; /* "" : not known before the first bytes are looked at (image/jpeg) */
	bool frames;     /* encapsulated: each part is one frame, or, of a video, all of them */
	bool video;
};
/* metadata: the syntax that the metadata names, or "". -E_UNSUP naming what cannot be pixels here. */
int stow_pixels_of(const struct mime *type, const char *metadata, struct stow_pixels *out, struct err *e);
/* Of image/jpeg whose syntax nobody said: by the first frame header among its first bytes. "" when there is none. */
const char *stow_jpeg_syntax(const unsigned char *p, size_t n);
#endif
