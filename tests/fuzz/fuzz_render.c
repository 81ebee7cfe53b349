/* A picture of any bytes: a Part 10 file that is looked over, decoded and shown. The last bytes choose what is asked for. */
#include "dicom/dict.h"
#include "fuzz.h"
#include "imaging/render.h"
#include "shim/shim.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_MOST 65536u

static void choose(uint8_t how, uint8_t which, struct render_options *o)
{
	o->format = how & 1 ? RENDER_PNG : RENDER_JPEG;
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
	static int fd = -1;
	static char path[64];
	AUTO(buf) out = BUF(64u << 20);
	struct render_options o = {0};
	struct err e = {0};

	if (fd < 0) {
		FUZZ_EXPECT(shim_setup() == SHIM_OK && dict_setup(NULL) == 0);
		FUZZ_EXPECT((fd = memfd_create("render", MFD_CLOEXEC)) >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (size < 2 || size > INPUT_MOST)
		return 0;
	choose(data[size - 1], data[size - 2], &o);
	FUZZ_EXPECT(ftruncate(fd, 0) == 0 && pwrite(fd, data, size - 2, 0) == (ssize_t)(size - 2));
	int rc = render_frame(path, &o, &out, &e);
	FUZZ_EXPECT(rc == 0 ? out.len > 60 : e.msg[0] && out.len == 0 && rc == -(int)e.code);
	if (rc == 0)
		FUZZ_EXPECT(!memcmp(out.data, o.format == RENDER_PNG ? "\x89PNG" : "\xff\xd8\xff", 3));
	return 0;
}
