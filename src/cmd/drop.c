/* drop, hold and events: decisions about studies, and the list of all. */
#include "archive/query.h"
#include "base/clock.h"
#include "cmd/decision.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct {
	char *study, *series, *instance, *why;
	gboolean undo, release, list;
} opt;

#define STUDY_OPTION                                                                                                   \
	{                                                                                                              \
		"study", 0, 0, G_OPTION_ARG_FILENAME, &opt.study, "Study Instance UID", "UID"                          \
	}
#define WHY_OPTION                                                                                                     \
	{                                                                                                              \
		"why", 0, 0, G_OPTION_ARG_FILENAME, &opt.why, "The reason, kept with the decision", "TEXT"             \
	}

static const GOptionEntry drop_options[] = {
    STUDY_OPTION,
    {"series", 0, 0, G_OPTION_ARG_FILENAME, &opt.series, "This series of it alone", "UID"},
    {"instance", 0, 0, G_OPTION_ARG_FILENAME, &opt.instance, "This instance of the series alone", "UID"},
    WHY_OPTION,
    {"undo", 0, 0, G_OPTION_ARG_NONE, &opt.undo, "Bring back what was dropped of it", NULL},
    {"list", 0, 0, G_OPTION_ARG_NONE, &opt.list, "Print what was dropped and can be brought back", NULL},
    G_OPTION_ENTRY_NULL,
};

static const GOptionEntry hold_options[] = {
    STUDY_OPTION,
    WHY_OPTION,
    {"release", 0, 0, G_OPTION_ARG_NONE, &opt.release, "End the hold", NULL},
    {"list", 0, 0, G_OPTION_ARG_NONE, &opt.list, "Print the studies that are held", NULL},
    G_OPTION_ENTRY_NULL,
};

static const GOptionEntry events_options[] = {
    {"study", 0, 0, G_OPTION_ARG_FILENAME, &opt.study, "Only those about this study", "UID"},
    G_OPTION_ENTRY_NULL,
};

static int print_set_aside(void *arg, const struct set_aside *s)
{
	struct common *c = arg;
	char when[32], size[16];

	c->listed++;
	clock_text(s->at_us, when);
	if (c->json)
		print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "study", s->study, "time", when, "who", s->who,
				     "why", s->why, "records", (json_int_t)s->records, "bytes", (json_int_t)s->bytes));
	else if (s->records)
		printf("%s %.19sZ %s %" PRIu64 " record%s, %s: %s\n", s->study, when, s->who, s->records,
		       s->records == 1 ? "" : "s", size_text(s->bytes, size), s->why);
	else
		printf("%s %.19sZ %s: %s\n", s->study, when, s->who, s->why);
	return 0;
}

typedef int (*each_fn)(struct archive *a, int (*seen)(void *arg, const struct set_aside *s), void *arg, struct err *e);

static int list(struct common *c, each_fn each)
{
	AUTO(archive) a = NULL;
	struct err e = {0};

	if (open_beside(c, false, &a, &e) < 0 || each(a, print_set_aside, c, &e) < 0)
		return complain(c->name, &e);
	return end_list(c);
}

/* A hold may be set before the study comes, or with a wrong UID: only who set it can tell. */
static int remark_absent(const struct common *c, const char *study, struct err *e)
{
	AUTO(archive) a = NULL;
	AUTO(dset) keys = NULL;
	struct selection *selected = NULL;
	struct scope scope = scope_everything(c->name);
	struct query q = {.level = LEVEL_STUDY, .scope = &scope};
	uint64_t total = 0;
	int rc;

	if ((rc = open_beside(c, false, &a, e)) == 0 && (rc = dset_new(&keys, e)) == 0 &&
	    (rc = dset_put_text(keys, TAG(0x0020, 0x000D), study, e)) == 0) {
		q.keys = keys;
		if ((rc = select_open(a, &q, &selected, &total, e)) == 0)
			select_close(selected);
		if (rc == 0 && total == 0)
			fprintf(stderr, "teleread %s: the study is not here; the hold waits for it\n", c->name);
	}
	scope_cleanup(&scope);
	return rc;
}

static int run(struct common *c, const struct usage *usage, enum decision_kind what, each_fn each)
{
	struct decision d = {.what = what};
	struct err e = {0};
	int rc;

	if (opt.list && (opt.study || opt.series || opt.instance || opt.why || opt.undo || opt.release))
		return misused(usage->name, "--list goes alone");
	if (opt.list)
		return list(c, each);
	if (!opt.study)
		return misused(usage->name, "missing --study");
	if ((rc = decision_words(usage->name, &d, opt.study, opt.why)) >= 0 ||
	    (rc = decision_part(usage->name, &d, opt.series, opt.instance)) >= 0)
		return rc;
	rc = decision_run(c, &d);
	if (rc == EXIT_DONE && what == DECIDE_HOLD && remark_absent(c, d.study, &e) < 0)
		complain(usage->name, &e);
	return rc;
}

int cmd_drop(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "drop",
	    .text =
		"Takes a study, a series or an instance out of sight: nobody finds or retrieves it, and its UIDs are\n"
		"free. It can be brought back. What is of a study that is held or within the retention is refused.",
	    .options = drop_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	return rc >= 0 ? rc : run(&c, &usage, opt.undo ? DECIDE_RESTORE : DECIDE_DROP, bin_each);
}

int cmd_hold(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "hold",
	    .text = "Keeps a study from being dropped until the hold is released. It need not be there yet.",
	    .options = hold_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	return rc >= 0 ? rc : run(&c, &usage, opt.release ? DECIDE_UNHOLD : DECIDE_HOLD, hold_each);
}

static int print_event(void *arg, const struct decided *d)
{
	struct common *c = arg;
	const struct decision *what = &d->decision;
	bool record = what->what == DECIDE_RELEASE || what->what == DECIDE_REPLACE || what->what == DECIDE_DISCARD;
	char when[32], about[256];

	c->listed++;
	clock_text(d->at_us, when);
	if (c->json) {
		print_json(json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:I, s:o}", "event",
				     (json_int_t)d->seq, "time", when, "decision", decision_name(what->what), "study",
				     text_or_null(what->study), "series", text_or_null(what->series), "instance",
				     text_or_null(what->sop_instance), "number",
				     what->number ? json_integer((json_int_t)what->number) : json_null(), "who",
				     what->who, "why", what->why, "done", d->result.done, "records",
				     (json_int_t)d->result.records, "reason", text_or_null(d->result.reason)));
		return 0;
	}
	if (!record)
		decision_about(what, about, sizeof about);
	else
		snprintf(about, sizeof about, "record %" PRIu64 "%s%s", what->number,
			 what->study[0] ? " of study " : "", what->study);
	printf("%-8" PRIu64 " %.19sZ %s %s %s, %" PRIu64 " record%s: %s%s%s\n", d->seq, when, what->who,
	       decision_name(what->what), about, d->result.records, d->result.records == 1 ? "" : "s", what->why,
	       d->result.done ? "" : "; not done: ", d->result.reason);
	return 0;
}

int cmd_events(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "events",
	    .text = "Prints the decisions about studies and records in quarantine, the first one first.",
	    .options = events_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0 || (rc = decision_study(usage.name, opt.study)) >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || decided_each(a, opt.study ? opt.study : "", print_event, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}
