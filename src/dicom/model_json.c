#include "dicom/model_format.h"
#include <glib.h>
#include <math.h>
#include <string.h>

static int put(struct model_writer *w, const char *s, size_t n, struct err *e)
{
	return buf_put(w->out, s, n, e);
}

#define PUT(w, literal, e) put(w, literal, sizeof(literal) - 1, e)

/* A comma where something stands before. */
static int next(struct model_writer *w, struct err *e)
{
	int rc = w->comma ? buf_byte(w->out, ',', e) : 0;

	w->comma = true;
	return rc;
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
}

/* s is UTF-8. */
static int put_string(struct model_writer *w, const char *s, size_t n, struct err *e)
{
	int rc = buf_byte(w->out, '"', e);
	size_t from = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		unsigned char c = (unsigned char)s[i];

		if (plain(c))
			continue;
		if ((rc = put(w, s + from, i - from, e)) < 0)
			break;
		from = i + 1;
		if (c == '"' || c == '\\')
			rc = buf_printf(w->out, e, "\\%c", c);
		else
			rc = buf_printf(w->out, e, "\\u%04x", c);
	}
	if (rc >= 0)
		rc = put(w, s + from, n - from, e);
	return rc < 0 ? rc : buf_byte(w->out, '"', e);
}

static int json_begin(struct model_writer *w, struct err *e)
{
	w->comma = false;
	return PUT(w, "{", e);
}

static int json_end(struct model_writer *w, struct err *e)
{
	return PUT(w, "}", e);
}

static int json_open(struct model_writer *w, uint32_t tag, const char *vr, struct err *e)
{
	static const char hex[] = "0123456789ABCDEF";
	char head[] = "\"00000000\":{\"vr\":\"UN\"";
	int rc = next(w, e);

	for (unsigned i = 0; i < 8; i++)
		head[1 + i] = hex[tag >> (28 - 4 * i) & 15];
	memcpy(head + 18, vr, 2);
	return rc < 0 ? rc : put(w, head, sizeof(head) - 1, e);
}

static int json_close(struct model_writer *w, struct err *e)
{
	w->comma = true;
	return PUT(w, "}", e);
}

static int json_values(struct model_writer *w, bool begin, struct err *e)
{
	w->comma = false;
	return begin ? PUT(w, ",\"Value\":[", e) : PUT(w, "]", e);
}

static int json_text(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e)
{
	int rc = next(w, e);

	(void)n;
	return rc < 0 ? rc : put_string(w, s, len, e);
}

static int json_name(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e)
{
	static const char *const groups[] = {"{\"Alphabetic\":", "{\"Ideographic\":", "{\"Phonetic\":"};
	bool any = false;
	int rc = next(w, e);

	(void)n;
	for (unsigned i = 0; i < 3 && rc >= 0; i++) {
		const char *end = memchr(s, '=', len);
		size_t k = end ? (size_t)(end - s) : len, shown = k;

		while (shown > 0 && (s[shown - 1] == ' ' || s[shown - 1] == '^'))
			shown--;
		if (shown > 0 && (!any || (rc = PUT(w, ",", e)) >= 0) &&
		    (rc = buf_str(w->out, groups[i] + any, e)) >= 0) {
			rc = put_string(w, s, shown, e);
			any = true;
		}
		if (!end)
			break;
		s += k + 1;
		len -= k + 1;
	}
	return rc < 0 ? rc : any ? PUT(w, "}", e) : PUT(w, "{}", e);
}

static int json_number(struct model_writer *w, unsigned n, const char *s, bool exact, struct err *e)
{
	int rc = next(w, e);

	(void)n;
	if (rc < 0)
		return rc;
	return exact ? put(w, s, strlen(s), e) : put_string(w, s, strlen(s), e);
}

static int json_real(struct model_writer *w, unsigned n, double v, bool single, struct err *e)
{
	char text[MODEL_REAL];

	if (isnan(v))
		return json_text(w, n, "NaN", 3, e);
	if (isinf(v))
		return v < 0 ? json_text(w, n, "-Infinity", 9, e) : json_text(w, n, "Infinity", 8, e);
	return json_number(w, n, model_real_text(text, v, single), true, e);
}

static int json_none(struct model_writer *w, unsigned n, struct err *e)
{
	int rc = next(w, e);

	(void)n;
	return rc < 0 ? rc : PUT(w, "null", e);
}

static int json_item(struct model_writer *w, unsigned n, bool begin, struct err *e)
{
	int rc = begin ? next(w, e) : 0;

	(void)n;
	w->comma = !begin;
	if (rc < 0)
		return rc;
	return begin ? PUT(w, "{", e) : PUT(w, "}", e);
}

static int json_bytes(struct model_writer *w, const uint8_t *p, size_t len, struct err *e)
{
	g_autofree gchar *text = g_base64_encode(p, len);
	int rc = PUT(w, ",\"InlineBinary\":\"", e);

	if (rc < 0 || (rc = buf_str(w->out, text, e)) < 0)
		return rc;
	return PUT(w, "\"", e);
}

static int json_bulk(struct model_writer *w, const char *uri, struct err *e)
{
	int rc = PUT(w, ",\"BulkDataURI\":", e);

	return rc < 0 ? rc : put_string(w, uri, strlen(uri), e);
}

const struct model_ops model_json = {
    .begin = json_begin,
    .end = json_end,
    .open = json_open,
    .close = json_close,
    .values = json_values,
    .text = json_text,
    .name = json_name,
    .number = json_number,
    .real = json_real,
    .none = json_none,
    .item = json_item,
    .bytes = json_bytes,
    .bulk = json_bulk,
};
