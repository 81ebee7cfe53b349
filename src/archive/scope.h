/* archive/scope.h - which sites' objects somebody may see. A query without a scope does not run.
 *
 * A peer of a site sees its own site and every site below it in the tree (county < city < province).
 * Memory: plain value.   Threads: read-only once made.
 */
#ifndef ARCHIVE_SCOPE_H
#define ARCHIVE_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#define SCOPE_MOST 4096
struct scope {
	enum { SCOPE_NOTHING, SCOPE_SITES, SCOPE_EVERYTHING } kind; /* zeroed memory sees nothing */
	unsigned n;
	int64_t *sites; /* sorted; owned: scope_cleanup() */
};
/* For the operator's own commands on this machine; why is logged at debug. */
struct scope scope_everything(const char *why);
bool scope_has(const struct scope *s, int64_t site);
void scope_cleanup(struct scope *s);
#endif
