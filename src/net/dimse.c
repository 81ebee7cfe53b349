#include "net/dimse.h"
#include "base/clock.h"
#include <stdio.h>
#include <string.h>

int dimse_error(int shim_code, struct err *e)
{
	static const struct {
		int shim;
		enum err_code code;
	} table[] = {
	    {SHIM_EINVAL, E_BUG},      {SHIM_ENOTAG, E_NOENT},    {SHIM_EPARSE, E_INVAL},     {SHIM_ENOMEM, E_NOMEM},
	    {SHIM_EBUG, E_BUG},        {SHIM_EUNSUP, E_UNSUP},    {SHIM_ETIMEOUT, E_TIMEOUT}, {SHIM_ECLOSED, E_CLOSED},
	    {SHIM_EABORTED, E_CLOSED}, {SHIM_ERELEASE, E_CLOSED}, {SHIM_EREJECTED, E_DENIED}, {SHIM_ELIMIT, E_LIMIT},
	    {SHIM_EPROTO, E_INVAL},    {SHIM_EIO, E_IO},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].shim == shim_code)
			return err_set(e, table[i].code, "%s", shim_error());
	return err_set(e, E_BUG, "toolkit answered %d", shim_code);
}

/* ---- bytes of a message under way, at a rate that is worth waiting for: one byte a minute would hold the association
 * for years */

#define PDV_HEADER 6

static int pace(struct dimse *d, int64_t since_us, int64_t n, struct err *e)
{
	int64_t due = (int64_t)d->message_ms * DIMSE_PACE / 1000;

	d->waited_us += clock_mono_us() - since_us;
	d->came += n;
	if (d->waited_us < (int64_t)d->message_ms * 1000)
		return 0;
	if (d->came < due)
		return err_set(e, E_TIMEOUT, "a message came too slowly: %lld bytes in %u ms", (long long)d->came,
			       d->message_ms);
	d->waited_us = d->came = 0;
	return 0;
}

static int next_pdv(struct dimse *d, struct err *e)
{
	int64_t since = clock_mono_us();
	int rc = shim_assoc_next(d->assoc, d->message_ms, &d->pdv);

	if (rc == SHIM_ERELEASE)
		return err_set(e, E_INVAL, "release asked for in the middle of a message");
	return rc < 0 ? dimse_error(rc, e) : pace(d, since, PDV_HEADER, e);
}

static int64_t read_pdv(struct dimse *d, void *buf, size_t n, struct err *e)
{
	int64_t since = clock_mono_us(), got = shim_assoc_read(d->assoc, buf, n);
	int rc;

	if (got < 0)
		return dimse_error((int)got, e);
	return (rc = pace(d, since, got, e)) < 0 ? rc : got;
}

/* A fragment of a command set; *last tells whether it was the last one. */
static int command_fragment(struct dimse *d, struct buf *out, struct err *e)
{
	uint8_t piece[4096];
	uint32_t left = d->pdv.length;
	int rc;

	while (left) {
		int64_t got = read_pdv(d, piece, left < sizeof(piece) ? left : sizeof(piece), e);

		if (got < 0)
			return (int)got;
		if (out->len + (size_t)got > DIMSE_COMMAND_MOST)
			return err_set(e, E_INVAL, "command set over %u bytes", DIMSE_COMMAND_MOST);
		if ((rc = buf_put(out, piece, (size_t)got, e)) < 0)
			return rc;
		left -= (uint32_t)got;
	}
	return 0;
}

/* The rest of a command set whose first PDV is d->pdv. */
static int command_read(struct dimse *d, struct shim_command *c, uint8_t *context, struct err *e)
{
	AUTO(buf) bytes = BUF(DIMSE_COMMAND_MOST);
	uint8_t id = d->pdv.context;
	int rc;

	d->waited_us = d->came = 0;
	for (;;) {
		if (!d->pdv.command)
			return err_set(e, E_INVAL, "a data set came where a command was due");
		if (d->pdv.context != id)
			return err_set(e, E_INVAL, "a command changed from context %u to %u", id, d->pdv.context);
		if ((rc = command_fragment(d, &bytes, e)) < 0)
			return rc;
		if (d->pdv.last)
			break;
		if ((rc = next_pdv(d, e)) < 0)
			return rc;
	}
	if (!bytes.len)
		return err_set(e, E_INVAL, "an empty command set");
	if (shim_command_decode(bytes.data, bytes.len, c) < 0)
		return err_set(e, E_INVAL, "command set of %zu bytes: %s", bytes.len, shim_error());
	*context = id;
	d->in_data = c->has_data;
	d->data_context = id;
	d->left = 0;
	d->pdv.last = 0;
	return 0;
}

static int receive_next(struct dimse *d, uint32_t idle_ms, struct shim_command *c, uint8_t *context, struct err *e)
{
	int rc;

	if ((rc = dimse_data_skip(d, e)) < 0)
		return rc;
	d->begun = false;
	rc = shim_assoc_next(d->assoc, idle_ms, &d->pdv);
	if (rc == SHIM_ERELEASE)
		return 1;
	if (rc == SHIM_ETIMEOUT)
		return err_set(e, E_TIMEOUT, "no message within %u ms", idle_ms);
	if (rc < 0)
		return dimse_error(rc, e);
	d->begun = true;
	return command_read(d, c, context, e);
}

static void hold(struct dimse *d, const struct shim_command *c, uint8_t context)
{
	d->held = true;
	d->held_command = *c;
	d->held_context = context;
}

int dimse_receive(struct dimse *d, uint32_t idle_ms, struct shim_command *c, uint8_t *context, struct err *e)
{
	if (!d->held)
		return receive_next(d, idle_ms, c, context, e);
	*c = d->held_command;
	*context = d->held_context;
	d->held = false;
	d->begun = true;
	return 0;
}

/* The next PDV of the data set under way; 0 when there is none. */
static int data_next(struct dimse *d, struct err *e)
{
	int rc;

	if (d->pdv.last) {
		d->in_data = false;
		return 0;
	}
	if ((rc = next_pdv(d, e)) < 0)
		return rc;
	if (d->pdv.command)
		return err_set(e, E_INVAL, "a command came in the middle of a data set");
	if (d->pdv.context != d->data_context)
		return err_set(e, E_INVAL, "a data set changed from context %u to %u", d->data_context, d->pdv.context);
	d->left = d->pdv.length;
	return 1;
}

int64_t dimse_data(struct dimse *d, void *buf, size_t n, struct err *e)
{
	int64_t got;
	int rc;

	if (!d->in_data)
		return 0;
	while (!d->left)
		if ((rc = data_next(d, e)) <= 0)
			return rc;
	if ((got = read_pdv(d, buf, n < d->left ? n : d->left, e)) > 0)
		d->left -= (uint32_t)got;
	return got;
}

int dimse_data_all(struct dimse *d, struct buf *out, struct err *e)
{
	uint8_t piece[8192];
	int64_t got;
	int rc;

	while ((got = dimse_data(d, piece, sizeof(piece), e)) > 0) {
		if ((rc = buf_put(out, piece, (size_t)got, e)) == 0)
			continue;
		struct err ignored = {0};
		int skipped = dimse_data_skip(d, &ignored);
		if (skipped < 0) {
			*e = ignored;
			return skipped;
		}
		return rc;
	}
	return (int)got;
}

int dimse_data_skip(struct dimse *d, struct err *e)
{
	uint8_t waste[8192];
	int64_t got;

	while ((got = dimse_data(d, waste, sizeof(waste), e)) > 0)
		;
	return (int)got;
}

int dimse_cancelled(struct dimse *d, uint16_t message_id, struct err *e)
{
	struct shim_command c;
	uint8_t context;
	int rc;

	if (d->held)
		return 0;
	rc = shim_assoc_next(d->assoc, 0, &d->pdv);
	if (rc == SHIM_ETIMEOUT)
		return 0;
	if (rc == SHIM_ERELEASE)
		return err_set(e, E_INVAL, "release asked for while an operation was under way");
	if (rc < 0)
		return dimse_error(rc, e);
	if ((rc = command_read(d, &c, &context, e)) < 0)
		return rc;
	if (c.field == SHIM_C_CANCEL_RQ)
		return c.responded_id == message_id;
	hold(d, &c, context);
	return 0;
}

int dimse_send(struct dimse *d, uint8_t context, const struct shim_command *c, const void *data, size_t n,
	       struct err *e)
{
	uint8_t command[1024];
	int len, rc;

	if ((len = shim_command_encode(c, command, sizeof(command))) < 0)
		return dimse_error(len, e);
	rc = shim_assoc_send(d->assoc, context, command, (size_t)len, data, n);
	return rc < 0 ? dimse_error(rc, e) : 0;
}

int dimse_event(struct dimse *d, uint8_t context, const struct dimse_event *event, uint16_t message_id, struct err *e)
{
	struct shim_command rq = {.field = SHIM_N_EVENT_REPORT_RQ,
				  .message_id = message_id,
				  .event_type = event->type,
				  .has_data = event->n > 0};

	snprintf(rq.affected_class, sizeof rq.affected_class, "%s", event->sop_class);
	snprintf(rq.affected_instance, sizeof rq.affected_instance, "%s", event->sop_instance);
	return dimse_send(d, context, &rq, event->data, event->n, e);
}

static int store_send(struct dimse *d, struct dimse_object *o, const struct shim_command *rq, struct err *e)
{
	const void *at = NULL;
	bool last = false;
	int64_t n;
	int rc;

	if ((n = o->piece(o->arg, &at, &last, e)) < 0)
		return (int)n;
	if (last && n > 0)
		return dimse_send(d, o->context, rq, at, (size_t)n, e);
	if ((rc = dimse_send(d, o->context, rq, NULL, 0, e)) < 0)
		return rc;
	for (;;) {
		if ((rc = shim_assoc_send_data(d->assoc, o->context, at, (size_t)n, last)) < 0)
			return dimse_error(rc, e);
		if (last)
			return 0;
		if ((n = o->piece(o->arg, &at, &last, e)) < 0)
			return (int)n;
	}
}

/* Waits for the answer; for others that may come first see cancellable. */
static int store_answer(struct dimse *d, struct dimse_object *o, struct shim_command *answer, struct err *e)
{
	uint8_t context = 0;
	int rc;

	for (;;) {
		if ((rc = receive_next(d, d->message_ms, answer, &context, e)) < 0)
			return rc;
		if (rc > 0)
			return err_set(e, E_INVAL, "release asked for instead of an answer to C-STORE");
		if (answer->field == SHIM_C_STORE_RSP && answer->responded_id == o->message_id)
			return dimse_data_skip(d, e);
		if (o->cancellable && answer->field == SHIM_C_CANCEL_RQ)
			o->cancelled |= answer->responded_id == o->cancel_id;
		else if (o->cancellable && !answer->has_data && !d->held)
			hold(d, answer, context);
		else
			return err_set(e, E_INVAL, "command %04x instead of the answer to C-STORE %u", answer->field,
				       o->message_id);
	}
}

int dimse_store(struct dimse *d, struct dimse_object *o, struct shim_command *answer, struct err *e)
{
	struct shim_command rq = {.field = SHIM_C_STORE_RQ, .message_id = o->message_id, .has_data = 1};
	int rc;

	snprintf(rq.affected_class, sizeof(rq.affected_class), "%s", o->sop_class);
	snprintf(rq.affected_instance, sizeof(rq.affected_instance), "%s", o->sop_instance);
	if (o->originator) {
		rq.has_originator = 1;
		snprintf(rq.move_originator, sizeof(rq.move_originator), "%s", o->originator);
		rq.move_originator_id = o->originator_id;
	}
	if ((rc = store_send(d, o, &rq, e)) < 0)
		return rc;
	if (o->sent)
		o->sent(o->arg);
	return store_answer(d, o, answer, e);
}
