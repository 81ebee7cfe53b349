#include "archive/backup_trail.h"
#include "archive/backup_file.h"
#include "base/auto.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "audit"
#define TEMP "backup.new"
#define CHUNK 65536u
#define LIKE 4096u /* bytes before the end of a copy that must be those of its file */

struct trail {
	int from;
	const struct backup_target *to;
	int copy; /* the folder */
	char *chunk;
	void (*told)(void *arg, const char *sentence);
	void *arg;
	struct err *e;
};
struct note { /* the head, and what was sent */
	char text[256];
	size_t n; /* 0: there is none */
};

static int failed(struct trail *t, const char *what, const char *name)
{
	return err_sys(t->e, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO, "cannot %s %s/%s", what, FOLDER, name);
}

/* Those who append take turns: what is read within one is whole. */
static int read_note(struct trail *t, const char *name, struct note *out)
{
	AUTO(fd) fd = openat(t->from, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out->n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : failed(t, "read", name);
	flock(fd, LOCK_SH);
	n = pread(fd, out->text, sizeof out->text, 0);
	flock(fd, LOCK_UN);
	if (n < 0)
		return failed(t, "read", name);
	out->n = (size_t)n;
	return 0;
}

static int write_note(struct trail *t, const char *name, const struct note *note)
{
	AUTO(fd) fd = -1;
	int rc;

	if (note->n == 0)
		return 0;
	if ((fd = openat(t->copy, TEMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)) < 0)
		return failed(t, "copy", name);
	if ((rc = backup_write(fd, note->text, note->n, 0, t->e)) < 0)
		return rc;
	backup_target_own(t->to, t->copy, TEMP);
	return fsync(fd) < 0 || renameat(t->copy, TEMP, t->copy, name) < 0 ? failed(t, "copy", name) : 0;
}

/* ---- lines */

/* The length of the lines that are whole. */
static int whole_lines(struct trail *t, int fd, const char *name, off_t *out)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st) < 0)
		return failed(t, "read", name);
	for (at = st.st_size; at > 0;) {
		off_t from = at > (off_t)CHUNK ? at - (off_t)CHUNK : 0;
		ssize_t n = pread(fd, t->chunk, (size_t)(at - from), from);
		const char *end = n > 0 ? memrchr(t->chunk, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return failed(t, "read", name);
		at = end ? from + (end - t->chunk) + 1 : from;
		if (end)
			break;
	}
	*out = at;
	return 0;
}

/* Whether the file goes on where its copy ends: 1, 0 or negative. */
static int goes_on(struct trail *t, int from, int copy, off_t end, const char *name)
{
	char *ours = t->chunk, *theirs = t->chunk + LIKE;
	size_t n = end > (off_t)LIKE ? LIKE : (size_t)end;

	if (pread(from, ours, n, end - (off_t)n) != (ssize_t)n || pread(copy, theirs, n, end - (off_t)n) != (ssize_t)n)
		return failed(t, "compare", name);
	return memcmp(ours, theirs, n) == 0;
}

static int append(struct trail *t, int from, int copy, off_t at, off_t end, const char *name)
{
	int rc;

	if (at == end)
		return 0;
	while (at < end) {
		ssize_t n = pread(from, t->chunk, end - at < (off_t)CHUNK ? (size_t)(end - at) : CHUNK, at);

		if (n <= 0)
			return failed(t, "read", name);
		if ((rc = backup_write(copy, t->chunk, (size_t)n, at, t->e)) < 0)
			return rc;
		at += n;
	}
	return fsync(copy) < 0 ? failed(t, "sync", name) : 0;
}

static int copy_lines(struct trail *t, const char *name)
{
	AUTO(fd) from = openat(t->from, name, O_RDONLY | O_CLOEXEC);
	AUTO(fd) copy = -1;
	char sentence[200];
	struct stat st;
	off_t end = 0;
	int rc;

	if (from < 0)
		return errno == ENOENT ? 0 : failed(t, "read", name); /* moved elsewhere meanwhile */
	if ((copy = openat(t->copy, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0 || fstat(copy, &st) < 0)
		return failed(t, "copy", name);
	backup_target_own(t->to, t->copy, name);
	if ((rc = whole_lines(t, from, name, &end)) < 0)
		return rc;
	rc = end < st.st_size ? 0 : goes_on(t, from, copy, st.st_size, name);
	if (rc > 0)
		return append(t, from, copy, st.st_size, end, name);
	if (rc == 0) {
		snprintf(sentence, sizeof sentence,
			 "the audit trail's file %.40s %s; the earlier copy is kept as it is", name,
			 end < st.st_size ? "is shorter than its copy" : "is not what was copied before");
		t->told(t->arg, sentence);
	}
	return rc;
}

static int is_file(const struct dirent *d)
{
	const char *dot = strchr(d->d_name, '.');

	return dot && strcmp(dot, ".log") == 0 && strspn(d->d_name, "0123456789") == (size_t)(dot - d->d_name);
}

/* In order, so that a copy cut short has no gap. */
static int copy_files(struct trail *t)
{
	struct dirent **names;
	int rc = 0, n = scandirat(t->from, ".", &names, is_file, alphasort);

	if (n < 0)
		return failed(t, "read", "");
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = copy_lines(t, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return rc < 0 ? rc : backup_sync(t->copy, t->e);
}

static int copy_all(struct trail *t)
{
	struct note head, sent;
	int rc;

	if ((rc = read_note(t, "sent", &sent)) < 0 || (rc = read_note(t, "head", &head)) < 0 ||
	    (rc = copy_files(t)) < 0 || (rc = write_note(t, "sent", &sent)) < 0 ||
	    (rc = write_note(t, "head", &head)) < 0)
		return rc;
	return backup_sync(t->copy, t->e);
}

int backup_trail(const char *data, const struct backup_target *to, void (*told)(void *arg, const char *sentence),
		 void *arg, struct err *e)
{
	AUTO(str) path = NULL;
	AUTO(str) chunk = malloc(CHUNK);
	AUTO(fd) from = -1;
	AUTO(fd) copy = -1;
	struct trail t = {.to = to, .chunk = chunk, .told = told, .arg = arg, .e = e};

	if (!chunk || asprintf(&path, "%s/" FOLDER, data) < 0) {
		path = NULL;
		return err_set(e, E_NOMEM, "no memory to copy the audit trail");
	}
	if ((from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? 0 : err_sys(e, E_IO, "cannot open %s", path);
	if (mkdirat(to->folder, FOLDER, 0750) < 0 && errno != EEXIST)
		return failed(&t, "make", "");
	backup_target_own(to, to->folder, FOLDER);
	if ((copy = openat(to->folder, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return failed(&t, "open", "");
	t.from = from;
	t.copy = copy;
	return copy_all(&t);
}
