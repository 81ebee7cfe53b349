#include "cmd/node.h"
#include "access/audit.h"
#include "access/holder.h"
#include "archive/kept.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dicom/dict.h"
#include "dimse/call.h"
#include "dimse/report.h"
#include "imaging/worker.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define METRICS_MOST (1u << 20)
#define CONFIG_MOST (64u << 10)

/* ---- settings */

/* What was read once, at start. */
static const struct {
	const char *key;
	size_t offset;
	bool text;
} fixed[] = {
    {"node.data", offsetof(struct config, data), true},
    {"dicom.listen", offsetof(struct config, listen), true},
    {"dicom.port", offsetof(struct config, dicom_port), false},
    {"dicom.max_associations", offsetof(struct config, max_associations), false},
    {"dicom.max_pdu_receive", offsetof(struct config, max_pdu_receive), false},
    {"dicom.max_pdu_send", offsetof(struct config, max_pdu_send), false},
    {"dicom.artim", offsetof(struct config, artim_ms), false},
    {"dicom.tls_port", offsetof(struct config, tls_port), false},
    {"dicom.tls_certificate", offsetof(struct config, tls_certificate), true},
    {"dicom.tls_key", offsetof(struct config, tls_key), true},
    {"archive.reserve", offsetof(struct config, reserve), false},
    {"archive.pack_size", offsetof(struct config, pack_size), false},
    {"archive.prewrite", offsetof(struct config, prewrite), false},
    {"archive.buffer", offsetof(struct config, buffer), false},
    {"settle.at_once", offsetof(struct config, settle_at_once), false},
    {"index.attributes", offsetof(struct config, attributes), true},
    {"archive.max_instance", offsetof(struct config, max_instance), false},
    {"archive.retention_years", offsetof(struct config, retention_years), false},
    {"imaging.workers", offsetof(struct config, imaging_workers), false},
    {"imaging.memory", offsetof(struct config, imaging_memory), false},
    {"imaging.time", offsetof(struct config, imaging_time_ms), false},
    {"imaging.sandbox", offsetof(struct config, imaging_sandbox), true},
    {"imaging.cache", offsetof(struct config, imaging_cache), false},
    {"alerts.window", offsetof(struct config, alerts_window_ms), false},
    {"alerts.repeated", offsetof(struct config, alerts_repeated), false},
    {"alerts.size", offsetof(struct config, alerts_size), false},
    {"audit.size", offsetof(struct config, audit_size), false},
    {"audit.syslog", offsetof(struct config, audit_syslog), true},
    {"audit.syslog_ca", offsetof(struct config, audit_ca), true},
    {"audit.syslog_certificate", offsetof(struct config, audit_certificate), true},
    {"audit.syslog_key", offsetof(struct config, audit_key), true},
    {"http.listen", offsetof(struct config, http_listen), true},
    {"http.port", offsetof(struct config, http_port), false},
    {"http.tls_certificate", offsetof(struct config, http_certificate), true},
    {"http.tls_key", offsetof(struct config, http_key), true},
    {"http.tls_client_ca", offsetof(struct config, http_client_ca), true},
    {"http.trusted_proxies", offsetof(struct config, http_trusted), true},
    {"http.max_connections", offsetof(struct config, http_max_connections), false},
    {"http.max_each", offsetof(struct config, http_max_each), false},
    {"http.idle", offsetof(struct config, http_idle_ms), false},
    {"http.head", offsetof(struct config, http_head), false},
    {"http.head_time", offsetof(struct config, http_head_ms), false},
    {"http.workers", offsetof(struct config, http_workers), false},
    {"login.idle", offsetof(struct config, login_idle_ms), false},
    {"login.session", offsetof(struct config, login_session_ms), false},
    {"login.tries", offsetof(struct config, login_tries), false},
    {"login.lock", offsetof(struct config, login_lock_ms), false},
    {"login.glass", offsetof(struct config, login_glass_ms), false},
    {"oidc.issuer", offsetof(struct config, oidc_issuer), true},
    {"oidc.audience", offsetof(struct config, oidc_audience), true},
    {"oidc.client_id", offsetof(struct config, oidc_client_id), true},
    {"oidc.client_secret_file", offsetof(struct config, oidc_client_secret_file), true},
    {"oidc.redirect", offsetof(struct config, oidc_redirect), true},
    {"oidc.algorithms", offsetof(struct config, oidc_algorithms), true},
    {"oidc.name_claim", offsetof(struct config, oidc_name_claim), true},
    {"oidc.roles_claim", offsetof(struct config, oidc_roles_claim), true},
    {"oidc.sites_claim", offsetof(struct config, oidc_sites_claim), true},
    {"oidc.roles", offsetof(struct config, oidc_roles), true},
    {"oidc.sites", offsetof(struct config, oidc_sites), true},
    {"oidc.skew", offsetof(struct config, oidc_skew_ms), false},
    {"oidc.refresh", offsetof(struct config, oidc_refresh_ms), false},
    {"oidc.ca_file", offsetof(struct config, oidc_ca_file), true},
};

static struct syslog_options collector(const struct config *c)
{
	return (struct syslog_options){
	    .host = c->audit_syslog,
	    .ca = c->audit_ca[0] ? c->audit_ca : NULL,
	    .certificate = c->audit_certificate[0] ? c->audit_certificate : NULL,
	    .key = c->audit_key[0] ? c->audit_key : NULL,
	};
}

static int patient_of(void *arg, const char *study, char out[65])
{
	return kept_patient(arg, study, out, NULL);
}

int node_audit(struct node *n, struct err *e)
{
	const struct config *c = &n->settings->config;
	const struct syslog_options to = collector(c);
	const struct audit_options o = {
	    .data = c->data,
	    .node = c->aet,
	    .size = c->audit_size,
	    .syslog = c->audit_syslog[0] ? &to : NULL,
	    .patient_of = patient_of,
	    .arg = n->archive,
	};
	int64_t accounts = holder_accounts(n->archive, e);

	if (accounts < 0)
		return (int)accounts;
	audit_look(c->data, accounts > 0);
	return audit_open(&o, e);
}

static int check_dicom(const struct config *c, struct err *e)
{
	shim_tls *tls = NULL;
	int rc;

	if (c->tls_key[0] && !c->tls_certificate[0])
		return err_set(e, E_CONFIG, "[dicom] tls_key without tls_certificate");
	rc = call_tls(c, c->tls_ca[0], &tls, e);
	shim_tls_free(tls);
	return rc;
}

int node_check(const struct config *c, struct err *e)
{
	const struct syslog_options to = collector(c);
	int rc;

	if ((rc = check_dicom(c, e)) < 0 || (rc = web_check(c, e)) < 0 || (rc = access_check(c, e)) < 0)
		return rc;
	return c->audit_syslog[0] ? syslog_check(&to, e) : 0;
}

static bool differs(const struct config *a, const struct config *b, unsigned i)
{
	const char *x = (const char *)a + fixed[i].offset, *y = (const char *)b + fixed[i].offset;

	return fixed[i].text ? strcmp(*(char *const *)x, *(char *const *)y) != 0
			     : *(const int64_t *)x != *(const int64_t *)y;
}

int node_settings(struct node *n, const struct config *c, struct err *e)
{
	struct settings *fresh = calloc(1, sizeof *fresh), *old = n->settings;
	int rc;

	if (!fresh)
		return err_set(e, E_NOMEM, "no memory for the configuration");
	if ((rc = config_copy(&fresh->config, c, e)) == 0 &&
	    ((rc = coerce_compile(&fresh->config.coerce, NULL, &fresh->coerce, e)) < 0 ||
	     (rc = forms_compile(&fresh->config.settle, NULL, &fresh->forms, e)) < 0)) {
		coerce_free(fresh->coerce);
		config_cleanup(&fresh->config);
	}
	if (rc < 0) {
		free(fresh);
		return rc;
	}
	for (unsigned i = 0; old && i < sizeof fixed / sizeof fixed[0]; i++)
		if (differs(&old->config, c, i))
			log_warn("%s has changed: that takes effect when the node is started again", fixed[i].key);
	fresh->face = (struct face){
	    .archive = n->archive,
	    .config = &fresh->config,
	    .coerce = fresh->coerce,
	    .unknown_as = n->accepts_unknown ? &n->unknown_as : NULL,
	    .server = n->server,
	};
	fresh->older = old;
	n->settings = fresh;
	return 0;
}

/* ---- settling */

static struct settling in_force(void *arg)
{
	const struct node *n = arg;
	const struct settings *s = n->settings;

	return (struct settling){.config = &s->config, .forms = s->forms};
}

int node_settle(struct node *n, struct err *e)
{
	const struct settler_options o = {.archive = n->archive, .in_force = in_force, .arg = n};

	return settler_start(&o, &n->settler, e);
}

/* ---- associations */

static void serve_on(struct node *n, struct server *const *server, shim_assoc *a)
{
	struct settings *s = atomic_load(&n->settings);
	struct face face = s->face;

	pthread_mutex_lock(&n->lock);
	face.server = *server;
	face.reporter = n->reporter;
	pthread_mutex_unlock(&n->lock);
	face_serve(&face, a);
}

static void serve_plain(void *arg, shim_assoc *a)
{
	struct node *n = arg;

	serve_on(n, &n->server, a);
}

static void serve_secure(void *arg, shim_assoc *a)
{
	struct node *n = arg;

	serve_on(n, &n->secure, a);
}

static const struct config *settings_now(void *arg)
{
	struct node *n = arg;

	return &atomic_load(&n->settings)->config;
}

/* The second listener, where a certificate is set. */
static int listen_secure(struct node *n, struct server_options o, struct err *e)
{
	const struct config *c = &atomic_load(&n->settings)->config;
	int rc = call_tls(c, false, &n->tls, e);

	if (rc < 0 || !n->tls)
		return rc;
	o.port = (uint16_t)c->tls_port;
	o.assoc.tls = n->tls;
	o.serve = serve_secure;
	return server_start(&o, &n->secure, e);
}

static int listen_dicom(struct node *n, struct err *e)
{
	struct settings *s = n->settings;
	const struct config *c = &s->config;
	const struct server_options o = {
	    .listen = c->listen,
	    .port = (uint16_t)c->dicom_port,
	    .max_associations = (unsigned)c->max_associations,
	    .assoc =
		{
		    .max_pdu_receive = (uint32_t)c->max_pdu_receive,
		    .max_pdu_send = (uint32_t)c->max_pdu_send,
		    .artim_ms = (uint32_t)c->artim_ms,
		    .io_ms = (uint32_t)c->dimse_ms,
		    .implementation_uid = UID_IMPLEMENTATION,
		    .implementation_version = IMPLEMENTATION_VERSION,
		},
	    .serve = serve_plain,
	    .arg = n,
	};

	int rc;

	if ((rc = reporter_start(n->archive, settings_now, n, &n->reporter, e)) < 0)
		return rc;
	s->face.archive = n->archive;
	s->face.unknown_as = n->accepts_unknown ? &n->unknown_as : NULL;
	pthread_mutex_lock(&n->lock);
	if ((rc = server_start(&o, &n->server, e)) == 0)
		rc = listen_secure(n, o, e);
	pthread_mutex_unlock(&n->lock);
	return rc;
}

int node_listen(struct node *n, struct err *e)
{
	const struct web_options o = {
	    .archive = n->archive,
	    .access = n->access,
	    .settings = settings_now,
	    .arg = n,
	};
	int rc = web_start(&o, &n->web, e);

	return rc < 0 ? rc : listen_dicom(n, e);
}

struct quieting {
	struct web *web;
	uint32_t grace_ms;
};

static void *quiet_http(void *arg)
{
	const struct quieting *q = arg;

	web_stop(q->web, q->grace_ms);
	return NULL;
}

/* Both faces have the same time to end what is under way. */
static void quiet_faces(struct node *n, uint32_t grace_ms)
{
	struct quieting q = {n->web, grace_ms};
	pthread_t http;
	bool beside;

	reporter_halt(n->reporter); /* its threads come to their end while the associations do */
	beside = pthread_create(&http, NULL, quiet_http, &q) == 0;
	if (!beside)
		quiet_http(&q);
	if (n->server)
		server_stop(n->server, grace_ms);
	n->server = NULL;
	if (n->secure)
		server_stop(n->secure, grace_ms);
	n->secure = NULL;
	shim_tls_free(n->tls);
	n->tls = NULL;
	if (beside)
		pthread_join(http, NULL);
	n->web = NULL;
	reporter_stop(n->reporter);
	n->reporter = NULL;
}

/* Whoever waits for a picture keeps its face from ending: what takes longer than the others are given is cut. */
struct cutting {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done;
	int64_t until_us;
};

static void *cut_imaging(void *arg)
{
	struct cutting *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->done && clock_wait(&c->over, &c->lock, c->until_us) == 0)
		;
	pthread_mutex_unlock(&c->lock);
	imaging_stop();
	return NULL;
}

/* The faces are quiet: nothing is under way any more. */
static void end_imaging(struct cutting *c, pthread_t thread)
{
	pthread_mutex_lock(&c->lock);
	c->done = true;
	pthread_cond_signal(&c->over);
	pthread_mutex_unlock(&c->lock);
	pthread_join(thread, NULL);
}

void node_quiet(struct node *n, uint32_t grace_ms)
{
	struct cutting cut = {
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .over = PTHREAD_COND_INITIALIZER,
	    .until_us = clock_mono_us() + (int64_t)grace_ms * 1000,
	};
	pthread_t thread;
	bool beside = pthread_create(&thread, NULL, cut_imaging, &cut) == 0;

	quiet_faces(n, grace_ms);
	if (beside)
		end_imaging(&cut, thread);
	else
		imaging_stop();
}

void node_cleanup(struct node *n)
{
	struct settings *s = n->settings;

	while (s) {
		struct settings *older = s->older;

		coerce_free(s->coerce);
		forms_free(s->forms);
		config_cleanup(&s->config);
		free(s);
		s = older;
	}
	n->settings = NULL;
}

/* ---- metrics */

/* The same as /metrics, for who has no token: a file that node_exporter's textfile collector reads. */
static int write_metrics(const char *data, struct err *e)
{
	AUTO(buf) text = BUF(METRICS_MOST);
	AUTO(str) path = NULL;
	AUTO(str) fresh = NULL;
	FILE *f;
	bool ok;
	int rc = metrics_print(&text, e);

	if (rc < 0)
		return rc;
	if (asprintf(&path, "%s/metrics.prom", data) < 0 || asprintf(&fresh, "%s/metrics.prom.new", data) < 0)
		return err_set(e, E_NOMEM, "no memory for a path");
	if (!(f = fopen(fresh, "we")))
		return err_sys(e, E_IO, "cannot make %s", fresh);
	ok = fwrite(buf_text(&text), 1, text.len, f) == text.len;
	ok = fclose(f) == 0 && ok;
	if (!ok || rename(fresh, path) < 0)
		return err_sys(e, E_IO, "cannot write %s", path);
	return 0;
}

void node_metrics(struct node *n)
{
	struct settings *s = n->settings;
	struct err e = {0};

	if (n->archive && write_metrics(s->config.data, &e) < 0)
		log_warn("%s", e.msg);
}
