/* dimse/send.h - one stored instance to one association, in the transfer syntax it takes.
 *
 * Sent as stored where a context takes that; else from a copy in another syntax (imaging/transcode.h, kept by archive/derived.h). While the answer to
 * one instance is awaited, the beginning of the next is read. Memory:   two blocks of SEND_BLOCK, made with the first
 * instance; sender_cleanup() frees. Threads:  one for each sender.
 */
#ifndef DIMSE_SEND_H
#define DIMSE_SEND_H

#include "archive/query.h"
#include "net/dimse.h"

#define SEND_BLOCK (1u << 20)
#define SEND_CONTEXTS 128u

struct derived;
struct send_context {
	uint8_t id;
	const char *abstract, *syntax; /* borrowed */
};
/* An instance made ready: where its bytes come from, and the first of them. */
struct send_source {
	bool ready;
	struct stored what;
	const struct send_context *context;
	struct derived *other; /* in another syntax; NULL: the pack */
	int file;              /* of other */
	uint64_t at, end;      /* of its Part 10 file: next byte to be read, end */
	bool odd;              /* a byte of padding follows */
	uint8_t *block;
	size_t have; /* bytes in block not yet given away */
};
struct sender {
	/* filled in by the caller */
	struct archive *archive;
	struct dimse *dimse;
	const char *originator; /* C-MOVE: who asked for it, and with which message */
	uint16_t originator_id;
	bool cancellable; /* C-GET: C-CANCEL comes on the same association */
	uint16_t cancel_id;
	struct send_context contexts[SEND_CONTEXTS];
	unsigned n_contexts;
	/* results */
	bool cancelled;
	uint64_t bytes;
	/* the sender's own */
	struct send_source now, ahead;
	const struct stored *next;
	size_t block_size;
	uint16_t last_id;
};

/* Sends one instance; next (may be NULL) is the one that will follow. 0: answered with *status; 1: it cannot be sent
 * (why in e), the association stays good; negative: the association is of no more use. */
int sender_send(struct sender *s, const struct stored *what, const struct stored *next, uint16_t *status,
		struct err *e);
void sender_cleanup(struct sender *s);
AUTO_TYPE(sender, struct sender);
#endif
