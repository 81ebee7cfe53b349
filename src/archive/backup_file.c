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

/* Runs of blocks that are not all zeros; adds what they are to *written. */
static int write_sparse(int fd, const uint8_t *p, size_t n, off_t at, uint64_t *written)
{
	size_t run = 0, i = 0;

	while (i < n) {
		size_t k = n - i < PACK_BLOCK ? n - i : PACK_BLOCK;
		bool zero = all_zero(p + i, k);

		*written += zero ? 0 : k;
		if (zero && i > run && write_at(fd, p + run, i - run, at + (off_t)run) < 0)
			return -1;
		i += k;
		if (zero)
			run = i;
	}
	return n > run ? write_at(fd, p + run, n - run, at + (off_t)run) : 0;
}

/* Up to the length at the beginning: what is written meanwhile is for the next time. */
static int copy_bytes(int in, const struct backup_place *from, struct backup_copied *c, struct err *e)
{
	AUTO(str) chunk = malloc(CHUNK);
	off_t at = 0, size = c->from.st_size;

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
		if (write_sparse(c->fd, (const uint8_t *)chunk, (size_t)k, at, &c->bytes) < 0)
			return failed(from, "copy", e);
		at += k;
		posix_fadvise(in, 0, at, POSIX_FADV_DONTNEED);
	}
	if (ftruncate(c->fd, at) < 0 || fsync(c->fd) < 0)
		return failed(from, "copy", e);
	posix_fadvise(c->fd, 0, 0, POSIX_FADV_DONTNEED); /* who verifies it reads what the disk has */
	return 0;
}

int backup_copy(const struct backup_place *from, const struct backup_place *temp, struct backup_copied *out,
		struct err *e)
{
	AUTO(fd) in = openat(from->folder, from->name, O_RDONLY | O_CLOEXEC);
	int rc;

	*out = (struct backup_copied){.fd = -1};
	if (in < 0 || fstat(in, &out->from) < 0)
		return failed(from, "read", e);
	posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL);
	out->fd = openat(temp->folder, temp->name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (out->fd < 0) {
		rc = failed(from, "copy", e);
		return rc == -E_NOENT ? err_set(e, E_IO, "cannot copy %s: its folder is gone", from->name) : rc;
	}
	if ((rc = copy_bytes(in, from, out, e)) < 0)
		backup_drop(out, temp);
	return rc;
}

int backup_write(int fd, const void *data, size_t n, off_t at, struct err *e)
{
	const struct backup_place copy = {.name = "a copy"};

	return write_at(fd, data, n, at) < 0 ? failed(&copy, "write", e) : 0;
}

static int finish(const struct backup_copied *c, const struct backup_place *to, bool again, struct err *e)
{
	const struct stat *st = &c->from;
	struct timespec times[2] = {st->st_mtim, st->st_mtim};

	if (again || time(NULL) - st->st_mtim.tv_sec <= FRESH_S)
		times[1].tv_sec -= 3600;
	if (geteuid() == 0 && fchown(c->fd, st->st_uid, st->st_gid) < 0)
		return failed(to, "give away", e);
	return futimens(c->fd, times) < 0 || fsync(c->fd) < 0 ? failed(to, "sync", e) : 0;
}

int backup_put(struct backup_copied *c, const struct backup_place *temp, const struct backup_place *to, bool again,
	       struct err *e)
{
	int rc = finish(c, to, again, e);

	if (rc == 0 && renameat(temp->folder, temp->name, to->folder, to->name) < 0)
		rc = failed(to, "rename", e);
	if (rc < 0) {
		backup_drop(c, temp);
		return rc;
	}
	close(c->fd);
	c->fd = -1;
	return 0;
}

void backup_drop(struct backup_copied *c, const struct backup_place *temp)
{
	close(c->fd);
	c->fd = -1;
	unlinkat(temp->folder, temp->name, 0);
}

int backup_sync(int folder, struct err *e)
{
	return fsync(folder) < 0 ? err_sys(e, E_IO, "cannot sync the folder") : 0;
}
