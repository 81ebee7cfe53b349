/* web/stow_reply.c - the Store Instances Response Module (PS3.18 annex I), from the log of a request, as a stream. */
#include "net/http.h"
#include "web/json.h"
#include "web/reply.h"
#include "web/stow_own.h"
#include <stdio.h>
#include <string.h>

#define FILL (64u << 10)

static const struct sequence {
	enum stow_kind kind;
	const char *tag, *keyword;
} sequences[] = {
    /* in the order of their tags */
    {STOW_FAILED, "00081198", "FailedSOPSequence"},
    {STOW_DONE, "00081199", "ReferencedSOPSequence"},
    {STOW_OTHER, "0008119A", "OtherFailuresSequence"},
};
enum { SEQUENCES = sizeof sequences / sizeof *sequences };

struct answer {
	const struct stow *s;
	unsigned at;   /* sequence under way; SEQUENCES: the end */
	uint64_t next; /* item of the log */
	uint64_t told; /* of this sequence */
	bool begun;    /* the sequence */
	bool some;     /* something stands before it */
};

/* ---- elements */

static int comma(struct buf *out, struct err *e)
{
	uint8_t last = out->len ? out->data[out->len - 1] : '{';

	return last == '{' || last == '[' ? 0 : buf_byte(out, ',', e);
}

static int element(const struct answer *a, const char *tag, const char *vr, const char *keyword, const char *text,
		   struct buf *out, struct err *e)
{
	int rc;

	if (a->s->xml) {
		if ((rc = buf_printf(out, e, "<DicomAttribute tag=\"%s\" vr=\"%s\" keyword=\"%s\"><Value number=\"1\">",
				     tag, vr, keyword)) < 0 ||
		    (rc = markup_text(out, text, e)) < 0)
			return rc;
		return buf_str(out, "</Value></DicomAttribute>", e);
	}
	if ((rc = comma(out, e)) < 0 || (rc = buf_printf(out, e, "\"%s\":{\"vr\":\"%s\",\"Value\":[", tag, vr)) < 0 ||
	    (rc = strcmp(vr, "US") ? json_text(out, text, e) : buf_str(out, text, e)) < 0)
		return rc;
	return buf_str(out, "]}", e);
}

static int number(const struct answer *a, const char *tag, const char *keyword, unsigned n, struct buf *out,
		  struct err *e)
{
	char text[12];

	snprintf(text, sizeof text, "%u", n);
	return element(a, tag, "US", keyword, text, out, e);
}

/* Where the client reached us: what it gets is for itself. */
static int url(const struct answer *a, const char *study, const struct stow_item *item, struct buf *out, struct err *e)
{
	char service[SERVICE_MOST], text[600];
	int n;

	reply_service(a->s->x, service);
	n = snprintf(text, sizeof text, "%s/studies/%s", service, study);
	if (item)
		snprintf(text + n, sizeof text - (size_t)n, "/series/%s/instances/%s", item->series,
			 item->sop_instance);
	return element(a, "00081190", "UR", "RetrieveURL", text, out, e);
}

/* ---- items */

static int item_begin(struct answer *a, struct buf *out, struct err *e)
{
	int rc;

	a->told++;
	if (a->s->xml)
		return buf_printf(out, e, "<Item number=\"%llu\">", (unsigned long long)a->told);
	if (a->told > 1 && (rc = buf_byte(out, ',', e)) < 0)
		return rc;
	return buf_byte(out, '{', e);
}

static int item_put(struct answer *a, const struct stow_item *it, struct buf *out, struct err *e)
{
	int rc = item_begin(a, out, e);

	if (rc == 0 && it->kind != STOW_OTHER)
		rc = element(a, "00081150", "UI", "ReferencedSOPClassUID", it->sop_class, out, e);
	if (rc == 0 && it->kind != STOW_OTHER)
		rc = element(a, "00081155", "UI", "ReferencedSOPInstanceUID", it->sop_instance, out, e);
	if (rc == 0 && it->kind == STOW_DONE && !it->reason)
		rc = url(a, it->study, it, out, e);
	if (rc == 0 && it->kind == STOW_DONE && it->reason)
		rc = number(a, "00081196", "WarningReason", it->reason, out, e);
	if (rc == 0 && it->kind != STOW_DONE)
		rc = number(a, "00081197", "FailureReason", it->reason, out, e);
	return rc < 0 ? rc : buf_str(out, a->s->xml ? "</Item>" : "}", e);
}

static int sequence_begin(struct answer *a, struct buf *out, struct err *e)
{
	const struct sequence *q = &sequences[a->at];
	bool none = a->s->log.of_kind[q->kind] == 0;
	int rc;

	a->begun = true;
	a->told = 0;
	a->next = none ? a->s->log.n : 0;
	if (none)
		return 0;
	if (a->s->xml)
		return buf_printf(out, e, "<DicomAttribute tag=\"%s\" vr=\"SQ\" keyword=\"%s\">", q->tag, q->keyword);
	rc = buf_printf(out, e, "%s\"%s\":{\"vr\":\"SQ\",\"Value\":[", a->some ? "," : "", q->tag);
	a->some = true;
	return rc;
}

/* One step of it: an item, or what stands around items. */
static int step(struct answer *a, struct buf *out, struct err *e)
{
	const struct stow_log *l = &a->s->log;
	struct stow_item it;
	int rc;

	if (!a->begun)
		return sequence_begin(a, out, e);
	while (a->next < l->n) {
		if ((rc = stow_log_at(l, a->next++, &it, e)) < 0)
			return rc;
		if (it.kind == sequences[a->at].kind)
			return item_put(a, &it, out, e);
	}
	a->begun = false;
	if (!l->of_kind[sequences[a->at++].kind])
		return 0;
	return buf_str(out, a->s->xml ? "</DicomAttribute>" : "]}", e);
}

/* The study that all of them are of; "" when there are several. */
static int answer_begin(struct answer *a, struct buf *out, struct err *e)
{
	const struct stow *s = a->s;
	GHashTableIter at;
	gpointer study = NULL;
	int rc;

	rc = buf_str(out,
		     s->xml ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NativeDicomModel "
			      "xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" xml:space=\"preserve\">"
			    : "{",
		     e);
	g_hash_table_iter_init(&at, s->studies);
	if (g_hash_table_size(s->studies) == 1)
		g_hash_table_iter_next(&at, &study, NULL);
	a->some = study != NULL;
	return rc < 0 || !study ? rc : url(a, study, NULL, out, e);
}

static int fill(void *arg, struct buf *out, struct err *e)
{
	struct answer *a = arg;
	size_t before = out->len;
	int rc = 0;

	if (a->at == 0 && !a->begun)
		rc = answer_begin(a, out, e);
	while (rc == 0 && a->at < SEQUENCES && out->len - before < FILL)
		rc = step(a, out, e);
	if (rc < 0 || a->at < SEQUENCES)
		return rc < 0 ? rc : HTTP_MORE;
	rc = buf_str(out, a->s->xml ? "</NativeDicomModel>\n" : "}\n", e);
	return rc < 0 ? rc : HTTP_END;
}

/* ---- all of it */

/* PS3.18 10.5.3.1 */
static int status_of(const struct stow *s)
{
	const struct stow_log *l = &s->log;
	uint64_t failed = l->of_kind[STOW_FAILED] + l->of_kind[STOW_OTHER];

	if (failed == 0)
		return l->warned ? 202 : 200;
	if (l->of_kind[STOW_DONE])
		return 202;
	return s->no_room == failed ? 507 : 409;
}

/* What went wrong first, in words: the module has codes only. */
static void warn(const struct stow *s)
{
	char text[sizeof s->why.msg + 40];
	size_t n = (size_t)snprintf(text, sizeof text, "299 teleread \"%s", s->why.msg);

	if (!s->why.msg[0])
		return;
	for (char *p = text + strlen("299 teleread \""); *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	snprintf(text + n, sizeof text - n, "\"");
	http_add(s->x->http, "Warning", text);
}

int stow_answer(struct stow *s, struct err *e)
{
	static const struct http_source source = {.fill = fill, .close = free};
	AUTO(buf) body = BUF(16 * FILL);
	struct answer *a = calloc(1, sizeof *a);
	const char *type = s->xml ? "application/dicom+xml" : "application/dicom+json";
	int rc;

	if (!a)
		return err_set(e, E_NOMEM, "no memory for an answer");
	a->s = s;
	warn(s);
	if (s->log.fd >= 0)
		return reply_stream(s->x, status_of(s), type, -1, &source, a, e);
	while ((rc = fill(a, &body, e)) == HTTP_MORE)
		;
	free(a);
	return rc < 0 ? rc : reply_bytes(s->x, status_of(s), type, body.data, body.len, e);
}
