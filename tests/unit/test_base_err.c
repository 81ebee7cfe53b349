/* Errors and buffers: the first message stays, what is too long is cut or refused. */
#include "base/buf.h"
#include "tests/unit/folder.h"
#include <errno.h>
#include <string.h>

static void the_first_message_stays(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, E_NOENT, "frame %d of %d", 3, 2), -E_NOENT);
	assert_int_equal(err_set(&e, E_IO, "later"), -E_IO);
	assert_int_equal(e.code, E_NOENT);
	assert_string_equal(e.msg, "frame 3 of 2");
	assert_int_equal(err_prefix(&e, "study %s", "1.2"), -E_NOENT);
	assert_string_equal(e.msg, "study 1.2: frame 3 of 2");
	assert_int_equal(err_set(NULL, E_FULL, "nobody asked"), -E_FULL);
	e = (struct err){0};
	errno = ENOSPC;
	assert_int_equal(err_sys(&e, E_FULL, "pack %d", 7), -E_FULL);
	assert_string_equal(e.msg, "pack 7: No space left on device");
}

static void long_messages_are_cut_between_characters(void **state)
{
	struct err e;
	char text[400];

	(void)state;
	for (size_t ascii = 0; ascii < 4; ascii++) {
		e = (struct err){0};
		memset(text, 'a', ascii);
		for (size_t i = ascii; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xE7\x8E\x8B", 4);
		err_set(&e, E_INVAL, "%s", text);
		assert_int_equal((strlen(e.msg) - ascii) % 3, 0);
		assert_in_range(strlen(e.msg), sizeof e.msg - 4, sizeof e.msg - 1);
		err_prefix(&e, "%s", "in front");
		assert_memory_equal(e.msg, "in front: ", 10);
		assert_int_equal((strlen(e.msg) - 10 - ascii) % 3, 0);
	}
}

static void codes_have_words_for_each_face(void **state)
{
	(void)state;
	assert_string_equal(err_name(E_NOENT), "NOENT");
	assert_string_equal(err_text(E_OK), "success");
	assert_int_equal(err_dimse(E_OK), 0);
	assert_int_equal(err_http(E_OK), 200);
	assert_int_equal(err_dimse(E_FULL), 0xA700);
	assert_int_equal(err_http(E_FULL), 507);
	assert_string_equal(err_name((enum err_code)999), "BUG");
	assert_string_equal(err_name((enum err_code) - 1), "BUG");
	for (int i = 1; i < E_COUNT; i++) {
		assert_true(err_text((enum err_code)i)[0] != '\0');
		assert_in_range(err_http((enum err_code)i), 400, 599);
		assert_int_not_equal(err_dimse((enum err_code)i), 0);
	}
}

static void a_buffer_grows_to_its_cap(void **state)
{
	AUTO(buf) b = BUF(1000);
	struct err e = {0};

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_printf(&b, &e, "%09d,", i), 0);
	assert_int_equal(b.len, 1000);
	assert_true(b.room <= 1001);
	assert_int_equal(buf_byte(&b, 'x', &e), -E_LIMIT);
	assert_int_equal(buf_put(&b, "x", 1, NULL), -E_LIMIT);
	assert_int_equal(buf_printf(&b, NULL, "%d", 1), -E_LIMIT);
	assert_int_equal(buf_reserve(&b, SIZE_MAX, NULL), -E_LIMIT);
	assert_int_equal(buf_put(&b, NULL, 0, NULL), 0);
	assert_int_equal(b.len, 1000);
	assert_int_equal(strlen(buf_text(&b)), 1000);
	assert_string_equal(e.msg, "more than 1000 bytes");
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_str(&b, "again", &e), 0);
	assert_string_equal(buf_text(&b), "again");
}

static void a_huge_cap_takes_no_memory(void **state)
{
	AUTO(buf) b = BUF(SIZE_MAX);

	(void)state;
	assert_int_equal(buf_put(&b, "abc", 3, NULL), 0);
	assert_true(b.room < 1024);
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 3, NULL), -E_LIMIT);
	assert_string_equal(buf_text(&b), "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_message_stays),
	    cmocka_unit_test(long_messages_are_cut_between_characters),
	    cmocka_unit_test(codes_have_words_for_each_face),
	    cmocka_unit_test(a_buffer_grows_to_its_cap),
	    cmocka_unit_test(a_huge_cap_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
