/* archive/refresh.h - brings the index up to date while the node serves: every instance's head is read from its pack again,
 * so that a new normal form of names, newly kept attributes and better readings of text take effect.
 *
 * A thread of its own works in small transactions between the committer's. How far it is stands in the index: after a stop
 * or a kill the next start goes on. It begins by itself where names are of another form than this program's, or where a
 * refresh was begun; until then, and all the while, questions are answered right (query_plan.h).
 * An instance that cannot be read again keeps what was known of it (a fault, named in the log), and so does one that would
 * be another patient's by its text as it is read now: reindex without the node settles that.
 * Threads:  any.
 */
#ifndef ARCHIVE_REFRESH_H
#define ARCHIVE_REFRESH_H

#include "archive/archive.h"

struct refresh_state {
	bool running;
	uint64_t done, of; /* keys of instances: how far */
	uint64_t instances, faults;
	struct err err; /* of the last one, when it did not come to its end */
};
/* Starts the thread; archive_close() ends it. For who serves the folder. */
int refresh_start(struct archive *a, struct err *e);
/* Begins a refresh; one that is under way is joined. */
int refresh_ask(struct archive *a, struct err *e);
void refresh_look(struct archive *a, struct refresh_state *out);
void refresh_stop(struct archive *a);
#endif
