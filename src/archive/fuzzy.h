/* archive/fuzzy.h - names as one remembers them: by pinyin, by initials, in any order of their words. PS3.4 C.2.2.2.1
 * leaves to the node what a name matches under fuzzy semantic matching; man teleread-names says what it is here.
 *
 * Names and keys are in the normal form of match_names(). A spelling is one way to say a component group in letters: a Han
 * character is a word of its own by one of its readings, other words are as written, without hyphens, apostrophes and the
 * like. Of a group at most FUZZY_SPELLINGS are made, so that characters of many readings in a row do not multiply; the
 * first character, mostly the surname, has all of its readings among them. Groups of more than FUZZY_WORDS words have none.
 * Forms:    what is indexed beside the normal form: a spelling in one word, as written and by pinyin_spell() (FUZZY_FULL),
 *           and the first letters of a group with Han characters (FUZZY_INITIALS).
 * Memory:   texts are borrowed for the time of a call.   Threads: depends on arguments alone.
 */
#ifndef ARCHIVE_FUZZY_H
#define ARCHIVE_FUZZY_H

#include <stdbool.h>
#include <stddef.h>

#define FUZZY_SPELLINGS 8
#define FUZZY_WORDS 24
#define FUZZY_PATTERNS 8                                /* of one key, at most */
enum fuzzy_part { FUZZY_FULL = 4, FUZZY_INITIALS = 5 }; /* behind the three component groups in the index */

/* Calls seen for the forms of a name, some of them more than once; stops and returns what seen returned when not 0. */
int fuzzy_forms(const char *names, size_t n, int (*seen)(void *arg, enum fuzzy_part part, const char *form, size_t len),
		void *arg);
/* Calls seen for patterns, one of which a form of every name must match that fuzzy_match() finds by this key; none when
 * it finds nothing. */
int fuzzy_patterns(const char *key, size_t n, int (*seen)(void *arg, const char *pattern, size_t len), void *arg);
bool fuzzy_match(const char *key, size_t kn, const char *names, size_t n);
#endif
