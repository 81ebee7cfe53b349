#include "dimse/identifier.h"
#include "dicom/charset.h"
#include "dicom/scan.h"
#include <stdio.h>
#include <string.h>

#define TAG_CHARSET TAG(0x0008, 0x0005)
#define TAG_LEVEL TAG(0x0008, 0x0052)
#define TAG_RETRIEVE_AET TAG(0x0008, 0x0054)
#define TAG_AVAILABILITY TAG(0x0008, 0x0056)
#define TAG_TIMEZONE TAG(0x0008, 0x0201)
#define VALUE_MOST ((size_t)4 << 20) /* a text in UTF-8: DSET_MOST bytes may grow */

void identifier_cleanup(struct identifier *id)
{
	dset_free(id->keys);
	dset_free(id->other);
	id->keys = id->other = NULL;
}

/* ---- reading */

/* ASCII alone. */
static bool plain(const struct dset *d)
{
	for (unsigned i = 0; i < dset_count(d); i++) {
		const struct elem *el = dset_at(d, i);

		for (unsigned k = 0; k < el->n_items; k++)
			if (!plain(el->items[k]))
				return false;
		for (size_t k = 0; vr_is_string(el->vr) && k < el->len; k++)
			if (el->value[k] > 0x7e)
				return false;
	}
	return true;
}

/* What the face answers by itself, and group lengths, are no keys for the index. */
static void drop_own(struct dset *d)
{
	static const uint32_t own[] = {TAG_CHARSET, TAG_LEVEL, TAG_RETRIEVE_AET, TAG_AVAILABILITY};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		dset_remove(d, own[i]);
	for (unsigned i = dset_count(d); i-- > 0;)
		if ((dset_at(d, i)->tag & 0xFFFF) == 0)
			dset_remove(d, dset_at(d, i)->tag);
}

/* What the keys are written in, likely: who asks under a wrong label wants an answer all the same. Borrowed. */
static const char *key_charset(const struct dset *keys)
{
	struct charset_verdict v = dset_judge(keys);

	return v.other && !v.wrong ? v.other : v.shown;
}

/* Timezone Offset From UTC is never matched (PS3.4 C.2.2.2): it says how dates and times are meant, where that was agreed
 * on; else its value says nothing, and the study's own is answered. */
static int take_zone(struct identifier *id, bool agreed, struct err *why)
{
	const char *zone = dset_text(id->keys, TAG_TIMEZONE);

	if (!zone[0])
		return 0;
	if (agreed) {
		snprintf(id->timezone, sizeof(id->timezone), "%.16s", zone);
		dset_remove(id->keys, TAG_TIMEZONE);
		return 0;
	}
	return dset_put_text(id->keys, TAG_TIMEZONE, "", why);
}

static int check(struct identifier *id, struct err *why)
{
	struct err ignored = {0};
	int lossy = 0;

	if (charset_canonical(dset_text(id->keys, TAG_CHARSET), id->charset, &ignored) < 0)
		id->charset[0] = '\0'; /* not a set that anybody knows: answered in UTF-8 */
	id->offending = TAG_LEVEL;
	if (query_level_parse(dset_text(id->keys, TAG_LEVEL), &id->level) < 0)
		return err_set(why, E_MISMATCH, "Query/Retrieve Level is missing or unknown");
	if (id->level == LEVEL_PATIENT && !id->patient_root)
		return err_set(why, E_MISMATCH, "Study Root has no level PATIENT");
	id->offending = 0;
	id->availability = dset_get(id->keys, TAG_AVAILABILITY) != NULL;
	return dset_to_utf8(id->keys, key_charset(id->keys), &lossy, why);
}

/* Under a label for which GB18030 is often meant. */
static bool loosely_labelled(const struct identifier *id)
{
	return !id->charset[0] || strcmp(id->charset, "ISO_IR 6") == 0 || strcmp(id->charset, "ISO_IR 100") == 0;
}

/* Short keys are well-formed in more than one set: a few Han characters in GB18030 are Greek or Russian in UTF-8. */
static int read_other(struct identifier *id, const struct buf *bytes, const char *syntax, struct err *why)
{
	AUTO(dset) d = NULL;
	int lossy = 0, rc = 0;

	if (plain(id->keys) || !loosely_labelled(id))
		return 0;
	if ((rc = dset_parse(bytes->data, bytes->len, syntax, &d, why)) < 0 || strcmp(key_charset(d), "GB18030") == 0 ||
	    (rc = dset_to_utf8(d, "GB18030", &lossy, why)) < 0 || (lossy & CHARSET_LOSSY))
		return rc;
	drop_own(d);
	if (dset_get(d, TAG_TIMEZONE)) /* as take_zone() has it */
		rc = id->timezone[0] ? (dset_remove(d, TAG_TIMEZONE), 0) : dset_put_text(d, TAG_TIMEZONE, "", why);
	if (rc == 0)
		id->other = STEAL(d);
	return rc;
}

/* Does the command belong to the class of its context? */
static bool fits(const struct shim_command *rq, const struct shim_context *cx)
{
	static const struct {
		uint16_t field;
		const char *patient, *study;
	} models[] = {
	    {SHIM_C_FIND_RQ, UID_FIND_PATIENT, UID_FIND_STUDY},
	    {SHIM_C_MOVE_RQ, UID_MOVE_PATIENT, UID_MOVE_STUDY},
	    {SHIM_C_GET_RQ, UID_GET_PATIENT, UID_GET_STUDY},
	};

	if (strcmp(rq->affected_class, cx->abstract) != 0)
		return false;
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (models[i].field == rq->field)
			return strcmp(cx->abstract, models[i].patient) == 0 ||
			       strcmp(cx->abstract, models[i].study) == 0;
	return false;
}

int identifier_receive(struct session *s, const struct shim_command *rq, const struct shim_context *cx,
		       struct identifier *out, uint16_t *status, struct err *why, struct err *e)
{
	AUTO(buf) bytes = BUF(IDENTIFIER_MOST);
	int rc;

	*status = STATUS_SUCCESS;
	if ((rc = dimse_data_all(&s->d, &bytes, e)) < 0) {
		if (rc != -E_LIMIT && rc != -E_NOMEM)
			return rc;
		*e = (struct err){0};
		err_set(why, E_LIMIT, "identifier over %u bytes", IDENTIFIER_MOST);
	} else if (!fits(rq, cx)) {
		err_set(why, E_UNSUP, "class is not the one of the context, or not for this command");
	} else if (!rq->has_data) {
		err_set(why, E_MISMATCH, "no identifier");
	} else if (dset_parse(buf_text(&bytes), bytes.len, cx->accepted, &out->keys, why) == 0) {
		s->bytes_in += bytes.len;
		out->patient_root = strncmp(cx->abstract, "1.2.840.10008.5.1.4.1.2.1.", 26) == 0;
		if (check(out, why) == 0 && take_zone(out, session_extended(s, cx->abstract)->timezone, why) == 0 &&
		    read_other(out, &bytes, cx->accepted, why) == 0)
			drop_own(out->keys);
	}
	if (why->code != E_OK)
		*status = session_status(why);
	return 0;
}

/* ---- answering */

/* A value in the label's encoding; 1 when it would lose something. */
static int encode(const char *label, const struct elem *el, struct buf *out, struct err *e)
{
	AUTO(buf) back = BUF(VALUE_MOST);
	struct err ignored = {0};
	int rc;

	if (charset_encode(label, (const char *)el->value, el->len, out, &ignored) < 0)
		return 1;
	if ((rc = charset_decode(label, el->vr, buf_text(out), out->len, &back, e)) < 0)
		return rc;
	return rc != 0 || back.len != el->len || memcmp(buf_text(&back), el->value, el->len) != 0;
}

/* Copies from UTF-8; label NULL: as it is. 1 when the label cannot hold a value. */
static int copy(struct dset *to, const struct dset *from, const char *label, struct err *e)
{
	for (unsigned i = 0; i < dset_count(from); i++) {
		const struct elem *el = dset_at(from, i);
		AUTO(buf) text = BUF(VALUE_MOST);
		bool foreign = label && el->len && vr_is_string(el->vr);
		int rc = 0;

		for (unsigned k = 0; k < el->n_items && rc == 0; k++) {
			struct dset *item;

			if ((rc = dset_put_item(to, el->tag, &item, e)) == 0)
				rc = copy(item, el->items[k], label, e);
		}
		if (rc == 0 && foreign)
			rc = encode(label, el, &text, e);
		if (rc == 0 && foreign)
			rc = dset_put(to, el->tag, el->vr, buf_text(&text), text.len, e);
		else if (rc == 0 && !el->n_items)
			rc = dset_put(to, el->tag, el->vr, el->value, el->len, e);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The row in the request's character set when that can be, else in UTF-8. */
static int translate(const struct identifier *id, const struct dset *row, struct dset **out, struct err *e)
{
	bool ascii = plain(row), utf8 = strcmp(id->charset, "ISO_IR 192") == 0;
	AUTO(dset) d = NULL;
	int rc = 1;

	if (!ascii && !utf8 && id->charset[0]) {
		if ((rc = dset_new(&d, e)) < 0 || (rc = copy(d, row, id->charset, e)) < 0)
			return rc;
		if (rc == 0)
			rc = dset_put_text(d, TAG_CHARSET, id->charset, e);
	}
	if (rc > 0) {
		dset_free(STEAL(d));
		if ((rc = dset_new(&d, e)) < 0 || (rc = copy(d, row, NULL, e)) < 0)
			return rc;
		if (!ascii)
			rc = dset_put_text(d, TAG_CHARSET, "ISO_IR 192", e);
	}
	if (rc < 0)
		return rc;
	*out = STEAL(d);
	return 0;
}

int identifier_answer(const struct identifier *id, const struct dset *row, const char *aet, const char *syntax,
		      struct buf *out, struct err *e)
{
	static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
	AUTO(dset) d = NULL;
	int rc;

	if ((rc = translate(id, row, &d, e)) < 0 || (rc = dset_put_text(d, TAG_LEVEL, levels[id->level], e)) < 0 ||
	    (rc = dset_put_text(d, TAG_RETRIEVE_AET, aet, e)) < 0)
		return rc;
	if (id->timezone[0] && (rc = dset_put_text(d, TAG_TIMEZONE, id->timezone, e)) < 0)
		return rc;
	if (id->availability && (rc = dset_put_text(d, TAG_AVAILABILITY, "ONLINE", e)) < 0)
		return rc;
	return dset_write(d, syntax, out, e);
}

bool identifier_ignored(const struct identifier *id, const struct dset *row)
{
	for (unsigned i = 0; i < dset_count(id->keys); i++)
		if (!dset_get(row, dset_at(id->keys, i)->tag))
			return true;
	return false;
}
