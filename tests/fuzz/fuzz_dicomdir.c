/* A DICOMDIR of any bytes, looked over and then read by DCMTK: ids stay inside the folder. */
#include "fuzz.h"
#include "shim/shim.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define INPUT_MOST 65536u

static int seen(void *arg, const char *id)
{
	unsigned *n = arg;

	FUZZ_EXPECT(id[0] && id[0] != '/' && !strstr(id, "//") && !strpbrk(id, "\r\n"));
	for (const char *part = id; part; part = strchr(part, '/')) {
		part += *part == '/';
		size_t len = strcspn(part, "/");
		FUZZ_EXPECT(len > 0 && !(len == 1 && part[0] == '.') && !(len == 2 && !memcmp(part, "..", 2)));
	}
	return ++*n > 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	unsigned n = 0;

	if (fd < 0) {
		FUZZ_EXPECT(shim_setup() == SHIM_OK && (fd = memfd_create("dicomdir", MFD_CLOEXEC)) >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (size > INPUT_MOST)
		return 0;
	FUZZ_EXPECT(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	int rc = shim_dicomdir_each(path, seen, &n);
	FUZZ_EXPECT(rc >= 0 || shim_error()[0]);
	return 0;
}
