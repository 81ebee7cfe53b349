/* access/session.h - people who are logged in: one row for each browser, known by the secret in its cookie.
 *
 * A session ends when it was not used for login.idle, when it is login.session old, when its account is disabled,
 * removed or gets another password, and at logout. Each login makes a new secret.
 * Threads:  any.
 */
#ifndef ACCESS_SESSION_H
#define ACCESS_SESSION_H

#include "access/access.h"
#include "access/credential.h"

#define COOKIE_SECURE "__Host-teleread"
#define COOKIE_PLAIN "teleread"
#define CSRF_TEXT 44

struct session {
	int64_t id, holder; /* holder 0: by OpenID Connect, what follows is the session's own */
	char csrf[CSRF_TEXT];
	char name[129], subject[80], address[64];
	uint32_t roles;
	unsigned n;
	int64_t sites[64];
	int64_t created, used, until; /* microseconds since 1970 */
};
/* id, csrf and secret (for the cookie) are made; created is now. */
int session_add(struct archive *a, struct session *s, char secret[SECRET_TEXT], struct err *e);
/* -E_DENIED: there is none, or it is over. */
int session_get(struct archive *a, const char *secret, int64_t now, int64_t idle_us, struct session *out,
		struct err *e);
int session_used(struct archive *a, int64_t id, int64_t now, struct err *e);
int session_end(struct archive *a, int64_t id, struct err *e);
int session_end_all(struct archive *a, int64_t holder, struct err *e);
int session_each(struct archive *a, int64_t holder, int64_t now, int (*seen)(void *arg, const struct session *s),
		 void *arg, struct err *e);
int session_purge(struct archive *a, int64_t now, int64_t idle_us, struct err *e); /* rows of those that are over */
#endif
