/* JPEG 2000 from anywhere. */
#include "codestream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return codestream_run(j2k_decode, "1.2.840.10008.1.2.4.91", data, size);
}
