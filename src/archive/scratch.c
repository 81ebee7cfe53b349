#include "archive/scratch.h"
#include "archive/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_file(struct archive *a, char path[SCRATCH_PATH], struct err *e)
{
	static const char pattern[] = "/teleread-XXXXXX";
	const char *set = getenv("TMPDIR");
	char name[PATH_MAX];
	int fd, n;

	n = set && *set ? snprintf(name, sizeof(name), "%s", set) : snprintf(name, sizeof(name), "%s/tmp", a->folder);
	if (n < 0 || (size_t)n + sizeof(pattern) > sizeof(name))
		return err_set(e, E_CONFIG, "scratch folder has too long a name");
	if (mkdir(name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, E_IO, "making folder %s", name);
	memcpy(name + n, pattern, sizeof(pattern));
	if ((fd = mkostemp(name, O_CLOEXEC)) < 0)
		return err_sys(e, E_IO, "making %s", name);
	unlink(name);
	snprintf(path, SCRATCH_PATH, "/proc/self/fd/%d", fd);
	return fd;
}
