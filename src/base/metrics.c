#include "base/metrics.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct metric *) all;

static void registered(struct metric *m)
{
	if (atomic_load_explicit(&m->registered, memory_order_relaxed) || atomic_exchange(&m->registered, 1))
		return;
	m->next = atomic_load(&all);
	while (!atomic_compare_exchange_weak(&all, &m->next, m))
		;
}

void metric_add(struct metric *m, int64_t n)
{
	registered(m);
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t v)
{
	registered(m);
	atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

void metric_observe(struct metric *m, int64_t us)
{
	unsigned at = 0;
	int64_t bound = 250;

	while (at < METRIC_BUCKETS - 1 && us > bound) {
		bound *= 2;
		at++;
	}
	registered(m);
	atomic_fetch_add_explicit(&m->bucket[at], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->sum_us, us, memory_order_relaxed);
}

static int by_name(const void *x, const void *y)
{
	const struct metric *a = *(struct metric *const *)x, *b = *(struct metric *const *)y;
	int names = strcmp(a->name, b->name);

	return names ? names : strcmp(a->labels, b->labels);
}

static int print_value(const struct metric *m, struct buf *out, struct err *e)
{
	const char *open = m->labels[0] ? "{" : "", *close = m->labels[0] ? "}" : "";

	return buf_printf(out, e, "%s%s%s%s %lld\n", m->name, open, m->labels, close,
			  (long long)atomic_load(&m->value));
}

static int print_histogram(const struct metric *m, struct buf *out, struct err *e)
{
	const char *open = m->labels[0] ? "{" : "", *close = m->labels[0] ? "}" : "", *comma = m->labels[0] ? "," : "";
	long long count = 0, sum = atomic_load(&m->sum_us);
	double bound = 0.00025;
	int rc;

	for (unsigned i = 0; i < METRIC_BUCKETS; i++, bound *= 2) {
		char le[32];

		count += atomic_load(&m->bucket[i]);
		if (i < METRIC_BUCKETS - 1)
			snprintf(le, sizeof le, "%g", bound);
		else
			snprintf(le, sizeof le, "+Inf");
		rc = buf_printf(out, e, "%s_bucket{%s%sle=\"%s\"} %lld\n", m->name, m->labels, comma, le, count);
		if (rc < 0)
			return rc;
	}
	return buf_printf(out, e, "%s_sum%s%s%s %lld.%06lld\n%s_count%s%s%s %lld\n", m->name, open, m->labels, close,
			  sum / 1000000, sum % 1000000, m->name, open, m->labels, close, count);
}

static int print_one(const struct metric *m, bool first_of_name, struct buf *out, struct err *e)
{
	static const char *const types[] = {
	    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_SECONDS] = "histogram"};
	int rc = 0;

	if (first_of_name)
		rc = buf_printf(out, e, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->kind]);
	if (rc < 0)
		return rc;
	return m->kind == METRIC_SECONDS ? print_histogram(m, out, e) : print_value(m, out, e);
}

int metrics_print(struct buf *out, struct err *e)
{
	struct metric *head = atomic_load(&all), **sorted;
	size_t n = 0, i = 0;
	int rc = 0;

	for (struct metric *m = head; m; m = m->next)
		n++;
	if (n == 0)
		return 0;
	sorted = calloc(n, sizeof *sorted);
	if (!sorted)
		return err_set(e, E_NOMEM, "no memory for %zu metrics", n);
	for (struct metric *m = head; m; m = m->next)
		sorted[i++] = m;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (i = 0; i < n && rc == 0; i++)
		rc = print_one(sorted[i], i == 0 || strcmp(sorted[i]->name, sorted[i - 1]->name) != 0, out, e);
	free(sorted);
	return rc;
}
