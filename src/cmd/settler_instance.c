/* cmd/settler_instance.c - one instance: which form, encoded, proven. On a thread of the crew. */
#include "archive/frames.h"
#include "archive/scratch.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/settler_own.h"
#include <stdio.h>
#include <string.h>

/* Bytes of an instance below which it does not count whether encoding makes it smaller: one form for a whole series is worth more. */
#define SMALL (256u << 10)

static void keep(struct task *t, const char *reason)
{
	t->outcome = KEPT;
	snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, reason);
}

/* About the instance itself, so that it would fail again; else about the moment, or about limits that may be others one day. */
static bool lasting(const struct task *t, int rc)
{
	return rc == -E_UNSUP || rc == -E_CORRUPT || rc == -E_INVAL || rc == -E_NOENT ||
	       (rc == -E_LIMIT && !t->result.workers_limit);
}

/* Over a limit time after time: the others of its series shall not wait for it for ever. */
static void keep_for_limit(struct task *t, const struct err *why)
{
	keep(t, why->msg);
	alert_raise(ALERT_SETTLE, t->stored.sop_instance, "kept as it came after %d tries: %s", t->job->tries + 1,
		    why->msg);
}

static void mismatch(struct task *t, const struct err *why)
{
	t->outcome = MISMATCHED;
	snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, why->msg);
	log_error("settling instance %s of series %s: %s", t->stored.sop_instance, t->stored.series, why->msg);
	alert_raise(ALERT_SETTLE, t->stored.sop_instance, "what was received is kept: %s", why->msg);
}

struct pace {
	struct settler *settler;
	int64_t from_us;
};

static int between(void *arg, struct err *e)
{
	struct pace *p = arg;

	return settler_pace(p->settler, &p->from_us) ? 0 : err_set(e, E_CANCEL, "settling was stopped");
}

static int encode(struct settler *s, struct task *t, const struct image_source *image, const char *syntax,
		  struct err *e)
{
	struct pace pace = {.settler = s, .from_us = clock_mono_us()};
	const struct transcode_how how = {
	    .prove = true, .digest = t->stored.digest, .background = !s->o.alone, .between = between, .arg = &pace};
	char path[SCRATCH_PATH];
	int rc;

	if ((rc = between(&pace, e)) < 0)
		return rc;
	/* What is encoded beside it takes its place, too, before any of it can be counted as taken. */
	if ((rc = t->file = scratch_file(s->o.archive, path, e)) < 0 ||
	    (rc = scratch_room(s->o.archive, t->file, t->stored.part10_len * s->at_once, e)) < 0)
		return rc;
	rc = transcode(image, syntax, &how, t->file, &t->result, e);
	if (rc < 0 || (rc = between(&pace, e)) < 0)
		return rc;
	if (t->stored.part10_len >= SMALL && t->result.size + t->result.appendix.len >= t->stored.part10_len)
		keep(t, "encoded it would not be smaller");
	return 0;
}

static int choose_and_encode(struct settler *s, struct task *t, struct err *e)
{
	const struct settling now = s->o.in_force(s->o.arg);
	AUTO(frames_source) image = {.fd = -1};
	struct form_facts facts = {
	    .modality = t->job->modality, .sop_class = t->stored.sop_class, .site = t->job->site, .image = &image};
	struct form_choice choice;
	int rc = frames_source(s->o.archive, &t->stored, &image, e);

	if (rc < 0)
		return rc;
	forms_choose(now.forms, &facts, &choice);
	if (choice.syntax)
		return encode(s, t, &image, choice.syntax, e);
	keep(t, choice.reason);
	return 0;
}

void settler_encode(void *settler, struct task *t)
{
	struct err e = {0};
	int rc;

	t->outcome = ENCODED;
	/* What is encoded stays so; what was kept may be tried anew. */
	if (t->settled && !(t->job->again && strcmp(t->stored.syntax, t->stored.received_syntax) == 0)) {
		keep(t, "");
		return;
	}
	t->settled = false;
	rc = choose_and_encode(settler, t, &e);
	if (rc == -E_MISMATCH)
		mismatch(t, &e);
	else if (rc < 0 && lasting(t, rc))
		keep(t, e.msg);
	else if (rc == -E_LIMIT && t->job->tries + 1 >= SETTLER_TRIES)
		keep_for_limit(t, &e);
	else if (rc < 0)
		t->err = e;
}
