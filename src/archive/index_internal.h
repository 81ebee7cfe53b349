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
struct index_head {
	struct scan *scan;
	struct buf raw;
	struct head_value values[ATTR_MOST];
	unsigned n;
	bool truncated; /* by an error of the stream behind the identity: the rest is not read */
	bool cut;       /* a value was too long to keep */
	bool has_label;
	char label[129]; /* (0008,0005) */
	char remark[160];
	char class[65], instance[65], study[65], series[65]; /* "" until seen and sane */
	const char *bad_uid;                                 /* name of one that is there but not sane */

	/* from index_head_end on */
	struct buf patient, own, series_attrs, image; /* attrs of patient, study, series, instance */
	struct buf names;
	char study_date[9];
};

enum name_kind { NAME_PATIENT = 0, NAME_STUDY = 1 };
/* Rows by which a name is found: its component groups, and its forms for fuzzy matching. */
int index_add_names(struct db_conn *c, const struct buf *names, enum name_kind kind, int64_t owner, struct err *e);

/* A value of the patient's, study's, series' or instance's attributes; "" when there is none. */
static inline void head_text(const struct buf *attrs, uint8_t code, const char **text, size_t *n)
{
	attr_get(attrs->data, attrs->len, code, text, n);
}
#endif
