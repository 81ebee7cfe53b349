/* dicom/dict.h - the data dictionary: tags, VRs, keywords, UIDs.
 *
 * A tag is one number, group << 16 | element. The table is read once from the toolkit's dictionary.
 * Source:   DICOM PS3.6.   Threads: dict_setup() once, before the first thread; then read-only.
 */
#ifndef DICOM_DICT_H
#define DICOM_DICT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAG(g, e) ((uint32_t)(g) << 16 | (uint32_t)(e))

int dict_setup(struct err *e);
/* VR as two letters in a NUL-terminated array; "UN" for what is not in the dictionary, "OW" for OB/OW, "US" for US/SS,
 * "UL" for group lengths, "LO" for private creators. */
const char *dict_vr(uint32_t tag);
const char *dict_keyword(uint32_t tag); /* "" when unknown */
bool dict_many(uint32_t tag);           /* may it have several values? Not what is unknown, or private */
/* "PatientName", "00100010", "0010,0010", "(0010,0010)". 0 or -E_NOENT naming the text. */
int dict_tag(const char *text, uint32_t *tag, struct err *e);
bool vr_is_text(const char *vr);   /* affected by Specific Character Set: LO LT PN SH ST UC UT (PS3.5 6.1.2.2) */
bool vr_is_string(const char *vr); /* kept as characters at all: those and AE AS CS DA DS DT IS TM UI UR */
/* 32-bit length in explicit VR: OB OD OF OL OV OW SQ SV UC UN UR UT UV (PS3.5 7.1.2) */
bool vr_is_long(const char *vr);

/* ---- UIDs (PS3.6 annex A) */
#define UID_IMPLICIT_LE "1.2.840.10008.1.2"
#define UID_EXPLICIT_LE "1.2.840.10008.1.2.1"
#define UID_DEFLATED_LE "1.2.840.10008.1.2.1.99"
#define UID_EXPLICIT_BE "1.2.840.10008.1.2.2"
#define UID_VERIFICATION "1.2.840.10008.1.1"
#define UID_FIND_PATIENT "1.2.840.10008.5.1.4.1.2.1.1"
#define UID_MOVE_PATIENT "1.2.840.10008.5.1.4.1.2.1.2"
#define UID_GET_PATIENT "1.2.840.10008.5.1.4.1.2.1.3"
#define UID_FIND_STUDY "1.2.840.10008.5.1.4.1.2.2.1"
#define UID_MOVE_STUDY "1.2.840.10008.5.1.4.1.2.2.2"
#define UID_GET_STUDY "1.2.840.10008.5.1.4.1.2.2.3"
#define UID_COMMITMENT "1.2.840.10008.1.20.1"              /* Storage Commitment Push Model */
#define UID_COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1"   /* its well-known instance */
#define UID_IMPLEMENTATION "1.2.826.0.1.3680043.10.1530.1" /* ours, (0002,0012) */
#define IMPLEMENTATION_VERSION "TELEREAD_0"

/* A storage SOP class of the dictionary, retired ones too, and unknown ones under the standard's storage roots. */
bool uid_is_storage(const char *uid);
/* Under 1.2.840.10008 (PS3.6): what is not is private. */
bool uid_is_standard(const char *uid);
/* A transfer syntax of the standard, those newer than the toolkit too (HTJ2K, JPEG XL, ...). */
bool uid_is_syntax(const char *uid);
bool uid_is_encapsulated(const char *syntax); /* pixel data in fragments; any syntax not known as native */
bool uid_is_deflated(const char *syntax);     /* the data set itself is compressed (PS3.5 A.5, A.7, A.8) */
const char *uid_name(const char *uid);        /* "CT Image Storage"; the UID itself when unknown */
/* 1..64 characters of [0-9A-Za-z._-]: wider than PS3.5 9.1, for files as they are; no dot in front,
 * never '/', blanks or controls. */
bool uid_sane(const char *uid, size_t n);
/* Number n of the table of known storage classes, NULL behind the last. */
const char *uid_storage(unsigned n);
const char *uid_syntax(unsigned n); /* of the table of transfer syntaxes, likewise */
const char *uid_other(unsigned n);  /* of the other SOP classes and well-known UIDs that have a name here */
#endif
