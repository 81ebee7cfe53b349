/* tests/fuzz/codestream.h - a code stream of any bytes, and a data set that agrees with what it says, more or less: without that hardly any
 * input would come past the headers. The last two bytes choose. */
#ifndef TESTS_FUZZ_CODESTREAM_H
#define TESTS_FUZZ_CODESTREAM_H

#include "fuzz.h"
#include "imaging/codec_own.h"
#include "imaging/j2k_head.h"
#include <string.h>

#define CODESTREAM_MOST (1u << 20)

/* What OpenJPEG had in hand when an assertion of it failed is lost (shim/assertion.h): some bytes in a worker. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libopenjp2";
}

static inline void codestream_said(const struct j2k_head *h, uint8_t how, struct image_pixel *p)
{
	unsigned depth = h->component[0].depth;

	*p = (struct image_pixel){.rows = h->rows, .columns = h->columns, .samples = (uint16_t)h->components};
	p->bits_allocated = depth == 1 && how & 1 ? 1 : depth <= 8 ? 8 : depth <= 16 ? 16 : 32;
	p->bits_stored = depth <= p->bits_allocated ? (uint16_t)depth : p->bits_allocated;
	p->high_bit = p->bits_stored - 1;
	p->is_signed = how & 2;
	strcpy(p->photometric, h->components == 1 ? "MONOCHROME2"
			       : how & 4          ? "YBR_RCT"
			       : how & 8          ? "YBR_FULL_422"
						  : "RGB");
}

static inline int codestream_run(codec_decode_fn *decode, const char *syntax, const uint8_t *data, size_t size)
{
	AUTO(codec_frame) f = {.n = 0};
	struct image_pixel said;
	struct j2k_head h;
	struct err e = {0};

	if (size < 2)
		return 0;
	size -= 2;
	if (j2k_head_read(data, size, &h, &e) < 0) {
		FUZZ_EXPECT(e.msg[0]);
		return 0;
	}
	codestream_said(&h, data[size], &said);
	int rc = decode(syntax, &said, data, size, data[size + 1] & 7, CODESTREAM_MOST, &f, &e);
	FUZZ_EXPECT(rc == 0 ? f.data && f.n == image_pixel_frame_bytes(&f.pixels) : !f.data && e.msg[0]);
	FUZZ_EXPECT(rc == 0 || rc == -(int)e.code);
	FUZZ_EXPECT(rc < 0 || (f.n <= CODESTREAM_MOST && f.pixels.columns <= said.columns));
	return 0;
}
#endif
