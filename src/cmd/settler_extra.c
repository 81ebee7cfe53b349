/* cmd/settler_extra.c - what goes with a settled series: its metadata, a small and a larger picture of its middle, notes. */
#include "archive/frames.h"
#include "base/log.h"
#include "cmd/settler_own.h"
#include "web/gallery.h"
#include "web/metadata.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MOST (8u << 20)
#define THUMBNAIL_SIDE 256u
#define PREVIEW_SIDE 1024u

struct extras {
	struct buf metadata, notes, thumbnail, preview;
	struct buf before;              /* notes of the pack that some of the instances come from */
	bool looked;                    /* for those */
	const char *at;                 /* in them, behind what was taken last: NULL for the begin */
	struct metadata_writer *writer; /* NULL: the document became too long */
	bool notes_full;
	uint64_t middle, n; /* instances */
};

int extras_new(const struct settle_job *job, struct extras **out, struct err *e)
{
	AUTO(extras) x = calloc(1, sizeof *x);
	int rc;

	if (!x)
		return err_set(e, E_NOMEM, "no memory for what goes with a series");
	x->metadata = BUF(SETTLE_EXTRA_MOST);
	x->notes = BUF(NOTES_MOST);
	x->before = BUF(SETTLE_EXTRA_MOST);
	x->thumbnail = BUF(SETTLE_EXTRA_MOST);
	x->preview = BUF(SETTLE_EXTRA_MOST);
	x->middle = job->instances / 2;
	if ((rc = metadata_new(&x->metadata, &x->writer, e)) < 0)
		return rc;
	*out = STEAL(x);
	return 0;
}

void extras_free(struct extras *x)
{
	if (!x)
		return;
	metadata_free(x->writer);
	buf_cleanup(&x->metadata);
	buf_cleanup(&x->notes);
	buf_cleanup(&x->before);
	buf_cleanup(&x->thumbnail);
	buf_cleanup(&x->preview);
	free(x);
}

/* ---- metadata: of the instance as it will be found */

struct reading {
	struct archive *archive;
	const struct task *task;
};

static int read_exactly(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct reading *r = arg;
	uint8_t *to = buf;

	while (n > 0) {
		int64_t got = r->task->outcome == ENCODED ? pread(r->task->file, to, n, (off_t)at)
							  : stored_read(r->archive, &r->task->stored, at, to, n, e);

		if (got < 0)
			return r->task->outcome == ENCODED ? err_sys(e, E_IO, "cannot read a settled instance")
							   : (int)got;
		if (got == 0)
			return err_set(e, E_CORRUPT, "the instance ends before its size");
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int add_metadata(struct extras *x, struct archive *a, const struct task *t, struct err *e)
{
	struct reading reading = {a, t};
	const bool encoded = t->outcome == ENCODED;
	const struct metadata_instance i = {.sop_instance = t->stored.sop_instance,
					    .syntax = encoded ? t->result.syntax : t->stored.syntax,
					    .size = encoded ? t->result.size : t->stored.part10_len,
					    .head_len = encoded ? t->result.head_len : t->stored.head_len,
					    .read = read_exactly,
					    .arg = &reading};
	struct err why = {0};
	int rc = x->writer ? metadata_add(x->writer, &i, &why) : 0;

	if (rc == -E_LIMIT) { /* it is made when it is asked for */
		metadata_free(x->writer);
		x->writer = NULL;
		buf_cleanup(&x->metadata);
		return 0;
	}
	return rc < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

/* ---- pictures */

static void picture(struct archive *a, const struct stored *s, uint64_t frame, unsigned side, struct buf *out)
{
	const struct render_options o = {.format = RENDER_JPEG, .frame = frame, .width = side, .height = side};
	AUTO(gallery) shown = NULL;
	struct err e = {0};

	if (gallery_get(a, s, NULL, &o, &shown, &e) < 0)
		log_debug("no picture of instance %s: %s", s->sop_instance, e.msg);
	else if (buf_put(out, shown->data, shown->n, NULL) < 0)
		buf_clear(out);
}

static void add_pictures(struct extras *x, struct archive *a, const struct task *t)
{
	AUTO(frames_source) image = {.fd = -1};
	struct err e = {0};

	if (frames_source(a, &t->stored, &image, &e) < 0 || !image.tag)
		return; /* no picture */
	picture(a, &t->stored, image.frames / 2, PREVIEW_SIDE, &x->preview);
	picture(a, &t->stored, image.frames / 2, THUMBNAIL_SIDE, &x->thumbnail);
}

/* ---- notes */

static void indent(struct buf *out, const char *lines)
{
	for (const char *end; *lines; lines = *end ? end + 1 : end) {
		end = lines + strcspn(lines, "\n");
		buf_printf(out, NULL, "  %.*s\n", (int)(end - lines), lines);
	}
}

/* What was noted of an instance begins with its UID and goes on through lines that are indented. */
static const char *find_note(const char *from, const char *until, const char *uid, size_t *n)
{
	size_t len = strlen(uid);

	for (const char *end; from < until; from = end) {
		const bool found = strncmp(from, uid, len) == 0 && from[len] == ' ';

		end = from;
		do {
			end += strcspn(end, "\n");
			end += *end == '\n';
		} while (*end == ' ');
		*n = (size_t)(end - from);
		if (found)
			return from;
	}
	return NULL;
}

/* Of an instance that was settled before: what was noted then. They come in the order of then, mostly: it is sought on from the last. */
static bool note_of_before(struct extras *x, struct archive *a, const struct task *t)
{
	const char *text, *found;
	size_t n = 0;

	if (!x->looked && settle_notes_before(a, t->stored.series, &x->before, NULL) < 0)
		buf_clear(&x->before);
	x->looked = true;
	text = buf_text(&x->before);
	if (!x->at)
		x->at = text;
	if (!(found = find_note(x->at, text + x->before.len, t->stored.sop_instance, &n)))
		found = find_note(text, x->at, t->stored.sop_instance, &n);
	if (!found)
		return false;
	x->at = found + n;
	buf_put(&x->notes, found, n, NULL);
	return true;
}

/* A line for each instance, and below it what of its data set is not as it was sent. */
static void add_note(struct extras *x, struct archive *a, const struct task *t)
{
	size_t before = x->notes.len;

	if (x->notes_full)
		return;
	if (t->outcome == ENCODED) {
		buf_printf(&x->notes, NULL, "%s encoded %s -> %s, %llu -> %llu bytes\n", t->stored.sop_instance,
			   t->stored.syntax, t->result.syntax, (unsigned long long)t->stored.part10_len,
			   (unsigned long long)t->result.size);
		indent(&x->notes, buf_text(&t->result.changes));
	} else if (t->settled && !note_of_before(x, a, t)) {
		buf_printf(&x->notes, NULL, "%s settled before, %s\n", t->stored.sop_instance, t->stored.syntax);
	} else if (!t->settled) {
		buf_printf(&x->notes, NULL, "%s kept %s: %s\n", t->stored.sop_instance, t->stored.syntax, t->reason);
	}
	if (x->notes.len > NOTES_MOST - 4096) {
		x->notes.len = before;
		buf_str(&x->notes, "further instances are not listed\n", NULL);
		x->notes_full = true;
	}
}

int extras_add(struct extras *x, struct archive *a, const struct task *t, struct err *e)
{
	if (x->n++ == x->middle)
		add_pictures(x, a, t);
	add_note(x, a, t);
	return add_metadata(x, a, t, e);
}

int extras_put(struct extras *x, struct settle_pack *p, struct err *e)
{
	const struct {
		enum settle_extra_kind kind;
		const struct buf *bytes;
	} all[] = {{SETTLE_METADATA, &x->metadata},
		   {SETTLE_THUMBNAIL, &x->thumbnail},
		   {SETTLE_PREVIEW, &x->preview},
		   {SETTLE_NOTES, &x->notes}};
	struct err why = {0};
	int rc = x->writer ? metadata_end(x->writer, &why) : 0;

	if (rc == -E_LIMIT)
		buf_cleanup(&x->metadata);
	else if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (all[i].bytes->len > 0 &&
		    (rc = settle_add_extra(p, all[i].kind, all[i].bytes->data, all[i].bytes->len, e)) < 0)
			return rc;
	return 0;
}
