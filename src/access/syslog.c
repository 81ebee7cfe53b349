#include "access/syslog.h"
#include "access/chain.h"
#include "base/alert.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_S 10
#define SETTLED_US 1000000LL
#define LOOK_S 5                     /* lines of other processes bring no news */
#define BATCH 200                    /* lines between two notes of how far it is */
#define TIMEOUT_S 5                  /* of connecting, and of a write */
#define AWAY_US (5 * 60 * 1000000LL) /* until it is an alert */
#define STEP_MS 100                  /* between two looks whether it is to stop */
#define PRIORITY 85                  /* authpriv, notice */

static struct metric m_sent =
    METRIC(COUNTER, "teleread_audit_syslog_total", "", "Audit messages given to the collector");

struct syslog {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	_Atomic bool stopping;
	bool news;
	char *folder, *host, *name; /* name: without the port */
	char app[32], self[256];
	int mark;                      /* FOLDER/sent */
	uint64_t sent, maybe, settled; /* written; a while ago; and surely arrived */
	int64_t looked_us;
	SSL_CTX *tls;
	BIO *line;        /* NULL: not connected */
	bool said, works; /* that it does not; it does */
	int64_t away_us;  /* since when it does not; when it did last */
};

/* ---- the connection */

static void hang_up(struct syslog *s)
{
	BIO_free_all(s->line);
	s->line = NULL;
}

static int failed(struct syslog *s, const char *what, struct err *e)
{
	const char *text = NULL;
	unsigned long code;

	while ((code = ERR_get_error())) /* what the system said is plainer than what is made of it */
		if (ERR_SYSTEM_ERROR(code)) {
			text = strerror(ERR_GET_REASON(code));
			break;
		} else {
			text = ERR_reason_error_string(code);
		}
	err_set(e, E_IO, "syslog %s: %s%s%s", s->host, what, text ? ": " : "", text ? text : "");
	ERR_clear_error();
	return -E_IO;
}

/* Connecting with a time limit leaves a socket that does not block, and a write would fail where the collector is slow. Writes
 * that make no progress for so long do. */
static void set_timeouts(BIO *b)
{
	const struct timeval t = {.tv_sec = TIMEOUT_S};
	int fd = -1;

	if (BIO_get_fd(b, &fd) > 0 && fd >= 0) {
		BIO_socket_nbio(fd, 0);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	}
}

/* Steps that do not wait, so that a refusal shows at once and a stop does not wait for an answer that never comes. */
static int reach(struct syslog *s, struct err *e)
{
	int64_t until = clock_mono_us() + TIMEOUT_S * 1000000LL;

	BIO_set_nbio(s->line, 1);
	while (BIO_do_connect(s->line) <= 0) {
		struct pollfd p = {.events = POLLIN | POLLOUT};
		int fd = -1;

		if (!BIO_should_retry(s->line) || BIO_get_fd(s->line, &fd) < 0)
			return failed(s, "cannot connect", e);
		if (s->stopping || clock_mono_us() >= until)
			return failed(s, "cannot connect: no answer", e);
		p.fd = fd;
		if (!BIO_should_read(s->line))
			p.events = POLLOUT;
		else
			p.events = POLLIN;
		poll(&p, 1, STEP_MS);
	}
	return 0;
}

static int hello(struct syslog *s, struct err *e)
{
	SSL *ssl = NULL;

	if (!(s->line = BIO_new_ssl_connect(s->tls)))
		return failed(s, "no connection", e);
	BIO_get_ssl(s->line, &ssl);
	BIO_set_conn_hostname(s->line, s->host);
	SSL_set_tlsext_host_name(ssl, s->name);
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), s->name) != 1 && SSL_set1_host(ssl, s->name) != 1)
		return failed(s, "its name cannot be proved", e);
	ERR_clear_error();
	if (reach(s, e) < 0)
		return -E_IO;
	set_timeouts(s->line);
	if (BIO_do_handshake(s->line) <= 0)
		return failed(s, "the TLS handshake failed", e);
	return 0;
}

static int connect_line(struct syslog *s, struct err *e)
{
	int rc = s->line ? 0 : hello(s, e);

	if (rc < 0)
		hang_up(s);
	return rc;
}

/* A collector that closed the connection has said so by now; what is written into it would be lost without a word. It sends
 * nothing but alerts, and tickets: left unread, they would turn our own end into a reset that overtakes the last lines. */
static bool closed_by_peer(struct syslog *s)
{
	struct pollfd p = {.events = POLLIN | POLLRDHUP};
	char waste[256];

	if (BIO_get_fd(s->line, &p.fd) < 0)
		return true;
	while (!s->stopping && poll(&p, 1, 0) > 0)
		if (!(p.revents & POLLIN) ||
		    (BIO_read(s->line, waste, sizeof waste) <= 0 && !BIO_should_retry(s->line)))
			return true;
	return false;
}

/* ---- lines */

static int send_line(void *arg, const struct chain_line *l)
{
	struct syslog *s = arg;
	char head[512], stamp[32], frame[32];
	int n = snprintf(head, sizeof head, "<%d>1 %s %s %s %ld DICOM+RFC3881 - \xEF\xBB\xBF", PRIORITY,
			 clock_text(clock_wall_us(), stamp), s->self, s->app, (long)getpid());
	int f = snprintf(frame, sizeof frame, "%zu ", (size_t)n + l->n);

	if (l->end.number <= s->sent)
		return 0;
	if (BIO_write(s->line, frame, f) != f || BIO_write(s->line, head, n) != n ||
	    BIO_write(s->line, l->text, (int)l->n) != (int)l->n)
		return -1;
	s->sent = l->end.number;
	metric_add(&m_sent, 1);
	return s->sent % BATCH == 0 ? 1 : 0;
}

static void note_sent(struct syslog *s)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%020" PRIu64 "\n", s->sent);

	if (pwrite(s->mark, text, (size_t)n, 0) != n)
		log_warn("syslog: cannot note how far the audit trail was sent: %s", strerror(errno));
}

/* Syslog has no answers: what was written shortly before a connection broke may not have arrived. A line counts as
 * arrived when the connection was open a while after it. */
static void settle(struct syslog *s)
{
	int64_t now = clock_mono_us();

	if (now - s->looked_us < SETTLED_US)
		return;
	s->settled = s->maybe;
	s->maybe = s->sent;
	s->looked_us = now;
}

static void step_back(struct syslog *s)
{
	s->sent = s->maybe = s->settled;
}

/* All that is new. 0, or negative: later. */
static int send_new(struct syslog *s, struct err *e)
{
	uint64_t before;
	int rc;

	do {
		before = s->sent;
		if ((rc = connect_line(s, e)) < 0)
			return rc;
		if (closed_by_peer(s))
			rc = failed(s, "the collector closed the connection", e);
		else if ((rc = chain_each(s->folder, s->sent + 1, false, send_line, s, NULL, e)) < 0 &&
			 (!e || !e->code))
			rc = failed(s, "cannot write", e);
		if (rc < 0)
			step_back(s);
		else
			settle(s);
		if (s->sent != before)
			note_sent(s);
		if (rc < 0)
			hang_up(s);
	} while (rc > 0 && !s->stopping);
	return rc < 0 ? rc : 0;
}

static void say(struct syslog *s, int rc, const struct err *e)
{
	if (rc < 0 && !s->said)
		log_warn("%s; the audit trail is kept and sent later", e->msg);
	if (rc == 0 && !s->works)
		log_info("syslog %s: connected, the audit trail is sent there", s->host);
	if (rc == 0 || !s->away_us)
		s->away_us = clock_mono_us();
	if (rc < 0 && clock_mono_us() - s->away_us > AWAY_US)
		alert_raise(ALERT_AUDIT, s->host,
			    "the collector takes nothing: %s; the audit trail is kept and sent later", e->msg);
	s->works = rc == 0;
	s->said = rc < 0;
}

static void *run(void *arg)
{
	struct syslog *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct err e = {0};
		int rc;

		s->news = false;
		pthread_mutex_unlock(&s->lock);
		rc = send_new(s, &e);
		say(s, rc, &e);
		pthread_mutex_lock(&s->lock);
		if (!s->stopping && (rc < 0 || !s->news))
			clock_wait(&s->wake, &s->lock, clock_mono_us() + (rc < 0 ? RETRY_S : LOOK_S) * 1000000LL);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- beginning and end */

static int bad_file(const char *path, const char *key, struct err *e)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(e, E_CONFIG, "[audit] %s: cannot use %.100s%s%s", key, path, why ? ": " : "", why ? why : "");
}

static int make_context(struct syslog *s, const struct syslog_options *o, struct err *e)
{
	if (!(s->tls = SSL_CTX_new(TLS_client_method())))
		return failed(s, "TLS", e);
	SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_clear_mode(s->tls, SSL_MODE_AUTO_RETRY); /* reading ends behind a ticket */
	if (o->ca ? SSL_CTX_load_verify_file(s->tls, o->ca) != 1 : SSL_CTX_set_default_verify_paths(s->tls) != 1)
		return bad_file(o->ca ? o->ca : "the system's certificates", "syslog_ca", e);
	if (o->key && !o->certificate)
		return err_set(e, E_CONFIG, "[audit] syslog_key without syslog_certificate");
	if (o->certificate && SSL_CTX_use_certificate_chain_file(s->tls, o->certificate) != 1)
		return bad_file(o->certificate, "syslog_certificate", e);
	if (o->certificate &&
	    SSL_CTX_use_PrivateKey_file(s->tls, o->key ? o->key : o->certificate, SSL_FILETYPE_PEM) != 1)
		return bad_file(o->key ? o->key : o->certificate, "syslog_key", e);
	return 0;
}

/* A trail that ends before what was sent is an older copy of it: what is new to it was never sent. */
static int compare_end(struct syslog *s, struct err *e)
{
	struct chain_report r;
	int rc = chain_each(s->folder, s->sent, false, NULL, NULL, &r, e);

	if (rc < 0 || r.end.number >= s->sent)
		return rc;
	log_warn("syslog %s: event %" PRIu64 " was sent, but the audit trail ends with %" PRIu64
		 ": from there on it is sent",
		 s->host, s->sent, r.end.number);
	s->sent = r.end.number;
	return 0;
}

static int open_mark(struct syslog *s, struct err *e)
{
	AUTO(str) path = NULL;
	char text[32] = "";
	int rc;

	if (asprintf(&path, "%s/sent", s->folder) < 0) {
		path = NULL;
		return err_set(e, E_NOMEM, "no memory for a path");
	}
	if ((s->mark = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
		return err_sys(e, E_IO, "cannot open %s", path);
	if (pread(s->mark, text, sizeof text - 1, 0) > 0)
		s->sent = strtoull(text, NULL, 10);
	rc = compare_end(s, e);
	s->maybe = s->settled = s->sent;
	return rc;
}

static int copy_names(struct syslog *s, const struct syslog_options *o, const char *folder, const char *app,
		      struct err *e)
{
	const char *colon = strrchr(o->host, ':');
	bool bracket = o->host[0] == '[';

	if (!colon || colon == o->host || !colon[1] || (bracket && (colon < o->host + 3 || colon[-1] != ']')) ||
	    colon[1 + strspn(colon + 1, "0123456789")] || strtoul(colon + 1, NULL, 10) - 1 >= 65535)
		return err_set(e, E_CONFIG, "[audit] syslog = %.200s: expected HOST:PORT", o->host);
	s->folder = strdup(folder);
	s->host = strdup(o->host);
	s->name =
	    bracket ? strndup(o->host + 1, (size_t)(colon - o->host) - 2) : strndup(o->host, (size_t)(colon - o->host));
	snprintf(s->app, sizeof s->app, "%s", app);
	if (gethostname(s->self, sizeof s->self - 1) < 0 || !s->self[0])
		snprintf(s->self, sizeof s->self, "-");
	return s->folder && s->host && s->name ? 0 : err_set(e, E_NOMEM, "no memory for syslog");
}

static void syslog_free(struct syslog *s)
{
	hang_up(s);
	SSL_CTX_free(s->tls);
	if (s->mark > 0)
		close(s->mark);
	free(s->folder);
	free(s->host);
	free(s->name);
	free(s);
}

int syslog_check(const struct syslog_options *o, struct err *e)
{
	struct syslog *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for syslog");
	if ((rc = copy_names(s, o, "", "", e)) == 0)
		rc = make_context(s, o, e);
	syslog_free(s);
	return rc;
}

int syslog_start(const struct syslog_options *o, const char *folder, const char *app, struct syslog **out,
		 struct err *e)
{
	struct syslog *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_set(e, E_NOMEM, "no memory for syslog");
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	if ((rc = copy_names(s, o, folder, app, e)) == 0 && (rc = make_context(s, o, e)) == 0 &&
	    (rc = open_mark(s, e)) == 0 && pthread_create(&s->thread, NULL, run, s) != 0)
		rc = err_set(e, E_NOMEM, "no thread for syslog");
	if (rc < 0) {
		syslog_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void syslog_news(struct syslog *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	if (!s->news) {
		s->news = true;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
}

void syslog_stop(struct syslog *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	syslog_free(s);
}
