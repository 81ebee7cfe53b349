/* archive/frames_cache.h - tables of frames by the place of their record, the ones used last, together at most FRAMES_KEPT bytes.
 * Of this room only.
 * Memory:  the cache has a reference of its own to each; what it gives has one more, for frames_close().   Threads: any.
 */
#ifndef ARCHIVE_FRAMES_CACHE_H
#define ARCHIVE_FRAMES_CACHE_H

#include "archive/frames.h"

struct frame_cache;
struct frame_cache *frame_cache_new(void); /* NULL: no memory */
void frame_cache_free(struct frame_cache *c);
/* NULL when it has none, and where wait is false also when its lock is taken. */
struct frame_table *frame_cache_get(struct frame_cache *c, uint64_t pack, uint64_t at, bool wait);
/* t->pack and t->at say where its record is. */
void frame_cache_put(struct frame_cache *c, struct frame_table *t);
#endif
