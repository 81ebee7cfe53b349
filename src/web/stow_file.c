/* web/stow_file.c - a part that is a Part 10 file: its head is looked at, the data set goes straight into an intake. */
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "dicom/scan.h"
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

struct names {
	char sop_class[65], sop_instance[65];
};

static int names_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct names *n = arg;
	size_t k = el->value ? el->length : 0;
	char *to = el->tag == TAG(0x0008, 0x0016)   ? n->sop_class
		   : el->tag == TAG(0x0008, 0x0018) ? n->sop_instance
						    : NULL;

	(void)e;
	while (k > 0 && (el->value[k - 1] == 0 || el->value[k - 1] == ' '))
		k--;
	if (to && el->depth == 0 && k > 0 && uid_sane((const char *)el->value, k))
		snprintf(to, 65, "%.*s", (int)k, (const char *)el->value);
	return el->depth == 0 && el->tag >= TAG(0x0008, 0x0018);
}

/* What the data set itself says, where it begins as it should: an intake that knows the names from the start lays its
 * record out so that it can be written past the page cache. */
static struct names names_of(const char *syntax, const uint8_t *data, size_t n)
{
	static const struct scan_ops ops = {.element = names_element};
	AUTO(scan) scan = NULL;
	struct names found = {0};

	if (!uid_is_deflated(syntax) && scan_new(syntax, 128, &ops, &found, &scan, NULL) == 0)
		(void)scan_feed(scan, data, n, NULL);
	return found.sop_class[0] && found.sop_instance[0] ? found : (struct names){0};
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
	struct names names;
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
	names = names_of(meta.syntax, s->head.data + at, s->head.len - (size_t)at);
	if (intake_begin(s->x->archive, &s->source, meta.syntax, names.sop_class, names.sop_instance, &s->in, &why) < 0)
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
