/* web/wado_bulkdata.c - bulk data: one value of an instance, or all that the metadata of instances refer to. */
#include "archive/lookup.h"
#include "base/log.h"
#include "dicom/dict.h"
#include "web/reply.h"
#include "web/wado.h"
#include "web/wado_bulk.h"
#include "web/wado_pixels.h"
#include <stdio.h>
#include <string.h>

#define OCTETS "application/octet-stream"
#define PATHS_MOST (4u << 20)
#define PIXEL_DATA "7FE00010"

static const struct offer offered[] = {
    {OCTETS, UID_EXPLICIT_LE, true, true, true},
    {"application/pdf", NULL, true, true, false},
};

/* Scanning and reading need little endian, and bytes at known places. */
static int plain_view(struct exchange *x, const struct stored *s, struct view *out, struct err *e)
{
	if (strcmp(s->syntax, UID_EXPLICIT_BE) == 0 || uid_is_deflated(s->syntax))
		return view_open(x->archive, s, UID_EXPLICIT_LE, out, e);
	view_stored(x->archive, s, out);
	return 0;
}

static bool has_frames(struct exchange *x, const struct stored *s)
{
	AUTO(pixels) p = NULL;

	return pixels_open(x, s, &p, NULL) == 0 && pixels_frames(p) > 0;
}

/* ---- one */

/* An encapsulated document goes out as what it is, if it is what browsers show safely. */
static bool is_pdf(const struct part *p)
{
	char magic[5];

	return p->n == 1 && !p->pieces && p->one.n >= sizeof(magic) &&
	       view_read(&p->view, p->one.at, magic, sizeof(magic), NULL) == 0 && memcmp(magic, "%PDF-", 5) == 0;
}

static int value_part(struct exchange *x, const struct stored *s, const char *path, struct part *out, struct err *e)
{
	struct bulk_path p;
	int rc;

	if ((rc = bulk_path_parse(path, &p, e)) < 0 || (rc = plain_view(x, s, &out->view, e)) < 0)
		return rc;
	if ((rc = bulk_find(&out->view, &p, out, e)) < 0)
		return rc;
	out->type = OCTETS;
	snprintf(out->syntax, sizeof(out->syntax), "%s", out->pieces ? s->syntax : UID_EXPLICIT_LE);
	part_locate(x, out, "/studies/%s/series/%s/instances/%s/bulkdata/%s", s->study, s->series, s->sop_instance,
		    path);
	return 0;
}

int wado_bulkdata(struct exchange *x, struct err *e)
{
	AUTO(part) p = {0};
	const struct offer *o;
	char tag[LOOKUP_TAG];
	struct stored s;
	bool multipart, pdf;
	int rc;

	if ((rc = wado_instance(x, &s, e)) < 0)
		return rc;
	if (strcasecmp(x->rest, PIXEL_DATA) == 0 && has_frames(x, &s))
		return wado_pixeldata(x, e);
	if ((rc = value_part(x, &s, x->rest, &p, e)) < 0)
		return rc;
	pdf = is_pdf(&p);
	if (!(o = accept_choose(&x->accept, offered, pdf ? 2 : 1, &multipart)))
		return reply_unacceptable(x, offered, pdf ? 2 : 1, e);
	if (o != offered) {
		p.type = o->type;
		p.syntax[0] = '\0';
	}
	stored_tag(x->archive, &s, tag);
	if ((rc = reply_fresh(x, tag, true, e)) != 0)
		return rc < 0 ? rc : 0;
	return part_reply(x, &p, multipart, tag, e);
}

/* ---- all */

struct bulk { /* of a selection */
	struct exchange *x;
	struct selection *selection;
	struct stored stored; /* the instance under way */
	struct buf paths;     /* of its values */
	size_t at;
	struct pixels *pixels; /* while its pixel data is given */
	struct wado_pixels how;
	uint64_t i;
	struct part first; /* made before the answer began */
};

/* Pixel data whose frames nobody can tell, or that cannot be decoded, goes out as it is stored. */
static int next_pixels(struct bulk *b, struct part *out, struct err *e)
{
	struct err why = {0};
	int rc;

	if (!b->pixels) {
		if (!has_frames(b->x, &b->stored))
			return value_part(b->x, &b->stored, PIXEL_DATA, out, e);
		if ((rc = pixels_open(b->x, &b->stored, &b->pixels, e)) < 0)
			return rc;
		b->i = 0;
		if (!wado_choose_pixels(&b->x->accept, b->stored.syntax, NULL, false, true, &b->how))
			wado_pixels_stored(b->stored.syntax, &b->how);
	}
	if ((rc = pixels_all(b->pixels, &b->how, b->i, out, &why)) < 0 && b->how.decoded) {
		log_warn("pixel data of instance %s goes out as it is stored: %s", b->stored.sop_instance, why.msg);
		wado_pixels_stored(b->stored.syntax, &b->how);
		rc = pixels_all(b->pixels, &b->how, b->i, out, &why);
	}
	b->i++;
	if (rc < 0)
		*e = why;
	if (rc == 0) {
		pixels_close(b->pixels);
		b->pixels = NULL;
	}
	return rc;
}

static int next_value(struct bulk *b, struct part *out, struct err *e)
{
	int rc;

	if (b->pixels && (rc = next_pixels(b, out, e)) != 0)
		return rc;
	while (b->at < b->paths.len) {
		const char *path = buf_text(&b->paths) + b->at;

		b->at += strlen(path) + 1;
		rc =
		    strcmp(path, PIXEL_DATA) == 0 ? next_pixels(b, out, e) : value_part(b->x, &b->stored, path, out, e);
		if (rc < 0)
			return rc;
		if (out->type)
			return 1;
	}
	return 0;
}

static int next_bulk(void *arg, struct part *out, struct err *e)
{
	struct bulk *b = arg;
	int rc;

	if (b->first.type) {
		*out = b->first;
		memset(&b->first, 0, sizeof(b->first));
		return 1;
	}
	while ((rc = next_value(b, out, e)) == 0) {
		if ((rc = select_next(b->selection, &b->stored, e)) <= 0)
			return rc;
		buf_clear(&b->paths);
		b->at = 0;
		if ((rc = bulk_list(b->x->archive, &b->stored, &b->paths, e)) < 0)
			return rc;
	}
	return rc;
}

static void close_bulk(void *arg)
{
	struct bulk *b = arg;

	part_cleanup(&b->first);
	pixels_close(b->pixels);
	buf_cleanup(&b->paths);
	select_close(b->selection);
	free(b);
}

int wado_bulkdata_all(struct exchange *x, struct err *e)
{
	static const struct part_ops ops = {.next = next_bulk, .close = close_bulk};
	struct bulk *b = calloc(1, sizeof(*b));
	bool multipart;
	uint64_t total;
	int rc;

	if (!b)
		return err_set(e, E_NOMEM, "no memory for an answer");
	b->x = x;
	b->paths = BUF(PATHS_MOST);
	struct offer parts = {OCTETS, UID_EXPLICIT_LE, true, false, true};

	if (!accept_choose(&x->accept, &parts, 1, &multipart))
		rc = reply_unacceptable(x, &parts, 1, e);
	else if ((rc = wado_select(x, &b->selection, &total, e)) == 0 && (rc = next_bulk(b, &b->first, e)) == 0)
		rc = err_set(e, E_NOENT, "no bulk data");
	if (rc < 0) {
		close_bulk(b);
		return rc;
	}
	return parts_reply(x, 200, b->first.type, &ops, b, e);
}
