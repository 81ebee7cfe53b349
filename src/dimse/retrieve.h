/* dimse/retrieve.h - what C-MOVE and C-GET share: from identifier to selection, counters, answers.
 *
 * Counters are 64 bits here and cut to 65535 in answers. The failed list holds as many UIDs as one explicit UI value
 * can. Threads:  one at a time.
 */
#ifndef DIMSE_RETRIEVE_H
#define DIMSE_RETRIEVE_H

#include "dimse/identifier.h"

#define FAILED_LIST_MOST 65534u

struct retrieve {
	struct session *s;
	const struct shim_command *rq;
	const struct shim_context *cx;
	struct identifier id;
	struct query query;
	struct selection *selection;
	uint64_t total, completed, failed, warning;
	struct buf failed_list;
	int64_t told_us; /* when the last pending answer went out */
	uint64_t told_done;
};
/* Reads the identifier and opens the selection. *status other than success: refuse with why. Negative: broken. */
int retrieve_begin(struct retrieve *r, struct session *s, const struct shim_command *rq, const struct shim_context *cx,
		   uint16_t *status, struct err *why, struct err *e);
/* Opens the selection anew, from its beginning. */
int retrieve_rewind(struct retrieve *r, struct err *e);
void retrieve_cleanup(struct retrieve *r);
AUTO_TYPE(retrieve, struct retrieve);

/* One sub-operation is over: by its C-STORE status, or not sent at all. */
void retrieve_count(struct retrieve *r, const struct stored *what, uint16_t status);
#define RETRIEVE_UNSENT 0xFFFFu
/* A pending answer when one is due: the first, one a second while things move, and a sign of life every ten. */
int retrieve_pending(struct retrieve *r, bool first, struct err *e);
/* The last word, by the counters. */
int retrieve_end(struct retrieve *r, bool cancelled, struct err *e);
#endif
