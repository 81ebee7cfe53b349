/* cmd/commitment.c - teleread commitment: what peers asked to be kept, and whether they were told. */
#include "archive/commitment.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include <stdio.h>

static gboolean all;

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

static int list_one(void *arg, const struct commitment *c)
{
	struct common *common = arg;
	char asked[32], due[32];

	common->listed++;
	clock_text(c->asked_us, asked);
	if (!common->json) {
		list_text(c, asked);
		return 0;
	}
	print_json(json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s}", "transaction", c->transaction,
			     "state", state_name(c->state), "aet", c->aet, "site", c->site_code, "instances", (int)c->n,
			     "failed", (int)c->failed, "tries", c->tries, "asked", asked, "due",
			     clock_text(c->due_us, due), "why", c->why));
	return 0;
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
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || commitment_each(a, all, list_one, &c, &e) < 0)
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
