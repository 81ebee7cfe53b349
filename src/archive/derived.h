/* archive/derived.h - files made of stored instances: each made once, those asked for lately kept.
 *
 * Who asks first makes it; who asks for the same meanwhile waits. Kept are at most the configured bytes (imaging.cache) in
 * DERIVED_MOST files without names (archive/scratch.h), besides what is in use; what was not asked for the longest goes first.
 * Nothing is made while the disk has no room for about as much as the instance takes beyond its reserve (-E_FULL).
 * What failed is told to all who waited, and made again for who asks next.
 * Metrics:  teleread_derived_hits_total, _misses_total, _failures_total; _bytes, _files of what is there now.
 * Errors:   of make, -E_IO, -E_FULL, -E_NOMEM.   Threads: any that may wait; all are released before the archive is closed.
 */
#ifndef ARCHIVE_DERIVED_H
#define ARCHIVE_DERIVED_H

#include "archive/query.h"

#define DERIVED_MOST 256u
#define DERIVED_ABOUT 256u
#define DERIVED_KEY 128u
struct derived;
/* key: what it is, besides of which instance ("1.2.840...", "rendered ..."): text. make writes the file to fd and what there is to
 * know of it to about (numbers, no pointers; aligned for them, zeroed). */
int derived_open(struct archive *a, const struct stored *s, const char *key,
		 int (*make)(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e), void *arg,
		 struct derived **out, struct err *e);
void derived_release(struct derived *d);                   /* NULL is fine */
int derived_file(const struct derived *d, uint64_t *size); /* d's own descriptor, to be read at offsets of one's own */
const uint8_t *derived_about(const struct derived *d);
void derived_forget(struct archive *a); /* all that is not in use */
#endif
