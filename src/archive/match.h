/* archive/match.h - does a stored value answer a key? PS3.4 C.2.2.2 over UTF-8 text. Included by archive/ only.
 *
 * Names:    compared in the normal form of base/text.h, in which a blank between words is a ^. What stands between two Han
 *           characters counts or does not, as the key likes: a name is written with or without it. A key of one component
 *           group matches any group of the name, or the whole; a key of several must match each group it names. A
 *           trailing ^ does not count. fuzzy: as archive/fuzzy.h says, too.
 * Times:    a key of less precision (10, 1030) stands for all that begins with it. Offsets of DT are not compared.
 * Numbers:  by value (IS DS and binary ones). Everything else byte by byte, blanks around a value aside.
 * Memory:   a match owns its text; match_cleanup() frees.   Threads: read-only once made.
 */
#ifndef ARCHIVE_MATCH_H
#define ARCHIVE_MATCH_H

#include "archive/attr.h"

enum match_kind { MATCH_ALL, MATCH_TEXT, MATCH_UID, MATCH_NUMBER, MATCH_RANGE, MATCH_NAME };
struct match_value {
	const char *text;
	size_t len;
	bool wild;
};
#define MATCH_MOMENT 21 /* YYYYMMDDHHMMSSFFFFFF and NUL */
struct match {
	const struct attr *attr;
	enum match_kind kind;
	struct match_value *values; /* any of them; UIDs are sorted */
	unsigned n;
	char from[MATCH_MOMENT], to[MATCH_MOMENT]; /* MATCH_RANGE, in full precision; "" open */
	bool fuzzy;                                /* MATCH_NAME: set by who asked for it */
	struct buf text;
};

/* -E_INVAL, naming the attribute, when the key is a value that its VR cannot have. */
int match_new(const struct attr *attr, const struct elem *key, struct match *out, struct err *e);
void match_cleanup(struct match *m);
bool match_value(const struct match *m, const char *text, size_t n);
/* MATCH_NAME against a name in normal form, as match_names() makes it. */
bool match_forms(const struct match *m, const char *names, size_t n);

/* The component groups of a person name, each in normal form, joined by =; trailing empty ones left out. */
int match_names(const char *name, size_t n, struct buf *out, struct err *e);
/* Names, or a key, in normal form without what stands between two Han characters, or in a key between one and a wildcard.
 * This is what is indexed: whatever matches in one way or the other, matches by it as far as an index narrows. */
int match_join(const char *names, size_t n, struct buf *out, struct err *e);
/* Cuts the blanks that do not count: at both ends, or (ST LT UT) behind. */
void match_trim(const char *vr, const char **text, size_t *n);
/* YYYYMMDD of a date, old YYYY.MM.DD too; false when it is none. */
bool match_date(const char *text, size_t n, char out[9]);
#endif
