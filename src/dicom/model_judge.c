/* dicom/model_judge.c - the first pass over a data set: all its text together tells what it is written in. */
#include "dicom/model.h"
#include <stdlib.h>
#include <string.h>

#define SPECIFIC_CHARACTER_SET TAG(0x0008, 0x0005)
#define PIXEL_DATA TAG(0x7FE0, 0x0010)

struct model_judge {
	struct charset_judge judge;
	struct scan *scan;
	char label[CHARSET_LABEL];
	bool labelled;
	uint64_t foreign; /* bit n: the item open at depth n + 1 names its own label, or is within one that does */
};

static bool is_foreign(const struct model_judge *j, unsigned depth)
{
	return depth > 0 && j->foreign >> (depth - 1) & 1;
}

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct model_judge *j = arg;

	(void)e;
	if (el->tag == SPECIFIC_CHARACTER_SET && el->depth > 0) {
		j->foreign |= UINT64_C(1) << (el->depth - 1);
	} else if (el->tag == SPECIFIC_CHARACTER_SET && !j->labelled) {
		j->labelled = true;
		if (el->value && el->length < sizeof(j->label))
			memcpy(j->label, el->value, el->length); /* the rest is zero already */
		charset_judge_begin(&j->judge, j->label);
	} else if (el->value && el->length > 0 && !is_foreign(j, el->depth) &&
		   (vr_is_string(el->vr) || (!strcmp(el->vr, "UN") && vr_is_string(dict_vr(el->tag))))) {
		charset_judge_see(&j->judge, el->value, el->length);
	}
	return el->depth == 0 && el->tag == PIXEL_DATA;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct model_judge *j = arg;
	uint64_t bit = UINT64_C(1) << depth;

	(void)e;
	if (begin)
		j->foreign = is_foreign(j, depth) ? j->foreign | bit : j->foreign & ~bit;
	return 0;
}

int model_judge_new(const char *syntax, struct model_judge **out, struct err *e)
{
	static const struct scan_ops ops = {.element = on_element, .item = on_item};
	AUTO(model_judge) j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return err_set(e, E_NOMEM, "no memory for a judge of text");
	charset_judge_begin(&j->judge, j->label);
	if ((rc = scan_new(syntax, MODEL_VALUE_MOST, &ops, j, &j->scan, e)) < 0)
		return rc;
	scan_pass_pixels(j->scan);
	*out = STEAL(j);
	return 0;
}

int model_judge_feed(struct model_judge *j, const void *data, size_t n, struct err *e)
{
	return scan_feed(j->scan, data, n, e);
}

struct charset_verdict model_judge_end(const struct model_judge *j)
{
	return charset_judge_end(&j->judge, j->label);
}

void model_judge_free(struct model_judge *j)
{
	if (!j)
		return;
	scan_free(j->scan);
	free(j);
}
