/* archive/store.h - what the parts of archive/ share: the open archive, and the committer's queue. Not for other rooms.
 */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include "archive/change_write.h"
#include "archive/index.h"
#include "archive/packer.h"
#include "archive/registry.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct archive {
	enum archive_mode mode;
	struct blob_store *packs;
	struct db *db;
	struct attr_set *attrs; /* of the configuration */
	char *folder;
	int lock_fd;
	bool alerts; /* this one opened them */
	uint64_t reserve, max_instance;
	int64_t retention_years;
	pthread_mutex_t decisions; /* one at a time */
	size_t buffer;
	uint64_t tag_seed; /* of entity tags */
	struct frame_cache *frames;
	struct derived_cache *derived;
	/* ARCHIVE_SERVE only */
	struct packer *packer;
	struct committer *committer;
	struct refresh *refresh;       /* NULL where none was started */
	struct presence *presence;     /* likewise */
	_Atomic int64_t arrived_us;    /* something came, or began to; monotonic, 0: not yet */
	_Atomic int64_t room, room_at; /* free bytes above the reserve, when looked up (monotonic us) */
	pthread_mutex_t buffers_lock;
	struct spare_buffer *buffers; /* intake buffers not in use */
	unsigned n_buffers;
	struct lookup_cache *lookups;
	_Atomic uint64_t
	    reclaims; /* how often something was given back (settle_reclaim.c); not known where another process does it */
	bool no_holes;   /* the file system cannot give back blocks of a file */
	int64_t settler; /* this process among those that ever settled series here */
	struct change_watcher watcher;
};

/* One finished instance, or a decision, on its way through the committer. */
enum place_state { PLACE_WRITING, PLACE_WRITTEN, PLACE_FAILED };
struct place {
	struct place *next;
	struct open_pack *pack; /* shared pack, or NULL for a pack of its own */
	uint64_t at, seq;
	enum place_state state;
	struct index_item *item; /* or: */
	struct event *event;
	int rc;    /* outcome, once done */
	bool kept; /* durable all the same: only the index lacks it, for now */
	struct err err;
	sem_t done;
};

void intake_buffers_free(struct archive *a);
/* Tags, and for who serves the memory of places. */
int lookup_open(struct archive *a, struct err *e);
/* Where an instance lies, by the index: 1, 0: there is none. */
int stored_find(struct archive *a, const char *sop_instance, struct stored *out, struct err *e);
/* What stored.as_of is to be, taken before the index is read. */
uint64_t stored_as_of(struct archive *a);
/* Is the record of s still where it was when it was looked up? 0: yes; 1: the same bytes lie at *now; -E_BUSY: they are in another
 * form by now, -E_NOENT: it is gone. */
int stored_moved(struct archive *a, const struct stored *s, struct stored *now, struct err *e);
/* While one holds the packs, nothing is given back; who gives back holds them alone. *fd: to be closed. -E_BUSY. */
int packs_hold(struct archive *a, bool alone, int *fd, struct err *e);
/* The instances of these keys, in this order; consumes keys. */
int select_keys(struct archive *a, int64_t *keys, uint64_t n, struct selection **out, struct err *e);
/* The files of derived.h: at most these bytes are kept. Stopped when nobody uses one. */
int derived_start(struct archive *a, uint64_t bytes, struct err *e);
void derived_stop(struct archive *a);
/* A row in the columns of select-page; its last five, from col on, of a row that has the rest. */
void stored_row(struct db_stmt *st, struct stored *out);
void stored_received(struct db_stmt *st, int col, struct stored *out);
int committer_start(struct archive *a, uint64_t next_seq, struct committer **out, struct err *e);
uint64_t committer_stop(struct committer *c); /* finishes what is queued; the lowest unused sequence number */
/* Takes the next sequence number, and for n > 0 a place of n bytes in the shared pack; puts p into the queue,
 * PLACE_WRITING. */
int committer_enter(struct committer *c, uint64_t n, struct place *p, struct err *e);
/* The record is written (or not): p->state becomes WRITTEN or FAILED; p stays the committer's until it was waited for. */
void committer_ready(struct committer *c, struct place *p, enum place_state state);
bool committer_done(struct place *p);               /* committer_wait() would return at once */
int committer_wait(struct place *p, struct err *e); /* until it is durable and indexed; once */

/* Verifies and indexes all records behind the index's last sequence number. *next_seq, *next_pack: the lowest unused.
 */
int recover(struct archive *a, uint64_t *next_seq, uint64_t *next_pack, struct err *e);
/* Those of them below this sequence number, while the archive is served: what the committer could not index. */
int recover_before(struct archive *a, uint64_t before, struct err *e);
/* Walks records of all packs from pack id `from` on in order of sequence number; of packs whose header is damaged too.
 */
int records_in_order(struct blob_store *s, uint64_t from, uint64_t after_seq,
		     int (*seen)(void *arg, const struct record *r, struct err *e), void *arg, uint64_t *next_pack,
		     struct err *e);
/* A record, verified from beginning to end, and the head of the data set that was received: new, or NULL on failure. */
int record_head(struct archive *a, const struct record *r, struct index_head **out, struct err *e);
/* Likewise of a stored instance, of which no more is read. */
int stored_head(struct archive *a, const struct stored *w, struct index_head **out, struct err *e);
/* What the record itself says of an item; aet is borrowed. */
void record_item(const struct record *r, int64_t site, struct index_item *out);
/* One record, verified, into the open transaction of writer. */
int record_index(struct archive *a, struct db_conn *writer, const struct record *r, int64_t site,
		 struct index_item *out, struct err *e);
/* The site of a record, kept in *cache from call to call (zeroed at first); made when the registry lacks it. The caller
 * must not hold the writer. */
int record_site(struct archive *a, const struct record *r, struct site *cache, struct err *e);

/* Kills the process here when TELEREAD_FAULT_POINT=name:n says so for the n-th pass (builds with --enable-faults only).
 */
#ifdef TELEREAD_FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif
#endif
