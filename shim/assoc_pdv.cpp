/* shim/assoc_pdv.cpp - P-DATA-TF PDUs by hand, both ways (PS3.8 9.3.5, annex E): the hot path.
 *
 * Receiving: one system call brings the rest of a PDV straight into the caller's memory and the headers of the next PDU
 * into the read-ahead buffer. Sending: headers are laid beside the caller's bytes, many PDUs go out with one sendmsg.
 */
#include "shim/internal.hpp"

#include <algorithm>

namespace shim
{

static constexpr size_t HEADERS = 12; /* PDU header 6, PDV header 6 */

/* What the abort will say that follows. */
enum { UNRECOGNIZED_PDU = 1, UNEXPECTED_PDU = 2, INVALID_PARAMETER = 6 };
static int broke(shim_assoc &a, int reason, int rc)
{
	a.broken = reason;
	return rc;
}

/* A header that has begun: to stop in it is no silence between messages, and what came of it is gone. */
static int read_header(shim_assoc &a, uint8_t (&h)[6])
{
	int rc = a.wire.read_exact(h, sizeof h);

	return rc == SHIM_ETIMEOUT ? fail(SHIM_EPROTO, "the peer stopped inside a header") : rc;
}

static int take_pdv_header(shim_assoc &a, struct shim_pdv *out)
{
	uint8_t h[6];

	if (a.pdu_left < sizeof h)
		return broke(a, INVALID_PARAMETER,
			     fail(SHIM_EPROTO, "%u bytes of a P-DATA PDU where a PDV begins", a.pdu_left));
	if (int rc = read_header(a, h); rc < 0)
		return rc;
	const uint32_t n = be32(h);
	if (n < 2 || n > a.pdu_left - 4)
		return broke(a, INVALID_PARAMETER,
			     fail(SHIM_EPROTO, "PDV of %u bytes where %u are left in the PDU", n, a.pdu_left - 4));
	if (!a.accepted[h[4]])
		return broke(a, INVALID_PARAMETER,
			     fail(SHIM_EPROTO, "PDV in presentation context %u, which was not accepted", h[4]));
	a.pdu_left -= 4 + n;
	a.pdv_left = n - 2;
	a.pdv_last = h[5] & 2;
	out->context = h[4];
	out->command = h[5] & 1;
	out->last = a.pdv_last;
	out->length = a.pdv_left;
	return SHIM_OK;
}

/* A PDU that is not P-DATA while the association is established. */
static int other_pdu(shim_assoc &a, const uint8_t *h)
{
	uint8_t body[4];
	const uint32_t n = be32(h + 2);

	if (h[0] == PDU_RELEASE_RQ || h[0] == PDU_ABORT) {
		if (n != sizeof body)
			return broke(a, INVALID_PARAMETER, fail(SHIM_EPROTO, "PDU type 0x%02X of %u bytes", h[0], n));
		if (int rc = a.wire.read_exact(body, sizeof body); rc < 0)
			return rc;
		if (h[0] == PDU_RELEASE_RQ)
			return fail(SHIM_ERELEASE, "the peer asked for release");
		a.ended = true;
		return fail(SHIM_EABORTED, "the peer aborted the association (source %u, reason %u)", body[2], body[3]);
	}
	if (h[0] >= PDU_ASSOCIATE_RQ && h[0] <= PDU_ABORT)
		return broke(a, UNEXPECTED_PDU,
			     fail(SHIM_EPROTO, "PDU type 0x%02X on an established association", h[0]));
	return broke(a, UNRECOGNIZED_PDU, fail(SHIM_EPROTO, "unknown PDU type 0x%02X of %u bytes", h[0], n));
}

static int next_pdu(shim_assoc &a, uint32_t wait_ms)
{
	uint8_t h[6];

	if (!a.wire.buffered()) {
		int have = a.wire.look_ahead();
		if (have == 0)
			have = a.wire.wait(wait_ms);
		if (have < 0)
			return have;
	}
	if (int rc = read_header(a, h); rc < 0)
		return rc;
	if (h[0] != PDU_DATA)
		return other_pdu(a, h);
	a.pdu_left = be32(h + 2);
	if (a.pdu_left > a.options.max_pdu_receive || a.pdu_left < HEADERS - 6) {
		uint32_t n = a.pdu_left;
		a.pdu_left = 0;
		return broke(a, INVALID_PARAMETER,
			     fail(SHIM_EPROTO, "P-DATA PDU of %u bytes, %u were announced as the most", n,
				  a.options.max_pdu_receive));
	}
	return SHIM_OK;
}

static int64_t read_pdv(shim_assoc &a, void *buf, size_t n)
{
	n = std::min<size_t>(n, a.pdv_left);
	/* behind this PDV: the headers of the next, or, behind the last one, perhaps a whole message */
	size_t ahead = n < a.pdv_left ? 0 : a.pdu_left ? 6 : a.pdv_last ? Wire::AHEAD : HEADERS;
	int64_t got = a.wire.read_some(buf, n, ahead);
	if (got > 0)
		a.pdv_left -= uint32_t(got);
	return got;
}

static int next(shim_assoc &a, uint32_t wait_ms, struct shim_pdv *out)
{
	while (a.pdv_left > 0) {
		uint8_t waste[4096];
		if (int64_t got = read_pdv(a, waste, sizeof waste); got < 0)
			return int(got);
	}
	if (a.pdu_left == 0)
		if (int rc = next_pdu(a, wait_ms); rc < 0)
			return rc;
	return take_pdv_header(a, out);
}

/* Headers and pieces laid out for sendmsg, sent whenever the table is full. */
class Sender
{
      public:
	explicit Sender(shim_assoc &a) : a_(a)
	{
	}
	int add(uint8_t context, bool command, const void *data, size_t n, bool last)
	{
		const auto *p = static_cast<const uint8_t *>(data);
		do { /* an empty last piece still needs its PDV */
			const size_t part = std::min<size_t>(n, a_.send_size);
			if (count_ == MOST)
				if (int rc = flush(); rc < 0)
					return rc;
			uint8_t *h = headers_[count_];
			h[0] = PDU_DATA;
			h[1] = 0;
			put_be32(h + 2, uint32_t(part + 6));
			put_be32(h + 6, uint32_t(part + 2));
			h[10] = context;
			h[11] = uint8_t((command ? 1 : 0) | (last && part == n ? 2 : 0));
			v_[2 * count_] = {h, HEADERS};
			v_[2 * count_ + 1] = {const_cast<uint8_t *>(p), part};
			count_++;
			p += part;
			n -= part;
		} while (n > 0);
		return SHIM_OK;
	}
	int flush()
	{
		size_t n = 2 * count_;
		count_ = 0;
		return n ? a_.wire.write_all(v_, n) : int(SHIM_OK);
	}

      private:
	static constexpr size_t MOST = 64;
	shim_assoc &a_;
	size_t count_ = 0;
	uint8_t headers_[MOST][HEADERS];
	struct iovec v_[2 * MOST];
};

/* Has the peer gone while a long data set is on its way? Only looked at where a PDU begins. */
static int still_there(shim_assoc &a)
{
	if (a.pdu_left || a.pdv_left)
		return SHIM_OK;
	int have = a.wire.buffered() ? int(a.wire.buffered()) : a.wire.look_ahead();
	if (have < 0)
		return have;
	if (have > 0 && a.wire.peek()[0] == PDU_ABORT) {
		a.ended = true;
		return fail(SHIM_EABORTED, "the peer aborted while data was sent");
	}
	return SHIM_OK;
}

/* A send that failed because the peer aborted and left says so. */
static int sent(shim_assoc &a, int rc)
{
	if (rc == SHIM_ECLOSED && a.pdu_left == 0 && a.pdv_left == 0 && a.wire.look_ahead() > 0 &&
	    a.wire.peek()[0] == PDU_ABORT) {
		a.ended = true;
		return fail(SHIM_EABORTED, "the peer aborted while data was sent");
	}
	return rc;
}

} // namespace shim

using namespace shim;

static int usable(const shim_assoc *a)
{
	if (!a)
		return fail(SHIM_EINVAL, "no association");
	if (!a->established || a->ended)
		return fail(SHIM_EINVAL, "the association is not established");
	return SHIM_OK;
}

static int sendable(const shim_assoc *a, uint8_t context)
{
	int rc = usable(a);

	if (rc == SHIM_OK && !a->accepted[context])
		rc = fail(SHIM_EINVAL, "presentation context %u was not accepted", context);
	return rc;
}

extern "C" int shim_assoc_next(shim_assoc *a, uint32_t wait_ms, struct shim_pdv *out)
{
	return guarded([&] {
		int rc = usable(a);
		if (rc == SHIM_OK && !out)
			rc = fail(SHIM_EINVAL, "nowhere to write to");
		return rc < 0 ? rc : next(*a, wait_ms, out);
	});
}

extern "C" int64_t shim_assoc_read(shim_assoc *a, void *buf, size_t n)
{
	return guarded([&]() -> int64_t {
		int rc = usable(a);
		if (rc == SHIM_OK && (!buf || n == 0 || a->pdv_left == 0))
			rc = fail(SHIM_EINVAL, "nothing to read, or nowhere to");
		return rc < 0 ? rc : read_pdv(*a, buf, n);
	});
}

extern "C" int shim_assoc_send(shim_assoc *a, uint8_t context, const void *command, size_t command_n, const void *data,
			       size_t data_n)
{
	return guarded([&] {
		int rc = sendable(a, context);
		if (rc == SHIM_OK && (!command || command_n == 0 || (!data && data_n)))
			rc = fail(SHIM_EINVAL, "no command to send");
		if (rc < 0)
			return rc;
		Sender s(*a);
		rc = s.add(context, true, command, command_n, true);
		if (rc == SHIM_OK && data_n)
			rc = s.add(context, false, data, data_n, true);
		return sent(*a, rc == SHIM_OK ? s.flush() : rc);
	});
}

extern "C" int shim_assoc_send_data(shim_assoc *a, uint8_t context, const void *data, size_t n, int last)
{
	return guarded([&] {
		int rc = sendable(a, context);
		if (rc == SHIM_OK && !data && n)
			rc = fail(SHIM_EINVAL, "no data to send");
		if (rc < 0 || (n == 0 && !last))
			return rc;
		if ((rc = still_there(*a)) < 0)
			return rc;
		Sender s(*a);
		rc = s.add(context, false, data, n, last != 0);
		return sent(*a, rc == SHIM_OK ? s.flush() : rc);
	});
}
