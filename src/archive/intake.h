/* archive/intake.h - the one way in: an instance is checked, written, made durable, indexed, then acknowledged.
 *
 * The bytes of the data set are kept exactly as given, but for what the source's rules of coercion change (dicom/coerce.h):
 * then the digest of what was given is kept, too, so that the same is known when it comes again. Instances up to config buffer (1 MiB) are collected in one aligned
 * buffer and share a pack; larger ones stream into a pack of their own. Nothing decodes pixels.
 * Outcome:  INTAKE_STORED     new: durable and findable.
 *           INTAKE_SAME       the same SOP Instance UID with the identical data set and syntax was there: nothing written.
 *           INTAKE_QUARANTINE kept whole, with a reason, out of sight of queries: other content under a known SOP Instance
 *                             UID, a study or series UID that belongs to another patient, site or study.
 *           INTAKE_UNREADABLE likewise: the data set cannot be understood, lacks one of the UIDs of its identity, or cannot
 *                             be changed as the rules of coercion say.
 *           What was kept out of sight once is not written again; kept.h is about what is there.
 * Errors:   -E_FULL below the disk reserve, -E_MISMATCH (UIDs of data set and request or source differ), -E_INVAL (no data set at
 *           all, no such syntax), -E_LIMIT, -E_IO, -E_BUSY: nothing of it will be found again; but where the index
 *           could not be written, its record is durable, and comes into the index before the next one does.
 * Memory:   one buffer for each open intake, however large the object; with coercion the head of its data set, too.
 * Threads:  one thread for each intake; any number of intakes at once.
 */
#ifndef ARCHIVE_INTAKE_H
#define ARCHIVE_INTAKE_H

#include "archive/archive.h"
#include "dicom/coerce.h"

struct intake;
struct intake_source {
	int64_t site; /* whose it becomes */
	const char *site_code;
	const char *aet;                  /* of the sender, "" for none */
	const char *door;                 /* "dimse", "import", ... */
	const struct coerce_peer *coerce; /* NULL: nothing is changed */
	const char *modifier;             /* who changes it: our AE title; with coerce */
	const char *study;                /* the study that it must be of; NULL or "": any */
};
enum intake_outcome { INTAKE_STORED, INTAKE_SAME, INTAKE_QUARANTINE, INTAKE_UNREADABLE };
struct intake_result {
	enum intake_outcome outcome;
	uint32_t coerced[COERCE_RULES]; /* STORED, QUARANTINE: tags of what the rules changed */
	unsigned n_coerced;
	char reason
	    [160]; /* QUARANTINE, UNREADABLE: why, in words; STORED: a remark such as "pixel data ends early", else "" */
	/* What is known of it, after a failure, too; "" for what is not. */
	char sop_class[65], sop_instance[65], study[65], series[65], patient_id[65];
};

/* sop_class, sop_instance: what the request says; "" when it says nothing (import). */
int intake_begin(struct archive *a, const struct intake_source *src, const char *syntax, const char *sop_class,
		 const char *sop_instance, struct intake **out, struct err *e);
/* What a file's meta says of it: used only where the data set cannot be understood. Before the first byte. */
void intake_hint(struct intake *in, const char *sop_class, const char *sop_instance);
/* Where the next bytes go: *room bytes (at least 1). Filling it and saying so avoids a copy. */
int intake_space(struct intake *in, uint8_t **at, size_t *room, struct err *e);
int intake_filled(struct intake *in, size_t n, struct err *e);
int intake_write(struct intake *in, const void *data, size_t n, struct err *e);
/* All bytes are there: begins to make the instance durable, without waiting for it, and gives the buffer back. Several
 * may be under way at once; how each went intake_finish() tells. */
void intake_submit(struct intake *in);
bool intake_settled(struct intake *in); /* submitted, and intake_finish() will not wait */
/* Blocks until the instance is durable and indexed (a group at a time); consumes in whatever happens. */
int intake_finish(struct intake *in, struct intake_result *out, struct err *e);
/* Consumes; NULL is fine. What was submitted is waited for, and stays: nobody is told of it. */
void intake_abort(struct intake *in);
/* Is there room above the reserve? 0 or -E_FULL. Cheap: looked up at most every 200 ms. */
int intake_room(struct archive *a, struct err *e);
/* When an intake last began or was finished: clock_mono_us(); 0: not since the archive was opened. */
int64_t intake_last_us(struct archive *a);
#endif
