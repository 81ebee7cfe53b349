#include "base/text.h"
#include "web/qido.h"
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STUDY_UID TAG(0x0020, 0x000D)
#define SERIES_UID TAG(0x0020, 0x000E)
#define TIMEZONE TAG(0x0008, 0x0201)
#define RETRIEVE_URL TAG(0x0008, 0x1190)
#define CHARSET TAG(0x0008, 0x0005)
#define AVAILABILITY TAG(0x0008, 0x0056)
#define PATH_MOST 16u
#define IGNORED_MOST 600u /* of a header */
#define VALUE_MOST (1u << 20)

struct path {
	uint32_t tags[PATH_MOST];
	unsigned n;
};
struct parse {
	const struct qido_target *target;
	const char *attributes;
	struct qido *out;
};

void qido_cleanup(struct qido *q)
{
	dset_free(q->keys);
	buf_cleanup(&q->ignored);
	*q = (struct qido){0};
}

int qido_ignore(struct qido *q, const char *name, struct err *e)
{
	char safe[65];
	size_t n = 0;

	for (; n < sizeof(safe) - 1 && name[n]; n++)
		safe[n] = (char)(g_ascii_isalnum(name[n]) || name[n] == '.' ? name[n] : '?');
	safe[n] = '\0';
	if (q->ignored.len + n + 2 > IGNORED_MOST)
		return 0; /* named enough */
	return buf_printf(&q->ignored, e, "%s%s", q->ignored.len ? ", " : "", safe);
}

/* ---- names of attributes */

static bool is_creator(uint32_t tag)
{
	return (tag >> 16 & 1) && (tag & 0xFFFF) < 0x1000;
}

/* -E_NOENT: a part is no attribute's name. */
static int read_path(const char *text, struct path *p, struct err *e)
{
	g_auto(GStrv) parts = g_strsplit(text, ".", (int)PATH_MOST + 1);
	int rc = 0;

	p->n = 0;
	for (unsigned i = 0; parts[i] && rc == 0; i++) {
		if (i == PATH_MOST)
			return err_set(e, E_INVAL, "%.80s...: a path of more than %u attributes", text, PATH_MOST);
		if (i > 0 && strcmp(dict_vr(p->tags[i - 1]), "SQ") != 0)
			return err_set(e, E_INVAL, "%.80s: %.64s is no sequence", text, parts[i - 1]);
		if ((rc = dict_tag(parts[i], &p->tags[i], e)) == 0)
			p->n++;
	}
	if (rc == 0 && p->n == 0)
		return err_set(e, E_NOENT, "a parameter without a name");
	return rc;
}

/* The item of a sequence's key: there is one. */
static int item_of(struct dset **keys, uint32_t sequence, struct err *e)
{
	const struct elem *el = dset_get(*keys, sequence);

	if (el && el->n_items > 0) {
		*keys = el->items[0];
		return 0;
	}
	return dset_put_item(*keys, sequence, keys, e);
}

/* Where the last attribute of a path belongs, and its VR. */
static int find_place(struct parse *p, const struct path *path, struct dset **set, char vr[3], struct err *e)
{
	uint32_t tag = path->tags[path->n - 1];
	int rc = 0;

	*set = p->out->keys;
	for (unsigned i = 0; i + 1 < path->n && rc == 0; i++)
		rc = item_of(set, path->tags[i], e);
	if (rc == 0 && path->n == 1 && (tag >> 16 & 1) && !is_creator(tag))
		return qido_private(p->attributes, tag, *set, vr, e);
	snprintf(vr, 3, "%.2s", dict_vr(tag));
	return rc;
}

/* ---- values */

static bool in(const char *vr, const char *list)
{
	const char *at = strstr(list, vr);

	return at && (at - list) % 3 == 0;
}

static int put_whole(struct dset *set, uint32_t tag, const char *vr, const char *name, const char *text, struct err *e)
{
	static const struct {
		const char *vr;
		size_t size;
		int64_t least, most;
	} kinds[] = {{"US", 2, 0, UINT16_MAX},        {"SS", 2, INT16_MIN, INT16_MAX}, {"UL", 4, 0, UINT32_MAX},
		     {"SL", 4, INT32_MIN, INT32_MAX}, {"UV", 8, 0, INT64_MAX},         {"SV", 8, INT64_MIN, INT64_MAX}};
	uint8_t bytes[8];
	char *end;
	int64_t v = g_ascii_strtoll(text, &end, 10);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].vr, vr) != 0)
			continue;
		if (end == text || *end || v < kinds[i].least || v > kinds[i].most)
			return err_set(e, E_INVAL, "%.80s: expected a whole number from %lld to %lld", name,
				       (long long)kinds[i].least, (long long)kinds[i].most);
		for (unsigned k = 0; k < kinds[i].size; k++)
			bytes[k] = (uint8_t)((uint64_t)v >> 8 * k);
		return dset_put(set, tag, vr, bytes, kinds[i].size, e);
	}
	return err_set(e, E_INVAL, "%.80s: expected no value: what it holds cannot be matched", name);
}

static int put_real(struct dset *set, uint32_t tag, const char *vr, const char *name, const char *text, struct err *e)
{
	char *end;
	double v = g_ascii_strtod(text, &end);
	float single = (float)v;

	if (end == text || *end || !isfinite(v))
		return err_set(e, E_INVAL, "%.80s: expected a number", name);
	if (strcmp(vr, "FL") == 0)
		return dset_put(set, tag, vr, &single, sizeof(single), e);
	return dset_put(set, tag, vr, &v, sizeof(v), e);
}

/* Text as a key has it. Commas part UIDs (PS3.18 8.3.4.1) and codes, which have none themselves; in moments a blank is
 * the plus of their zone, as a URL means it. */
static int text_of(const char *vr, const char *text, const struct elem *before, struct buf *out, struct err *e)
{
	char from = (char)(in(vr, "UI CS") ? ',' : strcmp(vr, "DT") == 0 ? ' ' : '\0');
	size_t at;
	int rc = 0;

	if (before && before->len > 0 && (rc = buf_put(out, before->value, before->len, e)) == 0)
		rc = buf_byte(out, '\\', e);
	at = out->len;
	if (rc < 0 || (rc = buf_str(out, text, e)) < 0)
		return rc;
	for (; from && at < out->len; at++)
		if (out->data[at] == (uint8_t)from)
			out->data[at] = from == ',' ? '\\' : '+';
	return 0;
}

static int put_value(struct dset *set, uint32_t tag, const char *vr, const char *name, const char *text, struct err *e)
{
	const struct elem *before = dset_get(set, tag);
	AUTO(buf) value = BUF(VALUE_MOST);
	int rc;

	if (!*text)
		return before ? 0 : dset_put(set, tag, vr, "", 0, e);
	if (strcmp(vr, "SQ") == 0)
		return err_set(e, E_INVAL, "%.80s: expected %.80s.ATTRIBUTE=VALUE", name, name);
	if (before && before->len > 0 && !in(vr, "AE AS CS LO PN SH UC UI"))
		return err_set(e, E_INVAL, "%.80s is given twice", name);
	if (in(vr, "FL FD"))
		return put_real(set, tag, vr, name, text, e);
	if (!vr_is_string(vr) && strcmp(vr, "UN") != 0)
		return put_whole(set, tag, vr, name, text, e);
	rc = text_of(vr, text, before, &value, e);
	return rc < 0 ? rc : dset_put(set, tag, vr, buf_text(&value), value.len, e);
}

/* ---- parameters */

static int read_number(const char *name, const char *text, uint64_t *out, struct err *e)
{
	uint64_t v = 0;

	for (const char *s = text; *s; s++) {
		if (*s < '0' || *s > '9' || s - text >= 18)
			return err_set(e, E_INVAL, "%s=%.40s: expected a whole number", name, text);
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (!*text)
		return err_set(e, E_INVAL, "%s: expected a whole number", name);
	*out = v;
	return 0;
}

static int read_bool(const char *name, const char *text, bool *out, struct err *e)
{
	bool yes = strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "false") != 0)
		return err_set(e, E_INVAL, "%s=%.40s: expected true or false", name, text);
	*out = yes;
	return 0;
}

static int read_limit(struct qido *q, const char *text, struct err *e)
{
	int rc = read_number("limit", text, &q->query.limit, e);

	q->nothing = rc == 0 && q->query.limit == 0;
	return rc;
}

/* 1: it is one of those that are no attributes, and taken. */
static int read_option(struct qido *q, const char *name, const char *value, struct err *e)
{
	static const char *const elsewhere[] = {"accept", "charset", "transfer-syntax", "includefield"};
	int rc;

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (strcmp(name, elsewhere[i]) == 0)
			return 1;
	if (strcmp(name, "limit") == 0)
		rc = read_limit(q, value, e);
	else if (strcmp(name, "offset") == 0)
		rc = read_number(name, value, &q->query.offset, e);
	else if (strcmp(name, "fuzzymatching") == 0)
		rc = read_bool(name, value, &q->query.fuzzy, e);
	else if (strcmp(name, "emptyvaluematching") == 0)
		rc = read_bool(name, value, &q->query.empty, e);
	else if (strcmp(name, "multiplevaluematching") == 0)
		rc = read_bool(name, value, &q->query.every, e);
	else
		return 0;
	return rc < 0 ? rc : 1;
}

/* What every answer has of itself. */
static const uint32_t own[] = {CHARSET, AVAILABILITY, RETRIEVE_URL};

/* Timezone Offset From UTC is never matched (PS3.4 C.2.2.2), and what answers have of themselves is always so. */
static bool no_key(const struct path *path)
{
	for (size_t i = 0; path->n == 1 && i < sizeof(own) / sizeof(*own); i++)
		if (path->tags[0] == own[i])
			return true;
	return path->n == 1 && path->tags[0] == TIMEZONE;
}

static int read_key(struct parse *p, const char *name, const char *value, bool creators, struct err *e)
{
	struct err why = {0};
	struct path path;
	struct dset *set;
	char vr[3];
	int rc = read_path(name, &path, &why);

	if (rc == -E_NOENT) /* named in the first of the two passes */
		return creators ? qido_ignore(p->out, name, e) : 0;
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	if ((path.n == 1 && is_creator(path.tags[0])) != creators)
		return 0;
	if (*value && no_key(&path)) {
		if ((rc = qido_ignore(p->out, name, e)) < 0)
			return rc;
		value = "";
	}
	rc = find_place(p, &path, &set, vr, e);
	return rc < 0 ? rc : put_value(set, path.tags[path.n - 1], vr, name, value, e);
}

/* Creators first: attributes of their blocks may stand before them. */
static int read_keys(struct parse *p, const struct url_query *url, bool creators, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < url->n && rc >= 0; i++) {
		const struct url_pair *pair = &url->pairs[i];

		if (!text_valid(pair->value, strlen(pair->value)))
			return err_set(e, E_INVAL, "%.80s: the value is not UTF-8", pair->name);
		if ((rc = read_option(p->out, pair->name, pair->value, e)) == 0)
			rc = read_key(p, pair->name, pair->value, creators, e);
	}
	return rc < 0 ? rc : 0;
}

static int include_one(struct parse *p, const char *name, struct err *e)
{
	struct err why = {0};
	struct path path;
	struct dset *set;
	char vr[3];
	int rc;

	if (strcmp(name, "all") == 0)
		return qido_all(p->target, p->attributes, p->out->keys, e);
	if ((rc = read_path(name, &path, &why)) == -E_NOENT)
		return qido_ignore(p->out, name, e);
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	rc = find_place(p, &path, &set, vr, e);
	return rc < 0 ? rc : put_value(set, path.tags[path.n - 1], vr, name, "", e);
}

static int include_all(struct parse *p, const struct url_query *url, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < url->n && rc == 0; i++) {
		g_auto(GStrv) names = NULL;

		if (strcmp(url->pairs[i].name, "includefield") != 0)
			continue;
		names = g_strsplit(url->pairs[i].value, ",", -1);
		for (unsigned k = 0; names[k] && rc == 0; k++)
			if (*g_strstrip(names[k]))
				rc = include_one(p, names[k], e);
	}
	return rc;
}

/* The UIDs of the path: a key that says the same is harmless. */
static int put_uid(struct dset *keys, uint32_t tag, const char *uid, struct err *e)
{
	const struct elem *el = dset_get(keys, tag);

	if (!*uid)
		return 0;
	if (el && el->len > 0 && (el->len != strlen(uid) || memcmp(el->value, uid, el->len) != 0))
		return err_set(e, E_INVAL, "%s: the path says another one", dict_keyword(tag));
	return dset_put_text(keys, tag, uid, e);
}

static int parse(struct parse *p, const struct url_query *url, struct err *e)
{
	const struct qido_target *t = p->target;
	int rc;

	if ((rc = read_keys(p, url, true, e)) < 0 || (rc = read_keys(p, url, false, e)) < 0 ||
	    (rc = put_uid(p->out->keys, STUDY_UID, t->study, e)) < 0 ||
	    (rc = put_uid(p->out->keys, SERIES_UID, t->series, e)) < 0 || (rc = include_all(p, url, e)) < 0)
		return rc;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		dset_remove(p->out->keys, own[i]);
	return qido_defaults(t, p->out->keys, e);
}

int qido_parse(const struct qido_target *t, const struct url_query *url, const char *attributes, struct qido *out,
	       struct err *e)
{
	AUTO(qido)
	q = {.query = {.level = t->level, .relational = true, .datetime = true}, .ignored = BUF(IGNORED_MOST + 1)};
	struct parse p = {.target = t, .attributes = attributes ? attributes : "", .out = &q};
	int rc;

	if ((rc = dset_new(&q.keys, e)) < 0 || (rc = parse(&p, url, e)) < 0)
		return rc;
	q.query.keys = q.keys;
	*out = q;
	q = (struct qido){0};
	return 0;
}

/* ---- answers */

int qido_complete(const struct qido *q, const char *service, struct dset *row, struct err *e)
{
	char url[1024];
	int n = snprintf(url, sizeof(url), "%s/studies/%s", service, dset_text(row, STUDY_UID));
	int rc;

	if (q->query.level >= LEVEL_SERIES)
		n += snprintf(url + n, sizeof(url) - (size_t)n, "/series/%s", dset_text(row, SERIES_UID));
	if (q->query.level >= LEVEL_IMAGE)
		snprintf(url + n, sizeof(url) - (size_t)n, "/instances/%s", dset_text(row, TAG(0x0008, 0x0018)));
	for (unsigned i = dset_count(row); i-- > 0;) {
		const struct elem *el = dset_at(row, i);

		if (el->len == 0 && qido_if_known(el->tag))
			dset_remove(row, el->tag);
	}
	if ((rc = dset_put_text(row, CHARSET, "ISO_IR 192", e)) < 0 ||
	    (rc = dset_put_text(row, AVAILABILITY, "ONLINE", e)) < 0)
		return rc;
	return dset_put_text(row, RETRIEVE_URL, url, e);
}
