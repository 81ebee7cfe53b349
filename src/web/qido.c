#include "web/qido.h"
#include "base/metrics.h"
#include "dicom/model.h"
#include "web/handlers.h"
#include "web/reply.h"
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MOST ((size_t)16 << 20)
#define FILL_ENOUGH ((size_t)64 << 10) /* of one piece: the first goes out early */
#define WARNING_MOST 2048u

static struct metric m_searches = METRIC(COUNTER, "teleread_qido_total", "", "Searches over HTTP");
static struct metric m_matches = METRIC(COUNTER, "teleread_qido_answers_total", "", "Answers to searches over HTTP");

static const struct offer offers[] = {
    {.type = "application/dicom+json", .single = true},
    {.type = "application/json", .single = true},
    {.type = "application/dicom+xml", .multipart = true},
};
#define OFFERS (sizeof(offers) / sizeof(*offers))

/* One search under way: rows are read from the index as the client takes them. */
struct search {
	struct archive *archive;
	struct qido q;
	struct cursor *rows; /* NULL: nothing was asked for */
	bool xml;
	char service[SERVICE_MOST];
	char boundary[40];
	struct buf row; /* a piece of the answer; given away up to given */
	size_t given;
	uint64_t count;
	bool begun, over;
};

static void search_free(void *arg)
{
	struct search *s = arg;

	if (!s)
		return;
	metric_add(&m_matches, (int64_t)s->count);
	cursor_close(s->rows);
	qido_cleanup(&s->q);
	buf_cleanup(&s->row);
	free(s);
}

static void search_cleanup(struct search **s)
{
	search_free(*s);
}
AUTO_TYPE(search, struct search *);

/* ---- answers as they are written */

static int put_row(struct search *s, const struct dset *row, struct err *e)
{
	int rc;

	if (!s->xml) {
		rc = buf_str(&s->row, s->begun ? ",\n" : "[", e);
		return rc < 0 ? rc : model_dset(row, MODEL_JSON, "ISO_IR 192", &s->row, e);
	}
	if ((rc = buf_printf(&s->row, e, "--%s\r\nContent-Type: application/dicom+xml\r\n\r\n", s->boundary)) < 0 ||
	    (rc = model_dset(row, MODEL_XML, "ISO_IR 192", &s->row, e)) < 0)
		return rc;
	return buf_str(&s->row, "\r\n", e);
}

static int put_end(struct search *s, struct err *e)
{
	if (s->xml)
		return buf_printf(&s->row, e, "--%s--\r\n", s->boundary);
	return buf_str(&s->row, s->begun ? "]\n" : "[]\n", e);
}

/* The next answer, or the end of them. */
static int next_row(struct search *s, struct err *e)
{
	AUTO(dset) row = NULL;
	int rc = s->rows ? cursor_take(s->rows, &row, e) : 0;

	if (rc < 0)
		return rc;
	if (rc == 0) {
		s->over = true;
		return put_end(s, e);
	}
	if ((rc = qido_complete(&s->q, s->service, row, e)) < 0 || (rc = put_row(s, row, e)) < 0)
		return rc;
	s->begun = true;
	s->count++;
	return 0;
}

/* Writes about a piece of answers: all of them, when they are few. */
static int write_some(struct search *s, struct err *e)
{
	int rc = 0;

	buf_clear(&s->row);
	s->given = 0;
	while (rc >= 0 && !s->over && s->row.len < FILL_ENOUGH)
		rc = next_row(s, e);
	return rc;
}

static int search_fill(void *arg, struct buf *out, struct err *e)
{
	struct search *s = arg;
	size_t n;
	int rc;

	if (s->given == s->row.len && (rc = write_some(s, e)) < 0)
		return rc;
	n = s->row.len - s->given;
	if (n > 2 * FILL_ENOUGH) /* a long row */
		n = 2 * FILL_ENOUGH;
	if ((rc = buf_put(out, s->row.data + s->given, n, e)) < 0)
		return rc;
	s->given += n;
	return s->over && s->given == s->row.len ? HTTP_END : HTTP_MORE;
}

static const struct http_source source = {.fill = search_fill, .close = search_free};

/* ---- what was asked for */

static bool is_creator(uint32_t tag)
{
	return (tag >> 16 & 1) && (tag & 0xFFFF) < 0x1000;
}

static int note_ignored(struct search *s, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < dset_count(s->q.keys) && rc == 0; i++) {
		uint32_t tag = dset_at(s->q.keys, i)->tag;
		char hex[9];

		if (is_creator(tag) || query_key(s->archive, &s->q.query, tag) == QUERY_KEY_TAKEN)
			continue;
		snprintf(hex, sizeof(hex), "%08X", (unsigned)tag);
		rc = qido_ignore(&s->q, *dict_keyword(tag) ? dict_keyword(tag) : hex, e);
	}
	return rc;
}

/* What a broken request says of itself: always 400, whatever the index calls it. */
static int open_rows(struct exchange *x, struct search *s, struct err *e)
{
	int rc = query_open(s->archive, &s->q.query, &s->rows, e);

	if (rc == -E_INVAL || rc == -E_MISMATCH || rc == -E_LIMIT || rc == -E_NOENT)
		x->status = 400;
	return rc;
}

static int begin_search(struct exchange *x, enum query_level level, struct search **out, struct err *e)
{
	struct qido_target t = {level, x->study, x->series};
	AUTO(search) s = calloc(1, sizeof(*s));
	struct query *q;
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for a search");
	s->archive = x->archive;
	s->row = BUF(ROW_MOST);
	reply_service(x, s->service);
	if ((rc = qido_parse(&t, &x->query, x->config->attributes, &s->q, e)) < 0 || (rc = note_ignored(s, e)) < 0)
		return rc;
	q = &s->q.query;
	q->scope = x->scope;
	q->fuzzy |= strcmp(x->config->fuzzy, "always") == 0;
	q->otherwise = x->config->timezone;
	*out = STEAL(s);
	return 0;
}

/* ---- limits of the node */

/* How many answers are behind the last that this one gives; looked for up to `most`. */
static int count_more(const struct search *s, uint64_t most, uint64_t *more, struct err *e)
{
	struct query q = s->q.query;
	struct cursor *c = NULL;
	const struct dset *row;
	int rc;

	q.offset += q.limit;
	q.limit = most + 1;
	*more = 0;
	rc = query_open(s->archive, &q, &c, e);
	while (rc >= 0 && (rc = cursor_next(c, &row, e)) > 0)
		++*more;
	cursor_close(c);
	return rc;
}

/* Of searches across studies the node gives a limited number of answers at a time. */
static bool limit_search(const struct exchange *x, struct search *s)
{
	uint64_t most = (uint64_t)x->config->http_qido_limit;
	struct query *q = &s->q.query;

	if (x->study[0] || most == 0 || (q->limit > 0 && q->limit <= most))
		return false;
	q->limit = most;
	return true;
}

/* ---- the answer's head */

static int add_warning(struct search *s, struct buf *text, const char *what, struct err *e)
{
	return buf_printf(text, e, "%s299 %s: %s", text->len ? ", " : "", s->service, what);
}

static int warn_of_more(struct search *s, struct buf *text, struct err *e)
{
	uint64_t most = s->q.query.limit, more;
	char what[100];
	int rc = count_more(s, most, &more, e);

	if (rc < 0 || more == 0)
		return rc;
	snprintf(what, sizeof(what), "There are %s%" PRIu64 " additional results that can be requested",
		 more > most ? "more than " : "", more > most ? most : more);
	return add_warning(s, text, what, e);
}

static int add_warnings(struct exchange *x, struct search *s, bool limited, struct err *e)
{
	AUTO(buf) text = BUF(WARNING_MOST);
	char what[800];
	int rc = 0;

	if (limited && (rc = warn_of_more(s, &text, e)) < 0)
		return rc;
	if (s->q.ignored.len > 0) {
		snprintf(what, sizeof(what), "These attributes are not kept at this level, and were ignored: %.600s",
			 buf_text(&s->q.ignored));
		rc = add_warning(s, &text, what, e);
	} else if (s->rows && cursor_partial(s->rows)) {
		rc = add_warning(s, &text, "Numbers of related entities are answered, but not matched", e);
	}
	if (rc < 0 || text.len == 0)
		return rc;
	return http_add(x->http, "Warning", buf_text(&text)) < 0
		   ? err_set(e, E_NOMEM, "a header of the answer could not be set")
		   : 0;
}

/* What is small goes out as a whole. Consumes s. */
static int answer(struct exchange *x, struct search *s, const char *type, struct err *e)
{
	char parts[160];
	int rc;

	if (s->xml) {
		snprintf(parts, sizeof(parts), "multipart/related; type=\"%s\"; boundary=%s", type, s->boundary);
		type = parts;
	}
	if (!s->over)
		return reply_stream(x, 200, type, -1, &source, s, e);
	if (s->xml && s->count == 0) /* a message of parts has at least one */
		rc = reply_bytes(x, 204, NULL, NULL, 0, e);
	else
		rc = reply_bytes(x, 200, type, s->row.data, s->row.len, e);
	search_free(s);
	return rc;
}

static int search(struct exchange *x, enum query_level level, struct err *e)
{
	AUTO(search) s = NULL;
	const struct offer *as;
	bool in_parts, limited;
	int rc;

	metric_add(&m_searches, 1);
	if (!(as = accept_choose(&x->accept, offers, OFFERS, &in_parts)))
		return reply_unacceptable(x, offers, OFFERS, e);
	if ((rc = begin_search(x, level, &s, e)) < 0)
		return rc;
	if ((s->xml = as->multipart)) {
		g_autofree gchar *id = g_uuid_string_random();

		snprintf(s->boundary, sizeof(s->boundary), "%s", id);
	}
	limited = limit_search(x, s);
	if ((!s->q.nothing && (rc = open_rows(x, s, e)) < 0) || (rc = write_some(s, e)) < 0 ||
	    (rc = add_warnings(x, s, limited && !(s->over && s->count < s->q.query.limit), e)) < 0)
		return rc;
	return answer(x, STEAL(s), as->type, e);
}

int qido_studies(struct exchange *x, struct err *e)
{
	return search(x, LEVEL_STUDY, e);
}

int qido_series(struct exchange *x, struct err *e)
{
	return search(x, LEVEL_SERIES, e);
}

int qido_instances(struct exchange *x, struct err *e)
{
	return search(x, LEVEL_IMAGE, e);
}
