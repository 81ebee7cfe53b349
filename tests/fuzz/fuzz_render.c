/* A picture of any bytes, as a worker makes it: a Part 10 file that is parsed, decoded and shown. The last bytes choose what is asked
 * for; with one of their bits the file is a presentation state of itself, too. */
#include "dicom/dict.h"
#include "fuzz.h"
#include "imaging/render.h"
#include "shim/shim.h"
#include <string.h>

#define INPUT_MOST 65536u

static void choose(uint8_t how, uint8_t which, struct render_options *o)
{
	o->format = how & 64 ? RENDER_WEBP : how & 1 ? RENDER_PNG : RENDER_JPEG;
	o->profile = which % 6;
	o->frame = which & 3;
	o->flip_x = how & 2;
	if (how & 4)
		o->width = o->height = 1 + which / 4;
	o->enlarge = how & 8;
	if (how & 16) {
		o->voi = 1 + which % 3;
		o->window_center = which * 16 - 500;
		o->window_width = 1 + which;
	}
	if (how & 32) {
		o->crop_x = which % 8;
		o->crop_w = 1 + which / 16;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const begins[] = {
	    [RENDER_JPEG] = "\xff\xd8\xff", [RENDER_PNG] = "\x89PNG", [RENDER_WEBP] = "RIFF"};
	static bool ready;
	AUTO(buf) out = BUF(64u << 20);
	struct render_options o = {0};
	struct err e = {0};
	char warning[CODEC_WARNING] = "";

	if (!ready)
		FUZZ_EXPECT(shim_setup() == SHIM_OK && dict_setup(NULL) == 0);
	ready = true;
	if (size < 2 || size > INPUT_MOST)
		return 0;
	uint8_t how = data[size - 1];
	choose(how, data[size - 2], &o);
	int rc = render_bytes(data, size - 2, data, how & 128 ? size - 2 : 0, &o, &out, warning, &e);
	FUZZ_EXPECT(rc == 0 ? out.len > 40 : e.msg[0] && out.len == 0 && rc == -(int)e.code);
	FUZZ_EXPECT(memchr(warning, 0, sizeof(warning)));
	if (rc == 0)
		FUZZ_EXPECT(!memcmp(out.data, begins[o.format], 3));
	return 0;
}
