#include "archive/registry.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "dicom/dict.h"
#include "dimse/call.h"
#include "shim/shim.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct {
	char *site, *host, *address, *certificate;
	int port, associations;
	gboolean private_classes, tls;
} opt;

static const GOptionEntry add_options[] = {
    {"site", 0, 0, G_OPTION_ARG_FILENAME, &opt.site, "Site that it acts for", "CODE"},
    {"host", 0, 0, G_OPTION_ARG_FILENAME, &opt.host, "Where we call it: name or address", "HOST"},
    {"port", 0, 0, G_OPTION_ARG_INT, &opt.port, "Port that it listens on", "N"},
    {"address", 0, 0, G_OPTION_ARG_FILENAME, &opt.address, "Where it may call from, as 10.1.0.0/16; any without",
     "CIDR"},
    {"associations", 0, 0, G_OPTION_ARG_INT, &opt.associations, "Associations to it at once for one C-MOVE", "N"},
    {"private", 0, 0, G_OPTION_ARG_NONE, &opt.private_classes, "Take private SOP classes and syntaxes from it", NULL},
    {"tls", 0, 0, G_OPTION_ARG_NONE, &opt.tls, "It calls, and is called, over TLS only", NULL},
    {"cert", 0, 0, G_OPTION_ARG_FILENAME, &opt.certificate,
     "Its certificate (PEM): it must show this one; implies --tls", "FILE"},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry remove_options[] = {
    {"site", 0, 0, G_OPTION_ARG_FILENAME, &opt.site, "Only the entry of this site", "CODE"},
    G_OPTION_ENTRY_NULL,
};

static int put(char *to, size_t room, const char *text, const char *what, struct err *e)
{
	if (!text)
		return 0;
	if (strlen(text) >= room)
		return err_set(e, E_CONFIG, "%s: longer than %zu bytes", what, room - 1);
	strcpy(to, text); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): measured above */
	return 0;
}

static int read_peer(const char *aet, struct peer *p, struct err *e)
{
	int rc;

	if ((rc = put(p->aet, sizeof p->aet, aet, "AET", e)) < 0 ||
	    (rc = put(p->site_code, sizeof p->site_code, opt.site, "--site", e)) < 0 ||
	    (rc = put(p->host, sizeof p->host, opt.host, "--host", e)) < 0 ||
	    (rc = put(p->address, sizeof p->address, opt.address, "--address", e)) < 0)
		return rc;
	if (opt.port < 0 || opt.port > UINT16_MAX)
		return err_set(e, E_CONFIG, "--port %d: expected 1 to 65535", opt.port);
	if (!opt.host != !opt.port)
		return err_set(e, E_CONFIG, "--host and --port go together");
	if (opt.associations < 0 || opt.associations > 64)
		return err_set(e, E_CONFIG, "--associations %d: expected 1 to 64", opt.associations);
	p->tls = opt.tls || opt.certificate;
	if (opt.certificate && shim_certificate_fingerprint(opt.certificate, p->certificate) < 0)
		return err_set(e, E_CONFIG, "--cert: %s", shim_error());
	p->port = (uint16_t)opt.port;
	p->private_classes = opt.private_classes;
	p->max_associations = opt.associations;
	return 0;
}

static int run_add(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "peer add",
	    .args = "AET",
	    .text = "Registers a DICOM system of a site by its AE title. The same AE title may be added for\n"
		    "several address ranges; the narrowest that matches counts.",
	    .options = add_options,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct peer p = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.site)
		return misused(usage.name, "missing --site");
	if (read_peer(argv[1], &p, &e) < 0 || open_beside(&c, false, &a, &e) < 0 || peer_add(a, &p, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "peer %s of site %s added", p.aet, p.site_code);
	return EXIT_DONE;
}

static int run_remove(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "peer remove",
	    .args = "AET",
	    .text = "Removes every entry of an AE title, or that of one site.",
	    .options = remove_options,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || peer_remove(a, argv[1], opt.site ? opt.site : "", &e) < 0)
		return complain(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "peer %s%s%s removed", argv[1], opt.site ? " of site " : "",
		       opt.site ? opt.site : "");
	return EXIT_DONE;
}

static const char *secured(const struct peer *p)
{
	return p->certificate[0] ? " TLS, certificate known" : p->tls ? " TLS" : "";
}

static int list_one(void *arg, const struct peer *p)
{
	struct common *c = arg;

	c->listed++;
	if (c->json)
		print_json(json_pack("{s:s, s:s, s:s, s:i, s:s, s:b, s:i, s:b, s:s}", "aet", p->aet, "site",
				     p->site_code, "host", p->host, "port", p->port, "address", p->address, "private",
				     p->private_classes, "associations", p->max_associations, "tls", p->tls,
				     "certificate", p->certificate));
	else if (p->port)
		printf("%-16s %-16s from %-18s at %s:%u%s%s\n", p->aet, p->site_code,
		       p->address[0] ? p->address : "anywhere", p->host, p->port, p->private_classes ? " private" : "",
		       secured(p));
	else
		printf("%-16s %-16s from %-18s cannot be called%s%s\n", p->aet, p->site_code,
		       p->address[0] ? p->address : "anywhere", p->private_classes ? " private" : "", secured(p));
	return 0;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "peer list",
	    .text = "Prints the peers: AE title, site, where they may call from, where we call them.",
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || peer_each(a, list_one, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

/* ---- echo */

struct timing {
	int64_t begun, open, answered; /* microseconds */
	uint16_t status;
};

static int echo(const struct peer *p, const struct config *c, struct timing *t, struct err *e)
{
	const struct scu_proposal verification = {.abstract = UID_VERIFICATION,
						  .syntaxes = {UID_IMPLICIT_LE, UID_EXPLICIT_LE}};
	AUTO(scu) s = NULL;
	int rc;

	t->begun = clock_mono_us();
	if ((rc = call_peer(c, p, 0, &verification, 1, &s, e)) < 0)
		return rc;
	t->open = clock_mono_us();
	if ((rc = scu_echo(s, &t->status, e)) < 0)
		return rc;
	t->answered = clock_mono_us();
	return scu_close(STEAL(s), e);
}

static void say_echo(const struct common *c, const struct peer *p, const struct timing *t)
{
	double open = (double)(t->open - t->begun) / 1000, answer = (double)(t->answered - t->open) / 1000;

	if (c->json)
		print_json(json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "aet", p->aet, "host", p->host, "port", p->port,
				     "status", t->status, "association_ms", open, "echo_ms", answer));
	else
		printf("%s at %s:%u answers: status %04X, association %.1f ms, echo %.1f ms\n", p->aet, p->host,
		       p->port, t->status, open, answer);
}

static int run_echo(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "peer echo",
	    .args = "AET",
	    .text = "Calls a peer that has a host and a port, and asks for a C-ECHO.",
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct timing t = {0};
	struct peer p;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	signal(SIGPIPE, SIG_IGN);
	if (open_beside(&c, false, &a, &e) < 0 || peer_destination(a, argv[1], 0, &p, &e) < 0)
		return complain(usage.name, &e);
	if (echo(&p, &c.config, &t, &e) < 0) {
		err_prefix(&e, "%s at %s:%u", p.aet, p.host, p.port);
		return complain(usage.name, &e);
	}
	say_echo(&c, &p, &t);
	return t.status == 0 ? EXIT_DONE : EXIT_FOUND;
}

int cmd_peer(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"add", run_add, "register a DICOM system of a site"},
	    {"list", run_list, "print all"},
	    {"echo", run_echo, "call one and say how long it took to answer"},
	    {"remove", run_remove, "remove one"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("peer", verbs, argc, argv);
}
