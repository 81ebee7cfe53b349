/* web/url.h - paths and queries of URLs: split first, then percent-decoded, as UTF-8.
 *
 * Errors:   -E_INVAL for a broken escape, an encoded NUL or control character, bytes that are not UTF-8; -E_LIMIT.
 * Threads:  depends on arguments alone.   Source: RFC 3986 2.1, 3.4.
 */
#ifndef WEB_URL_H
#define WEB_URL_H

#include "base/auto.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct url_pair {
	const char *name, *value;
};
struct url_query {
	struct url_pair *pairs; /* in the order of the URL; names may repeat */
	unsigned n;
	char *text; /* owns them */
};
/* In names and values + is a blank, as forms write it; %2B is a plus. A name without = has the value "". */
int url_query_parse(const char *raw, struct url_query *out, struct err *e);
const char *url_query_get(const struct url_query *q, const char *name); /* the first; NULL: absent */
void url_query_cleanup(struct url_query *q);
AUTO_TYPE(url_query, struct url_query);
/* One segment of a path, where + is a plus; the length, without the NUL that it ends with. */
int url_decode(const char *raw, size_t n, char *out, size_t room, struct err *e);
/* Whether text may name something by its UID, at most 64 characters. strict: digits and dots, as PS3.5 9.1 has it; else also
 * letters, - and _, which senders put into UIDs and which the archive therefore holds. */
bool url_uid(const char *text, bool strict);
#endif
