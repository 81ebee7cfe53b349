#include "archive/presence.h"
#include "archive/store.h"
#include "base/alert.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP 4096u /* sequence numbers at a time */

struct presence {
	struct archive *archive;
	pthread_t thread;
	atomic_bool stop;
	uint64_t missing[PRESENCE_NAMED];
	unsigned n;
	uint64_t last; /* pack that was looked at: most rows are of the same one as those before */
};

static void is_missing(struct presence *p, uint64_t pack)
{
	char subject[40];

	for (unsigned i = 0; i < p->n; i++)
		if (p->missing[i] == pack)
			return;
	p->missing[p->n++] = pack;
	snprintf(subject, sizeof subject, "pack %" PRIu64, pack);
	log_error("pack %" PRIu64 ", which the index refers to, is missing", pack);
	alert_raise(ALERT_CORRUPT, subject, "the index refers to it, and it is missing");
	if (p->n == PRESENCE_NAMED)
		log_error("more packs may be missing: teleread fsck finds them all");
}

static int look(struct presence *p, uint64_t pack, struct err *e)
{
	struct err why = {0};

	if (pack == p->last)
		return 0;
	p->last = pack;
	if (p->archive->packs->ops->size(p->archive->packs, pack, &why) >= 0)
		return 0;
	if (why.code != E_NOENT)
		return err_set(e, why.code, "%s", why.msg);
	is_missing(p, pack);
	return 0;
}

/* Those behind this sequence number. */
static int step(struct presence *p, uint64_t after, struct err *e)
{
	AUTO(db_conn) reader = NULL;
	struct db_stmt *s;
	int rc = db_get(p->archive->db, DB_READ, &reader, e);

	if (rc < 0 || (rc = db_prepare(reader, db_sql(p->archive->db, "present-packs"), &s, e)) < 0)
		return rc;
	db_bind_int(s, 1, (int64_t)after);
	db_bind_int(s, 2, (int64_t)(after + STEP));
	while (p->n < PRESENCE_NAMED && (rc = db_step(s, e)) > 0)
		if ((rc = look(p, (uint64_t)db_int(s, 0), e)) < 0)
			break;
	db_reset(s);
	return rc < 0 ? rc : 0;
}

static int through(struct archive *a, uint64_t *out, struct err *e)
{
	AUTO(db_conn) reader = NULL;
	uint64_t floor;
	int rc = db_get(a->db, DB_READ, &reader, e);

	return rc < 0 ? rc : index_through(reader, out, &floor, e);
}

static void *presence_thread(void *arg)
{
	struct presence *p = arg;
	struct err e = {0};
	uint64_t end = 0;

	log_context("presence");
	int rc = through(p->archive, &end, &e);

	for (uint64_t after = 0; rc == 0 && after < end && p->n < PRESENCE_NAMED && !atomic_load(&p->stop);
	     after += STEP)
		rc = step(p, after, &e);
	if (rc < 0)
		log_error("the packs could not be compared with the index: %s", e.msg);
	return NULL;
}

void presence_start(struct archive *a)
{
	struct presence *p = calloc(1, sizeof *p);

	if (p)
		p->archive = a;
	if (!p || pthread_create(&p->thread, NULL, presence_thread, p) != 0) {
		log_error("the packs are not compared with the index: no thread for it");
		free(p);
		return;
	}
	a->presence = p;
}

void presence_stop(struct archive *a)
{
	struct presence *p = a->presence;

	if (!p)
		return;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	free(p);
	a->presence = NULL;
}
