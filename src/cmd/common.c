#include "archive/kept.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "dicom/coerce.h"
#include "imaging/form.h"
#include "imaging/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void user_name(uid_t uid, char out[65])
{
	struct passwd user, *found = NULL;
	char room[1024];

	if (getpwuid_r(uid, &user, room, sizeof room, &found) == 0 && found &&
	    text_valid(user.pw_name, strlen(user.pw_name)) && strlen(user.pw_name) < 65)
		snprintf(out, 65, "%s", user.pw_name);
	else
		snprintf(out, 65, "uid %lu", (unsigned long)uid);
}

static void find_patient(const struct config *c, const char *study, char out[65])
{
	AUTO(archive) a = NULL;

	if (archive_open(c, ARCHIVE_READ, &a, NULL) == 0)
		kept_patient(a, study, out, NULL);
}

void audit_operator(const struct config *c, enum audit_kind kind, const char *study, const char *fmt, ...)
{
	const struct audit_options o = {.data = c->data, .node = c->aet, .size = c->audit_size};
	char patient[65] = "", what[300], who[65];
	struct err e = {0};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	user_name(getuid(), who);
	if (study)
		find_patient(c, study, patient);
	if (audit_open(&o, &e) < 0) {
		fprintf(stderr, "teleread: the audit trail lacks this: %s\n", e.msg);
		return;
	}
	audit_note(&(struct audit_event){
	    .kind = kind, .who = who, .how = "console", .study = study, .patient_id = patient, .what = what});
	audit_close();
}

static char data_folder[PATH_MAX]; /* of the configuration; "" before it is read */

/* Whose the archive is, where this user may not work in it. */
static void print_owner(const struct err *e)
{
	static const char *const parts[] = {"", "/index.sqlite", "/lock"};
	bool barred = false;
	struct stat st;
	char owner[65];

	if ((e->code != E_IO && e->code != E_NOENT) || !data_folder[0] || stat(data_folder, &st) < 0 ||
	    st.st_uid == geteuid())
		return;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char path[PATH_MAX + 16];

		snprintf(path, sizeof path, "%s%s", data_folder, parts[i]);
		barred |=
		    faccessat(AT_FDCWD, path, i ? R_OK | W_OK : R_OK | W_OK | X_OK, AT_EACCESS) < 0 && errno == EACCES;
	}
	if (!barred)
		return;
	user_name(st.st_uid, owner);
	fprintf(stderr, "; %s belongs to %s: run this as that user", data_folder, owner);
}

int complain(const char *name, const struct err *e)
{
	fprintf(stderr, "teleread %s: %s", name, e->msg[0] ? e->msg : err_text(e->code));
	print_owner(e);
	fputc('\n', stderr);
	return e->code == E_CONFIG ? EXIT_USAGE : EXIT_FOUND;
}

int complain_input(const char *name, const struct err *e)
{
	complain(name, e);
	return e->code == E_CONFIG || e->code == E_INVAL ? EXIT_USAGE : EXIT_FOUND;
}

int misused(const char *name, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "teleread %s: ", name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see teleread %s --help\n", name);
	return EXIT_USAGE;
}

void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(value);
}

/* ---- options */

void common_cleanup(struct common *c)
{
	g_free(c->data);
	g_free(c->config_path);
	free(c->config_file);
	config_cleanup(&c->config);
}

static GOptionContext *make_context(struct common *c, const struct usage *u)
{
	const GOptionEntry shared[] = {
	    {"data", 0, 0, G_OPTION_ARG_FILENAME, &c->data, "Folder of index and packs", "DIR"},
	    {"config", 0, 0, G_OPTION_ARG_FILENAME, &c->config_path, "Configuration file", "FILE"},
	    G_OPTION_ENTRY_NULL,
	};
	const GOptionEntry json[] = {
	    {"json", 0, 0, G_OPTION_ARG_NONE, &c->json, "Print JSON", NULL},
	    G_OPTION_ENTRY_NULL,
	};
	GOptionContext *context = g_option_context_new(u->args);

	if (u->text)
		g_option_context_set_summary(context, u->text);
	if (u->options)
		g_option_context_add_main_entries(context, u->options, NULL);
	if (u->json)
		g_option_context_add_main_entries(context, json, NULL);
	g_option_context_add_main_entries(context, shared, NULL);
	return context;
}

/* A value that looks like an option is one whose value was forgotten before it. Returns -1, or the exit code. */
static int check_values(const char *name, const GOptionEntry *options)
{
	for (; options && options->long_name; options++) {
		char *const *value = options->arg_data;
		bool list = options->arg == G_OPTION_ARG_FILENAME_ARRAY;

		if (!list && options->arg != G_OPTION_ARG_FILENAME)
			continue;
		if (list)
			value = *(char *const *const *)options->arg_data;
		for (; value && *value; value = list ? value + 1 : NULL)
			if (strncmp(*value, "--", 2) == 0)
				return misused(name, "--%s: missing value before %s", options->long_name, *value);
	}
	return -1;
}

static int check_common(const struct common *c, const char *name)
{
	const GOptionEntry shared[] = {
	    {"data", 0, 0, G_OPTION_ARG_FILENAME, (gpointer)&c->data, NULL, NULL},
	    {"config", 0, 0, G_OPTION_ARG_FILENAME, (gpointer)&c->config_path, NULL, NULL},
	    G_OPTION_ENTRY_NULL,
	};

	if (c->data && !*c->data)
		return misused(name, "--data: the name is empty");
	if (c->config_path && !*c->config_path)
		return misused(name, "--config: the name is empty");
	return check_values(name, shared);
}

static int parse_options(struct common *c, const struct usage *u, int *argc, char ***argv)
{
	GOptionContext *context;
	GError *why = NULL;
	char program[64];
	int rc = -1;

	snprintf(program, sizeof program, "teleread %s", u->name);
	g_set_prgname(program);
	context = make_context(c, u);
	if (!g_option_context_parse(context, argc, argv, &why)) {
		rc = misused(u->name, "%s", why->message);
		g_error_free(why);
	} else if ((rc = check_common(c, u->name)) < 0) {
		rc = check_values(u->name, u->options);
	}
	g_option_context_free(context);
	return rc;
}

/* GOption leaves "--" before arguments that look like options. */
static void drop_dashes(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof *argv);
			--*argc;
			return;
		}
}

static const char *from_environment(const char *given, const char *name)
{
	const char *value = given ? given : getenv(name);

	return value && *value ? value : NULL;
}

/* The rules that no table knows, while file and line can be said. */
static int check_rules(const struct config *c, const char *path, struct err *e)
{
	AUTO(coerce) coerce = NULL;
	AUTO(forms) forms = NULL;
	int rc = coerce_compile(&c->coerce, path, &coerce, e);

	return rc < 0 ? rc : forms_compile(&c->settle, path, &forms, e);
}

int common_load(const struct common *c, struct config *out, char **file, struct err *e)
{
	const char *data = from_environment(c->data, "TELEREAD_DATA");
	const char *path = from_environment(c->config_path, "TELEREAD_CONFIG");
	AUTO(config) fresh = {0};
	AUTO(str) beside = NULL;
	int rc;

	if ((rc = config_default(&fresh, e)) < 0)
		return rc;
	if (!path) {
		if (asprintf(&beside, "%s/teleread.conf", data ? data : fresh.data) < 0) {
			beside = NULL;
			return err_set(e, E_NOMEM, "no memory for a path");
		}
		if (access(beside, F_OK) == 0)
			path = beside;
	}
	if ((path && (rc = config_load(&fresh, path, e)) < 0) ||
	    (data && (rc = config_set(&fresh, "node.data", data, e)) < 0))
		return rc;
	if ((rc = check_rules(&fresh, path, e)) < 0)
		return rc;
	if (file) {
		free(*file);
		*file = path ? strdup(path) : NULL;
	}
	config_cleanup(out);
	*out = fresh;
	memset(&fresh, 0, sizeof fresh);
	return 0;
}

int common_parse(struct common *c, const struct usage *u, int *argc, char ***argv)
{
	struct err e = {0};
	int rc;

	c->name = u->name;
	data_folder[0] = '\0';
	log_setup(LOG_WARN, LOG_TEXT, STDERR_FILENO); /* serve sets up its own */
	if ((rc = parse_options(c, u, argc, argv)) >= 0)
		return rc;
	drop_dashes(argc, *argv);
	if (*argc - 1 < u->least)
		return misused(u->name, "missing argument: %s", u->args);
	if (u->most >= 0 && *argc - 1 > u->most)
		return misused(u->name, "unexpected argument \"%s\"", (*argv)[u->most + 1]);
	if (common_load(c, &c->config, &c->config_file, &e) < 0) {
		complain(u->name, &e);
		return EXIT_USAGE;
	}
	snprintf(data_folder, sizeof data_folder, "%s", c->config.data);
	return -1;
}

/* ---- verbs */

static int print_verbs(const char *name, const struct verb *verbs)
{
	printf("Usage:\n  teleread %s VERB [OPTION...]\n\nVerbs:\n", name);
	for (; verbs->name; verbs++)
		printf("  %-8s %s\n", verbs->name, verbs->summary);
	printf("\nteleread %s VERB --help tells the options of each.\n", name);
	return EXIT_DONE;
}

int verbs_run(const char *name, const struct verb *verbs, int argc, char **argv)
{
	if (argc < 2)
		return misused(name, "missing verb");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_verbs(name, verbs);
	for (const struct verb *v = verbs; v->name; v++)
		if (strcmp(v->name, argv[1]) == 0)
			return v->run(argc - 1, argv + 1);
	return misused(name, "no verb \"%s\"", argv[1]);
}

/* ---- the archive */

int archive_there(const struct common *c, struct err *e)
{
	static const char *const parts[] = {"index.sqlite", "packs"};
	bool there = false;

	for (unsigned i = 0; !there && i < sizeof parts / sizeof parts[0]; i++) {
		AUTO(str) path = NULL;

		if (asprintf(&path, "%s/%s", c->config.data, parts[i]) < 0) {
			path = NULL;
			return err_set(e, E_NOMEM, "no memory for a path");
		}
		there = access(path, F_OK) == 0;
	}
	return there ? 0 : err_set(e, E_NOENT, "%s holds no archive", c->config.data);
}

int start_imaging(const struct config *c, struct err *e)
{
	const struct imaging_options o = {
	    .workers = (unsigned)c->imaging_workers,
	    .memory = (uint64_t)c->imaging_memory,
	    .seconds = (unsigned)((c->imaging_time_ms + 999) / 1000),
	    .sandbox_optional = strcmp(c->imaging_sandbox, "optional") == 0,
	};

	return imaging_start(&o, e);
}

int open_beside(const struct common *c, bool make, struct archive **out, struct err *e)
{
	struct err first = {0};
	struct archive *made = NULL;
	struct config small = c->config; /* borrowed strings */
	int rc = archive_open(&c->config, ARCHIVE_READ, out, &first);

	if (rc != -E_NOENT || !make) {
		if (rc < 0)
			*e = first;
		return rc;
	}
	small.prewrite = 0;
	rc = archive_open(&small, ARCHIVE_SERVE, &made, e);
	if (rc == -E_BUSY) { /* a node has just begun to make it */
		*e = (struct err){0};
		return archive_open(&c->config, ARCHIVE_READ, out, e);
	}
	if (rc == 0)
		*out = made;
	return rc;
}

int end_list(const struct common *c)
{
	if (c->listed == 0 && !c->json)
		fprintf(stderr, "teleread %s: there are none\n", c->name);
	return EXIT_DONE;
}
