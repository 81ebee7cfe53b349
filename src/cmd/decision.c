#include "cmd/decision.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/control.h"
#include "dicom/dict.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int decision_study(const char *name, const char *study)
{
	if (study && !uid_sane(study, strlen(study)))
		return misused(name, "--study %.70s: that cannot be a UID", study);
	return -1;
}

int decision_words(const char *name, struct decision *d, const char *study, const char *why)
{
	int rc;

	if (!why || !*why)
		return misused(name, "missing --why");
	if (strlen(why) > DECISION_WHY_MOST || !text_valid(why, strlen(why)))
		return misused(name, "--why: expected UTF-8 text of at most %u bytes", DECISION_WHY_MOST);
	for (const char *c = why; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7F)
			return misused(name, "--why: expected one line of text, without control characters");
	snprintf(d->why, sizeof d->why, "%s", why);
	if ((rc = decision_study(name, study)) >= 0)
		return rc;
	if (study)
		snprintf(d->study, sizeof d->study, "%s", study);
	return -1;
}

static int part_word(const char *name, const char *option, const char *uid, char out[65])
{
	if (uid && !uid_sane(uid, strlen(uid)))
		return misused(name, "--%s %.70s: that cannot be a UID", option, uid);
	snprintf(out, 65, "%s", uid ? uid : "");
	return -1;
}

int decision_part(const char *name, struct decision *d, const char *series, const char *instance)
{
	int rc;

	if (instance && !series)
		return misused(name, "--instance goes with --series");
	if ((rc = part_word(name, "series", series, d->series)) >= 0)
		return rc;
	return part_word(name, "instance", instance, d->sop_instance);
}

void decision_about(const struct decision *d, char *out, size_t room)
{
	snprintf(out, room, "study %s%s%s%s%s", d->study, d->series[0] ? " series " : "", d->series,
		 d->sop_instance[0] ? " instance " : "", d->sop_instance);
}

/* The node writes where one runs, else this process. */
static int make(const struct common *c, struct decision *d, struct decision_result *out, struct err *e)
{
	struct config small = c->config; /* borrowed strings */
	AUTO(archive) a = NULL;
	AUTO(fd) node = -1;
	struct err first = {0};
	int rc;

	if ((rc = archive_there(c, e)) < 0)
		return rc;
	small.prewrite = 0;
	user_name(geteuid(), d->who);
	if ((rc = archive_open(&small, ARCHIVE_SERVE, &a, &first)) == 0)
		return decide(a, d, out, e);
	if (rc != -E_BUSY) {
		*e = first;
		return rc;
	}
	if ((node = control_connect(c->config.data, e)) < 0)
		return node;
	return control_decide(node, d, out, e);
}

json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *kept_json(const struct kept *k)
{
	char when[32];

	clock_text(k->received_us, when);
	return json_pack("{s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:b}", "number",
			 (json_int_t)k->seq, "kind", text_or_null(k->kind), "reason", text_or_null(k->reason), "site",
			 text_or_null(k->site), "received", when, "aet", text_or_null(k->aet), "class",
			 text_or_null(k->where.sop_class), "study", text_or_null(k->where.study), "series",
			 text_or_null(k->where.series), "instance", text_or_null(k->where.sop_instance), "bytes",
			 (json_int_t)k->where.part10_len, "event",
			 k->event ? json_integer((json_int_t)k->event) : json_null(), "discarded", k->gone != 0);
}

int print_kept(void *arg, const struct kept *k)
{
	struct common *c = arg;
	char when[32], size[16];

	c->listed++;
	clock_text(k->received_us, when);
	if (c->json)
		print_json(kept_json(k));
	else
		printf("%-8" PRIu64 " %-13s %.19sZ %-12.32s %-16.16s %-8s %s  %s%s\n", k->seq, k->kind, when, k->site,
		       k->aet[0] ? k->aet : "-", size_text(k->where.part10_len, size),
		       k->where.sop_instance[0] ? k->where.sop_instance : "(no UID)", k->reason,
		       k->gone ? " (discarded)" : "");
	return 0;
}

static void print_result(const struct common *c, const struct decision *d, const struct decision_result *r)
{
	const char *name = decision_name(d->what);
	char about[256];

	if (c->json) {
		print_json(json_pack(
		    "{s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:o}", "decision", name, "study", text_or_null(d->study),
		    "series", text_or_null(d->series), "instance", text_or_null(d->sop_instance), "number",
		    d->number ? json_integer((json_int_t)d->number) : json_null(), "done", r->done, "records",
		    (json_int_t)r->records, "left", (json_int_t)r->left, "reason", text_or_null(r->reason)));
		return;
	}
	printf("%s", name);
	if (d->number)
		printf(" record %" PRIu64, d->number);
	else {
		decision_about(d, about, sizeof about);
		printf(" %s", about);
	}
	if (r->records)
		printf(": %" PRIu64 " record%s", r->records, r->records == 1 ? "" : "s");
	if (r->reason[0])
		printf("%s%s", r->done ? "; " : ": not done: ", r->reason);
	putchar('\n');
}

/* What is left of a study in the bin, each with its reason. */
static int print_left(const struct common *c, const struct decision *d, struct err *e)
{
	const struct kept_filter f = {.study = d->study, .kind = "dropped"};
	AUTO(archive) a = NULL;
	int rc = open_beside(c, false, &a, e);

	return rc < 0 ? rc : kept_each(a, &f, print_kept, (void *)(uintptr_t)c, e);
}

int decision_run(const struct common *c, struct decision *d)
{
	struct decision_result r = {0};
	struct err e = {0};

	if (make(c, d, &r, &e) < 0)
		return complain_input(c->name, &e);
	if (r.done)
		audit_operator(&c->config, d->what == DECIDE_DROP ? AUDIT_DELETED : AUDIT_CHANGED, d->study,
			       "%s%s%s%s%s%s%s", decision_name(d->what), d->series[0] ? " of series " : "", d->series,
			       d->sop_instance[0] ? ", instance " : "", d->sop_instance, d->why[0] ? ": " : "", d->why);
	print_result(c, d, &r);
	if (r.left && print_left(c, d, &e) < 0)
		complain(c->name, &e);
	return r.done && !r.left ? EXIT_DONE : EXIT_FOUND;
}
