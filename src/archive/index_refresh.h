/* archive/index_refresh.h - rows of the index brought up to date by what their objects say, one after the other. For
 * refresh.c.
 *
 * Instances are gone through in the order of their keys, from one after `after` up to `upto`, both kept in the index, so
 * that a refresh goes on where it was. What is behind upto came in by the present rules. Keys stay, and so does whose an
 * instance is. The first instance of a series speaks for the series, as it does when it arrives, and so on up; where it
 * was replaced since then, what it said stays.
 * Names of another normal form are all taken out at the beginning (index_form() is 0 then, until the end); of the present
 * form each name is replaced in place, and finding by names goes on.
 */
#ifndef ARCHIVE_INDEX_REFRESH_H
#define ARCHIVE_INDEX_REFRESH_H

#include "archive/index.h"

struct refresh_row {
	int64_t pk, series, study, patient;
	bool of_series, of_study, of_patient; /* it speaks for it */
	bool series_heir, study_heir;         /* but what is kept was said by one that was replaced, and stays */
	struct stored where;                  /* sop_instance, syntax, study, series, pack, at, lengths */
	struct index_head *head; /* as it was read again; NULL: it cannot be, its names are made from what is kept */
};
/* upto 0: none is under way. */
int index_refresh_state(struct db_conn *c, uint64_t *after, uint64_t *upto, struct err *e);
/* Begins a refresh, or goes on with the one under way. In a transaction. */
int index_refresh_begin(struct db_conn *writer, uint64_t *after, uint64_t *upto, struct err *e);
/* At most `most` rows; how many. */
int index_refresh_page(struct db_conn *reader, uint64_t after, uint64_t upto, struct refresh_row *rows, unsigned most,
		       struct err *e);
/* Does the head that was read belong to the row, to the same patient, too? */
bool index_refresh_fits(struct db_conn *reader, const struct refresh_row *r, const struct index_head *h);
int index_refresh_put(struct db_conn *writer, const struct refresh_row *r, struct err *e);
int index_refresh_mark(struct db_conn *writer, uint64_t after, struct err *e);
int index_refresh_end(struct db_conn *writer, struct err *e);
#endif
