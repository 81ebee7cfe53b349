/* imaging/transcode_loss.c - what a data set says once its pixels have lost something (PS3.3 C.7.6.1.1.5, C.7.6.1.1.3, C.12.4). */
#include "imaging/transcode_own.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DCM "DCM"
enum { RATIO = 10, SEQUENCE_MOST = 1 << 20 };

static const struct {
	const char *syntax, *method, *words;
	bool always;
} methods[] = {
    {"1.2.840.10008.1.2.4.50", "ISO_10918_1", "JPEG", true},
    {"1.2.840.10008.1.2.4.51", "ISO_10918_1", "JPEG", true},
    {"1.2.840.10008.1.2.4.53", "ISO_10918_1", "JPEG", true},
    {"1.2.840.10008.1.2.4.55", "ISO_10918_1", "JPEG", true},
    {"1.2.840.10008.1.2.4.81", "ISO_14495_1", "JPEG-LS near-lossless", false},
    {"1.2.840.10008.1.2.4.91", "ISO_15444_1", "JPEG 2000", false},
    {"1.2.840.10008.1.2.4.203", "ISO_15444_15", "high-throughput JPEG 2000", false},
};

static size_t method_of(const char *syntax)
{
	size_t i = 0;

	while (i < sizeof methods / sizeof *methods && strcmp(methods[i].syntax, syntax) != 0)
		i++;
	return i;
}

bool syntax_loses(const char *syntax)
{
	const size_t i = method_of(syntax);

	return i < sizeof methods / sizeof *methods && methods[i].always;
}

/* ---- PS3.5 B.2: a UID of a random number */

static int make_uid(char out[65], struct err *e)
{
	uint8_t random[16];
	unsigned __int128 v = 0;
	char digits[40];
	size_t n = sizeof digits;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(e, E_IO, "no random number for a UID");
	random[6] = (uint8_t)(random[6] & 0x0F) | 0x40;
	random[8] = (uint8_t)(random[8] & 0x3F) | 0x80;
	for (unsigned i = 0; i < sizeof random; i++)
		v = v << 8 | random[i];
	digits[--n] = 0;
	do
		digits[--n] = (char)('0' + (int)(v % 10));
	while ((v /= 10) > 0 && n > 0);
	snprintf(out, 65, "2.25.%s", digits + n);
	return 0;
}

/* ---- values that are added to those that are there */

static int append_text(struct transcoding *t, uint32_t tag, const char *vr, const char *more, const char *between,
		       struct err *e)
{
	const char *old = outline_text(&t->is, tag);
	AUTO(buf) text = BUF(OUTLINE_VALUE * 2);
	int rc;

	if (*old && ((rc = buf_str(&text, old, e)) < 0 || (rc = buf_str(&text, between, e)) < 0))
		return rc;
	if ((rc = buf_str(&text, more, e)) < 0 || (rc = edits_text(&t->edits, &t->is, tag, vr, buf_text(&text), e)) < 0)
		return rc;
	return change(t, e, "(%04X,%04X) \"%.60s\" -> \"%.80s\"", tag >> 16, tag & 0xFFFF, old, buf_text(&text));
}

static int put_item(struct buf *out, const struct buf *elements, struct err *e)
{
	const uint32_t n = (uint32_t)elements->len;
	const uint8_t head[8] = {
	    0xFE, 0xFF, 0x00, 0xE0, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
	const int rc = buf_put(out, head, sizeof head, e);

	return rc < 0 ? rc : buf_put(out, elements->data, elements->len, e);
}

static int text_element(struct buf *out, uint32_t tag, const char *vr, const char *text, struct err *e)
{
	return element_put(out, ENCODING_EXPLICIT, tag, vr, text, strlen(text), e);
}

static int code_item(struct buf *out, const char *value, const char *meaning, struct err *e)
{
	AUTO(buf) item = BUF(1024);
	int rc;

	if ((rc = text_element(&item, TAG(0x0008, 0x0100), "SH", value, e)) < 0 ||
	    (rc = text_element(&item, TAG(0x0008, 0x0102), "SH", DCM, e)) < 0 ||
	    (rc = text_element(&item, TAG(0x0008, 0x0104), "LO", meaning, e)) < 0)
		return rc;
	return put_item(out, &item, e);
}

/* One item more in a sequence of the data set: lossy syntaxes are all in explicit little endian. */
static int append_item(struct transcoding *t, uint32_t tag, const struct buf *item, struct err *e)
{
	const struct place *p = outline_at(&t->is, tag);
	AUTO(buf) items = BUF(SEQUENCE_MOST);
	int rc;

	if (p->there && p->end - p->at > 12) {
		const size_t n = (size_t)(p->end - p->at);
		int64_t k;

		if (n > SEQUENCE_MOST / 2)
			return err_set(e, E_LIMIT, "a sequence of %zu bytes is too long for one more item", n);
		if ((rc = buf_reserve(&items, n, e)) < 0)
			return rc;
		if ((k = t->body->read(t->body->arg, p->at, items.data, n, e)) != (int64_t)n)
			return k < 0 ? (int)k : err_set(e, E_CORRUPT, "a sequence is short");
		const bool undefined = memcmp(items.data + 8, "\xFF\xFF\xFF\xFF", 4) == 0;
		items.len = n - 12 - (undefined ? 8 : 0); /* without head and delimiter */
		memmove(items.data, items.data + 12, items.len);
	}
	if ((rc = buf_put(&items, item->data, item->len, e)) < 0)
		return rc;
	return edits_put(&t->edits, &t->is, tag, "SQ", items.data, items.len, e);
}

/* ---- after loss */

static int image_type(struct transcoding *t, struct err *e)
{
	const char *old = outline_text(&t->is, T_IMAGE_TYPE), *rest = strchr(old, '\\');
	char text[OUTLINE_VALUE + 16];
	int rc;

	snprintf(text, sizeof text, "DERIVED%s", rest ? rest : "\\PRIMARY");
	if (strcmp(text, old) == 0)
		return 0;
	if ((rc = edits_text(&t->edits, &t->is, T_IMAGE_TYPE, "CS", text, e)) < 0)
		return rc;
	return change(t, e, "(0008,0008) %.60s -> %.60s", old, text);
}

static int source_image(struct transcoding *t, struct err *e)
{
	AUTO(buf) item = BUF(4096);
	AUTO(buf) code = BUF(1024);
	AUTO(buf) whole = BUF(8192);
	int rc;

	if ((rc = text_element(&item, TAG(0x0008, 0x1150), "UI", outline_text(&t->was, T_SOP_CLASS), e)) < 0 ||
	    (rc = text_element(&item, TAG(0x0008, 0x1155), "UI", outline_text(&t->was, T_SOP_INSTANCE), e)) < 0 ||
	    (rc = code_item(&code, "121320", "Uncompressed predecessor", e)) < 0)
		return rc;
	if (!t->in->encapsulated &&
	    (rc = element_put(&item, ENCODING_EXPLICIT, TAG(0x0040, 0xA170), "SQ", code.data, code.len, e)) < 0)
		return rc;
	if ((rc = put_item(&whole, &item, e)) < 0)
		return rc;
	return append_item(t, T_SOURCE_IMAGES, &whole, e);
}

static int new_instance(struct transcoding *t, struct err *e)
{
	int rc = 0;

	if (t->how->new_instance)
		snprintf(t->instance, sizeof t->instance, "%.64s", t->how->new_instance);
	else
		rc = make_uid(t->instance, e);
	if (rc < 0 || (rc = edits_text(&t->edits, &t->is, T_SOP_INSTANCE, "UI", t->instance, e)) < 0)
		return rc;
	return change(t, e, "(0008,0018) -> %s", t->instance);
}

static int after_loss(struct transcoding *t, struct err *e)
{
	const char *words = methods[method_of(t->to)].words;
	AUTO(buf) code = BUF(1024);
	char text[96];
	int rc;

	snprintf(text, sizeof text, "Lossy compression: %s", words);
	if ((rc = image_type(t, e)) < 0 || (rc = new_instance(t, e)) < 0 || (rc = source_image(t, e)) < 0 ||
	    (rc = code_item(&code, "113040", "Lossy Compression", e)) < 0 ||
	    (rc = append_item(t, T_DERIVATION_CODE, &code, e)) < 0)
		return rc;
	return append_text(t, T_DERIVATION, "ST", text, "; ", e);
}

static int flags(struct transcoding *t, const char *ratio, const char *method, struct err *e)
{
	int rc;

	if ((rc = edits_text(&t->edits, &t->is, T_LOSSY, "CS", "01", e)) < 0 ||
	    (strcmp(outline_text(&t->is, T_LOSSY), "01") != 0 &&
	     (rc = change(t, e, "(0028,2110) \"%.2s\" -> \"01\"", outline_text(&t->is, T_LOSSY))) < 0) ||
	    (rc = append_text(t, T_RATIO, "DS", ratio, "\\", e)) < 0)
		return rc;
	return append_text(t, T_METHOD, "CS", method, "\\", e);
}

int loss_describe(struct transcoding *t, struct err *e)
{
	const size_t m = method_of(t->lossy ? t->to : t->in->syntax);
	char ratio[RATIO + 1];
	int rc;

	if (t->lossy) {
		if (m == sizeof methods / sizeof *methods)
			return err_set(e, E_UNSUP, "what %s loses cannot be put into words", t->to);
		if ((rc = after_loss(t, e)) < 0)
			return rc;
		return flags(t, "          ", methods[m].method, e); /* its place: the ratio is known at the end */
	}
	if (!t->decode || !syntax_loses(t->in->syntax) || strcmp(outline_text(&t->is, T_LOSSY), "01") == 0)
		return 0;
	const double raw = (double)image_pixel_frame_bytes(&t->in->pixels) * (double)t->in->frames;
	snprintf(ratio, sizeof ratio, "%.3f", raw / (double)(t->in->value_n ? t->in->value_n : 1));
	return flags(t, ratio, methods[m].method, e);
}

int loss_ratio(struct transcoding *t, struct err *e)
{
	const struct edit *x = edits_at(&t->edits, T_RATIO);
	const double ratio = t->coded ? (double)t->r->raw / (double)t->coded : 1;
	char text[32];

	if (!t->lossy || !x)
		return 0;
	const int n = snprintf(text, sizeof text, "%-*.3f", RATIO, ratio < 999999 ? ratio : 999999);
	const size_t padded = x->bytes.len;
	/* The value ends the element: RATIO bytes, and perhaps one of padding. */
	const size_t old = strlen(outline_text(&t->is, T_RATIO)), behind = 8 + (old ? old + 1 : 0);
	if (n != RATIO || behind + RATIO > padded)
		return err_set(e, E_BUG, "no place for a ratio");
	return sink_patch(&t->out, x->new_at + behind, text, RATIO, e);
}
