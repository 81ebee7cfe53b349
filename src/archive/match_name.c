/* archive/match_name.c - see match.h and match_name.h. */
#include "archive/match_name.h"
#include "archive/fuzzy.h"
#include "base/han.h"
#include "base/text.h"
#include "base/utf8.h"

#include <string.h>

#define FOLD_MOST (4u << 20) /* a folded name, however long its source */

/* ---------------------------------------------------------------- normal forms */

/* A run between two characters of a folded group: what counts are its ^, or that there is one. */
static int put_run(const char *run, size_t n, bool first, struct buf *out, struct err *e)
{
	unsigned carets = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		carets += run[i] == '^';
	if (carets == 0 && !first)
		carets = 1;
	while (rc == 0 && carets-- > 0)
		rc = buf_byte(out, '^', e);
	return rc;
}

/* A full-width = has become one that is not ours: a blank. */
static int fold_group(const char *s, size_t n, struct buf *out, struct err *e)
{
	AUTO(buf) folded = BUF(FOLD_MOST);
	const char *text;
	size_t run = 0;
	int rc = text_fold(s, n, &folded, e);

	text = buf_text(&folded);
	for (size_t at = 0; rc == 0 && at < folded.len; at++) {
		if (text[at] == ' ' || text[at] == '^' || text[at] == '=')
			continue;
		if (run < at)
			rc = put_run(text + run, at - run, run == 0, out, e);
		if (rc == 0)
			rc = buf_byte(out, (uint8_t)text[at], e);
		run = at + 1;
	}
	return rc;
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

/* ^, and the dots between the words of a name that is written in Han characters, but is no Chinese one. */
static bool parts_words(uint32_t c)
{
	return c == '^' || c == 0xB7 || c == 0x2022 || c == 0x2027 || c == 0x30FB;
}

static bool han_or_wild(uint32_t c)
{
	return han_is(c) || c == '*' || c == '?';
}

int match_join(const char *names, size_t n, struct buf *out, struct err *e)
{
	const uint8_t *s = (const uint8_t *)names;
	uint32_t c, before = 0;
	size_t run = 0, len;
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < n; at += len) {
		if ((len = utf8_next(s + at, n - at, &c)) == 0)
			return err_set(e, E_INVAL, "not UTF-8");
		if (parts_words(c))
			continue;
		if (run < at && !(han_or_wild(before) && han_or_wild(c) && (han_is(before) || han_is(c))))
			rc = buf_put(out, s + run, at - run, e);
		if (rc == 0)
			rc = buf_put(out, s + at, len, e);
		run = at + len;
		before = c;
	}
	return rc < 0 || run == n ? rc : buf_put(out, s + run, n - run, e);
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

/* A pattern against one group. Since a trailing ^ says nothing, Wang^* finds Wang, and Wa*^* does. */
static bool wild_group(const char *want, size_t wn, const char *have, size_t hn)
{
	for (;;) {
		size_t base = wn;

		if (text_wild(want, wn, have, hn))
			return true;
		while (base > 0 && want[base - 1] == '*')
			base--;
		if (base == wn)
			return false;
		for (wn = base; wn > 0 && want[wn - 1] == '^';)
			wn--;
		if (wn == base || wn == 0)
			return false;
	}
}

/* A key of several groups: each that says something must match its own group. */
static bool each_group(const char *key, size_t kn, const char *names, size_t n)
{
	const char *want, *have;
	size_t wn, hn;

	while (name_part(&key, &kn, &want, &wn)) {
		if (!name_part(&names, &n, &have, &hn))
			have = "", hn = 0;
		if (!match_stars(want, wn) && !wild_group(want, wn, have, hn))
			return false;
	}
	return true;
}

static bool any_group(const char *key, size_t kn, const char *names, size_t n)
{
	const char *have;
	size_t hn;

	if (text_wild(key, kn, names, n))
		return true;
	while (name_part(&names, &n, &have, &hn))
		if (wild_group(key, kn, have, hn))
			return true;
	return false;
}

static bool groups_match(const char *key, size_t kn, const char *names, size_t n)
{
	return kn > 0 && memchr(key, '=', kn) ? each_group(key, kn, names, n) : any_group(key, kn, names, n);
}

/* Wang^Xiao = Wang Xiao in Latin letters; in Han characters both are Wangxiao, too, for a ? may stand for a character. */
static bool joined_match(const char *key, size_t kn, const char *names, size_t n)
{
	AUTO(buf) k = BUF(DSET_MOST), s = BUF(FOLD_MOST);

	return match_join(key, kn, &k, NULL) == 0 && match_join(names, n, &s, NULL) == 0 &&
	       groups_match(buf_text(&k), k.len, buf_text(&s), s.len);
}

bool match_forms(const struct match *m, const char *names, size_t n)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct match_value *v = &m->values[i];

		if (groups_match(v->text, v->len, names, n) || joined_match(v->text, v->len, names, n) ||
		    (m->fuzzy && fuzzy_match(v->text, v->len, names, n)))
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
