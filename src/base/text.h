/* base/text.h - UTF-8 text: the frozen normal form, wildcards that count characters, grams.
 *
 * Normal form, version TEXT_FORM (frozen; a change is a new version and a reindex): NFKC, full case folding, accents
 * (nonspacing marks) removed, runs of blanks folded to one, blanks at both ends removed. ICU does the work.
 * Errors:   -E_INVAL for invalid UTF-8, -E_LIMIT, -E_NOMEM.   Threads: depends on arguments alone.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"
#include <stdbool.h>

#define TEXT_FORM 1

bool text_valid(const char *s, size_t n); /* well-formed UTF-8 without NUL */
/* Appends the normal form of s to out. */
int text_fold(const char *s, size_t n, struct buf *out, struct err *e);
/* pattern with * (any run) and ? (one character); both UTF-8, compared code point by code point. */
bool text_wild(const char *pattern, size_t pn, const char *s, size_t sn);
/* Calls seen for each distinct gram of a folded text: all pairs of neighbouring characters, and single characters
 * outside ASCII. Stops and returns what seen returned when that is not 0. */
int text_grams(const char *folded, size_t n, int (*seen)(void *arg, const char *gram, size_t len), void *arg);
/* Converts n bytes from an iconv charset strictly (any bad byte fails, -E_INVAL) and appends UTF-8. */
int text_from(const char *iconv_name, const void *bytes, size_t n, struct buf *out, struct err *e);
int text_to(const char *iconv_name, const char *utf8, size_t n, struct buf *out, struct err *e);
#endif
