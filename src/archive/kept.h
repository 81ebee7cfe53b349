/* archive/kept.h - what is kept but not shown, and the operator's decisions about it.
 *
 * Quarantine holds each record that queries do not find: one that contradicts the archive, one that nobody can read, an
 * instance of a study that was dropped, an instance that another one replaced. A record is named by its sequence number.
 * Decisions are records of the packs themselves (event.h): they have a sequence number, are durable before decide()
 * returns, and are applied in order with everything taken in, so that an index built from packs equals the one that grew.
 * With its last instance a series goes, with its last series a study. What belongs to all of a study or series is said by its
 * first instance: when that one is dropped, by the first that stays. Holds and the retention of the study are those of its parts.
 * Scope:    the operator's: everything.
 * Errors:   of decide(): -E_NOENT (no such study, part, record or hold), -E_EXISTS (it is so already), -E_DENIED (held, or within
 *           the retention: the sentence says by whom, why, until when), -E_BUSY (what would take records in, while the index
 *           is being refreshed), -E_INVAL; nothing was written then. Else as intake.h.
 * Threads:  any; decisions wait for each other. decide() needs ARCHIVE_SERVE.
 */
#ifndef ARCHIVE_KEPT_H
#define ARCHIVE_KEPT_H

#include "archive/query.h"

enum decision_kind {
	DECIDE_DROP = 1, /* a study, or a part of it, goes into the bin: its UIDs are free again */
	DECIDE_RESTORE,  /* what was dropped of a study, or of that part, is taken in again, in its old order */
	DECIDE_HOLD,     /* a study must not be dropped; it need not be there yet */
	DECIDE_UNHOLD,
	DECIDE_RELEASE, /* a record is taken in as if it arrived now */
	DECIDE_REPLACE, /* likewise, in the place of the instance that has its UID, which goes into quarantine */
	DECIDE_DISCARD, /* a record is not wanted: it is no longer listed */
	DECISION_KINDS
};
#define DECISION_WHY_MOST 1000u
struct decision {
	enum decision_kind what;
	char study[65];
	char series[65],
	    sop_instance[65]; /* DROP, RESTORE: a series of the study, an instance of the series; "": all of it */
	uint64_t number;      /* of the record; 0 where it is about a study */
	char who[65], why[DECISION_WHY_MOST + 1];
};
struct decision_result {
	bool done;        /* false: it had no effect, reason says why */
	uint64_t records; /* moved */
	uint64_t left;    /* RESTORE: stay in the bin, each with its reason */
	char reason[160];
};
const char *decision_name(enum decision_kind what);            /* "drop", "undrop", ... */
int decision_parse(const char *name, enum decision_kind *out); /* 0 or -E_INVAL */
int decide(struct archive *a, const struct decision *d, struct decision_result *out, struct err *e);

/* ---- what is there. A positive return of seen ends the walk, and is returned; no connection is held meanwhile. */
struct kept {
	uint64_t seq, event, gone; /* event: the decision that brought it here; gone: that discarded it; 0: none */
	char kind[16];             /* "contradiction", "unreadable", "dropped", "replaced" */
	char site[33], aet[17], reason[DECISION_WHY_MOST + 1];
	int64_t received_us;
	struct stored where; /* bytes: stored_read() */
};
struct kept_filter {
	const char *study, *kind; /* "": any */
	bool gone;                /* discarded ones too */
	uint64_t number;          /* this one only; 0: all */
};
/* What the bytes say of whose it is: UTF-8, longer values cut. -E_INVAL and others where they cannot be read. */
struct kept_says {
	char patient_id[65], issuer[65], patient_name[260], study_date[19], modality[17];
};
int kept_says(struct archive *a, const struct stored *w, struct kept_says *out, struct err *e);
/* The instance that is in the way of a contradiction, by its SOP Instance UID, else one of its series or study; of what was
 * replaced, the one in its place. 1; 0: there is none. Neither kind, event nor reason are filled in. */
int kept_against(struct archive *a, const struct kept *k, struct kept *out, struct err *e);
/* Patient ID of a study, in sight or in the bin, whoever asks: for the audit trail. -E_NOENT: nothing is known of such a study. */
int kept_patient(struct archive *a, const char *study, char out[65], struct err *e);
bool kept_kind_known(const char *kind);
int kept_each(struct archive *a, const struct kept_filter *f, int (*seen)(void *arg, const struct kept *k), void *arg,
	      struct err *e);

struct decided {
	uint64_t seq;
	int64_t at_us;
	struct decision decision;
	struct decision_result result;
};
int decided_each(struct archive *a, const char *study, int (*seen)(void *arg, const struct decided *d), void *arg,
		 struct err *e);

/* Studies that are held, or (bin) of which something was dropped: since when, by whom, why; records and bytes of the bin. */
struct set_aside {
	char study[65], who[65], why[DECISION_WHY_MOST + 1];
	int64_t at_us;
	uint64_t event, records, bytes;
};
int hold_each(struct archive *a, int (*seen)(void *arg, const struct set_aside *s), void *arg, struct err *e);
int bin_each(struct archive *a, int (*seen)(void *arg, const struct set_aside *s), void *arg, struct err *e);
#endif
