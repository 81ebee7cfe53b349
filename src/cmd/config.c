#include "archive/registry.h"
#include "cmd/cmd.h"
#include "cmd/node.h"
#include "imaging/form.h"
#include <stdio.h>
#include <string.h>

#define PRINT_MOST (64u << 10)

static int print_config(const char *name, const struct config *c)
{
	AUTO(buf) text = BUF(PRINT_MOST);
	struct err e = {0};

	if (config_print(c, &text, &e) < 0)
		return complain(name, &e);
	fputs(buf_text(&text), stdout);
	return EXIT_DONE;
}

struct stranger {
	const char *aet;
	bool known;
};

static int is_it(void *arg, const struct peer *p)
{
	struct stranger *s = arg;

	s->known |= strcmp(p->aet, s->aet) == 0;
	return 0;
}

int coerce_strangers(struct archive *a, const struct config *c, void (*say)(const char *aet), struct err *e)
{
	const char *last = "";
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < c->coerce.n; i++) {
		struct stranger s = {.aet = c->coerce.v[i].name};

		if (strcmp(s.aet, last) == 0)
			continue;
		last = s.aet;
		if ((rc = peer_each(a, is_it, &s, e)) == 0 && !s.known)
			say(s.aet);
	}
	return rc;
}

static void say_stranger(const char *aet)
{
	printf("warning: [coerce %s]: no registered peer has this AE title\n", aet);
}

/* The registry may be elsewhere, or not be there yet: that is no fault of the configuration. */
static void check_strangers(const struct common *c)
{
	AUTO(archive) a = NULL;
	struct err e = {0};

	if (c->config.coerce.n > 0 && archive_there(c, &e) == 0 && open_beside(c, false, &a, &e) == 0)
		coerce_strangers(a, &c->config, say_stranger, &e);
}

static void say_doubt(void *arg, const char *sentence)
{
	(void)arg;
	printf("warning: %s\n", sentence);
}

static void check_sites(const struct common *c, struct archive *a)
{
	const struct config_rules *rules = &c->config.settle;

	for (unsigned i = 0; i < rules->n; i++) {
		const struct config_rule *r = &rules->v[i];
		char **codes = strcmp(r->key, "site") == 0 ? g_strsplit(r->value, ",", -1) : NULL;

		for (char **code = codes; code && *code; code++) {
			struct site s;

			if (site_get(a, g_strstrip(*code), &s, NULL) == -E_NOENT)
				printf("warning: [settle %s] site: there is no site %s\n", r->name, *code);
		}
		g_strfreev(codes);
	}
}

/* Rules of settling that are right, and can never hold. */
static void check_rules(const struct common *c)
{
	AUTO(archive) a = NULL;
	AUTO(forms) forms = NULL;
	struct err e = {0};

	if (c->config.settle.n == 0 || forms_compile(&c->config.settle, NULL, &forms, &e) < 0)
		return;
	forms_doubts(forms, say_doubt, NULL);
	if (archive_there(c, &e) == 0 && open_beside(c, false, &a, &e) == 0)
		check_sites(c, a);
}

static int run_check(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "config check",
	    .text =
		"Reads the configuration and says whether it is fine, or the line that is not. Reads the files of TLS\n"
		"and of OpenID Connect that it names, too, so run it as the user that the node runs as.",
	};
	AUTO(common) c = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (node_check(&c.config, &e) < 0)
		return complain(usage.name, &e);
	if (c.config_file)
		printf("%s: fine\n", c.config_file);
	else
		puts("no configuration file: every setting has its default");
	check_strangers(&c);
	check_rules(&c);
	return EXIT_DONE;
}

static int run_show(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "config show",
	    .text = "Prints every setting with the value that is in force, in the format of the file.",
	};
	AUTO(common) c = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	return rc >= 0 ? rc : print_config(usage.name, &c.config);
}

static int run_default(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "config default",
	    .text = "Prints a configuration file that explains every setting and sets none.",
	};
	AUTO(common) c = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	return rc >= 0 ? rc : print_config(usage.name, NULL);
}

int cmd_config(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"check", run_check, "say whether the configuration is fine"},
	    {"show", run_show, "print the settings in force"},
	    {"default", run_default, "print a self-explaining default file"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("config", verbs, argc, argv);
}
