/* One writer, handed on in the order of asking; readers as they are needed. */
#include "base/clock.h"
#include "base/metrics.h"
#include "db/driver.h"
#include <assert.h>

#define READERS_KEPT 32
#define READERS_WARM 4 /* idle readers beyond these give their page cache back */
#define READERS_MOST 1024

static struct metric writer_wait =
    METRIC(SECONDS, "teleread_db_writer_wait_seconds", "", "Waits for the writer's turn.");
static struct metric readers_open = METRIC(GAUGE, "teleread_db_readers", "", "Connections for reading, idle ones too.");

static void disconnect(struct db_conn *c)
{
	db_conn_trim(c, 0);
	c->db->driver->disconnect(c);
}

int db_pool_open(struct db *d, struct err *e)
{
	return d->driver->connect(d, DB_WRITE, &d->writer, e);
}

void db_pool_close(struct db *d)
{
	assert(!d->writer_taken && d->readers == d->idle_count);
	while (d->idle) {
		struct db_conn *c = d->idle;

		d->idle = c->next;
		disconnect(c);
		metric_add(&readers_open, -1);
	}
	if (d->writer)
		disconnect(d->writer);
}

static int get_writer(struct db *d, struct db_conn **out, struct err *e)
{
	struct db_waiter me = {.turn = PTHREAD_COND_INITIALIZER};
	int64_t start = clock_mono_us();

	pthread_mutex_lock(&d->lock);
	if (d->writer_taken && pthread_equal(d->writer_owner, pthread_self())) {
		pthread_mutex_unlock(&d->lock);
		return err_set(e, E_BUG, "this thread holds the writer already");
	}
	if (d->writer_taken) {
		/* Who grants the turn takes me out of the list before. */
		if (d->last)
			d->last->next = &me;
		else
			d->first = &me; /* cppcheck-suppress autoVariables */
		d->last = &me;          /* cppcheck-suppress autoVariables */
		while (!me.granted)
			pthread_cond_wait(&me.turn, &d->lock);
	}
	d->writer_taken = true;
	d->writer_owner = pthread_self();
	*out = d->writer;
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&me.turn);
	metric_observe(&writer_wait, clock_mono_us() - start);
	return 0;
}

static void put_writer(struct db *d)
{
	struct db_waiter *next;

	pthread_mutex_lock(&d->lock);
	next = d->first;
	if (next) {
		/* Stays taken: nobody who comes now gets in between. */
		d->first = next->next;
		if (!d->first)
			d->last = NULL;
		d->writer_owner = (pthread_t){0};
		next->granted = true;
		pthread_cond_signal(&next->turn);
	} else {
		d->writer_taken = false;
	}
	pthread_mutex_unlock(&d->lock);
}

static int get_reader(struct db *d, struct db_conn **out, struct err *e)
{
	struct db_conn *c;
	int rc;

	pthread_mutex_lock(&d->lock);
	c = d->idle;
	if (c) {
		d->idle = c->next;
		d->idle_count--;
	} else if (d->readers >= READERS_MOST) {
		pthread_mutex_unlock(&d->lock);
		return err_set(e, E_BUSY, "%d connections read the database already", READERS_MOST);
	} else {
		d->readers++;
	}
	pthread_mutex_unlock(&d->lock);
	if (!c) {
		if ((rc = d->driver->connect(d, DB_READ, &c, e)) < 0) {
			pthread_mutex_lock(&d->lock);
			d->readers--;
			pthread_mutex_unlock(&d->lock);
			return rc;
		}
		metric_add(&readers_open, 1);
	}
	*out = c;
	return 0;
}

static void put_reader(struct db *d, struct db_conn *c)
{
	bool warm, keep;

	pthread_mutex_lock(&d->lock);
	warm = d->idle_count < READERS_WARM;
	pthread_mutex_unlock(&d->lock);
	if (!warm)
		d->driver->rest(c);
	pthread_mutex_lock(&d->lock);
	keep = d->idle_count < READERS_KEPT;
	if (keep) {
		c->next = d->idle;
		d->idle = c;
		d->idle_count++;
	} else {
		d->readers--;
	}
	pthread_mutex_unlock(&d->lock);
	if (!keep) {
		disconnect(c);
		metric_add(&readers_open, -1);
	}
}

int db_get(struct db *d, enum db_mode mode, struct db_conn **out, struct err *e)
{
	return mode == DB_WRITE ? get_writer(d, out, e) : get_reader(d, out, e);
}

void db_put(struct db_conn *c)
{
	if (!c)
		return;
	db_rollback(c);
	db_conn_trim(c, DB_STMTS_KEPT);
	if (c->mode == DB_WRITE)
		put_writer(c->db);
	else
		put_reader(c->db, c);
}
