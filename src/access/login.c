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

/* ---- the password itself, with its limits */

static void tell_lock(const char *name, const char *address)
{
	log_warn("login: too many wrong passwords for \"%.64s\" or from %s: locked for a while", name, address);
	alert_raise(ALERT_LOGIN, name, "too many wrong passwords for this name or from %s: locked for a while",
		    address);
	note(AUDIT_REFUSED, true, name, address, "login locked after wrong passwords");
}

/* 0: it is h's password. */
static int prove(struct access *a, const char *name, const char *password, const char *address, struct holder *h,
		 int64_t *wait_us, struct err *e)
{
	bool last, known;
	int rc;

	*wait_us = throttle_try(a->throttle, name, address, a->now(), &last);
	if (*wait_us > 0)
		return err_set(e, E_LIMIT, "too many wrong passwords: try again in %lld s",
			       (long long)((*wait_us + SECOND_US - 1) / SECOND_US));
	rc = holder_named(a->archive, HOLDER_ACCOUNT, name, h, NULL);
	if (rc < 0 && rc != -E_NOENT)
		return err_set(e, (enum err_code) - rc, "the account could not be looked up");
	known = rc == 0 && !h->disabled && !(h->expires && a->now() >= h->expires);
	if (known)
		h->proof[h->proof_n < HOLDER_PROOF ? h->proof_n : HOLDER_PROOF - 1] = '\0';
	if ((rc = password_check(known ? (const char *)h->proof : NULL, password, e)) < 0) {
		throttle_undo(a->throttle, name, address);
		return rc;
	}
	if (rc > 0) {
		throttle_right(a->throttle, name, address);
		return 0;
	}
	if (last)
		tell_lock(name, address);
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
	if (rc != -E_LIMIT && rc != -E_BUSY) /* a flood of what is not even tried does not fill the trail */
		note(AUDIT_LOGIN, rc < 0, name, address, rc < 0 ? why.msg : "login");
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
	note(AUDIT_LOGOUT, false, p->name, address, "logout");
	return 0;
}

int access_password(struct access *a, const struct principal *p, const char *old, const char *fresh,
		    const char *address, int64_t *wait_us, struct err *e)
{
	char proof[PASSWORD_PROOF];
	struct holder h;
	int rc;

	*wait_us = 0;
	if (strcmp(p->how, "password") != 0)
		return err_set(e, E_DENIED, "only who logged in with a password can change it");
	if ((rc = password_policy(p->name, fresh, e)) < 0)
		return rc;
	if ((rc = prove(a, p->name, old, address, &h, wait_us, e)) == 0 && (rc = password_hash(fresh, proof, e)) == 0)
		rc =
		    holder_prove(a->archive, p->holder, proof, strlen(proof), g_ascii_strtoll(p->session, NULL, 10), e);
	if (rc == 0)
		access_forget(a);
	note(AUDIT_CHANGED, rc < 0, p->name, address, "changes the own password");
	return rc;
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

int access_first_admin(struct archive *a, char password[PASSWORD_RANDOM], struct err *e)
{
	int64_t n = holder_accounts(a, e);
	int rc;

	if (n != 0)
		return n < 0 ? (int)n : 0;
	password_random(password);
	if ((rc = access_account(a, "admin", ROLE_ADMIN, NULL, password, e)) == 0)
		note(AUDIT_CHANGED, false, "admin", "", "first account made");
	return rc < 0 ? rc : 1;
}
