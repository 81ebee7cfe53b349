/* dicom/model.h - the DICOM JSON Model and the Native DICOM Model (XML), written as a stream.
 *
 * One writer for whole data sets as they are scanned (metadata of instances of any size, in pieces) and for small ones in
 * memory (answers of queries). Output goes to a buffer that the caller empties as it likes; memory is what the scanner
 * holds.
 * Values longer than bulk_over bytes, and pixel data, become BulkDataURI: bulk() writes the reference.
 * Text:     UTF-8, decoded by the verdict given (the judge needs all text beforehand: a first pass).
 * Source:   PS3.18 annex F, PS3.19 A.1.   Threads: one at a time for each writer.
 */
#ifndef DICOM_MODEL_H
#define DICOM_MODEL_H

#include "dicom/dset.h"
#include "dicom/scan.h"

enum model_format { MODEL_JSON, MODEL_XML };
struct model_options {
	enum model_format format;
	struct charset_verdict verdict;
	size_t bulk_over; /* bytes; 0: nothing but pixel data is bulk */
	/* Writes the reference to a value: path is that of the element, "7FE00010" or "00081140/0/00081150"; the value is
	 * length bytes (SCAN_UNDEFINED: encapsulated). NULL: such elements are left out. */
	int (*bulk)(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e);
	void *arg;
};
struct model_writer;
int model_new(const struct model_options *o, const char *syntax, struct buf *out, struct model_writer **w,
	      struct err *e);
/* The data set of an instance in pieces (from its first byte behind the head of the Part 10 file). 1: all that matters was seen. */
int model_feed(struct model_writer *w, const void *data, size_t n, struct err *e);
int model_end(struct model_writer *w, struct err *e); /* closes the object */
void model_free(struct model_writer *w);
/* A small data set at once. */
int model_dset(const struct dset *d, enum model_format format, struct buf *out, struct err *e);
#endif
