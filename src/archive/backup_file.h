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
#include <stddef.h>
#include <sys/stat.h>

struct backup_place { /* a file: a folder and the name in it */
	int folder;
	const char *name;
};
bool backup_unchanged(const struct stat *from, const struct stat *copy);
struct backup_copied { /* a copy under its temporary name */
	int fd;
	struct stat from;
	uint64_t bytes; /* that were written */
};
/* temp: in the target's folder or one of the same file system. What it holds is synced, and read from the disk from then on.
 * -E_NOENT when there is no source; out needs backup_drop() or backup_put() where it was 0. */
int backup_copy(const struct backup_place *from, const struct backup_place *temp, struct backup_copied *out,
		struct err *e);
int backup_write(int fd, const void *data, size_t n, off_t at, struct err *e); /* -E_FULL, -E_IO */
/* Gives the copy its time and its name; consumes it in any case. again: the next backup is to copy it once more. */
int backup_put(struct backup_copied *c, const struct backup_place *temp, const struct backup_place *to, bool again,
	       struct err *e);
void backup_drop(struct backup_copied *c, const struct backup_place *temp);
int backup_sync(int folder, struct err *e);
#endif
