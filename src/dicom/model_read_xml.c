/* dicom/model_read_xml.c - the Native DICOM Model into the tree that the JSON model has.
 *
 * libxml2's reader goes through the document piece by piece: no DTD, no entities of one, no network, nothing loaded.
 */
#include "dicom/dict.h"
#include "dicom/model_tree.h"
#include <glib.h>
#include <libxml/xmlreader.h>
#include <stdio.h>
#include <string.h>

#define GAP_MOST 1000       /* values left out between two that are numbered */
#define ATTRIBUTES_MOST 64u /* of one element; the model has six at most */

struct xml {
	xmlTextReader *reader;
	struct err *e;
	char path[12]; /* of the attribute at hand */
};

static const char *here(const struct xml *x)
{
	return (const char *)xmlTextReaderConstLocalName(x->reader);
}

static bool is(const struct xml *x, const char *name)
{
	return strcmp(here(x), name) == 0;
}

/* The next node that says something; its type, or negative. */
static int next(struct xml *x)
{
	for (;;) {
		int rc = xmlTextReaderRead(x->reader), type;

		if (rc != 1)
			return err_set(x->e, E_INVAL, "line %d of the XML is not well-formed",
				       xmlTextReaderGetParserLineNumber(x->reader));
		type = xmlTextReaderNodeType(x->reader);
		if (type == XML_READER_TYPE_DOCUMENT_TYPE || type == XML_READER_TYPE_ENTITY_REFERENCE)
			return err_set(x->e, E_INVAL, "the XML has a document type or entities, which are not taken");
		if (type == XML_READER_TYPE_ELEMENT || type == XML_READER_TYPE_END_ELEMENT ||
		    type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
		    type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE || type == XML_READER_TYPE_WHITESPACE)
			return type;
	}
}

/* The next child of an element whose begin was read: 1, with its begin read; 0: there is none. */
static int child(struct xml *x)
{
	for (;;) {
		int type = next(x);
		const char *text;

		if (type < 0)
			return type;
		if (type == XML_READER_TYPE_ELEMENT)
			return 1;
		if (type == XML_READER_TYPE_END_ELEMENT)
			return 0;
		text = (const char *)xmlTextReaderConstValue(x->reader);
		if (text && text[strspn(text, " \t\r\n")])
			return err_set(x->e, E_INVAL, "line %d of the XML has text where an element is due",
				       xmlTextReaderGetParserLineNumber(x->reader));
	}
}

static int unexpected(struct xml *x)
{
	return err_set(x->e, E_INVAL, "line %d of the XML has an element that is not expected there",
		       xmlTextReaderGetParserLineNumber(x->reader));
}

/* The text of an element whose begin was read, up to its end. */
static int text_of(struct xml *x, struct buf *out)
{
	int type, rc = 0;

	if (xmlTextReaderIsEmptyElement(x->reader))
		return 0;
	while (rc == 0 && (type = next(x)) != XML_READER_TYPE_END_ELEMENT) {
		if (type < 0)
			return type;
		if (type == XML_READER_TYPE_ELEMENT)
			return unexpected(x);
		rc = buf_str(out, (const char *)xmlTextReaderConstValue(x->reader), x->e);
	}
	return rc;
}

/* Takes v. */
static int put(struct xml *x, json_t *to, const char *key, json_t *v)
{
	if (!v || json_object_set_new(to, key, v) < 0)
		return err_set(x->e, E_INVAL, "%s: text that is not UTF-8, or no memory for it", x->path);
	return 0;
}

static json_t *string_of(const struct buf *b)
{
	return json_stringn(buf_text(b), b->len);
}

/* ---- names of persons */

static int name_group(struct xml *x, json_t *name)
{
	static const char *const parts[] = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};
	AUTO(buf) all = BUF(MODEL_TEXT);
	char group[16];
	unsigned at = 0;
	int rc;

	if (!is(x, "Alphabetic") && !is(x, "Ideographic") && !is(x, "Phonetic"))
		return unexpected(x);
	snprintf(group, sizeof group, "%s", here(x));
	if (xmlTextReaderIsEmptyElement(x->reader))
		return 0;
	while ((rc = child(x)) > 0) {
		unsigned i = 0;

		while (i < 5 && !is(x, parts[i]))
			i++;
		if (i == 5 || i < at)
			return unexpected(x);
		for (rc = 0; at < i && rc == 0; at++)
			rc = buf_byte(&all, '^', x->e);
		if (rc < 0 || (rc = text_of(x, &all)) < 0)
			return rc;
	}
	return rc < 0 ? rc : put(x, name, group, string_of(&all));
}

static int name_of(struct xml *x, json_t **out)
{
	json_t *name = json_object();
	int rc = 0;

	if (!xmlTextReaderIsEmptyElement(x->reader))
		while (rc == 0 && (rc = child(x)) > 0)
			rc = name_group(x, name);
	*out = name;
	return rc;
}

/* ---- values */

static int set_of(struct xml *x, json_t **out);

/* By its number, which counts from 1. Takes v. */
static int append(struct xml *x, json_t *values, long number, json_t *v)
{
	long n = (long)json_array_size(values);

	if (number == 0)
		number = n + 1;
	if (number <= n || number > n + GAP_MOST) {
		json_decref(v);
		return err_set(x->e, E_INVAL, "%s: the number of a value is out of order", x->path);
	}
	for (; n + 1 < number; n++)
		json_array_append_new(values, json_null());
	if (!v || json_array_append_new(values, v) < 0)
		return err_set(x->e, E_INVAL, "%s: text that is not UTF-8, or no memory for it", x->path);
	return 0;
}

static long number_of(struct xml *x)
{
	xmlChar *text = xmlTextReaderGetAttribute(x->reader, BAD_CAST "number");
	guint64 v = 0;

	if (text && !g_ascii_string_to_unsigned((const char *)text, 10, 1, INT32_MAX, &v, NULL))
		v = INT32_MAX;
	xmlFree(text);
	return (long)v;
}

static int value_of(struct xml *x, json_t *values)
{
	AUTO(buf) text = BUF(MODEL_TEXT);
	long number = number_of(x);
	json_t *v = NULL;
	int rc;

	if (is(x, "Item"))
		rc = set_of(x, &v);
	else if (is(x, "PersonName"))
		rc = name_of(x, &v);
	else if ((rc = text_of(x, &text)) == 0)
		v = text.len ? string_of(&text) : json_null();
	if (rc < 0) {
		json_decref(v);
		return rc;
	}
	return append(x, values, number, v);
}

static int bulk_of(struct xml *x, json_t *element)
{
	xmlChar *uri = xmlTextReaderGetAttribute(x->reader, BAD_CAST "uri");
	int rc = put(x, element, "BulkDataURI", uri ? json_string((const char *)uri) : NULL);

	xmlFree(uri);
	if (rc == 0 && !xmlTextReaderIsEmptyElement(x->reader) && (rc = child(x)) > 0)
		rc = unexpected(x);
	return rc;
}

static int content_of(struct xml *x, json_t *element)
{
	AUTO(buf) text = BUF(MODEL_TEXT);
	json_t *values = json_object_get(element, "Value");
	int rc;

	if (is(x, "BulkData"))
		return bulk_of(x, element);
	if (is(x, "InlineBinary"))
		return (rc = text_of(x, &text)) < 0 ? rc : put(x, element, "InlineBinary", string_of(&text));
	if (!is(x, "Value") && !is(x, "Item") && !is(x, "PersonName"))
		return unexpected(x);
	if (!values && (rc = put(x, element, "Value", values = json_array())) < 0)
		return rc;
	return value_of(x, values);
}

/* ---- attributes */

static bool is_creator(const json_t *set, uint32_t tag, const char *creator)
{
	char key[9];
	const char *said;

	snprintf(key, sizeof key, "%08X", tag);
	said = json_string_value(json_array_get(json_object_get(json_object_get(set, key), "Value"), 0));
	return said && strcmp(said, creator) == 0;
}

/* Where the block of a private attribute is not said: the one its creator has, or a free one. */
static int private_block(struct xml *x, json_t *set, const char *creator, uint32_t *tag)
{
	uint32_t group = *tag & 0xFFFF0000, block;
	char key[9];

	if (!(*tag >> 16 & 1) || (*tag & 0xFFFF) > 0xFF)
		return 0;
	for (block = 0x10; block <= 0xFF && !is_creator(set, group | block, creator); block++)
		;
	for (uint32_t b = 0x10; block > 0xFF && b <= 0xFF; b++) {
		snprintf(key, sizeof key, "%08X", group | b);
		if (json_object_get(set, key))
			continue;
		block = b;
		if (put(x, set, key, json_pack("{s:s,s:[s]}", "vr", "LO", "Value", creator)) < 0)
			return -E_INVAL;
	}
	*tag = group | block << 8 | (*tag & 0xFF);
	return block <= 0xFF ? 0 : err_set(x->e, E_LIMIT, "no block is free for a private attribute");
}

static int tag_of(struct xml *x, json_t *set, char key[9])
{
	xmlChar *text = xmlTextReaderGetAttribute(x->reader, BAD_CAST "tag");
	xmlChar *creator = xmlTextReaderGetAttribute(x->reader, BAD_CAST "privateCreator");
	guint64 v;
	uint32_t tag;
	int rc = 0;

	if (!text || strlen((const char *)text) != 8 ||
	    !g_ascii_string_to_unsigned((const char *)text, 16, 0, UINT32_MAX, &v, NULL)) {
		rc = err_set(x->e, E_INVAL, "line %d of the XML has a DicomAttribute without a tag of eight digits",
			     xmlTextReaderGetParserLineNumber(x->reader));
	} else {
		tag = (uint32_t)v;
		if (creator)
			rc = private_block(x, set, (const char *)creator, &tag);
		snprintf(key, 9, "%08X", tag);
		snprintf(x->path, sizeof x->path, "(%04X,%04X)", tag >> 16, tag & 0xFFFF);
	}
	xmlFree(text);
	xmlFree(creator);
	return rc;
}

static int attribute_of(struct xml *x, json_t *set)
{
	json_t *element;
	xmlChar *vr;
	char key[9];
	int rc;

	if (!is(x, "DicomAttribute"))
		return unexpected(x);
	if ((rc = tag_of(x, set, key)) < 0)
		return rc;
	if (json_object_get(set, key))
		return err_set(x->e, E_INVAL, "%s comes twice", x->path);
	element = json_object();
	if ((rc = put(x, set, key, element)) < 0)
		return rc;
	vr = xmlTextReaderGetAttribute(x->reader, BAD_CAST "vr");
	if (vr)
		rc = put(x, element, "vr", json_string((const char *)vr));
	xmlFree(vr);
	if (rc == 0 && !xmlTextReaderIsEmptyElement(x->reader))
		while (rc == 0 && (rc = child(x)) > 0)
			rc = content_of(x, element);
	return rc;
}

static int set_of(struct xml *x, json_t **out)
{
	int rc = 0;

	*out = json_object();
	if (!xmlTextReaderIsEmptyElement(x->reader))
		while (rc == 0 && (rc = child(x)) > 0)
			rc = attribute_of(x, *out);
	return rc;
}

/* ---- the document */

static void quiet(void *arg, const char *msg, xmlParserSeverities severity, xmlTextReaderLocatorPtr at)
{
	(void)arg;
	(void)msg;
	(void)severity;
	(void)at;
}

static bool contains(const char *text, size_t n, const char *what)
{
	return memmem(text, n, what, strlen(what)) != NULL;
}

/* Behind a tag that begins at p; NULL: it has too many attributes, or no end. */
static const char *behind_tag(const char *p, const char *end)
{
	unsigned attributes = 0;
	char quote = '\0';

	for (; p < end && (quote || *p != '>'); p++) {
		if (quote) {
			quote = (char)(*p == quote ? '\0' : quote);
		} else if (*p == '"' || *p == '\'') {
			if (++attributes > ATTRIBUTES_MOST)
				return NULL;
			quote = *p;
		}
	}
	return p < end ? p : NULL;
}

/* libxml2 compares each attribute of an element with each other one: a million bytes of them would take it a minute. */
static int check_tags(const char *text, size_t n, struct err *e)
{
	static const char *const other[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
	const char *p = text, *end = text + n;

	while (p && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *last = NULL;

		for (size_t i = 0; i < sizeof(other) / sizeof(*other) && !last; i++) {
			size_t k = strlen(other[i][0]);

			if ((size_t)(end - p) >= k && memcmp(p, other[i][0], k) == 0) {
				last = other[i][1];
				p = memmem(p + k, (size_t)(end - p) - k, last, strlen(last));
			}
		}
		if (!last && !(p = behind_tag(p, end)))
			return err_set(e, E_INVAL, "an element of the XML has no end, or more than %u attributes",
				       ATTRIBUTES_MOST);
	}
	return 0; /* where something has no end the parser says so */
}

static int document(struct xml *x, json_t **set)
{
	int rc = child(x), more;

	if (rc > 0)
		rc = is(x, "NativeDicomModel") ? set_of(x, set) : unexpected(x);
	if (rc < 0)
		return rc;
	while ((more = xmlTextReaderRead(x->reader)) == 1) /* comments */
		;
	return more < 0 ? err_set(x->e, E_INVAL, "the XML is not well-formed behind its document") : 0;
}

int model_read_xml(const char *text, size_t n, struct model_set *out, struct err *e)
{
	struct xml x = {.e = e};
	json_t *set = NULL;
	bool foreign = contains(text, n, "&#");
	int rc;

	if (n > MODEL_TEXT)
		return err_set(e, E_LIMIT, "a data set in XML is longer than %u bytes", MODEL_TEXT);
	if (contains(text, n, "<!DOCTYPE") || contains(text, n, "<!ENTITY"))
		return err_set(e, E_INVAL, "the XML has a document type or entities, which are not taken");
	if ((rc = check_tags(text, n, e)) < 0)
		return rc;
	for (size_t i = 0; i < n && !foreign; i++)
		foreign = (unsigned char)text[i] >= 0x80;
	x.reader =
	    xmlReaderForMemory(text, (int)n, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!x.reader)
		return err_set(e, E_NOMEM, "no memory for reading XML");
	xmlTextReaderSetErrorHandler(x.reader, quiet, NULL);
	if ((rc = document(&x, &set)) == 0)
		rc = model_read_tree(set, foreign, out, e);
	json_decref(set);
	xmlFreeTextReader(x.reader);
	return rc;
}
