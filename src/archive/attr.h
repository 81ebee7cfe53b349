/* archive/attr.h - which attributes the index keeps, and the compact form it keeps them in. Included by archive/ only.
 *
 * Text:     values are UTF-8, trimmed as their VR allows; binary numbers are written in decimal; empty values are left
 * out. Sequences are a data set of that one element in explicit VR little endian, text in UTF-8.
 * Format:   one entry after the other: code (1 byte), length (7 bits a byte, low ones first, high bit: more),
 * bytes. Codes are frozen: a new attribute takes a new code, and shows after a reindex. Threads:  depends on arguments
 * alone.
 */
#ifndef ARCHIVE_ATTR_H
#define ARCHIVE_ATTR_H

#include "archive/query.h"
#include "base/buf.h"

enum attr_from {
	ATTR_KEPT, /* in the attributes of its level; the patient's are in the study's too */
	ATTR_STUDY_UID,
	ATTR_SERIES_UID,
	ATTR_SOP_UID,
	ATTR_SOP_CLASS,
	ATTR_MODALITIES, /* ... in Study */
	ATTR_CLASSES,    /* SOP Classes in Study */
	ATTR_COUNT,      /* Number of ... Related ... */
};
struct attr {
	uint32_t tag;
	char vr[3];
	uint8_t level;       /* enum query_level */
	uint8_t from;        /* enum attr_from */
	uint8_t code;        /* ATTR_KEPT: its code */
	const char *creator; /* private attributes of attr_extra.h: tag is without the block; NULL for the standard's */
};

/* Codes that the index knows by name. */
enum {
	ATTR_PATIENT_NAME = 1,
	ATTR_PATIENT_ID = 2,
	ATTR_ISSUER = 3,
	ATTR_STUDY_DATE = 32,
	ATTR_ACCESSION = 34,
	ATTR_MODALITY = 72,
	ATTR_SERIES_NUMBER = 73,
	ATTR_INSTANCE_NUMBER = 128
};

const struct attr *attr_find(uint32_t tag); /* NULL: not kept */
#define ATTR_MOST 200
const struct attr *attr_at(unsigned n); /* by number, sorted by tag; NULL behind the last */

int attr_put(struct buf *out, uint8_t code, const char *text, size_t n, struct err *e);
/* The value of a code; false (and "", 0) when there is none. Damaged input reads as none. */
bool attr_get(const void *attrs, size_t len, uint8_t code, const char **text, size_t *n);
/* The same value read in another character set, where it is in doubt which one it is in: the second entry of a code. */
bool attr_other(const void *attrs, size_t len, uint8_t code, const char **text, size_t *n);

/* Binary numbers (US SS UL SL FL FD) as decimal text, several between backslashes, and back into little endian. Text
 * that is no number becomes nothing. */
bool attr_is_binary(const char *vr);
int attr_number_text(const char *vr, const uint8_t *p, size_t n, bool big_endian, struct buf *out, struct err *e);
int attr_number_bytes(const char *vr, const char *text, size_t n, struct buf *out, struct err *e);
#endif
