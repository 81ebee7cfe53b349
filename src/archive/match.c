/* archive/match.c - see match.h. */
#include "archive/match_internal.h"
#include "archive/match_name.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MOST (32u << 10) /* bytes of a key that is compared with value after value: no text of an LT is longer */

/* ---------------------------------------------------------------- values */

static bool vr_in(const char *vr, const char *list)
{
	return strstr(list, vr) != NULL;
}

void match_trim(const char *vr, const char **text, size_t *n)
{
	while (*n > 0 && ((*text)[*n - 1] == ' ' || (*text)[*n - 1] == '\0'))
		--*n;
	if (vr_in(vr, "ST LT UT"))
		return;
	while (*n > 0 && **text == ' ') {
		++*text;
		--*n;
	}
}

bool match_many(const char *vr)
{
	return !vr_in(vr, "ST LT UT UR");
}

bool match_wild(const char *vr)
{
	return !vr_in(vr, "AS");
}

static bool is_number(const char *vr)
{
	return vr_in(vr, "IS DS") || attr_is_binary(vr);
}

/* The next value of a multiple one: *text, *n move behind it. */
static bool next_value(const char *vr, const char **text, size_t *n, bool *first, struct match_value *out)
{
	const char *cut;

	if (!*first && *n == 0)
		return false;
	if (!*first) { /* at a backslash */
		++*text;
		--*n;
	}
	*first = false;
	cut = match_many(vr) && *n > 0 ? memchr(*text, '\\', *n) : NULL;
	*out = (struct match_value){.text = *text, .len = cut ? (size_t)(cut - *text) : *n};
	*text += out->len;
	*n -= out->len;
	match_trim(vr, &out->text, &out->len);
	return true;
}

static bool equal(const char *a, size_t an, const char *b, size_t bn)
{
	return an == bn && (an == 0 || memcmp(a, b, an) == 0);
}

static bool number(const char *text, size_t n, double *out)
{
	char copy[65], *end;

	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (strspn(copy, "+-.0123456789eE") < n)
		return false;
	*out = strtod(copy, &end);
	return *end == '\0';
}

/* ---------------------------------------------------------------- keys */

/* Short enough for an Error Comment of 64 characters, with most keywords. */
int match_refuse(const struct attr *a, struct err *e)
{
	static const char *const expected[][2] = {
	    {"DA", "20260105 or 20260101-20260131"},
	    {"TM", "1015 or 0800-1200"},
	    {"DT", "202601051015 or 20260101-20260131"},
	    {"UI", "UIDs"},
	    {"SQ", "one item at most"},
	};
	const char *what = is_number(a->vr) ? "one number" : "valid text";

	for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++)
		if (strcmp(a->vr, expected[i][0]) == 0)
			what = expected[i][1];
	if (!dict_keyword(a->tag)[0])
		return err_set(e, E_INVAL, "(%04X,%04X): expected %s", a->tag >> 16, a->tag & 0xFFFF, what);
	return err_set(e, E_INVAL, "%s: expected %s", dict_keyword(a->tag), what);
}

static int compare_values(const void *a, const void *b)
{
	const struct match_value *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->text, y->text, n);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static int add_value(struct match *m, const struct match_value *v, size_t *room, struct err *e)
{
	if (m->n == *room) {
		size_t more = *room ? *room * 2 : 4;
		struct match_value *bigger = reallocarray(m->values, more, sizeof(*bigger));

		if (!bigger)
			return err_set(e, E_NOMEM, "no memory for the values of a key");
		m->values = bigger;
		*room = more;
	}
	m->values[m->n++] = *v;
	return 0;
}

/* Copies the key's value into m->text: as it is, or as decimal text of binary numbers. */
static int key_text(struct match *m, const struct elem *key, struct err *e)
{
	const char *text = (const char *)key->value;
	const char *vr = attr_is_binary(key->vr) ? key->vr : m->attr->vr;
	size_t n = key->len;

	if (attr_is_binary(m->attr->vr) && !vr_is_string(key->vr))
		return attr_number_text(vr, key->value, n, false, &m->text, e);
	match_trim(m->attr->vr, &text, &n);
	if (m->kind != MATCH_UID && n > KEY_MOST)
		return err_set(e, E_LIMIT, "%s: key of over %u bytes", dict_keyword(m->attr->tag), KEY_MOST);
	if (n > 0 && !text_valid(text, n))
		return match_refuse(m->attr, e);
	return buf_put(&m->text, text, n, e);
}

static int check_value(const struct match *m, struct match_value *v, struct err *e)
{
	double ignored;

	switch (m->kind) {
	case MATCH_UID:
		return uid_sane(v->text, v->len) ? 0 : match_refuse(m->attr, e);
	case MATCH_NUMBER:
		return number(v->text, v->len, &ignored) ? 0 : match_refuse(m->attr, e);
	default:
		v->wild = match_wild(m->attr->vr) && (memchr(v->text, '*', v->len) || memchr(v->text, '?', v->len));
		return 0;
	}
}

static int split_key(struct match *m, struct err *e)
{
	const char *text = buf_text(&m->text);
	size_t n = m->text.len, room = 0;
	struct match_value v;
	bool first = true, all = false;
	int rc;

	while (next_value(m->attr->vr, &text, &n, &first, &v)) {
		if (v.len == 0)
			continue;
		if ((rc = check_value(m, &v, e)) < 0)
			return rc;
		if (v.wild && match_stars(v.text, v.len)) /* PS3.4 C.2.2.2.4: only * is the same as no value */
			all = true;
		else if ((rc = add_value(m, &v, &room, e)) < 0)
			return rc;
	}
	if (all && !m->every)
		m->kind = MATCH_ALL;
	if (m->n == 0)
		m->kind = MATCH_ALL;
	if (m->kind == MATCH_NUMBER && m->n > 1)
		return match_refuse(m->attr, e);
	if (m->kind == MATCH_UID)
		qsort(m->values, m->n, sizeof(*m->values), compare_values);
	return 0;
}

enum match_kind match_kind(const char *vr)
{
	if (strcmp(vr, "UI") == 0)
		return MATCH_UID;
	if (strcmp(vr, "PN") == 0)
		return MATCH_NAME;
	if (strcmp(vr, "SQ") == 0)
		return MATCH_SEQUENCE;
	if (vr_in(vr, "DA TM DT"))
		return MATCH_RANGE;
	return is_number(vr) ? MATCH_NUMBER : MATCH_TEXT;
}

/* Two quotation marks: what has no value (PS3.4 C.2.2.2.7), of the VRs that it is defined for. */
static bool asks_empty(const struct match *m, unsigned rules)
{
	return (rules & MATCH_EMPTY_VALUES) && m->text.len == 2 && memcmp(m->text.data, "\"\"", 2) == 0 &&
	       vr_in(m->attr->vr, "AE CS DA DT LO LT PN SH ST TM UC UR UT");
}

static int read_key(struct match *m, const struct elem *key, unsigned rules, struct err *e)
{
	int rc;

	if (m->kind == MATCH_SEQUENCE)
		return match_sequence_key(m, key, rules, e);
	if ((rc = key_text(m, key, e)) < 0)
		return rc;
	if (m->text.len == 0)
		m->kind = MATCH_ALL;
	else if (asks_empty(m, rules))
		m->kind = MATCH_EMPTY;
	else if (m->kind == MATCH_RANGE)
		return match_range_key(m, buf_text(&m->text), m->text.len) ? 0 : match_refuse(m->attr, e);
	else if (m->kind != MATCH_NAME || (rc = match_name_key(m, e)) == 0)
		rc = split_key(m, e);
	return rc;
}

int match_new(const struct attr *attr, const struct elem *key, unsigned rules, struct match *out, struct err *e)
{
	struct match m = {.attr = attr,
			  .tag = key->tag,
			  .kind = match_kind(attr->vr),
			  .every = rules & MATCH_EVERY && strcmp(attr->vr, "UI") != 0 && dict_many(attr->tag),
			  .fuzzy = rules & MATCH_FUZZY,
			  .text = BUF(DSET_MOST)};
	int rc = read_key(&m, key, rules, e);

	if (rc < 0) {
		match_cleanup(&m);
		return rc;
	}
	*out = m;
	return 0;
}

void match_cleanup(struct match *m)
{
	match_sequence_cleanup(m);
	free(m->values);
	buf_cleanup(&m->text);
	m->values = NULL;
	m->n = 0;
}

static bool same_number(const struct match *m, const char *text, size_t n)
{
	double have, want;

	if (!number(text, n, &have))
		return false;
	for (unsigned i = 0; i < m->n; i++)
		if (number(m->values[i].text, m->values[i].len, &want) && want == have)
			return true;
	return false;
}

static bool one_value(const struct match *m, const struct match_value *have, int zone)
{
	switch (m->kind) {
	case MATCH_ALL:
		return true;
	case MATCH_UID:
		return bsearch(have, m->values, m->n, sizeof(*m->values), compare_values) != NULL;
	case MATCH_RANGE:
		return match_range(m, have->text, have->len, zone);
	case MATCH_NUMBER:
		return same_number(m, have->text, have->len);
	case MATCH_NAME:
		return match_name(m, have->text, have->len);
	default:
		break;
	}
	for (unsigned i = 0; i < m->n; i++) {
		const struct match_value *want = &m->values[i];

		if (want->wild ? text_wild(want->text, want->len, have->text, have->len)
			       : equal(want->text, want->len, have->text, have->len))
			return true;
	}
	return false;
}

/* Each value of the key must be one of the value's. */
static bool every_value(const struct match *m, const char *text, size_t n, int zone)
{
	struct match one = *m;

	one.n = 1;
	one.every = false;
	for (unsigned i = 0; i < m->n; i++) {
		one.values = &m->values[i];
		if (!match_value(&one, text, n, zone))
			return false;
	}
	return true;
}

bool match_value(const struct match *m, const char *text, size_t n, int zone)
{
	struct match_value have;
	bool first = true;

	if (m->kind == MATCH_ALL)
		return true;
	if (m->kind == MATCH_SEQUENCE)
		return match_sequence(m, text, n, zone);
	if (m->kind == MATCH_EMPTY)
		return n == 0;
	if (m->every && m->n > 1)
		return every_value(m, text, n, zone);
	while (next_value(m->attr->vr, &text, &n, &first, &have))
		if (one_value(m, &have, zone))
			return true;
	return false;
}
