/* web/wado_metadata.h - finished metadata of studies and series, kept in memory for a while.
 *
 * A document is known by its address, its format and the tag of what it was made from (lookup_tag()), so one that is out of
 * date is never found; the one not asked for the longest goes first. Gzipped forms are made when first asked for.
 * Memory:   at most METADATA_KEPT bytes, besides what is being sent; a document of at most METADATA_ONE.
 * Threads:  any.
 */
#ifndef WEB_WADO_METADATA_H
#define WEB_WADO_METADATA_H

#include "base/buf.h"
#include <stdbool.h>

#define METADATA_FORM "2" /* of the documents: goes into entity tags, changes when they come out otherwise */
#define METADATA_KEPT ((size_t)64 << 20)
#define METADATA_ONE ((size_t)16 << 20)
#define METADATA_BULK_OVER ((size_t)8 << 10)     /* longer binary values are not in metadata but referred to */
#define METADATA_PENDING_MOST ((size_t)96 << 20) /* of what one piece of a data set can become: see dicom/model.h */

struct metadata_doc {
	const uint8_t *data;
	size_t n;
};
/* 1: *out is borrowed until metadata_release(*held); 0: not kept. gzip: that form. */
struct metadata_kept;
int metadata_find(const char *key, bool gzip, struct metadata_kept **held, struct metadata_doc *out);
void metadata_release(struct metadata_kept *held);
/* Keeps what is in doc, and takes its memory. */
void metadata_keep(const char *key, struct buf *doc);
/* Likewise, unless something has changed since the tag was made: of the study or series that x names. */
struct exchange;
void metadata_keep_fresh(struct exchange *x, const char *key, const char *tag, struct buf *doc);
/* Metadata of the series that x names, from the document that was written when it settled (web/metadata.h): 1 when that is
 * the answer, 0 when there is none. */
int metadata_settled(struct exchange *x, const char *type, const char *key, const char *tag, struct err *e);
#endif
