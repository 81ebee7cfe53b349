/* web/wado_frames.c - frames of an instance, and pixel data of instances, series and studies. */
#include "archive/lookup.h"
#include "base/log.h"
#include "web/reply.h"
#include "web/wado.h"
#include "web/wado_pixels.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct framing { /* the frames of a list, part after part */
	struct pixels *pixels;
	struct wado_pixels how;
	uint64_t *list;
	unsigned n, i;
	struct part first; /* made before the answer began */
};

static int make_frame(struct framing *f, struct part *out, struct err *e)
{
	return pixels_frame(f->pixels, &f->how, f->list[f->i] - 1, out, e);
}

/* What is wrong with a frame is not wrong with the others: a part says so in its place. */
static int put_error(const struct framing *f, const struct err *why, struct part *out, struct err *e)
{
	log_info("frame %" PRIu64 " cannot be given: %s", f->list[f->i], why->msg);
	return part_error(out, why, e);
}

static int next_frame(void *arg, struct part *out, struct err *e)
{
	struct framing *f = arg;
	struct err why = {0};
	int rc;

	if (f->first.type) {
		*out = f->first;
		memset(&f->first, 0, sizeof(f->first));
		return 1;
	}
	if (f->i == f->n)
		return 0;
	if ((rc = make_frame(f, out, &why)) < 0)
		rc = pixels_fault(rc) ? put_error(f, &why, out, e) : err_set(e, why.code, "%s", why.msg);
	f->i++;
	return rc < 0 ? rc : 1;
}

static void close_framing(void *arg)
{
	struct framing *f = arg;

	part_cleanup(&f->first);
	pixels_close(f->pixels);
	free(f->list);
	free(f);
}

static const struct part_ops frames_ops = {.next = next_frame, .close = close_framing};

static void tag_in(struct exchange *x, const struct stored *s, const struct wado_pixels *how, char *out, size_t room)
{
	char tag[LOOKUP_TAG];

	stored_tag(x->archive, s, tag);
	snprintf(out, room, "%s%s-%s", tag, how->multipart ? "-m" : "", how->syntax);
}

/* There are all frames of the list? */
static int check_list(const uint64_t *list, unsigned n, const struct pixels *p, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] > pixels_frames(p))
			return err_set(e, E_NOENT, "frame %" PRIu64 " of %" PRIu64, list[i], pixels_frames(p));
	return 0;
}

static int refuse(struct exchange *x, const char *stored, struct pixels *p, bool single, struct err *e)
{
	struct offer offers[WADO_PIXEL_OFFERS];
	unsigned n = wado_pixel_offers(stored, pixels_shape(p), single, offers);

	return reply_unacceptable(x, offers, n, e);
}

static bool choose(struct exchange *x, const struct stored *s, struct pixels *p, bool single, struct wado_pixels *how)
{
	const struct image_pixel *shape = wado_names_other(&x->accept, s->syntax) ? pixels_shape(p) : NULL;

	return wado_choose_pixels(&x->accept, s->syntax, shape, single, true, how);
}

/* When decoding has failed: whether the client takes the frames as they are stored, too; else it is 406 with the reason. */
static bool stay_compressed(struct exchange *x, const struct stored *s, bool single, int rc, struct wado_pixels *how,
			    struct err *e)
{
	if (!pixels_fault(rc))
		return false;
	x->status = 406;
	if ((!how->decoded && !how->made) || !wado_choose_pixels(&x->accept, s->syntax, NULL, single, false, how))
		return false;
	x->status = 0;
	*e = (struct err){0};
	return true;
}

/* ---- /frames/1 */

/* quick: from memory and file alone; 1: it would take more. */
static int reply_frame(struct exchange *x, const struct stored *s, struct pixels *p, uint64_t frame, bool quick,
		       struct err *e)
{
	AUTO(part) part = {0};
	struct wado_pixels how;
	char tag[128];
	int rc;

	if (quick && wado_names_other(&x->accept, s->syntax))
		return 1;
	if (!choose(x, s, p, true, &how))
		return quick ? 1 : refuse(x, s->syntax, p, true, e);
	if (quick && how.decoded)
		return 1;
	if ((rc = pixels_frame(p, &how, frame - 1, &part, e)) < 0 && stay_compressed(x, s, true, rc, &how, e))
		rc = pixels_frame(p, &how, frame - 1, &part, e);
	if (rc < 0)
		return rc;
	if (quick && (part.pieces || part.bits))
		return 1;
	tag_in(x, s, &how, tag, sizeof(tag));
	if ((rc = reply_fresh(x, tag, true, e)) != 0)
		return rc < 0 ? rc : 0;
	return part_reply(x, &part, how.multipart, tag, e);
}

int wado_frames_quick(struct exchange *x)
{
	AUTO(pixels) p = NULL;
	struct err e = {0};
	uint64_t frame = 0;
	struct stored s;
	int rc;

	for (const char *c = x->rest; *c; c++) {
		if (*c < '0' || *c > '9' || frame > UINT32_MAX)
			return 0;
		frame = frame * 10 + (uint64_t)(*c - '0');
	}
	if (!lookup_known(x->archive, x->scope, x->study, x->series, x->instance, &s) || !pixels_known(x, &s, &p) ||
	    frame == 0 || frame > pixels_frames(p))
		return 0;
	if ((rc = reply_frame(x, &s, p, frame, true, &e)) > 0)
		return 0;
	if (rc < 0)
		reply_error(x, &e);
	else
		exchange_audit(x, x->study, NULL, 1);
	return 1;
}

/* ---- /frames/1,3,5 */

/* The first one before the answer begins: that may be a refusal of all. */
static int first_frame(struct exchange *x, const struct stored *s, struct framing *f, struct err *e)
{
	struct err why = {0};
	int rc = make_frame(f, &f->first, &why);

	if (rc < 0 && stay_compressed(x, s, false, rc, &f->how, &why))
		rc = make_frame(f, &f->first, &why);
	if (pixels_fault(rc) && rc != -E_UNSUP) {
		x->status = 0;
		rc = put_error(f, &why, &f->first, e);
	} else if (rc < 0) {
		return err_set(e, why.code, "%s", why.msg);
	}
	f->i++;
	return rc;
}

static int reply_list(struct exchange *x, const struct stored *s, struct framing *f, struct err *e)
{
	char tag[128];
	int rc;

	if (!choose(x, s, f->pixels, false, &f->how))
		rc = refuse(x, s->syntax, f->pixels, false, e);
	else
		rc = first_frame(x, s, f, e);
	if (rc == 0) {
		tag_in(x, s, &f->how, tag, sizeof(tag));
		rc = reply_fresh(x, tag, true, e);
	}
	if (rc != 0) {
		close_framing(f);
		return rc < 0 ? rc : 0;
	}
	return parts_reply(x, 200, f->first.type, &frames_ops, f, e);
}

int wado_frames(struct exchange *x, struct err *e)
{
	struct framing *f = calloc(1, sizeof(*f));
	struct stored s;
	int rc;

	if (!f)
		return err_set(e, E_NOMEM, "no memory for an answer");
	if ((rc = wado_frame_list(x->rest, &f->list, &f->n, e)) == 0 && (rc = wado_instance(x, &s, e)) == 0) {
		if (pixels_fault(rc = pixels_open(x, &s, &f->pixels, e)))
			x->status = 406;
		if (rc == 0)
			rc = check_list(f->list, f->n, f->pixels, e);
	}
	if (rc < 0) {
		close_framing(f);
		return rc;
	}
	if (f->n > 1)
		return reply_list(x, &s, f, e);
	rc = reply_frame(x, &s, f->pixels, f->list[0], false, e);
	close_framing(f);
	return rc;
}

/* ---- /pixeldata */

struct pixeldata { /* all pixel data of a selection */
	struct exchange *x;
	struct selection *selection;
	struct stored stored; /* the instance under way */
	struct pixels *pixels;
	struct wado_pixels how;
	uint64_t i;
	struct err broken; /* code 0, or what is wrong with the instance under way: it has a part that says so */
	struct part first; /* made before the answer began */
};

/* The next instance that has pixel data; reports have none. Of several instances those that the client does not take in any
 * way that they can be given in go out as they are stored, as their parts say: better than a hole that nobody sees. */
static int next_instance(struct pixeldata *d, struct err *e)
{
	int rc;

	pixels_close(d->pixels);
	d->pixels = NULL;
	d->i = 0;
	while ((rc = select_next(d->selection, &d->stored, e)) > 0) {
		struct err why = {0};

		if ((rc = pixels_open(d->x, &d->stored, &d->pixels, &why)) < 0) {
			if (rc == -E_NOENT && !d->x->instance[0])
				continue;
			if (pixels_fault(rc) && !d->x->instance[0]) {
				d->broken = why;
				return 1;
			}
			if (pixels_fault(rc))
				d->x->status = 406;
			*e = why;
			return rc;
		}
		bool single = d->x->instance[0] && pixels_whole(d->pixels);

		if (choose(d->x, &d->stored, d->pixels, single, &d->how))
			return 1;
		if (d->x->instance[0])
			return refuse(d->x, d->stored.syntax, d->pixels, single, e);
		wado_pixels_stored(d->stored.syntax, &d->how);
		return 1;
	}
	return rc;
}

/* What is wrong with one of several is not wrong with the others. */
static int put_broken(struct pixeldata *d, const struct err *why, struct part *out, struct err *e)
{
	const struct stored *s = &d->stored;
	int rc;

	log_info("pixel data of instance %s cannot be given: %s", s->sop_instance, why->msg);
	d->x->status = 0;
	d->how.multipart = true;
	part_locate(d->x, out, "/studies/%s/series/%s/instances/%s/bulkdata/7FE00010", s->study, s->series,
		    s->sop_instance);
	rc = part_error(out, why, e);
	return rc < 0 ? rc : 1;
}

/* Likewise what cannot be decoded. */
static int give_pixels(struct pixeldata *d, struct part *out, struct err *e)
{
	struct err why = {0};
	int rc = pixels_all(d->pixels, &d->how, d->i, out, &why);

	if (rc < 0 && (d->how.decoded || d->how.made) && pixels_fault(rc)) {
		log_warn("pixel data of instance %s goes out as it is stored: %s", d->stored.sop_instance, why.msg);
		if (!d->x->instance[0])
			wado_pixels_stored(d->stored.syntax, &d->how);
		if (!d->x->instance[0] ||
		    stay_compressed(d->x, &d->stored, pixels_whole(d->pixels), rc, &d->how, &why)) {
			why = (struct err){0};
			rc = pixels_all(d->pixels, &d->how, d->i, out, &why);
		}
	}
	d->i++;
	if (rc < 0 && pixels_fault(rc) && !d->x->instance[0])
		return put_broken(d, &why, out, e);
	if (rc < 0)
		*e = why;
	return rc;
}

static int next_pixels(void *arg, struct part *out, struct err *e)
{
	struct pixeldata *d = arg;
	int rc;

	if (d->first.type) {
		*out = d->first;
		memset(&d->first, 0, sizeof(d->first));
		return 1;
	}
	for (;;) {
		if (d->broken.code) {
			struct err why = d->broken;

			d->broken = (struct err){0};
			return put_broken(d, &why, out, e);
		}
		if (d->pixels && (rc = give_pixels(d, out, e)) != 0)
			return rc;
		if ((rc = next_instance(d, e)) <= 0)
			return rc;
	}
}

static void close_pixeldata(void *arg)
{
	struct pixeldata *d = arg;

	part_cleanup(&d->first);
	pixels_close(d->pixels);
	select_close(d->selection);
	free(d);
}

static const struct part_ops pixeldata_ops = {.next = next_pixels, .close = close_pixeldata};

int wado_pixeldata(struct exchange *x, struct err *e)
{
	struct pixeldata *d = calloc(1, sizeof(*d));
	struct part only;
	char tag[128];
	uint64_t total;
	int rc;

	if (!d)
		return err_set(e, E_NOMEM, "no memory for an answer");
	d->x = x;
	if ((rc = wado_select(x, &d->selection, &total, e)) == 0 && (rc = next_pixels(d, &d->first, e)) == 0)
		rc = err_set(e, E_NOENT, "no pixel data");
	if (rc < 0) {
		close_pixeldata(d);
		return rc;
	}
	if (d->how.multipart)
		return parts_reply(x, 200, d->first.type, &pixeldata_ops, d, e);
	only = d->first;
	memset(&d->first, 0, sizeof(d->first));
	tag_in(x, &only.view.stored, &d->how, tag, sizeof(tag));
	close_pixeldata(d);
	return part_reply(x, &only, false, tag, e);
}
