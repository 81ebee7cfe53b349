/* web/web.h - the HTTP face: DICOMweb, the API, and what a browser needs, on net/http.h.
 *
 * All routes are rows of one table (web/routes.c): method, template, handler, right needed, a sentence for the
 * documentation. Capabilities and the OpenAPI page are made from it.
 * Threads:  web_start() and web_stop() by one thread; everything else inside.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "access/access.h"

struct web;
struct web_options {
	struct archive *archive;
	struct access *access;
	const struct config *(*settings)(void *arg); /* those in force now */
	void *arg;
};
/* What web_start() would refuse of the settings: the doors, files of TLS, trusted proxies. -E_CONFIG. */
int web_check(const struct config *c, struct err *e);
int web_start(const struct web_options *o, struct web **out, struct err *e);
uint16_t web_port(const struct web *w);
void web_stop(struct web *w, uint32_t grace_ms);
#endif
