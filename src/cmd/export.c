#include "archive/frames.h"
#include "archive/query.h"
#include "base/write.h"
#include "cmd/cmd.h"
#include "imaging/transcode.h"
#include "imaging/worker.h"
#include "shim/shim.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define PIECE (256u << 10)
#define FILE_ID 40

AUTO_TYPE(cursor, struct cursor *);

static struct {
	char **studies;
	char *to;
	gboolean all, original;
} opt;

static const GOptionEntry options[] = {
    {"study", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &opt.studies, "Study Instance UID; may be given several times", "UID"},
    {"all", 0, 0, G_OPTION_ARG_NONE, &opt.all, "Every study", NULL},
    {"original", 0, 0, G_OPTION_ARG_NONE, &opt.original, "Data sets as they were received, not as they were settled",
     NULL},
    {"to", 0, 0, G_OPTION_ARG_FILENAME, &opt.to, "Folder to write into; made when it is not there", "DIR"},
    G_OPTION_ENTRY_NULL,
};

/* One export. Files are named DICOM/S0000001/E0000001/I0000001: nothing that a sender chose is part of a path. */
struct export
{
	struct archive *archive;
	const struct config *config;
	struct scope scope;
	int to;    /* the folder */
	bool made; /* it was not there */
	unsigned study, series, image;
	char series_uid[65];
	GPtrArray *ids; /* file ids, "DICOM/S.../E.../I..." */
	uint64_t written, failed, unnamed, bytes;
	uint8_t *piece;
	struct progress bar;
};

/* ---- one instance */

static int make_folder_at(int at, const char *path, struct err *e)
{
	if (mkdirat(at, path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, E_IO, "cannot make %s", path);
	return 0;
}

/* Counts on and makes the folders on the way to the next file. */
static int next_name(struct export *x, const struct stored *s, char id[FILE_ID], struct err *e)
{
	char folder[FILE_ID];
	int rc;

	if (x->series == 0 || strcmp(x->series_uid, s->series) != 0) {
		x->series++;
		x->image = 0;
		memcpy(x->series_uid, s->series, sizeof x->series_uid);
		if ((rc = make_folder_at(x->to, "DICOM", e)) < 0)
			return rc;
		snprintf(folder, sizeof folder, "DICOM/S%07u", x->study % 10000000);
		if ((rc = make_folder_at(x->to, folder, e)) < 0)
			return rc;
		snprintf(folder, sizeof folder, "DICOM/S%07u/E%07u", x->study % 10000000, x->series % 10000000);
		if ((rc = make_folder_at(x->to, folder, e)) < 0)
			return rc;
	}
	x->image++;
	snprintf(id, FILE_ID, "DICOM/S%07u/E%07u/I%07u", x->study % 10000000, x->series % 10000000,
		 x->image % 10000000);
	return 0;
}

/* The part of a piece that belongs to the data set goes into the digest. */
static void digest_piece(XXH3_state_t *hash, const struct stored *s, uint64_t at, const uint8_t *data, size_t n)
{
	size_t skip = at >= s->head_len ? 0 : (size_t)(s->head_len - at);

	if (skip < n)
		XXH3_128bits_update(hash, data + skip, n - skip);
}

static int copy_out(struct export *x, const struct stored *s, int fd, XXH3_state_t *hash, struct err *e)
{
	uint64_t at = 0;
	int rc;

	XXH3_128bits_reset(hash);
	for (;;) {
		int64_t n = stored_read(x->archive, s, at, x->piece, PIECE, e);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		if ((rc = write_all(fd, x->piece, (size_t)n, "the file", e)) < 0)
			return rc;
		digest_piece(hash, s, at, x->piece, (size_t)n);
		at += (uint64_t)n;
		x->bytes += (uint64_t)n;
	}
}

static int check_digest(const struct stored *s, XXH3_state_t *hash, struct err *e)
{
	XXH128_canonical_t is;

	XXH128_canonicalFromHash(&is, XXH3_128bits_digest(hash));
	return memcmp(is.digest, s->digest, sizeof s->digest) == 0
		   ? 0
		   : err_set(e, E_CORRUPT, "the stored bytes do not fit their checksum");
}

/* What was received, put together again, and proven by its checksum. */
static int rebuild(struct export *x, const struct stored *s, int fd, struct err *e)
{
	AUTO(frames_source) settled = {.fd = -1};
	uint64_t size = 0;
	int rc = frames_source(x->archive, s, &settled, e);

	if (rc == 0)
		rc = transcode_rebuild(&settled, s->received_syntax, s->received_digest, s->received_len, fd, &size, e);
	x->bytes += size;
	if (rc != -E_CORRUPT && rc != -E_MISMATCH)
		return rc;
	*e = (struct err){0};
	return err_set(e, E_CORRUPT,
		       "what was settled in pack %" PRIu64
		       " is damaged: what was received cannot be put together again from it",
		       s->pack);
}

static int copy(struct export *x, const struct stored *s, int fd, struct err *e)
{
	XXH3_state_t *hash = XXH3_createState();
	int rc;

	if (!hash)
		return err_set(e, E_NOMEM, "no memory for a checksum");
	if ((rc = copy_out(x, s, fd, hash, e)) == 0)
		rc = check_digest(s, hash, e);
	XXH3_freeState(hash);
	return rc;
}

static int write_instance(struct export *x, const struct stored *s, const char *id, struct err *e)
{
	AUTO(fd) fd = openat(x->to, id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	int rc;

	if (fd < 0)
		return err_sys(e, E_IO, "cannot make %s", id);
	rc = opt.original && s->settled && s->appendix_n > 0 ? rebuild(x, s, fd, e) : copy(x, s, fd, e);
	if (rc < 0)
		unlinkat(x->to, id, 0);
	return rc;
}

/* A damaged instance is counted and named, the rest goes on; a folder that cannot be written ends the export. */
static int export_instance(struct export *x, const struct stored *s, struct err *e)
{
	struct err why = {0};
	char id[FILE_ID];
	int rc;

	if ((rc = next_name(x, s, id, e)) < 0)
		return rc;
	rc = write_instance(x, s, id, &why);
	if (rc == -E_CORRUPT || rc == -E_NOENT) {
		progress_end(&x->bar);
		fprintf(stderr, "teleread export: instance %s: %s\n", s->sop_instance, why.msg);
		x->failed++;
		return 0;
	}
	if (rc < 0) {
		*e = why;
		return rc;
	}
	g_ptr_array_add(x->ids, g_strdup(id));
	x->written++;
	return 0;
}

/* ---- studies */

static int export_study(struct export *x, const char *uid, struct err *e)
{
	AUTO(dset) keys = NULL;
	struct query q = {.level = LEVEL_STUDY, .scope = &x->scope};
	struct selection *selected = NULL;
	struct stored s;
	uint64_t total = 0, done = 0, before = x->written;
	int rc;

	if (!uid_sane(uid, strlen(uid)))
		return err_set(e, E_CONFIG, "--study %.64s: not a UID", uid);
	if ((rc = dset_new(&keys, e)) < 0 || (rc = dset_put_text(keys, TAG(0x0020, 0x000D), uid, e)) < 0)
		return rc;
	q.keys = keys;
	if ((rc = select_open(x->archive, &q, &selected, &total, e)) < 0)
		return rc;
	x->study++;
	x->series = 0;
	while ((rc = select_next(selected, &s, e)) == 1 && (rc = export_instance(x, &s, e)) == 0)
		progress_at(&x->bar, ++done, total, "instances");
	select_close(selected);
	if (x->written > before)
		audit_operator(x->config, AUDIT_SENT, uid, "export %" PRIu64 " instances to %s", x->written - before,
			       opt.to);
	if (rc == 0 && total == 0) {
		fprintf(stderr, "teleread export: no study %s\n", uid);
		x->failed++;
	}
	return rc;
}

static int export_all(struct export *x, struct err *e)
{
	AUTO(dset) keys = NULL;
	AUTO(cursor) rows = NULL;
	struct query q = {.level = LEVEL_STUDY, .scope = &x->scope};
	const struct dset *row;
	int rc;

	if ((rc = dset_new(&keys, e)) < 0 || (rc = dset_put_text(keys, TAG(0x0020, 0x000D), "", e)) < 0)
		return rc;
	q.keys = keys;
	if ((rc = query_open(x->archive, &q, &rows, e)) < 0)
		return rc;
	while ((rc = cursor_next(rows, &row, e)) == 1)
		if ((rc = export_study(x, dset_text(row, TAG(0x0020, 0x000D)), e)) < 0)
			return rc;
	if (rc == 0 && x->study == 0)
		fputs("teleread export: the archive holds no study\n", stderr);
	return rc;
}

/* ---- the folder */

static int open_folder(const char *path, struct export *x, struct err *e)
{
	struct stat st;

	x->made = mkdir(path, 0777) == 0;
	if (!x->made && errno != EEXIST)
		return err_sys(e, E_CONFIG, "cannot make %s", path);
	if ((x->to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(e, E_CONFIG, "cannot open %s", path);
	if (fstatat(x->to, "DICOMDIR", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(x->to, "DICOM", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, E_CONFIG, "%s holds a DICOM file-set already, which is not overwritten", path);
	return 0;
}

static int note_listed(void *arg, const char *id)
{
	g_hash_table_add(arg, g_strdup(id));
	return 0;
}

/* why: the reason of the first. Without reading the DICOMDIR back nobody knows which the others are. */
static void name_unlisted(const struct export *x, const char *why)
{
	GHashTable *listed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	char *path = g_build_filename(opt.to, "DICOMDIR", NULL);

	fprintf(stderr, "teleread export: DICOMDIR: %s\n", why);
	if (shim_dicomdir_each(path, note_listed, listed) < 0)
		fprintf(stderr, "teleread export: DICOMDIR: it cannot be read back: %s\n", shim_error());
	else
		for (guint i = 0; i < x->ids->len; i++)
			if (!g_hash_table_contains(listed, x->ids->pdata[i]))
				fprintf(stderr, "teleread export: %s: no record in the DICOMDIR\n",
					(const char *)x->ids->pdata[i]);
	g_free(path);
	g_hash_table_destroy(listed);
}

/* A file that the DICOMDIR cannot name (a retired class, attributes missing) is written all the same; it is said. */
static int write_directory(struct export *x, struct err *e)
{
	char *why;
	int named;

	if (x->ids->len == 0)
		return 0;
	named = shim_dicomdir_write(opt.to, (const char *const *)x->ids->pdata, x->ids->len, "TELEREAD");
	if (named < 0)
		return err_set(e, E_IO, "the files are written, but no DICOMDIR: %s", shim_error());
	if ((guint)named < x->ids->len) {
		why = g_strdup(shim_error());
		progress_end(&x->bar);
		name_unlisted(x, why);
		g_free(why);
	}
	x->unnamed = x->ids->len - (guint)named;
	return syncfs(x->to) < 0 ? err_sys(e, E_IO, "cannot sync %s", opt.to) : 0;
}

static int run(struct export *x, struct err *e)
{
	int rc = open_folder(opt.to, x, e);

	if (rc < 0)
		return rc;
	progress_begin(&x->bar, "exporting");
	if (opt.all)
		rc = export_all(x, e);
	for (char **uid = opt.studies; rc == 0 && uid && *uid; uid++)
		rc = export_study(x, *uid, e);
	if (rc == 0)
		rc = write_directory(x, e);
	if (x->made && x->ids->len == 0)
		rmdir(opt.to); /* stays when it holds anything */
	progress_end(&x->bar);
	return rc;
}

static void print_sum(const struct common *c, const struct export *x)
{
	char size[16];

	if (c->json)
		print_json(json_pack("{s:I, s:I, s:I, s:I}", "exported", (json_int_t)x->written, "failed",
				     (json_int_t)x->failed, "unnamed", (json_int_t)x->unnamed, "bytes",
				     (json_int_t)x->bytes));
	else
		printf("exported %" PRIu64 ", failed %" PRIu64 ", without a DICOMDIR record %" PRIu64 ", %s\n",
		       x->written, x->failed, x->unnamed, size_text(x->bytes, size));
}

int cmd_export(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "export",
	    .args = "--study UID|--all --to DIR",
	    .text = "Writes studies as DICOM Part 10 files below DIR, with a DICOMDIR: as they lie, in the transfer\n"
		    "syntax that they were settled in, or, with --original, as they were received.",
	    .options = options,
	    .json = true,
	};
	AUTO(common) c = {0};
	AUTO(archive) a = NULL;
	struct export x = {.to = -1};
	struct err e = {0};
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!opt.to)
		return misused(usage.name, "missing --to");
	if (opt.all == (opt.studies != NULL))
		return misused(usage.name, "expected either --study or --all");
	if (open_beside(&c, false, &a, &e) < 0)
		return complain(usage.name, &e);
	if (opt.original && start_imaging(&c.config, &e) < 0)
		return complain(usage.name, &e);
	x.archive = a;
	x.config = &c.config;
	x.scope = scope_everything("teleread export");
	x.ids = g_ptr_array_new_with_free_func(g_free);
	x.piece = g_malloc(PIECE);
	rc = run(&x, &e);
	if (rc == 0)
		print_sum(&c, &x);
	imaging_stop();
	scope_cleanup(&x.scope);
	g_ptr_array_free(x.ids, TRUE);
	g_free(x.piece);
	if (x.to >= 0)
		close(x.to);
	if (rc < 0)
		return complain(usage.name, &e);
	return x.failed || x.unnamed || x.written == 0 ? EXIT_FOUND : EXIT_DONE;
}
