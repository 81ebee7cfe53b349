/* access/oidc_login.h - logging in at an OpenID Connect provider from a browser: the authorization code flow with PKCE.
 *
 * What is remembered between leaving and coming back (state, nonce, verifier) lies sealed in a cookie of that browser, so
 * that nothing is kept here for who never comes back; it is good for OIDC_LOGIN_US and for this run of the node.
 * Errors:   -E_UNSUP: not configured; -E_DENIED: what came back is not what was sent out, or was refused there.
 * Threads:  any but a connection's: both may wait for the provider.
 * Source:   RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1.
 */
#ifndef ACCESS_OIDC_LOGIN_H
#define ACCESS_OIDC_LOGIN_H

#include "access/access.h"
#include "access/session.h"

#define OIDC_LOGIN_US 600000000LL
#define OIDC_AT_ONCE 4u /* coming back: each may wait for the provider; one more gets -E_BUSY */
#define OIDC_COOKIE_SECURE "__Host-teleread-oidc"
#define OIDC_COOKIE_PLAIN "teleread-oidc"
#define OIDC_COOKIE 256

/* url: where the browser is to go; cookie: what it is to carry. */
int access_oidc_leave(struct access *a, struct buf *url, char cookie[OIDC_COOKIE], struct err *e);
/* state and code as the provider sent the browser back with them. */
int access_oidc_return(struct access *a, const char *cookie, const char *state, const char *code, const char *address,
		       struct session *out, char secret[SECRET_TEXT], struct err *e);
#endif
