/* tests/unit/file_source.h - a Part 10 file as imaging reads it: what frames_source() makes of a stored instance. */
#ifndef TESTS_UNIT_FILE_SOURCE_H
#define TESTS_UNIT_FILE_SOURCE_H

#include "archive/frames_read.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct file_source {
	struct image_source src;
	struct frame_table *table;
	struct buf appendix;
	bool by_read; /* no descriptor is shown */
};

static inline int64_t file_source_read(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct file_source *f = arg;
	const ssize_t k = pread(f->src.fd >= 0 ? f->src.fd : -2 - f->src.fd, buf, n, (off_t)at);

	return k < 0 ? err_sys(e, E_IO, "reading a sample") : k;
}

static inline int64_t file_source_locate(void *arg, uint64_t frame, struct frame_piece *out, size_t most, struct err *e)
{
	return frames_locate(((struct file_source *)arg)->table, frame, out, most, e);
}

static inline int64_t file_source_appendix(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct buf *a = &((struct file_source *)arg)->appendix;

	(void)e;
	if (at >= a->len)
		return 0;
	n = n < a->len - at ? n : (size_t)(a->len - at);
	memcpy(buf, a->data + at, n);
	return (int64_t)n;
}

/* Takes fd over. 0, or what frames_read() says; instances without pixel data are fine. */
static inline int file_source_open(struct file_source *f, int fd, struct err *e)
{
	char head[65536];
	struct part10_meta m;
	struct stat st;
	struct err why = {0};
	int rc = 0;

	memset(f, 0, sizeof *f);
	f->src = (struct image_source){.arg = f, .read = file_source_read, .fd = fd};
	fstat(fd, &st);
	f->src.size = (uint64_t)st.st_size;
	const int64_t at = part10_read(head, (size_t)pread(fd, head, sizeof head, 0), &m, e);
	if (at < 0)
		return (int)at;
	f->src.head_len = (uint32_t)at;
	snprintf(f->src.syntax, sizeof f->src.syntax, "%s", m.syntax);
	const struct frame_source from = {
	    .read = file_source_read, .arg = f, .size = f->src.size, .data_at = f->src.head_len};
	if (uid_is_deflated(m.syntax) || (rc = frames_read(&from, m.syntax, &f->table, &why)) == -E_NOENT)
		return 0;
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	const struct frames *a = frames_of(f->table);
	f->src.pixels =
	    (struct image_pixel){.rows = a->rows,
				 .columns = a->columns,
				 .samples = (uint16_t)(a->samples ? a->samples : 1),
				 .bits_allocated = (uint16_t)a->bits_allocated,
				 .bits_stored = (uint16_t)(a->bits_stored ? a->bits_stored : a->bits_allocated),
				 .planar = a->planar == 1,
				 .is_signed = a->pixel_signed};
	f->src.pixels.high_bit =
	    (uint16_t)(a->high_bit || !f->src.pixels.bits_stored ? a->high_bit : f->src.pixels.bits_stored - 1u);
	snprintf(f->src.pixels.photometric, sizeof f->src.pixels.photometric, "%s", a->photometric);
	snprintf(f->src.warning, sizeof f->src.warning, "%s", a->warning);
	f->src.frames = a->n;
	f->src.tag = a->tag;
	f->src.encapsulated = a->encapsulated;
	f->src.video = a->video;
	f->src.value_at = a->value_at;
	f->src.value_n = a->value_n;
	f->src.locate = file_source_locate;
	return 0;
}

static inline void file_source_close(struct file_source *f)
{
	if (f->src.fd > 0)
		close(f->src.fd);
	if (f->src.fd < -2)
		close(-2 - f->src.fd);
	frames_close(f->table);
	buf_cleanup(&f->appendix);
	memset(f, 0, sizeof *f);
}

/* A file without a name. */
static inline int file_source_scratch(void)
{
	const char *tmp = getenv("TMPDIR");

	return open(tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR, 0600);
}

/* XXH3-128 of the data set. */
static inline void file_source_digest(const struct file_source *f, uint8_t out[16])
{
	static char piece[1 << 20];
	XXH3_state_t *h = XXH3_createState();
	XXH128_canonical_t c;
	int64_t k;

	XXH3_128bits_reset(h);
	for (uint64_t at = f->src.head_len;
	     (k = file_source_read((void *)(uintptr_t)f, at, piece, sizeof piece, NULL)) > 0; at += (uint64_t)k)
		XXH3_128bits_update(h, piece, (size_t)k);
	XXH128_canonicalFromHash(&c, XXH3_128bits_digest(h));
	memcpy(out, c.digest, 16);
	XXH3_freeState(h);
}
#endif
