#include "imaging/render.h"
#include "imaging/gate.h"
#include "imaging/picture.h"
#include "shim/shim.h"

bool render_can(const char *syntax)
{
	return shim_can_picture(syntax) == 1;
}

static enum err_code code_of(int rc)
{
	switch (rc) {
	case SHIM_EINVAL:
		return E_INVAL;
	case SHIM_ENOTAG:
		return E_NOENT;
	case SHIM_EUNSUP:
		return E_UNSUP;
	case SHIM_ELIMIT:
		return E_LIMIT;
	case SHIM_ENOMEM:
		return E_NOMEM;
	case SHIM_EIO:
		return E_IO;
	default:
		return E_CORRUPT;
	}
}

static int decode(const char *in, const struct render_options *o, struct shim_picture *p, struct err *e)
{
	static const uint8_t voi[] = {[RENDER_FILE] = SHIM_VOI_FILE,
				      [RENDER_LINEAR] = SHIM_VOI_LINEAR,
				      [RENDER_LINEAR_EXACT] = SHIM_VOI_LINEAR_EXACT,
				      [RENDER_SIGMOID] = SHIM_VOI_SIGMOID};
	struct shim_view view = {
	    .frame = o->frame,
	    .left = o->crop_x,
	    .top = o->crop_y,
	    .crop_width = o->crop_w,
	    .crop_height = o->crop_h,
	    .width = o->width,
	    .height = o->height,
	    .enlarge = o->enlarge,
	    .flip_x = o->flip_x,
	    .flip_y = o->flip_y,
	    .voi = voi[o->voi],
	    .center = o->window_center,
	    .width_of_window = o->window_width,
	};

	gate_enter();
	int rc = shim_picture_make(in, &view, RENDER_MOST, p);
	gate_leave();
	return rc < 0 ? err_set(e, code_of(rc), "%s", shim_error()) : 0;
}

int render_frame(const char *in, const struct render_options *o, struct buf *out, struct err *e)
{
	struct shim_picture p = {0};
	int rc;

	if ((rc = decode(in, o, &p, e)) < 0)
		return rc;
	struct picture picture = {.width = p.width, .height = p.height, .samples = p.samples, .data = p.data};
	if (o->format == RENDER_PNG)
		rc = picture_png(&picture, out, e);
	else
		rc = picture_jpeg(&picture, o->quality ? o->quality : RENDER_QUALITY, out, e);
	shim_picture_free(&p);
	return rc;
}
