/* access/oidc.h - people and machines that an OpenID Connect provider vouches for ([oidc] of the configuration).
 *
 * A signed token in the Authorization header stands for itself: its claims say roles and sites at each request. People may
 * also log in at the provider from a browser; then a session remembers what it said. Behind access.h.
 */
#ifndef ACCESS_OIDC_H
#define ACCESS_OIDC_H

#include "access/access_internal.h"
#include "access/provider.h"

struct oidc {
	const struct config *config;
	struct provider *provider;
	unsigned algorithms;
	char secret[256];    /* of the client; "" public */
	uint8_t sealing[32]; /* of what a browser carries through a login: crypto_secretbox */
};
struct vouched { /* what the claims mean here */
	char name[129], subject[80];
	uint32_t roles;
	unsigned n;
	int64_t sites[HOLDER_SITES];
};
int oidc_check(const struct config *c, struct err *e); /* what oidc_open() would refuse */
int oidc_open(struct access *a, struct err *e);        /* nothing when it is not configured */
void oidc_close(struct access *a);
int oidc_identify(struct access *a, const char *jwt, struct principal **out, struct err *e);
/* Verifies for that audience, asking the provider again where it names an unknown key. */
int oidc_verify(struct access *a, const char *jwt, const char *audience, json_t **claims, struct err *e);
int oidc_means(struct access *a, const json_t *claims, struct vouched *out, struct err *e);
#endif
