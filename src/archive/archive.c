#include "archive/archive.h"
#include "archive/frames_cache.h"
#include "archive/lookup_cache.h"
#include "archive/presence.h"
#include "archive/refresh.h"
#include "archive/store.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes folder and its parents. */
static int make_folder(const char *path, struct err *e)
{
	AUTO(str) copy = strdup(path);
	if (!copy)
		return err_set(e, E_NOMEM, "no memory for a path");
	for (char *p = copy + 1;; p++) {
		char c = *p;
		if (c != '/' && c)
			continue;
		*p = 0;
		if (mkdir(copy, 0750) < 0 && errno != EEXIST)
			return err_sys(e, E_IO, "cannot make the folder %s", copy);
		*p = c;
		if (!c)
			return 0;
	}
}

static char *path_of(const struct archive *a, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s", a->folder, name) < 0 ? NULL : path;
}

static int take_lock(struct archive *a, struct err *e)
{
	AUTO(str) path = path_of(a, "lock");
	a->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (a->lock_fd < 0)
		return err_sys(e, E_IO, "cannot open %s", path);
	if (flock(a->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, E_BUSY, "%s is in use by another teleread process", a->folder);
	return 0;
}

int packs_hold(struct archive *a, bool alone, int *fd, struct err *e)
{
	AUTO(str) path = path_of(a, "packs.lock");
	if (!path)
		return err_set(e, E_NOMEM, "no memory for a path");
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (*fd < 0 && !alone && (errno == EACCES || errno == EROFS))
		return 0; /* who may not write here is not waited for */
	if (*fd < 0)
		return err_sys(e, E_IO, "cannot open %s", path);
	int rc = flock(*fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH);
	while (rc < 0 && errno == EINTR)
		rc = flock(*fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH);
	if (rc == 0)
		return 0;
	rc = errno == EWOULDBLOCK ? err_set(e, E_BUSY, "the packs are being copied or checked")
				  : err_sys(e, E_IO, "cannot lock %s", path);
	close(*fd);
	*fd = -1;
	return rc;
}

/* A node without them is better than none. */
static void open_alerts(struct archive *a, const struct config *c)
{
	struct err e = {0};
	const struct alert_options o = {
	    .folder = a->folder,
	    .window_ms = c->alerts_window_ms,
	    .size = c->alerts_size,
	    .repeated = c->alerts_repeated,
	};
	a->alerts = alert_open(&o, &e) == 0;
	if (!a->alerts)
		log_error("there is no log of alerts: %s", e.msg);
}

static int renew_feeds(struct archive *a, struct err *e)
{
	AUTO(db_conn) w = NULL;
	int rc = db_get(a->db, DB_WRITE, &w, e);
	if (rc < 0 || (rc = db_begin(w, e)) < 0 || (rc = change_renew(w, e)) < 0)
		return rc;
	return db_commit(w, e);
}

/* A backup that is served goes its own way from now on: the next backup must not be mixed with it, and its changes are not
 * those of the archive that it was taken of. */
static int leave_backup(struct archive *a, struct err *e)
{
	static const char *const marks[] = {"backup.json", "backup.begun"};
	bool renewed = false;
	for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		AUTO(str) path = path_of(a, marks[i]);
		if (!path || access(path, F_OK) < 0)
			continue;
		int rc = renewed ? 0 : renew_feeds(a, e);
		if (rc < 0)
			return rc;
		renewed = true;
		if (unlink(path) == 0)
			log_info("%s was a backup: it is an archive of its own now", a->folder);
	}
	return 0;
}

/* "NAME NUMBER" and the end of the line; 0 for anything else. */
static uint64_t number_line(FILE *f, const char *name)
{
	char line[64], *end;
	size_t n = strlen(name);
	if (!fgets(line, sizeof line, f) || strncmp(line, name, n) || line[n] != ' ')
		return 0;
	uint64_t v = strtoull(line + n + 1, &end, 10);
	return *end == '\n' ? v : 0;
}

/* How far the index is; UINT64_MAX when it cannot say. */
static uint64_t index_reach(struct archive *a)
{
	struct db_conn *c = NULL;
	uint64_t seq, floor;
	int rc = db_get(a->db, DB_READ, &c, NULL);
	if (rc == 0)
		rc = index_through(c, &seq, &floor, NULL);
	db_put(c);
	return rc == 0 ? seq : UINT64_MAX;
}

/* After a clean stop the file "clean" tells where to go on, if the index is the one that was there then: not a new one,
 * nor an older copy. It is taken away before anything new is written. */
static bool take_clean(struct archive *a, uint64_t *next_seq, uint64_t *next_pack)
{
	AUTO(str) path = path_of(a, "clean");
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	*next_seq = number_line(f, "seq");
	*next_pack = number_line(f, "pack");
	uint64_t through = number_line(f, "through");
	fclose(f);
	AUTO(fd) dir = open(a->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (unlink(path) < 0 || dir < 0 || fsync(dir) < 0)
		return false;
	return *next_seq > 0 && *next_pack > 0 && through == index_reach(a);
}

static void leave_clean(struct archive *a, uint64_t next_seq, uint64_t next_pack, uint64_t through)
{
	AUTO(str) path = path_of(a, "clean");
	AUTO(str) part = path_of(a, "clean.new");
	FILE *f = fopen(part, "we");
	if (!f)
		return; /* the next start looks for itself */
	fprintf(f, "seq %llu\npack %llu\nthrough %llu\n", (unsigned long long)next_seq, (unsigned long long)next_pack,
		(unsigned long long)through);
	bool ok = fflush(f) == 0 && fsync(fileno(f)) == 0;
	ok &= fclose(f) == 0;
	AUTO(fd) dir = open(a->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!ok || rename(part, path) < 0 || dir < 0 || fsync(dir) < 0)
		log_warn("the clean stop could not be noted: the next start takes longer");
}

/* A reader migrates an index of an older program only where none is at work on it: that one would go on writing by the old
 * rules. The lock is held for that long. */
static int open_to_read(struct archive *a, const char *url, struct err *e)
{
	struct err why = {0};
	int rc = db_open_as_is(url, &a->db, &why);
	if (rc != -E_BUSY)
		return rc == 0 ? 0 : err_set(e, why.code, "%s", why.msg);
	why = (struct err){0};
	if (take_lock(a, &why) < 0)
		return err_set(e, why.code,
			       why.code == E_BUSY
				   ? "%s is in use by a node of an older version of this program: start it again"
				   : "the lock of %s cannot be taken",
			       a->folder);
	rc = db_open(url, &a->db, e);
	close(a->lock_fd);
	a->lock_fd = -1;
	return rc;
}

static int open_index(struct archive *a, struct err *e)
{
	AUTO(str) url = NULL;
	AUTO(str) path = path_of(a, "index.sqlite");
	struct stat st;
	if (a->mode == ARCHIVE_READ && stat(path, &st) < 0) {
		AUTO(str) packs = path_of(a, "packs");
		return err_set(e, E_NOENT,
			       stat(packs, &st) < 0
				   ? "%s holds no archive"
				   : "%s holds packs but no index: teleread reindex builds it from them",
			       a->folder);
	}
	if (asprintf(&url, "sqlite:%s", path) < 0)
		return err_set(e, E_NOMEM, "no memory for a path");
	return a->mode == ARCHIVE_READ ? open_to_read(a, url, e) : db_open(url, &a->db, e);
}

static int open_packs(struct archive *a, struct err *e)
{
	AUTO(str) path = path_of(a, "packs");
	int rc = blob_fs_open(path, a->mode == ARCHIVE_SERVE, &a->packs, e);
#ifdef TELEREAD_FAULTS
	const char *plan = getenv("TELEREAD_FAULT_BLOB");
	if (rc == 0 && plan && a->mode == ARCHIVE_SERVE)
		a->packs = blob_faulty_open(a->packs, plan);
#endif
	return rc;
}

static int open_writer(struct archive *a, const struct config *c, struct err *e)
{
	uint64_t next_seq, next_pack;
	int rc = 0;
	if (!take_clean(a, &next_seq, &next_pack))
		rc = recover(a, &next_seq, &next_pack, e);
	if (rc == 0)
		rc = packer_open(a->packs, c, next_pack, &a->packer, e);
	if (rc == 0)
		rc = committer_start(a, next_seq, &a->committer, e);
	return rc;
}

int archive_open(const struct config *c, enum archive_mode mode, struct archive **out, struct err *e)
{
	struct archive *a = calloc(1, sizeof *a);
	if (!a || !(a->folder = strdup(c->data))) {
		free(a);
		return err_set(e, E_NOMEM, "no memory for the archive");
	}
	a->mode = mode;
	a->lock_fd = -1;
	if (getrandom(&a->settler, sizeof a->settler, 0) != sizeof a->settler)
		a->settler = clock_wall_us();
	a->reserve = (uint64_t)c->reserve;
	a->max_instance = (uint64_t)c->max_instance;
	a->buffer = (size_t)pack_round((uint64_t)c->buffer);
	a->retention_years = c->retention_years;
	pthread_mutex_init(&a->buffers_lock, NULL);
	pthread_mutex_init(&a->decisions, NULL);
	pthread_mutex_init(&a->watcher.lock, NULL);
	int rc = mode == ARCHIVE_SERVE ? make_folder(a->folder, e) : 0;
	if (rc == 0 && mode == ARCHIVE_SERVE && (rc = take_lock(a, e)) == 0)
		open_alerts(a, c);
	if (rc == 0)
		rc = open_index(a, e);
	if (rc == 0 && mode == ARCHIVE_SERVE)
		rc = leave_backup(a, e);
	if (rc == 0)
		rc = attr_set_open(a->db, c->attributes, mode == ARCHIVE_SERVE, &a->attrs, e);
	if (rc == 0)
		rc = open_packs(a, e);
	if (rc == 0)
		rc = lookup_open(a, e);
	if (rc == 0 && !(a->frames = frame_cache_new()))
		rc = err_set(e, E_NOMEM, "no memory for tables of frames");
	if (rc == 0)
		rc = derived_start(a, (uint64_t)c->imaging_cache, e);
	if (rc == 0 && mode == ARCHIVE_SERVE)
		rc = open_writer(a, c, e);
	if (rc < 0) {
		archive_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

void archive_close(struct archive *a)
{
	if (!a)
		return;
	presence_stop(a);
	refresh_stop(a);
	uint64_t next_seq = a->committer ? committer_stop(a->committer) : 0;
	uint64_t next_pack = a->packer ? packer_close(a->packer) : 0;
	uint64_t through = a->db ? index_reach(a) : UINT64_MAX;
	db_close(a->db);
	if (next_seq && next_pack && through != UINT64_MAX)
		leave_clean(a, next_seq, next_pack, through);
	if (a->packs)
		a->packs->ops->close(a->packs);
	intake_buffers_free(a);
	lookup_cache_free(a->lookups);
	frame_cache_free(a->frames);
	derived_stop(a);
	if (a->alerts)
		alert_close();
	attr_set_free(a->attrs);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	pthread_mutex_destroy(&a->buffers_lock);
	pthread_mutex_destroy(&a->decisions);
	pthread_mutex_destroy(&a->watcher.lock);
	free(a->folder);
	free(a);
}

struct db *archive_db(struct archive *a)
{
	return a->db;
}

const struct attr_set *archive_attrs(struct archive *a)
{
	return a->attrs;
}

int64_t stored_read(struct archive *a, const struct stored *s, uint64_t offset, void *buf, size_t n, struct err *e)
{
	if (offset >= s->part10_len)
		return 0;
	if (n > s->part10_len - offset)
		n = (size_t)(s->part10_len - offset);
	struct stored now;
	int moved = stored_moved(a, s, &now, e);
	if (moved < 0)
		return moved;
	if (moved > 0)
		s = &now;
	int64_t k = a->packs->ops->read(a->packs, s->pack, s->at + offset, buf, n, e);
	if (k < 0 || (size_t)k == n)
		return k;
	alert_raise(ALERT_CORRUPT, s->sop_instance, "pack %llu ends inside this instance", (unsigned long long)s->pack);
	return err_set(e, E_CORRUPT, "pack %llu ends inside a stored instance", (unsigned long long)s->pack);
}

int64_t stored_appendix(struct archive *a, const struct stored *s, uint64_t offset, void *buf, size_t n, struct err *e)
{
	struct stored all = *s;
	if (offset >= s->appendix_n)
		return 0;
	if (n > s->appendix_n - offset)
		n = (size_t)(s->appendix_n - offset);
	all.part10_len += s->appendix_n;
	return stored_read(a, &all, s->part10_len + offset, buf, n, e);
}

#ifdef TELEREAD_FAULTS
void fault_point(const char *name)
{
	static _Atomic unsigned passes;
	const char *plan = getenv("TELEREAD_FAULT_POINT");
	size_t n = strlen(name);
	if (plan && !strncmp(plan, name, n) && plan[n] == ':' &&
	    atomic_fetch_add(&passes, 1) + 1 == strtoul(plan + n + 1, NULL, 10))
		kill(getpid(), SIGKILL);
}
#endif
