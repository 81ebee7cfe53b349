/* Appendices of any bytes: what is read of one is within it, and what its recipe makes is as long as its pieces say.
 * Byte 0: whether the sums are made right first; byte 1: length of the settled data set; the rest is the appendix. */
#include "dicom/appendix.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "fuzz.h"
#include "imaging/transcode.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { META_MOST = 1024, DATA_MOST = 255 };

struct file {
	uint8_t head[META_MOST + DATA_MOST];
	size_t n, head_len;
	const uint8_t *appendix;
	size_t appendix_n;
};

static int64_t from(const uint8_t *p, size_t have, uint64_t at, void *buf, size_t n)
{
	if (at >= have)
		return 0;
	n = n < have - at ? n : (size_t)(have - at);
	memcpy(buf, p + at, n);
	return (int64_t)n;
}

static int64_t read_file(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct file *f = arg;

	(void)e;
	return from(f->head, f->n, at, buf, n);
}

static int64_t read_appendix(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	const struct file *f = arg;

	(void)e;
	return from(f->appendix, f->appendix_n, at, buf, n);
}

static void put64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void make_sums_right(uint8_t *p, size_t n)
{
	uint64_t recipe = 0;

	put64(p + 8, n);
	for (unsigned i = 8; i-- > 0;)
		recipe = recipe << 8 | p[64 + i];
	if (recipe < n && n - recipe > 8)
		put64(p + n - 8, XXH3_64bits(p + recipe, (size_t)(n - recipe) - 8));
	put64(p + APPENDIX_HEAD - 8, XXH3_64bits(p, APPENDIX_HEAD - 8));
}

struct seen {
	uint64_t n;
	bool samples;
};

static int see(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e)
{
	struct seen *s = arg;
	uint8_t sum = 0;

	(void)e;
	for (uint64_t i = 0; p->kind == RECIPE_BYTES && i < p->n; i++)
		sum ^= bytes[i]; /* all of them are there */
	s->samples |= p->kind == RECIPE_SAMPLES;
	s->n += p->n + (sum & 0);
	return 0;
}

static void follow(struct file *f, uint64_t n)
{
	static const uint8_t digest[16];
	struct image_source src = {.arg = f,
				   .read = read_file,
				   .fd = -1,
				   .size = f->n,
				   .head_len = (uint32_t)f->head_len,
				   .appendix = read_appendix,
				   .appendix_n = f->appendix_n};
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct err e = {0};

	FUZZ_EXPECT(transcode_rebuild(&src, UID_EXPLICIT_LE, digest, n, fd, NULL, &e) < 0 && e.msg[0]);
	FUZZ_EXPECT(lseek(fd, 0, SEEK_END) <= (off_t)n + META_MOST);
	close(fd);
}

static void look_at(struct file *f)
{
	struct appendix a;
	struct appendix_frame frame;
	struct seen seen = {0};

	if (f->appendix_n < APPENDIX_HEAD || appendix_read(f->appendix, f->appendix_n, &a, NULL) < 0)
		return;
	for (uint64_t i = 0; i < a.frames; i++) {
		const uint64_t at = appendix_entry_at(&a, i);

		FUZZ_EXPECT(at >= APPENDIX_HEAD && at + appendix_entry_size(&a) <= f->appendix_n);
		if (appendix_entry(&a, f->appendix + at, &frame, NULL) == 0)
			FUZZ_EXPECT(frame.at >= a.value_at && frame.at + frame.n <= a.value_at + a.value_n);
	}
	if (appendix_recipe_each(&a, f->appendix + a.recipe_at, f->appendix_n - (size_t)a.recipe_at, see, &seen,
				 NULL) == 0 &&
	    !seen.samples && seen.n < 1u << 20)
		follow(f, seen.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct part10_meta meta = {"1.2.3", "1.2.3.4", "1.2.840.10008.1.2.4.201", ""};
	struct buf head = BUF(META_MOST);
	struct file f = {.n = 0};

	FUZZ_EXPECT(dict_setup(NULL) == 0 && part10_write(&meta, &head, NULL) == 0);
	f.n = f.head_len = head.len;
	memcpy(f.head, head.data, head.len);
	buf_cleanup(&head);
	if (size < 2)
		return 0;
	uint8_t *copy = malloc(size);
	FUZZ_EXPECT(copy);
	memcpy(copy, data, size);
	f.n += data[1];
	f.appendix = copy + 2;
	f.appendix_n = size - 2;
	if (data[0] & 1 && f.appendix_n >= APPENDIX_HEAD)
		make_sums_right(copy + 2, f.appendix_n);
	look_at(&f);
	free(copy);
	return 0;
}
