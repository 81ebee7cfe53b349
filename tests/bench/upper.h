/* tests/bench/upper.h - just enough of the DICOM upper layer for load programs that must cost little themselves.
 *
 * It is no part of the product and shares no code with it: what it measures is met as a stranger would meet it. Sending
 * is one writev for many PDUs, from the caller's memory; receiving is reads of up to 1 MiB across PDU borders, handed
 * on where they lie. Errors:   none are returned: whatever fails is said on standard error and ends the program. Half a
 * run has no figure. Threads:  one at a time for each struct upper. Sources:  DICOM PS3.7 6.3, E (commands); PS3.8 9.3
 * (PDUs), PS3.7 D.3.3.4 (role selection).
 */
#ifndef TESTS_BENCH_UPPER_H
#define TESTS_BENCH_UPPER_H

#include <stddef.h>
#include <stdint.h>

#define UPPER_EXPLICIT_LE "1.2.840.10008.1.2.1"

struct upper_context { /* its id is 2 * index + 1 */
	const char *abstract, *syntax;
	int scp;      /* propose the SCP role for us (C-GET) */
	int accepted; /* result */
};

struct upper {
	int fd;
	uint32_t payload; /* bytes of value that a full PDU to the peer holds */
	uint8_t *in;      /* received and not yet handed on: in[at..end) */
	size_t at, end;
	uint32_t pdu_left, pdv_left;
	uint8_t context, flags;
};

/* A command set, as far as these programs need it; strings are empty, numbers 0 where absent. */
struct upper_command {
	unsigned field, message, responded, status, has_data;
	unsigned remaining, completed, failed, warning;
	char class_uid[65], instance_uid[65];
};

enum { UPPER_COMMAND = 1, UPPER_LAST = 2 }; /* bits of a PDV's message control header */

struct upper_piece {
	const uint8_t *p; /* borrowed until the next call */
	size_t n;
	uint8_t context;
	int command, last; /* last: the message's command set or data set ends with this piece */
};

double upper_now(void);
_Noreturn void upper_die(const char *what, const char *why);

void upper_open(struct upper *u, const char *host, const char *port, const char *called, struct upper_context *contexts,
		unsigned n);
void upper_close(struct upper *u);

/* Sends a command set; identifier (n > 0) goes with it in the same write. */
void upper_send(struct upper *u, unsigned context, const struct upper_command *c, const void *identifier, size_t n);
/* A piece of a data set; a multiple of u->payload makes full PDUs. */
void upper_send_data(struct upper *u, unsigned context, const void *data, size_t n, int last);

/* Waits for the next bytes of a message. */
void upper_piece(struct upper *u, struct upper_piece *out);
/* Waits for the next whole command set; data before it is thrown away. */
unsigned upper_command(struct upper *u, struct upper_command *out);

/* Appends one explicit little endian element with a short length (any VR but OB, OW, SQ, UN, UT); returns the new end.
 */
uint8_t *upper_element(uint8_t *to, uint32_t tag, const char *vr, const void *value, size_t n);
uint8_t *upper_string(uint8_t *to, uint32_t tag, const char *vr, const char *value);
#endif
