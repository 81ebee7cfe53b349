#include "base/alert.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/since.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLLOW_MS 300
#define KINDS                                                                                                          \
	"collision, mismatch, unreadable, charset, commitment, corrupt, repeated, space, login, emergency or audit"

static struct {
	char *since, *kind;
	gboolean follow;
} opt;

static const GOptionEntry options[] = {
    {"since", 0, 0, G_OPTION_ARG_FILENAME, &opt.since, "From then on: " SINCE_FORMS, "TIME"},
    {"kind", 0, 0, G_OPTION_ARG_FILENAME, &opt.kind, "Only this kind: " KINDS, "KIND"},
    {"follow", 0, 0, G_OPTION_ARG_NONE, &opt.follow, "Go on and print what comes, until interrupted", NULL},
    G_OPTION_ENTRY_NULL,
};

struct reading {
	const struct common *common;
	char since[32]; /* as in the file; "" from the beginning */
	uint64_t shown;
};

/* ---- damage that a command finds */

void alert_tell(struct alert_way *w, const char *subject, const char *sentence)
{
	const struct config *c = &w->common->config;
	const struct alert_options o = {
	    .folder = c->data,
	    .window_ms = c->alerts_window_ms,
	    .size = c->alerts_size,
	    .repeated = c->alerts_repeated,
	};

	if (!w->tried && (w->node = control_connect(c->data, NULL)) < 0)
		w->opened = alert_open(&o, NULL) == 0;
	w->tried = true;
	if (w->node >= 0)
		control_alert(w->node, ALERT_CORRUPT, subject, sentence, NULL);
	else if (w->opened)
		alert_raise(ALERT_CORRUPT, subject, "%s", sentence);
}

void alert_told(struct alert_way *w)
{
	if (w->tried && w->node >= 0)
		close(w->node);
	if (w->opened)
		alert_close();
}

/* ---- lines */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void print_text(const json_t *o)
{
	json_int_t count = json_integer_value(json_object_get(o, "count"));

	printf("%.19sZ  %-10s  %s: %s", text_of(o, "time"), text_of(o, "kind"), text_of(o, "subject"),
	       text_of(o, "message"));
	if (count > 1)
		printf(" (%lld times)", (long long)count);
	putchar('\n');
}

/* One that a killed node left unfinished is passed over. */
static void show(struct reading *r, const char *line, size_t n)
{
	json_t *o = json_loadb(line, n, 0, NULL);

	if (o && strcmp(text_of(o, "time"), r->since) >= 0 &&
	    (!opt.kind || strcmp(text_of(o, "kind"), opt.kind) == 0)) {
		r->shown++;
		if (r->common->json)
			print_json(json_incref(o));
		else
			print_text(o);
	}
	json_decref(o);
}

/* Reads on from where the file was left; an unfinished last line is left for the next time. */
static void read_on(struct reading *r, FILE *f)
{
	AUTO(str) line = NULL;
	size_t room = 0;
	ssize_t n;

	clearerr(f);
	while ((n = getline(&line, &room, f)) > 0) {
		if (line[n - 1] != '\n') {
			fseek(f, -n, SEEK_CUR);
			break;
		}
		show(r, line, (size_t)n);
	}
	fflush(stdout);
}

static FILE *open_log(const char *folder, int age)
{
	AUTO(str) path = NULL;
	char suffix[16] = "";

	if (age > 0)
		snprintf(suffix, sizeof suffix, ".%d", age);
	if (asprintf(&path, "%s/" ALERT_FILE "%s", folder, suffix) < 0) {
		path = NULL;
		return NULL;
	}
	return fopen(path, "re");
}

/* Is f still the file of that name? */
static bool current(FILE *f, const char *folder)
{
	FILE *now = open_log(folder, 0);
	struct stat a, b;
	bool same = now && fstat(fileno(f), &a) == 0 && fstat(fileno(now), &b) == 0 && a.st_ino == b.st_ino;

	if (now)
		fclose(now);
	return same;
}

static void follow(struct reading *r, FILE *f, const char *folder)
{
	const struct timespec nap = {.tv_nsec = FOLLOW_MS * 1000000L};

	while (!ferror(stdout)) {
		nanosleep(&nap, NULL);
		if (f && !current(f, folder)) {
			read_on(r, f); /* what came before it was renamed */
			fclose(f);
			f = NULL;
		}
		if (!f)
			f = open_log(folder, 0);
		if (f)
			read_on(r, f);
	}
	if (f)
		fclose(f);
}

static int print_alerts(struct reading *r, const char *folder)
{
	FILE *f = NULL;

	if (access(folder, X_OK) < 0) {
		struct err e = {0};

		if (errno == ENOENT)
			err_set(&e, E_NOENT, "%s holds no archive", folder);
		else
			err_sys(&e, E_IO, "cannot open %s", folder);
		return complain(r->common->name, &e);
	}
	for (int age = ALERT_KEPT; age >= 0; age--) {
		if (f)
			fclose(f);
		if ((f = open_log(folder, age)))
			read_on(r, f);
	}
	if (opt.follow)
		follow(r, f, folder); /* takes f */
	else if (f)
		fclose(f);
	if (r->shown == 0 && !r->common->json)
		fputs("teleread alerts: there are none\n", stderr);
	return EXIT_DONE;
}

int cmd_alerts(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "alerts",
	    .text =
		"Prints what a person must look at: collisions, mismatches, unreadable or damaged instances, repeated\n"
		"failures of a peer, a full disk. Oldest first.",
	    .options = options,
	    .json = true,
	};
	AUTO(common) c = {0};
	struct reading r = {.common = &c};
	enum alert_kind kind;
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (opt.kind && alert_parse(opt.kind, &kind) < 0)
		return misused(usage.name, "--kind %s: expected " KINDS, opt.kind);
	if (opt.since && !since_parse(opt.since, r.since))
		return misused(usage.name, "--since %s: expected " SINCE_FORMS, opt.since);
	return print_alerts(&r, c.config.data);
}
