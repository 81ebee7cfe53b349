#include "access/audit.h"
#include "access/chain.h"
#include "cmd/cmd.h"
#include "cmd/since.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct {
	char *expect, *since, *until, *kind, *who, *study, *patient;
	gboolean failed;
} opt;

/* ---- verify */

static const GOptionEntry verify_options[] = {
    {"expect", 0, 0, G_OPTION_ARG_FILENAME, &opt.expect,
     "An end that was noted earlier must be in the trail as it was: NUMBER:DIGEST", "END"},
    G_OPTION_ENTRY_NULL,
};

/* Is the noted end still there? */
static int look_for(void *arg, const struct chain_line *l)
{
	struct chain_end *wanted = arg;

	if (l->end.number == wanted->number && strcmp(l->end.digest, wanted->digest) == 0)
		wanted->number = 0; /* found */
	return 0;
}

static bool parse_end(const char *text, struct chain_end *out)
{
	/* NOLINTNEXTLINE(cert-err34-c): a number that overflows is in no trail */
	return sscanf(text, "%" SCNu64 ":%64[0-9a-f]", &out->number, out->digest) == 2 && out->number > 0 &&
	       strlen(out->digest) == 64 && strlen(strchr(text, ':') + 1) == 64;
}

static void print_report(const struct common *c, const struct chain_report *r, const char *wrong)
{
	if (c->json) {
		print_json(json_pack("{s:b, s:I, s:I, s:I, s:s, s:s}", "whole", !*wrong, "events", (json_int_t)r->lines,
				     "first", (json_int_t)r->first, "last", (json_int_t)r->end.number, "digest",
				     r->end.digest, "wrong", wrong));
		return;
	}
	if (*wrong)
		printf("not whole: %s\n", wrong);
	else
		printf("whole: %" PRIu64 " events, from %" PRIu64 "\n", r->lines, r->first);
	printf("end %" PRIu64 ":%s\n", r->end.number, r->end.digest);
}

static int verify(const struct common *c, const char *folder)
{
	struct chain_end wanted = {0};
	struct chain_report r;
	struct err e = {0};
	char wrong[240] = "";
	int rc;

	if (opt.expect && !parse_end(opt.expect, &wanted))
		return misused(c->name, "--expect %s: expected NUMBER:DIGEST, as verify prints an end", opt.expect);
	rc = chain_each(folder, 0, true, look_for, &wanted, &r, &e);
	if (rc < 0 && rc != -E_CORRUPT)
		return complain(c->name, &e);
	if (rc < 0)
		snprintf(wrong, sizeof wrong, "%s", r.wrong);
	else if (wanted.number)
		snprintf(wrong, sizeof wrong, "event %" PRIu64 " is not there as it was noted", wanted.number);
	print_report(c, &r, wrong);
	return *wrong ? EXIT_FOUND : EXIT_DONE;
}

/* ---- search */

static const GOptionEntry search_options[] = {
    {"since", 0, 0, G_OPTION_ARG_FILENAME, &opt.since, "From then on: " SINCE_FORMS, "TIME"},
    {"until", 0, 0, G_OPTION_ARG_FILENAME, &opt.until, "Before then", "TIME"},
    {"kind", 0, 0, G_OPTION_ARG_FILENAME, &opt.kind,
     "start, stop, query, access, received, sent, deleted, login, logout, refused, break-glass, changed or lost",
     "KIND"},
    {"who", 0, 0, G_OPTION_ARG_FILENAME, &opt.who, "Name of an account, token or peer", "NAME"},
    {"study", 0, 0, G_OPTION_ARG_FILENAME, &opt.study, "Study Instance UID", "UID"},
    {"patient", 0, 0, G_OPTION_ARG_FILENAME, &opt.patient, "Patient ID", "ID"},
    {"failed", 0, 0, G_OPTION_ARG_NONE, &opt.failed, "Only what failed or was refused", NULL},
    G_OPTION_ENTRY_NULL,
};

struct search {
	const struct common *common;
	char since[32], until[32];
	uint64_t shown;
};

static void print_said(const struct search *s, uint64_t number, const struct audit_said *a)
{
	if (s->common->json) {
		print_json(json_pack("{s:I, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "number",
				     (json_int_t)number, "time", a->time, "kind", audit_name(a->kind), "failed",
				     a->failed, "who", a->who, "how", a->how, "address", a->address, "study", a->study,
				     "patient", a->patient_id, "what", a->what, "instances", (json_int_t)a->instances));
		return;
	}
	printf("%" PRIu64 "  %.19sZ  %-11s %s", number, a->time, audit_name(a->kind), a->failed ? "FAILED " : "");
	printf("%s%s%s%s%s%s", *a->who ? a->who : "-", *a->how ? " (" : "", a->how, *a->how ? ")" : "",
	       *a->address ? " from " : "", a->address);
	printf("%s%s%s%s%s%s", *a->study ? "  study " : "", a->study, *a->patient_id ? "  patient " : "", a->patient_id,
	       *a->what ? "  " : "", a->what);
	if (a->instances)
		printf("  %" PRIu64 " instances", a->instances);
	putchar('\n');
}

static bool wanted(const struct search *s, const struct audit_said *a)
{
	return strcmp(a->time, s->since) >= 0 && (!s->until[0] || strcmp(a->time, s->until) < 0) &&
	       (!opt.kind || strcmp(audit_name(a->kind), opt.kind) == 0) &&
	       (!opt.who || strcmp(a->who, opt.who) == 0) && (!opt.study || strcmp(a->study, opt.study) == 0) &&
	       (!opt.patient || strcmp(a->patient_id, opt.patient) == 0) && (!opt.failed || a->failed);
}

static int show(void *arg, const struct chain_line *l)
{
	struct search *s = arg;
	struct audit_said a;

	if (audit_read(l->text, l->n, &a, NULL) < 0)
		fprintf(stderr, "teleread audit search: event %" PRIu64 " cannot be read\n", l->end.number);
	else if (wanted(s, &a)) {
		print_said(s, l->end.number, &a);
		s->shown++;
	}
	return ferror(stdout) ? 1 : 0;
}

static int search(const struct common *c, const char *folder)
{
	struct search s = {.common = c};
	enum audit_kind kind;
	struct err e = {0};

	if (opt.kind && audit_parse(opt.kind, &kind) < 0)
		return misused(c->name, "--kind %s: no such kind of event", opt.kind);
	if (opt.since && !since_parse(opt.since, s.since))
		return misused(c->name, "--since %s: expected " SINCE_FORMS, opt.since);
	if (opt.until && !since_parse(opt.until, s.until))
		return misused(c->name, "--until %s: expected " SINCE_FORMS, opt.until);
	if (chain_each(folder, 0, false, show, &s, NULL, &e) < 0)
		return complain(c->name, &e);
	if (s.shown == 0 && !c->json)
		fputs("teleread audit search: there are none\n", stderr);
	return EXIT_DONE;
}

/* ---- the command */

static int run(const struct usage *usage, int (*what)(const struct common *c, const char *folder), int argc,
	       char **argv)
{
	AUTO(common) c = {0};
	AUTO(str) folder = NULL;
	int rc = common_parse(&c, usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (asprintf(&folder, "%s/" AUDIT_FOLDER, c.config.data) < 0)
		folder = NULL;
	if (!folder || access(folder, X_OK) < 0) {
		struct err e = {0};

		if (errno == ENOENT)
			err_set(&e, E_NOENT, "%s holds no audit trail", c.config.data);
		else
			err_sys(&e, E_IO, "cannot open the audit trail in %s", c.config.data);
		return complain(c.name, &e);
	}
	return what(&c, folder);
}

static int audit_verify(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "audit verify",
	    .text = "Proves that no event of the audit trail was changed, taken out or put in, and prints its end.",
	    .options = verify_options,
	    .json = true,
	};

	return run(&usage, verify, argc, argv);
}

static int audit_search(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "audit search",
	    .text = "Prints events of the audit trail, oldest first: who did what with whose images, when, from where.",
	    .options = search_options,
	    .json = true,
	};

	return run(&usage, search, argc, argv);
}

int cmd_audit(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"verify", audit_verify, "prove that it is whole"},
	    {"search", audit_search, "print events"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("audit", verbs, argc, argv);
}
