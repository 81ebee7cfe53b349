/* base/alert.h - what a person must look at: a log of its own beside the data, apart from the many lines of the log.
 *
 * Each alert is one JSON object on a line of FOLDER/alerts.log: time (UTC), kind, subject, message, count. The same kind
 * with the same subject within a window is not written again but counted; what was counted is written as one more line,
 * with the latest message, when the window is over. ALERT_REPEATED is for what is no news when it happens once: its
 * subject is a peer, and nothing is written until so many failures of it fell into one window.
 * The file is renamed to alerts.log.1 when it has grown to its size, that one to .2; ALERT_KEPT of them are kept.
 * Each alert also becomes a line of the log (a few of one kind in a window) and counts in teleread_alerts_total{kind}.
 * Texts:    made valid UTF-8 without control characters, and cut; no patient data.
 * Memory:   one table of ALERT_SUBJECTS subjects; where more are in their windows, the oldest is written out.
 * Threads:  alert_raise() from any thread, at the price of a lock and, for news, one write. Open and close: one thread.
 * Only the process that holds the data folder writes. Before alert_open() an alert counts, and goes nowhere else.
 */
#ifndef BASE_ALERT_H
#define BASE_ALERT_H

#include "base/err.h"
#include <stdbool.h>

enum alert_kind {
	ALERT_COLLISION,  /* other content under a known SOP Instance UID; subject: that UID */
	ALERT_MISMATCH,   /* a study or series of another patient, site or study; subject: its UID */
	ALERT_UNREADABLE, /* no data set that can be understood; subject: SOP Instance UID or sender */
	ALERT_CHARSET,    /* text in another character set than it says; subject: sender */
	ALERT_COMMITMENT, /* a commitment could not be verified or reported; subject: Transaction UID or peer */
	ALERT_CORRUPT,    /* stored bytes are not what was stored; subject: SOP Instance UID or pack */
	ALERT_REPEATED,   /* one failure of a peer, see above; subject: the peer */
	ALERT_SPACE,      /* the disk is down to its reserve; subject: the folder */
	ALERT_LOGIN,      /* too many wrong passwords; subject: the name */
	ALERT_GLASS,      /* a study was opened in an emergency; subject: who, and its UID */
	ALERT_AUDIT, /* the audit trail is not as it was left, or its collector is away; subject: audit, or the collector */
	ALERT_SETTLE, /* an encoded copy was not what was received, or is over a limit; a series was given up; subject: its UID */
	ALERT_KINDS
};
#define ALERT_FILE "alerts.log"
#define ALERT_KEPT 3
#define ALERT_SUBJECTS 256

const char *alert_name(enum alert_kind kind);            /* "collision" */
int alert_parse(const char *name, enum alert_kind *out); /* 0 or -E_INVAL */

struct alert_options {
	const char *folder;
	int64_t window_ms;
	int64_t size;     /* of the file, at which the next one is begun; bytes */
	int64_t repeated; /* failures of one peer in a window that are an alert */
};
int alert_open(const struct alert_options *o, struct err *e);
void alert_close(void); /* writes what was counted; nothing when it is not open */
void alert_raise(enum alert_kind kind, const char *subject, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void alert_tick(void); /* writes the counts of windows that are over; now and then */

#endif
