/* Records of many packs in order of sequence number: shared packs are in order within and among themselves; packs of
 * one large record are sorted in (a few bytes for each, and each stands for a megabyte or more). Settled records come in the place of
 * those that are gone (records_settled.h). */
#include "archive/records_settled.h"
#include "archive/store.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

struct single {
	uint64_t seq, pack;
};
struct order {
	struct blob_store *store;
	uint64_t after, last_pack;
	uint64_t *shared;
	struct single *single;
	size_t n_shared, n_single, room_shared, room_single;
	int (*seen)(void *arg, const struct record *r, struct err *e);
	void *arg;
	size_t next_single;
	struct settled_order *settled;
	struct err *e;
};

static int grow(void *array, size_t n, size_t *room, size_t one, struct err *e)
{
	void **a = array;
	if (n < *room)
		return 0;
	size_t more = *room ? *room * 2 : 256;
	void *p = reallocarray(*a, more, one);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for the list of packs");
	*a = p;
	*room = more;
	return 0;
}

/* A pack that was removed since the walk began: there was nothing in it that anybody was told is kept. */
static bool gone(int *rc, struct err *e)
{
	if (*rc != -E_NOENT)
		return false;
	if (e)
		*e = (struct err){0};
	*rc = 0;
	return true;
}

static int unknown_kind(const struct record *r, struct err *e)
{
	return err_set(e, E_UNSUP, "record %llu is of a kind that this program does not know",
		       (unsigned long long)r->seq);
}

/* The header is damaged: what is the first record in it? */
static bool looks_settled(struct blob_store *s, uint64_t pack)
{
	struct pack_walk w;
	struct record r = {0};
	pack_walk_begin(&w, s, pack, NULL);
	int rc = w.window ? pack_walk_next(&w, &r, NULL) : 0;
	pack_walk_end(&w);
	return rc > 0 && (r.kind == RECORD_SETTLED || r.kind == RECORD_SERIES);
}

static int order_settled(struct order *o, uint64_t pack, const uint8_t *head)
{
	uint64_t first = 0, last = 0;
	if (head)
		pack_header_span_read(head, &first, &last);
	return settled_order_add(o->settled, pack, first, last, o->e);
}

/* Sorts a pack into one of the lists by its header; one whose header is damaged is walked like a shared one, unless it is settled. */
static int order_pack(void *arg, uint64_t pack)
{
	struct order *o = arg;
	struct pack_walk w;
	struct record r = {0};
	uint8_t head[PACK_BLOCK];
	enum pack_kind kind = PACK_SHARED;
	struct err why = {0};
	int known = -E_CORRUPT;
	o->last_pack = pack;
	int64_t k = o->store->ops->read(o->store, pack, 0, head, sizeof head, o->e);
	int rc = k < 0 ? (int)k : 0;
	if (rc < 0)
		return gone(&rc, o->e) ? 0 : rc;
	if (k == sizeof head)
		known = pack_header_read(head, pack, &kind, &why);
	if (known == -E_UNSUP ||
	    (known == 0 && kind > PACK_SETTLED)) /* of a newer program: whatever is in it must not be passed over */
		return err_set(o->e, E_UNSUP, "%s",
			       known ? why.msg : "a pack of a kind that this program does not know");
	if (kind == PACK_SETTLED || (known < 0 && looks_settled(o->store, pack)))
		return order_settled(o, pack, known == 0 ? head : NULL);
	if (kind != PACK_SINGLE) {
		rc = grow(&o->shared, o->n_shared, &o->room_shared, sizeof *o->shared, o->e);
		if (rc == 0)
			o->shared[o->n_shared++] = pack;
		return rc;
	}
	rc = pack_walk_begin(&w, o->store, pack, o->e);
	int got = rc == 0 ? pack_walk_next(&w, &r, o->e) : rc;
	pack_walk_end(&w);
	if (gone(&got, o->e) || got <= 0 || r.kind == RECORD_VOID || r.seq <= o->after)
		return got < 0 ? got : 0; /* no record: a large instance whose sender or node went away */
	if ((rc = grow(&o->single, o->n_single, &o->room_single, sizeof *o->single, o->e)) == 0)
		o->single[o->n_single++] = (struct single){r.seq, pack};
	return rc;
}

static int by_seq(const void *a, const void *b)
{
	const struct single *x = a, *y = b;
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* What comes next in order; before it, what stands for records that are gone. */
static int give(struct order *o, const struct record *r)
{
	struct record s = {0};
	int rc;
	while ((rc = settled_order_next(o->settled, r->seq, &s, o->e)) > 0)
		if ((rc = o->seen(o->arg, &s, o->e)) < 0)
			return rc;
	if (rc == 0)
		rc = settled_order_skip(o->settled, r->seq, o->e);
	return rc == 0 ? o->seen(o->arg, r, o->e) : rc;
}

/* All singles with a sequence number below seq. */
static int order_singles(struct order *o, uint64_t seq)
{
	for (; o->next_single < o->n_single && o->single[o->next_single].seq < seq; o->next_single++) {
		struct pack_walk w;
		struct record r = {0};
		int rc = pack_walk_begin(&w, o->store, o->single[o->next_single].pack, o->e);
		if (rc == 0)
			rc = pack_walk_next(&w, &r, o->e);
		pack_walk_end(&w);
		if (gone(&rc, o->e))
			continue;
		if (rc > 0)
			rc = r.kind > RECORD_UNREADABLE ? unknown_kind(&r, o->e) : give(o, &r);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int order_shared(struct order *o, uint64_t pack)
{
	struct pack_walk w;
	struct record r = {0};
	int rc = pack_walk_begin(&w, o->store, pack, o->e);
	if (gone(&rc, o->e))
		return 0;
	if (rc == -E_CORRUPT) { /* its records speak for themselves */
		log_warn("%s", o->e ? o->e->msg : "a pack's header is damaged");
		if (o->e)
			*o->e = (struct err){0};
		rc = 0;
	}
	while (rc == 0 && (rc = pack_walk_next(&w, &r, o->e)) > 0) {
		rc = 0;
		if (r.kind > RECORD_UNREADABLE) /* of a newer program */
			rc = unknown_kind(&r, o->e);
		else if (r.kind != RECORD_VOID && r.seq > o->after && (rc = order_singles(o, r.seq)) == 0)
			rc = give(o, &r);
	}
	pack_walk_end(&w);
	return rc;
}

/* Behind the last record that is where it was. */
static int order_rest(struct order *o)
{
	struct record s = {0};
	int rc;
	while ((rc = settled_order_next(o->settled, UINT64_MAX, &s, o->e)) > 0)
		if ((rc = o->seen(o->arg, &s, o->e)) < 0)
			return rc;
	return rc;
}

int records_in_order(struct blob_store *s, uint64_t from, uint64_t after_seq,
		     int (*seen)(void *arg, const struct record *r, struct err *e), void *arg, uint64_t *next_pack,
		     struct err *e)
{
	struct order o = {.store = s, .after = after_seq, .seen = seen, .arg = arg, .e = e};
	if (!(o.settled = settled_order_new(s, after_seq)))
		return err_set(e, E_NOMEM, "no memory for the order of records");
	int rc = s->ops->walk(s, from, order_pack, &o, e);
	if (o.n_single)
		qsort(o.single, o.n_single, sizeof *o.single, by_seq);
	for (size_t i = 0; i < o.n_shared && rc == 0; i++)
		rc = order_shared(&o, o.shared[i]);
	if (rc == 0)
		rc = order_singles(&o, UINT64_MAX);
	if (rc == 0)
		rc = order_rest(&o);
	settled_order_free(o.settled);
	*next_pack = o.last_pack + 1;
	free(o.shared);
	free(o.single);
	return rc;
}
