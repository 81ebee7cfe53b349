/* imaging/dataset.h - a data set without its pixel data, written anew by the toolkit: JOB_DATASET. Of this room only.
 *
 * in: a Part 10 file whose data set has no Pixel Data. out: Part 10 in another transfer syntax, with values replaced. The job's
 * number is where in the new data set Pixel Data belongs, in bytes of the file: its tag comes in order.
 */
#ifndef IMAGING_DATASET_H
#define IMAGING_DATASET_H

#include "imaging/worker.h"

struct dataset_job { /* job.more; job.syntax: what is written, and named in the File Meta Information */
	char file_syntax
	    [65]; /* what the File Meta Information names when it differs from the encoding (encapsulated ones) */
	char new_instance[65]; /* "" : the old one */
	bool pixels;           /* job.pixels are written into the Image Pixel module */
	bool lossy;            /* Lossy Image Compression and what goes with it is written */
	double ratio;
	char method[17]; /* "ISO_15444_1" */
};
int dataset_job(const struct job *j, const void *in, size_t n, int out, struct job_result *r, struct err *e);
#endif
