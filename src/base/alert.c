#include "base/alert.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUBJECT_MOST 128
#define MESSAGE_MOST 384
#define LOGGED_MOST 10 /* lines of the log for one kind in a window */

struct entry {
	bool used, written;
	enum alert_kind kind;
	char subject[SUBJECT_MOST], message[MESSAGE_MOST];
	int64_t begun_us;
	uint64_t pending; /* not written yet */
};

static const char *const names[ALERT_KINDS] = {
    [ALERT_COLLISION] = "collision", [ALERT_MISMATCH] = "mismatch",     [ALERT_UNREADABLE] = "unreadable",
    [ALERT_CHARSET] = "charset",     [ALERT_COMMITMENT] = "commitment", [ALERT_CORRUPT] = "corrupt",
    [ALERT_REPEATED] = "repeated",   [ALERT_SPACE] = "space",           [ALERT_LOGIN] = "login",
    [ALERT_GLASS] = "emergency",     [ALERT_AUDIT] = "audit",           [ALERT_SETTLE] = "settle",
};
#define RAISED(kind_) METRIC(COUNTER, "teleread_alerts_total", "kind=\"" kind_ "\"", "Alerts, repeated ones included")
static struct metric raised[ALERT_KINDS] = {
    [ALERT_COLLISION] = RAISED("collision"),   [ALERT_MISMATCH] = RAISED("mismatch"),
    [ALERT_UNREADABLE] = RAISED("unreadable"), [ALERT_CHARSET] = RAISED("charset"),
    [ALERT_COMMITMENT] = RAISED("commitment"), [ALERT_CORRUPT] = RAISED("corrupt"),
    [ALERT_REPEATED] = RAISED("repeated"),     [ALERT_SPACE] = RAISED("space"),
    [ALERT_LOGIN] = RAISED("login"),           [ALERT_GLASS] = RAISED("emergency"),
    [ALERT_AUDIT] = RAISED("audit"),           [ALERT_SETTLE] = RAISED("settle"),
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all below */
static struct {
	char *path; /* NULL: not open */
	int fd;
	int64_t window_us, size, written;
	uint64_t repeated;
	bool broken; /* the last write failed, and it was said */
	bool torn;   /* the file ends within a line: a write was cut short, or the machine went down */
	struct entry *entries;
	struct {
		int64_t from_us;
		unsigned lines;
	} logged[ALERT_KINDS];
} book = {.fd = -1};

const char *alert_name(enum alert_kind kind)
{
	return names[kind];
}

int alert_parse(const char *name, enum alert_kind *out)
{
	for (int i = 0; i < ALERT_KINDS; i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum alert_kind)i;
			return 0;
		}
	return -E_INVAL;
}

/* ---- the file */

static int64_t open_file(void)
{
	struct stat st;
	char last = '\n';

	book.fd = open(book.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (book.fd < 0 || fstat(book.fd, &st) < 0)
		return -1;
	book.torn = st.st_size > 0 && pread(book.fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
	return st.st_size;
}

static void rotate(void)
{
	for (int i = ALERT_KEPT; i > 0; i--) {
		AUTO(str) from = NULL;
		AUTO(str) to = NULL;

		if (asprintf(&to, "%s.%d", book.path, i) < 0 ||
		    (i > 1 ? asprintf(&from, "%s.%d", book.path, i - 1) : asprintf(&from, "%s", book.path)) < 0)
			return;
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	close(book.fd);
	book.written = open_file();
}

static void write_line(const char *line, size_t n)
{
	ssize_t put;
	bool ok;

	if (book.written > 0 && book.written + (int64_t)n > book.size)
		rotate();
	if (book.torn && write(book.fd, "\n", 1) == 1) /* the unfinished one does not take this one with it */
		book.torn = false;
	put = write(book.fd, line, n);
	ok = put == (ssize_t)n;
	book.torn |= put > 0 && !ok;
	if (!ok && !book.broken)
		log_error("alerts cannot be written to %s: %s", book.path, strerror(errno));
	book.broken = !ok;
	book.written += ok ? (int64_t)n : 0;
}

static void write_entry(struct entry *t)
{
	char stamp[32];
	json_t *o =
	    json_pack("{s:s, s:s, s:s, s:s, s:I}", "time", clock_text(clock_wall_us(), stamp), "kind", names[t->kind],
		      "subject", t->subject, "message", t->message, "count", (json_int_t)t->pending);
	AUTO(str) line = o ? json_dumps(o, JSON_COMPACT) : NULL;
	size_t n = line ? strlen(line) : 0;

	json_decref(o);
	if (!line)
		return;
	line[n] = '\n'; /* in the place of the NUL, so that a line is one write */
	write_line(line, n + 1);
	t->pending = 0;
	t->written = true;
}

/* ---- the table */

/* Its window is over: what was counted since the first is written. */
static void settle(struct entry *t)
{
	if (t->written && t->pending > 0)
		write_entry(t);
	t->used = false;
}

static struct entry *entry_of(enum alert_kind kind, const char *subject, int64_t now)
{
	struct entry *spare = &book.entries[0];

	for (struct entry *t = book.entries; t < book.entries + ALERT_SUBJECTS; t++) {
		if (t->used && now - t->begun_us >= book.window_us)
			settle(t);
		if (t->used && t->kind == kind && strcmp(t->subject, subject) == 0)
			return t;
		if (!t->used ? spare->used : spare->used && t->begun_us < spare->begun_us)
			spare = t;
	}
	if (spare->used)
		settle(spare);
	*spare = (struct entry){.used = true, .kind = kind, .begun_us = now};
	snprintf(spare->subject, sizeof spare->subject, "%s", subject);
	return spare;
}

/* A sender of a thousand bad files does not push everything else out of the log. */
static bool may_log(enum alert_kind kind, int64_t now)
{
	if (book.logged[kind].lines == 0 || now - book.logged[kind].from_us >= book.window_us) {
		book.logged[kind].from_us = now;
		book.logged[kind].lines = 0;
	}
	return book.logged[kind].lines++ < LOGGED_MOST;
}

void alert_raise(enum alert_kind kind, const char *subject, const char *fmt, ...)
{
	char message[MESSAGE_MOST], plain[SUBJECT_MOST];
	int64_t now = clock_mono_us();
	struct entry *t;
	bool news, log = false;
	va_list ap;

	metric_add(&raised[kind], 1);
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	text_plain(plain, sizeof plain, subject);
	pthread_mutex_lock(&lock);
	if (book.path) {
		t = entry_of(kind, plain, now);
		text_plain(t->message, sizeof t->message, message);
		t->pending++;
		news = !t->written && t->pending >= (kind == ALERT_REPEATED ? book.repeated : 1);
		if (news)
			write_entry(t);
		log = news && may_log(kind, now);
	}
	pthread_mutex_unlock(&lock);
	if (log)
		log_info("alert: %s: %s: %s", names[kind], plain, message);
}

void alert_tick(void)
{
	int64_t now = clock_mono_us();

	pthread_mutex_lock(&lock);
	for (struct entry *t = book.entries; book.path && t < book.entries + ALERT_SUBJECTS; t++)
		if (t->used && now - t->begun_us >= book.window_us)
			settle(t);
	pthread_mutex_unlock(&lock);
}

int alert_open(const struct alert_options *o, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&lock);
	book.window_us = o->window_ms * 1000;
	book.size = o->size;
	book.repeated = (uint64_t)o->repeated;
	book.broken = false;
	memset(book.logged, 0, sizeof book.logged);
	if (asprintf(&book.path, "%s/" ALERT_FILE, o->folder) < 0)
		book.path = NULL;
	if (!book.path || !(book.entries = calloc(ALERT_SUBJECTS, sizeof *book.entries)))
		rc = err_set(e, E_NOMEM, "no memory for alerts");
	else if ((book.written = open_file()) < 0)
		rc = err_sys(e, E_IO, "cannot open %s", book.path);
	pthread_mutex_unlock(&lock);
	if (rc < 0)
		alert_close();
	return rc;
}

void alert_close(void)
{
	pthread_mutex_lock(&lock);
	for (struct entry *t = book.entries; book.entries && book.fd >= 0 && t < book.entries + ALERT_SUBJECTS; t++)
		if (t->used)
			settle(t);
	if (book.fd >= 0)
		close(book.fd);
	book.fd = -1;
	free(book.path);
	book.path = NULL;
	free(book.entries);
	book.entries = NULL;
	pthread_mutex_unlock(&lock);
}
