/* Command sets: any bytes; and what was read is written and read again as the same. */
#include "fuzz.h"
#include "shim/shim.h"
#include <string.h>

static void ends(const char *text, size_t room)
{
	FUZZ_EXPECT(memchr(text, 0, room));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shim_command c, back;
	uint8_t first[1024], second[1024];
	int n;

	if (shim_command_decode(data, size, &c) < 0) {
		FUZZ_EXPECT(shim_error()[0]);
		return 0;
	}
	ends(c.affected_class, sizeof(c.affected_class));
	ends(c.affected_instance, sizeof(c.affected_instance));
	ends(c.requested_class, sizeof(c.requested_class));
	ends(c.requested_instance, sizeof(c.requested_instance));
	ends(c.move_destination, sizeof(c.move_destination));
	ends(c.move_originator, sizeof(c.move_originator));
	ends(c.error_comment, sizeof(c.error_comment));
	n = shim_command_encode(&c, first, sizeof(first));
	FUZZ_EXPECT(n > 0 && n % 2 == 0);
	FUZZ_EXPECT(shim_command_decode(first, (size_t)n, &back) == SHIM_OK);
	FUZZ_EXPECT(shim_command_encode(&back, second, sizeof(second)) == n && !memcmp(first, second, (size_t)n));
	return 0;
}
