/* dicom/charset_set.h - the coded character sets that Specific Character Set names, and its labels; for dicom/charset*.c.
 *
 * Labels are understood as the standard spells them (PS3.3 C.12.1.1.2) and as they are met: lower case, blanks, hyphens
 * or underscores between the parts ("iso-ir 100"), "GB2312", "ISO 2022 GBK", "UTF-8". UTF-8, GB18030 and GBK cannot be
 * extended, so a label that has one of them among others means that one.
 * GB 18030-2022: glibc (2.36) has its two-byte codes, but not the four-byte ones that encoders of the 2005 edition (ICU,
 * Python) write for the 18 characters that moved, so these are read here. Written are the codes of 2022.
 * Threads: any.
 */
#ifndef DICOM_CHARSET_SET_H
#define DICOM_CHARSET_SET_H

#include "base/buf.h"
#include <stdbool.h>

enum charset_kind {
	CHARSET_SINGLE, /* ASCII below, one byte for each character above */
	CHARSET_PAIRS,  /* 94x94, as G0 or G1 of ISO 2022; in iconv's EUC form */
	CHARSET_WHOLE,  /* cannot be mixed with others */
};
struct charset_set {
	const char *key;  /* number of the registration, or name */
	const char *term; /* as a single value; of PAIRS NULL */
	enum charset_kind kind;
	uint8_t euc; /* first byte of each character in EUC; 0: none */
	const char
	    *read[2]; /* iconv names to read with: what the standard says (or what includes it), then what is met */
	const char *write;   /* iconv name */
	const char *g0, *g1; /* escape sequences behind ESC, NULL: none */
};

#define CHARSET_TERMS 8
struct charset_label {
	const struct charset_set *set[CHARSET_TERMS]; /* of value 1, 2, ... */
	unsigned n;
	bool first_named; /* value 1 is not empty */
	bool unknown;     /* a term was left out that is no known one */
};
/* n is at least 1: without a label the default repertoire. */
void charset_label_read(const char *label, struct charset_label *out);
const struct charset_set *charset_set_find(const char *key); /* NULL: none */
const struct charset_set *charset_set_at(unsigned n);        /* NULL behind the last */
/* The set that bytes above ASCII are in which no escape sequence announced; NULL when the label has none. */
const struct charset_set *charset_label_high(const struct charset_label *l);

/* Appends UTF-8. 1, or 0 and out as it was when some byte does not fit the set, or -E_LIMIT, -E_NOMEM. */
int charset_set_read(const struct charset_set *s, const uint8_t *p, size_t n, struct buf *out, struct err *e);
/* One character outside ASCII: how many bytes, 0 when the set lacks it. PAIRS in EUC form without the first byte. */
size_t charset_set_write(const struct charset_set *s, const char *utf8, size_t n, uint8_t out[4]);
#endif
