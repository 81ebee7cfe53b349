#include "archive/scratch.h"
#include "base/write.h"
#include "web/stow_own.h"
#include <unistd.h>

#define MEMORY_ITEMS 128u

void stow_log_init(struct stow_log *l, struct archive *a)
{
	*l = (struct stow_log){.archive = a, .memory = BUF(MEMORY_ITEMS * sizeof(struct stow_item)), .fd = -1};
}

void stow_log_free(struct stow_log *l)
{
	buf_cleanup(&l->memory);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static int put(struct stow_log *l, const struct stow_item *item, struct err *e)
{
	char path[SCRATCH_PATH];

	if (l->n < MEMORY_ITEMS)
		return buf_put(&l->memory, item, sizeof *item, e);
	if (l->fd < 0 && (l->fd = scratch_file(l->archive, path, e)) < 0)
		return l->fd;
	return write_all(l->fd, item, sizeof *item, "a scratch file", e);
}

int stow_log_add(struct stow_log *l, const struct stow_item *item, struct err *e)
{
	int rc = put(l, item, e);

	if (rc < 0)
		return rc;
	l->n++;
	l->of_kind[item->kind]++;
	l->warned += item->kind == STOW_DONE && item->reason;
	return 0;
}

int stow_log_at(const struct stow_log *l, uint64_t i, struct stow_item *out, struct err *e)
{
	ssize_t n;

	if (i < MEMORY_ITEMS) {
		memcpy(out, l->memory.data + i * sizeof *out, sizeof *out);
		return 0;
	}
	n = pread(l->fd, out, sizeof *out, (off_t)((i - MEMORY_ITEMS) * sizeof *out));
	return n == (ssize_t)sizeof *out ? 0 : err_sys(e, E_IO, "reading a scratch file");
}
