/* web/stow_own.h - a request that brings instances, between the files that serve it (stow*.c).
 *
 * Parts go by their type: files (stow_file.c) straight into an intake each; metadata and bulk data (stow_model.c) into
 * scratch, until all that an instance refers to has come. What became of each is kept in a log (stow_log.c) that grows on
 * disk, not in memory; the answer (stow_reply.c) is made from it.
 * Durable:  intakes are submitted when their part ends, and waited for in order, at most STOW_WINDOW under way: so they
 *           share the committer's groups with each other and with other requests.
 */
#ifndef WEB_STOW_OWN_H
#define WEB_STOW_OWN_H

#include "archive/intake.h"
#include "net/multipart.h"
#include "web/exchange.h"
#include <glib.h>

#define STOW_WINDOW 32u
#define STOW_HEAD (64u << 10) /* of a Part 10 file, looked at before its data set */
#define STOW_LINES 10u        /* refusals of one request that are logged one by one */
#define STOW_STUDIES 1000u    /* of one request that the audit trail names */

#define REASON_NOT_UNDERSTOOD 0xC000u /* PS3.18 annex I.2 */
#define REASON_SYNTAX 0xC122u
#define REASON_OTHER_STUDY 0xC409u
#define WARNING_KEPT_APART 0xB000u

/* ---- what became of each */
enum stow_kind { STOW_DONE, STOW_FAILED, STOW_OTHER, STOW_KINDS }; /* OTHER: nobody knows which instance it was */
struct stow_item {
	uint16_t kind, reason; /* DONE: of a warning, or 0 */
	char sop_class[65], sop_instance[65], study[65], series[65];
};
struct stow_log {
	struct archive *archive;
	struct buf memory;
	int fd; /* behind what memory took; -1: nothing there yet */
	uint64_t n, of_kind[STOW_KINDS], warned;
};
void stow_log_init(struct stow_log *l, struct archive *a);
void stow_log_free(struct stow_log *l);
int stow_log_add(struct stow_log *l, const struct stow_item *item, struct err *e);
int stow_log_at(const struct stow_log *l, uint64_t i, struct stow_item *out, struct err *e);

/* ---- one request */
struct stow_model;
struct stow;
struct stow_taker { /* of one kind of part */
	int (*begin)(struct stow *s, const struct multipart_part *part, struct err *e);
	int (*data)(struct stow *s, const uint8_t *data, size_t n, struct err *e);
	int (*end)(struct stow *s, struct err *e);
};
struct stow {
	struct exchange *x;
	struct intake_source source;
	char site_code[33];
	bool xml;                    /* the answer */
	struct multipart *multipart; /* NULL: the body is one part */
	char type[128];              /* of parts that do not say theirs */
	/* the part at hand */
	const struct stow_taker *taker; /* NULL: none, or it failed: the rest is passed over */
	uint64_t seen;
	int64_t said; /* its Content-Length, or -1 */
	struct buf head;
	struct intake *in;
	char sop_class[65], sop_instance[65]; /* as its file meta names it */
	struct stow_model *model;             /* NULL: no metadata so far */
	/* under way */
	struct intake *pending[STOW_WINDOW];
	unsigned first, n_pending;
	struct stow_log log;
	GHashTable *studies; /* UID -> struct stow_study */
	uint64_t no_room;    /* of those that failed: for want of space */
	unsigned lines;
	struct err why; /* of the first that failed */
	bool answered;
};
extern const struct stow_taker stow_files, stow_metadata, stow_bulk;

/* Those that return int fail only where the request as a whole cannot go on. */
/* The part, or what the names say, is refused. */
int stow_refuse(struct stow *s, const char *sop_class, const char *sop_instance, uint16_t reason, const struct err *why,
		struct err *e);
uint16_t stow_reason(const struct err *why);
/* Takes an intake that has all of its bytes (or failed already). */
int stow_submit(struct stow *s, struct intake *in, struct err *e);
/* All of the body is there: what still waits for bulk data fails. */
int stow_model_end(struct stow *s, struct err *e);
void stow_model_free(struct stow_model *m);
/* The names in the meta of the file at hand, as far as it has come. */
void stow_file_name(struct stow *s);
/* Answers from the log. */
int stow_answer(struct stow *s, struct err *e);
#endif
