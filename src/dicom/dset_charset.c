#include "base/text.h"
#include "dicom/dset.h"
#include <string.h>

#define SPECIFIC_CHARACTER_SET TAG(0x0008, 0x0005)
#define VALUE_MOST ((size_t)4 * DSET_MOST) /* of a text in UTF-8 */

static bool has_own(const struct dset *item)
{
	return dset_get(item, SPECIFIC_CHARACTER_SET) != NULL;
}

void dset_see(const struct dset *d, struct charset_judge *j)
{
	for (unsigned i = 0; i < dset_count(d); i++) {
		const struct elem *el = dset_at(d, i);

		for (unsigned k = 0; k < el->n_items; k++)
			if (!has_own(el->items[k]))
				dset_see(el->items[k], j);
		if (vr_is_string(el->vr))
			charset_judge_see(j, el->value, el->len);
	}
}

static bool is_utf8(const struct dset *d)
{
	for (unsigned i = 0; i < dset_count(d); i++) {
		const struct elem *el = dset_at(d, i);

		for (unsigned k = 0; k < el->n_items; k++)
			if (!has_own(el->items[k]) && !is_utf8(el->items[k]))
				return false;
		if (vr_is_string(el->vr) && !text_valid((const char *)el->value, el->len))
			return false;
	}
	return true;
}

struct charset_verdict dset_judge(const struct dset *d)
{
	const struct elem *own = dset_get(d, SPECIFIC_CHARACTER_SET);
	const char *label = own ? (const char *)own->value : "";
	struct charset_judge j;

	if ((!own || !own->len) && is_utf8(d))
		return (struct charset_verdict){.shown = "ISO_IR 192"};
	charset_judge_begin(&j, label);
	dset_see(d, &j);
	return charset_judge_end(&j, label);
}

static int value_to_utf8(struct dset *d, const struct elem *el, const char *label, int *flags, struct err *e)
{
	AUTO(buf) text = BUF(VALUE_MOST);
	int rc = charset_decode(label, vr_is_text(el->vr) ? el->vr : "LO", el->value, el->len, &text, e);

	if (rc < 0)
		return rc;
	*flags |= rc;
	if (text.len == el->len && memcmp(text.data, el->value, el->len) == 0)
		return 0;
	return dset_put(d, el->tag, el->vr, buf_text(&text), text.len, e);
}

int dset_to_utf8(struct dset *d, const char *label, int *flags, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < dset_count(d) && rc >= 0; i++) {
		const struct elem el = *dset_at(d, i); /* a copy: it is replaced below */

		for (unsigned k = 0; k < el.n_items && rc >= 0; k++) {
			struct dset *item = el.items[k];

			rc = dset_to_utf8(item, has_own(item) ? dset_text(item, SPECIFIC_CHARACTER_SET) : label, flags,
					  e);
			dset_remove(item, SPECIFIC_CHARACTER_SET);
		}
		if (rc >= 0 && el.len > 0 && vr_is_string(el.vr) && el.tag != SPECIFIC_CHARACTER_SET)
			rc = value_to_utf8(d, &el, label, flags, e);
	}
	return rc < 0 ? rc : 0;
}
