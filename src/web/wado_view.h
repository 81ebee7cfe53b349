/* web/wado_view.h - the bytes of an instance's Part 10 file: as it is stored, or in another transfer syntax.
 *
 * Errors:   those of transcoded_open() and stored_read().
 * Memory:   a view owns what it reads from: view_cleanup().   Threads: one at a time for each view; making one may wait.
 */
#ifndef WEB_WADO_VIEW_H
#define WEB_WADO_VIEW_H

#include "archive/query.h"
#include "base/auto.h"

struct derived;
struct view {
	struct archive *archive;
	struct stored stored;
	struct derived *other; /* NULL: as stored */
	char syntax[65];
	uint64_t size;     /* of the Part 10 file */
	uint64_t head_len; /* its data set begins there */
	int fd;            /* of other; or, without other, the view's own file; -1 none */
};
void view_stored(struct archive *a, const struct stored *s, struct view *out);
/* syntax that of s: as view_stored(). */
int view_open(struct archive *a, const struct stored *s, const char *syntax, struct view *out, struct err *e);
/* Bytes that were made of s, all n of a file: fd becomes the view's own. No Part 10 file: head_len is 0. */
void view_file(struct archive *a, const struct stored *s, int fd, uint64_t n, struct view *out);
/* Likewise of what was derived of s (archive/derived.h): d becomes the view's own. */
void view_derived(struct archive *a, const struct stored *s, struct derived *d, struct view *out);
/* Exactly n bytes of the Part 10 file from at; -E_CORRUPT where it ends before. */
int view_read(const struct view *v, uint64_t at, void *buf, size_t n, struct err *e);
/* For the kernel to read from: the Part 10 file begins at *at of *fd, which the caller closes. -E_UNSUP: use view_read(). */
int view_descriptor(const struct view *v, int *fd, uint64_t *at, struct err *e);
void view_cleanup(struct view *v);
AUTO_TYPE(view, struct view);
#endif
