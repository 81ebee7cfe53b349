/* cmd/settler_count.c - what settling did, for /metrics. */
#include "base/log.h"
#include "base/metrics.h"
#include "cmd/settler_own.h"

#define INSTANCES(outcome_)                                                                                            \
	METRIC(COUNTER, "teleread_settle_instances_total", "outcome=\"" outcome_ "\"",                                 \
	       "Instances settled: encoded, kept as they came, kept since the copy was not equal, failed for now")
static struct metric m_outcome[OUTCOMES] = {
    [ENCODED] = INSTANCES("encoded"), [KEPT] = INSTANCES("kept"), [MISMATCHED] = INSTANCES("mismatch")};
static struct metric m_failed = INSTANCES("failed");
static struct metric m_in =
    METRIC(COUNTER, "teleread_settle_bytes_in_total", "", "Bytes of instances before they were encoded");
static struct metric m_out = METRIC(COUNTER, "teleread_settle_bytes_out_total", "", "Bytes of the same afterwards");
static struct metric m_encode =
    METRIC(SECONDS, "teleread_settle_encode_seconds", "", "Encoding one instance: processor time of workers");
static struct metric m_prove =
    METRIC(SECONDS, "teleread_settle_prove_seconds", "", "Decoding it again and comparing, likewise");
static struct metric m_pause =
    METRIC(SECONDS, "teleread_settle_pause_seconds", "", "Pauses of settling while the node was receiving");
static struct metric m_queue =
    METRIC(GAUGE, "teleread_settle_queue", "", "Series that wait to be settled, or are under work");
static struct metric m_given_up = METRIC(GAUGE, "teleread_settle_failed_series", "", "Series that were given up");
static struct metric m_reclaimable =
    METRIC(GAUGE, "teleread_settle_reclaimable_bytes", "", "Disk space of what settled copies stand for");
static struct metric m_reclaimed =
    METRIC(COUNTER, "teleread_settle_reclaimed_bytes_total", "", "Disk space of it that was given back");

void settler_count(const struct task *t)
{
	if (t->settled)
		return;
	metric_add(&m_outcome[t->outcome], 1);
	if (t->outcome != ENCODED)
		return;
	metric_add(&m_in, (int64_t)t->stored.part10_len);
	metric_add(&m_out, (int64_t)t->result.size);
	metric_observe(&m_encode, (int64_t)(t->result.encode_ns / 1000));
	metric_observe(&m_prove, (int64_t)(t->result.prove_ns / 1000));
}

void settler_count_failure(void)
{
	metric_add(&m_failed, 1);
}

void settler_count_pause(int64_t us)
{
	metric_observe(&m_pause, us);
}

void settler_count_reclaimed(int64_t bytes)
{
	metric_add(&m_reclaimed, bytes);
}

void settler_gauges(struct archive *a)
{
	struct settle_status st;
	struct err e = {0};

	if (settle_queue(a, &st, &e) < 0) {
		log_warn("the queue of settling could not be read: %s", e.msg);
		return;
	}
	metric_set(&m_queue, (int64_t)(st.waiting + st.leased));
	metric_set(&m_given_up, (int64_t)st.failed);
	metric_set(&m_reclaimable, (int64_t)st.reclaimable);
}
