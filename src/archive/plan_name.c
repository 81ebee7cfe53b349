/* archive/plan_name.c - narrows by person names: whole, by their beginning, or by grams of a run in them. */
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
static size_t narrow_group(const struct match *m, const char **group)
{
	const char *s, *run;
	size_t left;

	if (m->n != 1)
		return 0;
	s = m->values[0].text;
	left = m->values[0].len;
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

int plan_name(struct plan *p, const struct match *m, struct err *e)
{
	bool patient = p->q->level == LEVEL_PATIENT;
	const char *group = "", *run;
	size_t n = narrow_group(m, &group), len;
	struct grams g = {.plan = p, .e = e};
	int k, rc;

	if (n == 0)
		return 0;
	if ((rc = plan_and(p, e)) < 0 ||
	    (rc = buf_printf(
		 &p->sql, e,
		 "%s IN (SELECT n.owner FROM form f CROSS JOIN name n WHERE n.form = f.pk AND n.kind = %d AND ",
		 patient ? "p.pk" : "s.pk", patient ? 0 : 1)) < 0)
		return rc;
	len = plan_literal_prefix(group, n);
	while (len > 0 && len < n && group[len - 1] == '^')
		len--; /* Wang^* finds Wang, too */
	if (len == n) {
		k = plan_bind_text(p, group, n, e);
		rc = k < 0 ? k : buf_printf(&p->sql, e, "f.form = $%d", k);
	} else if (len > 0) {
		rc = plan_begins(p, "f.form", group, len, e);
	} else {
		len = longest_run(group, n, &run);
		while (len > 0 && run[len - 1] == '^')
			len--;
		g.pairs = characters(run, len) > 1;
		if ((rc = text_grams(run, len, add_gram, &g)) == 0 && g.n == 0)
			rc = buf_str(&p->sql, "1 = 1", e);
	}
	p->keyed = true;
	return rc < 0 ? rc : buf_byte(&p->sql, ')', e);
}
