/* archive/change_write.h - rows of the feeds of changes, and who is told of them. Of this room only.
 */
#ifndef ARCHIVE_CHANGE_WRITE_H
#define ARCHIVE_CHANGE_WRITE_H

#include "archive/change.h"
#include <pthread.h>

/* One row within the open transaction: what happened to the instance with sequence number seq, by which decision (0: none). */
int change_add(struct db_conn *writer, int64_t site, enum change_kind kind, uint64_t seq, uint64_t event,
	       struct err *e);

/* Sites that have news; more than CHANGE_SITES of them: any. */
#define CHANGE_SITES 64u
struct change_sites {
	int64_t sites[CHANGE_SITES];
	unsigned n;
	bool any;
};
void change_note(struct change_sites *s, int64_t site);
struct change_watcher {
	pthread_mutex_t lock;
	void (*news)(void *arg, const int64_t *sites, unsigned n);
	void *arg;
};
/* Tells them, when there are any. */
void change_tell(struct archive *a, const struct change_sites *s);
/* The feeds get a new id: who follows them begins again. */
int change_renew(struct db_conn *writer, struct err *e);
#endif
