/* dicom/model_read.h - the DICOM JSON Model and the Native DICOM Model (XML) read: to a data set in explicit VR LE.
 *
 * What refers to bulk data is left out of the encoded bytes: each reference says where its element belongs, so that the
 * whole is put together by copying, however large the bulk is (model_bulk_head() makes its header).
 * Strict:   keys that come twice, tags that are none, VRs of nowhere, values that their VR cannot hold are refused by name.
 *           Lenient where writers are: a vr that is missing is the dictionary's; numbers may be strings; a person's name
 *           may be one string; tags in lower case; XML's private tags without their block.
 * Text:     becomes UTF-8, and the data set says so (ISO_IR 192) where there is more than ASCII or it said anything.
 * Left out: group 0002 and Available Transfer Syntax UID (both only say how the pixels come), group lengths.
 * Errors:   -E_INVAL naming the element, -E_LIMIT (MODEL_TEXT bytes of text, SCAN_DEPTH levels, MODEL_BULKS references of MODEL_URI bytes).
 * Memory:   about ten times the text while it is read.   Threads: depends on arguments alone.
 * Source:   PS3.18 annex F, PS3.19 A.1, PS3.5 6.2.
 */
#ifndef DICOM_MODEL_READ_H
#define DICOM_MODEL_READ_H

#include "base/buf.h"
#include "dicom/scan.h"

#define MODEL_TEXT (4u << 20)
#define MODEL_BULKS 4096u
#define MODEL_URI 4096u /* bytes of a reference */

struct model_bulk {
	size_t at; /* where its element belongs, in bytes */
	uint32_t tag;
	char vr[3];
	unsigned depth; /* 0: of the data set itself */
	size_t uri;     /* where its text begins in uris */
};
struct model_set {
	struct buf bytes;
	struct model_bulk *bulks; /* in order of at */
	unsigned n_bulks;
	struct buf uris;
	char sop_class[65], sop_instance[65], study[65], series[65]; /* "" where it does not say */
	char syntax[65]; /* of (0002,0010), else (0008,3002): how the pixels come; "" where it does not say */
	int64_t frames;  /* Number of Frames; 1 where it does not say */
};
/* One data set: a JSON object; an XML document. *out is set on success only; model_set_cleanup() frees. */
int model_read_json(const char *text, size_t n, struct model_set *out, struct err *e);
int model_read_xml(const char *text, size_t n, struct model_set *out, struct err *e);
void model_set_cleanup(struct model_set *s);
AUTO_TYPE(model_set, struct model_set);
/* Appends the header of an element of this length in explicit VR LE; SCAN_UNDEFINED for a length that is not said. What
 * is too long for its VR becomes UN (PS3.5 6.2.2). */
int model_bulk_head(uint32_t tag, const char *vr, uint32_t length, struct buf *out, struct err *e);

/* ---- an array of data sets, as it arrives: each object is given when it is complete, one after the other, as text. A
 * single object without an array is fine. */
struct model_split;
int model_split_new(int (*object)(void *arg, const char *text, size_t n, struct err *e), void *arg,
		    struct model_split **out, struct err *e);
int model_split_feed(struct model_split *s, const void *data, size_t n, struct err *e);
int model_split_end(struct model_split *s, struct err *e); /* -E_INVAL: it ended within */
void model_split_free(struct model_split *s);
static inline void model_split_cleanup(struct model_split **s)
{
	model_split_free(*s);
}
AUTO_TYPE(model_split, struct model_split *);
#endif
