/* What a record in quarantine says of whose it is, and what it contradicts: so that a person can decide between them. */
#include "archive/event.h"
#include "archive/index_internal.h"
#include <stdio.h>
#include <string.h>

static void say(const struct buf *attrs, uint8_t code, char *out, size_t room)
{
	const char *text;
	size_t n;
	head_text(attrs, code, &text, &n);
	if (n >= room) /* no half characters */
		for (n = room - 1; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80; n--)
			;
	memcpy(out, text, n);
	out[n] = '\0';
}
#define SAY(attrs, code, field) say(attrs, code, field, sizeof(field))

int kept_says(struct archive *a, const struct stored *w, struct kept_says *out, struct err *e)
{
	struct index_head *h;
	*out = (struct kept_says){0};
	int rc = stored_head(a, w, &h, e);
	if (rc == 0) {
		SAY(&h->patient, ATTR_PATIENT_ID, out->patient_id);
		SAY(&h->patient, ATTR_ISSUER, out->issuer);
		SAY(&h->patient, ATTR_PATIENT_NAME, out->patient_name);
		SAY(&h->own, ATTR_STUDY_DATE, out->study_date);
		SAY(&h->series_attrs, ATTR_MODALITY, out->modality);
	}
	index_head_free(h);
	return rc;
}

static int patient_in_sight(struct archive *a, const char *study, char out[65], struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);

	if (rc < 0 || (rc = event_statement(c, "study-owner", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, study, strlen(study));
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : -E_NOENT;
	snprintf(out, 65, "%s", db_text(s, 3, NULL));
	db_reset(s);
	return 0;
}

struct patient_of {
	struct archive *archive;
	char *out;
	struct err *e;
};

static int patient_in_bin(void *arg, const struct kept *k)
{
	struct patient_of *p = arg;
	struct kept_says says;
	int rc = kept_says(p->archive, &k->where, &says, p->e);

	if (rc < 0)
		return rc;
	snprintf(p->out, 65, "%s", says.patient_id);
	return 1;
}

int kept_patient(struct archive *a, const char *study, char out[65], struct err *e)
{
	const struct kept_filter f = {.study = study, .kind = "dropped"};
	struct patient_of p = {a, out, e};
	int rc = patient_in_sight(a, study, out, e);

	if (rc == -E_NOENT && (rc = kept_each(a, &f, patient_in_bin, &p, e)) == 0)
		rc = -E_NOENT;
	return rc < 0 ? rc : 0;
}

void kept_sender(struct archive *a, struct kept *k)
{
	uint8_t head[PACK_HEAD];
	struct record r;
	uint64_t at = k->where.at - PACK_HEAD;
	if (!k->aet[0] &&
	    a->packs->ops->read(a->packs, k->where.pack, at, head, sizeof head, NULL) == (int64_t)sizeof head &&
	    record_header_read(head, k->where.pack, at, &r))
		memcpy(k->aet, r.aet, sizeof k->aet);
}

int kept_against(struct archive *a, const struct kept *k, struct kept *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	const struct stored *w = &k->where;
	bool whole = strcmp(k->kind, "contradiction") == 0;
	if (!whole && strcmp(k->kind, "replaced") != 0)
		return 0;
	const char *const uids[] = {w->sop_instance, whole ? w->series : "", whole ? w->study : ""};
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = event_statement(c, "kept-against", &s, e, 0)) < 0)
		return rc;
	for (int i = 0; i < 3; i++)
		db_bind_text(s, i + 1, uids[i], strlen(uids[i]));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	kept_row(s, out);
	db_reset(s);
	kept_sender(a, out);
	return 1;
}
