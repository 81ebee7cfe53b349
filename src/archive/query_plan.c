/* archive/query_plan.c - see query_plan.h. */
#include "archive/index.h"
#include "archive/plan_internal.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIST_FEW 8     /* sites that are listed in the statement */
#define RANGE_FEW 2000 /* studies in a range of dates up to which the index on dates is used */

#define TAG_PATIENT_NAME TAG(0x0010, 0x0010)
#define TAG_PATIENT_ID TAG(0x0010, 0x0020)
#define TAG_STUDY_UID TAG(0x0020, 0x000D)
#define TAG_SERIES_UID TAG(0x0020, 0x000E)
#define TAG_SOP_UID TAG(0x0008, 0x0018)
#define TAG_TIMEZONE TAG(0x0008, 0x0201)

/* What a level reads from, and what its rows hold. In `walk` the order of joins is fixed, from the level up. */
static const struct {
	const char *pk, *site, *from, *walk, *join, *columns;
} levels[] = {
    [LEVEL_PATIENT] = {"p.pk", "p.site", "patient p", "patient p", "1 = 1",
		       "p.pk, p.pk, 0, 0, p.site, p.names, p.attrs"},
    [LEVEL_STUDY] = {"s.pk", "s.site", "study s", "study s", "1 = 1",
		     "s.pk, s.patient, s.pk, 0, s.site, s.names, s.attrs, s.study_uid"},
    [LEVEL_SERIES] = {"e.pk", "s.site", "series e, study s", "series e CROSS JOIN study s", "s.pk = e.study",
		      "e.pk, s.patient, s.pk, e.pk, s.site, s.names, s.attrs, s.study_uid, e.attrs, e.series_uid"},
    [LEVEL_IMAGE] = {"i.pk", "s.site", "instance i, series e, study s",
		     "instance i CROSS JOIN series e CROSS JOIN study s", "e.pk = i.series AND s.pk = e.study",
		     "i.pk, s.patient, s.pk, e.pk, s.site, s.names, s.attrs, s.study_uid, e.attrs, e.series_uid, "
		     "i.attrs, i.sop_uid, "
		     "(SELECT u.uid FROM uid u WHERE u.pk = i.class)"},
};

/* ---------------------------------------------------------------- parameters */

int plan_bind_text(struct plan *p, const char *text, size_t n, struct err *e)
{
	int rc;

	if (p->n_binds == PLAN_BINDS)
		return err_set(e, E_LIMIT, "too many conditions in one query");
	p->binds[p->n_binds] = (struct plan_bind){.text = true, .at = p->pool.len, .len = n};
	if ((rc = buf_put(&p->pool, text, n, e)) < 0)
		return rc;
	return 3 + (int)p->n_binds++;
}

static int bind_number(struct plan *p, int64_t v, struct err *e)
{
	if (p->n_binds == PLAN_BINDS)
		return err_set(e, E_LIMIT, "too many conditions in one query");
	p->binds[p->n_binds] = (struct plan_bind){.number = v};
	return 3 + (int)p->n_binds++;
}

static int add_json_text(struct buf *b, const char *s, size_t n, struct err *e)
{
	int rc = buf_byte(b, '"', e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c < 0x20)
			rc = buf_printf(b, e, "\\u%04x", c);
		else if ((c != '"' && c != '\\') || (rc = buf_byte(b, '\\', e)) == 0)
			rc = buf_byte(b, c, e);
	}
	return rc < 0 ? rc : buf_byte(b, '"', e);
}

/* Appends "(SELECT ... the values of a list)": the engine's own way, from list.sql. */
static int list_of(struct plan *p, struct db_conn *c, const char *json, size_t n, struct err *e)
{
	const char *text = db_sql(db_of(c), "list"), *mark = strstr(text, "$N)");
	int k = plan_bind_text(p, json, n, e);

	if (!mark)
		return err_set(e, E_BUG, "list.sql has no $N");
	return k < 0 ? k : buf_printf(&p->sql, e, "(%.*s$%d%s)", (int)(mark - text), text, k, mark + 2);
}

/* column = value, or column IN (values) */
static int equals(struct plan *p, struct db_conn *c, const char *column, const struct match *m, struct err *e)
{
	AUTO(buf) json = BUF(2 * DSET_MOST);
	int k, rc;

	if (m->n == 1) {
		k = plan_bind_text(p, m->values[0].text, m->values[0].len, e);
		return k < 0 ? k : buf_printf(&p->sql, e, "%s = $%d", column, k);
	}
	for (unsigned i = 0; i < m->n; i++)
		if ((rc = buf_byte(&json, i ? ',' : '[', e)) < 0 ||
		    (rc = add_json_text(&json, m->values[i].text, m->values[i].len, e)) < 0)
			return rc;
	if ((rc = buf_byte(&json, ']', e)) < 0 || (rc = buf_printf(&p->sql, e, "%s IN ", column)) < 0)
		return rc;
	return list_of(p, c, buf_text(&json), json.len, e);
}

size_t plan_literal_prefix(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] != '*' && s[i] != '?')
		i++;
	return i;
}

int plan_begins(struct plan *p, const char *column, const char *prefix, size_t n, struct err *e)
{
	AUTO(buf) end = BUF(DSET_MOST + 8);
	int from, to, rc;

	if ((rc = buf_put(&end, prefix, n, e)) < 0 || (rc = buf_str(&end, "\xF4\x8F\xBF\xBF", e)) < 0)
		return rc;
	if ((from = plan_bind_text(p, prefix, n, e)) < 0 || (to = plan_bind_text(p, buf_text(&end), end.len, e)) < 0)
		return from < 0 ? from : to;
	return buf_printf(&p->sql, e, "%s >= $%d AND %s < $%d", column, from, column, to);
}

static bool any_wild(const struct match *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->values[i].wild)
			return true;
	return false;
}

/* Can a text key be narrowed by an index? */
static bool indexable(const struct match *m)
{
	return m->kind != MATCH_ALL &&
	       (!any_wild(m) || (m->n == 1 && plan_literal_prefix(m->values[0].text, m->values[0].len) > 0));
}

static int text_condition(struct plan *p, struct db_conn *c, const char *column, const struct match *m, struct err *e)
{
	if (!any_wild(m))
		return equals(p, c, column, m, e);
	return plan_begins(p, column, m->values[0].text, plan_literal_prefix(m->values[0].text, m->values[0].len), e);
}

int plan_and(struct plan *p, struct err *e)
{
	return buf_str(&p->sql, " AND ", e);
}

/* ---------------------------------------------------------------- one condition for each kind of key */

static int patient_id_condition(struct plan *p, struct db_conn *c, const struct match *m, struct err *e)
{
	bool patient = p->q->level == LEVEL_PATIENT;
	int rc;

	if (!indexable(m))
		return 0;
	p->keyed = true;
	if ((rc = plan_and(p, e)) < 0 ||
	    (!patient && (rc = buf_str(&p->sql, "s.patient IN (SELECT p.pk FROM patient p WHERE ", e)) < 0) ||
	    (rc = text_condition(p, c, "p.patient_id", m, e)) < 0)
		return rc;
	return patient ? 0 : buf_byte(&p->sql, ')', e);
}

static int column_condition(struct plan *p, struct db_conn *c, const char *column, const struct match *m, bool keyed,
			    struct err *e)
{
	int rc;

	if (!indexable(m))
		return 0;
	p->keyed |= keyed;
	return (rc = plan_and(p, e)) < 0 ? rc : text_condition(p, c, column, m, e);
}

/* How many studies a range of dates holds, up to RANGE_FEW. */
static int probe_dates(struct db_conn *c, const char *from, const char *to, struct err *e)
{
	struct db_stmt *s;
	int rc, n;

	if ((rc = db_prepare(c, db_sql(db_of(c), "dates-few"), &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, from, strlen(from));
	db_bind_text(s, 2, to, strlen(to));
	db_bind_int(s, 3, RANGE_FEW + 1);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	n = (int)db_int(s, 0);
	db_reset(s);
	return n;
}

static int date_condition(struct plan *p, struct db_conn *c, const struct match *m, struct err *e)
{
	char from[9] = "0", to[9] = "99999999";
	int a, b, few;

	if (m->kind != MATCH_RANGE)
		return 0;
	if (m->from.text[0])
		memcpy(from, m->from.text, sizeof(from));
	if (m->to.text[0])
		memcpy(to, m->to.text, sizeof(to));
	if (p->zone != WHEN_NO_ZONE) { /* zones are up to 26 hours apart */
		if (m->from.text[0])
			when_add_days(from, -2);
		if (m->to.text[0])
			when_add_days(to, 2);
	}
	if (strcmp(from, to) == 0) {
		if ((a = plan_bind_text(p, from, strlen(from), e)) < 0)
			return a;
		p->keyed = true;
		return buf_printf(&p->sql, e, " AND s.study_date = $%d", a);
	}
	if ((few = probe_dates(c, from, to, e)) < 0)
		return few;
	if ((a = plan_bind_text(p, from, strlen(from), e)) < 0)
		return a;
	if ((b = plan_bind_text(p, to, strlen(to), e)) < 0)
		return b;
	p->keyed |= few <= RANGE_FEW;
	/* a wide range had better be a filter on the way through the studies */
	if (few > RANGE_FEW)
		return buf_printf(&p->sql, e, " AND (s.study_date || '') >= $%d AND (s.study_date || '') <= $%d", a, b);
	return buf_printf(&p->sql, e, " AND s.study_date >= $%d AND s.study_date <= $%d", a, b);
}

static int exists_condition(struct plan *p, struct db_conn *c, const char *head, const char *column,
			    const struct match *m, struct err *e)
{
	int rc;

	if (m->kind == MATCH_ALL || any_wild(m))
		return 0;
	if ((rc = plan_and(p, e)) < 0 || (rc = buf_str(&p->sql, head, e)) < 0 || (rc = equals(p, c, column, m, e)) < 0)
		return rc;
	return buf_byte(&p->sql, ')', e);
}

static int condition(struct plan *p, struct db_conn *c, const struct match *m, struct err *e)
{
	if (m->kind == MATCH_ALL || m->kind == MATCH_EMPTY)
		return 0;
	switch (m->attr->from) {
	case ATTR_STUDY_UID:
		return column_condition(p, c, "s.study_uid", m, true, e);
	case ATTR_SERIES_UID:
		return column_condition(p, c, "e.series_uid", m, true, e);
	case ATTR_SOP_UID:
		return column_condition(p, c, "i.sop_uid", m, true, e);
	case ATTR_SOP_CLASS:
		return exists_condition(p, c, "i.class IN (SELECT u.pk FROM uid u WHERE ", "u.uid", m, e);
	case ATTR_MODALITIES:
		return exists_condition(p, c, "EXISTS (SELECT 1 FROM study_modality m WHERE m.study = s.pk AND ",
					"m.modality", m, e);
	case ATTR_CLASSES:
		return exists_condition(
		    p, c, "EXISTS (SELECT 1 FROM study_class m JOIN uid u ON u.pk = m.class WHERE m.study = s.pk AND ",
		    "u.uid", m, e);
	case ATTR_KEPT:
		break;
	default:
		return 0;
	}
	switch (m->attr->code) {
	case ATTR_PATIENT_NAME:
		return p->names_old ? 0 : plan_name(p, c, m, e);
	case ATTR_PATIENT_ID:
		return patient_id_condition(p, c, m, e);
	case ATTR_STUDY_DATE:
		return date_condition(p, c, m, e);
	case ATTR_ACCESSION:
		return column_condition(p, c, "s.accession", m, true, e);
	case ATTR_MODALITY:
		return column_condition(p, c, "e.modality", m, false, e);
	default:
		return 0;
	}
}

/* ---------------------------------------------------------------- scope */

static int scope_condition(struct plan *p, struct db_conn *c, struct err *e)
{
	const struct scope *s = p->q->scope;
	const char *column = levels[p->q->level].site;
	AUTO(buf) json = BUF(SCOPE_MOST * 24);
	int k, rc;

	if (s->kind == SCOPE_EVERYTHING)
		return 0;
	/* alone and without a better key, the index on sites is the way; else the site is only checked */
	if (s->n == 1 && !p->keyed && p->q->level == LEVEL_STUDY) {
		k = bind_number(p, s->sites[0], e);
		return k < 0 ? k : buf_printf(&p->sql, e, " AND %s = $%d", column, k);
	}
	if ((rc = buf_printf(&p->sql, e, " AND +%s IN ", column)) < 0)
		return rc;
	if (s->n <= LIST_FEW) {
		for (unsigned i = 0; i < s->n; i++)
			if ((k = bind_number(p, s->sites[i], e)) < 0 ||
			    (rc = buf_printf(&p->sql, e, "%s$%d", i ? ", " : "(", k)) < 0)
				return k < 0 ? k : rc;
		return buf_byte(&p->sql, ')', e);
	}
	for (unsigned i = 0; i < s->n; i++)
		if ((rc = buf_printf(&json, e, "%s%" PRId64, i ? "," : "[", s->sites[i])) < 0)
			return rc;
	return (rc = buf_byte(&json, ']', e)) < 0 ? rc : list_of(p, c, buf_text(&json), json.len, e);
}

/* ---------------------------------------------------------------- the keys */

static const struct match *match_of(const struct plan *p, uint32_t tag)
{
	for (unsigned i = 0; i < p->n_matches; i++)
		if (p->matches[i].attr->tag == tag)
			return &p->matches[i];
	return NULL;
}

/* Elements of an identifier that are not keys. */
static bool no_key(uint32_t tag)
{
	return (tag & 0xFFFF) == 0 || tag == TAG(0x0008, 0x0005) || tag == TAG(0x0008, 0x0052) ||
	       tag == TAG(0x0008, 0x0053) || tag == TAG(0x0008, 0x0054) || tag == TAG(0x0008, 0x0056);
}

static bool unique_key(uint32_t tag)
{
	return tag == TAG_PATIENT_ID || tag == TAG_STUDY_UID || tag == TAG_SERIES_UID || tag == TAG_SOP_UID;
}

/* To send is asked for by whole values: a * is a character of the ID there. */
static void take_literally(struct match *m)
{
	for (unsigned i = 0; i < m->n; i++)
		m->values[i].wild = false;
}

/* Its private creator in the identifier; NULL: there is none. */
static const struct elem *creator_of(const struct dset *keys, uint32_t tag)
{
	return dset_get(keys, (tag & 0xFFFF0000) | (tag >> 8 & 0xFF));
}

static bool private_tag(uint32_t tag)
{
	return tag >> 16 & 1;
}

const struct attr *plan_attr(const struct attr_set *extra, const struct dset *keys, uint32_t tag)
{
	const struct elem *creator;

	if (!private_tag(tag))
		return attr_set_find(extra, tag);
	creator = creator_of(keys, tag);
	return creator ? attr_set_private(extra, tag, (const char *)creator->value, creator->len) : NULL;
}

static int add_match(struct plan *p, const struct attr *a, const struct elem *key, enum plan_use use, struct err *e)
{
	unsigned rules = (p->q->empty ? MATCH_EMPTY_VALUES : 0u) | (p->q->fuzzy ? MATCH_FUZZY : 0u) |
			 (p->q->every ? MATCH_EVERY : 0u);
	struct match *m = &p->matches[p->n_matches];
	int rc;

	if (p->n_matches == PLAN_KEYS)
		return err_set(e, E_LIMIT, "more than %d keys in one query", PLAN_KEYS);
	if ((rc = match_new(a, key, rules, m, e)) < 0)
		return rc;
	p->n_matches++;
	if (use == PLAN_SELECT)
		take_literally(m);
	if (a->from == ATTR_COUNT && key->len > 0) { /* a count is told, never asked for */
		m->kind = MATCH_ALL;
		p->partial = true;
	}
	return 0;
}

static int refused(const struct plan *p, uint32_t tag, int rc)
{
	if (rc < 0 && p->q->offending)
		*p->q->offending = tag;
	return rc;
}

static int read_keys(struct plan *p, enum plan_use use, struct err *e)
{
	int rc;

	for (unsigned i = 0; i < dset_count(p->q->keys); i++) {
		const struct elem *key = dset_at(p->q->keys, i);
		const struct attr *a = plan_attr(p->extra, p->q->keys, key->tag);

		if (no_key(key->tag) || (use == PLAN_SELECT && !unique_key(key->tag)))
			continue;
		if (private_tag(key->tag) &&
		    (key->tag & 0xFFFF) < 0x1000) { /* a creator: answered with what is its own */
			p->partial |= !attr_set_creator(p->extra, key->tag, (const char *)key->value, key->len);
			continue;
		}
		if (!a || a->level > p->q->level)
			p->partial = true;
		else if ((rc = add_match(p, a, key, use, e)) < 0)
			return refused(p, key->tag, rc);
	}
	return 0;
}

static bool same_form(const struct match *a, const struct match *b)
{
	return a->kind == MATCH_RANGE && b->kind == MATCH_RANGE && a->span && b->span &&
	       !a->from.text[0] == !b->from.text[0] && !a->to.text[0] == !b->to.text[0];
}

/* A range of dates takes that of its times to itself. */
static void join_ranges(struct plan *p)
{
	for (unsigned i = 0; i < p->n_matches; i++) {
		struct match *date = &p->matches[i];
		uint32_t partner = strcmp(date->attr->vr, "DA") == 0 ? when_partner(date->attr->tag) : 0;

		for (unsigned k = 0; partner && k < p->n_matches; k++)
			if (p->matches[k].attr->tag == partner && same_form(date, &p->matches[k])) {
				date->with = k + 1;
				p->matches[k].kind = MATCH_ALL;
			}
	}
}

static int read_zone(struct plan *p, struct err *e)
{
	const struct query *q = p->q;

	p->otherwise = q->otherwise ? when_zone(q->otherwise, strlen(q->otherwise)) : WHEN_NO_ZONE;
	p->zone = q->timezone ? when_zone(q->timezone, strlen(q->timezone)) : WHEN_NO_ZONE;
	if (q->timezone && p->zone == WHEN_NO_ZONE)
		return refused(p, TAG_TIMEZONE,
			       err_set(e, E_INVAL, "TimezoneOffsetFromUTC: expected an offset such as +0800"));
	return 0;
}

/* PS3.4 C.4.1.2.1: unique keys above the level, each a single value. */
static int check_unique(const struct plan *p, uint32_t tag, enum query_level level, enum plan_use use, struct err *e)
{
	const struct match *m = match_of(p, tag);
	bool own = level == p->q->level;

	if (level > p->q->level || (own && use == PLAN_FIND) || (!own && p->q->relational))
		return 0;
	if (!m || m->kind == MATCH_ALL || m->kind == MATCH_EMPTY)
		return refused(p, tag, err_set(e, E_MISMATCH, "%s is missing in the identifier", dict_keyword(tag)));
	if (own)
		return 0;
	if (m->n > 1 || (m->values[0].wild && use == PLAN_FIND))
		return refused(p, tag,
			       err_set(e, E_MISMATCH, "%s above the level must be a single value", dict_keyword(tag)));
	return 0;
}

static int check_level(const struct plan *p, enum plan_use use, struct err *e)
{
	int rc = 0;

	if (p->q->patient_root || p->q->level == LEVEL_PATIENT)
		rc = check_unique(p, TAG_PATIENT_ID, LEVEL_PATIENT, use, e);
	if (rc == 0)
		rc = check_unique(p, TAG_STUDY_UID, LEVEL_STUDY, use, e);
	if (rc == 0)
		rc = check_unique(p, TAG_SERIES_UID, LEVEL_SERIES, use, e);
	return rc < 0 ? rc : check_unique(p, TAG_SOP_UID, LEVEL_IMAGE, use, e);
}

/* ---------------------------------------------------------------- the statement */

static int where(struct plan *p, struct db_conn *c, struct err *e)
{
	int rc;

	for (unsigned i = 0; i < p->n_matches; i++)
		if ((rc = condition(p, c, &p->matches[i], e)) < 0)
			return rc;
	return scope_condition(p, c, e);
}

/* What stands in front depends on whether the conditions are keyed, so these are written first. */
static int statement(struct plan *p, struct db_conn *c, enum plan_use use, struct err *e)
{
	AUTO(buf) conditions = BUF(1u << 20);
	enum query_level level = p->q->level;
	const char *pk = levels[level].pk;
	struct buf swap;
	int rc;

	if ((rc = where(p, c, e)) < 0)
		return rc;
	swap = conditions;
	conditions = p->sql;
	p->sql = swap;
	if (use == PLAN_SELECT) /* keys of instances in the order in which a viewer shows them: one pass, no pages */
		return buf_printf(&p->sql, e,
				  "SELECT i.pk FROM %s%s WHERE %s%s AND +i.pk > $1%s ORDER BY s.pk, e.number IS NULL, "
				  "e.number, e.pk, "
				  "i.number IS NULL, i.number, i.pk LIMIT $2",
				  levels[LEVEL_IMAGE].from, level == LEVEL_PATIENT ? ", patient p" : "",
				  levels[LEVEL_IMAGE].join, level == LEVEL_PATIENT ? " AND p.pk = s.patient" : "",
				  buf_text(&conditions));
	return buf_printf(&p->sql, e, "SELECT %s FROM %s WHERE %s AND %s%s > $1%s ORDER BY %s%s LIMIT $2",
			  levels[level].columns, p->keyed ? levels[level].from : levels[level].walk, levels[level].join,
			  p->keyed ? "+" : "", pk, buf_text(&conditions), p->keyed ? "+" : "", pk);
}

int plan_make(struct plan *p, struct db_conn *c, const struct attr_set *extra, const struct query *q, enum plan_use use,
	      struct err *e)
{
	uint64_t form;
	int rc;

	*p = (struct plan){.q = q, .extra = extra, .sql = BUF(1u << 20), .pool = BUF(4 * DSET_MOST)};
	if (q->scope->kind == SCOPE_NOTHING || (q->scope->kind == SCOPE_SITES && q->scope->n == 0))
		return err_set(e, E_DENIED, "nothing is in sight of the caller");
	if ((rc = read_zone(p, e)) < 0 || (rc = read_keys(p, use, e)) < 0 || (rc = check_level(p, use, e)) < 0 ||
	    (rc = index_form(c, &form, e)) < 0)
		return rc;
	p->names_old = form != TEXT_FORM;
	if (q->datetime)
		join_ranges(p);
	return statement(p, c, use, e);
}

int plan_prepare(const struct plan *p, struct db_conn *c, struct db_stmt **out, struct err *e)
{
	int rc = db_prepare(c, buf_text(&p->sql), out, e);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < p->n_binds; i++) {
		const struct plan_bind *b = &p->binds[i];

		if (b->text)
			db_bind_text(*out, 3 + (int)i, buf_text(&p->pool) + b->at, b->len);
		else
			db_bind_int(*out, 3 + (int)i, b->number);
	}
	return 0;
}

void query_plan_cleanup(struct plan *p)
{
	for (unsigned i = 0; i < p->n_matches; i++)
		match_cleanup(&p->matches[i]);
	p->n_matches = 0;
	buf_cleanup(&p->sql);
	buf_cleanup(&p->pool);
}
