/* access/chain_read.c - what the files of a chain say, and whether it fits. */
#include "access/chain_own.h"
#include "base/auto.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct chain_end chain_beginning = {0, "0000000000000000000000000000000000000000000000000000000000000000"};

void chain_digest(const struct chain_end *before, uint64_t number, const char *text, size_t n, char out[65])
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

bool chain_split(char *line, size_t n, struct chain_line *out)
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

char *chain_path(const char *folder, uint64_t first)
{
	char *path = NULL;

	return asprintf(&path, "%s/%0*" PRIu64 ".log", folder, CHAIN_NAME_DIGITS, first) < 0 ? NULL : path;
}

static bool file_number(const char *name, uint64_t *out)
{
	char *rest;

	if (strspn(name, "0123456789") < CHAIN_NAME_DIGITS)
		return false;
	*out = strtoull(name, &rest, 10);
	return strcmp(rest, ".log") == 0;
}

uint64_t chain_find(const char *folder, uint64_t from, bool next)
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

/* ---- the head */

bool chain_state_read(int fd, struct chain_state *out)
{
	char text[CHAIN_STATE_MOST] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	/* NOLINTBEGIN(cert-err34-c): a number that overflows fits no file */
	return n > 0 &&
	       sscanf(text, "%" SCNu64 " %64[0-9a-f] %" SCNu64 " %" SCNd64, &out->end.number, out->end.digest,
		      &out->first, &out->at) == 4 &&
	       strlen(out->end.digest) == 64;
	/* NOLINTEND(cert-err34-c) */
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
	struct chain_end head; /* what the head says; number 0: nothing */
};

static int wrong(struct walk *w, const char *why)
{
	snprintf(w->report->wrong, sizeof w->report->wrong, "event %" PRIu64 " (file %0*" PRIu64 ".log): %s",
		 w->report->end.number + 1, CHAIN_NAME_DIGITS, w->first, why);
	return err_set(w->e, E_CORRUPT, "the audit trail does not fit: %s", w->report->wrong);
}

static int wrong_head(struct walk *w, const char *why)
{
	snprintf(w->report->wrong, sizeof w->report->wrong, "the head of the trail (file head): %s", why);
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
	chain_digest(&r->end, l->end.number, l->text, l->n, digest);
	return strcmp(digest, l->end.digest) == 0 ? 0 : wrong(w, "its text is not what was written");
}

static int take_line(struct walk *w, char *line, size_t n)
{
	struct chain_report *r = w->report;
	struct chain_line l;
	int rc;

	if (!chain_split(line, n, &l))
		return w->verify ? wrong(w, "a line that is none of the audit trail's") : 0;
	if (w->verify && (rc = prove(w, &l)) < 0)
		return rc;
	if (r->lines++ == 0)
		r->first = l.end.number;
	r->end = l.end;
	if (w->verify && l.end.number == w->head.number && strcmp(l.end.digest, w->head.digest) != 0)
		return wrong(w, "the one before it is not the one that the head says");
	return w->seen && l.end.number >= w->from ? w->seen(w->arg, &l) : 0;
}

/* A line without its end: its length, or what it is not. */
enum { NO_MORE = -1, TOO_LONG = -2 };

static int read_line(FILE *f, char *line)
{
	int n = 0, c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n')
		if (n <= (int)CHAIN_LINE_MOST)
			line[n++] = (char)c;
	if (c == EOF)
		return NO_MORE; /* an unfinished one is left out */
	if (n > (int)CHAIN_LINE_MOST)
		return TOO_LONG;
	line[n] = '\0';
	return n;
}

/* The number of the first line that begins behind a place; 0: none can be read there. */
static uint64_t number_behind(FILE *f, off_t at, char *line)
{
	struct chain_line l;
	int n;

	if (fseeko(f, at, SEEK_SET) < 0 || read_line(f, line) == NO_MORE || (n = read_line(f, line)) < 0)
		return 0;
	return chain_split(line, (size_t)n, &l) ? l.end.number : 0;
}

/* Not far before line w->from: numbers grow along a file, and who follows a trail asks for its end. */
static void skip_to(const struct walk *w, FILE *f, char *line)
{
	off_t low = 0, high = fseeko(f, 0, SEEK_END) == 0 ? ftello(f) : 0;

	while (high - low > (off_t)CHAIN_LINE_MOST) {
		off_t mid = low + (high - low) / 2;
		uint64_t n = number_behind(f, mid, line);

		*(n && n < w->from ? &low : &high) = mid;
	}
	fseeko(f, low, SEEK_SET);
	if (low > 0)
		read_line(f, line);
}

static int walk_file(struct walk *w, char *line)
{
	AUTO(str) path = chain_path(w->folder, w->first);
	FILE *f = path ? fopen(path, "re") : NULL;
	int rc = 0, n;

	if (!f)
		return err_sys(w->e, E_IO, "cannot open %s", path ? path : "a file of the audit trail");
	if (!w->verify && w->from > w->first)
		skip_to(w, f, line);
	while (rc == 0 && (n = read_line(f, line)) != NO_MORE)
		if (n >= 0)
			rc = take_line(w, line, (size_t)n);
		else if (w->verify)
			rc = wrong(w, "a line that is too long");
	if (rc == 0 && ferror(f))
		rc = err_sys(w->e, E_IO, "cannot read %s", path);
	fclose(f);
	return rc;
}

/* Where the head said that the end is, before the lines were read; number 0: it says nothing. */
static struct chain_end read_head(const char *folder)
{
	struct chain_state s = {0};
	AUTO(str) path = NULL;
	AUTO(fd) fd = -1;

	if (asprintf(&path, "%s/head", folder) < 0)
		path = NULL;
	if (!path || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 || !chain_state_read(fd, &s))
		return chain_beginning;
	return s.end;
}

/* The head is written behind each line: one that is not there, or that knows none of these lines, was tampered with. */
static int compare_head(struct walk *w)
{
	if (w->report->lines == 0)
		return 0;
	if (w->head.number == 0) /* the first line was perhaps written just now */
		w->head = read_head(w->folder);
	if (w->head.number == 0)
		return wrong_head(w, "it is missing, or says nothing");
	return w->head.number + 1 < w->report->first ? wrong_head(w, "it ends before the first event") : 0;
}

/* The last file that has any line: within it each is proved, and that it ends where the head says. */
int chain_check(const char *folder, struct chain_report *r, struct err *e)
{
	struct walk w = {folder, 0, 0, true, NULL, NULL, r, e, read_head(folder)}; /* cppcheck-suppress ctuuninitvar */
	AUTO(str) line = malloc(CHAIN_LINE_MOST + 2);
	int rc = 0;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	*r = (struct chain_report){.end = chain_beginning};
	for (uint64_t file = UINT64_MAX; rc == 0 && r->lines == 0 && (file = chain_find(folder, file, false));) {
		w.first = file;
		r->end.number = file - 1;
		rc = walk_file(&w, line);
	}
	if (rc == 0 && w.head.number > r->end.number)
		return wrong(&w, "it and what followed it are missing");
	return rc == 0 ? compare_head(&w) : rc;
}

int chain_each(const char *folder, uint64_t from, bool verify, int (*seen)(void *arg, const struct chain_line *l),
	       void *arg, struct chain_report *report, struct err *e)
{
	struct chain_report own = {0}, *r = report ? report : &own;
	struct walk w = {folder, from, 0, verify, seen, arg, r, e, chain_beginning};
	AUTO(str) line = malloc(CHAIN_LINE_MOST + 2);
	uint64_t file = verify ? 0 : chain_find(folder, from + 1, false);
	int rc = 0;

	if (!line)
		return err_set(e, E_NOMEM, "no memory for a line of the audit trail");
	*r = (struct chain_report){.end = chain_beginning};
	if (verify)
		w.head = read_head(folder);
	for (file = chain_find(folder, file, true); rc == 0 && file; file = chain_find(folder, file + 1, true)) {
		w.first = file;
		rc = walk_file(&w, line);
	}
	if (rc == 0 && w.head.number > r->end.number)
		return wrong(&w, "it and what followed it are missing");
	return rc == 0 && verify ? compare_head(&w) : rc;
}
