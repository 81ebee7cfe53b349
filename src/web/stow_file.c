/* web/stow_file.c - a part that is a Part 10 file: its head is looked at, the data set goes straight into an intake. */
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "web/stow_own.h"
#include <stdio.h>
#include <string.h>

#define UID_DICOMDIR "1.2.840.10008.1.3.10"

static int refuse(struct stow *s, const struct err *why, struct err *e)
{
	return stow_refuse(s, s->sop_class, s->sop_instance, stow_reason(why), why, e);
}

static int file_begin(struct stow *s, const struct multipart_part *part, struct err *e)
{
	(void)part;
	(void)e;
	buf_clear(&s->head);
	return 0;
}

static void name(char out[65], const char *uid)
{
	snprintf(out, 65, "%s", uid_sane(uid, strlen(uid)) ? uid : "");
}

void stow_file_name(struct stow *s)
{
	struct part10_meta meta;

	if (part10_read(s->head.data, s->head.len, &meta, NULL) < 0)
		return;
	name(s->sop_class, meta.sop_class);
	name(s->sop_instance, meta.sop_instance);
}

/* The head is there, or all of a file that is shorter. */
static int open_intake(struct stow *s, struct err *e)
{
	struct part10_meta meta = {0};
	struct err why = {0};
	int64_t at = part10_read(s->head.data, s->head.len, &meta, &why);

	if (at < 0)
		return refuse(s, &why, e);
	name(s->sop_class, meta.sop_class);
	name(s->sop_instance, meta.sop_instance);
	if (strcmp(meta.sop_class, UID_DICOMDIR) == 0) {
		err_set(&why, E_INVAL, "a DICOMDIR, which is not an instance");
		return refuse(s, &why, e);
	}
	if (intake_begin(s->x->archive, &s->source, meta.syntax, "", "", &s->in, &why) < 0)
		return refuse(s, &why, e);
	intake_hint(s->in, s->sop_class, s->sop_instance);
	if (intake_write(s->in, s->head.data + at, s->head.len - (size_t)at, &why) == 0)
		return 0;
	s->taker = NULL;
	return stow_submit(s, STEAL(s->in), e); /* it knows why it failed, and whose it is */
}

static int file_data(struct stow *s, const uint8_t *data, size_t n, struct err *e)
{
	size_t k = s->in ? 0 : STOW_HEAD - s->head.len;
	int rc;

	if (k > n)
		k = n;
	if (k > 0 && (rc = buf_put(&s->head, data, k, e)) < 0)
		return rc;
	if (!s->in && s->head.len == STOW_HEAD && ((rc = open_intake(s, e)) < 0 || !s->taker))
		return rc;
	if (k == n || intake_write(s->in, data + k, n - k, NULL) == 0)
		return 0;
	s->taker = NULL;
	return stow_submit(s, STEAL(s->in), e);
}

static int file_end(struct stow *s, struct err *e)
{
	int rc;

	if (!s->in && ((rc = open_intake(s, e)) < 0 || !s->taker))
		return rc;
	return stow_submit(s, STEAL(s->in), e);
}

const struct stow_taker stow_files = {file_begin, file_data, file_end};
