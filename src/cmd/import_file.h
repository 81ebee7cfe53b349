/* cmd/import_file.h - one file through the intake: what `import` and the control socket share.
 *
 * Memory: one piece of 256 KiB, however large the file.   Threads: any; one descriptor one thread.
 */
#ifndef CMD_IMPORT_FILE_H
#define CMD_IMPORT_FILE_H

#include "archive/intake.h"

enum import_outcome {
	IMPORT_STORED,
	IMPORT_SAME,
	IMPORT_QUARANTINED,
	IMPORT_REFUSED, /* DICOM, but it cannot be taken, or the file cannot be read */
	IMPORT_SKIPPED, /* not a DICOM instance */
	IMPORT_OUTCOMES
};
struct import_result {
	enum import_outcome outcome;
	char reason[240];
};
extern const char *const import_names[IMPORT_OUTCOMES]; /* "imported", "same", ... */

/* Takes the regular file behind fd. Negative only when the archive itself cannot go on (full disk, I/O). */
int import_file(struct archive *a, const struct intake_source *src, int fd, struct import_result *out, struct err *e);
#endif
