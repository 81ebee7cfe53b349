#include "dimse/call.h"
#include "dicom/dict.h"

static const char *given(const char *file)
{
	return file[0] ? file : NULL;
}

int call_tls(const struct config *c, bool caller, shim_tls **out, struct err *e)
{
	const struct shim_tls_options o = {
	    .certificate = given(c->tls_certificate), .key = given(c->tls_key), .ca = given(c->tls_ca)};

	*out = NULL;
	if (!caller && !o.certificate)
		return 0;
	if (shim_tls_new(&o, out) < 0)
		return err_set(e, E_CONFIG, "[dicom] tls: %s", shim_error());
	return 0;
}

int call_peer(const struct config *c, const struct peer *to, int64_t connect_ms, const struct scu_proposal *p,
	      unsigned n, struct scu **out, struct err *e)
{
	struct scu_target target = {
	    .host = to->host,
	    .port = to->port,
	    .called = to->aet,
	    .calling = c->aet,
	    .message_ms = (uint32_t)c->dimse_ms,
	    .options = {.max_pdu_receive = (uint32_t)c->max_pdu_receive,
			.max_pdu_send = (uint32_t)c->max_pdu_send,
			.artim_ms = (uint32_t)(connect_ms && connect_ms < c->artim_ms ? connect_ms : c->artim_ms),
			.io_ms = (uint32_t)c->dimse_ms,
			.implementation_uid = UID_IMPLEMENTATION,
			.implementation_version = IMPLEMENTATION_VERSION},
	};
	shim_tls *tls = NULL;
	int rc = to->tls ? call_tls(c, true, &tls, e) : 0;

	if (rc == 0) {
		target.options.tls = tls;
		target.options.pin = to->certificate;
		rc = scu_open(&target, p, n, out, e);
	}
	shim_tls_free(tls);
	return rc;
}
