/* The filter of dicom/coerce.h: the head is held while a scan notes where its elements lie; then the edits are made, all
 * at once, and the head goes on its way. */
#include "dicom/coerce.h"
#include "dicom/charset.h"
#include "dicom/coerce_value.h"
#include "dicom/dset.h"
#include "dicom/scan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHARSET TAG(0x0008, 0x0005)
#define LENGTH_TO_END TAG(0x0008, 0x0001)
#define ORIGINAL TAG(0x0400, 0x0561)
#define ELEMENTS_MOST 16384u
#define EDITS_MOST (2 * COERCE_RULES + 4u) /* values, their groups' lengths, the sequence's length and item, the end */
#define MADE_MOST (8u << 20)
#define VALUE_MOST (256u << 10)

struct element { /* of the head, depth 0 */
	uint32_t tag, length;
	size_t from, at; /* of header and value */
	bool nested;
};
/* [from, to) of the head becomes made[at, at + n). */
struct edit {
	uint32_t tag;
	size_t from, to, at, n;
};
struct coercion {
	const struct coerce_peer *peer;
	const char *modifier;
	int64_t now_us;
	const char *syntax; /* one of the three that dset_write() knows */
	bool implicit, big;
	struct scan *scan;
	struct buf head, out, made;
	struct element *elements;
	unsigned n, room;
	bool seen_end, passing;
	unsigned items; /* open ones, of all depths */
	unsigned notes; /* items of Original Attributes Sequence */
	int more;       /* elements that the head gets */
	uint32_t top;   /* the element at depth 0 under way */
	size_t end;     /* of the head */
	struct err misplaced;
	struct dset *old; /* what was changed, as it was: an item */
	struct edit edits[EDITS_MOST];
	unsigned n_edits;
	uint32_t changed[COERCE_RULES];
	unsigned n_changed;
};

/* ---- where the elements lie */

static bool is_target(const struct coercion *c, uint32_t tag)
{
	for (unsigned i = 0; i < c->peer->n; i++)
		if (c->peer->rules[i].tag == tag)
			return true;
	return tag == CHARSET || tag == ORIGINAL;
}

static const struct element *find(const struct coercion *c, uint32_t tag)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->elements[i].tag == tag)
			return &c->elements[i];
	return NULL;
}

static int note(struct coercion *c, const struct scan_element *el, struct err *e)
{
	unsigned room = c->room ? c->room * 2 : 128;
	struct element *v;

	if (c->n == ELEMENTS_MOST)
		return err_set(e, E_LIMIT, "coercion: more than %u elements in the head", ELEMENTS_MOST);
	if (c->n == c->room) {
		if (!(v = reallocarray(c->elements, room, sizeof *v)))
			return err_set(e, E_NOMEM, "no memory for a coercion");
		c->elements = v;
		c->room = room;
	}
	c->elements[c->n++] =
	    (struct element){el->tag, el->length, (size_t)el->head_at, (size_t)el->at, !strcmp(el->vr, "SQ")};
	return 0;
}

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct coercion *c = arg;

	if (el->depth > 0)
		return 0;
	c->top = el->tag;
	if (!c->seen_end && el->tag > ORIGINAL) {
		c->seen_end = true;
		c->end = (size_t)el->head_at;
	}
	if (is_target(c, el->tag) && (c->seen_end || find(c, el->tag))) {
		err_set(&c->misplaced, E_INVAL, "coercion: (%04X,%04X) stands %s", el->tag >> 16, el->tag & 0xFFFF,
			c->seen_end ? "behind its place" : "twice");
		return err_set(e, E_INVAL, "%s", c->misplaced.msg);
	}
	return c->seen_end ? 0 : note(c, el, e);
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct coercion *c = arg;

	(void)e;
	c->items += begin ? 1u : -1u;
	c->notes += begin && depth == 0 && c->top == ORIGINAL;
	return 0;
}

/* Behind its last byte. */
static size_t end_of(const struct coercion *c, const struct element *el)
{
	return el + 1 < c->elements + c->n ? el[1].from : c->end;
}

/* ---- what becomes of it */

static int add_edit(struct coercion *c, uint32_t tag, size_t from, size_t to, size_t made_at, struct err *e)
{
	if (c->n_edits == EDITS_MOST)
		return err_set(e, E_BUG, "coercion: more than %u edits", EDITS_MOST);
	c->edits[c->n_edits++] = (struct edit){tag, from, to, made_at, c->made.len - made_at};
	return 0;
}

/* Where an element that is not there belongs. */
static size_t place_of(const struct coercion *c, uint32_t tag)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->elements[i].tag > tag)
			return c->elements[i].from;
	return c->end;
}

static int put_number(struct buf *out, uint32_t v, bool big, struct err *e)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < 4; i++)
		bytes[big ? 3 - i : i] = (uint8_t)(v >> 8 * i);
	return buf_put(out, bytes, sizeof bytes, e);
}

/* An element's bytes, padding included; NULL of none. */
static const uint8_t *bytes_of(const struct coercion *c, const struct element *el, size_t *n)
{
	*n = el ? end_of(c, el) - el->at : 0;
	return el ? c->head.data + el->at : (const uint8_t *)"";
}

/* Blanks in front count in paragraphs alone (PS3.5 6.2). */
static void trim(const char *vr, const uint8_t **value, size_t *n)
{
	bool paragraph = !strcmp(vr, "LT") || !strcmp(vr, "ST") || !strcmp(vr, "UT");

	while (*n > 0 && ((*value)[*n - 1] == ' ' || (*value)[*n - 1] == 0))
		--*n;
	while (*n > 0 && **value == ' ' && !paragraph)
		++*value, --*n;
}

static void label_of(const struct coercion *c, char label[129])
{
	size_t n;
	const uint8_t *value = bytes_of(c, find(c, CHARSET), &n);

	trim("CS", &value, &n);
	if (n > 128)
		n = 128;
	memcpy(label, value, n);
	label[n] = 0;
}

/* UTF-8 into the data set's character set, exactly. */
static int encode(const char *label, const struct coerce_rule *r, struct buf *out, struct err *e)
{
	const char *vr = dict_vr(r->tag), *text = r->value;
	AUTO(buf) back = BUF(VALUE_MOST);
	size_t start = out->len, n = strlen(text);
	int rc = vr_is_text(vr) ? charset_encode(label, text, n, out, NULL) : buf_put(out, text, n, e);

	if (rc == 0 && vr_is_text(vr) &&
	    charset_decode(label, vr, out->data + start, out->len - start, &back, NULL) == CHARSET_AS_LABELLED &&
	    back.len == n && memcmp(buf_text(&back), text, n) == 0)
		return 0;
	if (rc == 0 && !vr_is_text(vr))
		return 0;
	return err_set(e, E_INVAL, "coercion: %s: \"%.40s\" cannot hold the rule's value", dict_keyword(r->tag), label);
}

/* The new value of an element that is there with these trimmed bytes, or (n 0) is not or is empty: 1 and out, 0 when it
 * stays. */
static int value_of(const struct coerce_rule *r, const char *label, bool there, const uint8_t *old, size_t n,
		    struct buf *out, struct err *e)
{
	const char *vr = dict_vr(r->tag);
	AUTO(buf) text = BUF(VALUE_MOST);
	int rc;

	if ((r->verb == COERCE_DEFAULT && n > 0) || (r->verb == COERCE_PREFIX && n == 0))
		return 0;
	if (r->value[0] && (rc = encode(label, r, out, e)) < 0)
		return rc;
	if (r->verb != COERCE_PREFIX)
		return !there || out->len != n || (n > 0 && memcmp(out->data, old, n) != 0);
	if (n >= out->len && memcmp(old, out->data, out->len) == 0)
		return 0;
	if ((rc = buf_put(out, old, n, e)) < 0)
		return rc;
	if (charset_decode(label, vr, out->data, out->len, &text, NULL) < 0 ||
	    !coerce_value_length(vr, buf_text(&text), text.len))
		return err_set(e, E_INVAL, "coercion: (%04X,%04X) is too long with its prefix", r->tag >> 16,
			       r->tag & 0xFFFF);
	return 1;
}

/* Appends an element, encoded, to c->made. */
static int make_element(struct coercion *c, uint32_t tag, const struct buf *value, struct err *e)
{
	AUTO(dset) d = NULL;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = dset_put(d, tag, NULL, buf_text(value), value->len, e)) < 0)
		return rc;
	return dset_write(d, c->syntax, &c->made, e);
}

static int apply(struct coercion *c, const struct coerce_rule *r, const char *label, struct err *e)
{
	const struct element *el = find(c, r->tag);
	AUTO(buf) value = BUF(VALUE_MOST);
	size_t n, whole, made = c->made.len;
	const uint8_t *old = bytes_of(c, el, &whole), *bare = old;
	int rc;

	if (el && (el->nested || el->length == SCAN_UNDEFINED))
		return err_set(e, E_INVAL, "coercion: (%04X,%04X) is a sequence", r->tag >> 16, r->tag & 0xFFFF);
	n = whole;
	trim(dict_vr(r->tag), &bare, &n);
	rc = r->verb == COERCE_REMOVE ? el != NULL : value_of(r, label, el, bare, n, &value, e);
	if (rc <= 0)
		return rc;
	if ((rc = dset_put(c->old, r->tag, NULL, old, whole, e)) < 0 ||
	    (r->verb != COERCE_REMOVE && (rc = make_element(c, r->tag, &value, e)) < 0))
		return rc;
	c->changed[c->n_changed++] = r->tag;
	c->more += !el - (r->verb == COERCE_REMOVE);
	return el ? add_edit(c, r->tag, el->from, end_of(c, el), made, e)
		  : add_edit(c, r->tag, place_of(c, r->tag), place_of(c, r->tag), made, e);
}

/* ---- Original Attributes Sequence */

/* VR DT, as UTC. */
static void moment(int64_t us, char out[32])
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	char day[16];

	gmtime_r(&s, &tm);
	strftime(day, sizeof day, "%Y%m%d%H%M%S", &tm);
	snprintf(out, 32, "%s.%06d+0000", day, (int)(us % 1000000));
}

/* The item that says what was, in a data set that holds nothing but the sequence. */
static int make_note(const struct coercion *c, struct dset *d, struct err *e)
{
	struct dset *item, *inner;
	char when[32];
	int rc;

	moment(c->now_us, when);
	if ((rc = dset_put_item(d, ORIGINAL, &item, e)) < 0 ||
	    (rc = dset_put_item(item, TAG(0x0400, 0x0550), &inner, e)) < 0)
		return rc;
	for (unsigned i = 0; i < dset_count(c->old); i++) {
		const struct elem *el = dset_at(c->old, i);

		if ((rc = dset_put(inner, el->tag, el->vr, el->value, el->len, e)) < 0)
			return rc;
	}
	if ((rc = dset_put_text(item, TAG(0x0400, 0x0562), when, e)) < 0 ||
	    (rc = dset_put_text(item, TAG(0x0400, 0x0563), c->modifier, e)) < 0 ||
	    (rc = dset_put_text(item, TAG(0x0400, 0x0564), c->peer->aet, e)) < 0)
		return rc;
	return dset_put_text(item, TAG(0x0400, 0x0565), "COERCE", e);
}

/* Is this a sequence, and are its items implicit? UN holds implicit little endian, whatever is around it (PS3.5 6.2.2). */
static int sequence_form(const struct coercion *c, const struct element *el, bool *implicit, struct err *e)
{
	const uint8_t *vr = c->head.data + el->from + 4;

	*implicit = c->implicit || memcmp(vr, "UN", 2) == 0;
	if (*implicit || memcmp(vr, "SQ", 2) == 0)
		return 0;
	return err_set(e, E_INVAL, "coercion: (0400,0561) is no sequence");
}

static bool ends_with_delimiter(const struct coercion *c, const struct element *el, size_t stop)
{
	static const uint8_t little[4] = {0xFE, 0xFF, 0xDD, 0xE0}, big[4] = {0xFF, 0xFE, 0xE0, 0xDD};
	const uint8_t *p = c->head.data + stop - 8;

	return stop >= el->at + 8 && (memcmp(p, little, 4) == 0 || (c->big && memcmp(p, big, 4) == 0));
}

/* A reader gets over a sequence or item whose length is wrong, but what is put behind it could come to stand in it. */
static int check_ends(const struct coercion *c, struct err *e)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct element *el = &c->elements[i];
		size_t stop = end_of(c, el);

		if (el->length == SCAN_UNDEFINED ? !ends_with_delimiter(c, el, stop) : el->at + el->length != stop)
			return err_set(e, E_INVAL, "coercion: (%04X,%04X) does not end where it says", el->tag >> 16,
				       el->tag & 0xFFFF);
	}
	return 0;
}

/* [at, stop) is all items of known lengths, or ends with an item's delimiter: what follows is an item of the same sequence. */
static bool items_end(const struct coercion *c, size_t at, size_t stop, bool big)
{
	static const uint8_t little_end[4] = {0xFE, 0xFF, 0x0D, 0xE0}, big_end[4] = {0xFF, 0xFE, 0xE0, 0x0D};

	while (at + 8 <= stop) {
		const uint8_t *p = c->head.data + at;
		uint32_t length = 0;

		for (unsigned k = 0; k < 4; k++)
			length |= (uint32_t)p[4 + (big ? 3 - k : k)] << 8 * k;
		if (length == SCAN_UNDEFINED)
			return memcmp(c->head.data + stop - 8, big ? big_end : little_end, 4) == 0;
		if (length > stop - at - 8)
			return false;
		at += 8 + length;
	}
	return at == stop;
}

/* The item goes to the end of the sequence that is there. */
static int append_note(struct coercion *c, const struct element *el, const struct dset *d, struct err *e)
{
	AUTO(buf) whole = BUF(MADE_MOST);
	size_t stop = end_of(c, el), made = c->made.len, head;
	bool implicit;
	int rc;

	if ((rc = sequence_form(c, el, &implicit, e)) < 0 ||
	    (rc = dset_write(d, implicit ? UID_IMPLICIT_LE : c->syntax, &whole, e)) < 0)
		return rc;
	head = implicit ? 8 : 12;
	if (el->length == SCAN_UNDEFINED) {
		stop -= 8; /* check_ends() has seen to the delimiter */
		if (!items_end(c, el->at, stop, c->big && !implicit))
			return err_set(e, E_INVAL, "coercion: an item of (0400,0561) does not end");
	} else {
		if ((rc = put_number(&c->made, el->length + (uint32_t)(whole.len - head), c->big, e)) < 0 ||
		    (rc = add_edit(c, ORIGINAL, el->at - 4, el->at, made, e)) < 0)
			return rc;
		made = c->made.len;
	}
	if ((rc = buf_put(&c->made, whole.data + head, whole.len - head, e)) < 0)
		return rc;
	return add_edit(c, ORIGINAL, stop, stop, made, e);
}

static int add_note(struct coercion *c, struct err *e)
{
	const struct element *el = find(c, ORIGINAL);
	AUTO(dset) d = NULL;
	size_t made = c->made.len, at = place_of(c, ORIGINAL);
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = make_note(c, d, e)) < 0)
		return rc;
	if (el)
		return append_note(c, el, d, e);
	if ((rc = dset_write(d, c->syntax, &c->made, e)) < 0)
		return rc;
	return add_edit(c, ORIGINAL, at, at, made, e);
}

/* ---- lengths that old writers give for a whole group, or all of it */

static int64_t growth(const struct coercion *c, unsigned n, uint32_t of)
{
	int64_t by = 0;

	for (unsigned i = 0; i < n; i++)
		if (of == LENGTH_TO_END || c->edits[i].tag >> 16 == of >> 16)
			by += (int64_t)c->edits[i].n - (int64_t)(c->edits[i].to - c->edits[i].from);
	return by;
}

static int fix_lengths(struct coercion *c, struct err *e)
{
	unsigned n = c->n_edits;
	int rc = 0;

	for (unsigned i = 0; i < c->n && rc == 0; i++) {
		const struct element *el = &c->elements[i];
		const uint8_t *p = c->head.data + el->at;
		size_t made = c->made.len;
		uint32_t length = 0;
		int64_t by;

		if (((el->tag & 0xFFFF) && el->tag != LENGTH_TO_END) || el->length != 4 ||
		    (by = growth(c, n, el->tag)) == 0)
			continue;
		for (unsigned k = 0; k < 4; k++)
			length |= (uint32_t)p[c->big ? 3 - k : k] << 8 * k;
		if ((rc = put_number(&c->made, length + (uint32_t)by, c->big, e)) == 0)
			rc = add_edit(c, el->tag, el->at, el->at + 4, made, e);
	}
	return rc;
}

/* ---- the head goes on its way */

static int by_place(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->tag > y->tag) - (x->tag < y->tag);
}

static int write_out(struct coercion *c, struct err *e)
{
	size_t at = 0;
	int rc = 0;

	if (c->n_edits)
		qsort(c->edits, c->n_edits, sizeof *c->edits, by_place);
	for (unsigned i = 0; i < c->n_edits && rc == 0; i++) {
		const struct edit *d = &c->edits[i];

		if (d->from < at)
			return err_set(e, E_BUG, "coercion: edits overlap");
		if ((rc = buf_put(&c->out, c->head.data + at, d->from - at, e)) == 0 && d->n > 0)
			rc = buf_put(&c->out, c->made.data + d->at, d->n, e);
		at = d->to;
	}
	return rc < 0 ? rc : buf_put(&c->out, c->head.data + at, c->head.len - at, e);
}

/* ---- the proof */

struct tally {
	unsigned n, notes;
	uint32_t top;
};

static int tally_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct tally *t = arg;

	(void)e;
	if (el->depth > 0)
		return 0;
	t->top = el->tag;
	t->n += el->tag <= ORIGINAL;
	return el->tag > ORIGINAL;
}

static int tally_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct tally *t = arg;

	(void)e;
	t->notes += begin && depth == 0 && t->top == ORIGINAL;
	return 0;
}

/* Readers get over much, so what was made is read again: the elements that were expected are there, and one more note. */
static int prove(const struct coercion *c, struct err *e)
{
	static const struct scan_ops ops = {.element = tally_element, .item = tally_item};
	AUTO(scan) s = NULL;
	struct tally t = {0};
	const struct element *el = find(c, ORIGINAL);
	unsigned expected = c->n + (unsigned)c->more + (el ? 0 : 1);
	unsigned notes = c->notes + (!el || el->nested); /* of UN with a length the items are not seen */
	int rc = scan_new(c->syntax, 0, &ops, &t, &s, e);

	if (rc == 0 && (rc = scan_feed(s, c->out.data, c->out.len, NULL)) == 0 && c->end == c->head.len)
		rc = scan_end(s, NULL);
	if (rc == -E_NOMEM)
		return rc;
	return rc >= 0 && t.n == expected && t.notes == notes
		   ? 0
		   : err_set(e, E_INVAL, "coercion: the data set is too broken to be changed");
}

static int finish_head(struct coercion *c, struct err *e)
{
	char label[129];
	int rc = 0;

	label_of(c, label);
	for (unsigned i = 0; i < c->peer->n && rc == 0; i++)
		rc = apply(c, &c->peer->rules[i], label, e);
	if (rc == 0 && c->n_changed > 0 && (rc = check_ends(c, e)) == 0 && (rc = add_note(c, e)) == 0)
		rc = fix_lengths(c, e);
	if (rc < 0 || (c->head.len > 0 && (rc = write_out(c, e)) < 0) || (c->n_changed > 0 && (rc = prove(c, e)) < 0))
		return rc;
	c->passing = true;
	buf_cleanup(&c->head);
	buf_cleanup(&c->made);
	c->head = c->made = BUF(0);
	return 1;
}

int coercion_feed(struct coercion *c, const void *data, size_t n, struct err *e)
{
	struct err why = {0};
	int rc = scan_feed(c->scan, data, n, &why);

	if (!c->passing && buf_put(&c->head, data, n, NULL) < 0)
		return err_set(e, E_LIMIT, "coercion: the data set's head is larger than %u bytes", COERCE_HEAD);
	if (c->misplaced.code)
		return err_set(e, c->misplaced.code, "%s", c->misplaced.msg);
	if (c->passing) { /* what else is wrong behind the head is not our business */
		buf_cleanup(&c->out);
		c->out = BUF(0);
		return 0;
	}
	if (!c->seen_end && c->head.len > COERCE_HEAD)
		return err_set(e, E_LIMIT, "coercion: the data set's head is larger than %u bytes", COERCE_HEAD);
	if (rc < 0 && !c->seen_end)
		return err_set(e, why.code, "%s", why.msg);
	return c->seen_end ? finish_head(c, e) : 0;
}

/* Behind the last element; a few zeros may follow that mean nothing. */
static size_t end_of_all(const struct coercion *c)
{
	const struct element *last = c->n ? &c->elements[c->n - 1] : NULL;

	if (!last || last->nested || last->length == SCAN_UNDEFINED)
		return c->head.len;
	return last->at + last->length;
}

int coercion_end(struct coercion *c, struct err *e)
{
	int rc;

	if (c->passing)
		return 0;
	if (c->items > 0) /* a reader takes what is there, but nothing can be put behind it */
		return err_set(e, E_INVAL, "coercion: the data set ends inside an item");
	if ((rc = scan_end(c->scan, e)) < 0)
		return rc;
	c->seen_end = true;
	c->end = end_of_all(c);
	return finish_head(c, e);
}

bool coercion_passing(const struct coercion *c)
{
	return c->passing;
}

const struct buf *coercion_out(const struct coercion *c)
{
	return &c->out;
}

const struct buf *coercion_held(const struct coercion *c)
{
	return &c->head;
}

unsigned coercion_changed(const struct coercion *c, const uint32_t **tags)
{
	*tags = c->changed;
	return c->n_changed;
}

int coercion_new(const struct coerce_peer *peer, const char *syntax, const char *modifier, int64_t now_us,
		 struct coercion **out, struct err *e)
{
	static const struct scan_ops ops = {.element = on_element, .item = on_item};
	AUTO(coercion) c = NULL;
	int rc;

	if (uid_is_deflated(syntax))
		return err_set(e, E_UNSUP, "coercion: not in deflated data sets");
	if (!(c = calloc(1, sizeof *c)))
		return err_set(e, E_NOMEM, "no memory for a coercion");
	c->peer = peer;
	c->modifier = modifier;
	c->now_us = now_us;
	c->implicit = !strcmp(syntax, UID_IMPLICIT_LE);
	c->big = !strcmp(syntax, UID_EXPLICIT_BE);
	c->syntax = c->implicit ? UID_IMPLICIT_LE : c->big ? UID_EXPLICIT_BE : UID_EXPLICIT_LE;
	c->head = BUF(COERCE_HEAD + COERCE_STEP);
	c->out = BUF(COERCE_HEAD + COERCE_STEP + MADE_MOST);
	c->made = BUF(MADE_MOST);
	if ((rc = dset_new(&c->old, e)) < 0 || (rc = scan_new(syntax, 0, &ops, c, &c->scan, e)) < 0)
		return rc;
	*out = STEAL(c);
	return 0;
}

void coercion_free(struct coercion *c)
{
	if (!c)
		return;
	scan_free(c->scan);
	dset_free(c->old);
	buf_cleanup(&c->head);
	buf_cleanup(&c->out);
	buf_cleanup(&c->made);
	free(c->elements);
	free(c);
}
