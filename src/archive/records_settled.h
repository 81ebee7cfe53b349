/* archive/records_settled.h - settled records in order of sequence number, for records.c. Of this room only.
 *
 * A settled pack says in its header between which sequence numbers its records lie: it is opened when the lowest is due, so that memory
 * holds the series that overlap at one time, and not all of them.
 */
#ifndef ARCHIVE_RECORDS_SETTLED_H
#define ARCHIVE_RECORDS_SETTLED_H

#include "archive/pack.h"

struct settled_order;
struct settled_order *settled_order_new(struct blob_store *s, uint64_t after_seq); /* NULL: no memory */
void settled_order_free(struct settled_order *o);
/* A settled pack; first, last: of its header, or 0, 0 where that is damaged. */
int settled_order_add(struct settled_order *o, uint64_t pack, uint64_t first, uint64_t last, struct err *e);
/* The record with the lowest number below seq that was not given yet: 1, 0: there is none. Of several, the one in the newest pack. */
int settled_order_next(struct settled_order *o, uint64_t seq, struct record *out, struct err *e);
/* This number is told by another record. */
int settled_order_skip(struct settled_order *o, uint64_t seq, struct err *e);
#endif
