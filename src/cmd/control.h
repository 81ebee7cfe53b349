/* cmd/control.h - the door of a running node for commands on the same machine: the socket DATA/control.
 *
 * One process writes an archive. When a node serves the folder, `teleread import` hands each opened file to it: a
 * message "import SITE" that carries the descriptor (SCM_RIGHTS), answered by "imported", "same", ... and a reason.
 * What `teleread fsck` finds comes as "alert KIND SUBJECT", a new line and a sentence, answered by "noted".
 * A decision (archive/kept.h) comes as "decide KIND NUMBER STUDY" (0 and - for none), a new line and why; who decides is
 * the user at the other end. The answer is "decided DONE RECORDS LEFT REASON".
 * "reindex" and "reindex?" begin and watch a refresh of the index; "settle now|again|due STUDY" (- for all of them) and "settle?" a run
 * of the settler.
 * Only the user who runs the node, and root, may open the socket, and nobody else's messages are answered. Threads:
 * control_start() starts a few that serve one client each; a client belongs to one thread.
 */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H

#include "archive/kept.h"
#include "archive/refresh.h"
#include "base/alert.h"
#include "cmd/import_file.h"
#include "cmd/settler.h"

#define CONTROL_CLIENTS 8u /* at once; the next one waits */

struct control;
int control_start(struct archive *a, struct settler *settler, const char *data, struct control **out, struct err *e);
void control_stop(struct control *c); /* lets the file under way finish; NULL is fine */

/* Connects; a descriptor, or -E_NOENT when nobody listens. */
int control_connect(const char *data, struct err *e);
int control_import(int client, const char *site, int fd, struct import_result *out, struct err *e);
/* The alert is raised by the node. subject: no blanks. */
int control_alert(int client, enum alert_kind kind, const char *subject, const char *sentence, struct err *e);
/* d: all but who. */
int control_decide(int client, const struct decision *d, struct decision_result *out, struct err *e);
/* begin: the node refreshes its index (archive/refresh.h), or is at it; else only how far it is. */
int control_reindex(int client, bool begin, struct refresh_state *out, struct err *e);
/* ask: the node settles what is due; NULL: only how far it is. */
int control_settle(int client, const struct settler_ask *ask, struct settler_run *out, struct err *e);
#endif
