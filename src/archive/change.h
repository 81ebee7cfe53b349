/* archive/change.h - what happened to instances, numbered without gaps for each site, for who follows it.
 *
 * Each site has a feed of its own: 1, 2, 3 ... so that neither numbers nor their growth tell anything of another site. Rows are
 * written in the transaction that changes the index, so what is in sight is in the feed, and what is in the feed was durable.
 * An arrival that changes nothing (the same again, quarantine) has no row. An instance whose place another one takes
 * (`teleread quarantine replace`) has one row, REPLACED, where site and series stay; else it is DROPPED, and the other one STORED.
 * The feed is not derived from the packs: an index that is built anew has a feed of another id, which begins with all that
 * the packs say; so has a backup that is put to use. Who follows a feed and finds another id begins again at 0. The feed of an
 * archive older than feeds begins with what was in sight then, all of it STORED.
 * Threads:  any.
 */
#ifndef ARCHIVE_CHANGE_H
#define ARCHIVE_CHANGE_H

#include "archive/query.h"

enum change_kind { CHANGE_STORED = 1, CHANGE_DROPPED, CHANGE_RESTORED, CHANGE_REPLACED };
struct change {
	uint64_t number; /* of its site's feed */
	enum change_kind kind;
	int64_t at_us;                                               /* it arrived, or was decided */
	char study[65], series[65], sop_instance[65], sop_class[65]; /* "" for what is no longer known */
};
struct change_feed {
	char id[33];
	uint64_t last; /* the newest number there is; 0: none */
};
const char *change_name(enum change_kind k); /* "stored" */
/* Those behind number since, in order, at most limit (0: any number), none newer than *feed says; what seen returns other than
 * 0 ends it, and is returned. *feed is known before seen is called; no connection is held meanwhile. */
int change_each(struct archive *a, int64_t site, uint64_t since, uint64_t limit,
		int (*seen)(void *arg, const struct change *c), void *arg, struct change_feed *feed, struct err *e);
/* Told, from the committer's thread, after each commit that added rows: the sites; n 0: any may have some. Must be quick, and
 * not call this module's change_watch(). One at a time; NULL: nobody, and when it returns nobody is being told. */
void change_watch(struct archive *a, void (*news)(void *arg, const int64_t *sites, unsigned n), void *arg);
#endif
