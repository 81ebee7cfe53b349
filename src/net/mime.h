/* net/mime.h - a media type with its parameters, as Content-Type says it.
 *
 * Lenient where senders are: a parameter's value may hold what only a quoted one should (type=application/dicom), and
 * empty parameters are passed over. A parameter that comes twice is refused: who believes which one is never certain.
 * Errors:   -E_INVAL, -E_LIMIT (MIME_PARAMS parameters, MIME_TEXT bytes); *out is set on success only.
 * Memory:   plain value, may be copied.   Threads: depends on arguments alone.
 * Source:   RFC 9110 8.3.1, RFC 2045 5.1.
 */
#ifndef NET_MIME_H
#define NET_MIME_H

#include "base/err.h"
#include <stddef.h>

#define MIME_PARAMS 16u
#define MIME_TEXT 1024u
struct mime {
	char type[128]; /* "application/dicom", in lower case */
	unsigned n;
	struct {
		uint16_t name, value; /* where they begin in text */
	} params[MIME_PARAMS];
	char text[MIME_TEXT]; /* names in lower case, values as they came, without quotes */
};
int mime_parse(const char *text, size_t n, struct mime *out, struct err *e);
const char *mime_param(const struct mime *m, const char *name); /* NULL: it has none of that name */
#endif
