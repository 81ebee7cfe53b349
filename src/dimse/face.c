#include "dimse/face.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dimse/session.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE_MS 500u      /* how soon an idle association learns that the node stops */
#define ASKED_SLICE_MS 20u /* ... that a result of storage commitment is there */

static struct metric m_in = METRIC(COUNTER, "teleread_dimse_received_bytes", "", "Bytes of data sets received");
static struct metric m_out = METRIC(COUNTER, "teleread_dimse_sent_bytes", "", "Bytes of data sets sent");

static int serve_echo(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	return session_answer(s, cx, rq, STATUS_SUCCESS, NULL, e);
}

static int ignore_cancel(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	(void)s, (void)rq, (void)cx, (void)e; /* it crossed the last answer */
	return 0;
}

static struct service {
	uint16_t field;
	int (*serve)(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e);
	struct metric seconds;
} services[] = {
#define SECONDS(op) METRIC(SECONDS, "teleread_dimse_seconds", "operation=\"" op "\"", "Time to serve one request")
    {SHIM_C_STORE_RQ, serve_store, SECONDS("store")},
    {SHIM_C_ECHO_RQ, serve_echo, SECONDS("echo")},
    {SHIM_C_FIND_RQ, serve_find, SECONDS("find")},
    {SHIM_C_MOVE_RQ, serve_move, SECONDS("move")},
    {SHIM_C_GET_RQ, serve_get, SECONDS("get")},
    {SHIM_C_CANCEL_RQ, ignore_cancel, SECONDS("cancel")},
    {SHIM_N_ACTION_RQ, serve_action, SECONDS("action")},
    {SHIM_N_EVENT_REPORT_RSP, serve_event_answer, SECONDS("event-answer")},
#undef SECONDS
};

/* ---- what the services share */

const struct shim_context *session_context(const struct session *s, uint8_t id)
{
	return id % 2 ? s->contexts[id / 2] : NULL;
}

int session_scope(struct session *s, const struct scope **out, struct err *e)
{
	int rc;

	if (!s->scoped && (rc = site_scope(s->face->archive, s->who.site, &s->scope, e)) < 0)
		return rc;
	s->scoped = true;
	*out = &s->scope;
	return 0;
}

uint16_t session_status(const struct err *why)
{
	uint16_t status = err_dimse(why->code);

	return status >> 12 == 0xB || status == STATUS_SUCCESS ? STATUS_UNABLE : status;
}

/* Error Comment is LO in the default character set: 64 characters, none of them a backslash. */
static void comment(char out[65], const char *text)
{
	size_t n = 0;

	for (; n < 64 && text[n]; n++) {
		unsigned char c = (unsigned char)text[n];

		out[n] = text[n];
		if (c < 0x20 || c > 0x7e)
			out[n] = '?';
		else if (c == '\\')
			out[n] = '/';
	}
	out[n] = 0;
}

void session_response(struct shim_command *rsp, const struct shim_command *rq, uint16_t status, const struct err *why)
{
	*rsp = (struct shim_command){
	    .field = rq->field | 0x8000, .responded_id = rq->message_id, .has_status = 1, .status = status};
	memcpy(rsp->affected_class, rq->affected_class, sizeof(rsp->affected_class));
	memcpy(rsp->affected_instance, rq->affected_instance, sizeof(rsp->affected_instance));
	if (why && why->msg[0])
		comment(rsp->error_comment, why->msg);
}

int session_refuse(struct session *s, const struct shim_context *cx, const struct shim_command *rq, uint16_t status,
		   uint32_t offending, const struct err *why, struct err *e)
{
	struct shim_command rsp;

	session_response(&rsp, rq, status, why);
	rsp.offending[0] = offending;
	return dimse_send(&s->d, cx->id, &rsp, NULL, 0, e);
}

int session_answer(struct session *s, const struct shim_context *cx, const struct shim_command *rq, uint16_t status,
		   const struct err *why, struct err *e)
{
	return session_refuse(s, cx, rq, status, 0, why, e);
}

void session_audit(const struct session *s, enum audit_kind kind, bool failed, const char *study, const char *what,
		   uint64_t instances)
{
	audit_note(&(struct audit_event){.kind = kind,
					 .failed = failed,
					 .who = s->peer.calling,
					 .how = "peer",
					 .address = s->peer.address,
					 .study = study,
					 .what = what,
					 .instances = instances});
}

void session_failed(const struct session *s, const char *what, const char *why)
{
	char who[96];

	snprintf(who, sizeof(who), "%s at %s", s->peer.calling, s->peer.address);
	alert_raise(ALERT_REPEATED, who, "%s: %s", what, why);
}

/* ---- the life of an association */

static int unknown_command(struct session *s, const struct shim_command *rq, const struct shim_context *cx,
			   struct err *e)
{
	int rc;

	if (rq->field & 0x8000)
		return err_set(e, E_INVAL, "answer %04x to no request", rq->field);
	log_warn("command %04x is not known here", rq->field);
	if ((rc = dimse_data_skip(&s->d, e)) < 0)
		return rc;
	return session_answer(s, cx, rq, STATUS_UNRECOGNIZED, NULL, e);
}

static int dispatch(struct session *s, const struct shim_command *rq, uint8_t context, struct err *e)
{
	const struct shim_context *cx = session_context(s, context);
	int64_t from = clock_mono_us();
	int rc;

	if (rq->field != SHIM_C_STORE_RQ && (rc = session_drain(s, e)) < 0)
		return rc;
	if (!cx)
		return err_set(e, E_INVAL, "message on presentation context %u, which was not accepted", context);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (services[i].field != rq->field)
			continue;
		rc = services[i].serve(s, rq, cx, e);
		s->heard_us = clock_mono_us();
		metric_observe(&services[i].seconds, s->heard_us - from);
		return rc;
	}
	return unknown_command(s, rq, cx, e);
}

static bool stopping(const struct session *s)
{
	return s->face->server && server_stopping(s->face->server);
}

/* Looks for the next request while instances are under way: 0, 1 (release), or negative; 2: nothing has come, and all
 * of them are answered. */
static int next_between(struct session *s, struct shim_command *rq, uint8_t *context, struct err *e)
{
	int rc;

	while ((rc = session_flow(s, e)) == 0 && s->n_pending) {
		rc = dimse_receive(&s->d, 0, rq, context, e);
		if (rc != -E_TIMEOUT || s->d.begun)
			return rc;
		*e = (struct err){0};
		if ((rc = session_answer_oldest(s, e)) < 0)
			return rc;
	}
	return rc < 0 ? rc : 2;
}

/* Waits for the next request: 0, 1 (release), or negative. In slices, so that a stopping node is noticed. */
static int next_request(struct session *s, struct shim_command *rq, uint8_t *context, struct err *e)
{
	int64_t idle_us = s->face->config->idle_ms * 1000, from = clock_mono_us(), left;
	int rc;

	if (s->n_pending && stopping(s) && (rc = session_drain(s, e)) < 0)
		return rc;
	if (s->n_pending && (rc = next_between(s, rq, context, e)) != 2)
		return rc;
	for (;;) {
		uint32_t slice = s->n_asked ? ASKED_SLICE_MS : SLICE_MS;

		if (stopping(s))
			return err_set(e, E_CANCEL, "the node is stopping");
		left = idle_us - (clock_mono_us() - from);
		if (left <= 0)
			return err_set(e, E_TIMEOUT, "idle for %" PRId64 " s", idle_us / 1000000);
		if (s->n_asked && (rc = session_tell(s, e)) < 0)
			return rc;
		left = (left + 999) / 1000;
		rc = dimse_receive(&s->d, left < slice ? (uint32_t)left : slice, rq, context, e);
		if (rc != -E_TIMEOUT || s->d.begun)
			return rc;
		*e = (struct err){0};
		session_silent(s);
	}
}

/* Serves until the end; why it ended is in e (E_OK: released). */
static void converse(struct session *s, struct err *e)
{
	struct shim_command rq = {0};
	uint8_t context = 0;
	int rc;

	while ((rc = next_request(s, &rq, &context, e)) == 0)
		if ((rc = dispatch(s, &rq, context, e)) < 0)
			break;
	if (rc < 0 && rc != -E_CANCEL)
		session_failed(s, "association broken off", e->msg);
	if (rc > 0 && session_drain(s, e) < 0)
		rc = -E_CLOSED;
	session_forget(s);
	if (rc > 0)
		shim_assoc_release_ack(s->d.assoc);
	else if (rc != -E_CLOSED)
		shim_assoc_abort(s->d.assoc);
}

static void sum_up(const struct session *s, const struct err *e, int64_t us)
{
	const char *how = e->code == E_OK ? "released" : e->msg;

	metric_add(&m_in, (int64_t)s->bytes_in);
	metric_add(&m_out, (int64_t)s->bytes_out);
	log_write(e->code == E_OK || e->code == E_CANCEL ? LOG_INFO : LOG_WARN,
		  "association of %s ended after %.3f s: %s; stored %" PRIu64 ", same %" PRIu64 ", quarantined %" PRIu64
		  ", refused %" PRIu64 "; %" PRIu64 " finds with %" PRIu64 " matches; sent %" PRIu64 ", unsent %" PRIu64
		  "; %" PRIu64 " bytes in, %" PRIu64 " out",
		  s->peer.calling, (double)us / 1e6, how, s->stored, s->same, s->quarantined, s->refused, s->finds,
		  s->matches, s->sent, s->unsent, s->bytes_in, s->bytes_out);
}

void face_serve(void *face, shim_assoc *a)
{
	static _Atomic uint64_t last;
	struct session s = {.face = face, .d.assoc = a, .window = 1};
	int64_t from = clock_mono_us();
	struct err e = {0};

	snprintf(s.id, sizeof(s.id), "a%" PRIu64, ++last);
	log_context(s.id);
	s.d.message_ms = (uint32_t)s.face->config->dimse_ms;
	if (negotiate(&s, &e) < 0) {
		log_warn("%s", e.msg);
		return;
	}
	converse(&s, &e);
	session_let_go(&s);
	scope_cleanup(&s.scope);
	sum_up(&s, &e, clock_mono_us() - from);
}
