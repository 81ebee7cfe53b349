#include "dicom/part10.h"
#include "dicom_bytes.h"

static const struct part10_meta sample = {
    .sop_class = "1.2.840.10008.5.1.4.1.1.2",
    .sop_instance = "1.2.3.4",
    .syntax = UID_EXPLICIT_LE,
    .source_aet = "SENDER",
};

static void check(const struct buf *b, int64_t at)
{
	struct part10_meta m;
	struct err e = {0};

	assert_int_equal(part10_read(b->data, b->len, &m, &e), at);
	assert_string_equal(m.sop_class, sample.sop_class);
	assert_string_equal(m.sop_instance, sample.sop_instance);
	assert_string_equal(m.syntax, sample.syntax);
	assert_string_equal(m.source_aet, sample.source_aet);
}

static void written_and_read(void **state)
{
	AUTO(buf) b = BUF(4096);
	struct err e = {0};
	size_t n;
	uint32_t length;

	(void)state;
	assert_int_equal(part10_write(&sample, &b, &e), 0);
	n = b.len;
	assert_int_equal(n % 2, 0);
	assert_memory_equal(b.data + 128, "DICM\2\0\0\0UL\4\0", 12);
	memcpy(&length, b.data + 140, 4);
	assert_int_equal(length, n - 144);
	check(&b, (int64_t)n);
	bytes_element(&b, 0x00080060, "CS", "CT", false);
	check(&b, (int64_t)n);
	memcpy(b.data + 140, "\xFF\xFF\xFF\xFF", 4); /* a wrong group length is not believed */
	check(&b, (int64_t)n);
}

static void without_preamble(void **state)
{
	AUTO(buf) b = BUF(4096);
	AUTO(buf) bare = BUF(4096);
	struct err e = {0};

	(void)state;
	assert_int_equal(part10_write(&sample, &b, &e), 0);
	assert_int_equal(buf_put(&bare, b.data + 128, b.len - 128, &e), 0);
	check(&bare, (int64_t)bare.len);
	buf_clear(&bare);
	assert_int_equal(buf_put(&bare, b.data + 132, b.len - 132, &e), 0);
	check(&bare, (int64_t)bare.len);
	buf_clear(&bare);
	assert_int_equal(buf_put(&bare, b.data + 144, b.len - 144, &e), 0); /* no group length either */
	check(&bare, (int64_t)bare.len);
}

static void guess(const struct buf *b, const char *syntax)
{
	struct part10_meta m;
	struct err e = {0};

	assert_int_equal(part10_read(b->data, b->len, &m, &e), 0);
	assert_string_equal(m.syntax, syntax);
	assert_string_equal(m.sop_class, "");
}

static void bare_data_sets(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	bytes_element(&b, 0x00080005, "CS", "ISO_IR 100", false);
	guess(&b, UID_EXPLICIT_LE);
	buf_clear(&b);
	bytes_element(&b, 0x00080005, NULL, "ISO_IR 100", false);
	guess(&b, UID_IMPLICIT_LE);
	buf_clear(&b);
	bytes_element(&b, 0x00080005, "CS", "ISO_IR 100", true);
	guess(&b, UID_EXPLICIT_BE);
	buf_clear(&b);
	bytes_element(&b, 0x00080008, "LO",
		      "                                                                                "
		      "                                        DICMA1",
		      false);
	assert_memory_equal(b.data + 128, "DICM", 4); /* by chance: it is the middle of a value */
	guess(&b, UID_EXPLICIT_LE);
}

static void half_a_head(void **state)
{
	static const uint8_t zeros[128];
	struct part10_meta m;
	AUTO(buf) b = BUF(4096);
	struct err e = {0};

	/* trap 20: a preamble without its letters, a syntax that is no UID */
	(void)state;
	buf_put(&b, zeros, sizeof(zeros), &e);
	bytes_element(&b, 0x00080005, "CS", "ISO_IR 100", false);
	assert_int_equal(part10_read(b.data, b.len, &m, &e), 128);
	assert_string_equal(m.syntax, UID_EXPLICIT_LE);
	buf_clear(&b);
	bytes_element(&b, 0x00020010, "UI", "1.2.840.10008.1.2.1\n", false);
	size_t head = b.len;
	bytes_element(&b, 0x00080005, NULL, "ISO_IR 100", false);
	assert_int_equal(part10_read(b.data, b.len, &m, &e), (int64_t)head);
	assert_string_equal(m.syntax, UID_IMPLICIT_LE);
}

static void refused(void **state)
{
	static const char *const junk[] = {"", "x", "DICM", "GIF89a, or something else that is no DICOM",
					   "\x02\0\x10\0UI\xFF\x00"
					   "1.2"};
	static const size_t lengths[] = {0, 1, 4, 42, 11};
	struct part10_meta m = {.syntax = "untouched"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		memset(&e, 0, sizeof(e));
		assert_int_equal(part10_read(junk[i], lengths[i], &m, &e), -E_INVAL);
		assert_string_not_equal(e.msg, "");
		assert_string_equal(m.syntax, "untouched");
	}
}

static void values_too_long_are_left_out(void **state)
{
	struct part10_meta m;
	AUTO(buf) b = BUF(4096);
	struct err e = {0};
	char uid[71];

	(void)state;
	memset(uid, '1', 70);
	uid[70] = 0;
	bytes_element(&b, 0x00020003, "UI", uid, false);
	bytes_element(&b, 0x00020010, "UI", UID_IMPLICIT_LE, false);
	assert_int_equal(part10_read(b.data, b.len, &m, &e), (int64_t)b.len);
	assert_string_equal(m.sop_instance, "");
	assert_string_equal(m.syntax, UID_IMPLICIT_LE);
}

static void full_buffer_is_left_alone(void **state)
{
	AUTO(buf) b = BUF(200);
	struct err e = {0};

	(void)state;
	assert_int_equal(buf_str(&b, "before", &e), 0);
	assert_int_equal(part10_write(&sample, &b, &e), -E_LIMIT);
	assert_int_equal(b.len, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(written_and_read),
	    cmocka_unit_test(without_preamble),
	    cmocka_unit_test(bare_data_sets),
	    cmocka_unit_test(half_a_head),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(values_too_long_are_left_out),
	    cmocka_unit_test(full_buffer_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
