/* archive/presence.h - are the packs that the index refers to there? Looked at once after each start, while the node serves.
 *
 * A thread of its own asks the index for the packs of a few thousand sequence numbers at a time: it reads every row once,
 * holds no reader for long, and nobody waits for it. Each pack that is not in the folder is an error in the log and an
 * alert (corrupt; subject: the pack); behind PRESENCE_NAMED of them it ends. Bytes are not read: that is fsck's.
 * Threads:  start and stop: one thread.
 */
#ifndef ARCHIVE_PRESENCE_H
#define ARCHIVE_PRESENCE_H

#include "archive/archive.h"

#define PRESENCE_NAMED 16
/* For who serves the folder; archive_close() ends it. Where it cannot start, the log says so. */
void presence_start(struct archive *a);
void presence_stop(struct archive *a);
#endif
