/* archive/plan_name.c - narrows by person names: whole, by their beginning, or by grams of a run in them. */
#include "archive/fuzzy.h"
#include "archive/plan_internal.h"
#include "base/text.h"

#include <string.h>

#define GRAMS_TRIED 8
#define RUN_MOST 60 /* bytes of a run that are compared in SQL: engines bound the length of a pattern */

/* The rarest gram of a run, as far as it was looked for. */
struct rarest {
	struct db_conn *c;
	unsigned tried;
	int64_t count;
	char gram[16];
	size_t len;
	struct err *e;
};

static int try_gram(void *arg, const char *gram, size_t len)
{
	struct rarest *r = arg;
	struct db_stmt *s;
	int64_t count;
	int rc;

	if (r->tried++ == GRAMS_TRIED)
		return 1;
	if ((rc = db_prepare(r->c, db_sql(db_of(r->c), "gram-few"), &s, r->e)) < 0)
		return rc;
	db_bind_text(s, 1, gram, len);
	db_bind_int(s, 2, r->count);
	if ((rc = db_step(s, r->e)) <= 0)
		return rc;
	count = db_int(s, 0);
	db_reset(s);
	if (count >= r->count)
		return 0;
	r->count = count;
	r->len = len;
	memcpy(r->gram, gram, len);
	return 0;
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

/* Appends that f.form has a run in it; and, where the run has a gram, that it is one of the few forms with the rarest. */
static int run_condition(struct plan *p, struct db_conn *c, const char *run, size_t len, struct err *e)
{
	struct rarest r = {.c = c, .count = INT32_MAX, .e = e};
	AUTO(buf) like = BUF(2 * RUN_MOST + 8);
	int k, rc;

	while (len > 0 && run[len - 1] == '^')
		len--;
	if ((rc = text_grams(run, len, try_gram, &r)) < 0)
		return rc;
	if (r.len > 0 &&
	    ((k = plan_bind_text(p, r.gram, r.len, e)) < 0 ||
	     buf_printf(&p->sql, e, "f.pk IN (SELECT x.form FROM name_gram x WHERE x.gram = $%d) AND ", k) < 0))
		return -(int)e->code;
	if (len > RUN_MOST)
		for (len = RUN_MOST; ((uint8_t)run[len] & 0xC0) == 0x80;)
			len--;
	rc = buf_byte(&like, '%', e);
	for (size_t i = 0; rc == 0 && i < len; i++)
		if (!strchr("%_!", run[i]) || (rc = buf_byte(&like, '!', e)) == 0)
			rc = buf_byte(&like, (uint8_t)run[i], e);
	if (rc < 0 || (rc = buf_byte(&like, '%', e)) < 0)
		return rc;
	k = plan_bind_text(p, buf_text(&like), like.len, e);
	return k < 0 ? k : buf_printf(&p->sql, e, "f.form LIKE $%d ESCAPE '!'", k);
}

/* Appends the condition on f.form by a pattern. */
static int form_condition(struct plan *p, struct db_conn *c, const char *pattern, size_t n, struct err *e)
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
	return run_condition(p, c, run, len, e);
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
	struct db_conn *c;
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
	return form_condition(f->plan, f->c, pattern, n, f->e);
}

static int fuzzy_pattern(const struct match *m, int (*seen)(void *arg, const char *pattern, size_t len), void *arg)
{
	return m->fuzzy ? fuzzy_patterns(m->values[0].text, m->values[0].len, seen, arg) : 0;
}

int plan_name(struct plan *p, struct db_conn *c, const struct match *m, struct err *e)
{
	AUTO(buf) key = BUF(DSET_MOST);
	struct fuzzy f = {p, c, e};
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
	    (rc = bearers(p, "< 4", e)) < 0 || (rc = form_condition(p, c, group, n, e)) < 0 ||
	    (rc = fuzzy_pattern(m, add_pattern, &f)) < 0)
		return rc;
	p->keyed = true;
	return buf_byte(&p->sql, ')', e);
}
