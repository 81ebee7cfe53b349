#include "cmd/import.h"
#include "archive/registry.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JOBS_MOST (int)CONTROL_CLIENTS
#define PREWRITE_MOST (64LL << 20) /* a short import must not prepare packs for a busy day */

static struct {
	char *site;
	int jobs;
} opt = {.jobs = 4};

static const GOptionEntry options[] = {
    {"site", 0, 0, G_OPTION_ARG_FILENAME, &opt.site, "Whose studies they become; needed when there are several sites",
     "CODE"},
    {"jobs", 0, 0, G_OPTION_ARG_INT, &opt.jobs, "Files under way at once, 1 to 8; default 4", "N"},
    G_OPTION_ENTRY_NULL,
};

/* Paths go from the walk to the workers through a short line. */
#define LINE 64
struct import {
	const struct common *common;
	struct archive *archive; /* opened to write, or NULL: the running node does it */
	struct intake_source source;
	struct site site;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *line[LINE];
	unsigned head, waiting;
	bool closed; /* no more comes */
	int rc;      /* why it stopped */
	struct err why;
	uint64_t count[IMPORT_OUTCOMES], done, total;
	struct progress bar;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* ---- outcomes */

/* A path may be anything but NUL; JSON is UTF-8. */
static json_t *text_json(const char *text)
{
	char *valid = g_utf8_make_valid(text, -1);
	json_t *json = json_string(valid);

	g_free(valid);
	return json;
}

/* Called with the lock held. */
static void tell(struct import *im, const char *path, const struct import_result *r)
{
	im->count[r->outcome]++;
	im->done++;
	if (r->outcome == IMPORT_SAME || (r->outcome == IMPORT_STORED && !r->reason[0])) {
		progress_at(&im->bar, im->done, im->total, "files");
		return;
	}
	progress_end(&im->bar);
	if (im->common->json)
		print_json(json_pack("{s:o, s:s, s:o}", "path", text_json(path), "outcome", import_names[r->outcome],
				     "reason", text_json(r->reason)));
	else
		fprintf(stderr, "teleread import: %s: %s: %s\n", path, import_names[r->outcome], r->reason);
}

void import_tell(struct import *im, const char *path, enum import_outcome outcome, const char *reason)
{
	struct import_result r = {.outcome = outcome};

	g_strlcpy(r.reason, reason, sizeof r.reason);
	pthread_mutex_lock(&im->lock);
	tell(im, path, &r);
	pthread_mutex_unlock(&im->lock);
}

/* ---- workers */

static char *take(struct import *im)
{
	char *path = NULL;

	pthread_mutex_lock(&im->lock);
	while (!im->waiting && !im->closed)
		pthread_cond_wait(&im->changed, &im->lock);
	if (im->waiting) {
		path = im->line[im->head];
		im->head = (im->head + 1) % LINE;
		im->waiting--;
		pthread_cond_broadcast(&im->changed);
	}
	pthread_mutex_unlock(&im->lock);
	return path;
}

static void stop(struct import *im, int rc, const struct err *why)
{
	pthread_mutex_lock(&im->lock);
	if (im->rc == 0) {
		im->rc = rc;
		im->why = *why;
	}
	pthread_cond_broadcast(&im->changed);
	pthread_mutex_unlock(&im->lock);
}

static bool stopped(struct import *im)
{
	bool is;

	pthread_mutex_lock(&im->lock);
	is = im->rc < 0 || interrupted;
	pthread_mutex_unlock(&im->lock);
	return is;
}

static void import_path(struct import *im, int client, const char *path)
{
	AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct import_result r = {0};
	struct err e = {0};
	int rc;

	if (fd < 0) {
		import_tell(im, path, IMPORT_REFUSED, strerror(errno));
		return;
	}
	rc = im->archive ? import_file(im->archive, &im->source, fd, &r, &e)
			 : control_import(client, im->site.code, fd, &r, &e);
	if (rc < 0) {
		err_prefix(&e, "%s", path);
		stop(im, rc, &e);
		return;
	}
	pthread_mutex_lock(&im->lock);
	tell(im, path, &r);
	pthread_mutex_unlock(&im->lock);
}

static void *work(void *arg)
{
	struct import *im = arg;
	AUTO(fd) client = -1;
	struct err e = {0};
	char *path;

	if (!im->archive && (client = control_connect(im->common->config.data, &e)) < 0)
		stop(im, client, &e);
	while ((path = take(im))) {
		if (!stopped(im))
			import_path(im, client, path);
		free(path);
	}
	return NULL;
}

int import_add(struct import *im, const char *path)
{
	char *copy = strdup(path);
	bool go_on;

	if (!copy)
		return -E_NOMEM;
	pthread_mutex_lock(&im->lock);
	while (im->waiting == LINE && im->rc == 0)
		pthread_cond_wait(&im->changed, &im->lock);
	go_on = im->rc == 0 && !interrupted;
	if (go_on) {
		im->line[(im->head + im->waiting++) % LINE] = STEAL(copy);
		pthread_cond_broadcast(&im->changed);
	}
	pthread_mutex_unlock(&im->lock);
	free(copy);
	return go_on ? 0 : -E_CANCEL;
}

static void run_workers(struct import *im, char **paths)
{
	pthread_t threads[JOBS_MOST];
	int n = 0;

	while (n < opt.jobs && pthread_create(&threads[n], NULL, work, im) == 0)
		n++;
	if (n > 0)
		import_walk(im, paths);
	pthread_mutex_lock(&im->lock);
	im->closed = true;
	pthread_cond_broadcast(&im->changed);
	pthread_mutex_unlock(&im->lock);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

/* ---- where to, and whose */

static int pick_only(void *arg, const struct site *s)
{
	struct import *im = arg;

	if (im->site.id)
		return 1; /* a second one: the caller must say which */
	im->site = *s;
	return 0;
}

static int pick_site(struct import *im, struct archive *a, struct err *e)
{
	int rc;

	if (opt.site)
		return site_get(a, opt.site, &im->site, e);
	if ((rc = site_each(a, pick_only, im, e)) < 0)
		return rc;
	if (rc > 0)
		return err_set(e, E_CONFIG, "there are several sites: say whose files they are with --site");
	if (!im->site.id)
		return err_set(e, E_CONFIG, "there is no site yet: teleread site add CODE --name NAME");
	return 0;
}

/* Writes the archive itself when nobody else does, else through the node that does. */
static int open_door(struct import *im, struct archive **reader, struct err *e)
{
	struct config small = im->common->config; /* borrowed strings */
	struct err first = {0};
	int rc;

	if (archive_there(im->common, &first) < 0)
		return err_set(e, first.code, "%s; teleread serve or teleread site add makes one", first.msg);
	if (small.prewrite > PREWRITE_MOST)
		small.prewrite = PREWRITE_MOST;
	rc = archive_open(&small, ARCHIVE_SERVE, &im->archive, &first);
	if (rc == 0)
		return pick_site(im, im->archive, e);
	if (rc != -E_BUSY) {
		*e = first;
		return rc;
	}
	if ((rc = archive_open(&im->common->config, ARCHIVE_READ, reader, e)) < 0)
		return rc;
	return pick_site(im, *reader, e);
}

static void catch_interrupts(void)
{
	struct sigaction act = {.sa_handler = interrupt};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static int sum_up(const struct common *c, const struct import *im)
{
	const uint64_t *n = im->count;

	if (c->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I}", "imported", (json_int_t)n[IMPORT_STORED], "same",
				     (json_int_t)n[IMPORT_SAME], "quarantined", (json_int_t)n[IMPORT_QUARANTINED],
				     "refused", (json_int_t)n[IMPORT_REFUSED], "skipped",
				     (json_int_t)n[IMPORT_SKIPPED]));
	else
		printf("imported %" PRIu64 ", same %" PRIu64 ", quarantined %" PRIu64 ", refused %" PRIu64
		       ", skipped %" PRIu64 "\n",
		       n[IMPORT_STORED], n[IMPORT_SAME], n[IMPORT_QUARANTINED], n[IMPORT_REFUSED], n[IMPORT_SKIPPED]);
	return n[IMPORT_QUARANTINED] || n[IMPORT_REFUSED] ? EXIT_FOUND : EXIT_DONE;
}

static int run(struct import *im, char **paths)
{
	const struct common *c = im->common;
	AUTO(archive) reader = NULL;
	struct err e = {0};
	int code;

	if (open_door(im, &reader, &e) < 0) {
		archive_close(im->archive);
		return complain("import", &e);
	}
	im->source =
	    (struct intake_source){.site = im->site.id, .site_code = im->site.code, .aet = "", .door = "import"};
	catch_interrupts();
	if (isatty(STDERR_FILENO))
		im->total = import_count(paths);
	progress_begin(&im->bar, "importing");
	run_workers(im, paths);
	progress_end(&im->bar);
	archive_close(im->archive);
	code = sum_up(c, im);
	if (im->rc < 0)
		return complain("import", &im->why);
	if (interrupted) {
		fputs("teleread import: interrupted; run it again to go on\n", stderr);
		return EXIT_FOUND;
	}
	return code;
}

int cmd_import(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "import",
	    .args = "PATH...",
	    .text = "Takes in files, folders with all below them, and what DICOMDIR files name. What is there\n"
		    "already is left alone, so an import that was interrupted is simply run again.",
	    .options = options,
	    .json = true,
	    .least = 1,
	    .most = -1,
	};
	AUTO(common) c = {0};
	struct import im = {.common = &c, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (opt.jobs < 1 || opt.jobs > JOBS_MOST)
		return misused(usage.name, "--jobs %d: expected 1 to %d", opt.jobs, JOBS_MOST);
	return run(&im, argv + 1);
}
