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

void exchange_audit_why(struct exchange *x, const char *sentence)
{
	struct own *o = own_of(x);

	snprintf(o->why, sizeof o->why, "%s", sentence);
}

void exchange_told(struct exchange *x)
{
	own_of(x)->told = true;
}

/* ---- what it is */

static const char *last_part(const struct exchange *x)
{
	return strrchr(x->route->path, '/') + 1;
}

static bool is(const struct exchange *x, const char *path)
{
	return strcmp(x->route->path, path) == 0;
}

static bool deletes(const struct exchange *x)
{
	return strcmp(x->route->method, "DELETE") == 0;
}

/* A search ends in what it lists: .../studies, .../series, .../instances. Feeds of changes are one, too, and the bin. */
static bool searches(const struct exchange *x)
{
	const char *last = last_part(x);

	return strcmp(x->route->method, "GET") == 0 &&
	       (strcmp(last, "studies") == 0 || strcmp(last, "series") == 0 || strcmp(last, "instances") == 0 ||
		strcmp(last, "changes") == 0 || strcmp(last, "events") == 0 || strcmp(last, "bin") == 0);
}

static enum audit_kind kind_of(const struct exchange *x)
{
	if (searches(x))
		return AUDIT_QUERY;
	switch (x->route->right) {
	case RIGHT_STORE:
		return AUDIT_RECEIVED;
	case RIGHT_DELETE:
		return deletes(x) ? AUDIT_DELETED : AUDIT_CHANGED;
	case RIGHT_MANAGE:
		return AUDIT_CHANGED;
	default:
		return AUDIT_SENT;
	}
}

/* Whether a request that named no study itself is worth an event: one that asks for what patients have. */
static bool worth(const struct exchange *x)
{
	return x->route->right == RIGHT_SEE || x->route->right == RIGHT_STORE || x->route->right == RIGHT_DELETE ||
	       (x->route->right == RIGHT_MANAGE && strcmp(x->route->method, "GET") != 0);
}

/* ---- in words */

/* "metadata of the series 1.2.3": what is in the path, or all of it. */
static int say_object(const struct exchange *x, const char *what, char *out, size_t room)
{
	const char *level = x->instance[0] ? "instance " : x->series[0] ? "series " : "study";

	return snprintf(out, room, "%s%s%s%s", what, *what ? " of " : "", level,
			x->instance[0] ? x->instance
			: x->series[0] ? x->series
				       : "");
}

static int say_retrieval(const struct exchange *x, char *out, size_t room)
{
	static const struct {
		const char *last, *says;
	} names[] = {
	    {"metadata", "retrieve metadata"},     {"rendered", "retrieve pictures"},
	    {"thumbnail", "retrieve a thumbnail"}, {"{frames}", "retrieve frames"},
	    {"pixeldata", "retrieve pixel data"},  {"bulkdata", "retrieve bulk data"},
	    {"{path...}", "retrieve bulk data"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(last_part(x), names[i].last) == 0)
			return say_object(x, names[i].says, out, room);
	return snprintf(out, room, "retrieve ") +
	       say_object(x, "", out + strlen("retrieve "), room - strlen("retrieve "));
}

/* The deed, with the keys of a search as they came. */
static int say_deed(const struct exchange *x, char *out, size_t room)
{
	const char *keys = http_query(x->http), *last = last_part(x);

	if (strncmp(last, "events", 6) == 0 || strcmp(last, "changes") == 0)
		return snprintf(out, room, "follow changes%s%s", *keys ? " " : "", keys);
	if (searches(x))
		return snprintf(out, room, "%s %s%s%s", strcmp(last, "bin") == 0 ? "list the" : "search for", last,
				*keys ? ": " : "", keys);
	if (is(x, "/wado"))
		return snprintf(out, room, "retrieve instance (URI service)");
	if (deletes(x))
		return snprintf(out, room, "delete ") +
		       say_object(x, "", out + strlen("delete "), room - strlen("delete "));
	if (x->route->right == RIGHT_STORE)
		return snprintf(out, room, "store instances");
	if (strcmp(last, "restore") == 0)
		return snprintf(out, room, "restore study");
	if (x->route->right == RIGHT_SEE && strncmp(x->route->path, "/dicom-web/", strlen("/dicom-web/")) == 0)
		return say_retrieval(x, out, room);
	return snprintf(out, room, "%s %s", x->route->method, x->route->path);
}

static void say_more(char *out, size_t n, const char *between, const char *text)
{
	if (n < WHAT_MOST)
		snprintf(out + n, WHAT_MOST - n, "%s%s", between, text);
}

/* What was done, the reason that was given for it, and what became of it where it failed. */
static const char *words(const struct own *o, const struct http_outcome *done, bool failed, char out[WHAT_MOST])
{
	const struct exchange *x = &o->x;
	const char *why = x->route->right == RIGHT_DELETE ? url_query_get(&x->query, "why") : NULL;
	size_t n = 0;
	char status[16];

	if (o->opened.kind != SCOPE_NOTHING)
		n = (size_t)snprintf(out, WHAT_MOST, "in an emergency: ");
	/* the end is for the cause */
	say_deed(x, out + n, WHAT_MOST / 2);
	if (why && *why)
		say_more(out, strlen(out), ": ", why);
	if (failed) {
		snprintf(status, sizeof status, done->status ? "; %d" : "; ", done->status);
		say_more(out, strlen(out), status, "");
		say_more(out, strlen(out), *o->why && done->status ? " " : "",
			 *o->why ? o->why : "not taken to its end");
	} else if (*o->why) {
		say_more(out, strlen(out), "; ", o->why);
	}
	return out;
}

/* Who listens to changes leaves when he likes. */
static bool has_failed(const struct own *o, const struct http_outcome *out)
{
	return o->refused || out->status == 0 || out->status >= 400 || (!out->complete && !is(&o->x, "/events"));
}

static void note_one(const struct own *o, const struct http_outcome *out, const struct audit_item *a)
{
	const struct exchange *x = &o->x;
	const char *study = a && a->study[0] ? a->study : x->study;
	bool failed = has_failed(o, out);
	char what[WHAT_MOST];
	const struct audit_event ev = {
	    .kind = o->refused ? AUDIT_REFUSED : kind_of(x),
	    .failed = failed,
	    .who = x->who ? x->who->name : "",
	    .how = x->who ? x->who->how : "",
	    .address = x->address,
	    .study = study[0] ? study : NULL,
	    .patient_id = a && a->patient_id[0] ? a->patient_id : NULL,
	    .what = words(o, out, failed, what),
	    .instances = a ? a->instances : 0,
	};

	audit_note(&ev);
}

void exchange_note(struct own *o, const struct http_outcome *out)
{
	if (!o->x.route)
		return;
	if (!o->audit && !o->told && (o->refused || (worth(&o->x) && out->status != 304)))
		note_one(o, out, NULL);
	while (o->audit) {
		struct audit_item *a = o->audit;

		o->audit = a->next;
		note_one(o, out, a);
		free(a);
	}
}
