/* archive/settle_job.h - a leased job, for who writes its pack. Of this room only. */
#ifndef ARCHIVE_SETTLE_JOB_H
#define ARCHIVE_SETTLE_JOB_H

#include "archive/settle.h"

/* 0, or -E_CANCEL: another has it now. */
int settle_job_stands(struct archive *a, const struct settle_job *j, struct err *e);
/* Its series lies in a settled pack; why: what is to be said about it. The lease is given back. */
int settle_job_done(struct archive *a, const struct settle_job *j, const char *why, struct err *e);
#endif
