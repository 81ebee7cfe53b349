/* cmd/decision.h - the operator's decisions, made by the running node or by this process: what drop, hold and quarantine
 * share. A decision is the operator's: the user who runs the command, as the system knows them.
 */
#ifndef CMD_DECISION_H
#define CMD_DECISION_H

#include "archive/kept.h"
#include "cmd/cmd.h"

/* --study, or NULL: what the archive takes as a UID (uid_sane), for nothing else can be in it. Returns -1, or the exit code. */
int decision_study(const char *name, const char *study);
/* Fills in study and why from options, which may be NULL: not given. Returns -1 to go on, else the exit code. */
int decision_words(const char *name, struct decision *d, const char *study, const char *why);
/* A series of the study, or an instance of it; NULL: not given. Likewise. */
int decision_part(const char *name, struct decision *d, const char *series, const char *instance);
/* "study 1.2 series 1.2.3" */
void decision_about(const struct decision *d, char *out, size_t room);
/* Makes it, prints what came of it; the exit code. */
int decision_run(const struct common *c, struct decision *d);
/* Prints a record in quarantine: one line, or JSON. arg: the struct common. */
int print_kept(void *arg, const struct kept *k);
json_t *kept_json(const struct kept *k);
json_t *text_or_null(const char *text);
#endif
