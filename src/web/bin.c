/* Studies, and parts of them, into the bin and out of it: the decisions of archive/kept.h, within a scope. */
#include "archive/kept.h"
#include "archive/lookup.h"
#include "base/clock.h"
#include "web/handlers.h"
#include "web/json.h"
#include "web/params.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIST_MOST (4u << 20)
#define LIMIT 1000

static int no_such_study(struct err *e)
{
	*e = (struct err){0};
	return err_set(e, E_NOENT, "no such study");
}

/* ---- whose it is */

#define SITES_MOST 8u /* that had a study of one UID, one after another */

struct owners {
	char codes[SITES_MOST][33];
	unsigned n;
};

static int add_owner(void *arg, const struct kept *k)
{
	struct owners *o = arg;

	for (unsigned i = 0; i < o->n; i++)
		if (strcmp(o->codes[i], k->site) == 0)
			return 0;
	if (o->n < SITES_MOST)
		snprintf(o->codes[o->n], sizeof o->codes[0], "%s", k->site);
	return o->n++ < SITES_MOST ? 0 : 1;
}

/* 1: all that the bin has of the study belongs to sites of the scope; 0: it does not, or there is none. Two sites may have
 * deleted what had one UID; nobody learns of the other's, or brings it back, without seeing both. */
static int in_scope(struct exchange *x, const char *study, struct err *e)
{
	const struct kept_filter f = {.study = study, .kind = "dropped"};
	struct owners o = {.n = 0};
	struct err own = {0};
	int rc = kept_each(x->archive, &f, add_owner, &o, e);

	if (rc < 0 || o.n == 0)
		return rc < 0 ? rc : 0;
	if (x->scope->kind == SCOPE_EVERYTHING)
		return 1;
	if (o.n > SITES_MOST)
		return 0;
	for (unsigned i = 0; i < o.n; i++) {
		struct site site;

		if ((rc = site_get(x->archive, o.codes[i], &site, &own)) == -E_NOENT ||
		    (rc == 0 && !scope_has(x->scope, site.id)))
			return 0;
		if (rc < 0) {
			*e = own;
			return rc;
		}
	}
	return 1;
}

/* ---- deciding */

static int reply_decided(struct exchange *x, const struct decision *d, const struct decision_result *r, struct err *e)
{
	AUTO(buf) text = BUF(4096);
	int rc;

	if ((rc = buf_byte(&text, '{', e)) < 0 ||
	    (rc = json_member(&text, "decision", decision_name(d->what), e)) < 0 ||
	    (rc = json_member(&text, "study", d->study, e)) < 0 ||
	    (d->series[0] && (rc = json_member(&text, "series", d->series, e)) < 0) ||
	    (d->sop_instance[0] && (rc = json_member(&text, "instance", d->sop_instance, e)) < 0) ||
	    (rc = json_number(&text, "records", (int64_t)r->records, e)) < 0 ||
	    (rc = json_number(&text, "left", (int64_t)r->left, e)) < 0 ||
	    (r->reason[0] && (rc = json_member(&text, "reason", r->reason, e)) < 0) ||
	    (rc = buf_str(&text, "}\n", e)) < 0)
		return rc;
	exchange_audit(x, d->study, NULL, r->records);
	return reply_bytes(x, 200, "application/json", text.data, text.len, e);
}

static int decide_and_reply(struct exchange *x, enum decision_kind what, const char *why, struct err *e)
{
	const char *given = url_query_get(&x->query, "why");
	struct decision d = {.what = what};
	struct decision_result r = {0};
	int rc;

	if (given && *given)
		why = given;
	if (strlen(why) > DECISION_WHY_MOST)
		return err_set(e, E_INVAL, "why: longer than %u bytes", DECISION_WHY_MOST);
	snprintf(d.study, sizeof d.study, "%s", x->study);
	snprintf(d.series, sizeof d.series, "%s", x->series);
	snprintf(d.sop_instance, sizeof d.sop_instance, "%s", x->instance);
	snprintf(d.who, sizeof d.who, "%.64s", x->who->name);
	snprintf(d.why, sizeof d.why, "%s", why);
	if ((rc = decide(x->archive, &d, &r, e)) == -E_NOENT)
		return no_such_study(e);
	if (rc == -E_DENIED) /* held, or to be retained: not a matter of who asks */
		x->status = 409;
	if (rc < 0)
		return rc;
	if (!r.done)
		return err_set(e, E_CONFLICT, "%s", r.reason);
	return reply_decided(x, &d, &r, e);
}

int bin_delete(struct exchange *x, struct err *e)
{
	const char *why = url_query_get(&x->query, "why");
	char tag[LOOKUP_TAG];
	struct stored s;
	int rc = x->instance[0] ? lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, &s, e)
				: lookup_tag(x->archive, x->scope, x->study, x->series, tag, e);

	if (rc < 0)
		return rc == -E_NOENT ? no_such_study(e) : rc;
	if (!why || strspn(why, " ") == strlen(why))
		return err_set(e, E_INVAL, "say why: DELETE ...?why=TEXT");
	return decide_and_reply(x, DECIDE_DROP, why, e);
}

int bin_restore(struct exchange *x, struct err *e)
{
	int rc = in_scope(x, x->study, e);

	if (rc <= 0)
		return rc < 0 ? rc : no_such_study(e);
	return decide_and_reply(x, DECIDE_RESTORE, "restored over HTTP", e);
}

/* ---- listing */

struct listing {
	struct exchange *x;
	uint64_t skip, left;
	struct buf text;
	struct err *e;
};

static int put_entry(struct listing *l, const struct set_aside *s)
{
	char when[32];
	int rc = buf_str(&l->text, l->text.data[l->text.len - 1] == '[' ? "\n{" : ",\n{", l->e);

	if (rc < 0 || (rc = json_member(&l->text, "study", s->study, l->e)) < 0 ||
	    (rc = json_member(&l->text, "at", clock_text(s->at_us, when), l->e)) < 0 ||
	    (rc = json_member(&l->text, "who", s->who, l->e)) < 0 ||
	    (rc = json_member(&l->text, "why", s->why, l->e)) < 0 ||
	    (rc = json_number(&l->text, "records", (int64_t)s->records, l->e)) < 0 ||
	    (rc = json_number(&l->text, "bytes", (int64_t)s->bytes, l->e)) < 0)
		return rc;
	return buf_byte(&l->text, '}', l->e);
}

static int listed(void *arg, const struct set_aside *s)
{
	struct listing *l = arg;
	int rc = in_scope(l->x, s->study, l->e);

	if (rc <= 0)
		return rc;
	if (l->skip > 0) {
		l->skip--;
		return 0;
	}
	if (l->left == 0)
		return 1;
	l->left--;
	return put_entry(l, s);
}

int bin_list(struct exchange *x, struct err *e)
{
	struct listing l = {.x = x, .text = BUF(LIST_MOST), .e = e};
	int rc;

	if ((rc = param_number(x, "limit", LIMIT, LIMIT, &l.left, e)) < 0 ||
	    (rc = param_number(x, "offset", 0, INT64_MAX, &l.skip, e)) < 0)
		return rc;
	if ((rc = buf_str(&l.text, "{\"studies\":[", e)) == 0 && (rc = bin_each(x->archive, listed, &l, e)) >= 0 &&
	    (rc = buf_printf(&l.text, e, "\n],\"more\":%s}\n", rc > 0 ? "true" : "false")) == 0)
		rc = reply_bytes(x, 200, "application/json", l.text.data, l.text.len, e);
	buf_cleanup(&l.text);
	return rc;
}
