#include "archive/backup.h"
#include "cmd/cmd.h"
#include "config.h"
#include <inttypes.h>
#include <stdio.h>

static struct {
	gboolean verify;
} opt;

static const GOptionEntry options[] = {
    {"verify", 0, 0, G_OPTION_ARG_NONE, &opt.verify, "Read and check the packs of the earlier backup, too", NULL},
    G_OPTION_ENTRY_NULL,
};

static json_int_t number(uint64_t n)
{
	return (json_int_t)n;
}

static void print_report(const struct common *c, const struct backup_report *r)
{
	char size[16];

	if (c->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "instances", number(r->instances),
				     "packs", number(r->packs), "copied", number(r->copied), "kept", number(r->kept),
				     "removed", number(r->removed), "bytes", number(r->bytes), "through",
				     number(r->through), "faults", number(r->faults)));
	else
		printf("%" PRIu64 " instances in %" PRIu64 " pack%s; copied %" PRIu64 " pack%s, %s; kept %" PRIu64
		       ", removed %" PRIu64 "; %" PRIu64 " fault%s\n",
		       r->instances, r->packs, r->packs == 1 ? "" : "s", r->copied, r->copied == 1 ? "" : "s",
		       size_text(r->bytes, size), r->kept, r->removed, r->faults, r->faults == 1 ? "" : "s");
}

int cmd_backup(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "backup",
	    .args = "TO",
	    .text =
		"Copies index, packs, configuration and audit trail to the folder TO, which can be served itself. TO\n"
		"is empty, or an earlier backup that is brought up to date. Works beside a running node.",
	    .options = options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct alert_way alerts = {.common = &c};
	struct watch w = {.common = &c, .alerts = &alerts};
	const struct check_ops ops = {.fault = watch_fault, .progress = watch_progress, .arg = &w};
	struct backup_report report = {0};
	struct backup_options o = {.version = PACKAGE_VERSION};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (open_beside(&c, false, &a, &e) < 0)
		return complain(usage.name, &e);
	o.to = argv[1];
	o.config_file = c.config_file;
	o.verify = opt.verify;
	progress_begin(&w.bar, "copying");
	rc = backup_run(a, &o, &ops, &report, &e);
	progress_end(&w.bar);
	alert_told(&alerts);
	if (rc < 0)
		return complain(usage.name, &e);
	print_report(&c, &report);
	return report.faults ? EXIT_FOUND : EXIT_DONE;
}
