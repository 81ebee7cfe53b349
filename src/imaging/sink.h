/* imaging/sink.h - where a new Part 10 file goes, front to back, with marks that are filled in later. Of this room only.
 *
 * Errors:   -E_FULL, -E_IO; -E_NOMEM.   Threads: one at a time.
 */
#ifndef IMAGING_SINK_H
#define IMAGING_SINK_H

#include "base/auto.h"
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct deflater;
struct sink {
	int fd;
	uint64_t base; /* of the file's first byte in fd */
	uint64_t at;   /* bytes given so far */
	struct deflater *deflater;
};
int sink_open(struct sink *s, int fd, struct err *e);
int sink_put(struct sink *s, const void *data, size_t n, struct err *e);
/* Over what was put at `at`; not of what is deflated. */
int sink_patch(struct sink *s, uint64_t at, const void *data, size_t n, struct err *e);
int sink_deflate(struct sink *s, struct err *e);          /* from now on */
int sink_end(struct sink *s, uint64_t *n, struct err *e); /* bytes of the file */
void sink_cleanup(struct sink *s);
AUTO_TYPE(sink, struct sink);
#endif
