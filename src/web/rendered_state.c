/* web/rendered_state.c - what a presentation state refers to, and the answer made of it. */
#include "web/rendered_state.h"
#include "archive/lookup.h"
#include "dicom/scan.h"
#include "web/rendered_album.h"
#include "web/reply.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECE 65536u
#define VALUE_MOST 4096u
#define SERIES TAG(8, 0x1115)
#define IMAGES TAG(8, 0x1140)

void references_cleanup(struct references *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].frames);
	free(r->list);
	*r = (struct references){0};
}

/* ---- reading them as the data set passes */

struct reading {
	struct references *out;
	size_t first; /* of the series that is being read: its UID stands behind its images */
	bool series, images;
};

static void text_of(const struct scan_element *el, char out[65])
{
	size_t n = el->length < 64 ? el->length : 64;

	memcpy(out, el->value, n);
	while (n > 0 && (out[n - 1] == '\0' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
}

static int frames_of_text(struct reference *r, const struct scan_element *el, struct err *e)
{
	char text[VALUE_MOST + 1];
	size_t n = el->length < VALUE_MOST ? el->length : VALUE_MOST;

	memcpy(text, el->value, n);
	text[n] = '\0';
	if (r->frames || !(r->frames = calloc(RENDERED_FRAMES, sizeof(*r->frames))))
		return r->frames ? 0 : err_set(e, E_NOMEM, "no memory for a list of frames");
	for (char *p = text, *end; r->n_frames < RENDERED_FRAMES; p = end + 1) {
		unsigned long frame = strtoul(p, &end, 10);
		if (end == p || frame == 0)
			break;
		r->frames[r->n_frames++] = frame - 1;
		end += strspn(end, " ");
		if (*end != '\\')
			break;
	}
	if (r->n_frames == 0) {
		free(r->frames);
		r->frames = NULL;
	}
	return 0;
}

static int element(void *arg, const struct scan_element *el, struct err *e)
{
	struct reading *r = arg;
	struct reference *now = r->out->n ? &r->out->list[r->out->n - 1] : NULL;

	if (el->depth == 0) {
		r->series = el->tag == SERIES;
		return el->tag > SERIES;
	}
	if (!r->series)
		return 0;
	if (el->depth == 1)
		r->images = el->tag == IMAGES;
	if (el->depth == 1 && el->tag == TAG(0x20, 0x0e) && el->value)
		for (size_t i = r->first; i < r->out->n; i++)
			text_of(el, r->out->list[i].series);
	if (el->depth != 2 || !r->images || !now || !el->value)
		return 0;
	if (el->tag == TAG(8, 0x1155))
		text_of(el, now->sop_instance);
	return el->tag == TAG(8, 0x1160) ? frames_of_text(now, el, e) : 0;
}

static int item(void *arg, unsigned depth, bool begin, struct err *e)
{
	struct reading *r = arg;
	struct references *out = r->out;

	if (!r->series || !begin)
		return 0;
	if (depth == 0)
		r->first = out->n;
	if (depth != 1 || !r->images)
		return 0;
	if (out->n == REFERENCES_MOST)
		return err_set(e, E_LIMIT, "a presentation state of more than %u images", REFERENCES_MOST);
	if (!out->list && !(out->list = calloc(REFERENCES_MOST, sizeof(*out->list))))
		return err_set(e, E_NOMEM, "no memory for the images of a presentation state");
	out->list[out->n++] = (struct reference){0};
	return 0;
}

int references_read(struct archive *a, const struct stored *state, struct references *out, struct err *e)
{
	static const struct scan_ops ops = {.element = element, .item = item};
	AUTO(references) refs = {0};
	struct reading r = {.out = &refs};
	AUTO(scan) scan = NULL;
	AUTO(str) piece = malloc(PIECE);
	int64_t n;
	int rc;

	if (!piece)
		return err_set(e, E_NOMEM, "no memory to read with");
	if ((rc = scan_new(state->syntax, VALUE_MOST, &ops, &r, &scan, e)) < 0)
		return rc; /* cppcheck-suppress memleak */
	for (uint64_t at = state->head_len; at < state->part10_len && rc == 0; at += (uint64_t)n) {
		if ((n = stored_read(a, state, at, piece, PIECE, e)) <= 0)
			return n < 0 ? (int)n : err_set(e, E_CORRUPT, "record of %s is short", state->sop_instance);
		rc = scan_feed(scan, piece, (size_t)n, e);
	}
	if (rc < 0)
		return rc;
	*out = refs;
	refs = (struct references){0};
	return 0;
}

int reference_find(struct exchange *x, const struct reference *r, struct stored *out, struct err *e)
{
	struct err why = {0};
	int rc = lookup_instance(x->archive, x->scope, x->study, r->series, r->sop_instance, out, &why);

	if (rc < 0 && rc != -E_NOENT && e)
		*e = why;
	return rc;
}

/* ---- the answer */

/* How many pictures there will be; images that are not here. */
static int count(struct exchange *x, const struct references *refs, uint64_t *pictures, uint64_t *missing,
		 struct err *e)
{
	*pictures = *missing = 0;
	for (size_t i = 0; i < refs->n; i++) {
		uint64_t n = refs->list[i].n_frames;
		struct stored s;
		int rc = reference_find(x, &refs->list[i], &s, e);

		if (rc == 0 && n == 0)
			rc = rendered_count(x->archive, &s, &n, e);
		if (rc < 0 && rc != -E_NOENT)
			return rc;
		*missing += rc == -E_NOENT;
		*pictures += rc == 0 ? n : 0;
	}
	return 0;
}

static int say_missing(struct exchange *x, const struct references *refs, uint64_t missing, struct err *e)
{
	char text[CODEC_WARNING];

	if (!missing)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64 " of %zu images of the presentation state are not here", missing,
		 refs->n);
	return rendered_warn(x, text, e);
}

/* The first of them, as an answer of its own. */
static int reply_alone(struct album *b, struct err *e)
{
	struct exchange *x = b->x;
	AUTO(gallery) p = NULL;
	int rc = -E_NOENT;

	for (size_t i = 0; i < b->refs.n && rc == -E_NOENT; i++) {
		rc = reference_find(x, &b->refs.list[i], &b->now, e);
		b->options.frame = b->refs.list[i].n_frames ? b->refs.list[i].frames[0] : 0;
	}
	if (rc == 0)
		rc = rendered_failed(x, gallery_get(x->archive, &b->now, &b->state, &b->options, &p, e));
	if (rc == 0 && (rc = rendered_warn(x, p->warning, e)) == 0)
		rc = reply_bytes(x, 200, render_type(b->options.format), p->data, p->n, e);
	album_close(b);
	return rc;
}

int rendered_of_state(struct exchange *x, const struct stored *state, struct render_options *o, struct err *e)
{
	AUTO(references) refs = {0};
	uint64_t pictures, missing;
	char tag[LOOKUP_TAG];
	struct album *b;
	bool multipart;
	int rc;

	if (*x->rest)
		return rendered_no_image(x, "a presentation state is nothing with frames", e);
	if ((rc = references_read(x->archive, state, &refs, e)) < 0)
		return rendered_failed(x, rc);
	if ((rc = count(x, &refs, &pictures, &missing, e)) < 0)
		return rc;
	exchange_audit(x, x->study, NULL, refs.n - missing);
	if (pictures == 0)
		return rendered_no_image(x, "no image of the presentation state is here", e);
	if ((rc = rendered_choose(x, pictures > 1, o, &multipart, e)) < 0 ||
	    (rc = lookup_tag(x->archive, x->scope, x->study, "", tag, e)) < 0 ||
	    (rc = rendered_fresh(x, tag, o, state->sop_instance, e)) != 0)
		return rc < 0 ? rc : 0;
	if ((rc = say_missing(x, &refs, missing, e)) < 0)
		return rc;
	if (!(b = album_new(x, o, e)))
		return -E_NOMEM;
	b->state = *state;
	b->refs = refs;
	refs = (struct references){0};
	return multipart ? album_reply(b, missing ? 206 : 200, e) : reply_alone(b, e);
}
