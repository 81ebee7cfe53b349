/* web/oidc.c - logging in at an OpenID Connect provider: the browser's way there and back (access/oidc_login.h). */
#include "access/oidc_login.h"
#include "web/handlers.h"
#include "web/reply.h"
#include <stdio.h>
#include <string.h>

#define URL_MOST 8192u
#define HOME "/api/"

/* Lax: the browser comes back from another site, and must bring it along. */
static int set_journey(struct exchange *x, const char *value, struct err *e)
{
	char cookie[OIDC_COOKIE + 160];

	snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s; Max-Age=%lld",
		 x->secure ? OIDC_COOKIE_SECURE : OIDC_COOKIE_PLAIN, value, x->secure ? "; Secure" : "",
		 *value ? OIDC_LOGIN_US / 1000000 : 0LL);
	return http_add(x->http, "Set-Cookie", cookie) < 0 ? err_set(e, E_NOMEM, "the cookie could not be set") : 0;
}

int oidc_leave(struct exchange *x, struct err *e)
{
	AUTO(buf) url = BUF(URL_MOST);
	char cookie[OIDC_COOKIE];
	int rc;

	if ((rc = access_oidc_leave(x->access, &url, cookie, e)) < 0 || (rc = set_journey(x, cookie, e)) < 0)
		return rc;
	if (http_add(x->http, "Location", buf_text(&url)) < 0)
		return err_set(e, E_NOMEM, "a header of the answer could not be set");
	if ((rc = reply_prepare(x, NULL, e)) < 0)
		return rc;
	http_reply(x->http, 303, NULL, 0);
	return 0;
}

/* Not a redirect: the session's cookie is strict, and goes along only from a page of ours. */
static int go_home(struct exchange *x, const char *secret, struct err *e)
{
	static const char page[] =
	    "<!DOCTYPE html><html lang=\"en\"><meta http-equiv=\"refresh\" content=\"0; url=" HOME
	    "\"><title>Teleread</title><a href=\"" HOME "\">Logged in</a></html>\n";
	int rc;

	if ((rc = set_journey(x, "", e)) < 0 || (rc = login_set_cookie(x, secret, e)) < 0)
		return rc;
	return reply_bytes(x, 200, "text/html; charset=utf-8", page, sizeof page - 1, e);
}

int oidc_return(struct exchange *x, struct err *e)
{
	const char *state = url_query_get(&x->query, "state"), *code = url_query_get(&x->query, "code");
	char journey[OIDC_COOKIE], secret[SECRET_TEXT];
	struct session s;
	int rc;

	if (url_query_get(&x->query, "error"))
		return err_set(e, E_DENIED, "the provider did not log you in");
	if (!state || !code)
		return err_set(e, E_INVAL, "expected the parameters state and code, as the provider sends them");
	rc = cookie_get(http_header(x->http, "Cookie"), x->secure ? OIDC_COOKIE_SECURE : OIDC_COOKIE_PLAIN, journey,
			sizeof journey, e);
	if (rc <= 0)
		return rc < 0 ? rc : err_set(e, E_DENIED, "this login was not begun from this browser: begin again");
	exchange_told(x);
	if ((rc = access_oidc_return(x->access, journey, state, code, x->address, &s, secret, e)) < 0)
		return rc;
	return go_home(x, secret, e);
}
