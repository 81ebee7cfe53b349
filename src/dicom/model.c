#include "dicom/model.h"
#include "dicom/dset_tree.h"
#include "dicom/model_format.h"
#include <stdlib.h>
#include <string.h>

#define SPECIFIC_CHARACTER_SET TAG(0x0008, 0x0005)
#define AVAILABLE_SYNTAX TAG(0x0008, 0x3002)
#define PIXEL_REPRESENTATION TAG(0x0028, 0x0103)
#define FLOAT_PIXEL_DATA TAG(0x7FE0, 0x0008)
#define PIXEL_DATA TAG(0x7FE0, 0x0010)
#define TRAILING_PADDING TAG(0xFFFC, 0xFFFC)
#define TEXT_MOST (4 * MODEL_VALUE_MOST + 4 * (size_t)DSET_MOST) /* a value in UTF-8 */
#define URI_MOST ((size_t)4096)
#define CREATORS_MOST ((size_t)16 << 20)

/* ---- what an element is */

static bool is_pixels(uint32_t tag)
{
	return tag >= FLOAT_PIXEL_DATA && tag <= PIXEL_DATA;
}

static bool left_out(const struct model_writer *w, uint32_t tag)
{
	uint32_t group = tag >> 16;

	if (tag == AVAILABLE_SYNTAX && w->depth == 0 && w->o.available)
		return true;
	return (tag & 0xFFFF) == 0 || group == 0x0000 || group == 0x0002 || tag == TRAILING_PADDING ||
	       tag == w->levels[w->depth].tag;
}

/* In implicit VR the dictionary says US of what may be SS, too: values of pixels (PS3.5 A.1). */
static bool like_pixels(uint32_t tag)
{
	static const uint32_t tags[] = {
	    0x00280104, 0x00280105, 0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280110,
	    0x00280111, 0x00280120, 0x00280121, 0x00281101, 0x00281102, 0x00281103, 0x00281111,
	    0x00281112, 0x00281113, 0x00283002, 0x00409211, 0x00409216, 0x00603004, 0x00603006,
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (tags[i] == tag)
			return true;
	return false;
}

static const char *vr_of(const struct model_writer *w, const struct scan_element *el)
{
	const char *known;

	if (is_pixels(el->tag) && strcmp(el->vr, "OB") != 0 && el->tag == PIXEL_DATA)
		return el->length == SCAN_UNDEFINED ? "OB" : "OW";
	if (w->implicit && w->is_signed && !strcmp(el->vr, "US") && like_pixels(el->tag))
		return "SS";
	if (!strcmp(el->vr, "UN") && strcmp(known = dict_vr(el->tag), "SQ") != 0)
		return known;
	return el->vr;
}

static bool is_bulk(const struct model_writer *w, const struct scan_element *el, const char *vr)
{
	size_t most = w->o.bulk_over ? w->o.bulk_over : MODEL_VALUE_MOST;

	if (el->length == 0)
		return false;
	if (el->tag == TAG(0x0028, 0x2000) && most < MODEL_ICC_MOST)
		most = MODEL_ICC_MOST;
	return !el->value || is_pixels(el->tag) || (el->length > most && !vr_is_string(vr));
}

/* ---- one attribute */

static int put_path(const struct model_writer *w, uint32_t tag, struct buf *out, struct err *e)
{
	int rc = 0;

	for (unsigned d = 0; d < w->depth && rc >= 0; d++)
		rc = buf_printf(out, e, "%08X/%u/", (unsigned)w->levels[d].tag, w->levels[d].items - 1);
	return rc < 0 ? rc : buf_printf(out, e, "%08X", (unsigned)tag);
}

static int put_bulk(struct model_writer *w, const struct scan_element *el, const char *vr, struct err *e)
{
	AUTO(buf) path = BUF(URI_MOST);
	int rc;

	if (!w->o.bulk)
		return 0;
	buf_clear(&w->uri);
	if ((rc = put_path(w, el->tag, &path, e)) < 0 ||
	    (rc = w->o.bulk(w->o.arg, buf_text(&path), el, &w->uri, e)) < 0 ||
	    (rc = w->ops->open(w, el->tag, vr, e)) < 0 || (rc = w->ops->bulk(w, buf_text(&w->uri), e)) < 0)
		return rc;
	return w->ops->close(w, e);
}

/* value: little endian; NULL for an empty one. */
static int put_inline(struct model_writer *w, uint32_t tag, const char *vr, const uint8_t *value, size_t len,
		      struct err *e)
{
	int rc = w->ops->open(w, tag, vr, e);

	if (rc < 0 || (len > 0 && (rc = model_value(w, tag, vr, value, len, e)) < 0))
		return rc;
	return w->ops->close(w, e);
}

static int put_scanned(struct model_writer *w, const struct scan_element *el, const char *vr, struct err *e)
{
	int rc;

	if (!el->big_endian || el->length == 0)
		return put_inline(w, el->tag, vr, el->value, el->length, e);
	buf_clear(&w->swapped);
	if ((rc = buf_put(&w->swapped, el->value, el->length, e)) < 0)
		return rc;
	dset_swap(vr, w->swapped.data, w->swapped.len);
	return put_inline(w, el->tag, vr, w->swapped.data, w->swapped.len, e);
}

/* A data set without a label that has text outside ASCII all the same has the label of what is written here. */
static int put_missing_label(struct model_writer *w, uint32_t tag, struct err *e)
{
	struct model_level *l = &w->levels[0];
	const char *shown = w->o.verdict.shown;

	if (w->depth > 0 || l->tag >= SPECIFIC_CHARACTER_SET || tag <= SPECIFIC_CHARACTER_SET || !shown || !*shown)
		return 0;
	l->tag = SPECIFIC_CHARACTER_SET;
	return put_inline(w, SPECIFIC_CHARACTER_SET, "CS", (const uint8_t *)"ISO_IR 192", 10, e);
}

/* In its place before the element that comes next. */
static int put_available(struct model_writer *w, uint32_t next, struct err *e)
{
	const char *uid = w->o.available;

	if (!uid || w->depth > 0 || next < AVAILABLE_SYNTAX)
		return 0;
	w->o.available = NULL;
	return put_inline(w, AVAILABLE_SYNTAX, "UI", (const uint8_t *)uid, strlen(uid), e);
}

/* What later elements are understood by. */
static void take_note(struct model_writer *w, const struct scan_element *el)
{
	struct model_level *l = &w->levels[w->depth];

	if (el->tag == PIXEL_REPRESENTATION && w->depth == 0 && el->value && el->length >= 2)
		w->is_signed = el->value[0] == 1;
	if (el->tag == SPECIFIC_CHARACTER_SET && w->depth > 0) {
		size_t n = el->value && el->length < sizeof(l->label) ? el->length : 0;

		memset(l->label, 0, sizeof(l->label));
		if (n > 0)
			memcpy(l->label, el->value, n);
		l->charset = l->label;
	}
}

/* ---- sequences */

static int begin_sequence(struct model_writer *w, uint32_t tag, struct err *e)
{
	struct model_level *l = &w->levels[w->depth];

	l->items = 0;
	l->sequence = true;
	return w->ops->open(w, tag, "SQ", e);
}

static int begin_item(struct model_writer *w, struct err *e)
{
	struct model_level *l = &w->levels[w->depth];
	int rc = l->items == 0 ? w->ops->values(w, true, e) : 0;

	if (rc < 0 || (rc = w->ops->item(w, ++l->items, true, e)) < 0)
		return rc;
	w->depth++;
	l[1] = (struct model_level){.charset = l->charset};
	return 0;
}

static int end_item(struct model_writer *w, struct err *e)
{
	model_creators_forget(w, w->depth);
	w->depth--;
	return w->ops->item(w, w->levels[w->depth].items, false, e);
}

static int end_sequence(struct model_writer *w, struct err *e)
{
	struct model_level *l = &w->levels[w->depth];
	int rc = l->items > 0 ? w->ops->values(w, false, e) : 0;

	l->sequence = false;
	return rc < 0 ? rc : w->ops->close(w, e);
}

/* ---- what the scanner announces */

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct model_writer *w = arg;
	const char *vr;
	int rc;

	if (w->muted && el->depth > w->muted_at)
		return 0;
	w->muted = false;
	if (left_out(w, el->tag)) {
		w->muted = !strcmp(el->vr, "SQ");
		w->muted_at = el->depth;
		return 0;
	}
	if ((rc = put_missing_label(w, el->tag, e)) < 0 || (rc = put_available(w, el->tag, e)) < 0)
		return rc;
	w->levels[w->depth].tag = el->tag;
	take_note(w, el);
	vr = vr_of(w, el);
	if (!strcmp(vr, "SQ"))
		return begin_sequence(w, el->tag, e);
	if (is_bulk(w, el, vr))
		rc = put_bulk(w, el, vr, e);
	else
		rc = put_scanned(w, el, vr, e);
	return rc < 0 ? rc : w->depth == 0 && el->tag == PIXEL_DATA;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct model_writer *w = arg;

	if (w->muted && depth >= w->muted_at)
		return 0;
	return begin ? begin_item(w, e) : end_item(w, e);
}

static int on_sequence_end(void *arg, unsigned depth, struct err *e)
{
	struct model_writer *w = arg;

	if (w->muted && depth >= w->muted_at) {
		w->muted = depth > w->muted_at;
		return 0;
	}
	return end_sequence(w, e);
}

/* ---- the writer */

static void writer_clear(struct model_writer *w)
{
	scan_free(w->scan);
	w->full = -E_LIMIT; /* what the library still holds is nobody's */
	xmlFreeTextWriter(w->xml);
	buf_cleanup(&w->text);
	buf_cleanup(&w->swapped);
	buf_cleanup(&w->uri);
	buf_cleanup(&w->creators);
}

static int writer_begin(struct model_writer *w, const struct model_options *o, struct buf *out, struct err *e)
{
	w->o = *o;
	w->ops = o->format == MODEL_XML ? &model_xml : &model_json;
	w->out = out;
	w->levels[0].charset = o->verdict.shown ? o->verdict.shown : "";
	w->text = BUF(TEXT_MOST);
	w->swapped = BUF(MODEL_VALUE_MOST + 1);
	w->uri = BUF(URI_MOST);
	w->creators = BUF(CREATORS_MOST);
	return w->ops->begin(w, e);
}

int model_new(const struct model_options *o, const char *syntax, struct buf *out, struct model_writer **made,
	      struct err *e)
{
	static const struct scan_ops ops = {.element = on_element, .item = on_item, .sequence_end = on_sequence_end};
	AUTO(model) w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return err_set(e, E_NOMEM, "no memory for a writer of data sets");
	w->implicit = strcmp(syntax, UID_IMPLICIT_LE) == 0;
	if ((rc = writer_begin(w, o, out, e)) < 0 ||
	    (rc = scan_new(syntax, MODEL_VALUE_MOST, &ops, w, &w->scan, e)) < 0)
		return rc;
	scan_pass_pixels(w->scan);
	*made = STEAL(w);
	return 0;
}

int model_feed(struct model_writer *w, const void *data, size_t n, struct err *e)
{
	return scan_feed(w->scan, data, n, e);
}

int model_end(struct model_writer *w, struct err *e)
{
	struct err why = {0};
	int broken, rc = 0;

	if ((broken = scan_end(w->scan, &why)) >= 0)
		broken = 0;
	while (rc >= 0 && (w->depth > 0 || w->levels[0].sequence))
		rc = w->levels[w->depth].sequence ? end_sequence(w, e) : end_item(w, e);
	if (rc < 0 || (rc = put_available(w, UINT32_MAX, e)) < 0 || (rc = w->ops->end(w, e)) < 0)
		return rc;
	return broken < 0 ? err_set(e, (enum err_code) - broken, "%s", why.msg) : 0;
}

void model_free(struct model_writer *w)
{
	if (!w)
		return;
	writer_clear(w);
	free(w);
}

/* ---- small data sets */

static int put_set(struct model_writer *w, const struct dset *d, struct err *e);

static int put_items(struct model_writer *w, const struct elem *el, struct err *e)
{
	int rc = begin_sequence(w, el->tag, e);

	for (unsigned i = 0; i < el->n_items && rc >= 0; i++) {
		if ((rc = begin_item(w, e)) < 0 || (rc = put_set(w, el->items[i], e)) < 0)
			return rc;
		rc = end_item(w, e);
	}
	return rc < 0 ? rc : end_sequence(w, e);
}

static int put_set(struct model_writer *w, const struct dset *d, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < d->n && rc >= 0; i++) {
		const struct elem *el = &d->v[i];

		if (el->tag == SPECIFIC_CHARACTER_SET && w->depth > 0)
			w->levels[w->depth].charset = (const char *)el->value;
		if (!strcmp(el->vr, "SQ"))
			rc = put_items(w, el, e);
		else
			rc = put_inline(w, el->tag, el->vr, el->value, el->len, e);
	}
	return rc;
}

int model_dset(const struct dset *d, enum model_format format, const char *label, struct buf *out, struct err *e)
{
	struct model_options o = {.format = format};
	struct model_writer w = {0};
	size_t start = out->len;
	int rc;

	o.verdict.shown = label ? label : dset_judge(d).shown;
	if ((rc = writer_begin(&w, &o, out, e)) >= 0 && (rc = put_set(&w, d, e)) >= 0)
		rc = w.ops->end(&w, e);
	writer_clear(&w);
	if (rc < 0)
		out->len = start;
	return rc < 0 ? rc : 0;
}
