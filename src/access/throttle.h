/* access/throttle.h - how often somebody may be wrong: for each name and each address.
 *
 * The last failures before the lock cost a pause of 1, 2, 4, ... seconds each; then name or address is locked. Failures
 * are forgotten so long after the last one as a lock takes. From one address ten times as many are borne: many people
 * may share one. Of IPv6 an address is a network of 64 bits.
 * Known:    from an address that a name came in from lately (THROTTLE_KNOWN_US) it is counted apart: who guesses elsewhere, or
 *           wants to lock a person out, does not lock the name there. Forgotten with the process.
 * Memory:   THROTTLE_ENTRIES and THROTTLE_KNOWN of fixed size; when all are in use the one that failed, or came in, longest ago is
 *           given up.
 * Threads:  any.
 */
#ifndef ACCESS_THROTTLE_H
#define ACCESS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_ENTRIES 4096u
#define THROTTLE_ADDRESS 10 /* times as many as for a name */
#define THROTTLE_KNOWN 1024u
#define THROTTLE_KNOWN_US (30 * 86400 * 1000000LL)

struct throttle;
struct throttle *throttle_new(int64_t tries, int64_t lock_us); /* NULL: no memory */
void throttle_free(struct throttle *t);
struct throttle_told {
	bool last;       /* when this is wrong, too, a lock begins */
	bool locked;     /* it is a lock that is to be waited for, not a pause */
	bool by_address; /* of the address; else of the name */
	int64_t since;   /* when the lock began */
};
/* 0: may try, and is counted as wrong beforehand, so that many at once gain nothing; else microseconds to wait. */
int64_t throttle_try(struct throttle *t, const char *name, const char *address, int64_t now,
		     struct throttle_told *told);
/* The name's failures are forgotten, wherever from. */
void throttle_forget(struct throttle *t, const char *name);
/* It was not tried after all. */
void throttle_undo(struct throttle *t, const char *name, const char *address, int64_t now);
/* It was right: the name's failures are forgotten, and the address has one less. It is known there from now on. */
void throttle_right(struct throttle *t, const char *name, const char *address, int64_t now);
#endif
