/* access/login.h - people: logging in and out, passwords, and the study that is opened in an emergency.
 *
 * Errors:   -E_DENIED where name or password are wrong: the same for both, and after the same time. -E_LIMIT: too many
 *           were wrong; wait_us says how long to wait (HTTP 429). -E_BUSY: too many log in just now.
 *           Each outcome goes to the audit trail; a lock is an alert.
 * Threads:  any; they wait for the index, and logins for one another. access_scope_for() works from memory.
 */
#ifndef ACCESS_LOGIN_H
#define ACCESS_LOGIN_H

#include "access/access.h"
#include "access/password.h"
#include "access/session.h"

/* secret is the cookie's value. *out: the session, with its CSRF token. */
int access_login(struct access *a, const char *name, const char *password, const char *address, struct session *out,
		 char secret[SECRET_TEXT], int64_t *wait_us, struct err *e);
/* Ends the session of p, which must have one. */
int access_logout(struct access *a, const struct principal *p, const char *address, struct err *e);
/* p's own, who must be known by a password; ends p's other sessions. */
int access_password(struct access *a, const struct principal *p, const char *old, const char *fresh,
		    const char *address, int64_t *wait_us, struct err *e);
/* Whether somebody else than that account (0: nobody is left out) may manage: has the role, is not disabled, not over its time. */
int access_other_admin(struct archive *a, int64_t but, struct err *e); /* 1, 0 or negative */
/* Where there is no account at all: makes "admin" and returns 1 with its password; else 0. */
int access_first_admin(struct archive *a, char password[PASSWORD_RANDOM], struct err *e);
/* The account of that name with these roles and that site, made or changed, and this password. */
int access_account(struct archive *a, const char *name, uint32_t roles, const char *site, const char *password,
		   struct err *e);

/* ---- breaking the glass */
#define GLASS_REASON_LEAST 4u /* characters that can be seen, whatever their bytes */
#define GLASS_REASON_MOST 1000u
#define GLASS_STUDIES 1024u /* open at one time, of all people */
struct glass_entry {
	int64_t id, site, created, until;
	const char *subject, *name, *address, *study, *reason;
};
/* Opens one study of any site to p for login.glass: whoever reads images for others and has a name of his own, not a
 * machine. An alert and an audit message, whatever comes of it. *until: microseconds since 1970. -E_NOENT: there is no
 * such study. */
int access_glass(struct access *a, const struct principal *p, const char *study, const char *reason,
		 const char *address, int64_t *until, struct err *e);
/* Latest first, most of them: for whoever manages the node. */
int access_glass_each(struct access *a, unsigned most, int (*seen)(void *arg, const struct glass_entry *g), void *arg,
		      struct err *e);
/* For a request inside a study that p's scope may not hold: 1: p has opened it, and *out is its site alone (the caller
 * cleans up); 0: not. Does not block. */
int access_scope_for(struct access *a, const struct principal *p, const char *study, struct scope *out);
#endif
