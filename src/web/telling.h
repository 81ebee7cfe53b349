/* web/telling.h - the data set of one instance as metadata, piece by piece. Of this room only.
 *
 * All of it is read twice: its text is judged before any is written (dicom/model.h). Available Transfer Syntax UID tells in
 * which form the pixels are, as viewers expect it.
 * Errors:   those of read and -E_LIMIT; a data set that breaks off is told as far as it could be read, with a line in the log.
 * Memory:   a piece, and what model.h says.   Threads: one at a time.
 */
#ifndef WEB_TELLING_H
#define WEB_TELLING_H

#include "dicom/model.h"
#include "web/metadata.h"

struct telling;
/* what is borrowed until telling_free(); o->verdict is filled in. out is appended to. */
int telling_new(const struct metadata_instance *what, const struct model_options *o, struct buf *out,
		struct telling **t, struct err *e);
int telling_step(struct telling *t, struct err *e); /* 1: there is more, 0: all was told */
void telling_free(struct telling *t);               /* NULL is fine */
static inline void telling_cleanup(struct telling **t)
{
	telling_free(*t);
}
AUTO_TYPE(telling, struct telling *);
#endif
