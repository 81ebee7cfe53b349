/* access/jwt.h - signed tokens (JWT) of an OpenID Connect provider, verified by its published keys.
 *
 * Only the algorithms that the configuration names are taken: none and the symmetric ones never are, and a key serves the
 * algorithms of its own kind alone. RSA keys have 2048 bits or more.
 * Errors:   -E_NOENT: no key of that name among them (other keys may have been published since); -E_DENIED: anything else
 *           that is wrong. The sentence never repeats the token.
 * Threads:  depends on arguments alone; a struct jwks is shared and counted.
 * Source:   RFC 7515, RFC 7517, RFC 7519, RFC 8725, OpenID Connect Core 3.1.3.7.
 */
#ifndef ACCESS_JWT_H
#define ACCESS_JWT_H

#include "base/auto.h"
#include "base/err.h"
#include <jansson.h>
#include <stddef.h>

enum { JWT_RS256 = 1, JWT_PS256 = 2, JWT_ES256 = 4, JWT_ES384 = 8 };
int jwt_algorithms(const char *names, unsigned *out, struct err *e); /* blanks or commas between them; -E_INVAL */

struct jwks;
#define JWKS_KEYS 64u
/* Keys that cannot serve are passed over; a set without any is refused. */
int jwks_parse(const char *text, size_t n, struct jwks **out, struct err *e);
struct jwks *jwks_ref(struct jwks *k);
void jwks_unref(struct jwks *k); /* NULL is fine */
unsigned jwks_count(const struct jwks *k);

struct jwt_rules {
	const char *issuer, *audience;
	unsigned algorithms;
	int64_t skew_s; /* that clocks may differ */
};
/* now: microseconds since 1970. *claims: the caller's reference. */
int jwt_verify(const struct jwks *keys, const char *jwt, const struct jwt_rules *rules, int64_t now, json_t **claims,
	       struct err *e);
static inline void json_cleanup(json_t **j)
{
	json_decref(*j);
}
AUTO_TYPE(json, json_t *);
#endif
