/* archive/index.h - writes instances into the index: what intake, recovery and reindex share.
 *
 * index_item is filled from a data set's head (index_head_*), outside any lock; index_put() runs in the committer's
 * transaction. Counts go into delta rows (index_fold() folds them), never into a hot row.
 * Keys:     are given in order of arrival, so records replayed in order of sequence get equal keys in every derived table;
 *           counters compare equal once all deltas are folded on both sides.
 * Threads:  index_head_*: one at a time for each head. index_put, index_fold: whoever holds the writer connection.
 */
#ifndef ARCHIVE_INDEX_H
#define ARCHIVE_INDEX_H

#include "archive/attr_extra.h"
#include "archive/change.h"
#include "archive/intake.h"
#include "archive/query.h"
#include "dicom/dset.h"

/* What is collected from a data set as it passes: the attributes of the four levels, depth 0, as they are. */
struct index_head;
/* extra: what is kept besides the built-in attributes; borrowed. NULL: nothing. */
int index_head_new(const char *syntax, const struct attr_set *extra, struct index_head **out, struct err *e);
int index_head_feed(struct index_head *h, const void *data, size_t n, struct err *e);
/* All that is collected has been seen: the rest need not be fed. */
bool index_head_over(const struct index_head *h);
/* End of the data set: -E_INVAL when identity is missing or unreadable. remark: what was odd but kept, else "". */
int index_head_end(struct index_head *h, char remark[160], struct err *e);
/* "" until the element has been seen. */
const char *index_head_class(const struct index_head *h);
const char *index_head_instance(const struct index_head *h);
size_t index_head_bytes(const struct index_head *h); /* of memory, about */
const char *index_head_study(const struct index_head *h);
const char *index_head_series(const struct index_head *h);
/* After index_head_end: cut to what fits; "" when there is none. */
void index_head_patient_id(const struct index_head *h, char *out, size_t room);
/* After index_head_end: what the text is likely in when the object says otherwise ("ISO_IR 100 is GB18030"), else "". */
const char *index_head_charset(const struct index_head *h);
void index_head_free(struct index_head *h);

#define REASON_OTHER_CONTENT "other content under a known SOP Instance UID"
struct index_item {
	struct index_head *head; /* after index_head_end */
	struct stored where;     /* all but study and series filled in */
	int64_t site;
	uint64_t seq;     /* of the record: the order of everything taken in */
	uint8_t sent[16]; /* of the record: digest of what was sent; zeros where nothing was coerced */
	int64_t received_us;
	const char *aet;
	const char
	    *unreadable; /* why it could not be understood when it came, NULL for what could: its head says nothing */
	/* of a decision that takes it in: what it is for the feed of changes; 0: it is stored as it arrives */
	enum change_kind change;
	uint64_t event;
	/* result */
	enum intake_outcome outcome;
	char reason[160];
};
/* Was this very content taken in before, or sent before and coerced then? 1: it is the instance with this UID; 2: it is in quarantine, for this reason;
 * 0: no. For the fast path, before anything is written. */
int index_known(struct db_conn *reader, const char *sop_instance, const uint8_t digest[16], const uint8_t sent[16],
		uint64_t data_len, const char *syntax, int64_t site, char reason[160], struct err *e);
/* One instance into the open transaction. SAME when an equal one is there, QUARANTINE or UNREADABLE by the rules of
 * intake.h (the quarantine row points at the record), else STORED. Errors leave the transaction usable (savepoint). */
int index_put(struct db_conn *writer, struct index_item *it, struct err *e);
/* As index_put, but what contradicts the archive is not put into quarantine: it is there. */
int index_take(struct db_conn *writer, struct index_item *it, struct err *e);
/* What index_put would make of it now. */
int index_judge(struct db_conn *reader, struct index_item *it, struct err *e);
/* All records up to seq are in the index; records behind it are in packs with ids from floor_pack on. Both 0 at first. */
int index_through(struct db_conn *c, uint64_t *seq, uint64_t *floor_pack, struct err *e);
int index_set_through(struct db_conn *writer, uint64_t seq, uint64_t floor_pack, struct err *e);
/* Folds at most n delta rows into their series and studies, in a transaction of its own; how many there were. */
int index_fold(struct db *d, unsigned n, struct err *e);
/* The version of the normal form (TEXT_FORM) that the names in this index have; with another one names are not narrowed
 * by the index, and the node refreshes it (refresh.h). */
int index_form(struct db_conn *c, uint64_t *version, struct err *e);
/* Empties all derived tables (not sites and peers); seq and floor become 0. */
int index_clear(struct db_conn *writer, struct err *e);
#endif
