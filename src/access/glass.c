#include "access/glass.h"
#include "access/audit.h"
#include "access/login.h"
#include "base/alert.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"

#include <stdlib.h>

struct opened {
	char subject[80], study[65];
	int64_t site, until;
};
struct glass {
	unsigned n;
	struct opened v[GLASS_STUDIES];
};

/* ---- in memory, under the lock of access */

static void drop_over(struct glass *g, int64_t now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < g->n; i++)
		if (g->v[i].until > now)
			g->v[kept++] = g->v[i];
	g->n = kept;
}

static bool put(struct glass *g, const char *subject, const char *study, int64_t site, int64_t until, int64_t now)
{
	struct opened *o;

	drop_over(g, now);
	if (g->n == GLASS_STUDIES)
		return false;
	o = &g->v[g->n++];
	g_strlcpy(o->subject, subject, sizeof o->subject);
	g_strlcpy(o->study, study, sizeof o->study);
	o->site = site;
	o->until = until;
	return true;
}

int glass_open(struct access *a, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int64_t now = a->now();
	int rc;

	if (!(a->glass = calloc(1, sizeof *a->glass)))
		return err_set(e, E_NOMEM, "no memory for what is open in an emergency");
	if ((rc = db_get(archive_db(a->archive), DB_READ, &c, e)) < 0 ||
	    (rc = access_prepare(c, "glass-live", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, now);
	while ((rc = db_step(s, e)) > 0)
		if (!put(a->glass, db_text(s, 1, NULL), db_text(s, 2, NULL), db_int(s, 3), db_int(s, 4), now))
			break;
	if (rc > 0)
		db_reset(s);
	return rc < 0 ? rc : 0;
}

void glass_close(struct access *a)
{
	free(a->glass);
}

int access_scope_for(struct access *a, const struct principal *p, const char *study, struct scope *out)
{
	int64_t now = a->now(), site = 0;
	int64_t *one;

	if (!(p->roles & (ROLE_READER | ROLE_CHIEF)))
		return 0;
	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < a->glass->n && site == 0; i++) {
		const struct opened *o = &a->glass->v[i];

		if (o->until > now && strcmp(o->study, study) == 0 && strcmp(o->subject, p->subject) == 0)
			site = o->site;
	}
	pthread_mutex_unlock(&a->lock);
	if (site == 0 || !(one = malloc(sizeof *one)))
		return 0;
	*one = site;
	*out = (struct scope){.kind = SCOPE_SITES, .n = 1, .sites = one};
	return 1;
}

/* ---- opening one */

static int check(const struct principal *p, const char *reason, struct err *e)
{
	const uint8_t *s = (const uint8_t *)reason;
	size_t left = strlen(reason), characters = 0;

	if (!(p->roles & (ROLE_READER | ROLE_CHIEF)) ||
	    (strcmp(p->how, "password") != 0 && strcmp(p->how, "oidc") != 0))
		return err_set(e, E_DENIED,
			       "only a person with the role reader or chief may open a study in an "
			       "emergency");
	if (left > GLASS_REASON_MOST || !text_valid(reason, left))
		return err_set(e, E_INVAL, "a reason is UTF-8 text of at most %u bytes", GLASS_REASON_MOST);
	for (size_t n; left > 0; s += n, left -= n) {
		uint32_t c = ' ';

		n = utf8_next(s, left, &c);
		n = n ? n : 1;
		characters += g_unichar_isgraph(c);
	}
	if (characters < GLASS_REASON_LEAST)
		return err_set(e, E_INVAL, "a reason has at least %u characters, blanks not counted",
			       GLASS_REASON_LEAST);
	return 0;
}

/* Of a study that is in sight. */
static int find_study(struct access *a, const char *study, int64_t *site, char patient[130], struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a->archive), DB_READ, &c, e)) < 0 ||
	    (rc = access_prepare(c, "study-owner", &s, e)) < 0)
		return rc;
	access_bind(s, 1, study);
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : err_set(e, E_NOENT, "there is no such study");
	*site = db_int(s, 1);
	snprintf(patient, 130, "%s", db_text(s, 3, NULL));
	db_reset(s);
	return 0;
}

static int write_row(struct access *a, const struct glass_entry *g, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = access_write(a->archive, &c, e)) < 0 || (rc = access_prepare(c, "glass-add", &s, e)) < 0)
		return rc;
	access_bind(s, 1, g->subject);
	access_bind(s, 2, g->name);
	access_bind(s, 3, g->address);
	access_bind(s, 4, g->study);
	db_bind_int(s, 5, g->site);
	access_bind(s, 6, g->reason);
	db_bind_int(s, 7, g->created);
	db_bind_int(s, 8, g->until);
	if ((rc = access_run(s, e)) < 0)
		return rc;
	return db_commit(c, e);
}

static int let_in(struct access *a, const struct glass_entry *g, struct err *e)
{
	bool room;
	int rc = write_row(a, g, e); /* before it holds: nobody gets in without a trace */

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&a->lock);
	room = put(a->glass, g->subject, g->study, g->site, g->until, g->created);
	pthread_mutex_unlock(&a->lock);
	return room ? 0 : err_set(e, E_BUSY, "too many studies are open in an emergency already");
}

/* refused: why it was not opened; NULL: it is open. */
static void note(const struct glass_entry *g, const struct principal *p, const char *patient, const char *refused)
{
	char what[GLASS_REASON_MOST + 256];
	const struct audit_event ev = {.kind = AUDIT_BREAK_GLASS,
				       .failed = refused != NULL,
				       .who = p->name,
				       .how = p->how,
				       .address = g->address,
				       .study = g->study,
				       .patient_id = *patient ? patient : NULL,
				       .what = what};

	snprintf(what, sizeof what, "break glass%s%s: %s", refused ? ", not opened, " : "", refused ? refused : "",
		 g->reason);
	audit_note(&ev);
}

static void tell(const struct glass_entry *g, const struct principal *p, const char *patient, const char *refused)
{
	char subject[128];

	note(g, p, patient, refused);
	snprintf(subject, sizeof subject, "%.60s %.64s", p->name, g->study);
	alert_raise(ALERT_GLASS, subject,
		    refused ? "tried to open this study in an emergency, from %s; it was not opened"
			    : "opened this study in an emergency, from %s",
		    g->address);
}

int access_glass(struct access *a, const struct principal *p, const char *study, const char *reason,
		 const char *address, int64_t *until, struct err *e)
{
	struct glass_entry g = {.subject = p->subject,
				.name = p->name,
				.address = address,
				.study = study,
				.reason = reason,
				.created = a->now()};
	char patient[130] = "";
	struct err why = {0};
	int rc;

	if ((rc = check(p, reason, &why)) == 0) {
		g.until = g.created + a->config->login_glass_ms * 1000;
		if ((rc = find_study(a, study, &g.site, patient, &why)) == 0)
			rc = let_in(a, &g, &why);
		tell(&g, p, patient, rc < 0 ? why.msg : NULL);
	} else {
		note(&g, p, patient, why.msg);
	}
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	*until = g.until;
	return 0;
}

int access_glass_each(struct access *a, unsigned most, int (*seen)(void *arg, const struct glass_entry *g), void *arg,
		      struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc;

	if ((rc = db_get(archive_db(a->archive), DB_READ, &c, e)) < 0 ||
	    (rc = access_prepare(c, "glass-each", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, most);
	while ((rc = db_step(s, e)) > 0) {
		const struct glass_entry g = {.id = db_int(s, 0),
					      .subject = db_text(s, 1, NULL),
					      .name = db_text(s, 2, NULL),
					      .address = db_text(s, 3, NULL),
					      .study = db_text(s, 4, NULL),
					      .site = db_int(s, 5),
					      .reason = db_text(s, 6, NULL),
					      .created = db_int(s, 7),
					      .until = db_int(s, 8)};

		if ((rc = seen(arg, &g)) != 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}
