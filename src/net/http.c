#include "net/http.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_private.h"
#include "net/listen.h"
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* TLS 1.2 and 1.3, forward secrecy, authenticated encryption. */
#define HTTP_CIPHERS                                                                                                   \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"                    \
	"+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

/* What the library says of connections. Refusals of its own pass here, and nowhere else. */
__attribute__((format(printf, 2, 0))) static void on_log(void *arg, const char *fmt, va_list ap)
{
	char line[300];
	unsigned long status = 0;
	const char *at;

	(void)arg;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if ((at = strstr(line, "HTTP response code is ")) &&
	    (status = strtoul(at + strlen("HTTP response code is "), NULL, 10)) > 0)
		http_count((int)status);
	if (at)
		log_info("http: %s%s", line, status == 431 ? " (longer than http.head allows)" : "");
	else if (strstr(line, "handshake"))
		log_info("http: a connection to the TLS port ended in its handshake (plain HTTP?): %s", line);
	else
		log_debug("http: %s", line);
}

static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
	(void)arg;
	(void)mhd;
	return strlen(text); /* paths and queries are kept as sent; see http_on_uri() */
}

static int read_pem(const char *path, char **out, struct err *e)
{
	GError *why = NULL;

	if (!path || g_file_get_contents(path, out, NULL, &why))
		return 0;
	err_set(e, E_CONFIG, "%s", why->message);
	g_error_free(why);
	return -E_CONFIG;
}

static int read_pems(struct http *h, struct err *e)
{
	gnutls_certificate_credentials_t pair;
	int rc = read_pem(h->o.certificate, &h->certificate, e), said;

	if (rc == 0)
		rc = read_pem(h->o.key, &h->key, e);
	if (rc == 0)
		rc = read_pem(h->o.client_ca, &h->client_ca, e);
	if (rc < 0 || !h->certificate)
		return rc;
	if (!h->key)
		return err_set(e, E_CONFIG, "a certificate without its key: %s", h->o.certificate);
	/* The library would say no more than that it does not start. */
	if (gnutls_certificate_allocate_credentials(&pair) < 0)
		return err_set(e, E_NOMEM, "no memory for TLS");
	said = gnutls_certificate_set_x509_key_file(pair, h->o.certificate, h->o.key, GNUTLS_X509_FMT_PEM);
	if (said < 0)
		rc = err_set(e, E_CONFIG, "%s with %s: %s", h->o.certificate, h->o.key, gnutls_strerror(said));
	else if (h->client_ca &&
		 (said = gnutls_certificate_set_x509_trust_file(pair, h->o.client_ca, GNUTLS_X509_FMT_PEM)) <= 0)
		rc = err_set(e, E_CONFIG, "%s: %s", h->o.client_ca,
			     said ? gnutls_strerror(said) : "no certificate in it");
	gnutls_certificate_free_credentials(pair);
	return rc;
}

/* Each connection is a descriptor, and the rest of the node needs some. */
static void raise_descriptors(const struct http *h)
{
	struct rlimit l;
	rlim_t need = (rlim_t)h->o.max_connections + 1024;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= need)
		return;
	l.rlim_cur = l.rlim_max < need ? l.rlim_max : need;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur < need)
		log_warn("http: %u connections are allowed, and %llu open files", h->o.max_connections,
			 (unsigned long long)l.rlim_cur);
}

static int start_daemon(struct http *h, struct err *e)
{
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), threads = h->o.threads ? h->o.threads : cores;
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
	/* Of the pool, whose heads and whose records of header lines are part: see http_private.h. */
	struct MHD_OptionItem more[6] = {{MHD_OPTION_END, 0, NULL}};
	unsigned n = 0;

	if (!h->o.threads && threads < 4)
		threads = 4; /* each looks at all of its connections whenever one of them moves */
	if (h->certificate) {
		flags |= MHD_USE_TLS;
		more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, h->certificate};
		more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, h->key};
		more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_CIPHERS};
		if (h->client_ca)
			more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, h->client_ca};
	}
	if (h->o.max_each)
		more[n++] = (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, h->o.max_each, NULL};
	more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	h->daemon = MHD_start_daemon(
	    flags, 0, http_on_accept, h, http_on_call, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
	    MHD_OPTION_LISTEN_SOCKET, h->listener, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_THREAD_STACK_SIZE,
	    (size_t)HTTP_STACK, MHD_OPTION_CONNECTION_MEMORY_LIMIT, h->pool, MHD_OPTION_CONNECTION_LIMIT,
	    threads * h->o.max_connections, MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, h, MHD_OPTION_NOTIFY_COMPLETED,
	    http_on_over, h, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, h, MHD_OPTION_UNESCAPE_CALLBACK,
	    keep_escapes, NULL, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	return h->daemon ? 0 : err_set(e, E_IO, "the HTTP listener on %s port %u does not start", h->o.listen, h->port);
}

static void http_free(struct http *h)
{
	if (h->listener >= 0)
		close(h->listener);
	while (h->n_spares)
		buf_cleanup(&h->spare[--h->n_spares]);
	for (unsigned i = 0; i < HTTP_SHARDS; i++)
		pthread_mutex_destroy(&h->shards[i].lock);
	pthread_cond_destroy(&h->none);
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->lock);
	g_free(h->certificate);
	g_free(h->key);
	g_free(h->client_ca);
	free(h);
}

static struct http *http_new(const struct http_options *o)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->o = *o;
	h->listener = h->wake[0] = h->wake[1] = -1;
	for (unsigned i = 0; i < HTTP_SHARES; i++)
		h->lines[i].last = &h->lines[i].first;
	h->pool = o->head_most + 6144;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	pthread_cond_init(&h->none, NULL);
	for (unsigned i = 0; i < HTTP_SHARDS; i++)
		pthread_mutex_init(&h->shards[i].lock, NULL);
	return h;
}

int http_check(const struct http_options *o, struct err *e)
{
	struct http h = {.o = *o};
	int rc = read_pems(&h, e);

	g_free(h.certificate);
	g_free(h.key);
	g_free(h.client_ca);
	return rc;
}

int http_start(const struct http_options *o, struct http **out, struct err *e)
{
	struct http *h = http_new(o);
	int rc;

	if (!h)
		return err_set(e, E_NOMEM, "no memory for the HTTP listener");
	if ((rc = read_pems(h, e)) < 0 || (rc = listen_on(o->listen, o->port, &h->listener, &h->port, e)) < 0) {
		http_free(h);
		return rc;
	}
	raise_descriptors(h);
	rc = http_workers_start(h, e);
	if (rc == 0)
		rc = http_watch_start(h, e);
	if (rc == 0)
		rc = start_daemon(h, e);
	if (rc < 0) {
		http_watch_stop(h);
		http_workers_stop(h);
		http_free(h);
		return rc;
	}
	*out = h;
	return 0;
}

uint16_t http_port(const struct http *h)
{
	return h->port;
}

/* all: also exchanges that are under way. */
static void cut_connections(struct http *h, bool all)
{
	for (unsigned i = 0; i < HTTP_SHARDS; i++) {
		pthread_mutex_lock(&h->shards[i].lock);
		for (struct http_conn *c = h->shards[i].first; c; c = c->next) {
			pthread_mutex_lock(&c->lock);
			if (all || !c->now)
				http_conn_cut(c);
			pthread_mutex_unlock(&c->lock);
		}
		pthread_mutex_unlock(&h->shards[i].lock);
	}
}

static bool wait_exchanges(struct http *h, int64_t until)
{
	int rc = 0;

	pthread_mutex_lock(&h->lock);
	while (h->exchanges && rc == 0)
		rc = clock_wait(&h->none, &h->lock, until);
	pthread_mutex_unlock(&h->lock);
	return rc == 0;
}

void http_stop(struct http *h, uint32_t grace_ms)
{
	h->stopping = true;
	MHD_quiesce_daemon(h->daemon);
	cut_connections(h, false);
	if (!wait_exchanges(h, clock_mono_us() + (int64_t)grace_ms * 1000))
		log_warn("http: %u exchanges cut after %u ms", h->exchanges, grace_ms);
	h->cutting = true; /* from here nothing is suspended any more */
	cut_connections(h, true);
	MHD_stop_daemon(h->daemon);
	wait_exchanges(h, INT64_MAX / 2);
	http_watch_stop(h);
	http_workers_stop(h);
	http_free(h);
}
