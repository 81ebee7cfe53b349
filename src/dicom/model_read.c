#include "dicom/model_read.h"
#include "dicom/dict.h"
#include "dicom/model_tree.h"
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MOST (2 * MODEL_TEXT)
#define CHARACTER_SET TAG(0x0008, 0x0005)
#define ITEM TAG(0xFFFE, 0xE000)
#define ITEM_END TAG(0xFFFE, 0xE00D)
#define SEQUENCE_END TAG(0xFFFE, 0xE0DD)

struct reader {
	struct model_set *out;
	bool foreign;
	unsigned depth;
	struct err *e;
};
struct member {
	uint32_t tag;
	const json_t *value;
};

/* ---- headers */

static int put_head(uint32_t tag, const char *vr, uint32_t length, struct buf *out, struct err *e)
{
	uint8_t h[12] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag, (uint8_t)(tag >> 8)};
	bool item = tag >> 16 == 0xFFFE, wide = !item && vr_is_long(vr);
	uint8_t *p = h + (wide ? 8 : item ? 4 : 6);

	if (!item)
		memcpy(h + 4, vr, 2);
	for (unsigned i = 0; i < (wide || item ? 4u : 2u); i++)
		p[i] = (uint8_t)(length >> (8 * i));
	return buf_put(out, h, wide ? 12 : 8, e);
}

int model_bulk_head(uint32_t tag, const char *vr, uint32_t length, struct buf *out, struct err *e)
{
	return put_head(tag, length > UINT16_MAX && tag >> 16 != 0xFFFE && !vr_is_long(vr) ? "UN" : vr, length, out, e);
}

static void name_of(uint32_t tag, char path[12])
{
	snprintf(path, 12, "(%04X,%04X)", tag >> 16, tag & 0xFFFF);
}

/* ---- one element */

static int put_value(struct reader *r, uint32_t tag, const char *vr, struct buf *value)
{
	int rc = 0;

	if (value->len & 1)
		rc = buf_byte(value, vr_is_string(vr) && strcmp(vr, "UI") != 0 ? ' ' : 0, r->e);
	if (rc == 0)
		rc = model_bulk_head(tag, vr, (uint32_t)value->len, &r->out->bytes, r->e);
	return rc < 0 ? rc : buf_put(&r->out->bytes, value->data, value->len, r->e);
}

static void take(char out[65], const struct buf *value)
{
	size_t n = value->len;

	while (n > 0 && (value->data[n - 1] == ' ' || value->data[n - 1] == '\0'))
		n--;
	if (n < 65 && n > 0 && uid_sane((const char *)value->data, n))
		snprintf(out, 65, "%.*s", (int)n, (const char *)value->data);
}

/* What others want to know of it before it is whole. */
static void notice(struct reader *r, uint32_t tag, const struct buf *value)
{
	struct model_set *s = r->out;
	char *end;

	if (r->depth > 0)
		return;
	switch (tag) {
	case TAG(0x0008, 0x0016):
		take(s->sop_class, value);
		break;
	case TAG(0x0008, 0x0018):
		take(s->sop_instance, value);
		break;
	case TAG(0x0020, 0x000D):
		take(s->study, value);
		break;
	case TAG(0x0020, 0x000E):
		take(s->series, value);
		break;
	case TAG(0x0028, 0x0008):
		s->frames = g_ascii_strtoll(buf_text(value), &end, 10);
		if (s->frames < 1)
			s->frames = 1;
		break;
	default:
		break;
	}
}

static int put_bulk(struct reader *r, uint32_t tag, const char *vr, const char *uri)
{
	struct model_set *s = r->out;
	struct model_bulk *more;

	if (s->n_bulks == MODEL_BULKS)
		return err_set(r->e, E_LIMIT, "a data set refers to bulk data more than %u times", MODEL_BULKS);
	if (strlen(uri) > MODEL_URI)
		return err_set(r->e, E_LIMIT, "(%04X,%04X): BulkDataURI is longer than %u bytes", tag >> 16,
			       tag & 0xFFFF, MODEL_URI);
	if (!(s->n_bulks & (s->n_bulks - 1))) {
		more = realloc(s->bulks, (s->n_bulks ? 2 * s->n_bulks : 1) * sizeof *more);
		if (!more)
			return err_set(r->e, E_NOMEM, "no memory for references to bulk data");
		s->bulks = more;
	}
	more = &s->bulks[s->n_bulks];
	*more = (struct model_bulk){.at = s->bytes.len, .tag = tag, .depth = r->depth, .uri = s->uris.len};
	memcpy(more->vr, vr, 3);
	s->n_bulks++;
	return buf_put(&s->uris, uri, strlen(uri) + 1, r->e);
}

static int put_set(struct reader *r, const json_t *object);

static int put_items(struct reader *r, uint32_t tag, const json_t *items)
{
	struct buf *out = &r->out->bytes;
	int rc;

	if (json_array_size(items) == 0)
		return put_head(tag, "SQ", 0, out, r->e);
	if (r->depth + 1 >= SCAN_DEPTH)
		return err_set(r->e, E_LIMIT, "sequences lie deeper than %d levels", SCAN_DEPTH);
	rc = put_head(tag, "SQ", SCAN_UNDEFINED, out, r->e);
	r->depth++;
	for (size_t i = 0; i < json_array_size(items) && rc == 0; i++) {
		const json_t *item = json_array_get(items, i);
		char path[12];

		name_of(tag, path);
		if (!json_is_object(item) && !json_is_null(item))
			rc = err_set(r->e, E_INVAL, "%s: an item of a sequence is no object", path);
		if (rc == 0)
			rc = put_head(ITEM, "", SCAN_UNDEFINED, out, r->e);
		if (rc == 0 && json_is_object(item))
			rc = put_set(r, item);
		if (rc == 0)
			rc = put_head(ITEM_END, "", 0, out, r->e);
	}
	r->depth--;
	return rc < 0 ? rc : put_head(SEQUENCE_END, "", 0, out, r->e);
}

/* The three ways to give a value; NULL where it is not given so. */
struct given {
	const char *vr;
	const json_t *values, *bytes, *uri;
};

static int look(const char *path, uint32_t tag, const json_t *v, struct given *g, struct err *e)
{
	size_t known = 0;
	const json_t *vr = json_object_get(v, "vr");

	g->values = json_object_get(v, "Value");
	g->bytes = json_object_get(v, "InlineBinary");
	g->uri = json_object_get(v, "BulkDataURI");
	known = (g->values != NULL) + (g->bytes != NULL) + (g->uri != NULL);
	if (!json_is_object(v) || json_object_size(v) != known + (vr != NULL))
		return err_set(e, E_INVAL, "%s: not an object of vr and one of Value, InlineBinary, BulkDataURI", path);
	if (known > 1)
		return err_set(e, E_INVAL, "%s: more than one of Value, InlineBinary and BulkDataURI", path);
	g->vr = vr ? json_string_value(vr) : dict_vr(tag);
	if (!g->vr || !model_vr_known(g->vr))
		return err_set(e, E_INVAL, "%s: the vr is none of the standard's", path);
	if ((g->values && !json_is_array(g->values)) || (g->bytes && !json_is_string(g->bytes)) ||
	    (g->uri && !json_is_string(g->uri)))
		return err_set(e, E_INVAL, "%s: Value is an array, InlineBinary and BulkDataURI are strings", path);
	if (strcmp(g->vr, "SQ") == 0 && (g->bytes || g->uri))
		return err_set(e, E_INVAL, "%s: a sequence has items", path);
	if (g->bytes && !model_vr_bytes(g->vr))
		return err_set(e, E_INVAL, "%s: VR %s has no InlineBinary", path, g->vr);
	return 0;
}

/* How the pixels come; not of the object. */
static void notice_syntax(struct reader *r, uint32_t tag, const json_t *v)
{
	const char *uid = json_string_value(json_array_get(json_object_get(v, "Value"), 0));
	bool first = tag == TAG(0x0002, 0x0010) || !r->out->syntax[0];

	if (uid && r->depth == 0 && first && uid_sane(uid, strlen(uid)))
		snprintf(r->out->syntax, sizeof r->out->syntax, "%s", uid);
}

static int put_element(struct reader *r, uint32_t tag, const json_t *v)
{
	AUTO(buf) value = BUF(BYTES_MOST);
	struct given g = {0};
	char path[12];
	int rc;

	name_of(tag, path);
	if ((rc = look(path, tag, v, &g, r->e)) < 0)
		return rc;
	if (strcmp(g.vr, "SQ") == 0)
		return put_items(r, tag, g.values);
	if (g.uri)
		return put_bulk(r, tag, g.vr, json_string_value(g.uri));
	if (g.values)
		rc = model_put_values(path, g.vr, g.values, &value, r->e);
	else if (g.bytes)
		rc = model_put_base64(path, json_string_value(g.bytes), json_string_length(g.bytes), &value, r->e);
	if (rc < 0)
		return rc;
	notice(r, tag, &value);
	return put_value(r, tag, g.vr, &value);
}

/* ---- a data set */

static int by_tag(const void *a, const void *b)
{
	uint32_t x = ((const struct member *)a)->tag, y = ((const struct member *)b)->tag;

	return (x > y) - (x < y);
}

/* 1: it is one of the object; 0: left out. */
static int member_of(struct reader *r, const char *key, const json_t *value, uint32_t *tag)
{
	guint64 v;

	if (strlen(key) != 8 || !g_ascii_string_to_unsigned(key, 16, 0, UINT32_MAX, &v, NULL))
		return err_set(r->e, E_INVAL, "a key is no tag of eight hexadecimal digits: %.16s", key);
	*tag = (uint32_t)v;
	if (*tag == TAG(0x0002, 0x0010) || *tag == TAG(0x0008, 0x3002))
		notice_syntax(r, *tag, value);
	if (*tag >> 16 == 0x0002 || *tag == TAG(0x0008, 0x3002) || *tag == CHARACTER_SET)
		return 0;
	if (*tag >> 16 == 0 || *tag >> 16 == 0xFFFE || *tag >> 16 == 0xFFFF)
		return err_set(r->e, E_INVAL, "(%04X,%04X) is no element of a data set", *tag >> 16, *tag & 0xFFFF);
	return (*tag & 0xFFFF) != 0;
}

static int put_members(struct reader *r, const struct member *all, size_t n, bool label)
{
	AUTO(buf) value = BUF(16);
	int rc = label ? buf_str(&value, "ISO_IR 192", r->e) : 0;

	for (size_t i = 0; i <= n && rc == 0; i++) {
		if (label && (i == n || all[i].tag > CHARACTER_SET)) {
			label = false;
			rc = put_value(r, CHARACTER_SET, "CS", &value);
		}
		if (rc == 0 && i + 1 < n && all[i].tag == all[i + 1].tag)
			rc = err_set(r->e, E_INVAL, "(%04X,%04X) comes twice", all[i].tag >> 16, all[i].tag & 0xFFFF);
		if (rc == 0 && i < n)
			rc = put_element(r, all[i].tag, all[i].value);
	}
	return rc;
}

static int put_set(struct reader *r, const json_t *object)
{
	struct member *all = calloc(json_object_size(object) + 1, sizeof *all);
	json_t *tree = (json_t *)(uintptr_t)object; /* jansson's iterators want it so, and change nothing */
	bool label = r->depth == 0 && r->foreign;
	size_t n = 0;
	int rc = all ? 0 : err_set(r->e, E_NOMEM, "no memory for the elements of a data set");

	for (void *at = json_object_iter(tree); at && rc >= 0; at = json_object_iter_next(tree, at)) {
		all[n].value = json_object_iter_value(at);
		rc = member_of(r, json_object_iter_key(at), all[n].value, &all[n].tag);
		label |= rc == 0 && r->depth == 0 && all[n].tag == CHARACTER_SET;
		n += rc > 0;
	}
	if (rc >= 0) {
		qsort(all, n, sizeof *all, by_tag);
		rc = put_members(r, all, n, label);
	}
	free(all);
	return rc;
}

void model_set_cleanup(struct model_set *s)
{
	buf_cleanup(&s->bytes);
	buf_cleanup(&s->uris);
	free(s->bulks);
	s->bulks = NULL;
}

int model_read_tree(const json_t *object, bool foreign, struct model_set *out, struct err *e)
{
	AUTO(model_set) s = {.bytes = BUF(BYTES_MOST), .uris = BUF(MODEL_TEXT), .frames = 1};
	struct reader r = {.out = &s, .foreign = foreign, .e = e};
	int rc;

	if (!json_is_object(object) || json_object_size(object) == 0)
		return err_set(e, E_INVAL, "a data set is an object of elements");
	if ((rc = put_set(&r, object)) < 0)
		return rc;
	*out = s;
	s = (struct model_set){0};
	return 0;
}

/* Text beyond ASCII, as it is or escaped? */
static bool beyond_ascii(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] >= 0x80 || (text[i] == '\\' && i + 1 < n && text[i + 1] == 'u'))
			return true;
	return false;
}

int model_read_json(const char *text, size_t n, struct model_set *out, struct err *e)
{
	json_error_t why;
	json_t *tree;
	int rc;

	if (n > MODEL_TEXT)
		return err_set(e, E_LIMIT, "a data set in JSON is longer than %u bytes", MODEL_TEXT);
	if (!(tree = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why)))
		return err_set(e, E_INVAL, "line %d of the JSON: %s", why.line,
			       json_error_code(&why) == json_error_duplicate_key ? "a key comes twice"
										 : "not understood");
	rc = model_read_tree(tree, beyond_ascii(text, n), out, e);
	json_decref(tree);
	return rc;
}
