/* archive/match_name.c - see match.h and match_name.h. */
#include "archive/match_name.h"
#include "base/text.h"

#include <string.h>

#define FOLD_MOST (4u << 20) /* a folded name, however long its source */

/* ---------------------------------------------------------------- normal forms */

static int fold_group(const char *s, size_t n, struct buf *out, struct err *e)
{
	AUTO(buf) folded = BUF(FOLD_MOST);
	size_t end;
	int rc;

	if ((rc = text_fold(s, n, &folded, e)) < 0)
		return rc;
	end = folded.len;
	while (end > 0 && (folded.data[end - 1] == '^' || folded.data[end - 1] == ' '))
		end--;
	for (size_t i = 0; i < end; i++) {
		char c = (char)folded.data[i];

		/* blanks beside ^ do not count; a full-width = is not one of ours */
		if (c == ' ' &&
		    ((i > 0 && folded.data[i - 1] == '^') || (i + 1 < end && folded.data[i + 1] == '^') || i == 0))
			continue;
		if ((rc = buf_byte(out, c == '=' ? ' ' : (uint8_t)c, e)) < 0)
			return rc;
	}
	return 0;
}

int match_names(const char *name, size_t n, struct buf *out, struct err *e)
{
	size_t keep = out->len;
	int rc;

	for (unsigned part = 0; part < 3; part++) {
		const char *cut = n > 0 ? memchr(name, '=', n) : NULL;
		size_t len = cut ? (size_t)(cut - name) : n;

		if (part > 0 && (rc = buf_byte(out, '=', e)) < 0)
			return rc;
		if (len > 0 && (rc = fold_group(name, len, out, e)) < 0)
			return rc;
		if (out->len > 0 && out->data[out->len - 1] != '=')
			keep = out->len;
		if (!cut)
			break;
		name = cut + 1;
		n -= len + 1;
	}
	out->len = keep;
	if (out->data)
		out->data[keep] = '\0';
	return 0;
}

static bool name_part(const char **names, size_t *n, const char **part, size_t *len)
{
	const char *cut;

	if (!*names)
		return false;
	cut = *n > 0 ? memchr(*names, '=', *n) : NULL;
	*part = *names;
	*len = cut ? (size_t)(cut - *names) : *n;
	*names = cut ? cut + 1 : NULL;
	*n = cut ? *n - *len - 1 : 0;
	return true;
}

/* ---------------------------------------------------------------- matching */

bool match_stars(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '*')
			return false;
	return true;
}

/* A pattern against one group. Since a trailing ^ says nothing, Wang^* finds Wang, too. */
static bool wild_group(const char *want, size_t wn, const char *have, size_t hn)
{
	size_t base = wn;

	if (text_wild(want, wn, have, hn))
		return true;
	if (wn == 0 || want[wn - 1] != '*')
		return false;
	while (base > 0 && (want[base - 1] == '*' || want[base - 1] == '^'))
		base--;
	return base > 0 && memchr(want + base, '^', wn - base) && text_wild(want, base, have, hn);
}

/* A key of several groups: each that says something must match its own group. */
static bool each_group(const struct match_value *v, const char *names, size_t n)
{
	const char *key = v->text, *want, *have;
	size_t kn = v->len, wn, hn;

	while (name_part(&key, &kn, &want, &wn)) {
		if (!name_part(&names, &n, &have, &hn))
			have = "", hn = 0;
		if (!match_stars(want, wn) && !wild_group(want, wn, have, hn))
			return false;
	}
	return true;
}

static bool any_group(const struct match_value *v, const char *names, size_t n)
{
	const char *have;
	size_t hn;

	if (text_wild(v->text, v->len, names, n))
		return true;
	while (name_part(&names, &n, &have, &hn))
		if (wild_group(v->text, v->len, have, hn))
			return true;
	return false;
}

bool match_forms(const struct match *m, const char *names, size_t n)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct match_value *v = &m->values[i];

		if (v->len > 0 && memchr(v->text, '=', v->len) ? each_group(v, names, n) : any_group(v, names, n))
			return true;
	}
	return false;
}

bool match_name(const struct match *m, const char *text, size_t n)
{
	AUTO(buf) names = BUF(FOLD_MOST);

	return match_names(text, n, &names, NULL) == 0 && match_forms(m, buf_text(&names), names.len);
}

/* ---------------------------------------------------------------- keys */

int match_name_key(struct match *m, struct err *e)
{
	AUTO(buf) folded = BUF(DSET_MOST);
	const char *text = buf_text(&m->text), *end = text + m->text.len;
	struct buf swap;
	int rc;

	for (;;) {
		const char *cut = text < end ? memchr(text, '\\', (size_t)(end - text)) : NULL;
		const char *value = text;
		size_t n = (size_t)((cut ? cut : end) - text);

		match_trim("PN", &value, &n);
		if ((rc = match_names(value, n, &folded, e)) < 0)
			return rc;
		if (!cut)
			break;
		text = cut + 1;
		if (folded.len > 0 && (rc = buf_byte(&folded, '\\', e)) < 0)
			return rc;
	}
	swap = m->text;
	m->text = folded;
	folded = swap;
	return 0;
}
