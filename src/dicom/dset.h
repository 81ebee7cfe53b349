/* dicom/dset.h - a small data set in memory: identifiers of queries, answers, index attributes. Never pixel data.
 *
 * Elements are sorted by tag. Values are the bytes of the standard's encoding in little endian, without padding for
 * strings; text is in the character set the data set names, or UTF-8 where a function says so.
 * Memory:   a dset owns everything in it; dset_free() frees. dset_get() results are borrowed until the next change.
 * Errors:   -E_INVAL, -E_LIMIT (DSET_MOST bytes, SCAN_DEPTH levels, DSET_ELEMENTS elements), -E_NOMEM.
 * Threads:  one at a time for each dset.
 */
#ifndef DICOM_DSET_H
#define DICOM_DSET_H

#include "dicom/charset.h"
#include "dicom/dict.h"

#define DSET_MOST (4u << 20)
#define DSET_ELEMENTS 20000u

struct dset;
struct elem {
	uint32_t tag;
	char vr[3];
	const uint8_t *value; /* never NULL; NUL-terminated behind len */
	size_t len;
	struct dset **items; /* SQ only */
	unsigned n_items;
};

int dset_new(struct dset **out, struct err *e);
void dset_free(struct dset *d);
static inline void dset_cleanup(struct dset **d)
{
	dset_free(*d);
}
AUTO_TYPE(dset, struct dset *);

/* Group lengths are left out; of an element that comes twice the first stays; text that came as UN has its VR again. */
int dset_parse(const void *data, size_t n, const char *syntax, struct dset **out, struct err *e);
/* Appends the encoded data set (explicit item and sequence lengths, even padding), in implicit or explicit LE or in
 * explicit BE; -E_UNSUP for others. */
int dset_write(const struct dset *d, const char *syntax, struct buf *out, struct err *e);
/* What the text of d is written in, by its label and by the looks of all of it. Text of a data set without a label that is
 * UTF-8 throughout is taken as that: so are the answers of queries. Labels are borrowed from d. */
struct charset_verdict dset_judge(const struct dset *d);
/* Shows the judge all text of d, but for items that have a label of their own. */
void dset_see(const struct dset *d, struct charset_judge *j);
/* Text of d and of its items to UTF-8, in place; items lose the labels that they have of their own. *flags gets enum
 * charset_flag. */
int dset_to_utf8(struct dset *d, const char *label, int *flags, struct err *e);

const struct elem *dset_get(const struct dset *d, uint32_t tag);         /* NULL when absent */
const char *dset_text(const struct dset *d, uint32_t tag);               /* trimmed at both ends; "" when absent */
int64_t dset_int(const struct dset *d, uint32_t tag, int64_t otherwise); /* US UL SS SL IS */
unsigned dset_count(const struct dset *d);
const struct elem *dset_at(const struct dset *d, unsigned n);

/* Put replaces. vr NULL takes the dictionary's. */
int dset_put(struct dset *d, uint32_t tag, const char *vr, const void *value, size_t len, struct err *e);
int dset_put_text(struct dset *d, uint32_t tag, const char *text, struct err *e);
int dset_put_int(struct dset *d, uint32_t tag, int64_t v, struct err *e); /* encoded by the dictionary's VR */
/* Puts an element as dicom/scan.h announces it, but for its items; numbers in little endian, and text that came as UN
 * has its VR again. */
struct scan_element;
int dset_put_scanned(struct dset *d, const struct scan_element *el, struct err *e);
/* Appends an item to a sequence (made when absent); the new item is owned by d. */
int dset_put_item(struct dset *d, uint32_t tag, struct dset **item, struct err *e);
void dset_remove(struct dset *d, uint32_t tag);
#endif
