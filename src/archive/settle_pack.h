/* archive/settle_pack.h - what a settled pack tells of itself, and what its event does to the index. Of this room only.
 *
 * The last record of a settled pack is of kind RECORD_SERIES with the note "list": which records the pack tells of, in the order that
 * a viewer shows them, and where the records of what goes with the series stand. man/teleread-pack.5 has it byte by byte.
 */
#ifndef ARCHIVE_SETTLE_PACK_H
#define ARCHIVE_SETTLE_PACK_H

#include "archive/event.h"
#include "archive/settle.h"

#define SETTLED_LIST "list"
#define SETTLED_EXTRAS 8u
struct settled_entry {
	uint64_t seq, pack,
	    at; /* where its record's header stands; pack is another for what stays in a pack of its own */
};
struct settled_extra {
	uint32_t kind; /* enum settle_extra_kind */
	uint64_t at;   /* where the header of its record stands */
};
struct settled_list {
	char study[65], series[65];
	struct settled_extra extras[SETTLED_EXTRAS];
	unsigned n_extras;
	struct settled_entry *entries;
	uint64_t n;
};
const char *settled_extra_name(enum settle_extra_kind kind); /* as in the note of its record; NULL: no such kind */
int settled_list_write(const struct settled_list *l, struct buf *out, struct err *e);
/* The list in the record at this place of a settled pack. -E_NOENT: there is none; -E_CORRUPT. */
int settled_list_read(struct archive *a, uint64_t pack, uint64_t at, struct settled_list *out, struct err *e);
void settled_list_cleanup(struct settled_list *l);
AUTO_TYPE(settled_list, struct settled_list);

/* The header of a record that is at this place, and is of this number: 1, 0, negative. */
int settled_record(struct archive *a, const struct settled_entry *at, struct record *out, struct err *e);

/* ---- the event. What its pack tells, read before its turn; a pack that is gone, superseded by a later one, leaves ev->set NULL: then
 * the event does nothing. */
struct settled_set;
int settle_prepare(struct archive *a, struct event *ev, struct err *e);
int settle_apply(struct archive *a, struct db_conn *w, struct event *ev, struct err *e);
void settled_set_free(struct settled_set *s);
/* Into the open transaction: this settled record stands for one that is gone. */
int settle_found(struct db_conn *w, const struct record *r, struct err *e);
#endif
