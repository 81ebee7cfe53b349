/* The upper layer: any bytes from a peer that then closes. Byte 0: 1 puts a good request before the rest, 2 reads PDV by
 * PDV instead of message by message; byte 1 says how much is read at once. */
#include "base/auto.h"
#include "fuzz.h"
#include "net/dimse.h"
#include "tests/unit/shim_pair.h"

#define INPUT_MOST 65536u

static const struct shim_assoc_options options = {
    .max_pdu_receive = 16384, .max_pdu_send = 16384, .artim_ms = 2000, .io_ms = 2000, .implementation_uid = "1.2.3"};

/* A socket from which the bytes can be read, and then its end. *other: where answers go. */
static int peer_of(const uint8_t *data, size_t size, int with_request, int *other)
{
	uint8_t request[512];
	int pair[2];

	FUZZ_EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	*other = pair[1];
	if (with_request) {
		size_t n = pair_request(request);

		FUZZ_EXPECT(send(pair[1], request, n, 0) == (ssize_t)n);
	}
	if (size)
		FUZZ_EXPECT(send(pair[1], data, size, 0) == (ssize_t)size);
	shutdown(pair[1], SHUT_WR);
	return pair[0];
}

static int acknowledge(shim_assoc *a)
{
	struct shim_context *c;
	unsigned n = shim_assoc_contexts(a, &c);

	for (unsigned i = 0; i < n; i++) {
		FUZZ_EXPECT(c[i].id % 2 == 1 && strlen(c[i].abstract) < 65 && c[i].n_syntaxes > 0);
		c[i].result = 0;
		snprintf(c[i].accepted, sizeof(c[i].accepted), "%s", c[i].syntaxes[0]);
		c[i].accepted_scu = c[i].role_scu;
		c[i].accepted_scp = c[i].role_scp;
	}
	return shim_assoc_acknowledge(a);
}

static void read_pdvs(shim_assoc *a, size_t piece)
{
	struct shim_pdv pdv;
	uint8_t *room = malloc(piece);

	FUZZ_EXPECT(room);
	while (shim_assoc_next(a, 0, &pdv) == 0) {
		uint32_t left = pdv.length;

		FUZZ_EXPECT(left <= options.max_pdu_receive);
		while (left > 0) {
			int64_t got = shim_assoc_read(a, room, piece);

			if (got < 0)
				break;
			FUZZ_EXPECT(got > 0 && got <= (int64_t)piece && got <= left);
			left -= (uint32_t)got;
		}
	}
	free(room);
}

static void read_messages(shim_assoc *a, size_t piece)
{
	struct dimse d = {.assoc = a, .message_ms = 2000};
	struct shim_command c;
	struct err e = {0};
	uint8_t context, *room = malloc(piece);
	int rc;

	FUZZ_EXPECT(room);
	while ((rc = dimse_receive(&d, 0, &c, &context, &e)) == 0) {
		int64_t got = 0;

		if (c.message_id % 2 == 0)
			while ((got = dimse_data(&d, room, piece, &e)) > 0)
				FUZZ_EXPECT(got <= (int64_t)piece);
		if (got < 0)
			break;
	}
	FUZZ_EXPECT(rc >= 0 || e.msg[0]);
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	shim_assoc *a = NULL;
	int fd, other, rc;

	FUZZ_EXPECT(shim_setup() == SHIM_OK); /* does something the first time only */
	if (size < 2 || size > INPUT_MOST)
		return 0;
	fd = peer_of(data + 2, size - 2, data[0] & 1, &other);
	if ((rc = shim_assoc_accept(fd, &options, &a)) == 0 && (rc = acknowledge(a)) == 0) {
		if (data[0] & 2)
			read_pdvs(a, data[1] + 1u);
		else
			read_messages(a, data[1] + 1u);
	}
	FUZZ_EXPECT(rc == 0 || shim_error()[0]);
	shim_assoc_abort(a);
	shim_assoc_free(a);
	close(other);
	return 0;
}
