#include "archive/kept.h"
#include "archive/event.h"
#include "archive/index_refresh.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "dicom/dict.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

/* ---- may it be? */

static int with_uid(struct db_conn *c, const char *name, const char *uid, struct db_stmt **out, struct err *e)
{
	int rc = event_statement(c, name, out, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(*out, 1, uid, strlen(uid));
	return db_step(*out, e);
}

/* 1: held, and e says so; 0; negative. */
static int held(struct db_conn *c, const char *study, enum err_code code, struct err *e)
{
	struct db_stmt *s;
	char since[32];
	int rc = with_uid(c, "hold-get", study, &s, e);
	if (rc <= 0)
		return rc;
	clock_text(db_int(s, 0), since);
	err_set(e, code, "held since %.10s by %.40s: %.120s", since, db_text(s, 1, NULL), db_text(s, 2, NULL));
	db_reset(s);
	return 1;
}

static int refuse_held(struct db_conn *c, const char *study, struct err *e)
{
	int rc = held(c, study, E_DENIED, e);
	return rc > 0 ? -E_DENIED : rc;
}

/* Days as numbers: 20260131. */
static int64_t day_of(time_t t)
{
	struct tm tm;
	localtime_r(&t, &tm);
	return (tm.tm_year + 1900) * 10000LL + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

static int refuse_young(const struct archive *a, const char *study_date, int64_t arrived_us, struct err *e)
{
	bool dated = strlen(study_date) == 8;
	int64_t day = dated ? strtoll(study_date, NULL, 10) : day_of((time_t)(arrived_us / 1000000));
	int64_t until = day + a->retention_years * 10000;
	if (!a->retention_years || until <= day_of((time_t)(clock_wall_us() / 1000000)))
		return 0;
	return err_set(e, E_DENIED, "kept until %04lld-%02lld-%02lld: %lld years from its %s", (long long)until / 10000,
		       (long long)until / 100 % 100, (long long)until % 100, (long long)a->retention_years,
		       dated ? "Study Date" : "arrival");
}

static int part_there(struct db_conn *c, const struct decision *d, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(c, "part-there", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, d->study, strlen(d->study));
	db_bind_text(s, 2, d->series, strlen(d->series));
	db_bind_text(s, 3, d->sop_instance, strlen(d->sop_instance));
	if ((rc = db_step(s, e)) > 0)
		db_reset(s);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return err_set(e, E_NOENT, "study %s has no %s %s", d->study, d->sop_instance[0] ? "such instance" : "series",
		       d->sop_instance[0] ? d->sop_instance : d->series);
}

static int may_drop(struct archive *a, struct db_conn *c, const struct decision *d, struct err *e)
{
	struct db_stmt *s;
	char date[9];
	int rc = with_uid(c, "study-age", d->study, &s, e);
	if (rc <= 0)
		return rc < 0 ? rc : err_set(e, E_NOENT, "there is no study %s", d->study);
	snprintf(date, sizeof date, "%s", db_text(s, 1, NULL));
	int64_t arrived = db_int(s, 2);
	db_reset(s);
	if (d->series[0] && (rc = part_there(c, d, e)) < 0)
		return rc;
	rc = refuse_held(c, d->study, e);
	return rc == 0 ? refuse_young(a, date, arrived, e) : rc;
}

static int may_hold(struct db_conn *c, const struct decision *d, struct err *e)
{
	int rc = held(c, d->study, E_EXISTS, e);
	if (d->what == DECIDE_HOLD)
		return rc > 0 ? -E_EXISTS : rc;
	if (rc == 0)
		return err_set(e, E_NOENT, "study %s is not held", d->study);
	if (rc > 0 && e)
		*e = (struct err){0};
	return rc < 0 ? rc : 0;
}

static int may_restore(struct db_conn *c, const struct decision *d, struct err *e)
{
	struct db_stmt *s;
	int rc = event_bin(c, d, 0, UINT64_MAX, 1, &s, e);
	if (rc < 0)
		return rc;
	rc = db_step(s, e);
	db_reset(s);
	return rc < 0 ? rc : rc > 0 ? 0 : err_set(e, E_NOENT, "nothing of study %s is in the bin", d->study);
}

/* The study whose instance would have to make way. */
static int may_replace(struct db_conn *c, const char *uid, struct err *e)
{
	struct db_stmt *s;
	char study[65];
	int rc = with_uid(c, "instance-study", uid, &s, e);
	if (rc <= 0)
		return rc;
	snprintf(study, sizeof study, "%s", db_text(s, 2, NULL));
	db_reset(s);
	return refuse_held(c, study, e);
}

static int may_settle(struct db_conn *c, struct decision *d, struct err *e)
{
	struct db_stmt *s;
	char uid[65];
	int rc = event_statement(c, "kept-get", &s, e, 1, (int64_t)d->number);
	if (rc < 0 || (rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : err_set(e, E_NOENT, "there is no record %" PRIu64 " in quarantine", d->number);
	snprintf(d->study, sizeof d->study, "%s", db_text(s, 6, NULL));
	snprintf(uid, sizeof uid, "%s", db_text(s, 7, NULL));
	bool gone = db_int(s, 8) != 0;
	db_reset(s);
	if (d->what == DECIDE_RELEASE)
		return 0;
	if (d->what == DECIDE_DISCARD && gone)
		return err_set(e, E_EXISTS, "record %" PRIu64 " was discarded before", d->number);
	rc = refuse_held(c, d->study, e);
	return rc == 0 && d->what == DECIDE_REPLACE ? may_replace(c, uid, e) : rc;
}

/* A refresh goes from instance to instance, and takes what belongs to all of a study from the first of them: nothing may
 * come in before those that it has read. */
static int refuse_refreshing(struct db_conn *c, const struct decision *d, struct err *e)
{
	uint64_t after, upto;
	if (d->what != DECIDE_RESTORE && d->what != DECIDE_RELEASE && d->what != DECIDE_REPLACE)
		return 0;
	int rc = index_refresh_state(c, &after, &upto, e);
	return rc < 0 || upto == 0
		   ? rc
		   : err_set(e, E_BUSY,
			     "the index is being refreshed, and has come to %" PRIu64 " of %" PRIu64 ": try again then",
			     after, upto);
}

/* A part is named from above, and only DROP and RESTORE know parts. */
static int check_part(const struct decision *d, struct err *e)
{
	const char *const parts[] = {d->series, d->sop_instance};
	if (d->sop_instance[0] && !d->series[0])
		return err_set(e, E_INVAL, "an instance is named together with its series");
	if (d->series[0] && d->what != DECIDE_DROP && d->what != DECIDE_RESTORE)
		return err_set(e, E_INVAL, "%s is about a study, not a part of it", decision_name(d->what));
	for (unsigned i = 0; i < 2; i++)
		if (parts[i][0] && !uid_sane(parts[i], strlen(parts[i])))
			return err_set(e, E_INVAL, "%.64s is not a UID", parts[i]);
	return 0;
}

/* Completes d: the study of a record. */
static int may(struct archive *a, struct decision *d, struct err *e)
{
	AUTO(db_conn) c = NULL;
	bool of_study =
	    d->what == DECIDE_DROP || d->what == DECIDE_RESTORE || d->what == DECIDE_HOLD || d->what == DECIDE_UNHOLD;
	int rc;
	if (a->mode != ARCHIVE_SERVE)
		return err_set(e, E_BUSY, "decisions are made by the process that serves the folder");
	if (!d->why[0] || !text_valid(d->why, strlen(d->why)) || !text_valid(d->who, strlen(d->who)))
		return err_set(e, E_INVAL, "a decision needs a reason, in UTF-8");
	if (of_study && !uid_sane(d->study, strlen(d->study)))
		return err_set(e, E_INVAL, "%.64s is not a UID", d->study);
	if ((rc = check_part(d, e)) < 0)
		return rc;
	if ((rc = db_get(a->db, DB_READ, &c, e)) < 0 || (rc = refuse_refreshing(c, d, e)) < 0)
		return rc;
	switch (d->what) {
	case DECIDE_DROP:
		return may_drop(a, c, d, e);
	case DECIDE_RESTORE:
		return may_restore(c, d, e);
	case DECIDE_HOLD:
	case DECIDE_UNHOLD:
		return may_hold(c, d, e);
	default:
		return may_settle(c, d, e);
	}
}

/* ---- done */

static int prepare(struct archive *a, struct event *ev, struct err *e)
{
	AUTO(db_conn) c = NULL;
	int rc = db_get(a->db, DB_READ, &c, e);
	return rc < 0 ? rc : event_prepare(a, c, ev, e);
}

static void seal(struct event *ev, const struct buf *bytes)
{
	struct record *r = &ev->record;
	XXH128_canonical_t sum;
	*r = (struct record){.kind = RECORD_EVENT, .received_us = clock_wall_us(), .part10_len = bytes->len};
	XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes->data, bytes->len));
	memcpy(r->digest, sum.digest, sizeof r->digest);
	r->head_hash = XXH3_64bits(bytes->data, 0);
}

int event_commit(struct archive *a, struct event *ev, struct err *e)
{
	AUTO(buf) bytes = BUF(PACK_BLOCK - PACK_HEAD);
	struct err why = {0};
	struct record *r = &ev->record;
	struct place p = {.event = ev};
	int rc = prepare(a, ev, e);
	if (rc < 0 || (rc = event_write(ev, &bytes, e)) < 0)
		return rc;
	seal(ev, &bytes);
	size_t size = (size_t)record_size(r);
	AUTO(str) block = aligned_alloc(PACK_BLOCK, size); /* past the page cache */
	if (!block)
		return err_set(e, E_NOMEM, "no memory for a decision");
	if ((rc = committer_enter(a->committer, size, &p, e)) < 0)
		return rc; /* cppcheck-suppress memleak */
	r->pack = open_pack_id(p.pack);
	r->at = p.at;
	r->seq = p.seq;
	memset(block, 0, size);
	record_header(r, (uint8_t *)block);
	memcpy(block + PACK_HEAD, bytes.data, bytes.len);
	fault_point("event-write");
	if ((rc = packer_write(p.pack, block, size, p.at, &why)) < 0)
		packer_blank(p.pack, p.at);
	committer_ready(a->committer, &p, rc < 0 ? PLACE_FAILED : PLACE_WRITTEN);
	int committed = committer_wait(&p, e);
	ev->kept = p.kept;
	if (rc < 0 && e)
		*e = why;
	return rc < 0 ? rc : committed;
}

/* The last of the next EVENT_RECORDS records of the bin from `first` on; 0: there are none. */
static int next_of_bin(struct archive *a, const struct decision *d, uint64_t first, uint64_t *last, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	*last = 0;
	if (rc < 0 || (rc = event_bin(c, d, first, UINT64_MAX, EVENT_RECORDS, &s, e)) < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0)
		*last = (uint64_t)db_int(s, 1);
	return rc;
}

static int restore(struct archive *a, const struct decision *d, struct decision_result *out, struct err *e)
{
	uint64_t first = 0, last;
	int rc;
	*out = (struct decision_result){.done = true};
	while ((rc = next_of_bin(a, d, first, &last, e)) == 0 && last) {
		AUTO(event) ev = {.decision = *d, .first = first};
		ev.decision.number = last;
		if ((rc = event_commit(a, &ev, e)) < 0)
			return rc;
		out->records += ev.result.records;
		out->left += ev.result.left;
		first = last + 1;
	}
	if (out->left)
		snprintf(out->reason, sizeof out->reason, "%" PRIu64 " records could not be taken in again", out->left);
	return rc;
}

static int decide_one(struct archive *a, const struct decision *d, struct decision_result *out, struct err *e)
{
	AUTO(event) ev = {.decision = *d};
	int rc = event_commit(a, &ev, e);
	*out = ev.result;
	return rc;
}

int decide(struct archive *a, const struct decision *d, struct decision_result *out, struct err *e)
{
	struct decision full = *d;
	pthread_mutex_lock(&a->decisions);
	int rc = may(a, &full, e);
	if (rc == 0)
		rc = d->what == DECIDE_RESTORE ? restore(a, &full, out, e) : decide_one(a, &full, out, e);
	pthread_mutex_unlock(&a->decisions);
	if (rc == 0)
		log_info("decision of %s: %s%s%s%s%s%s%s%s%.0" PRIu64 "%s, %" PRIu64 " record%s", full.who,
			 decision_name(full.what), full.study[0] ? " " : "", full.study,
			 full.series[0] ? " series " : "", full.series, full.sop_instance[0] ? " instance " : "",
			 full.sop_instance, full.number ? " record " : "", full.number,
			 out->done ? "" : ", without effect", out->records, out->records == 1 ? "" : "s");
	return rc;
}

/* ---- lists. Rows come in pages, so that whoever prints them slowly holds nothing. */

bool kept_kind_known(const char *kind)
{
	static const char *const kinds[] = {"contradiction", "unreadable", "dropped", "replaced"};
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static void copy(char *out, size_t room, struct db_stmt *s, int col)
{
	snprintf(out, room, "%s", db_text(s, col, NULL));
}
#define COPY(field, col) copy(field, sizeof(field), s, col)

void kept_row(struct db_stmt *s, struct kept *k)
{
	size_t n;
	*k = (struct kept){.seq = (uint64_t)db_int(s, 0),
			   .gone = (uint64_t)db_int(s, 2),
			   .event = (uint64_t)db_int(s, 3),
			   .received_us = db_int(s, 6)};
	COPY(k->kind, 1);
	COPY(k->site, 4);
	COPY(k->aet, 5);
	COPY(k->reason, 12);
	COPY(k->where.sop_instance, 7);
	COPY(k->where.study, 8);
	COPY(k->where.series, 9);
	COPY(k->where.sop_class, 10);
	COPY(k->where.syntax, 11);
	k->where.site = db_int(s, 13);
	k->where.pack = (uint64_t)db_int(s, 14);
	k->where.at = (uint64_t)db_int(s, 15);
	k->where.part10_len = (uint64_t)db_int(s, 16);
	k->where.head_len = (uint32_t)db_int(s, 17);
	const void *digest = db_blob(s, 18, &n);
	if (n == sizeof k->where.digest)
		memcpy(k->where.digest, digest, n);
	stored_received(s, 19, &k->where);
}

static void read_decided(struct db_stmt *s, struct decided *d)
{
	*d = (struct decided){.seq = (uint64_t)db_int(s, 0), .at_us = db_int(s, 1)};
	decision_parse(db_text(s, 2, NULL), &d->decision.what);
	COPY(d->decision.study, 3);
	d->decision.number = (uint64_t)db_int(s, 4);
	COPY(d->decision.who, 5);
	COPY(d->decision.why, 6);
	d->result.done = db_int(s, 7) != 0;
	d->result.records = (uint64_t)db_int(s, 8);
	COPY(d->result.reason, 9);
	COPY(d->decision.series, 10);
	COPY(d->decision.sop_instance, 11);
}

enum { PAGE = 200 }; /* as the statements have it */

/* A page of n rows into memory, behind *after. */
static int kept_page(struct archive *a, const struct kept_filter *f, uint64_t after, struct kept *page, unsigned *n,
		     struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int64_t last = f->number ? (int64_t)f->number : INT64_MAX;
	int rc = db_get(a->db, DB_READ, &c, e);
	*n = 0;
	if (rc < 0 || (rc = event_statement(c, "kept-list", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, f->study, strlen(f->study));
	db_bind_text(s, 2, f->kind, strlen(f->kind));
	db_bind_int(s, 3, f->gone);
	db_bind_int(s, 4, (int64_t)after);
	db_bind_int(s, 5, last);
	while ((rc = db_step(s, e)) > 0)
		if (*n < PAGE)
			kept_row(s, &page[(*n)++]);
	return rc;
}

int kept_each(struct archive *a, const struct kept_filter *f, int (*seen)(void *arg, const struct kept *k), void *arg,
	      struct err *e)
{
	struct kept *page = calloc(PAGE, sizeof *page);
	uint64_t after = f->number ? f->number - 1 : 0;
	unsigned n = PAGE;
	int rc = page ? 0 : err_set(e, E_NOMEM, "no memory for a list");
	while (rc == 0 && n == PAGE && (rc = kept_page(a, f, after, page, &n, e)) == 0)
		for (unsigned i = 0; i < n && rc == 0; i++) {
			after = page[i].seq;
			kept_sender(a, &page[i]);
			rc = seen(arg, &page[i]);
		}
	free(page);
	return rc;
}

static int decided_page(struct archive *a, const char *study, uint64_t after, struct decided *page, unsigned *n,
			struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	*n = 0;
	if (rc < 0 || (rc = event_statement(c, "event-list", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, study, strlen(study));
	db_bind_int(s, 2, (int64_t)after);
	while ((rc = db_step(s, e)) > 0)
		if (*n < PAGE)
			read_decided(s, &page[(*n)++]);
	return rc;
}

int decided_each(struct archive *a, const char *study, int (*seen)(void *arg, const struct decided *d), void *arg,
		 struct err *e)
{
	struct decided *page = calloc(PAGE, sizeof *page);
	uint64_t after = 0;
	unsigned n = PAGE;
	int rc = page ? 0 : err_set(e, E_NOMEM, "no memory for a list");
	while (rc == 0 && n == PAGE && (rc = decided_page(a, study, after, page, &n, e)) == 0)
		for (unsigned i = 0; i < n && rc == 0; i++) {
			after = page[i].seq;
			rc = seen(arg, &page[i]);
		}
	free(page);
	return rc;
}

static int aside_page(struct archive *a, const char *name, uint64_t after, struct set_aside *page, unsigned *n,
		      struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	*n = 0;
	if (rc < 0 || (rc = event_statement(c, name, &s, e, 1, (int64_t)after)) < 0)
		return rc;
	while ((rc = db_step(s, e)) > 0) {
		if (*n == PAGE)
			continue;
		struct set_aside *one = &page[(*n)++];
		*one = (struct set_aside){.event = (uint64_t)db_int(s, 1),
					  .records = (uint64_t)db_int(s, 2),
					  .bytes = (uint64_t)db_int(s, 3),
					  .at_us = db_int(s, 4)};
		COPY(one->study, 0);
		COPY(one->who, 5);
		COPY(one->why, 6);
	}
	return rc;
}

static int aside_each(struct archive *a, const char *name, int (*seen)(void *arg, const struct set_aside *s), void *arg,
		      struct err *e)
{
	struct set_aside *page = calloc(PAGE, sizeof *page);
	uint64_t after = 0;
	unsigned n = PAGE;
	int rc = page ? 0 : err_set(e, E_NOMEM, "no memory for a list");
	while (rc == 0 && n == PAGE && (rc = aside_page(a, name, after, page, &n, e)) == 0)
		for (unsigned i = 0; i < n && rc == 0; i++) {
			after = page[i].event;
			rc = seen(arg, &page[i]);
		}
	free(page);
	return rc;
}

int hold_each(struct archive *a, int (*seen)(void *arg, const struct set_aside *s), void *arg, struct err *e)
{
	return aside_each(a, "hold-list", seen, arg, e);
}

int bin_each(struct archive *a, int (*seen)(void *arg, const struct set_aside *s), void *arg, struct err *e)
{
	return aside_each(a, "bin-list", seen, arg, e);
}
