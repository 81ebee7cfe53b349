#include "archive/check.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 200

static struct {
	gboolean prove, force;
} opt;

static const GOptionEntry reindex_options[] = {
    {"prove", 0, 0, G_OPTION_ARG_NONE, &opt.prove, "Change nothing: build a second index and compare", NULL},
    {"force", 0, 0, G_OPTION_ARG_NONE, &opt.force, "Without what is damaged, though the present index still has it",
     NULL},
    G_OPTION_ENTRY_NULL,
};

static json_int_t number(uint64_t n)
{
	return (json_int_t)n;
}

/* "1 pack", "6 packs" */
static void print_count(uint64_t n, const char *what, const char *behind)
{
	printf("%" PRIu64 " %s%s%s", n, what, n == 1 ? "" : "s", behind);
}

static void print_text(const struct check_report *r)
{
	char size[16];

	print_count(r->packs, "pack", ", ");
	print_count(r->records, "record", ", ");
	printf("%s; ", size_text(r->bytes, size));
	print_count(r->rows, "row", ", ");
	printf("%" PRIu64 " quarantined, ", r->quarantined);
	print_count(r->blanks, "blank", "; ");
	print_count(r->faults, "fault", "\n");
}

static void print_report(const struct common *c, const struct check_report *r)
{
	if (c->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "packs", number(r->packs), "records",
				     number(r->records), "rows", number(r->rows), "bytes", number(r->bytes),
				     "quarantined", number(r->quarantined), "blanks", number(r->blanks), "faults",
				     number(r->faults)));
	else
		print_text(r);
}

int cmd_fsck(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "fsck",
	    .text = "Reads every pack and checks each record's checksums, each record's row, each row's record.\n"
		    "Works beside a running node and changes nothing.",
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct alert_way alerts = {.common = &c};
	struct watch w = {.common = &c, .alerts = &alerts};
	const struct check_ops ops = {.fault = watch_fault, .progress = watch_progress, .arg = &w};
	struct check_report report = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0)
		return complain(usage.name, &e);
	progress_begin(&w.bar, "checking");
	rc = check_fsck(a, &ops, &report, &e);
	progress_end(&w.bar);
	alert_told(&alerts);
	if (rc < 0)
		return complain(usage.name, &e);
	print_report(&c, &report);
	return report.faults ? EXIT_FOUND : EXIT_DONE;
}

/* The node does it: asked, and asked again until it is done. Where nobody watches a bar, a line now and then says how far
 * it is. */
static int refresh_beside(struct watch *w, struct refresh_state *s, struct err *e)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	AUTO(fd) node = control_connect(w->common->config.data, e);
	unsigned told = 0;
	int rc = node < 0 ? node : control_reindex(node, true, s, e);

	while (rc == 0 && s->running) {
		unsigned tenths = s->of ? (unsigned)(s->done * 10 / s->of) : 0;

		progress_at(&w->bar, s->done, s->of, "instances");
		if (tenths > told && !isatty(STDERR_FILENO))
			fprintf(stderr, "teleread reindex: %" PRIu64 " of %" PRIu64 " instances\n", s->done, s->of);
		told = tenths > told ? tenths : told;
		nanosleep(&pause, NULL);
		rc = control_reindex(node, false, s, e);
	}
	return rc;
}

static int reindex_beside(struct watch *w, struct err *e)
{
	struct refresh_state s = {0};
	int rc;

	progress_begin(&w->bar, "indexing");
	rc = refresh_beside(w, &s, e);
	progress_end(&w->bar);
	if (rc < 0)
		return rc;
	if (w->common->json)
		print_json(json_pack("{s:I, s:I}", "instances", number(s.instances), "faults", number(s.faults)));
	else {
		print_count(s.instances, "instance", " read again by the running node; ");
		print_count(s.faults, "fault", "\n");
	}
	return s.faults ? EXIT_FOUND : EXIT_DONE;
}

/* The index that is there may be the last one to know of what is damaged now, and what was decided about it. */
static int refuse_losses(struct archive *a, struct watch *w, const struct check_ops *ops, struct err *e)
{
	struct check_report report = {0};
	int rc;

	progress_begin(&w->bar, "checking");
	rc = check_losses(a, ops, &report, e);
	progress_end(&w->bar);
	if (rc < 0 || report.faults == 0)
		return rc;
	return err_set(e, E_CORRUPT,
		       "a new index would lack what is damaged: restore its packs from a backup, or leave it out with "
		       "--force; the index is as it was");
}

static bool has_index(const struct common *c)
{
	AUTO(str) path = NULL;

	if (asprintf(&path, "%s/index.sqlite", c->config.data) < 0) {
		path = NULL;
		return true;
	}
	return access(path, F_OK) == 0;
}

int cmd_reindex(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "reindex",
	    .text =
		"Builds the index again from the packs alone. Where a node is running, it brings its index up to date\n"
		"while it serves. With --prove the index stays as it is.",
	    .options = reindex_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct alert_way alerts = {.common = &c};
	struct watch w = {.common = &c};
	const struct check_ops ops = {.fault = watch_fault, .progress = watch_progress, .arg = &w};
	struct check_report report = {0};
	struct err e = {0};
	bool had_index;
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (opt.prove && opt.force)
		return misused(usage.name, "--prove changes nothing: there is nothing to force");
	c.config.prewrite = 0;
	had_index = has_index(&c);
	if (opt.prove)
		rc = open_beside(&c, false, &a, &e);
	else if ((rc = archive_there(&c, &e)) == 0)
		rc = archive_open(&c.config, ARCHIVE_SERVE, &a, &e);
	if (rc == -E_BUSY && !opt.prove) {
		e = (struct err){0};
		rc = reindex_beside(&w, &e);
		return rc < 0 ? complain(usage.name, &e) : rc;
	}
	if (rc < 0)
		return complain(usage.name, &e);
	if (!opt.prove)
		w.alerts = &alerts;
	if (had_index && !opt.prove && !opt.force)
		rc = refuse_losses(a, &w, &ops, &e);
	progress_begin(&w.bar, opt.prove ? "proving" : "indexing");
	if (rc == 0)
		rc = check_reindex(a, opt.prove, &ops, &report, &e);
	progress_end(&w.bar);
	alert_told(&alerts);
	if (rc < 0)
		return complain(usage.name, &e);
	print_report(&c, &report);
	return report.faults ? EXIT_FOUND : EXIT_DONE;
}
