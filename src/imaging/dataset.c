/* imaging/dataset.c - in the worker: a data set in another encoding. */
#include "imaging/dataset.h"
#include "dicom/dict.h"
#include "shim/shim.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 64 << 10 };

static int inflate_all(const struct job_input *in, int out, uint64_t most, struct err *e)
{
	AUTO(str) piece = malloc(PIECE);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in->data, .avail_in = (uInt)in->n};
	uint64_t n = 0;
	int rc = 0, state = Z_OK;

	if (!piece || inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return err_set(e, E_NOMEM, "no memory to inflate with"); /* cppcheck-suppress memleak */
	while (rc == 0 && state == Z_OK) {
		z.next_out = (Bytef *)piece;
		z.avail_out = PIECE;
		state = inflate(&z, Z_NO_FLUSH);
		n += PIECE - z.avail_out;
		if (state != Z_OK && state != Z_STREAM_END)
			rc = err_set(e, E_CORRUPT, "the deflated data set is damaged or ends early");
		else if (most && n > most)
			rc = err_set(e, E_LIMIT, "a deflated data set opens to more than %llu bytes",
				     (unsigned long long)most);
		else
			rc = job_write(out, piece, PIECE - z.avail_out, e);
	}
	inflateEnd(&z);
	return rc; /* cppcheck-suppress memleak */
}

struct to {
	int fd;
	uint64_t n, most;
	struct err *e;
	int rc;
};

static int put(void *arg, const void *data, size_t n)
{
	struct to *to = arg;

	to->n += n;
	if (to->most && to->n > to->most)
		to->rc = err_set(to->e, E_LIMIT, "a data set of more than %llu bytes", (unsigned long long)to->most);
	else
		to->rc = job_write(to->fd, data, n, to->e);
	return to->rc < 0 ? -1 : 0;
}

static int toolkit(const struct job *j, const char *from, const struct job_input *in, int out, struct err *e)
{
	struct to to = {.fd = out, .most = j->most, .e = e};
	const int rc = shim_dataset_rewrite(in->data, in->n, from, j->syntax, put, &to);

	if (to.rc < 0)
		return to.rc;
	if (rc >= 0)
		return 0;
	return err_set(e,
		       rc == SHIM_ELIMIT   ? E_LIMIT
		       : rc == SHIM_ENOMEM ? E_NOMEM
		       : rc == SHIM_EUNSUP ? E_UNSUP
					   : E_CORRUPT,
		       "%s", shim_error());
}

int dataset_job(const struct job *j, const struct job_input in[2], int out, struct job_result *r, struct err *e)
{
	struct dataset_job d;

	(void)r;
	memcpy(&d, j->more, sizeof d);
	d.from[sizeof d.from - 1] = 0;
	if (in->n > DATASET_MOST)
		return err_set(e, E_LIMIT, "%zu bytes of a data set are too many to be written anew", in->n);
	if (in->n == 0)
		return 0;
	if (strcmp(d.from, UID_DEFLATED_LE) == 0)
		return inflate_all(in, out, j->most, e);
	return toolkit(j, d.from, in, out, e);
}
