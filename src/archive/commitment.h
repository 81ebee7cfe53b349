/* archive/commitment.h - storage commitment: what peers asked to be kept, what was found, whether they were told.
 *
 * A request is known by site, AE title and Transaction UID. It is asked, then verified (each instance is looked up in the
 * scope of the site that asked, and its bytes are read again and compared with their checksums), then told or given up.
 * Each step is durable when its function returns, so that a crash repeats at most the step it fell into. The same
 * request again is told again, with the verdicts that were found the first time.
 * Verdicts: failure reasons of PS3.3 C.14.1.1, see enum; what the site may not see is as unknown as what is not there.
 * Memory:   a request holds its instances as text, at most COMMITMENT_BYTES.
 * Threads:  any; a struct commitment belongs to one thread at a time.
 * Source:   PS3.4 annex J.
 */
#ifndef ARCHIVE_COMMITMENT_H
#define ARCHIVE_COMMITMENT_H

#include "archive/archive.h"
#include "base/buf.h"

#define COMMITMENT_ITEMS 65536u /* instances of one request */
#define COMMITMENT_BYTES (9u << 20)
#define COMMITMENT_WAITING 1000u /* requests of one peer that were not told yet */

enum commitment_state { COMMITMENT_ASKED = 1, COMMITMENT_VERIFIED, COMMITMENT_TOLD, COMMITMENT_GIVEN_UP };
enum commitment_verdict {
	COMMITMENT_KEPT = 0,
	COMMITMENT_FAILURE = 0x0110,  /* the stored bytes are damaged or cannot be read */
	COMMITMENT_UNKNOWN = 0x0112,  /* no such instance */
	COMMITMENT_CONFLICT = 0x0119, /* the instance has another SOP class */
};
struct commitment {
	int64_t id, site;
	char site_code[33]; /* commitment_each() only */
	char aet[17], transaction[65];
	enum commitment_state state;
	unsigned n, failed; /* instances; of them not committed, once verified */
	int tries;          /* to tell it */
	int64_t asked_us, changed_us, due_us;
	char why[160];       /* the last try failed */
	struct buf items;    /* commitment_add(); not in commitment_each() */
	struct buf verdicts; /* uint16_t for each item, once verified */
};
void commitment_cleanup(struct commitment *c);
AUTO_TYPE(commitment, struct commitment);
#define COMMITMENT ((struct commitment){.items = BUF(COMMITMENT_BYTES), .verdicts = BUF(2 * COMMITMENT_ITEMS)})

/* Appends an instance; UIDs as uid_sane() has them. -E_LIMIT. */
int commitment_add(struct commitment *c, const char *sop_class, const char *sop_instance, struct err *e);
struct commitment_item {
	char sop_class[65], sop_instance[65];
	uint16_t verdict; /* once verified */
};
/* Walks the instances: *at begins with 0. False behind the last one. */
bool commitment_item(const struct commitment *c, size_t *at, struct commitment_item *out);

/* A request with site, aet, transaction and instances filled in; sets id and state, durable. 1: the same was asked before, and will
 * be told again; -E_CONFLICT: that transaction is about other instances; -E_LIMIT: COMMITMENT_WAITING. */
int commitment_ask(struct archive *a, struct commitment *c, struct err *e);
int commitment_load(struct archive *a, int64_t id, struct commitment *out, struct err *e); /* -E_NOENT */
/* Finds the verdicts of a loaded request. -E_CANCEL once *stop is true: nothing is kept of it then. Errors of the index
 * leave the request as it was. */
int commitment_verify(struct archive *a, struct commitment *c, const _Atomic bool *stop, struct err *e);
/* Keeps state, due_us, tries and why, unless it was asked again since it was loaded. After a failure (state verified, why
 * not empty) nothing of that peer is due before due_us. */
int commitment_note(struct archive *a, const struct commitment *c, struct err *e);
/* Nothing is due about that one before due_us: it could not be loaded or verified. */
int commitment_later(struct archive *a, int64_t id, int64_t due_us, struct err *e);
/* Those in a state, in order of due_us, until seen returns other than 0, which is then the result: id, site, aet and
 * due_us are filled in. Some thousand at most. */
int commitment_due(struct archive *a, enum commitment_state state, int (*seen)(void *arg, const struct commitment *c),
		   void *arg, struct err *e);
/* Every request, with those told (all) or without. */
int commitment_each(struct archive *a, bool all, int (*seen)(void *arg, const struct commitment *c), void *arg,
		    struct err *e);
/* Forgets what was told or given up before that time. How many. */
int commitment_purge(struct archive *a, int64_t before_us, struct err *e);
#endif
