/* base/metrics.h - one registry of counters, gauges and histograms, printed in the Prometheus text format.
 *
 * A metric is a static object that registers itself at its first use; names are teleread_<noun>_<unit>.
 * Threads:  every function may be called from any thread; updates are atomic and do not lock.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"
#include <stdatomic.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_SECONDS };
#define METRIC_BUCKETS 16 /* METRIC_SECONDS: upper bounds 0.25 ms x 2^n; the last is +Inf */

struct metric {
	const char *name, *labels, *help; /* labels: "" or  door="dimse",result="stored"  */
	enum metric_kind kind;
	_Atomic int registered;
	_Atomic int64_t value, bucket[METRIC_BUCKETS], sum_us;
	struct metric *next;
};
#define METRIC(kind_, name_, labels_, help_)                                                                           \
	{                                                                                                              \
		.name = (name_), .labels = (labels_), .help = (help_), .kind = METRIC_##kind_                          \
	}

void metric_add(struct metric *m, int64_t n);      /* counter or gauge (n may be negative) */
void metric_set(struct metric *m, int64_t v);      /* gauge */
void metric_observe(struct metric *m, int64_t us); /* histogram; microseconds */
int metrics_print(struct buf *out, struct err *e); /* all that were used so far, sorted by name */

#endif
