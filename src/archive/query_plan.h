/* archive/query_plan.h - a query as one SQL statement that narrows, and matches that decide. For query.c and select.c.
 *
 * The statement takes $1, the key after which to go on, and $2, how many rows; both change from page to page, the rest
 * stays. Wherever a condition picks few rows by an index ("keyed"), the key of the level is hidden from the planner
 * with a unary +, or it would walk the table in order of arrival.
 * Memory:   the plan borrows the query's keys; query_plan_cleanup() frees the rest.
 */
#ifndef ARCHIVE_QUERY_PLAN_H
#define ARCHIVE_QUERY_PLAN_H

#include "archive/attr_extra.h"
#include "archive/match.h"
#include "archive/when.h"

#define PLAN_BINDS 96 /* fuzzy patterns alone may take 36 */
#define PLAN_KEYS ATTR_MOST
struct plan_bind {
	bool text;
	int64_t number;
	size_t at, len; /* in pool */
};
struct plan {
	const struct query *q;
	const struct attr_set *extra; /* attributes of the configuration; borrowed */
	int zone;                     /* of the query; WHEN_NO_ZONE: none */
	int otherwise;                /* of studies that name none; WHEN_NO_ZONE: of this machine on their day */
	struct buf sql, pool;
	struct plan_bind binds[PLAN_BINDS];
	unsigned n_binds;
	struct match matches[PLAN_KEYS]; /* one for each key that is supported; many are MATCH_ALL */
	unsigned n_matches;
	bool partial; /* a key was left out, or is not matched */
	bool keyed;
	bool names_old; /* the index has them in another form: not narrowed by, matched as they are kept */
};

/* What is kept of a key: by its tag, or a private one by its creator among the keys. NULL: nothing. */
const struct attr *plan_attr(const struct attr_set *extra, const struct dset *keys, uint32_t tag);
enum plan_use { PLAN_FIND, PLAN_SELECT };
/* Checks the keys (query.h: -E_MISMATCH, -E_INVAL, -E_DENIED), then builds the statement. */
int plan_make(struct plan *p, struct db_conn *c, const struct attr_set *extra, const struct query *q, enum plan_use use,
	      struct err *e);
/* Prepares the statement and binds everything but $1 and $2. */
int plan_prepare(const struct plan *p, struct db_conn *c, struct db_stmt **out, struct err *e);
void query_plan_cleanup(struct plan *p);

/* Columns of a PLAN_FIND row. */
enum {
	ROW_PK,
	ROW_PATIENT,
	ROW_STUDY,
	ROW_SERIES,
	ROW_SITE,
	ROW_NAMES,
	ROW_OWN, /* attributes of patient, or of study with the patient's */
	ROW_STUDY_UID,
	ROW_SERIES_ATTRS,
	ROW_SERIES_UID,
	ROW_IMAGE_ATTRS,
	ROW_SOP_UID,
	ROW_CLASS,
};
#endif
