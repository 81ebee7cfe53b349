#include "archive/scratch.h"
#include "archive/store.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

int scratch_room(const struct archive *a, int fd, uint64_t n, struct err *e)
{
	struct stat of_file, of_archive;
	struct statvfs v;

	if (fstat(fd, &of_file) < 0 || stat(a->folder, &of_archive) < 0 || fstatvfs(fd, &v) < 0)
		return err_sys(e, E_IO, "looking for room for a copy");
	const uint64_t reserve = of_file.st_dev == of_archive.st_dev ? a->reserve : 0;
	if ((uint64_t)v.f_bavail * v.f_frsize < reserve + n)
		return err_set(e, E_FULL, "no room for a copy in another form beyond the reserve of %" PRIu64 " MiB",
			       reserve >> 20);
	return 0;
}
