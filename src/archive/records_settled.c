/* archive/records_settled.c - see records_settled.h. */
#include "archive/records_settled.h"
#include <stdlib.h>
#include <string.h>

struct later { /* a pack that was not opened yet */
	uint64_t first, pack;
};
struct entry {
	uint64_t seq, pack, at;
	bool whole; /* the pack was finished: it ends with its list */
};
struct settled_order {
	struct blob_store *store;
	uint64_t after;
	struct later *later; /* sorted once the first record is asked for; those before next are open */
	size_t n_later, room_later, next;
	bool sorted;
	struct entry *heap; /* lowest number first, of one number the newest first */
	size_t n, room;
};

struct settled_order *settled_order_new(struct blob_store *s, uint64_t after_seq)
{
	struct settled_order *o = calloc(1, sizeof *o);
	if (o)
		*o = (struct settled_order){.store = s, .after = after_seq};
	return o;
}

void settled_order_free(struct settled_order *o)
{
	if (!o)
		return;
	free(o->later);
	free(o->heap);
	free(o);
}

static int grow(void *array, size_t n, size_t *room, size_t one, struct err *e)
{
	void **a = array;
	if (n < *room)
		return 0;
	size_t more = *room ? *room * 2 : 256;
	void *p = reallocarray(*a, more, one);
	if (!p)
		return err_set(e, E_NOMEM, "no memory for the list of settled packs");
	*a = p;
	*room = more;
	return 0;
}

int settled_order_add(struct settled_order *o, uint64_t pack, uint64_t first, uint64_t last, struct err *e)
{
	if (last && last <= o->after)
		return 0;
	int rc = grow(&o->later, o->n_later, &o->room_later, sizeof *o->later, e);
	if (rc == 0)
		o->later[o->n_later++] = (struct later){first, pack};
	return rc;
}

static int by_first(const void *a, const void *b)
{
	const struct later *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

/* ---- the heap */

static bool before(const struct entry *a, const struct entry *b)
{
	if (a->seq != b->seq)
		return a->seq < b->seq;
	return a->whole != b->whole ? a->whole : a->pack > b->pack;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry t = *a;
	*a = *b;
	*b = t;
}

static int push(struct settled_order *o, const struct entry *n, struct err *e)
{
	int rc = grow(&o->heap, o->n, &o->room, sizeof *o->heap, e);
	if (rc < 0)
		return rc;
	size_t i = o->n++;
	o->heap[i] = *n;
	for (; i && before(&o->heap[i], &o->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&o->heap[i], &o->heap[(i - 1) / 2]);
	return 0;
}

static void pop(struct settled_order *o)
{
	o->heap[0] = o->heap[--o->n];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1;
		if (left < o->n && before(&o->heap[left], &o->heap[least]))
			least = left;
		if (left + 1 < o->n && before(&o->heap[left + 1], &o->heap[least]))
			least = left + 1;
		if (least == i)
			return;
		swap(&o->heap[i], &o->heap[least]);
		i = least;
	}
}

/* ---- packs */

static int push_all(struct settled_order *o, struct entry *list, size_t n, bool whole, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		list[i].whole = whole;
		rc = push(o, &list[i], e);
	}
	return rc;
}

/* Its records onto the heap. A pack that was removed meanwhile was superseded by another. */
static int open_pack(struct settled_order *o, uint64_t pack, struct err *e)
{
	struct pack_walk w;
	struct record r;
	struct entry *list = NULL;
	size_t n = 0, room = 0;
	bool whole = false;
	struct err why = {0};
	int rc = pack_walk_begin(&w, o->store, pack, &why);
	if (rc == -E_CORRUPT && w.window)
		rc = 0;
	while (rc == 0 && (rc = pack_walk_next(&w, &r, &why)) > 0) {
		rc = 0;
		whole = r.kind == RECORD_SERIES;
		if (r.kind != RECORD_SETTLED || r.seq <= o->after)
			continue;
		if ((rc = grow(&list, n, &room, sizeof *list, &why)) == 0)
			list[n++] = (struct entry){.seq = r.seq, .pack = pack, .at = r.at};
	}
	pack_walk_end(&w);
	if (rc == 0)
		rc = push_all(o, list, n, whole, &why);
	free(list);
	return rc < 0 && rc != -E_NOENT ? err_set(e, why.code, "%s", why.msg) : 0;
}

/* Packs that may have the lowest number that is below seq. */
static int open_due(struct settled_order *o, uint64_t seq, struct err *e)
{
	if (!o->sorted && o->n_later)
		qsort(o->later, o->n_later, sizeof *o->later, by_first);
	o->sorted = true;
	while (o->next < o->n_later && o->later[o->next].first < seq &&
	       (o->n == 0 || o->later[o->next].first <= o->heap[0].seq)) {
		int rc = open_pack(o, o->later[o->next++].pack, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- in order */

static void pop_number(struct settled_order *o, uint64_t seq)
{
	while (o->n && o->heap[0].seq == seq)
		pop(o);
}

/* 1: it is there. */
static int read_entry(struct settled_order *o, const struct entry *n, struct record *out, struct err *e)
{
	uint8_t head[PACK_HEAD];
	struct err why = {0};
	int64_t k = o->store->ops->read(o->store, n->pack, n->at, head, sizeof head, &why);
	if (k < 0 && k != -E_NOENT)
		return err_set(e, why.code, "%s", why.msg);
	return k == (int64_t)sizeof head && record_header_read(head, n->pack, n->at, out);
}

int settled_order_next(struct settled_order *o, uint64_t seq, struct record *out, struct err *e)
{
	for (;;) {
		int rc = open_due(o, seq, e);
		if (rc < 0 || o->n == 0 || o->heap[0].seq >= seq)
			return rc;
		const struct entry n = o->heap[0];
		if ((rc = read_entry(o, &n, out, e)) < 0)
			return rc;
		if (rc > 0) {
			pop_number(o, n.seq);
			return 1;
		}
		pop(o);
	}
}

int settled_order_skip(struct settled_order *o, uint64_t seq, struct err *e)
{
	int rc = open_due(o, seq + 1, e);
	if (rc == 0)
		pop_number(o, seq);
	return rc;
}
