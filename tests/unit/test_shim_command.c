/* tests/unit/test_shim_command.c - command sets there and back, and what is refused. */
#include "shim/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void round_trip(struct shim_command c)
{
	struct shim_command back;
	uint8_t buf[1024];
	int n = shim_command_encode(&c, buf, sizeof buf);

	assert_true(n > 12 && n % 2 == 0);
	assert_int_equal(buf[8] | buf[9] << 8, n - 12); /* the group length */
	memset(&back, 0xaa, sizeof back);
	assert_int_equal(shim_command_decode(buf, (size_t)n, &back), 0);
	assert_int_equal(back.field, c.field);
	assert_int_equal(back.message_id, c.message_id);
	assert_int_equal(back.responded_id, c.responded_id);
	assert_int_equal(back.priority, c.priority);
	assert_int_equal(back.status, c.status);
	assert_int_equal(back.event_type, c.event_type);
	assert_int_equal(back.action_type, c.action_type);
	assert_int_equal(back.has_data, c.has_data);
	assert_int_equal(back.has_status, c.has_status);
	assert_int_equal(back.has_counts, c.has_counts);
	assert_int_equal(back.has_originator, c.has_originator);
	assert_string_equal(back.affected_class, c.affected_class);
	assert_string_equal(back.affected_instance, c.affected_instance);
	assert_string_equal(back.requested_class, c.requested_class);
	assert_string_equal(back.requested_instance, c.requested_instance);
	assert_string_equal(back.move_destination, c.move_destination);
	assert_string_equal(back.move_originator, c.move_originator);
	assert_string_equal(back.error_comment, c.error_comment);
	assert_int_equal(back.move_originator_id, c.move_originator_id);
	assert_int_equal(back.remaining, c.remaining);
	assert_int_equal(back.completed, c.completed);
	assert_int_equal(back.failed, c.failed);
	assert_int_equal(back.warning, c.warning);
	assert_memory_equal(back.offending, c.offending, sizeof c.offending);
	for (int room = 0; room < n; room += 7)
		assert_int_equal(shim_command_encode(&c, buf, (size_t)room), SHIM_ELIMIT);
}

static void all_kinds(void **state)
{
	(void)state;
	round_trip(
	    (struct shim_command){.field = SHIM_C_ECHO_RQ, .message_id = 1, .affected_class = "1.2.840.10008.1.1"});
	round_trip((struct shim_command){.field = SHIM_C_STORE_RQ,
					 .message_id = 65535,
					 .priority = 2,
					 .has_data = 1,
					 .affected_class = "1.2.840.10008.5.1.4.1.1.2",
					 .affected_instance = "1.2.3.4",
					 .has_originator = 1,
					 .move_originator = "MOVER",
					 .move_originator_id = 9});
	round_trip((struct shim_command){.field = SHIM_C_STORE_RSP,
					 .responded_id = 7,
					 .has_status = 1,
					 .status = 0xa700,
					 .affected_class = "1.2",
					 .affected_instance = "1.2.3",
					 .offending = {0x00080018, 0x00100020},
					 .error_comment = "disk reserve"});
	round_trip((struct shim_command){.field = SHIM_C_MOVE_RQ,
					 .message_id = 3,
					 .has_data = 1,
					 .affected_class = "1.2.840.10008.5.1.4.1.2.2.2",
					 .move_destination = "SIXTEEN_LETTERS_"});
	round_trip((struct shim_command){.field = SHIM_C_MOVE_RSP,
					 .responded_id = 3,
					 .has_status = 1,
					 .status = 0xff00,
					 .has_counts = 1,
					 .remaining = 1,
					 .completed = 2,
					 .failed = 3,
					 .warning = 4});
	round_trip((struct shim_command){.field = SHIM_C_GET_RSP,
					 .responded_id = 3,
					 .has_status = 1,
					 .status = 0xb000,
					 .has_data = 1,
					 .has_counts = 1,
					 .completed = 2,
					 .failed = 3});
	round_trip((struct shim_command){.field = SHIM_C_CANCEL_RQ, .responded_id = 5});
	round_trip((struct shim_command){.field = SHIM_N_ACTION_RQ,
					 .message_id = 5,
					 .action_type = 1,
					 .has_data = 1,
					 .requested_class = "1.2.840.10008.1.20.1",
					 .requested_instance = "1.2.840.10008.1.20.1.1"});
	round_trip((struct shim_command){.field = SHIM_N_EVENT_REPORT_RQ,
					 .message_id = 5,
					 .event_type = 2,
					 .has_data = 1,
					 .affected_class = "1.2.840.10008.1.20.1",
					 .affected_instance = "1.2.840.10008.1.20.1.1"});
	/* an answer names what it is about as affected, and says the type again */
	round_trip((struct shim_command){.field = SHIM_N_ACTION_RSP,
					 .responded_id = 5,
					 .action_type = 1,
					 .has_status = 1,
					 .status = 0x0115,
					 .affected_class = "1.2.840.10008.1.20.1",
					 .affected_instance = "1.2.840.10008.1.20.1.1",
					 .error_comment = "no transaction"});
	round_trip((struct shim_command){.field = SHIM_N_EVENT_REPORT_RSP,
					 .responded_id = 5,
					 .event_type = 1,
					 .has_status = 1,
					 .affected_class = "1.2.840.10008.1.20.1",
					 .affected_instance = "1.2.840.10008.1.20.1.1"});
}

/* Every text as long as it may be: 1024 bytes do. */
static void longest(void **state)
{
	struct shim_command c = {.field = SHIM_C_STORE_RQ,
				 .has_status = 1,
				 .has_counts = 1,
				 .has_originator = 1,
				 .offending = {1},
				 .status = 0xff00};
	char *texts[] = {c.affected_class, c.affected_instance, c.requested_class, c.requested_instance,
			 c.error_comment};

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		memset(texts[i], '1', 64);
	memset(c.move_destination, 'A', 16);
	memset(c.move_originator, 'A', 16);
	round_trip(c);
}

static void remaining_only_while_pending(void **state)
{
	/* trap 14: the number that remain is said while pending only */
	struct shim_command c = {.field = SHIM_C_MOVE_RSP, .has_status = 1, .has_counts = 1, .remaining = 5}, back;
	uint8_t buf[1024];
	int n;

	(void)state;
	n = shim_command_encode(&c, buf, sizeof buf);
	assert_int_equal(shim_command_decode(buf, (size_t)n, &back), 0);
	assert_int_equal(back.remaining, 0);
}

struct bad {
	const char *name;
	size_t n;
	const char *bytes;
};
#define FIELD "\0\0\0\1\2\0\0\0\x30\0"
#define TYPE "\0\0\0\x08\2\0\0\0\1\1"
#define BAD(name, text)                                                                                                \
	{                                                                                                              \
		name, sizeof(text) - 1, text                                                                           \
	}

static void refused(void **state)
{
	static const struct bad bad[] = {
	    BAD("nothing but the field", FIELD),
	    BAD("no field", TYPE),
	    BAD("a field of no length", "\0\0\0\1\0\0\0\0" TYPE),
	    BAD("half a header", FIELD TYPE "\0\0\2"),
	    BAD("longer than the bytes", FIELD TYPE "\0\0\2\0\xff\xff\xff\xff"),
	    BAD("longer by one", FIELD TYPE "\0\0\2\0\3\0\0\0"
					    "12"),
	    BAD("another group", FIELD TYPE "\x08\0\2\0\2\0\0\0"
					    "12"),
	    BAD("a number of four bytes", FIELD TYPE "\0\0\x10\1\4\0\0\0\1\0\0\0"),
	    BAD("twice", FIELD TYPE FIELD),
	    BAD("a UID with a NUL inside", FIELD TYPE "\0\0\2\0\4\0\0\0"
						      "1\0"
						      "2\0"),
	    BAD("a UID with a line end", FIELD TYPE "\0\0\2\0\4\0\0\0"
						    "1\n2\0"),
	    BAD("a title of 18", FIELD TYPE "\0\0\0\6\x12\0\0\0"
					    "AAAAAAAAAAAAAAAAAA"),
	    BAD("half a tag", FIELD TYPE "\0\0\1\x09\2\0\0\0"
					 "12"),
	};
	struct shim_command c = {.status = 77};
	char huge[70000] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(shim_command_decode(bad[i].bytes, bad[i].n, &c), SHIM_EPARSE);
		assert_true(shim_error()[0] != 0);
		assert_int_equal(c.status, 77); /* untouched */
	}
	assert_int_equal(shim_command_decode(FIELD TYPE, 20, &c), 0);
	assert_int_equal(shim_command_decode(huge, sizeof huge, &c), SHIM_EPARSE);
	assert_int_equal(shim_command_decode(NULL, 1, &c), SHIM_EINVAL);
	assert_int_equal(shim_command_decode(huge, 1, NULL), SHIM_EINVAL);
	assert_int_equal(shim_command_encode(NULL, huge, 1), SHIM_EINVAL);
	assert_int_equal(shim_command_encode(&c, NULL, 1), SHIM_EINVAL);
}

/* Changed bytes anywhere: an answer, never a crash (the sanitizers watch). */
static void mutated(void **state)
{
	struct shim_command c = {.field = SHIM_C_STORE_RQ,
				 .affected_class = "1.2.3",
				 .affected_instance = "1.2.3.4",
				 .has_originator = 1,
				 .move_originator = "A"};
	uint8_t buf[1024], copy[1024];
	int n = shim_command_encode(&c, buf, sizeof buf);
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		memcpy(copy, buf, (size_t)n);
		for (int k = 0; k < 3; k++) {
			seed = seed * 1103515245u + 12345u;
			copy[(seed >> 8) % (unsigned)n] = (uint8_t)(seed >> 24);
		}
		seed = seed * 1103515245u + 12345u;
		int rc = shim_command_decode(copy, i % 2 ? (size_t)n : (seed >> 8) % (unsigned)n, &c);
		assert_true(rc == 0 || rc == SHIM_EPARSE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_kinds), cmocka_unit_test(longest), cmocka_unit_test(remaining_only_while_pending),
	    cmocka_unit_test(refused),   cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
