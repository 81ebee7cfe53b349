/* dicom/charset.h - Specific Character Set (0008,0005) to UTF-8 and back, whole values at a time; and wrong labels.
 *
 * Decoding happens before anything is split at \ ^ = : GBK and GB18030 trail bytes contain them (PS3.5 6.1.2.3).
 * Covers the default repertoire, ISO_IR 13 100 101 109 110 126 127 138 144 148 149 159 166 192 203, GB18030, GBK, and
 * ISO 2022 IR 6 13 58 87 and all of these with the escape sequences of PS3.3 C.12.1.1.2, both ways. iconv converts.
 * Labels are understood in the spellings that are met, too, and sets with what the field writes in them (GB18030 in GBK,
 * Windows-1252 in ISO_IR 100): charset_set.h. Invalid bytes never come out: what nothing decodes becomes U+FFFD.
 * Wrong labels: a judge looks at all text of an object and says what it is likely written in. Nothing but the judge
 * guesses: who has values of an object asks it first, and decodes by the label it gives.
 * Threads: any; a judge: one at a time.
 */
#ifndef DICOM_CHARSET_H
#define DICOM_CHARSET_H

#include "base/buf.h"
#include <stdbool.h>

enum charset_flag {
	CHARSET_AS_LABELLED = 0,
	CHARSET_LOSSY = 1, /* some bytes became U+FFFD */
};
/* label: value of (0008,0005), "" when absent, several terms split by backslash. Appends UTF-8, without the NULs at the
 * end. Returns flags or -E_*. */
int charset_decode(const char *label, const char *vr, const void *bytes, size_t n, struct buf *out, struct err *e);
/* UTF-8 to the label's encoding: all of it, or -E_UNSUP when the label is unknown or lacks a character. */
int charset_encode(const char *label, const char *utf8, size_t n, struct buf *out, struct err *e);

#define CHARSET_LABEL 128
/* The label as the standard spells it, for what charset_encode() writes. -E_UNSUP when it has an unknown term. */
int charset_canonical(const char *label, char out[CHARSET_LABEL], struct err *e);

/* ---- wrong labels
 *
 * Three readings are weighed over all values together: UTF-8, GB18030, and one byte for each character (as labelled, or
 * Latin-1). Well-formed UTF-8 counts most; in GB18030 common Han count, and pairs that would tear Western words count
 * against it; in single bytes letters within words count, control characters, symbols and odd capitals against. */
struct charset_judge {
	const void *set; /* of the bytes above ASCII by the label; NULL: the label has none */
	unsigned values; /* with bytes above ASCII */
	struct charset_reading {
		int score, against;
		bool broken; /* a value cannot be read so */
	} utf8, gb, single, labelled;
};
struct charset_verdict {
	const char *shown; /* a label by which to decode what people see: the object's own, or the likely one */
	const char *other; /* a label by which it may have been meant, too; NULL: no doubt */
	bool wrong;        /* the object's label is likely not what its text is in */
};
/* label is borrowed until the verdict is no longer used. */
void charset_judge_begin(struct charset_judge *j, const char *label);
void charset_judge_see(struct charset_judge *j, const void *bytes, size_t n);
struct charset_verdict charset_judge_end(const struct charset_judge *j, const char *label);
#endif
