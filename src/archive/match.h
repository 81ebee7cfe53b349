/* archive/match.h - does a stored value answer a key? PS3.4 C.2.2.2 over UTF-8 text. Included by archive/ only.
 *
 * Names:    compared in the normal form of base/text.h, in which a blank between words is a ^. What stands between two Han
 *           characters counts or does not, as the key likes: a name is written with or without it. A key of one component
 *           group matches any group of the name, or the whole; a key of several must match each group it names. A
 *           trailing ^ does not count. fuzzy: as archive/fuzzy.h says, too.
 * Times:    a key of less precision (10, 1030) stands for all that begins with it. DT are compared as moments: one that
 *           names no offset from UTC is in the zone given.
 * Numbers:  by value (IS DS and binary ones), one in a key. Everything else byte by byte, blanks around a value aside.
 * Several:  values in a key mean any of them (UI; also AE AS CS LO PN SH UC); a stored value of several, any of its own.
 *           Where that was agreed on, all of them, if the attribute may have several (PS3.4 C.2.2.2.8; not UI).
 * Items:    a sequence's key is one item at most; all its keys must match one and the same item stored.
 * Memory:   a match owns its text; match_cleanup() frees.   Threads: read-only once made.
 */
#ifndef ARCHIVE_MATCH_H
#define ARCHIVE_MATCH_H

#include "archive/attr.h"

enum match_kind {
	MATCH_ALL,
	MATCH_TEXT,
	MATCH_UID,
	MATCH_NUMBER,
	MATCH_RANGE,
	MATCH_NAME,
	MATCH_SEQUENCE,
	MATCH_EMPTY, /* what has no value */
};
/* What was agreed on beside the rules that always hold. */
enum match_rule {
	MATCH_EMPTY_VALUES = 1, /* "" asks for what has no value */
	MATCH_FUZZY = 2,        /* names, as archive/fuzzy.h says */
	MATCH_EVERY = 4,        /* several values mean all of them */
};
struct match_value {
	const char *text;
	size_t len;
	bool wild;
};
#define MATCH_MOMENT 21 /* YYYYMMDDHHMMSSFFFFFF and NUL */
struct match_end {      /* in full precision; "" open */
	char text[MATCH_MOMENT];
	int zone; /* WHEN_NO_ZONE: not named */
};
struct match_sub; /* a key within an item */
struct match {
	const struct attr *attr;
	uint32_t tag; /* as it was asked: of a private attribute with the block of the identifier */
	enum match_kind kind;
	struct match_value *values; /* any of them; UIDs are sorted */
	unsigned n;
	bool every;                /* not any of them, but each */
	struct match_end from, to; /* MATCH_RANGE */
	bool span;                 /* it came with a hyphen */
	unsigned with;             /* DA: 1 + number of the match of its time, when both are one range of moments */
	struct match_sub *subs;    /* SQ, MATCH_ALL too: what is asked for of an item; none: all of it */
	unsigned n_subs;
	bool fuzzy; /* MATCH_NAME */
	struct buf text;
};

/* -E_INVAL, naming the attribute, when the key is a value that its VR cannot have; -E_LIMIT when it is of over 32 KiB, and no
 * list of UIDs. */
int match_new(const struct attr *attr, const struct elem *key, unsigned rules, struct match *out, struct err *e);
void match_cleanup(struct match *m);
enum match_kind match_kind(const char *vr); /* of a key with a value */
bool match_wild(const char *vr);            /* MATCH_TEXT: do * and ? stand for characters? */
bool match_many(const char *vr);            /* may a key have several values? */
/* text: as it is kept (attr.h). zone: minutes east of UTC of a DT that names none. */
bool match_value(const struct match *m, const char *text, size_t n, int zone);
/* A range of dates and one of times of the same form as one range of moments (PS3.4 C.2.2.2.5.4). */
bool match_together(const struct match *date, const struct match *time_of_day, const char *date_text, size_t date_n,
		    const char *time_text, size_t time_n);
/* Puts what is asked for of a sequence into `to`: the items that match, each with the keys of the key's item. */
int match_items(const struct match *m, const char *bytes, size_t n, int zone, struct dset *to, struct err *e);
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
