/* dimse/plan.h - the presentation contexts that C-MOVE proposes for what is to be sent.
 *
 * For each SOP class: one context for each transfer syntax in which something of it is stored, one for explicit and one
 * for implicit little endian. Where more than 128 come together they are split into groups of classes, and the
 * selection is walked once for each group.
 * Memory:   grows with distinct pairs of class and syntax, at most PLAN_PAIRS.   Threads: read-only once made.
 */
#ifndef DIMSE_PLAN_H
#define DIMSE_PLAN_H

#include "net/scu.h"

#define PLAN_PAIRS 4096u

struct plan_pair {
	char abstract[65], syntax[65];
	unsigned group; /* of the class */
};
struct plan {
	struct plan_pair *pairs;
	unsigned n, room, groups, last;
};
int plan_add(struct plan *p, const char *abstract, const char *syntax, struct err *e);
void plan_divide(struct plan *p); /* all are added: forms the groups */
/* Group of a class, -1 when it is in none. */
int plan_group(const struct plan *p, const char *abstract);
/* The proposals of a group; borrowed from the plan. Their number. */
unsigned plan_proposals(const struct plan *p, unsigned group, struct scu_proposal out[SCU_PROPOSALS]);
void plan_cleanup(struct plan *p);
#endif
