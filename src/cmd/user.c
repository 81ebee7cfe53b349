#include "access/credential.h"
#include "access/login.h"
#include "base/clock.h"
#include "cmd/holder.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static struct {
	struct holder_options rights;
	char *file, *fingerprint;
	gboolean from_stdin, end, force;
	int certificate;
} opt;

#define PASSWORD_OPTION                                                                                                \
	{                                                                                                              \
		"password-stdin", 0, 0, G_OPTION_ARG_NONE, &opt.from_stdin,                                            \
		    "Read the password from standard input; without this one is made and printed", NULL                \
	}
#define FORCE_OPTION                                                                                                   \
	{                                                                                                              \
		"force", 0, 0, G_OPTION_ARG_NONE, &opt.force, "Also where nobody is left with the role admin", NULL    \
	}
static const GOptionEntry add_options[] = {PASSWORD_OPTION, HOLDER_OPTIONS(opt.rights), G_OPTION_ENTRY_NULL};
static const GOptionEntry set_options[] = {HOLDER_OPTIONS(opt.rights), FORCE_OPTION, G_OPTION_ENTRY_NULL};
static const GOptionEntry disable_options[] = {FORCE_OPTION, G_OPTION_ENTRY_NULL};
static const GOptionEntry password_options[] = {PASSWORD_OPTION, G_OPTION_ENTRY_NULL};
static const GOptionEntry sessions_options[] = {
    {"end", 0, 0, G_OPTION_ARG_NONE, &opt.end, "End them all", NULL},
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry certificate_options[] = {
    {"file", 0, 0, G_OPTION_ARG_FILENAME, &opt.file, "The certificate, PEM", "FILE"},
    {"fingerprint", 0, 0, G_OPTION_ARG_FILENAME, &opt.fingerprint, "Or its SHA-256, in hexadecimal digits", "HEX"},
    HOLDER_OPTIONS(opt.rights),
    G_OPTION_ENTRY_NULL,
};
static const GOptionEntry remove_options[] = {
    {"certificate", 0, 0, G_OPTION_ARG_INT, &opt.certificate, "Remove this certificate instead of a user", "ID"},
    FORCE_OPTION,
    G_OPTION_ENTRY_NULL,
};

/* ---- passwords */

/* One line of standard input. */
static int read_password(char *out, size_t room, struct err *e)
{
	size_t n;

	if (!fgets(out, (int)room, stdin))
		return err_set(e, E_CONFIG, "no password on standard input");
	n = strcspn(out, "\r\n");
	if (n + 1 >= room && out[n] == '\0')
		return err_set(e, E_CONFIG, "the password on standard input is too long");
	out[n] = '\0';
	return 0;
}

static int new_password(const char *name, char *password, size_t room, char proof[PASSWORD_PROOF], struct err *e)
{
	int rc = 0;

	if (opt.from_stdin)
		rc = read_password(password, room, e);
	else if (sodium_init() < 0)
		rc = err_set(e, E_IO, "the system gives no random numbers");
	else
		password_random(password);
	if (rc < 0 || (rc = password_policy(name, password, e)) < 0)
		return rc;
	return password_hash(password, proof, e);
}

static void say_password(const struct common *c, const char *name, const char *password)
{
	if (opt.from_stdin)
		return;
	if (c->json)
		print_json(json_pack("{s:s, s:s}", "name", name, "password", password));
	else
		puts(password);
}

static int run_add(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user add",
	    .args = "NAME",
	    .text = "Adds the account of a person. Prints a new password, unless one is given.",
	    .options = add_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h = {.kind = HOLDER_ACCOUNT, .created = clock_wall_us()};
	char password[PASSWORD_MOST + 2], proof[PASSWORD_PROOF], roles[ROLES_TEXT];
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.rights.role)
		return misused(usage.name, "missing --role");
	if (holder_put(h.name, sizeof h.name, argv[1], "NAME", &e) < 0 || holder_options_put(&opt.rights, &h, &e) < 0 ||
	    open_beside(&c, false, &a, &e) < 0 || new_password(h.name, password, sizeof password, proof, &e) < 0)
		return complain_input(usage.name, &e);
	h.proof_n = strlen(proof);
	memcpy(h.proof, proof, h.proof_n);
	if (holder_add(a, &h, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "user %s added: %s", h.name, roles_text(h.roles, roles));
	say_password(&c, h.name, password);
	holder_warn(usage.name, &h);
	return EXIT_DONE;
}

static int run_password(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user password",
	    .args = "NAME",
	    .text = "Gives an account another password, ends its sessions and any lock. Prints the password, unless it "
		    "is given.",
	    .options = password_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h;
	char password[PASSWORD_MOST + 2], proof[PASSWORD_PROOF];
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || holder_named(a, HOLDER_ACCOUNT, argv[1], &h, &e) < 0 ||
	    new_password(h.name, password, sizeof password, proof, &e) < 0 ||
	    holder_prove(a, h.id, proof, strlen(proof), 0, &e) < 0 || holder_pardon(a, h.id, clock_wall_us(), &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "user %s: another password", h.name);
	say_password(&c, h.name, password);
	return EXIT_DONE;
}

/* ---- what an account may do */

/* Refuses to take the role away from the last one who has it and can log in. */
static int keep_an_admin(struct archive *a, const struct holder *h, struct err *e)
{
	int others;

	if (opt.force || h->kind != HOLDER_ACCOUNT || !(h->roles & ROLE_ADMIN) || h->disabled ||
	    (h->expires && clock_wall_us() >= h->expires))
		return 0;
	others = access_other_admin(a, h->id, e);
	return others != 0 ? (others < 0 ? others : 0)
			   : err_set(e, E_DENIED,
				     "%s is the last one with the role admin: --force does it all the same", h->name);
}

/* The account as it is now. */
static int print_account(const struct common *c, struct archive *a, int64_t id)
{
	struct holder h;
	struct err e = {0};

	if (!c->json)
		return EXIT_DONE;
	if (holder_get(a, HOLDER_ACCOUNT, id, &h, &e) < 0)
		return complain(c->name, &e);
	holder_print(c, &h);
	return EXIT_DONE;
}

/* Whether an account that has the role admin keeps it. */
static bool keeps_admin(const struct holder_options *o)
{
	struct holder h = {.roles = ROLE_ADMIN};

	return !o->role || holder_options_put(&(struct holder_options){.role = o->role}, &h, NULL) < 0 ||
	       h.roles & ROLE_ADMIN;
}

static int run_set(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user set",
	    .args = "NAME",
	    .text = "Changes what is named of an account (all of its roles, all of its sites) and leaves the rest.",
	    .options = set_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	const struct holder_options *o = &opt.rights;
	char roles[ROLES_TEXT];
	struct holder h;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!o->role && !o->site && !o->store_as && !o->expires)
		return misused(usage.name, "nothing to set");
	if (open_beside(&c, false, &a, &e) < 0 || holder_named(a, HOLDER_ACCOUNT, argv[1], &h, &e) < 0 ||
	    (!keeps_admin(o) && keep_an_admin(a, &h, &e) < 0) || holder_options_put(o, &h, &e) < 0 ||
	    holder_set(a, &h, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "user %s changed: %s", h.name, roles_text(h.roles, roles));
	return print_account(&c, a, h.id);
}

static int switch_account(const struct usage *usage, bool disabled, int argc, char **argv)
{
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h;
	struct err e = {0};
	int rc = common_parse(&c, usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || holder_named(a, HOLDER_ACCOUNT, argv[1], &h, &e) < 0)
		return complain(usage->name, &e);
	if (disabled && keep_an_admin(a, &h, &e) < 0)
		return complain(usage->name, &e);
	h.disabled = disabled;
	if (holder_set(a, &h, &e) < 0 || (!disabled && holder_pardon(a, h.id, clock_wall_us(), &e) < 0))
		return complain(usage->name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "user %s %s", h.name, disabled ? "disabled" : "enabled");
	return print_account(&c, a, h.id);
}

static int run_disable(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user disable",
	    .args = "NAME",
	    .text = "Lets an account log in no more, and ends its sessions.",
	    .options = disable_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};

	return switch_account(&usage, true, argc, argv);
}

static int run_enable(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user enable",
	    .args = "NAME",
	    .text = "Lets a disabled account, or one that is locked after wrong passwords, log in again.",
	    .json = true,
	    .least = 1,
	    .most = 1,
	};

	return switch_account(&usage, false, argc, argv);
}

static int run_remove(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user remove",
	    .args = "[NAME]",
	    .text = "Removes an account and ends its sessions; or removes a certificate.",
	    .options = remove_options,
	    .json = true,
	    .least = 0,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h = {.kind = HOLDER_CERTIFICATE};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if ((argc > 1) == (opt.certificate > 0))
		return misused(usage.name, "expected a NAME, or --certificate ID");
	h.id = opt.certificate;
	if (open_beside(&c, false, &a, &e) < 0 || (argc > 1 && holder_named(a, HOLDER_ACCOUNT, argv[1], &h, &e) < 0) ||
	    keep_an_admin(a, &h, &e) < 0 || holder_remove(a, h.kind, h.id, &e) < 0)
		return complain(usage.name, &e);
	if (argc > 1)
		audit_operator(&c.config, AUDIT_CHANGED, NULL, "user %s removed", h.name);
	else
		audit_operator(&c.config, AUDIT_CHANGED, NULL, "certificate %lld removed", (long long)h.id);
	if (c.json)
		print_json(json_pack("{s:I, s:s, s:b}", "id", (json_int_t)h.id, "name", h.name, "removed", true));
	return EXIT_DONE;
}

/* ---- certificates */

static int file_fingerprint(const char *path, uint8_t out[32], struct err *e)
{
	gnutls_datum_t pem = {0};
	gnutls_x509_crt_t crt = NULL;
	size_t n = 32;
	int rc = gnutls_load_file(path, &pem);

	if (rc == 0)
		rc = gnutls_x509_crt_init(&crt);
	if (rc == 0)
		rc = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, out, &n);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	gnutls_free(pem.data);
	return rc == 0 ? 0 : err_set(e, E_CONFIG, "--file %.100s: %s", path, gnutls_strerror(rc));
}

static int run_certificate(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user certificate",
	    .args = "NAME",
	    .text = "Lets who proves this client certificate in. NAME is for lists and the audit trail.",
	    .options = certificate_options,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h = {.kind = HOLDER_CERTIFICATE, .proof_n = 32, .created = clock_wall_us()};
	char roles[ROLES_TEXT];
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.rights.role || !opt.file == !opt.fingerprint)
		return misused(usage.name, "expected --role, and --file or --fingerprint");
	if (opt.fingerprint && fingerprint_parse(opt.fingerprint, h.proof) < 0)
		return misused(usage.name, "--fingerprint: expected 64 hexadecimal digits");
	if ((opt.file && file_fingerprint(opt.file, h.proof, &e) < 0) ||
	    holder_put(h.name, sizeof h.name, argv[1], "NAME", &e) < 0 || holder_options_put(&opt.rights, &h, &e) < 0 ||
	    open_beside(&c, false, &a, &e) < 0 || holder_add(a, &h, &e) < 0)
		return complain_input(usage.name, &e);
	audit_operator(&c.config, AUDIT_CHANGED, NULL, "certificate %lld added for %s: %s", (long long)h.id, h.name,
		       roles_text(h.roles, roles));
	return EXIT_DONE;
}

/* ---- lists */

static int list_one(void *arg, const struct holder *h)
{
	struct common *c = arg;

	if (!c->json)
		fputs(h->kind == HOLDER_ACCOUNT ? "user        " : "certificate ", stdout);
	c->listed++;
	holder_print(c, h);
	return 0;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user list",
	    .text = "Prints accounts, then client certificates: ID, name, roles, sites, used when last.",
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || holder_each(a, HOLDER_ACCOUNT, list_one, &c, &e) < 0 ||
	    holder_each(a, HOLDER_CERTIFICATE, list_one, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

static int list_session(void *arg, const struct session *s)
{
	struct common *c = arg;
	char created[32], used[32];

	c->listed++;
	clock_text(s->created, created);
	clock_text(s->used, used);
	if (c->json)
		print_json(json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)s->id, "address", s->address, "created",
				     created, "used", used));
	else
		printf("%-5lld from %-18s since %.16sZ  used %.16sZ\n", (long long)s->id, s->address, created, used);
	return 0;
}

static int run_sessions(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "user sessions",
	    .args = "NAME",
	    .text = "Prints where an account is logged in, or ends that everywhere.",
	    .options = sessions_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct holder h;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0 || holder_named(a, HOLDER_ACCOUNT, argv[1], &h, &e) < 0)
		return complain(usage.name, &e);
	if (opt.end) {
		if (session_end_all(a, h.id, &e) < 0)
			return complain(usage.name, &e);
		audit_operator(&c.config, AUDIT_CHANGED, NULL, "sessions of user %s ended", h.name);
		return EXIT_DONE;
	}
	if (session_each(a, h.id, clock_wall_us(), list_session, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

int cmd_user(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"add", run_add, "add the account of a person"},
	    {"list", run_list, "print all, and certificates"},
	    {"set", run_set, "change roles, sites or the end of one"},
	    {"disable", run_disable, "let one log in no more"},
	    {"enable", run_enable, "let it log in again"},
	    {"password", run_password, "give one another password"},
	    {"sessions", run_sessions, "print or end its logins"},
	    {"certificate", run_certificate, "let who proves a client certificate in"},
	    {"remove", run_remove, "remove an account or a certificate"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("user", verbs, argc, argv);
}
