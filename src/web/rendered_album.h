/* web/rendered_album.h - pictures in parts, one after the other; and what answers of one picture and of several have in common. Of
 * this room only.
 *
 * Memory:   an album is one picture at a time.   Threads: that of its answer.
 */
#ifndef WEB_RENDERED_ALBUM_H
#define WEB_RENDERED_ALBUM_H

#include "web/gallery.h"
#include "web/rendered.h"
#include "web/rendered_state.h"

struct album {
	struct exchange *x;
	struct render_options options;
	struct selection *selection; /* NULL: only the instance `now`, or refs */
	struct references refs;      /* n 0: none */
	size_t next_ref;
	struct stored state; /* that refs are of */
	struct stored now;
	uint64_t *list; /* of frames; NULL: all */
	uint64_t n, next;
	const struct gallery_picture *picture; /* that goes out */
	size_t at;
	char boundary[33];
};
struct album *album_new(struct exchange *x, const struct render_options *o, struct err *e);
/* The first picture is made before the answer begins, so that its failure has a status. Consumes b. */
int album_reply(struct album *b, int status, struct err *e);
void album_close(void *b);

/* Frames of an instance: 0 for one that is no image, or is video. */
int rendered_count(struct archive *a, const struct stored *s, uint64_t *n, struct err *e);
/* 406: "... that can be shown as a picture". */
int rendered_no_image(struct exchange *x, const char *what, struct err *e);
/* What keeps a decoder from giving a picture of what is stored: 406, there is none to be had. Returns rc. */
int rendered_failed(struct exchange *x, int rc);
/* By the Accept header: o->format, and whether in parts; several: they must be. */
int rendered_choose(struct exchange *x, bool several, struct render_options *o, bool *multipart, struct err *e);
/* of: the tag of what is shown. 1: the client has it already. */
int rendered_fresh(struct exchange *x, const char *of, const struct render_options *o, const char *which,
		   struct err *e);
#endif
