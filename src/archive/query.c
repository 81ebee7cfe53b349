/* archive/query.c - the cursor: pages of rows, each matched in full and turned into the answer that was asked for. */
#include "archive/query_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE_FIRST 64
#define PAGE_MOST 512
#define PAGE_BYTES (4u << 20) /* kept attributes of a page's rows: a page of very long texts ends early */

struct cursor {
	struct db *db;
	struct plan plan;
	int64_t after;      /* the last key that was read */
	unsigned page;      /* rows to ask for next */
	struct dset **rows; /* answers of this page; given out up to next */
	int64_t *sites;     /* whose they are */
	unsigned n, next, room;
	bool over;
	uint64_t left, skip;
};

int query_level_parse(const char *text, enum query_level *out)
{
	static const char *const names[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == ' ')
		n--;
	for (int i = 0; i < 4; i++)
		if (strlen(names[i]) == n && strncasecmp(text, names[i], n) == 0) {
			*out = (enum query_level)i;
			return 0;
		}
	return -E_INVAL;
}

/* ---------------------------------------------------------------- a row */

/* One row of the page and what is looked up beside it on demand. */
struct row {
	struct db_conn *c;
	struct db_stmt *s;
	bool counted_patient, counted_study;
	int64_t studies, patient_series, patient_instances, study_series, study_instances;
	struct buf text;
	char moved[40]; /* a date or time in the zone of the query */
};

static int64_t column_of_level(const struct row *r, unsigned level)
{
	static const int column[] = {ROW_PATIENT, ROW_STUDY, ROW_SERIES};

	return db_int(r->s, column[level]);
}

static int numbers(struct row *r, const char *name, unsigned level, int64_t *out, int n, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(r->c, db_sql(db_of(r->c), name), &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, column_of_level(r, level));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	for (int i = 0; i < n; i++)
		out[i] = db_int(s, i);
	db_reset(s);
	return 0;
}

static int count(struct row *r, uint32_t tag, int64_t *out, struct err *e)
{
	int64_t v[3] = {0};
	int rc = 0;

	if (tag <= TAG(0x0020, 0x1204)) { /* of the patient */
		if (!r->counted_patient && (rc = numbers(r, "count-patient", LEVEL_PATIENT, v, 3, e)) == 0) {
			r->counted_patient = true;
			r->studies = v[0], r->patient_series = v[1], r->patient_instances = v[2];
		}
		*out = tag == TAG(0x0020, 0x1200)   ? r->studies
		       : tag == TAG(0x0020, 0x1202) ? r->patient_series
						    : r->patient_instances;
	} else if (tag <= TAG(0x0020, 0x1208)) { /* of the study */
		if (!r->counted_study && (rc = numbers(r, "count-study", LEVEL_STUDY, v, 2, e)) == 0) {
			r->counted_study = true;
			r->study_series = v[0], r->study_instances = v[1];
		}
		*out = tag == TAG(0x0020, 0x1206) ? r->study_series : r->study_instances;
	} else {
		rc = numbers(r, "count-series", LEVEL_SERIES, out, 1, e);
	}
	return rc;
}

static int list_values(struct row *r, const char *name, struct err *e)
{
	struct db_stmt *s;
	const char *text;
	size_t n;
	int rc = db_prepare(r->c, db_sql(db_of(r->c), name), &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, column_of_level(r, LEVEL_STUDY));
	while ((rc = db_step(s, e)) > 0) {
		text = db_text(s, 0, &n);
		if ((r->text.len > 0 && (rc = buf_byte(&r->text, '\\', e)) < 0) ||
		    (rc = buf_put(&r->text, text, n, e)) < 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

static const void *kept_attrs(const struct row *r, const struct attr *a, size_t *len)
{
	static const int column[] = {ROW_OWN, ROW_OWN, ROW_SERIES_ATTRS, ROW_IMAGE_ATTRS};

	return db_blob(r->s, column[a->level], len);
}

static void kept(const struct row *r, const struct attr *a, const char **text, size_t *n)
{
	size_t len;
	const void *attrs = kept_attrs(r, a, &len);

	attr_get(attrs, len, a->code, text, n);
}

/* The zone that the study names, else that of the query's settings. Patients have none of their own. */
static int zone_of(const struct row *r, const struct plan *p)
{
	const char *text = "";
	char date[9] = "";
	size_t n = 0;
	int zone;

	if (p->q->level > LEVEL_PATIENT)
		kept(r, attr_find(TAG(0x0008, 0x0201)), &text, &n);
	zone = when_zone(text, n);
	if (zone == WHEN_NO_ZONE)
		zone = p->otherwise;
	if (zone != WHEN_NO_ZONE)
		return zone;
	if (p->q->level > LEVEL_PATIENT) {
		kept(r, attr_find(TAG(0x0008, 0x0020)), &text, &n);
		match_date(text, n, date);
	}
	return when_here(date);
}

/* A date or a time of day, moved together with its partner from the study's zone to the query's. */
static void moved_pair(struct row *r, const struct attr *a, int minutes, const char **text, size_t *n)
{
	const struct attr *partner = attr_find(when_partner(a->tag));
	bool is_date = strcmp(a->vr, "DA") == 0;
	const char *other;
	char date[9] = "", tod[17];
	size_t other_n;

	if (!partner || *n == 0)
		return;
	kept(r, partner, &other, &other_n);
	if (is_date && (!match_date(*text, *n, date) || !when_shift(date, other, other_n, minutes, tod)))
		return;
	if (!is_date && !when_shift(NULL, *text, *n, minutes, tod))
		return;
	*n = (size_t)snprintf(r->moved, sizeof(r->moved), "%s", is_date ? date : tod);
	*text = r->moved;
}

/* A moment that names no offset; one that is not precise to the hour stays. */
static void moved_moment(struct row *r, int minutes, const char **text, size_t *n)
{
	char date[9] = "", tod[17];

	if (*n < 10 || *n > 21 || when_zone(*text + *n - 5, 5) != WHEN_NO_ZONE || !match_date(*text, 8, date) ||
	    !when_shift(date, *text + 8, *n - 8, minutes, tod))
		return;
	*n = (size_t)snprintf(r->moved, sizeof(r->moved), "%s%s", date, tod);
	*text = r->moved;
}

static void kept_moved(struct row *r, const struct plan *p, const struct attr *a, const char **text, size_t *n)
{
	int minutes;

	kept(r, a, text, n);
	if (p->zone == WHEN_NO_ZONE || (strcmp(a->vr, "DA") && strcmp(a->vr, "TM") && strcmp(a->vr, "DT")) ||
	    (minutes = p->zone - zone_of(r, p)) == 0)
		return;
	if (strcmp(a->vr, "DT") == 0)
		moved_moment(r, minutes, text, n);
	else
		moved_pair(r, a, minutes, text, n);
}

/* The value of an attribute in this row, as text; borrowed until the next call. */
static int value_of(struct row *r, const struct plan *p, const struct attr *a, const char **text, size_t *n,
		    struct err *e)
{
	int64_t v = 0;
	int rc = 0;

	buf_clear(&r->text);
	switch ((enum attr_from)a->from) {
	case ATTR_KEPT:
		kept_moved(r, p, a, text, n);
		return 0;
	case ATTR_STUDY_UID:
		*text = db_text(r->s, ROW_STUDY_UID, n);
		return 0;
	case ATTR_SERIES_UID:
		*text = db_text(r->s, ROW_SERIES_UID, n);
		return 0;
	case ATTR_SOP_UID:
		*text = db_text(r->s, ROW_SOP_UID, n);
		return 0;
	case ATTR_SOP_CLASS:
		*text = db_text(r->s, ROW_CLASS, n);
		return 0;
	case ATTR_MODALITIES:
		rc = list_values(r, "modalities", e);
		break;
	case ATTR_CLASSES:
		rc = list_values(r, "classes", e);
		break;
	case ATTR_COUNT:
		if ((rc = count(r, a->tag, &v, e)) == 0)
			rc = buf_printf(&r->text, e, "%" PRId64, v);
		break;
	}
	*text = buf_text(&r->text);
	*n = r->text.len;
	return rc;
}

/* The zone of moments that name none, once they are where the query wants them; other values have none. */
static int zone_of_moments(const struct row *r, const struct plan *p, const struct attr *a)
{
	if (strcmp(a->vr, "DT") != 0 && strcmp(a->vr, "SQ") != 0)
		return 0;
	return p->zone == WHEN_NO_ZONE ? zone_of(r, p) : p->zone;
}

/* Does a value answer the key as it reads in the other character set that it may be in? */
static bool other_answers(const struct row *r, const struct plan *p, const struct match *m)
{
	const char *text;
	size_t len, n;
	const void *attrs;

	if (m->attr->from != ATTR_KEPT)
		return false;
	attrs = kept_attrs(r, m->attr, &len);
	return attr_other(attrs, len, m->attr->code, &text, &n) &&
	       match_value(m, text, n, zone_of_moments(r, p, m->attr));
}

/* A date whose time is matched together with it. */
static bool together(struct row *r, const struct plan *p, const struct match *date)
{
	const struct match *time_of_day = &p->matches[date->with - 1];
	const char *text, *other;
	char day[16];
	size_t n, other_n;

	kept_moved(r, p, date->attr, &text, &n);
	n = n < sizeof(day) ? n : sizeof(day);
	memcpy(day, text, n); /* the next one may take its place */
	kept_moved(r, p, time_of_day->attr, &other, &other_n);
	return match_together(date, time_of_day, day, n, other, other_n);
}

/* 1: the row answers this key. */
static int matches_one(struct row *r, const struct plan *p, const struct match *m, struct err *e)
{
	const char *text;
	size_t n;
	int rc;

	if (m->kind == MATCH_ALL)
		return 1;
	if (m->with)
		return together(r, p, m);
	if (m->kind == MATCH_NAME && m->attr->from == ATTR_KEPT && m->attr->code == ATTR_PATIENT_NAME &&
	    !p->names_old) {
		text = db_text(r->s, ROW_NAMES, &n);
		return match_forms(m, text, n) || other_answers(r, p, m);
	}
	if ((rc = value_of(r, p, m->attr, &text, &n, e)) < 0)
		return rc;
	return match_value(m, text, n, zone_of_moments(r, p, m->attr)) || other_answers(r, p, m);
}

/* 1: it answers every key. */
static int matches(struct row *r, const struct plan *p, struct err *e)
{
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < p->n_matches; i++)
		rc = matches_one(r, p, &p->matches[i], e);
	return rc;
}

static int answer_one(struct row *r, const struct plan *p, struct dset *d, uint32_t tag, const struct attr *a,
		      struct err *e)
{
	AUTO(buf) bytes = BUF(1u << 20);
	const char *text;
	size_t n;
	int rc = value_of(r, p, a, &text, &n, e);

	if (rc < 0)
		return rc;
	if (!attr_is_binary(a->vr))
		return dset_put(d, tag, a->vr, text, n, e);
	rc = attr_number_bytes(a->vr, text, n, &bytes, e);
	return rc < 0 ? rc : dset_put(d, tag, a->vr, bytes.data ? (const void *)bytes.data : "", bytes.len, e);
}

/* What was asked for. A private attribute brings its creator, in the block of the request. */
static int answer_match(struct row *r, const struct plan *p, struct dset *d, const struct match *m, struct err *e)
{
	const char *creator = m->attr->creator, *text;
	uint32_t block = (m->tag & 0xFFFF0000) | (m->tag >> 8 & 0xFF);
	size_t n;
	int rc;

	if (creator && !dset_get(d, block) && (rc = dset_put(d, block, "LO", creator, strlen(creator), e)) < 0)
		return rc;
	if (strcmp(m->attr->vr, "SQ") != 0)
		return answer_one(r, p, d, m->tag, m->attr, e);
	kept(r, m->attr, &text, &n);
	return match_items(m, text, n, zone_of_moments(r, p, m->attr), d, e);
}

static int answer(struct row *r, const struct plan *p, struct dset **out, struct err *e)
{
	static const uint32_t unique[] = {TAG(0x0010, 0x0020), TAG(0x0020, 0x000D), TAG(0x0020, 0x000E),
					  TAG(0x0008, 0x0018)};
	AUTO(dset) d = NULL;
	int rc = dset_new(&d, e);

	for (unsigned i = 0; rc == 0 && i < p->n_matches; i++)
		rc = answer_match(r, p, d, &p->matches[i], e);
	for (unsigned level = 0; rc == 0 && level <= (unsigned)p->q->level; level++)
		if (!dset_get(d, unique[level]) && (level > 0 || p->q->patient_root || p->q->level == LEVEL_PATIENT))
			rc = answer_one(r, p, d, unique[level], attr_find(unique[level]), e);
	if (rc == 0)
		*out = STEAL(d);
	return rc;
}

/* ---------------------------------------------------------------- pages */

static int more_room(struct cursor *c, struct err *e)
{
	unsigned more = c->room ? c->room * 2 : 16;
	struct dset **rows = reallocarray(c->rows, more, sizeof(*rows));
	int64_t *sites;

	if (rows)
		c->rows = rows;
	if (!rows || !(sites = reallocarray(c->sites, more, sizeof(*sites))))
		return err_set(e, E_NOMEM, "no memory for a page of answers");
	c->sites = sites;
	c->room = more;
	return 0;
}

static int keep_answer(struct cursor *c, struct dset *d, int64_t site, struct err *e)
{
	int rc;

	if (c->n == c->room && (rc = more_room(c, e)) < 0) {
		dset_free(d);
		return rc;
	}
	c->sites[c->n] = site;
	c->rows[c->n++] = d;
	return 0;
}

static int take_row(struct cursor *c, struct row *r, struct err *e)
{
	struct dset *d = NULL;
	int rc;

	r->counted_patient = r->counted_study = false;
	c->after = db_int(r->s, ROW_PK);
	if ((rc = matches(r, &c->plan, e)) <= 0)
		return rc;
	if (c->skip > 0) {
		c->skip--;
		return 0;
	}
	if ((rc = answer(r, &c->plan, &d, e)) < 0)
		return rc;
	c->over = --c->left == 0;
	return keep_answer(c, d, db_int(r->s, ROW_SITE), e);
}

static void drop_page(struct cursor *c)
{
	while (c->next < c->n)
		dset_free(c->rows[c->next++]);
	c->next = c->n = 0;
}

/* Bytes of attributes that the row at hand carries. */
static size_t row_bytes(struct db_stmt *s, enum query_level level)
{
	static const int column[] = {ROW_OWN, ROW_SERIES_ATTRS, ROW_IMAGE_ATTRS};
	const unsigned columns = level < LEVEL_SERIES ? 1 : level == LEVEL_SERIES ? 2 : 3;
	size_t n, sum = 0;

	for (unsigned i = 0; i < columns; i++) {
		db_blob(s, column[i], &n);
		sum += n;
	}
	return sum;
}

/* Reads one page, holding the connection no longer than that. */
static int read_page(struct cursor *c, struct db_conn *conn, struct err *e)
{
	struct row r = {.c = conn, .text = BUF(1u << 20)};
	unsigned seen = 0;
	size_t bytes = 0;
	int rc;

	if ((rc = plan_prepare(&c->plan, conn, &r.s, e)) < 0)
		return rc;
	db_bind_int(r.s, 1, c->after);
	db_bind_int(r.s, 2, c->page);
	while ((rc = db_step(r.s, e)) > 0) {
		seen++;
		bytes += row_bytes(r.s, c->plan.q->level);
		if ((rc = take_row(c, &r, e)) < 0 || c->over || bytes > PAGE_BYTES) {
			db_reset(r.s);
			break;
		}
	}
	buf_cleanup(&r.text);
	if (rc < 0)
		return rc;
	c->over |= seen < c->page && bytes <= PAGE_BYTES;
	c->page = c->page < PAGE_MOST ? c->page * 2 : PAGE_MOST;
	return 0;
}

enum query_key query_key(struct archive *a, const struct query *q, uint32_t tag)
{
	const struct attr *attr = plan_attr(archive_attrs(a), q->keys, tag);

	if (!attr)
		return QUERY_KEY_UNKNOWN;
	return attr->level > q->level ? QUERY_KEY_BELOW : QUERY_KEY_TAKEN;
}

int query_open(struct archive *a, const struct query *q, struct cursor **out, struct err *e)
{
	AUTO(db_conn) conn = NULL;
	struct cursor *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_set(e, E_NOMEM, "no memory for a cursor");
	c->db = archive_db(a);
	c->page = PAGE_FIRST;
	c->left = q->limit ? q->limit : UINT64_MAX;
	c->skip = q->offset;
	if ((rc = db_get(c->db, DB_READ, &conn, e)) == 0 &&
	    (rc = plan_make(&c->plan, conn, archive_attrs(a), q, PLAN_FIND, e)) == 0)
		rc = read_page(c, conn, e);
	if (rc < 0) {
		cursor_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

int cursor_next(struct cursor *c, const struct dset **row, struct err *e)
{
	int rc;

	if (c->next > 0) /* the one given out last */
		dset_free(c->rows[c->next - 1]), c->rows[c->next - 1] = NULL;
	while (c->next == c->n) {
		AUTO(db_conn) conn = NULL;

		if (c->over)
			return 0;
		c->next = c->n = 0;
		if ((rc = db_get(c->db, DB_READ, &conn, e)) < 0 || (rc = read_page(c, conn, e)) < 0)
			return rc;
	}
	*row = c->rows[c->next++];
	return 1;
}

int cursor_take(struct cursor *c, struct dset **row, struct err *e)
{
	const struct dset *borrowed;
	int rc = cursor_next(c, &borrowed, e);

	if (rc > 0)
		*row = STEAL(c->rows[c->next - 1]);
	return rc;
}

int64_t cursor_site(const struct cursor *c)
{
	return c->next > 0 ? c->sites[c->next - 1] : 0;
}

bool cursor_partial(const struct cursor *c)
{
	return c->plan.partial;
}

void cursor_close(struct cursor *c)
{
	if (!c)
		return;
	if (c->next > 0)
		dset_free(c->rows[c->next - 1]);
	drop_page(c);
	free(c->rows);
	free(c->sites);
	query_plan_cleanup(&c->plan);
	free(c);
}

int query_charset_note(struct archive *a, const char *study_uid, char note[CHARSET_NOTE], struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a), DB_READ, &c, e)) < 0 ||
	    (rc = db_prepare(c, db_sql(db_of(c), "study-note-get"), &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, study_uid, strlen(study_uid));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	snprintf(note, CHARSET_NOTE, "%s", db_text(s, 0, NULL));
	db_reset(s);
	return note[0] != '\0';
}
