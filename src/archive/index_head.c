/* archive/index_head.c - collects the attributes of the four levels from a data set as it passes. */
#include "archive/index_internal.h"
#include "archive/match.h"
#include "base/metrics.h"
#include "dicom/charset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct metric m_mislabelled = METRIC(COUNTER, "teleread_mislabelled_instances_total", "",
					    "Instances read whose text is not in the character set that they name");

#define TAG_CHARSET TAG(0x0008, 0x0005)

/* ---------------------------------------------------------------- while it passes */

static bool complete(const struct index_head *h)
{
	return h->class[0] && h->instance[0] && h->study[0] && h->series[0];
}

static void take_uid(struct index_head *h, char out[65], const char *name, const struct scan_element *el)
{
	size_t n = el->value ? el->length : 0;
	const char *text = (const char *)el->value;

	if (n == 0 && el->length == 0)
		return; /* empty is missing */
	if (n > 0)
		match_trim("UI", &text, &n);
	if (n == 0 || !uid_sane(text, n)) {
		h->bad_uid = h->bad_uid ? h->bad_uid : name;
		return;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

static int keep(struct index_head *h, const struct attr *a, const struct scan_element *el, struct err *e)
{
	struct head_value *v;
	int rc;

	if (el->length == 0 || h->n == ATTR_MOST)
		return 0;
	if (!el->value || h->raw.len + el->length > HEAD_TOTAL_MOST) {
		h->cut = true;
		return 0;
	}
	for (unsigned i = 0; i < h->n; i++)
		if (h->values[i].attr == a)
			return 0; /* twice in one data set: the first counts */
	v = &h->values[h->n];
	*v =
	    (struct head_value){.attr = a, .at = (uint32_t)h->raw.len, .len = el->length, .big_endian = el->big_endian};
	memcpy(v->vr, el->vr, sizeof(v->vr));
	if ((rc = buf_put(&h->raw, el->value, el->length, e)) < 0)
		return rc;
	h->n++;
	return 0;
}

/* Whose block is it? Remembered when it is one that we keep attributes of. */
static void private_creator(struct index_head *h, const struct scan_element *el)
{
	struct head_block *b = &h->blocks[h->n_blocks];
	const char *text = (const char *)el->value;
	size_t n = el->value ? el->length : 0;

	if (n == 0 || h->n_blocks == HEAD_BLOCKS || !attr_set_creator(h->extra, el->tag, text, n))
		return;
	match_trim("LO", &text, &n);
	b->block = (el->tag & 0xFFFF0000) | (el->tag & 0xFF) << 8;
	snprintf(b->creator, sizeof(b->creator), "%.*s", (int)(n < 64 ? n : 64), text);
	h->n_blocks++;
}

static const struct attr *find_attr(struct index_head *h, const struct scan_element *el)
{
	if (!(el->tag >> 16 & 1))
		return attr_set_find(h->extra, el->tag);
	if ((el->tag & 0xFFFF) < 0x1000) {
		private_creator(h, el);
		return NULL;
	}
	for (unsigned i = 0; i < h->n_blocks; i++)
		if (h->blocks[i].block == (el->tag & 0xFFFFFF00))
			return attr_set_private(h->extra, el->tag, h->blocks[i].creator, strlen(h->blocks[i].creator));
	return NULL;
}

static int item_seen(void *arg, unsigned depth, bool begin, struct err *e)
{
	return begin ? head_sequence_item(arg, depth, e) : 0;
}

static int seen(void *arg, const struct scan_element *el, struct err *e)
{
	struct index_head *h = arg;
	const struct attr *a;
	int rc;

	if (el->depth > 0)
		return head_sequence_element(h, el, e);
	h->over |= el->tag >= TAG(0x7FE0, 0x0008);
	if ((rc = head_sequence_end(h, e)) < 0)
		return rc;
	if (el->tag == TAG_CHARSET && !h->has_label) {
		size_t n = el->value ? el->length : 0;

		h->has_label = true;
		if (n > 0 && n < sizeof(h->label))
			memcpy(h->label, el->value, n); /* the rest is zero already */
		return 0;
	}
	if (!(a = find_attr(h, el)))
		return 0;
	switch (a->from) {
	case ATTR_KEPT:
		if (strcmp(a->vr, "SQ") == 0 || strcmp(el->vr, "SQ") == 0)
			return strcmp(a->vr, el->vr) == 0 ? head_sequence_begin(h, a, e) : 0;
		return keep(h, a, el, e);
	case ATTR_SOP_CLASS:
		if (!h->class[0])
			take_uid(h, h->class, "SOP Class UID", el);
		return 0;
	case ATTR_SOP_UID:
		if (!h->instance[0])
			take_uid(h, h->instance, "SOP Instance UID", el);
		return 0;
	case ATTR_STUDY_UID:
		if (!h->study[0])
			take_uid(h, h->study, "Study Instance UID", el);
		return 0;
	case ATTR_SERIES_UID:
		if (!h->series[0])
			take_uid(h, h->series, "Series Instance UID", el);
		return 0;
	default:
		return 0; /* computed here, whatever the object says */
	}
}

int index_head_new(const char *syntax, const struct attr_set *extra, struct index_head **out, struct err *e)
{
	static const struct scan_ops ops = {.element = seen, .item = item_seen};
	struct index_head *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return err_set(e, E_NOMEM, "no memory for the head of a data set");
	h->extra = extra;
	h->raw = BUF(HEAD_TOTAL_MOST + 1);
	h->patient = h->own = h->series_attrs = h->image = h->names = h->names_other = BUF(HEAD_TEXT_MOST);
	if ((rc = scan_new(syntax, HEAD_VALUE_MOST, &ops, h, &h->scan, e)) < 0) {
		index_head_free(h);
		return rc;
	}
	*out = h;
	return 0;
}

/* What the stream says wrong behind the identity is kept as a remark, since pixels are worth keeping however they end.
 */
static int excuse(struct index_head *h, int rc, const struct err *why, struct err *e)
{
	if (!complete(h) || (rc != -E_INVAL && rc != -E_LIMIT))
		return err_set(e, (enum err_code) - rc, "%s", why->msg);
	h->truncated = true;
	snprintf(h->remark, sizeof(h->remark), "%.159s", why->msg);
	return 0;
}

int index_head_feed(struct index_head *h, const void *data, size_t n, struct err *e)
{
	struct err why = {0};
	int rc;

	if (h->truncated)
		return 0;
	rc = scan_feed(h->scan, data, n, &why);
	return rc < 0 ? excuse(h, rc, &why, e) : 0;
}

size_t index_head_bytes(const struct index_head *h)
{
	return sizeof *h + h->raw.len + h->patient.len + h->own.len + h->series_attrs.len + h->image.len +
	       h->names.len + h->names_other.len;
}

bool index_head_over(const struct index_head *h)
{
	return h->over || h->truncated;
}

const char *index_head_class(const struct index_head *h)
{
	return h->class;
}

const char *index_head_instance(const struct index_head *h)
{
	return h->instance;
}

const char *index_head_study(const struct index_head *h)
{
	return h->study;
}

const char *index_head_series(const struct index_head *h)
{
	return h->series;
}

void index_head_patient_id(const struct index_head *h, char *out, size_t room)
{
	const char *text;
	size_t n;

	head_text(&h->patient, ATTR_PATIENT_ID, &text, &n);
	snprintf(out, room, "%.*s", (int)(n < room ? n : room), text);
}

const char *index_head_charset(const struct index_head *h)
{
	return h->charset_note;
}

void index_head_free(struct index_head *h)
{
	if (!h)
		return;
	scan_free(h->scan);
	dset_free(h->sequence.root);
	buf_cleanup(&h->raw);
	buf_cleanup(&h->patient);
	buf_cleanup(&h->own);
	buf_cleanup(&h->series_attrs);
	buf_cleanup(&h->image);
	buf_cleanup(&h->names);
	buf_cleanup(&h->names_other);
	free(h);
}

/* ---------------------------------------------------------------- at its end */

/* Binary numbers in decimal. Their width is that of the VR they came with, or of the one they should have. */
static int number_text(const struct head_value *v, const uint8_t *p, struct buf *out, struct err *e)
{
	const char *vr = attr_is_binary(v->vr) ? v->vr : v->attr->vr;

	return attr_number_text(vr, p, v->len, v->big_endian, out, e);
}

bool head_plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < 0x20 || p[i] > 0x7E) && p[i] != '\t' && p[i] != '\r' && p[i] != '\n' && p[i] != '\f' &&
		    p[i] != 0)
			return false;
	return true;
}

static int value_text(struct index_head *h, const struct head_value *v, const char *label, struct buf *out, int *flags,
		      struct err *e)
{
	const uint8_t *p = h->raw.data + v->at;
	const char *vr = v->attr->vr;
	int rc;

	if (attr_is_binary(vr))
		return number_text(v, p, out, e);
	if (head_plain(p, v->len))
		rc = buf_put(out, p, v->len, e);
	else if ((rc = charset_decode(label, vr_is_text(vr) ? vr : "LO", p, v->len, out, e)) > 0)
		*flags |= rc;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < out->len; i++)
		if (out->data[i] == '\0')
			out->data[i] = ' ';
	return 0;
}

static int place(struct index_head *h, const struct attr *a, const char *text, size_t n, struct err *e)
{
	int rc;

	switch (a->level) {
	case LEVEL_PATIENT:
		if ((rc = attr_put(&h->patient, a->code, text, n, e)) < 0)
			return rc;
		return attr_put(&h->own, a->code, text, n, e);
	case LEVEL_STUDY:
		return attr_put(&h->own, a->code, text, n, e);
	case LEVEL_SERIES:
		return attr_put(&h->series_attrs, a->code, text, n, e);
	default:
		return attr_put(&h->image, a->code, text, n, e);
	}
}

/* The label as it may be printed. */
static void note_charset(struct index_head *h, const char *likely)
{
	const char *label = h->label;
	size_t n = strnlen(label, 39);
	char found[40] = "none";

	match_trim("CS", &label, &n);
	for (size_t i = 0; i < n; i++)
		found[i] = (char)(label[i] < ' ' || label[i] > '~' ? '?' : label[i]);
	if (n > 0)
		found[n] = '\0';
	snprintf(h->charset_note, sizeof(h->charset_note), "%s is %s", found, likely);
	metric_add(&m_mislabelled, 1);
}

static int parse_sequence(const struct index_head *h, const struct head_kept *k, struct dset **out, struct err *e)
{
	return dset_parse(h->raw.data + k->at, k->len, UID_EXPLICIT_LE, out, e);
}

/* All text of the object together tells what it is written in. */
static int judge(struct index_head *h, struct charset_verdict *out, struct err *e)
{
	struct charset_judge j;
	struct charset_verdict v;
	int rc = 0;

	charset_judge_begin(&j, h->label);
	for (unsigned i = 0; i < h->n; i++)
		if (!attr_is_binary(h->values[i].attr->vr))
			charset_judge_see(&j, h->raw.data + h->values[i].at, h->values[i].len);
	for (unsigned i = 0; i < h->n_sequences && rc == 0; i++) {
		AUTO(dset) d = NULL;

		if (h->sequences[i].foreign && (rc = parse_sequence(h, &h->sequences[i], &d, e)) == 0)
			dset_see(d, &j);
	}
	v = charset_judge_end(&j, h->label);
	if (v.wrong)
		note_charset(h, v.shown);
	*out = v;
	return rc;
}

/* One value into the attributes; and, behind it, as it reads by the other label. */
static int decode_value(struct index_head *h, const struct head_value *v, const struct charset_verdict *labels,
			int *flags, struct err *e)
{
	AUTO(buf) value = BUF(HEAD_TEXT_MOST);
	AUTO(buf) other = BUF(HEAD_TEXT_MOST);
	const struct attr *a = v->attr;
	const char *text, *text2;
	size_t n, n2;
	int rc, lossy = 0;

	if ((rc = value_text(h, v, labels->shown, &value, flags, e)) < 0)
		return rc;
	text = buf_text(&value);
	n = value.len;
	match_trim(a->vr, &text, &n);
	if ((rc = place(h, a, text, n, e)) < 0 || !labels->other || attr_is_binary(a->vr))
		return rc;
	if ((rc = value_text(h, v, labels->other, &other, &lossy, e)) < 0)
		return rc;
	text2 = buf_text(&other);
	n2 = other.len;
	match_trim(a->vr, &text2, &n2);
	if (lossy || n == 0 || (n2 == n && memcmp(text, text2, n) == 0))
		return 0;
	if (a->code == ATTR_PATIENT_NAME && (rc = match_names(text2, n2, &h->names_other, e)) < 0)
		return rc;
	return place(h, a, text2, n2, e);
}

/* A sequence with its text in UTF-8. */
static int decode_sequence(struct index_head *h, const struct head_kept *k, const char *label, int *flags,
			   struct err *e)
{
	AUTO(buf) bytes = BUF(HEAD_TEXT_MOST);
	AUTO(dset) d = NULL;
	int rc;

	if (!k->foreign)
		return place(h, k->attr, (const char *)h->raw.data + k->at, k->len, e);
	if ((rc = parse_sequence(h, k, &d, e)) < 0 || (rc = dset_to_utf8(d, label, flags, e)) < 0 ||
	    (rc = dset_write(d, UID_EXPLICIT_LE, &bytes, e)) < 0)
		return rc;
	return place(h, k->attr, buf_text(&bytes), bytes.len, e);
}

static int decode(struct index_head *h, int *flags, struct err *e)
{
	struct charset_verdict labels;
	const char *text;
	size_t n;
	int rc = judge(h, &labels, e);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < h->n; i++)
		if ((rc = decode_value(h, &h->values[i], &labels, flags, e)) < 0)
			return rc;
	for (unsigned i = 0; i < h->n_sequences; i++)
		if ((rc = decode_sequence(h, &h->sequences[i], labels.shown, flags, e)) < 0)
			return rc;
	head_text(&h->own, ATTR_PATIENT_NAME, &text, &n);
	if ((rc = match_names(text, n, &h->names, e)) < 0)
		return rc;
	head_text(&h->own, ATTR_STUDY_DATE, &text, &n);
	if (!match_date(text, n, h->study_date))
		h->study_date[0] = '\0';
	return 0;
}

static int identity(const struct index_head *h, struct err *e)
{
	const struct {
		const char *uid, *name;
	} all[] = {{h->class, "SOP Class UID"},
		   {h->instance, "SOP Instance UID"},
		   {h->study, "Study Instance UID"},
		   {h->series, "Series Instance UID"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!all[i].uid[0])
			return err_set(e, E_INVAL, "%s is %s", all[i].name,
				       h->bad_uid && strcmp(h->bad_uid, all[i].name) == 0 ? "not a UID" : "missing");
	return 0;
}

int index_head_end(struct index_head *h, char remark[160], struct err *e)
{
	struct err why = {0};
	int rc, flags = 0;

	if (!h->truncated && (rc = scan_end(h->scan, &why)) < 0 && (rc = excuse(h, rc, &why, e)) < 0)
		return rc;
	if ((rc = head_sequence_end(h, e)) < 0 || (rc = identity(h, e)) < 0 || (rc = decode(h, &flags, e)) < 0)
		return rc;
	if (!h->remark[0] && flags & CHARSET_LOSSY)
		snprintf(h->remark, sizeof(h->remark), "some text is in no known character set");
	else if (!h->remark[0] && h->charset_note[0])
		snprintf(h->remark, sizeof(h->remark), "text in another character set than the object names: %s",
			 h->charset_note);
	else if (!h->remark[0] && h->cut)
		snprintf(h->remark, sizeof(h->remark), "some values are too long to be indexed");
	memcpy(remark, h->remark, sizeof(h->remark));
	return 0;
}
