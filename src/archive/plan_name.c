/* archive/plan_name.c - narrows by person names: whole, by their beginning, or by grams of a run in them. */
#include "archive/fuzzy.h"
#include "archive/plan_internal.h"
#include "base/text.h"

#include <string.h>

#define GRAMS_MOST 4

struct grams {
	struct plan *plan;
	unsigned n;
	bool pairs;
	struct err *e;
};

static bool is_single(const char *gram, size_t len)
{
	size_t first = (uint8_t)gram[0] < 0x80 ? 1 : (uint8_t)gram[0] < 0xE0 ? 2 : (uint8_t)gram[0] < 0xF0 ? 3 : 4;

	return len <= first;
}

static int add_gram(void *arg, const char *gram, size_t len)
{
	struct grams *g = arg;
	int k;

	if (g->n == GRAMS_MOST || (g->pairs && is_single(gram, len)))
		return 0;
	if ((k = plan_bind_text(g->plan, gram, len, g->e)) < 0)
		return k;
	return buf_printf(&g->plan->sql, g->e, "%sf.pk IN (SELECT x.form FROM name_gram x WHERE x.gram = $%d)",
			  g->n++ ? " AND " : "", k);
}

static size_t characters(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((uint8_t)s[i] & 0xC0) != 0x80;
	return count;
}

/* The longest run of a pattern without wildcards. */
static size_t longest_run(const char *s, size_t n, const char **run)
{
	size_t best = 0;

	*run = s;
	for (size_t i = 0, start = 0; i <= n; i++) {
		if (i < n && s[i] != '*' && s[i] != '?')
			continue;
		if (i - start > best) {
			best = i - start;
			*run = s + start;
		}
		start = i + 1;
	}
	return best;
}

/* The component group of a key by which to narrow: the first that is not only stars; 0 length: none. */
static size_t narrow_group(const char *s, size_t left, const char **group)
{
	const char *run;

	while (left > 0) {
		const char *cut = memchr(s, '=', left);
		size_t n = cut ? (size_t)(cut - s) : left;
		size_t len = longest_run(s, n, &run);

		if (len > 1 || (len == 1 && (plan_literal_prefix(s, n) > 0))) {
			*group = s;
			return n;
		}
		if (!cut)
			break;
		s = cut + 1;
		left -= n + 1;
	}
	return 0;
}

/* Appends what a run in the middle of a form asks for: all its pairs, or its one character outside ASCII. */
static int run_condition(struct plan *p, const char *run, size_t len, struct err *e)
{
	struct grams g = {.plan = p, .e = e};
	int rc;

	while (len > 0 && run[len - 1] == '^')
		len--;
	g.pairs = characters(run, len) > 1;
	rc = text_grams(run, len, add_gram, &g);
	return rc == 0 && g.n == 0 ? buf_str(&p->sql, "1 = 1", e) : rc;
}

/* Appends the condition on f.form by a pattern. */
static int form_condition(struct plan *p, const char *pattern, size_t n, struct err *e)
{
	const char *run;
	size_t len = plan_literal_prefix(pattern, n);
	int k;

	while (len > 0 && len < n && pattern[len - 1] == '^')
		len--; /* Wang^* finds Wang, too */
	if (len == n)
		return (k = plan_bind_text(p, pattern, n, e)) < 0 ? k : buf_printf(&p->sql, e, "f.form = $%d", k);
	if (len > 0)
		return plan_begins(p, "f.form", pattern, len, e);
	len = longest_run(pattern, n, &run);
	return run_condition(p, run, len, e);
}

/* Bearers of a form; the condition on f.form follows. */
static int bearers(struct plan *p, const char *parts, struct err *e)
{
	return buf_printf(
	    &p->sql, e,
	    "SELECT n.owner FROM form f CROSS JOIN name n WHERE n.form = f.pk AND n.kind = %d AND n.part %s AND ",
	    p->q->level == LEVEL_PATIENT ? 0 : 1, parts);
}

struct fuzzy {
	struct plan *plan;
	struct err *e;
};

/* A run of one letter narrows nothing. */
static int check_pattern(void *arg, const char *pattern, size_t n)
{
	const char *run;

	(void)arg;
	return plan_literal_prefix(pattern, n) == 0 && longest_run(pattern, n, &run) < 2;
}

static int add_pattern(void *arg, const char *pattern, size_t n)
{
	struct fuzzy *f = arg;
	int rc = buf_str(&f->plan->sql, " UNION ALL ", f->e);

	if (rc < 0 || (rc = bearers(f->plan, ">= 4", f->e)) < 0)
		return rc;
	return form_condition(f->plan, pattern, n, f->e);
}

static int fuzzy_pattern(const struct match *m, int (*seen)(void *arg, const char *pattern, size_t len), void *arg)
{
	return m->fuzzy ? fuzzy_patterns(m->values[0].text, m->values[0].len, seen, arg) : 0;
}

int plan_name(struct plan *p, const struct match *m, struct err *e)
{
	AUTO(buf) key = BUF(DSET_MOST);
	struct fuzzy f = {p, e};
	const char *group = "";
	size_t n;
	int rc;

	if (m->n != 1)
		return 0;
	if ((rc = match_join(m->values[0].text, m->values[0].len, &key, e)) < 0)
		return rc;
	n = narrow_group(buf_text(&key), key.len, &group);
	if (n == 0 || fuzzy_pattern(m, check_pattern, NULL) != 0)
		return 0;
	if ((rc = plan_and(p, e)) < 0 ||
	    (rc = buf_printf(&p->sql, e, "%s IN (", p->q->level == LEVEL_PATIENT ? "p.pk" : "s.pk")) < 0 ||
	    (rc = bearers(p, "< 4", e)) < 0 || (rc = form_condition(p, group, n, e)) < 0 ||
	    (rc = fuzzy_pattern(m, add_pattern, &f)) < 0)
		return rc;
	p->keyed = true;
	return buf_byte(&p->sql, ')', e);
}
