/* archive/event_rows.h - what decisions do to rows of the index: instances that go, and who speaks for the rest. Of this room only.
 *
 * All of it happens in the open transaction of the writer.
 */
#ifndef ARCHIVE_EVENT_ROWS_H
#define ARCHIVE_EVENT_ROWS_H

#include "archive/event.h"

/* A statement with one number, or two, that answers at most one: into *answer, which may be NULL. */
int event_change(struct db_conn *w, const char *name, int64_t a, int64_t *answer, struct err *e);
int event_change_two(struct db_conn *w, const char *name, int64_t a, int64_t b, struct err *e);

/* *left: its patient, where he has other studies; else untouched, or 0. With the last instance of a series or study it goes, too. */
int event_remove_study(struct db_conn *w, int64_t study, int64_t *left, struct err *e);
int event_remove_instance(struct db_conn *w, int64_t instance, int64_t study, int64_t *left, struct err *e);
/* A series of the study, or one instance of it; who comes first of those that stay speaks for series and study from then on. */
int event_remove_part(struct archive *a, struct db_conn *w, int64_t study, const struct decision *d, int64_t *left,
		      struct err *e);
/* What the patient is called was said by a study that has gone: the first one that is left speaks now. */
int event_next_speaks(struct archive *a, struct db_conn *w, int64_t patient, struct err *e);
/* An instance is back that was dropped by itself, with its head: where it is the first of its series, it speaks again. */
int event_back_again(struct db_conn *w, uint64_t seq, struct index_head *head, struct err *e);
#endif
