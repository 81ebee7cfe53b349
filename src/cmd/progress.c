#include "base/clock.h"
#include "cmd/cmd.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE_US 2000000
#define EVERY_US 200000
#define WIDTH 30

const char *size_text(uint64_t bytes, char out[16])
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	double n = (double)bytes;
	unsigned u = 0;

	while (n >= 1000 && u < sizeof units / sizeof units[0] - 1) {
		n /= 1000;
		u++;
	}
	snprintf(out, 16, u == 0 || n >= 100 ? "%.0f %s" : "%.1f %s", n, units[u]);
	return out;
}

void progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){.what = what, .begun_us = clock_mono_us()};
}

static void print_amount(uint64_t n, const char *unit)
{
	char text[16];

	if (unit[0] == 'B' && !unit[1])
		fputs(size_text(n, text), stderr);
	else
		fprintf(stderr, "%" PRIu64 " %s", n, unit);
}

void progress_at(struct progress *p, uint64_t done, uint64_t of, const char *unit)
{
	int64_t now = clock_mono_us();
	int filled = of ? (int)((double)(done < of ? done : of) / (double)of * WIDTH) : 0;

	if (now - p->begun_us < PATIENCE_US || now - p->shown_us < EVERY_US || !isatty(STDERR_FILENO))
		return;
	p->shown_us = now;
	p->shown = true;
	fprintf(stderr, "\r\033[K%s ", p->what);
	if (of) {
		fputc('[', stderr);
		for (int i = 0; i < WIDTH; i++)
			fputc(i < filled ? '#' : ' ', stderr);
		fputs("] ", stderr);
	}
	print_amount(done, unit);
	if (of) {
		fputs(" of ", stderr);
		print_amount(of, unit);
	}
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

void watch_fault(void *watch, const char *sentence)
{
	struct watch *w = watch;

	progress_end(&w->bar);
	if (w->alerts)
		alert_tell(w->alerts, w->common->name, sentence);
	if (w->common->json)
		print_json(json_pack("{s:s}", "fault", sentence));
	else
		printf("fault: %s\n", sentence);
}

void watch_progress(void *watch, uint64_t done, uint64_t of)
{
	struct watch *w = watch;

	progress_at(&w->bar, done, of, "B");
}
