/* access/access.h - who somebody is, and what they may do: accounts, tokens, sessions, certificates, OpenID Connect.
 *
 * A principal has roles, a scope of sites, and perhaps a site that what it stores belongs to. Roles give rights by one
 * table (access_rights()); whoever lacks a right, or has no name, is refused. Nothing is allowed by default.
 * Which credentials count: the Authorization header, else the session's cookie, else the client certificate, else (from
 * this machine, where the node was told so) none at all. What is shown and wrong is refused; it never counts as nothing.
 * What is known is kept in memory for ACCESS_TTL_US: a change by another process takes that long to take effect.
 * Threads:  any. Principals are shared and counted: access_release() each that was given.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "archive/registry.h"
#include "base/config.h"

#define ACCESS_TTL_US 2000000LL

enum role {
	ROLE_SITE_SENDER = 1,
	ROLE_SITE_VIEWER = 2,
	ROLE_READER = 4,
	ROLE_CHIEF = 8,
	ROLE_QA = 16,
	ROLE_ADMIN = 32
};
enum right {
	RIGHT_NOBODY, /* a route that needs no login: health, login itself, static pages */
	RIGHT_LOGIN,  /* anyone who is known */
	RIGHT_SEE,    /* query and retrieve within the scope */
	RIGHT_STORE,  /* for a site of the scope */
	RIGHT_DELETE, /* into the bin and out of it, within the scope */
	RIGHT_WATCH,  /* metrics, state of the node */
	RIGHT_AUDIT,  /* read the audit trail */
	RIGHT_MANAGE, /* accounts, tokens, sites */
	RIGHTS
};
const char *right_name(enum right r); /* what it lets do: "store" */
const char *role_name(enum role r);   /* "site-sender" */
int role_parse(const char *name, enum role *out);
#define ROLES_TEXT 64
const char *roles_text(uint32_t roles, char out[ROLES_TEXT]); /* "reader,qa"; returns out */
/* Names with commas or blanks between them. -E_INVAL names the one that is none. */
int roles_parse(const char *text, uint32_t *out, struct err *e);
uint32_t access_rights(uint32_t roles); /* bit 1 << enum right */

struct principal {
	char name[129];   /* for the audit trail: account, token or subject */
	char subject[80]; /* the same person or machine the next time: "account 5" */
	const char *how;  /* "password", "token", "certificate", "oidc", "unknown" (--accept-unknown) */
	uint32_t roles, rights;
	struct scope scope;
	int64_t site; /* what is stored becomes this site's; 0: the request must name one of the scope */
	char site_code[33];
	int64_t holder;   /* row of the account, token or certificate; 0: none */
	char session[24]; /* of a person's session: its public id; "" otherwise */
	char csrf[48];    /* token that the session's changes carry; see access_csrf() */
	bool cookie;      /* known by a cookie: changes need the CSRF token */
};
struct credentials { /* as they came; borrowed; NULL or "": none */
	const char *authorization, *cookie, *csrf, *certificate, *address;
	bool local;  /* from this machine, and not through a proxy for somebody else */
	bool secure; /* came over TLS: the cookie then has another name, which only such answers can set */
};
struct access;
struct access_options {
	struct archive *archive;
	const struct config *config;   /* [login] and [oidc] are read at access_open() */
	const struct site *unknown_as; /* --accept-unknown; NULL: nobody */
	int64_t (*now)(void);          /* microseconds since 1970; NULL: clock_wall_us() */
};
int access_check(const struct config *c, struct err *e); /* what access_open() would refuse of the settings */
int access_open(const struct access_options *o, struct access **out, struct err *e);
void access_close(struct access *a);
/* 0: *out is who asks. -E_NOENT: no credentials at all; -E_DENIED: they are wrong or over; -E_BUSY: cannot be told now
 * (keys of a provider are being fetched). May read and write the index, and wait a few seconds. */
int access_identify(struct access *a, const struct credentials *c, struct principal **out, struct err *e);
/* The same from memory alone: 1 when it is known there, else 0. For threads that must not block. */
int access_known(struct access *a, const struct credentials *c, struct principal **out);
void access_release(struct principal *p); /* NULL is fine */
/* Whether a change that p asks for may be made: it was not known by a cookie, or c->csrf is the session's. */
bool access_csrf(const struct principal *p, const struct credentials *c);
/* Forgets what is in memory, so that a change made by this process takes effect at once. */
void access_forget(struct access *a);
#endif
