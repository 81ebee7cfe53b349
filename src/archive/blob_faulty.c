/* archive/blob_faulty.c - a store over another that fails when told to, for tests of every clean-up path.
 *
 * The plan names calls and their numbers, counted from 1 over the life of the store: "write:5,sync:3-6,create:1-". A
 * failing call does nothing; a failing sync leaves what was written uncertain, as a real one does. */
#include "archive/blob.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_CREATE, CALL_WRITE, CALL_SYNC, CALL_SEAL, CALL_READ, CALL_ROOM, CALLS };
static const char *const call_names[CALLS] = {"create", "write", "sync", "seal", "read", "room"};

struct faulty {
	struct blob_store store;
	struct blob_store *under;
	struct {
		uint64_t from, to;
	} fails[CALLS];
	_Atomic uint64_t count[CALLS];
};
struct faulty_writer {
	struct blob_writer writer;
	struct blob_writer *under;
};

static int faulty_due(struct blob_store *s, int call, struct err *e)
{
	struct faulty *f = (struct faulty *)s;
	uint64_t n = atomic_fetch_add(&f->count[call], 1) + 1;
	if (f->fails[call].from && n >= f->fails[call].from && n <= f->fails[call].to)
		return err_set(e, E_IO, "%s number %llu fails by plan", call_names[call], (unsigned long long)n);
	return 0;
}

static struct blob_store *under_of(struct blob_store *s)
{
	return ((struct faulty *)s)->under;
}

static int faulty_wrap(struct blob_store *s, uint64_t key, int rc, struct blob_writer *under, struct blob_writer **out,
		       struct err *e)
{
	if (rc < 0)
		return rc;
	struct faulty_writer *w = calloc(1, sizeof *w);
	if (!w) {
		under->store->ops->drop(under);
		return err_set(e, E_NOMEM, "no memory for a pack writer");
	}
	*w = (struct faulty_writer){{s, key}, under};
	*out = &w->writer;
	return 0;
}

static int faulty_create(struct blob_store *s, uint64_t key, struct blob_writer **out, struct err *e)
{
	struct blob_writer *under = NULL;
	int rc = faulty_due(s, CALL_CREATE, e);
	if (rc == 0)
		rc = under_of(s)->ops->create(under_of(s), key, &under, e);
	return faulty_wrap(s, key, rc, under, out, e);
}

static int faulty_reopen(struct blob_store *s, uint64_t key, struct blob_writer **out, struct err *e)
{
	struct blob_writer *under = NULL;
	int rc = under_of(s)->ops->reopen(under_of(s), key, &under, e);
	return faulty_wrap(s, key, rc, under, out, e);
}

static struct blob_writer *writer_of(struct blob_writer *w)
{
	return ((struct faulty_writer *)w)->under;
}

static int faulty_prewrite(struct blob_writer *w, uint64_t from, uint64_t n, struct err *e)
{
	return under_of(w->store)->ops->prewrite(writer_of(w), from, n, e);
}

static int faulty_write(struct blob_writer *w, const void *data, size_t n, uint64_t at, struct err *e)
{
	int rc = faulty_due(w->store, CALL_WRITE, e);
	return rc < 0 ? rc : under_of(w->store)->ops->write(writer_of(w), data, n, at, e);
}

static int faulty_flush(struct blob_writer *w, uint64_t from, uint64_t n, struct err *e)
{
	return under_of(w->store)->ops->flush(writer_of(w), from, n, e);
}

static int faulty_sync(struct blob_writer *w, struct err *e)
{
	int rc = faulty_due(w->store, CALL_SYNC, e);
	return rc < 0 ? rc : under_of(w->store)->ops->sync(writer_of(w), e);
}

static int faulty_seal(struct blob_writer *w, uint64_t size, struct err *e)
{
	const struct blob_store_ops *ops = under_of(w->store)->ops;
	int rc = faulty_due(w->store, CALL_SEAL, e);
	if (rc < 0)
		ops->drop(writer_of(w));
	else
		rc = ops->seal(writer_of(w), size, e);
	free(w);
	return rc;
}

static void faulty_abort(struct blob_writer *w)
{
	under_of(w->store)->ops->abort(writer_of(w));
	free(w);
}

static void faulty_drop(struct blob_writer *w)
{
	under_of(w->store)->ops->drop(writer_of(w));
	free(w);
}

static int faulty_punch(struct blob_writer *w, uint64_t from, uint64_t n, struct err *e)
{
	return under_of(w->store)->ops->punch(writer_of(w), from, n, e);
}

static int64_t faulty_read(struct blob_store *s, uint64_t key, uint64_t at, void *buf, size_t n, struct err *e)
{
	int rc = faulty_due(s, CALL_READ, e);
	return rc < 0 ? rc : under_of(s)->ops->read(under_of(s), key, at, buf, n, e);
}

static int64_t faulty_size(struct blob_store *s, uint64_t key, struct err *e)
{
	return under_of(s)->ops->size(under_of(s), key, e);
}

static int faulty_walk(struct blob_store *s, uint64_t from, int (*seen)(void *, uint64_t), void *arg, struct err *e)
{
	return under_of(s)->ops->walk(under_of(s), from, seen, arg, e);
}

static int faulty_remove(struct blob_store *s, uint64_t key, struct err *e)
{
	return under_of(s)->ops->remove(under_of(s), key, e);
}

static int64_t faulty_room(struct blob_store *s, struct err *e)
{
	int rc = faulty_due(s, CALL_ROOM, NULL);
	return rc < 0 ? 0 : under_of(s)->ops->room(under_of(s), e); /* fails as a full disk does */
}

static void faulty_close(struct blob_store *s)
{
	under_of(s)->ops->close(under_of(s));
	free(s);
}

static const struct blob_store_ops blob_faulty_ops = {
    .name = "faulty",
    .create = faulty_create,
    .prewrite = faulty_prewrite,
    .write = faulty_write,
    .flush = faulty_flush,
    .sync = faulty_sync,
    .seal = faulty_seal,
    .abort = faulty_abort,
    .drop = faulty_drop,
    .punch = faulty_punch,
    .read = faulty_read,
    .size = faulty_size,
    .reopen = faulty_reopen,
    .walk = faulty_walk,
    .remove = faulty_remove,
    .room = faulty_room,
    .close = faulty_close,
};

struct blob_store *blob_faulty_open(struct blob_store *under, const char *plan)
{
	struct faulty *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->store.ops = &blob_faulty_ops;
	f->under = under;
	for (const char *p = plan; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		for (int c = 0; c < CALLS; c++) {
			size_t n = strlen(call_names[c]);
			if (strncmp(p, call_names[c], n) || p[n] != ':')
				continue;
			char *end;
			f->fails[c].from = strtoull(p + n + 1, &end, 10);
			f->fails[c].to = *end != '-'                      ? f->fails[c].from
					 : end[1] >= '0' && end[1] <= '9' ? strtoull(end + 1, NULL, 10)
									  : UINT64_MAX;
		}
	return &f->store;
}
