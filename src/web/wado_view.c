#include "web/wado_view.h"
#include "archive/lookup.h"
#include "web/transcoded.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void view_stored(struct archive *a, const struct stored *s, struct view *out)
{
	*out = (struct view){.archive = a, .stored = *s, .size = s->part10_len, .head_len = s->head_len, .fd = -1};
	memcpy(out->syntax, s->syntax, sizeof(out->syntax));
}

int view_open(struct archive *a, const struct stored *s, const char *syntax, struct view *out, struct err *e)
{
	struct derived *other;
	int rc;

	if (strcmp(s->syntax, syntax) == 0) {
		view_stored(a, s, out);
		return 0;
	}
	if ((rc = transcoded_open(a, s, syntax, &other, e)) < 0)
		return rc;
	view_stored(a, s, out);
	out->other = other;
	out->fd = transcoded_file(other, &out->size, &out->head_len);
	snprintf(out->syntax, sizeof(out->syntax), "%s", syntax);
	return 0;
}

void view_file(struct archive *a, const struct stored *s, int fd, uint64_t n, struct view *out)
{
	view_stored(a, s, out);
	out->fd = fd;
	out->size = n;
	out->head_len = 0;
}

void view_derived(struct archive *a, const struct stored *s, struct derived *d, struct view *out)
{
	view_stored(a, s, out);
	out->other = d;
	out->fd = derived_file(d, &out->size);
	out->head_len = 0;
}

int view_read(const struct view *v, uint64_t at, void *buf, size_t n, struct err *e)
{
	for (size_t have = 0; have < n;) {
		int64_t got = v->fd >= 0
				  ? pread(v->fd, (uint8_t *)buf + have, n - have, (off_t)(at + have))
				  : stored_read(v->archive, &v->stored, at + have, (uint8_t *)buf + have, n - have, e);

		if (got < 0)
			return v->fd >= 0 ? err_sys(e, E_IO, "reading a scratch file") : (int)got;
		if (got == 0)
			return err_set(e, E_CORRUPT, "instance %s ends early", v->stored.sop_instance);
		have += (size_t)got;
	}
	return 0;
}

int view_descriptor(const struct view *v, int *fd, uint64_t *at, struct err *e)
{
	int own;

	if (v->fd < 0)
		return stored_descriptor(v->archive, &v->stored, fd, at, e);
	if ((own = fcntl(v->fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return err_sys(e, E_IO, "opening a scratch file");
	*fd = own;
	*at = 0;
	return 0;
}

void view_cleanup(struct view *v)
{
	if (v->other)
		derived_release(v->other);
	else if (v->fd > 0) /* zeroed memory is a view of nothing */
		close(v->fd);
	v->other = NULL;
	v->fd = -1;
}
