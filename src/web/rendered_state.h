/* web/rendered_state.h - presentation states as what is asked for: the images that they are about, shown as they say. Of this room only.
 *
 * Source: PS3.18 10.4.1.1.3, 9.5.1.2 (presentationUID), PS3.3 C.11.11 (references).
 */
#ifndef WEB_RENDERED_STATE_H
#define WEB_RENDERED_STATE_H

#include "archive/query.h"
#include "imaging/render.h"
#include "web/exchange.h"

#define REFERENCES_MOST 4096u
struct reference {
	char series[65], sop_instance[65];
	uint64_t *frames; /* from 0; NULL: all */
	size_t n_frames;
};
struct references {
	struct reference *list;
	size_t n;
};
void references_cleanup(struct references *r);
AUTO_TYPE(references, struct references);
/* The images of a stored presentation state, in its order. -E_CORRUPT, -E_LIMIT, those of stored_read(). */
int references_read(struct archive *a, const struct stored *state, struct references *out, struct err *e);
/* Where one of them is stored, within the study and scope of x. */
int reference_find(struct exchange *x, const struct reference *r, struct stored *out, struct err *e);
/* Answers with the pictures of them all. */
int rendered_of_state(struct exchange *x, const struct stored *state, struct render_options *o, struct err *e);
#endif
