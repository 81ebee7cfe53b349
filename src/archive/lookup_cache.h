/* archive/lookup_cache.h - places of instances by SOP Instance UID, in memory. Of this room only.
 *
 * Each entry bears the generation of the index that it was read from; lookup_cache_forget() begins the next one, and what is
 * of an older one is no longer found. Who fills it asks for the generation before he reads the index: what changed in between
 * is not put in.
 * Memory:   at most LOOKUP_SETS * LOOKUP_WAYS entries of some 300 bytes, the ones used last in their set.
 * Threads:  any; a lock is held for a comparison or a copy.
 */
#ifndef ARCHIVE_LOOKUP_CACHE_H
#define ARCHIVE_LOOKUP_CACHE_H

#include "archive/query.h"

#define LOOKUP_SETS 4096u
#define LOOKUP_WAYS 8u

struct lookup_cache;
struct lookup_cache *lookup_cache_new(void); /* NULL: no memory */
void lookup_cache_free(struct lookup_cache *c);
uint64_t lookup_cache_generation(struct lookup_cache *c);
void lookup_cache_forget(struct lookup_cache *c);
/* Those of one series alone. */
void lookup_cache_forget_series(struct lookup_cache *c, const char *series);
/* 1: *out is what it stood for, in this generation. 0, and where wait is false also when its lock is taken. */
int lookup_cache_get(struct lookup_cache *c, const char *sop_instance, bool wait, struct stored *out);
void lookup_cache_put(struct lookup_cache *c, uint64_t generation, const struct stored *s);
#endif
