/* web/exchange.h - one request with what was found out about it before its handler runs. Of this room only.
 *
 * A handler answers (web/reply.h, or http_reply...() behind reply_prepare()) and returns 0, or returns a negative code
 * with a sentence: then web/ answers with err_http() of the code and the sentence as JSON. It runs on a worker thread,
 * never on the connection's. Before it runs the UIDs of the path have been checked (url_uid(), not strictly), and
 * rights, the CSRF token, and the declared length of the body, too.
 * Answers are UTF-8 always: an Accept-Charset that has no room for that is 406.
 * Memory:   an exchange lives until done(). What a handler needs longer than its own call it hangs to the exchange with
 *           exchange_keep().
 */
#ifndef WEB_EXCHANGE_H
#define WEB_EXCHANGE_H

#include "access/access.h"
#include "net/http.h"
#include "web/accept.h"
#include "web/route.h"
#include "web/url.h"
#include "web/web.h"

struct exchange {
	struct archive *archive;
	struct access *access;
	const struct config *config; /* in force when the request came */
	struct web *web;
	struct http_request *http;
	const struct route *route;
	const struct principal *who; /* NULL on routes of RIGHT_NOBODY */
	const struct scope *scope; /* of who; within a study that was opened by breaking the glass: that study's site */
	const char *study, *series, *instance; /* of the path; "" where it has none */
	const char *rest;       /* of the path: {frames}, {bulk...}, any other name, decoded; "" without */
	struct url_query query; /* decoded, in the order of the URL (web/url.h) */
	struct accept accept;   /* of the header, behind what the query parameters accept and transfer-syntax say */
	const char *address;    /* of the client: behind a trusted proxy, what that says */
	bool secure;            /* TLS all the way, as far as trusted proxies say */
	bool page;              /* set by who answers with a page of ours: it may run our scripts and styles */
	int status;             /* of a refusal, where err_http() would be wrong; 0 */
	int retry_s;            /* what Retry-After of a 429 or 503 says; 0: a few seconds */
};
/* Frees free_it(p) when the exchange is over; on failure at once. */
int exchange_keep(struct exchange *x, void *p, void (*free_it)(void *), struct err *e);
/* As http_receive(), and no more than http.max_body of a body whose length was not declared: that is answered with 413, and
 * the sink ends as incomplete. */
void exchange_receive(struct exchange *x, const struct http_sink *sink, void *arg);
/* A small body as a whole, at most `most` bytes (else 413): then() goes on as a handler does, with the body borrowed. */
int exchange_body(struct exchange *x, size_t most,
		  int (*then)(struct exchange *x, const struct buf *body, struct err *e), struct err *e);
/* Whether who asked is known still, and may still see the very same: for answers that go on for long. False, too, when
 * that cannot be told. May read the index. */
bool exchange_still(struct exchange *x);
/* What the audit trail says of it; strings are copied. Once for each study. */
void exchange_audit(struct exchange *x, const char *study, const char *patient_id, uint64_t instances);
/* Why it failed, or a part of it, where no error says so. */
void exchange_audit_why(struct exchange *x, const char *sentence);
/* The audit trail hears of it from who does it (access/): it is not told again. */
void exchange_told(struct exchange *x);
#endif
