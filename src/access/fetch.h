/* access/fetch.h - one small document from a web server that is trusted by configuration, over libcurl.
 *
 * https, or http to this machine; no redirects; at most FETCH_MOST bytes, FETCH_MS in all.
 * Errors:   -E_CONFIG for a URL that may not be asked, -E_IO with the reason, -E_LIMIT, -E_CANCEL.
 * Threads:  any; it waits for the server: never on a connection's thread.
 */
#ifndef ACCESS_FETCH_H
#define ACCESS_FETCH_H

#include "base/buf.h"
#include <stdatomic.h>
#include <stdbool.h>

#define FETCH_MOST (256u << 10)
#define FETCH_MS 10000L

struct fetch {
	const char *url;
	const char *ca_file;         /* NULL or "": those of the system */
	const char *form;            /* POSTs it as application/x-www-form-urlencoded; NULL: GET */
	const char *user, *password; /* for Basic; NULL: none */
	const _Atomic bool *stop;    /* gives up when it becomes true; may be NULL */
};
int fetch_document(const struct fetch *f, struct buf *out, struct err *e); /* 200, and a body */
int fetch_allowed(const char *url, struct err *e);
int fetch_escape(const char *text, struct buf *out, struct err *e); /* for a form or a query */
#endif
