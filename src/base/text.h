/* base/text.h - UTF-8 text: the frozen normal form, wildcards that count characters, grams.
 *
 * Normal form, version TEXT_FORM (frozen; a change is a new version and a reindex): NFKC with full case folding, without
 * invisible characters (ICU's NFKC_Casefold: variation selectors, joiners, soft hyphens go); then nonspacing marks that
 * stand on a letter of the Latin, Greek or Cyrillic script, or on a blank, are removed (Zhāng -> zhang, й -> и); marks of
 * all other scripts are spelling and stay (kana with dakuten, Thai and Arabic vowels, Hangul is whole); then NFC; then
 * traditional Han characters and variants become the simplified or standard one (base/han.h: one for one). Runs of
 * blanks (Unicode White_Space) become one space, blanks at both ends are removed. Folding twice changes nothing.
 * Versions: 1 had no step for Han characters. 2 also stands for the rules of names above it (archive/match.h) and for the
 *           readings of base/pinyin.h, by which names are indexed.
 * Errors:   -E_INVAL for invalid UTF-8 or a NUL, -E_LIMIT (16 MB, or the cap of out), -E_NOMEM; out is left as it was.
 * Threads:  depends on arguments alone.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"
#include <stdbool.h>

#define TEXT_FORM 2

bool text_valid(const char *s, size_t n); /* well-formed UTF-8 without NUL */
/* Copies text (NULL: nothing), cut to room at a character's end; what is no UTF-8, or a character that a terminal would act
 * on, becomes a question mark. */
void text_plain(char *out, size_t room, const char *text);
/* Appends the normal form of s to out. */
int text_fold(const char *s, size_t n, struct buf *out, struct err *e);
/* pattern with * (any run) and ? (one character); both UTF-8, compared code point by code point. */
bool text_wild(const char *pattern, size_t pn, const char *s, size_t sn);
/* Calls seen for each distinct gram of a folded text, what an index of infixes holds: three neighbouring ASCII characters,
 * two neighbours of which one is not ASCII, and single characters outside ASCII; in the order of their code points. Stops
 * and returns what seen returned when that is not 0; -E_INVAL, -E_NOMEM. */
int text_grams(const char *folded, size_t n, int (*seen)(void *arg, const char *gram, size_t len), void *arg);
/* Converts n bytes from an iconv charset strictly (any bad byte fails, -E_INVAL; an unknown charset -E_UNSUP) and
 * appends UTF-8. Converters are kept by the thread. */
int text_from(const char *iconv_name, const void *bytes, size_t n, struct buf *out, struct err *e);
int text_to(const char *iconv_name, const char *utf8, size_t n, struct buf *out, struct err *e);
#endif
