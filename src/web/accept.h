/* web/accept.h - what a client takes: the Accept header, and the query parameter of that name, in order of preference.
 *
 * Lenient where clients are: type= and transfer-syntax= may stand without quotes, a transfer-syntax within the quotes of
 * type, and * alone for any type. A type of multipart/related without type=, and multipart/anything, take every type in
 * parts. In the parameter, a + that was not escaped counts: accept=application/dicom+json.
 * The parameter goes before the header (PS3.18 8.7.8.1): only when nothing that it names can be given, the header says what is.
 * Errors:   -E_INVAL for what is no list of media ranges, -E_LIMIT for more than ACCEPT_MOST of them.
 * Threads:  depends on arguments alone.   Source: RFC 9110 12.5.1, DICOM PS3.18 8.3.3.1, 8.7.
 */
#ifndef WEB_ACCEPT_H
#define WEB_ACCEPT_H

#include "base/auto.h"
#include "base/buf.h"
#include <stdbool.h>

#define ACCEPT_MOST 32u
struct media {
	char type
	    [64]; /* lower case, of the parts where multipart: "application/dicom", "image/jpeg", image and any with a star */
	char syntax[65];  /* transfer-syntax; "*" any; "" where none is named */
	char charset[32]; /* lower case */
	bool multipart;   /* multipart/related */
	bool parameter;   /* of the query parameter, not the header */
	unsigned q;       /* 1 to 1000; those of 0 stand apart */
};
struct accept {
	struct media
	    list[ACCEPT_MOST]; /* best first: the parameter's, then by q; of equals the more exact, then the first */
	unsigned n;
	struct media refused[ACCEPT_MOST]; /* q=0 */
	unsigned n_refused;
};
/* The header. NULL, "" or blanks: anything. */
int accept_parse(const char *text, struct accept *out, struct err *e);
/* Puts the query parameters accept and transfer-syntax (either may be NULL) before what the header said; once for each accept
 * where there are several. */
int accept_prefer(const char *accept, const char *syntax, struct accept *io, struct err *e);
/* Both a DICOM media type (application/dicom, dicom+json, dicom+xml) and a rendered one (an image or video not in parts, text,
 * PDF) are named: PS3.18 8.7.5 has no answer for that, which is 400. */
bool accept_mixed(const struct accept *a);

/* What can be given, best first. */
struct offer {
	const char *type, *syntax; /* syntax NULL: not one of DICOM's encodings */
	bool multipart, single;    /* ways in which it can be given */
	bool stored;               /* needs no transcoding: transfer-syntax=* takes it before others */
};
/* Of n offers the one that the client likes best; NULL: none, which is 406. multipart: how it wants it; where any way will do,
 * in parts where the offer has them. A range without transfer-syntax takes the first offer of the type, so the default of
 * PS3.18 8.7.3 stands first. */
const struct offer *accept_choose(const struct accept *a, const struct offer *offers, unsigned n, bool *multipart);
/* For the sentence of a 406: "application/dicom+json, multipart/related; type=\"application/dicom+xml\"". */
int accept_list(const struct offer *offers, unsigned n, struct buf *out, struct err *e);
/* Whether a list of codings takes one ("gzip" of Accept-Encoding; "utf-8" of Accept-Charset): named with q over 0, or *. NULL: not
 * named. */
bool accept_coding(const char *text, const char *name);
#endif
