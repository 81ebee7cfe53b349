/* web/rendered.c - pictures of a study, a series, an instance or its frames: one alone, or several in parts. */
#include "web/rendered.h"
#include "archive/lookup.h"
#include "archive/settle.h"
#include "web/rendered_album.h"
#include "web/reply.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static int reply_one(struct exchange *x, const struct stored *s, const struct render_options *o, struct err *e)
{
	AUTO(gallery) p = NULL;
	int rc;

	if ((rc = gallery_get(x->archive, s, NULL, o, &p, e)) < 0) {
		err_prefix(e, "frame %" PRIu64, o->frame + 1);
		return rendered_failed(x, rc);
	}
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
	int rc = rendered_choose(x, n > 1, o, &multipart, e);

	if (rc == 0) {
		stored_tag(x->archive, s, tag);
		rc = rendered_fresh(x, tag, o, multipart ? x->rest : "alone", e);
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
	if (render_is_state(s.sop_class))
		return rendered_of_state(x, &s, o, e);
	exchange_audit(x, x->study, NULL, 1);
	if (!render_can(s.syntax)) {
		x->status = 406;
		return err_set(e, E_UNSUP, "images in %s cannot be decoded", uid_name(s.syntax));
	}
	if ((rc = rendered_count(x->archive, &s, &frames, e)) < 0)
		return rendered_failed(x, rc);
	if (frames == 0)
		return rendered_no_image(x, "the instance has no pixels", e);
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

	if ((rc = count_missing(x, &total, &missing, e)) < 0 || (rc = rendered_choose(x, true, o, &multipart, e)) < 0 ||
	    (rc = lookup_tag(x->archive, x->scope, x->study, x->series, tag, e)) < 0)
		return rc;
	exchange_audit(x, x->study, NULL, total);
	if ((rc = rendered_fresh(x, tag, o, "all", e)) != 0)
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
	rc = rendered_count(x->archive, out, frames, e);
	return rc < 0 ? rendered_failed(x, rc) : *frames > 0;
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
	return rc < 0 ? rc : rc == 0 ? rendered_no_image(x, "there is nothing", e) : 0;
}

/* A settled series brings its thumbnail along: 1, answered. 0: there is none, or another form of it is wanted. */
static int settled_thumbnail(struct exchange *x, const struct render_options *asked, struct err *e)
{
	AUTO(buf) jpeg = BUF(SETTLE_EXTRA_MOST);
	struct render_options o = *asked;
	char tag[LOOKUP_TAG];
	bool multipart;
	int rc;

	if (!*x->series || *x->instance || x->query.n > 0 || rendered_choose(x, false, &o, &multipart, NULL) < 0 ||
	    multipart || o.format != RENDER_JPEG ||
	    settle_extra(x->archive, x->scope, x->study, x->series, SETTLE_THUMBNAIL, &jpeg, NULL) < 0)
		return 0;
	if ((rc = lookup_tag(x->archive, x->scope, x->study, x->series, tag, e)) < 0)
		return rc;
	exchange_audit(x, x->study, NULL, 1);
	if ((rc = rendered_fresh(x, tag, &o, "settled", e)) == 0)
		rc = reply_bytes(x, 200, render_type(o.format), jpeg.data, jpeg.len, e);
	return rc < 0 ? rc : 1;
}

int rendered_thumbnail(struct exchange *x, struct err *e)
{
	struct render_options o;
	struct stored s;
	uint64_t frames = 1, *list;
	size_t n;
	int rc = rendered_ask(x, true, &o, e);

	if (rc < 0 || (rc = settled_thumbnail(x, &o, e)) != 0)
		return rc < 0 ? rc : 0;
	if (*x->instance) {
		if ((rc = lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, &s, e)) == 0)
			rc = rendered_count(x->archive, &s, &frames, e);
		if (rc == 0 && frames == 0)
			rc = rendered_no_image(x, "the instance has no pixels", e);
		rendered_failed(x, rc);
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
