/* web/stow.c - STOW-RS: instances that come in one request (PS3.18 10.5). See stow_own.h. */
#include "base/log.h"
#include "web/handlers.h"
#include "web/reply.h"
#include "web/stow_own.h"
#include <stdio.h>
#include <string.h>

struct stow_study {
	char patient_id[65];
	uint64_t n;
};

/* ---- what became of each */

uint16_t stow_reason(const struct err *why)
{
	switch (why->code) {
	case E_MISMATCH:
		return REASON_OTHER_STUDY;
	case E_UNSUP:
		return REASON_SYNTAX;
	case E_INVAL:
		return REASON_NOT_UNDERSTOOD;
	default:
		return err_dimse(why->code);
	}
}

static void remember(struct stow *s, const char *instance, uint16_t reason, const struct err *why)
{
	const struct principal *who = s->x->who;

	if (!s->why.msg[0])
		s->why = *why;
	if (++s->lines <= STOW_LINES)
		log_warn("instance %s of %s at %s, site %s, refused with %04x: %s",
			 instance[0] ? instance : "of unknown UID", who->name, s->x->address, s->site_code, reason,
			 why->msg);
}

int stow_refuse(struct stow *s, const char *sop_class, const char *sop_instance, uint16_t reason, const struct err *why,
		struct err *e)
{
	struct stow_item item = {.kind = sop_class[0] && sop_instance[0] ? STOW_FAILED : STOW_OTHER, .reason = reason};

	snprintf(item.sop_class, sizeof item.sop_class, "%s", sop_class);
	snprintf(item.sop_instance, sizeof item.sop_instance, "%s", sop_instance);
	remember(s, sop_instance, reason, why);
	s->no_room += why->code == E_FULL;
	s->taker = NULL;
	return stow_log_add(&s->log, &item, e);
}

/* For the audit trail. */
static void count_study(struct stow *s, const struct intake_result *r)
{
	struct stow_study *study = g_hash_table_lookup(s->studies, r->study);

	if (!study && g_hash_table_size(s->studies) < STOW_STUDIES) {
		study = g_new0(struct stow_study, 1);
		snprintf(study->patient_id, sizeof study->patient_id, "%s", r->patient_id);
		g_hash_table_insert(s->studies, g_strdup(r->study), study);
	}
	if (study)
		study->n++;
}

static int done(struct stow *s, const struct intake_result *r, uint16_t warning, struct err *e)
{
	struct stow_item item = {.kind = STOW_DONE, .reason = warning};

	memcpy(item.sop_class, r->sop_class, sizeof item.sop_class);
	memcpy(item.sop_instance, r->sop_instance, sizeof item.sop_instance);
	memcpy(item.study, r->study, sizeof item.study);
	memcpy(item.series, r->series, sizeof item.series);
	count_study(s, r);
	return stow_log_add(&s->log, &item, e);
}

/* As a C-STORE answers the same: contradictions are kept apart with a warning, what cannot be read as a failure. */
static int finish(struct stow *s, struct intake *in, struct err *e)
{
	struct intake_result r;
	struct err why = {0};

	if (intake_finish(in, &r, &why) < 0)
		return stow_refuse(s, r.sop_class, r.sop_instance, stow_reason(&why), &why, e);
	switch (r.outcome) {
	case INTAKE_QUARANTINE:
		err_set(&why, E_CONFLICT, "%s", r.reason);
		remember(s, r.sop_instance, WARNING_KEPT_APART, &why);
		return done(s, &r, WARNING_KEPT_APART, e);
	case INTAKE_UNREADABLE:
		err_set(&why, E_INVAL, "%s", r.reason);
		return stow_refuse(s, r.sop_class, r.sop_instance, REASON_NOT_UNDERSTOOD, &why, e);
	default:
		return done(s, &r, 0, e);
	}
}

static int finish_oldest(struct stow *s, struct err *e)
{
	struct intake *in = s->pending[s->first];
	const struct stow_taker *taker = s->taker; /* of the part at hand, which this is not */
	int rc;

	s->first = (s->first + 1) % STOW_WINDOW;
	s->n_pending--;
	rc = finish(s, in, e);
	s->taker = taker;
	return rc;
}

int stow_submit(struct stow *s, struct intake *in, struct err *e)
{
	int rc = 0;

	intake_submit(in);
	s->pending[(s->first + s->n_pending++) % STOW_WINDOW] = in;
	while (rc == 0 && s->n_pending && (s->n_pending == STOW_WINDOW || intake_settled(s->pending[s->first])))
		rc = finish_oldest(s, e);
	return rc;
}

static int drain(struct stow *s, struct err *e)
{
	int rc = 0;

	while (rc == 0 && s->n_pending)
		rc = finish_oldest(s, e);
	return rc;
}

/* ---- parts */

static bool is(const char *type, const char *wanted)
{
	return strcmp(type, "application/dicom") == 0
		   ? !wanted[0]
		   : strncmp(type, "application/dicom+", 18) == 0 && !strcmp(type + 18, wanted);
}

static bool is_file(const char *type)
{
	return is(type, "");
}

static bool is_metadata(const char *type)
{
	return is(type, "json") || is(type, "xml");
}

static const struct stow_taker *taker_of(const struct stow *s, const char *type)
{
	if (is_file(type))
		return &stow_files;
	if (is_metadata(type))
		return &stow_metadata;
	return s->model ? &stow_bulk : NULL;
}

static int part_begin(void *arg, const struct multipart_part *part, struct err *e)
{
	struct stow *s = arg;
	struct multipart_part p = *part;
	struct err why = {0};

	if (!p.typed) /* what the whole says they are; behind metadata its bulk data */
		snprintf(p.type.type, sizeof p.type.type, "%s", s->model ? "application/octet-stream" : s->type);
	s->taker = taker_of(s, p.type.type);
	s->seen = 0;
	s->said = p.length;
	s->sop_class[0] = s->sop_instance[0] = '\0';
	if (!p.plain)
		err_set(&why, E_INVAL, "a part has a Content-Transfer-Encoding: send its bytes as they are");
	else if (!s->taker)
		err_set(&why, E_INVAL, "a part of type %.60s, where application/dicom is due, or metadata before it",
			p.type.type);
	else
		return s->taker->begin(s, &p, e);
	return stow_refuse(s, "", "", REASON_NOT_UNDERSTOOD, &why, e);
}

static int part_data(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct stow *s = arg;

	s->seen += n;
	return s->taker ? s->taker->data(s, data, n, e) : 0;
}

/* The part at hand will never be whole. */
static int give_up_part(struct stow *s, const struct err *why, struct err *e)
{
	if (s->taker == &stow_files && !s->in)
		stow_file_name(s);
	intake_abort(STEAL(s->in));
	return stow_refuse(s, s->sop_class, s->sop_instance, REASON_NOT_UNDERSTOOD, why, e);
}

/* A part whose length is not what it says is not taken to be whole. */
static int part_end(void *arg, struct err *e)
{
	struct stow *s = arg;
	struct err why = {0};
	int rc;

	if (!s->taker)
		return 0;
	if (s->said >= 0 && (uint64_t)s->said != s->seen) {
		err_set(&why, E_INVAL, "a part has %llu bytes, its Content-Length says %lld",
			(unsigned long long)s->seen, (long long)s->said);
		return give_up_part(s, &why, e);
	}
	rc = s->taker->end(s, e);
	s->taker = NULL;
	s->sop_class[0] = s->sop_instance[0] = '\0';
	return rc;
}

/* ---- the body */

static void tell_audit(struct stow *s)
{
	GHashTableIter at;
	gpointer uid, study;

	if (s->why.msg[0])
		exchange_audit_why(s->x, s->why.msg);
	g_hash_table_iter_init(&at, s->studies);
	while (g_hash_table_iter_next(&at, &uid, &study))
		exchange_audit(s->x, uid, ((struct stow_study *)study)->patient_id, ((struct stow_study *)study)->n);
}

/* The body is over, or cannot be understood from here on (broken): what was complete stays, and is answered. */
static void answer(struct stow *s, const struct err *broken)
{
	struct err e = {0};
	int rc = 0;

	if (broken && !s->log.n && !s->n_pending && !s->model) {
		intake_abort(STEAL(s->in));
		e = *broken;
		rc = -(int)e.code;
	}
	if (rc == 0 && broken)
		rc = give_up_part(s, broken, &e);
	if (rc == 0 && s->model)
		rc = stow_model_end(s, &e);
	if (rc == 0)
		rc = drain(s, &e);
	if (rc == 0 && !s->log.n)
		rc = err_set(&e, E_INVAL, "the body has no parts");
	tell_audit(s);
	if (rc == 0)
		rc = stow_answer(s, &e);
	if (rc < 0)
		reply_error(s->x, &e);
	s->answered = true;
}

static int feed(struct stow *s, const uint8_t *data, size_t n, struct err *e)
{
	return s->multipart ? multipart_feed(s->multipart, data, n, e) : part_data(s, data, n, e);
}

static int body_piece(void *arg, const uint8_t *data, size_t n)
{
	struct stow *s = arg;
	struct err e = {0};
	int rc = feed(s, data, n, &e);

	if (rc == 0)
		return 0;
	answer(s, &e);
	return rc;
}

static void body_end(void *arg, bool complete)
{
	struct stow *s = arg;
	struct err e = {0};
	int rc;

	if (s->answered)
		return;
	if (!complete) { /* nobody is there to be answered: what was complete stays */
		intake_abort(STEAL(s->in));
		if (drain(s, &e) < 0)
			log_warn("a request that was broken off: %s", e.msg);
		tell_audit(s);
		return;
	}
	rc = s->multipart ? multipart_end(s->multipart, &e) : s->seen ? part_end(s, &e) : 0;
	answer(s, rc < 0 ? &e : NULL);
}

/* ---- the request */

static int find_site(struct stow *s, struct err *e)
{
	struct exchange *x = s->x;
	const char *code = url_query_get(&x->query, "site");
	struct site site;

	s->source.site_code = s->site_code;
	if (x->who->site) {
		if (code && strcmp(code, x->who->site_code) != 0)
			return err_set(e, E_INVAL, "what you store belongs to site %s: leave out site= or name it",
				       x->who->site_code);
		s->source.site = x->who->site;
		snprintf(s->site_code, sizeof s->site_code, "%s", x->who->site_code);
		return 0;
	}
	if (x->scope->kind == SCOPE_NOTHING)
		return err_set(e, E_DENIED, "%s has no site, and without one nothing can be stored", x->who->name);
	if (!code)
		return err_set(e, E_INVAL, "name the site that these instances belong to: ?site=CODE");
	if (site_get(x->archive, code, &site, e) < 0 || !scope_has(x->scope, site.id)) {
		*e = (struct err){0};
		return err_set(e, E_INVAL, "site=%.32s: no site that you may store for", code);
	}
	s->source.site = site.id;
	snprintf(s->site_code, sizeof s->site_code, "%s", site.code);
	return 0;
}

static int unsupported(struct stow *s, const char *type, struct err *e)
{
	s->x->status = 415;
	return err_set(
	    e, E_UNSUP,
	    "a body of type %.60s: expected multipart/related of application/dicom, application/dicom+json or "
	    "application/dicom+xml, or one of them alone",
	    type[0] ? type : "that is not said");
}

/* What the body is, as its Content-Type says. */
static int read_type(struct stow *s, struct err *e)
{
	static const struct multipart_ops ops = {part_begin, part_data, part_end};
	const char *text = http_header(s->x->http, "Content-Type"), *type, *boundary;
	struct mime m;

	if (!text || !*text)
		return unsupported(s, "", e);
	if (mime_parse(text, strlen(text), &m, e) < 0) {
		s->x->status = 400;
		return err_prefix(e, "Content-Type");
	}
	if (is_file(m.type) || is_metadata(m.type)) {
		struct multipart_part whole = {
		    .typed = true, .type = m, .location = "", .id = "", .length = -1, .plain = true};

		return part_begin(s, &whole, e);
	}
	type = mime_param(&m, "type");
	if (strcmp(m.type, "multipart/related") != 0)
		return unsupported(s, m.type, e);
	if (type && g_ascii_strcasecmp(type, "application/dicom") != 0 &&
	    g_ascii_strcasecmp(type, "application/dicom+json") != 0 &&
	    g_ascii_strcasecmp(type, "application/dicom+xml") != 0)
		return unsupported(s, type, e);
	snprintf(s->type, sizeof s->type, "%s", type ? type : "application/dicom");
	for (char *p = s->type; *p; p++)
		*p = g_ascii_tolower(*p);
	if (!(boundary = mime_param(&m, "boundary")))
		return err_set(e, E_INVAL, "Content-Type of several parts has no boundary");
	return multipart_new(boundary, &ops, s, &s->multipart, e);
}

static int find_format(struct stow *s, struct err *e)
{
	static const struct offer offers[] = {
	    {.type = "application/dicom+json", .single = true},
	    {.type = "application/dicom+xml", .single = true},
	    {.type = "application/json", .single = true},
	};
	bool multipart;
	const struct offer *o = accept_choose(&s->x->accept, offers, 3, &multipart);

	if (!o)
		return reply_unacceptable(s->x, offers, 3, e);
	s->xml = o == &offers[1];
	return 0;
}

static void stow_free(void *p)
{
	struct stow *s = p;
	struct err e = {0};

	intake_abort(s->in);
	drain(s, &e);
	for (; s->n_pending; s->n_pending--, s->first = (s->first + 1) % STOW_WINDOW)
		intake_abort(s->pending[s->first]);
	multipart_free(s->multipart);
	stow_model_free(s->model);
	stow_log_free(&s->log);
	buf_cleanup(&s->head);
	g_hash_table_destroy(s->studies);
	free(s);
}

int stow_store(struct exchange *x, struct err *e)
{
	static const struct http_sink sink = {.piece = body_piece, .end = body_end};
	struct stow *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a request");
	s->x = x;
	s->source = (struct intake_source){.aet = "", .door = "stow", .study = x->study};
	s->head = BUF(STOW_HEAD);
	s->studies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	stow_log_init(&s->log, x->archive);
	if ((rc = exchange_keep(x, s, stow_free, e)) < 0 || (rc = find_format(s, e)) < 0 ||
	    (rc = find_site(s, e)) < 0 || (rc = read_type(s, e)) < 0 || (rc = intake_room(x->archive, e)) < 0)
		return rc;
	exchange_receive(x, &sink, s);
	return 0;
}
