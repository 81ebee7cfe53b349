/* archive/index_internal.h - what a data set's head holds once it is read; for the files of the index. */
#ifndef ARCHIVE_INDEX_INTERNAL_H
#define ARCHIVE_INDEX_INTERNAL_H

#include "archive/attr.h"
#include "archive/index.h"
#include "dicom/scan.h"

#define HEAD_VALUE_MOST 16384u /* longer values are not indexed */
#define HEAD_TOTAL_MOST (256u << 10)
#define HEAD_TEXT_MOST (1u << 20) /* decoded: UTF-8 may be longer than what it came from */

struct head_value {
	const struct attr *attr;
	uint32_t at, len; /* in raw */
	char vr[3];
	bool big_endian;
};
/* A sequence of the data set being taken down, item by item, as its elements pass. */
#define SEQUENCE_DEPTH 4     /* of items within items; deeper ones are left out */
#define SEQUENCE_MOST 8192u  /* bytes that are kept of one */
#define SEQUENCE_ITEMS 64u   /* items of one, nested ones too */
#define SEQUENCE_VALUE 1024u /* longer values within it are left out */
#define SEQUENCES_MOST 64u   /* of one data set */
struct head_sequence {
	const struct attr *attr; /* NULL: none is under way */
	struct dset *root, *at[SEQUENCE_DEPTH + 1];
	uint32_t tag[SEQUENCE_DEPTH + 1];
	char label[SEQUENCE_DEPTH + 1][129]; /* (0008,0005) as it holds for the items of that depth */
	unsigned items;
	bool cut;     /* it is over a limit: not kept */
	bool foreign; /* it has text outside ASCII */
};
struct head_kept { /* a sequence that is complete: its encoding, in raw */
	const struct attr *attr;
	uint32_t at, len;
	bool foreign; /* text is as it came, and items whose label is not the object's own have it */
};
/* Private creators of the data set whose attributes are kept: which block is whose. */
#define HEAD_BLOCKS 16
struct head_block {
	uint32_t block; /* group << 16 | block << 8 */
	char creator[65];
};
struct index_head {
	struct scan *scan;
	const struct attr_set *extra;
	struct head_sequence sequence;
	struct head_kept sequences[SEQUENCES_MOST];
	unsigned n_sequences;
	struct head_block blocks[HEAD_BLOCKS];
	unsigned n_blocks;
	struct buf raw;
	struct head_value values[ATTR_MOST];
	unsigned n;
	bool truncated; /* by an error of the stream behind the identity: the rest is not read */
	bool cut;       /* a value was too long to keep */
	bool over;      /* what follows are pixels: nothing more is collected */
	bool has_label;
	char label[129]; /* (0008,0005) */
	char remark[160];
	char class[65], instance[65], study[65], series[65]; /* "" until seen and sane */
	const char *bad_uid;                                 /* name of one that is there but not sane */

	/* from index_head_end on */
	struct buf patient, own, series_attrs, image; /* attrs of patient, study, series, instance */
	struct buf names, names_other;                /* as they are shown; as they may have been meant, else empty */
	char charset_note[CHARSET_NOTE];              /* what the text is likely in, when the object says otherwise */
	char study_date[9];
};

enum name_kind { NAME_PATIENT = 0, NAME_STUDY = 1 };
/* Rows by which a name is found: its component groups, and its forms for fuzzy matching. */
int index_add_names(struct db_conn *c, const struct buf *names, enum name_kind kind, int64_t owner, struct err *e);
int index_remove_names(struct db_conn *c, const char *names, size_t n, enum name_kind kind, int64_t owner,
		       struct err *e);

/* What the study's text is likely in; the first remark stays. */
int index_note_study(struct db_conn *c, const char *note, int64_t study, struct err *e);

/* Nothing to convert: what is printable in ASCII reads the same in every repertoire. */
bool head_plain(const uint8_t *p, size_t n);
/* index_sequence.c: a sequence begins at depth 0; what is announced within it; and its end. */
int head_sequence_begin(struct index_head *h, const struct attr *a, struct err *e);
int head_sequence_element(struct index_head *h, const struct scan_element *el, struct err *e);
int head_sequence_item(struct index_head *h, unsigned depth, struct err *e);
int head_sequence_end(struct index_head *h, struct err *e);

/* A value of the patient's, study's, series' or instance's attributes; "" when there is none. */
static inline void head_text(const struct buf *attrs, uint8_t code, const char **text, size_t *n)
{
	attr_get(attrs->data, attrs->len, code, text, n);
}
#endif
