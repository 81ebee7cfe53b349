/* Any bytes as a configuration file: refused with a sentence, or loaded; then what is printed loads as the same. */
#include "base/config.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int load(struct config *c, const void *data, size_t n, struct err *e)
{
	AUTO(fd) fd = memfd_create("config", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return config_load(c, path, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(config) c = {0};
	AUTO(config) again = {0};
	AUTO(buf) a = BUF(1u << 24);
	AUTO(buf) b = BUF(1u << 24);
	struct err e = {0};

	if (load(&c, data, size, &e) < 0) {
		if (!e.msg[0] || c.data)
			abort();
		return 0;
	}
	if (config_print(&c, &a, NULL) < 0 || load(&again, a.data, a.len, NULL) < 0 ||
	    config_print(&again, &b, NULL) < 0 || a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	return 0;
}
