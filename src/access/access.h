/* access/access.h - who somebody is, and what they may do: accounts, tokens, sessions, certificates, OpenID Connect.
 *
 * A principal has roles, a scope of sites, and perhaps a site that what it stores belongs to. Roles give rights by one
 * table (access_rights()); whoever lacks a right, or has no name, is refused. Nothing is allowed by default.
 * Threads:  any. Principals are shared and counted: access_release() each that was given.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "archive/registry.h"
#include "base/config.h"

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
const char *role_name(enum role r); /* "site-sender" */
int role_parse(const char *name, enum role *out);
uint32_t access_rights(uint32_t roles); /* bit 1 << enum right */

struct principal {
	char name[129];  /* for the audit trail: account, token or subject */
	const char *how; /* "password", "token", "certificate", "oidc", "unknown" (--accept-unknown) */
	uint32_t roles, rights;
	struct scope scope;
	int64_t site; /* what is stored becomes this site's; 0: the request must name one of the scope */
	char site_code[33];
	char session[65]; /* of a person's session: its public id; "" otherwise */
	bool cookie;      /* known by a cookie: changes need the CSRF token */
};
struct credentials { /* as they came; borrowed */
	const char *authorization, *cookie, *csrf, *certificate, *address;
	bool local; /* from this machine, and not through a proxy for somebody else */
};
struct access;
struct access_options {
	struct archive *archive;
	const struct config *config;
	const struct site *unknown_as; /* --accept-unknown; NULL: nobody */
};
int access_open(const struct access_options *o, struct access **out, struct err *e);
void access_close(struct access *a);
/* 0: *out is who asks. -E_NOENT: no credentials at all; -E_DENIED: they are wrong or over, or locked out. May read the
 * index. */
int access_identify(struct access *a, const struct credentials *c, struct principal **out, struct err *e);
/* The same from memory alone: 1 when it is known there, else 0. For threads that must not block. */
int access_known(struct access *a, const struct credentials *c, struct principal **out);
void access_release(struct principal *p); /* NULL is fine */
#endif
