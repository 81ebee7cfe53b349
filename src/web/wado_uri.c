/* web/wado_uri.c - the URI service of old viewers (PS3.18 9): GET /wado?requestType=WADO&studyUID=...
 *
 * Anonymized copies and annotations burnt in are refused by name rather than left out: who asks for them relies on them.
 */
#include "archive/frames.h"
#include "archive/lookup.h"
#include "dicom/dict.h"
#include "web/exchange_own.h"
#include "web/gallery.h"
#include "web/rendered.h"
#include "web/rendered_album.h"
#include "web/reply.h"
#include "web/wado.h"
#include "web/wado_choice.h"
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DICOM "application/dicom"

static int bad(struct exchange *x, int status, struct err *e, const char *name, const char *why)
{
	x->status = status;
	return err_set(e, status == 501 ? E_UNSUP : E_INVAL, "%s: %s", name, why);
}

static int take_uid(struct exchange *x, const char *name, const char **out, struct err *e)
{
	const char *uid = url_query_get(&x->query, name);
	if (!uid || !url_uid(uid, false))
		return bad(x, 400, e, name, uid && *uid ? "no UID" : "is required");
	if (!url_uid(uid, true))
		own_of(x)->odd = name;
	*out = uid;
	return 0;
}

static int refuse_others(struct exchange *x, struct err *e)
{
	static const char *const unknown_here[] = {"anonymize", "annotation", "imageAnnotation"};

	for (size_t i = 0; i < sizeof(unknown_here) / sizeof(*unknown_here); i++)
		if (url_query_get(&x->query, unknown_here[i]))
			return bad(x, 501, e, unknown_here[i], "is not offered here");
	return 0;
}

static int take_request(struct exchange *x, struct err *e)
{
	const char *type = url_query_get(&x->query, "requestType");
	int rc;

	if (!type || strcmp(type, "WADO") != 0)
		return bad(x, 400, e, "requestType", "must be WADO");
	if ((rc = take_uid(x, "studyUID", &x->study, e)) < 0 || (rc = take_uid(x, "seriesUID", &x->series, e)) < 0 ||
	    (rc = take_uid(x, "objectUID", &x->instance, e)) < 0)
		return rc;
	return refuse_others(x, e);
}

/* contentType goes before the header; its syntaxes are in a parameter of their own. */
static int take_types(struct exchange *x, struct err *e)
{
	const char *types = url_query_get(&x->query, "contentType"),
		   *syntax = url_query_get(&x->query, "transferSyntax");
	struct accept named;
	int rc;

	if (types && *types) {
		x->status = 400;
		if ((rc = accept_parse(types, &named, e)) < 0)
			return rc;
		x->status = 0;
		x->accept = named;
	}
	if (!syntax)
		return 0;
	if (!uid_is_syntax(syntax) || strcmp(syntax, UID_IMPLICIT_LE) == 0 || strcmp(syntax, UID_EXPLICIT_BE) == 0)
		return bad(x, 400, e, "transferSyntax", "no transfer syntax of the web");
	for (unsigned i = 0; i < x->accept.n; i++)
		if (strcmp(x->accept.list[i].type, DICOM) == 0 || strcmp(x->accept.list[i].type, "*/*") == 0)
			snprintf(x->accept.list[i].syntax, sizeof(x->accept.list[i].syntax), "%s", syntax);
	return 0;
}

/* ---- pictures */

static bool number(const char *text, double least, double most, double *out)
{
	char *end;
	double d = g_ascii_strtod(text, &end);

	if (end == text || *end || !(d >= least && d <= most))
		return false;
	*out = d;
	return true;
}

/* A parameter that is one number. *there: it was given. */
static int take_number(struct exchange *x, const char *name, double least, double most, double *out, bool *there,
		       struct err *e)
{
	const char *text = url_query_get(&x->query, name);

	*there = text != NULL;
	return !text || number(text, least, most, out) ? 0 : bad(x, 400, e, name, "no number that fits");
}

static int take_count(struct exchange *x, const char *name, double most, unsigned *out, struct err *e)
{
	double d = 0;
	bool there;
	int rc = take_number(x, name, 1, most, &d, &there, e);

	*out = (unsigned)d;
	return rc == 0 && d != *out ? bad(x, 400, e, name, "no whole number") : rc;
}

static int take_window(struct exchange *x, struct render_options *o, struct err *e)
{
	bool center, width;
	int rc;

	if ((rc = take_number(x, "windowCenter", -1e9, 1e9, &o->window_center, &center, e)) < 0 ||
	    (rc = take_number(x, "windowWidth", 1, 1e9, &o->window_width, &width, e)) < 0)
		return rc;
	if (center != width)
		return bad(x, 400, e, center ? "windowWidth" : "windowCenter", "is missing");
	o->voi = center ? RENDER_LINEAR : RENDER_FILE;
	return 0;
}

/* Two corners, as parts of the whole (9.5.1.2.5): "0.25,0.25,0.75,0.75". */
static int take_region(struct exchange *x, const struct stored *s, struct render_options *o, struct err *e)
{
	const char *text = url_query_get(&x->query, "region");
	struct frame_table *t;
	gchar **words;
	double c[4];
	bool good;
	int rc;

	if (!text)
		return 0;
	words = g_strsplit(text, ",", 5);
	good = g_strv_length(words) == 4;
	for (unsigned i = 0; good && i < 4; i++)
		good = number(words[i], 0, 1, &c[i]);
	g_strfreev(words);
	if (!good || c[0] >= c[2] || c[1] >= c[3])
		return bad(x, 400, e, "region", "not two corners: left,top,right,bottom, from 0 to 1");
	if ((rc = frames_open(x->archive, s, &t, e)) < 0)
		return rc;
	const struct frames *f = frames_of(t);

	o->crop_x = (uint32_t)(c[0] * f->columns);
	o->crop_y = (uint32_t)(c[1] * f->rows);
	o->crop_w = (uint32_t)ceil(c[2] * f->columns) - o->crop_x;
	o->crop_h = (uint32_t)ceil(c[3] * f->rows) - o->crop_y;
	frames_close(t);
	return 0;
}

/* presentationUID, presentationSeriesUID (9.5.1.2.6): a grayscale softcopy presentation state of the same study. */
static int take_state(struct exchange *x, const struct stored *s, struct stored *state, bool *there, struct err *e)
{
	const char *uid = url_query_get(&x->query, "presentationUID"),
		   *series = url_query_get(&x->query, "presentationSeriesUID");
	AUTO(references) refs = {0};
	int rc;

	*there = uid || series;
	if (!*there)
		return 0;
	if (!uid || !url_uid(uid, false) || !series || !url_uid(series, false))
		return bad(x, 400, e, uid ? "presentationSeriesUID" : "presentationUID", "is required, a UID");
	if (url_query_get(&x->query, "windowCenter") || url_query_get(&x->query, "windowWidth"))
		return bad(x, 400, e, "windowCenter", "not together with a presentation state");
	if ((rc = lookup_instance(x->archive, x->scope, x->study, series, uid, state, e)) < 0)
		return rc;
	if (!render_is_state(state->sop_class))
		return bad(x, 400, e, "presentationUID", "no grayscale softcopy presentation state");
	if ((rc = references_read(x->archive, state, &refs, e)) < 0)
		return rc;
	for (size_t i = 0; i < refs.n; i++)
		if (strcmp(refs.list[i].sop_instance, s->sop_instance) == 0)
			return 0;
	return bad(x, 400, e, "presentationUID", "the presentation state does not name this image");
}

static int reply_picture(struct exchange *x, const struct stored *s, enum render_format format, struct err *e)
{
	struct render_options o = {.format = format, .enlarge = true};
	char tag[LOOKUP_TAG + 24], state_tag[LOOKUP_TAG] = "";
	AUTO(gallery) p = NULL;
	struct stored state;
	unsigned frame;
	bool there;
	int rc;

	if ((rc = take_count(x, "frameNumber", 1e9, &frame, e)) < 0 ||
	    (rc = take_count(x, "rows", RENDERED_VIEW_MOST, &o.height, e)) < 0 ||
	    (rc = take_count(x, "columns", RENDERED_VIEW_MOST, &o.width, e)) < 0 ||
	    (rc = take_count(x, "imageQuality", 100, &o.quality, e)) < 0 || (rc = take_window(x, &o, e)) < 0 ||
	    (rc = take_region(x, s, &o, e)) < 0 || (rc = take_state(x, s, &state, &there, e)) < 0)
		return rc;
	o.frame = frame ? frame - 1 : 0;
	stored_tag(x->archive, s, tag);
	if (there)
		stored_tag(x->archive, &state, state_tag);
	snprintf(tag + strlen(tag), sizeof(tag) - strlen(tag), "-%c%.16s", "jpw"[format], state_tag);
	if ((rc = reply_fresh(x, tag, false, e)) != 0)
		return rc < 0 ? rc : 0;
	if ((rc = gallery_get(x->archive, s, there ? &state : NULL, &o, &p, e)) < 0)
		return rendered_failed(x, rc);
	if ((rc = rendered_warn(x, p->warning, e)) < 0)
		return rc;
	return reply_bytes(x, 200, render_type(format), p->data, p->n, e);
}

/* ---- the handler */

static bool has_frames(struct exchange *x, const struct stored *s)
{
	struct frame_table *t;
	int rc = frames_open(x->archive, s, &t, NULL);
	bool picture = rc == 0 && frames_of(t)->n > 0 && !frames_of(t)->video;

	if (rc == 0)
		frames_close(t);
	return picture || rc == -E_UNSUP; /* a deflated data set: who knows before it is read */
}

enum { OFFER_DICOM = RENDER_WEBP + 1 };
static const struct offer offered[] = {
    [RENDER_JPEG] = {.type = "image/jpeg", .single = true},
    [RENDER_PNG] = {.type = "image/png", .single = true},
    [RENDER_WEBP] = {.type = "image/webp", .single = true},
    [OFFER_DICOM] = {.type = DICOM, .single = true},
};

int wado_uri(struct exchange *x, struct err *e)
{
	const struct offer *o, *from = offered + OFFER_DICOM;
	unsigned n = 1;
	bool multipart;
	struct stored s;
	int rc;

	if ((rc = take_request(x, e)) < 0 || (rc = take_types(x, e)) < 0 || (rc = wado_instance(x, &s, e)) < 0)
		return rc;
	/* Pictures go first where they can be made, unless the client says otherwise (9.1.2.2). */
	if (render_can(s.syntax) && !url_query_get(&x->query, "transferSyntax") && has_frames(x, &s)) {
		from = offered;
		n = sizeof(offered) / sizeof(*offered);
	}
	if (!(o = accept_choose(&x->accept, from, n, &multipart)))
		return reply_unacceptable(x, from, n, e);
	if (o == offered + OFFER_DICOM)
		return wado_reply_instance(x, &s, e);
	return reply_picture(x, &s, (enum render_format)(o - offered), e);
}
