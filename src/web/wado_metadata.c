/* web/wado_metadata.c - metadata of a study, series or instance, one data set after the other while the client takes them.
 *
 * Bulk data is referred to relative to the address asked for: from .../series/S/metadata as instances/I/bulkdata/7FE00010.
 */
#include "web/wado_metadata.h"
#include "archive/lookup.h"
#include "web/reply.h"
#include "web/telling.h"
#include "web/wado.h"
#include <stdio.h>
#include <string.h>

#define REPLY_AT_ONCE (256u << 10)

struct metadata {
	struct exchange *x;
	struct selection *selection;
	enum model_format format;
	char boundary[PARTS_BOUNDARY]; /* of the parts in XML */
	char key[256];                 /* to keep it under; "" not */
	char tag[LOOKUP_TAG];
	struct buf pending,
	    copy; /* made and not yet taken from `taken` on; all of it, while it is small enough to keep */
	size_t taken;
	uint64_t instances;
	bool over, whole;

	struct view view; /* of the instance under way */
	struct metadata_instance what;
	struct telling *telling;
};

/* ---- references */

static int put_reference(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e)
{
	struct metadata *m = arg;
	const struct exchange *x = m->x;
	const struct stored *s = &m->view.stored;
	size_t n = strlen(x->route->path);
	int rc = 0;

	(void)el;
	if (n < 9 || strcmp(x->route->path + n - 9, "/metadata") != 0)
		rc = buf_printf(out, e, "%s/", x->instance[0] ? x->instance : x->series[0] ? x->series : x->study);
	if (rc == 0 && !x->series[0])
		rc = buf_printf(out, e, "series/%s/", s->series);
	if (rc == 0 && !x->instance[0])
		rc = buf_printf(out, e, "instances/%s/", s->sop_instance);
	return rc < 0 ? rc : buf_printf(out, e, "bulkdata/%s", path);
}

/* ---- one instance */

static int put_between(struct metadata *m, struct err *e)
{
	if (m->format == MODEL_JSON)
		return buf_str(&m->pending, m->instances ? ",\n" : "[", e);
	return buf_printf(&m->pending, e, "%s--%s\r\nContent-Type: application/dicom+xml\r\n\r\n",
			  m->instances ? "\r\n" : "", m->boundary);
}

static int put_last(struct metadata *m, struct err *e)
{
	m->over = true;
	if (m->format == MODEL_JSON)
		return buf_str(&m->pending, m->instances ? "]\n" : "[]\n", e);
	return buf_printf(&m->pending, e, "\r\n--%s--\r\n", m->boundary);
}

static void end_instance(struct metadata *m)
{
	telling_free(STEAL(m->telling));
	view_cleanup(&m->view);
}

static int read_view(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	return view_read(arg, at, buf, n, e);
}

/* 1: under way, 0: there is none any more. */
static int begin_instance(struct metadata *m, struct err *e)
{
	const struct model_options o = {
	    .format = m->format, .bulk_over = METADATA_BULK_OVER, .bulk = put_reference, .arg = m};
	struct stored s;
	int rc;

	if ((rc = select_next(m->selection, &s, e)) <= 0)
		return rc;
	view_stored(m->x->archive, &s, &m->view);
	m->what = (struct metadata_instance){.sop_instance = m->view.stored.sop_instance,
					     .syntax = m->view.syntax,
					     .size = m->view.size,
					     .head_len = m->view.head_len,
					     .read = read_view,
					     .arg = &m->view};
	if ((rc = put_between(m, e)) < 0)
		return rc;
	m->instances++;
	rc = telling_new(&m->what, &o, &m->pending, &m->telling, e);
	return rc < 0 ? rc : 1;
}

/* ---- the source */

static int step(struct metadata *m, struct err *e)
{
	int rc;

	if (m->telling) {
		if ((rc = telling_step(m->telling, e)) == 0)
			end_instance(m);
		return rc < 0 ? rc : 0;
	}
	rc = begin_instance(m, e);
	return rc == 0 ? put_last(m, e) : rc < 0 ? rc : 0;
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct metadata *m = arg;
	size_t n;
	int rc;

	while (m->pending.len - m->taken < HTTP_PIECE / 2 && !m->over)
		if ((rc = step(m, e)) < 0)
			return rc;
	n = m->pending.len - m->taken < HTTP_PIECE ? m->pending.len - m->taken : HTTP_PIECE;
	if ((rc = buf_put(out, m->pending.data + m->taken, n, e)) < 0)
		return rc;
	if (m->key[0] && buf_put(&m->copy, m->pending.data + m->taken, n, NULL) < 0) {
		m->key[0] = '\0'; /* too long to be kept */
		buf_cleanup(&m->copy);
	}
	m->taken += n;
	if (m->taken < m->pending.len)
		return HTTP_MORE;
	buf_clear(&m->pending);
	m->taken = 0;
	m->whole = m->over;
	return m->over ? HTTP_END : HTTP_MORE;
}

void metadata_keep_fresh(struct exchange *x, const char *key, const char *tag, struct buf *doc)
{
	char now[LOOKUP_TAG];

	if (lookup_tag(x->archive, x->scope, x->study, x->series, now, NULL) == 0 && strcmp(now, tag) == 0)
		metadata_keep(key, doc);
}

static void end(void *arg)
{
	struct metadata *m = arg;

	if (m->whole && m->key[0])
		metadata_keep_fresh(m->x, m->key, m->tag, &m->copy);
	end_instance(m);
	select_close(m->selection);
	buf_cleanup(&m->pending);
	buf_cleanup(&m->copy);
	free(m);
}

static const struct http_source source = {.fill = fill, .close = end};

/* ---- a document that is kept */

struct kept {
	struct metadata_kept *held;
	struct metadata_doc doc;
	size_t at;
};

static int fill_kept(void *arg, struct buf *out, struct err *e)
{
	struct kept *k = arg;
	size_t n = k->doc.n - k->at < HTTP_PIECE ? k->doc.n - k->at : HTTP_PIECE;
	int rc = buf_put(out, k->doc.data + k->at, n, e);

	k->at += n;
	return rc < 0 ? rc : k->at == k->doc.n ? HTTP_END : HTTP_MORE;
}

static void close_kept(void *arg)
{
	struct kept *k = arg;

	metadata_release(k->held);
	free(k);
}

static int reply_kept(struct exchange *x, const char *type, bool gzip, struct kept *k, struct err *e)
{
	static const struct http_source kept_source = {.fill = fill_kept, .close = close_kept};
	int rc = reply_prepare(x, type, e);

	if (rc == 0 && (http_add(x->http, "Vary", "Accept, Accept-Encoding") < 0 ||
			(gzip && http_add(x->http, "Content-Encoding", "gzip") < 0)))
		rc = err_set(e, E_NOMEM, "a header of the answer could not be set");
	if (rc < 0) {
		close_kept(k);
	} else if (k->doc.n <= REPLY_AT_ONCE) {
		http_reply(x->http, 200, k->doc.data, k->doc.n);
		close_kept(k);
	} else {
		http_reply_stream(x->http, 200, (int64_t)k->doc.n, &kept_source, k);
	}
	return rc;
}

/* 1: answered from what is kept. */
static int try_kept(struct exchange *x, const char *key, const char *type, struct err *e)
{
	bool gzip = accept_coding(http_header(x->http, "Accept-Encoding"), "gzip");
	struct kept *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return err_set(e, E_NOMEM, "no memory for an answer");
	if (!metadata_find(key, gzip, &k->held, &k->doc)) {
		free(k);
		return 0;
	}
	exchange_audit(x, x->study, NULL, 0);
	rc = reply_kept(x, type, gzip, k, e);
	return rc < 0 ? rc : 1;
}

/* ---- the handler */

static const struct offer offered[] = {
    {.type = "application/dicom+json", .single = true},
    {.type = "application/dicom+xml", .multipart = true},
    {.type = "application/json", .single = true},
};

static int find_tag(struct exchange *x, char tag[LOOKUP_TAG], struct err *e)
{
	struct stored s;
	int rc;

	if (!x->instance[0])
		return lookup_tag(x->archive, x->scope, x->study, x->series, tag, e);
	if ((rc = lookup_instance(x->archive, x->scope, x->study, x->series, x->instance, &s, e)) == 0)
		stored_tag(x->archive, &s, tag);
	return rc;
}

static int make(struct exchange *x, enum model_format format, const char *key, const char *tag, struct metadata **out,
		struct err *e)
{
	struct metadata *m = calloc(1, sizeof(*m));
	uint64_t total;
	int rc;

	if (!m)
		return err_set(e, E_NOMEM, "no memory for an answer");
	m->x = x;
	m->format = format;
	m->pending = BUF(METADATA_PENDING_MOST);
	m->copy = BUF(METADATA_ONE);
	snprintf(m->key, sizeof(m->key), "%s", key);
	snprintf(m->tag, sizeof(m->tag), "%s", tag);
	if ((rc = parts_boundary(m->boundary, e)) < 0 || (rc = wado_select(x, &m->selection, &total, e)) < 0) {
		m->key[0] = '\0';
		end(m);
		return rc;
	}
	*out = m;
	return 0;
}

int wado_metadata(struct exchange *x, struct err *e)
{
	char tag[LOOKUP_TAG], known_as[LOOKUP_TAG + 8], key[256] = "", type[160];
	const struct offer *o;
	struct metadata *m = NULL;
	bool multipart, xml;
	int rc;

	if (!(o = accept_choose(&x->accept, offered, sizeof(offered) / sizeof(*offered), &multipart)))
		return reply_unacceptable(x, offered, 2, e);
	xml = o->multipart;
	if ((rc = find_tag(x, tag, e)) < 0)
		return rc;
	snprintf(known_as, sizeof(known_as), "%s-%c" METADATA_FORM, tag, xml ? 'x' : 'j');
	if ((rc = reply_fresh(x, known_as, false, e)) != 0)
		return rc < 0 ? rc : 0;
	if (!xml && !x->instance[0]) {
		snprintf(key, sizeof(key), "%s %s %s %s", x->study, x->series, known_as,
			 strstr(x->route->path, "/metadata") ? "" : "-");
		if ((rc = try_kept(x, key, o->type, e)) != 0)
			return rc < 0 ? rc : 0;
		if (x->series[0] && strstr(x->route->path, "/metadata") &&
		    (rc = metadata_settled(x, o->type, key, tag, e)) != 0)
			return rc < 0 ? rc : 0;
	}
	if ((rc = make(x, xml ? MODEL_XML : MODEL_JSON, key, tag, &m, e)) < 0)
		return rc;
	snprintf(type, sizeof(type), xml ? "multipart/related; type=\"%s\"; boundary=%s" : "%s", o->type, m->boundary);
	return reply_stream(x, 200, type, -1, &source, m, e);
}
