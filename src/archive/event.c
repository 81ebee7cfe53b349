#include "archive/event.h"
#include "archive/attr.h"
#include "archive/event_rows.h"
#include "archive/settle_pack.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { F_KIND = 1, F_STUDY, F_FIRST, F_LAST, F_WHO, F_WHY, F_SERIES, F_INSTANCE };
#define EVENT_MOST 4096u
#define SETTLE "settle"
#define PART "-part" /* behind the name of a kind: of a part of a study */
enum { KIND_MOST = 24 };

/* A record of quarantine that an event takes in again. */
struct event_taken {
	int64_t pk, site;
	uint64_t seq, pack, at;
	bool part; /* was dropped by itself, without all of its study */
	struct record record;
	struct index_head *head;
	struct index_item item;
	char why[160]; /* it cannot be read; "": it can */
};

static const char *const names[DECISION_KINDS] = {
    [DECIDE_DROP] = "drop",       [DECIDE_RESTORE] = "undrop",  [DECIDE_HOLD] = "hold",
    [DECIDE_UNHOLD] = "unhold",   [DECIDE_RELEASE] = "release", [DECIDE_REPLACE] = "replace",
    [DECIDE_DISCARD] = "discard",
};

const char *decision_name(enum decision_kind what)
{
	return names[what];
}

static const char *kind_name(const struct event *ev)
{
	return ev->settle ? SETTLE : names[ev->decision.what];
}

int decision_parse(const char *name, enum decision_kind *out)
{
	for (int i = DECIDE_DROP; i < DECISION_KINDS; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum decision_kind)i;
			return 0;
		}
	return -E_INVAL;
}

/* ---- as bytes */

static int put_text(struct buf *out, uint8_t field, const char *text, struct err *e)
{
	return attr_put(out, field, text, strlen(text), e);
}

static int put_number(struct buf *out, uint8_t field, uint64_t n, struct err *e)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, n);
	return n ? put_text(out, field, text, e) : 0;
}

int event_write(const struct event *ev, struct buf *out, struct err *e)
{
	const struct decision *d = &ev->decision;
	char kind[KIND_MOST];
	snprintf(kind, sizeof kind, "%s%s", kind_name(ev), d->series[0] && !ev->settle ? PART : "");
	int rc = put_text(out, F_KIND, kind, e);
	if (rc == 0)
		rc = put_text(out, F_STUDY, d->study, e);
	if (rc == 0)
		rc = put_number(out, F_FIRST, ev->first, e);
	if (rc == 0)
		rc = put_number(out, F_LAST, d->number, e);
	if (rc == 0)
		rc = put_text(out, F_WHO, d->who, e);
	if (rc == 0)
		rc = put_text(out, F_WHY, d->why, e);
	if (rc == 0 && d->series[0])
		rc = put_text(out, F_SERIES, d->series, e);
	return rc == 0 && d->sop_instance[0] ? put_text(out, F_INSTANCE, d->sop_instance, e) : rc;
}

static void get_text(const struct buf *in, uint8_t field, char *out, size_t room)
{
	const char *text;
	size_t n;
	attr_get(in->data, in->len, field, &text, &n);
	snprintf(out, room, "%.*s", (int)n, text);
}

static uint64_t get_number(const struct buf *in, uint8_t field)
{
	char text[24];
	get_text(in, field, text, sizeof text);
	return strtoull(text, NULL, 10);
}

static int collect(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_put(arg, data, n, e);
}

int event_read(struct archive *a, const struct record *r, struct event *out, struct err *e)
{
	AUTO(buf) bytes = BUF(EVENT_MOST);
	char kind[KIND_MOST];
	*out = (struct event){.record = *r};
	int rc = r->part10_len > EVENT_MOST
		     ? err_set(e, E_CORRUPT, "record %" PRIu64 " is too long for an event", r->seq)
		     : record_verify(a->packs, r, collect, &bytes, e);
	if (rc < 0)
		return rc;
	get_text(&bytes, F_KIND, kind, sizeof kind);
	char *part = strstr(kind, PART);
	if (part)
		*part = 0;
	out->settle = strcmp(kind, SETTLE) == 0;
	if (!out->settle && decision_parse(kind, &out->decision.what) < 0)
		return err_set(e, E_UNSUP, "event %" PRIu64 ": this program does not know the decision \"%s\"", r->seq,
			       kind);
	get_text(&bytes, F_STUDY, out->decision.study, sizeof out->decision.study);
	get_text(&bytes, F_WHO, out->decision.who, sizeof out->decision.who);
	get_text(&bytes, F_WHY, out->decision.why, sizeof out->decision.why);
	if (part || out->settle) {
		get_text(&bytes, F_SERIES, out->decision.series, sizeof out->decision.series);
		get_text(&bytes, F_INSTANCE, out->decision.sop_instance, sizeof out->decision.sop_instance);
	}
	if (part &&
	    (!out->decision.series[0] || (out->decision.what != DECIDE_DROP && out->decision.what != DECIDE_RESTORE)))
		return err_set(e, E_UNSUP, "event %" PRIu64 ": this program does not know what part it is about",
			       r->seq);
	out->first = get_number(&bytes, F_FIRST);
	out->decision.number = get_number(&bytes, F_LAST);
	return 0;
}

void event_cleanup(struct event *ev)
{
	for (unsigned i = 0; i < ev->n; i++)
		index_head_free(ev->taken[i].head);
	free(ev->taken);
	ev->taken = NULL;
	ev->n = 0;
	settled_set_free(ev->set);
	ev->set = NULL;
}

/* ---- records that come again */

int event_statement(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e, unsigned n, ...)
{
	va_list ap;
	int rc = db_prepare(c, db_sql(db_of(c), name), out, e);
	va_start(ap, n);
	for (unsigned i = 1; i <= n && rc == 0; i++)
		db_bind_int(*out, (int)i, va_arg(ap, int64_t));
	va_end(ap);
	return rc;
}

int event_bin(struct db_conn *c, const struct decision *d, uint64_t first, uint64_t last, unsigned most,
	      struct db_stmt **out, struct err *e)
{
	int rc = event_statement(c, "kept-bin", out, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(*out, 1, d->study, strlen(d->study));
	db_bind_int(*out, 2, (int64_t)first);
	db_bind_int(*out, 3, last > INT64_MAX ? INT64_MAX : (int64_t)last);
	db_bind_int(*out, 4, most);
	db_bind_text(*out, 5, d->series, strlen(d->series));
	db_bind_text(*out, 6, d->sop_instance, strlen(d->sop_instance));
	return 0;
}

static int list_taken(struct db_conn *c, struct event *ev, struct err *e)
{
	const struct decision *d = &ev->decision;
	struct db_stmt *s;
	int rc;
	if (d->what == DECIDE_RESTORE) {
		if ((rc = event_bin(c, d, ev->first, d->number, EVENT_RECORDS, &s, e)) < 0)
			return rc;
	} else if ((rc = event_statement(c, "kept-get", &s, e, 1, (int64_t)d->number)) < 0) {
		return rc;
	}
	while ((rc = db_step(s, e)) > 0)
		ev->taken[ev->n++] = (struct event_taken){
		    .pk = db_int(s, 0),
		    .seq = (uint64_t)db_int(s, 1),
		    .site = db_int(s, 2),
		    .pack = (uint64_t)db_int(s, 3),
		    .at = (uint64_t)db_int(s, 4),
		    .part = d->what == DECIDE_RESTORE && db_int(s, 9),
		};
	return rc;
}

/* Its record, verified from beginning to end, and its head. What is wrong with it is its own matter: it stays. */
static int read_taken(struct archive *a, struct event_taken *t)
{
	uint8_t head[PACK_HEAD];
	struct err why = {0};
	int64_t k = a->packs->ops->read(a->packs, t->pack, t->at - PACK_HEAD, head, sizeof head, &why);
	int rc = k < 0 ? (int)k : 0;
	if (rc == 0 && (k != (int64_t)sizeof head ||
			!record_header_read(head, t->pack, t->at - PACK_HEAD, &t->record) || t->record.seq != t->seq))
		rc = err_set(&why, E_CORRUPT, "its record is not where it was");
	if (rc == 0)
		rc = record_head(a, &t->record, &t->head, &why);
	if (rc == 0 && t->record.sop_instance[0] && strcmp(t->record.sop_instance, index_head_instance(t->head)) != 0)
		rc = err_set(&why, E_MISMATCH, "it came under another SOP Instance UID than its data set has");
	if (rc == -E_NOMEM || rc == -E_IO)
		return rc;
	record_item(&t->record, t->site, &t->item);
	t->item.head = t->head;
	snprintf(t->why, sizeof t->why, "%.159s", rc < 0 ? why.msg : "");
	return 0;
}

int event_prepare(struct archive *a, struct db_conn *c, struct event *ev, struct err *e)
{
	enum decision_kind what = ev->decision.what;
	int rc;
	if (ev->settle)
		return settle_prepare(a, ev, e);
	if (what != DECIDE_RESTORE && what != DECIDE_RELEASE && what != DECIDE_REPLACE)
		return 0;
	ev->taken = calloc(what == DECIDE_RESTORE ? EVENT_RECORDS : 1, sizeof *ev->taken);
	if (!ev->taken)
		return err_set(e, E_NOMEM, "no memory for the records of an event");
	if ((rc = list_taken(c, ev, e)) < 0)
		return rc;
	for (unsigned i = 0; i < ev->n && rc == 0; i++)
		if ((rc = read_taken(a, &ev->taken[i])) < 0)
			err_set(e, (enum err_code) - rc, "record %" PRIu64 " cannot be read", ev->taken[i].seq);
	return rc;
}

/* ---- what each decision does */

static int without_effect(struct event *ev, const char *why)
{
	ev->result.done = false;
	snprintf(ev->result.reason, sizeof ev->result.reason, "%s", why);
	return 0;
}

static int find_study(struct db_conn *w, const char *uid, int64_t *pk, int64_t *site, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "study-age", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, uid, strlen(uid));
	if ((rc = db_step(s, e)) > 0) {
		*pk = db_int(s, 0);
		*site = db_int(s, 3);
		db_reset(s);
	}
	return rc;
}

/* Asked when the decision was made, and again in its turn: what came in between counts, too. */
static int is_held(struct db_conn *w, const char *study, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "hold-get", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, study, strlen(study));
	if ((rc = db_step(s, e)) > 0)
		db_reset(s);
	return rc;
}

/* kept-replace: the row of an instance as a row of quarantine. */
static int set_aside(struct db_conn *w, const char *name, int64_t which, const struct event *ev, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, name, &s, e, 2, which, (int64_t)ev->record.seq);
	return rc < 0 ? rc : db_step(s, e);
}

/* kept-drop: rows of instances as rows of quarantine; change-drop: and of the feed. */
static int drop_part(struct db_conn *w, const char *name, int64_t study, const struct event *ev, struct err *e)
{
	const struct decision *d = &ev->decision;
	struct db_stmt *s;
	int rc = event_statement(w, name, &s, e, 2, study, (int64_t)ev->record.seq);
	if (rc < 0)
		return rc;
	db_bind_text(s, 3, d->series, strlen(d->series));
	db_bind_text(s, 4, d->sop_instance, strlen(d->sop_instance));
	return db_step(s, e);
}

static int apply_drop(struct archive *a, struct db_conn *w, struct event *ev, struct err *e)
{
	int64_t study, site;
	int rc = find_study(w, ev->decision.study, &study, &site, e);
	if (rc <= 0)
		return rc < 0 ? rc : without_effect(ev, "there is no such study");
	if ((rc = is_held(w, ev->decision.study, e)) != 0)
		return rc < 0 ? rc : without_effect(ev, "the study is held");
	if ((rc = drop_part(w, "kept-drop", study, ev, e)) < 0)
		return rc;
	ev->result.records = (uint64_t)db_changes(w);
	if (ev->result.records == 0)
		return without_effect(ev, "the study has no such part");
	if ((rc = drop_part(w, "change-drop", study, ev, e)) < 0)
		return rc;
	change_note(&ev->news, site);
	return ev->decision.series[0] ? event_remove_part(a, w, study, &ev->decision, &ev->patient, e)
				      : event_remove_study(w, study, &ev->patient, e);
}

static int apply_hold(struct db_conn *w, struct event *ev, struct err *e)
{
	bool set = ev->decision.what == DECIDE_HOLD;
	struct db_stmt *s;
	int rc = event_statement(w, set ? "hold-set" : "hold-remove", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, ev->decision.study, strlen(ev->decision.study));
	if (set)
		db_bind_int(s, 2, (int64_t)ev->record.seq);
	return db_step(s, e);
}

static int stays(struct db_conn *w, const struct event_taken *t, const char *why, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "kept-stays", &s, e, 1, t->pk);
	if (rc < 0)
		return rc;
	db_bind_text(s, 2, why, strlen(why));
	return db_step(s, e);
}

/* One record into the index: 1 when it is settled (in, or there already), 0 when it stays, for item.reason. */
static int take(struct db_conn *w, struct event *ev, struct event_taken *t, struct err *e)
{
	int rc;
	t->item.event = ev->record.seq;
	if (t->why[0]) {
		snprintf(t->item.reason, sizeof t->item.reason, "%s", t->why);
		t->item.outcome = INTAKE_UNREADABLE;
	} else if ((rc = index_take(w, &t->item, e)) < 0) {
		return rc;
	}
	switch (t->item.outcome) {
	case INTAKE_STORED:
		change_note(&ev->news, t->site);
		rc = event_change(w, "kept-remove", t->pk, NULL, e);
		return rc < 0 ? rc : 1;
	case INTAKE_SAME: /* came again meanwhile: one is enough */
		rc = event_change_two(w, "kept-gone", t->pk, (int64_t)ev->record.seq, e);
		return rc < 0 ? rc : 1;
	default:
		return 0;
	}
}

/* What came back by itself speaks again, as if it had never been away. */
static int speak_again(struct db_conn *w, const struct event *ev, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; i < ev->n && rc == 0; i++) {
		const struct event_taken *t = &ev->taken[i];
		if (t->part && !t->why[0] && t->item.outcome == INTAKE_STORED)
			rc = event_back_again(w, t->seq, t->head, e);
	}
	return rc;
}

static int apply_restore(struct db_conn *w, struct event *ev, struct err *e)
{
	for (unsigned i = 0; i < ev->n; i++) {
		struct event_taken *t = &ev->taken[i];
		t->item.change = CHANGE_RESTORED;
		int rc = take(w, ev, t, e);
		if (rc > 0) {
			ev->result.records++;
			continue;
		}
		if (rc < 0 || (rc = stays(w, t, t->item.reason, e)) < 0)
			return rc;
		ev->result.left++;
	}
	return speak_again(w, ev, e);
}

struct instance {
	int64_t pk, study, site;
	char study_uid[65], series_uid[65];
};

/* The instance that has the UID of the one that comes: 1, 0: there is none. */
static int find_instance(struct db_conn *w, const char *uid, struct instance *out, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "instance-study", &s, e, 0);
	if (rc < 0)
		return rc;
	db_bind_text(s, 1, uid, strlen(uid));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	*out = (struct instance){.pk = db_int(s, 0), .study = db_int(s, 1), .site = db_int(s, 3)};
	snprintf(out->study_uid, sizeof out->study_uid, "%s", db_text(s, 2, NULL));
	snprintf(out->series_uid, sizeof out->series_uid, "%s", db_text(s, 4, NULL));
	db_reset(s);
	return 1;
}

/* It goes out of the way. 1: it must not. */
static int make_way(struct db_conn *w, struct event *ev, struct event_taken *t, struct err *e)
{
	struct instance in;
	int rc = find_instance(w, index_head_instance(t->head), &in, e);
	if (rc <= 0)
		return rc;
	if ((rc = is_held(w, in.study_uid, e)) != 0) {
		snprintf(t->item.reason, sizeof t->item.reason, "%s, of a study that is held", REASON_OTHER_CONTENT);
		return rc;
	}
	if ((rc = set_aside(w, "kept-replace", in.pk, ev, e)) < 0)
		return rc;
	ev->result.records++;
	change_note(&ev->news, in.site);
	if (in.site == t->site && strcmp(in.series_uid, index_head_series(t->head)) == 0)
		t->item.change = CHANGE_REPLACED;
	else if ((rc = change_add(w, in.site, CHANGE_DROPPED, (uint64_t)in.pk, ev->record.seq, e)) < 0)
		return rc;
	return event_remove_instance(w, in.pk, in.study, &ev->patient, e);
}

/* All or nothing: what cannot be taken in removes nothing. */
static int apply_replace(struct db_conn *w, struct event *ev, struct event_taken *t, struct err *e)
{
	int rc = t->why[0] ? 0 : index_judge(w, &t->item, e);
	if (rc < 0 || t->why[0] || t->item.outcome != INTAKE_QUARANTINE)
		return rc < 0 ? rc : take(w, ev, t, e);
	if ((rc = db_savepoint(w, e)) < 0)
		return rc;
	if ((rc = make_way(w, ev, t, e)) == 0 && (rc = take(w, ev, t, e)) > 0) {
		int released = db_savepoint_release(w, e);
		return released < 0 ? released : 1;
	}
	db_savepoint_rollback(w);
	ev->result.records = 0;
	return rc < 0 ? rc : 0;
}

static int apply_release(struct db_conn *w, struct event *ev, struct err *e)
{
	struct event_taken *t = ev->taken;
	if (ev->n == 0)
		return without_effect(ev, "there is no such record in quarantine");
	int rc = ev->decision.what == DECIDE_REPLACE ? apply_replace(w, ev, t, e) : take(w, ev, t, e);
	if (rc > 0)
		ev->result.records++;
	return rc == 0 ? without_effect(ev, t->item.reason) : rc < 0 ? rc : 0; /* a record that stays is as it was */
}

static int apply_discard(struct db_conn *w, struct event *ev, struct err *e)
{
	int64_t pk = 0;
	int rc = event_change(w, "kept-get", (int64_t)ev->decision.number, &pk, e);
	if (rc < 0)
		return rc;
	if (!pk)
		return without_effect(ev, "there is no such record in quarantine");
	ev->result.records = 1;
	return event_change_two(w, "kept-gone", pk, (int64_t)ev->record.seq, e);
}

static int apply(struct archive *a, struct db_conn *w, struct event *ev, struct err *e)
{
	if (ev->settle)
		return settle_apply(a, w, ev, e);
	switch (ev->decision.what) {
	case DECIDE_DROP:
		return apply_drop(a, w, ev, e);
	case DECIDE_RESTORE:
		return apply_restore(w, ev, e);
	case DECIDE_RELEASE:
	case DECIDE_REPLACE:
		return apply_release(w, ev, e);
	case DECIDE_DISCARD:
		return apply_discard(w, ev, e);
	default:
		return apply_hold(w, ev, e);
	}
}

static int note(struct db_conn *w, const struct event *ev, struct err *e)
{
	const struct decision *d = &ev->decision;
	const struct record *r = &ev->record;
	struct db_stmt *s;
	int rc = event_statement(w, "event-add", &s, e, 2, (int64_t)r->seq, r->received_us);
	if (rc < 0)
		return rc;
	db_bind_text(s, 3, kind_name(ev), strlen(kind_name(ev)));
	db_bind_text(s, 4, d->study, strlen(d->study));
	db_bind_int(s, 5, (int64_t)d->number);
	db_bind_text(s, 6, d->who, strlen(d->who));
	db_bind_text(s, 7, d->why, strlen(d->why));
	db_bind_int(s, 8, ev->result.done);
	db_bind_int(s, 9, (int64_t)ev->result.records);
	db_bind_text(s, 10, ev->result.reason, strlen(ev->result.reason));
	db_bind_int(s, 11, (int64_t)r->pack);
	db_bind_int(s, 12, (int64_t)r->at);
	db_bind_text(s, 13, d->series, strlen(d->series));
	db_bind_text(s, 14, d->sop_instance, strlen(d->sop_instance));
	return db_step(s, e);
}

int event_apply(struct archive *a, struct db_conn *writer, struct event *ev, struct err *e)
{
	int rc = db_savepoint(writer, e);
	if (rc < 0)
		return rc;
	ev->result = (struct decision_result){.done = true};
	ev->patient = 0;
	ev->news = (struct change_sites){0};
	rc = apply(a, writer, ev, e);
	if (rc == 0 && ev->patient)
		rc = event_next_speaks(a, writer, ev->patient, e);
	if (rc == 0 && (rc = note(writer, ev, e)) == 0)
		return db_savepoint_release(writer, e);
	db_savepoint_rollback(writer);
	return rc;
}

int event_replay(struct archive *a, struct db_conn *writer, const struct record *r, struct err *e)
{
	AUTO(event) ev = {0};
	int rc = event_read(a, r, &ev, e);
	if (rc == 0)
		rc = event_prepare(a, writer, &ev, e);
	return rc == 0 ? event_apply(a, writer, &ev, e) : rc;
}
