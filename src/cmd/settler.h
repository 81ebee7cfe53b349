/* cmd/settler.h - settles series, one after another: leases one, encodes its instances by rule, proves them, commits the pack.
 *
 * The node's one runs beside everything else and picks what has been quiet for settle.quiet; while something arrives it works
 * a quarter of the time, on one processor (settle.busy). A command without a node has one of its own, which does what it is asked for.
 * Each instance is encoded by imaging/transcode.h, which decodes every frame again and compares; the pieces that the copy's
 * recipe puts together are told to a digest while they are written, and it must be that of what was received. Where either
 * differs, what was received stays, an alert is raised and the instance counted. What cannot be encoded stays as it came, with the reason in the series' notes.
 * What fails for reasons of the moment (no room, no workers) or a limit of workers is tried again, later each time; after SETTLER_TRIES
 * the series is given up, or, where it is a limit, the instance kept as it came: with an alert either way. Both can be asked for again.
 * Memory:   twice SETTLER_AT_ONCE tables of frames at most, besides what goes with one series (archive/settle.h).
 * Threads:  one of its own, and one for each instance under work. settler_ask() and settler_look(): any.
 */
#ifndef CMD_SETTLER_H
#define CMD_SETTLER_H

#include "archive/archive.h"
#include "imaging/form.h"

#define SETTLER_TRIES 8
#define SETTLER_AT_ONCE 64

struct settling { /* settings in force; borrowed until settler_free() */
	const struct config *config;
	const struct forms *forms;
};
struct settler_options {
	struct archive *archive;
	struct settling (*in_force)(void *arg);
	void *arg;
	bool alone; /* of a command: settles when it is asked to, and heeds nobody else */
};
struct settler;
int settler_start(const struct settler_options *o, struct settler **out, struct err *e);
/* Tells it to end, which costs no more than the work under way; returns at once. NULL is fine. */
void settler_end(struct settler *s);
/* Waits for the end: as long as a frame takes that is at a worker (imaging_stop() cuts it short). NULL is fine. */
void settler_free(struct settler *s);

/* A run: everything that is due now. now: also what arrived just now, and what was given up. again, with now: also settled series of
 * which something was kept as it came, by the rules and limits of now. study: "" all of them. One at a time; a second one widens the first. */
struct settler_ask {
	bool now, again;
	char study[65];
};
struct settler_run {
	bool running;
	uint64_t series;                            /* finished */
	uint64_t done, of;                          /* instances looked at; about how many there are */
	uint64_t encoded, kept, mismatched, failed; /* instances; failed: series */
	uint64_t in, out;                           /* bytes of Part 10 files of what was encoded */
	struct err err;                             /* the last failure */
};
void settler_ask(struct settler *s, const struct settler_ask *ask);
void settler_look(struct settler *s, struct settler_run *out);
#endif
