#include "archive/scratch.h"
#include "archive/store.h"
#include "base/write.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1u << 20)

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

int scratch_stored(struct archive *a, const struct stored *s, char path[SCRATCH_PATH], struct err *e)
{
	size_t room = s->part10_len < PIECE ? (size_t)s->part10_len : PIECE;
	AUTO(str) piece = malloc(room ? room : 1);
	AUTO(fd) fd = -1;
	uint64_t at = 0;
	int rc;

	if (!piece)
		return err_set(e, E_NOMEM, "no memory to copy with");
	if ((fd = scratch_file(a, path, e)) < 0)
		return fd; /* cppcheck-suppress memleak */
	while (at < s->part10_len) {
		int64_t got = stored_read(a, s, at, piece, room, e);

		if (got <= 0)
			return got < 0 ? (int)got : err_set(e, E_CORRUPT, "record of %s is short", s->sop_instance);
		if ((rc = write_all(fd, piece, (size_t)got, "a scratch file", e)) < 0)
			return rc;
		at += (uint64_t)got;
	}
	return fd_steal(&fd);
}
