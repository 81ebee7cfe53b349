/* dicom/charset.h - Specific Character Set (0008,0005) to UTF-8 and back, whole values at a time.
 *
 * Decoding happens before anything is split at \ ^ = : GBK and GB18030 trail bytes contain them (PS3.5 6.1.2.3).
 * Covers the default repertoire, ISO_IR 13 100 101 109 110 126 127 138 144 148 149 159 166 192 203, GB18030, GBK, and
 * ISO 2022 with the escape sequences of PS3.3 C.12.1.1.2. iconv does the conversion.
 * Wrong labels: bytes that do not fit the label are tried strictly as UTF-8, then GB18030; the result says so.
 * Invalid bytes never come out: what nothing decodes becomes U+FFFD.
 * Threads: any.
 */
#ifndef DICOM_CHARSET_H
#define DICOM_CHARSET_H

#include "base/buf.h"

enum charset_flag {
	CHARSET_AS_LABELLED = 0,
	CHARSET_GUESSED = 1, /* another than the label says (or none was given): likely encoding used */
	CHARSET_LOSSY = 2,   /* some bytes became U+FFFD */
};
/* label: value of (0008,0005), "" when absent, several terms split by backslash. Appends UTF-8, without the NULs at the
 * end. Returns flags or -E_*. */
int charset_decode(const char *label, const char *vr, const void *bytes, size_t n, struct buf *out, struct err *e);
/* UTF-8 to the label's encoding; characters it lacks become '?'. Single-byte, GB18030, GBK, ISO_IR 192; ISO 2022 labels
 * with several terms are answered in their first term when that suffices, else -E_UNSUP. */
int charset_encode(const char *label, const char *utf8, size_t n, struct buf *out, struct err *e);
#endif
