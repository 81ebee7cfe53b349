/* web/metadata.h - the metadata of a series as one document, to be kept with it: what GET .../series/{series}/metadata gives.
 *
 * Made where the instances lie (cmd/ has them while it settles a series), answered from by web/wado_metadata.c as long as
 * settle_extra(SETTLE_METADATA) finds it. It is DICOM JSON, each instance on a line, bulk data referred to as
 * instances/{instance}/bulkdata/{path}, compressed by zstd behind a skippable frame (RFC 8878 3.1.2) that tells the form of
 * the document: one of another form is not answered from, but made anew.
 * Errors:   -E_LIMIT when the document is longer than its buffer (leave it out then: it is made when it is asked for), those of
 *           read, -E_CORRUPT for what ends before its size. A data set that breaks off is told as far as it could be read, as it
 *           is over HTTP.
 * Memory:   a piece of an instance and its JSON, besides out.   Threads: one at a time for each writer.
 * Source:   PS3.18 10.4.1.1.2, annex F.
 */
#ifndef WEB_METADATA_H
#define WEB_METADATA_H

#include "base/buf.h"
#include <stdbool.h>

struct metadata_instance { /* a Part 10 file in the form in which it will be found */
	const char *sop_instance, *syntax;
	uint64_t size, head_len;
	/* Exactly n bytes of the file from at; negative with a sentence. */
	int (*read)(void *arg, uint64_t at, void *buf, size_t n, struct err *e);
	void *arg;
};
struct metadata_writer;
/* Appends to out, borrowed until metadata_free(). */
int metadata_new(struct buf *out, struct metadata_writer **w, struct err *e);
int metadata_add(struct metadata_writer *w, const struct metadata_instance *i,
		 struct err *e); /* in the series' order */
int metadata_end(struct metadata_writer *w, struct err *e);
void metadata_free(struct metadata_writer *w); /* NULL is fine */
static inline void metadata_writer_cleanup(struct metadata_writer **w)
{
	metadata_free(*w);
}
AUTO_TYPE(metadata_writer, struct metadata_writer *);

/* Whether a kept document has the form that this program writes. */
bool metadata_current(const void *blob, size_t n);
/* The compressed document within, of n bytes, behind what tells its form. */
const void *metadata_frame(const void *blob, size_t n, size_t *out);
#endif
