#include "imaging/worker_refused.h"
#include "imaging/worker_metrics.h"
#include <pthread.h>
#include <unistd.h>
#include <xxhash.h>

#define STEP (16u << 10)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t list[REFUSED_MOST][2];
static enum err_code codes[REFUSED_MOST];
static unsigned next_place;
static _Atomic unsigned count;

bool refused_any(void)
{
	return atomic_load(&count) > 0;
}

#define ADD(field_) XXH3_128bits_update(x, &(field_), sizeof(field_))

/* Field by field: what lies between them is nobody's. */
static void add_job(XXH3_state_t *x, const struct job *j)
{
	const struct image_pixel *p = &j->pixels;

	ADD(j->kind);
	XXH3_128bits_update(x, j->syntax, strnlen(j->syntax, sizeof j->syntax));
	ADD(p->rows);
	ADD(p->columns);
	ADD(p->samples);
	ADD(p->bits_allocated);
	ADD(p->bits_stored);
	ADD(p->high_bit);
	ADD(p->planar);
	ADD(p->words);
	ADD(p->is_signed);
	XXH3_128bits_update(x, p->photometric, strnlen(p->photometric, sizeof p->photometric));
	ADD(j->reduce);
	ADD(j->as_said);
	ADD(j->how.ratio);
	ADD(j->how.quality);
	ADD(j->most);
	ADD(j->more);
}

static int add_file(XXH3_state_t *x, int fd, struct err *e)
{
	uint8_t piece[STEP];
	uint64_t at = 0;
	ssize_t n;

	while ((n = pread(fd, piece, sizeof piece, (off_t)at)) > 0) {
		XXH3_128bits_update(x, piece, (size_t)n);
		at += (uint64_t)n;
	}
	ADD(at);
	return n < 0 ? err_sys(e, E_IO, "cannot read a job's input") : 0;
}

int refused_digest(const struct job *j, const int in[2], uint64_t digest[2], struct err *e)
{
	XXH3_state_t *x = XXH3_createState();
	XXH128_hash_t h;
	int rc = 0;

	if (!x)
		return err_set(e, E_NOMEM, "no memory for a digest");
	XXH3_128bits_reset(x);
	add_job(x, j);
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		if (in[i] >= 0)
			rc = add_file(x, in[i], e);
	h = XXH3_128bits_digest(x);
	XXH3_freeState(x);
	digest[0] = h.low64;
	digest[1] = h.high64;
	return rc;
}

static enum err_code has(const uint64_t digest[2])
{
	for (unsigned i = 0; i < atomic_load(&count); i++)
		if (list[i][0] == digest[0] && list[i][1] == digest[1])
			return codes[i];
	return E_OK;
}

enum err_code refused_has(const uint64_t digest[2])
{
	enum err_code found;

	pthread_mutex_lock(&lock);
	found = has(digest);
	pthread_mutex_unlock(&lock);
	return found;
}

void refused_add(const uint64_t digest[2], enum err_code code)
{
	pthread_mutex_lock(&lock);
	if (has(digest) == E_OK) {
		codes[next_place] = code;
		list[next_place][0] = digest[0];
		list[next_place][1] = digest[1];
		next_place = (next_place + 1) % REFUSED_MOST;
		if (atomic_load(&count) < REFUSED_MOST)
			atomic_fetch_add(&count, 1);
	}
	metric_set(&metric_refused, atomic_load(&count));
	pthread_mutex_unlock(&lock);
}

void refused_forget(void)
{
	pthread_mutex_lock(&lock);
	next_place = 0;
	atomic_store(&count, 0);
	metric_set(&metric_refused, 0);
	pthread_mutex_unlock(&lock);
}
