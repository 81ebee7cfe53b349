/* web/reply.h - answers as this face gives them: security headers, JSON with gzip, entity tags, refusals.
 *
 * JSON and XML are gzipped where the client takes that and they are longer than a packet; pixel data never is.
 */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H

#include "web/exchange.h"

/* Sets Content-Type and answers with what is there. */
int reply_bytes(struct exchange *x, int status, const char *type, const void *body, size_t n, struct err *e);
/* Likewise with a source; length -1: not known. source->close is called in any case, of a failure too. */
int reply_stream(struct exchange *x, int status, const char *type, int64_t length, const struct http_source *source,
		 void *arg, struct err *e);
/* A refusal as JSON: {"error":"..."}; of the status that x->status or the code says. */
void reply_error(struct exchange *x, const struct err *why);
/* Sets ETag ("..." is added) and Cache-Control; 1: If-None-Match has it, 304 was answered, nothing more to do. */
int reply_fresh(struct exchange *x, const char *tag, bool for_ever, struct err *e);
/* One range of the Range header for a body of size bytes: 1: *at, *n are set, answer 206 (Content-Range was added);
 * 0: none asked for, or If-Range does not match; -E_INVAL: 416 was set. Several ranges: taken as none. */
int reply_ranged(struct exchange *x, const char *tag, uint64_t size, uint64_t *at, uint64_t *n, struct err *e);
#endif
