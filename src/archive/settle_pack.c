/* archive/settle_pack.c - a settled pack is written: records in order, what goes with them, the list, its event. */
#include "archive/settle_pack.h"
#include "archive/settle_job.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "dicom/appendix.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define CHUNK (1u << 20)
#define FLUSH_EVERY (16u << 20)
#define SERIES_MOST (8u << 20) /* instances of one series */

struct settle_pack {
	struct archive *archive;
	struct settle_job job;
	struct selection *instances;
	uint64_t n, given;    /* of them; how many settle_next() gave */
	uint64_t first, last; /* sequence numbers */
	struct blob_writer *writer;
	uint64_t id, tail, flushed;
	bool taken; /* id is taken from the packer */
	struct settled_list list;
	XXH3_state_t *data, *head;
	uint8_t *chunk;
	char note[160]; /* the first line of the notes */
};

/* ---- begin */

struct keys {
	int64_t *all;
	uint64_t n, room, first, last;
};

static int add_key(struct keys *k, int64_t pk, struct err *e)
{
	if (k->n == SERIES_MOST)
		return err_set(e, E_LIMIT, "a series of more than %u instances is not settled", SERIES_MOST);
	if (k->n == k->room) {
		uint64_t room = k->room ? k->room * 2 : 256;
		int64_t *more = reallocarray(k->all, (size_t)room, sizeof *more);
		if (!more)
			return err_set(e, E_NOMEM, "no memory for the instances of a series");
		k->all = more;
		k->room = room;
	}
	k->all[k->n++] = pk;
	if (k->n == 1 || (uint64_t)pk < k->first)
		k->first = (uint64_t)pk;
	if ((uint64_t)pk > k->last)
		k->last = (uint64_t)pk;
	return 0;
}

static int read_keys(struct archive *a, const char *series, struct keys *k, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = event_statement(c, "settle-series", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, series, strlen(series));
	while ((rc = db_step(s, e)) > 0)
		if ((rc = add_key(k, db_int(s, 0), e)) < 0) {
			db_reset(s);
			return rc;
		}
	return rc == 0 && k->n == 0 ? err_set(e, E_NOENT, "the series has no instances any more") : rc;
}

static int begin_pack(struct settle_pack *p, const struct keys *k, struct err *e)
{
	struct blob_store *s = p->archive->packs;
	uint8_t head[PACK_BLOCK];
	int rc = packer_take_id(p->archive->packer, &p->id, e);
	if (rc < 0)
		return rc;
	p->taken = true;
	if ((rc = s->ops->create(s, p->id, &p->writer, e)) < 0)
		return rc;
	p->tail = PACK_BLOCK;
	p->first = k->first;
	p->last = k->last;
	pack_header(p->id, PACK_SETTLED, clock_wall_us(), head);
	pack_header_span(head, k->first, k->last);
	return s->ops->write(p->writer, head, sizeof head, 0, e);
}

int settle_begin(struct archive *a, const struct settle_job *j, struct settle_pack **out, struct err *e)
{
	struct keys k = {0};
	struct settle_pack *p = calloc(1, sizeof *p);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for a settled pack");
	p->archive = a;
	p->job = *j;
	p->data = XXH3_createState();
	p->head = XXH3_createState();
	p->chunk = aligned_alloc(PACK_BLOCK, CHUNK);
	snprintf(p->list.study, sizeof p->list.study, "%s", j->study);
	snprintf(p->list.series, sizeof p->list.series, "%s", j->series);
	int rc = p->data && p->head && p->chunk ? 0 : err_set(e, E_NOMEM, "no memory for a settled pack");
	if (rc == 0 && !a->packer)
		rc = err_set(e, E_BUSY, "series are settled by the process that serves the folder");
	if (rc == 0)
		rc = read_keys(a, j->series, &k, e);
	p->n = k.n;
	if (rc == 0 && !(p->list.entries = calloc((size_t)k.n, sizeof *p->list.entries)))
		rc = err_set(e, E_NOMEM, "no memory for the instances of a series");
	if (rc == 0)
		rc = begin_pack(p, &k, e);
	if (rc == 0)
		rc = select_keys(a, STEAL(k.all), k.n, &p->instances, e);
	free(k.all);
	if (rc < 0) {
		settle_abort(p);
		return rc;
	}
	*out = p;
	return 0;
}

int settle_next(struct settle_pack *p, struct stored *out, bool *settled, struct err *e)
{
	int rc = select_next(p->instances, out, e);
	if (rc > 0) {
		*settled = out->settled;
		p->given++;
	}
	return rc;
}

/* ---- records */

static int room_for(struct settle_pack *p, uint64_t n, struct err *e)
{
	struct archive *a = p->archive;
	int64_t room = a->packs->ops->room(a->packs, NULL);
	if (room >= 0 && (uint64_t)room < a->reserve + n)
		return err_set(e, E_FULL, "free space is below the reserve of %" PRIu64 " MiB", a->reserve >> 20);
	return 0;
}

static int append(struct settle_pack *p, const void *data, size_t n, uint64_t at, struct err *e)
{
	struct blob_store *s = p->archive->packs;
	int rc = s->ops->write(p->writer, data, n, at, e);
	if (rc == 0 && at + n >= p->flushed + FLUSH_EVERY) {
		s->ops->flush(p->writer, p->flushed, at + n - p->flushed, NULL);
		p->flushed = at + n;
	}
	return rc;
}

static int write_header(struct settle_pack *p, const struct record *r, struct err *e)
{
	uint8_t head[PACK_HEAD];
	record_header(r, head);
	return p->archive->packs->ops->write(p->writer, head, sizeof head, r->at, e);
}

static int add_entry(struct settle_pack *p, uint64_t seq, uint64_t pack, uint64_t at, struct err *e)
{
	if (seq < p->first || seq > p->last) /* replaced since it was listed */
		return err_set(e, E_CANCEL, "an instance of the series is another one by now");
	if (p->list.n == p->n)
		return err_set(e, E_INVAL, "an instance was given twice, or is of another series");
	p->list.entries[p->list.n++] = (struct settled_entry){seq, pack, at};
	return 0;
}

/* The record that a settled one shall stand for: its header, as it lies now. */
static int find_record(struct settle_pack *p, const struct stored *s, struct record *out, struct err *e)
{
	struct blob_store *packs = p->archive->packs;
	uint8_t head[PACK_HEAD];
	uint64_t at = s->at - PACK_HEAD;
	int64_t k = packs->ops->read(packs, s->pack, at, head, sizeof head, e);
	if (k < 0)
		return (int)k;
	if (k != (int64_t)sizeof head || !record_header_read(head, s->pack, at, out) ||
	    out->part10_len != s->part10_len || memcmp(out->digest, s->digest, sizeof out->digest) != 0)
		return err_set(e, E_CORRUPT, "pack %" PRIu64 " at %" PRIu64 " does not hold what the index says",
			       s->pack, at);
	return 0;
}

/* r as it is in this pack, at its tail; what was received is told as the old record tells it. */
static struct record stand_for(const struct settle_pack *p, const struct record *old)
{
	struct record r = *old;
	r.kind = RECORD_SETTLED;
	r.pack = p->id;
	r.at = p->tail;
	r.note[0] = 0;
	if (old->kind == RECORD_SETTLED)
		return r;
	r.was = (struct record_was){.kind = old->kind,
				    .pack = old->pack,
				    .at = old->at,
				    .part10_len = old->part10_len,
				    .head_len = old->head_len};
	memcpy(r.was.digest, old->digest, sizeof r.was.digest);
	memcpy(r.was.syntax, old->syntax, sizeof r.was.syntax);
	return r;
}

static bool has_own_pack(struct settle_pack *p, const struct record *r)
{
	uint8_t head[PACK_BLOCK];
	enum pack_kind kind;
	struct blob_store *s = p->archive->packs;
	return r->at == PACK_BLOCK && r->kind != RECORD_SETTLED &&
	       s->ops->read(s, r->pack, 0, head, sizeof head, NULL) == PACK_BLOCK &&
	       pack_header_read(head, r->pack, &kind, NULL) == 0 && kind == PACK_SINGLE;
}

static int copy_bytes(struct settle_pack *p, const struct record *old, const struct record *r, struct err *e)
{
	struct blob_store *s = p->archive->packs;
	uint64_t n = old->part10_len + old->appendix_len;
	for (uint64_t at = 0; at < n;) {
		size_t want = n - at < CHUNK ? (size_t)(n - at) : CHUNK;
		int64_t k = s->ops->read(s, old->pack, old->at + PACK_HEAD + at, p->chunk, want, e);
		if (k < 0)
			return (int)k;
		if ((size_t)k < want)
			return err_set(e, E_CORRUPT, "pack %" PRIu64 " ends inside a record", old->pack);
		int rc = append(p, p->chunk, want, r->at + PACK_HEAD + at, e);
		if (rc < 0)
			return rc;
		at += want;
	}
	return 0;
}

int settle_keep(struct settle_pack *p, const struct stored *s, struct err *e)
{
	struct record old;
	int rc = find_record(p, s, &old, e);
	if (rc < 0)
		return rc;
	if (has_own_pack(p, &old))
		return add_entry(p, old.seq, old.pack, old.at, e);
	struct record r = stand_for(p, &old);
	if ((rc = room_for(p, record_size(&r), e)) < 0 || (rc = copy_bytes(p, &old, &r, e)) < 0 ||
	    (rc = write_header(p, &r, e)) < 0 || (rc = record_verify(p->archive->packs, &r, NULL, NULL, e)) < 0 ||
	    (rc = add_entry(p, r.seq, r.pack, r.at, e)) < 0)
		return rc;
	p->tail += record_size(&r);
	return 0;
}

static void digest(XXH3_state_t *state, uint8_t out[16])
{
	XXH128_canonical_t sum;
	XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(state));
	memcpy(out, sum.digest, 16);
}

/* The file's bytes behind the place of r's header; fills in r's checksums. */
static int take_file(struct settle_pack *p, struct record *r, int file, struct err *e)
{
	XXH3_128bits_reset(p->data);
	XXH3_64bits_reset(p->head);
	for (uint64_t at = 0; at < r->part10_len;) {
		size_t want = r->part10_len - at < CHUNK ? (size_t)(r->part10_len - at) : CHUNK;
		ssize_t k = pread(file, p->chunk, want, (off_t)at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, E_IO, "cannot read the file to be settled");
		if (k == 0)
			return err_set(e, E_INVAL, "the file to be settled ends after %" PRIu64 " of %" PRIu64 " bytes",
				       at, r->part10_len);
		size_t n = (size_t)k, of_head = at >= r->head_len ? 0 : r->head_len - (size_t)at;
		if (of_head > n)
			of_head = n;
		XXH3_64bits_update(p->head, p->chunk, of_head);
		XXH3_128bits_update(p->data, p->chunk + of_head, n - of_head);
		int rc = append(p, p->chunk, n, r->at + PACK_HEAD + at, e);
		if (rc < 0)
			return rc;
		at += n;
	}
	digest(p->data, r->digest);
	r->head_hash = XXH3_64bits_digest(p->head);
	return 0;
}

int settle_put(struct settle_pack *p, const struct stored *s, const char *syntax, int file, uint64_t size,
	       uint32_t head_len, const void *appendix, size_t appendix_n, struct err *e)
{
	struct record old;
	if (!uid_sane(syntax, strlen(syntax)) || head_len > size || appendix_n > APPENDIX_MOST)
		return err_set(e, E_INVAL, "this cannot be settled: transfer syntax, length of the head or appendix");
	int rc = find_record(p, s, &old, e);
	if (rc < 0)
		return rc;
	struct record r = stand_for(p, &old);
	r.part10_len = size;
	r.head_len = head_len;
	snprintf(r.syntax, sizeof r.syntax, "%s", syntax);
	r.appendix_len = appendix_n;
	r.appendix_hash = appendix_n ? XXH3_64bits(appendix, appendix_n) : 0;
	if ((rc = room_for(p, record_size(&r), e)) < 0 || (rc = take_file(p, &r, file, e)) < 0 ||
	    (appendix_n && (rc = append(p, appendix, appendix_n, r.at + PACK_HEAD + size, e)) < 0) ||
	    (rc = write_header(p, &r, e)) < 0 || (rc = add_entry(p, r.seq, r.pack, r.at, e)) < 0)
		return rc;
	p->tail += record_size(&r);
	return 0;
}

/* ---- what goes with them */

static int put_series(struct settle_pack *p, const char *name, const void *data, size_t n, uint64_t *at, struct err *e)
{
	struct record r = {.kind = RECORD_SERIES,
			   .pack = p->id,
			   .at = p->tail,
			   .received_us = clock_wall_us(),
			   .part10_len = n,
			   .head_hash = XXH3_64bits("", 0)};
	XXH128_canonical_t sum;
	XXH128_canonicalFromHash(&sum, XXH3_128bits(data, n));
	memcpy(r.digest, sum.digest, sizeof r.digest);
	snprintf(r.note, sizeof r.note, "%s", name);
	memcpy(r.sop_instance, p->list.series, sizeof r.sop_instance); /* whose it is */
	int rc = room_for(p, record_size(&r), e);
	if (rc < 0 || (rc = append(p, data, n, r.at + PACK_HEAD, e)) < 0 || (rc = write_header(p, &r, e)) < 0)
		return rc;
	*at = r.at;
	p->tail += record_size(&r);
	return 0;
}

int settle_add_extra(struct settle_pack *p, enum settle_extra_kind kind, const void *data, size_t n, struct err *e)
{
	const char *name = settled_extra_name(kind);
	struct settled_list *l = &p->list;
	uint64_t at;
	if (!name || n > SETTLE_EXTRA_MOST)
		return err_set(e, E_LIMIT, "%zu bytes are too many to go with a series", n);
	for (unsigned i = 0; i < l->n_extras; i++)
		if (l->extras[i].kind == kind)
			return err_set(e, E_EXISTS, "the series has its %s already", name);
	int rc = put_series(p, name, data, n, &at, e);
	if (rc < 0)
		return rc;
	l->extras[l->n_extras++] = (struct settled_extra){.kind = kind, .at = at};
	if (kind == SETTLE_NOTES) {
		const char *end = memchr(data, '\n', n);
		snprintf(p->note, sizeof p->note, "%.*s", (int)(end ? end - (const char *)data : (long)n),
			 (const char *)data);
	}
	return 0;
}

/* ---- end */

static int seal(struct settle_pack *p, uint64_t *list_at, struct err *e)
{
	AUTO(buf) bytes = {0};
	int rc;
	if (p->list.n != p->given)
		return err_set(e, E_INVAL, "%" PRIu64 " of %" PRIu64 " instances of the series were given", p->list.n,
			       p->given);
	if (p->given != p->n)
		return err_set(e, E_CANCEL, "%" PRIu64 " of %" PRIu64 " instances of the series are there still",
			       p->given, p->n);
	if ((rc = settled_list_write(&p->list, &bytes, e)) < 0 ||
	    (rc = put_series(p, SETTLED_LIST, bytes.data, bytes.len, list_at, e)) < 0)
		return rc;
	fault_point("settle-written");
	return p->archive->packs->ops->seal(STEAL(p->writer), p->tail, e);
}

/* Its event: from here on the pack is what the archive reads. */
static int publish(struct settle_pack *p, uint64_t list_at, bool *kept, struct err *e)
{
	AUTO(event) ev = {.settle = true, .first = list_at, .decision = {.number = p->id}};
	memcpy(ev.decision.study, p->list.study, sizeof ev.decision.study);
	memcpy(ev.decision.series, p->list.series, sizeof ev.decision.series);
	int rc = settle_prepare(p->archive, &ev, e);
	if (rc == 0 && !ev.set)
		rc = err_set(e, E_CORRUPT, "the settled pack %" PRIu64 " cannot be read again", p->id);
	if (rc == 0)
		rc = event_commit(p->archive, &ev, e);
	*kept = ev.kept;
	return rc;
}

int settle_commit(struct settle_pack *p, struct err *e)
{
	uint64_t list_at = 0;
	bool kept = false;
	int rc = settle_job_stands(p->archive, &p->job, e);
	if (rc == 0)
		rc = seal(p, &list_at, e);
	fault_point("settle-sealed");
	if (rc == 0)
		rc = publish(p, list_at, &kept, e);
	fault_point("settle-committed");
	if (rc == 0) {
		struct err why = {0};
		if (settle_job_done(p->archive, &p->job, p->note, &why) < 0) /* it is looked at again later */
			log_warn("series %s is settled, but its job could not be ended: %s", p->list.series, why.msg);
	}
	if (rc == 0 || kept) { /* the pack stays */
		packer_give_id(p->archive->packer, p->id);
		p->taken = false;
	}
	settle_abort(p);
	return rc;
}

void settle_abort(struct settle_pack *p)
{
	if (!p)
		return;
	struct blob_store *s = p->archive->packs;
	if (p->writer)
		s->ops->abort(p->writer);
	else if (p->taken && p->tail)
		s->ops->remove(s, p->id, NULL);
	if (p->taken)
		packer_give_id(p->archive->packer, p->id);
	select_close(p->instances);
	settled_list_cleanup(&p->list);
	XXH3_freeState(p->data);
	XXH3_freeState(p->head);
	free(p->chunk);
	free(p);
}
