#include "archive/intake.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dict.h"
#include "dimse/session.h"
#include <stdio.h>
#include <string.h>

#define LINES_MOST 10 /* refusals of one association that are logged one by one */

#define RESULT(name) METRIC(COUNTER, "teleread_stores_total", "result=\"" name "\"", "Instances by what became of them")
static struct metric m_stored = RESULT("stored"), m_same = RESULT("same"), m_quarantine = RESULT("quarantine"),
		     m_full = RESULT("full"), m_refused = RESULT("refused");
#undef RESULT

/* The request itself; a status other than success refuses it. */
static uint16_t check(const struct shim_command *rq, const struct shim_context *cx, struct err *why)
{
	if (strcmp(cx->abstract, rq->affected_class) != 0) {
		err_set(why, E_UNSUP, "class is not the one of the context");
		return STATUS_CLASS_NOT_SUPPORTED;
	}
	if (strcmp(cx->abstract, UID_VERIFICATION) == 0 || strcmp(cx->abstract, UID_COMMITMENT) == 0 ||
	    strncmp(cx->abstract, "1.2.840.10008.5.1.4.1.2.", 24) == 0) {
		err_set(why, E_UNSUP, "not a storage context");
		return STATUS_CLASS_NOT_SUPPORTED;
	}
	if (!cx->accepted_scu) { /* it agreed to receive through this context only: PS3.7 D.3.3.4 */
		err_set(why, E_UNSUP, "the context's role is not that of a sender");
		return STATUS_CLASS_NOT_SUPPORTED;
	}
	if (!uid_sane(rq->affected_instance, strlen(rq->affected_instance))) {
		err_set(why, E_INVAL, "SOP Instance UID cannot be one");
		return STATUS_INVALID_INSTANCE;
	}
	if (!rq->has_data) {
		err_set(why, E_INVAL, "no data set");
		return STATUS_UNABLE;
	}
	return STATUS_SUCCESS;
}

/* The data set, straight into the intake's memory. 0: complete; 1: the intake refused (why); negative: association
 * broken. */
static int receive(struct session *s, struct intake *in, struct err *why, struct err *e)
{
	for (;;) {
		uint8_t *at;
		size_t room;
		int64_t got;

		if (intake_space(in, &at, &room, why) < 0)
			return 1;
		if ((got = dimse_data(&s->d, at, room, e)) <= 0)
			return (int)got;
		s->bytes_in += (uint64_t)got;
		if (intake_filled(in, (size_t)got, why) < 0)
			return 1;
	}
}

/* All of the data set, into an intake that is submitted. 0; 1: refused (why); negative: association broken. */
static int take(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct intake **out,
		struct err *why, struct err *e)
{
	struct intake_source from = {.site = s->who.site,
				     .site_code = s->who.site_code,
				     .aet = s->peer.calling,
				     .door = "dimse",
				     .coerce = s->coerce,
				     .modifier = s->face->config->aet};
	struct intake *in = NULL;
	int rc;

	if (intake_begin(s->face->archive, &from, cx->accepted, rq->affected_class, rq->affected_instance, &in, why) <
	    0)
		return 1;
	if ((rc = receive(s, in, why, e)) != 0) {
		intake_abort(in);
		return rc;
	}
	intake_submit(in);
	*out = in;
	return 0;
}

static int refuse(struct session *s, const struct shim_command *rq, const struct shim_context *cx, uint16_t status,
		  const struct err *why, struct err *e)
{
	metric_add(why->code == E_FULL ? &m_full : &m_refused, 1);
	if (why->code != E_FULL) /* which is not the peer's doing */
		session_failed(s, "instance refused", why->msg);
	if (++s->refused <= LINES_MOST)
		log_warn("instance %s refused with %04x: %s", rq->affected_instance, status, why->msg);
	return session_answer(s, cx, rq, status, why, e);
}

/* Before its data set is read: what came earlier is answered first. */
static int refuse_now(struct session *s, const struct shim_command *rq, const struct shim_context *cx, uint16_t status,
		      const struct err *why, struct err *e)
{
	int rc;

	if ((rc = dimse_data_skip(&s->d, e)) < 0 || (rc = session_drain(s, e)) < 0)
		return rc;
	return refuse(s, rq, cx, status, why, e);
}

/* A sender's objects mostly have the same oddity, all of them. */
static void tell_remark(struct session *s, const char *instance, const char *remark)
{
	unsigned most = sizeof(s->remarks) / sizeof(s->remarks[0]);

	for (unsigned i = 0; i < s->n_remarks && i < most; i++)
		if (strcmp(s->remarks[i], remark) == 0)
			return;
	snprintf(s->remarks[s->n_remarks++ % most], sizeof(s->remarks[0]), "%s", remark);
	log_info("instance %s kept with a remark (told once in an association): %s", instance, remark);
}

/* "coerced: PatientID, IssuerOfPatientID", and the tags as Offending Elements (PS3.4 B.2.3). */
static void name_coerced(const struct intake_result *result, struct shim_command *rsp)
{
	size_t n = (size_t)snprintf(rsp->error_comment, sizeof rsp->error_comment, "coerced:");

	for (unsigned i = 0; i < result->n_coerced; i++) {
		if (n < sizeof rsp->error_comment)
			n += (size_t)snprintf(rsp->error_comment + n, sizeof rsp->error_comment - n, "%s %s",
					      i ? "," : "", dict_keyword(result->coerced[i]));
		if (i < SHIM_OFFENDING)
			rsp->offending[i] = result->coerced[i];
	}
}

/* Stored, or the same again. Who resends what was coerced hears the same answer again. */
static int answer_stored(struct session *s, const struct shim_command *rq, const struct shim_context *cx,
			 const struct intake_result *result, struct err *e)
{
	bool coerced = result->n_coerced > 0 && !s->coerce->quiet;
	struct shim_command rsp;

	session_response(&rsp, rq, coerced ? STATUS_WARNING : STATUS_SUCCESS, NULL);
	if (coerced)
		name_coerced(result, &rsp);
	if (result->n_coerced > 0)
		log_debug("instance %s coerced", rq->affected_instance);
	return dimse_send(&s->d, cx->id, &rsp, NULL, 0, e);
}

/* ---- what is under way: submitted, and not answered yet. Answers go in the order of the requests. */

struct pending {
	struct intake *intake;
	const struct shim_context *cx;
	struct shim_command rq;
};

static int answer(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct intake *in,
		  struct err *e)
{
	struct intake_result result;
	struct err why = {0};

	if (intake_finish(in, &result, &why) < 0) {
		session_audit(s, AUDIT_RECEIVED, true, result.study, "C-STORE", 1);
		return refuse(s, rq, cx, session_status(&why), &why, e);
	}
	session_audit(s, AUDIT_RECEIVED, result.outcome > INTAKE_SAME, result.study,
		      result.outcome > INTAKE_SAME ? "C-STORE, kept in quarantine" : "C-STORE", 1);
	switch (result.outcome) {
	case INTAKE_STORED:
		metric_add(&m_stored, 1);
		s->stored++;
		if (result.reason[0])
			tell_remark(s, rq->affected_instance, result.reason);
		break;
	case INTAKE_SAME:
		metric_add(&m_same, 1);
		s->same++;
		break;
	case INTAKE_QUARANTINE:
		metric_add(&m_quarantine, 1);
		if (++s->quarantined <= LINES_MOST)
			log_warn("instance %s quarantined: %s", rq->affected_instance, result.reason);
		err_set(&why, E_CONFLICT, "%s", result.reason);
		return session_answer(s, cx, rq, STATUS_WARNING, &why, e);
	case INTAKE_UNREADABLE: /* kept, but not as what the sender meant: it must not rely on it */
		metric_add(&m_quarantine, 1);
		if (++s->quarantined <= LINES_MOST)
			log_warn("instance %s cannot be understood and is kept aside: %s", rq->affected_instance,
				 result.reason);
		err_set(&why, E_INVAL, "%s", result.reason);
		return session_answer(s, cx, rq, STATUS_UNABLE, &why, e);
	}
	return answer_stored(s, rq, cx, &result, e);
}

int session_answer_oldest(struct session *s, struct err *e)
{
	struct pending p = s->pending[s->first_pending];

	s->first_pending = (s->first_pending + 1) % s->window;
	s->n_pending--;
	return answer(s, &p.rq, p.cx, p.intake, e);
}

int session_flow(struct session *s, struct err *e)
{
	int rc = 0;

	while (rc == 0 && s->n_pending &&
	       (s->n_pending == s->window || intake_settled(s->pending[s->first_pending].intake)))
		rc = session_answer_oldest(s, e);
	return rc;
}

int session_drain(struct session *s, struct err *e)
{
	int rc = 0;

	while (rc == 0 && s->n_pending)
		rc = session_answer_oldest(s, e);
	return rc;
}

void session_forget(struct session *s)
{
	for (; s->n_pending; s->n_pending--) {
		intake_abort(s->pending[s->first_pending].intake);
		s->first_pending = (s->first_pending + 1) % s->window;
	}
	free(s->pending);
	s->pending = NULL;
}

int serve_store(struct session *s, const struct shim_command *rq, const struct shim_context *cx, struct err *e)
{
	struct intake *in = NULL;
	struct err why = {0};
	uint16_t status = check(rq, cx, &why);
	int rc;

	if (status != STATUS_SUCCESS)
		return refuse_now(s, rq, cx, status, &why, e);
	if ((rc = take(s, rq, cx, &in, &why, e)) < 0)
		return rc;
	if (rc > 0)
		return refuse_now(s, rq, cx, session_status(&why), &why, e);
	if (s->window == 1)
		return answer(s, rq, cx, in, e);
	if (!s->pending && !(s->pending = calloc(s->window, sizeof *s->pending))) {
		s->window = 1;
		return answer(s, rq, cx, in, e);
	}
	s->pending[(s->first_pending + s->n_pending++) % s->window] = (struct pending){in, cx, *rq};
	return 0;
}
