/* shim/toolkit.cpp - DCMTK's upper layer, led to our Wire, for as long as an association is being made.
 *
 * DUL takes an accepted socket from a global variable. All bytes of the request are in memory by then, so DUL never
 * waits and the lock around that variable is held for microseconds. The connection object DUL closes and deletes is a
 * go-between: the socket stays with the Wire.
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/cond.h"
#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dul.h"

#include "shim/internal.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace shim
{

static std::mutex external_socket; /* guards dcmExternalSocketHandle */

/* The base class is told of no socket: it would set its own time limits on it. */
class Toolkit::Connection final : public DcmTransportConnection
{
      public:
	explicit Connection(Toolkit &owner) : DcmTransportConnection(DCMNET_INVALID_SOCKET), owner_(owner)
	{
	}
	OFCondition serverSideHandshake() override
	{
		return EC_Normal;
	}
	OFCondition clientSideHandshake() override
	{
		return EC_Normal;
	}
	OFCondition renegotiate(const char *) override
	{
		return EC_Normal;
	}
	ssize_t read(void *buf, size_t n) override;
	ssize_t write(void *buf, size_t n) override;
	void close() override
	{
	}
	void closeTransportConnection() override
	{
	}
	unsigned long getPeerCertificateLength() override
	{
		return 0;
	}
	unsigned long getPeerCertificate(void *, unsigned long) override
	{
		return 0;
	}
	OFBool networkDataAvailable(int) override
	{
		return OFTrue; /* read() keeps the time limit, to the millisecond */
	}
	OFBool isTransparentConnection() override
	{
		return OFFalse; /* nobody may poll the socket beside the buffer */
	}
	OFString &dumpConnectionParameters(OFString &text) override
	{
		text = "transparent TCP/IP";
		return text;
	}

      private:
	Toolkit &owner_;
};

class Toolkit::Layer final : public DcmTransportLayer
{
      public:
	explicit Layer(Toolkit &owner) : owner_(owner)
	{
	}
	DcmTransportConnection *createConnection(DcmNativeSocketType fd, OFBool) override
	{
		if (owner_.request_)
			owner_.take(fd); /* on failure the first write fails */
		return new Connection(owner_);
	}

      private:
	Toolkit &owner_;
};

void Toolkit::take(int fd)
{
	if (wire_.adopt(fd, artim_ms_) < 0 || !connected)
		return;
	trouble_ = connected(connected_arg, wire_);
	if (trouble_ < 0) {
		std::snprintf(trouble_text_, sizeof trouble_text_, "%s", shim_error());
		wire_.close();
	}
}

/* A requestor's DUL reads the answer: it comes whole and checked, or not at all. */
ssize_t Toolkit::Connection::read(void *buf, size_t n)
{
	Toolkit &o = owner_;

	if (o.pdu_.empty() && !o.trouble_) {
		o.trouble_ = read_associate_pdu(o.wire_, o.pdu_);
		if (o.trouble_ == SHIM_OK && o.pdu_[0] == PDU_ASSOCIATE_AC)
			o.trouble_ = check_associate(o.pdu_, o.window);
		if (o.trouble_ < 0)
			std::snprintf(o.trouble_text_, sizeof o.trouble_text_, "%s", shim_error());
	}
	size_t part = o.trouble_ < 0 ? 0 : std::min(n, o.pdu_.size() - o.taken_);
	if (part)
		std::memcpy(buf, o.pdu_.data() + o.taken_, part);
	o.taken_ += part;
	return ssize_t(part);
}

/* DCMTK writes a PDU with one call; of a window of asynchronous operations it knows nothing. */
ssize_t Toolkit::Connection::write(void *buf, size_t n)
{
	const auto *p = static_cast<const uint8_t *>(buf);

	errno = EIO;
	if (!owner_.grant.said || n < 6 || p[0] != PDU_ASSOCIATE_AC)
		return owner_.wire_.write_all(buf, n) < 0 ? -1 : ssize_t(n);
	std::vector<uint8_t> pdu(p, p + n);
	if (add_window(pdu, owner_.grant) < 0)
		return -1;
	return owner_.wire_.write_all(pdu.data(), pdu.size()) < 0 ? -1 : ssize_t(n);
}

Toolkit::Toolkit(Wire &wire, uint32_t artim_ms) : wire_(wire), artim_ms_(artim_ms)
{
	trouble_text_[0] = '\0';
}

Toolkit::~Toolkit()
{
	if (asc_)
		ASC_destroyAssociation(&asc_);
	if (net_)
		ASC_dropNetwork(&net_);
}

T_ASC_Parameters *Toolkit::params()
{
	return asc_->params;
}

static int seconds(uint32_t ms)
{
	return int((uint64_t(ms) + 999) / 1000);
}

int Toolkit::accept(std::vector<uint8_t> &&pdu)
{
	struct Lend { /* DCMTK's global names our socket for as long as this lives */
		explicit Lend(int fd) : hold(external_socket)
		{
			dcmExternalSocketHandle.set(fd);
		}
		~Lend()
		{
			dcmExternalSocketHandle.set(DCMNET_INVALID_SOCKET);
		}
		std::lock_guard<std::mutex> hold;
	} lend(wire_.fd());

	pdu_ = std::move(pdu);
	OFCondition cond = ASC_initializeNetwork(NET_ACCEPTOR, 0, seconds(artim_ms_), &net_);
	if (cond.bad())
		return fail(SHIM_ENOMEM, "%s", cond.text());
	cond = ASC_setTransportLayer(net_, new Layer(*this), 1);
	if (cond.good())
		cond =
		    ASC_receiveAssociation(net_, &asc_, ASC_MINIMUMPDUSIZE, nullptr, nullptr, OFFalse, DUL_NOBLOCK, 1);
	if (cond.bad())
		return fail(SHIM_EPROTO, "A-ASSOCIATE-RQ: %s", cond.text());
	return SHIM_OK;
}

int Toolkit::request(T_ASC_Parameters *params)
{
	request_ = true;
	dcmConnectionTimeout.set(seconds(artim_ms_)); /* one for the process: whoever asked last */
	OFCondition cond = ASC_initializeNetwork(NET_REQUESTOR, 0, seconds(artim_ms_), &net_);
	if (cond.good())
		cond = ASC_setTransportLayer(net_, new Layer(*this), 1);
	if (cond.bad()) {
		ASC_destroyAssociationParameters(&params);
		return fail(SHIM_ENOMEM, "%s", cond.text());
	}
	cond = ASC_requestAssociation(net_, params, &asc_, nullptr, nullptr, DUL_NOBLOCK, seconds(artim_ms_));
	if (cond.good())
		return SHIM_OK;
	if (cond == DUL_ASSOCIATIONREJECTED) {
		const DUL_ASSOCIATESERVICEPARAMETERS &d = asc_->params->DULparams;
		return fail(SHIM_EREJECTED, "association rejected: result %u, source %u, reason %u", d.result,
			    d.resultSource, d.diagnostic);
	}
	if (trouble_ < 0)
		return fail(trouble_, "%s", trouble_text_);
	if (!pdu_.empty() && pdu_[0] == PDU_ABORT)
		return fail(SHIM_EABORTED, "the peer aborted while the association was made");
	if (!wire_.open())
		return fail(SHIM_ECLOSED, "%s", cond.text());
	return fail(SHIM_EPROTO, "A-ASSOCIATE: %s", cond.text());
}

int network_setup()
{
	T_ASC_Network *net = nullptr;

	dcmDisableGethostbyaddr.set(OFTrue);
	dcmConnectionTimeout.set(30);
	/* the first network fills DCMTK's state machine, not under a lock */
	OFCondition cond = ASC_initializeNetwork(NET_REQUESTOR, 0, 30, &net);
	if (cond.bad())
		return fail(SHIM_EBUG, "%s", cond.text());
	ASC_dropNetwork(&net);
	return SHIM_OK;
}

} // namespace shim
