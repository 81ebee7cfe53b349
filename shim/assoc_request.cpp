/* shim/assoc_request.cpp - the requestor's side of making an association. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dul.h"
#include "dcmtk/dcmnet/lst.h"

#include "shim/internal.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace shim
{

/* DCMTK keeps host and port in 64 bytes with a ':' between: names are resolved here, to IPv4. */
static int find_host(const char *host, uint16_t port, char *out, size_t room)
{
	struct addrinfo want = {}, *found = nullptr;
	char numeric[INET_ADDRSTRLEN] = "";

	want.ai_family = AF_INET;
	want.ai_socktype = SOCK_STREAM;
	if (int rc = getaddrinfo(host, nullptr, &want, &found); rc != 0 || !found)
		return fail(SHIM_EIO, "%s: %s", host, gai_strerror(rc));
	inet_ntop(AF_INET, &reinterpret_cast<struct sockaddr_in *>(found->ai_addr)->sin_addr, numeric, sizeof numeric);
	freeaddrinfo(found);
	std::snprintf(out, room, "%s:%u", numeric, port);
	return SHIM_OK;
}

static T_ASC_SC_ROLE proposed_role(const shim_context &c)
{
	if (c.role_scp)
		return c.role_scu ? ASC_SC_ROLE_SCUSCP : ASC_SC_ROLE_SCP;
	return ASC_SC_ROLE_DEFAULT;
}

static int check_contexts(const struct shim_context *c, unsigned n)
{
	std::bitset<256> seen;

	if (!c || n == 0 || n > 128)
		return fail(SHIM_EINVAL, "%u presentation contexts", n);
	for (unsigned i = 0; i < n; i++) {
		if (c[i].id % 2 == 0 || seen[c[i].id])
			return fail(SHIM_EINVAL, "presentation context id %u", c[i].id);
		if (!memchr(c[i].abstract, 0, sizeof c[i].abstract) || !c[i].abstract[0])
			return fail(SHIM_EINVAL, "presentation context %u has no abstract syntax", c[i].id);
		if (!c[i].syntaxes || c[i].n_syntaxes == 0 || c[i].n_syntaxes > 128)
			return fail(SHIM_EINVAL, "presentation context %u has %u transfer syntaxes", c[i].id,
				    c[i].n_syntaxes);
		for (unsigned k = 0; k < c[i].n_syntaxes; k++)
			if (!c[i].syntaxes[k] || !c[i].syntaxes[k][0] || std::strlen(c[i].syntaxes[k]) > 64)
				return fail(SHIM_EINVAL, "transfer syntax %u of context %u", k, c[i].id);
		seen.set(c[i].id);
	}
	return SHIM_OK;
}

static int propose(T_ASC_Parameters *params, const struct shim_context *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		std::vector<const char *> list(c[i].syntaxes, c[i].syntaxes + c[i].n_syntaxes);
		OFCondition cond = ASC_addPresentationContext(params, c[i].id, c[i].abstract, list.data(),
							      int(list.size()), proposed_role(c[i]));
		if (cond.bad())
			return fail(SHIM_EINVAL, "context %u: %s", c[i].id, cond.text());
	}
	return SHIM_OK;
}

static int make_params(const shim_assoc &a, const char *address, const struct shim_context *c, unsigned n,
		       T_ASC_Parameters **out)
{
	OFCondition cond = ASC_createAssociationParameters(out, long(a.options.max_pdu_receive));

	if (cond.bad())
		return fail(SHIM_ENOMEM, "%s", cond.text());
	if (a.options.implementation_uid)
		copy_trimmed((*out)->ourImplementationClassUID, a.options.implementation_uid);
	if (a.options.implementation_version)
		copy_trimmed((*out)->ourImplementationVersionName, a.options.implementation_version);
	ASC_setAPTitles(*out, a.peer.calling, a.peer.called, nullptr);
	ASC_setPresentationAddresses(*out, "localhost", address);
	int rc = propose(*out, c, n);
	if (rc < 0)
		ASC_destroyAssociationParameters(out);
	return rc;
}

static int read_one(shim_assoc &a, const DUL_PRESENTATIONCONTEXT &pc, struct shim_context &c)
{
	bool proposed = false;
	char uid[65];

	if (pc.result != 0) {
		c.result = pc.result <= 4 ? pc.result : 1;
		return SHIM_OK;
	}
	copy_trimmed(uid, pc.acceptedTransferSyntax);
	for (unsigned k = 0; k < c.n_syntaxes; k++)
		proposed = proposed || !std::strcmp(uid, c.syntaxes[k]);
	if (!proposed)
		return fail(SHIM_EPROTO, "context %u: the peer chose transfer syntax %s, not proposed", c.id, uid);
	c.result = 0;
	copy_trimmed(c.accepted, uid);
	const DUL_SC_ROLE r = pc.acceptedSCRole;
	c.accepted_scu = r == DUL_SC_ROLE_DEFAULT || r == DUL_SC_ROLE_SCU || r == DUL_SC_ROLE_SCUSCP;
	c.accepted_scp = r == DUL_SC_ROLE_SCP || r == DUL_SC_ROLE_SCUSCP;
	a.accepted.set(c.id);
	return SHIM_OK;
}

/* What the peer answered, in the caller's contexts. A context that was not answered counts as refused. */
static int read_answer(shim_assoc &a, T_ASC_Parameters *params, struct shim_context *c, unsigned n)
{
	LST_HEAD **list = &params->DULparams.acceptedPresentationContext;
	struct shim_context *by_id[256] = {};

	for (unsigned i = 0; i < n; i++) {
		by_id[c[i].id] = &c[i];
		c[i].result = 1;
		c[i].accepted[0] = '\0';
		c[i].accepted_scu = c[i].accepted_scp = 0;
	}
	void *p = *list ? LST_Head(list) : nullptr;
	if (p)
		LST_Position(list, p);
	for (; p; p = LST_Next(list)) {
		auto *pc = static_cast<DUL_PRESENTATIONCONTEXT *>(p);
		if (!by_id[pc->presentationContextID])
			return fail(SHIM_EPROTO, "the peer answered context %u, not proposed",
				    pc->presentationContextID);
		if (int rc = read_one(a, *pc, *by_id[pc->presentationContextID]); rc < 0)
			return rc;
	}
	return SHIM_OK;
}

/* The peer must be the one that is meant: by its certificate's fingerprint, or by a proof of the host's name. */
static int secure(shim_assoc &a, Wire &wire, const char *host)
{
	const char *pin = a.options.pin;

	if (int rc = wire.secure(*a.options.tls, false, host); rc < 0)
		return rc;
	wire.identity(*a.options.tls, a.peer);
	if (pin && *pin ? std::strcmp(pin, a.peer.certificate) == 0 : a.peer.proved)
		return SHIM_OK;
	return fail(SHIM_EREJECTED,
		    pin && *pin ? "TLS: %s has another certificate than the one it is known by"
				: "TLS: the certificate of %s cannot be proved",
		    host);
}

struct Secured {
	shim_assoc &a;
	const char *host;
};

static int request(shim_assoc &a, const char *host, const char *address, struct shim_context *c, unsigned n)
{
	T_ASC_Parameters *params = nullptr;
	Secured secured{a, host};

	if (int rc = make_params(a, address, c, n, &params); rc < 0)
		return rc;
	Toolkit toolkit(a.wire, a.options.artim_ms);
	if (a.options.tls) {
		toolkit.connected_arg = &secured;
		toolkit.connected = [](void *arg, Wire &wire) {
			auto *s = static_cast<Secured *>(arg);
			return secure(s->a, wire, s->host);
		};
	}
	a.wire.deadline_in(a.options.artim_ms);
	if (int rc = toolkit.request(params); rc < 0)
		return rc;
	const T_ASC_Parameters *p = toolkit.params();
	read_address(a.wire.fd(), a.peer.address, sizeof a.peer.address);
	copy_trimmed(a.peer.implementation, p->theirImplementationClassUID);
	copy_trimmed(a.peer.version, p->theirImplementationVersionName);
	a.peer.max_pdu = uint32_t(p->DULparams.peerMaxPDU);
	a.peer.max_invoked = toolkit.window.invoked;
	a.peer.max_performed = toolkit.window.performed;
	a.peer.has_window = toolkit.window.said;
	a.wire.no_deadline();
	int rc = read_answer(a, toolkit.params(), c, n);
	if (rc == SHIM_OK)
		rc = settle_size(a);
	if (rc == SHIM_OK)
		rc = a.wire.patience(a.options.io_ms);
	if (rc < 0)
		abort_now(a.wire, 2, 6);
	a.established = rc == SHIM_OK;
	return rc;
}

} // namespace shim

using namespace shim;

static int check_title(const char *title, const char *which)
{
	size_t n = title ? std::strlen(title) : 0;

	for (size_t i = 0; i < n; i++)
		if (title[i] < 0x20 || title[i] > 0x7e || title[i] == '\\')
			n = 0;
	return n < 1 || n > 16 ? fail(SHIM_EINVAL, "not an AE title (%s)", which) : int(SHIM_OK);
}

extern "C" int shim_assoc_request(const char *host, uint16_t port, const char *calling, const char *called,
				  const struct shim_assoc_options *o, struct shim_context *contexts, unsigned n,
				  shim_assoc **out)
{
	return guarded([&] {
		char address[64];
		int rc = check_options(o);
		if (rc == SHIM_OK)
			rc = check_title(calling, "calling");
		if (rc == SHIM_OK)
			rc = check_title(called, "called");
		if (rc == SHIM_OK)
			rc = check_contexts(contexts, n);
		if (rc == SHIM_OK && (!host || !*host || !out))
			rc = fail(SHIM_EINVAL, "no host");
		if (rc == SHIM_OK)
			rc = find_host(host, port, address, sizeof address);
		if (rc < 0)
			return rc;
		auto a = std::make_unique<shim_assoc>();
		a->options = *o;
		copy_trimmed(a->peer.calling, calling);
		copy_trimmed(a->peer.called, called);
		if ((rc = request(*a, host, address, contexts, n)) < 0)
			return rc;
		*out = a.release();
		return int(SHIM_OK);
	});
}
