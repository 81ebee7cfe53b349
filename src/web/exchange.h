/* web/exchange.h - one request with what was found out about it before its handler runs. Of this room only.
 *
 * A handler answers (http_reply..., web_json, web_stream) and returns 0, or returns a negative code with a sentence: then
 * web/ answers with err_http() of the code and the sentence as JSON. It runs on a worker thread, never on the
 * connection's. UIDs in the path have been checked (digits and dots, at most 64) before it runs, rights and the CSRF token, too.
 * Memory:   an exchange lives until done(). What a handler needs longer than its own call it hangs to the exchange with
 *           exchange_keep().
 */
#ifndef WEB_EXCHANGE_H
#define WEB_EXCHANGE_H

#include "access/access.h"
#include "net/http.h"
#include "web/accept.h"
#include "web/url.h"
#include "web/web.h"

struct exchange;
struct route {
	const char *method; /* "GET" answers HEAD, too */
	const char *path;   /* "/dicom-web/studies/{study}/series/{series}" */
	int (*handle)(struct exchange *x, struct err *e);
	/* Runs first, on the connection's thread, for who is known already: 1 answered, 0 it needs a worker. May be NULL. */
	int (*quick)(struct exchange *x);
	enum right right;
	const char *produces; /* media types, for the documentation: "application/dicom+json, application/dicom+xml" */
	const char *says;     /* a sentence */
};
struct exchange {
	struct archive *archive;
	struct access *access;
	const struct config *config;
	struct http_request *http;
	const struct route *route;
	const struct principal *who;
	const struct scope *scope; /* of who; within a study that was opened by breaking the glass: that study's site */
	const char *study, *series, *instance; /* of the path; "" where it has none */
	const char *rest;                      /* of the path: {frames}, {bulk...}, decoded; "" without */
	struct url_query query;                /* decoded, in the order of the URL (web/url.h) */
	struct accept accept;                  /* of the header, or the query parameter accept (web/accept.h) */
	int status;                            /* of a refusal, where err_http() would be wrong; 0 */
};
/* Frees free_it(p) when the exchange is over. */
int exchange_keep(struct exchange *x, void *p, void (*free_it)(void *), struct err *e);
/* What the audit trail says of it; strings are copied. Once for each study. */
void exchange_audit(struct exchange *x, const char *study, const char *patient_id, uint64_t instances);
#endif
