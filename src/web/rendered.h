/* web/rendered.h - pictures for people: what a client may ask of them, and the handlers. Of this room only.
 *
 * Source: PS3.18 8.3.5, 10.4.1.1.3, 10.4.1.1.4.
 */
#ifndef WEB_RENDERED_H
#define WEB_RENDERED_H

#include "imaging/render.h"
#include "web/exchange.h"

#define RENDERED_VIEW_MOST 8192u /* sides of a viewport */
#define RENDERED_THUMBNAIL 200u  /* sides of a thumbnail for which no viewport was named */

/* annotation, quality, viewport, window, iccprofile and overlays of the query; others are passed over, as the standard wants.
 * What is understood and not done is said in a Warning header. -E_INVAL names what was expected. */
int rendered_ask(struct exchange *x, bool thumbnail, struct render_options *out, struct err *e);
/* A Warning header, of printable ASCII; "" is none. */
int rendered_warn(struct exchange *x, const char *what, struct err *e);
/* A list of frames, "1,3,2": numbers from 0, *n of them, at most RENDERED_FRAMES. The caller frees. */
#define RENDERED_FRAMES 1000u
int rendered_frames(const char *list, uint64_t **out, size_t *n, struct err *e);

/* ---- handlers, for web/routes.c */
int rendered_pictures(struct exchange *x, struct err *e);  /* of a study, a series, an instance, frames */
int rendered_thumbnail(struct exchange *x, struct err *e); /* of each of them: one picture */
#endif
