/* archive/lookup.h - one instance by its UIDs, quickly; and the file that holds its bytes.
 *
 * Instances looked up lately are kept in memory (at most 32,768, about 10 MB), and forgotten, all of them, when a decision or
 * a new index changes what is in sight, those of a series when it is settled: what is known is what a question to the index would answer. A process that only
 * reads the archive keeps none, since nobody tells it of changes.
 * Errors:   -E_NOENT for what is not there, or not in the scope: nobody can tell which.   Threads: any.
 */
#ifndef ARCHIVE_LOOKUP_H
#define ARCHIVE_LOOKUP_H

#include "archive/query.h"

/* series "" : not asked for. */
int lookup_instance(struct archive *a, const struct scope *scope, const char *study, const char *series,
		    const char *sop_instance, struct stored *out, struct err *e);
/* From memory alone: 1 or 0. Does not block: 0, too, while another thread is at the same part of the memory. */
int lookup_known(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 const char *sop_instance, struct stored *out);
/* A descriptor for reading ranges of s (kernel sendfile): *at is where its Part 10 file begins. The caller closes it. Others
 * have the same open file: read at offsets of your own, never seek.
 * -E_UNSUP where bytes do not lie in files: stored_read() is the way then. */
int stored_descriptor(struct archive *a, const struct stored *s, int *fd, uint64_t *at, struct err *e);
/* For strong entity tags: 32 hexadecimal digits, without quotes. They stay over restarts and rebuilt indexes, and tell nothing
 * of how much is stored elsewhere. */
#define LOOKUP_TAG 40
/* What changes whenever anything of a study, or a series, does: arrivals, removals, replacements, and what goes and comes
 * back. series "" for the study's. */
int lookup_tag(struct archive *a, const struct scope *scope, const char *study, const char *series,
	       char tag[LOOKUP_TAG], struct err *e);
/* Of an instance: its bytes, its head, and that it is this very record. From memory alone. */
void stored_tag(struct archive *a, const struct stored *s, char tag[LOOKUP_TAG]);
#endif
