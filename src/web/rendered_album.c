/* web/rendered_album.c - pictures in parts, one after the other; and what answers of one picture and of several have in common. */
#include "web/rendered_album.h"
#include "archive/frames.h"
#include "archive/lookup.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define HEADS_MOST 1024u /* bytes between two pictures */

/* Frames of an instance: 0 for one that is no image. */
int rendered_count(struct archive *a, const struct stored *s, uint64_t *n, struct err *e)
{
	struct frame_table *t;
	struct err why = {0};
	int rc = frames_open(a, s, &t, &why);

	*n = 0;
	if (rc == -E_NOENT)
		return 0;
	if (rc == -E_UNSUP) { /* deflated: the toolkit opens it */
		*n = 1;
		return 0;
	}
	if (rc < 0) {
		*e = why;
		return rc;
	}
	*n = frames_of(t)->video ? 0 : frames_of(t)->n;
	if (frames_of(t)->n == 0)
		rc = err_set(e, E_CORRUPT, "the pixel data holds no whole frame");
	frames_close(t);
	return rc;
}

int rendered_no_image(struct exchange *x, const char *what, struct err *e)
{
	x->status = 406;
	return err_set(e, E_UNSUP, "%s that can be shown as a picture", what);
}

/* What keeps a decoder from giving a picture of what is stored: there is none to be had. */
int rendered_failed(struct exchange *x, int rc)
{
	if (rc == -E_UNSUP || rc == -E_LIMIT || rc == -E_CORRUPT || rc == -E_MISMATCH)
		x->status = 406;
	return rc;
}

/* ---- how it is wanted */

static const struct offer one[] = {[RENDER_JPEG] = {.type = "image/jpeg", .single = true},
				   [RENDER_PNG] = {.type = "image/png", .single = true},
				   [RENDER_WEBP] = {.type = "image/webp", .single = true}},
			  parts[] = {[RENDER_JPEG] = {.type = "image/jpeg", .multipart = true},
				     [RENDER_PNG] = {.type = "image/png", .multipart = true},
				     [RENDER_WEBP] = {.type = "image/webp", .multipart = true}};
enum { FORMATS = sizeof(one) / sizeof(*one) };

int rendered_choose(struct exchange *x, bool several, struct render_options *o, bool *multipart, struct err *e)
{
	const struct offer *from = one, *got = several ? NULL : accept_choose(&x->accept, one, FORMATS, multipart);

	if (accept_mixed(&x->accept)) {
		x->status = 400;
		return err_set(e, E_INVAL, "DICOM and rendered media types cannot be asked for together");
	}
	if (!got)
		got = accept_choose(&x->accept, from = parts, FORMATS, multipart);
	if (!got)
		return reply_unacceptable(x, several ? parts : one, FORMATS, e);
	o->format = (enum render_format)(got - from);
	return 0;
}

/* of: the tag of what is shown. 1: the client has it already. */
int rendered_fresh(struct exchange *x, const char *of, const struct render_options *o, const char *which, struct err *e)
{
	char options[GALLERY_KEY], tag[LOOKUP_TAG + 40];

	gallery_key(o, options);
	XXH64_hash_t sum = XXH64(options, strlen(options), XXH64(which, strlen(which), 0));
	snprintf(tag, sizeof(tag), "%s-%016" PRIx64, of, (uint64_t)sum);
	return reply_fresh(x, tag, false, e);
}

/* ---- several, part after part */

void album_close(void *arg)
{
	struct album *b = arg;

	if (b->selection)
		select_close(b->selection);
	gallery_release(b->picture);
	references_cleanup(&b->refs);
	free(b->list);
	free(b);
}

struct album *album_new(struct exchange *x, const struct render_options *o, struct err *e)
{
	struct album *b = calloc(1, sizeof(*b));
	uint64_t random[2];

	if (!b || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		free(b);
		err_set(e, E_NOMEM, "no memory or random bytes for an answer");
		return NULL;
	}
	b->x = x;
	b->options = *o;
	snprintf(b->boundary, sizeof(b->boundary), "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
	return b;
}

/* The next image that the presentation state names and that is here; who asked was told what is missing. */
static int next_reference(struct album *b, struct err *e)
{
	while (b->n == 0 && b->next_ref < b->refs.n) {
		struct reference *r = &b->refs.list[b->next_ref++];
		int rc = reference_find(b->x, r, &b->now, e);

		if (rc == -E_NOENT)
			continue;
		if (rc < 0)
			return rc;
		free(b->list);
		b->list = STEAL(r->frames);
		b->n = r->n_frames;
		if (b->n == 0 && (rc = rendered_count(b->x->archive, &b->now, &b->n, e)) < 0)
			return rc;
	}
	return b->n > 0;
}

/* The next instance of the selection that has frames; objects that are no images are passed over. 1, 0, negative. */
static int next_instance(struct album *b, struct err *e)
{
	int rc;

	b->next = b->n = 0;
	if (b->refs.n)
		return next_reference(b, e);
	while (b->selection && b->n == 0) {
		if ((rc = select_next(b->selection, &b->now, e)) <= 0)
			return rc;
		if (!render_can(b->now.syntax))
			continue; /* the answer's status has said that some are missing */
		if ((rc = rendered_count(b->x->archive, &b->now, &b->n, e)) < 0)
			return rc;
	}
	return b->n > 0;
}

/* 1: the next picture is open; 0: that was all. */
static int next_picture(struct album *b, struct err *e)
{
	int rc;

	while (b->next == b->n)
		if ((!b->selection && !b->refs.n) || (rc = next_instance(b, e)) == 0)
			return 0;
		else if (rc < 0)
			return rc;
	b->options.frame = b->list ? b->list[b->next] : b->next;
	b->next++;
	b->at = 0;
	if ((rc = gallery_get(b->x->archive, &b->now, b->refs.n ? &b->state : NULL, &b->options, &b->picture, e)) < 0) {
		err_prefix(e, "frame %" PRIu64 " of %s", b->options.frame + 1, b->now.sop_instance);
		return rc;
	}
	return 1;
}

static int part_head(const struct album *b, struct buf *out, struct err *e)
{
	const struct stored *s = &b->now;

	return buf_printf(out, e,
			  "--%s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nContent-Location: "
			  "/dicom-web/studies/%s/series/%s/instances/%s/frames/%" PRIu64 "/rendered\r\n\r\n",
			  b->boundary, render_type(b->options.format), b->picture->n, s->study, s->series,
			  s->sop_instance, b->options.frame + 1);
}

static int album_fill(void *arg, struct buf *out, struct err *e)
{
	struct album *b = arg;
	int rc;

	while (out->len + HEADS_MOST < HTTP_PIECE) {
		if (b->at == 0 && (!b->picture && (rc = next_picture(b, e)) <= 0)) {
			if (rc == 0)
				rc = buf_printf(out, e, "--%s--\r\n", b->boundary);
			return rc < 0 ? rc : HTTP_END;
		}
		if (b->at == 0 && (rc = part_head(b, out, e)) < 0)
			return rc;
		size_t room = HTTP_PIECE - out->len, left = b->picture->n - b->at, n = left < room ? left : room;

		if ((rc = buf_put(out, b->picture->data + b->at, n, e)) < 0)
			return rc;
		b->at += n;
		if (b->at < b->picture->n)
			return HTTP_MORE;
		if ((rc = buf_str(out, "\r\n", e)) < 0)
			return rc;
		gallery_release(b->picture);
		b->picture = NULL;
		b->at = 0;
	}
	return HTTP_MORE;
}

/* The first picture is made before the answer begins, so that its failure has a status. Consumes b. */
int album_reply(struct album *b, int status, struct err *e)
{
	static const struct http_source source = {.fill = album_fill, .close = album_close};
	struct exchange *x = b->x;
	char type[128];
	int rc = next_picture(b, e);

	if (rc <= 0) {
		album_close(b);
		return rc == 0 ? rendered_no_image(x, "there is nothing", e) : rendered_failed(x, rc);
	}
	if ((rc = rendered_warn(x, b->picture->warning, e)) < 0) {
		album_close(b);
		return rc;
	}
	snprintf(type, sizeof(type), "multipart/related; type=\"%s\"; boundary=%s", render_type(b->options.format),
		 b->boundary);
	return reply_stream(x, status, type, -1, &source, b, e);
}
