/* imaging/worker_metrics.h - what the pool counts, see base/metrics.h. Of this room only. */
#ifndef IMAGING_WORKER_METRICS_H
#define IMAGING_WORKER_METRICS_H

#include "base/metrics.h"
#include "imaging/worker_process.h"

extern struct metric metric_workers, metric_queue, metric_refused, metric_encode_bytes, metric_encode_time;
extern struct metric metric_deaths[DEATHS];

const char *job_name(enum job_kind kind); /* "decode" */
/* A job has come to its end: rc as worker_run() gives it, us from its call on. */
void metric_job(const struct job *j, int rc, int64_t us);
#endif
