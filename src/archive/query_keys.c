#include "archive/query_keys.h"
#include "archive/attr_extra.h"
#include "archive/match.h"
#include <string.h>

struct walk {
	enum query_level level;
	int (*seen)(void *arg, const struct kept_key *k);
	void *arg;
};

static const char *text_matching(const char *vr)
{
	if (!match_wild(vr))
		return "single value, any of several values";
	return match_many(vr) ? "single value, wild card, any of several values" : "single value, wild card";
}

static const char *matching(const struct attr *a)
{
	if (a->from == ATTR_COUNT)
		return "answered, not matched";
	switch (match_kind(a->vr)) {
	case MATCH_UID:
		return "single value, list of UID";
	case MATCH_NUMBER:
		return "single value, compared as a number";
	case MATCH_RANGE:
		return "single value, range";
	case MATCH_NAME:
		return "single value, wild card, any of several values; without case, accents and width, by component "
		       "group";
	case MATCH_SEQUENCE:
		return "sequence of one item";
	default:
		return text_matching(a->vr);
	}
}

static bool unique(const struct attr *a)
{
	return a->from == ATTR_STUDY_UID || a->from == ATTR_SERIES_UID || a->from == ATTR_SOP_UID ||
	       (a->from == ATTR_KEPT && a->code == ATTR_PATIENT_ID);
}

static int tell(void *arg, const struct attr *a)
{
	const struct walk *w = arg;
	struct kept_key k = {.tag = a->tag,
			     .vr = a->vr,
			     .creator = a->creator,
			     .from = (enum query_level)a->level,
			     .matching = matching(a),
			     .type = unique(a) ? "U" : "O"};

	return (enum query_level)a->level <= w->level ? w->seen(w->arg, &k) : 0;
}

int query_keys(enum query_level level, const char *attributes, int (*seen)(void *arg, const struct kept_key *k),
	       void *arg, struct err *e)
{
	struct walk w = {level, seen, arg};
	const struct attr *a;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && (a = attr_at(i)); i++)
		rc = tell(&w, a);
	return rc ? rc : attr_set_each(attributes, tell, &w, e);
}

const char *query_level_text(enum query_level level)
{
	static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};

	return levels[level];
}
