#include "archive/check.h"
#include "archive/event.h"
#include "archive/index_refresh.h"
#include "archive/lookup_cache.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 512 };

struct rebuild {
	struct archive *archive; /* whose packs are read and whose registry names the sites */
	struct db *into;
	struct db_conn *writer; /* while a batch is open */
	struct site site;
	const struct check_ops *ops;
	struct check_report *report;
	uint64_t seq, floor, through, done, total;
	unsigned batch;
};

static int batch_close(struct rebuild *b, struct err *e)
{
	if (!b->writer)
		return 0;
	int rc = index_set_through(b->writer, b->seq, b->floor, e);
	if (rc == 0)
		rc = db_commit(b->writer, e);
	db_put(STEAL(b->writer));
	b->batch = 0;
	return rc;
}

static int batch_open(struct rebuild *b, struct err *e)
{
	if (b->writer)
		return 0;
	int rc = db_get(b->into, DB_WRITE, &b->writer, e);
	return rc == 0 ? db_begin(b->writer, e) : rc;
}

static int rebuild_seen(void *arg, const struct record *r, struct err *e)
{
	struct rebuild *b = arg;
	struct index_item item;
	struct err why = {0};
	bool event = r->kind == RECORD_EVENT;
	int rc = 0;
	if (r->seq > b->through) /* came in after the proof began */
		return 0;
	if (!event && (!b->site.id || strcmp(b->site.code, r->site))) {
		rc = batch_close(b, e);
		if (rc == 0)
			rc = record_site(b->archive, r, &b->site, e);
	}
	if (rc < 0 || (rc = batch_open(b, e)) < 0)
		return rc;
	rc = event ? event_replay(b->archive, b->writer, r, &why)
		   : record_index(b->archive, b->writer, r, b->site.id, &item, &why);
	b->report->records++;
	b->report->bytes += r->part10_len;
	b->done += record_size(r);
	b->seq = r->seq;
	if (rc == -E_CORRUPT || rc == -E_INVAL) {
		b->report->faults++;
		if (b->ops->fault)
			b->ops->fault(b->ops->arg, why.msg);
	} else if (rc < 0) {
		return err_set(e, why.code, "%s", why.msg);
	}
	if (b->ops->progress)
		b->ops->progress(b->ops->arg, b->done, b->total);
	return ++b->batch >= BATCH ? batch_close(b, e) : 0;
}

static int add_size(void *arg, uint64_t pack)
{
	struct rebuild *b = arg;
	int64_t n = b->archive->packs->ops->size(b->archive->packs, pack, NULL);
	b->total += n > 0 ? (uint64_t)n : 0;
	b->report->packs++;
	return 0;
}

/* What there is in the end: events move records to and fro. */
static int count_rows(struct rebuild *b, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int64_t rows = 0, kept = 0;
	int rc = db_get(b->into, DB_READ, &c, e);
	if (rc == 0)
		rc = db_one_int(c, "SELECT count(*) FROM instance", &rows, e);
	if (rc == 0)
		rc = db_one_int(c, "SELECT count(*) FROM quarantine", &kept, e);
	b->report->rows = (uint64_t)rows;
	b->report->quarantined = (uint64_t)kept;
	return rc;
}

static int rebuild(struct rebuild *b, struct err *e)
{
	uint64_t next_pack;
	int rc = b->archive->packs->ops->walk(b->archive->packs, 0, add_size, b, e);
	if (rc == 0)
		rc = records_in_order(b->archive->packs, 0, 0, rebuild_seen, b, &next_pack, e);
	int closed = batch_close(b, rc == 0 ? e : NULL);
	if (rc == 0)
		rc = closed;
	while (rc == 0 && (rc = index_fold(b->into, 1000, e)) > 0)
		rc = 0;
	return rc < 0 ? rc : count_rows(b, e);
}

/* Compares the derived tables of the two databases; names each table that differs. */
static int compare(struct rebuild *b, struct db_conn *reader, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(reader, db_sql(b->archive->db, "prove"), &s, e);
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		char sentence[120];
		if (!db_int(s, 1))
			continue;
		snprintf(sentence, sizeof sentence, "table %s: %lld rows differ from what the packs say",
			 db_text(s, 0, NULL), (long long)db_int(s, 1));
		b->report->faults++;
		if (b->ops->fault)
			b->ops->fault(b->ops->arg, sentence);
	}
	return rc;
}

static void remove_database(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
		AUTO(str) name = NULL;
		if (asprintf(&name, "%s%s", path, tails[i]) > 0)
			unlink(name);
	}
}

static int attach(struct db *d, struct db_conn *c, const char *path, struct err *e)
{
	struct db_stmt *s;
	int rc = db_prepare(c, db_sql(d, "prove-attach"), &s, e);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, path, strlen(path));
	return db_step(s, e);
}

/* Rows of an index that is on its way differ from what the packs say, and nothing is wrong with that. */
static int check_settled(struct db_conn *reader, struct err *e)
{
	uint64_t form, after, upto = 0;
	int rc = index_form(reader, &form, e);
	if (rc == 0)
		rc = index_refresh_state(reader, &after, &upto, e);
	if (rc < 0 || (form == TEXT_FORM && upto == 0))
		return rc;
	return err_set(e, E_BUSY,
		       "the index is not up to date yet: a running node works on it, or will when it is started");
}

/* The present index is read as it was when the proof began: a snapshot, whatever comes in meanwhile. */
static int prove_against(struct rebuild *b, const char *path, struct err *e)
{
	uint64_t floor;
	struct db_conn *reader;
	int rc = db_get(b->archive->db, DB_READ, &reader, e);
	if (rc == 0)
		rc = attach(b->archive->db, reader, path, e);
	if (rc == 0)
		rc = db_begin(reader, e);
	if (rc == 0)
		rc = check_settled(reader, e);
	if (rc == 0)
		rc = index_through(reader, &b->through, &floor, e);
	if (rc == 0)
		rc = rebuild(b, e);
	if (rc == 0)
		rc = compare(b, reader, e);
	if (reader) {
		db_rollback(reader);
		db_exec(reader, db_sql(b->archive->db, "prove-detach"), NULL);
	}
	db_put(reader);
	return rc;
}

static int prove(struct rebuild *b, struct err *e)
{
	AUTO(str) path = NULL;
	AUTO(str) url = NULL;
	if (asprintf(&path, "%s/reindex-%d.sqlite", b->archive->folder, (int)getpid()) < 0 ||
	    asprintf(&url, "sqlite:%s", path) < 0)
		return err_set(e, E_NOMEM, "no memory for a path");
	remove_database(path);
	int rc = db_open(url, &b->into, e);
	if (rc == 0)
		rc = prove_against(b, path, e);
	if (b->into)
		db_close(b->into);
	remove_database(path);
	return rc;
}

static int clear(struct rebuild *b, struct err *e)
{
	struct db_conn *w;
	int rc = db_get(b->into, DB_WRITE, &w, e);
	if (rc == 0)
		rc = db_begin(w, e);
	if (rc == 0)
		rc = index_clear(w, e);
	if (rc == 0)
		rc = db_commit(w, e);
	db_put(w);
	return rc;
}

int check_reindex(struct archive *a, bool prove_only, const struct check_ops *ops, struct check_report *out,
		  struct err *e)
{
	struct rebuild b = {.archive = a, .ops = ops, .report = out};
	AUTO(fd) held = -1;
	*out = (struct check_report){0};
	int held_rc = packs_hold(a, false, &held, e);
	if (held_rc < 0)
		return held_rc;
	if (prove_only)
		return prove(&b, e);
	if (a->mode != ARCHIVE_SERVE)
		return err_set(e, E_BUSY, "the index can only be rebuilt by the process that serves the folder");
	b.into = a->db;
	b.through = UINT64_MAX;
	int rc = clear(&b, e);
	lookup_cache_forget(a->lookups);
	if (rc == 0)
		rc = rebuild(&b, e); /* with floor 0: when it is interrupted, recovery takes it up */
	if (rc == 0)
		rc = batch_open(&b, e);
	if (rc < 0)
		return rc;
	b.floor = packer_floor(a->packer);
	return batch_close(&b, e);
}
