/* archive/settle_apply.c - the list of a settled pack, and its event: see settle_pack.h. */
#include "archive/settle_pack.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* offsets in a list */
enum {
	L_ENTRIES = 0,
	L_EXTRAS = 8,
	L_STUDY = 16,
	L_SERIES = 84,
	L_HEAD = 152,
	EXTRA_SIZE = 16,
	ENTRY_SIZE = 24,
};
#define LIST_MOST (512u << 20)

const char *settled_extra_name(enum settle_extra_kind kind)
{
	static const char *const names[] = {[SETTLE_METADATA] = "metadata",
					    [SETTLE_THUMBNAIL] = "thumbnail",
					    [SETTLE_PREVIEW] = "preview",
					    [SETTLE_NOTES] = "notes"};
	return kind >= SETTLE_METADATA && kind <= SETTLE_NOTES ? names[kind] : NULL;
}

/* ---- as bytes */

int settled_list_write(const struct settled_list *l, struct buf *out, struct err *e)
{
	uint64_t size = L_HEAD + (uint64_t)l->n_extras * EXTRA_SIZE + l->n * ENTRY_SIZE;
	*out = BUF(LIST_MOST);
	int rc = size > LIST_MOST ? err_set(e, E_LIMIT, "%" PRIu64 " instances are too many for one settled pack", l->n)
				  : buf_reserve(out, (size_t)size, e);
	if (rc < 0)
		return rc;
	uint8_t *p = out->data;
	memset(p, 0, (size_t)size);
	pack_put(p + L_ENTRIES, l->n, 8);
	pack_put(p + L_EXTRAS, l->n_extras, 4);
	memcpy(p + L_STUDY, l->study, strlen(l->study));
	memcpy(p + L_SERIES, l->series, strlen(l->series));
	p += L_HEAD;
	for (unsigned i = 0; i < l->n_extras; i++, p += EXTRA_SIZE) {
		pack_put(p, l->extras[i].kind, 4);
		pack_put(p + 8, l->extras[i].at, 8);
	}
	for (uint64_t i = 0; i < l->n; i++, p += ENTRY_SIZE) {
		pack_put(p, l->entries[i].seq, 8);
		pack_put(p + 8, l->entries[i].pack, 8);
		pack_put(p + 16, l->entries[i].at, 8);
	}
	out->len = (size_t)size;
	return 0;
}

static int parse(const struct buf *in, struct settled_list *out, struct err *e)
{
	const uint8_t *p = in->data;
	if (in->len < L_HEAD)
		return err_set(e, E_CORRUPT, "a settled pack's list is cut");
	*out = (struct settled_list){.n = pack_get(p + L_ENTRIES, 8), .n_extras = (unsigned)pack_get(p + L_EXTRAS, 4)};
	if (out->n_extras > SETTLED_EXTRAS || out->n > LIST_MOST / ENTRY_SIZE ||
	    in->len < L_HEAD + out->n_extras * EXTRA_SIZE + out->n * ENTRY_SIZE)
		return err_set(e, E_CORRUPT, "a settled pack's list is shorter than it says");
	memcpy(out->study, p + L_STUDY, sizeof out->study - 1);
	memcpy(out->series, p + L_SERIES, sizeof out->series - 1);
	out->entries = calloc(out->n ? (size_t)out->n : 1, sizeof *out->entries);
	if (!out->entries)
		return err_set(e, E_NOMEM, "no memory for the list of a settled pack");
	p += L_HEAD;
	for (unsigned i = 0; i < out->n_extras; i++, p += EXTRA_SIZE)
		out->extras[i] = (struct settled_extra){.kind = (uint32_t)pack_get(p, 4), .at = pack_get(p + 8, 8)};
	for (uint64_t i = 0; i < out->n; i++, p += ENTRY_SIZE)
		out->entries[i] = (struct settled_entry){
		    .seq = pack_get(p, 8), .pack = pack_get(p + 8, 8), .at = pack_get(p + 16, 8)};
	return 0;
}

static int collect(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_put(arg, data, n, e);
}

int settled_list_read(struct archive *a, uint64_t pack, uint64_t at, struct settled_list *out, struct err *e)
{
	AUTO(buf) bytes = BUF(LIST_MOST);
	uint8_t block[PACK_BLOCK];
	enum pack_kind kind;
	struct record r;
	int64_t k = a->packs->ops->read(a->packs, pack, 0, block, sizeof block, e);
	if (k < 0)
		return (int)k;
	if (k == (int64_t)sizeof block && pack_header_read(block, pack, &kind, NULL) == 0 && kind != PACK_SETTLED)
		return err_set(e, E_NOENT, "pack %" PRIu64 " is no settled pack", pack);
	if ((k = a->packs->ops->read(a->packs, pack, at, block, PACK_HEAD, e)) < 0)
		return (int)k;
	if (k != (int64_t)PACK_HEAD || !record_header_read(block, pack, at, &r) || r.kind != RECORD_SERIES ||
	    strcmp(r.note, SETTLED_LIST) != 0)
		return err_set(e, E_NOENT, "pack %" PRIu64 " has no list at %" PRIu64, pack, at);
	int rc = record_verify(a->packs, &r, collect, &bytes, e);
	if (rc == 0 && (rc = parse(&bytes, out, e)) < 0)
		settled_list_cleanup(out);
	return rc;
}

void settled_list_cleanup(struct settled_list *l)
{
	free(l->entries);
	l->entries = NULL;
	l->n = 0;
}

int settled_record(struct archive *a, const struct settled_entry *at, struct record *out, struct err *e)
{
	uint8_t head[PACK_HEAD];
	int64_t k = a->packs->ops->read(a->packs, at->pack, at->at, head, sizeof head, e);
	if (k < 0)
		return (int)k;
	return k == (int64_t)sizeof head && record_header_read(head, at->pack, at->at, out) && out->seq == at->seq &&
	       (out->kind == RECORD_SETTLED || out->kind == RECORD_INSTANCE || out->kind == RECORD_UNREADABLE);
}

/* ---- the event */

struct settled_place {
	uint64_t seq, pack, at; /* of the Part 10 file */
	uint64_t part10_len, appendix_len;
	uint32_t head_len;
	char syntax[65];
	uint8_t digest[16];
};
struct settled_set {
	struct settled_list list; /* without its entries */
	struct settled_place *places;
	uint64_t n, size; /* size: of the pack */
};

void settled_set_free(struct settled_set *s)
{
	if (!s)
		return;
	settled_list_cleanup(&s->list);
	free(s->places);
	free(s);
}

static struct settled_place place_of(const struct record *r)
{
	struct settled_place p = {.seq = r->seq,
				  .pack = r->pack,
				  .at = r->at + PACK_HEAD,
				  .part10_len = r->part10_len,
				  .appendix_len = r->appendix_len,
				  .head_len = r->head_len};
	memcpy(p.syntax, r->syntax, sizeof p.syntax);
	memcpy(p.digest, r->digest, sizeof p.digest);
	return p;
}

static bool is_gone(int rc)
{
	return rc == -E_NOENT || rc == -E_CORRUPT;
}

/* Places of all records of the list that are where it says. */
static int read_places(struct archive *a, struct settled_set *s, struct err *e)
{
	struct record r;
	s->places = calloc(s->list.n ? (size_t)s->list.n : 1, sizeof *s->places);
	if (!s->places)
		return err_set(e, E_NOMEM, "no memory for the records of a settled pack");
	for (uint64_t i = 0; i < s->list.n; i++) {
		struct err why = {0};
		int rc = settled_record(a, &s->list.entries[i], &r, &why);
		if (rc > 0)
			s->places[s->n++] = place_of(&r);
		else if (rc < 0 && !is_gone(rc))
			return err_set(e, why.code, "%s", why.msg);
	}
	settled_list_cleanup(&s->list);
	return 0;
}

int settle_prepare(struct archive *a, struct event *ev, struct err *e)
{
	struct err why = {0};
	struct settled_set *s = ev->set ? NULL : calloc(1, sizeof *s);
	if (ev->set)
		return 0;
	if (!s)
		return err_set(e, E_NOMEM, "no memory for a settled pack");
	uint64_t pack = ev->decision.number;
	int rc = settled_list_read(a, pack, ev->first, &s->list, &why);
	if (rc == 0 && strcmp(s->list.series, ev->decision.series) != 0)
		rc = err_set(&why, E_NOENT, "pack %" PRIu64 " is of another series", pack);
	if (rc == 0)
		rc = read_places(a, s, &why);
	if (rc == 0) {
		int64_t size = a->packs->ops->size(a->packs, pack, NULL);
		s->size = size > 0 ? (uint64_t)size : 0;
		ev->set = s;
		return 0;
	}
	settled_set_free(s);
	log_debug("settled pack %" PRIu64 " is not used: %s", pack, why.msg);
	return is_gone(rc) ? 0 : err_set(e, why.code, "%s", why.msg);
}

static int syntax_key(struct db_conn *w, const char *syntax, int64_t *key, struct err *e)
{
	static const char *const names[] = {"uid-find", "uid-add"};
	for (unsigned i = 0; i < 2; i++) {
		struct db_stmt *s;
		int rc = event_statement(w, names[i], &s, e, 0);
		if (rc < 0)
			return rc;
		db_bind_text(s, 1, syntax, strlen(syntax));
		if ((rc = db_step(s, e)) < 0)
			return rc;
		if (rc > 0) {
			*key = db_int(s, 0);
			db_reset(s);
			return 0;
		}
	}
	return err_set(e, E_BUG, "an inserted row has no key");
}

static int put_place(struct db_conn *w, const struct settled_place *p, uint64_t home, struct err *e)
{
	struct db_stmt *s;
	int64_t syntax = 0;
	int rc = syntax_key(w, p->syntax, &syntax, e);
	if (rc < 0)
		return rc;
	rc = event_statement(w, "settled-put", &s, e, 6, (int64_t)p->seq, (int64_t)p->pack, (int64_t)p->at,
			     (int64_t)p->part10_len, (int64_t)p->head_len, syntax);
	if (rc < 0)
		return rc;
	db_bind_blob(s, 7, p->digest, sizeof p->digest);
	db_bind_int(s, 8, (int64_t)p->appendix_len);
	db_bind_int(s, 9, (int64_t)home);
	return db_step(s, e);
}

int settle_found(struct db_conn *w, const struct record *r, struct err *e)
{
	const struct settled_place p = place_of(r);
	return put_place(w, &p, r->pack, e);
}

static int run(struct db_conn *w, const char *name, struct err *e, int64_t a, int64_t b)
{
	struct db_stmt *s;
	int rc = event_statement(w, name, &s, e, 2, a, b);
	return rc < 0 ? rc : db_step(s, e);
}

static int to_reclaim(struct db_conn *w, uint64_t pack, uint64_t at, uint64_t seq, uint64_t n, int64_t since,
		      struct err *e)
{
	struct db_stmt *s;
	int rc =
	    event_statement(w, "reclaim-add", &s, e, 5, (int64_t)pack, (int64_t)at, (int64_t)seq, (int64_t)n, since);
	return rc < 0 ? rc : db_step(s, e);
}

/* Where the bytes of a record of the index lay before. */
struct former {
	uint64_t pack, at, n, home;
};

static int find_former(struct db_conn *w, uint64_t seq, struct former *out, struct err *e)
{
	struct db_stmt *s;
	int rc = event_statement(w, "settled-was", &s, e, 1, (int64_t)seq);
	if (rc < 0 || (rc = db_step(s, e)) <= 0)
		return rc;
	*out = (struct former){.pack = (uint64_t)db_int(s, 0),
			       .at = (uint64_t)db_int(s, 1),
			       .n = (uint64_t)db_int(s, 2),
			       .home = (uint64_t)db_int(s, 3)};
	db_reset(s);
	return 1;
}

/* One record: its bytes lie in another place from now on. Settled packs are given back as a whole; *home: the last one that was left. */
static int move(struct archive *a, struct db_conn *w, const struct event *ev, const struct settled_place *p,
		uint64_t *home, struct err *e)
{
	struct former f;
	uint64_t pack = ev->decision.number;
	int64_t since = ev->record.received_us;
	int rc = find_former(w, p->seq, &f, e);
	if (rc <= 0 || (rc = put_place(w, p, pack, e)) < 0 ||
	    (rc = run(w, "reclaim-not", e, (int64_t)p->pack, (int64_t)(p->at - PACK_HEAD))) < 0)
		return rc;
	bool moved = f.pack != p->pack || f.at != p->at;
	if (moved && f.pack != f.home &&
	    (rc = to_reclaim(w, f.pack, f.at - PACK_HEAD, p->seq, pack_round(PACK_HEAD + f.n), since, e)) < 0)
		return rc;
	if (f.home == 0 || f.home == pack || f.home == *home)
		return 0;
	*home = f.home;
	int64_t size = a->packs->ops->size(a->packs, f.home, NULL);
	return to_reclaim(w, f.home, 0, 0, size > 0 ? (uint64_t)size : 0, since, e);
}

static int note_pack(struct db_conn *w, const struct event *ev, struct err *e)
{
	const struct settled_list *l = &ev->set->list;
	int64_t pack = (int64_t)ev->decision.number;
	struct db_stmt *s;
	int rc = event_statement(w, "settled-pack-put", &s, e, 2, pack, (int64_t)ev->record.seq);
	if (rc < 0)
		return rc;
	db_bind_text(s, 3, l->study, strlen(l->study));
	db_bind_text(s, 4, l->series, strlen(l->series));
	db_bind_int(s, 5, (int64_t)ev->set->n);
	rc = db_step(s, e);
	for (unsigned i = 0; i < l->n_extras && rc == 0; i++) {
		rc = event_statement(w, "settled-extra-put", &s, e, 3, pack, (int64_t)l->extras[i].kind,
				     (int64_t)l->extras[i].at);
		if (rc == 0)
			rc = db_step(s, e);
	}
	return rc < 0 ? rc : run(w, "reclaim-not", e, pack, 0);
}

int settle_apply(struct archive *a, struct db_conn *w, struct event *ev, struct err *e)
{
	uint64_t home = 0;
	int rc = ev->set ? note_pack(w, ev, e) : 0;
	for (uint64_t i = 0; ev->set && i < ev->set->n && rc == 0; i++)
		rc = move(a, w, ev, &ev->set->places[i], &home, e);
	return rc;
}
