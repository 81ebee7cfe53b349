/* dicom/model.h - the DICOM JSON Model and the Native DICOM Model (XML), written as a stream.
 *
 * One writer for whole data sets as they are scanned (metadata of instances of any size, in pieces) and for small ones in
 * memory (answers of queries). Output goes to a buffer that the caller empties as it likes, between calls; memory is what
 * the scanner holds (one value, at most MODEL_VALUE_MOST).
 * Left out: groups 0000 and 0002, group lengths, padding (FFFC,FFFC), an element that comes twice in a row, and what
 * follows Pixel Data: reading that would mean reading the pixels.
 * Bulk:     pixel data, at any depth, encapsulated values, binary values longer than bulk_over, and anything longer than
 *           MODEL_VALUE_MOST. Text and decimal strings are inline up to that, so that nobody has to decode them; ICC
 *           profiles up to MODEL_ICC_MOST, since viewers of slides show nothing without theirs.
 * Text:     UTF-8, decoded by the verdict given (the judge needs all text beforehand: model_judge_*), in items with a label
 *           of their own by that; Specific Character Set says ISO_IR 192. XML cannot have control characters: U+FFFD.
 * Numbers:  as they were written where JSON allows that, else as JSON writes their value; what is no number stays a string.
 *           Integers from 2^53 on are strings in JSON, as NaN, Infinity and -Infinity are (in XML NaN, INF, -INF).
 * UN:       an attribute of the standard has the dictionary's VR again, unless it is a sequence.
 * Errors:   those of scan.h; -E_LIMIT when out is full: JSON takes at most some 12 bytes for a byte, XML some 50 (names of
 *           one letter), both usually 1 to 3.
 * Source:   PS3.18 annex F, PS3.19 A.1.   Threads: one at a time for each writer.
 */
#ifndef DICOM_MODEL_H
#define DICOM_MODEL_H

#include "dicom/dset.h"
#include "dicom/scan.h"

#define MODEL_VALUE_MOST ((size_t)1 << 20)
#define MODEL_ICC_MOST ((size_t)256 << 10)
enum model_format { MODEL_JSON, MODEL_XML };
struct model_options {
	enum model_format format;
	struct charset_verdict verdict; /* its labels are borrowed until model_free() */
	size_t bulk_over;               /* bytes; 0: MODEL_VALUE_MOST */
	/* Appends the URI of a value to out: path is that of the element, "7FE00010" or "00081140/0/00081150" (items from 0);
	 * el->length bytes (SCAN_UNDEFINED: encapsulated) at el->at. The writer escapes it. NULL: such elements are left out. */
	int (*bulk)(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e);
	void *arg;
	/* Available Transfer Syntax UID (0008,3002), whatever the data set says of it; NULL: only what that says. Not for
	 * model_dset(). */
	const char *available;
};
struct model_writer;
/* out is borrowed until model_free(); the document begins at once. */
int model_new(const struct model_options *o, const char *syntax, struct buf *out, struct model_writer **w,
	      struct err *e);
/* The data set of an instance in pieces (from its first byte behind the head of the Part 10 file). 1: all that matters was
 * seen. Negative: what is there so far can still be closed with model_end(). */
int model_feed(struct model_writer *w, const void *data, size_t n, struct err *e);
/* Closes whatever is open, in any case: a whole document, of half a data set if need be. -E_INVAL when the data set broke
 * off. Once. */
int model_end(struct model_writer *w, struct err *e);
void model_free(struct model_writer *w);
static inline void model_cleanup(struct model_writer **w)
{
	model_free(*w);
}
AUTO_TYPE(model, struct model_writer *);

/* A small data set at once, everything inline. label: its text is in this, "ISO_IR 192" for UTF-8; NULL: what dset_judge()
 * says. out is as it was after a failure. */
int model_dset(const struct dset *d, enum model_format format, const char *label, struct buf *out, struct err *e);

/* ---- the first pass: what the text of a data set is written in */
struct model_judge;
int model_judge_new(const char *syntax, struct model_judge **out, struct err *e);
/* 1: Pixel Data has come, no text follows. */
int model_judge_feed(struct model_judge *j, const void *data, size_t n, struct err *e);
/* Labels are borrowed from j. Right for what was fed, also after an error. */
struct charset_verdict model_judge_end(const struct model_judge *j);
void model_judge_free(struct model_judge *j);
static inline void model_judge_cleanup(struct model_judge **j)
{
	model_judge_free(*j);
}
AUTO_TYPE(model_judge, struct model_judge *);
#endif
