/* archive/backup_mend.h - keeps what the earlier backup holds well and the archive has damaged. For backup.c alone.
 *
 * The new copy of a pack, before it takes the place of the earlier one, is read as a store of this pack alone. A record of the
 * earlier copy that is whole, that the archive's index refers to there, and that is not whole in the new copy, is written
 * into it: no backup is worse than the one before, and what is new in the pack is there, too.
 * Errors:   -E_NOMEM, -E_IO, -E_FULL, those of the index.
 * Threads:  as backup.h.
 */
#ifndef ARCHIVE_BACKUP_MEND_H
#define ARCHIVE_BACKUP_MEND_H

#include "archive/store.h"

struct backup_pack { /* the file of a copy, not in its place yet */
	struct blob_store store;
	int fd;
};
/* fd is borrowed. Only size and read are there. */
struct backup_pack backup_pack(int fd);
/* told: each record that was mended. How many, or negative; 0 when there is no earlier copy. */
int backup_mend(struct archive *a, struct blob_store *earlier, struct backup_pack *copy, uint64_t pack,
		void (*told)(void *arg, const struct record *r), void *arg, struct err *e);
/* Records of the earlier copy that are gone from this one are taken over into it. How many. */
int backup_keep(struct blob_store *earlier, struct backup_pack *copy, uint64_t pack, struct err *e);
#endif
