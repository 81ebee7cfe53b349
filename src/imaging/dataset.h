/* imaging/dataset.h - the encoding of a data set changed as a whole, without its pixel data, in a worker: JOB_DATASET. Of this room only.
 *
 * in: a data set, bare. out: the same in another encoding, written by the toolkit (sequences of undefined length, lengths of groups
 * right where they were there); or inflated, byte for byte. All of it is in the worker's memory, twice or more, so data sets with
 * hundreds of megabytes besides their pixels are refused (-E_LIMIT), which no image comes near.
 */
#ifndef IMAGING_DATASET_H
#define IMAGING_DATASET_H

#include "imaging/worker_own.h"

#define DATASET_MOST (256ULL << 20) /* bytes of in */
struct dataset_job {                /* job.more; job.syntax: what is to be written */
	char from[65];              /* implicit, explicit, big endian or deflated */
};
int dataset_job(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e);
#endif
