/* Frames of a source as a worker gets them, and samples in the form that the data set describes. */
#include "imaging/conform.h"
#include "imaging/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NATIVE "1.2.840.10008.1.2.1"
#define PIXEL_DATA 0x7FE00010u

struct made { /* a file in memory; its frames are rows of pieces, or native ones of frame_bits */
	uint8_t bytes[4096];
	size_t n;
	struct frame_piece pieces[4];
	int64_t n_pieces;
	uint64_t frame_bits;
};

static int64_t read_it(void *arg, uint64_t offset, void *buf, size_t n, struct err *e)
{
	const struct made *m = arg;
	size_t k = offset < m->n ? m->n - (size_t)offset : 0;

	(void)e;
	k = k < n ? k : n;
	memcpy(buf, m->bytes + offset, k);
	return (int64_t)k;
}

static int64_t locate(void *arg, uint64_t frame, struct frame_piece *out, size_t most, struct err *e)
{
	const struct made *m = arg;

	if (m->n_pieces) {
		if (frame > 0)
			return err_set(e, E_NOENT, "there is one frame");
		for (size_t i = 0; i < most && i < (size_t)m->n_pieces; i++)
			out[i] = m->pieces[i];
		return m->n_pieces;
	}
	uint64_t from = frame * m->frame_bits, to = from + m->frame_bits;
	*out = (struct frame_piece){from / 8, (to + 7) / 8 - from / 8};
	return 1;
}

static struct image_source source(struct made *m)
{
	struct image_source s = {
	    .arg = m,
	    .read = read_it,
	    .locate = locate,
	    .fd = -1,
	    .size = m->n,
	    .pixels = {.rows = 3, .columns = 5, .samples = 1, .bits_allocated = 8, .bits_stored = 8},
	    .frames = 2,
	    .tag = PIXEL_DATA,
	    .encapsulated = m->n_pieces > 0};

	snprintf(s.syntax, sizeof s.syntax, NATIVE);
	snprintf(s.pixels.photometric, sizeof s.pixels.photometric, "MONOCHROME2");
	return s;
}

static void assert_holds(int fd, const void *wanted, size_t n)
{
	uint8_t got[4096];
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, n);
	assert_int_equal(pread(fd, got, n, 0), n);
	assert_memory_equal(got, wanted, n);
	close(fd);
}

/* Fragments are joined, from a file as from bytes that have none. */
static void test_fragments(void **state)
{
	struct made m = {.n = 300, .pieces = {{10, 100}, {150, 50}, {299, 1}}, .n_pieces = 3};
	struct err e = {0};
	uint8_t wanted[151];
	(void)state;

	for (size_t i = 0; i < m.n; i++)
		m.bytes[i] = (uint8_t)(i * 7);
	memcpy(wanted, m.bytes + 10, 100);
	memcpy(wanted + 100, m.bytes + 150, 50);
	wanted[150] = m.bytes[299];
	struct image_source s = source(&m);
	assert_holds(frame_input(&s, 0, &e), wanted, sizeof wanted);

	s.fd = memfd_create("file", 0);
	s.fd_at = 33;
	assert_int_equal(pwrite(s.fd, m.bytes, m.n, 33), m.n);
	assert_holds(frame_input(&s, 0, &e), wanted, sizeof wanted);
	close(s.fd);
}

/* The second frame of 15 single bits begins at the last bit of the second byte. */
static void test_single_bits(void **state)
{
	struct made m = {.bytes = {0xFF, 0x7F, 0xA5, 0x3C}, .n = 4, .frame_bits = 15};
	const uint8_t wanted[] = {0xA5 << 1 & 0xFF, (0xA5 >> 7 | 0x3C << 1) & 0xFF, 0x3C >> 7};
	struct err e = {0};
	(void)state;

	struct image_source s = source(&m);
	s.pixels.bits_allocated = s.pixels.bits_stored = 1;
	assert_holds(frame_input(&s, 1, &e), wanted, 3);
}

static void test_refused(void **state)
{
	struct made m = {.n = 8, .pieces = {{0, 8}}, .n_pieces = 1};
	struct image_source s = source(&m);
	struct job_result r = {0};
	struct err e = {0};
	(void)state;

	assert_int_equal(frame_input(&s, 1, &e), -E_NOENT);
	assert_non_null(strstr(e.msg, "frame 2 of 2"));
	e = (struct err){0};
	m.pieces[0].n = 9;
	assert_int_equal(frame_input(&s, 0, &e), -E_CORRUPT);
	s.fd = memfd_create("short", 0);
	e = (struct err){0};
	assert_int_equal(frame_input(&s, 0, &e), -E_CORRUPT);
	close(s.fd);
	s.fd = -1;
	m.pieces[0].n = FRAME_STREAM_MOST + 1;
	e = (struct err){0};
	assert_int_equal(frame_input(&s, 0, &e), -E_LIMIT);
	m.pieces[0].n = 0;
	e = (struct err){0};
	assert_int_equal(frame_input(&s, 0, &e), -E_CORRUPT);
	m.pieces[0].n = 8;
	s.pixels.rows = s.pixels.columns = 60000;
	e = (struct err){0};
	assert_int_equal(frame_decode(&s, 0, &r, &e), -E_LIMIT);
	assert_non_null(strstr(e.msg, "60000 x 60000"));
	s.tag = 0;
	assert_int_equal(frame_input(&s, 0, NULL), -E_NOENT);
}

static struct codec_frame colours(const char *photometric, uint32_t rows, uint32_t columns)
{
	struct codec_frame f = {
	    .pixels = {.rows = rows, .columns = columns, .samples = 3, .bits_allocated = 8, .bits_stored = 8},
	    .n = (size_t)rows * columns * 3};

	snprintf(f.pixels.photometric, sizeof f.pixels.photometric, "%s", photometric);
	f.data = malloc(f.n);
	for (size_t i = 0; i < f.n; i++)
		f.data[i] = (uint8_t)i;
	return f;
}

static void test_pairs(void **state)
{
	/* two rows of three pixels: the third stands alone */
	static const uint8_t wanted[] = {0, 3, 1, 2, 6, 6, 7, 8, 9, 12, 10, 11, 15, 15, 16, 17};
	AUTO(codec_frame) f = colours("YBR_FULL", 2, 3);
	struct image_pixel said = f.pixels;
	(void)state;

	strcpy(said.photometric, "YBR_FULL_422");
	assert_int_equal(codec_conform(&f, &said, NULL), 0);
	assert_int_equal(f.n, sizeof wanted);
	assert_memory_equal(f.data, wanted, sizeof wanted);
	assert_string_equal(f.pixels.photometric, "YBR_FULL_422");
	assert_int_equal(f.n, image_pixel_frame_bytes(&f.pixels));
}

static void test_planes(void **state)
{
	static const uint8_t wanted[] = {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11};
	AUTO(codec_frame) f = colours("RGB", 2, 2);
	struct image_pixel said = f.pixels;
	(void)state;

	said.planar = 1;
	assert_int_equal(codec_conform(&f, &said, NULL), 0);
	assert_memory_equal(f.data, wanted, sizeof wanted);
	assert_int_equal(f.pixels.planar, 1);
}

/* What was decoded to RGB has no chroma to put in pairs. */
static void test_as_decoded(void **state)
{
	AUTO(codec_frame) f = colours("RGB", 2, 2);
	struct image_pixel said = f.pixels;
	(void)state;

	strcpy(said.photometric, "YBR_FULL_422");
	assert_int_equal(codec_conform(&f, &said, NULL), 0);
	assert_int_equal(f.n, 12);
	assert_string_equal(f.pixels.photometric, "RGB");
	assert_int_equal(f.data[11], 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fragments), cmocka_unit_test(test_single_bits), cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_pairs),     cmocka_unit_test(test_planes),      cmocka_unit_test(test_as_decoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
