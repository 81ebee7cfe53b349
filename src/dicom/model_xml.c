#include "base/utf8.h"
#include "dicom/model_format.h"
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAMESPACE "http://dicom.nema.org/PS3.19/models/NativeDICOM"

/* ---- the library's writer, and where its output goes */

/* Failing here would make the library talk on standard error. */
static int written(void *arg, const char *data, int n)
{
	struct model_writer *w = arg;

	if (w->full >= 0)
		w->full = buf_put(w->out, data, (size_t)n, NULL);
	return n;
}

/* What the library answers, as ours. */
static int done(const struct model_writer *w, int rc, struct err *e)
{
	if (w->full < 0)
		return err_set(e, (enum err_code) - w->full, "XML does not fit its buffer");
	return rc < 0 ? err_set(e, E_NOMEM, "no memory for XML") : 0;
}

/* Gives what the library holds to the caller's buffer. */
static int flush(struct model_writer *w, struct err *e)
{
	int rc = xmlTextWriterFlush(w->xml);

	return done(w, rc, e);
}

#define BEGIN(w, name) xmlTextWriterStartElement((w)->xml, BAD_CAST(name))
#define END(w) xmlTextWriterEndElement((w)->xml)
#define ATTRIBUTE(w, name, value) xmlTextWriterWriteAttribute((w)->xml, BAD_CAST(name), BAD_CAST(value))

/* Characters that XML 1.0 has: else U+FFFD. The library escapes the rest. */
static int put_text(struct model_writer *w, const char *s, size_t len, struct err *e)
{
	AUTO(buf) clean = BUF(4 * len + 4);
	const uint8_t *p = (const uint8_t *)s;
	int rc = buf_reserve(&clean, len, e);

	for (size_t i = 0, k; i < len && rc >= 0; i += k) {
		uint32_t c = 0;

		k = utf8_next(p + i, len - i, &c);
		if (k == 0 || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xFFFE || c == 0xFFFF) {
			k = k ? k : 1;
			rc = buf_str(&clean, "\xEF\xBF\xBD", e);
		} else {
			rc = buf_put(&clean, p + i, k, e);
		}
	}
	return rc < 0 ? rc : done(w, xmlTextWriterWriteString(w->xml, BAD_CAST buf_text(&clean)), e);
}

static int begin_numbered(struct model_writer *w, const char *name, unsigned n, struct err *e)
{
	char number[12];
	int rc = BEGIN(w, name);

	snprintf(number, sizeof(number), "%u", n);
	return done(w, rc < 0 ? rc : ATTRIBUTE(w, "number", number), e);
}

/* ---- private creators: an element of a private block carries its creator's name */

struct model_creator {
	unsigned depth;
	uint32_t block; /* gggg00bb of the creator, as ggggbb00 */
	char name[65 * 4];
};

void model_creators_forget(struct model_writer *w, unsigned depth)
{
	struct model_creator *v = (struct model_creator *)(void *)w->creators.data;
	size_t n = w->creators.len / sizeof(*v);

	while (n > 0 && v[n - 1].depth >= depth)
		n--;
	w->creators.len = n * sizeof(*v);
}

int model_creator_note(struct model_writer *w, uint32_t tag, const char *s, size_t len, struct err *e)
{
	struct model_creator c = {.depth = w->depth, .block = (tag & 0xFFFF0000) | (tag & 0xFF) << 8};
	uint32_t cp;

	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len >= sizeof(c.name))
		return 0; /* no name of a creator */
	for (size_t i = 0, k; i < len; i += k)
		if ((k = utf8_next((const uint8_t *)s + i, len - i, &cp)) == 0 || utf8_control(cp) || cp == 0xFFFE ||
		    cp == 0xFFFF)
			return 0;
	memcpy(c.name, s, len);
	return buf_put(&w->creators, &c, sizeof(c), e);
}

static const char *creator(const struct model_writer *w, uint32_t tag)
{
	const struct model_creator *v = (const struct model_creator *)(const void *)w->creators.data;

	if (!(tag >> 16 & 1) || (tag & 0xFFFF) < 0x1000)
		return "";
	for (size_t n = w->creators.len / sizeof(*v); n > 0 && v[n - 1].depth == w->depth; n--)
		if (v[n - 1].block == (tag & 0xFFFFFF00))
			return v[n - 1].name;
	return "";
}

/* ---- the format */

static int xml_begin(struct model_writer *w, struct err *e)
{
	xmlOutputBufferPtr to = xmlOutputBufferCreateIO(written, NULL, w, NULL);
	int rc;

	if (!to || !(w->xml = xmlNewTextWriter(to))) {
		if (to)
			xmlOutputBufferClose(to);
		return err_set(e, E_NOMEM, "no memory for XML");
	}
	rc = xmlTextWriterStartDocument(w->xml, NULL, "UTF-8", NULL);
	rc = rc < 0 ? rc : BEGIN(w, "NativeDicomModel");
	rc = rc < 0 ? rc : ATTRIBUTE(w, "xmlns", NAMESPACE);
	return done(w, rc < 0 ? rc : ATTRIBUTE(w, "xml:space", "preserve"), e);
}

static int xml_end(struct model_writer *w, struct err *e)
{
	int rc = done(w, xmlTextWriterEndDocument(w->xml), e);

	return rc < 0 ? rc : flush(w, e);
}

static int xml_open(struct model_writer *w, uint32_t tag, const char *vr, struct err *e)
{
	const char *keyword = dict_keyword(tag), *owner = creator(w, tag);
	char hex[9];
	int rc = BEGIN(w, "DicomAttribute");

	snprintf(hex, sizeof(hex), "%08X", (unsigned)tag);
	rc = rc < 0 ? rc : ATTRIBUTE(w, "tag", hex);
	rc = rc < 0 ? rc : ATTRIBUTE(w, "vr", vr);
	if (*keyword)
		rc = rc < 0 ? rc : ATTRIBUTE(w, "keyword", keyword);
	if (*owner)
		rc = rc < 0 ? rc : ATTRIBUTE(w, "privateCreator", owner);
	return done(w, rc, e);
}

static int xml_close(struct model_writer *w, struct err *e)
{
	int rc = done(w, END(w), e);

	return rc < 0 ? rc : flush(w, e);
}

static int xml_values(struct model_writer *w, bool begin, struct err *e)
{
	(void)w, (void)begin, (void)e;
	return 0;
}

static int xml_text(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e)
{
	int rc = begin_numbered(w, "Value", n, e);

	if (rc < 0 || (rc = put_text(w, s, len, e)) < 0)
		return rc;
	return done(w, END(w), e);
}

static int name_group(struct model_writer *w, const char *group, const char *s, size_t len, struct err *e)
{
	static const char *const parts[] = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};
	int rc = done(w, BEGIN(w, group), e);

	for (unsigned i = 0; i < 5 && rc >= 0; i++) {
		const char *end = i < 4 ? memchr(s, '^', len) : NULL;
		size_t k = end ? (size_t)(end - s) : len, shown = k;

		while (shown > 0 && s[shown - 1] == ' ')
			shown--;
		if (shown > 0 && (rc = done(w, BEGIN(w, parts[i]), e)) >= 0 && (rc = put_text(w, s, shown, e)) >= 0)
			rc = done(w, END(w), e);
		if (!end)
			break;
		s += k + 1;
		len -= k + 1;
	}
	return rc < 0 ? rc : done(w, END(w), e);
}

static int xml_name(struct model_writer *w, unsigned n, const char *s, size_t len, struct err *e)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	int rc = begin_numbered(w, "PersonName", n, e);

	for (unsigned i = 0; i < 3 && rc >= 0; i++) {
		const char *end = memchr(s, '=', len);
		size_t k = end ? (size_t)(end - s) : len, shown = k;

		while (shown > 0 && (s[shown - 1] == ' ' || s[shown - 1] == '^'))
			shown--;
		if (shown > 0)
			rc = name_group(w, groups[i], s, shown, e);
		if (!end)
			break;
		s += k + 1;
		len -= k + 1;
	}
	return rc < 0 ? rc : done(w, END(w), e);
}

static int xml_number(struct model_writer *w, unsigned n, const char *s, bool exact, struct err *e)
{
	(void)exact;
	return xml_text(w, n, s, strlen(s), e);
}

static int xml_real(struct model_writer *w, unsigned n, double v, bool single, struct err *e)
{
	char text[MODEL_REAL];

	if (isnan(v))
		return xml_text(w, n, "NaN", 3, e);
	if (isinf(v))
		return v < 0 ? xml_text(w, n, "-INF", 4, e) : xml_text(w, n, "INF", 3, e);
	return xml_number(w, n, model_real_text(text, v, single), true, e);
}

static int xml_none(struct model_writer *w, unsigned n, struct err *e)
{
	return xml_text(w, n, "", 0, e);
}

static int xml_item(struct model_writer *w, unsigned n, bool begin, struct err *e)
{
	return begin ? begin_numbered(w, "Item", n, e) : done(w, END(w), e);
}

static int xml_bytes(struct model_writer *w, const uint8_t *p, size_t len, struct err *e)
{
	g_autofree gchar *text = g_base64_encode(p, len);

	return done(w, xmlTextWriterWriteElement(w->xml, BAD_CAST "InlineBinary", BAD_CAST text), e);
}

static int xml_bulk(struct model_writer *w, const char *uri, struct err *e)
{
	int rc = BEGIN(w, "BulkData");

	rc = rc < 0 ? rc : ATTRIBUTE(w, "uri", uri);
	return done(w, rc < 0 ? rc : END(w), e);
}

const struct model_ops model_xml = {
    .begin = xml_begin,
    .end = xml_end,
    .open = xml_open,
    .close = xml_close,
    .values = xml_values,
    .text = xml_text,
    .name = xml_name,
    .number = xml_number,
    .real = xml_real,
    .none = xml_none,
    .item = xml_item,
    .bytes = xml_bytes,
    .bulk = xml_bulk,
};
