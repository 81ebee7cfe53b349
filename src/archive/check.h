/* archive/check.h - fsck and reindex.
 *
 * fsck:     every pack is walked: header and data-set checksums of every record; every record has its row (or is a known
 *           duplicate or blank), every row its record with equal UIDs, length and digest; counts equal what is there.
 * losses:   what reindex could not take over: records that are damaged, rows whose record is not there.
 * reindex:  builds the derived tables again from the packs alone, in order of sequence; with `prove`, into a second
 *           database that is then compared row by row with the present one, which stays as it is.
 * Threads:  one at a time; beside a serving node fsck reads a snapshot (records newer than it are left out).
 */
#ifndef ARCHIVE_CHECK_H
#define ARCHIVE_CHECK_H

#include "archive/archive.h"

struct check_report {
	uint64_t packs, records, rows, bytes, quarantined, blanks;
	uint64_t faults;
};
struct check_ops {
	void (*fault)(void *arg, const char *sentence);
	void (*progress)(void *arg, uint64_t done, uint64_t of); /* bytes */
	void *arg;
};
int check_fsck(struct archive *a, const struct check_ops *ops, struct check_report *out, struct err *e);
int check_losses(struct archive *a, const struct check_ops *ops, struct check_report *out, struct err *e);
int check_reindex(struct archive *a, bool prove, const struct check_ops *ops, struct check_report *out, struct err *e);
#endif
