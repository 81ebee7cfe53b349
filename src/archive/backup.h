/* archive/backup.h - a copy of an archive that is itself an archive, made while others write, and caught up by the next.
 *
 * The index comes first: one snapshot of it, so that all it refers to is in the packs that are copied after it; what a
 * pack holds beyond is taken in when the copy is served. Packs that are as they were (size and time of change) are kept.
 * Each file is written under another name, synced, then renamed, and the index is the last to be replaced: a backup
 * that is cut short leaves the earlier one as it was, with some packs more.
 * While it runs nothing is given back of what series were settled from (settle.h). What was given back since the earlier backup stays
 * in its packs until the new index is in its place.
 * The audit trail goes along (backup_trail.h): a copy of it only grows.
 * Folder:   as that of an archive, with backup.json: time, version, through (sequence number), counts. A backup that was
 *           never whole has backup.begun. Once the folder is served it is an archive of its own, and these two are gone.
 * Checks:   what is copied is verified record by record, with `verify` what was kept, too, and copied again when it is
 *           damaged; each pack must be as long, and hold as many records, as the index says. What is wrong is told to
 *           ops->fault, and the backup goes on. A record that is damaged in the archive and well in the earlier backup
 *           stays in the backup (backup_mend.h); such a pack is copied, and told of, each time.
 * Errors:   -E_CONFIG for a folder that cannot become this archive's backup, -E_BUSY when it is in use, -E_FULL, -E_IO.
 * Threads:  one at a time for each target.
 */
#ifndef ARCHIVE_BACKUP_H
#define ARCHIVE_BACKUP_H

#include "archive/check.h"

struct backup_options {
	const char *to;
	const char *config_file; /* becomes TO/teleread.conf; NULL: none */
	const char *version;     /* of the program, for backup.json */
	bool verify;
};
struct backup_report {
	uint64_t packs, copied, kept, removed;
	uint64_t bytes; /* that were written of the packs that were copied: holes do not count */
	uint64_t instances, through, faults;
};
int backup_run(struct archive *a, const struct backup_options *o, const struct check_ops *ops,
	       struct backup_report *out, struct err *e);
#endif
