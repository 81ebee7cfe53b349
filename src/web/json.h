/* web/json.h - small pieces of JSON and of markup, appended to a buffer. Errors: those of the buffer. */
#ifndef WEB_JSON_H
#define WEB_JSON_H

#include "base/buf.h"

/* "text", with quotes and escapes; bytes that are not UTF-8 become U+FFFD. */
int json_text(struct buf *out, const char *text, struct err *e);
/* ,"name":"text"  (the comma only behind what is no opening bracket) */
int json_member(struct buf *out, const char *name, const char *text, struct err *e);
int json_number(struct buf *out, const char *name, int64_t n, struct err *e);
/* Text for XML and HTML, in elements and in quoted attributes. */
int markup_text(struct buf *out, const char *text, struct err *e);
#endif
