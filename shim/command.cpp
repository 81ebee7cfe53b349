/* shim/command.cpp - command sets (PS3.7 annex E, 6.3.1): implicit VR little endian, a fixed flat list, done by hand.
 *
 * One table says where each element lies in struct shim_command; encoding walks it in tag order, decoding looks tags
 * up. Nothing is allocated, every length is checked against what is there.
 */
#include "shim/internal.hpp"

#include <cstddef>

namespace shim
{

enum Kind : uint8_t { US, UI, AE, LO, AT };

struct Element {
	uint16_t element;
	Kind kind;
	uint16_t at, room;
	bool (*present)(const shim_command &c); /* is it written? */
};

static bool always(const shim_command &)
{
	return true;
}
static bool response(const shim_command &c)
{
	return c.field & 0x8000;
}
static bool cancel(const shim_command &c)
{
	return c.field == SHIM_C_CANCEL_RQ;
}
static bool is(const shim_command &c, unsigned request)
{
	return (c.field & 0x7fffu) == request;
}
static bool prioritized(const shim_command &c)
{
	return c.field == SHIM_C_STORE_RQ || c.field == SHIM_C_FIND_RQ || c.field == SHIM_C_GET_RQ ||
	       c.field == SHIM_C_MOVE_RQ;
}
/* Remaining sub-operations belong into pending and cancelled answers only (PS3.7 9.1.3.1.6, PS3.4 C.4.2.1.6). */
static bool unfinished(const shim_command &c)
{
	return c.has_counts && ((c.status & 0xff00) == 0xff00 || c.status == 0xfe00);
}

#define WHERE(member) offsetof(struct shim_command, member), sizeof(shim_command::member)
#define WHEN(condition) [](const shim_command &c) -> bool { return condition; }
static constexpr uint16_t DATA_SET_TYPE = 0x0800, NO_DATA = 0x0101, SOME_DATA = 0x0001;
static const Element elements[] = {
    {0x0002, UI, WHERE(affected_class), WHEN(c.affected_class[0])},
    {0x0003, UI, WHERE(requested_class), WHEN(c.requested_class[0])},
    {0x0100, US, WHERE(field), always},
    {0x0110, US, WHERE(message_id), WHEN(!response(c) && !cancel(c))},
    {0x0120, US, WHERE(responded_id), WHEN(response(c) || cancel(c))},
    {0x0600, AE, WHERE(move_destination), WHEN(c.move_destination[0])},
    {0x0700, US, WHERE(priority), prioritized},
    {DATA_SET_TYPE, US, 0, 0, always},
    {0x0900, US, WHERE(status), WHEN(c.has_status)},
    {0x0901, AT, WHERE(offending), WHEN(c.offending[0])},
    {0x0902, LO, WHERE(error_comment), WHEN(c.error_comment[0])},
    {0x1000, UI, WHERE(affected_instance), WHEN(c.affected_instance[0])},
    {0x1001, UI, WHERE(requested_instance), WHEN(c.requested_instance[0])},
    {0x1002, US, WHERE(event_type), WHEN(is(c, SHIM_N_EVENT_REPORT_RQ))},
    {0x1008, US, WHERE(action_type), WHEN(is(c, SHIM_N_ACTION_RQ))},
    {0x1020, US, WHERE(remaining), unfinished},
    {0x1021, US, WHERE(completed), WHEN(c.has_counts)},
    {0x1022, US, WHERE(failed), WHEN(c.has_counts)},
    {0x1023, US, WHERE(warning), WHEN(c.has_counts)},
    {0x1030, AE, WHERE(move_originator), WHEN(c.has_originator)},
    {0x1031, US, WHERE(move_originator_id), WHEN(c.has_originator)},
};

static uint16_t le16(const uint8_t *p)
{
	return uint16_t(p[0] | p[1] << 8);
}
static uint32_t le32(const uint8_t *p)
{
	return uint32_t(le16(p)) | uint32_t(le16(p + 2)) << 16;
}
static uint8_t *put16(uint8_t *p, unsigned v)
{
	p[0] = uint8_t(v);
	p[1] = uint8_t(v >> 8);
	return p + 2;
}
static uint8_t *put_header(uint8_t *p, uint16_t element, size_t n)
{
	p = put16(put16(p, 0), element);
	return put16(put16(p, unsigned(n & 0xffff)), unsigned(n >> 16));
}

static uint16_t number(const shim_command &c, const Element &e)
{
	uint16_t v = c.has_data ? SOME_DATA : NO_DATA;

	if (e.element != DATA_SET_TYPE)
		std::memcpy(&v, reinterpret_cast<const char *>(&c) + e.at, sizeof v);
	return v;
}

/* The longest possible command is shorter than this: 24 headers, 6 texts of 64, 2 of 16, 16 tags, numbers. */
static constexpr size_t LONGEST = 1024;

static uint8_t *put_tags(uint8_t *p, uint16_t element, const uint32_t (&tags)[SHIM_OFFENDING])
{
	size_t n = 0;

	while (n < SHIM_OFFENDING && tags[n])
		n++;
	p = put_header(p, element, 4 * n);
	for (size_t i = 0; i < n; i++)
		p = put16(put16(p, tags[i] >> 16), tags[i] & 0xffff);
	return p;
}

static uint8_t *put_element(uint8_t *p, const shim_command &c, const Element &e)
{
	const char *text = reinterpret_cast<const char *>(&c) + e.at;

	if (e.kind == US)
		return put16(put_header(p, e.element, 2), number(c, e));
	if (e.kind == AT)
		return put_tags(p, e.element, c.offending);
	const size_t n = strnlen(text, e.room - 1), padded = (n + 1) & ~size_t(1);
	p = put_header(p, e.element, padded);
	std::memcpy(p, text, n);
	if (padded > n)
		p[n] = e.kind == UI ? '\0' : ' ';
	return p + padded;
}

static int encode(const shim_command &c, void *buf, size_t room)
{
	uint8_t out[LONGEST], *p = out + 12;

	for (const Element &e : elements)
		if (e.present(c))
			p = put_element(p, c, e);
	const size_t n = size_t(p - out);
	put_header(out, 0, 4);
	put16(put16(out + 8, unsigned(n - 12)), 0);
	if (n > room)
		return fail(SHIM_ELIMIT, "command of %zu bytes, room for %zu", n, room);
	std::memcpy(buf, out, n);
	return int(n);
}

static int take_text(const Element &e, const uint8_t *p, size_t n, char *out)
{
	const size_t whole = n;

	while (n > 0 && (p[n - 1] == '\0' || p[n - 1] == ' '))
		n--;
	if (n >= e.room && e.kind == LO)
		n = e.room - 1u; /* a comment may be cut */
	if (n >= e.room)
		return fail(SHIM_EPARSE, "command element (0000,%04X) of %zu bytes", e.element, whole);
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return fail(SHIM_EPARSE, "command element (0000,%04X) has control characters", e.element);
	copy_trimmed(out, e.room, reinterpret_cast<const char *>(p), n);
	return SHIM_OK;
}

static int take_element(shim_command &c, const Element &e, const uint8_t *p, size_t n)
{
	char *to = reinterpret_cast<char *>(&c) + e.at;
	uint16_t v;

	if (e.kind == AT) {
		if (n % 4)
			return fail(SHIM_EPARSE, "command element (0000,%04X) of %zu bytes", e.element, n);
		for (size_t i = 0; i < SHIM_OFFENDING && 4 * i < n; i++)
			c.offending[i] = uint32_t(le16(p + 4 * i)) << 16 | le16(p + 4 * i + 2);
		return SHIM_OK;
	}
	if (e.kind != US)
		return take_text(e, p, n, to);
	if (n != 2 && n != 0)
		return fail(SHIM_EPARSE, "command element (0000,%04X) of %zu bytes", e.element, n);
	if (n == 0)
		return SHIM_OK;
	v = le16(p);
	if (e.element == DATA_SET_TYPE)
		c.has_data = v != NO_DATA;
	else
		std::memcpy(to, &v, sizeof v);
	c.has_status |= e.element == 0x0900;
	c.has_counts |= e.element >= 0x1020 && e.element <= 0x1023;
	c.has_originator |= e.element == 0x1031;
	return SHIM_OK;
}

static const Element *find(uint16_t element, size_t *index)
{
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
		if (elements[i].element == element) {
			*index = i;
			return &elements[i];
		}
	return nullptr;
}

static int decode(const uint8_t *p, size_t n, shim_command &c)
{
	uint32_t seen = 0;
	bool field = false, type = false;

	while (n > 0) {
		if (n < 8)
			return fail(SHIM_EPARSE, "%zu bytes where a command element begins", n);
		const uint16_t group = le16(p), element = le16(p + 2);
		const uint32_t len = le32(p + 4);
		if (group != 0)
			return fail(SHIM_EPARSE, "element (%04X,%04X) in a command", group, element);
		if (len > n - 8)
			return fail(SHIM_EPARSE, "command element (0000,%04X) of %u bytes where %zu are left", element,
				    len, n - 8);
		size_t i = 0;
		if (const Element *e = find(element, &i)) {
			if (seen & 1u << i)
				return fail(SHIM_EPARSE, "command element (0000,%04X) is there twice", element);
			seen |= 1u << i;
			if (int rc = take_element(c, *e, p + 8, len); rc < 0)
				return rc;
			field = field || (element == 0x0100 && len);
			type = type || (element == DATA_SET_TYPE && len);
			c.has_originator |= element == 0x1030 && c.move_originator[0];
		}
		p += 8 + len;
		n -= 8 + len;
	}
	if (!field || !type)
		return fail(SHIM_EPARSE, "a command without %s", field ? "data set type" : "command field");
	return SHIM_OK;
}

} // namespace shim

using namespace shim;

extern "C" int shim_command_encode(const struct shim_command *c, void *buf, size_t room)
{
	return guarded([&] {
		if (!c || !buf)
			return fail(SHIM_EINVAL, "no command, or nowhere to write to");
		return encode(*c, buf, room);
	});
}

extern "C" int shim_command_decode(const void *data, size_t n, struct shim_command *out)
{
	return guarded([&] {
		struct shim_command c = {};
		if (!data || !out)
			return fail(SHIM_EINVAL, "no command, or nowhere to write to");
		if (n >= 65536)
			return fail(SHIM_EPARSE, "a command of %zu bytes", n);
		int rc = decode(static_cast<const uint8_t *>(data), n, c);
		if (rc == SHIM_OK)
			*out = c;
		return rc;
	});
}
