/* web/wado_zip.c - a study, series or instance as a ZIP file, written while the client takes it.
 *
 * Names of members are numbers and UIDs, nothing else that came from outside: study/series/000001-instance.dcm. Their order
 * is that of every retrieval.
 */
#include "base/log.h"
#include "web/reply.h"
#include "web/wado.h"
#include "web/wado_choice.h"
#include "web/zip.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_MOST 200000u
#define PENDING_MOST (64u << 20) /* the directory of so many */
#define BLOCK (128u << 10)

struct zipping {
	struct exchange *x;
	struct selection *selection;
	struct zip *zip;
	struct buf pending; /* written, not yet taken from at `taken` on */
	size_t taken;
	struct view view;
	uint64_t at; /* of view; view.size: its end */
	unsigned members;
	bool over;
	uint8_t block[BLOCK];
};

static void close_zip(void *arg)
{
	struct zipping *z = arg;

	view_cleanup(&z->view);
	zip_free(z->zip);
	select_close(z->selection);
	buf_cleanup(&z->pending);
	free(z);
}

/* What is not taken in the syntax that it has, and cannot be turned into another, is in the file all the same, as it is. */
static int begin_member(struct zipping *z, struct err *e)
{
	struct err why = {0};
	char name[3 * 65 + 32];
	const char *syntax;
	struct stored s;
	int rc;

	if ((rc = select_next(z->selection, &s, e)) <= 0)
		return rc;
	syntax = wado_syntax(&z->x->accept, "application/zip", false, s.syntax);
	if (view_open(z->x->archive, &s, *syntax ? syntax : s.syntax, &z->view, &why) < 0) {
		log_warn("instance %s goes into a ZIP file as it is stored: %s", s.sop_instance, why.msg);
		view_stored(z->x->archive, &s, &z->view);
	}
	z->at = 0;
	snprintf(name, sizeof(name), "%s/%s/%06u-%s.dcm", s.study, s.series, ++z->members, s.sop_instance);
	rc = zip_member(z->zip, name, z->view.size, e);
	return rc < 0 ? rc : 1;
}

static int write_block(struct zipping *z, struct err *e)
{
	size_t n = z->view.size - z->at < BLOCK ? (size_t)(z->view.size - z->at) : BLOCK;
	int rc = view_read(&z->view, z->at, z->block, n, e);

	z->at += n;
	return rc < 0 ? rc : zip_data(z->zip, z->block, n, e);
}

static int step(struct zipping *z, struct err *e)
{
	int rc = 1;

	if (z->at == z->view.size) {
		view_cleanup(&z->view);
		rc = begin_member(z, e);
	}
	if (rc > 0)
		return write_block(z, e);
	if (rc < 0)
		return rc;
	z->over = true;
	return zip_end(z->zip, e);
}

static int fill_zip(void *arg, struct buf *out, struct err *e)
{
	struct zipping *z = arg;
	size_t n;
	int rc;

	while (z->pending.len - z->taken < HTTP_PIECE / 2 && !z->over)
		if ((rc = step(z, e)) < 0)
			return rc;
	n = z->pending.len - z->taken < HTTP_PIECE ? z->pending.len - z->taken : HTTP_PIECE;
	if ((rc = buf_put(out, z->pending.data + z->taken, n, e)) < 0)
		return rc;
	z->taken += n;
	if (z->taken < z->pending.len)
		return HTTP_MORE;
	buf_clear(&z->pending);
	z->taken = 0;
	return z->over ? HTTP_END : HTTP_MORE;
}

int wado_zip(struct exchange *x, struct selection *s, uint64_t total, struct err *e)
{
	static const struct http_source source = {.fill = fill_zip, .close = close_zip};
	const char *name = x->instance[0] ? x->instance : x->series[0] ? x->series : x->study;
	struct zipping *z = calloc(1, sizeof(*z));
	char disposition[128];
	int rc;

	if (!z) {
		select_close(s);
		return err_set(e, E_NOMEM, "no memory for a ZIP file");
	}
	z->x = x;
	z->selection = s;
	z->pending = BUF(PENDING_MOST);
	snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s.zip\"", name);
	if (total > MEMBERS_MOST)
		rc = err_set(e, E_LIMIT, "%" PRIu64 " instances are too many for one ZIP file (%u)", total,
			     MEMBERS_MOST);
	else if ((rc = zip_new(&z->pending, &z->zip, e)) == 0)
		rc = http_add(x->http, "Content-Disposition", disposition);
	if (rc < 0) {
		close_zip(z);
		return rc;
	}
	return reply_stream(x, 200, "application/zip", -1, &source, z, e);
}
