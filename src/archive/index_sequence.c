/* archive/index_sequence.c - takes sequences down as a data set passes: procedure and protocol codes, requests, specimens.
 *
 * Each is kept whole or, when it is over a limit, not at all: with half of its items it would answer wrongly. Within it,
 * private elements, bulk data, long values and items nested too deep are left out.
 */
#include "archive/index_internal.h"

#include <string.h>

#define TAG_CHARSET TAG(0x0008, 0x0005)

int head_sequence_begin(struct index_head *h, const struct attr *a, struct err *e)
{
	struct head_sequence *s = &h->sequence;
	int rc;

	for (unsigned i = 0; i < h->n_sequences; i++)
		if (h->sequences[i].attr == a)
			return 0; /* twice in one data set: the first counts */
	if (h->n_sequences == SEQUENCES_MOST)
		return 0;
	if ((rc = dset_new(&s->root, e)) < 0 || (rc = dset_put(s->root, a->tag, "SQ", "", 0, e)) < 0)
		return rc;
	s->attr = a;
	s->at[0] = s->root;
	s->tag[0] = a->tag;
	s->items = 0;
	s->cut = s->foreign = false;
	memcpy(s->label[0], h->label, sizeof(s->label[0]));
	return 0;
}

/* A limit of the small data set is one of the sequence, not of the object. */
static int fit(struct head_sequence *s, int rc)
{
	s->cut |= rc == -E_LIMIT;
	return rc == -E_LIMIT ? 0 : rc;
}

int head_sequence_item(struct index_head *h, unsigned depth, struct err *e)
{
	struct head_sequence *s = &h->sequence;
	struct err why = {0};
	int rc;

	if (!s->attr || s->cut || depth >= SEQUENCE_DEPTH)
		return 0;
	s->at[depth + 1] = NULL;
	if (!s->at[depth] || !s->tag[depth])
		return 0;
	s->cut = s->items++ == SEQUENCE_ITEMS;
	if (s->cut)
		return 0;
	memcpy(s->label[depth + 1], s->label[depth], sizeof(s->label[0]));
	if ((rc = fit(s, dset_put_item(s->at[depth], s->tag[depth], &s->at[depth + 1], &why))) < 0)
		*e = why;
	return rc;
}

static bool left_out(const struct scan_element *el)
{
	bool sequence = strcmp(el->vr, "SQ") == 0;

	return (el->tag >> 16 & 1) || (el->tag & 0xFFFF) == 0 ||
	       (!sequence && (!el->value || el->length > SEQUENCE_VALUE)) ||
	       (!sequence && !vr_is_string(el->vr) && !attr_is_binary(el->vr) && !vr_is_string(dict_vr(el->tag)));
}

static int put_text(struct index_head *h, const struct scan_element *el, const char *vr, struct err *e)
{
	struct head_sequence *s = &h->sequence;
	struct dset *item = s->at[el->depth];
	const char *label = s->label[el->depth];
	int rc = 0;

	if (!head_plain(el->value, el->length)) {
		s->foreign = true;
		if (strcmp(label, h->label) != 0)
			rc = dset_put(item, TAG_CHARSET, NULL, label, strlen(label), e);
	}
	return rc < 0 ? rc : dset_put(item, el->tag, vr, el->value, el->length, e);
}

int head_sequence_element(struct index_head *h, const struct scan_element *el, struct err *e)
{
	struct head_sequence *s = &h->sequence;
	const char *vr = strcmp(el->vr, "UN") == 0 ? dict_vr(el->tag) : el->vr;
	struct err why = {0};
	int rc;

	if (!s->attr || s->cut || el->depth > SEQUENCE_DEPTH || !s->at[el->depth])
		return 0;
	s->tag[el->depth] = 0; /* items that come are those of this element, if it is a sequence we keep */
	if (left_out(el))
		return 0;
	if (el->tag == TAG_CHARSET) {
		memset(s->label[el->depth], 0, sizeof(s->label[0]));
		if (el->value) /* not when a hostile label has undefined length */
			memcpy(s->label[el->depth], el->value, el->length < 128 ? el->length : 128);
		return 0;
	}
	if (vr_is_string(vr))
		rc = put_text(h, el, vr, &why);
	else
		rc = dset_put_scanned(s->at[el->depth], el, &why);
	if (strcmp(el->vr, "SQ") == 0)
		s->tag[el->depth] = el->tag;
	if ((rc = fit(s, rc)) < 0)
		*e = why;
	return rc;
}

int head_sequence_end(struct index_head *h, struct err *e)
{
	AUTO(buf) bytes = BUF(SEQUENCE_MOST);
	struct head_sequence *s = &h->sequence;
	const struct attr *a = s->attr;
	struct err why = {0};
	int rc = 0;

	if (!a)
		return 0;
	s->attr = NULL;
	if (!s->cut && s->items > 0)
		rc = fit(s, dset_write(s->root, UID_EXPLICIT_LE, &bytes, &why));
	dset_free(s->root);
	s->root = NULL;
	memset(s->at, 0, sizeof(s->at));
	if (rc < 0) {
		*e = why;
		return rc;
	}
	if (!s->cut && h->raw.len + bytes.len > HEAD_TOTAL_MOST)
		s->cut = true;
	h->cut |= s->cut;
	if (s->cut || bytes.len == 0)
		return 0;
	h->sequences[h->n_sequences++] = (struct head_kept){
	    .attr = a, .at = (uint32_t)h->raw.len, .len = (uint32_t)bytes.len, .foreign = s->foreign};
	return buf_put(&h->raw, bytes.data, bytes.len, e);
}
