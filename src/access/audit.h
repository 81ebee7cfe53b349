/* access/audit.h - the audit trail: who did what with whose images, when, from where, with what outcome.
 *
 * Each event is an audit message (PS3.15 A.5) in a file whose lines are chained by digest, and, where configured, a
 * syslog message over TLS (RFC 5425).
 * Threads:  audit_note() from any; it does not wait for the network.
 */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum audit_kind {
	AUDIT_START, /* Application Activity */
	AUDIT_STOP,
	AUDIT_QUERY,    /* Query */
	AUDIT_ACCESS,   /* DICOM Instances Accessed: read, or changed (what) */
	AUDIT_RECEIVED, /* DICOM Instances Transferred, to us */
	AUDIT_SENT,     /* DICOM Instances Transferred, from us */
	AUDIT_DELETED,  /* DICOM Study Deleted */
	AUDIT_LOGIN,    /* User Authentication */
	AUDIT_LOGOUT,
	AUDIT_REFUSED,     /* Security Alert: somebody asked for what they may not have */
	AUDIT_BREAK_GLASS, /* Security Alert: Emergency Override Started */
	AUDIT_CHANGED,     /* Security Alert: accounts, tokens, settings were changed */
	AUDIT_KINDS
};
struct audit_event {
	enum audit_kind kind;
	bool failed;
	const char *who, *how;  /* name, and how it is known: "password", "peer", ... */
	const char *address;    /* network address of who */
	const char *study;      /* Study Instance UID; NULL: none */
	const char *patient_id; /* NULL: none or not known */
	const char *what;       /* in words: "retrieve frames", the query, why it was refused */
	uint64_t instances;     /* how many; 0: not counted */
};
struct audit_options {
	const char *folder;
};
int audit_open(const struct audit_options *o, struct err *e);
void audit_close(void);
void audit_note(const struct audit_event *ev); /* nothing when it is not open */
#endif
