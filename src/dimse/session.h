/* dimse/session.h - one association being served: what its services share. Of this room only.
 *
 * A handler answers one request. It returns 0 when the association goes on, whatever the status it answered, or
 * negative when the association is of no more use (the caller aborts it and logs e). Threads:  the association's own.
 */
#ifndef DIMSE_SESSION_H
#define DIMSE_SESSION_H

#include "access/audit.h"
#include "dimse/face.h"
#include "dimse/report.h"
#include "net/dimse.h"

#define SESSION_CONTEXTS 128

enum { /* statuses of PS3.7 annex C and PS3.4 that err.def has no code for */
       STATUS_SUCCESS = 0x0000,
       STATUS_PENDING = 0xFF00,
       STATUS_PENDING_WARNING = 0xFF01, /* an optional key was not supported */
       STATUS_CANCEL = 0xFE00,
       STATUS_WARNING = 0xB000,
       STATUS_CLASS_NOT_SUPPORTED = 0x0122,
       STATUS_PROCESSING_FAILURE = 0x0110,
       STATUS_NO_SUCH_INSTANCE = 0x0112,
       STATUS_INVALID_ARGUMENT = 0x0115,
       STATUS_NO_SUCH_CLASS = 0x0118,
       STATUS_NO_SUCH_ACTION = 0x0123,
       STATUS_DUPLICATE_TRANSACTION = 0x0131,
       STATUS_RESOURCE_LIMITATION = 0x0213,
       STATUS_UNRECOGNIZED = 0x0211,
       STATUS_INVALID_INSTANCE = 0x0117,
       STATUS_MISMATCH = 0xA900,
       STATUS_NO_DESTINATION = 0xA801,
       STATUS_SUB_FAILED = 0xA702,
       STATUS_UNABLE = 0xC000,
};

/* What SOP class extended negotiation agreed on for a query/retrieve class (PS3.4 C.5.1.1, C.5.2.1, C.5.3.1). */
struct session_extended {
	bool relational, datetime, fuzzy, timezone, empty, every;
};
#define SESSION_QUERY_CLASSES 6u

/* A request for storage commitment that came on this association and may be told on it. */
#define SESSION_ASKED 16u
struct asked {
	struct report_hold hold; /* id 0: this place is free */
	const struct shim_context *context;
};

struct pending; /* dimse/store.c: an instance that is not answered yet */

struct session {
	const struct face *face;
	char id[32]; /* "a42", in every log line */
	struct dimse d;
	struct shim_peer peer;
	struct peer who;                                         /* site, site_code, private_classes: by the registry */
	const struct shim_context *contexts[SESSION_CONTEXTS];   /* accepted ones, by id / 2 */
	struct session_extended extended[SESSION_QUERY_CLASSES]; /* see session_extended() */
	const struct coerce_peer *coerce;                        /* rules for what the caller sends; NULL: none */
	bool scoped;
	struct scope scope;
	char remarks[4][160]; /* kept instances' remarks that were logged: each once, while these last */
	unsigned n_remarks;
	unsigned window;         /* requests that the peer may have unanswered (PS3.7 D.3.3.3) */
	struct pending *pending; /* of them, instances submitted: a ring of window places, made with the first */
	unsigned first_pending, n_pending;
	int64_t heard_us;                            /* when the last message was served */
	struct asked asked[SESSION_ASKED], *telling; /* telling: its report waits for an answer */
	unsigned n_asked;
	uint16_t event_id; /* message of the report under way */
	int64_t told_us;
	bool callable; /* the peer has a host and port: what is not told here can be told there */
	/* for the line at the end */
	uint64_t stored, same, quarantined, refused, finds, matches, sent, unsent, bytes_in, bytes_out;
};

/* dimse/negotiate.c: who calls, and which contexts are taken; the association is acknowledged or rejected. */
int negotiate(struct session *s, struct err *e);
/* The context of a message, or NULL when it was not accepted. */
const struct shim_context *session_context(const struct session *s, uint8_t id);
/* What was agreed on for a query/retrieve class; nothing for other classes. */
const struct session_extended *session_extended(const struct session *s, const char *abstract);
/* Which sites the caller may see; looked up once. Borrowed. */
int session_scope(struct session *s, const struct scope **out, struct err *e);
/* An answer without a data set; why (may be NULL) becomes the Error Comment. */
int session_answer(struct session *s, const struct shim_context *cx, const struct shim_command *rq, uint16_t status,
		   const struct err *why, struct err *e);
/* As session_answer, naming the element at fault (0: none). */
int session_refuse(struct session *s, const struct shim_context *cx, const struct shim_command *rq, uint16_t status,
		   uint32_t offending, const struct err *why, struct err *e);
/* The command set of an answer to rq, for those who add to it. */
void session_response(struct shim_command *rsp, const struct shim_command *rq, uint16_t status, const struct err *why);
/* The status that says err; never a warning. */
uint16_t session_status(const struct err *why);

/* Counts a failure of this peer; many of them in a while are an alert. what: "association refused". */
void session_failed(const struct session *s, const char *what, const char *why);

/* Notes in the audit trail what the caller did; study, what: NULL for nothing to say. */
void session_audit(const struct session *s, enum audit_kind kind, bool failed, const char *study, const char *what,
		   uint64_t instances);

int serve_store(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
int serve_find(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
int serve_move(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
int serve_get(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
/* Answers what is durable, and the oldest in any case when there is no place for another. */
int session_flow(struct session *s, struct err *e);
int session_answer_oldest(struct session *s, struct err *e); /* waits for it */
int session_drain(struct session *s, struct err *e);         /* waits for all */
void session_forget(struct session *s); /* the end: what was submitted is waited for, but nobody is told */
int serve_action(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
int serve_event_answer(struct session *s, const struct shim_command *rsp, const struct shim_context *cx, struct err *e);
/* Between two messages: tells a result of storage commitment that is due here. */
int session_tell(struct session *s, struct err *e);
/* Nothing has come: a report that waited too long for its answer is the reporter's again. */
void session_silent(struct session *s);
void session_let_go(struct session *s); /* the end: what was not told is the reporter's */
#endif
