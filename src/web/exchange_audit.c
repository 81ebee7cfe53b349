#include "access/audit.h"
#include "base/log.h"
#include "web/exchange_own.h"
#include <stdio.h>
#include <string.h>

#define WHAT_MOST 1000
#define ITEMS_MOST 1000u /* studies of one request that are told one by one */

struct audit_item {
	struct audit_item *next;
	uint64_t instances;
	char study[65], patient_id[65];
};

void exchange_audit(struct exchange *x, const char *study, const char *patient_id, uint64_t instances)
{
	struct own *o = own_of(x);
	struct audit_item *a = o->audits < ITEMS_MOST ? malloc(sizeof *a) : NULL;

	if (!a) {
		if (o->audits++ == ITEMS_MOST)
			log_warn("a request touched more than %u studies: the audit trail names that many", ITEMS_MOST);
		return;
	}
	*a = (struct audit_item){.next = o->audit, .instances = instances};
	snprintf(a->study, sizeof a->study, "%s", study ? study : "");
	snprintf(a->patient_id, sizeof a->patient_id, "%s", patient_id ? patient_id : "");
	o->audit = a;
	o->audits++;
}

/* A search ends in what it lists: .../studies, .../series, .../instances. Feeds of changes are one, too. */
static bool searches(const char *path)
{
	const char *last = strrchr(path, '/');

	return strcmp(last, "/studies") == 0 || strcmp(last, "/series") == 0 || strcmp(last, "/instances") == 0 ||
	       strcmp(last, "/changes") == 0 || strcmp(last, "/events") == 0;
}

static enum audit_kind kind_of(const struct exchange *x)
{
	switch (x->route->right) {
	case RIGHT_STORE:
		return AUDIT_RECEIVED;
	case RIGHT_DELETE:
		return strcmp(x->route->method, "DELETE") == 0 ? AUDIT_DELETED : AUDIT_ACCESS;
	case RIGHT_MANAGE:
		return AUDIT_CHANGED;
	default:
		return searches(x->route->path) ? AUDIT_QUERY : AUDIT_SENT;
	}
}

/* Whether a request that named no study itself is worth an event: one that asks for what patients have. */
static bool worth(const struct exchange *x)
{
	return x->route->right == RIGHT_SEE || x->route->right == RIGHT_STORE || x->route->right == RIGHT_DELETE ||
	       (x->route->right == RIGHT_MANAGE && strcmp(x->route->method, "GET") != 0);
}

/* What was asked for, with the keys of a search as they came. */
static const char *words(const struct own *o, char out[WHAT_MOST])
{
	const struct exchange *x = &o->x;
	const char *keys = searches(x->route->path) ? http_query(x->http) : "";

	snprintf(out, WHAT_MOST, "%s%s%s%s", o->opened.kind == SCOPE_NOTHING ? "" : "In an emergency: ", x->route->says,
		 *keys ? " " : "", keys);
	return out;
}

static void note_one(const struct own *o, const struct http_outcome *out, const struct audit_item *a)
{
	const struct exchange *x = &o->x;
	const char *study = a && a->study[0] ? a->study : x->study;
	char what[WHAT_MOST];
	const struct audit_event ev = {
	    .kind = o->refused ? AUDIT_REFUSED : kind_of(x),
	    .failed = o->refused || out->status == 0 || out->status >= 400 || !out->complete,
	    .who = x->who ? x->who->name : "",
	    .how = x->who ? x->who->how : "",
	    .address = x->address,
	    .study = study[0] ? study : NULL,
	    .patient_id = a && a->patient_id[0] ? a->patient_id : NULL,
	    .what = words(o, what),
	    .instances = a ? a->instances : 0,
	};

	audit_note(&ev);
}

void exchange_note(struct own *o, const struct http_outcome *out)
{
	if (o->x.route && !o->audit && (o->refused || (worth(&o->x) && out->status != 304)))
		note_one(o, out, NULL);
	while (o->audit) {
		struct audit_item *a = o->audit;

		o->audit = a->next;
		note_one(o, out, a);
		free(a);
	}
}
