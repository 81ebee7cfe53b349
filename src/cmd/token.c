#include "base/clock.h"
#include "cmd/holder.h"
#include <stdio.h>
#include <string.h>

static struct holder_options opt;
static char *opt_name;

static const GOptionEntry create_options[] = {
    {"name", 0, 0, G_OPTION_ARG_FILENAME, &opt_name, "Whose it is: a person, a machine", "NAME"},
    HOLDER_OPTIONS(opt),
    G_OPTION_ENTRY_NULL,
};

static int run_create(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "token create",
	    .text = "Prints a new token. It cannot be printed again: only a digest of it is kept.",
	    .options = create_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h = {.created = clock_wall_us()};
	struct err e = {0};
	char token[TOKEN_TEXT], roles[ROLES_TEXT];
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt_name || !opt.role)
		return misused(usage.name, "missing %s", opt_name ? "--role" : "--name");
	if (holder_put(h.name, sizeof h.name, opt_name, "--name", &e) < 0 || holder_options_put(&opt, &h, &e) < 0 ||
	    open_beside(&c, false, &a, &e) < 0 || holder_token(a, &h, token, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "token %lld created for %s: %s", (long long)h.id, h.name,
		       roles_text(h.roles, roles));
	if (c.json)
		print_json(json_pack("{s:I, s:s, s:s}", "id", (json_int_t)h.id, "name", h.name, "token", token));
	else
		puts(token);
	holder_warn(usage.name, &h);
	return EXIT_DONE;
}

static int list_one(void *arg, const struct holder *h)
{
	struct common *c = arg;

	c->listed++;
	holder_print(c, h);
	return 0;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "token list",
	    .text = "Prints the tokens: ID, whose it is, roles, sites, until when, used when last. No secrets.",
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || holder_each(a, HOLDER_TOKEN, list_one, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

struct named {
	const char *wanted; /* ID, or a name */
	struct holder found;
	unsigned n;
};

static int compare_name(void *arg, const struct holder *h)
{
	struct named *n = arg;

	if (strcmp(h->name, n->wanted) != 0)
		return 0;
	n->found = *h;
	n->n++;
	return 0;
}

static int find_token(struct archive *a, struct named *n, struct err *e)
{
	int64_t id;
	int rc;

	if (holder_id(n->wanted, &id, NULL) == 0)
		return holder_get(a, HOLDER_TOKEN, id, &n->found, e);
	if ((rc = holder_each(a, HOLDER_TOKEN, compare_name, n, e)) < 0)
		return rc;
	if (n->n == 0)
		return err_set(e, E_NOENT, "there is no token %.128s: expected an ID, or a name as the list prints it",
			       n->wanted);
	return n->n == 1 ? 0
			 : err_set(e, E_CONFIG, "%u tokens have the name %.128s: name the ID, as the list prints it",
				   n->n, n->wanted);
}

static int run_revoke(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "token revoke",
	    .args = "ID|NAME",
	    .text = "Ends a token for ever. A running node refuses it within two seconds.",
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct named n = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	n.wanted = argv[1];
	if (open_beside(&c, false, &a, &e) < 0 || find_token(a, &n, &e) < 0 ||
	    holder_remove(a, HOLDER_TOKEN, n.found.id, &e) < 0)
		return complain(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "token %lld of %s revoked", (long long)n.found.id, n.found.name);
	if (c.json)
		print_json(
		    json_pack("{s:I, s:s, s:b}", "id", (json_int_t)n.found.id, "name", n.found.name, "revoked", true));
	return EXIT_DONE;
}

int cmd_token(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"create", run_create, "make one and print it, once"},
	    {"list", run_list, "print all, without their secrets"},
	    {"revoke", run_revoke, "end one"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("token", verbs, argc, argv);
}
