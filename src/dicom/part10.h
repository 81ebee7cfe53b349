/* dicom/part10.h - the file format around a data set: preamble, "DICM", group 0002.
 *
 * Source:   DICOM PS3.10 7.1.   Threads: any.
 */
#ifndef DICOM_PART10_H
#define DICOM_PART10_H

#include "base/buf.h"

struct part10_meta {
	char sop_class[65], sop_instance[65], syntax[65], source_aet[17];
};
/* Appends 128 zero bytes, "DICM" and the File Meta Information: what stands before the data set of an instance. */
int part10_write(const struct part10_meta *m, struct buf *out, struct err *e);
/* Reads the head of a file. Returns the offset of the data set, or -E_INVAL. Takes files without preamble or without
 * meta header too, and with a preamble of zeros alone; a syntax that is absent or no UID is guessed from the first
 * element (explicit or implicit LE, explicit BE); group length wrong or absent is tolerated. n: what is there of the file's beginning; 64 KiB are always enough for sane
 * files. */
int64_t part10_read(const void *head, size_t n, struct part10_meta *out, struct err *e);
#endif
