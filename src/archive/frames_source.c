/* archive/frames_source.c - a stored instance as other rooms read it (dicom/source.h). */
#include "archive/frames.h"
#include "archive/lookup.h"
#include "dicom/dict.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct opened {
	struct archive *archive;
	struct stored stored;
	struct frame_table *table;
};

static int64_t read_it(void *arg, uint64_t offset, void *buf, size_t n, struct err *e)
{
	const struct opened *o = arg;

	return stored_read(o->archive, &o->stored, offset, buf, n, e);
}

static int64_t locate(void *arg, uint64_t frame, struct frame_piece *out, size_t most, struct err *e)
{
	const struct opened *o = arg;

	return frames_locate(o->table, frame, out, most, e);
}

static int64_t read_appendix(void *arg, uint64_t offset, void *buf, size_t n, struct err *e)
{
	const struct opened *o = arg;

	return stored_appendix(o->archive, &o->stored, offset, buf, n, e);
}

static void describe(const struct frames *f, struct image_source *out)
{
	out->pixels =
	    (struct image_pixel){.rows = f->rows,
				 .columns = f->columns,
				 .samples = (uint16_t)(f->samples ? f->samples : 1),
				 .bits_allocated = (uint16_t)f->bits_allocated,
				 .bits_stored = (uint16_t)(f->bits_stored ? f->bits_stored : f->bits_allocated),
				 .planar = f->planar == 1,
				 .is_signed = f->pixel_signed,
				 .words = f->words};
	out->pixels.high_bit =
	    (uint16_t)(f->high_bit || !out->pixels.bits_stored ? f->high_bit : out->pixels.bits_stored - 1u);
	snprintf(out->pixels.photometric, sizeof out->pixels.photometric, "%s", f->photometric);
	out->frames = f->n;
	out->tag = f->tag;
	out->encapsulated = f->encapsulated;
	out->video = f->video;
	out->value_at = f->value_at;
	out->value_n = f->value_n;
	snprintf(out->warning, sizeof out->warning, "%s", f->warning);
}

int frames_source(struct archive *a, const struct stored *s, struct image_source *out, struct err *e)
{
	struct image_source src = {.read = read_it, .fd = -1, .size = s->part10_len, .head_len = s->head_len};
	struct opened *o = calloc(1, sizeof *o);
	struct err why = {0};
	int rc = 0;

	if (!o)
		return err_set(e, E_NOMEM, "no memory for a source");
	o->archive = a;
	o->stored = *s;
	src.arg = o;
	snprintf(src.syntax, sizeof src.syntax, "%s", s->syntax);
	if (!uid_is_deflated(s->syntax) && (rc = frames_open(a, s, &o->table, &why)) < 0 && rc != -E_NOENT) {
		free(o);
		return err_set(e, why.code, "%s", why.msg);
	}
	if (o->table) {
		src.locate = locate;
		describe(frames_of(o->table), &src);
	}
	if (s->appendix_n > 0) {
		src.appendix = read_appendix;
		src.appendix_n = s->appendix_n;
	}
	if (stored_descriptor(a, s, &src.fd, &src.fd_at, NULL) < 0)
		src.fd = -1;
	*out = src;
	return 0;
}

void frames_source_cleanup(struct image_source *src)
{
	struct opened *o = src->arg;

	if (!o)
		return;
	if (src->fd >= 0)
		close(src->fd);
	frames_close(o->table);
	free(o);
	*src = (struct image_source){.fd = -1};
}
