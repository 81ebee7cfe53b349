/* After anything but a clean stop: what the packs hold behind the index's last sequence number is verified and indexed
 * in order; what is torn was never acknowledged: it is cut off at the end of a pack, marked as void in its middle. */
#include "archive/event.h"
#include "archive/registry.h"
#include "archive/settle_pack.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256 };

/* ---- one record into the index */
/* What was received, told by what stands for it. */
static void was_received(const struct record_was *w, struct stored *out)
{
	out->pack = w->pack;
	out->at = w->at + PACK_HEAD;
	out->part10_len = w->part10_len;
	out->head_len = w->head_len;
	memcpy(out->syntax, w->syntax, sizeof w->syntax);
	memcpy(out->digest, w->digest, sizeof w->digest);
}

void record_item(const struct record *r, int64_t site, struct index_item *out)
{
	*out = (struct index_item){
	    .site = site,
	    .seq = r->seq,
	    .received_us = r->received_us,
	    .aet = r->aet,
	    .where = {.site = site,
		      .pack = r->pack,
		      .at = r->at + PACK_HEAD,
		      .part10_len = r->part10_len,
		      .head_len = r->head_len},
	};
	memcpy(out->where.sop_class, r->sop_class, sizeof r->sop_class);
	memcpy(out->where.sop_instance, r->sop_instance, sizeof r->sop_instance);
	memcpy(out->where.syntax, r->syntax, sizeof r->syntax);
	memcpy(out->where.digest, r->digest, 16);
	memcpy(out->sent, r->sent, 16);
	if (r->kind == RECORD_SETTLED)
		was_received(&r->was, &out->where);
}

int record_index(struct archive *a, struct db_conn *writer, const struct record *r, int64_t site,
		 struct index_item *out, struct err *e)
{
	struct index_head *head = NULL;
	bool settled = r->kind == RECORD_SETTLED;
	bool unreadable = (settled ? r->was.kind : r->kind) == RECORD_UNREADABLE;
	record_item(r, site, out);
	int rc = unreadable ? record_verify(a->packs, r, NULL, NULL, e) : record_head(a, r, &head, e);
	out->head = head;
	out->unreadable = unreadable ? r->note : NULL;
	if (rc == 0)
		rc = index_put(writer, out, e);
	index_head_free(head);
	out->head = NULL;
	return rc == 0 && settled ? settle_found(writer, r, e) : rc;
}

int record_site(struct archive *a, const struct record *r, struct site *cache, struct err *e)
{
	if (cache->id && !strcmp(cache->code, r->site))
		return 0;
	int rc = site_get(a, r->site, cache, NULL);
	if (rc != -E_NOENT)
		return rc < 0 ? err_set(e, (enum err_code) - rc, "site %s cannot be looked up", r->site) : 0;
	*cache = (struct site){0}; /* the registry is younger than the packs: what belongs to a site stays its own */
	snprintf(cache->code, sizeof cache->code, "%s", r->site);
	snprintf(cache->name, sizeof cache->name, "%s", r->site);
	if ((rc = site_add(a, cache, e)) == 0)
		rc = site_get(a, r->site, cache, e);
	log_warn("site %s was not in the registry: made anew from the packs", r->site);
	return rc;
}

struct recovery {
	struct archive *archive;
	struct db_conn *writer; /* while a batch is open */
	struct site site;
	uint64_t seq, floor, done, voids;
	uint64_t before; /* 0: all of them */
	unsigned batch;
	bool lost;
};

/* Is it the record that is damaged, and not the index or its reading? */
static bool torn(struct archive *a, const struct record *r)
{
	return record_verify(a->packs, r, NULL, NULL, NULL) == -E_CORRUPT;
}

/* The record stays where it is, marked as one that nobody was ever told is kept. */
static int mark_void(struct archive *a, const struct record *r, struct err *e)
{
	struct blob_writer *w;
	uint8_t head[PACK_HEAD];
	struct record v = *r;
	v.kind = RECORD_VOID;
	record_header(&v, head);
	int rc = a->packs->ops->reopen(a->packs, r->pack, &w, e);
	if (rc < 0)
		return rc;
	rc = a->packs->ops->write(w, head, sizeof head, r->at, e);
	if (rc == 0)
		rc = a->packs->ops->sync(w, e);
	a->packs->ops->drop(w);
	return rc;
}

static int batch_open(struct recovery *v, struct err *e)
{
	if (v->writer)
		return 0;
	int rc = db_get(v->archive->db, DB_WRITE, &v->writer, e);
	return rc == 0 ? db_begin(v->writer, e) : rc;
}

static int batch_close(struct recovery *v, struct err *e)
{
	if (!v->writer)
		return 0;
	int rc = index_set_through(v->writer, v->seq, v->floor, e);
	if (rc == 0)
		rc = db_commit(v->writer, e);
	db_put(STEAL(v->writer));
	v->batch = 0;
	return rc;
}

static int recovery_seen(void *arg, const struct record *r, struct err *e)
{
	struct recovery *v = arg;
	struct index_item item;
	struct err why = {0};
	int rc = 0;
	bool event = r->kind == RECORD_EVENT;
	if (v->before && r->seq >= v->before)
		return 0;
	if (!event &&
	    (!v->site.id || strcmp(v->site.code, r->site))) { /* making a site takes the writer: between batches */
		rc = batch_close(v, e);
		if (rc == 0)
			rc = record_site(v->archive, r, &v->site, e);
	}
	if (rc < 0 || (rc = batch_open(v, e)) < 0)
		return rc;
	rc = event ? event_replay(v->archive, v->writer, r, &why)
		   : record_index(v->archive, v->writer, r, v->site.id, &item, &why);
	if ((rc == -E_CORRUPT || rc == -E_INVAL) && torn(v->archive, r)) {
		log_warn("recovery: %s%s", why.msg, v->lost ? "" : "; never acknowledged, marked as void");
		v->voids++;
		rc = v->lost || r->kind == RECORD_SETTLED ? 0 : mark_void(v->archive, r, e);
	} else if (rc == -E_NOENT && v->before) {
		rc = 0;              /* its pack was removed meanwhile: the intake gave it up */
	} else if (rc == -E_INVAL) { /* whole, and yet not understood: left to fsck */
		log_warn("recovery: record %llu is left out: %s", (unsigned long long)r->seq, why.msg);
		rc = 0;
	} else if (rc < 0) {
		return err_set(e, why.code, "%s", why.msg);
	}
	v->seq = r->seq;
	v->done++;
	return rc == 0 && ++v->batch >= BATCH ? batch_close(v, e) : rc;
}

static bool is_settled(struct archive *a, uint64_t pack)
{
	uint8_t head[PACK_BLOCK];
	enum pack_kind kind;
	return a->packs->ops->read(a->packs, pack, 0, head, sizeof head, NULL) == PACK_BLOCK &&
	       pack_header_read(head, pack, &kind, NULL) == 0 && kind == PACK_SETTLED;
}

/* Nobody told the index of it: its event was not written, and what it stands for is where it was. */
static int tidy_settled(struct archive *a, uint64_t pack)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, NULL);
	if (rc < 0 || (rc = event_statement(c, "settled-pack-known", &s, NULL, 1, (int64_t)pack)) < 0)
		return 0; /* the next one who looks removes it */
	if ((rc = db_step(s, NULL)) > 0)
		db_reset(s);
	if (rc == 0 && a->packs->ops->remove(a->packs, pack, NULL) == 0)
		log_info("recovery: settled pack %llu was not finished, and is removed", (unsigned long long)pack);
	return 0;
}

/* What was written ahead is cut off, what never got a whole record goes. A pack that could not be read to its end is left
 * as it is: what could not be read may have been acknowledged. */
static int tidy_pack(void *arg, uint64_t pack)
{
	struct archive *a = arg;
	struct pack_walk w;
	if (is_settled(a, pack))
		return tidy_settled(a, pack);
	struct record r;
	struct blob_writer *bw;
	uint64_t end = 0;
	int rc = pack_walk_begin(&w, a->packs, pack, NULL), got = 0;
	while (rc == 0 && (got = pack_walk_next(&w, &r, NULL)) > 0)
		if (r.kind != RECORD_VOID)
			end = r.at + record_size(&r);
	uint64_t size = w.size;
	pack_walk_end(&w);
	if (got < 0 || (rc < 0 && (rc != -E_CORRUPT || size > PACK_BLOCK)))
		return 0; /* damaged: fsck's business */
	if (!end)
		a->packs->ops->remove(a->packs, pack, NULL);
	else if (size > end && a->packs->ops->reopen(a->packs, pack, &bw, NULL) == 0)
		a->packs->ops->seal(bw, end, NULL);
	return 0;
}

/* All packs that are there are dealt with: the next start need not look at them again. */
static int note_recovered(struct recovery *v, uint64_t next_pack, struct err *e)
{
	v->floor = next_pack;
	int rc = batch_open(v, e);
	return rc == 0 ? batch_close(v, e) : rc;
}

int recover(struct archive *a, uint64_t *next_seq, uint64_t *next_pack, struct err *e)
{
	struct recovery v = {.archive = a};
	struct db_conn *reader;
	int rc = db_get(a->db, DB_READ, &reader, e);
	if (rc < 0)
		return rc;
	rc = index_through(reader, &v.seq, &v.floor, e);
	db_put(reader);
	/* No index at all, or one that is being built anew: what is torn may have been acknowledged once, and stays for
	 * fsck. */
	v.lost = v.floor == 0;
	if (rc == 0)
		rc = records_in_order(a->packs, v.floor, v.seq, recovery_seen, &v, next_pack, e);
	int closed = batch_close(&v, rc == 0 ? e : NULL);
	if (rc < 0 || closed < 0)
		return rc < 0 ? rc : closed;
	if (*next_pack < v.floor)
		*next_pack = v.floor;
	if (*next_pack == 0)
		*next_pack = 1;
	*next_seq = v.seq + 1;
	if (v.done)
		log_info("recovery: %llu records behind the index were taken in, %llu torn ones marked as void",
			 (unsigned long long)(v.done - v.voids), (unsigned long long)v.voids);
	rc = v.lost ? 0 : a->packs->ops->walk(a->packs, v.floor, tidy_pack, a, e);
	return rc == 0 ? note_recovered(&v, *next_pack, e) : rc;
}

int recover_before(struct archive *a, uint64_t before, struct err *e)
{
	struct recovery v = {.archive = a, .before = before, .lost = true}; /* its packs are being written: no voids */
	struct db_conn *reader;
	uint64_t next_pack;
	int rc = db_get(a->db, DB_READ, &reader, e);
	if (rc < 0)
		return rc;
	rc = index_through(reader, &v.seq, &v.floor, e);
	db_put(reader);
	if (rc == 0)
		rc = records_in_order(a->packs, v.floor, v.seq, recovery_seen, &v, &next_pack, e);
	int closed = batch_close(&v, rc == 0 ? e : NULL);
	if (rc == 0 && closed == 0)
		log_info("%llu records that could not be indexed before are in the index now",
			 (unsigned long long)v.done);
	return rc < 0 ? rc : closed;
}
