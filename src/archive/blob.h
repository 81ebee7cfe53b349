/* archive/blob.h - where packs lie: a table of drivers. Included by archive/ only.
 *
 * A blob is written through one writer (pieces at offsets, each sync makes all written so far durable), sealed, then
 * read in ranges. Keys are decimal numbers chosen by us (pack ids); nothing a peer sent is ever part of a key. Drivers:
 * fs (one file each, parent folders synced), faulty (over another: the n-th call fails), both in blob_*.c. Threads:  a
 * writer may be written by several threads at different offsets; all else as said.
 */
#ifndef ARCHIVE_BLOB_H
#define ARCHIVE_BLOB_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct blob_store;
struct blob_writer;
struct blob_store_ops {
	const char *name;
	/* -E_EXISTS when the key is taken. The name is durable after the first sync. */
	int (*create)(struct blob_store *s, uint64_t key, struct blob_writer **out, struct err *e);
	/* Writes zeros over [from, from + n) so that later syncs need no metadata; no page cache where it can be had.
	 */
	int (*prewrite)(struct blob_writer *w, uint64_t from, uint64_t n, struct err *e);
	int (*write)(struct blob_writer *w, const void *data, size_t n, uint64_t at, struct err *e);
	int (*flush)(struct blob_writer *w, uint64_t from, uint64_t n,
		     struct err *e);                       /* starts write-back, may do nothing */
	int (*sync)(struct blob_writer *w, struct err *e); /* durable on return */
	int (*seal)(struct blob_writer *w, uint64_t size,
		    struct err *e);           /* cuts to size, syncs; consumes in any case */
	void (*abort)(struct blob_writer *w); /* removes; consumes */
	void (*drop)(struct blob_writer *w);  /* closes, keeps as it is; consumes */
	/* Gives the blocks back: zeros are read there. -E_UNSUP where that cannot be done; n 0 only asks. */
	int (*punch)(struct blob_writer *w, uint64_t from, uint64_t n, struct err *e);
	int64_t (*read)(struct blob_store *s, uint64_t key, uint64_t at, void *buf, size_t n,
			struct err *e); /* short at the end */
	/* Where the next bytes are that may be other than zero, from `at` on; the size when there are none. NULL: not known. */
	int64_t (*next)(struct blob_store *s, uint64_t key, uint64_t at, struct err *e);
	/* A descriptor of the file for reading, the caller's to close; NULL where blobs are no files. */
	int (*descriptor)(struct blob_store *s, uint64_t key, int *fd, struct err *e);
	int64_t (*size)(struct blob_store *s, uint64_t key, struct err *e);
	int (*reopen)(struct blob_store *s, uint64_t key, struct blob_writer **out,
		      struct err *e); /* to blank and cut after a crash */
	int (*walk)(struct blob_store *s, uint64_t from, int (*seen)(void *arg, uint64_t key), void *arg,
		    struct err *e); /* ascending */
	int (*remove)(struct blob_store *s, uint64_t key, struct err *e);
	int64_t (*room)(struct blob_store *s, struct err *e); /* free bytes */
	void (*close)(struct blob_store *s);
};
struct blob_store {
	const struct blob_store_ops *ops;
}; /* a driver's struct begins with this */
struct blob_writer {
	struct blob_store *store;
	uint64_t key;
};

/* Where the file driver keeps a pack, below its folder. Returns out. */
const char *blob_fs_name(uint64_t key, char out[40]);
int blob_fs_open(const char *folder, bool create, struct blob_store **out, struct err *e);
/* Passes everything on to `under` (consumed); fails by TELEREAD_FAULT_BLOB="write:5,sync:3-6,create:1": the counted
 * calls. */
struct blob_store *blob_faulty_open(struct blob_store *under, const char *plan);
#endif
