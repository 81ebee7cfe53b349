/* web/accept.h - what a client takes: the Accept header, or the query parameter of that name, in order of preference.
 *
 * Lenient where clients are: type= and transfer-syntax= may stand without quotes. A type of multipart/related without
 * type= takes every type in parts.
 * Errors:   -E_INVAL for what is no list of media ranges, -E_LIMIT.
 * Threads:  depends on arguments alone.   Source: RFC 9110 12.5.1, DICOM PS3.18 8.7.
 */
#ifndef WEB_ACCEPT_H
#define WEB_ACCEPT_H

#include "base/auto.h"
#include "base/err.h"
#include <stdbool.h>

#define ACCEPT_MOST 32u
struct media {
	char type
	    [64]; /* lower case, of the parts where multipart: "application/dicom", "image/jpeg", image and any with a star */
	char syntax[65]; /* transfer-syntax; "*" any; "" where none is named */
	char charset[32];
	bool multipart; /* multipart/related */
	unsigned q;     /* 1 to 1000; those of 0 stand apart */
};
struct accept {
	struct media list[ACCEPT_MOST]; /* best first; of equals the more exact, then the first */
	unsigned n;
	struct media refused[ACCEPT_MOST]; /* q=0 */
	unsigned n_refused;
};
/* NULL or "": anything. */
int accept_parse(const char *text, struct accept *out, struct err *e);
/* Of what is on offer (n of them, best first), the one that the client likes best; NULL: none, which is 406. multipart:
 * how it wants it. */
struct offer {
	const char *type, *syntax; /* syntax NULL: not one of DICOM's encodings */
	bool multipart, single;    /* ways in which it can be given */
};
const struct offer *accept_choose(const struct accept *a, const struct offer *offers, unsigned n, bool *multipart);
#endif
