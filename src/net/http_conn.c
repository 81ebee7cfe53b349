#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_private.h"
#include "net/listen.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <string.h>

static struct metric m_connections = METRIC(GAUGE, "teleread_http_connections", "", "HTTP connections that are open");
static struct metric m_accepted = METRIC(COUNTER, "teleread_http_connections_total", "", "HTTP connections accepted");
static struct metric m_refused =
    METRIC(COUNTER, "teleread_http_connections_refused_total", "", "HTTP connections closed at once: too many");

enum MHD_Result http_on_accept(void *arg, const struct sockaddr *from, socklen_t n)
{
	struct http *h = arg;

	(void)from;
	(void)n;
	if (!h->stopping && h->connections < h->o.max_connections)
		return MHD_YES;
	metric_add(&m_refused, 1);
	return MHD_NO;
}

static struct http_shard *shard_of(const struct http_conn *c)
{
	return &c->h->shards[(unsigned)c->fd % HTTP_SHARDS];
}

/* Data that nobody acknowledges, and a peer that has vanished, end the connection in the kernel. */
static void set_up_socket(int fd, uint32_t idle_ms)
{
	unsigned most = idle_ms;
	int one = 1, after = 30;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof(most));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after, sizeof(after));
}

static struct http_conn *conn_new(struct http *h, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *from = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct http_conn *c = calloc(1, sizeof(*c));
	struct http_shard *s;

	if (!c)
		return NULL;
	c->h = h;
	c->refs = 1;
	c->linger = true;
	c->fd = fd->connect_fd;
	c->idle_us = clock_mono_us();
	pthread_mutex_init(&c->lock, NULL);
	listen_address(from->client_addr,
		       from->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
								: sizeof(struct sockaddr_in),
		       c->address, sizeof(c->address));
	set_up_socket(c->fd, h->o.idle_ms);
	s = shard_of(c);
	pthread_mutex_lock(&s->lock);
	if ((c->next = s->first))
		c->next->at = &c->next;
	c->at = &s->first;
	s->first = c;
	pthread_mutex_unlock(&s->lock);
	return c;
}

/* The library closes the socket next; see http_watch.c. */
static void linger(const struct http_conn *c)
{
	char one;
	ssize_t n = recv(c->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0 || (n < 0 && errno == EAGAIN && c->linger))
		http_linger(c->h, fcntl(c->fd, F_DUPFD_CLOEXEC, 0));
}

static void conn_leave(struct http_conn *c)
{
	struct http_shard *s = shard_of(c);

	linger(c);
	pthread_mutex_lock(&s->lock);
	if ((*c->at = c->next))
		c->next->at = c->at;
	pthread_mutex_unlock(&s->lock);
	http_conn_unref(c);
}

void http_conn_unref(struct http_conn *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->subject);
	free(c);
}

void http_on_connection(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct http *h = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		h->connections++;
		metric_add(&m_accepted, 1);
		metric_add(&m_connections, 1);
		*context = conn_new(h, mhd);
	} else {
		if (*context) {
			http_forgotten(*context);
			conn_leave(*context);
		}
		*context = NULL;
		h->connections--;
		metric_add(&m_connections, -1);
	}
}

void http_conn_cut(struct http_conn *c)
{
	struct http_request *r = c->now;

	shutdown(c->fd, SHUT_RDWR);
	if (r) {
		r->gone = true;
		http_resume(r);
	}
}

/* ---- the certificate that the client has shown */

static void describe(struct http_conn *c, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t name = {0};
	unsigned char sum[32];
	size_t n = sizeof(sum);

	if (gnutls_fingerprint(GNUTLS_DIG_SHA256, der, sum, &n) < 0 || gnutls_x509_crt_init(&crt) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		c->fingerprint[2 * i] = "0123456789abcdef"[sum[i] >> 4];
		c->fingerprint[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
	}
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0 && gnutls_x509_crt_get_dn3(crt, &name, 0) >= 0) {
		c->subject = strdup((const char *)name.data);
		gnutls_free(name.data);
	}
	gnutls_x509_crt_deinit(crt);
}

void http_conn_certificate(struct http_conn *c, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *chain;
	unsigned n = 0, wrong = 0;

	c->looked = true;
	if (!info || !c->h->client_ca || !(chain = gnutls_certificate_get_peers(info->tls_session, &n)) || n == 0)
		return;
	if (gnutls_certificate_verify_peers2(info->tls_session, &wrong) == 0 && wrong == 0) {
		describe(c, &chain[0]);
		return;
	}
	c->forged = true;
	log_warn("http: the client certificate of %s is not accepted%s", c->address,
		 wrong & GNUTLS_CERT_EXPIRED ? ": it has expired" : "");
}
