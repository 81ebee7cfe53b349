/* dimse/offer.h - the presentation contexts that C-MOVE proposes for what is to be sent.
 *
 * For each SOP class: one context for each transfer syntax in which something of it is stored, one for explicit and one
 * for implicit little endian. Where more than 128 come together they are split into groups of classes, and the
 * selection is walked once for each group.
 * Memory:   grows with distinct pairs of class and syntax, at most OFFER_PAIRS.   Threads: read-only once made.
 */
#ifndef DIMSE_OFFER_H
#define DIMSE_OFFER_H

#include "net/scu.h"

#define OFFER_PAIRS 4096u

struct offer_pair {
	char abstract[65], syntax[65];
	unsigned group; /* of the class */
};
struct offer {
	struct offer_pair *pairs;
	unsigned n, room, groups, last;
};
int offer_add(struct offer *p, const char *abstract, const char *syntax, struct err *e);
void offer_divide(struct offer *p); /* all are added: forms the groups */
/* Group of a class, -1 when it is in none. */
int offer_group(const struct offer *p, const char *abstract);
/* The proposals of a group; borrowed from it. Their number. */
unsigned offer_proposals(const struct offer *p, unsigned group, struct scu_proposal out[SCU_PROPOSALS]);
void offer_cleanup(struct offer *p);
#endif
