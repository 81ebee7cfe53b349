/* archive/index.c - one instance into the index: who it belongs to, is it there, rows for what is new. */
#include "archive/change_write.h"
#include "archive/fuzzy.h"
#include "archive/index_internal.h"
#include "archive/index_sql.h"
#include "archive/match.h"
#include "archive/pack.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int find_text(struct db_conn *c, const char *name, const char *text, size_t n, int64_t *out, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, name, &s, e);

	if (rc < 0)
		return rc;
	db_bind_text(s, 1, text, n);
	return one(s, out, e);
}

/* The key of a text in a dictionary table, added when new: 1 when it was new. */
static int intern(struct db_conn *c, const char *find, const char *add, const char *text, size_t n, int64_t *out,
		  struct err *e)
{
	struct db_stmt *s;
	int rc = find_text(c, find, text, n, out, e);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if ((rc = prepare(c, add, &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, text, n);
	rc = must(s, out, e);
	return rc < 0 ? rc : 1;
}

static int add_pair(struct db_conn *c, const char *name, int64_t a, int64_t b, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, name, &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, a);
	db_bind_int(s, 2, b);
	return run(s, e);
}

/* ---------------------------------------------------------------- is it there? */

enum known { KNOWN_NOT, KNOWN_SAME, KNOWN_OTHER, KNOWN_ELSEWHERE };

/* digest NULL: none. */
static bool has_digest(struct db_stmt *s, int column, const uint8_t *digest)
{
	size_t n;
	const void *have = db_blob(s, column, &n);

	return digest ? n == 16 && memcmp(have, digest, 16) == 0 : n == 0;
}

/* One of the two at least was coerced, and both were the same when they were sent. */
static bool same_sent(struct db_stmt *s, const uint8_t digest[16], const uint8_t sent[16])
{
	const uint8_t *key = sent_digest(digest, sent);

	return has_digest(s, 4, key) || (key == sent && has_digest(s, 4, NULL) && has_digest(s, 1, key));
}

/* An enum known, or negative. */
static int known(struct db_conn *c, const char *sop_instance, const uint8_t digest[16], const uint8_t sent[16],
		 uint64_t len, const char *syntax, int64_t site, struct err *e)
{
	struct db_stmt *s;
	int rc;

	if ((rc = prepare(c, "instance-known", &s, e)) < 0)
		return rc;
	bind_str(s, 1, sop_instance);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	if (db_int(s, 3) != site)
		rc = KNOWN_ELSEWHERE;
	else if (strcmp(db_text(s, 2, NULL), syntax) == 0 &&
		 ((db_int(s, 0) == (int64_t)len && has_digest(s, 1, digest)) || same_sent(s, digest, sent)))
		rc = KNOWN_SAME;
	else
		rc = KNOWN_OTHER;
	db_reset(s);
	return rc;
}

static int64_t data_len(const struct index_item *it)
{
	return (int64_t)(it->where.part10_len - it->where.head_len);
}

/* Where an instance's rows go; 0 for what is to be made. */
struct place {
	int64_t patient, study, series;
	const char *patient_id, *issuer;
	size_t patient_id_len, issuer_len;
};

static int refuse(struct index_item *it, const char *why)
{
	it->outcome = INTAKE_QUARANTINE;
	snprintf(it->reason, sizeof(it->reason), "%s", why);
	return 1;
}

/* The owner of a study in columns from `col` on: site, issuer, patient ID. */
static int check_owner(struct index_item *it, const struct place *at, struct db_stmt *s, int col)
{
	size_t issuer_len, id_len;
	const char *issuer = db_text(s, col + 1, &issuer_len), *id = db_text(s, col + 2, &id_len);

	if (db_int(s, col) != it->site)
		return refuse(it, "the Study Instance UID belongs to another site");
	if (issuer_len != at->issuer_len || memcmp(issuer, at->issuer, issuer_len) != 0 ||
	    id_len != at->patient_id_len || memcmp(id, at->patient_id, id_len) != 0)
		return refuse(it, "the Study Instance UID belongs to another patient");
	return 0;
}

/* 1: it belongs elsewhere (reason set); 0: at holds the keys found. */
static int find_parents(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	struct db_stmt *s;
	int rc;

	if ((rc = prepare(c, "series-owner", &s, e)) < 0)
		return rc;
	bind_str(s, 1, h->series);
	if ((rc = db_step(s, e)) < 0)
		return rc;
	if (rc > 0) {
		at->series = db_int(s, 0);
		at->study = db_int(s, 1);
		if (strcmp(db_text(s, 2, NULL), h->study) != 0)
			rc = refuse(it, "the Series Instance UID belongs to another study");
		else
			rc = check_owner(it, at, s, 3);
		db_reset(s);
		return rc;
	}
	if ((rc = prepare(c, "study-owner", &s, e)) < 0)
		return rc;
	bind_str(s, 1, h->study);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	at->study = db_int(s, 0);
	rc = check_owner(it, at, s, 1);
	db_reset(s);
	return rc;
}

/* ---------------------------------------------------------------- rows */

struct gram_target {
	struct db_conn *c;
	int64_t form;
	struct err *e;
};

static int add_gram(void *arg, const char *gram, size_t len)
{
	struct gram_target *t = arg;
	struct db_stmt *s;
	int rc = prepare(t->c, "gram-add", &s, t->e);

	if (rc < 0)
		return rc;
	db_bind_text(s, 1, gram, len);
	db_bind_int(s, 2, t->form);
	return run(s, t->e);
}

/* A form under which someone is to be found, or no longer. */
struct bearer {
	struct db_conn *c;
	enum name_kind kind;
	int64_t owner;
	struct err *e;
};

static int put_name(struct db_conn *c, const char *name, const struct bearer *b, int64_t form, int part)
{
	struct db_stmt *s;
	int rc = prepare(c, name, &s, b->e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, form);
	db_bind_int(s, 2, b->kind);
	db_bind_int(s, 3, b->owner);
	db_bind_int(s, 4, part);
	return run(s, b->e);
}

static int add_name(const struct bearer *b, int part, const char *form, size_t n)
{
	struct gram_target t = {.c = b->c, .e = b->e};
	int rc = intern(b->c, "form-find", "form-add", form, n, &t.form, b->e);

	if (rc < 0 || (rc > 0 && (rc = text_grams(form, n, add_gram, &t)) < 0))
		return rc;
	return put_name(b->c, "name-add", b, t.form, part);
}

static int remove_name(const struct bearer *b, int part, const char *form, size_t n)
{
	int64_t pk;
	int rc = find_text(b->c, "form-find", form, n, &pk, b->e);

	return rc <= 0 ? rc : put_name(b->c, "name-remove", b, pk, part);
}

typedef int name_fn(const struct bearer *b, int part, const char *form, size_t n);
struct naming {
	struct bearer bearer;
	name_fn *what;
};

static int fuzzy_name(void *arg, enum fuzzy_part part, const char *form, size_t n)
{
	const struct naming *t = arg;

	return t->what(&t->bearer, (int)part, form, n);
}

static int each_name(const struct naming *t, const char *names, size_t n)
{
	AUTO(buf) joined = BUF(HEAD_TEXT_MOST);
	const char *at, *end;
	int rc;

	if ((rc = match_join(names, n, &joined, t->bearer.e)) < 0)
		return rc;
	at = buf_text(&joined);
	end = at + joined.len;
	for (int part = 1; at < end; part++) {
		const char *cut = memchr(at, '=', (size_t)(end - at));
		size_t len = cut ? (size_t)(cut - at) : (size_t)(end - at);

		if (len > 0 && (rc = t->what(&t->bearer, part, at, len)) < 0)
			return rc;
		at += len + 1;
	}
	return fuzzy_forms(names, n, fuzzy_name, (void *)(uintptr_t)t);
}

int index_add_names(struct db_conn *c, const struct buf *names, enum name_kind kind, int64_t owner, struct err *e)
{
	const struct naming t = {{c, kind, owner, e}, add_name};

	return each_name(&t, buf_text(names), names->len);
}

int index_remove_names(struct db_conn *c, const char *names, size_t n, enum name_kind kind, int64_t owner,
		       struct err *e)
{
	const struct naming t = {{c, kind, owner, e}, remove_name};

	return each_name(&t, names, n);
}

static int put_patient(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	const char *alone = at->patient_id_len ? "" : h->study;
	struct db_stmt *s;
	int rc;

	for (int pass = 0; pass < 2; pass++) {
		if ((rc = prepare(c, pass ? "patient-add" : "patient-find", &s, e)) < 0)
			return rc;
		db_bind_text(s, 1, at->patient_id, at->patient_id_len);
		db_bind_int(s, 2, it->site);
		db_bind_text(s, 3, at->issuer, at->issuer_len);
		bind_str(s, 4, alone);
		if (pass == 0) {
			if ((rc = one(s, &at->patient, e)) != 0)
				return rc < 0 ? rc : 0;
			continue;
		}
		db_bind_text(s, 5, buf_text(&h->names), h->names.len);
		bind_buf(s, 6, &h->patient);
		if ((rc = must(s, &at->patient, e)) < 0)
			return rc;
	}
	if ((rc = index_add_names(c, &h->names, NAME_PATIENT, at->patient, e)) < 0)
		return rc;
	return index_add_names(c, &h->names_other, NAME_PATIENT, at->patient, e);
}

static int put_study(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	const char *accession;
	struct db_stmt *s;
	size_t n;
	int rc;

	if ((rc = put_patient(c, it, at, e)) < 0 || (rc = prepare(c, "study-add", &s, e)) < 0)
		return rc;
	head_text(&h->own, ATTR_ACCESSION, &accession, &n);
	bind_str(s, 1, h->study);
	db_bind_int(s, 2, at->patient);
	db_bind_int(s, 3, it->site);
	bind_str(s, 4, h->study_date);
	db_bind_text(s, 5, accession, n);
	db_bind_text(s, 6, buf_text(&h->names), h->names.len);
	bind_buf(s, 7, &h->own);
	if ((rc = must(s, &at->study, e)) < 0)
		return rc;
	if ((rc = index_add_names(c, &h->names, NAME_STUDY, at->study, e)) < 0)
		return rc;
	return index_add_names(c, &h->names_other, NAME_STUDY, at->study, e);
}

int index_note_study(struct db_conn *c, const char *note, int64_t study, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, "study-note", &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, study);
	bind_str(s, 2, note);
	return run(s, e);
}

static int put_series(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	const char *modality;
	struct db_stmt *s;
	size_t n;
	int rc;

	head_text(&h->series_attrs, ATTR_MODALITY, &modality, &n);
	if ((rc = prepare(c, "series-add", &s, e)) < 0)
		return rc;
	bind_str(s, 1, h->series);
	db_bind_int(s, 2, at->study);
	db_bind_text(s, 3, modality, n);
	bind_number(s, 4, &h->series_attrs, ATTR_SERIES_NUMBER);
	bind_buf(s, 5, &h->series_attrs);
	if ((rc = must(s, &at->series, e)) < 0 || n == 0)
		return rc;
	if ((rc = prepare(c, "modality-add", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, at->study);
	db_bind_text(s, 2, modality, n);
	return run(s, e);
}

/* NULL where what is kept is what was sent. */
static void bind_sent(struct db_stmt *s, int n, const struct index_item *it)
{
	if (sent_digest(it->where.digest, it->sent) == it->sent)
		db_bind_blob(s, n, it->sent, sizeof(it->sent));
	else
		db_bind_null(s, n);
}

static int put_instance(struct db_conn *c, struct index_item *it, const struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	const struct stored *w = &it->where;
	int64_t class, syntax;
	struct db_stmt *s;
	int rc;

	if ((rc = intern(c, "uid-find", "uid-add", h->class, strlen(h->class), &class, e)) < 0 ||
	    (rc = intern(c, "uid-find", "uid-add", w->syntax, strlen(w->syntax), &syntax, e)) < 0 ||
	    (rc = add_pair(c, "class-add", at->study, class, e)) < 0 || (rc = prepare(c, "instance-add", &s, e)) < 0)
		return rc;
	bind_str(s, 1, h->instance);
	db_bind_int(s, 2, at->series);
	db_bind_int(s, 3, class);
	db_bind_int(s, 4, syntax);
	bind_number(s, 5, &h->image, ATTR_INSTANCE_NUMBER);
	db_bind_int(s, 6, (int64_t)w->pack);
	db_bind_int(s, 7, (int64_t)w->at);
	db_bind_int(s, 8, (int64_t)w->part10_len);
	db_bind_int(s, 9, w->head_len);
	db_bind_blob(s, 10, w->digest, sizeof(w->digest));
	db_bind_int(s, 11, (int64_t)it->seq);
	db_bind_int(s, 12, it->received_us);
	bind_buf(s, 13, &h->image);
	bind_sent(s, 14, it);
	if ((rc = run(s, e)) < 0 || (rc = prepare(c, "delta-add", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, at->study);
	db_bind_int(s, 2, at->series);
	db_bind_int(s, 3, (int64_t)w->part10_len);
	if ((rc = run(s, e)) < 0)
		return rc;
	return change_add(c, it->site, it->change ? it->change : CHANGE_STORED, it->seq, it->event, e);
}

static int put_rows(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	int rc;

	if (!at->study && (rc = put_study(c, it, at, e)) < 0)
		return rc;
	if (it->head->charset_note[0] && (rc = index_note_study(c, it->head->charset_note, at->study, e)) < 0)
		return rc;
	if (!at->series && (rc = put_series(c, it, at, e)) < 0)
		return rc;
	return put_instance(c, it, at, e);
}

/* ---------------------------------------------------------------- quarantine */

/* Is the identical object in quarantine? 1 and its reason, 0 or negative. */
static int quarantine_known(struct db_conn *c, const char *sop_instance, const uint8_t digest[16],
			    const uint8_t sent[16], uint64_t len, const char *syntax, int64_t site, char reason[160],
			    struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, "quarantine-known", &s, e);

	if (rc < 0)
		return rc;
	bind_str(s, 1, sop_instance);
	db_bind_int(s, 2, site);
	db_bind_int(s, 3, (int64_t)len);
	db_bind_blob(s, 4, digest, 16);
	bind_str(s, 5, syntax);
	db_bind_blob(s, 6, sent_digest(digest, sent), 16);
	if ((rc = db_step(s, e)) > 0) {
		snprintf(reason, 160, "%s", db_text(s, 0, NULL));
		db_reset(s);
	}
	return rc;
}

int index_known(struct db_conn *reader, const char *sop_instance, const uint8_t digest[16], const uint8_t sent[16],
		uint64_t data_len, const char *syntax, int64_t site, char reason[160], struct err *e)
{
	int rc = known(reader, sop_instance, digest, sent, data_len, syntax, site, e);

	if (rc < 0 || rc == KNOWN_SAME)
		return rc < 0 ? rc : 1;
	rc = quarantine_known(reader, sop_instance, digest, sent, data_len, syntax, site, reason, e);
	return rc > 0 ? 2 : rc;
}

static int put_quarantine(struct db_conn *c, struct index_item *it, struct err *e)
{
	const struct index_head *h = it->head;
	const struct stored *w = &it->where;
	const char *instance = it->unreadable ? w->sop_instance : h->instance;
	struct db_stmt *s;
	int rc;

	rc = quarantine_known(c, instance, w->digest, it->sent, (uint64_t)data_len(it), w->syntax, it->site, it->reason,
			      e);
	if (rc != 0)
		return rc < 0 ? rc : 0; /* sent again: once is enough */
	if ((rc = prepare(c, "quarantine-add", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)it->seq);
	db_bind_int(s, 2, it->site);
	bind_str(s, 3, instance);
	bind_str(s, 4, it->unreadable ? "" : h->study);
	bind_str(s, 5, it->unreadable ? "" : h->series);
	bind_str(s, 6, it->unreadable ? w->sop_class : h->class);
	bind_str(s, 7, w->syntax);
	bind_str(s, 8, it->reason);
	db_bind_int(s, 9, (int64_t)w->pack);
	db_bind_int(s, 10, (int64_t)w->at);
	db_bind_int(s, 11, (int64_t)w->part10_len);
	db_bind_int(s, 12, w->head_len);
	db_bind_blob(s, 13, w->digest, sizeof(w->digest));
	bind_str(s, 14, it->aet ? it->aet : "");
	db_bind_int(s, 15, it->received_us);
	bind_sent(s, 16, it);
	bind_str(s, 17, it->unreadable ? "unreadable" : "contradiction");
	return run(s, e);
}

/* ---------------------------------------------------------------- the door */

/* Decides the outcome: 0 stored (at holds the keys found), 1 same or quarantine. Writes nothing. */
static int judge(struct db_conn *c, struct index_item *it, struct place *at, struct err *e)
{
	const struct index_head *h = it->head;
	int rc;

	head_text(&h->patient, ATTR_PATIENT_ID, &at->patient_id, &at->patient_id_len);
	head_text(&h->patient, ATTR_ISSUER, &at->issuer, &at->issuer_len);
	it->outcome = INTAKE_STORED;
	it->reason[0] = '\0';
	rc = known(c, h->instance, it->where.digest, it->sent, (uint64_t)data_len(it), it->where.syntax, it->site, e);
	if (rc < 0)
		return rc;
	if (rc == KNOWN_SAME) {
		it->outcome = INTAKE_SAME;
		return 1;
	}
	if (rc == KNOWN_OTHER)
		return refuse(it, REASON_OTHER_CONTENT);
	if (rc == KNOWN_ELSEWHERE)
		return refuse(it, "the SOP Instance UID belongs to another site");
	return find_parents(c, it, at, e);
}

int index_judge(struct db_conn *reader, struct index_item *it, struct err *e)
{
	struct place at = {0};
	int rc = judge(reader, it, &at, e);

	return rc < 0 ? rc : 0;
}

int index_take(struct db_conn *writer, struct index_item *it, struct err *e)
{
	struct place at = {0};
	int rc = judge(writer, it, &at, e);

	if (rc < 0 || it->outcome != INTAKE_STORED)
		return rc < 0 ? rc : 0;
	if ((rc = db_savepoint(writer, e)) < 0)
		return rc;
	if ((rc = put_rows(writer, it, &at, e)) < 0) {
		db_savepoint_rollback(writer);
		return rc;
	}
	return db_savepoint_release(writer, e);
}

int index_put(struct db_conn *writer, struct index_item *it, struct err *e)
{
	int rc;

	if (it->unreadable) {
		it->outcome = INTAKE_UNREADABLE;
		snprintf(it->reason, sizeof(it->reason), "%s", it->unreadable);
	} else if ((rc = index_take(writer, it, e)) < 0) {
		return rc;
	}
	return it->outcome == INTAKE_QUARANTINE || it->outcome == INTAKE_UNREADABLE ? put_quarantine(writer, it, e) : 0;
}

/* ---------------------------------------------------------------- how far it is */

int index_through(struct db_conn *c, uint64_t *seq, uint64_t *floor_pack, struct err *e)
{
	int rc = meta_number(c, "through", seq, e);

	return rc < 0 ? rc : meta_number(c, "floor", floor_pack, e);
}

int index_set_through(struct db_conn *writer, uint64_t seq, uint64_t floor_pack, struct err *e)
{
	int rc = set_meta_number(writer, "through", seq, e);

	return rc < 0 ? rc : set_meta_number(writer, "floor", floor_pack, e);
}

int index_form(struct db_conn *c, uint64_t *version, struct err *e)
{
	return meta_number(c, "text_form", version, e);
}

int index_clear(struct db_conn *writer, struct err *e)
{
	int rc = db_exec(writer, db_sql(db_of(writer), "index-clear"), e);

	if (rc < 0 || (rc = set_meta_number(writer, "text_form", TEXT_FORM, e)) < 0)
		return rc;
	return index_set_through(writer, 0, 0, e);
}

/* ---------------------------------------------------------------- counts */

static int fold_step(struct db_conn *c, const char *name, int64_t last, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, name, &s, e);

	if (rc < 0)
		return rc;
	db_bind_int(s, 1, last);
	return run(s, e);
}

static int fold(struct db_conn *c, unsigned n, struct err *e)
{
	struct db_stmt *s;
	int64_t many, last;
	int rc;

	if ((rc = prepare(c, "fold-upto", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, n);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	many = db_int(s, 0);
	last = db_int(s, 1);
	db_reset(s);
	if (many == 0)
		return 0;
	if ((rc = fold_step(c, "fold-series", last, e)) < 0 || (rc = fold_step(c, "fold-study", last, e)) < 0 ||
	    (rc = fold_step(c, "fold-done", last, e)) < 0)
		return rc;
	return (int)many;
}

int index_fold(struct db *d, unsigned n, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc, many;

	if ((rc = db_get(d, DB_WRITE, &c, e)) < 0 || (rc = db_begin(c, e)) < 0)
		return rc;
	if ((many = fold(c, n, e)) < 0)
		return many;
	rc = db_commit(c, e);
	return rc < 0 ? rc : many;
}
