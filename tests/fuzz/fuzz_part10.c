/* The head of a file: any bytes; and what was read can be written and read again. */
#include "dicom/dict.h"
#include "dicom/part10.h"
#include "fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part10_meta m, back;
	AUTO(buf) out = BUF(FUZZ_CAP);
	struct err e = {0};
	int64_t at = part10_read(data, size, &m, &e);

	if (at < 0) {
		FUZZ_EXPECT(at == -E_INVAL && e.msg[0]);
		return 0;
	}
	FUZZ_EXPECT((uint64_t)at <= size && m.syntax[0]);
	FUZZ_EXPECT(memchr(m.sop_class, 0, sizeof(m.sop_class)) && memchr(m.sop_instance, 0, sizeof(m.sop_instance)) &&
		    memchr(m.syntax, 0, sizeof(m.syntax)) && memchr(m.source_aet, 0, sizeof(m.source_aet)));
	FUZZ_EXPECT(part10_write(&m, &out, &e) == 0);
	FUZZ_EXPECT(part10_read(out.data, out.len, &back, &e) == (int64_t)out.len);
	FUZZ_EXPECT(!strcmp(m.sop_class, back.sop_class) && !strcmp(m.sop_instance, back.sop_instance) &&
		    !strcmp(m.syntax, back.syntax) && !strcmp(m.source_aet, back.source_aet));
	return 0;
}
