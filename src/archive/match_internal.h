/* archive/match_internal.h - between the files of match.h. */
#ifndef ARCHIVE_MATCH_INTERNAL_H
#define ARCHIVE_MATCH_INTERNAL_H

#include "archive/match.h"

/* -E_INVAL: the attribute and what is expected of its value. */
int match_refuse(const struct attr *a, struct err *e);

/* match_time.c: from, to and span of a key of VR DA, TM or DT; false when it is none. */
bool match_range_key(struct match *m, const char *text, size_t n);
/* zone: of moments that name none, both the key's and the one stored. */
bool match_range(const struct match *m, const char *text, size_t n, int zone);

/* match_sequence.c: the keys of the key's one item. */
int match_sequence_key(struct match *m, const struct elem *key, unsigned rules, struct err *e);
bool match_sequence(const struct match *m, const char *bytes, size_t n, int zone);
void match_sequence_cleanup(struct match *m);
#endif
