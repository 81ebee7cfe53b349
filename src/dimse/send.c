#include "dimse/send.h"
#include "archive/derived.h"
#include "archive/frames.h"
#include "dicom/dict.h"
#include "imaging/transcode.h"
#include <string.h>
#include <unistd.h>

#define ALIGN 4096

static void source_close(struct send_source *f)
{
	derived_release(f->other);
	f->other = NULL;
	f->ready = false;
	f->file = 0;
	f->have = 0;
}

void sender_cleanup(struct sender *s)
{
	source_close(&s->now);
	source_close(&s->ahead);
	free(s->now.block);
	free(s->ahead.block);
	s->now.block = s->ahead.block = NULL;
}

static bool same_record(const struct stored *a, const struct stored *b)
{
	return a->pack == b->pack && a->at == b->at;
}

/* ---- which context */

static const struct send_context *context_for(const struct sender *s, const char *abstract, const char *syntax)
{
	for (unsigned i = 0; i < s->n_contexts; i++)
		if (strcmp(s->contexts[i].abstract, abstract) == 0 && strcmp(s->contexts[i].syntax, syntax) == 0)
			return &s->contexts[i];
	return NULL;
}

/* As stored when that is taken, else as it was received, else the simplest syntax that can be made of it. What has no
 * pixel data may go in any that is encapsulated, for its data set is the same in all of them (PS3.5 A.4); whether it has
 * any is found when that is made. */
static int choose(const struct sender *s, const struct stored *what, const struct send_context **out, struct err *e)
{
	static const char *const liked[] = {UID_EXPLICIT_LE, UID_IMPLICIT_LE};
	const struct send_context *without_pixels = NULL;
	bool taken = false;

	if ((*out = context_for(s, what->sop_class, what->syntax)))
		return 0;
	if (what->settled && (*out = context_for(s, what->sop_class, what->received_syntax)) &&
	    transcode_can(what->syntax, what->received_syntax))
		return 0;
	for (size_t k = 0; k < sizeof(liked) / sizeof(liked[0]); k++)
		if ((*out = context_for(s, what->sop_class, liked[k])) && transcode_can(what->syntax, liked[k]))
			return 0;
	for (unsigned i = 0; i < s->n_contexts; i++) {
		const struct send_context *c = &s->contexts[i];

		if (strcmp(c->abstract, what->sop_class) != 0)
			continue;
		taken = true;
		*out = c;
		if (transcode_can(what->syntax, c->syntax))
			return 0;
		if (uid_is_syntax(c->syntax) && uid_is_encapsulated(c->syntax) && !uid_is_deflated(c->syntax))
			without_pixels = c;
	}
	if ((*out = without_pixels))
		return 0;
	return taken ? err_set(e, E_UNSUP, "%s cannot be turned into what the peer takes", uid_name(what->syntax))
		     : err_set(e, E_UNSUP, "the peer does not take %s", uid_name(what->sop_class));
}

/* ---- another syntax: a file that is made once for all who ask */

_Static_assert(sizeof(struct transcode_about) <= DERIVED_ABOUT, "what is known of a file has room");

struct wanted {
	struct archive *archive;
	const struct stored *stored;
	const char *syntax;
};

static int make(void *arg, int fd, uint8_t about[DERIVED_ABOUT], struct err *e)
{
	const struct wanted *w = arg;
	const struct stored *s = w->stored;
	const struct transcode_received received = {s->received_syntax, s->received_digest, s->received_len};
	struct transcode_about made = {0};
	AUTO(frames_source) src = {0};
	int rc;

	if ((rc = frames_source(w->archive, s, &src, e)) < 0 ||
	    (rc = transcode_for(&src, s->settled ? &received : NULL, w->syntax, fd, &made, e)) < 0)
		return rc;
	memcpy(about, &made, sizeof(made));
	return 0;
}

/* The file becomes the source: its data set, behind the head. */
static int in_other_syntax(struct sender *s, struct send_source *f, struct err *e)
{
	struct wanted w = {s->archive, &f->what, f->context->syntax};
	struct transcode_about about;
	int rc;

	if ((rc = derived_open(s->archive, &f->what, w.syntax, make, &w, &f->other, e)) < 0)
		return rc;
	memcpy(&about, derived_about(f->other), sizeof(about));
	f->file = derived_file(f->other, &f->end);
	f->at = about.head_len;
	return 0;
}

/* ---- bytes */

static int64_t source_read(struct sender *s, struct send_source *f, struct err *e)
{
	size_t n = f->end - f->at < s->block_size ? (size_t)(f->end - f->at) : s->block_size;
	int64_t got;

	if (!f->other)
		got = stored_read(s->archive, &f->what, f->at, f->block, n, e);
	else if ((got = pread(f->file, f->block, n, (off_t)f->at)) < 0)
		return err_sys(e, E_IO, "reading a scratch file");
	if (got == 0)
		return err_set(e, E_CORRUPT, "instance %s ends early", f->what.sop_instance);
	if (got < 0)
		return got;
	f->at += (uint64_t)got;
	f->have = (size_t)got;
	if (f->at == f->end && f->odd)
		f->block[f->have++] = 0;
	return (int64_t)f->have;
}

static int make_blocks(struct sender *s, struct err *e)
{
	size_t pdu = shim_assoc_send_size(s->dimse->assoc);

	if (s->now.block)
		return 0;
	s->block_size = pdu && pdu <= SEND_BLOCK ? SEND_BLOCK / pdu * pdu : SEND_BLOCK;
	if (posix_memalign((void **)&s->now.block, ALIGN, SEND_BLOCK + ALIGN) != 0) /* a byte of padding may follow */
		s->now.block = NULL;
	if (posix_memalign((void **)&s->ahead.block, ALIGN, SEND_BLOCK + ALIGN) != 0)
		s->ahead.block = NULL;
	return s->now.block && s->ahead.block ? 0 : err_set(e, E_NOMEM, "no memory to send with");
}

/* Fragments have even lengths (PS3.8 annex E), and peers abort on others. A deflated stream may be padded (PS3.5 A.5);
 * any other data set of odd length, broken as it is, has to be written anew. */
static bool lame(const struct send_source *f)
{
	return (f->end - f->at) % 2 && strcmp(f->context->syntax, UID_DEFLATED_LE) != 0;
}

static int prepare(struct sender *s, struct send_source *f, const struct stored *what, struct err *e)
{
	int64_t rc;

	source_close(f);
	f->what = *what;
	f->at = what->head_len;
	f->end = what->part10_len;
	if ((rc = choose(s, what, &f->context, e)) < 0)
		return (int)rc;
	if (f->at >= f->end)
		return err_set(e, E_CORRUPT, "record of %s has no data set", what->sop_instance);
	bool as_stored = strcmp(f->context->syntax, what->syntax) == 0;
	struct err why = {0};
	rc = as_stored && !lame(f) ? 0 : in_other_syntax(s, f, &why);
	if (rc < 0 && as_stored) { /* too broken to be written anew: better with a byte of padding than not at all */
		source_close(f);
		f->at = what->head_len;
		f->end = what->part10_len;
		rc = 0;
	} else if (rc < 0) {
		*e = why;
	}
	f->ready = true;
	f->odd = (f->end - f->at) % 2;
	if (rc == 0)
		rc = source_read(s, f, e);
	if (rc < 0)
		source_close(f);
	return rc < 0 ? (int)rc : 0;
}

static int64_t piece(void *arg, const void **at, bool *last, struct err *e)
{
	struct sender *s = arg;
	int64_t n;

	if (!s->now.have && (n = source_read(s, &s->now, e)) < 0)
		return n;
	n = (int64_t)s->now.have;
	s->now.have = 0;
	s->bytes += (uint64_t)n;
	*at = s->now.block;
	*last = s->now.at >= s->now.end;
	return n;
}

static void read_ahead(void *arg)
{
	struct sender *s = arg;
	struct err ignored = {0}; /* it is tried again when its turn comes, and then reported */

	if (s->next)
		prepare(s, &s->ahead, s->next, &ignored);
}

int sender_send(struct sender *s, const struct stored *what, const struct stored *next, uint16_t *status, struct err *e)
{
	struct shim_command answer;
	int rc;

	if (make_blocks(s, e) < 0)
		return 1;
	if (s->ahead.ready && same_record(&s->ahead.what, what)) {
		struct send_source swap = s->now;

		s->now = s->ahead;
		s->ahead = swap;
		source_close(&s->ahead);
	} else if (prepare(s, &s->now, what, e) < 0) {
		return 1;
	}
	if (!++s->last_id)
		s->last_id = 1;
	s->next = next;
	struct dimse_object o = {
	    .sop_class = what->sop_class,
	    .sop_instance = what->sop_instance,
	    .context = s->now.context->id,
	    .message_id = s->last_id,
	    .originator = s->originator,
	    .originator_id = s->originator_id,
	    .cancellable = s->cancellable,
	    .cancel_id = s->cancel_id,
	    .piece = piece,
	    .sent = read_ahead,
	    .arg = s,
	};
	rc = dimse_store(s->dimse, &o, &answer, e);
	s->cancelled |= o.cancelled;
	source_close(&s->now);
	if (rc < 0)
		return rc;
	*status = answer.status;
	return 0;
}
