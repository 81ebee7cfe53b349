#include "archive/backup_target.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- where it lies */

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);
	return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0' || top[n - 1] == '/');
}

/* The folder, or the one that it will be made in. */
static char *real_place(const char *path)
{
	char *real = realpath(path, NULL);
	if (real || errno != ENOENT)
		return real;
	AUTO(str) copy = strdup(path);
	return copy ? realpath(dirname(copy), NULL) : NULL;
}

static bool holds(const char *folder, const char *name)
{
	AUTO(str) path = NULL;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		path = NULL;
	return path && access(path, F_OK) == 0;
}

/* A backup, or an archive, that this folder or one above it is. */
static bool inside_another(const char *folder, struct err *e)
{
	static const char *const marks[] = {BACKUP_JSON, BACKUP_BEGUN, "index.sqlite"};
	AUTO(str) path = strdup(folder);
	for (char *end; path && *path; *end = 0) {
		for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++)
			if (holds(path, marks[i])) {
				err_set(e, E_CONFIG, "%s is a backup or an archive: no other one is made inside it",
					path);
				return true;
			}
		end = strrchr(path, '/');
		if (!end)
			break;
	}
	return false;
}

static int check_place(const struct archive *a, const char *path, struct err *e)
{
	AUTO(str) to = real_place(path);
	if (!to)
		return err_sys(e, E_CONFIG, "cannot look at %s", path);
	AUTO(str) from = realpath(a->folder, NULL);
	if (!from)
		return err_sys(e, E_CONFIG, "cannot look at %s", a->folder);
	AUTO(str) whole = realpath(path, NULL);
	if (below(to, from) || (whole && below(from, whole)))
		return err_set(e, E_CONFIG, "%s and the archive lie in each other", path);
	return inside_another(whole ? dirname(to) : to, e) ? -E_CONFIG : 0;
}

/* ---- what it is */

enum content { NOTHING, BACKUP, OTHER };

static enum content look(int folder)
{
	enum content found = NOTHING;
	struct dirent *d;
	int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	if (!dir) {
		if (again >= 0)
			close(again);
		return OTHER;
	}
	/* a lock alone: a first backup was cut short before it had begun */
	while (found != BACKUP && (d = readdir(dir))) {
		if (strcmp(d->d_name, BACKUP_JSON) == 0 || strcmp(d->d_name, BACKUP_BEGUN) == 0)
			found = BACKUP;
		else if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
			 strcmp(d->d_name, "lost+found") != 0 && strcmp(d->d_name, "lock") != 0)
			found = OTHER;
	}
	closedir(dir);
	return found;
}

static int take_lock(struct backup_target *t, const char *path, int flags, struct err *e)
{
	t->lock = openat(t->folder, "lock", O_RDWR | O_CLOEXEC | flags, 0640);
	if (t->lock < 0)
		return errno == ENOENT ? 0 : err_sys(e, E_IO, "cannot open %s/lock", path);
	if (flock(t->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, E_BUSY, "%s is in use by another teleread process", path);
	return 0;
}

/* ---- is it this archive's */

static int through_of(struct archive *a, uint64_t *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	uint64_t floor;
	int rc = db_get(a->db, DB_READ, &c, e);
	return rc == 0 ? index_through(c, out, &floor, e) : rc;
}

static uint64_t through_of_backup(int folder)
{
	AUTO(fd) fd = openat(folder, BACKUP_JSON, O_RDONLY | O_CLOEXEC);
	json_t *o = fd < 0 ? NULL : json_loadfd(fd, 0, NULL);
	uint64_t through = (uint64_t)json_integer_value(json_object_get(o, "through"));
	json_decref(o);
	return through;
}

struct kin {
	struct blob_store *ours, *theirs;
	bool any;
};

static bool header_of(struct blob_store *s, uint64_t pack, uint8_t out[PACK_BLOCK])
{
	enum pack_kind kind;
	return s->ops->read(s, pack, 0, out, PACK_BLOCK, NULL) == PACK_BLOCK &&
	       pack_header_read(out, pack, &kind, NULL) == 0;
}

/* A pack's header has the time of its making: two archives do not share it. 1: the same; 2: not. */
static int compare_pack(void *arg, uint64_t pack)
{
	struct kin *k = arg;
	uint8_t ours[PACK_BLOCK], theirs[PACK_BLOCK];
	k->any = true;
	if (!header_of(k->theirs, pack, theirs) || !header_of(k->ours, pack, ours))
		return 0;
	return memcmp(ours, theirs, sizeof ours) == 0 ? 1 : 2;
}

static int check_kin(struct archive *a, struct backup_target *t, const char *path, struct err *e)
{
	struct kin k = {.ours = a->packs, .theirs = t->packs};
	uint64_t ours, theirs = through_of_backup(t->folder);
	int rc = through_of(a, &ours, e), same;
	if (rc < 0)
		return rc;
	if ((same = t->packs->ops->walk(t->packs, 0, compare_pack, &k, e)) < 0)
		return same;
	if (same == 2 || (same == 0 && k.any))
		return err_set(e, E_CONFIG, "%s is the backup of another archive", path);
	if (ours < theirs)
		return err_set(e, E_CONFIG, "%s holds more than the archive: %llu, not %llu instances were taken in",
			       path, (unsigned long long)theirs, (unsigned long long)ours);
	return 0;
}

/* ---- opening */

/* From now on the folder is a backup, if an unfinished one. */
static int mark(struct backup_target *t, const char *path, struct err *e)
{
	AUTO(fd) begun = openat(t->folder, BACKUP_BEGUN, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (begun < 0 || fsync(t->folder) < 0)
		return err_sys(e, errno == ENOSPC ? E_FULL : E_IO, "cannot write to %s", path);
	return 0;
}

static int open_target_packs(struct backup_target *t, const char *path, struct err *e)
{
	if (asprintf(&t->path, "%s/packs", path) < 0) {
		t->path = NULL;
		return err_set(e, E_NOMEM, "no memory for a path");
	}
	int rc = blob_fs_open(t->path, true, &t->packs, e);
	if (rc < 0)
		return rc;
	t->packs_folder = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->packs_folder < 0)
		return err_sys(e, E_IO, "cannot open %s", t->path);
	backup_target_own(t, t->folder, "packs");
	return 0;
}

/* Its name must last, too. */
static int make_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0750) < 0)
		return errno == EEXIST ? 0 : err_sys(e, E_IO, "cannot make the folder %s", path);
	AUTO(str) copy = strdup(path);
	AUTO(fd) parent = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return parent >= 0 && fsync(parent) == 0 ? 0 : err_sys(e, E_IO, "cannot sync the folder around %s", path);
}

int backup_target_open(struct archive *a, const char *path, struct backup_target *t, struct err *e)
{
	struct stat st;
	*t = (struct backup_target){.folder = -1, .packs_folder = -1, .lock = -1};
	int rc = check_place(a, path, e);
	if (rc < 0)
		return rc;
	if ((rc = make_folder(path, e)) < 0)
		return rc;
	if ((t->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, E_IO, "cannot open %s", path);
	if (stat(a->folder, &st) == 0) {
		t->give = geteuid() == 0;
		t->uid = st.st_uid;
		t->gid = st.st_gid;
	}
	if ((rc = take_lock(t, path, 0, e)) < 0) /* somebody's data folder, perhaps: nothing is made in it */
		return rc;
	enum content is = look(t->folder);
	if (is == OTHER)
		return err_set(e, E_CONFIG, "%s is neither empty nor a backup that was not used since", path);
	if (t->lock < 0 && (rc = take_lock(t, path, O_CREAT, e)) < 0)
		return rc;
	backup_target_own(t, t->folder, ".");
	backup_target_own(t, t->folder, "lock");
	if (is == NOTHING && (rc = mark(t, path, e)) < 0)
		return rc;
	rc = open_target_packs(t, path, e);
	return rc == 0 && is == BACKUP ? check_kin(a, t, path, e) : rc;
}

int backup_target_reopen(struct backup_target *t, struct err *e)
{
	struct blob_store *fresh;
	int rc = blob_fs_open(t->path, false, &fresh, e);
	if (rc < 0)
		return rc;
	t->packs->ops->close(t->packs);
	t->packs = fresh;
	return 0;
}

void backup_target_close(struct backup_target *t)
{
	const int fds[] = {t->packs_folder, t->folder, t->lock};
	if (t->packs)
		t->packs->ops->close(t->packs);
	for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(t->path);
}

void backup_target_own(const struct backup_target *t, int folder, const char *name)
{
	if (t->give && fchownat(folder, name, t->uid, t->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* a file system without owners; who restores gives them */
}

void backup_target_drop_index(const struct backup_target *t, const char *name)
{
	static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
	for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char part[64];
		snprintf(part, sizeof part, "%s%s", name, parts[i]);
		if (t->folder >= 0)
			unlinkat(t->folder, part, 0);
	}
}
