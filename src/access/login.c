#include "access/login.h"
#include "access/access_internal.h"
#include "access/audit.h"
#include "access/throttle.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/log.h"

#include <sodium.h>

static void note(enum audit_kind kind, bool failed, const char *who, const char *address, const char *what)
{
	const struct audit_event ev = {
	    .kind = kind, .failed = failed, .who = who, .how = "password", .address = address, .what = what};

	audit_note(&ev);
}

/* why: of a failure; NULL: done. */
static void note_how(enum audit_kind kind, const char *who, const char *address, const char *deed,
		     const struct err *why)
{
	char what[300];

	snprintf(what, sizeof what, "%s%s%s", deed, why ? ": " : "", why ? why->msg : "");
	note(kind, why != NULL, who, address, what);
}

/* ---- the password itself, with its limits */

static void tell_lock(struct access *a, const char *name, const char *address, const struct throttle_told *told)
{
	if (told->by_address) {
		log_warn("login: too many wrong passwords from %s: this address is locked for a while", address);
		alert_raise(ALERT_LOGIN, address,
			    "too many wrong passwords from this address: it is locked for a while");
		note(AUDIT_REFUSED, true, "", address, "log in: the address is locked after wrong passwords");
		return;
	}
	log_warn("login: too many wrong passwords for \"%.64s\", the last from %s: the name is locked for a while",
		 name, address);
	alert_raise(ALERT_LOGIN, name,
		    "too many wrong passwords for this name, the last from %s: the name is locked for a while",
		    address);
	note(AUDIT_REFUSED, true, name, address, "log in: the name is locked after wrong passwords");
	if (holder_lock(a->archive, name, a->now() + a->config->login_lock_ms * 1000, NULL) < 0)
		log_warn("login: that the name is locked could not be noted for lists");
}

/* The operator has ended the lock. */
static bool pardoned(struct access *a, const char *name, const struct throttle_told *told)
{
	struct holder h;

	return told->locked && !told->by_address && holder_named(a->archive, HOLDER_ACCOUNT, name, &h, NULL) == 0 &&
	       h.pardoned >= told->since;
}

/* 0: may try. */
static int may_try(struct access *a, const char *name, const char *address, struct throttle_told *told,
		   int64_t *wait_us, struct err *e)
{
	*wait_us = throttle_try(a->throttle, name, address, a->now(), told);
	if (*wait_us > 0 && pardoned(a, name, told)) {
		throttle_forget(a->throttle, name);
		*wait_us = throttle_try(a->throttle, name, address, a->now(), told);
	}
	if (*wait_us == 0)
		return 0;
	/* a flood is counted as one; from an address that is locked, whatever names it tries */
	note(AUDIT_REFUSED, true, told->by_address ? "" : name, address,
	     told->by_address ? "log in: not tried, too many wrong passwords from this address"
			      : "log in: not tried, too many wrong passwords for this name");
	return err_set(e, E_LIMIT, "too many wrong passwords: try again in %lld s",
		       (long long)((*wait_us + SECOND_US - 1) / SECOND_US));
}

/* 0: it is h's password. */
static int prove(struct access *a, const char *name, const char *password, const char *address, struct holder *h,
		 int64_t *wait_us, struct err *e)
{
	struct throttle_told told;
	bool known;
	int rc = may_try(a, name, address, &told, wait_us, e);

	if (rc < 0)
		return rc;
	rc = holder_named(a->archive, HOLDER_ACCOUNT, name, h, NULL);
	if (rc < 0 && rc != -E_NOENT)
		return err_set(e, (enum err_code) - rc, "the account could not be looked up");
	known = rc == 0 && !h->disabled && !(h->expires && a->now() >= h->expires);
	if (known)
		h->proof[h->proof_n < HOLDER_PROOF ? h->proof_n : HOLDER_PROOF - 1] = '\0';
	if ((rc = password_check(known ? (const char *)h->proof : NULL, password, e)) < 0) {
		throttle_undo(a->throttle, name, address, a->now());
		return rc;
	}
	if (rc > 0) {
		throttle_right(a->throttle, name, address, a->now());
		return 0;
	}
	if (told.last)
		tell_lock(a, name, address, &told);
	return err_set(e, E_DENIED, "name or password are wrong");
}

int access_login(struct access *a, const char *name, const char *password, const char *address, struct session *out,
		 char secret[SECRET_TEXT], int64_t *wait_us, struct err *e)
{
	int64_t now = a->now(), idle_us = a->config->login_idle_ms * 1000;
	struct err why = {0};
	struct holder h;
	int rc;

	if ((rc = prove(a, name, password, address, &h, wait_us, &why)) == 0) {
		*out = (struct session){
		    .holder = h.id, .created = now, .used = now, .until = now + a->config->login_session_ms * 1000};
		g_strlcpy(out->name, h.name, sizeof out->name);
		g_strlcpy(out->address, address, sizeof out->address);
		if (session_purge(a->archive, now, idle_us, NULL) < 0)
			log_warn("sessions that are over could not be removed");
		rc = session_add(a->archive, out, secret, &why);
	}
	if (rc == 0 && holder_used(a->archive, h.id, now, NULL) < 0)
		log_warn("the login of account %lld could not be noted", (long long)h.id);
	if (rc == -E_BUSY)
		note(AUDIT_REFUSED, true, "", address, "log in: not tried, too many at once");
	else if (rc != -E_LIMIT)
		note_how(AUDIT_LOGIN, name, address, "log in", rc < 0 ? &why : NULL);
	sodium_memzero(&h, sizeof h);
	return rc < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

int access_logout(struct access *a, const struct principal *p, const char *address, struct err *e)
{
	int rc;

	if (!p->session[0])
		return err_set(e, E_INVAL, "there is no session to end");
	if ((rc = session_end(a->archive, g_ascii_strtoll(p->session, NULL, 10), e)) < 0)
		return rc;
	access_forget(a);
	note(AUDIT_LOGOUT, false, p->name, address, "log out");
	return 0;
}

int access_password(struct access *a, const struct principal *p, const char *old, const char *fresh,
		    const char *address, int64_t *wait_us, struct err *e)
{
	char proof[PASSWORD_PROOF];
	struct err why = {0};
	struct holder h;
	int rc;

	*wait_us = 0;
	if (strcmp(p->how, "password") != 0)
		return err_set(e, E_DENIED, "only who logged in with a password can change it");
	if ((rc = password_policy(p->name, fresh, &why)) == 0 &&
	    (rc = prove(a, p->name, old, address, &h, wait_us, &why)) == 0 &&
	    (rc = password_hash(fresh, proof, &why)) == 0)
		rc = holder_prove(a->archive, p->holder, proof, strlen(proof), g_ascii_strtoll(p->session, NULL, 10),
				  &why);
	if (rc == 0)
		access_forget(a);
	if (rc != -E_LIMIT)
		note_how(AUDIT_CHANGED, p->name, address, "change the own password", rc < 0 ? &why : NULL);
	return rc < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

/* ---- accounts that the node makes by itself */

int access_account(struct archive *a, const char *name, uint32_t roles, const char *site, const char *password,
		   struct err *e)
{
	struct holder h = {.kind = HOLDER_ACCOUNT, .roles = roles, .created = clock_wall_us()};
	struct holder there;
	char proof[PASSWORD_PROOF];
	int rc;

	g_strlcpy(h.name, name, sizeof h.name);
	if (site)
		g_strlcpy(h.codes[h.n++], site, sizeof h.codes[0]);
	if ((rc = password_policy(name, password, e)) < 0 || (rc = password_hash(password, proof, e)) < 0)
		return rc;
	h.proof_n = strlen(proof);
	memcpy(h.proof, proof, h.proof_n);
	if ((rc = holder_named(a, HOLDER_ACCOUNT, name, &there, NULL)) == -E_NOENT)
		return holder_add(a, &h, e);
	if (rc < 0)
		return err_set(e, (enum err_code) - rc, "account %s could not be looked up", name);
	h.id = there.id;
	if ((rc = holder_set(a, &h, e)) < 0)
		return rc;
	return holder_prove(a, h.id, proof, h.proof_n, 0, e);
}

struct others {
	int64_t but, now;
};

static int is_admin(void *arg, const struct holder *h)
{
	const struct others *o = arg;

	return h->id != o->but && h->roles & ROLE_ADMIN && !h->disabled && !(h->expires && o->now >= h->expires);
}

int access_other_admin(struct archive *a, int64_t but, struct err *e)
{
	struct others o = {but, clock_wall_us()};

	return holder_each(a, HOLDER_ACCOUNT, is_admin, &o, e);
}

int access_first_admin(struct archive *a, char password[PASSWORD_RANDOM], struct err *e)
{
	int64_t n = holder_accounts(a, e);
	int rc;

	if (n > 0 && (rc = access_other_admin(a, 0, e)) == 0)
		log_warn("no account has the role admin, and none is made, since there are others: teleread user add "
			 "NAME --role "
			 "admin");
	if (n != 0)
		return n < 0 ? (int)n : rc < 0 ? rc : 0;
	password_random(password);
	if ((rc = access_account(a, "admin", ROLE_ADMIN, NULL, password, e)) == 0)
		note(AUDIT_CHANGED, false, "admin", "", "first account made");
	return rc < 0 ? rc : 1;
}
