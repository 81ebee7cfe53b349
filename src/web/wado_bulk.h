/* web/wado_bulk.h - values of a data set by their path: "00282000", "00081140/0/00081150" (items from 0).
 *
 * Paths are those of the BulkDataURIs of metadata (dicom/model.h), and of every other element that has a value.
 * Errors:   -E_INVAL (no path), -E_NOENT (no such element, or a sequence), -E_MISMATCH (its sender cut it short: the bytes are
 *           as they came), those of scan.h.
 * Threads:  depends on arguments alone; reading may wait.   Source: PS3.18 10.4.1.1.5.
 */
#ifndef WEB_WADO_BULK_H
#define WEB_WADO_BULK_H

#include "dicom/scan.h"
#include "web/wado_parts.h"

struct bulk_path {
	unsigned depth; /* of the last tag: 0 is the data set */
	uint32_t tag[SCAN_DEPTH], item[SCAN_DEPTH];
};
int bulk_path_parse(const char *text, struct bulk_path *out, struct err *e);
/* Where its bytes lie in v, a view in little endian that is not deflated. Encapsulated: all fragments but the first item, a
 * table of offsets. Fills one, pieces and n. */
int bulk_find(const struct view *v, const struct bulk_path *p, struct part *out, struct err *e);

/* The paths that metadata refer to, each ended by NUL, in the order of the data set; as many as fit the cap of out. */
int bulk_list(struct archive *a, const struct stored *s, struct buf *out, struct err *e);
#endif
