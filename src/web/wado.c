/* web/wado.c - retrieval of whole instances: in parts, alone, or in a ZIP file. */
#include "web/wado.h"
#include "archive/lookup.h"
#include "base/log.h"
#include "dicom/dict.h"
#include "dicom/dset.h"
#include "web/exchange_own.h"
#include "web/reply.h"
#include "web/wado_choice.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct sending { /* instances of a selection, part after part */
	struct exchange *x;
	struct selection *selection;
};

/* ---- what is meant */

static int keys_of(const struct exchange *x, struct dset **keys, enum query_level *level, struct err *e)
{
	int rc = dset_new(keys, e);

	*level = x->instance[0] ? LEVEL_IMAGE : x->series[0] ? LEVEL_SERIES : LEVEL_STUDY;
	if (rc == 0)
		rc = dset_put_text(*keys, TAG(0x20, 0x0D), x->study, e);
	if (rc == 0 && x->series[0])
		rc = dset_put_text(*keys, TAG(0x20, 0x0E), x->series, e);
	if (rc == 0 && x->instance[0])
		rc = dset_put_text(*keys, TAG(0x08, 0x18), x->instance, e);
	return rc;
}

static int open_selection(struct exchange *x, struct selection **out, uint64_t *total, struct err *e)
{
	AUTO(dset) keys = NULL;
	struct query q = {.relational = true, .scope = x->scope};
	struct selection *s;
	int rc = keys_of(x, &keys, &q.level, e);

	if (rc < 0)
		return rc;
	q.keys = keys;
	if ((rc = select_open(x->archive, &q, &s, total, e)) < 0)
		return rc == -E_DENIED ? err_set(e, E_NOENT, "no such study, series or instance") : rc;
	if (*total == 0) {
		select_close(s);
		return err_set(e, E_NOENT, "no such %s",
			       x->instance[0] ? "instance"
			       : x->series[0] ? "series"
					      : "study");
	}
	*out = s;
	return 0;
}

int wado_select(struct exchange *x, struct selection **out, uint64_t *total, struct err *e)
{
	int rc = open_selection(x, out, total, e);

	if (rc == 0)
		exchange_audit(x, x->study, NULL, *total);
	return rc;
}

int wado_instance(struct exchange *x, struct stored *out, struct err *e)
{
	int rc = lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, out, e);

	if (rc == 0) {
		own_of(x)->odd = NULL; /* something is stored under it: a frame that is not there is another mistake */
		exchange_audit(x, x->study, NULL, 1);
	}
	return rc;
}

static void locate(struct exchange *x, struct part *p)
{
	const struct stored *s = &p->view.stored;

	part_locate(x, p, "/studies/%s/series/%s/instances/%s", s->study, s->series, s->sop_instance);
}

/* ---- several */

/* What cannot be decoded although its syntax could be (damaged, too large) goes out as it is stored, and says so in its
 * part: better than a hole that nobody sees. */
static int next_instance(void *arg, struct part *out, struct err *e)
{
	struct sending *s = arg;
	struct err why = {0};
	struct stored at;
	struct view view;
	const char *syntax;
	int rc;

	do {
		if ((rc = select_next(s->selection, &at, e)) <= 0)
			return rc;
		syntax = wado_syntax(&s->x->accept, "application/dicom", true, at.syntax);
	} while (!*syntax); /* the answer said that some are missing */
	if (view_open(s->x->archive, &at, syntax, &view, &why) < 0) {
		log_warn("instance %s goes out as it is stored: %s", at.sop_instance, why.msg);
		view_stored(s->x->archive, &at, &view);
	}
	part_whole(out, &view);
	locate(s->x, out);
	return 1;
}

static void close_sending(void *arg)
{
	struct sending *s = arg;

	select_close(s->selection);
	free(s);
}

static const struct part_ops instances = {.next = next_instance, .close = close_sending};

/* Only who names syntaxes, and not all of them, can miss something. */
static bool takes_all(const struct accept *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->list[i].syntax[0] && a->list[i].syntax[0] != '*')
			return false;
	return a->n_refused == 0;
}

/* How many of the selection cannot be given; stored: the syntax of one of them. */
static int count_missing(struct exchange *x, uint64_t *missing, char stored[65], struct err *e)
{
	struct selection *s;
	struct stored at;
	uint64_t total;
	int rc;

	*missing = 0;
	if (takes_all(&x->accept))
		return 0;
	if ((rc = open_selection(x, &s, &total, e)) < 0)
		return rc;
	while ((rc = select_next(s, &at, e)) > 0)
		if (!*wado_syntax(&x->accept, "application/dicom", true, at.syntax)) {
			++*missing;
			memcpy(stored, at.syntax, sizeof(at.syntax));
		}
	select_close(s);
	return rc;
}

static int unacceptable(struct exchange *x, const char *stored, bool single, struct err *e)
{
	struct offer offers[WADO_SYNTAX_OFFERS];
	unsigned n = wado_syntax_offers(stored, single, offers);

	return reply_unacceptable(x, offers, n, e);
}

static int reply_instances(struct exchange *x, struct selection *selection, uint64_t total, struct err *e)
{
	char stored[65] = "", says[160];
	struct sending *s = NULL;
	uint64_t missing;
	int rc;

	if ((rc = count_missing(x, &missing, stored, e)) == 0 && missing == total)
		rc = unacceptable(x, stored, false, e);
	if (rc == 0 && missing) {
		snprintf(says, sizeof(says),
			 "299 - \"%" PRIu64 " of %" PRIu64
			 " instances cannot be given in the transfer syntaxes accepted\"",
			 missing, total);
		rc = http_add(x->http, "Warning", says);
	}
	if (rc == 0 && !(s = calloc(1, sizeof(*s))))
		rc = err_set(e, E_NOMEM, "no memory for an answer");
	if (rc < 0 || !s) {
		select_close(selection);
		return rc; /* cppcheck-suppress memleak */
	}
	s->x = x;
	s->selection = selection;
	return parts_reply(x, missing ? 206 : 200, "application/dicom", &instances, s, e);
}

/* ---- one */

/* "<tag of its bytes>-<syntax>": other bytes for each. */
static void tag_in(struct exchange *x, const struct stored *s, const char *syntax, bool multipart, char *out,
		   size_t room)
{
	char tag[LOOKUP_TAG];

	stored_tag(x->archive, s, tag);
	snprintf(out, room, "%s%s%s%s", tag, multipart ? "-m" : "", strcmp(s->syntax, syntax) != 0 ? "-" : "",
		 strcmp(s->syntax, syntax) != 0 ? syntax : "");
}

/* as_stored: from memory and file alone, for a connection's thread; 1: it would take more. */
static int reply_instance(struct exchange *x, const struct stored *s, bool multipart, bool as_stored, struct err *e)
{
	const char *syntax = wado_syntax(&x->accept, "application/dicom", multipart, s->syntax);
	AUTO(part) p = {0};
	struct view view;
	char tag[128];
	int rc;

	if (!*syntax)
		return as_stored ? 1 : unacceptable(x, s->syntax, true, e);
	if (as_stored && strcmp(syntax, s->syntax) != 0)
		return 1;
	if ((rc = view_open(x->archive, s, syntax, &view, e)) < 0) {
		if (rc != -E_UNSUP && rc != -E_INVAL && rc != -E_LIMIT && rc != -E_CORRUPT && rc != -E_MISMATCH)
			return rc;
		x->status = 406;
		if (!takes_all(&x->accept))
			return rc;
		x->status = 0;
		log_warn("instance %s goes out as it is stored: %s", s->sop_instance, e->msg);
		*e = (struct err){0};
		view_stored(x->archive, s, &view);
	}
	tag_in(x, s, view.syntax, multipart, tag, sizeof(tag));
	if ((rc = reply_fresh(x, tag, true, e)) != 0) {
		view_cleanup(&view);
		return rc < 0 ? rc : 0;
	}
	part_whole(&p, &view);
	locate(x, &p);
	return part_reply(x, &p, multipart, tag, e);
}

int wado_reply_instance(struct exchange *x, const struct stored *s, struct err *e)
{
	return reply_instance(x, s, false, false, e);
}

static bool choose_form(struct exchange *x, enum wado_form *form, bool *multipart)
{
	struct offer offers[WADO_OFFERS];
	unsigned n = wado_form_offers(x->instance[0] != '\0', offers);
	const struct offer *o = accept_choose(&x->accept, offers, n, multipart);

	if (o)
		*form = (enum wado_form)(o - offers);
	return o != NULL;
}

int wado_retrieve_quick(struct exchange *x)
{
	struct err e = {0};
	enum wado_form form;
	struct stored s;
	bool multipart;
	int rc;

	if (!choose_form(x, &form, &multipart) || form != WADO_DICOM ||
	    !lookup_known(x->archive, x->scope, x->study, x->series, x->instance, &s))
		return 0;
	if ((rc = reply_instance(x, &s, multipart, true, &e)) > 0)
		return 0;
	if (rc < 0)
		reply_error(x, &e);
	else
		exchange_audit(x, x->study, NULL, 1);
	return 1;
}

int wado_retrieve(struct exchange *x, struct err *e)
{
	struct offer offers[WADO_OFFERS];
	struct selection *selection;
	enum wado_form form;
	struct stored s;
	uint64_t total;
	bool multipart;
	int rc;

	if (!choose_form(x, &form, &multipart))
		return reply_unacceptable(x, offers, wado_form_offers(x->instance[0] != '\0', offers), e);
	if (form == WADO_JSON || form == WADO_XML)
		return wado_metadata(x, e);
	if (form == WADO_BULK)
		return wado_bulkdata_all(x, e);
	if (form == WADO_DICOM && x->instance[0]) {
		rc = wado_instance(x, &s, e);
		return rc < 0 ? rc : reply_instance(x, &s, multipart, false, e);
	}
	if ((rc = wado_select(x, &selection, &total, e)) < 0)
		return rc;
	return form == WADO_ZIP ? wado_zip(x, selection, total, e) : reply_instances(x, selection, total, e);
}
