/* web/rendered.c - pictures of a study, a series, an instance or its frames: one alone, or several in parts. */
#include "web/rendered.h"
#include "archive/frames.h"
#include "archive/lookup.h"
#include "base/log.h"
#include "web/gallery.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#define HEADS_MOST 1024u /* bytes between two pictures */
#define SERIES_MOST 1000u

/* ---- what is meant */

static int open_selection(struct exchange *x, const char *series, struct selection **out, uint64_t *total,
			  struct err *e)
{
	AUTO(dset) keys = NULL;
	struct query q = {.relational = true, .scope = x->scope, .level = *series ? LEVEL_SERIES : LEVEL_STUDY};
	int rc;

	if ((rc = dset_new(&keys, e)) < 0 || (rc = dset_put_text(keys, TAG(0x20, 0x0D), x->study, e)) < 0 ||
	    (*series && (rc = dset_put_text(keys, TAG(0x20, 0x0E), series, e)) < 0))
		return rc;
	q.keys = keys;
	if ((rc = select_open(x->archive, &q, out, total, e)) < 0 && rc != -E_DENIED)
		return rc;
	if (rc == 0 && *total > 0)
		return 0;
	if (rc == 0)
		select_close(*out);
	if (e)
		*e = (struct err){0};
	return err_set(e, E_NOENT, "no such %s", *x->series ? "series" : "study");
}

/* Frames of an instance: 0 for one that is no image. */
static int count_frames(struct archive *a, const struct stored *s, uint64_t *n, struct err *e)
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

static int not_an_image(struct exchange *x, const char *what, struct err *e)
{
	x->status = 406;
	return err_set(e, E_UNSUP, "%s that can be shown as a picture", what);
}

/* What keeps a decoder from giving a picture of what is stored: there is none to be had. */
static int undecodable(struct exchange *x, int rc)
{
	if (rc == -E_UNSUP || rc == -E_LIMIT || rc == -E_CORRUPT)
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

static int choose(struct exchange *x, bool several, struct render_options *o, bool *multipart, struct err *e)
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
static int fresh(struct exchange *x, const char *of, const struct render_options *o, const char *which, struct err *e)
{
	char options[GALLERY_KEY], tag[LOOKUP_TAG + 40];

	gallery_key(o, options);
	XXH64_hash_t sum = XXH64(options, strlen(options), XXH64(which, strlen(which), 0));
	snprintf(tag, sizeof(tag), "%s-%016" PRIx64, of, (uint64_t)sum);
	return reply_fresh(x, tag, false, e);
}

/* ---- several, part after part */

struct album {
	struct exchange *x;
	struct render_options options;
	struct selection *selection; /* NULL: only the instance `now` */
	struct stored now;
	uint64_t *list; /* of frames; NULL: all */
	uint64_t n, next;
	const struct gallery_picture *picture; /* that goes out */
	size_t at;
	char boundary[33];
};

static void album_close(void *arg)
{
	struct album *b = arg;

	if (b->selection)
		select_close(b->selection);
	gallery_release(b->picture);
	free(b->list);
	free(b);
}

static struct album *album_new(struct exchange *x, const struct render_options *o, struct err *e)
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

/* The next instance of the selection that has frames; objects that are no images are passed over. 1, 0, negative. */
static int next_instance(struct album *b, struct err *e)
{
	int rc;

	b->next = b->n = 0;
	while (b->selection && b->n == 0) {
		if ((rc = select_next(b->selection, &b->now, e)) <= 0)
			return rc;
		if (!render_can(b->now.syntax))
			continue; /* the answer's status has said that some are missing */
		if ((rc = count_frames(b->x->archive, &b->now, &b->n, e)) < 0)
			return rc;
	}
	return b->n > 0;
}

/* 1: the next picture is open; 0: that was all. */
static int next_picture(struct album *b, struct err *e)
{
	int rc;

	while (b->next == b->n)
		if (!b->selection || (rc = next_instance(b, e)) == 0)
			return 0;
		else if (rc < 0)
			return rc;
	b->options.frame = b->list ? b->list[b->next] : b->next;
	b->next++;
	b->at = 0;
	if ((rc = gallery_get(b->x->archive, &b->now, NULL, &b->options, &b->picture, e)) < 0) {
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
static int album_reply(struct album *b, int status, struct err *e)
{
	static const struct http_source source = {.fill = album_fill, .close = album_close};
	struct exchange *x = b->x;
	char type[128];
	int rc = next_picture(b, e);

	if (rc <= 0) {
		album_close(b);
		return rc == 0 ? not_an_image(x, "there is nothing", e) : undecodable(x, rc);
	}
	if ((rc = rendered_warn(x, b->picture->warning, e)) < 0) {
		album_close(b);
		return rc;
	}
	snprintf(type, sizeof(type), "multipart/related; type=\"%s\"; boundary=%s", render_type(b->options.format),
		 b->boundary);
	return reply_stream(x, status, type, -1, &source, b, e);
}

static int reply_one(struct exchange *x, const struct stored *s, const struct render_options *o, struct err *e)
{
	AUTO(gallery) p = NULL;
	int rc;

	if ((rc = gallery_get(x->archive, s, NULL, o, &p, e)) < 0)
		return undecodable(x, rc);
	if ((rc = rendered_warn(x, p->warning, e)) < 0)
		return rc;
	return reply_bytes(x, 200, render_type(o->format), p->data, p->n, e);
}

/* ---- rendered */

/* list is consumed. */
static int reply_frames(struct exchange *x, const struct stored *s, struct render_options *o, uint64_t *list,
			uint64_t n, struct err *e)
{
	char tag[LOOKUP_TAG];
	bool multipart = false;
	struct album *b = NULL;
	int rc = choose(x, n > 1, o, &multipart, e);

	if (rc == 0) {
		stored_tag(x->archive, s, tag);
		rc = fresh(x, tag, o, multipart ? x->rest : "alone", e);
	}
	if (rc == 0 && !multipart) {
		o->frame = list ? list[0] : 0;
		rc = reply_one(x, s, o, e);
	} else if (rc == 0 && (b = album_new(x, o, e))) {
		b->now = *s;
		b->list = STEAL(list);
		b->n = n;
		rc = album_reply(b, 200, e);
	} else if (rc == 0) {
		rc = -E_NOMEM;
	}
	free(list);
	return rc < 0 ? rc : 0;
}

static int pictures_of_instance(struct exchange *x, struct render_options *o, struct err *e)
{
	uint64_t *list = NULL, frames;
	struct stored s;
	size_t n = 0;
	int rc = lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, &s, e);

	if (rc < 0)
		return rc;
	exchange_audit(x, x->study, NULL, 1);
	if (!render_can(s.syntax)) {
		x->status = 406;
		return err_set(e, E_UNSUP, "images in %s cannot be decoded", uid_name(s.syntax));
	}
	if ((rc = count_frames(x->archive, &s, &frames, e)) < 0)
		return undecodable(x, rc);
	if (frames == 0)
		return not_an_image(x, "the instance has no pixels", e);
	if (*x->rest && (rc = rendered_frames(x->rest, &list, &n, e)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (list[i] >= frames && strcmp(s.syntax, UID_DEFLATED_LE) != 0) {
			rc = err_set(e, E_NOENT, "there is no frame %" PRIu64 " of %" PRIu64, list[i] + 1, frames);
			free(list);
			return rc;
		}
	return reply_frames(x, &s, o, list, list ? n : frames, e);
}

/* How many instances of the selection cannot be decoded. */
static int count_missing(struct exchange *x, uint64_t *total, uint64_t *missing, struct err *e)
{
	struct selection *s;
	struct stored at;
	int rc = open_selection(x, x->series, &s, total, e);

	if (rc < 0)
		return rc;
	*missing = 0;
	while ((rc = select_next(s, &at, e)) == 1)
		*missing += !render_can(at.syntax);
	select_close(s);
	return rc;
}

static int pictures_of_many(struct exchange *x, struct render_options *o, struct err *e)
{
	char tag[LOOKUP_TAG], text[160];
	uint64_t total, missing;
	bool multipart;
	struct album *b;
	int rc;

	if ((rc = count_missing(x, &total, &missing, e)) < 0 || (rc = choose(x, true, o, &multipart, e)) < 0 ||
	    (rc = lookup_tag(x->archive, x->scope, x->study, x->series, tag, e)) < 0)
		return rc;
	exchange_audit(x, x->study, NULL, total);
	if ((rc = fresh(x, tag, o, "all", e)) != 0)
		return rc < 0 ? rc : 0;
	if (!(b = album_new(x, o, e)))
		return -E_NOMEM;
	if ((rc = open_selection(x, x->series, &b->selection, &total, e)) < 0) {
		album_close(b);
		return rc;
	}
	if (missing) {
		snprintf(text, sizeof(text), "299 teleread \"%" PRIu64 " of %" PRIu64 " instances cannot be decoded\"",
			 missing, total);
		http_add(x->http, "Warning", text);
	}
	return album_reply(b, missing ? 206 : 200, e);
}

int rendered_pictures(struct exchange *x, struct err *e)
{
	struct render_options o;
	int rc = rendered_ask(x, false, &o, e);

	if (rc < 0)
		return rc;
	return *x->instance ? pictures_of_instance(x, &o, e) : pictures_of_many(x, &o, e);
}

/* ---- thumbnail */

/* The n-th of the instances of a series that a decoder is there for. 1: it has frames. */
static int showable(struct exchange *x, const char *series, uint64_t n, struct stored *out, uint64_t *frames,
		    struct err *e)
{
	struct selection *s;
	uint64_t total, seen = 0;
	int rc = open_selection(x, series, &s, &total, e);

	if (rc < 0)
		return rc;
	while ((rc = select_next(s, out, e)) == 1)
		if (render_can(out->syntax) && seen++ == n)
			break;
	select_close(s);
	if (rc <= 0)
		return rc;
	rc = count_frames(x->archive, out, frames, e);
	return rc < 0 ? undecodable(x, rc) : *frames > 0;
}

struct counted {
	char uid[65];
	uint64_t n;
};

/* The series in order, with how many instances a decoder is there for. */
static int count_series(struct exchange *x, struct counted *out, size_t *n, struct err *e)
{
	struct selection *s;
	struct stored at;
	uint64_t total;
	int rc = open_selection(x, x->series, &s, &total, e);

	*n = 0;
	if (rc < 0)
		return rc;
	while ((rc = select_next(s, &at, e)) == 1) {
		if ((*n == 0 || strcmp(out[*n - 1].uid, at.series) != 0) && *n < SERIES_MOST)
			snprintf(out[(*n)++].uid, sizeof(out->uid), "%s", at.series);
		out[*n - 1].n += render_can(at.syntax);
	}
	select_close(s);
	return rc;
}

/* The middle image of the first series that has images. */
static int representative(struct exchange *x, struct stored *out, uint64_t *frames, struct err *e)
{
	struct counted *series = calloc(SERIES_MOST, sizeof(*series));
	size_t n;
	int rc;

	if (!series)
		return err_set(e, E_NOMEM, "no memory for a list of series");
	rc = count_series(x, series, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (series[i].n > 0)
			rc = showable(x, series[i].uid, series[i].n / 2, out, frames, e);
	free(series);
	return rc < 0 ? rc : rc == 0 ? not_an_image(x, "there is nothing", e) : 0;
}

int rendered_thumbnail(struct exchange *x, struct err *e)
{
	struct render_options o;
	struct stored s;
	uint64_t frames = 1, *list;
	size_t n;
	int rc = rendered_ask(x, true, &o, e);

	if (rc < 0)
		return rc;
	if (*x->instance) {
		if ((rc = lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, &s, e)) == 0)
			rc = count_frames(x->archive, &s, &frames, e);
		if (rc == 0 && frames == 0)
			rc = not_an_image(x, "the instance has no pixels", e);
		undecodable(x, rc);
	} else {
		rc = representative(x, &s, &frames, e);
	}
	if (rc < 0)
		return rc;
	if (*x->rest) {
		if ((rc = rendered_frames(x->rest, &list, &n, e)) < 0)
			return rc;
	} else if ((list = malloc(sizeof(*list)))) {
		list[0] = frames / 2;
	} else {
		return err_set(e, E_NOMEM, "no memory for a picture");
	}
	exchange_audit(x, x->study, NULL, 1);
	return reply_frames(x, &s, &o, list, 1, e);
}
