/* archive/event_rows.c - see event_rows.h. */
#include "archive/event_rows.h"
#include "archive/index_refresh.h"
#include <string.h>

enum { NAMES_OF_PATIENT = 0, NAMES_OF_STUDY = 1 };

int event_change(struct db_conn *w, const char *name, int64_t a, int64_t *answer, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, name, &s, e, 1, a);
	if (rc < 0)
		return rc;
	if ((rc = db_step(s, e)) > 0) {
		if (answer)
			*answer = db_int(s, 0);
		db_reset(s);
	}
	return rc < 0 ? rc : 0;
}

int event_change_two(struct db_conn *w, const char *name, int64_t a, int64_t b, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, name, &s, e, 2, a, b);
	return rc < 0 ? rc : db_step(s, e);
}

int event_remove_study(struct db_conn *w, int64_t study, int64_t *left, struct err *e)
{
	static const char *const parts[] = {"remove-instances", "remove-series", "remove-modalities", "remove-classes",
					    "remove-deltas"};
	int64_t patient = 0, gone = 0;
	int rc = 0;
	for (unsigned i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++)
		rc = event_change(w, parts[i], study, NULL, e);
	if (rc < 0 || (rc = event_change_two(w, "remove-names", study, NAMES_OF_STUDY, e)) < 0 ||
	    (rc = event_change(w, "remove-study", study, &patient, e)) < 0 ||
	    (rc = event_change(w, "remove-patient", patient, &gone, e)) < 0)
		return rc;
	*left = gone ? 0 : patient;
	return gone ? event_change_two(w, "remove-names", gone, NAMES_OF_PATIENT, e) : 0;
}

/* Series without instances go, and counts are made anew; *there: instances that the study still has. */
static int recount(struct db_conn *w, int64_t study, int64_t *there, struct err *e)
{
	static const char *const parts[] = {"remove-empty-series", "recount-series", "remove-deltas"};
	int rc = 0;
	*there = 0;
	for (unsigned i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++)
		rc = event_change(w, parts[i], study, NULL, e);
	return rc < 0 ? rc : event_change(w, "recount-study", study, there, e);
}

static int forget_kinds(struct db_conn *w, int64_t study, struct err *e)
{
	int rc = event_change(w, "remove-modalities", study, NULL, e);
	return rc == 0 ? event_change(w, "remove-classes", study, NULL, e) : rc;
}

int event_remove_instance(struct db_conn *w, int64_t instance, int64_t study, int64_t *left, struct err *e)
{
	int64_t there;
	int rc = event_change(w, "remove-instance", instance, NULL, e);
	if (rc < 0 || (rc = recount(w, study, &there, e)) < 0)
		return rc;
	return there ? forget_kinds(w, study, e) : event_remove_study(w, study, left, e);
}

/* ---- who speaks */

/* The row of an instance, as a refresh sees it: 1, 0: there is none. */
static int row_of(struct db_conn *w, uint64_t seq, struct refresh_row *row, struct err *e)
{
	return seq ? index_refresh_page(w, seq - 1, seq, row, 1, e) : 0;
}

/* An instance says again what belongs to series, study and patient, where it is the first of them. What cannot be read must
 * not hold up what follows: what was said stays. */
static int speak(struct archive *a, struct db_conn *w, uint64_t seq, struct err *e)
{
	struct refresh_row row;
	int rc = row_of(w, seq, &row, e);
	if (rc <= 0)
		return rc;
	rc = stored_head(a, &row.where, &row.head, NULL);
	if (rc == 0 && index_refresh_fits(w, &row, row.head))
		rc = index_refresh_put(w, &row, e);
	else if (rc != -E_NOMEM)
		rc = 0;
	index_head_free(row.head);
	return rc;
}

int event_next_speaks(struct archive *a, struct db_conn *w, int64_t patient, struct err *e)
{
	int64_t pk = 0;
	int rc = event_change(w, "patient-first", patient, &pk, e);
	return rc < 0 ? rc : speak(a, w, (uint64_t)pk, e);
}

static int series_first(struct db_conn *w, const char *series, int64_t *pk, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "series-first", &s, e, 0);
	*pk = 0;
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, series, strlen(series));
	if ((rc = db_step(s, e)) > 0) {
		*pk = db_int(s, 0);
		db_reset(s);
	}
	return rc < 0 ? rc : 0;
}

int event_back_again(struct db_conn *w, uint64_t seq, struct index_head *head, struct err *e)
{
	struct refresh_row row;
	int64_t first;
	int rc = series_first(w, index_head_series(head), &first, e);
	if (rc < 0 || (uint64_t)first != seq || (rc = row_of(w, seq, &row, e)) <= 0)
		return rc;
	row.head = head;
	if (index_refresh_fits(w, &row, head) && (rc = index_refresh_put(w, &row, e)) < 0)
		return rc;
	return event_change(w, "modalities-again", row.study, NULL, e);
}

/* ---- a part */

static int remove_rows(struct db_conn *w, int64_t study, const struct decision *d, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "remove-part", &s, e, 1, study);
	if (rc < 0)
		return rc;
	db_bind_text(s, 2, d->series, strlen(d->series));
	db_bind_text(s, 3, d->sop_instance, strlen(d->sop_instance));
	return db_step(s, e);
}

int event_remove_part(struct archive *a, struct db_conn *w, int64_t study, const struct decision *d, int64_t *left,
		      struct err *e)
{
	int64_t there, of_series, of_study = 0;
	int rc = remove_rows(w, study, d, e);
	if (rc < 0 || (rc = recount(w, study, &there, e)) < 0)
		return rc;
	if (there == 0)
		return event_remove_study(w, study, left, e);
	if ((rc = series_first(w, d->series, &of_series, e)) < 0 ||
	    (rc = event_change(w, "study-first", study, &of_study, e)) < 0 ||
	    (rc = speak(a, w, (uint64_t)of_series, e)) < 0 ||
	    (of_study != of_series && (rc = speak(a, w, (uint64_t)of_study, e)) < 0) ||
	    (rc = event_change(w, "modalities-again", study, NULL, e)) < 0)
		return rc;
	return forget_kinds(w, study, e);
}
