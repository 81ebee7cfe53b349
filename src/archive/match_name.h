/* archive/match_name.h - person names of match.h, for match.c alone. */
#ifndef ARCHIVE_MATCH_NAME_H
#define ARCHIVE_MATCH_NAME_H

#include "archive/match.h"

/* Folds m->text, each value of a multiple key by itself. */
int match_name_key(struct match *m, struct err *e);
/* Does a name as it is stored answer the key? */
bool match_name(const struct match *m, const char *text, size_t n);
/* Nothing but *, or nothing. */
bool match_stars(const char *s, size_t n);
#endif
