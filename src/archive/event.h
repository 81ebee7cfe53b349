/* archive/event.h - a decision as a record of the packs, and what it does to the index. Of this room only.
 *
 * The record's bytes are fields as attr_put() writes them, all text: 1 kind, 2 study UID, 3 and 4 first and last sequence
 * number, 5 who, 6 why, 7 series UID, 8 SOP Instance UID (of settling: 3 where the pack's list stands, 4 the pack). man/teleread-pack.5 has them. What is about a part of a study is of
 * another kind ("drop-part"), which a program that does not know parts refuses to replay, rather than drop all of the study.
 * Use:      event_prepare() reads the records that are to be taken in again, with their heads (it takes as long as reading
 *           them does); event_apply() then changes the index within the open transaction.
 * Errors:   -E_UNSUP for a kind that this program does not know, -E_CORRUPT for a record that is no event.
 */
#ifndef ARCHIVE_EVENT_H
#define ARCHIVE_EVENT_H

#include "archive/change_write.h"
#include "archive/kept.h"
#include "archive/store.h"

#define EVENT_RECORDS 500u /* that one event takes in again at most: a long restore is a row of events */

struct event_taken;
struct settled_set;
struct event {
	struct decision decision;
	bool settle; /* no decision: a series lies in settled pack decision.number, its list at first (settle_pack.h) */
	struct settled_set *set;
	uint64_t first;       /* RESTORE: of the records first to decision.number */
	struct record record; /* its own */
	struct event_taken *taken;
	unsigned n;
	int64_t patient; /* who lost a study and has others; 0: nobody */
	struct change_sites news;
	struct decision_result result;
	bool kept; /* event_commit(): durable all the same */
};
int event_write(const struct event *ev, struct buf *out, struct err *e);
/* The event of a record, its checksum verified. */
int event_read(struct archive *a, const struct record *r, struct event *out, struct err *e);
int event_prepare(struct archive *a, struct db_conn *c, struct event *ev, struct err *e);
/* Applies it and notes it in the table of events; what fails leaves the transaction as it was. */
int event_apply(struct archive *a, struct db_conn *writer, struct event *ev, struct err *e);
/* As a record, written, synced, applied in its turn. The caller sees to it that what was prepared is still so. */
int event_commit(struct archive *a, struct event *ev, struct err *e);
/* All of it: for replay. */
int event_replay(struct archive *a, struct db_conn *writer, const struct record *r, struct err *e);
void event_cleanup(struct event *ev);
AUTO_TYPE(event, struct event);

/* A row of kept-list, and of what has its columns. */
void kept_row(struct db_stmt *s, struct kept *out);
/* Where the row does not know who sent it, the record's header does. */
void kept_sender(struct archive *a, struct kept *k);

/* What is in the bin of a study, or of a part of it; d->series and sop_instance say which. In the columns of kept-bin. */
int event_bin(struct db_conn *c, const struct decision *d, uint64_t first, uint64_t last, unsigned most,
	      struct db_stmt **out, struct err *e);

/* A statement by name with up to three numbers bound. */
int event_statement(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e, unsigned n, ...);
#endif
