/* cmd/commitment.c - teleread commitment: what peers asked to be kept, and whether they were told. */
#include "archive/commitment.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include <stdio.h>

#define FAILED_SHOWN 10u

static gboolean all;

struct list {
	struct common *common;
	struct archive *archive;
	struct err *e;
};

static const GOptionEntry list_options[] = {
    {"all", 0, 0, G_OPTION_ARG_NONE, &all, "Those that were told, too", NULL},
    G_OPTION_ENTRY_NULL,
};

static const char *state_name(enum commitment_state state)
{
	static const char *const names[] = {[COMMITMENT_ASKED] = "asked",
					    [COMMITMENT_VERIFIED] = "verified",
					    [COMMITMENT_TOLD] = "told",
					    [COMMITMENT_GIVEN_UP] = "given-up"};

	return state >= COMMITMENT_ASKED && state <= COMMITMENT_GIVEN_UP ? names[state] : "unknown";
}

static void list_text(const struct commitment *c, const char *asked)
{
	printf("%-9s %.19sZ %-16s %-16s %s: ", state_name(c->state), asked, c->aet, c->site_code, c->transaction);
	if (c->state == COMMITMENT_ASKED)
		printf("%u instances", c->n);
	else
		printf("%u of %u instances kept", c->n - c->failed, c->n);
	if (c->why[0])
		printf("; %d tries: %s", c->tries, c->why);
	putchar('\n');
}

/* The words of PS3.3 C.14.1.1. */
static const char *reason_text(uint16_t verdict)
{
	switch (verdict) {
	case COMMITMENT_FAILURE:
		return "processing failure: its bytes are damaged or cannot be read";
	case COMMITMENT_UNKNOWN:
		return "no such object instance";
	case COMMITMENT_CONFLICT:
		return "class / instance conflict: it has another SOP class";
	default:
		return "unknown";
	}
}

/* The instances that are not kept: into out, or (NULL) the first ones a line each. */
static void list_failed(const struct commitment *c, json_t *out)
{
	struct commitment_item item;
	unsigned n = 0;

	for (size_t at = 0; commitment_item(c, &at, &item);) {
		char code[8];

		if (item.verdict == COMMITMENT_KEPT)
			continue;
		snprintf(code, sizeof code, "%04X", item.verdict);
		n++;
		if (out)
			json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s}", "class", item.sop_class,
							     "instance", item.sop_instance, "reason", code, "text",
							     reason_text(item.verdict)));
		else if (n <= FAILED_SHOWN)
			printf("          %s %s: %s\n", code, item.sop_instance, reason_text(item.verdict));
	}
	if (!out && n > FAILED_SHOWN)
		printf("          and %u more, see --json\n", n - FAILED_SHOWN);
}

/* Its instances are read on their own: the row of the list lacks them. */
static int load_failed(const struct list *l, const struct commitment *c, json_t *out)
{
	AUTO(commitment) whole = COMMITMENT;
	int rc = c->failed ? commitment_load(l->archive, c->id, &whole, l->e) : -E_NOENT;

	if (rc == -E_NOENT) { /* nothing failed, or it was forgotten meanwhile */
		*l->e = (struct err){0};
		return 0;
	}
	if (rc == 0)
		list_failed(&whole, out);
	return rc;
}

static int list_one(void *arg, const struct commitment *c)
{
	struct list *l = arg;
	json_t *failures;
	char asked[32], due[32];
	int rc;

	l->common->listed++;
	clock_text(c->asked_us, asked);
	if (!l->common->json) {
		list_text(c, asked);
		return load_failed(l, c, NULL);
	}
	failures = json_array();
	rc = load_failed(l, c, failures);
	print_json(json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:i, s:s, s:s, s:s}", "transaction", c->transaction,
			     "state", state_name(c->state), "aet", c->aet, "site", c->site_code, "instances", (int)c->n,
			     "failed", (int)c->failed, "failures", failures, "tries", c->tries, "asked", asked, "due",
			     clock_text(c->due_us, due), "why", c->why));
	return rc;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "commitment list",
	    .text = "Prints the requests for storage commitment that wait or were given up.",
	    .options = list_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	struct list l = {.common = &c, .e = &e};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0)
		return complain(usage.name, &e);
	l.archive = a;
	if (commitment_each(a, all, list_one, &l, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

int cmd_commitment(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"list", run_list, "print what waits, and what was given up"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("commitment", verbs, argc, argv);
}
