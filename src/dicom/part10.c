#include "dicom/part10.h"
#include "dicom/dict.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PREAMBLE 128u
#define META_GROUP 0x0002u

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

/* ---- writing */

/* One element in explicit VR little endian, padded to even length: NUL for UI and bytes, a blank for text. */
static int put(struct buf *out, uint16_t element, const char vr[2], const void *value, size_t n, struct err *e)
{
	size_t padded = n + (n & 1);
	uint8_t h[12] = {META_GROUP, 0, (uint8_t)element, (uint8_t)(element >> 8), (uint8_t)vr[0], (uint8_t)vr[1]};
	bool wide = !memcmp(vr, "OB", 2);
	int rc;

	if (wide)
		h[8] = (uint8_t)padded;
	else
		h[6] = (uint8_t)padded;
	if ((rc = buf_put(out, h, wide ? 12 : 8, e)) < 0 || (rc = buf_put(out, value, n, e)) < 0)
		return rc;
	return n & 1 ? buf_byte(out, memcmp(vr, "UI", 2) != 0 ? ' ' : 0, e) : 0;
}

static int put_text(struct buf *out, uint16_t element, const char vr[2], const char *text, struct err *e)
{
	return put(out, element, vr, text, strlen(text), e);
}

int part10_write(const struct part10_meta *m, struct buf *out, struct err *e)
{
	static const uint8_t head[PREAMBLE + 4] = {[PREAMBLE] = 'D', 'I', 'C', 'M'};
	uint8_t length[4] = {0};
	size_t start = out->len, group;
	int rc;

	if ((rc = buf_put(out, head, sizeof(head), e)) < 0 || (rc = put(out, 0x0000, "UL", length, 4, e)) < 0)
		goto fail;
	group = out->len;
	if ((rc = put(out, 0x0001, "OB", "\0\1", 2, e)) < 0 ||
	    (rc = put_text(out, 0x0002, "UI", m->sop_class, e)) < 0 ||
	    (rc = put_text(out, 0x0003, "UI", m->sop_instance, e)) < 0 ||
	    (rc = put_text(out, 0x0010, "UI", m->syntax, e)) < 0 ||
	    (rc = put_text(out, 0x0012, "UI", UID_IMPLEMENTATION, e)) < 0 ||
	    (rc = put_text(out, 0x0013, "SH", IMPLEMENTATION_VERSION, e)) < 0)
		goto fail;
	if (m->source_aet[0] && (rc = put_text(out, 0x0016, "AE", m->source_aet, e)) < 0)
		goto fail;
	for (unsigned i = 0; i < 4; i++)
		out->data[group - 4 + i] = (uint8_t)((out->len - group) >> (8 * i));
	return 0;
fail:
	out->len = start;
	return rc;
}

/* ---- reading */

static bool vr_plausible(const uint8_t *p)
{
	const char vr[3] = {(char)p[0], (char)p[1], 0};

	return vr_is_string(vr) || vr_is_long(vr) || !strcmp(vr, "UL") || !strcmp(vr, "US") || !strcmp(vr, "SL") ||
	       !strcmp(vr, "SS") || !strcmp(vr, "AT") || !strcmp(vr, "FL") || !strcmp(vr, "FD");
}

/* By the first element of a bare data set: its VR, or a group and length that make sense together. NULL: no DICOM. */
static const char *guess_syntax(const uint8_t *p, size_t n)
{
	if (n < 8)
		return NULL;
	if (vr_plausible(p + 4)) {
		if (get16(p) <= 0x7FE0 && !(p[0] == 0 && p[1] != 0))
			return UID_EXPLICIT_LE;
		return p[0] == 0 ? UID_EXPLICIT_BE : NULL;
	}
	if (get16(p) <= 0x0040 && get16(p) > 0 && (get32(p + 4) <= 0x10000 || get32(p + 4) == UINT32_MAX))
		return UID_IMPLICIT_LE;
	return NULL;
}

/* Copies a value without its padding; one that does not fit is left out. */
static void keep(char *out, size_t room, const uint8_t *value, size_t n)
{
	while (n > 0 && (value[n - 1] == 0 || value[n - 1] == ' '))
		n--;
	while (n > 0 && *value == ' ')
		value++, n--;
	if (n >= room || memchr(value, 0, n))
		return;
	memcpy(out, value, n);
	out[n] = 0;
}

static void take(struct part10_meta *m, uint16_t element, const uint8_t *value, size_t n)
{
	switch (element) {
	case 0x0002:
		keep(m->sop_class, sizeof(m->sop_class), value, n);
		break;
	case 0x0003:
		keep(m->sop_instance, sizeof(m->sop_instance), value, n);
		break;
	case 0x0010:
		keep(m->syntax, sizeof(m->syntax), value, n);
		break;
	case 0x0016:
		keep(m->source_aet, sizeof(m->source_aet), value, n);
		break;
	default:
		break;
	}
}

/* Where the value of the element at p begins and how long it is. Explicit VR as it should be; some write it implicit.
 */
static size_t element_head(const uint8_t *p, size_t n, uint32_t *length)
{
	const char vr[3] = {(char)p[4], (char)p[5], 0};

	if (!vr_plausible(p + 4)) {
		*length = get32(p + 4);
		return 8;
	}
	if (!vr_is_long(vr)) {
		*length = get16(p + 6);
		return 8;
	}
	if (n < 12)
		return 0;
	*length = get32(p + 8);
	return 12;
}

/* Group 0002 ends where another group begins: its length element is often wrong, so it is not believed. */
static int64_t read_group(const uint8_t *p, size_t n, size_t at, struct part10_meta *m, struct err *e)
{
	while (n - at >= 8 && get16(p + at) == META_GROUP) {
		uint32_t length;
		size_t head = element_head(p + at, n - at, &length);

		if (head == 0 || length > n - at - head)
			return err_set(e, E_INVAL, "file meta element (0002,%04X) passes the end", get16(p + at + 2));
		take(m, get16(p + at + 2), p + at + head, length);
		at += head + length;
	}
	return (int64_t)at;
}

/* A bare data set can have the letters at that place in some value: then it begins with an element, and no meta
 * information follows them. */
static bool dicm_by_chance(const uint8_t *p, size_t n)
{
	const size_t at = PREAMBLE + 4;

	return (n < at + 2 || get16(p + at) != META_GROUP) && vr_plausible(p + 4) && guess_syntax(p, n);
}

/* A preamble without the letters behind it. */
static bool zeros(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < PREAMBLE; i++)
		if (i >= n || p[i])
			return false;
	return true;
}

int64_t part10_read(const void *head, size_t n, struct part10_meta *out, struct err *e)
{
	const uint8_t *p = head;
	struct part10_meta m = {0};
	const char *guess;
	int64_t at = 0;

	if (n >= PREAMBLE + 4 && !memcmp(p + PREAMBLE, "DICM", 4) && !dicm_by_chance(p, n))
		at = PREAMBLE + 4;
	else if (n >= 4 && !memcmp(p, "DICM", 4))
		at = 4;
	else if (zeros(p, n))
		at = PREAMBLE;
	if ((at = read_group(p, n, (size_t)at, &m, e)) < 0)
		return at;
	if (!uid_sane(m.syntax, strlen(m.syntax))) { /* none, or nothing that could ever be proposed to a peer */
		if (!(guess = guess_syntax(p + at, n - (size_t)at)))
			return err_set(e, E_INVAL,
				       at ? "no transfer syntax in the file meta information, and none can be guessed"
					  : "not a DICOM file");
		snprintf(m.syntax, sizeof(m.syntax), "%s", guess);
	}
	*out = m;
	return at;
}
