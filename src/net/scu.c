#include "net/scu.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define VERIFICATION "1.2.840.10008.1.1"
#define ROW_MOST (4u << 20) /* one answer to C-FIND */

struct scu {
	struct dimse d;
	uint16_t last_id;
	unsigned n;
	struct shim_context contexts[SCU_PROPOSALS];
};

static void propose(struct shim_context *c, const struct scu_proposal *p, unsigned i)
{
	c->id = (uint8_t)(2 * i + 1);
	snprintf(c->abstract, sizeof(c->abstract), "%s", p->abstract);
	c->syntaxes = p->syntaxes;
	while (c->n_syntaxes < sizeof(p->syntaxes) / sizeof(p->syntaxes[0]) && p->syntaxes[c->n_syntaxes])
		c->n_syntaxes++;
	c->role_scu = !p->as_scp;
	c->role_scp = p->as_scp;
}

int scu_open(const struct scu_target *t, const struct scu_proposal *p, unsigned n, struct scu **out, struct err *e)
{
	struct scu *s;
	int rc;

	if (n > SCU_PROPOSALS)
		return err_set(e, E_LIMIT, "%u presentation contexts, at most %u fit", n, SCU_PROPOSALS);
	if (!(s = calloc(1, sizeof(*s))))
		return err_set(e, E_NOMEM, "no memory for an association");
	s->n = n;
	s->d.message_ms = t->message_ms ? t->message_ms : 60000;
	for (unsigned i = 0; i < n; i++)
		propose(&s->contexts[i], &p[i], i);
	rc = shim_assoc_request(t->host, t->port, t->calling, t->called, &t->options, s->contexts, n, &s->d.assoc);
	if (rc < 0) {
		free(s);
		return dimse_error(rc, e);
	}
	for (unsigned i = 0; i < n; i++) /* they were the caller's */
		s->contexts[i].syntaxes = NULL, s->contexts[i].n_syntaxes = 0;
	*out = s;
	return 0;
}

int scu_accepted(const struct scu *s, const char *abstract, int (*seen)(void *arg, uint8_t context, const char *syntax),
		 void *arg)
{
	int rc = 0;

	for (unsigned i = 0; i < s->n && rc == 0; i++)
		if (s->contexts[i].result == 0 && strcmp(s->contexts[i].abstract, abstract) == 0)
			rc = seen(arg, s->contexts[i].id, s->contexts[i].accepted);
	return rc;
}

int scu_contexts(const struct scu *s, int (*seen)(void *arg, uint8_t context, const char *abstract, const char *syntax),
		 void *arg)
{
	int rc = 0;

	for (unsigned i = 0; i < s->n && rc == 0; i++)
		if (s->contexts[i].result == 0)
			rc = seen(arg, s->contexts[i].id, s->contexts[i].abstract, s->contexts[i].accepted);
	return rc;
}

static int first_context(void *arg, uint8_t context, const char *syntax)
{
	(void)syntax;
	*(uint8_t *)arg = context;
	return 1;
}

static uint16_t next_id(struct scu *s)
{
	return ++s->last_id ? s->last_id : ++s->last_id;
}

/* The next command, which must answer request id. */
static int answer(struct scu *s, uint16_t field, uint16_t id, struct shim_command *rsp, struct err *e)
{
	uint8_t context;
	int rc;

	if ((rc = dimse_receive(&s->d, s->d.message_ms, rsp, &context, e)) < 0)
		return rc;
	if (rc > 0)
		return err_set(e, E_INVAL, "release asked for instead of an answer");
	if (rsp->field != field || rsp->responded_id != id)
		return err_set(e, E_INVAL, "command %04x for message %u instead of %04x for %u", rsp->field,
			       rsp->responded_id, field, id);
	return 0;
}

int scu_echo(struct scu *s, uint16_t *status, struct err *e)
{
	struct shim_command rq = {.field = SHIM_C_ECHO_RQ, .message_id = next_id(s)}, rsp;
	uint8_t context;
	int rc;

	if (!scu_accepted(s, VERIFICATION, first_context, &context))
		return err_set(e, E_UNSUP, "the peer does not take C-ECHO");
	snprintf(rq.affected_class, sizeof(rq.affected_class), "%s", VERIFICATION);
	if ((rc = dimse_send(&s->d, context, &rq, NULL, 0, e)) < 0 ||
	    (rc = answer(s, SHIM_C_ECHO_RSP, rq.message_id, &rsp, e)) < 0 || (rc = dimse_data_skip(&s->d, e)) < 0)
		return rc;
	*status = rsp.status;
	return 0;
}

int scu_store(struct scu *s, struct dimse_object *o, uint16_t *status, struct err *e)
{
	struct shim_command rsp;
	int rc;

	o->message_id = next_id(s);
	if ((rc = dimse_store(&s->d, o, &rsp, e)) < 0)
		return rc;
	*status = rsp.status;
	return 0;
}

static bool pending(uint16_t status)
{
	return status == 0xFF00 || status == 0xFF01;
}

static int request(struct scu *s, uint16_t field, uint8_t context, const char *model, const char *destination,
		   const void *keys, size_t n, uint16_t *id, struct err *e)
{
	struct shim_command rq = {.field = field, .message_id = next_id(s), .has_data = 1};

	assert(n > 0);
	snprintf(rq.affected_class, sizeof(rq.affected_class), "%s", model);
	snprintf(rq.move_destination, sizeof(rq.move_destination), "%s", destination);
	*id = rq.message_id;
	return dimse_send(&s->d, context, &rq, keys, n, e);
}

int scu_find(struct scu *s, uint8_t context, const char *model, const void *keys, size_t n,
	     int (*seen)(void *arg, const void *row, size_t n), void *arg, struct shim_command *final, struct err *e)
{
	bool cancelled = false;
	uint16_t id;
	int rc;

	if ((rc = request(s, SHIM_C_FIND_RQ, context, model, "", keys, n, &id, e)) < 0)
		return rc;
	for (;;) {
		AUTO(buf) row = BUF(ROW_MOST);

		if ((rc = answer(s, SHIM_C_FIND_RSP, id, final, e)) < 0 || (rc = dimse_data_all(&s->d, &row, e)) < 0)
			return rc;
		if (!pending(final->status))
			return 0;
		if (cancelled || seen(arg, buf_text(&row), row.len) == 0)
			continue;
		struct shim_command stop = {.field = SHIM_C_CANCEL_RQ, .responded_id = id};
		if ((rc = dimse_send(&s->d, context, &stop, NULL, 0, e)) < 0)
			return rc;
		cancelled = true;
	}
}

int scu_move(struct scu *s, uint8_t context, const char *model, const char *destination, const void *keys, size_t n,
	     void (*progress)(void *arg, const struct shim_command *rsp), void *arg, struct shim_command *final,
	     struct err *e)
{
	uint16_t id;
	int rc;

	if ((rc = request(s, SHIM_C_MOVE_RQ, context, model, destination, keys, n, &id, e)) < 0)
		return rc;
	for (;;) {
		if ((rc = answer(s, SHIM_C_MOVE_RSP, id, final, e)) < 0 || (rc = dimse_data_skip(&s->d, e)) < 0)
			return rc;
		if (!pending(final->status))
			return 0;
		if (progress)
			progress(arg, final);
	}
}

int scu_event_report(struct scu *s, uint8_t context, const struct dimse_event *event, uint16_t *status, struct err *e)
{
	uint16_t id = next_id(s);
	struct shim_command rsp;
	int rc;

	if ((rc = dimse_event(&s->d, context, event, id, e)) < 0 ||
	    (rc = answer(s, SHIM_N_EVENT_REPORT_RSP, id, &rsp, e)) < 0 || (rc = dimse_data_skip(&s->d, e)) < 0)
		return rc;
	*status = rsp.status;
	return 0;
}

struct dimse *scu_dimse(struct scu *s)
{
	return &s->d;
}

int scu_close(struct scu *s, struct err *e)
{
	int rc = shim_assoc_release(s->d.assoc);

	if (rc < 0)
		rc = dimse_error(rc, e);
	shim_assoc_free(s->d.assoc);
	free(s);
	return rc;
}

void scu_abort(struct scu *s)
{
	if (!s)
		return;
	shim_assoc_abort(s->d.assoc);
	shim_assoc_free(s->d.assoc);
	free(s);
}

void scu_shutdown(struct scu *s)
{
	shim_assoc_shutdown(s->d.assoc);
}
