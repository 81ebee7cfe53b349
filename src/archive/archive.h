/* archive/archive.h - what is kept: opens packs and index together, and catches the index up.
 *
 * Folder:   DATA/index.sqlite, DATA/packs/HHHHHHHHHHHH/LLLL.pack, DATA/lock, DATA/clean (after a clean stop).
 * One process writes (archive_open with ARCHIVE_SERVE holds DATA/lock, and opens base/alert.h); others open ARCHIVE_READ beside it, or, when no
 * node runs, ARCHIVE_SERVE themselves (import, reindex).
 * Start:    after a clean stop, with the index of that stop, nothing is scanned; else records behind the index's last
 *           sequence number are verified and indexed, torn ones are marked as void (they were never acknowledged). When
 *           there is no index, it is built from the packs.
 * Threads:  one struct archive is shared by all threads.
 */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include "archive/scope.h"
#include "base/config.h"
#include "db/db.h"

struct archive;
enum archive_mode { ARCHIVE_READ, ARCHIVE_SERVE };
/* -E_BUSY when another process serves the folder. */
int archive_open(const struct config *c, enum archive_mode mode, struct archive **out, struct err *e);
void archive_close(struct archive *a); /* no intake may be open; leaves the folder clean */
struct db *archive_db(struct archive *a);
struct attr_set;
const struct attr_set *archive_attrs(struct archive *a); /* attributes that the configuration adds; see attr_extra.h */
#endif
