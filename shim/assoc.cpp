/* shim/assoc.cpp - what both ends of an association share: options, the peer, release, abort, the end. */
#include "shim/internal.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace shim
{

static constexpr uint32_t PDU_LEAST = 14, PDU_SENT_MOST = 1u << 20, CLOSE_MS = 500;

int check_options(const struct shim_assoc_options *o)
{
	if (!o)
		return fail(SHIM_EINVAL, "no options");
	if (o->max_pdu_receive < 4096 || o->max_pdu_receive > 131072)
		return fail(SHIM_EINVAL, "max_pdu_receive is %u, not 4096..131072", o->max_pdu_receive);
	if (o->max_pdu_send < PDU_LEAST)
		return fail(SHIM_EINVAL, "max_pdu_send is %u", o->max_pdu_send);
	if (o->artim_ms == 0 || o->io_ms == 0)
		return fail(SHIM_EINVAL, "a time limit of 0 ms");
	return SHIM_OK;
}

void read_address(int fd, char *out, size_t room)
{
	struct sockaddr_storage ss = {};
	socklen_t n = sizeof ss;

	out[0] = '\0';
	if (getpeername(fd, reinterpret_cast<struct sockaddr *>(&ss), &n) < 0)
		return;
	if (ss.ss_family == AF_INET)
		inet_ntop(AF_INET, &reinterpret_cast<struct sockaddr_in *>(&ss)->sin_addr, out, socklen_t(room));
	else if (ss.ss_family == AF_INET6) {
		const struct in6_addr &a6 = reinterpret_cast<struct sockaddr_in6 *>(&ss)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&a6)) /* a peer is known by its IPv4 address */
			inet_ntop(AF_INET, a6.s6_addr + 12, out, socklen_t(room));
		else
			inet_ntop(AF_INET6, &a6, out, socklen_t(room));
	} else {
		std::strncpy(out, "local", room - 1);
	}
}

int settle_size(shim_assoc &a)
{
	uint32_t pdu = std::min(a.options.max_pdu_send, PDU_SENT_MOST);

	if (a.peer.max_pdu)
		pdu = std::min(pdu, a.peer.max_pdu);
	if (pdu < PDU_LEAST)
		return fail(SHIM_EPROTO, "the peer takes PDUs of %u bytes at most: no room for data", a.peer.max_pdu);
	a.send_size = (pdu - 6) & ~1u; /* fragments are of even length, PS3.8 annex E */
	return SHIM_OK;
}

static int send_small(Wire &wire, uint8_t type, int b7, int b8, int b9)
{
	const uint8_t pdu[10] = {type, 0, 0, 0, 0, 4, 0, uint8_t(b7), uint8_t(b8), uint8_t(b9)};

	return wire.write_all(pdu, sizeof pdu);
}

void reject_now(Wire &wire, int result, int source, int reason)
{
	char why[400];

	std::strcpy(why, shim_error()); /* the sentence is about what came, not about this send */
	(void)send_small(wire, PDU_ASSOCIATE_RJ, result, source, reason);
	wire.half_close();
	wire.drain(CLOSE_MS);
	note("%s", why);
}

void abort_now(Wire &wire, int source, int reason)
{
	char why[400];

	std::strcpy(why, shim_error());
	(void)send_small(wire, PDU_ABORT, 0, source, reason);
	wire.half_close();
	wire.drain(CLOSE_MS / 5);
	note("%s", why);
}

/* Passes over the body of a PDU. */
static int pass_over(Wire &wire, size_t n)
{
	uint8_t waste[4096];

	while (n > 0) {
		int64_t got = wire.read_some(waste, std::min(n, sizeof waste), 0);
		if (got < 0)
			return int(got);
		n -= size_t(got);
	}
	return SHIM_OK;
}

/* Waits for A-RELEASE-RP. Data that was under way is passed over; both sides may have asked (PS3.8 9.2.3, AR-8..10). */
static int await_release(shim_assoc &a)
{
	if (int rc = pass_over(a.wire, size_t(a.pdu_left) + a.pdv_left); rc < 0)
		return rc;
	for (;;) {
		uint8_t h[6];
		if (int rc = a.wire.read_exact(h, sizeof h); rc < 0)
			return rc;
		const uint32_t n = be32(h + 2);
		if (h[0] == PDU_DATA ? n > a.options.max_pdu_receive : n != 4)
			return fail(SHIM_EPROTO, "PDU type 0x%02X of %u bytes", h[0], n);
		if (int rc = pass_over(a.wire, n); rc < 0)
			return rc;
		if (h[0] == PDU_RELEASE_RP)
			return SHIM_OK;
		if (h[0] == PDU_ABORT)
			return fail(SHIM_EABORTED, "the peer aborted the association");
		if (h[0] == PDU_RELEASE_RQ) {
			const uint8_t rp[10] = {PDU_RELEASE_RP, 0, 0, 0, 0, 4, 0, 0, 0, 0};
			if (int rc = a.wire.write_all(rp, sizeof rp); rc < 0)
				return rc;
		} else if (h[0] != PDU_DATA) {
			return fail(SHIM_EPROTO, "PDU type 0x%02X where a release was to be answered", h[0]);
		}
	}
}

static int release(shim_assoc &a)
{
	a.wire.deadline_in(a.options.io_ms); /* a peer that keeps sending does not keep us */
	int rc = send_small(a.wire, PDU_RELEASE_RQ, 0, 0, 0);
	if (rc == SHIM_OK)
		rc = await_release(a);
	a.ended = true;
	a.wire.half_close();
	return rc;
}

} // namespace shim

using namespace shim;

static int live(const shim_assoc *a)
{
	if (!a)
		return fail(SHIM_EINVAL, "no association");
	if (!a->established || a->ended)
		return fail(SHIM_EINVAL, "the association is not established");
	return SHIM_OK;
}

extern "C" int shim_assoc_release(shim_assoc *a)
{
	return guarded([&] {
		int rc = live(a);
		return rc < 0 ? rc : release(*a);
	});
}

extern "C" int shim_assoc_release_ack(shim_assoc *a)
{
	return guarded([&] {
		int rc = live(a);
		if (rc < 0)
			return rc;
		rc = send_small(a->wire, PDU_RELEASE_RP, 0, 0, 0);
		a->ended = true;
		if (rc == SHIM_OK)
			a->wire.drain(CLOSE_MS);
		return rc;
	});
}

extern "C" int shim_assoc_abort(shim_assoc *a)
{
	if (!a)
		return fail(SHIM_EINVAL, "no association");
	quietly([&] {
		if (!a->ended && a->wire.open())
			abort_now(a->wire, a->broken ? 2 : 0, a->broken);
		a->ended = true;
	});
	return SHIM_OK;
}

extern "C" void shim_assoc_shutdown(shim_assoc *a)
{
	quietly([&] {
		if (a)
			a->wire.shut();
	});
}

extern "C" void shim_assoc_free(shim_assoc *a)
{
	quietly([&] { delete a; });
}

extern "C" void shim_assoc_peer(const shim_assoc *a, struct shim_peer *out)
{
	if (!out)
		return;
	if (a)
		*out = a->peer;
	else
		std::memset(out, 0, sizeof *out);
}

extern "C" uint32_t shim_assoc_send_size(const shim_assoc *a)
{
	return a ? a->send_size : 0;
}
