/* web/gzip.h - a source that gives another one gzipped, as it comes. Of this room only.
 *
 * What the inner source gives before it waits goes out at once, so nothing is held back.
 * Memory:   about 256 KB for the stream's window and tables, and one piece.   Threads: one at a time, as sources are.
 */
#ifndef WEB_GZIP_H
#define WEB_GZIP_H

#include "net/http.h"

/* On success *out takes inner over: its close() calls inner's. On failure inner is left alone. */
extern const struct http_source gzip_source;
struct gzip;
int gzip_new(const struct http_source *inner, void *arg, struct gzip **out, struct err *e);
/* A whole body at once; appends. */
int gzip_bytes(const void *data, size_t n, struct buf *out, struct err *e);
#endif
