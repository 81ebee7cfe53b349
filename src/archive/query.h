/* archive/query.h - one query for every face: level, keys, matching rules, scope, page.
 *
 * Keys are elements of a data set in UTF-8, as PS3.4 C.2.2.2 matches them: single value, list of UID, universal (empty),
 * wildcard (not for UI DA TM DT AS and numbers), range (DA TM DT), sequence (one item), ModalitiesInStudy any-of; and,
 * where the query says so, empty values, and dates with times as one range. Person names match without
 * case, accents and width, by whole or any component group. Columns with an index narrow in SQL; every other attribute
 * that is kept at its level is matched on the rows that remain.
 * Several values in a key of AE AS CS LO PN SH UC, too, mean any of them, or all where the query says so. A time of less
 * precision (10) stands for all that begins with it; numbers compare by value. Keys below the level and attributes that
 * are not kept are neither matched nor answered: cursor_partial() tells.
 * Zones:    with timezone set, dates and times of day of one event, and moments that name no offset, are taken from the
 *           zone of their study (0008,0201) to that zone, then matched and answered. Else they are as they are.
 * Answers hold the keys asked for, in UTF-8 (0008,0005 left to the face), with the unique keys of the level and above,
 * and the counts (Number of Study Related Series ...) where asked.
 * Order:    stable: by arrival of the entity. Pages of rows are read, then the index is let go: a slow reader holds no
 *           transaction, and memory is one page.
 * Errors:   -E_DENIED for a scope that sees nothing, -E_MISMATCH (missing or multiple unique key above the level),
 *           -E_INVAL (a value that its VR cannot have, named).
 * Threads:  a cursor belongs to one thread at a time.
 */
#ifndef ARCHIVE_QUERY_H
#define ARCHIVE_QUERY_H

#include "archive/archive.h"
#include "archive/scope.h"
#include "dicom/dset.h"

enum query_level { LEVEL_PATIENT, LEVEL_STUDY, LEVEL_SERIES, LEVEL_IMAGE };
int query_level_parse(const char *text, enum query_level *out); /* "STUDY", any case; 0 or -E_INVAL */

struct query {
	enum query_level level;
	bool patient_root; /* the patient ID is a required unique key below the patient level */
	bool relational;   /* unique keys above the level are not required */
	bool fuzzy;        /* person names by pinyin, initials, any order of their words: fuzzy semantic matching */
	bool datetime;     /* a range of dates and one of times of the same event are one range of moments */
	bool empty;        /* a value of two quotation marks asks for what has none */
	bool every;        /* several values of a key mean all of them, if the attribute may have several; not UIDs */
	const char *timezone;    /* of keys and answers: "+0800"; NULL: each study's own */
	const char *otherwise;   /* zone of studies that name none; NULL or "local": of this machine */
	uint32_t *offending;     /* set to the attribute that a refusal is about; may be NULL */
	const struct dset *keys; /* UTF-8; borrowed until cursor_close */
	uint64_t limit, offset;  /* limit 0: none */
	const struct scope *scope;
};
/* What a query at a level makes of a key: matches and answers it; not, since it is of a level below, or is not kept. */
enum query_key { QUERY_KEY_TAKEN, QUERY_KEY_BELOW, QUERY_KEY_UNKNOWN };
enum query_key query_key(struct archive *a, const struct query *q, uint32_t tag);
struct cursor;
int query_open(struct archive *a, const struct query *q, struct cursor **out, struct err *e);
/* 1: *row is the next answer (owned by the cursor until the next call), 0: no more, negative: failed. */
int cursor_next(struct cursor *c, const struct dset **row, struct err *e);
/* Likewise; the row is the caller's, to change and to free. */
int cursor_take(struct cursor *c, struct dset **row, struct err *e);
/* Some key is not kept at this level, so it is neither matched nor answered: pending FF01 instead of FF00. */
bool cursor_partial(const struct cursor *c);
int64_t cursor_site(const struct cursor *c); /* whose the row is that was given last */
void cursor_close(struct cursor *c);
static inline void cursor_cleanup(struct cursor **c)
{
	cursor_close(*c);
}

/* What a study's text is likely written in when its objects say otherwise, such as "ISO_IR 100 is GB18030": 1. 0: they agree,
 * or there is no such study. */
#define CHARSET_NOTE 80
int query_charset_note(struct archive *a, const char *study_uid, char note[CHARSET_NOTE], struct err *e);

/* ---- instances to send, in the order a viewer shows them (series, then instance number) */
struct stored {
	char sop_class[65], sop_instance[65], syntax[65], study[65], series[65];
	int64_t site;
	uint64_t pack, at;   /* pack id; offset of the Part 10 file in it */
	uint64_t part10_len; /* whole Part 10 file */
	uint32_t head_len;   /* preamble and meta: the data set starts at at + head_len */
	uint8_t digest[16];  /* XXH3-128 of the data set's bytes */
	/* All that is about the bytes as they lie now. Settled ones (settle.h) may be in another form than what was received: */
	bool settled;
	uint64_t appendix_at, appendix_n; /* in the pack, behind the Part 10 file (dicom/appendix.h); n 0: none */
	char received_syntax[65];
	uint8_t received_digest[16]; /* of the data set */
	uint64_t received_len;       /* of the data set */
	uint64_t as_of;              /* of this room: what was reclaimed when it was looked up */
};
/* keys: the retrieve identifier; only its unique keys count, each by whole values (a * is a character), that of the
 * level always (-E_MISMATCH): lists of UIDs there. At most 8 M instances (-E_LIMIT). The result is a snapshot of the instances' keys,
 * read page by page. total: how many there are. */
struct selection;
int select_open(struct archive *a, const struct query *q, struct selection **out, uint64_t *total, struct err *e);
int select_next(struct selection *s, struct stored *out, struct err *e); /* 1, 0, negative */
void select_close(struct selection *s);

/* ---- bytes of a stored instance: at most n of its Part 10 file from offset; 0 at the end. Any thread. */
int64_t stored_read(struct archive *a, const struct stored *s, uint64_t offset, void *buf, size_t n, struct err *e);
/* Likewise of its appendix. */
int64_t stored_appendix(struct archive *a, const struct stored *s, uint64_t offset, void *buf, size_t n, struct err *e);
#endif
