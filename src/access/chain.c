/* access/chain.c - lines at the end of a chain, by several who take turns. */
#include "access/chain_own.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/write.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct chain {
	pthread_mutex_t lock;
	char *folder;
	int64_t size;
	int head, file; /* descriptors; file -1: none open */
	uint64_t first; /* number that the open file is named after */
	int64_t at;     /* its length, as far as it is known */
	struct chain_end end;
	bool dirty;
};

/* ---- the end of the chain, as the other processes left it */

/* What is made is its folder's owner's, whoever makes it: root's commands write beside the node's own user. Its name
 * is as durable as its lines. */
static int make_own(const char *folder, int fd)
{
	AUTO(fd) in = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0 || (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0))
		return -1;
	return fsync(in);
}

static int make_folder(const char *folder)
{
	AUTO(str) around = NULL;
	AUTO(fd) fd = -1;

	if (mkdir(folder, 0750) < 0)
		return errno == EEXIST ? 0 : -1;
	if (asprintf(&around, "%s/..", folder) < 0) {
		around = NULL;
		return -1;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : make_own(around, fd);
}

static int open_or_make(const char *folder, const char *path, int flags, struct err *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags);

	if (fd < 0 && errno == ENOENT && (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0640)) >= 0 &&
	    make_own(folder, fd) < 0) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? err_sys(e, E_IO, "cannot open %s", path) : fd;
}

static int open_file(struct chain *c, uint64_t first, struct err *e)
{
	AUTO(str) path = chain_path(c->folder, first);

	if (!path)
		return err_set(e, E_NOMEM, "no memory for a path");
	if (c->file >= 0)
		close(c->file);
	c->first = first;
	c->at = 0;
	c->file = open_or_make(c->folder, path, O_APPEND, e);
	return c->file < 0 ? c->file : 0;
}

static int write_state(struct chain *c, struct err *e)
{
	char text[CHAIN_STATE_MOST];
	int n = snprintf(text, sizeof text, "%020" PRIu64 " %s %020" PRIu64 " %020" PRId64 "\n", c->end.number,
			 c->end.digest, c->first, c->at);

	if (pwrite(c->head, text, (size_t)n, 0) != n)
		return err_sys(e, E_IO, "cannot write %s/head", c->folder);
	return 0;
}

/* Lines of the open file behind c->at: of a process that ended before it wrote the head, or of one that knows no head. */
static int read_behind(struct chain *c, struct err *e)
{
	AUTO(str) line = malloc(CHAIN_LINE_MOST + 1);
	struct chain_line l;
	struct stat st;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	for (;;) {
		ssize_t n = pread(c->file, line, CHAIN_LINE_MOST, c->at);
		char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

		if (n < 0)
			return err_sys(e, E_IO, "cannot read the audit trail");
		if (!end && n < (ssize_t)CHAIN_LINE_MOST)
			break;
		if (end)
			*end = '\0';
		if (end && chain_split(line, (size_t)(end - line), &l))
			c->end = l.end;
		c->at += end ? end - line + 1 : n; /* what is none of our lines stays, for who looks into it */
	}
	if (fstat(c->file, &st) < 0)
		return err_sys(e, E_IO, "cannot look at the audit trail");
	if (st.st_size > c->at) {
		log_warn("audit trail: %lld bytes of an unfinished line are cut off behind event %" PRIu64,
			 (long long)(st.st_size - c->at), c->end.number);
		if (ftruncate(c->file, c->at) < 0)
			return err_sys(e, E_IO, "cannot cut the audit trail");
	}
	return 0;
}

/* Without a head: the end is the last line of the last file that has any. */
static int find_end(struct chain *c, struct err *e)
{
	int rc;

	for (uint64_t file = UINT64_MAX; (file = chain_find(c->folder, file, false));) {
		c->end = chain_beginning;
		c->end.number = file - 1; /* until its first line was read */
		if ((rc = open_file(c, file, e)) < 0 || (rc = read_behind(c, e)) < 0 || c->at > 0)
			return rc;
	}
	c->end = chain_beginning;
	return open_file(c, 1, e);
}

/* The head may be older than what was written: files that were begun behind the one it knows. */
static int follow(struct chain *c, struct err *e)
{
	int rc = 0;

	while (rc == 0 && c->first != c->end.number + 1) {
		AUTO(str) next = chain_path(c->folder, c->end.number + 1);

		if (!next)
			return err_set(e, E_NOMEM, "no memory for a path");
		if (access(next, F_OK) < 0)
			return 0;
		if ((rc = open_file(c, c->end.number + 1, e)) == 0)
			rc = read_behind(c, e);
	}
	return rc;
}

/* A file that was cut short goes on behind its last whole line: the next one is not to become part of a piece. */
static int cut_back(struct chain *c, int64_t size, struct err *e)
{
	char last[4096];
	const char *end = NULL;

	log_error("audit trail: the file that begins with event %" PRIu64 " was cut short", c->first);
	while (size > 0 && !end) {
		int64_t from = size > (int64_t)sizeof last ? size - (int64_t)sizeof last : 0;
		ssize_t n = pread(c->file, last, (size_t)(size - from), from);

		if (n <= 0)
			return err_sys(e, E_IO, "cannot read the audit trail");
		end = memrchr(last, '\n', (size_t)n);
		size = end ? from + (end - last) + 1 : from;
	}
	c->at = size;
	return ftruncate(c->file, size) < 0 ? err_sys(e, E_IO, "cannot cut the audit trail") : 0;
}

/* Within the turn: comes to where the chain ends now. */
static int catch_up(struct chain *c, struct err *e)
{
	struct chain_state head;
	struct stat st;
	int rc;

	if (!chain_state_read(c->head, &head))
		return find_end(c, e);
	if (c->file < 0 || head.first != c->first) {
		if ((rc = open_file(c, head.first, e)) < 0)
			return rc;
	}
	c->end = head.end;
	c->at = head.at;
	if (fstat(c->file, &st) < 0)
		return err_sys(e, E_IO, "cannot look at the audit trail");
	if (st.st_size < c->at)
		return cut_back(c, st.st_size, e);
	if (st.st_size > c->at && (rc = read_behind(c, e)) < 0)
		return rc;
	return follow(c, e);
}

/* ---- appending */

static int append_line(struct chain *c, const char *text, size_t n, struct err *e)
{
	AUTO(str) line = malloc(CHAIN_HEAD_ROOM + n + 2);
	struct chain_end next = {.number = c->end.number + 1};
	size_t len;
	int rc;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	chain_digest(&c->end, next.number, text, n, next.digest);
	len = (size_t)sprintf(line, "%" PRIu64 " %s ", next.number, next.digest);
	memcpy(line + len, text, n);
	len += n;
	line[len++] = '\n';
	if (c->at > 0 && c->at + (int64_t)len > c->size) {
		if (fdatasync(c->file) < 0)
			return err_sys(e, E_IO, "cannot sync the audit trail"); /* cppcheck-suppress memleak */
		if ((rc = open_file(c, next.number, e)) < 0)
			return rc; /* cppcheck-suppress memleak */
	}
	if ((rc = write_all(c->file, line, len, "the audit trail", e)) < 0) {
		if (ftruncate(c->file, c->at) < 0)
			log_error("audit trail: an unfinished line could not be cut off");
		return rc;
	}
	c->at += (int64_t)len;
	c->end = next;
	c->dirty = true;
	return write_state(c, e);
}

int chain_append(struct chain *c, const char *text, size_t n, struct err *e)
{
	int rc = 0;

	if (n > CHAIN_TEXT_MOST || memchr(text, '\n', n))
		return err_set(e, E_INVAL, "a line of the audit trail has at most %u bytes and no line end",
			       CHAIN_TEXT_MOST);
	pthread_mutex_lock(&c->lock);
	if (flock(c->head, LOCK_EX) < 0)
		rc = err_sys(e, E_IO, "cannot lock the audit trail");
	if (rc == 0) {
		if ((rc = catch_up(c, e)) == 0)
			rc = append_line(c, text, n, e);
		flock(c->head, LOCK_UN);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int chain_sync(struct chain *c, struct err *e)
{
	int fd = -1, rc = 0;

	pthread_mutex_lock(&c->lock);
	if (c->dirty && c->file >= 0)
		fd = fcntl(c->file, F_DUPFD_CLOEXEC, 0);
	c->dirty = false;
	pthread_mutex_unlock(&c->lock);
	if (fd < 0)
		return 0;
	if (fdatasync(fd) < 0)
		rc = err_sys(e, E_IO, "cannot sync the audit trail");
	close(fd);
	return rc;
}

int chain_open(const char *folder, int64_t size, struct chain **out, struct err *e)
{
	struct chain *c = calloc(1, sizeof *c);
	AUTO(str) head = NULL;
	int rc;

	if (!c || !(c->folder = strdup(folder)) || asprintf(&head, "%s/head", folder) < 0) {
		head = NULL;
		chain_close(c);
		return err_set(e, E_NOMEM, "no memory for the audit trail");
	}
	pthread_mutex_init(&c->lock, NULL);
	c->size = size;
	c->file = c->head = -1;
	if (make_folder(folder) < 0)
		rc = err_sys(e, E_IO, "cannot make the folder %s", folder);
	else
		rc = c->head = open_or_make(folder, head, 0, e);
	if (rc < 0) {
		chain_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void chain_close(struct chain *c)
{
	if (!c)
		return;
	if (c->file > 0)
		close(c->file);
	if (c->head > 0)
		close(c->head);
	free(c->folder);
	free(c);
}
