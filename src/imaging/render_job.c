/* imaging/render_job.c - the way of a frame through the steps of render_own.h, in a worker. */
#include "imaging/codec.h"
#include "imaging/picture.h"
#include "imaging/render_own.h"
#include "imaging/worker_own.h"
#include <math.h>

#define PROFILE_MOST (4u << 20)
#define HALVINGS_MOST 6u

/* ---- where in the image the picture lies */

static struct rect area_of(const struct shot *s, const struct softcopy *c)
{
	const int32_t *a = c->area;
	struct rect whole = {.w = s->said.columns, .h = s->said.rows}, area = {.x = a[0], .y = a[1]};

	area.w = (uint32_t)(a[2] - a[0] + 1);
	area.h = (uint32_t)(a[3] - a[1] + 1);
	return c->has_area ? area : whole;
}

/* The region that the request names: of the picture as the presentation state makes it, else of the image. */
static int ask_region(const struct render_options *o, uint32_t width, uint32_t height, struct rect *out, struct err *e)
{
	uint64_t w = o->crop_w, h = o->crop_h;

	if (w == 0 && o->crop_x < width)
		w = width - o->crop_x;
	if (h == 0 && o->crop_y < height)
		h = height - o->crop_y;
	if (w == 0 || h == 0 || o->crop_x + w > width || o->crop_y + h > height)
		return err_set(e, E_INVAL, "a region of %llu x %llu pixels at %u, %u is not in an image of %u x %u",
			       (unsigned long long)w, (unsigned long long)h, o->crop_x, o->crop_y, width, height);
	*out = (struct rect){.x = o->crop_x, .y = o->crop_y, .w = (uint32_t)w, .h = (uint32_t)h};
	return 0;
}

/* Width of a pixel to its height (PS3.3 C.7.6.3.1.7, C.7.6.16.2.1). */
static double pixel_ratio(const struct shot *s)
{
	const struct dset *measures = frame_group(s, TAG(0x28, 0x9110));
	double row, column;

	if (number_of(measures, TAG(0x28, 0x30), 0, &row) && number_of(measures, TAG(0x28, 0x30), 1, &column) &&
	    row > 0)
		return column / row;
	if (number_of(s->head, TAG(0x18, 0x1164), 0, &row) && number_of(s->head, TAG(0x18, 0x1164), 1, &column) &&
	    row > 0)
		return column / row;
	if (number_of(s->head, TAG(0x28, 0x34), 0, &row) && number_of(s->head, TAG(0x28, 0x34), 1, &column) && row > 0)
		return column / row;
	return 1;
}

static bool has_overlays(const struct shot *s)
{
	for (uint32_t k = 0; k < 16; k++)
		if (dset_get(s->head, (0x6000 + 2 * k) << 16 | 0x10))
			return true;
	return false;
}

/* How often the frame may be halved while it is decoded. Numbers of a palette have no means, overlays lie on full pixels. */
static unsigned reduction(const struct shot *s, const struct softcopy *c, const struct render_options *o)
{
	struct rect region;
	uint32_t width, height;
	unsigned r = 0;

	if (c->there || (!o->width && !o->height) || (!o->no_overlays && has_overlays(s)) ||
	    strcmp(s->said.photometric, "PALETTE COLOR") == 0 ||
	    ask_region(o, s->said.columns, s->said.rows, &region, NULL) < 0 ||
	    size_fit(&region, pixel_ratio(s), o, &width, &height, NULL) < 0)
		return 0;
	while (r < HALVINGS_MOST && region.w >> (r + 1) >= width && region.h >> (r + 1) >= height)
		r++;
	return r;
}

/* ---- showing */

static int decode(const struct shot *s, unsigned reduce, struct codec_frame *out, struct notes *notes, struct err *e)
{
	int rc = codec_decode(s->syntax, &s->said, s->data, s->n, reduce, RENDER_MOST, out, e);

	if (rc == -E_MISMATCH) /* of what is stored: nobody's request is at fault */
		rc = render_damaged(rc, e);
	if (rc < 0 || (rc = codec_spread(out, RENDER_MOST, e)) < 0)
		return rc;
	const struct image_pixel *p = &out->pixels;
	bool odd =
	    p->bits_stored < 1 || p->high_bit + 1u < p->bits_stored || p->high_bit >= p->bits_allocated ||
	    (p->bits_allocated != 1 && p->bits_allocated != 8 && p->bits_allocated != 16 && p->bits_allocated != 32);
	if (odd || p->samples != s->said.samples || image_pixel_subsampled(p) || p->planar ||
	    image_pixel_frame_bytes(p) > out->n || p->rows == 0 || p->columns == 0)
		return err_set(e, E_UNSUP, "a frame of %u samples of %u bits, %s, cannot be shown", p->samples,
			       p->bits_allocated, p->photometric);
	notes_add(notes, "%s", out->warning);
	return 0;
}

static int show_grey(const struct shot *s, const struct softcopy *c, const struct render_options *o,
		     const struct codec_frame *f, struct canvas *out, struct notes *notes, struct err *e)
{
	AUTO(look) l = {0};
	int rc = c->there ? softcopy_look(c, s, &l, notes, e) : look_of_image(s, o, &l, notes, e);

	if (rc < 0)
		return rc;
	if (c->there && o->voi != RENDER_FILE) {
		l.way = LOOK_WINDOW;
		l.function = o->voi;
		l.center = o->window_center;
		l.width = o->window_width;
	}
	return f ? grey_show(&l, f, out, e) : grey_show_real(&l, s, out, e);
}

static void draw_overlays(const struct shot *s, const struct softcopy *c, const struct codec_frame *f,
			  struct canvas *to, struct notes *notes)
{
	struct overlay o;

	for (unsigned k = 0; k < 16; k++) {
		if ((c->there ? c->overlay_of_image[k] : true) && overlay_read(s->head, k, s, &o, notes))
			overlay_draw(&o, f, to);
		if (c->there && c->overlay_of_state[k] && overlay_read(c->state, k, s, &o, notes))
			overlay_draw(&o, NULL, to);
	}
}

/* The whole frame as a picture; halved, where that is enough. */
static int show(const struct shot *s, const struct softcopy *c, const struct render_options *o, struct canvas *out,
		struct notes *notes, struct err *e)
{
	AUTO(codec_frame) f = {0};
	bool grey = strncmp(s->said.photometric, "MONOCHROME", 10) == 0,
	     palette = strcmp(s->said.photometric, "PALETTE COLOR") == 0;
	int rc;

	if (s->tag == FLOAT_PIXELS || s->tag == DOUBLE_PIXELS)
		return show_grey(s, c, o, NULL, out, notes, e);
	if ((rc = decode(s, reduction(s, c, o), &f, notes, e)) < 0)
		return rc;
	if (f.pixels.samples == 3)
		rc = colour_show(&f, out, e);
	else if (palette)
		rc = palette_show(s, &f, out, notes, e);
	else if (grey)
		rc = show_grey(s, c, o, &f, out, notes, e);
	else
		rc = err_set(e, E_UNSUP, "grey of the photometric interpretation \"%s\"", s->said.photometric);
	if (rc < 0)
		return rc;
	if (o->voi != RENDER_FILE && !grey)
		notes_add(notes, "a window is for grey images: it was ignored");
	if (c->there)
		softcopy_shutter(c, s, out, notes);
	if (!o->no_overlays)
		draw_overlays(s, c, &f, out, notes);
	return 0;
}

/* ---- region, turn, size */

/* Pixels from `from` on that hold what is left of `end`. */
static uint32_t reach(double end, int64_t from, uint32_t most)
{
	int64_t n = (int64_t)ceil(end - 1e-9) - from;

	if (n > (int64_t)most - from)
		n = (int64_t)most - from;
	return n < 1 ? 1 : (uint32_t)n;
}

static int arrange_state(const struct shot *s, const struct softcopy *c, struct canvas *k, struct err *e)
{
	AUTO(canvas) part = {0};
	struct rect area = area_of(s, c);
	int rc;

	if ((uint64_t)area.w * area.h > RENDER_AREA_MOST && (uint64_t)area.w * area.h > (uint64_t)k->width * k->height)
		return err_set(e, E_UNSUP, "the presentation state shows an area of %u x %u pixels", area.w, area.h);
	if ((rc = size_make(k, &area, area.w, area.h, &part, e)) < 0 || (rc = size_turn(&part, c->turn, e)) < 0)
		return rc;
	size_flip(&part, c->mirror, false);
	canvas_cleanup(k);
	*k = part;
	part = (struct canvas){0};
	return 0;
}

static int arrange(const struct shot *s, const struct softcopy *c, const struct render_options *o, struct canvas *k,
		   struct canvas *out, struct err *e)
{
	uint32_t full_w = s->said.columns, full_h = s->said.rows, width, height;
	double ratio = pixel_ratio(s);
	struct rect region;
	int rc = 0;

	if (c->there) {
		if ((rc = arrange_state(s, c, k, e)) < 0)
			return rc;
		full_w = k->width;
		full_h = k->height;
		if (c->turn % 2)
			ratio = 1 / ratio;
	}
	if ((rc = ask_region(o, full_w, full_h, &region, e)) < 0 ||
	    (rc = size_fit(&region, ratio, o, &width, &height, e)) < 0)
		return rc;
	if (k->width != full_w || k->height != full_h) { /* decoded at a part of its size */
		double fx = (double)k->width / full_w, fy = (double)k->height / full_h;
		struct rect part = {.x = (int64_t)((double)region.x * fx), .y = (int64_t)((double)region.y * fy)};

		part.real_w = region.w * fx;
		part.real_h = region.h * fy;
		part.w = reach((double)region.x * fx + part.real_w, part.x, k->width);
		part.h = reach((double)region.y * fy + part.real_h, part.y, k->height);
		/* A coarse sample stands where the first of those stood that it was made of (ITU-T T.800 annex F). */
		part.aside_x = (double)region.x * fx - (double)part.x + 0.5 - 0.5 * fx;
		part.aside_y = (double)region.y * fy - (double)part.y + 0.5 - 0.5 * fy;
		region = part;
	}
	bool all =
	    region.x == 0 && region.y == 0 && region.w == k->width && region.h == k->height && region.real_w == 0;
	if (all && width == k->width && height == k->height) {
		canvas_cleanup(out);
		*out = *k;
		*k = (struct canvas){0};
	} else if ((rc = size_make(k, &region, width, height, out, e)) < 0) {
		return rc;
	}
	size_flip(out, o->flip_x, o->flip_y);
	return 0;
}

static int write_picture(const struct canvas *k, const struct buf *profile, const struct render_options *o,
			 struct buf *out, struct err *e)
{
	struct picture p = {.width = k->width,
			    .height = k->height,
			    .samples = k->samples,
			    .data = k->data,
			    .profile = profile->data,
			    .profile_n = profile->len};
	unsigned quality = o->quality >= 1 && o->quality <= 100 ? o->quality : RENDER_QUALITY;

	switch (o->format) {
	case RENDER_PNG:
		return picture_png(&p, out, e);
	case RENDER_WEBP:
		return picture_webp(&p, quality, out, e);
	default:
		return picture_jpeg(&p, quality, out, e);
	}
}

int render_bytes(const void *file, size_t n, const void *state, size_t state_n, const struct render_options *o,
		 struct buf *out, char *warning, struct err *e)
{
	AUTO(buf) profile = BUF(PROFILE_MOST);
	AUTO(softcopy) c = {0};
	AUTO(canvas) whole = {0};
	AUTO(canvas) picture = {0};
	AUTO(shot) s = {0};
	struct notes notes = {0};
	int rc;

	if ((rc = shot_read(file, n, o, &s, e)) < 0 ||
	    (state_n && (rc = softcopy_read(state, state_n, &s, &c, &notes, e)) < 0) ||
	    (rc = show(&s, &c, o, &whole, &notes, e)) < 0 || (rc = arrange(&s, &c, o, &whole, &picture, e)) < 0)
		return rc;
	canvas_cleanup(&whole);
	if ((rc = profile_apply(o->profile, s.head, &picture, &profile, &notes, e)) < 0 ||
	    (rc = write_picture(&picture, &profile, o, out, e)) < 0)
		return rc;
	memcpy(warning, notes.text, CODEC_WARNING);
	return 0;
}

int render_job(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e)
{
	struct render_options o;
	AUTO(buf) picture = BUF(j->most);
	int rc;

	_Static_assert(sizeof(o) <= JOB_PARAMETERS, "options of a picture travel with its job");
	memcpy(&o, j->more, sizeof(o));
	if ((rc = render_bytes(in[0].data, in[0].n, in[1].data, in[1].n, &o, &picture, r->warning, e)) < 0)
		return rc;
	return job_write(out, picture.data, picture.len, e);
}
