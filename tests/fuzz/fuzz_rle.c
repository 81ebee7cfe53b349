/* Run lengths from anywhere; the last six bytes are the data set. */
#include "samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned bits[] = {8, 12, 16, 1, 32, 6, 24, 8};

	if (size < 6)
		return 0;
	const uint8_t *p = data + size - 6;
	struct image_pixel said =
	    samples_said(p[0] | p[1] << 8, p[2] | p[3] << 8, p[4] & 8 ? 3 : 1, bits[p[4] & 7], p[5]);
	return samples_run("1.2.840.10008.1.2.5", &said, data, size - 6);
}
