/* dicom/model_read_value.c - values of the models into bytes of explicit VR little endian. */
#include "dicom/dict.h"
#include "dicom/model_tree.h"
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <string.h>

#define DS_MOST 16 /* PS3.5 6.2 */

static const struct number {
	char vr[3];
	uint8_t size;
	bool is_signed, is_real;
} numbers[] = {
    {"US", 2, false, false}, {"SS", 2, true, false}, {"UL", 4, false, false}, {"SL", 4, true, false},
    {"UV", 8, false, false}, {"SV", 8, true, false}, {"FL", 4, true, true},   {"FD", 8, true, true},
};

static const struct number *number_of(const char *vr)
{
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(numbers[i].vr, vr) == 0)
			return &numbers[i];
	return NULL;
}

bool model_vr_bytes(const char *vr)
{
	static const char all[][3] = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i], vr) == 0)
			return true;
	return false;
}

bool model_vr_known(const char *vr)
{
	return vr_is_string(vr) || number_of(vr) || model_vr_bytes(vr) || !strcmp(vr, "SQ") || !strcmp(vr, "AT");
}

static int wrong(const char *path, const char *vr, struct err *e)
{
	return err_set(e, E_INVAL, "%s: a value is none that VR %s has", path, vr);
}

/* ---- text */

/* One value only: a backslash is a character of it (PS3.5 6.2). */
static bool vr_is_one(const char *vr)
{
	return !strcmp(vr, "LT") || !strcmp(vr, "ST") || !strcmp(vr, "UT") || !strcmp(vr, "UR");
}

static int put_string(const char *path, const char *vr, const json_t *v, struct buf *out, struct err *e)
{
	const char *text = json_string_value(v);

	if (!vr_is_one(vr) && strchr(text, '\\'))
		return err_set(e, E_INVAL, "%s: a value holds a backslash, which separates values", path);
	return buf_put(out, text, json_string_length(v), e);
}

/* {"Alphabetic": ..., "Ideographic": ..., "Phonetic": ...} as groups between = signs. */
static int put_name(const char *path, const json_t *v, struct buf *out, struct err *e)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	unsigned equals = 0, known = 0;
	int rc = 0;

	for (unsigned i = 0; i < 3 && rc == 0; i++) {
		const json_t *g = json_object_get(v, groups[i]);

		known += g != NULL;
		if (!g || json_is_null(g) || (json_is_string(g) && !json_string_length(g)))
			continue;
		if (!json_is_string(g) || strpbrk(json_string_value(g), "=\\"))
			return wrong(path, "PN", e);
		while (rc == 0 && equals < i) {
			rc = buf_byte(out, '=', e);
			equals++;
		}
		if (rc == 0)
			rc = buf_put(out, json_string_value(g), json_string_length(g), e);
	}
	if (rc == 0 && known != json_object_size(v))
		return err_set(e, E_INVAL, "%s: a name has a group that is not Alphabetic, Ideographic or Phonetic",
			       path);
	return rc;
}

/* The shortest text that reads as the same number, and, for DS, no longer than that may be. */
static int put_real(const char *path, const char *vr, double v, struct buf *out, struct err *e)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE], format[8];
	bool ds = strcmp(vr, "DS") == 0;
	int digits = 15;

	if (!isfinite(v) || (!ds && v != floor(v)))
		return wrong(path, vr, e);
	for (; digits <= 17; digits++) {
		g_snprintf(format, sizeof format, "%%.%dg", digits);
		if (g_ascii_strtod(g_ascii_formatd(text, sizeof text, format, v), NULL) == v)
			break;
	}
	while (ds && strlen(text) > DS_MOST) {
		g_snprintf(format, sizeof format, "%%.%dg", --digits);
		g_ascii_formatd(text, sizeof text, format, v);
	}
	if (!ds)
		g_ascii_formatd(text, sizeof text, "%.0f", v);
	return buf_str(out, text, e);
}

static int put_text(const char *path, const char *vr, const json_t *v, struct buf *out, struct err *e)
{
	bool digits = !strcmp(vr, "IS") || !strcmp(vr, "DS");

	if (json_is_null(v))
		return 0;
	if (json_is_string(v))
		return put_string(path, vr, v, out, e);
	if (json_is_object(v) && strcmp(vr, "PN") == 0)
		return put_name(path, v, out, e);
	if (json_is_integer(v) && digits)
		return buf_printf(out, e, "%lld", (long long)json_integer_value(v));
	if (json_is_real(v) && digits)
		return put_real(path, vr, json_real_value(v), out, e);
	return wrong(path, vr, e);
}

/* ---- numbers */

static int put_bytes(struct buf *out, uint64_t v, unsigned n, struct err *e)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	return buf_put(out, bytes, n, e);
}

static bool integer_of(const struct number *k, const json_t *v, uint64_t *out)
{
	unsigned bits = 8u * k->size;
	gint64 i;
	guint64 u;

	if (!k->is_signed && json_is_string(v)) {
		if (!g_ascii_string_to_unsigned(json_string_value(v), 10, 0, UINT64_MAX >> (64 - bits), &u, NULL))
			return false;
		*out = u;
		return true;
	}
	if (json_is_integer(v))
		i = json_integer_value(v);
	else if (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)) && fabs(json_real_value(v)) < 1e15)
		i = (gint64)json_real_value(v);
	else if (!json_is_string(v) ||
		 !g_ascii_string_to_signed(json_string_value(v), 10, INT64_MIN, INT64_MAX, &i, NULL))
		return false;
	*out = (uint64_t)i;
	if (k->is_signed)
		return bits == 64 || (i >= -(INT64_C(1) << (bits - 1)) && i < INT64_C(1) << (bits - 1));
	return i >= 0 && (bits == 64 || (uint64_t)i >> bits == 0);
}

static bool real_of(const json_t *v, double *out)
{
	const char *text = json_string_value(v);
	char *end;

	if (json_is_number(v)) {
		*out = json_number_value(v);
		return true;
	}
	if (!text)
		return false;
	*out = g_ascii_strtod(text, &end); /* takes NaN, Infinity and -Infinity, too */
	return end != text && !*end;
}

static int put_number(const char *path, const struct number *k, const json_t *v, struct buf *out, struct err *e)
{
	uint64_t bits = 0;
	uint32_t half;
	double real;
	float single;

	if (!k->is_real)
		return integer_of(k, v, &bits) ? put_bytes(out, bits, k->size, e) : wrong(path, k->vr, e);
	if (!real_of(v, &real))
		return wrong(path, k->vr, e);
	memcpy(&bits, &real, 8);
	if (k->size == 8)
		return put_bytes(out, bits, 8, e);
	single = (float)real;
	if (isinf(single) && !isinf(real))
		return wrong(path, k->vr, e);
	memcpy(&half, &single, 4);
	return put_bytes(out, half, 4, e);
}

static int put_tag(const char *path, const json_t *v, struct buf *out, struct err *e)
{
	const char *text = json_string_value(v);
	guint64 tag;

	if (!text || strlen(text) != 8 || !g_ascii_string_to_unsigned(text, 16, 0, UINT32_MAX, &tag, NULL))
		return wrong(path, "AT", e);
	return put_bytes(out, tag >> 16 | (tag & 0xFFFF) << 16, 4, e);
}

/* ---- all values of an element */

int model_put_values(const char *path, const char *vr, const json_t *values, struct buf *out, struct err *e)
{
	const struct number *k = number_of(vr);
	bool text = vr_is_string(vr);
	int rc = 0;

	if (model_vr_bytes(vr))
		return err_set(e, E_INVAL, "%s: VR %s has no Value but InlineBinary or a reference", path, vr);
	if (vr_is_one(vr) && json_array_size(values) > 1)
		return err_set(e, E_INVAL, "%s: VR %s has one value only", path, vr);
	for (size_t i = 0; i < json_array_size(values) && rc == 0; i++) {
		const json_t *v = json_array_get(values, i);

		if (text && i > 0)
			rc = buf_byte(out, '\\', e);
		if (rc == 0)
			rc = text ? put_text(path, vr, v, out, e)
			     : k  ? put_number(path, k, v, out, e)
				  : put_tag(path, v, out, e);
	}
	return rc;
}

static bool base64_char(char c)
{
	return g_ascii_isalnum(c) || c == '+' || c == '/';
}

/* White space is XML's; four characters are three bytes, the last of them perhaps filled up with = signs. */
int model_put_base64(const char *path, const char *text, size_t n, struct buf *out, struct err *e)
{
	size_t chars = 0, fill = 0, wanted;
	gint state = 0;
	guint save = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (g_ascii_isspace(text[i]))
			continue;
		if ((text[i] == '=' ? ++fill > 2 : fill > 0 || !base64_char(text[i])))
			return err_set(e, E_INVAL, "%s: InlineBinary is not base64", path);
		chars++;
	}
	if (chars % 4 != 0)
		return err_set(e, E_INVAL, "%s: InlineBinary ends within a group of base64", path);
	wanted = chars / 4 * 3 - fill;
	if ((rc = buf_reserve(out, chars / 4 * 3 + 3, e)) < 0)
		return rc;
	g_base64_decode_step(text, n, out->data + out->len, &state, &save);
	out->len += wanted;
	return 0;
}
