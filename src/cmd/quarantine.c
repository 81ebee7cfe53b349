#include "base/clock.h"
#include "base/write.h"
#include "cmd/decision.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256u << 10)

static struct {
	char *study, *kind, *out, *why;
	gboolean all, replace;
} opt;

static const GOptionEntry list_options[] = {
    {"study", 0, 0, G_OPTION_ARG_FILENAME, &opt.study, "Only records of this study", "UID"},
    {"kind", 0, 0, G_OPTION_ARG_FILENAME, &opt.kind, "Only contradiction, unreadable, dropped or replaced", "KIND"},
    {"all", 0, 0, G_OPTION_ARG_NONE, &opt.all, "Discarded ones, too", NULL},
    G_OPTION_ENTRY_NULL,
};

static const GOptionEntry show_options[] = {
    {"out", 0, 0, G_OPTION_ARG_FILENAME, &opt.out, "Write it to a new file, as it is kept", "FILE"},
    G_OPTION_ENTRY_NULL,
};

#define WHY_OPTION                                                                                                     \
	{                                                                                                              \
		"why", 0, 0, G_OPTION_ARG_FILENAME, &opt.why, "The reason, kept with the decision", "TEXT"             \
	}
static const GOptionEntry release_options[] = {
    WHY_OPTION,
    {"replace", 0, 0, G_OPTION_ARG_NONE, &opt.replace, "In the place of the instance that has its UID", NULL},
    G_OPTION_ENTRY_NULL,
};

static const GOptionEntry drop_options[] = {WHY_OPTION, G_OPTION_ENTRY_NULL};

static bool parse_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '1' && *text <= '9' && *end == '\0' && errno == 0 && *out <= INT64_MAX;
}

static int run_list(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "quarantine list",
	    .text = "Prints the records that are kept but not shown: number, kind, when, site, sender, size,\n"
		    "SOP Instance UID, why.",
	    .options = list_options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);
	const struct kept_filter f = {
	    .study = opt.study ? opt.study : "", .kind = opt.kind ? opt.kind : "", .gone = opt.all};

	if (rc >= 0 || (rc = decision_study(usage.name, opt.study)) >= 0)
		return rc;
	if (opt.kind && !kept_kind_known(opt.kind))
		return misused(usage.name, "--kind %s: expected contradiction, unreadable, dropped or replaced",
			       opt.kind);
	if (open_beside(&c, false, &a, &e) < 0 || kept_each(a, &f, print_kept, &c, &e) < 0)
		return complain(usage.name, &e);
	return end_list(&c);
}

/* ---- show */

static int write_out(struct archive *a, const struct stored *s, struct err *e)
{
	AUTO(buf) piece = BUF(PIECE);
	AUTO(fd) fd = open(opt.out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	int64_t n = 0;
	int rc;

	if (fd < 0)
		return err_sys(e, E_IO, "cannot make %s", opt.out);
	if ((rc = buf_reserve(&piece, PIECE, e)) < 0)
		return rc;
	for (uint64_t at = 0; rc == 0 && at < s->part10_len; at += (uint64_t)n)
		if ((n = stored_read(a, s, at, piece.data, PIECE, e)) < 0)
			rc = (int)n;
		else
			rc = write_all(fd, piece.data, (size_t)n, opt.out, e);
	if (rc == 0 && fsync(fd) < 0)
		rc = err_sys(e, E_IO, "cannot write %s", opt.out);
	if (rc < 0)
		unlink(opt.out);
	return rc;
}

static int copy_one(void *arg, const struct kept *k)
{
	*(struct kept *)arg = *k;
	return 1;
}

/* A record, or what it contradicts, as its row and its bytes tell of it. */
struct side {
	struct kept kept;
	struct kept_says says;
	char unread[200]; /* why its bytes say nothing; "": they do */
};

static void read_side(struct archive *a, struct side *s)
{
	struct err why = {0};

	if (kept_says(a, &s->kept.where, &s->says, &why) < 0)
		snprintf(s->unread, sizeof s->unread, "%.199s", why.msg);
}

/* other: the same of the other side, or NULL. */
static void print_line(const char *name, const char *text, const char *other)
{
	printf("%-10s", name);
	print_safely(*text ? text : "-");
	printf("%s\n", other && strcmp(text, other) != 0 ? "  (differs)" : "");
}

static void print_side(const struct side *s, const struct side *t)
{
	char when[32], size[16], length[16] = "";
	const struct stored *w = &s->kept.where, *o = t ? &t->kept.where : NULL;
	const struct kept_says *says = &s->says, *said = t && !t->unread[0] && !s->unread[0] ? &t->says : NULL;

	if (t)
		size_text(o->part10_len, length);
	print_line("site", s->kept.site, t ? t->kept.site : NULL);
	print_line("received", clock_text(s->kept.received_us, when), NULL);
	print_line("sender", s->kept.aet, t ? t->kept.aet : NULL);
	print_line("size", size_text(w->part10_len, size), t ? length : NULL);
	print_line("class", w->sop_class, t ? o->sop_class : NULL);
	print_line("syntax", w->syntax, t ? o->syntax : NULL);
	print_line("patient", says->patient_id, said ? said->patient_id : NULL);
	print_line("issuer", says->issuer, said ? said->issuer : NULL);
	print_line("name", says->patient_name, said ? said->patient_name : NULL);
	print_line("date", says->study_date, said ? said->study_date : NULL);
	print_line("modality", says->modality, said ? said->modality : NULL);
	print_line("study", w->study, t ? o->study : NULL);
	print_line("series", w->series, t ? o->series : NULL);
	print_line("instance", w->sop_instance, t ? o->sop_instance : NULL);
	if (s->unread[0])
		print_line("unread", s->unread, NULL);
}

static void print_long(const struct side *s, const struct side *against)
{
	const struct kept *k = &s->kept;

	printf("number    %" PRIu64 "\nkind      %s%s\nreason    %s\n", k->seq, k->kind, k->gone ? ", discarded" : "",
	       k->reason);
	print_side(s, NULL);
	if (against) {
		printf("\nin its way: record %" PRIu64 "\n", against->kept.seq);
		print_side(against, s);
	}
}

static json_t *side_json(const struct side *s)
{
	json_t *o = kept_json(&s->kept);

	json_object_set_new(o, "syntax", text_or_null(s->kept.where.syntax));
	json_object_set_new(o, "patient_id", text_or_null(s->says.patient_id));
	json_object_set_new(o, "issuer", text_or_null(s->says.issuer));
	json_object_set_new(o, "patient_name", text_or_null(s->says.patient_name));
	json_object_set_new(o, "study_date", text_or_null(s->says.study_date));
	json_object_set_new(o, "modality", text_or_null(s->says.modality));
	json_object_set_new(o, "unread", text_or_null(s->unread));
	return o;
}

static int print_shown(const struct common *c, struct archive *a, struct side *s, struct err *e)
{
	struct side against = {0};
	int rc = kept_against(a, &s->kept, &against.kept, e);
	json_t *o;

	if (rc < 0)
		return rc;
	read_side(a, s);
	if (rc)
		read_side(a, &against);
	if (!c->json) {
		print_long(s, rc ? &against : NULL);
		return 0;
	}
	o = side_json(s);
	json_object_set_new(o, "against", rc ? side_json(&against) : json_null());
	print_json(o);
	return 0;
}

static int run_show(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "quarantine show",
	    .args = "NUMBER",
	    .text = "Prints one record and what is in its way, and writes it to a file when told to.",
	    .options = show_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct kept_filter f = {.study = "", .kind = "", .gone = true};
	struct side side = {0};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!parse_number(argv[1], &f.number))
		return misused(usage.name, "NUMBER %s: expected a number of quarantine list", argv[1]);
	if (open_beside(&c, false, &a, &e) < 0 || (rc = kept_each(a, &f, copy_one, &side.kept, &e)) < 0)
		return complain(usage.name, &e);
	if (rc == 0) {
		err_set(&e, E_NOENT, "there is no record %s in quarantine", argv[1]);
		return complain(usage.name, &e);
	}
	if (print_shown(&c, a, &side, &e) < 0)
		return complain(usage.name, &e);
	return opt.out && write_out(a, &side.kept.where, &e) < 0 ? complain(usage.name, &e) : EXIT_DONE;
}

/* ---- release, drop */

static int settle(const struct usage *usage, enum decision_kind what, int argc, char **argv)
{
	AUTO(common) c = {0};
	struct decision d = {0};
	int rc = common_parse(&c, usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!parse_number(argv[1], &d.number))
		return misused(usage->name, "NUMBER %s: expected a number of quarantine list", argv[1]);
	d.what = opt.replace ? DECIDE_REPLACE : what;
	rc = decision_words(usage->name, &d, NULL, opt.why);
	return rc >= 0 ? rc : decision_run(&c, &d);
}

static int run_release(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "quarantine release",
	    .args = "NUMBER",
	    .text = "Takes a record in as if it arrived now. What still contradicts the archive stays.",
	    .options = release_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};

	return settle(&usage, DECIDE_RELEASE, argc, argv);
}

static int run_drop(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "quarantine drop",
	    .args = "NUMBER",
	    .text = "Discards a record: it is no longer listed. Its bytes stay in their pack.",
	    .options = drop_options,
	    .json = true,
	    .least = 1,
	    .most = 1,
	};

	return settle(&usage, DECIDE_DISCARD, argc, argv);
}

int cmd_quarantine(int argc, char **argv)
{
	static const struct verb verbs[] = {
	    {"list", run_list, "print the records"},
	    {"show", run_show, "print one, write it to a file"},
	    {"release", run_release, "take one in"},
	    {"drop", run_drop, "discard one"},
	    {NULL, NULL, NULL},
	};

	return verbs_run("quarantine", verbs, argc, argv);
}
