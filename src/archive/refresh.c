#include "archive/refresh.h"
#include "archive/index_refresh.h"
#include "archive/store.h"
#include "base/log.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, CHECKPOINT_EVERY = 16, BATCH_BYTES = 4 << 20, FAULTS_LOGGED = 100 };

struct refresh {
	struct archive *archive;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool asked, stop;
	struct refresh_state state;
	uint64_t upto; /* the thread's own */
};

/* ---- one head */

/* r->head stays NULL when it cannot be read, or is another's. */
static int read_again(struct refresh *f, struct db_conn *reader, struct refresh_row *r, struct err *e)
{
	struct archive *a = f->archive;
	struct err why = {0};
	int rc;

	rc = stored_head(a, &r->where, &r->head, &why);
	if (rc == 0 && index_refresh_fits(reader, r, r->head))
		return 0;
	if (rc == -E_NOMEM)
		return err_set(e, E_NOMEM, "%s", why.msg);
	index_head_free(STEAL(r->head));
	pthread_mutex_lock(&f->lock);
	f->state.faults++;
	pthread_mutex_unlock(&f->lock);
	if (f->state.faults <= FAULTS_LOGGED)
		log_warn("refresh: %s (pack %llu at %llu) stays as it was in the index: %s", r->where.sop_instance,
			 (unsigned long long)r->where.pack, (unsigned long long)r->where.at,
			 rc < 0 ? why.msg : "it is read as another's now");
	return 0;
}

/* ---- a batch */

struct batch {
	struct refresh_row rows[BATCH];
	unsigned n;
};

static void batch_free(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		index_head_free(b->rows[i].head);
	b->n = 0;
}

/* The next rows with their heads, fewer when these are long. */
static int batch_read(struct refresh *f, struct batch *b, uint64_t after, struct err *e)
{
	AUTO(db_conn) reader = NULL;
	size_t bytes = 0;
	unsigned i;
	int rc = db_get(f->archive->db, DB_READ, &reader, e);

	if (rc == 0)
		rc = index_refresh_page(reader, after, f->upto, b->rows, BATCH, e);
	if (rc < 0)
		return rc;
	b->n = (unsigned)rc;
	for (i = 0, rc = 0; rc == 0 && i < b->n && bytes < BATCH_BYTES; i++) {
		rc = read_again(f, reader, &b->rows[i], e);
		bytes += b->rows[i].head ? index_head_bytes(b->rows[i].head) : 0;
	}
	b->n = i;
	return rc;
}

static int batch_write(struct refresh *f, const struct batch *b, struct err *e)
{
	AUTO(db_conn) w = NULL;
	int rc = db_get(f->archive->db, DB_WRITE, &w, e);

	if (rc == 0)
		rc = db_begin(w, e);
	for (unsigned i = 0; rc == 0 && i < b->n; i++)
		rc = index_refresh_put(w, &b->rows[i], e);
	if (rc == 0)
		rc = index_refresh_mark(w, (uint64_t)b->rows[b->n - 1].pk, e);
	if (rc == 0)
		rc = db_commit(w, e);
	fault_point("refresh");
	return rc;
}

/* ---- all of it */

static int in_transaction(struct refresh *f, int (*what)(struct refresh *f, struct db_conn *w, struct err *e),
			  struct err *e)
{
	AUTO(db_conn) w = NULL;
	int rc = db_get(f->archive->db, DB_WRITE, &w, e);

	if (rc == 0)
		rc = db_begin(w, e);
	if (rc == 0)
		rc = what(f, w, e);
	return rc < 0 ? rc : db_commit(w, e);
}

static int begin(struct refresh *f, struct db_conn *w, struct err *e)
{
	uint64_t after;
	int rc = index_refresh_begin(w, &after, &f->upto, e);

	pthread_mutex_lock(&f->lock);
	f->state.done = after;
	f->state.of = f->upto;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static int end(struct refresh *f, struct db_conn *w, struct err *e)
{
	(void)f;
	return index_refresh_end(w, e);
}

/* 1: told to stop. */
static int advance(struct refresh *f, const struct batch *b)
{
	int stop;

	pthread_mutex_lock(&f->lock);
	f->state.done = (uint64_t)b->rows[b->n - 1].pk;
	f->state.instances += b->n;
	stop = f->stop;
	pthread_mutex_unlock(&f->lock);
	return stop;
}

static int run(struct refresh *f, struct batch *b, struct err *e)
{
	int rc = in_transaction(f, begin, e);

	for (unsigned i = 1; rc == 0; i++) {
		if ((rc = batch_read(f, b, f->state.done, e)) == 0 && b->n == 0)
			break;
		if (rc == 0)
			rc = batch_write(f, b, e);
		if (rc == 0)
			rc = advance(f, b);
		batch_free(b);
		if (rc == 0 && i % CHECKPOINT_EVERY == 0)
			rc = db_checkpoint(f->archive->db, e);
	}
	batch_free(b);
	return rc == 0 ? in_transaction(f, end, e) : rc;
}

static void finished(struct refresh *f, int rc, const struct err *e)
{
	const struct refresh_state *s = &f->state;

	if (rc < 0)
		log_error("refresh: the index could not be brought up to date: %s", e->msg);
	else if (rc == 0)
		log_info("refresh: the index is up to date: %llu instances were read again, %llu faults",
			 (unsigned long long)s->instances, (unsigned long long)s->faults);
}

static void *refresh_thread(void *arg)
{
	struct refresh *f = arg;
	struct batch *b = calloc(1, sizeof *b);

	log_context("refresh");
	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		struct err e = {0};
		int rc;

		if (!f->asked) {
			pthread_cond_wait(&f->wake, &f->lock);
			continue;
		}
		f->asked = false;
		f->state = (struct refresh_state){.running = true};
		pthread_mutex_unlock(&f->lock);
		rc = b ? run(f, b, &e) : err_set(&e, E_NOMEM, "no memory for a batch");
		finished(f, rc, &e);
		pthread_mutex_lock(&f->lock);
		f->state.running = false;
		f->state.err = e;
	}
	pthread_mutex_unlock(&f->lock);
	free(b);
	return NULL;
}

/* Where names are of another form, or a refresh was under way. */
static int look_first(struct refresh *f, struct err *e)
{
	AUTO(db_conn) c = NULL;
	uint64_t form, after, upto;
	int rc = db_get(f->archive->db, DB_READ, &c, e);

	if (rc < 0 || (rc = index_form(c, &form, e)) < 0 || (rc = index_refresh_state(c, &after, &upto, e)) < 0)
		return rc;
	f->asked = form != TEXT_FORM || upto > 0;
	if (form != TEXT_FORM && form != 0)
		log_info("names in the index are of form %llu: it is being moved to form %d, and finds them more "
			 "slowly until "
			 "then",
			 (unsigned long long)form, TEXT_FORM);
	else if (f->asked)
		log_info("refresh: goes on behind %llu of %llu", (unsigned long long)after, (unsigned long long)upto);
	return 0;
}

int refresh_start(struct archive *a, struct err *e)
{
	struct refresh *f = calloc(1, sizeof *f);
	int rc;

	if (!f)
		return err_set(e, E_NOMEM, "no memory for the refresh of the index");
	f->archive = a;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	rc = look_first(f, e);
	f->state.running = f->asked;
	if (rc == 0 && pthread_create(&f->thread, NULL, refresh_thread, f) != 0)
		rc = err_set(e, E_NOMEM, "cannot start the thread that refreshes the index");
	if (rc < 0)
		free(f);
	else
		a->refresh = f;
	return rc;
}

int refresh_ask(struct archive *a, struct err *e)
{
	struct refresh *f = a->refresh;

	if (!f)
		return err_set(e, E_UNSUP, "the index is not refreshed by this process");
	pthread_mutex_lock(&f->lock);
	if (!f->state.running) {
		f->asked = true;
		f->state = (struct refresh_state){.running = true};
		pthread_cond_signal(&f->wake);
	}
	pthread_mutex_unlock(&f->lock);
	return 0;
}

void refresh_look(struct archive *a, struct refresh_state *out)
{
	struct refresh *f = a->refresh;

	*out = (struct refresh_state){0};
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	*out = f->state;
	pthread_mutex_unlock(&f->lock);
}

void refresh_stop(struct archive *a)
{
	struct refresh *f = a->refresh;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->wake);
	free(f);
	a->refresh = NULL;
}
