#include "dicom/dset.h"
#include "dicom/dset_tree.h"
#include "dicom/scan.h"
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and freeing */

static int set_new(struct dset *up, struct dset **out, struct err *e)
{
	struct dset *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, E_NOMEM, "no memory for a data set");
	d->up = up;
	d->root = up ? up->root : d;
	d->depth = up ? up->depth + 1 : 0;
	*out = d;
	return 0;
}

int dset_new(struct dset **out, struct err *e)
{
	return set_new(NULL, out, e);
}

static void elem_free(struct dset *d, struct elem *el)
{
	for (unsigned i = 0; i < el->n_items; i++)
		dset_free(el->items[i]);
	free(el->items);
	d->root->bytes -= el->len;
	d->root->elements--;
	free((void *)(uintptr_t)el->value);
}

void dset_free(struct dset *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->n; i++)
		elem_free(d, &d->v[i]);
	if (d->up)
		d->root->elements--; /* an item counts as one, too */
	free(d->v);
	free(d);
}

/* ---- finding */

/* The place of tag, or where it belongs. */
static unsigned place(const struct dset *d, uint32_t tag)
{
	unsigned low = 0, high = d->n;

	if (high > 0 && d->v[high - 1].tag < tag)
		return high;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (d->v[mid].tag < tag)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct elem *dset_get(const struct dset *d, uint32_t tag)
{
	unsigned i = place(d, tag);

	return i < d->n && d->v[i].tag == tag ? &d->v[i] : NULL;
}

unsigned dset_count(const struct dset *d)
{
	return d->n;
}

const struct elem *dset_at(const struct dset *d, unsigned n)
{
	return n < d->n ? &d->v[n] : NULL;
}

const char *dset_text(const struct dset *d, uint32_t tag)
{
	const struct elem *el = dset_get(d, tag);
	const char *s;

	if (!el || !vr_is_string(el->vr))
		return "";
	for (s = (const char *)el->value; *s == ' ';)
		s++;
	return s;
}

static uint64_t little(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static int64_t integer_string(const char *s, int64_t otherwise)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || errno)
		return otherwise;
	while (*end == ' ')
		end++;
	return *end == 0 || *end == '\\' ? v : otherwise;
}

int64_t dset_int(const struct dset *d, uint32_t tag, int64_t otherwise)
{
	const struct elem *el = dset_get(d, tag);

	if (!el)
		return otherwise;
	if (!strcmp(el->vr, "IS"))
		return integer_string((const char *)el->value, otherwise);
	if (!strcmp(el->vr, "US") && el->len >= 2)
		return (int64_t)little(el->value, 2);
	if (!strcmp(el->vr, "SS") && el->len >= 2)
		return (int16_t)little(el->value, 2);
	if (!strcmp(el->vr, "UL") && el->len >= 4)
		return (int64_t)little(el->value, 4);
	if (!strcmp(el->vr, "SL") && el->len >= 4)
		return (int32_t)little(el->value, 4);
	return otherwise;
}

/* ---- changing */

static int count(struct dset *d, size_t bytes, struct err *e)
{
	struct dset *root = d->root;

	if (root->elements >= DSET_ELEMENTS)
		return err_set(e, E_LIMIT, "data set of more than %u elements", DSET_ELEMENTS);
	if (bytes > DSET_MOST - root->bytes)
		return err_set(e, E_LIMIT, "data set of more than %u bytes", DSET_MOST);
	root->elements++;
	root->bytes += bytes;
	return 0;
}

static int make_room(struct dset *d, struct err *e)
{
	unsigned room = d->room ? d->room * 2 : 8;
	struct elem *v;

	if (d->n < d->room)
		return 0;
	if (!(v = reallocarray(d->v, room, sizeof(*v))))
		return err_set(e, E_NOMEM, "no memory for a data set");
	d->v = v;
	d->room = room;
	return 0;
}

/* Length without trailing padding: blanks and NUL for strings, as it is for the rest. */
static size_t trimmed(const char *vr, const uint8_t *value, size_t n)
{
	if (vr_is_string(vr))
		while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == 0))
			n--;
	return n;
}

/* Makes an element of its own, counted but not yet in its place. */
static int elem_make(struct dset *d, uint32_t tag, const char *vr, const void *value, size_t len, struct elem *out,
		     struct err *e)
{
	uint8_t *copy;
	int rc;

	len = trimmed(vr, value, len);
	if ((rc = count(d, len, e)) < 0)
		return rc;
	if (!(copy = malloc(len + 1))) {
		d->root->elements--;
		d->root->bytes -= len;
		return err_set(e, E_NOMEM, "no memory for a data set");
	}
	if (len > 0)
		memcpy(copy, value, len);
	copy[len] = 0;
	*out = (struct elem){.tag = tag, .value = copy, .len = len};
	snprintf(out->vr, sizeof(out->vr), "%.2s", vr);
	return 0;
}

static int insert(struct dset *d, unsigned at, const struct elem *el, struct err *e)
{
	int rc;

	if ((rc = make_room(d, e)) < 0)
		return rc;
	memmove(d->v + at + 1, d->v + at, (d->n - at) * sizeof(*d->v));
	d->v[at] = *el;
	d->n++;
	return 0;
}

/* Puts an element that was made into its place; it replaces what is there. Consumes it. */
static int settle(struct dset *d, struct elem *el, struct err *e)
{
	unsigned at = place(d, el->tag);
	int rc;

	if (at < d->n && d->v[at].tag == el->tag) {
		elem_free(d, &d->v[at]);
		d->v[at] = *el;
		return 0;
	}
	if ((rc = insert(d, at, el, e)) < 0)
		elem_free(d, el);
	return rc;
}

int dset_put(struct dset *d, uint32_t tag, const char *vr, const void *value, size_t len, struct err *e)
{
	struct elem el;
	int rc;

	if (!vr)
		vr = dict_vr(tag);
	rc = elem_make(d, tag, vr, value, len, &el, e);
	return rc < 0 ? rc : settle(d, &el, e);
}

int dset_put_text(struct dset *d, uint32_t tag, const char *text, struct err *e)
{
	return dset_put(d, tag, NULL, text, strlen(text), e);
}

int dset_put_int(struct dset *d, uint32_t tag, int64_t v, struct err *e)
{
	static const struct {
		const char *vr;
		unsigned size;
		int64_t least, most;
	} kinds[] = {
	    {"US", 2, 0, UINT16_MAX},        {"SS", 2, INT16_MIN, INT16_MAX}, {"UL", 4, 0, UINT32_MAX},
	    {"SL", 4, INT32_MIN, INT32_MAX}, {"UV", 8, 0, INT64_MAX},         {"SV", 8, INT64_MIN, INT64_MAX},
	};
	const char *vr = dict_vr(tag);
	char text[24];
	uint8_t bytes[8];

	if (vr_is_string(vr)) {
		snprintf(text, sizeof(text), "%" PRId64, v);
		return dset_put(d, tag, vr, text, strlen(text), e);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(vr, kinds[i].vr) != 0)
			continue;
		if (v < kinds[i].least || v > kinds[i].most)
			break;
		for (unsigned k = 0; k < 8; k++)
			bytes[k] = (uint8_t)((uint64_t)v >> (8 * k));
		return dset_put(d, tag, vr, bytes, kinds[i].size, e);
	}
	return err_set(e, E_INVAL, "%" PRId64 " does not fit (%04X,%04X) of VR %s", v, tag >> 16, tag & 0xFFFF, vr);
}

/* Appends an empty item to a sequence element. */
static int add_item(struct dset *d, struct elem *el, struct dset **item, struct err *e)
{
	struct dset **items = el->items;
	int rc;

	if (d->depth >= SCAN_DEPTH)
		return err_set(e, E_LIMIT, "sequences nested deeper than %d", SCAN_DEPTH);
	if ((el->n_items & (el->n_items - 1)) == 0) { /* room is the next power of two */
		if (!(items = reallocarray(items, el->n_items ? el->n_items * 2u : 1u, sizeof(struct dset *))))
			return err_set(e, E_NOMEM, "no memory for a data set");
		el->items = items;
	}
	if ((rc = count(d, 0, e)) < 0)
		return rc;
	if ((rc = set_new(d, &items[el->n_items], e)) < 0) {
		d->root->elements--;
		return rc;
	}
	*item = items[el->n_items++];
	return 0;
}

int dset_put_item(struct dset *d, uint32_t tag, struct dset **item, struct err *e)
{
	unsigned at = place(d, tag);
	int rc;

	if (at >= d->n || d->v[at].tag != tag || strcmp(d->v[at].vr, "SQ") != 0)
		if ((rc = dset_put(d, tag, "SQ", "", 0, e)) < 0)
			return rc;
	return add_item(d, &d->v[at], item, e);
}

void dset_remove(struct dset *d, uint32_t tag)
{
	unsigned at = place(d, tag);

	if (at >= d->n || d->v[at].tag != tag)
		return;
	elem_free(d, &d->v[at]);
	d->n--;
	memmove(d->v + at, d->v + at + 1, (d->n - at) * sizeof(*d->v));
}

/* ---- parsing: elements are appended as they come and sorted when their data set is complete */

struct parser {
	struct dset *now; /* data set or item being filled */
};

static unsigned swap_unit(const char *vr)
{
	static const struct {
		char vr[3];
		uint8_t unit;
	} units[] = {
	    {"US", 2}, {"SS", 2}, {"OW", 2}, {"AT", 2}, {"UL", 4}, {"SL", 4}, {"FL", 4},
	    {"OL", 4}, {"OF", 4}, {"FD", 8}, {"OD", 8}, {"OV", 8}, {"SV", 8}, {"UV", 8},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(vr, units[i].vr))
			return units[i].unit;
	return 1;
}

void dset_swap(const char *vr, uint8_t *value, size_t n)
{
	unsigned unit = swap_unit(vr);

	if (unit == 1)
		return;
	for (; n >= unit; value += unit, n -= unit)
		for (unsigned i = 0; i < unit / 2; i++) {
			uint8_t c = value[i];

			value[i] = value[unit - 1 - i];
			value[unit - 1 - i] = c;
		}
}

/* Makes an element of what was announced, counted but not yet in its place. */
static int elem_scanned(struct dset *d, const struct scan_element *el, struct elem *made, struct err *e)
{
	const char *vr = el->vr;
	int rc;

	/* UN is what writers fall back to that do not know an attribute; if we do, text is text. */
	if (!strcmp(vr, "UN") && vr_is_string(dict_vr(el->tag)))
		vr = dict_vr(el->tag);
	if (!el->value && strcmp(vr, "SQ") != 0)
		return err_set(e, E_LIMIT, "(%04X,%04X) is too large for a data set in memory", el->tag >> 16,
			       el->tag & 0xFFFF);
	if ((rc = elem_make(d, el->tag, vr, el->value ? el->value : (const uint8_t *)"", el->value ? el->length : 0,
			    made, e)) < 0)
		return rc;
	if (el->big_endian)
		dset_swap(vr, (uint8_t *)(uintptr_t)made->value, made->len);
	return 0;
}

int dset_put_scanned(struct dset *d, const struct scan_element *el, struct err *e)
{
	struct elem made = {0};
	int rc = elem_scanned(d, el, &made, e);

	return rc < 0 ? rc : settle(d, &made, e);
}

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct parser *p = arg;
	struct dset *d = p->now;
	struct elem made = {0};
	int rc;

	if ((el->tag & 0xFFFF) == 0 && el->value) /* a group length; whoever makes it a sequence has items to be put */
		return 0;
	if ((rc = elem_scanned(d, el, &made, e)) < 0)
		return rc;
	if (d->n > 0 && d->v[d->n - 1].tag >= made.tag)
		d->unsorted = true;
	if ((rc = insert(d, d->n, &made, e)) < 0)
		elem_free(d, &made);
	return rc;
}

static int order(const void *a, const void *b, void *unused)
{
	const struct elem *x = a, *y = b;

	(void)unused;
	return (x->tag > y->tag) - (x->tag < y->tag);
}

/* Sorts; of elements that come twice the first stays, as the toolkit has it. */
static void tidy(struct dset *d)
{
	unsigned kept = 0;

	assert(d); /* items end as often as they begin */
	if (!d->unsorted)
		return;
	d->unsorted = false;
	g_qsort_with_data(d->v, (gint)d->n, sizeof(*d->v), order, NULL); /* stable, unlike qsort */
	for (unsigned i = 0; i < d->n; i++) {
		if (kept > 0 && d->v[kept - 1].tag == d->v[i].tag)
			elem_free(d, &d->v[i]);
		else
			d->v[kept++] = d->v[i];
	}
	d->n = kept;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct parser *p = arg;
	struct dset *d = p->now;

	(void)depth;
	if (begin)
		return add_item(d, &d->v[d->n - 1], &p->now, e);
	tidy(d);
	p->now = d->up;
	return 0;
}

int dset_parse(const void *data, size_t n, const char *syntax, struct dset **out, struct err *e)
{
	static const struct scan_ops ops = {.element = on_element, .item = on_item};
	AUTO(dset) d = NULL;
	AUTO(scan) s = NULL;
	struct parser p;
	int rc;

	if ((rc = dset_new(&d, e)) < 0)
		return rc;
	p.now = d;
	if ((rc = scan_new(syntax, DSET_MOST, &ops, &p, &s, e)) < 0 || (rc = scan_feed(s, data, n, e)) < 0 ||
	    (rc = scan_end(s, e)) < 0)
		return rc;
	tidy(d);
	*out = STEAL(d);
	return 0;
}
