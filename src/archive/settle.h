/* archive/settle.h - a finished series in a pack of its own: ordered, in the form it is to be kept in, with what viewers ask first.
 *
 * A settled record stands for the record of the same sequence number: its header tells the place, length, transfer syntax and digest
 * of what was received, and behind its Part 10 file lies an appendix (dicom/appendix.h). The index keeps what was received in the row of the
 * instance, and where the settled bytes lie in the table `settled`; struct stored tells the latter. What is taken in, found, committed
 * and known as the same again goes by what was received. What came in large packs of its own and is kept as it is stays there.
 *
 * Order: settled pack written and synced; then an event record of the archive's sequence ("settle", event.h) applied to the index in its
 * turn; then, a grace later, the blocks of the old records are given back (holes in shared packs, packs of one record removed), never while a backup
 * runs. A crash before the event leaves a pack that recovery removes, one after it costs nothing. Replay takes settled records for
 * those that are gone.
 * Errors:   as intake.h.   Threads: one lease is one thread's. All need ARCHIVE_SERVE but settle_status(), settle_queue(), settle_each(), settle_extra().
 */
#ifndef ARCHIVE_SETTLE_H
#define ARCHIVE_SETTLE_H

#include "archive/query.h"
#include "base/buf.h"

enum settle_state {
	SETTLE_WAITING = 1,
	SETTLE_FAILED,
	SETTLE_DONE
}; /* FAILED: given up until something arrives, or --now */
struct settle_job {
	int64_t id; /* key of the job */
	char study[65], series[65], modality[17], site[33];
	enum settle_state state;
	uint64_t instances, waiting; /* of the series; of them not settled */
	uint64_t open;               /* bytes of those */
	uint64_t received, kept;     /* bytes of Part 10 files as they came, and as they are now */
	int64_t newest_us;           /* last arrival */
	int64_t due_us, lease_us;    /* lease_us: until when somebody works on it; 0: nobody */
	int tries;
	uint64_t ticket; /* of the lease */
	bool again;      /* of the lease: leased though it is settled, to be settled anew (settle_want) */
	char why[160];   /* the last try failed, or what was kept as it is and why */
};
/* Looks at what arrived since the last call and puts its series into the table of jobs: durable, cheap, no cost to intake. How many.
 * The first time in an archive that is old may take minutes: go_on (NULL: to the end) is asked now and then, and false ends it;
 * the next call goes on. */
int settle_notice(struct archive *a, bool (*go_on)(void *arg), void *arg, struct err *e);
/* The next series that is due, and has been quiet for quiet_us; with now, instead, that with the lowest id above after, whether it is
 * quiet, due, given up or not: a run that goes on behind the job it had last tries each series once. study: "" or NULL for any.
 * again, with now: also settled ones, if something of theirs was kept as it came: rules or limits may be others now. */
struct settle_want {
	int64_t quiet_us;
	const char *study;
	bool now, again;
	int64_t after;
};
/* 1: leased to this process for lease_us; 0: none. */
int settle_lease(struct archive *a, const struct settle_want *want, int64_t lease_us, struct settle_job *out,
		 struct err *e);
int settle_renew(struct archive *a, const struct settle_job *j, int64_t lease_us, struct err *e); /* -E_CANCEL: lost */
/* Nothing came of it: again at due_us, or (0) given up. What was settled already stays so. */
int settle_fail(struct archive *a, const struct settle_job *j, const char *why, int64_t due_us, struct err *e);

/* ---- writing the pack of a leased series */
struct settle_pack;
int settle_begin(struct archive *a, const struct settle_job *j, struct settle_pack **out, struct err *e);
/* The series' instances in order (Instance Number, then arrival), as they lie now: 1, 0. settled: it is so already. */
int settle_next(struct settle_pack *p, struct stored *out, bool *settled, struct err *e);
/* Takes s over as it is: copied, or left where it lies (a pack of its own). */
int settle_keep(struct settle_pack *p, const struct stored *s, struct err *e);
/* Takes a Part 10 file that stands for s: file holds it from offset 0; appendix may be empty. */
int settle_put(struct settle_pack *p, const struct stored *s, const char *syntax, int file, uint64_t size,
	       uint32_t head_len, const void *appendix, size_t appendix_n, struct err *e);
enum settle_extra_kind { SETTLE_METADATA = 1, SETTLE_THUMBNAIL, SETTLE_PREVIEW, SETTLE_NOTES };
#define SETTLE_EXTRA_MOST (64u << 20)
/* METADATA: application/dicom+json of all instances, zstd; THUMBNAIL, PREVIEW: JPEG; NOTES: what changed, text. */
int settle_add_extra(struct settle_pack *p, enum settle_extra_kind kind, const void *data, size_t n, struct err *e);
/* Durable and in the index when it returns 0; consumes p. -E_CANCEL: the lease was lost, or the series changed. */
int settle_commit(struct settle_pack *p, struct err *e);
void settle_abort(struct settle_pack *p); /* removes what was written; NULL is fine */

/* Gives back the blocks of records that settled ones stood for since grace_us, as long as go_on (asked now and then; NULL: to the
 * end) wants more. Bytes. The grace is for those who read meanwhile: longer than a transfer takes, and than the minute for which
 * other processes keep places. */
int64_t settle_reclaim(struct archive *a, int64_t grace_us, bool (*go_on)(void *arg), void *arg, struct err *e);

/* ---- what there is */
struct settle_status {
	uint64_t waiting, leased, failed, done; /* series: each is in one of them */
	uint64_t instances;                     /* not settled */
	uint64_t bytes;                         /* of them */
	uint64_t received, kept;                /* of settled series */
	uint64_t reclaimable;                   /* bytes still to be given back */
};
/* These two also tell of what settle_notice() has not looked at yet; id 0. */
int settle_status(struct archive *a, struct settle_status *out, struct err *e);
/* waiting, failed and reclaimable only: at no cost that grows with what is done. */
int settle_queue(struct archive *a, struct settle_status *out, struct err *e);
int settle_each(struct archive *a, bool done, int (*seen)(void *arg, const struct settle_job *j), void *arg,
		struct err *e);
/* What goes with a settled series; -E_NOENT where there is none, or not of all its instances that are in sight now. */
int settle_extra(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 enum settle_extra_kind kind, struct buf *out, struct err *e);
/* The notes of the settled pack that tells of some of the series' instances, though others came since; -E_NOENT. For its next one. */
int settle_notes_before(struct archive *a, const char *series, struct buf *out, struct err *e);
#endif
