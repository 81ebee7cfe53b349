/* archive/settle_extra.c - what goes with a settled series, read again. */
#include "archive/settle_pack.h"
#include "archive/store.h"
#include <inttypes.h>
#include <string.h>

static int none(struct err *e)
{
	return err_set(e, E_NOENT, "there is no such thing of this series");
}

/* Where its record stands, if all that is in sight of the series is of one settled pack, which has nothing else: 0, -E_NOENT. */
static int find(struct archive *a, const struct scope *scope, const char *study, const char *series,
		enum settle_extra_kind kind, uint64_t *pack, uint64_t *at, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = event_statement(c, "settle-extra", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, study, strlen(study));
	db_bind_text(s, 2, series, strlen(series));
	db_bind_int(s, 3, kind);
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : none(e);
	bool seen = scope_has(scope, db_int(s, 0));
	*pack = (uint64_t)db_int(s, 1);
	*at = (uint64_t)db_int(s, 2);
	db_reset(s);
	return seen ? 0 : none(e);
}

static int collect(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return buf_put(arg, data, n, e);
}

static int read_extra(struct archive *a, const char *series, const char *name, uint64_t pack, uint64_t at,
		      struct buf *out, struct err *e)
{
	uint8_t head[PACK_HEAD];
	struct record r;
	int64_t k = a->packs->ops->read(a->packs, pack, at, head, sizeof head, e);
	if (k < 0)
		return k == -E_NOENT ? none(e) : (int)k; /* settled anew just now */
	if (k != (int64_t)sizeof head || !record_header_read(head, pack, at, &r) || r.kind != RECORD_SERIES ||
	    strcmp(r.note, name) != 0 || strcmp(r.sop_instance, series) != 0 || r.part10_len > SETTLE_EXTRA_MOST)
		return err_set(e, E_CORRUPT, "pack %" PRIu64 " at %" PRIu64 " does not hold what the index says", pack,
			       at);
	return record_verify(a->packs, &r, collect, out, e);
}

int settle_extra(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 enum settle_extra_kind kind, struct buf *out, struct err *e)
{
	uint64_t pack = 0, at = 0;
	const char *name = settled_extra_name(kind);
	int rc = name ? find(a, scope, study, series, kind, &pack, &at, e) : none(e);
	return rc < 0 ? rc : read_extra(a, series, name, pack, at, out, e);
}

static int find_before(struct archive *a, const char *series, uint64_t *pack, uint64_t *at, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = event_statement(c, "settle-notes-before", &s, e, 0)) < 0)
		return rc;
	db_bind_text(s, 1, series, strlen(series));
	db_bind_int(s, 2, SETTLE_NOTES);
	if ((rc = db_step(s, e)) <= 0)
		return rc < 0 ? rc : none(e);
	*pack = (uint64_t)db_int(s, 0);
	*at = (uint64_t)db_int(s, 1);
	db_reset(s);
	return 0;
}

int settle_notes_before(struct archive *a, const char *series, struct buf *out, struct err *e)
{
	uint64_t pack = 0, at = 0;
	int rc = find_before(a, series, &pack, &at, e);
	return rc < 0 ? rc : read_extra(a, series, settled_extra_name(SETTLE_NOTES), pack, at, out, e);
}
