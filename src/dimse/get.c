#include "base/log.h"
#include "dimse/retrieve.h"
#include "dimse/send.h"
#include <string.h>

/* Contexts through which the caller agreed to receive. */
static void contexts(struct sender *out, const struct session *s)
{
	for (unsigned i = 0; i < SESSION_CONTEXTS; i++) {
		const struct shim_context *c = s->contexts[i];

		if (c && c->accepted_scp)
			out->contexts[out->n_contexts++] = (struct send_context){c->id, c->abstract, c->accepted};
	}
}

/* One sub-operation; negative: association broken. */
static int send_one(struct retrieve *r, struct sender *to, const struct stored *what, const struct stored *next,
		    struct err *e)
{
	struct err why = {0};
	uint16_t status = RETRIEVE_UNSENT;
	int rc = sender_send(to, what, next, &status, &why);

	if (rc < 0) {
		*e = why;
		return rc;
	}
	if (rc > 0)
		log_warn("instance %s not sent: %s", what->sop_instance, why.msg);
	else if (status != STATUS_SUCCESS)
		log_warn("instance %s answered with %04x", what->sop_instance, status);
	retrieve_count(r, what, status);
	return 0;
}

static int run(struct retrieve *r, struct sender *to, struct err *e)
{
	struct stored pair[2];
	unsigned now = 0;
	struct err why = {0};
	int rc, have;

	have = select_next(r->selection, &pair[now], &why);
	if (r->total && (rc = retrieve_pending(r, true, e)) < 0)
		return rc;
	while (have > 0 && !to->cancelled) {
		have = select_next(r->selection, &pair[!now], &why);
		if ((rc = send_one(r, to, &pair[now], have > 0 ? &pair[!now] : NULL, e)) < 0 ||
		    (rc = retrieve_pending(r, false, e)) < 0)
			return rc;
		now = !now;
	}
	if (have < 0)
		log_error("selection ended early: %s", why.msg);
	if (have <= 0) /* dropped meanwhile, or the index failed: what remains was not sent */
		r->failed = r->total - r->completed - r->warning;
	return retrieve_end(r, to->cancelled && have > 0, e);
}

int serve_get(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	AUTO(retrieve) r = {0};
	AUTO(sender)
	to = {.archive = s->face->archive, .dimse = &s->d, .cancellable = true, .cancel_id = rq->message_id};
	struct err why = {0};
	uint16_t status;
	int rc;

	if ((rc = retrieve_begin(&r, s, rq, cx, &status, &why, e)) < 0)
		return rc;
	if (status != STATUS_SUCCESS) {
		log_warn("C-GET answered with %04x: %s", status, why.msg);
		return session_refuse(s, cx, rq, status, r.id.offending, &why, e);
	}
	contexts(&to, s);
	rc = run(&r, &to, e);
	s->bytes_out += to.bytes;
	return rc;
}
