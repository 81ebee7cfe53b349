/* archive/plan_internal.h - how a condition is written; for query_plan.c and plan_*.c. */
#ifndef ARCHIVE_PLAN_INTERNAL_H
#define ARCHIVE_PLAN_INTERNAL_H

#include "archive/query_plan.h"

/* The number of a new parameter, or negative. */
int plan_bind_text(struct plan *p, const char *text, size_t n, struct err *e);
/* Bytes of a pattern in front of its first wildcard. */
size_t plan_literal_prefix(const char *s, size_t n);
/* Appends that column begins with a prefix: from the prefix up to the prefix and the last character there is. */
int plan_begins(struct plan *p, const char *column, const char *prefix, size_t n, struct err *e);
int plan_and(struct plan *p, struct err *e);

/* Appends the condition for a person name; nothing where no index can narrow. */
int plan_name(struct plan *p, struct db_conn *c, const struct match *m, struct err *e);
#endif
