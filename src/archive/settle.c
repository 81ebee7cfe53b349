/* archive/settle.c - jobs: which series are to be settled, who is at it, what became of it. */
#include "archive/settle.h"
#include "archive/event.h"
#include "archive/index_sql.h"
#include "archive/settle_job.h"
#include "archive/store.h"
#include "base/clock.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS_MOST (64u << 20)
#define NOTICED "settle_noticed" /* sequence number up to which arrivals and events were looked at */
enum { STEP = 4096, PAGE = 200 };

static int writing(struct archive *a, struct db_conn **w, struct err *e)
{
	if (a->mode != ARCHIVE_SERVE)
		return err_set(e, E_BUSY, "series are settled by the process that serves the folder");
	int rc = db_get(a->db, DB_WRITE, w, e);
	return rc < 0 ? rc : db_begin(*w, e);
}

/* ---- what there is of a series */

struct sight {
	int64_t instances, waiting, open, received, kept, newest;
	bool whole; /* all of them, and no others, are of one settled pack */
};

static int look(struct db_conn *c, const char *series, struct sight *out, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(c, "settle-look", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, series, strlen(series));
	*out = (struct sight){0};
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	*out = (struct sight){.instances = db_int(s, 0),
			      .waiting = db_int(s, 1),
			      .open = db_int(s, 2),
			      .received = db_int(s, 3),
			      .kept = db_int(s, 4),
			      .newest = db_int(s, 5)};
	out->whole = out->waiting == 0 && db_int(s, 6) == db_int(s, 7) && db_int(s, 8) == out->instances;
	db_reset(s);
	return 0;
}

/* The job of a series as the index is now; one that has no instances has none. */
static int job_put(struct db_conn *w, const char *series, struct err *e)
{
	struct sight now;
	struct db_stmt *s;
	int rc = look(w, series, &now, e);
	if (rc < 0)
		return rc;
	if (now.instances == 0) {
		if ((rc = event_statement(w, "settle-job-remove", &s, e, 0)) < 0)
			return rc;
		db_bind_text(s, 1, series, strlen(series));
		return db_step(s, e);
	}
	if ((rc = event_statement(w, "settle-job-put", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, series, strlen(series));
	db_bind_int(s, 2, now.whole ? SETTLE_DONE : SETTLE_WAITING);
	db_bind_int(s, 3, now.instances);
	db_bind_int(s, 4, now.waiting);
	db_bind_int(s, 5, now.open);
	db_bind_int(s, 6, now.received);
	db_bind_int(s, 7, now.kept);
	db_bind_int(s, 8, now.newest);
	return db_step(s, e);
}

/* ---- notice */

/* Series that something happened to within (after, upto], one a line. */
static int news(struct db_conn *c, uint64_t after, uint64_t upto, struct buf *out, bool *gone, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(c, "settle-news", &s, e, 2, (int64_t)after, (int64_t)upto);
	*gone = false;
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		const char *series = db_text(s, 0, NULL);
		if (!series[0])
			*gone = true;
		else if ((rc = buf_printf(out, e, "%s\n", series)) < 0) {
			db_reset(s);
			return rc;
		}
	}
	return rc;
}

static int notice_series(struct db_conn *w, struct buf *list, struct err *e)
{
	int n = 0, rc;
	char *next, *series = list->data ? (char *)list->data : NULL;
	for (; series && *series; series = next + 1, n++) {
		next = strchr(series, '\n');
		*next = 0;
		if ((rc = job_put(w, series, e)) < 0)
			return rc;
	}
	return n;
}

/* What happened within a step of sequence numbers: how many series; *more: there are more steps. */
static int notice_step(struct archive *a, bool *more, struct err *e)
{
	AUTO(db_conn) w = NULL;
	AUTO(buf) list = BUF(NEWS_MOST);
	uint64_t after, through, floor;
	bool gone;
	int rc = writing(a, &w, e), n;
	if (rc < 0 || (rc = meta_number(w, NOTICED, &after, e)) < 0 || (rc = index_through(w, &through, &floor, e)) < 0)
		return rc;
	uint64_t upto = through > after + STEP ? after + STEP : through;
	*more = upto < through;
	if (upto <= after)
		return 0;
	if ((rc = news(w, after, upto, &list, &gone, e)) < 0 || (n = rc = notice_series(w, &list, e)) < 0)
		return rc;
	if (gone && (rc = db_exec(w, db_sql(a->db, "settle-job-gone"), e)) < 0)
		return rc;
	if ((rc = set_meta_number(w, NOTICED, upto, e)) < 0 || (rc = db_commit(w, e)) < 0)
		return rc;
	return n;
}

/* Most times nothing arrived, and a reader is enough to see that. */
static int anything_new(struct archive *a, struct err *e)
{
	AUTO(db_conn) c = NULL;
	uint64_t after, through, floor;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = meta_number(c, NOTICED, &after, e)) < 0 || (rc = index_through(c, &through, &floor, e)) < 0)
		return rc;
	return through > after;
}

int settle_notice(struct archive *a, bool (*go_on)(void *arg), void *arg, struct err *e)
{
	int rc = anything_new(a, e), n = 0;
	for (bool more = rc > 0; more && (!go_on || go_on(arg));) {
		if ((rc = notice_step(a, &more, e)) < 0)
			return rc;
		n += rc;
	}
	return rc < 0 ? rc : n;
}

/* ---- leases */

static void copy(char *out, size_t room, struct db_stmt *s, int col)
{
	snprintf(out, room, "%s", db_text(s, col, NULL));
}
#define COPY(field, col) copy(field, sizeof(field), s, col)

/* A row in the columns of settle-job-each. */
static void job_row(const struct archive *a, struct db_stmt *s, struct settle_job *j)
{
	*j = (struct settle_job){.id = db_int(s, 0),
				 .state = (enum settle_state)db_int(s, 5),
				 .instances = (uint64_t)db_int(s, 6),
				 .waiting = (uint64_t)db_int(s, 7),
				 .received = (uint64_t)db_int(s, 8),
				 .kept = (uint64_t)db_int(s, 9),
				 .newest_us = db_int(s, 10),
				 .due_us = db_int(s, 11),
				 .lease_us = db_int(s, 12),
				 .ticket = (uint64_t)db_int(s, 14),
				 .tries = (int)db_int(s, 15)};
	COPY(j->study, 1);
	COPY(j->series, 2);
	COPY(j->modality, 3);
	COPY(j->site, 4);
	COPY(j->why, 16);
	j->open = (uint64_t)db_int(s, 17);
	bool mine = a->mode != ARCHIVE_SERVE || db_int(s, 13) == a->settler; /* else of a process that has ended */
	if (!mine || j->lease_us <= clock_wall_us())
		j->lease_us = 0;
}

static int find_job(struct archive *a, struct db_conn *c, const struct settle_want *want, struct settle_job *out,
		    struct err *e)
{
	struct db_stmt *s;
	const char *study = want->study ? want->study : "";
	int64_t t = clock_wall_us();
	int rc = event_statement(c, want->now ? "settle-job-now" : "settle-job-next", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, study, strlen(study));
	db_bind_int(s, 2, want->now ? want->after : t - want->quiet_us);
	db_bind_int(s, 3, t);
	db_bind_int(s, 4, a->settler);
	if (want->now)
		db_bind_int(s, 5, want->again);
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	job_row(a, s, out);
	out->again = want->now && want->again;
	db_reset(s);
	return 1;
}

int settle_lease(struct archive *a, const struct settle_want *want, int64_t lease_us, struct settle_job *out,
		 struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc = writing(a, &w, e);
	if (rc == 0)
		rc = find_job(a, w, want, out, e);
	if (rc <= 0)
		return rc;
	out->lease_us = clock_wall_us() + lease_us;
	out->ticket++;
	if ((rc = event_statement(w, "settle-job-lease", &s, e, 4, out->id, out->lease_us, a->settler,
				  (int64_t)out->ticket)) < 0 ||
	    (rc = db_step(s, e)) < 0 || (rc = db_commit(w, e)) < 0)
		return rc;
	return 1;
}

/* One row was changed, or the lease was lost. */
static int still_mine(struct db_conn *w, int rc, struct err *e)
{
	if (rc < 0)
		return rc;
	return db_changes(w) == 1 ? db_commit(w, e) : err_set(e, E_CANCEL, "another one settles this series now");
}

int settle_renew(struct archive *a, const struct settle_job *j, int64_t lease_us, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc = writing(a, &w, e);
	if (rc < 0 || (rc = event_statement(w, "settle-job-renew", &s, e, 4, j->id, (int64_t)j->ticket, a->settler,
					    clock_wall_us() + lease_us)) < 0)
		return rc;
	return still_mine(w, db_step(s, e), e);
}

int settle_fail(struct archive *a, const struct settle_job *j, const char *why, int64_t due_us, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	char cut[sizeof j->why];
	int rc = writing(a, &w, e);
	if (rc < 0 ||
	    (rc = event_statement(w, "settle-job-fail", &s, e, 4, j->id, (int64_t)j->ticket, a->settler, due_us)) < 0)
		return rc;
	snprintf(cut, sizeof cut, "%s", why);
	db_bind_text(s, 5, cut, strlen(cut));
	return still_mine(w, db_step(s, e), e);
}

int settle_job_stands(struct archive *a, const struct settle_job *j, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 ||
	    (rc = event_statement(c, "settle-job-stands", &s, e, 3, j->id, (int64_t)j->ticket, a->settler)) < 0)
		return rc;
	if ((rc = db_step(s, e)) > 0)
		db_reset(s);
	return rc < 0 ? rc : rc > 0 ? 0 : err_set(e, E_CANCEL, "another one settles this series now");
}

int settle_job_done(struct archive *a, const struct settle_job *j, const char *why, struct err *e)
{
	AUTO(db_conn) w = NULL;
	struct db_stmt *s;
	int rc = writing(a, &w, e);
	if (rc < 0 || (rc = job_put(w, j->series, e)) < 0 ||
	    (rc = event_statement(w, "settle-job-done", &s, e, 1, j->id)) < 0)
		return rc;
	db_bind_text(s, 2, why, strlen(why));
	rc = db_step(s, e);
	return rc < 0 ? rc : db_commit(w, e);
}

/* ---- what there is */

static int noticed(struct archive *a, uint64_t *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc = db_get(a->db, DB_READ, &c, e);
	return rc < 0 ? rc : meta_number(c, NOTICED, out, e);
}

int settle_queue(struct archive *a, struct settle_status *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = event_statement(c, "settle-queue", &s, e, 0)) < 0 || (rc = db_step(s, e)) < 0)
		return rc;
	*out = (struct settle_status){
	    .waiting = (uint64_t)db_int(s, 0), .failed = (uint64_t)db_int(s, 1), .reclaimable = (uint64_t)db_int(s, 2)};
	db_reset(s);
	return 0;
}

/* A page of a list: of jobs, or (new) of series that something arrived for since settle_notice() looked. */
struct page {
	struct settle_job jobs[PAGE];
	unsigned n;
	bool new;
	int64_t after;
};

static int read_page(struct archive *a, bool done, uint64_t upto, struct page *p, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int64_t seen = (int64_t)upto, most = PAGE;
	int rc = db_get(a->db, DB_READ, &c, e);
	p->n = 0;
	if (rc == 0)
		rc = p->new ? event_statement(c, "settle-new-each", &s, e, 3, p->after, most, seen)
			    : event_statement(c, "settle-job-each", &s, e, 4, p->after, (int64_t)done, most, seen);
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0)
		if (p->n < PAGE) {
			job_row(a, s, &p->jobs[p->n++]);
			p->after = db_int(s, p->new ? 18 : 0);
		}
	return rc;
}

static int each_of(struct archive *a, bool done, uint64_t upto, struct page *p,
		   int (*seen)(void *arg, const struct settle_job *j), void *arg, struct err *e)
{
	int rc = 0;
	p->after = 0;
	for (p->n = PAGE; rc == 0 && p->n == PAGE;) {
		rc = read_page(a, done, upto, p, e);
		for (unsigned i = 0; i < p->n && rc == 0; i++)
			if ((p->jobs[i].state == SETTLE_DONE) == done)
				rc = seen(arg, &p->jobs[i]);
	}
	return rc;
}

int settle_each(struct archive *a, bool done, int (*seen)(void *arg, const struct settle_job *j), void *arg,
		struct err *e)
{
	struct page *p = calloc(1, sizeof *p);
	uint64_t upto = 0;
	int rc = p ? noticed(a, &upto, e) : err_set(e, E_NOMEM, "no memory for a list");
	if (rc == 0 && (rc = each_of(a, done, upto, p, seen, arg, e)) == 0 && (rc = anything_new(a, e)) > 0) {
		p->new = true;
		rc = each_of(a, done, upto, p, seen, arg, e);
	}
	free(p);
	return rc;
}

static int add_job(void *arg, const struct settle_job *j)
{
	struct settle_status *t = arg;
	uint64_t *of = j->lease_us                 ? &t->leased
		       : j->state == SETTLE_DONE   ? &t->done
		       : j->state == SETTLE_FAILED ? &t->failed
						   : &t->waiting;
	++*of;
	t->instances += j->waiting;
	t->bytes += j->open;
	if (j->state == SETTLE_DONE) {
		t->received += j->received;
		t->kept += j->kept;
	}
	return 0;
}

/* By the table of jobs alone, which tells of all. */
static int status_of_jobs(struct archive *a, struct db_conn *c, struct settle_status *t, struct err *e)
{
	struct db_stmt *s;
	int rc =
	    event_statement(c, "settle-status", &s, e, 2, clock_wall_us(), a->mode == ARCHIVE_SERVE ? a->settler : 0);
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		uint64_t n = (uint64_t)db_int(s, 1);
		switch (db_int(s, 0)) {
		case SETTLE_DONE:
			t->done = n;
			t->received = (uint64_t)db_int(s, 5);
			t->kept = (uint64_t)db_int(s, 6);
			break;
		case SETTLE_FAILED:
			t->failed = n;
			break;
		default:
			t->waiting = n;
		}
		t->leased += (uint64_t)db_int(s, 2);
		t->instances += (uint64_t)db_int(s, 3);
		t->bytes += (uint64_t)db_int(s, 4);
	}
	return rc;
}

static int to_be_reclaimed(struct db_conn *c, uint64_t *out, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(c, "reclaim-sum", &s, e, 0);
	if (rc < 0 || (rc = db_step(s, e)) <= 0)
		return rc;
	*out = (uint64_t)db_int(s, 0);
	db_reset(s);
	return 0;
}

int settle_status(struct archive *a, struct settle_status *out, struct err *e)
{
	struct settle_status t = {0};
	int rc = anything_new(a, e), more = rc;
	if (rc > 0 && (rc = settle_each(a, true, add_job, &t, e)) == 0)
		rc = settle_each(a, false, add_job, &t, e);
	AUTO(db_conn) c = NULL;
	if (rc < 0 || (rc = db_get(a->db, DB_READ, &c, e)) < 0 ||
	    (more == 0 && (rc = status_of_jobs(a, c, &t, e)) < 0) || (rc = to_be_reclaimed(c, &t.reclaimable, e)) < 0)
		return rc;
	*out = t;
	return 0;
}
