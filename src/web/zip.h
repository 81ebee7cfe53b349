/* web/zip.h - a ZIP file written member by member into a buffer that the caller empties as it likes. Of this room only.
 *
 * Members are stored, not deflated: pixels gain little by it. Sizes and counts beyond 32 and 16 bits are written as ZIP64
 * has them. What is held back is the directory, some 200 bytes for each member, which goes last.
 * A room of its own within the room: libarchive has a struct archive, too.
 * Errors:   -E_IO with libarchive's reason; -E_NOMEM.   Threads: one at a time for each.
 */
#ifndef WEB_ZIP_H
#define WEB_ZIP_H

#include "base/buf.h"

struct zip;
int zip_new(struct buf *out, struct zip **z, struct err *e); /* out: borrowed until zip_free() */
/* The next member, of exactly size bytes. name: a path with slashes, without .. or a slash in front. */
int zip_member(struct zip *z, const char *name, uint64_t size, struct err *e);
int zip_data(struct zip *z, const void *data, size_t n, struct err *e);
int zip_end(struct zip *z, struct err *e);
void zip_free(struct zip *z); /* NULL is fine; writes nothing more */
#endif
