/* Tables of frames and recipes: written and read, and every byte of them that is not what was written is found. */
#include "dicom/appendix.h"
#include "dicom_bytes.h"
#include <xxhash.h>

static const struct appendix about = {.swap = 2,
				      .planar = 1,
				      .value_at = 1000,
				      .value_n = 5000000000,
				      .pixels = {.rows = 512,
						 .columns = 70000,
						 .samples = 3,
						 .bits_allocated = 16,
						 .bits_stored = 12,
						 .high_bit = 11,
						 .is_signed = true,
						 .photometric = "YBR_FULL"}};

static void add(struct appendix_writer *w, uint64_t at, uint64_t n, uint64_t first_cut)
{
	const struct appendix_frame f = {.at = at, .n = n, .cut = {first_cut, n}};
	assert_int_equal(appendix_add(w, &f, NULL), 0);
}

static void write_it(struct buf *out, bool recipe)
{
	AUTO(appendix_writer) w = NULL;
	assert_int_equal(appendix_new(2, &w, NULL), 0);
	add(w, 1010, 100, 10);
	add(w, 4999999000, 300, 20);
	add(w, 1110, 0, 0);
	if (recipe) {
		assert_int_equal(appendix_recipe(w, RECIPE_SETTLED, 0, 777, NULL, NULL), 0);
		assert_int_equal(appendix_recipe(w, RECIPE_BYTES, 0, 5, "hello", NULL), 0);
		assert_int_equal(appendix_recipe(w, RECIPE_SAMPLES, 0, 6000000000, NULL, NULL), 0);
		assert_int_equal(appendix_recipe(w, RECIPE_BYTES, 0, 3, "\0\1", NULL), 0);
	}
	assert_int_equal(appendix_end(w, &about, out, NULL), 0);
}

static void written_and_read(void **state)
{
	AUTO(buf) b = BUF(1 << 20);
	struct appendix a;
	struct appendix_frame f;
	(void)state;
	buf_str(&b, "before", NULL);
	write_it(&b, true);
	const uint8_t *in = b.data + 6;
	assert_int_equal(appendix_read(in, b.len - 6, &a, NULL), 0);
	assert_int_equal(a.frames, 3);
	assert_int_equal(a.n_cuts, 2);
	assert_int_equal(a.swap, 2);
	assert_int_equal(a.planar, 1);
	assert_true(a.has_recipe);
	assert_int_equal(a.value_at, 1000);
	assert_int_equal(a.value_n, 5000000000);
	assert_memory_equal(&a.pixels, &about.pixels, sizeof a.pixels);
	assert_int_equal(appendix_entry_size(&a), 24);
	assert_int_equal(appendix_entry_at(&a, 1), APPENDIX_HEAD + 24);
	assert_int_equal(appendix_entry(&a, in + appendix_entry_at(&a, 1), &f, NULL), 0);
	assert_int_equal(f.at, 4999999000);
	assert_int_equal(f.n, 300);
	assert_int_equal(f.cut[0], 20);
	assert_int_equal(f.cut[1], 300);
	assert_int_equal(appendix_entry(&a, in + appendix_entry_at(&a, 2), &f, NULL), 0);
	assert_int_equal(f.n, 0);
}

static int show(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e)
{
	struct buf *out = arg;
	(void)e;
	buf_printf(out, NULL, "%d %llu %llu %.*s|", (int)p->kind, (unsigned long long)p->at, (unsigned long long)p->n,
		   bytes ? (int)p->n : 0, bytes ? (const char *)bytes : "");
	return out->len > 60 ? -E_CANCEL : 0;
}

static void recipes(void **state)
{
	AUTO(buf) b = BUF(1 << 20);
	AUTO(buf) text = BUF(1 << 10);
	struct appendix a;
	(void)state;
	write_it(&b, true);
	assert_int_equal(appendix_read(b.data, b.len, &a, NULL), 0);
	const uint8_t *in = b.data + a.recipe_at;
	assert_int_equal(appendix_recipe_each(&a, in, b.len - a.recipe_at, show, &text, NULL), 0);
	assert_string_equal(buf_text(&text), "1 0 777 |2 0 5 hello|3 0 6000000000 |2 5 3 |");
	assert_int_equal(appendix_recipe_each(&a, in, b.len - a.recipe_at, show, &text, NULL), -E_CANCEL);
	assert_int_equal(appendix_recipe_each(&a, in, b.len - a.recipe_at - 1, show, &text, NULL), -E_CORRUPT);
	buf_clear(&b);
	write_it(&b, false);
	assert_int_equal(appendix_read(b.data, b.len, &a, NULL), 0);
	assert_false(a.has_recipe);
	assert_int_equal(a.recipe_at, b.len);
	assert_int_equal(appendix_recipe_each(&a, b.data + b.len, 0, show, &text, NULL), -E_NOENT);
}

static int nothing(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e)
{
	(void)arg, (void)p, (void)bytes, (void)e;
	return 0;
}

/* Whether all of it reads without an error. */
static bool sound(const uint8_t *in, size_t n)
{
	struct appendix a;
	struct appendix_frame f;
	struct err e = {0};
	if (appendix_read(in, n, &a, &e) < 0) {
		assert_int_equal(e.code, E_CORRUPT);
		return false;
	}
	for (uint64_t i = 0; i < a.frames; i++)
		if (appendix_entry(&a, in + appendix_entry_at(&a, i), &f, NULL) < 0)
			return false;
	return appendix_recipe_each(&a, in + a.recipe_at, n - a.recipe_at, nothing, NULL, NULL) == 0;
}

static void every_byte_counts(void **state)
{
	AUTO(buf) b = BUF(1 << 20);
	(void)state;
	write_it(&b, true);
	assert_true(sound(b.data, b.len));
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x40;
		if (sound(b.data, b.len))
			fail_msg("byte %zu of %zu may be anything", i, b.len);
		b.data[i] ^= 0x40;
	}
	assert_false(sound(b.data, b.len - 1));
}

static void sum_head(uint8_t *head)
{
	uint64_t sum = XXH3_64bits(head, APPENDIX_HEAD - 8);
	for (unsigned i = 0; i < 8; i++)
		head[APPENDIX_HEAD - 8 + i] = (uint8_t)(sum >> 8 * i);
}

/* Right sums over wrong numbers: what a hostile pack would have. */
static void numbers_that_lie(void **state)
{
	static const struct {
		unsigned at;
		uint8_t byte;
	} lies[] = {{8, 1},  {16, 4}, {23, 0xFF}, {24, 9}, {24, 3},      {28, 2},      {28, 0},       {32, 3},
		    {33, 2}, {56, 1}, {64, 1},    {88, 2}, {72 + 16, 9}, {72 + 17, 7}, {72 + 36, 'x'}};
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		AUTO(buf) b = BUF(1 << 20);
		struct appendix a;
		write_it(&b, true);
		b.data[lies[i].at] = lies[i].byte;
		sum_head(b.data);
		if (appendix_read(b.data, b.len, &a, NULL) != -E_CORRUPT)
			fail_msg("byte %u as %u is believed", lies[i].at, lies[i].byte);
	}
}

static void frames_outside_of_the_value(void **state)
{
	static const struct appendix_frame outside[] = {{.at = 999, .n = 10, .cut = {1, 10}},
							{.at = 5000000999, .n = 2, .cut = {1, 2}},
							{.at = 1000, .n = 10, .cut = {5, 4}},
							{.at = 1000, .n = 10, .cut = {5, 11}}};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		AUTO(appendix_writer) w = NULL;
		AUTO(buf) b = BUF(1 << 20);
		struct appendix a;
		struct appendix_frame f;
		assert_int_equal(appendix_new(2, &w, NULL), 0);
		assert_int_equal(appendix_add(w, &outside[i], NULL), 0);
		assert_int_equal(appendix_end(w, &about, &b, NULL), 0);
		assert_int_equal(appendix_read(b.data, b.len, &a, NULL), 0);
		assert_int_equal(appendix_entry(&a, b.data + appendix_entry_at(&a, 0), &f, NULL), -E_CORRUPT);
	}
}

static void what_is_no_text_is_written_so_that_it_can_be_read(void **state)
{
	AUTO(appendix_writer) w = NULL;
	AUTO(appendix_writer) other = NULL;
	AUTO(buf) b = BUF(1 << 20);
	struct appendix odd = about, a;
	(void)state;
	memcpy(odd.pixels.photometric, "\xff\nMONO\x7f\0rest", 12);
	assert_int_equal(appendix_new(2, &w, NULL), 0);
	assert_int_equal(appendix_end(w, &odd, &b, NULL), 0);
	assert_int_equal(appendix_read(b.data, b.len, &a, NULL), 0);
	assert_string_equal(a.pixels.photometric, "??MONO?");
	odd.planar = 7; /* nobody could read that: it does not come to be */
	buf_clear(&b);
	assert_int_equal(appendix_new(2, &other, NULL), 0);
	assert_int_equal(appendix_end(other, &odd, &b, NULL), -E_CORRUPT);
	assert_int_equal(b.len, 0);
}

static void what_is_too_much(void **state)
{
	AUTO(appendix_writer) w = NULL;
	AUTO(appendix_writer) none = NULL;
	const struct appendix_frame large = {.n = 1ULL << 32};
	(void)state;
	assert_int_equal(appendix_new(APPENDIX_CUTS + 1, &none, NULL), -E_LIMIT);
	assert_int_equal(appendix_new(0, &w, NULL), 0);
	assert_int_equal(appendix_add(w, &large, NULL), -E_LIMIT);
	assert_int_equal(appendix_recipe(w, RECIPE_BYTES, 0, APPENDIX_MOST + 1, "", NULL), -E_LIMIT);
	int rc = 0;
	for (unsigned i = 0; i <= RECIPE_PIECES && rc == 0; i++)
		rc = appendix_recipe(w, RECIPE_SETTLED, i, 1, NULL, NULL);
	assert_int_equal(rc, -E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_and_read),
	    cmocka_unit_test(recipes),
	    cmocka_unit_test(every_byte_counts),
	    cmocka_unit_test(numbers_that_lie),
	    cmocka_unit_test(frames_outside_of_the_value),
	    cmocka_unit_test(what_is_no_text_is_written_so_that_it_can_be_read),
	    cmocka_unit_test(what_is_too_much),
	};
	return cmocka_run_group_tests_name("dicom/appendix", tests, NULL, NULL);
}
