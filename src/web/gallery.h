/* web/gallery.h - pictures of stored frames; those asked for lately are kept in memory.
 *
 * Kept are at most GALLERY_KEPT bytes, besides what is in use, and no picture of more than GALLERY_EACH; what was not asked
 * for the longest goes first.
 * Errors:   those of excerpt_write() and render_frame().
 * Threads:  any that may wait for disk and processor.
 */
#ifndef WEB_GALLERY_H
#define WEB_GALLERY_H

#include "archive/query.h"
#include "base/auto.h"
#include "imaging/render.h"

#define GALLERY_KEPT (48ULL << 20)
#define GALLERY_EACH (4ULL << 20)
#define GALLERY_STATE (16ULL << 20) /* of a presentation state */
#define GALLERY_KEY 320u
struct gallery_picture {
	const uint8_t *data;
	size_t n;
	char warning[CODEC_WARNING]; /* "", or what was not done as asked, or is odd */
};
/* state: a presentation state, or NULL. o->frame is the instance's. *out lives until gallery_release(). */
int gallery_get(struct archive *a, const struct stored *s, const struct stored *state, const struct render_options *o,
		const struct gallery_picture **out, struct err *e);
void gallery_release(const struct gallery_picture *p); /* NULL is fine */
static inline void gallery_cleanup(const struct gallery_picture **p)
{
	gallery_release(*p);
}
AUTO_TYPE(gallery, const struct gallery_picture *);
/* All options in text, the same for the same picture. */
void gallery_key(const struct render_options *o, char out[GALLERY_KEY]);
void gallery_forget(void); /* all that is not in use */
#endif
