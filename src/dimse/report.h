/* dimse/report.h - the results of storage commitment: as data sets, and to the peers.
 *
 * Threads of the reporter verify what was asked and tell what was found (N-EVENT-REPORT) over an association to the
 * peer's host and port, one at a time for each peer. The association that asked may hold a request back, to tell it
 * itself. What cannot be told is tried again with growing pauses, and given up after the configured time; all of it is
 * in the index (archive/commitment.h), so a restart goes on where the last one ended.
 * Errors:   a request that fails is logged and tried again; nothing of it ends the threads.
 * Threads:  reporter_*: any. A hold belongs to its association's thread; ready is read by it, set by the reporter.
 * Source:   PS3.4 J.3.3, PS3.7 10.1.1, D.3.3.4.
 */
#ifndef DIMSE_REPORT_H
#define DIMSE_REPORT_H

#include "archive/commitment.h"
#include "archive/registry.h"
#include "net/dimse.h"

#define REPORT_MOST (16u << 20) /* bytes of one event report */

/* The data set of the event report, in a syntax of this room: the event type (1 all kept, 2 failures exist), or negative. */
int report_encode(const struct commitment *c, const char *aet, const char *syntax, struct buf *out, struct err *e);
/* What became of telling it: kept in the index, logged, counted. refused: the peer answered with a failure. why NULL: it
 * was told. */
void report_outcome(struct archive *a, const struct config *config, struct commitment *c, const struct err *why,
		    bool refused);

/* Is a status of N-EVENT-REPORT neither success nor a warning (PS3.7 annex C)? */
bool report_refuses(uint16_t status);

struct report_hold {
	int64_t id;
	_Atomic bool ready; /* it is verified */
	struct report_hold *next;
};
struct reporter;
/* config: the settings of the moment; what it returns stays valid until the reporter has stopped. */
int reporter_start(struct archive *a, const struct config *(*config)(void *arg), void *arg, struct reporter **out,
		   struct err *e);
/* Nothing more is begun, and what waits for a peer fails; without waiting. Requests can still be asked. NULL is fine. */
void reporter_halt(struct reporter *r);
/* Likewise, and waits: at most ten seconds and a name look-up, where a peer's host is dead. What is under way is left for
 * the next start. */
void reporter_stop(struct reporter *r);
/* commitment_ask(); where hold is not NULL nobody tells the request before reporter_release() (but one that is being
 * told already: then hold->id stays 0). */
int reporter_ask(struct reporter *r, struct commitment *c, struct report_hold *hold, struct err *e);
/* The association has told the request, or will not any more. */
void reporter_release(struct reporter *r, struct report_hold *hold);
/* Can that peer of that site be called? 0, or -E_NOENT and why. */
int report_destination(struct archive *a, const char *aet, int64_t site, struct peer *out, struct err *e);
#endif
