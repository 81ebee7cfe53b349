/* archive/lookup.h - one instance by its UIDs, quickly; and the file that holds its bytes.
 *
 * Instances looked up lately are kept in memory (bounded), and forgotten when what they stand for changes.
 * Errors:   -E_NOENT for what is not there, or not in the scope: nobody can tell which.   Threads: any.
 */
#ifndef ARCHIVE_LOOKUP_H
#define ARCHIVE_LOOKUP_H

#include "archive/query.h"

/* series "" : not asked for. */
int lookup_instance(struct archive *a, const struct scope *scope, const char *study, const char *series,
		    const char *sop_instance, struct stored *out, struct err *e);
/* From memory alone: 1 or 0. Does not block. */
int lookup_known(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 const char *sop_instance, struct stored *out);
/* A descriptor for reading ranges of s (kernel sendfile): *at is where its Part 10 file begins. The caller closes it.
 * -E_UNSUP where bytes do not lie in files. */
int stored_descriptor(struct archive *a, const struct stored *s, int *fd, uint64_t *at, struct err *e);
/* What changes whenever anything at that level does (arrivals, removals): for entity tags. series "" for a study's. */
#define LOOKUP_TAG 40
int lookup_tag(struct archive *a, const struct scope *scope, const char *study, const char *series,
	       char tag[LOOKUP_TAG], struct err *e);
#endif
