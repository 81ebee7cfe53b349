#include "base/log.h"
#include "base/clock.h"
#include "base/utf8.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line fits PIPE_BUF, so that it reaches a pipe in one piece and a pipe that polls writable takes it at once. */
#define LINE_MOST 4096
#define MESSAGE_MOST 2048
#define PATIENCE_MS 50 /* a reader of our log that stalls longer loses lines rather than stopping the node */

static _Atomic int least_level = LOG_INFO;
static _Atomic int line_format = LOG_TEXT;
static _Atomic int out_fd = 2;
static _Atomic bool dated = true; /* text lines: only someone at a terminal knows what day it is */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long lost; /* lines dropped since the last one that was written; under lock */

static _Thread_local char context[32];
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, enum log_format format, int fd)
{
	atomic_store(&least_level, (int)least);
	atomic_store(&line_format, (int)format);
	atomic_store(&out_fd, fd);
	atomic_store(&dated, isatty(fd) != 1);
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	return -E_INVAL;
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_context(const char *id)
{
	snprintf(context, sizeof context, "%s", id ? id : "");
}

struct line {
	char text[LINE_MOST];
	size_t len;
};

/* Keeps room for the end of the line (closing quote, brace, newline). */
static bool line_add(struct line *l, const char *s, size_t n)
{
	if (n > sizeof l->text - 8 - l->len)
		return false;
	memcpy(l->text + l->len, s, n);
	l->len += n;
	return true;
}

/* JSON carries a control character as \u00NN; in text, and for bytes that are no UTF-8, it is \xNN for each byte. */
static void line_escaped(struct line *l, const char *text, bool json)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t left = strlen(text), len;
	char hex[40];

	for (; left > 0; s += len, left -= len) {
		uint32_t c = 0;
		size_t well = utf8_next(s, left, &c);
		const char *out = (const char *)s;
		size_t n = well;

		len = well ? well : 1;
		if (well && utf8_control(c) && json) {
			n = (size_t)snprintf(hex, sizeof hex, "\\u%04x", (unsigned)c & 0xFFFFu);
			out = hex;
		} else if (!well || utf8_control(c)) {
			n = 0;
			for (size_t i = 0; i < len; i++)
				n += (size_t)snprintf(hex + n, sizeof hex - n, "%s\\x%02X", json ? "\\" : "", s[i]);
			out = hex;
		} else if (json && (c == '"' || c == '\\')) {
			hex[0] = '\\';
			hex[1] = (char)c;
			out = hex;
			n = 2;
		}
		if (!line_add(l, out, n))
			return;
	}
}

static void line_begin_text(struct line *l, enum log_level level, int64_t now)
{
	char stamp[64];
	time_t sec = now / 1000000;
	struct tm tm = {0};
	int n;

	localtime_r(&sec, &tm);
	if (atomic_load(&dated)) {
		size_t k = strftime(stamp, sizeof stamp, "%Y-%m-%d ", &tm);
		line_add(l, stamp, k);
	}
	n = snprintf(stamp, sizeof stamp, "%02d:%02d:%02d.%03d %-5s ", tm.tm_hour, tm.tm_min, tm.tm_sec,
		     (int)(now / 1000 % 1000), level_names[level]);
	line_add(l, stamp, (size_t)n);
	if (context[0]) {
		line_escaped(l, context, false);
		line_add(l, " ", 1);
	}
}

static void line_begin_json(struct line *l, enum log_level level, int64_t now)
{
	char stamp[32], head[96];
	int n;

	n = snprintf(head, sizeof head, "{\"time\":\"%s\",\"level\":\"%s\",", clock_text(now, stamp),
		     level_names[level]);
	line_add(l, head, (size_t)n);
	if (context[0]) {
		line_add(l, "\"context\":\"", 11);
		line_escaped(l, context, true);
		line_add(l, "\",", 2);
	}
	line_add(l, "\"message\":\"", 11);
}

static void line_make(struct line *l, enum log_level level, const char *message)
{
	bool json = atomic_load(&line_format) == LOG_JSON;
	int64_t now = clock_wall_us();

	l->len = 0;
	if (json)
		line_begin_json(l, level, now);
	else
		line_begin_text(l, level, now);
	line_escaped(l, message, json);
	if (json) {
		memcpy(l->text + l->len, "\"}", 2);
		l->len += 2;
	}
	l->text[l->len++] = '\n';
}

static bool line_out(int fd, const struct line *l, int patience_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	if (poll(&p, 1, patience_ms) != 1 || !(p.revents & POLLOUT))
		return false;
	do
		n = write(fd, l->text, l->len);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)l->len;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[MESSAGE_MOST];
	struct line l;
	va_list args;
	int fd = atomic_load(&out_fd), saved = errno, n;

	if (!log_wants(level))
		return;
	va_start(args, fmt);
	n = vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	if (n >= (int)sizeof message)
		memcpy(message + sizeof message - 4, "...", 4);
	line_make(&l, level, message);
	pthread_mutex_lock(&lock);
	/* While lines are being lost nobody waits: the reader has shown that it is not reading. */
	if (lost > 0) {
		struct line note;

		snprintf(message, sizeof message, "%lu lines of the log were lost: its reader was too slow", lost);
		line_make(&note, LOG_WARN, message);
		if (line_out(fd, &note, 0))
			lost = 0;
	}
	if (lost > 0 || !line_out(fd, &l, PATIENCE_MS))
		lost++;
	pthread_mutex_unlock(&lock);
	errno = saved;
}
