/* JPEG of any process from anywhere. The data set agrees with the frame header, more or less: the last byte chooses. */
#include "imaging/codec_jpeg.h"
#include "samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jpeg_head h;
	struct err e = {0};

	if (size < 1)
		return 0;
	if (jpeg_head_read(data, size - 1, &h, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 0;
	}
	struct image_pixel said = samples_said(h.columns, h.rows, h.samples, h.precision, data[size - 1]);
	return samples_run("1.2.840.10008.1.2.4.51", &said, data, size - 1);
}
