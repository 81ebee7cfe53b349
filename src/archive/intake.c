#include "archive/intake.h"
#include "archive/store.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dict.h"
#include "dicom/part10.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xxhash.h>

/* A buffer is one mapping of a->buffer bytes: room for the record header, the file meta, then the data set as it
 * arrives. Where the request does not name the UIDs, the data set starts at DATA_AT and the rest is put right before it
 * later. A record that fits goes to the shared pack with one write. One that does not becomes a pack of its own: the
 * buffer is written out each time it is full, and filled again from its beginning. */
enum { KEEP_BUFFERS = 16, ROOM_EVERY_US = 200000, ROOM_STEP = 4 << 20, DATA_AT = 2048 };

struct spare_buffer {
	struct spare_buffer *next;
};
struct intake {
	struct archive *archive;
	struct record record;
	struct index_head *head;
	XXH3_state_t *hash;
	struct coercion *coercion; /* NULL: none */
	XXH3_state_t *sent;        /* with it: what was given */
	int64_t site;
	char hint_class[65], hint_instance[65];
	char study[65]; /* that it must be of; "": any */
	uint8_t *buf;
	size_t from, fill; /* the record's bytes in buf: [from, fill) */
	uint64_t data_len; /* of the data set so far */
	uint64_t written;  /* bytes of the record written out already: 0 while it may still fit */
	uint64_t checked;  /* disk room was looked at up to here */
	struct blob_writer *own;
	uint64_t own_id;           /* 0: none taken */
	uint8_t first[PACK_BLOCK]; /* own pack: the record's first block, written again at the end with the header */
	int rc;                    /* a failure is kept: finish reports it */
	struct err err;
	bool submitted, reported, placed; /* reported: the failure was told of already; placed: the committer has it */
	struct place place;
	struct index_item item;
	struct intake_result result;
};

static struct metric m_stored =
    METRIC(COUNTER, "teleread_intake_instances_total", "result=\"stored\"", "Instances taken in");
static struct metric m_same = METRIC(COUNTER, "teleread_intake_instances_total", "result=\"same\"", "");
static struct metric m_quarantine = METRIC(COUNTER, "teleread_intake_instances_total", "result=\"quarantine\"", "");
static struct metric m_refused = METRIC(COUNTER, "teleread_intake_instances_total", "result=\"refused\"", "");
static struct metric m_bytes = METRIC(COUNTER, "teleread_intake_bytes_total", "", "Bytes of data sets taken in");

int64_t intake_last_us(struct archive *a)
{
	return atomic_load_explicit(&a->arrived_us, memory_order_relaxed);
}

int intake_room(struct archive *a, struct err *e)
{
	int64_t now = clock_mono_us();
	if (now - atomic_load(&a->room_at) > ROOM_EVERY_US) {
		int64_t room = a->packs->ops->room(a->packs, NULL);
		room = room < 0 ? -1 : room - (int64_t)a->reserve;
		if (room <= 0)
			packer_shrink(a->packer);
		if ((room <= 0) != (atomic_load(&a->room) <= 0) && atomic_load(&a->room_at))
			log_warn(room <= 0 ? "the disk is down to its reserve: nothing is taken in"
					   : "there is room above the reserve again");
		if (room <= 0 && (atomic_load(&a->room) > 0 || !atomic_load(&a->room_at)))
			alert_raise(ALERT_SPACE, a->folder,
				    "less than the reserve of %llu MiB is free: nothing is taken in",
				    (unsigned long long)(a->reserve >> 20));
		atomic_store(&a->room, room);
		atomic_store(&a->room_at, now);
	}
	if (atomic_load(&a->room) <= 0)
		return err_set(e, E_FULL, "free space is below the reserve of %llu MiB",
			       (unsigned long long)(a->reserve >> 20));
	return 0;
}

/* What was just placed is counted off at once: at full speed a disk fills faster than it is asked. */
static void intake_took(struct archive *a, uint64_t n)
{
	atomic_fetch_sub(&a->room, (int64_t)n);
}

static uint8_t *buffer_take(struct archive *a)
{
	pthread_mutex_lock(&a->buffers_lock);
	struct spare_buffer *b = a->buffers;
	if (b) {
		a->buffers = b->next;
		a->n_buffers--;
	}
	pthread_mutex_unlock(&a->buffers_lock);
	if (b)
		return (uint8_t *)b;
	void *p = mmap(NULL, a->buffer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void buffer_give(struct archive *a, uint8_t *buf)
{
	if (!buf)
		return;
	pthread_mutex_lock(&a->buffers_lock);
	bool keep = a->n_buffers < KEEP_BUFFERS;
	if (keep) {
		((struct spare_buffer *)buf)->next = a->buffers;
		a->buffers = (struct spare_buffer *)buf;
		a->n_buffers++;
	}
	pthread_mutex_unlock(&a->buffers_lock);
	if (!keep)
		munmap(buf, a->buffer);
}

void intake_buffers_free(struct archive *a)
{
	while (a->buffers) {
		struct spare_buffer *b = a->buffers;
		a->buffers = b->next;
		munmap(b, a->buffer);
	}
	a->n_buffers = 0;
}

/* Nobody can read it: it is kept all the same, for a person to look at. */
static void give_up(struct intake *in, const char *why)
{
	struct record *r = &in->record;
	r->kind = RECORD_UNREADABLE;
	snprintf(r->note, sizeof r->note, "%s", why);
	for (char *p = r->note; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	const struct {
		char *to;
		const char *seen, *hint;
	} names[] = {{r->sop_class, index_head_class(in->head), in->hint_class},
		     {r->sop_instance, index_head_instance(in->head), in->hint_instance}};
	for (unsigned i = 0; i < 2; i++) {
		const char *name = names[i].to[0] ? names[i].to : names[i].seen[0] ? names[i].seen : names[i].hint;
		if (name != names[i].to)
			snprintf(names[i].to, sizeof r->sop_class, "%s", uid_sane(name, strlen(name)) ? name : "");
	}
}

static bool unreadable(const struct intake *in)
{
	return in->record.kind == RECORD_UNREADABLE;
}

/* Is it the data set that is at fault? */
static bool not_understood(int rc)
{
	return rc == -E_INVAL || rc == -E_LIMIT;
}

/* Puts room for the record header, and the file meta, where the data set will come or right before it. */
static int intake_head(struct intake *in, struct err *e)
{
	struct part10_meta m = {0};
	struct record *r = &in->record;
	AUTO(buf) head = BUF(DATA_AT - PACK_HEAD);
	if (!r->sop_class[0])
		snprintf(r->sop_class, sizeof r->sop_class, "%s", index_head_class(in->head));
	if (!r->sop_instance[0])
		snprintf(r->sop_instance, sizeof r->sop_instance, "%s", index_head_instance(in->head));
	if (!unreadable(in) && (!r->sop_class[0] || !r->sop_instance[0]))
		return err_set(e, E_INVAL, "no SOP %s UID before the pixel data",
			       r->sop_class[0] ? "Instance" : "Class");
	memcpy(m.sop_class, r->sop_class, sizeof m.sop_class);
	memcpy(m.sop_instance, r->sop_instance, sizeof m.sop_instance);
	memcpy(m.syntax, r->syntax, sizeof m.syntax);
	memcpy(m.source_aet, r->aet, sizeof m.source_aet);
	int rc = part10_write(&m, &head, e);
	if (rc < 0)
		return rc;
	if (in->fill == 0)
		in->fill =
		    PACK_HEAD + head.len; /* the record begins on a page: it can be written past the page cache */
	else
		in->from = DATA_AT - head.len - PACK_HEAD;
	memset(in->buf + in->from, 0, PACK_HEAD);
	memcpy(in->buf + in->from + PACK_HEAD, head.data, head.len);
	r->head_len = (uint32_t)head.len;
	r->head_hash = XXH3_64bits(head.data, head.len);
	return 0;
}

static int coercion_begin(struct intake *in, const struct intake_source *src, struct err *e)
{
	in->sent = XXH3_createState();
	if (!in->sent)
		return err_set(e, E_NOMEM, "no memory for a coercion");
	XXH3_128bits_reset(in->sent);
	return coercion_new(src->coerce, in->record.syntax, src->modifier, in->record.received_us, &in->coercion, e);
}

int intake_begin(struct archive *a, const struct intake_source *src, const char *syntax, const char *sop_class,
		 const char *sop_instance, struct intake **out, struct err *e)
{
	int rc = intake_room(a, e);
	if (rc < 0)
		return rc;
	struct intake *in = calloc(1, sizeof *in);
	if (!in)
		return err_set(e, E_NOMEM, "no memory for an intake");
	atomic_store_explicit(&a->arrived_us, clock_mono_us(), memory_order_relaxed);
	in->archive = a;
	in->site = src->site;
	in->record.kind = RECORD_INSTANCE;
	in->record.received_us = clock_wall_us();
	snprintf(in->record.site, sizeof in->record.site, "%s", src->site_code);
	snprintf(in->record.aet, sizeof in->record.aet, "%s", src->aet);
	snprintf(in->record.syntax, sizeof in->record.syntax, "%s", syntax);
	snprintf(in->record.sop_class, sizeof in->record.sop_class, "%s", sop_class);
	snprintf(in->record.sop_instance, sizeof in->record.sop_instance, "%s", sop_instance);
	snprintf(in->study, sizeof in->study, "%s", src->study ? src->study : "");
	in->buf = buffer_take(a);
	in->hash = XXH3_createState();
	if (!in->buf || !in->hash)
		rc = err_set(e, E_NOMEM, "no memory for an intake buffer");
	if (rc == 0)
		rc = index_head_new(syntax, a->attrs, &in->head, e);
	if (rc == 0 && src->coerce)
		rc = coercion_begin(in, src, e);
	if (rc == 0 && sop_class[0] && sop_instance[0])
		rc = intake_head(in, e);
	else
		in->from = in->fill = DATA_AT;
	if (rc < 0) {
		intake_abort(in);
		return rc;
	}
	XXH3_128bits_reset(in->hash);
	*out = in;
	return 0;
}

void intake_hint(struct intake *in, const char *sop_class, const char *sop_instance)
{
	snprintf(in->hint_class, sizeof in->hint_class, "%s", sop_class);
	snprintf(in->hint_instance, sizeof in->hint_instance, "%s", sop_instance);
}

/* What a person must look at: who sends what cannot be kept, or contradicts what is kept. */
static void intake_alarm(const struct intake *in, int rc, const char *reason, enum intake_outcome outcome)
{
	const struct record *r = &in->record;
	const char *instance = r->sop_instance;
	enum alert_kind kind = ALERT_UNREADABLE;
	const char *sender = r->aet[0] ? r->aet : r->site, *charset = index_head_charset(in->head);
	if (rc == 0 && outcome == INTAKE_STORED && charset[0])
		alert_raise(ALERT_CHARSET, sender, "of %s: text labelled %s", r->site, charset);
	if (rc == 0 && outcome == INTAKE_QUARANTINE)
		kind = strcmp(reason, REASON_OTHER_CONTENT) ? ALERT_MISMATCH : ALERT_COLLISION;
	else if (outcome != INTAKE_UNREADABLE && rc != -E_INVAL && rc != -E_CORRUPT)
		return;
	const char *subject = kind == ALERT_MISMATCH ? index_head_study(in->head) : instance;
	if (!subject[0])
		subject = sender;
	alert_raise(kind, subject, "from %s%s%s: %s", r->aet, r->aet[0] ? " of " : "", r->site, reason);
}

static int intake_fail(struct intake *in, int rc, const struct err *why, struct err *e)
{
	in->rc = rc;
	in->err = *why;
	if (e)
		*e = *why;
	intake_alarm(in, rc, why->msg, INTAKE_STORED);
	return rc;
}

/* The record does not fit into one buffer: it becomes a pack of its own. */
static int own_begin(struct intake *in, struct err *e)
{
	struct blob_store *s = in->archive->packs;
	uint8_t head[PACK_BLOCK];
	struct err why = {0};
	int rc = in->record.head_len ? 0 : intake_head(in, &why);
	if (rc == -E_INVAL) { /* no name for it so far */
		give_up(in, why.msg);
		rc = intake_head(in, &why);
	}
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	if ((rc = packer_take_id(in->archive->packer, &in->own_id, e)) < 0 ||
	    (rc = s->ops->create(s, in->own_id, &in->own, e)) < 0)
		return rc;
	in->record.pack = in->own_id;
	in->record.at = PACK_BLOCK;
	pack_header(in->own_id, PACK_SINGLE, in->record.received_us, head);
	memcpy(in->first, in->buf + in->from, PACK_BLOCK);
	return s->ops->write(in->own, head, sizeof head, 0, e);
}

static int own_flush(struct intake *in, struct err *e)
{
	struct blob_store *s = in->archive->packs;
	int rc = 0;
	if (in->written >= in->checked + ROOM_STEP) {
		in->checked = in->written;
		rc = intake_room(in->archive, e);
	}
	if (rc == 0 && !in->own)
		rc = own_begin(in, e);
	if (rc == 0)
		rc = s->ops->write(in->own, in->buf + in->from, in->fill - in->from, in->record.at + in->written, e);
	if (rc < 0)
		return rc;
	s->ops->flush(in->own, in->record.at + in->written, in->fill - in->from, NULL);
	intake_took(in->archive, in->fill - in->from);
	in->written += in->fill - in->from;
	in->from = in->fill = 0;
	fault_point("own-flush");
	return 0;
}

static int kept_space(struct intake *in, uint8_t **at, size_t *room, struct err *e)
{
	struct err why = {0};
	if (in->rc == 0 && in->fill == in->archive->buffer) {
		int rc = own_flush(in, &why);
		if (rc < 0)
			intake_fail(in, rc, &why, NULL);
	}
	if (in->rc < 0) {
		if (e)
			*e = in->err;
		return in->rc;
	}
	*at = in->buf + in->fill;
	*room = in->archive->buffer - in->fill;
	return 0;
}

static int kept_filled(struct intake *in, size_t n, struct err *e)
{
	struct err why = {0};
	const uint8_t *p = in->buf + in->fill;
	in->fill += n;
	in->data_len += n;
	if (in->archive->max_instance && in->data_len > in->archive->max_instance) {
		err_set(&why, E_LIMIT, "larger than the limit of %llu bytes",
			(unsigned long long)in->archive->max_instance);
		return intake_fail(in, -E_LIMIT, &why, e);
	}
	XXH3_128bits_update(in->hash, p, n);
	int rc = unreadable(in) ? 0 : index_head_feed(in->head, p, n, &why);
	if (!not_understood(rc))
		return rc < 0 ? intake_fail(in, rc, &why, e) : 0;
	give_up(in, why.msg);
	return 0;
}

typedef int space_fn(struct intake *in, uint8_t **at, size_t *room, struct err *e);
typedef int filled_fn(struct intake *in, size_t n, struct err *e);

static int write_by(struct intake *in, space_fn *space, filled_fn *filled, const void *data, size_t n, struct err *e)
{
	for (const uint8_t *p = data; n;) {
		uint8_t *at;
		size_t room;
		int rc = space(in, &at, &room, e);
		if (rc < 0)
			return rc;
		if (room > n)
			room = n;
		memcpy(at, p, room);
		if ((rc = filled(in, room, e)) < 0)
			return rc;
		p += room;
		n -= room;
	}
	return 0;
}

/* What the coercion has ready follows what is kept already. */
static int coercion_flush(struct intake *in, struct err *e)
{
	const struct buf *out = coercion_out(in->coercion);
	return write_by(in, kept_space, kept_filled, out->data, out->len, e);
}

/* What cannot be changed as the rules say is not taken in as something else: it is kept as it came. */
static int coercion_give_up(struct intake *in, const struct err *why, struct err *e)
{
	const struct buf *held = coercion_held(in->coercion);
	give_up(in, why->msg);
	int rc = write_by(in, kept_space, kept_filled, held->data, held->len, e);
	coercion_free(STEAL(in->coercion));
	return rc;
}

/* While the head is held, the buffer only lends room to what arrives. */
static int coercion_filled(struct intake *in, size_t n, struct err *e)
{
	struct err why = {0};
	const uint8_t *p = in->buf + in->fill;
	bool passing = coercion_passing(in->coercion);
	XXH3_128bits_update(in->sent, p, n);
	int rc = coercion_feed(in->coercion, p, n, &why);
	if (not_understood(rc) && !passing)
		return coercion_give_up(in, &why, e);
	if (rc < 0)
		return intake_fail(in, rc, &why, e);
	return passing ? kept_filled(in, n, e) : rc > 0 ? coercion_flush(in, e) : 0;
}

int intake_space(struct intake *in, uint8_t **at, size_t *room, struct err *e)
{
	int rc = kept_space(in, at, room, e);
	if (rc == 0 && in->coercion && !coercion_passing(in->coercion) && *room > COERCE_STEP)
		*room = COERCE_STEP;
	return rc;
}

int intake_filled(struct intake *in, size_t n, struct err *e)
{
	return in->coercion ? coercion_filled(in, n, e) : kept_filled(in, n, e);
}

int intake_write(struct intake *in, const void *data, size_t n, struct err *e)
{
	return write_by(in, intake_space, intake_filled, data, n, e);
}

static void digest(XXH3_state_t *hash, uint8_t out[16])
{
	XXH128_canonical_t sum;
	XXH128_canonicalFromHash(&sum, XXH3_128bits_digest(hash));
	memcpy(out, sum.digest, 16);
}

/* The data set is over: a head that ends with it goes on its way; what was changed is noted. */
static int coercion_settle(struct intake *in, struct intake_result *out, struct err *e)
{
	const uint32_t *tags;
	struct err why = {0};
	int rc = coercion_end(in->coercion, &why);
	if (not_understood(rc))
		return coercion_give_up(in, &why, e);
	if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	if (rc > 0)
		rc = coercion_flush(in, e);
	if (rc < 0)
		return rc;
	out->n_coerced = coercion_changed(in->coercion, &tags);
	memcpy(out->coerced, tags, out->n_coerced * sizeof *tags);
	if (out->n_coerced)
		digest(in->sent, in->record.sent);
	return 0;
}

/* The names in the data set agree with those of the request. */
static int intake_compare(const struct intake *in, struct err *e)
{
	const struct record *r = &in->record;
	const char *class = index_head_class(in->head), *instance = index_head_instance(in->head);
	if (in->study[0] && strcmp(in->study, index_head_study(in->head)))
		return err_set(e, E_MISMATCH, "Study Instance UID is %s in the request, %s in the data set", in->study,
			       index_head_study(in->head));
	if (r->sop_instance[0] && strcmp(r->sop_instance, instance))
		return err_set(e, E_MISMATCH, "SOP Instance UID is %s in the request, %s in the data set",
			       r->sop_instance, instance);
	if (r->sop_class[0] && strcmp(r->sop_class, class))
		return err_set(e, E_MISMATCH, "SOP Class UID is %s in the request, %s in the data set", r->sop_class,
			       class);
	return 0;
}

/* The data set is whole: its identity is known, and agrees with the request; or nobody can read it. */
static int intake_identify(struct intake *in, char remark[160], struct err *e)
{
	struct record *r = &in->record;
	struct err why = {0};
	int rc = unreadable(in) ? 0 : index_head_end(in->head, remark, &why);
	if (in->data_len == 0)
		return err_set(e, E_INVAL, "there is no data set");
	if (not_understood(rc))
		give_up(in, why.msg);
	else if (rc < 0)
		return err_set(e, why.code, "%s", why.msg);
	if ((!unreadable(in) && (rc = intake_compare(in, e)) < 0) || (!r->head_len && (rc = intake_head(in, e)) < 0))
		return rc;
	r->part10_len = r->head_len + in->data_len;
	digest(in->hash, r->digest);
	return 0;
}

/* With its padding to the next block, in the buffer? */
static bool record_fits(const struct intake *in)
{
	return !in->own && in->from + record_size(&in->record) <= in->archive->buffer;
}

static int record_shared(struct intake *in, struct place *p, struct err *e)
{
	struct record *r = &in->record;
	uint64_t size = record_size(r);
	int rc = committer_enter(in->archive->committer, size, p, e);
	if (rc < 0)
		return rc;
	intake_took(in->archive, size);
	r->pack = open_pack_id(p->pack);
	r->at = p->at;
	r->seq = p->seq;
	record_header(r, in->buf + in->from);
	memset(in->buf + in->fill, 0, (size_t)size - (in->fill - in->from)); /* record_fits() has seen to the room */
	fault_point("before-write");
	if ((rc = packer_write(p->pack, in->buf + in->from, (size_t)size, p->at, e)) < 0)
		packer_blank(p->pack, p->at);
	return rc;
}

static int record_own(struct intake *in, struct place *p, struct err *e)
{
	struct blob_store *s = in->archive->packs;
	struct record *r = &in->record;
	size_t pad = (size_t)pack_round(in->fill) - in->fill; /* the buffer is a multiple of the block */
	memset(in->buf + in->fill, 0, pad);
	in->fill += pad;
	int rc = in->fill ? own_flush(in, e) : 0;
	if (rc == 0)
		rc = s->ops->sync(in->own,
				  e); /* the bulk is durable before a sequence number is taken: nobody waits for it */
	if (rc < 0)
		return rc;
	fault_point("own-synced");
	p->pack = NULL;
	if ((rc = committer_enter(in->archive->committer, 0, p, e)) < 0)
		return rc;
	r->seq = p->seq;
	record_header(r, in->first);
	rc = s->ops->write(in->own, in->first, PACK_BLOCK, r->at, e);
	return rc == 0 ? s->ops->sync(in->own, e) : rc;
}

static void item_of(struct intake *in, struct index_item *item)
{
	record_item(&in->record, in->site, item);
	item->head = in->head;
	item->unreadable = unreadable(in) ? in->record.note : NULL;
}

/* It was put into quarantine before. Is that still so? What it contradicted may have gone. */
static int kept_before(struct intake *in, struct db_conn *c, struct intake_result *out, struct err *e)
{
	struct index_item item;
	out->outcome = INTAKE_UNREADABLE;
	if (unreadable(in))
		return 1;
	item_of(in, &item);
	int rc = index_judge(c, &item, e);
	out->outcome = INTAKE_QUARANTINE;
	return rc < 0 ? rc : item.outcome == INTAKE_QUARANTINE;
}

/* Was the identical object taken in already? Then nothing is written: 1, or 0, or negative. */
static int intake_known(struct intake *in, struct intake_result *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	char reason[160];
	const struct record *r = &in->record;
	int rc = db_get(in->archive->db, DB_READ, &c, e);
	if (rc < 0)
		return rc;
	rc = index_known(c, r->sop_instance, r->digest, r->sent, r->part10_len - r->head_len, r->syntax, in->site,
			 reason, e);
	if (rc == 2 && (rc = kept_before(in, c, out, e)) > 0)
		snprintf(out->reason, sizeof out->reason, "%s", reason);
	else if (rc == 1)
		out->outcome = INTAKE_SAME;
	return rc;
}

/* Into the committer's queue. */
static int intake_place(struct intake *in, struct err *e)
{
	struct place *p = &in->place;
	p->item = &in->item;
	int rc = record_fits(in) ? record_shared(in, p, e) : record_own(in, p, e);
	if (p->seq == 0) /* never entered the queue */
		return rc;
	item_of(in, &in->item);
	fault_point("after-write");
	in->placed = true;
	committer_ready(in->archive->committer, p, rc < 0 ? PLACE_FAILED : PLACE_WRITTEN);
	return rc;
}

static int intake_settle(struct intake *in, struct err *e)
{
	struct intake_result *out = &in->result;
	int rc;
	if ((in->coercion && (rc = coercion_settle(in, out, e)) < 0) || (rc = intake_identify(in, out->reason, e)) < 0)
		return rc;
	if ((rc = intake_known(in, out, e)) != 0)
		return rc < 0 ? rc : 0;
	return intake_place(in, e);
}

void intake_submit(struct intake *in)
{
	if (in->submitted)
		return;
	in->submitted = true;
	in->reported = in->rc < 0;
	if (in->rc == 0)
		in->rc = intake_settle(in, &in->err);
	buffer_give(in->archive, in->buf); /* all of it is written */
	in->buf = NULL;
}

bool intake_settled(struct intake *in)
{
	return !in->placed || committer_done(&in->place);
}

/* Takes back what the committer has. */
static void intake_await(struct intake *in)
{
	struct err why = {0};
	if (!in->placed)
		return;
	in->placed = false;
	int rc = committer_wait(&in->place, &why);
	if (in->own && (rc == 0 || in->place.kept)) {
		in->archive->packs->ops->drop(in->own);
		in->own = NULL;
	}
	if (in->rc < 0)
		return;
	if (rc < 0) {
		in->rc = rc;
		in->err = why;
		return;
	}
	in->result.outcome = in->item.outcome;
	if (in->item.outcome != INTAKE_STORED)
		snprintf(in->result.reason, sizeof in->result.reason, "%s", in->item.reason);
}

/* As far as it was read. */
static void intake_name(struct intake *in)
{
	const struct record *r = &in->record;
	struct intake_result *out = &in->result;
	const char *class = r->sop_class[0] ? r->sop_class : index_head_class(in->head);
	const char *instance = r->sop_instance[0] ? r->sop_instance : index_head_instance(in->head);
	snprintf(out->sop_class, sizeof out->sop_class, "%s", class);
	snprintf(out->sop_instance, sizeof out->sop_instance, "%s", instance);
	snprintf(out->study, sizeof out->study, "%s", index_head_study(in->head));
	snprintf(out->series, sizeof out->series, "%s", index_head_series(in->head));
	index_head_patient_id(in->head, out->patient_id, sizeof out->patient_id);
}

int intake_finish(struct intake *in, struct intake_result *out, struct err *e)
{
	intake_submit(in);
	intake_await(in);
	intake_name(in);
	int rc = in->rc;
	*out = in->result;
	if (!in->reported)
		intake_alarm(in, rc, rc < 0 ? in->err.msg : out->reason, out->outcome);
	if (rc < 0 && e)
		*e = in->err;
	atomic_store_explicit(&in->archive->arrived_us, clock_mono_us(), memory_order_relaxed);
	if (rc == 0)
		metric_add(&m_bytes, (int64_t)(in->record.part10_len - in->record.head_len));
	metric_add(rc < 0                          ? &m_refused
		   : out->outcome == INTAKE_STORED ? &m_stored
		   : out->outcome == INTAKE_SAME   ? &m_same
						   : &m_quarantine,
		   1);
	intake_abort(in); /* what was not handed over */
	return rc;
}

void intake_abort(struct intake *in)
{
	if (!in)
		return;
	intake_await(in);
	if (in->own)
		in->archive->packs->ops->abort(in->own);
	if (in->own_id)
		packer_give_id(in->archive->packer, in->own_id);
	index_head_free(in->head);
	XXH3_freeState(in->hash);
	XXH3_freeState(in->sent);
	coercion_free(in->coercion);
	buffer_give(in->archive, in->buf);
	free(in);
}
