/* imaging/render_softcopy.c - what a Grayscale Softcopy Presentation State says of this frame (PS3.3 A.33.1, C.10.4 to C.11.12). */
#include "imaging/render_own.h"
#include <math.h>

#define VERTICES_MOST 10000u
#define CORNER_MOST 100000.0

bool render_is_state(const char *sop_class)
{
	return strcmp(sop_class, "1.2.840.10008.5.1.4.1.1.11.1") == 0;
}

void softcopy_cleanup(struct softcopy *c)
{
	dset_free(c->state);
	c->state = NULL;
}

/* ---- which item speaks of this frame */

static bool names_frame(const struct dset *image, const struct shot *s)
{
	double frame;

	if (!number_of(image, TAG(8, 0x1160), 0, &frame))
		return true;
	for (unsigned i = 0; number_of(image, TAG(8, 0x1160), i, &frame); i++)
		if (frame == (double)s->number + 1)
			return true;
	return false;
}

static bool speaks_of(const struct dset *item, const struct shot *s)
{
	const struct elem *images = dset_get(item, TAG(8, 0x1140));

	for (unsigned i = 0; images && i < images->n_items; i++)
		if (strcmp(dset_text(images->items[i], TAG(8, 0x1155)), s->sop_instance) == 0 &&
		    names_frame(images->items[i], s))
			return true;
	return !images || images->n_items == 0;
}

static const struct dset *item_for(const struct dset *d, uint32_t sequence, const struct shot *s)
{
	const struct elem *el = dset_get(d, sequence);

	for (unsigned i = 0; el && i < el->n_items; i++)
		if (speaks_of(el->items[i], s))
			return el->items[i];
	return NULL;
}

/* ---- geometry: C.10.4, C.10.6 */

static void read_area(const struct dset *item, struct softcopy *c)
{
	double v[4];

	for (unsigned i = 0; i < 4; i++)
		if (!number_of(item, TAG(0x70, i < 2 ? 0x52 : 0x53), i % 2, &v[i]) || fabs(v[i]) > CORNER_MOST)
			return;
	/* Corners are named as they are after the turn. */
	c->area[0] = (int32_t)fmin(v[0], v[2]) - 1;
	c->area[1] = (int32_t)fmin(v[1], v[3]) - 1;
	c->area[2] = (int32_t)fmax(v[0], v[2]) - 1;
	c->area[3] = (int32_t)fmax(v[1], v[3]) - 1;
	c->has_area = true;
}

static void read_overlays(const struct dset *d, const struct dset *image, struct softcopy *c)
{
	double shutter = 0;

	number_of(d, TAG(0x18, 0x1623), 0, &shutter);
	for (unsigned k = 0; k < 16; k++) {
		uint32_t group = (0x6000 + 2 * k) << 16;
		char layer[17];

		if (!*code_of(d, group | 0x1001, layer) || shutter == 0x6000 + 2 * k)
			continue;
		c->overlay_of_state[k] = dset_get(d, group | 0x3000);
		c->overlay_of_image[k] = !c->overlay_of_state[k] && dset_get(image, group | 0x10);
	}
}

int softcopy_read(const void *file, size_t n, const struct shot *s, struct softcopy *out, struct notes *notes,
		  struct err *e)
{
	AUTO(softcopy) c = {.there = true};
	char class[65], flip[17];
	const struct dset *area;
	double turn = 0;
	int rc;

	if ((rc = shot_read_state(file, n, &c.state, class, e)) < 0)
		return rc;
	if (!render_is_state(class))
		return err_set(e, E_UNSUP, "presentation states of %s", uid_name(class));
	if ((area = item_for(c.state, TAG(0x70, 0x5a), s)))
		read_area(area, &c);
	number_of(c.state, TAG(0x70, 0x42), 0, &turn);
	if (turn == 90 || turn == 180 || turn == 270)
		c.turn = (unsigned)(turn / 90);
	c.mirror = strcmp(code_of(c.state, TAG(0x70, 0x41), flip), "Y") == 0;
	read_overlays(c.state, s->head, &c);
	if (item_for(c.state, TAG(0x70, 1), s))
		notes_add(notes, "graphic annotations of the presentation state are not drawn");
	if (item_of(c.state, TAG(0x28, 0x6100), 0))
		notes_add(notes, "the mask of the presentation state is not subtracted");
	*out = c;
	c.state = NULL;
	return 0;
}

/* ---- grey values: what the state does not say is not done, whatever the image says */

int softcopy_look(const struct softcopy *c, const struct shot *s, struct look *out, struct notes *notes, struct err *e)
{
	const struct dset *voi = item_for(c->state, TAG(0x28, 0x3110), s);
	int rc;

	out->slope = 1;
	out->way = LOOK_FULL;
	if ((rc = look_modality(c->state, s->said.is_signed, out, notes, e)) < 0)
		return rc;
	if (voi &&
	    (rc = look_voi(voi, out->modality.n == 0 && (s->said.is_signed || out->intercept < 0), out, notes, e)) < 0)
		return rc;
	rc = look_presentation(c->state, out, notes, e);
	return rc < 0 ? rc : 0;
}

/* ---- shutters: C.7.6.11, C.7.6.15. Coordinates count from 1, rows before columns. */

struct shutters {
	bool rectangle, circle, polygon, bitmap;
	double left, right, upper, lower;
	double row, column, radius;
	unsigned n;
	double *points; /* row, column */
	struct overlay plane;
};

static bool inside_polygon(const struct shutters *h, double row, double column)
{
	bool inside = false;

	for (unsigned i = 0, k = h->n - 1; i < h->n; k = i++) {
		const double *a = h->points + (size_t)2 * i, *b = h->points + (size_t)2 * k;
		if ((a[0] > row) != (b[0] > row) && column < (b[1] - a[1]) * (row - a[0]) / (b[0] - a[0]) + a[1])
			inside = !inside;
	}
	return inside;
}

static bool hidden(const struct shutters *h, uint32_t x, uint32_t y)
{
	double row = y + 1.0, column = x + 1.0;

	if (h->rectangle && (column <= h->left || column >= h->right || row <= h->upper || row >= h->lower))
		return true;
	if (h->circle && hypot(row - h->row, column - h->column) > h->radius)
		return true;
	if (h->polygon && !inside_polygon(h, row, column))
		return true;
	int64_t left = x - h->plane.left, top = y - h->plane.top;
	return h->bitmap && left >= 0 && top >= 0 && left < UINT32_MAX && top < UINT32_MAX &&
	       overlay_bit(&h->plane, NULL, (uint32_t)left, (uint32_t)top);
}

static void read_polygon(const struct dset *d, struct shutters *h)
{
	double v;

	h->points = calloc(VERTICES_MOST, 2 * sizeof(*h->points));
	for (unsigned i = 0; h->points && i < 2 * VERTICES_MOST && number_of(d, TAG(0x18, 0x1620), i, &v); i++) {
		h->points[i] = v;
		h->n = (i + 1) / 2;
	}
	h->polygon = h->n > 2;
}

static bool read_shutters(const struct dset *d, const struct shot *s, struct shutters *h, struct notes *notes)
{
	const struct elem *shape = dset_get(d, TAG(0x18, 0x1600));
	const char *shapes = shape ? (const char *)shape->value : "";
	double group = 0;

	if (strstr(shapes, "RECTANGULAR"))
		h->rectangle =
		    number_of(d, TAG(0x18, 0x1602), 0, &h->left) && number_of(d, TAG(0x18, 0x1604), 0, &h->right) &&
		    number_of(d, TAG(0x18, 0x1606), 0, &h->upper) && number_of(d, TAG(0x18, 0x1608), 0, &h->lower);
	if (strstr(shapes, "CIRCULAR"))
		h->circle = number_of(d, TAG(0x18, 0x1610), 0, &h->row) &&
			    number_of(d, TAG(0x18, 0x1610), 1, &h->column) &&
			    number_of(d, TAG(0x18, 0x1612), 0, &h->radius);
	if (strstr(shapes, "POLYGONAL"))
		read_polygon(d, h);
	if (strstr(shapes, "BITMAP") && number_of(d, TAG(0x18, 0x1623), 0, &group) && group >= 0x6000 &&
	    group <= 0x601e)
		h->bitmap = overlay_read(d, ((unsigned)group - 0x6000) / 2, s, &h->plane, notes) == 1;
	return h->rectangle || h->circle || h->polygon || h->bitmap;
}

void softcopy_shutter(const struct softcopy *c, const struct shot *s, struct canvas *to, struct notes *notes)
{
	struct shutters h = {0};
	double value = 0;

	if (read_shutters(c->state, s, &h, notes)) {
		number_of(c->state, TAG(0x18, 0x1622), 0, &value); /* P-Value, of 65,535 */
		for (uint32_t y = 0; y < to->height; y++)
			for (uint32_t x = 0; x < to->width; x++)
				if (hidden(&h, x, y))
					memset(to->data + ((size_t)y * to->width + x) * to->samples,
					       (int)(value / 257 + 0.5), to->samples);
	}
	free(h.points);
}
