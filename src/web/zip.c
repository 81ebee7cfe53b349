#include "web/zip.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

struct zip {
	struct archive *writer;
	struct archive_entry *entry;
	struct buf *out;
};

static la_ssize_t written(struct archive *w, void *arg, const void *data, size_t n)
{
	struct zip *z = arg;
	struct err e = {0};

	if (buf_put(z->out, data, n, &e) < 0) {
		archive_set_error(w, ENOMEM, "%s", e.msg);
		return -1;
	}
	return (la_ssize_t)n;
}

static int failed(struct zip *z, struct err *e)
{
	const char *why = archive_error_string(z->writer);

	return err_set(e, E_IO, "writing a ZIP file: %s", why ? why : "it failed");
}

int zip_new(struct buf *out, struct zip **to, struct err *e)
{
	struct zip *z = calloc(1, sizeof(*z));

	if (!z)
		return err_set(e, E_NOMEM, "no memory for a ZIP file");
	z->out = out;
	z->writer = archive_write_new();
	z->entry = archive_entry_new();
	if (!z->writer || !z->entry) {
		zip_free(z);
		return err_set(e, E_NOMEM, "no memory for a ZIP file");
	}
	if (archive_write_set_format_zip(z->writer) < ARCHIVE_OK ||
	    archive_write_zip_set_compression_store(z->writer) < ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(z->writer, 0) < ARCHIVE_OK ||
	    archive_write_open(z->writer, z, NULL, written, NULL) < ARCHIVE_OK) {
		failed(z, e);
		zip_free(z);
		return -E_IO;
	}
	*to = z;
	return 0;
}

int zip_member(struct zip *z, const char *name, uint64_t size, struct err *e)
{
	archive_entry_clear(z->entry);
	archive_entry_set_pathname(z->entry, name);
	archive_entry_set_size(z->entry, (la_int64_t)size);
	archive_entry_set_filetype(z->entry, AE_IFREG);
	archive_entry_set_perm(z->entry, 0644);
	return archive_write_header(z->writer, z->entry) < ARCHIVE_OK ? failed(z, e) : 0;
}

int zip_data(struct zip *z, const void *data, size_t n, struct err *e)
{
	return archive_write_data(z->writer, data, n) == (la_ssize_t)n ? 0 : failed(z, e);
}

int zip_end(struct zip *z, struct err *e)
{
	return archive_write_close(z->writer) < ARCHIVE_OK ? failed(z, e) : 0;
}

void zip_free(struct zip *z)
{
	if (!z)
		return;
	if (z->writer) {
		archive_write_fail(z->writer); /* else freeing it would write the directory */
		archive_write_free(z->writer);
	}
	archive_entry_free(z->entry);
	free(z);
}
