#include "cmd/import.h"
#include "shim/shim.h"
#include <dirent.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_directory_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	return strcasecmp(slash ? slash + 1 : path, "DICOMDIR") == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- what a DICOMDIR names: ids in upper case, files on a disk often in lower case, sometimes with ";1" behind */

static bool same_name(const char *entry, const char *part, size_t n)
{
	return strncasecmp(entry, part, n) == 0 && (entry[n] == '\0' || strcmp(entry + n, ";1") == 0);
}

/* Appends "/" and the folder's entry that fits the next component; false when there is none. */
static bool resolve_part(char *path, size_t room, const char *part, size_t n)
{
	size_t len = strlen(path);
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (n == 0 || part[0] == '.' || !(dir = opendir(path)))
		return false;
	while (!found && (entry = readdir(dir)))
		if (same_name(entry->d_name, part, n))
			found = snprintf(path + len, room - len, "/%s", entry->d_name) < (int)(room - len);
	closedir(dir);
	return found;
}

static bool resolve(const char *folder, const char *id, char *path, size_t room)
{
	struct stat st;

	snprintf(path, room, "%s/%s", folder, id);
	if (!strstr(id, "..") && id[0] != '/' && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	if (snprintf(path, room, "%s", folder) >= (int)room)
		return false;
	for (;;) {
		size_t n = strcspn(id, "/");

		if (!resolve_part(path, room, id, n))
			return false;
		if (!id[n])
			return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
		id += n + 1;
	}
}

struct named {
	struct import *import;
	const char *folder;
};

static int add_named(void *arg, const char *id)
{
	struct named *d = arg;
	char path[4096];

	if (resolve(d->folder, id, path, sizeof path))
		return import_add(d->import, path);
	snprintf(path, sizeof path, "%s/%s", d->folder, id);
	import_tell(d->import, path, IMPORT_REFUSED, "named by the DICOMDIR, but not there");
	return 0;
}

static void walk_directory_file(struct import *im, const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	struct named d = {.import = im, .folder = slash ? folder : "."};
	int rc;

	if (slash)
		*slash = '\0';
	if (slash == folder)
		d.folder = "/";
	rc = folder ? shim_dicomdir_each(path, add_named, &d) : SHIM_ENOMEM;
	if (rc < 0 && rc != -E_CANCEL)
		import_tell(im, path, IMPORT_REFUSED, shim_error());
	free(folder);
}

/* ---- trees */

/* 0, or negative to stop. */
static int walk_entry(struct import *im, const FTSENT *f)
{
	switch (f->fts_info) {
	case FTS_F:
		/* the files of a tree are all taken: what a DICOMDIR in it names is among them */
		return strcasecmp(f->fts_name, "DICOMDIR") == 0 ? 0 : import_add(im, f->fts_path);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		import_tell(im, f->fts_path, IMPORT_REFUSED, strerror(f->fts_errno));
		return 0;
	case FTS_SL:
	case FTS_SLNONE:
		import_tell(im, f->fts_path, IMPORT_SKIPPED, "a symbolic link");
		return 0;
	case FTS_DEFAULT:
		import_tell(im, f->fts_path, IMPORT_SKIPPED, "not a regular file");
		return 0;
	default:
		return 0;
	}
}

static void walk_tree(struct import *im, char *path)
{
	char *roots[] = {path, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	const FTSENT *f;

	if (!tree) {
		import_tell(im, path, IMPORT_REFUSED, "cannot be walked");
		return;
	}
	while ((f = fts_read(tree)))
		if (walk_entry(im, f) < 0)
			break;
	fts_close(tree);
}

void import_walk(struct import *im, char **paths)
{
	for (; *paths; paths++)
		if (is_directory_file(*paths))
			walk_directory_file(im, *paths);
		else
			walk_tree(im, *paths);
}

uint64_t import_count(char **paths)
{
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	const FTSENT *f;
	uint64_t n = 0;

	while (tree && (f = fts_read(tree)))
		n += f->fts_info == FTS_F || f->fts_info == FTS_NSOK;
	if (tree)
		fts_close(tree);
	return n;
}
