/* shim/negotiate.cpp - reads and checks A-ASSOCIATE PDUs before DCMTK sees them (PS3.8 9.3.2, 9.3.3, PS3.7 D.3).
 *
 * DCMTK reads the items once more; checked before, nothing hostile reaches it, and what it passes over (the window of
 * asynchronous operations) is known, and put into our answer.
 */
#include "shim/internal.hpp"

#include <algorithm>

namespace shim
{

static constexpr size_t PDU_MOST = 1u << 20, SYNTAXES_MOST = 128, FIXED = 74;
static constexpr unsigned IDENTITY_PASSCODE = 2; /* the one type whose second field is not empty */
static constexpr unsigned IDENTITY_LAST = 5;     /* types of user identity: 1..5, PS3.7 D.3.3.7 */

static int odd_header(const uint8_t *h)
{
	if (h[0] == 0x16 && h[1] == 0x03)
		return fail(SHIM_EPROTO, "a TLS handshake on the port without TLS");
	if (h[0] >= 'A' && h[0] <= 'Z' && h[1] >= 'A' && h[1] <= 'Z')
		return fail(SHIM_EPROTO, "PDU type 0x%02X: an HTTP client on a DICOM port?", h[0]);
	return fail(SHIM_EPROTO, "PDU type 0x%02X where an association is made", h[0]);
}

int read_associate_pdu(Wire &wire, std::vector<uint8_t> &pdu)
{
	uint8_t h[6];

	if (int rc = wire.read_exact(h, sizeof h); rc < 0)
		return rc;
	if (h[0] != PDU_ASSOCIATE_RQ && h[0] != PDU_ASSOCIATE_AC && h[0] != PDU_ASSOCIATE_RJ && h[0] != PDU_ABORT)
		return odd_header(h);
	const size_t n = be32(h + 2);
	const bool small = h[0] == PDU_ASSOCIATE_RJ || h[0] == PDU_ABORT;
	if (small ? n != 4 : n > PDU_MOST || n + 6 < FIXED)
		return fail(SHIM_EPROTO, "PDU type 0x%02X of %zu bytes", h[0], n);
	pdu.assign(h, h + 6);
	while (pdu.size() < n + 6) { /* grows with what comes, not with what was announced */
		size_t have = pdu.size(), part = std::min<size_t>(n + 6 - have, 16384);
		pdu.resize(have + part);
		if (int rc = wire.read_exact(pdu.data() + have, part); rc < 0)
			return rc;
	}
	return SHIM_OK;
}

struct Span {
	const uint8_t *p = nullptr;
	size_t n = 0;
};

/* Takes the next item (type, reserved, 16-bit length, value) off s. */
static int next_item(Span &s, uint8_t *type, Span *value)
{
	if (s.n < 4)
		return fail(SHIM_EPROTO, "A-ASSOCIATE: %zu bytes where an item begins", s.n);
	size_t n = be16(s.p + 2);
	if (n > s.n - 4)
		return fail(SHIM_EPROTO, "A-ASSOCIATE: item 0x%02X of %zu bytes in %zu", s.p[0], n, s.n - 4);
	*type = s.p[0];
	*value = {s.p + 4, n};
	s.p += 4 + n;
	s.n -= 4 + n;
	return SHIM_OK;
}

static bool printable(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0) /* padding that some peers send */
		n--;
	return std::all_of(p, p + n, [](uint8_t c) { return c >= 0x20 && c < 0x7f; });
}

static int check_uid(const Span &v, const char *what, size_t least)
{
	if (v.n < least || v.n > 64)
		return fail(SHIM_EPROTO, "A-ASSOCIATE: %s of %zu bytes", what, v.n);
	if (!printable(v.p, v.n))
		return fail(SHIM_EPROTO, "A-ASSOCIATE: %s with control characters", what);
	return SHIM_OK;
}

static int check_context(Span v, bool request, std::bitset<256> &seen)
{
	size_t abstract = 0, transfer = 0;
	int rc = SHIM_OK;

	if (v.n < 4)
		return fail(SHIM_EPROTO, "A-ASSOCIATE: presentation context of %zu bytes", v.n);
	const unsigned id = v.p[0];
	const bool refused = !request && v.p[2] != 0; /* its transfer syntax means nothing */
	if (id % 2 == 0 || seen[id])
		return fail(SHIM_EPROTO, "A-ASSOCIATE: presentation context id %u is %s", id,
			    id % 2 ? "there twice" : "even");
	seen.set(id);
	v.p += 4;
	v.n -= 4;
	while (v.n > 0 && rc == SHIM_OK) {
		uint8_t type = 0;
		Span value;
		if ((rc = next_item(v, &type, &value)) < 0)
			return rc;
		if (type == 0x30 && ++abstract)
			rc = check_uid(value, "abstract syntax", 1);
		else if (type == 0x40 && ++transfer && !refused)
			rc = check_uid(value, "transfer syntax", 1);
	}
	if (rc < 0)
		return rc;
	if (request ? abstract != 1 || transfer < 1 || transfer > SYNTAXES_MOST : !refused && transfer != 1)
		return fail(SHIM_EPROTO,
			    "A-ASSOCIATE: presentation context %u has %zu abstract and %zu transfer syntaxes", id,
			    abstract, transfer);
	return SHIM_OK;
}

/* User identity: request type, response flag, two fields with 16-bit lengths; acceptance one field. */
static int check_identity(Span v, bool request)
{
	const unsigned type = request && v.n > 0 ? v.p[0] : 0;

	if (request && v.n > 0 && (type < 1 || type > IDENTITY_LAST))
		return fail(SHIM_EPROTO, "A-ASSOCIATE: user identity of type %u", type);
	if (request && v.n >= 2) {
		v.p += 2;
		v.n -= 2;
	} else if (request) {
		return fail(SHIM_EPROTO, "A-ASSOCIATE: user identity of %zu bytes", v.n);
	}
	for (int fields = request ? 2 : 1; fields > 0; fields--) {
		if (v.n < 2 || be16(v.p) > v.n - 2)
			return fail(SHIM_EPROTO, "A-ASSOCIATE: user identity is longer than its item");
		if (request && fields == 1 && type != IDENTITY_PASSCODE && be16(v.p))
			return fail(SHIM_EPROTO, "A-ASSOCIATE: user identity of type %u with a passcode", type);
		v.n -= 2u + be16(v.p);
		v.p += 2u + be16(v.p);
	}
	return v.n ? fail(SHIM_EPROTO, "A-ASSOCIATE: %zu bytes behind the user identity", v.n) : int(SHIM_OK);
}

static int check_user_item(uint8_t type, const Span &v, bool request, Window &window, std::bitset<256> &seen)
{
	const bool many = type == 0x54 || type == 0x56 || type == 0x57;

	if (type >= 0x51 && type <= 0x59 && !many && seen[type])
		return fail(SHIM_EPROTO, "A-ASSOCIATE: user item 0x%02X is there twice", type);
	seen.set(type);
	switch (type) {
	case 0x51:
	case 0x53:
		if (v.n != 4)
			return fail(SHIM_EPROTO, "A-ASSOCIATE: user item 0x%02X of %zu bytes", type, v.n);
		if (type == 0x53)
			window = {be16(v.p), be16(v.p + 2), true};
		return SHIM_OK;
	case 0x52:
		return check_uid(v, "implementation class UID", 0);
	case 0x55:
		return v.n <= 64 && printable(v.p, v.n)
			   ? int(SHIM_OK)
			   : fail(SHIM_EPROTO, "A-ASSOCIATE: implementation version name of %zu bytes", v.n);
	case 0x54:
		if (v.n < 4 || be16(v.p) != v.n - 4)
			return fail(SHIM_EPROTO, "A-ASSOCIATE: role selection of %zu bytes", v.n);
		return check_uid({v.p + 2, v.n - 4}, "SOP class of a role selection", 1);
	case 0x56:
		if (v.n < 2 || be16(v.p) > v.n - 2)
			return fail(SHIM_EPROTO, "A-ASSOCIATE: extended negotiation of %zu bytes", v.n);
		return check_uid({v.p + 2, be16(v.p)}, "SOP class of an extended negotiation", 1);
	case 0x58:
	case 0x59:
		return check_identity(v, request);
	default:
		return SHIM_OK;
	}
}

static int check_user(Span v, bool request, Window &window)
{
	std::bitset<256> seen;

	while (v.n > 0) {
		uint8_t type = 0;
		Span value;
		if (int rc = next_item(v, &type, &value); rc < 0)
			return rc;
		if (int rc = check_user_item(type, value, request, window, seen); rc < 0)
			return rc;
	}
	return SHIM_OK;
}

static int check_title(const uint8_t *p, const char *which)
{
	if (!printable(p, 16))
		return fail(SHIM_EPROTO, "A-ASSOCIATE: the %s AE title has control characters", which);
	if (std::all_of(p, p + 16, [](uint8_t c) { return c == ' ' || c == 0; }))
		return fail(SHIM_EPROTO, "A-ASSOCIATE: the %s AE title is empty", which);
	return SHIM_OK;
}

int check_associate(const std::vector<uint8_t> &pdu, Window &window)
{
	const bool request = pdu[0] == PDU_ASSOCIATE_RQ;
	std::bitset<256> ids;
	unsigned user = 0, application = 0;
	Span s = {pdu.data() + FIXED, pdu.size() - FIXED};
	int rc = SHIM_OK;

	if (request)
		rc = check_title(pdu.data() + 10, "called");
	if (request && rc == SHIM_OK)
		rc = check_title(pdu.data() + 26, "calling");
	while (s.n > 0 && rc == SHIM_OK) {
		uint8_t type = 0;
		Span value;
		if ((rc = next_item(s, &type, &value)) < 0)
			return rc;
		if (type == 0x10 && ++application)
			rc = check_uid(value, "application context", 1);
		else if (type == (request ? 0x20 : 0x21))
			rc = check_context(value, request, ids);
		else if (type == (request ? 0x21 : 0x20))
			rc = fail(SHIM_EPROTO, "A-ASSOCIATE: item 0x%02X in the wrong PDU", type);
		else if (type == 0x50 && ++user)
			rc = check_user(value, request, window);
	}
	if (rc < 0)
		return rc;
	if (user > 1 || application != 1 || ids.none())
		return fail(SHIM_EPROTO,
			    "A-ASSOCIATE: %u application contexts, %zu presentation contexts, %u user items",
			    application, ids.count(), user);
	return SHIM_OK;
}

/* Where in an item's value the first sub-item of a greater type begins, or its end. */
static size_t place_for(Span v, uint8_t type)
{
	const uint8_t *start = v.p;
	uint8_t found = 0;
	Span value;

	for (Span rest = v; rest.n > 0 && next_item(rest, &found, &value) == SHIM_OK && found <= type; v = rest)
		;
	return size_t(v.p - start);
}

int add_window(std::vector<uint8_t> &pdu, const Window &window)
{
	const uint8_t item[8] = {0x53,
				 0,
				 0,
				 4,
				 uint8_t(window.invoked >> 8),
				 uint8_t(window.invoked),
				 uint8_t(window.performed >> 8),
				 uint8_t(window.performed)};
	uint8_t type = 0;
	Span value, s;

	if (pdu.size() > FIXED)
		s = {pdu.data() + FIXED, pdu.size() - FIXED};
	while (s.n > 0 && type != 0x50)
		if (int rc = next_item(s, &type, &value); rc < 0)
			return rc;
	if (type != 0x50 || value.n > 0xffff - sizeof item)
		return fail(SHIM_EBUG, "A-ASSOCIATE-AC without room for an operations window");
	const size_t at = size_t(value.p - pdu.data()), n = value.n + sizeof item;
	pdu[at - 2] = uint8_t(n >> 8);
	pdu[at - 1] = uint8_t(n);
	pdu.insert(pdu.begin() + ptrdiff_t(at + place_for(value, item[0])), item, item + sizeof item);
	put_be32(pdu.data() + 2, uint32_t(pdu.size() - 6));
	return SHIM_OK;
}

} // namespace shim
