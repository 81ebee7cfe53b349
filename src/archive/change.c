/* archive/change.c - see change.h. */
#include "archive/change.h"
#include "archive/change_write.h"
#include "archive/index_sql.h"
#include "archive/store.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 200 };

const char *change_name(enum change_kind k)
{
	static const char *const names[] = {"", "stored", "dropped", "restored", "replaced"};
	return names[k];
}

/* ---- writing */

int change_add(struct db_conn *writer, int64_t site, enum change_kind kind, uint64_t seq, uint64_t event, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(writer, "change-add", &s, e);
	if (rc < 0)
		return rc;
	db_bind_int(s, 1, site);
	db_bind_int(s, 2, kind);
	db_bind_int(s, 3, (int64_t)seq);
	db_bind_int(s, 4, (int64_t)event);
	return run(s, e);
}

int change_renew(struct db_conn *writer, struct err *e)
{
	return db_exec(writer, db_sql(db_of(writer), "change-renew"), e);
}

void change_note(struct change_sites *s, int64_t site)
{
	unsigned i = 0;
	while (i < s->n && s->sites[i] != site)
		i++;
	if (i == CHANGE_SITES)
		s->any = true;
	else if (i == s->n)
		s->sites[s->n++] = site;
}

void change_tell(struct archive *a, const struct change_sites *s)
{
	if (s->n == 0 && !s->any)
		return;
	pthread_mutex_lock(&a->watcher.lock);
	if (a->watcher.news)
		a->watcher.news(a->watcher.arg, s->sites, s->any ? 0 : s->n);
	pthread_mutex_unlock(&a->watcher.lock);
}

void change_watch(struct archive *a, void (*news)(void *arg, const int64_t *sites, unsigned n), void *arg)
{
	pthread_mutex_lock(&a->watcher.lock);
	a->watcher.news = news;
	a->watcher.arg = arg;
	pthread_mutex_unlock(&a->watcher.lock);
}

/* ---- reading */

/* Both of one moment. */
static int read_feed(struct db_conn *c, int64_t site, struct change_feed *feed, struct err *e)
{
	struct db_stmt *s;
	int rc = prepare(c, "change-feed", &s, e);
	if (rc < 0)
		return rc;
	db_bind_int(s, 1, site);
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : err_set(e, E_BUG, "the index has no feed of changes");
	snprintf(feed->id, sizeof feed->id, "%s", db_text(s, 0, NULL));
	feed->last = (uint64_t)db_int(s, 1);
	db_reset(s);
	return 0;
}

static void copy(char out[65], struct db_stmt *s, int col)
{
	snprintf(out, 65, "%s", db_text(s, col, NULL));
}

struct page {
	struct change rows[PAGE];
	unsigned n;
	bool other; /* the feed became another one */
};

static int read_page(struct archive *a, int64_t site, uint64_t since, uint64_t limit, struct change_feed *feed,
		     struct page *p, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct change_feed now;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	p->n = 0;
	if (rc < 0 || (rc = db_begin(c, e)) < 0 || (rc = read_feed(c, site, &now, e)) < 0)
		return rc;
	if (!feed->id[0])
		*feed = now;
	p->other = strcmp(feed->id, now.id) != 0;
	if (p->other || (rc = prepare(c, "change-list", &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, site);
	db_bind_int(s, 2, (int64_t)since);
	db_bind_int(s, 3, (int64_t)feed->last);
	db_bind_int(s, 4, (int64_t)limit);
	while ((rc = db_step(s, e)) > 0) {
		struct change *out = &p->rows[p->n];
		if (p->n == PAGE)
			continue;
		*out = (struct change){
		    .number = (uint64_t)db_int(s, 0), .kind = (enum change_kind)db_int(s, 1), .at_us = db_int(s, 2)};
		copy(out->study, s, 3);
		copy(out->series, s, 4);
		copy(out->sop_instance, s, 5);
		copy(out->sop_class, s, 6);
		p->n++;
	}
	return rc;
}

int change_each(struct archive *a, int64_t site, uint64_t since, uint64_t limit,
		int (*seen)(void *arg, const struct change *c), void *arg, struct change_feed *feed, struct err *e)
{
	struct page *p = malloc(sizeof *p);
	uint64_t left = limit ? limit : UINT64_MAX;
	unsigned asked = PAGE;
	int rc = p ? 0 : err_set(e, E_NOMEM, "no memory for changes");
	*feed = (struct change_feed){0};
	if (since > INT64_MAX)
		since = INT64_MAX;
	for (bool more = true; rc == 0 && more; more = p->n == asked && left > 0 && !p->other) {
		asked = left < PAGE ? (unsigned)left : PAGE;
		if ((rc = read_page(a, site, since, asked, feed, p, e)) < 0)
			break;
		for (unsigned i = 0; i < p->n && rc == 0; i++) {
			since = p->rows[i].number;
			rc = seen(arg, &p->rows[i]);
		}
		left -= p->n;
	}
	free(p);
	return rc;
}
