/* archive/query_keys.h - the keys that queries of a level know: told by the table that the index is written by and the
 * rules that values are matched by, for the conformance statement. Threads:  depends on arguments alone.
 */
#ifndef ARCHIVE_QUERY_KEYS_H
#define ARCHIVE_QUERY_KEYS_H

#include "archive/query.h"

struct kept_key {
	uint32_t tag; /* of private ones without the block */
	const char *vr;
	const char *creator;   /* of private ones, else NULL */
	enum query_level from; /* the level that the attribute belongs to */
	const char *matching;  /* in words; how a value is matched */
	const char *type;      /* "U" unique key of its level, "O" optional */
};
/* All keys that a query of this level matches and answers, by tag; those of the configuration (index.attributes) last.
 * What seen returns other than 0 ends that, and is returned. */
int query_keys(enum query_level level, const char *attributes, int (*seen)(void *arg, const struct kept_key *k),
	       void *arg, struct err *e);
const char *query_level_text(enum query_level level); /* "STUDY" */
#endif
