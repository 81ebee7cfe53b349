/* archive/match.c - see match.h. */
#include "archive/match_name.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

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

static bool has_many(const char *vr)
{
	return !vr_in(vr, "ST LT UT UR");
}

static bool is_number(const char *vr)
{
	return vr_in(vr, "IS DS US UL SS SL");
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
	cut = has_many(vr) && *n > 0 ? memchr(*text, '\\', *n) : NULL;
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

/* ---------------------------------------------------------------- dates and times */

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static unsigned two(const char *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

static bool month_day(const char *s)
{
	return two(s) >= 1 && two(s) <= 12 && two(s + 2) >= 1 && two(s + 2) <= 31;
}

bool match_date(const char *text, size_t n, char out[9])
{
	char date[9] = "";

	match_trim("DA", &text, &n);
	if (n == 8)
		memcpy(date, text, 8);
	else if (n == 10 && text[4] == '.' && text[7] == '.') {
		memcpy(date, text, 4);
		memcpy(date + 4, text + 5, 2);
		memcpy(date + 6, text + 8, 2);
	} else
		return false;
	if (!digits(date, 8) || !month_day(date + 4))
		return false;
	memcpy(out, date, 9);
	return true;
}

/* HH[MM[SS[.F]]] (HH:MM:SS too) as HHMMSSFFFFFF, what is missing filled from `fill`. */
static bool time_full(const char *text, size_t n, const char *fill, char out[13])
{
	char packed[6];
	size_t have = 0, i = 0;

	memcpy(out, fill, 13);
	while (i < n && text[i] != '.') {
		if (text[i] == ':' && have > 0 && have % 2 == 0 && have < 6)
			i++;
		if (i == n || have == 6 || !digits(&text[i], 1))
			return false;
		packed[have++] = text[i++];
	}
	if (have == 0 || have % 2 != 0 || (i < n && have != 6) || two(packed) > 23 ||
	    (have > 2 && two(packed + 2) > 59) || (have > 4 && two(packed + 4) > 60))
		return false;
	memcpy(out, packed, have);
	if (i < n) {
		size_t f = n - i - 1;

		if (f == 0 || f > 6 || !digits(text + i + 1, f))
			return false;
		memcpy(out + 6, text + i + 1, f);
	}
	return true;
}

/* YYYY[MM[DD[HH...]]][&ZZXX] as 20 digits. */
static bool moment_full(const char *text, size_t n, bool upper, char out[MATCH_MOMENT])
{
	size_t date;

	memcpy(out, upper ? "99991231235959999999" : "00010101000000000000", MATCH_MOMENT);
	if (n >= 9 && (text[n - 5] == '+' || text[n - 5] == '-') && digits(text + n - 4, 4))
		n -= 5;
	date = n < 8 ? n : 8;
	if ((date != 4 && date != 6 && date != 8) || !digits(text, date) ||
	    (date > 4 && (two(text + 4) < 1 || two(text + 4) > 12)) || (date > 6 && !month_day(text + 4)))
		return false;
	memcpy(out, text, date);
	return n <= 8 || time_full(text + 8, n - 8, upper ? "235959999999" : "000000000000", out + 8);
}

/* One end of a range, or a stored value, in full precision. */
static bool full(const char *vr, const char *text, size_t n, bool upper, char out[MATCH_MOMENT])
{
	match_trim(vr, &text, &n);
	if (vr[1] == 'A')
		return match_date(text, n, out);
	if (vr[1] == 'M')
		return time_full(text, n, upper ? "235959999999" : "000000000000", out);
	return moment_full(text, n, upper, out);
}

/* Where a range is split; NULL for a single value. A DT may hold an offset such as -0500 (up to -1200), too. */
static const char *hyphen(const char *vr, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '-')
			continue;
		if (strcmp(vr, "DT") == 0 && i >= 4 && n - i >= 5 && digits(text + i + 1, 4) &&
		    (n - i == 5 || text[i + 5] == '-') && memcmp(text + i + 1, "1200", 4) <= 0)
			continue;
		return text + i;
	}
	return NULL;
}

static bool range(struct match *m, const char *vr, const char *text, size_t n)
{
	const char *cut;

	match_trim(vr, &text, &n);
	if (!(cut = hyphen(vr, text, n)))
		return full(vr, text, n, false, m->from) && full(vr, text, n, true, m->to);
	if (n == 1)
		return false;
	return (cut == text || full(vr, text, (size_t)(cut - text), false, m->from)) &&
	       (cut + 1 == text + n || full(vr, cut + 1, (size_t)(text + n - cut - 1), true, m->to));
}

/* ---------------------------------------------------------------- keys */

/* Short enough for an Error Comment of 64 characters, with most keywords. */
static int refuse(const struct attr *a, struct err *e)
{
	static const char *const expected[][2] = {
	    {"DA", "20260105 or 20260101-20260131"},
	    {"TM", "1015 or 0800-1200"},
	    {"DT", "202601051015 or 20260101-20260131"},
	    {"UI", "a UID"},
	};
	const char *what = is_number(a->vr) || vr_in(a->vr, "US UL") ? "a number" : "valid text";

	for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++)
		if (strcmp(a->vr, expected[i][0]) == 0)
			what = expected[i][1];
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

/* Copies the key's value into m->text: as it is, as decimal text of a binary number, or folded. */
static int key_text(struct match *m, const struct elem *key, struct err *e)
{
	const char *text = (const char *)key->value;
	size_t n = key->len;

	if (vr_in(m->attr->vr, "US UL")) {
		uint32_t u = 0;

		if (n != 2 && n != 4)
			return n == 0 ? 0 : refuse(m->attr, e);
		for (size_t i = 0; i < n; i++)
			u |= (uint32_t)key->value[i] << (8 * i);
		return buf_printf(&m->text, e, "%u", u);
	}
	match_trim(m->attr->vr, &text, &n);
	if (n > 0 && !text_valid(text, n))
		return refuse(m->attr, e);
	return buf_put(&m->text, text, n, e);
}

static int check_value(const struct match *m, struct match_value *v, struct err *e)
{
	double ignored;

	switch (m->kind) {
	case MATCH_UID:
		return uid_sane(v->text, v->len) ? 0 : refuse(m->attr, e);
	case MATCH_NUMBER:
		return number(v->text, v->len, &ignored) ? 0 : refuse(m->attr, e);
	default:
		v->wild = !vr_in(m->attr->vr, "AS") && (memchr(v->text, '*', v->len) || memchr(v->text, '?', v->len));
		return 0;
	}
}

static int split_key(struct match *m, struct err *e)
{
	const char *text = buf_text(&m->text);
	size_t n = m->text.len, room = 0;
	struct match_value v;
	bool first = true;
	int rc;

	while (next_value(m->attr->vr, &text, &n, &first, &v)) {
		if (v.len == 0)
			continue;
		if ((rc = check_value(m, &v, e)) < 0 || (rc = add_value(m, &v, &room, e)) < 0)
			return rc;
		if (v.wild && match_stars(v.text, v.len))
			m->kind = MATCH_ALL; /* PS3.4 C.2.2.2.4: only * is the same as no value */
	}
	if (m->n == 0)
		m->kind = MATCH_ALL;
	if (m->kind == MATCH_UID)
		qsort(m->values, m->n, sizeof(*m->values), compare_values);
	return 0;
}

static enum match_kind kind_of(const char *vr)
{
	if (strcmp(vr, "UI") == 0)
		return MATCH_UID;
	if (strcmp(vr, "PN") == 0)
		return MATCH_NAME;
	if (vr_in(vr, "DA TM DT"))
		return MATCH_RANGE;
	return is_number(vr) ? MATCH_NUMBER : MATCH_TEXT;
}

int match_new(const struct attr *attr, const struct elem *key, struct match *out, struct err *e)
{
	struct match m = {.attr = attr, .kind = kind_of(attr->vr), .text = BUF(DSET_MOST)};
	int rc = key_text(&m, key, e);

	if (rc == 0 && m.text.len == 0)
		m.kind = MATCH_ALL;
	else if (rc == 0 && m.kind == MATCH_RANGE)
		rc = range(&m, attr->vr, buf_text(&m.text), m.text.len) ? 0 : refuse(attr, e);
	else if (rc == 0 && (m.kind != MATCH_NAME || (rc = match_name_key(&m, e)) == 0))
		rc = split_key(&m, e);
	if (rc < 0) {
		match_cleanup(&m);
		return rc;
	}
	*out = m;
	return 0;
}

void match_cleanup(struct match *m)
{
	free(m->values);
	buf_cleanup(&m->text);
	m->values = NULL;
	m->n = 0;
}

static bool in_range(const struct match *m, const char *text, size_t n)
{
	char at[MATCH_MOMENT];

	return full(m->attr->vr, text, n, false, at) && (!m->from[0] || strcmp(at, m->from) >= 0) &&
	       (!m->to[0] || strcmp(at, m->to) <= 0);
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

static bool one_value(const struct match *m, const struct match_value *have)
{
	switch (m->kind) {
	case MATCH_ALL:
		return true;
	case MATCH_UID:
		return bsearch(have, m->values, m->n, sizeof(*m->values), compare_values) != NULL;
	case MATCH_RANGE:
		return in_range(m, have->text, have->len);
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

bool match_value(const struct match *m, const char *text, size_t n)
{
	struct match_value have;
	bool first = true;

	if (m->kind == MATCH_ALL)
		return true;
	while (next_value(m->attr->vr, &text, &n, &first, &have))
		if (one_value(m, &have))
			return true;
	return false;
}
