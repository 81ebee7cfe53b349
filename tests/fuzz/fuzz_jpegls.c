/* JPEG-LS from anywhere. The data set agrees with the first frame header, more or less: the last byte chooses. */
#include "samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned columns = 8, rows = 8, samples = 1, bits = 8;

	if (size < 1)
		return 0;
	for (size_t i = 0; i + 11 < size; i++)
		if (data[i] == 0xff && data[i + 1] == 0xf7) {
			const uint8_t *p = data + i + 4;
			bits = p[0];
			rows = (unsigned)p[1] << 8 | p[2];
			columns = (unsigned)p[3] << 8 | p[4];
			samples = p[5];
			break;
		}
	struct image_pixel said = samples_said(columns, rows, samples, bits, data[size - 1]);
	return samples_run("1.2.840.10008.1.2.4.80", &said, data, size - 1);
}
