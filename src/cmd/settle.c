#include "archive/settle.h"
#include "archive/kept.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "imaging/worker.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 100
#define MODALITIES_MOST 64

static struct {
	gboolean now, again;
	char *study;
} opt;

static const GOptionEntry options[] = {
    {"now", 0, 0, G_OPTION_ARG_NONE, &opt.now, "All that waits, however fresh, and what was given up", NULL},
    {"again", 0, 0, G_OPTION_ARG_NONE, &opt.again, "Also settled series: what of them was kept as it came", NULL},
    {"study", 0, 0, G_OPTION_ARG_FILENAME, &opt.study, "Series of this study only", "UID"},
    G_OPTION_ENTRY_NULL,
};

static json_int_t number(uint64_t n)
{
	return (json_int_t)n;
}

/* ---- status */

struct modality {
	char name[17];
	uint64_t series, instances, received, kept;
};
struct table {
	const struct common *common;
	struct modality v[MODALITIES_MOST + 1]; /* the last one: all others */
	unsigned n;
	json_t *failed;
};

static struct modality *modality_of(struct table *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	if (t->n == MODALITIES_MOST)
		return &t->v[MODALITIES_MOST];
	g_strlcpy(t->v[t->n].name, name, sizeof t->v->name);
	return &t->v[t->n++];
}

static int add_done(void *arg, const struct settle_job *j)
{
	struct modality *m = modality_of(arg, j->modality);

	m->series++;
	m->instances += j->instances;
	m->received += j->received;
	m->kept += j->kept;
	return 0;
}

/* What failed is named, with when it is tried again; what only waits is counted. */
static int add_waiting(void *arg, const struct settle_job *j)
{
	const bool over = j->state == SETTLE_FAILED;
	struct table *t = arg;
	char due[32];

	if (!over && (!j->why[0] || j->tries == 0))
		return 0;
	clock_text(j->due_us, due);
	if (t->common->json)
		return json_array_append_new(t->failed,
					     json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "study", j->study, "series",
						       j->series, "state", over ? "given up" : "waiting", "why", j->why,
						       "tries", j->tries, "due", over ? "" : due));
	if (over)
		printf("given up: series %s of study %s: %s\n", j->series, j->study, j->why);
	else
		printf("waiting: series %s of study %s, tried %d times, again at %s: %s\n", j->series, j->study,
		       j->tries, due, j->why);
	return 0;
}

static double ratio(uint64_t received, uint64_t kept)
{
	return kept ? (double)received / (double)kept : 0;
}

static void print_status(const struct settle_status *st, const struct table *t)
{
	char one[16], two[16], three[16];

	printf("series: %" PRIu64 " waiting, %" PRIu64 " under work, %" PRIu64 " given up, %" PRIu64 " settled\n",
	       st->waiting, st->leased, st->failed, st->done);
	printf("not settled: %" PRIu64 " instances, %s\n", st->instances, size_text(st->bytes, one));
	printf("settled: received %s, now %s; still to be given back %s\n", size_text(st->received, one),
	       size_text(st->kept, two), size_text(st->reclaimable, three));
	for (unsigned i = 0; i <= MODALITIES_MOST; i++) {
		const struct modality *m = &t->v[i];

		if (m->series)
			printf("%-8s %6" PRIu64 " series %8" PRIu64 " instances %10s -> %10s  %.2f:1\n",
			       m->name[0] ? m->name : "other", m->series, m->instances, size_text(m->received, one),
			       size_text(m->kept, two), ratio(m->received, m->kept));
	}
}

static json_t *modalities_json(const struct table *t)
{
	json_t *list = json_array();

	for (unsigned i = 0; i <= MODALITIES_MOST; i++) {
		const struct modality *m = &t->v[i];

		if (m->series)
			json_array_append_new(
			    list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "modality", m->name[0] ? m->name : "other",
					    "series", number(m->series), "instances", number(m->instances), "received",
					    number(m->received), "kept", number(m->kept)));
	}
	return list;
}

static int run_status(const struct common *c)
{
	AUTO(archive) a = NULL;
	struct table t = {.common = c};
	struct settle_status st;
	struct err e = {0};
	int rc;

	if (open_beside(c, false, &a, &e) < 0)
		return complain("settle", &e);
	t.failed = json_array();
	if ((rc = settle_status(a, &st, &e)) == 0 && (rc = settle_each(a, true, add_done, &t, &e)) == 0)
		rc = settle_each(a, false, add_waiting, &t, &e);
	if (rc < 0) {
		json_decref(t.failed);
		return complain("settle", &e);
	}
	if (!c->json) {
		json_decref(t.failed);
		print_status(&st, &t);
		return EXIT_DONE;
	}
	print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "waiting", number(st.waiting),
			     "under_work", number(st.leased), "given_up", number(st.failed), "settled", number(st.done),
			     "instances", number(st.instances), "bytes", number(st.bytes), "received",
			     number(st.received), "kept", number(st.kept), "reclaimable", number(st.reclaimable),
			     "modalities", modalities_json(&t), "failed", t.failed));
	return EXIT_DONE;
}

/* ---- notes */

struct notes {
	const struct common *common;
	struct archive *archive;
	struct scope scope;
	uint64_t found;
	struct err err;
};

static json_t *lines_json(const char *text)
{
	json_t *list = json_array();

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, n));
	}
	return list;
}

static int print_notes(void *arg, const struct settle_job *j)
{
	AUTO(buf) text = BUF(SETTLE_EXTRA_MOST);
	struct notes *n = arg;
	int rc;

	if (strcmp(opt.study, j->study) != 0)
		return 0;
	if ((rc = settle_extra(n->archive, &n->scope, j->study, j->series, SETTLE_NOTES, &text, &n->err)) < 0)
		return rc == -E_NOENT ? 0 : rc;
	n->found++;
	if (n->common->json)
		print_json(json_pack("{s:s, s:o}", "series", j->series, "notes", lines_json(buf_text(&text))));
	else
		printf("series %s\n%s", j->series, buf_text(&text));
	return 0;
}

static int run_notes(const struct common *c)
{
	AUTO(archive) a = NULL;
	struct notes n = {.common = c};
	int rc;

	if (open_beside(c, false, &a, &n.err) < 0)
		return complain("settle", &n.err);
	n.archive = a;
	n.scope = scope_everything("teleread settle notes");
	rc = settle_each(a, true, print_notes, &n, &n.err);
	scope_cleanup(&n.scope);
	if (rc < 0)
		return complain("settle", &n.err);
	if (n.found == 0)
		fprintf(stderr, "teleread settle: no series of study %s is settled\n", opt.study);
	return n.found ? EXIT_DONE : EXIT_FOUND;
}

/* ---- a run */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void catch_interrupts(void)
{
	struct sigaction act = {.sa_handler = interrupt};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static void wait_and_show(struct progress *bar, const struct settler_run *r)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	progress_at(bar, r->done, r->of, "instances");
	nanosleep(&pause, NULL);
}

/* The node does it: asked, and asked again until it is done. It goes on when nobody watches. */
static int settle_beside(const struct common *c, const struct settler_ask *ask, struct settler_run *r, struct err *e)
{
	AUTO(fd) node = control_connect(c->config.data, e);
	struct progress bar;
	int rc;

	if (node < 0) {
		*e = (struct err){0};
		return err_set(e, E_BUSY,
			       "another command settles here, or the node is about to start or end: try "
			       "again when it is done");
	}
	rc = control_settle(node, ask, r, e);

	progress_begin(&bar, "settling");
	while (rc == 0 && r->running && !interrupted) {
		wait_and_show(&bar, r);
		rc = control_settle(node, NULL, r, e);
	}
	progress_end(&bar);
	if (rc != -E_CLOSED && rc != -E_IO)
		return rc;
	*e = (struct err){0};
	return err_set(e, E_CLOSED,
		       "the node ended before all was settled; when it is started, it goes on with what is left");
}

static struct settling in_force(void *arg)
{
	return *(struct settling *)arg;
}

static int settle_here(const struct common *c, struct archive *a, const struct settler_ask *ask, struct settler_run *r,
		       struct err *e)
{
	AUTO(forms) forms = NULL;
	struct settling now = {.config = &c->config};
	const struct settler_options o = {.archive = a, .in_force = in_force, .arg = &now, .alone = true};
	struct settler *s = NULL;
	struct progress bar;
	int rc;

	if ((rc = forms_compile(&c->config.settle, NULL, &forms, e)) < 0)
		return rc;
	now.forms = forms;
	if ((rc = start_imaging(&c->config, e)) < 0 || (rc = settler_start(&o, &s, e)) < 0)
		return rc;
	progress_begin(&bar, "settling");
	settler_ask(s, ask);
	for (settler_look(s, r); r->running && !interrupted; settler_look(s, r))
		wait_and_show(&bar, r);
	progress_end(&bar);
	settler_end(s);
	imaging_stop();
	settler_free(s);
	return 0;
}

static void print_run(const struct common *c, const struct settler_run *r)
{
	char in[16], out[16];

	if (c->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "series", number(r->series), "encoded",
				     number(r->encoded), "kept", number(r->kept), "mismatched", number(r->mismatched),
				     "failed", number(r->failed), "in", number(r->in), "out", number(r->out)));
	else
		printf("settled %" PRIu64 " series: %" PRIu64 " instances encoded (%s, now %s), %" PRIu64
		       " kept as they came, %" PRIu64 " not equal; %" PRIu64 " series failed\n",
		       r->series, r->encoded, size_text(r->in, in), size_text(r->out, out), r->kept, r->mismatched,
		       r->failed);
}

static int end_run(const struct common *c, const struct settler_run *r, bool beside)
{
	print_run(c, r);
	if (r->err.code != E_OK)
		fprintf(stderr, "teleread settle: %s\n", r->err.msg);
	if (interrupted)
		fputs(beside ? "teleread settle: interrupted; the node goes on with it\n"
			     : "teleread settle: interrupted; what was not finished begins again the next time\n",
		      stderr);
	return interrupted || r->err.code != E_OK || r->mismatched || r->failed ? EXIT_FOUND : EXIT_DONE;
}

static int run_settle(struct common *c)
{
	AUTO(archive) a = NULL;
	struct settler_ask ask = {.now = opt.now || opt.again, .again = opt.again};
	struct settler_run r = {0};
	char patient[65];
	struct err e = {0};
	bool beside = false;
	int rc = archive_there(c, &e);

	if (opt.study)
		g_strlcpy(ask.study, opt.study, sizeof ask.study);
	c->config.prewrite = 0;
	if (rc == 0 && (rc = archive_open(&c->config, ARCHIVE_SERVE, &a, &e)) < 0 && rc != -E_BUSY)
		return complain("settle", &e);
	if (rc == -E_BUSY) {
		e = (struct err){0};
		rc = archive_open(&c->config, ARCHIVE_READ, &a, &e);
		beside = true;
	}
	catch_interrupts();
	if (rc >= 0 && opt.study && kept_patient(a, opt.study, patient, NULL) == -E_NOENT)
		rc = err_set(&e, E_NOENT, "there is no study %s", opt.study);
	else if (rc >= 0)
		rc = beside ? settle_beside(c, &ask, &r, &e) : settle_here(c, a, &ask, &r, &e);
	return rc < 0 ? complain("settle", &e) : end_run(c, &r, beside);
}

int cmd_settle(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "settle",
	    .args = "[status|notes]",
	    .text =
		"Settles series that are complete: puts their instances into a pack of their own, in order, encoded\n"
		"without loss by rule, and each proven to give back what was received. A running node does it by\n"
		"itself; beside it, this asks the node to. With the word status: what waits, and what was gained; "
		"with\n"
		"notes: what became of each instance of a study, and what of its data set is not as it was sent.",
	    .options = options,
	    .json = true,
	    .most = 1,
	};
	AUTO(common) c = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);
	bool notes;

	if (rc >= 0)
		return rc;
	notes = argc > 1 && strcmp(argv[1], "notes") == 0;
	if (argc > 1 && !notes && strcmp(argv[1], "status") != 0)
		return misused(usage.name, "unexpected argument \"%s\"", argv[1]);
	if (opt.study && (strlen(opt.study) > 64 || !opt.study[0]))
		return misused(usage.name, "--study: expected a UID");
	if (notes && (opt.now || opt.again || !opt.study))
		return misused(usage.name, "notes goes with --study, and without --now and --again");
	if (argc > 1 && !notes && (opt.now || opt.again || opt.study))
		return misused(usage.name, "status goes without --now, --again and --study");
	return notes ? run_notes(&c) : argc > 1 ? run_status(&c) : run_settle(&c);
}
