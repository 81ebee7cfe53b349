/* archive/backup_file.h - copies files of an archive to another folder, for backup.c alone.
 *
 * A copy is written to a temporary name, synced and renamed; its time of change is that of the source, but for a source
 * that was changed within the last seconds: that one must look changed the next time, too, for the clock of file systems
 * is coarse. Zeros are left out (a hole). Threads: any.
 */
#ifndef ARCHIVE_BACKUP_FILE_H
#define ARCHIVE_BACKUP_FILE_H

#include "base/err.h"
#include <stdbool.h>
#include <sys/stat.h>

struct backup_place { /* a file: a folder and the name in it */
	int folder;
	const char *name;
};
bool backup_unchanged(const struct stat *from, const struct stat *copy);
/* temp: in the target's folder or one of the same file system. -E_NOENT when there is no source. *bytes: its length. */
int backup_copy(const struct backup_place *from, const struct backup_place *to, const struct backup_place *temp,
		uint64_t *bytes, struct err *e);
int backup_sync(int folder, struct err *e);
#endif
