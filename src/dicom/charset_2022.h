/* dicom/charset_2022.h - text that changes its character set by escape sequences; for charset.c. */
#ifndef DICOM_CHARSET_2022_H
#define DICOM_CHARSET_2022_H

#include "base/buf.h"

/* first: iconv name of the label's first term, NULL when unknown; vr decides which delimiters reset (PS3.5 6.1.2.5.3).
 * 1: decoded and appended as UTF-8. 0: something does not fit, out is as it was. -E_LIMIT, -E_NOMEM. */
int charset_2022_decode(const char *first, const char *vr, const uint8_t *p, size_t n, struct buf *out, struct err *e);

#endif
