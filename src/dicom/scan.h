/* dicom/scan.h - reads a data set as it arrives, in pieces of any size, without ever holding it.
 *
 * Every element is announced; its value is given only when it is no longer than value_cap (it is collected), else
 * NULL is given and the bytes are passed over. Nested elements are announced with their depth (0 is the data set).
 * Pixel data fragments are passed over. Lengths from the stream never size an allocation: memory is one collected value
 * (at most value_cap), the nesting stack (at most SCAN_DEPTH), and for deflated data one inflater.
 * Syntaxes: implicit LE, explicit LE, explicit BE, deflated LE (inflated as it goes); all others are explicit LE.
 *           UN with undefined length is read as implicit LE (PS3.5 6.2.2) and announced as SQ, as is whatever else has
 *           undefined length and is not pixel data. VRs that are none of the standard's are announced as UN. An element
 *           without a VR in an explicit data set is read as implicit where its bytes can mean nothing else. GE's private
 *           syntax 1.2.840.113619.5.2 is implicit LE.
 * Errors:   -E_INVAL says what was wrong and at which byte; -E_LIMIT for depth and for deflate bombs; or what a
 *           callback returned (negative). A positive return of a callback ends the scan early: scan_feed returns it
 *           from then on, reading nothing more.
 * Threads:  one at a time for each scan.    Source: DICOM PS3.5 7.1-7.5, A.1-A.5.
 */
#ifndef DICOM_SCAN_H
#define DICOM_SCAN_H

#include "base/auto.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH 64
#define SCAN_UNDEFINED UINT32_MAX

struct scan_element {
	unsigned depth;
	uint32_t tag;
	char vr[3];
	uint32_t length;      /* as the stream says; SCAN_UNDEFINED possible */
	const uint8_t *value; /* in the stream's byte order; NULL for sequences, pixel fragments, over value_cap */
	uint64_t at;          /* offset of the value in the (inflated) data set */
	uint64_t head_at;     /* and of its header */
	bool big_endian;
};

/* item and sequence_end are given the depth of the sequence's own element; its items' elements are one deeper. */
struct scan_ops {
	int (*element)(void *arg, const struct scan_element *el, struct err *e);
	int (*item)(void *arg, unsigned depth, bool begin, struct err *e); /* item of a sequence; may be NULL */
	int (*sequence_end)(void *arg, unsigned depth, struct err *e);     /* may be NULL */
};

struct scan;
int scan_new(const char *syntax, size_t value_cap, const struct scan_ops *ops, void *arg, struct scan **out,
	     struct err *e);
/* From now on pixel data of the data set itself is announced without its value, however short: it is not waited for. */
void scan_pass_pixels(struct scan *s);
int scan_feed(struct scan *s, const void *data, size_t n, struct err *e);
/* The stream is over: -E_INVAL when it ended inside an element ("pixel data ends after 10 of 4096 bytes"). */
int scan_end(struct scan *s, struct err *e);
void scan_free(struct scan *s);
static inline void scan_cleanup(struct scan **s)
{
	scan_free(*s);
}
AUTO_TYPE(scan, struct scan *);
#endif
