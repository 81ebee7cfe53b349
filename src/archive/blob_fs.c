/* archive/blob_fs.c - packs as files: FOLDER/HHHHHHHHHHHH/LLLL.pack, the two parts of the key in hexadecimal, so that a
 * folder holds at most 65,536 of them. */
#include "archive/blob.h"
#include "base/auto.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	OPEN_FILES = 64,
	ZERO_CHUNK = 1 << 20,
	SHARD_BITS = 16,
	DIRECT_UNIT = 4096,
	READ_AHEAD_FROM = 64 << 10,
	READ_AHEAD = 8 << 20
};

struct open_file {
	uint64_t key, used;
	int fd;
	unsigned refs;
	bool gone; /* it was removed: nobody finds it any more, and the last one closes it */
};
struct blob_fs {
	struct blob_store store;
	int folder;
	pthread_mutex_t lock;
	struct open_file files[OPEN_FILES]; /* readers' cache */
	uint64_t clock;
};
struct fs_writer {
	struct blob_writer writer;
	int fd, direct; /* direct: the same file without page cache, or -1 */
	bool named;     /* folder entry is durable */
};

static struct blob_fs *fs_of(struct blob_store *s)
{
	return (struct blob_fs *)s;
}

const char *blob_fs_name(uint64_t key, char out[40])
{
	snprintf(out, 40, "%012llx/%04llx.pack", (unsigned long long)(key >> SHARD_BITS),
		 (unsigned long long)(key & ((1u << SHARD_BITS) - 1)));
	return out;
}

/* The pack's entry in its folder, and that one's: who made the folder may have died before it was durable. */
static int fs_sync_shard(struct blob_fs *fs, uint64_t key, struct err *e)
{
	char shard[16];
	snprintf(shard, sizeof shard, "%012llx", (unsigned long long)(key >> SHARD_BITS));
	AUTO(fd) dir = openat(fs->folder, shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) < 0 || fsync(fs->folder) < 0)
		return err_sys(e, E_IO, "cannot sync the pack folder %s", shard);
	return 0;
}

static int fs_open_writer(struct blob_fs *fs, uint64_t key, int flags, struct blob_writer **out, struct err *e)
{
	char name[40];
	blob_fs_name(key, name);
	int fd = openat(fs->folder, name, flags | O_RDWR | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_sys(e,
			       errno == EEXIST   ? E_EXISTS
			       : errno == ENOSPC ? E_FULL
			       : errno == ENOENT ? E_NOENT
						 : E_IO,
			       "cannot open pack %s", name);
	struct fs_writer *w = calloc(1, sizeof *w);
	if (!w) {
		close(fd);
		return err_set(e, E_NOMEM, "no memory for a pack writer");
	}
	w->writer.store = &fs->store;
	w->writer.key = key;
	w->fd = fd;
	w->direct = openat(fs->folder, name, O_WRONLY | O_CLOEXEC | O_DIRECT); /* not on every file system */
	*out = &w->writer;
	return 0;
}

static int fs_create(struct blob_store *s, uint64_t key, struct blob_writer **out, struct err *e)
{
	struct blob_fs *fs = fs_of(s);
	char shard[16];
	snprintf(shard, sizeof shard, "%012llx", (unsigned long long)(key >> SHARD_BITS));
	if (mkdirat(fs->folder, shard, 0750) < 0 && errno != EEXIST)
		return err_sys(e, errno == ENOSPC ? E_FULL : E_IO, "cannot make the pack folder %s", shard);
	return fs_open_writer(fs, key, O_CREAT | O_EXCL, out, e);
}

static int fs_reopen(struct blob_store *s, uint64_t key, struct blob_writer **out, struct err *e)
{
	return fs_open_writer(fs_of(s), key, 0, out, e);
}

static int fs_pwrite(int fd, const uint8_t *p, size_t n, uint64_t at, struct err *e)
{
	while (n) {
		ssize_t k = pwrite(fd, p, n, (off_t)at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_sys(e, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO, "cannot write to a pack");
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return 0;
}

/* Whole blocks of aligned memory go past the page cache: nothing is copied, and the sync has little left to do. */
static int fs_write(struct blob_writer *bw, const void *data, size_t n, uint64_t at, struct err *e)
{
	struct fs_writer *w = (struct fs_writer *)bw;
	bool direct = w->direct >= 0 && ((uintptr_t)data | n | at) % DIRECT_UNIT == 0;
	return fs_pwrite(direct ? w->direct : w->fd, data, n, at, e);
}

static int fs_prewrite(struct blob_writer *bw, uint64_t from, uint64_t n, struct err *e)
{
	static const _Alignas(4096) uint8_t zeros[ZERO_CHUNK];
	struct fs_writer *w = (struct fs_writer *)bw;
	while (n) {
		size_t k = n < ZERO_CHUNK ? (size_t)n : ZERO_CHUNK;
		int rc = fs_pwrite(w->direct >= 0 ? w->direct : w->fd, zeros, k, from, e);
		if (rc < 0)
			return rc;
		from += k;
		n -= k;
	}
	return 0;
}

static int fs_flush(struct blob_writer *bw, uint64_t from, uint64_t n, struct err *e)
{
	(void)e; /* a hint: what goes wrong shows at the sync */
	sync_file_range(((struct fs_writer *)bw)->fd, (off_t)from, (off_t)n, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int fs_sync(struct blob_writer *bw, struct err *e)
{
	struct fs_writer *w = (struct fs_writer *)bw;
	if (fdatasync(w->fd) < 0)
		return err_sys(e, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO, "cannot sync a pack");
	if (!w->named) {
		int rc = fs_sync_shard(fs_of(bw->store), bw->key, e);
		if (rc < 0)
			return rc;
		w->named = true;
	}
	return 0;
}

static int fs_punch(struct blob_writer *bw, uint64_t from, uint64_t n, struct err *e)
{
	int fd = ((struct fs_writer *)bw)->fd;
	struct stat st;
	if (n == 0) { /* behind the end there is nothing to lose */
		if (fstat(fd, &st) < 0)
			return err_sys(e, E_IO, "cannot look at a pack");
		from = ((uint64_t)st.st_size + DIRECT_UNIT) / DIRECT_UNIT * DIRECT_UNIT;
		n = DIRECT_UNIT;
	}
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)n) < 0)
		return err_sys(e, errno == EOPNOTSUPP || errno == ENOSYS ? E_UNSUP : E_IO,
			       "cannot give back blocks of a pack");
	return 0;
}

static void fs_drop(struct blob_writer *bw)
{
	struct fs_writer *w = (struct fs_writer *)bw;
	close(w->fd);
	if (w->direct >= 0)
		close(w->direct);
	free(w);
}

static int fs_seal(struct blob_writer *bw, uint64_t size, struct err *e)
{
	struct fs_writer *w = (struct fs_writer *)bw;
	int rc = 0;
	if (ftruncate(w->fd, (off_t)size) < 0 || fsync(w->fd) < 0)
		rc = err_sys(e, E_IO, "cannot seal a pack");
	if (rc == 0 && !w->named)
		rc = fs_sync_shard(fs_of(bw->store), bw->key, e);
	fs_drop(bw);
	return rc;
}

/* A file that is open is not gone: readers that are at it come first. */
static void fs_forget(struct blob_fs *fs, uint64_t key)
{
	pthread_mutex_lock(&fs->lock);
	for (struct open_file *f = fs->files; f < fs->files + OPEN_FILES; f++) {
		if (f->fd < 0 || f->key != key)
			continue;
		f->gone = f->refs > 0;
		if (!f->gone) {
			close(f->fd);
			f->fd = -1;
		}
	}
	pthread_mutex_unlock(&fs->lock);
}

static int fs_remove(struct blob_store *s, uint64_t key, struct err *e)
{
	char name[40];
	struct blob_fs *fs = fs_of(s);
	if (unlinkat(fs->folder, blob_fs_name(key, name), 0) < 0)
		return err_sys(e, errno == ENOENT ? E_NOENT : E_IO, "cannot remove pack %s", name);
	fs_forget(fs, key);
	return fs_sync_shard(fs, key, e);
}

static void fs_abort(struct blob_writer *bw)
{
	struct blob_store *s = bw->store;
	uint64_t key = bw->key;
	fs_drop(bw);
	fs_remove(s, key, NULL);
}

/* The cached descriptor of a pack, held until fs_release; a new one when all are in use. */
static int fs_acquire(struct blob_fs *fs, uint64_t key, struct open_file **slot, struct err *e)
{
	struct open_file *victim = NULL;
	char name[40];
	pthread_mutex_lock(&fs->lock);
	for (struct open_file *f = fs->files; f < fs->files + OPEN_FILES; f++) {
		if (f->fd >= 0 && f->key == key && !f->gone) {
			f->refs++;
			f->used = ++fs->clock;
			pthread_mutex_unlock(&fs->lock);
			*slot = f;
			return f->fd;
		}
		if (f->refs == 0 && (!victim || f->used < victim->used))
			victim = f;
	}
	int fd = openat(fs->folder, blob_fs_name(key, name), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		pthread_mutex_unlock(&fs->lock);
		return err_sys(e, errno == ENOENT ? E_NOENT : E_IO, "cannot open pack %s", name);
	}
	*slot = victim;
	if (victim) {
		if (victim->fd >= 0)
			close(victim->fd);
		*victim = (struct open_file){.key = key, .used = ++fs->clock, .fd = fd, .refs = 1};
	}
	pthread_mutex_unlock(&fs->lock);
	return fd;
}

static void fs_release(struct blob_fs *fs, struct open_file *slot, int fd)
{
	if (!slot) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&fs->lock);
	if (--slot->refs == 0 && slot->gone) {
		close(slot->fd);
		slot->fd = -1;
		slot->gone = false;
	}
	pthread_mutex_unlock(&fs->lock);
}

/* What the page cache has; what it lacks is asked for at once, together with what a retrieval will want next: packs are
 * written past the cache, and a series lies in one piece. */
static size_t fs_read_cached(int fd, uint64_t at, void *buf, size_t n)
{
	struct iovec v = {buf, n};
	ssize_t k = n < READ_AHEAD_FROM ? 0 : preadv2(fd, &v, 1, (off_t)at, RWF_NOWAIT);
	if (n >= READ_AHEAD_FROM && (k < 0 || (size_t)k < n))
		posix_fadvise(fd, (off_t)at, READ_AHEAD, POSIX_FADV_WILLNEED);
	return k < 0 ? 0 : (size_t)k;
}

static int64_t fs_read(struct blob_store *s, uint64_t key, uint64_t at, void *buf, size_t n, struct err *e)
{
	struct open_file *slot = NULL;
	struct blob_fs *fs = fs_of(s);
	int fd = fs_acquire(fs, key, &slot, e);
	if (fd < 0)
		return fd;
	size_t got = fs_read_cached(fd, at, buf, n);
	int64_t rc = 0;
	while (got < n) {
		ssize_t k = pread(fd, (uint8_t *)buf + got, n - got, (off_t)(at + got));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			rc = err_sys(e, E_IO, "cannot read a pack");
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	fs_release(fs, slot, fd);
	return rc < 0 ? rc : (int64_t)got;
}

static int64_t fs_next(struct blob_store *s, uint64_t key, uint64_t at, struct err *e)
{
	struct open_file *slot = NULL;
	struct stat st = {0};
	struct blob_fs *fs = fs_of(s);
	int fd = fs_acquire(fs, key, &slot, e);
	if (fd < 0)
		return fd;
	off_t next = lseek(fd, (off_t)at, SEEK_DATA); /* where the descriptor stands means nothing to others */
	if (next < 0 && errno == ENXIO && fstat(fd, &st) == 0)
		next = st.st_size;
	fs_release(fs, slot, fd);
	return next < (off_t)at ? (int64_t)at : next;
}

static int fs_descriptor(struct blob_store *s, uint64_t key, int *out, struct err *e)
{
	struct open_file *slot = NULL;
	struct blob_fs *fs = fs_of(s);
	int fd = fs_acquire(fs, key, &slot, e);
	if (fd < 0)
		return fd;
	if (slot) {
		int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		int rc = copy < 0 ? err_sys(e, E_IO, "cannot copy the descriptor of a pack") : 0;
		fs_release(fs, slot, fd);
		if (rc < 0)
			return rc;
		fd = copy;
	}
	*out = fd;
	return 0;
}

static int64_t fs_size(struct blob_store *s, uint64_t key, struct err *e)
{
	char name[40];
	struct stat st;
	if (fstatat(fs_of(s)->folder, blob_fs_name(key, name), &st, 0) < 0)
		return err_sys(e, errno == ENOENT ? E_NOENT : E_IO, "cannot look at pack %s", name);
	return st.st_size;
}

static int fs_is_shard(const struct dirent *d)
{
	return strlen(d->d_name) == 12 && strspn(d->d_name, "0123456789abcdef") == 12;
}

static int fs_is_pack(const struct dirent *d)
{
	return strlen(d->d_name) == 9 && strspn(d->d_name, "0123456789abcdef") == 4 && !strcmp(d->d_name + 4, ".pack");
}

static void fs_free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int fs_walk_shard(struct blob_fs *fs, const char *shard, uint64_t from, int (*seen)(void *, uint64_t), void *arg,
			 struct err *e)
{
	struct dirent **names;
	int n = scandirat(fs->folder, shard, &names, fs_is_pack, alphasort), rc = 0;
	if (n < 0)
		return err_sys(e, E_IO, "cannot list the pack folder %s", shard);
	for (int i = 0; i < n && rc == 0; i++) {
		uint64_t key = strtoull(shard, NULL, 16) << SHARD_BITS | strtoull(names[i]->d_name, NULL, 16);
		if (key >= from)
			rc = seen(arg, key);
	}
	fs_free_names(names, n);
	return rc;
}

static int fs_walk(struct blob_store *s, uint64_t from, int (*seen)(void *, uint64_t), void *arg, struct err *e)
{
	struct dirent **names;
	struct blob_fs *fs = fs_of(s);
	int n = scandirat(fs->folder, ".", &names, fs_is_shard, alphasort), rc = 0;
	if (n < 0)
		return err_sys(e, E_IO, "cannot list the packs folder");
	for (int i = 0; i < n && rc == 0; i++)
		if (strtoull(names[i]->d_name, NULL, 16) >= from >> SHARD_BITS)
			rc = fs_walk_shard(fs, names[i]->d_name, from, seen, arg, e);
	fs_free_names(names, n);
	return rc;
}

static int64_t fs_room(struct blob_store *s, struct err *e)
{
	struct statvfs v;
	if (fstatvfs(fs_of(s)->folder, &v) < 0)
		return err_sys(e, E_IO, "cannot ask for the free space of the packs folder");
	return (int64_t)((uint64_t)v.f_bavail * v.f_frsize);
}

static void fs_close(struct blob_store *s)
{
	struct blob_fs *fs = fs_of(s);
	for (struct open_file *f = fs->files; f < fs->files + OPEN_FILES; f++)
		if (f->fd >= 0)
			close(f->fd);
	close(fs->folder);
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

static const struct blob_store_ops blob_fs_ops = {
    .name = "fs",
    .create = fs_create,
    .prewrite = fs_prewrite,
    .write = fs_write,
    .flush = fs_flush,
    .sync = fs_sync,
    .seal = fs_seal,
    .abort = fs_abort,
    .drop = fs_drop,
    .punch = fs_punch,
    .read = fs_read,
    .next = fs_next,
    .descriptor = fs_descriptor,
    .size = fs_size,
    .reopen = fs_reopen,
    .walk = fs_walk,
    .remove = fs_remove,
    .room = fs_room,
    .close = fs_close,
};

int blob_fs_open(const char *folder, bool create, struct blob_store **out, struct err *e)
{
	if (create && mkdir(folder, 0750) < 0 && errno != EEXIST)
		return err_sys(e, E_IO, "cannot make the folder %s", folder);
	struct blob_fs *fs = calloc(1, sizeof *fs);
	if (!fs)
		return err_set(e, E_NOMEM, "no memory for the pack store");
	fs->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->folder < 0) {
		free(fs);
		return err_sys(e, errno == ENOENT ? E_NOENT : E_IO, "cannot open the folder %s", folder);
	}
	AUTO(fd) up = openat(fs->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (create && (up < 0 || fsync(up) < 0)) {
		int rc = err_sys(e, E_IO, "cannot sync the folder around %s", folder);
		close(fs->folder);
		free(fs);
		return rc;
	}
	fs->store.ops = &blob_fs_ops;
	pthread_mutex_init(&fs->lock, NULL);
	for (struct open_file *f = fs->files; f < fs->files + OPEN_FILES; f++)
		f->fd = -1;
	*out = &fs->store;
	return 0;
}
