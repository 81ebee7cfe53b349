/* archive/change.h - what happened to instances, numbered without gaps for each site, for who follows it.
 *
 * Each site has a feed of its own: 1, 2, 3 ... so that neither numbers nor their growth tell anything of another site.
 * Rows are written in the transaction that changes the index, so what is in sight is in the feed.
 * Threads:  any.
 */
#ifndef ARCHIVE_CHANGE_H
#define ARCHIVE_CHANGE_H

#include "archive/query.h"

enum change_kind { CHANGE_STORED = 1, CHANGE_DROPPED, CHANGE_RESTORED, CHANGE_REPLACED };
struct change {
	uint64_t number; /* of its site's feed */
	enum change_kind kind;
	int64_t at_us;
	char study[65], series[65], sop_instance[65], sop_class[65]; /* "" for what is no longer known */
};
const char *change_name(enum change_kind k); /* "stored" */
/* Those behind number since, at most limit; what seen returns other than 0 ends it. *last: the newest number there is. */
int change_each(struct archive *a, int64_t site, uint64_t since, uint64_t limit,
		int (*seen)(void *arg, const struct change *c), void *arg, uint64_t *last, struct err *e);
/* Told, from the committer's thread, after each commit that added rows: the sites. Must be quick. NULL: nobody. */
void change_watch(struct archive *a, void (*news)(void *arg, const int64_t *sites, unsigned n), void *arg);
#endif
