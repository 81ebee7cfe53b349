#include "archive/backup.h"
#include "archive/backup_file.h"
#include "archive/backup_mend.h"
#include "archive/backup_target.h"
#include "archive/backup_trail.h"
#include "archive/store.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDEX "index.sqlite"
#define INDEX_NEW "index.sqlite.new"
#define JSON_NEW "backup.json.new"
#define TEMP "backup.new" /* the file that is being copied */

/* What the index says of a pack. */
struct wanted {
	uint64_t pack, records, end;
};
struct backup {
	struct archive *archive;
	const struct backup_options *o;
	const struct check_ops *ops;
	struct backup_report *report;
	struct backup_target *to;
	int from_packs;
	struct wanted *wanted; /* in order of pack */
	size_t n, room;
	uint64_t done, total; /* bytes of index and packs */
	uint64_t *again;      /* packs that are copied once more when the new index is in its place */
	size_t n_again, room_again;
	char shard[16]; /* with copies that are not synced yet; "" for none */
	struct err *e;
};

static void __attribute__((format(printf, 2, 3))) fault(struct backup *b, const char *fmt, ...)
{
	char sentence[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	b->report->faults++;
	if (b->ops->fault)
		b->ops->fault(b->ops->arg, sentence);
}

/* ---- the index */

static int load_wanted(struct backup *b, struct db_conn *c)
{
	struct db_stmt *s;
	int rc = db_prepare(c, db_sql(db_of(c), "backup-packs"), &s, b->e);
	if (rc < 0)
		return rc;
	while ((rc = db_step(s, b->e)) > 0) {
		if (b->n == b->room) {
			size_t room = b->room ? b->room * 2 : 256;
			struct wanted *more = realloc(b->wanted, room * sizeof *more);
			if (!more) {
				db_reset(s);
				return err_set(b->e, E_NOMEM, "no memory for %zu packs", room);
			}
			b->wanted = more;
			b->room = room;
		}
		b->wanted[b->n++] = (struct wanted){
		    .pack = (uint64_t)db_int(s, 0), .records = (uint64_t)db_int(s, 1), .end = (uint64_t)db_int(s, 2)};
	}
	return rc;
}

static int read_copy(struct backup *b, struct db *copy)
{
	AUTO(db_conn) c = NULL;
	uint64_t floor;
	int64_t instances = 0;
	int rc = db_get(copy, DB_READ, &c, b->e);
	if (rc == 0)
		rc = index_through(c, &b->report->through, &floor, b->e);
	if (rc == 0)
		rc = db_one_int(c, db_sql(copy, "backup-count"), &instances, b->e);
	b->report->instances = (uint64_t)instances;
	return rc == 0 ? load_wanted(b, c) : rc;
}

static void index_progress(void *arg, uint64_t done, uint64_t of)
{
	struct backup *b = arg;
	b->done = of;
	if (b->ops->progress)
		b->ops->progress(b->ops->arg, done, b->total + of);
}

/* A snapshot beside the earlier index, which stays until all is there. Asking it shows that it can be opened. */
static int copy_index(struct backup *b)
{
	AUTO(str) place = NULL;
	AUTO(str) url = NULL;
	struct db *copy = NULL;
	if (asprintf(&place, "%s/" INDEX_NEW, b->o->to) < 0 || asprintf(&url, "sqlite:%s", place) < 0)
		return err_set(b->e, E_NOMEM, "no memory for a path");
	backup_target_drop_index(b->to, INDEX_NEW);
	int rc = db_backup(b->archive->db, place, index_progress, b, b->e);
	b->total += b->done;
	if (rc == 0)
		rc = db_open(url, &copy, b->e);
	if (rc == 0)
		rc = read_copy(b, copy);
	db_close(copy);
	fault_point("backup-index");
	return rc;
}

/* ---- packs */

static const struct wanted *wanted_of(const struct backup *b, uint64_t pack)
{
	size_t low = 0, high = b->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->wanted[middle].pack < pack)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->n && b->wanted[low].pack == pack ? &b->wanted[low] : NULL;
}

/* All records that the index knows of, in a copy. How many faults (told when loud), or negative. */
static int verify_pack(struct backup *b, struct blob_store *copy, uint64_t pack, bool loud)
{
	const struct wanted *w = wanted_of(b, pack);
	struct pack_walk walk;
	struct record r;
	uint64_t records = 0;
	int bad = 0, got = 0, rc = pack_walk_begin(&walk, copy, pack, b->e);
	if (rc < 0 && rc != -E_CORRUPT)
		return rc;
	if (rc == -E_CORRUPT)
		*b->e = (struct err){0}; /* the records count */
	while ((got = pack_walk_next(&walk, &r, b->e)) > 0) {
		struct err why = {0};
		if (r.kind == RECORD_VOID || r.seq > b->report->through)
			continue;
		records += r.kind != RECORD_EVENT && r.kind != RECORD_SERIES; /* `wanted` counts what was sent */
		if (record_verify(copy, &r, NULL, NULL, &why) >= 0)
			continue;
		bad++;
		if (loud)
			fault(b, "%s (%s)", why.msg, r.sop_instance);
	}
	pack_walk_end(&walk);
	if (got == 0 && w && records < w->records) {
		bad++;
		if (loud)
			fault(b, "pack %llu holds %llu records, the index refers to %llu", (unsigned long long)pack,
			      (unsigned long long)records, (unsigned long long)w->records);
	}
	return got < 0 ? got : bad;
}

/* The names of what was copied into the folder of the last packs. */
static int sync_shard(struct backup *b)
{
	if (!b->shard[0])
		return 0;
	AUTO(fd) shard = openat(b->to->packs_folder, b->shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shard < 0)
		return err_sys(b->e, E_IO, "cannot open the pack folder %s", b->shard);
	b->shard[0] = 0;
	return backup_sync(shard, b->e);
}

static int enter_shard(struct backup *b, const char *name)
{
	char shard[sizeof b->shard];
	snprintf(shard, sizeof shard, "%.*s", (int)strcspn(name, "/"), name);
	if (strcmp(shard, b->shard) == 0)
		return 0;
	int rc = sync_shard(b);
	if (rc < 0)
		return rc;
	if (mkdirat(b->to->packs_folder, shard, 0750) < 0 && errno != EEXIST)
		return err_sys(b->e, errno == ENOSPC ? E_FULL : E_IO, "cannot make the pack folder %s", shard);
	backup_target_own(b->to, b->to->packs_folder, shard);
	snprintf(b->shard, sizeof b->shard, "%s", shard);
	return 0;
}

static void mended(void *arg, const struct record *r)
{
	fault(arg, "record %llu (pack %llu at %llu, %s) is damaged in the archive; the earlier copy of it is kept",
	      (unsigned long long)r->seq, (unsigned long long)r->pack, (unsigned long long)r->at,
	      r->kind == RECORD_EVENT ? "a decision" : r->sop_instance);
}

/* 1: it had faults. What is damaged in the archive does not take the place of what is well in the earlier backup. */
static int check_copy(struct backup *b, int fd, uint64_t pack)
{
	struct backup_pack copy = backup_pack(fd);
	int rc, bad = verify_pack(b, &copy.store, pack, false);
	if (bad <= 0)
		return bad;
	if ((rc = backup_mend(b->archive, b->to->packs, &copy, pack, mended, b, b->e)) < 0 ||
	    (rc = verify_pack(b, &copy.store, pack, true)) < 0)
		return rc;
	return 1;
}

static int note_again(struct backup *b, uint64_t pack)
{
	if (b->n_again == b->room_again) {
		size_t room = b->room_again ? b->room_again * 2 : 64;
		uint64_t *more = reallocarray(b->again, room, sizeof *more);
		if (!more)
			return err_set(b->e, E_NOMEM, "no memory for %zu packs", room);
		b->again = more;
		b->room_again = room;
	}
	b->again[b->n_again++] = pack;
	return 0;
}

/* What settled records stand for may be gone from the pack, and the earlier index refers to it until it is replaced. 1: something was
 * taken over from the earlier copy. */
static int keep_earlier(struct backup *b, int fd, uint64_t pack)
{
	struct backup_pack copy = backup_pack(fd);
	int rc = backup_keep(b->to->packs, &copy, pack, b->e);
	if (rc > 0 && (rc = note_again(b, pack)) == 0)
		rc = fsync(fd) < 0 ? err_sys(b->e, E_IO, "cannot sync a copy") : 1;
	return rc;
}

/* last: the index of this backup is in its place. */
static int copy_pack(struct backup *b, uint64_t pack, const char *name, bool last)
{
	const struct backup_place from = {b->from_packs, name}, to = {b->to->packs_folder, name},
				  temp = {b->to->packs_folder, TEMP};
	struct backup_copied copy;
	int rc = enter_shard(b, name);
	if (rc < 0)
		return rc;
	if ((rc = backup_copy(&from, &temp, &copy, b->e)) == -E_NOENT) { /* gone since it was listed: it was empty */
		*b->e = (struct err){0};
		return 0;
	}
	if (rc < 0)
		return rc;
	int kept = 0;
	if ((rc = check_copy(b, copy.fd, pack)) < 0 || (!last && (kept = keep_earlier(b, copy.fd, pack)) < 0)) {
		backup_drop(&copy, &temp);
		return rc < 0 ? rc : kept;
	}
	if ((rc = backup_put(&copy, &temp, &to, rc > 0 || kept > 0, b->e)) < 0)
		return rc;
	b->report->copied += !last;
	b->report->bytes += copy.bytes;
	fault_point("backup-pack");
	return backup_target_reopen(b->to, b->e);
}

static int each_pack(void *arg, uint64_t pack)
{
	struct backup *b = arg;
	struct stat from, copy;
	char name[40];
	int rc = 0;
	blob_fs_name(pack, name);
	if (fstatat(b->from_packs, name, &from, 0) < 0)
		return errno == ENOENT ? 0 : err_sys(b->e, E_IO, "cannot look at pack %s", name);
	bool same = fstatat(b->to->packs_folder, name, &copy, 0) == 0 && backup_unchanged(&from, &copy);
	if (same && b->o->verify) {
		if ((rc = verify_pack(b, b->to->packs, pack, false)) < 0)
			return rc;
		same = rc == 0;
	}
	if (same)
		b->report->kept++;
	else
		rc = copy_pack(b, pack, name, false);
	b->done += (uint64_t)from.st_size;
	if (b->ops->progress)
		b->ops->progress(b->ops->arg, b->done, b->total);
	return rc;
}

static int add_size(void *arg, uint64_t pack)
{
	struct backup *b = arg;
	int64_t n = b->archive->packs->ops->size(b->archive->packs, pack, NULL);
	b->total += n > 0 ? (uint64_t)n : 0;
	return 0;
}

/* What the index refers to is there: each pack, and long enough. */
static void check_wanted(struct backup *b)
{
	for (const struct wanted *w = b->wanted; w < b->wanted + b->n; w++) {
		int64_t size = b->to->packs->ops->size(b->to->packs, w->pack, NULL);
		int64_t source = b->archive->packs->ops->size(b->archive->packs, w->pack, NULL);
		if (size < 0)
			fault(b, "pack %llu, which the index refers to, is missing", (unsigned long long)w->pack);
		else if ((uint64_t)size < w->end)
			fault(b, "pack %llu has %lld bytes, the index refers to %llu", (unsigned long long)w->pack,
			      (long long)size, (unsigned long long)w->end);
		else if (source < 0)
			fault(b, "pack %llu is missing in the archive; the earlier copy is kept",
			      (unsigned long long)w->pack);
	}
}

static int copy_packs(struct backup *b)
{
	struct blob_store *s = b->archive->packs;
	int rc = s->ops->walk(s, 0, each_pack, b, b->e);
	if (rc == 0)
		rc = sync_shard(b);
	if (rc == 0)
		rc = backup_sync(b->to->packs_folder, b->e);
	if (rc == 0)
		check_wanted(b);
	return rc;
}

/* What an earlier index referred to goes now. */
static int copy_again(struct backup *b)
{
	char name[40];
	int rc = 0;
	for (size_t i = 0; i < b->n_again && rc == 0; i++)
		rc = copy_pack(b, b->again[i], blob_fs_name(b->again[i], name), true);
	if (rc == 0 && b->n_again)
		rc = sync_shard(b);
	return rc;
}

/* Only now does no index refer to it any more. */
static int remove_gone(void *arg, uint64_t pack)
{
	struct backup *b = arg;
	char name[40];
	struct stat st;
	blob_fs_name(pack, name);
	if (fstatat(b->from_packs, name, &st, 0) == 0 || errno != ENOENT || wanted_of(b, pack)) {
		b->report->packs++;
		return 0;
	}
	b->report->removed++;
	return b->to->packs->ops->remove(b->to->packs, pack, b->e);
}

/* ---- the rest */

/* Where it is there, and other than the copy that there is. */
static int copy_small(struct backup *b, int from_folder, const char *from_name, int to_folder, const char *to_name)
{
	const struct backup_place from = {from_folder, from_name}, to = {to_folder, to_name},
				  temp = {b->to->folder, TEMP};
	struct backup_copied copy;
	struct stat is, was;
	if (fstatat(from_folder, from_name, &is, 0) == 0 && fstatat(to_folder, to_name, &was, 0) == 0 &&
	    backup_unchanged(&is, &was))
		return 0;
	int rc = backup_copy(&from, &temp, &copy, b->e);
	if (rc == -E_NOENT) {
		*b->e = (struct err){0};
		return 0;
	}
	return rc < 0 ? rc : backup_put(&copy, &temp, &to, false, b->e);
}

static int copy_state(struct backup *b)
{
	static const char *const names[] = {"alerts.log.3", "alerts.log.2", "alerts.log.1", "alerts.log"};
	AUTO(fd) from = open(b->archive->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int to = b->to->folder;
	if (from < 0)
		return err_sys(b->e, E_IO, "cannot open %s", b->archive->folder);
	int rc = b->o->config_file ? copy_small(b, AT_FDCWD, b->o->config_file, to, "teleread.conf") : 0;
	for (unsigned i = 0; rc == 0 && i < sizeof names / sizeof names[0]; i++)
		rc = copy_small(b, from, names[i], to, names[i]);
	return rc;
}

static void trail_told(void *arg, const char *sentence)
{
	fault(arg, "%s", sentence);
}

static int write_json(struct backup *b)
{
	char stamp[32];
	const struct backup_report *r = b->report;
	int fd = openat(b->to->folder, JSON_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int rc = err_sys(b->e, errno == ENOSPC ? E_FULL : E_IO, "cannot make backup.json");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "time", clock_text(clock_wall_us(), stamp), "version",
			      b->o->version, "through", (json_int_t)r->through, "instances", (json_int_t)r->instances,
			      "packs", (json_int_t)(r->copied + r->kept), "faults", (json_int_t)r->faults);
	bool ok = o && json_dumpf(o, f, JSON_INDENT(1)) == 0 && fputc('\n', f) != EOF && fflush(f) == 0 &&
		  fsync(fileno(f)) == 0;
	json_decref(o);
	ok &= fclose(f) == 0;
	return ok ? 0 : err_sys(b->e, errno == ENOSPC ? E_FULL : E_IO, "cannot write backup.json");
}

/* The moment at which the backup becomes the new one. What a reader of the old index left beside it goes first: a log
 * that belongs to another file would be taken for its own. */
static int put_in_place(struct backup *b)
{
	int folder = b->to->folder, rc = backup_sync(folder, b->e);
	if (rc < 0)
		return rc;
	backup_target_own(b->to, folder, INDEX_NEW);
	backup_target_own(b->to, folder, JSON_NEW);
	unlinkat(folder, INDEX_NEW "-wal", 0);
	unlinkat(folder, INDEX_NEW "-shm", 0);
	unlinkat(folder, INDEX "-wal", 0);
	unlinkat(folder, INDEX "-shm", 0);
	fault_point("backup-place");
	if (renameat(folder, INDEX_NEW, folder, INDEX) < 0)
		return err_sys(b->e, E_IO, "cannot put the index in its place");
	fault_point("backup-placed");
	if (renameat(folder, JSON_NEW, folder, BACKUP_JSON) < 0)
		return err_sys(b->e, E_IO, "cannot put backup.json in its place");
	unlinkat(folder, BACKUP_BEGUN, 0);
	return backup_sync(folder, b->e);
}

static int run(struct backup *b)
{
	struct blob_store *s = b->archive->packs;
	int rc;
	if ((rc = s->ops->walk(s, 0, add_size, b, b->e)) < 0 || (rc = copy_index(b)) < 0 || (rc = copy_packs(b)) < 0 ||
	    (rc = copy_state(b)) < 0 || (rc = backup_trail(b->archive->folder, b->to, trail_told, b, b->e)) < 0 ||
	    (rc = write_json(b)) < 0 || (rc = put_in_place(b)) < 0 || (rc = copy_again(b)) < 0)
		return rc;
	return b->to->packs->ops->walk(b->to->packs, 0, remove_gone, b, b->e);
}

int backup_run(struct archive *a, const struct backup_options *o, const struct check_ops *ops,
	       struct backup_report *out, struct err *e)
{
	AUTO(str) packs = NULL;
	AUTO(fd) from = -1;
	AUTO(fd) held = -1;
	struct backup_target to;
	struct err why = {0};
	struct backup b = {.archive = a, .o = o, .ops = ops, .report = out, .to = &to, .e = &why};
	*out = (struct backup_report){0};
	if (asprintf(&packs, "%s/packs", a->folder) < 0) {
		packs = NULL;
		return err_set(e, E_NOMEM, "no memory for a path");
	}
	if ((from = open(packs, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, E_IO, "cannot open %s", packs);
	b.from_packs = from;
	int rc = packs_hold(a, false, &held, e);
	if (rc < 0)
		return rc;
	rc = backup_target_open(a, o->to, &to, &why);
	if (rc == 0 && (rc = run(&b)) < 0)
		backup_target_drop_index(&to, INDEX_NEW);
	backup_target_close(&to);
	free(b.wanted);
	free(b.again);
	if (rc < 0 && e)
		*e = why;
	return rc;
}
