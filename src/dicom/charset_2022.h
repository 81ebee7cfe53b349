/* dicom/charset_2022.h - text that changes its character set by escape sequences; for charset.c.
 *
 * Source: PS3.5 6.1.2.4 and 6.1.2.5 (states, resets), PS3.3 C.12.1.1.2 (escape sequences), PS3.5 annexes H, I, K.
 */
#ifndef DICOM_CHARSET_2022_H
#define DICOM_CHARSET_2022_H

#include "dicom/charset_set.h"

/* vr decides which delimiters reset (PS3.5 6.1.2.5.3). Escape sequences of sets that the label does not name are followed,
 * too. 1: decoded and appended as UTF-8. 0: something does not fit, out is as it was. -E_LIMIT, -E_NOMEM. */
int charset_2022_decode(const struct charset_label *l, const char *vr, const uint8_t *p, size_t n, struct buf *out,
			struct err *e);
/* Each character in the set that is in use or comes first in the label; back to the initial state before each control
 * character, \ ^ = and at the end. -E_UNSUP when no set of the label has a character; out is then as it was. */
int charset_2022_encode(const struct charset_label *l, const char *utf8, size_t n, struct buf *out, struct err *e);

#endif
