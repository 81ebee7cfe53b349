/* archive/index_refresh.c - see index_refresh.h. */
#include "archive/index_refresh.h"
#include "archive/index_sql.h"
#include "archive/match.h"
#include "archive/store.h"
#include "base/text.h"

/* ---------------------------------------------------------------- how far it is */

int index_refresh_state(struct db_conn *c, uint64_t *after, uint64_t *upto, struct err *e)
{
	int rc = meta_number(c, "refresh_after", after, e);

	return rc < 0 ? rc : meta_number(c, "refresh_upto", upto, e);
}

int index_refresh_mark(struct db_conn *writer, uint64_t after, struct err *e)
{
	return set_meta_number(writer, "refresh_after", after, e);
}

static int begin_anew(struct db_conn *w, uint64_t form, uint64_t *upto, struct err *e)
{
	int64_t last;
	int rc;

	if (form != TEXT_FORM && ((rc = db_exec(w, db_sql(db_of(w), "names-clear"), e)) < 0 ||
				  (rc = set_meta_number(w, "text_form", 0, e)) < 0))
		return rc;
	if ((rc = db_one_int(w, "SELECT coalesce(max(pk), 0) FROM instance", &last, e)) < 0 ||
	    (rc = set_meta_number(w, "refresh_form", TEXT_FORM, e)) < 0 ||
	    (rc = set_meta_number(w, "refresh_upto", (uint64_t)last, e)) < 0)
		return rc;
	*upto = (uint64_t)last;
	return index_refresh_mark(w, 0, e);
}

int index_refresh_begin(struct db_conn *writer, uint64_t *after, uint64_t *upto, struct err *e)
{
	uint64_t form, aim;
	int rc;

	if ((rc = index_refresh_state(writer, after, upto, e)) < 0 || (rc = index_form(writer, &form, e)) < 0 ||
	    (rc = meta_number(writer, "refresh_form", &aim, e)) < 0)
		return rc;
	/* one that an older program began led to another form */
	if (*upto > 0 && aim == TEXT_FORM && (form == TEXT_FORM || form == 0))
		return 0;
	*after = 0;
	return begin_anew(writer, form, upto, e);
}

int index_refresh_end(struct db_conn *writer, struct err *e)
{
	int rc = set_meta_number(writer, "text_form", TEXT_FORM, e);

	if (rc < 0 || (rc = set_meta_number(writer, "refresh_upto", 0, e)) < 0)
		return rc;
	return index_refresh_mark(writer, 0, e);
}

/* ---------------------------------------------------------------- reading */

static void read_row(struct db_stmt *s, struct refresh_row *r)
{
	struct stored *w = &r->where;

	*r = (struct refresh_row){
	    .pk = db_int(s, 0),
	    .series = db_int(s, 1),
	    .study = db_int(s, 2),
	    .patient = db_int(s, 3),
	    .where = {.pack = (uint64_t)db_int(s, 8),
		      .at = (uint64_t)db_int(s, 9),
		      .part10_len = (uint64_t)db_int(s, 10),
		      .head_len = (uint32_t)db_int(s, 11)},
	};
	r->of_series = db_int(s, 12) != 0;
	r->of_study = r->of_series && db_int(s, 13) != 0;
	r->of_patient = r->of_study && db_int(s, 14) != 0;
	r->series_heir = db_int(s, 15) != 0;
	r->study_heir = db_int(s, 16) != 0;
	snprintf(w->sop_instance, sizeof w->sop_instance, "%s", db_text(s, 4, NULL));
	snprintf(w->syntax, sizeof w->syntax, "%s", db_text(s, 5, NULL));
	snprintf(w->study, sizeof w->study, "%s", db_text(s, 6, NULL));
	snprintf(w->series, sizeof w->series, "%s", db_text(s, 7, NULL));
	stored_received(s, 17, w);
}

int index_refresh_page(struct db_conn *reader, uint64_t after, uint64_t upto, struct refresh_row *rows, unsigned most,
		       struct err *e)
{
	struct db_stmt *s;
	unsigned n = 0;
	int rc = prepare(reader, "refresh-page", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)after);
	db_bind_int(s, 2, (int64_t)upto);
	db_bind_int(s, 3, most);
	while ((rc = db_step(s, e)) > 0)
		read_row(s, &rows[n++]);
	return rc < 0 ? rc : (int)n;
}

static bool same_text(const struct buf *attrs, uint8_t code, struct db_stmt *s, int column)
{
	const char *have, *text = db_text(s, column, NULL);
	size_t n;

	head_text(attrs, code, &have, &n);
	return strlen(text) == n && memcmp(text, have, n) == 0;
}

bool index_refresh_fits(struct db_conn *reader, const struct refresh_row *r, const struct index_head *h)
{
	struct db_stmt *s;
	bool same;

	if (strcmp(h->instance, r->where.sop_instance) != 0 || strcmp(h->study, r->where.study) != 0 ||
	    strcmp(h->series, r->where.series) != 0 || prepare(reader, "study-owner", &s, NULL) < 0)
		return false;
	bind_str(s, 1, r->where.study);
	if (db_step(s, NULL) <= 0)
		return false;
	same = same_text(&h->patient, ATTR_ISSUER, s, 2) && same_text(&h->patient, ATTR_PATIENT_ID, s, 3);
	db_reset(s);
	return same;
}

/* ---------------------------------------------------------------- writing */

/* Names and attributes of a study or patient, as they are. */
struct former {
	struct buf names, attrs;
};

/* 1, or 0 when it is gone. */
static int read_former(struct db_conn *c, const char *name, int64_t owner, struct former *f, struct err *e)
{
	struct db_stmt *s;
	const void *p;
	size_t n;
	int rc = prepare(c, name, &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, owner);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	p = db_text(s, 0, &n);
	rc = buf_put(&f->names, p, n, e);
	p = db_blob(s, 1, &n);
	if (rc == 0)
		rc = buf_put(&f->attrs, p, n, e);
	db_reset(s);
	return rc < 0 ? rc : 1;
}

static bool same_buf(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* A name as it was kept, in normal form: as it is shown, or as it may have been meant. */
static int names_kept(const struct former *f, bool other, struct buf *out, struct err *e)
{
	const char *text = "";
	size_t n = 0;

	(other ? attr_other : attr_get)(f->attrs.data, f->attrs.len, ATTR_PATIENT_NAME, &text, &n);
	return match_names(text, n, out, e);
}

static int take_names(struct db_conn *w, enum name_kind kind, int64_t owner, const struct former *f, struct err *e)
{
	AUTO(buf) other = BUF(HEAD_TEXT_MOST);
	int rc = names_kept(f, true, &other, e);

	if (rc < 0 || (rc = index_remove_names(w, buf_text(&f->names), f->names.len, kind, owner, e)) < 0)
		return rc;
	return index_remove_names(w, buf_text(&other), other.len, kind, owner, e);
}

static int write_owner(struct db_conn *w, enum name_kind kind, int64_t owner, const struct buf *names,
		       const struct buf *attrs, const struct index_head *h, struct err *e)
{
	const char *accession;
	struct db_stmt *s;
	size_t n;
	int rc = prepare(w, kind == NAME_STUDY ? "study-refresh" : "patient-refresh", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, owner);
	db_bind_text(s, 2, buf_text(names), names->len);
	bind_buf(s, 3, attrs);
	if (kind == NAME_STUDY) {
		head_text(attrs, ATTR_ACCESSION, &accession, &n);
		db_bind_text(s, 4, accession, n);
		if (h)
			bind_str(s, 5, h->study_date);
		else
			db_bind_null(s, 5);
	}
	return run(s, e);
}

/* h NULL: the names are made from what was kept, the rest stays. */
static int renew_owner(struct db_conn *w, enum name_kind kind, int64_t owner, const struct former *f,
		       const struct index_head *h, struct err *e)
{
	AUTO(buf) names = BUF(HEAD_TEXT_MOST);
	AUTO(buf) other = BUF(HEAD_TEXT_MOST);
	const struct buf *attrs = !h ? &f->attrs : kind == NAME_STUDY ? &h->own : &h->patient;
	uint64_t form;
	int rc;

	if ((rc = index_form(w, &form, e)) < 0 || (!h && (rc = names_kept(f, false, &names, e)) < 0) ||
	    (!h && (rc = names_kept(f, true, &other, e)) < 0))
		return rc;
	if (form == TEXT_FORM && same_buf(h ? &h->names : &names, &f->names) && same_buf(attrs, &f->attrs))
		return 0;
	if ((form == TEXT_FORM && (rc = take_names(w, kind, owner, f, e)) < 0) ||
	    (rc = write_owner(w, kind, owner, h ? &h->names : &names, attrs, h, e)) < 0 ||
	    (rc = index_add_names(w, h ? &h->names : &names, kind, owner, e)) < 0)
		return rc;
	return index_add_names(w, h ? &h->names_other : &other, kind, owner, e);
}

static int put_owner(struct db_conn *w, enum name_kind kind, int64_t owner, const struct index_head *h, struct err *e)
{
	struct former f = {BUF(HEAD_TEXT_MOST), BUF(HEAD_TEXT_MOST)};
	int rc = read_former(w, kind == NAME_STUDY ? "study-names" : "patient-names", owner, &f, e);

	if (rc > 0)
		rc = renew_owner(w, kind, owner, &f, h, e);
	buf_cleanup(&f.names);
	buf_cleanup(&f.attrs);
	return rc;
}

static int put_series(struct db_conn *w, const struct refresh_row *r, struct err *e)
{
	const struct buf *attrs = &r->head->series_attrs;
	const char *modality;
	struct db_stmt *s;
	size_t n;
	int rc = prepare(w, "series-refresh", &s, e);

	if (rc < 0)
		return rc;
	head_text(attrs, ATTR_MODALITY, &modality, &n);
	db_bind_int(s, 1, r->series);
	db_bind_text(s, 2, modality, n);
	bind_number(s, 3, attrs, ATTR_SERIES_NUMBER);
	bind_buf(s, 4, attrs);
	return run(s, e);
}

static int put_instance(struct db_conn *w, const struct refresh_row *r, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(w, "instance-refresh", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, r->pk);
	bind_number(s, 2, &r->head->image, ATTR_INSTANCE_NUMBER);
	bind_buf(s, 3, &r->head->image);
	return run(s, e);
}

static int clear_note(struct db_conn *w, const struct refresh_row *r, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(w, "study-note-clear", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, r->study);
	db_bind_int(s, 2, r->pk);
	return run(s, e);
}

/* 0: it was dropped since it was read, or taken in anew; what has its keys now may be another's. */
static int is_same(struct db_conn *w, const struct refresh_row *r, struct err *e)
{
	struct db_stmt *s;
	int64_t found;
	int rc = prepare(w, "refresh-same", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, r->pk);
	db_bind_int(s, 2, r->series);
	db_bind_int(s, 3, r->study);
	db_bind_int(s, 4, r->patient);
	return one(s, &found, e);
}

int index_refresh_put(struct db_conn *writer, const struct refresh_row *r, struct err *e)
{
	const struct index_head *said = r->study_heir ? NULL : r->head;
	int rc = is_same(writer, r, e);

	if (rc <= 0)
		return rc;
	rc = 0;
	if (r->of_patient)
		rc = put_owner(writer, NAME_PATIENT, r->patient, said, e);
	if (rc == 0 && r->of_study)
		rc = put_owner(writer, NAME_STUDY, r->study, said, e);
	if (rc < 0 || !r->head)
		return rc;
	if (r->of_series && !r->study_heir && (rc = clear_note(writer, r, e)) < 0)
		return rc;
	if (r->head->charset_note[0] && (rc = index_note_study(writer, r->head->charset_note, r->study, e)) < 0)
		return rc;
	if (r->of_series && !r->series_heir && (rc = put_series(writer, r, e)) < 0)
		return rc;
	return put_instance(writer, r, e);
}
