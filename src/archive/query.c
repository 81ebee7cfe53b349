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

static void kept(const struct row *r, const struct attr *a, const char **text, size_t *n)
{
	static const int column[] = {ROW_OWN, ROW_OWN, ROW_SERIES_ATTRS, ROW_IMAGE_ATTRS};
	size_t len;
	const void *attrs = db_blob(r->s, column[a->level], &len);

	attr_get(attrs, len, a->code, text, n);
}

/* The value of an attribute in this row, as text; borrowed until the next call. */
static int value_of(struct row *r, const struct attr *a, const char **text, size_t *n, struct err *e)
{
	int64_t v = 0;
	int rc = 0;

	buf_clear(&r->text);
	switch ((enum attr_from)a->from) {
	case ATTR_KEPT:
		kept(r, a, text, n);
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

/* 1: it answers every key. */
static int matches(struct row *r, const struct plan *p, struct err *e)
{
	const char *text;
	size_t n;
	int rc;

	for (unsigned i = 0; i < p->n_matches; i++) {
		const struct match *m = &p->matches[i];

		if (m->kind == MATCH_ALL)
			continue;
		if (m->attr->from == ATTR_KEPT && m->attr->code == ATTR_PATIENT_NAME) {
			text = db_text(r->s, ROW_NAMES, &n);
			if (!match_forms(m, text, n))
				return 0;
			continue;
		}
		if ((rc = value_of(r, m->attr, &text, &n, e)) < 0)
			return rc;
		if (!match_value(m, text, n))
			return 0;
	}
	return 1;
}

static int answer_one(struct row *r, struct dset *d, const struct attr *a, struct err *e)
{
	const char *text;
	size_t n;
	int rc = value_of(r, a, &text, &n, e);

	if (rc < 0)
		return rc;
	if (n > 0 && a->vr[0] == 'U' && (a->vr[1] == 'S' || a->vr[1] == 'L')) {
		char copy[24];

		snprintf(copy, sizeof(copy), "%.*s", (int)(n < 23 ? n : 23), text);
		return dset_put_int(d, a->tag, strtoll(copy, NULL, 10), e);
	}
	return dset_put(d, a->tag, a->vr, text, n, e);
}

static int answer(struct row *r, const struct plan *p, struct dset **out, struct err *e)
{
	static const uint32_t unique[] = {TAG(0x0010, 0x0020), TAG(0x0020, 0x000D), TAG(0x0020, 0x000E),
					  TAG(0x0008, 0x0018)};
	AUTO(dset) d = NULL;
	int rc = dset_new(&d, e);

	for (unsigned i = 0; rc == 0 && i < p->n_matches; i++)
		rc = answer_one(r, d, p->matches[i].attr, e);
	for (unsigned level = 0; rc == 0 && level <= (unsigned)p->q->level; level++)
		if (!dset_get(d, unique[level]) && (level > 0 || p->q->patient_root || p->q->level == LEVEL_PATIENT))
			rc = answer_one(r, d, attr_find(unique[level]), e);
	if (rc == 0)
		*out = STEAL(d);
	return rc;
}

/* ---------------------------------------------------------------- pages */

static int keep_answer(struct cursor *c, struct dset *d, struct err *e)
{
	if (c->n == c->room) {
		unsigned more = c->room ? c->room * 2 : 16;
		struct dset **bigger = reallocarray(c->rows, more, sizeof(*bigger));

		if (!bigger) {
			dset_free(d);
			return err_set(e, E_NOMEM, "no memory for a page of answers");
		}
		c->rows = bigger;
		c->room = more;
	}
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
	return keep_answer(c, d, e);
}

static void drop_page(struct cursor *c)
{
	while (c->next < c->n)
		dset_free(c->rows[c->next++]);
	c->next = c->n = 0;
}

/* Bytes of attributes that the row at hand carries. */
static size_t row_bytes(struct db_stmt *s)
{
	static const int column[] = {ROW_OWN, ROW_SERIES_ATTRS, ROW_IMAGE_ATTRS};
	size_t n, sum = 0;

	for (unsigned i = 0; i < 3; i++) {
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
		bytes += row_bytes(r.s);
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
	if ((rc = db_get(c->db, DB_READ, &conn, e)) == 0 && (rc = plan_make(&c->plan, conn, q, PLAN_FIND, e)) == 0)
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
	query_plan_cleanup(&c->plan);
	free(c);
}
