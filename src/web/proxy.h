/* web/proxy.h - who stands behind a reverse proxy that is trusted (http.trusted_proxies). Of this room only.
 *
 * Only what such a proxy says of its client counts: X-Forwarded-For, X-Forwarded-Proto and, where it verified a certificate,
 * X-Client-Certificate-SHA256 or X-Client-Certificate (PEM, percent-encoded, as nginx's $ssl_client_escaped_cert). From anybody else these headers are only a sign that the request was forwarded.
 */
#ifndef WEB_PROXY_H
#define WEB_PROXY_H

#include "net/http.h"

struct networks;
/* A list of addresses and CIDR ranges, between commas or blanks. */
int networks_parse(const char *list, struct networks **out, struct err *e);
bool networks_have(const struct networks *n, const char *address);
void networks_free(struct networks *n);

struct sender {
	char address[64];     /* of the client */
	char certificate[65]; /* SHA-256, lower case; "" none */
	bool secure;          /* its connection is TLS */
	bool local;           /* on this machine, and nobody forwarded it */
};
void sender_find(const struct http_request *r, const struct networks *trusted, struct sender *out);
#endif
