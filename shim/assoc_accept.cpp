/* shim/assoc_accept.cpp - the acceptor's side of making an association. */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dul.h"
#include "dcmtk/dcmnet/lst.h"

#include "shim/internal.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace shim
{

static constexpr char APPLICATION[] = "1.2.840.10008.3.1.1.1"; /* the DICOM application context name */

/* Roles are proposed once for an abstract syntax; without a proposal the requestor is the SCU. */
static void read_role(shim_context &c, DUL_SC_ROLE role)
{
	c.role_scu = role == DUL_SC_ROLE_DEFAULT || role == DUL_SC_ROLE_SCU || role == DUL_SC_ROLE_SCUSCP;
	c.role_scp = role == DUL_SC_ROLE_SCP || role == DUL_SC_ROLE_SCUSCP;
}

static void read_syntaxes(shim_assoc &a, LST_HEAD **list, std::vector<const char *> &out)
{
	void *p = *list ? LST_Head(list) : nullptr;

	if (p)
		LST_Position(list, p);
	for (; p; p = LST_Next(list)) {
		char uid[65];
		copy_trimmed(uid, static_cast<DUL_TRANSFERSYNTAX *>(p)->transferSyntax);
		a.texts.emplace_back(uid);
		out.push_back(a.texts.back().c_str());
	}
}

static void read_contexts(shim_assoc &a, T_ASC_Parameters *params)
{
	LST_HEAD **list = &params->DULparams.requestedPresentationContext;
	void *p = *list ? LST_Head(list) : nullptr;

	if (p)
		LST_Position(list, p);
	for (; p; p = LST_Next(list)) {
		auto *pc = static_cast<DUL_PRESENTATIONCONTEXT *>(p);
		shim_context c = {};
		c.id = pc->presentationContextID;
		copy_trimmed(c.abstract, pc->abstractSyntax);
		read_role(c, pc->proposedSCRole);
		c.result = 3;
		c.accepted_scu = 1;
		a.contexts.push_back(c);
		a.lists.emplace_back();
		read_syntaxes(a, &pc->proposedTransferSyntax, a.lists.back());
	}
	for (size_t i = 0; i < a.contexts.size(); i++) {
		a.contexts[i].syntaxes = a.lists[i].data();
		a.contexts[i].n_syntaxes = unsigned(a.lists[i].size());
	}
}

/* One for each SOP class: of two the first counts. */
static void read_extended(shim_assoc &a, T_ASC_Parameters *params)
{
	SOPClassExtendedNegotiationSubItemList *list = nullptr;

	ASC_getRequestedExtNegList(params, &list);
	if (!list)
		return;
	for (const SOPClassExtendedNegotiationSubItem *item : *list) {
		shim_extended x = {};
		copy_trimmed(x.abstract, item->sopClassUID.c_str());
		x.n = uint8_t(std::min<size_t>(item->serviceClassAppInfoLength, sizeof x.proposed));
		if (x.n)
			std::memcpy(x.proposed, item->serviceClassAppInfo, x.n);
		if (std::none_of(a.extended.begin(), a.extended.end(),
				 [&](const shim_extended &o) { return std::strcmp(o.abstract, x.abstract) == 0; }))
			a.extended.push_back(x);
	}
}

static void read_peer(shim_assoc &a, const T_ASC_Parameters *params, const Window &window)
{
	const DUL_ASSOCIATESERVICEPARAMETERS &d = params->DULparams;

	copy_trimmed(a.peer.calling, d.callingAPTitle);
	copy_trimmed(a.peer.called, d.calledAPTitle);
	copy_trimmed(a.peer.implementation, params->theirImplementationClassUID);
	copy_trimmed(a.peer.version, params->theirImplementationVersionName);
	a.peer.max_pdu = uint32_t(d.peerMaxPDU);
	a.peer.max_invoked = window.invoked;
	a.peer.max_performed = window.performed;
	a.peer.has_window = window.said;
}

static int accept_request(shim_assoc &a)
{
	std::vector<uint8_t> pdu;
	Window window;

	int rc = read_associate_pdu(a.wire, pdu);
	if (rc == SHIM_OK && pdu[0] == PDU_ABORT)
		return fail(SHIM_EABORTED, "the peer aborted before an association was made");
	if (rc == SHIM_OK && pdu[0] != PDU_ASSOCIATE_RQ)
		rc = fail(SHIM_EPROTO, "PDU type 0x%02X where an association request is due", pdu[0]);
	if (rc == SHIM_OK)
		rc = check_associate(pdu, window);
	if (rc == SHIM_EPROTO)
		abort_now(a.wire, 2, pdu.empty() ? 1 : pdu[0] == PDU_ASSOCIATE_RQ ? 6 : 2);
	if (rc < 0)
		return rc;
	a.toolkit = std::make_unique<Toolkit>(a.wire, a.options.artim_ms);
	if ((rc = a.toolkit->accept(std::move(pdu))) < 0)
		return rc;
	char application[65];
	copy_trimmed(application, a.toolkit->params()->DULparams.applicationContextName);
	if (std::strcmp(application, APPLICATION) != 0) {
		rc = fail(SHIM_EPROTO, "application context %s is not DICOM's", application);
		reject_now(a.wire, 1, 1, 2);
		return rc;
	}
	read_peer(a, a.toolkit->params(), window);
	read_contexts(a, a.toolkit->params());
	read_extended(a, a.toolkit->params());
	if ((rc = settle_size(a)) < 0)
		abort_now(a.wire, 2, 6);
	return rc;
}

static T_ASC_SC_ROLE role_for(const shim_context &c, DUL_SC_ROLE proposed)
{
	if (proposed == DUL_SC_ROLE_DEFAULT)
		return ASC_SC_ROLE_DEFAULT; /* not proposed: nothing is answered */
	if (c.accepted_scu)
		return c.accepted_scp ? ASC_SC_ROLE_SCUSCP : ASC_SC_ROLE_SCU;
	return c.accepted_scp ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_NONE;
}

static int answer_contexts(shim_assoc &a, T_ASC_Parameters *params)
{
	LST_HEAD **list = &params->DULparams.requestedPresentationContext;

	for (const shim_context &c : a.contexts) {
		OFCondition cond;
		void *p = LST_Head(list);
		LST_Position(list, p);
		while (p && static_cast<DUL_PRESENTATIONCONTEXT *>(p)->presentationContextID != c.id)
			p = LST_Next(list);
		if (!p)
			return fail(SHIM_EINVAL, "context id %u was not proposed", c.id);
		if (c.result == 0 && c.accepted[0])
			cond = ASC_acceptPresentationContext(
			    params, c.id, c.accepted,
			    role_for(c, static_cast<DUL_PRESENTATIONCONTEXT *>(p)->proposedSCRole));
		else
			cond = ASC_refusePresentationContext(
			    params, c.id, static_cast<T_ASC_P_ResultReason>(c.result ? c.result : 1));
		if (cond.bad())
			return fail(SHIM_EINVAL, "context %u: %s", c.id, cond.text());
		a.accepted.set(c.id, c.result == 0 && c.accepted[0]);
	}
	return SHIM_OK;
}

/* DCMTK owns the list from here on, and frees it with the parameters. */
static void answer_extended(const shim_assoc &a, T_ASC_Parameters *params)
{
	auto list = std::make_unique<SOPClassExtendedNegotiationSubItemList>();

	for (const shim_extended &x : a.extended) {
		if (x.n_accepted == 0 || x.n_accepted > sizeof x.accepted)
			continue;
		auto item = std::make_unique<SOPClassExtendedNegotiationSubItem>();
		item->sopClassUID = x.abstract;
		item->sopClassUIDLength = static_cast<unsigned short>(item->sopClassUID.length());
		item->serviceClassAppInfo = new unsigned char[x.n_accepted];
		std::memcpy(item->serviceClassAppInfo, x.accepted, x.n_accepted);
		item->serviceClassAppInfoLength = x.n_accepted;
		item->itemLength = static_cast<unsigned short>(2 + item->sopClassUIDLength + x.n_accepted);
		list->push_back(item.get());
		(void)item.release();
	}
	if (!list->empty())
		ASC_setAcceptedExtNegList(params, list.release());
}

static void forget_request(shim_assoc &a)
{
	for (shim_context &c : a.contexts) {
		c.syntaxes = nullptr;
		c.n_syntaxes = 0;
	}
	a.lists.clear();
	a.texts.clear();
	a.extended.clear();
	a.toolkit.reset();
}

static int acknowledge(shim_assoc &a)
{
	T_ASC_Parameters *params = a.toolkit->params();

	if (int rc = answer_contexts(a, params); rc < 0)
		return rc;
	answer_extended(a, params);
	if (a.options.implementation_uid)
		copy_trimmed(params->ourImplementationClassUID, a.options.implementation_uid);
	if (a.options.implementation_version)
		copy_trimmed(params->ourImplementationVersionName, a.options.implementation_version);
	params->ourMaxPDUReceiveSize = long(a.options.max_pdu_receive);
	params->theirMaxPDUReceiveSize = ASC_MINIMUMPDUSIZE; /* only sizes a buffer of DCMTK's that stays unused */
	OFCondition cond = ASC_acknowledgeAssociation(a.toolkit->association());
	forget_request(a);
	if (cond.bad()) {
		a.ended = true;
		return fail(SHIM_ECLOSED, "A-ASSOCIATE-AC: %s", cond.text());
	}
	a.wire.no_deadline();
	a.established = true;
	return SHIM_OK;
}

} // namespace shim

using namespace shim;

extern "C" int shim_assoc_accept(int fd, const struct shim_assoc_options *o, shim_assoc **out)
{
	std::unique_ptr<Wire> unused;
	std::unique_ptr<shim_assoc> a;
	bool taken = false;

	int rc = guarded([&] {
		int bad = check_options(o);
		if (bad < 0)
			return bad;
		if (!out || fd < 0)
			return fail(SHIM_EINVAL, "shim_assoc_accept: fd %d", fd);
		a = std::make_unique<shim_assoc>();
		a->options = *o;
		a->acceptor = true;
		if (fd == 0) { /* DCMTK takes 0 for no socket */
			int other = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			if (other < 0)
				return fail(SHIM_EIO, "no file descriptor left");
			::close(fd);
			fd = other;
		}
		taken = true;
		if ((bad = a->wire.adopt(fd, o->io_ms)) < 0)
			return bad;
		a->wire.deadline_in(o->artim_ms);
		read_address(fd, a->peer.address, sizeof a->peer.address);
		if (o->tls) {
			if ((bad = a->wire.secure(*o->tls, true, nullptr)) < 0)
				return bad;
			a->wire.identity(*o->tls, a->peer);
		}
		return accept_request(*a);
	});
	if (!taken && fd >= 0)
		::close(fd);
	if (rc == SHIM_OK)
		*out = a.release();
	return rc;
}

extern "C" unsigned shim_assoc_contexts(shim_assoc *a, struct shim_context **contexts)
{
	if (contexts)
		*contexts = a ? a->contexts.data() : nullptr;
	return a ? unsigned(a->contexts.size()) : 0;
}

extern "C" unsigned shim_assoc_extended(shim_assoc *a, struct shim_extended **items)
{
	if (items)
		*items = a ? a->extended.data() : nullptr;
	return a ? unsigned(a->extended.size()) : 0;
}

static int answerable(shim_assoc *a)
{
	if (!a || !a->toolkit)
		return fail(SHIM_EINVAL, "no association request waits for an answer");
	return SHIM_OK;
}

extern "C" int shim_assoc_window(shim_assoc *a, uint16_t invoked, uint16_t performed)
{
	return guarded([&] {
		int rc = answerable(a);
		if (rc == SHIM_OK && a->peer.has_window)
			a->toolkit->grant = {invoked, performed, true};
		return rc;
	});
}

extern "C" int shim_assoc_acknowledge(shim_assoc *a)
{
	return guarded([&] {
		int rc = answerable(a);
		return rc < 0 ? rc : acknowledge(*a);
	});
}

extern "C" int shim_assoc_reject(shim_assoc *a, int result, int source, int reason)
{
	return guarded([&] {
		int rc = answerable(a);
		if (rc < 0)
			return rc;
		if (result < 1 || result > 2 || source < 1 || source > 3 || reason < 1 || reason > 10)
			return fail(SHIM_EINVAL, "no such rejection: %d, %d, %d", result, source, reason);
		reject_now(a->wire, result, source, reason);
		forget_request(*a);
		a->ended = true;
		return int(SHIM_OK);
	});
}
