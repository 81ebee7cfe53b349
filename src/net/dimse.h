/* net/dimse.h - DIMSE messages over one association: what the faces and the clients share.
 *
 * A message is a command set and perhaps a data set. Data sets are read as a stream (dimse_data) or, when small, at
 * once. Errors:   -E_CLOSED (peer gone or aborted), -E_TIMEOUT, -E_INVAL (protocol broken: abort), -E_LIMIT; the peer's
 * wish to release is the positive answer 1 of dimse_receive. After any other error the association is of no more use.
 * Threads:  one thread for each association (shim_assoc_shutdown from any).
 * Source:   PS3.7 9, PS3.8 9.3, annex E.
 */
#ifndef NET_DIMSE_H
#define NET_DIMSE_H

#include "base/buf.h"
#include "shim/shim.h"
#include <stdbool.h>

#define DIMSE_COMMAND_MOST (64u << 10)
#define DIMSE_PACE 256u /* bytes a second: the slowest peer that is waited for */

struct dimse {
	shim_assoc *assoc;
	uint32_t message_ms; /* a message begun must go on within this, and at DIMSE_PACE in each stretch of this length
			      */
	bool begun;          /* the last dimse_receive saw at least the beginning of a message: not merely idle */
	bool in_data;        /* a data set is being read */
	uint8_t data_context;
	struct shim_pdv pdv;
	uint32_t left;           /* of the current PDV */
	int64_t waited_us, came; /* for a message under way: time spent waiting for its bytes, and how many came */
	bool held;               /* a message came while a request was served: the next dimse_receive() gives it */
	uint8_t held_context;
	struct shim_command held_command;
};

/* Waits at most idle_ms for the next message's command; what is left of a data set before it is read away.
 * 0: *c and *context are filled; 1: the peer asks for release; -E_TIMEOUT with begun false: nothing came, go on. */
int dimse_receive(struct dimse *d, uint32_t idle_ms, struct shim_command *c, uint8_t *context, struct err *e);
/* Reads up to n bytes of the data set that follows a command with has_data; 0: it is complete. */
int64_t dimse_data(struct dimse *d, void *buf, size_t n, struct err *e);
/* Until complete; -E_LIMIT by out's cap, with the rest read away (the association stays good). */
int dimse_data_all(struct dimse *d, struct buf *out, struct err *e);
int dimse_data_skip(struct dimse *d, struct err *e);
/* Is a C-CANCEL for message id waiting? Looks without waiting. Any other request is held back for dimse_receive(); from
 * then on a C-CANCEL is not seen any more: it stands behind that one's data set. */
int dimse_cancelled(struct dimse *d, uint16_t message_id, struct err *e); /* 1, 0, negative */
int dimse_send(struct dimse *d, uint8_t context, const struct shim_command *c, const void *data, size_t n,
	       struct err *e);
/* N-EVENT-REPORT-RQ (PS3.7 10.1.1). */
struct dimse_event {
	const char *sop_class, *sop_instance;
	uint16_t type;
	const void *data; /* encoded for the context */
	size_t n;
};
int dimse_event(struct dimse *d, uint8_t context, const struct dimse_event *event, uint16_t message_id, struct err *e);
/* Turns a shim code into an error with the shim's sentence. */
int dimse_error(int shim_code, struct err *e);

/* ---- C-STORE, the sending side: clients, sub-operations of C-MOVE and C-GET */
struct dimse_object {
	const char *sop_class, *sop_instance;
	uint8_t context;
	uint16_t message_id;
	const char *originator; /* AE title of the C-MOVE SCU, NULL: none */
	uint16_t originator_id;
	/* C-GET: a C-CANCEL for cancel_id may come before the answer, which sets cancelled, and one other message without a
	 * data set (the answer to an event report), which is held for dimse_receive(). */
	bool cancellable;
	uint16_t cancel_id;
	bool cancelled;
	/* The next piece of the data set: its length, *at (borrowed until the next call), *last with the last of them;
	 * negative: failed. Pieces of a multiple of shim_assoc_send_size() make full PDUs. */
	int64_t (*piece)(void *arg, const void **at, bool *last, struct err *e);
	void (*sent)(void *arg); /* all is sent, the answer is awaited: time to read ahead. NULL: nothing to do */
	void *arg;
};
/* Sends one instance and waits for its answer. */
int dimse_store(struct dimse *d, struct dimse_object *o, struct shim_command *answer, struct err *e);
#endif
