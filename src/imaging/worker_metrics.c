#include "imaging/worker_metrics.h"

struct metric metric_workers =
    METRIC(GAUGE, "teleread_imaging_workers", "", "processes that decode and encode pictures");
struct metric metric_queue = METRIC(GAUGE, "teleread_imaging_queue", "", "jobs that wait for a worker");
struct metric metric_refused =
    METRIC(GAUGE, "teleread_imaging_refused_inputs", "", "inputs that killed two workers and are not tried again");
struct metric metric_encode_bytes =
    METRIC(COUNTER, "teleread_imaging_encode_bytes_total", "", "bytes of samples that were encoded");
struct metric metric_encode_time =
    METRIC(SECONDS, "teleread_imaging_encode_seconds", "", "processor time of encoding, without the proof");

#define DEATHS_OF(cause_)                                                                                              \
	METRIC(COUNTER, "teleread_imaging_deaths_total", "cause=\"" cause_ "\"", "workers that died, by cause")
struct metric metric_deaths[DEATHS] = {
    [DEATH_CRASH] = DEATHS_OF("crash"),     [DEATH_FORBIDDEN] = DEATHS_OF("forbidden"),
    [DEATH_TIME] = DEATHS_OF("time"),       [DEATH_HUNG] = DEATHS_OF("hung"),
    [DEATH_ANSWER] = DEATHS_OF("answer"),   [DEATH_EXIT] = DEATHS_OF("exit"),
    [DEATH_OUTSIDE] = DEATHS_OF("outside"), [DEATH_NONE] = DEATHS_OF("none"),
};

enum outcome { DONE, FAILED, LIMIT, REFUSED, BUSY, CANCELLED, OUTCOMES };
#define JOBS(kind_, outcome_)                                                                                          \
	METRIC(COUNTER, "teleread_imaging_jobs_total", "kind=\"" kind_ "\",outcome=\"" outcome_ "\"",                  \
	       "jobs of workers, by kind and outcome")
#define KIND(kind_)                                                                                                    \
	{                                                                                                              \
		JOBS(kind_, "done"), JOBS(kind_, "failed"), JOBS(kind_, "limit"), JOBS(kind_, "refused"),              \
		    JOBS(kind_, "busy"), JOBS(kind_, "cancelled")                                                      \
	}
#define SECONDS_OF(kind_)                                                                                              \
	METRIC(SECONDS, "teleread_imaging_job_seconds", "kind=\"" kind_ "\"", "time of a job, waiting included")

static struct {
	const char *name;
	struct metric outcomes[OUTCOMES], seconds;
} kinds[JOB_KINDS] = {
    [JOB_DECODE] = {"decode", KIND("decode"), SECONDS_OF("decode")},
    [JOB_ENCODE] = {"encode", KIND("encode"), SECONDS_OF("encode")},
    [JOB_PROVE] = {"prove", KIND("prove"), SECONDS_OF("prove")},
    [JOB_RENDER] = {"render", KIND("render"), SECONDS_OF("render")},
    [JOB_DATASET] = {"dataset", KIND("dataset"), SECONDS_OF("dataset")},
};

const char *job_name(enum job_kind kind)
{
	return kinds[kind].name;
}

static enum outcome outcome_of(int rc)
{
	switch (rc) {
	case 0:
		return DONE;
	case -E_LIMIT:
		return LIMIT;
	case -E_UNSUP:
		return REFUSED;
	case -E_BUSY:
		return BUSY;
	case -E_CANCEL:
		return CANCELLED;
	default:
		return FAILED;
	}
}

void metric_job(const struct job *j, int rc, int64_t us)
{
	metric_add(&kinds[j->kind].outcomes[outcome_of(rc)], 1);
	metric_observe(&kinds[j->kind].seconds, us);
}
