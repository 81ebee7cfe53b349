/* archive/lookup.c - see lookup.h. */
#include "archive/lookup.h"
#include "archive/lookup_cache.h"
#include "archive/store.h"
#include "base/metrics.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool is_meant(const struct scope *scope, const char *study, const char *series, const struct stored *s)
{
	return scope_has(scope, s->site) && strcmp(s->study, study) == 0 &&
	       (!series[0] || strcmp(s->series, series) == 0);
}

#define HELP "Instances looked up by their UIDs, in memory or in the index"
static struct metric m_known = METRIC(COUNTER, "teleread_lookups_total", "from=\"memory\"", HELP);
static struct metric m_asked = METRIC(COUNTER, "teleread_lookups_total", "from=\"index\"", HELP);

/* *out is written only when it is what was meant. */
static int known(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 const char *sop_instance, bool wait, struct stored *out)
{
	struct stored s;
	uint64_t as_of = stored_as_of(a); /* settling makes be forgotten what it moves */
	if (!a->lookups || !lookup_cache_get(a->lookups, sop_instance, wait, &s) || !is_meant(scope, study, series, &s))
		return 0;
	metric_add(&m_known, 1);
	*out = s;
	out->as_of = as_of;
	return 1;
}

int lookup_known(struct archive *a, const struct scope *scope, const char *study, const char *series,
		 const char *sop_instance, struct stored *out)
{
	return known(a, scope, study, series, sop_instance, false, out);
}

uint64_t stored_as_of(struct archive *a)
{
	return a->mode == ARCHIVE_SERVE ? atomic_load(&a->reclaims) : 0;
}

int stored_find(struct archive *a, const char *sop_instance, struct stored *out, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	uint64_t as_of = stored_as_of(a);
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = db_prepare(c, db_sql(a->db, "lookup-instance"), &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, sop_instance, strlen(sop_instance));
	if ((rc = db_step(s, e)) <= 0)
		return rc;
	stored_row(s, out);
	out->as_of = as_of;
	db_reset(s);
	return 1;
}

static bool same_bytes(const struct stored *a, const struct stored *b)
{
	return a->part10_len == b->part10_len && a->head_len == b->head_len && strcmp(a->syntax, b->syntax) == 0 &&
	       memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

int stored_moved(struct archive *a, const struct stored *s, struct stored *now, struct err *e)
{
	uint8_t head[PACK_HEAD];
	struct record r;
	struct err why = {0};
	if (a->mode == ARCHIVE_SERVE && s->as_of == atomic_load(&a->reclaims))
		return 0;
	uint64_t at = s->at - PACK_HEAD;
	int64_t k = a->packs->ops->read(a->packs, s->pack, at, head, sizeof head, &why);
	if (k < 0 && k != -E_NOENT)
		return err_set(e, why.code, "%s", why.msg);
	if (k == (int64_t)sizeof head && record_header_read(head, s->pack, at, &r) && r.kind != RECORD_VOID)
		return 0;
	int rc = stored_find(a, s->sop_instance, now, e);
	if (rc <= 0)
		return rc < 0 ? rc : err_set(e, E_NOENT, "the instance is not there any more");
	if (now->pack == s->pack && now->at == s->at)
		return 0; /* whoever reads it is told what is wrong */
	return same_bytes(now, s)
		   ? 1
		   : err_set(e, E_BUSY, "the instance was brought into another form meanwhile: ask for it again");
}

int lookup_instance(struct archive *a, const struct scope *scope, const char *study, const char *series,
		    const char *sop_instance, struct stored *out, struct err *e)
{
	struct stored s;
	/* One that is known but out of scope takes the same way as one that is not there. */
	if (known(a, scope, study, series, sop_instance, true, out))
		return 0;
	uint64_t generation = a->lookups ? lookup_cache_generation(a->lookups) : 0;
	int rc = stored_find(a, sop_instance, &s, e);
	metric_add(&m_asked, 1);
	if (rc < 0)
		return rc;
	if (rc == 0 || !is_meant(scope, study, series, &s))
		return err_set(e, E_NOENT, "there is no such instance");
	if (a->lookups)
		lookup_cache_put(a->lookups, generation, &s);
	*out = s;
	return 0;
}

int stored_descriptor(struct archive *a, const struct stored *s, int *fd, uint64_t *at, struct err *e)
{
	if (!a->packs->ops->descriptor)
		return err_set(e, E_UNSUP, "the bytes of this store do not lie in files");
	struct stored now;
	int rc = stored_moved(a, s, &now, e);
	if (rc < 0)
		return rc;
	if (rc > 0)
		s = &now;
	if ((rc = a->packs->ops->descriptor(a->packs, s->pack, fd, e)) == 0)
		*at = s->at;
	return rc;
}

static void tag_text(XXH128_hash_t sum, char tag[LOOKUP_TAG])
{
	snprintf(tag, LOOKUP_TAG, "%016" PRIx64 "%016" PRIx64, (uint64_t)sum.high64, (uint64_t)sum.low64);
}

int lookup_tag(struct archive *a, const struct scope *scope, const char *study, const char *series,
	       char tag[LOOKUP_TAG], struct err *e)
{
	enum { NUMBERS = 6 };
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	struct {
		int64_t numbers[NUMBERS];
		char study[65], series[65];
	} what;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = db_prepare(c, db_sql(a->db, series[0] ? "tag-series" : "tag-study"), &s, e)) < 0)
		return rc;
	memset(&what, 0, sizeof what);
	snprintf(what.study, sizeof what.study, "%s", study);
	snprintf(what.series, sizeof what.series, "%s", series);
	db_bind_text(s, 1, study, strlen(study));
	if (series[0])
		db_bind_text(s, 2, series, strlen(series));
	if ((rc = db_step(s, e)) < 0)
		return rc;
	bool seen = rc > 0 && scope_has(scope, db_int(s, 0));
	for (int i = 0; seen && i < NUMBERS; i++)
		what.numbers[i] = db_int(s, i);
	if (rc > 0)
		db_reset(s);
	if (!seen || what.numbers[1] == 0)
		return err_set(e, E_NOENT, "there is no such %s", series[0] ? "series" : "study");
	tag_text(XXH3_128bits_withSeed(&what, sizeof what, a->tag_seed), tag);
	return 0;
}

void stored_tag(struct archive *a, const struct stored *s, char tag[LOOKUP_TAG])
{
	struct {
		uint64_t pack, at, part10_len, head_len;
		uint8_t digest[16];
	} what = {s->pack, s->at, s->part10_len, s->head_len, {0}};
	memcpy(what.digest, s->digest, sizeof what.digest);
	tag_text(XXH3_128bits_withSeed(&what, sizeof what, a->tag_seed), tag);
}

int lookup_open(struct archive *a, struct err *e)
{
	AUTO(db_conn) c = NULL;
	struct db_stmt *s;
	int rc = db_get(a->db, DB_READ, &c, e);
	if (rc < 0 || (rc = db_prepare(c, db_sql(a->db, "meta-get"), &s, e)) < 0)
		return rc;
	db_bind_text(s, 1, "tag_seed", strlen("tag_seed"));
	if ((rc = db_step(s, e)) < 0)
		return rc;
	a->tag_seed = rc > 0 ? strtoull(db_text(s, 0, NULL), NULL, 16) : 0;
	if (rc > 0)
		db_reset(s);
	if (a->mode == ARCHIVE_SERVE && !(a->lookups = lookup_cache_new()))
		return err_set(e, E_NOMEM, "no memory for places of instances");
	return 0;
}
