/* archive/backup_trail.h - copies the audit trail (DATA/audit) to a backup, for backup.c alone.
 *
 * Its files only grow, line by line, and the node may have moved the oldest ones elsewhere: a copy gets the lines that it
 * lacks, is never cut short and never removed. The head, which says where the trail ends, comes last, and is that of the beginning, so that
 * it never says more than the lines that are there; likewise what a collector has got.
 * Told:     a file that is shorter than its copy, or goes on differently: the copy stays as it is, and the rest is copied.
 */
#ifndef ARCHIVE_BACKUP_TRAIL_H
#define ARCHIVE_BACKUP_TRAIL_H

#include "archive/backup_target.h"

/* data: the archive's folder. -E_FULL, -E_IO. */
int backup_trail(const char *data, const struct backup_target *to, void (*told)(void *arg, const char *sentence),
		 void *arg, struct err *e);
#endif
