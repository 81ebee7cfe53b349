#include "access/chain.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/write.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_DIGITS 12
#define HEAD_ROOM (20 + 1 + 64 + 1) /* "NUMBER DIGEST " before the text */
#define LINE_MOST (HEAD_ROOM + CHAIN_TEXT_MOST + 1)
#define STATE_MOST 160

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

static const struct chain_end beginning = {0, "0000000000000000000000000000000000000000000000000000000000000000"};

static void digest_line(const struct chain_end *before, uint64_t number, const char *text, size_t n, char out[65])
{
	crypto_hash_sha256_state s;
	unsigned char sum[crypto_hash_sha256_BYTES];
	char between[32];
	int len = snprintf(between, sizeof between, " %" PRIu64 " ", number);

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)before->digest, 64);
	crypto_hash_sha256_update(&s, (const unsigned char *)between, (size_t)len);
	crypto_hash_sha256_update(&s, (const unsigned char *)text, n);
	crypto_hash_sha256_final(&s, sum);
	sodium_bin2hex(out, 65, sum, sizeof sum);
}

/* "NUMBER DIGEST TEXT"; without the line end. */
static bool split_line(char *line, size_t n, struct chain_line *out)
{
	char *rest;

	if (n < 67 || line[0] < '0' || line[0] > '9')
		return false;
	errno = 0;
	out->end.number = strtoull(line, &rest, 10);
	if (errno || *rest != ' ' || (size_t)(line + n - rest) < 66 || rest[65] != ' ')
		return false;
	memcpy(out->end.digest, rest + 1, 64);
	out->end.digest[64] = '\0';
	out->text = rest + 66;
	out->n = (size_t)(line + n - out->text);
	return true;
}

/* ---- files */

static char *path_of(const char *folder, uint64_t first)
{
	char *path = NULL;

	return asprintf(&path, "%s/%0*" PRIu64 ".log", folder, NAME_DIGITS, first) < 0 ? NULL : path;
}

static bool file_number(const char *name, uint64_t *out)
{
	char *rest;

	if (strspn(name, "0123456789") < NAME_DIGITS)
		return false;
	*out = strtoull(name, &rest, 10);
	return strcmp(rest, ".log") == 0;
}

/* The file with the lowest first number that is at least `from` (next), or the highest at all below it. 0: none. */
static uint64_t find_file(const char *folder, uint64_t from, bool next)
{
	DIR *d = opendir(folder);
	uint64_t best = 0, n;

	for (const struct dirent *t; d && (t = readdir(d));)
		if (file_number(t->d_name, &n) && (next ? n >= from && (!best || n < best) : n < from && n > best))
			best = n;
	if (d)
		closedir(d);
	return best;
}

/* ---- the end of the chain, as the other processes left it */

static int open_file(struct chain *c, uint64_t first, struct err *e)
{
	AUTO(str) path = path_of(c->folder, first);

	if (!path)
		return err_set(e, E_NOMEM, "no memory for a path");
	if (c->file >= 0)
		close(c->file);
	c->first = first;
	c->at = 0;
	if ((c->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640)) < 0)
		return err_sys(e, E_IO, "cannot open %s", path);
	return 0;
}

static int write_state(struct chain *c, struct err *e)
{
	char text[STATE_MOST];
	int n = snprintf(text, sizeof text, "%020" PRIu64 " %s %020" PRIu64 " %020" PRId64 "\n", c->end.number,
			 c->end.digest, c->first, c->at);

	if (pwrite(c->head, text, (size_t)n, 0) != n)
		return err_sys(e, E_IO, "cannot write %s/head", c->folder);
	return 0;
}

/* What the head says; false: nothing that could be used. */
static bool read_state(struct chain *c, struct chain_end *end, uint64_t *first, int64_t *at)
{
	char text[STATE_MOST] = "";
	ssize_t n = pread(c->head, text, sizeof text - 1, 0);

	return n > 0 &&
	       sscanf(text, "%" SCNu64 " %64[0-9a-f] %" SCNu64 " %" SCNd64, &end->number, end->digest, first, at) ==
		   4 &&
	       strlen(end->digest) == 64;
}

/* Lines of the open file behind c->at: of a process that ended before it wrote the head, or of one that knows no head. */
static int read_behind(struct chain *c, struct err *e)
{
	AUTO(str) line = malloc(LINE_MOST + 1);
	struct chain_line l;
	struct stat st;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	for (;;) {
		ssize_t n = pread(c->file, line, LINE_MOST, c->at);
		char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

		if (n < 0)
			return err_sys(e, E_IO, "cannot read the audit trail");
		if (!end)
			break;
		*end = '\0';
		if (split_line(line, (size_t)(end - line), &l))
			c->end = l.end;
		c->at += end - line + 1;
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

/* Without a head: the end is the last line of the last file. */
static int find_end(struct chain *c, struct err *e)
{
	uint64_t last = find_file(c->folder, UINT64_MAX, false);
	int rc;

	c->end = beginning;
	if ((rc = open_file(c, last ? last : 1, e)) < 0)
		return rc;
	if (last)
		c->end.number = last - 1; /* until its first line was read */
	return read_behind(c, e);
}

/* Within the turn: comes to where the chain ends now. */
static int catch_up(struct chain *c, struct err *e)
{
	struct chain_end end;
	uint64_t first;
	int64_t at;
	struct stat st;
	int rc;

	if (!read_state(c, &end, &first, &at))
		return find_end(c, e);
	if (c->file < 0 || first != c->first) {
		if ((rc = open_file(c, first, e)) < 0)
			return rc;
	}
	c->end = end;
	c->at = at;
	if (fstat(c->file, &st) < 0)
		return err_sys(e, E_IO, "cannot look at the audit trail");
	if (st.st_size < at) {
		log_error("audit trail: the file that begins with event %" PRIu64 " was cut short", first);
		c->at = st.st_size;
	}
	return st.st_size > at ? read_behind(c, e) : 0;
}

/* ---- appending */

static int append_line(struct chain *c, const char *text, size_t n, struct err *e)
{
	AUTO(str) line = malloc(HEAD_ROOM + n + 2);
	struct chain_end next = {.number = c->end.number + 1};
	size_t len;
	int rc;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	digest_line(&c->end, next.number, text, n, next.digest);
	len = (size_t)sprintf(line, "%" PRIu64 " %s ", next.number, next.digest);
	memcpy(line + len, text, n);
	len += n;
	line[len++] = '\n';
	if (c->at > 0 && c->at + (int64_t)len > c->size) {
		if (fdatasync(c->file) < 0)
			return err_sys(e, E_IO, "cannot sync the audit trail");
		if ((rc = open_file(c, next.number, e)) < 0)
			return rc;
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

	if (!c || !(c->folder = strdup(folder)) || asprintf(&head, "%s/head", folder) < 0) {
		head = NULL;
		chain_close(c);
		return err_set(e, E_NOMEM, "no memory for the audit trail");
	}
	pthread_mutex_init(&c->lock, NULL);
	c->size = size;
	c->file = c->head = -1;
	if (mkdir(folder, 0750) < 0 && errno != EEXIST) {
		chain_close(c);
		return err_sys(e, E_IO, "cannot make the folder %s", folder);
	}
	if ((c->head = open(head, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0) {
		chain_close(c);
		return err_sys(e, E_IO, "cannot open %s", head);
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

/* ---- reading */

struct walk {
	const char *folder;
	uint64_t from, first;
	bool verify;
	int (*seen)(void *arg, const struct chain_line *l);
	void *arg;
	struct chain_report *report;
	struct err *e;
};

static int wrong(struct walk *w, const char *why)
{
	snprintf(w->report->wrong, sizeof w->report->wrong, "event %" PRIu64 " (file %0*" PRIu64 ".log): %s",
		 w->report->end.number + 1, NAME_DIGITS, w->first, why);
	return err_set(w->e, E_CORRUPT, "the audit trail does not fit: %s", w->report->wrong);
}

/* The first line of all may follow files that were taken elsewhere: its own digest cannot be proved then. */
static int prove(struct walk *w, const struct chain_line *l)
{
	struct chain_report *r = w->report;
	char digest[65];

	if (r->lines == 0 && l->end.number != 1)
		return 0;
	if (l->end.number != r->end.number + 1)
		return wrong(w, l->end.number > r->end.number ? "events before the next one are missing"
							      : "an event with a number that was used already");
	digest_line(&r->end, l->end.number, l->text, l->n, digest);
	return strcmp(digest, l->end.digest) == 0 ? 0 : wrong(w, "its text is not what was written");
}

static int take_line(struct walk *w, char *line, size_t n)
{
	struct chain_report *r = w->report;
	struct chain_line l;
	int rc;

	if (!split_line(line, n, &l))
		return w->verify ? wrong(w, "a line that is none of the audit trail's") : 0;
	if (w->verify && (rc = prove(w, &l)) < 0)
		return rc;
	if (r->lines++ == 0)
		r->first = l.end.number;
	r->end = l.end;
	return w->seen && l.end.number >= w->from ? w->seen(w->arg, &l) : 0;
}

static int walk_file(struct walk *w, char *line)
{
	AUTO(str) path = path_of(w->folder, w->first);
	FILE *f = path ? fopen(path, "re") : NULL;
	int rc = 0;

	if (!f)
		return err_sys(w->e, E_IO, "cannot open %s", path ? path : "a file of the audit trail");
	while (rc == 0 && fgets(line, LINE_MOST + 1, f)) {
		size_t n = strlen(line);

		if (n == 0 || line[n - 1] != '\n') {
			if (!feof(f) && w->verify)
				rc = wrong(w, "a line that is too long");
			break;
		}
		line[n - 1] = '\0';
		rc = take_line(w, line, n - 1);
	}
	if (rc == 0 && ferror(f))
		rc = err_sys(w->e, E_IO, "cannot read %s", path);
	fclose(f);
	return rc;
}

int chain_each(const char *folder, uint64_t from, bool verify, int (*seen)(void *arg, const struct chain_line *l),
	       void *arg, struct chain_report *report, struct err *e)
{
	struct chain_report own, *r = report ? report : &own;
	struct walk w = {folder, from, 0, verify, seen, arg, r, e};
	AUTO(str) line = malloc(LINE_MOST + 1);
	uint64_t file = verify ? 0 : find_file(folder, from + 1, false);
	int rc = 0;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	*r = (struct chain_report){.end = beginning};
	for (file = find_file(folder, file, true); rc == 0 && file; file = find_file(folder, file + 1, true)) {
		w.first = file;
		rc = walk_file(&w, line);
	}
	return rc;
}
