/* web/reply.h - answers as this face gives them: security headers, JSON with gzip, entity tags, refusals.
 *
 * JSON, XML and text are gzipped where the client takes that and they are longer than a packet; pixel data never is.
 * Whoever set no Cache-Control (reply_fresh) gets no-store.
 */
#ifndef WEB_REPLY_H
#define WEB_REPLY_H

#include "web/exchange.h"

/* Content-Type (NULL: none) and the headers that every answer has. For who then calls http_reply...() himself. */
int reply_prepare(struct exchange *x, const char *type, struct err *e);
/* Sets Content-Type and answers with what is there. */
int reply_bytes(struct exchange *x, int status, const char *type, const void *body, size_t n, struct err *e);
/* Likewise with a source; length -1: not known. source->close is called in any case, of a failure too. */
int reply_stream(struct exchange *x, int status, const char *type, int64_t length, const struct http_source *source,
		 void *arg, struct err *e);
/* Likewise with a piece of a file. */
int reply_range(struct exchange *x, int status, const char *type, const struct http_range *range, struct err *e);
/* The URL of DICOMweb as the client reached it, "https://host:8443/dicom-web"; only the path where no sane host is named. */
#define SERVICE_MOST 300
void reply_service(const struct exchange *x, char out[SERVICE_MOST]);
/* A refusal as JSON: {"error":"..."}; of the status that x->status or the code says. */
void reply_error(struct exchange *x, const struct err *why);
/* 406, with what there is: accept_list() of the offers. Returns the code for the handler to return. */
int reply_unacceptable(struct exchange *x, const struct offer *offers, unsigned n, struct err *e);
/* Sets ETag and Cache-Control; 1: If-None-Match has it, 304 was answered, nothing more to do.
 * for_ever: the bytes behind this URL never change, and the tag is a strong one ("tag"); else the client must ask each time,
 * and the tag is weak (W/"tag"), for it stands for all encodings. */
int reply_fresh(struct exchange *x, const char *tag, bool for_ever, struct err *e);
/* One range of the Range header for a body of size bytes: 1: *at, *n are set, answer 206 (Content-Range was added);
 * 0: none asked for, or If-Range does not match; -E_INVAL: 416 was set. Several ranges: taken as none. */
int reply_ranged(struct exchange *x, const char *tag, uint64_t size, uint64_t *at, uint64_t *n, struct err *e);
/* Whether a list of entity tags (If-None-Match) has this one, compared weakly. */
bool reply_tag_listed(const char *list, const char *tag);
/* A Range header for size bytes, as reply_ranged() has it: 1, 0, or -E_INVAL where it cannot be satisfied. */
int reply_parse_range(const char *header, uint64_t size, uint64_t *at, uint64_t *n);
#endif
