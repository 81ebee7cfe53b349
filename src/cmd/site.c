#include "archive/registry.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include <stdio.h>
#include <string.h>

static struct {
	char *name, *tier, *parent;
} opt;

static const GOptionEntry options[] = {
    {"name", 0, 0, G_OPTION_ARG_FILENAME, &opt.name, "Name of the institution", "NAME"},
    {"tier", 0, 0, G_OPTION_ARG_FILENAME, &opt.tier, "county, city, province or another word", "TIER"},
    {"parent", 0, 0, G_OPTION_ARG_FILENAME, &opt.parent, "Site above it, which sees its studies; \"\": none", "CODE"},
    G_OPTION_ENTRY_NULL,
};

/* Copies an argument into a field of fixed size. */
static int put(char *to, size_t room, const char *text, const char *what, struct err *e)
{
	size_t n = strlen(text);

	if (!text_valid(text, n))
		return err_set(e, E_CONFIG, "%s: not UTF-8 text", what);
	if (n >= room)
		return err_set(e, E_CONFIG, "%s: longer than %zu bytes", what, room - 1);
	memcpy(to, text, n + 1);
	return 0;
}

static int put_options(struct site *s, struct err *e)
{
	int rc;

	if ((opt.name && (rc = put(s->name, sizeof s->name, opt.name, "--name", e)) < 0) ||
	    (opt.tier && (rc = put(s->tier, sizeof s->tier, opt.tier, "--tier", e)) < 0) ||
	    (opt.parent && (rc = put(s->parent_code, sizeof s->parent_code, opt.parent, "--parent", e)) < 0))
		return rc;
	return 0;
}

static json_t *site_json(const struct site *s)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "code", s->code, "name", s->name, "tier", s->tier, "parent",
			 s->parent_code);
}

static void print_site(const struct site *s)
{
	printf("%-16s %-10s %-16s %s\n", s->code, s->tier[0] ? s->tier : "-", s->parent_code[0] ? s->parent_code : "-",
	       s->name);
}

static int run_add(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "site add",
	    .args = "CODE",
	    .text = "Adds an institution. CODE is a short name for it on command lines and in logs.",
	    .options = options,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct site s = {.tier = "county"};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.name)
		return misused(usage.name, "missing --name");
	if (put(s.code, sizeof s.code, argv[1], "CODE", &e) < 0 || put_options(&s, &e) < 0 ||
	    open_beside(&c, true, &a, &e) < 0 || site_add(a, &s, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "site %s added", s.code);
	return EXIT_DONE;
}

static int run_set(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "site set",
	    .args = "CODE",
	    .text = "Changes what is named of a site and leaves the rest.",
	    .options = options,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct site s = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.name && !opt.tier && !opt.parent)
		return misused(usage.name, "nothing to set");
	if (open_beside(&c, false, &a, &e) < 0 || site_get(a, argv[1], &s, &e) < 0 || put_options(&s, &e) < 0 ||
	    site_set(a, &s, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "site %s changed", s.code);
	return EXIT_DONE;
}

static int run_remove(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "site remove",
	    .args = "CODE",
	    .text = "Removes a site that nothing belongs to: no study, no peer, no site below it.",
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || site_remove(a, argv[1], &e) < 0)
		return complain(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "site %s removed", argv[1]);
	return EXIT_DONE;
}

static int list_one(void *arg, const struct site *s)
{
	struct common *c = arg;

	c->listed++;
	if (c->json)
		print_json(site_json(s));
	else
		print_site(s);
	return 0;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "site list",
	    .text = "Prints the sites: code, tier, parent, name.",
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || site_each(a, list_one, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

struct show {
	const struct site *site;
	json_t *peers;
};

static int show_peer(void *arg, const struct peer *p)
{
	struct show *show = arg;

	if (p->site != show->site->id)
		return 0;
	if (show->peers)
		json_array_append_new(show->peers, json_string(p->aet));
	else
		printf("peer     %s\n", p->aet);
	return 0;
}

static int run_show(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "site show",
	    .args = "CODE",
	    .text = "Prints one site and its peers.",
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct site s;
	struct show show = {.site = &s};
	struct err e = {0};
	json_t *json;
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || site_get(a, argv[1], &s, &e) < 0)
		return complain(usage.name, &e);
	if (!c.json) {
		printf("code     %s\nname     %s\ntier     %s\nparent   %s\n", s.code, s.name, s.tier,
		       s.parent_code[0] ? s.parent_code : "-");
		return peer_each(a, show_peer, &show, &e) < 0 ? complain(usage.name, &e) : EXIT_DONE;
	}
	json = site_json(&s);
	show.peers = json_array();
	json_object_set_new(json, "peers", show.peers);
	rc = peer_each(a, show_peer, &show, &e);
	print_json(json);
	return rc < 0 ? complain(usage.name, &e) : EXIT_DONE;
}

int cmd_site(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"add", run_add, "add an institution"},
	    {"list", run_list, "print all"},
	    {"show", run_show, "print one and its peers"},
	    {"set", run_set, "change name, tier or parent"},
	    {"remove", run_remove, "remove one that nothing belongs to"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("site", verbs, argc, argv);
}
