/* imaging/transcode_head.c - the data set around its pixels: its encoding, what changes in it, its bytes. */
#include "dicom/part10.h"
#include "imaging/dataset.h"
#include "imaging/transcode_own.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA_SET_MOST (512ULL << 20) /* that a deflated one may open to */
enum { META_MOST = 64 << 10 };

void warn(struct transcoding *t, const char *text)
{
	if (!t->r->warning[0] && text[0])
		snprintf(t->r->warning, sizeof t->r->warning, "%.*s", (int)sizeof t->r->warning - 1, text);
}

int change(struct transcoding *t, struct err *e, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if ((rc = buf_str(&t->r->changes, line, e)) < 0)
		return rc;
	return buf_byte(&t->r->changes, '\n', e);
}

/* ---- sources of our own */

static int64_t own_read(void *arg, uint64_t offset, void *buf, size_t n, struct err *e)
{
	const struct image_source *s = arg;

	for (;;) {
		const ssize_t k = pread(s->fd, buf, n, (off_t)offset);

		if (k >= 0)
			return k;
		if (errno != EINTR)
			return err_sys(e, E_IO, "cannot read a data set");
	}
}

void own_open(struct image_source *s, const char *syntax, int fd, uint64_t n)
{
	*s = (struct image_source){.arg = s, .read = own_read, .fd = fd, .size = n};
	snprintf(s->syntax, sizeof s->syntax, "%s", syntax);
}

void own_close(struct image_source *s)
{
	if (s->fd > 0)
		close(s->fd);
	*s = (struct image_source){.fd = -1};
}

static int run(struct transcoding *t, const char *from, const char *to, int in, struct image_source *out, struct err *e)
{
	struct job j = {.kind = JOB_DATASET, .background = t->how->background, .most = DATA_SET_MOST, .in = {in}};
	struct dataset_job d = {{0}};
	struct job_result r = {0};
	int rc;

	snprintf(d.from, sizeof d.from, "%s", from);
	snprintf(j.syntax, sizeof j.syntax, "%s", to);
	memcpy(j.more, &d, sizeof d);
	if ((rc = worker_run(&j, &r, e)) < 0) {
		t->r->workers_limit = rc == -E_LIMIT;
		return rc;
	}
	own_open(out, to, r.out, r.n);
	return 0;
}

/* ---- what was deflated */

static void describe_plain(struct transcoding *t)
{
	struct image_source *s = &t->plain;
	const struct outline *o = &t->was;
	const uint64_t left = s->size - o->value_at;

	s->value_at = o->value_at;
	s->value_n = o->value_length < left ? o->value_length : left;
	s->pixels = (struct image_pixel){.rows = outline_number(o, T_ROWS),
					 .columns = outline_number(o, T_COLUMNS),
					 .samples = outline_number(o, T_SAMPLES),
					 .bits_allocated = outline_number(o, T_BITS_ALLOCATED),
					 .bits_stored = outline_number(o, T_BITS_STORED),
					 .high_bit = outline_number(o, T_HIGH_BIT),
					 .planar = outline_number(o, T_PLANAR) == 1,
					 .is_signed = outline_number(o, T_REPRESENTATION) == 1};
	snprintf(s->pixels.photometric, sizeof s->pixels.photometric, "%.16s", outline_text(o, T_PHOTOMETRIC));
	const uint64_t bits = image_pixel_frame_bits(&s->pixels), said = strtoull(outline_text(o, T_FRAMES), NULL, 10);
	s->frames = bits ? s->value_n * 8 / bits : 0;
	if (s->frames > (said ? said : 1))
		s->frames = said ? said : 1;
}

static int open_plain(struct transcoding *t, const struct image_source *in, struct err *e)
{
	AUTO(fd) fd = -1;
	int rc;

	if (in->size - in->head_len > DATASET_MOST)
		return err_set(e, E_LIMIT, "a deflated data set of more than %llu bytes", DATASET_MOST);
	if ((fd = worker_input(e)) < 0)
		return fd;
	if ((rc = samples_copy(in, in->head_len, in->size - in->head_len, fd, t->room, e)) < 0 ||
	    (rc = run(t, UID_DEFLATED_LE, UID_EXPLICIT_LE, fd, &t->plain, e)) < 0)
		return rc;
	t->in = &t->plain;
	t->plain.tag = T_PIXELS;
	if ((rc = outline_read(&t->plain, &t->was, e)) < 0)
		return rc;
	if (!t->was.pixel_vr[0])
		t->plain.tag = 0;
	else if (t->was.value_length == UINT32_MAX)
		return err_set(e, E_UNSUP, "pixel data in fragments within a deflated data set");
	else
		describe_plain(t);
	return 0;
}

/* ---- another encoding */

static bool delimiter(const uint8_t p[8])
{
	return memcmp(p, "\xFE\xFF\xDD\xE0", 4) == 0;
}

static int find_suffix(struct transcoding *t, struct err *e)
{
	const struct image_source *in = t->in;
	uint8_t next[8] = {0};
	int64_t n;

	t->suffix_at = in->size;
	if (!in->tag)
		return 0;
	t->suffix_at = in->value_at + in->value_n;
	if (!in->encapsulated)
		return 0;
	if ((n = in->read(in->arg, t->suffix_at, next, sizeof next, e)) < 0)
		return (int)n;
	if (n == sizeof next && delimiter(next))
		t->suffix_at += sizeof next;
	return 0;
}

static const char *native_syntax(enum encoding c)
{
	static const char *const names[] = {UID_IMPLICIT_LE, UID_EXPLICIT_LE, UID_EXPLICIT_BE};

	return names[c];
}

static int open_head(struct transcoding *t, struct err *e)
{
	const uint64_t before = t->was.to - t->was.from, behind = t->in->size - t->suffix_at;
	AUTO(fd) fd = -1;
	int rc;

	if (before + behind > DATASET_MOST)
		return err_set(e, E_LIMIT,
			       "%llu bytes of a data set besides its pixels are too many to be written anew",
			       (unsigned long long)(before + behind));
	if ((fd = worker_input(e)) < 0)
		return fd;
	const struct place *icon = outline_at(&t->was, T_ICON);
	const uint64_t cut = t->drop_icon ? icon->at : t->was.to, on = t->drop_icon ? icon->end : t->was.to;
	if ((rc = samples_copy(t->in, t->was.from, cut - t->was.from, fd, t->room, e)) < 0 ||
	    (rc = samples_copy(t->in, on, t->was.to - on, fd, t->room, e)) < 0 ||
	    (rc = samples_copy(t->in, t->suffix_at, behind, fd, t->room, e)) < 0 ||
	    (rc = run(t, native_syntax(t->was.encoding), native_syntax(encoding_of(t->to)), fd, &t->head, e)) < 0)
		return rc;
	t->body = &t->head;
	return outline_read(&t->head, &t->is, e);
}

int head_open(struct transcoding *t, struct err *e)
{
	const bool deflated = uid_is_deflated(t->in->syntax);
	int rc;

	if ((rc = deflated ? open_plain(t, t->in, e) : outline_read(t->in, &t->was, e)) < 0)
		return rc;
	if (t->in->tag && !t->was.pixel_vr[0])
		return err_set(e, E_CORRUPT, "Pixel Data is not where it was found before");
	if ((rc = find_suffix(t, e)) < 0)
		return rc;
	/* A picture within the data set is in the syntax of the data set, too. What is there to be looked at sooner goes; who needs more
	 * than that is not given less. */
	t->drop_icon = t->decode && t->was.coded == T_ICON;
	if (t->decode && t->was.coded && !t->drop_icon)
		return err_set(e, E_UNSUP, "compressed pixel data within (%04X,%04X)", t->was.coded >> 16,
			       t->was.coded & 0xFFFF);
	const uint64_t bytes = t->was.to - t->was.from + (t->in->size - t->suffix_at);
	t->anew = t->was.encoding != encoding_of(t->to) || t->same || bytes % 2 != 0;
	t->body = t->in;
	t->is = t->was;
	t->is.encoding = encoding_of(t->to);
	return t->anew && bytes > 0 ? open_head(t, e) : 0;
}

/* ---- what changes */

static int change_number(struct transcoding *t, uint32_t tag, uint16_t from, uint16_t to, struct err *e)
{
	int rc;

	if (from == to)
		return 0;
	if ((rc = edits_number(&t->edits, &t->is, tag, to, e)) < 0)
		return rc;
	return change(t, e, "(%04X,%04X) %u -> %u", tag >> 16, tag & 0xFFFF, from, to);
}

static int change_pixels(struct transcoding *t, struct err *e)
{
	const struct image_pixel *from = &t->in->pixels, *to = &t->pixels;
	int rc;

	if (from->photometric[0] && strcmp(from->photometric, to->photometric) != 0 &&
	    ((rc = edits_text(&t->edits, &t->is, T_PHOTOMETRIC, "CS", to->photometric, e)) < 0 ||
	     (rc = change(t, e, "(0028,0004) %s -> %s", from->photometric, to->photometric)) < 0))
		return rc;
	if ((rc = change_number(t, T_SAMPLES, from->samples, to->samples, e)) < 0 ||
	    (to->samples > 1 && (rc = change_number(t, T_PLANAR, from->planar, to->planar, e)) < 0) ||
	    (rc = change_number(t, T_BITS_ALLOCATED, from->bits_allocated, to->bits_allocated, e)) < 0 ||
	    (rc = change_number(t, T_BITS_STORED, from->bits_stored, to->bits_stored, e)) < 0 ||
	    (rc = change_number(t, T_HIGH_BIT, from->high_bit, to->high_bit, e)) < 0)
		return rc;
	return change_number(t, T_REPRESENTATION, from->is_signed, to->is_signed, e);
}

/* What says how long group 7FE0 is, or where frames lie, was true of the old pixel data. */
static int change_tables(struct transcoding *t, struct err *e)
{
	static const uint32_t stale[] = {TAG(0x7FE0, 0), T_OFFSETS, T_LENGTHS, T_TOTAL};
	int rc;

	for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
		const struct place *p = outline_at(&t->was, stale[i]);

		if ((rc = edits_remove(&t->edits, &t->is, stale[i], e)) < 0 ||
		    (p->there && (rc = change(t, e, "(7FE0,%04X) removed", stale[i] & 0xFFFF)) < 0))
			return rc;
	}
	if (!t->encode || !pixels_tables(t))
		return 0;
	AUTO(buf) zeros = BUF(UINT32_MAX);
	const size_t n = (size_t)t->in->frames * 8;
	if (t->in->frames > UINT32_MAX / 8 - 1)
		return err_set(e, E_LIMIT, "offsets of %llu frames have no place in an element",
			       (unsigned long long)t->in->frames);
	if ((rc = buf_reserve(&zeros, n, e)) < 0)
		return rc;
	memset(zeros.data, 0, n);
	if ((rc = edits_put(&t->edits, &t->is, T_OFFSETS, "OV", zeros.data, n, e)) < 0)
		return rc;
	return edits_put(&t->edits, &t->is, T_LENGTHS, "OV", zeros.data, n, e);
}

int head_describe(struct transcoding *t, struct err *e)
{
	int rc;

	if (t->anew && (rc = change(t, e, "encoding %s -> %s", native_syntax(t->was.encoding),
				    native_syntax(encoding_of(t->to)))) < 0)
		return rc;
	if (t->in->tag &&
	    ((rc = change_tables(t, e)) < 0 || (rc = change_pixels(t, e)) < 0 || (rc = loss_describe(t, e)) < 0))
		return rc;
	return edits_end(&t->edits, &t->is, e);
}

/* ---- writing it */

static void known(char *to, size_t room, const char *from)
{
	if (!to[0] && from[0])
		snprintf(to, room, "%.*s", (int)room - 1, from);
}

int head_meta(struct transcoding *t, const struct image_source *given, struct err *e)
{
	AUTO(str) head = malloc(META_MOST);
	AUTO(buf) text = BUF(META_MOST);
	struct part10_meta m = {.syntax = ""};
	int64_t n;
	int rc;

	if (!head)
		return err_set(e, E_NOMEM, "no memory for a file's head");
	n = given->read(given->arg, 0, head, given->head_len < META_MOST ? given->head_len : META_MOST, e);
	if (n < 0)
		return (int)n;
	if (n > 0 && part10_read(head, (size_t)n, &m, NULL) < 0)
		memset(&m, 0, sizeof m);
	known(m.sop_class, sizeof m.sop_class, outline_text(&t->was, T_SOP_CLASS));
	known(m.sop_instance, sizeof m.sop_instance, outline_text(&t->was, T_SOP_INSTANCE));
	if (t->instance[0])
		snprintf(m.sop_instance, sizeof m.sop_instance, "%s", t->instance);
	snprintf(m.syntax, sizeof m.syntax, "%s", t->to);
	if ((rc = part10_write(&m, &text, e)) < 0 || (rc = sink_put(&t->out, text.data, text.len, e)) < 0)
		return rc;
	t->data_at = t->out.at;
	t->r->head_len = (uint32_t)t->out.at;
	return uid_is_deflated(t->to) ? sink_deflate(&t->out, e) : 0;
}

/* Bytes from..to of s: copied, or (write false) only told to the proof as what is gone. */
static int pass(struct transcoding *t, const struct image_source *s, uint64_t from, uint64_t to, bool write,
		struct err *e)
{
	int rc = 0;

	while (from < to && rc == 0) {
		const size_t part = to - from < SAMPLES_ROOM ? (size_t)(to - from) : SAMPLES_ROOM;
		const int64_t k = s->read(s->arg, from, t->room, part, e);

		if (k <= 0)
			return k < 0 ? (int)k
				     : err_set(e, E_CORRUPT, "the file ends at byte %llu", (unsigned long long)from);
		if (!write)
			rc = proof_bytes(&t->proof, t->room, (size_t)k, e);
		else if (!t->anew)
			rc = proof_settled(&t->proof, t->out.at - t->data_at, t->room, (size_t)k, e);
		if (rc == 0 && write)
			rc = sink_put(&t->out, t->room, (size_t)k, e);
		from += (uint64_t)k;
	}
	return rc;
}

int head_begin(struct transcoding *t, struct err *e)
{
	const uint64_t end = t->anew ? outline_at(&t->is, T_PIXELS)->at : t->is.to;
	uint64_t at = t->is.from;
	int rc;

	if (t->anew && (rc = pass(t, t->in, t->was.from, t->was.to, false, e)) < 0)
		return rc;
	for (unsigned i = 0; i < t->edits.n; i++) {
		struct edit *x = &t->edits.list[i];

		if ((rc = pass(t, t->body, at, x->at, true, e)) < 0)
			return rc;
		x->new_at = t->out.at;
		at = x->at + x->old_n;
		if ((!t->anew && (rc = pass(t, t->body, x->at, at, false, e)) < 0) ||
		    (x->bytes.len > 0 && (rc = sink_put(&t->out, x->bytes.data, x->bytes.len, e)) < 0))
			return rc;
	}
	return pass(t, t->body, at, end, true, e);
}

int head_rest(struct transcoding *t, struct err *e)
{
	int rc;

	if (t->anew) {
		if ((rc = pass(t, t->in, t->suffix_at, t->in->size, false, e)) < 0)
			return rc;
		return pass(t, t->body, outline_at(&t->is, T_PIXELS)->at, t->body->size, true, e);
	}
	return pass(t, t->in, t->suffix_at, t->in->size, true, e);
}
