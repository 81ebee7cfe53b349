/* access/throttle.h - how often somebody may be wrong: for each name and each address.
 *
 * The last failures before the lock cost a pause of 1, 2, 4, ... seconds each; then name or address is locked. Failures
 * are forgotten so long after the last one as a lock takes. From one address ten times as many are borne: many people
 * may share one. Of IPv6 an address is a network of 64 bits.
 * Memory:   THROTTLE_ENTRIES of fixed size; when all are in use the one that failed longest ago is given up.
 * Threads:  any.
 */
#ifndef ACCESS_THROTTLE_H
#define ACCESS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_ENTRIES 4096u
#define THROTTLE_ADDRESS 10 /* times as many as for a name */

struct throttle;
struct throttle *throttle_new(int64_t tries, int64_t lock_us); /* NULL: no memory */
void throttle_free(struct throttle *t);
/* 0: may try, and is counted as wrong beforehand, so that many at once gain nothing; else microseconds to wait. last:
 * when this is wrong, too, name or address is locked. */
int64_t throttle_try(struct throttle *t, const char *name, const char *address, int64_t now, bool *last);
/* It was not tried after all. */
void throttle_undo(struct throttle *t, const char *name, const char *address);
/* It was right: the name's failures are forgotten, and the address has one less. */
void throttle_right(struct throttle *t, const char *name, const char *address);
#endif
