/* imaging/worker.c - the node's side of the workers. */
#include "imaging/worker_own.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int worker_input(struct err *e)
{
	int fd = memfd_create("teleread-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? err_sys(e, E_NOMEM, "no memory for a job") : fd;
}

void job_result_cleanup(struct job_result *r)
{
	if (r->out > 0)
		close(r->out);
	r->out = 0;
}

static int map(int fd, struct job_input *in, struct err *e)
{
	struct stat st;

	if (fd <= 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_sys(e, E_IO, "cannot look at a job's input");
	if (st.st_size == 0)
		return 0;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, E_NOMEM, "cannot map a job's input");
	*in = (struct job_input){p, (size_t)st.st_size};
	return 0;
}

int worker_run(const struct job *j, struct job_result *out, struct err *e)
{
	struct job_input in[2] = {{0}, {0}};
	int rc, fd = worker_input(e);

	*out = (struct job_result){0};
	if (fd < 0)
		return fd;
	if ((rc = map(j->in[0], &in[0], e)) == 0 && (rc = map(j->in[1], &in[1], e)) == 0)
		rc = job_execute(j, in, fd, out, e);
	for (unsigned i = 0; i < 2; i++)
		if (in[i].n)
			munmap((void *)(uintptr_t)in[i].data, in[i].n);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	out->out = fd;
	out->n = (uint64_t)lseek(fd, 0, SEEK_CUR);
	return 0;
}
