/* imaging/outline.h - where in a data set the elements lie that change with its pixels, and edits of its bytes. Of this room only.
 *
 * A data set is not taken apart to be changed: what replaces an element, comes new or goes is noted with its place, and all
 * other bytes are copied as they are.
 * Threads:  one at a time.
 */
#ifndef IMAGING_OUTLINE_H
#define IMAGING_OUTLINE_H

#include "base/buf.h"
#include "dicom/dict.h"
#include "dicom/source.h"

enum encoding { ENCODING_IMPLICIT, ENCODING_EXPLICIT, ENCODING_BIG };
enum encoding encoding_of(const char *syntax);

#define T_IMAGE_TYPE TAG(0x0008, 0x0008)
#define T_SOP_CLASS TAG(0x0008, 0x0016)
#define T_SOP_INSTANCE TAG(0x0008, 0x0018)
#define T_DERIVATION TAG(0x0008, 0x2111)
#define T_SOURCE_IMAGES TAG(0x0008, 0x2112)
#define T_DERIVATION_CODE TAG(0x0008, 0x9215)
#define T_SAMPLES TAG(0x0028, 0x0002)
#define T_PHOTOMETRIC TAG(0x0028, 0x0004)
#define T_FRAMES TAG(0x0028, 0x0008)
#define T_ROWS TAG(0x0028, 0x0010)
#define T_COLUMNS TAG(0x0028, 0x0011)
#define T_PLANAR TAG(0x0028, 0x0006)
#define T_BITS_ALLOCATED TAG(0x0028, 0x0100)
#define T_BITS_STORED TAG(0x0028, 0x0101)
#define T_HIGH_BIT TAG(0x0028, 0x0102)
#define T_REPRESENTATION TAG(0x0028, 0x0103)
#define T_LOSSY TAG(0x0028, 0x2110)
#define T_RATIO TAG(0x0028, 0x2112)
#define T_METHOD TAG(0x0028, 0x2114)
#define T_ICON TAG(0x0088, 0x0200)
#define T_OFFSETS TAG(0x7FE0, 0x0001)
#define T_LENGTHS TAG(0x7FE0, 0x0002)
#define T_TOTAL TAG(0x7FE0, 0x0003)
#define T_PIXELS TAG(0x7FE0, 0x0010)

#define OUTLINE_TAGS 27u
#define OUTLINE_VALUE 1024u
struct place { /* of an element of the data set itself, in the file */
	uint32_t tag;
	bool there, placed;
	uint64_t at, end; /* not there: both are where it belongs */
	uint32_t n;       /* of its value, as far as it was kept; at its end, padding removed */
	uint8_t value[OUTLINE_VALUE + 1];
};
struct outline {
	struct place places[OUTLINE_TAGS];
	enum encoding encoding;
	uint64_t from, to; /* the data set without its Pixel Data, or up to it, in the file */
	/* The element that ended it; "" : there was none */
	char pixel_vr[3];
	uint64_t value_at;
	uint32_t value_length;
	uint32_t coded;  /* the sequence of the data set that has encapsulated pixel data in it; 0: none */
	uint32_t within; /* the element of the data set that is being read */
	unsigned open;   /* places whose end is not known yet, as bits; while it is read */
};
/* Reads src from its data set up to src->tag (0, or not there: to its end). -E_CORRUPT where it cannot be read. */
int outline_read(const struct image_source *src, struct outline *out, struct err *e);
/* US: 0 when absent. */
uint16_t outline_number(const struct outline *o, uint32_t tag);
const struct place *outline_at(const struct outline *o, uint32_t tag); /* one of those above */
const char *outline_text(const struct outline *o, uint32_t tag);       /* "" when absent */

struct edit {
	uint32_t tag;
	uint64_t at, old_n; /* bytes of the file that go */
	struct buf bytes;   /* and those that come */
	uint64_t new_at;    /* where they came to lie: filled in by who writes them */
};
#define EDITS_MOST OUTLINE_TAGS
struct edits {
	struct edit list[EDITS_MOST];
	unsigned n;
};
void edits_cleanup(struct edits *x);
AUTO_TYPE(edits, struct edits);
/* The element as it shall be; value in little endian, padded here. An element of n bytes: -E_LIMIT where its length has no room. */
int edits_put(struct edits *x, const struct outline *o, uint32_t tag, const char *vr, const void *value, size_t n,
	      struct err *e);
int edits_text(struct edits *x, const struct outline *o, uint32_t tag, const char *vr, const char *text, struct err *e);
int edits_number(struct edits *x, const struct outline *o, uint32_t tag, uint16_t value, struct err *e);
int edits_remove(struct edits *x, const struct outline *o, uint32_t tag, struct err *e);
struct edit *edits_at(struct edits *x, uint32_t tag); /* NULL: none */
/* Puts them in order, and what they do to the lengths of groups. Once, at last. */
int edits_end(struct edits *x, const struct outline *o, struct err *e);
/* Appends an element. */
int element_put(struct buf *out, enum encoding c, uint32_t tag, const char *vr, const void *value, size_t n,
		struct err *e);
#endif
