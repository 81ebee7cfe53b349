/* archive/backup_target.h - the folder that a backup goes to: may it, and is it this archive's. For backup.c alone.
 *
 * A target is an empty folder, or a backup of the same archive: it was never served since, it is not older than what it
 * would be replaced by, and shares a pack with it. Its lock is held, so that nobody serves it meanwhile.
 */
#ifndef ARCHIVE_BACKUP_TARGET_H
#define ARCHIVE_BACKUP_TARGET_H

#include "archive/store.h"

#define BACKUP_JSON "backup.json"
#define BACKUP_BEGUN "backup.begun"

struct backup_target {
	int folder, packs_folder, lock;
	char *path; /* of the packs */
	struct blob_store *packs;
	bool give; /* root copies for the user whose archive it is */
	uid_t uid;
	gid_t gid;
};
/* Makes the folder where it is missing. *out can be closed whatever the result. */
int backup_target_open(struct archive *a, const char *path, struct backup_target *out, struct err *e);
/* Forgets what packs has open: a pack was replaced. */
int backup_target_reopen(struct backup_target *t, struct err *e);
void backup_target_close(struct backup_target *t);
void backup_target_own(const struct backup_target *t, int folder, const char *name);
void backup_target_drop_index(const struct backup_target *t, const char *name); /* with its log; errors do not matter */
#endif
