/* access/audit.h - the audit trail: who did what with whose images, when, from where, with what outcome.
 *
 * Each event is an audit message (PS3.15 A.5), one line of a chain of files (access/chain.h) that tells when a line was
 * changed, taken out or put in, and, where configured, a syslog message over TLS (RFC 5425, access/syslog.h).
 * Repeated:  the same query, access, transfer or refusal again within AUDIT_WINDOW_S is counted; what was counted becomes one more line
 *            when that time is over, so that a viewer that fetches a thousand frames writes two lines.
 *            Of different refusals from one address the first few are told one by one, the others counted together.
 * Durable:   a line is written before audit_note() returns; logins, removals, overrides and changes of rights are synced, too,
 *            the others within a second. When the disk is full the node goes on, raises an alert, and says later
 *            how many events are missing.
 * Patient:   an event that names a study gets that study's Patient ID, so that who looked at whose images can be searched for.
 * Threads:   any; audit_note() waits for the disk only where the event is synced, for the index where it asks whose a study
 *            is (no lock is held then), never for the network.
 */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "access/syslog.h"
#include "base/buf.h"
#include <stdbool.h>

#define AUDIT_WINDOW_S 60
#define AUDIT_FOLDER "audit" /* below the data folder */

enum audit_kind {
	AUDIT_START, /* Application Activity */
	AUDIT_STOP,
	AUDIT_QUERY,    /* Query */
	AUDIT_ACCESS,   /* DICOM Instances Accessed: shown or changed here */
	AUDIT_RECEIVED, /* DICOM Instances Transferred, to us */
	AUDIT_SENT,     /* DICOM Instances Transferred, from us */
	AUDIT_DELETED,  /* DICOM Study Deleted */
	AUDIT_LOGIN,    /* User Authentication */
	AUDIT_LOGOUT,
	AUDIT_REFUSED,     /* Security Alert: somebody asked for what they may not have */
	AUDIT_BREAK_GLASS, /* Security Alert: Emergency Override Started */
	AUDIT_CHANGED,     /* Security Alert: accounts, tokens, peers, settings were changed */
	AUDIT_LOST,        /* Audit Log Used: events that could not be written */
	AUDIT_KINDS
};
const char *audit_name(enum audit_kind kind); /* "break-glass" */
int audit_parse(const char *name, enum audit_kind *out);

struct audit_event { /* strings are copied; NULL: none or not known */
	enum audit_kind kind;
	bool failed;
	const char *who, *how; /* name, and how it is known: "password", "token", "peer", ... */
	const char *address;   /* network address of who */
	const char *study;     /* Study Instance UID */
	const char *patient_id;
	const char *what;   /* in words: "retrieve frames", the query, why it was refused */
	uint64_t instances; /* how many; 0: not counted */
};
struct audit_options {
	const char *data;                    /* folder */
	const char *node;                    /* AE title: the source of the messages */
	int64_t size;                        /* of a file, at which the next one is begun */
	const struct syslog_options *syslog; /* NULL: none */
	/* Patient ID of a study, for events that name a study and nobody: asked of those that are written, not of repeated ones,
	 * by the thread that notes it. 0, or negative: not known. NULL: nobody is asked. */
	int (*patient_of)(void *arg, const char *study, char out[65]);
	void *arg;
};
int audit_open(const struct audit_options *o, struct err *e);
/* Before audit_open(): whether the end of the trail is as it was left; an alert, and a line of the log, where not. begun:
 * there must be one, since events were written earlier. */
void audit_look(const char *data, bool begun);
void audit_close(void);                        /* writes what was counted */
void audit_note(const struct audit_event *ev); /* nothing when it is not open */

/* ---- one message: written and read */
struct audit_said { /* UTF-8; "" for what is not there; long values are cut */
	char time[32], who[132], how[32], address[64], study[65], patient_id[132], what[1024];
	enum audit_kind kind;
	bool failed;
	uint64_t instances;
};
/* repeated: how often it happened besides the first time. */
int audit_message(const struct audit_event *ev, const char *node, int64_t wall_us, uint64_t repeated, struct buf *out,
		  struct err *e);
int audit_read(const char *message, size_t n, struct audit_said *out, struct err *e); /* -E_INVAL */
#endif
