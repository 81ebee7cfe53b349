#include "archive/backup_file.h"
#include "archive/pack.h"
#include "base/auto.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1u << 20)
#define FRESH_S 2 /* a change in so short a time may not show in the time of change */

bool backup_unchanged(const struct stat *from, const struct stat *copy)
{
	bool coarse = copy->st_mtim.tv_nsec == 0; /* a target that keeps whole seconds */

	return from->st_size == copy->st_size && from->st_mtim.tv_sec == copy->st_mtim.tv_sec &&
	       (coarse || from->st_mtim.tv_nsec == copy->st_mtim.tv_nsec);
}

static int failed(const struct backup_place *p, const char *what, struct err *e)
{
	bool full = errno == ENOSPC || errno == EDQUOT;

	return err_sys(e, full ? E_FULL : errno == ENOENT ? E_NOENT : E_IO, "cannot %s %s", what, p->name);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static int write_at(int fd, const uint8_t *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
		at += k;
	}
	return 0;
}

/* Runs of blocks that are not all zeros. */
static int write_sparse(int fd, const uint8_t *p, size_t n, off_t at)
{
	size_t run = 0, i = 0;

	while (i < n) {
		size_t k = n - i < PACK_BLOCK ? n - i : PACK_BLOCK;
		bool zero = all_zero(p + i, k);

		if (zero && i > run && write_at(fd, p + run, i - run, at + (off_t)run) < 0)
			return -1;
		i += k;
		if (zero)
			run = i;
	}
	return n > run ? write_at(fd, p + run, n - run, at + (off_t)run) : 0;
}

/* Up to the length at the beginning: what is written meanwhile is for the next time. */
static int copy_bytes(int in, int out, off_t size, const struct backup_place *from, const struct backup_place *to,
		      off_t *copied, struct err *e)
{
	AUTO(str) chunk = malloc(CHUNK);
	off_t at = 0;

	if (!chunk)
		return err_set(e, E_NOMEM, "no memory to copy %s", from->name);
	while (at < size) {
		size_t want = size - at < (off_t)CHUNK ? (size_t)(size - at) : CHUNK;
		ssize_t k = pread(in, chunk, want, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return failed(from, "read", e);
		if (k == 0) /* cut meanwhile */
			break;
		if (write_sparse(out, (const uint8_t *)chunk, (size_t)k, at) < 0)
			return failed(to, "write", e);
		at += k;
		posix_fadvise(in, 0, at, POSIX_FADV_DONTNEED);
	}
	*copied = at;
	return ftruncate(out, at) < 0 ? failed(to, "write", e) : 0;
}

static int finish(int out, const struct stat *st, const struct backup_place *to, struct err *e)
{
	struct timespec times[2] = {st->st_mtim, st->st_mtim};

	if (time(NULL) - st->st_mtim.tv_sec <= FRESH_S)
		times[1].tv_sec -= 3600;
	if (geteuid() == 0 && fchown(out, st->st_uid, st->st_gid) < 0)
		return failed(to, "give away", e);
	if (futimens(out, times) < 0 || fsync(out) < 0)
		return failed(to, "sync", e);
	posix_fadvise(out, 0, 0, POSIX_FADV_DONTNEED); /* who verifies it reads what the disk has */
	return 0;
}

int backup_copy(const struct backup_place *from, const struct backup_place *to, const struct backup_place *temp,
		uint64_t *bytes, struct err *e)
{
	AUTO(fd) in = openat(from->folder, from->name, O_RDONLY | O_CLOEXEC);
	AUTO(fd) out = -1;
	struct stat st;
	off_t copied = 0;
	int rc;

	if (in < 0 || fstat(in, &st) < 0)
		return failed(from, "read", e);
	posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL);
	out = openat(temp->folder, temp->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (out < 0)
		return failed(to, "write", e);
	rc = copy_bytes(in, out, st.st_size, from, to, &copied, e);
	if (rc == 0)
		rc = finish(out, &st, to, e);
	if (rc == 0 && renameat(temp->folder, temp->name, to->folder, to->name) < 0)
		rc = failed(to, "rename", e);
	if (rc < 0)
		unlinkat(temp->folder, temp->name, 0);
	*bytes = (uint64_t)copied;
	return rc;
}

int backup_sync(int folder, struct err *e)
{
	return fsync(folder) < 0 ? err_sys(e, E_IO, "cannot sync the folder") : 0;
}
