#include "access/oidc_login.h"
#include "access/audit.h"
#include "access/claims.h"
#include "access/fetch.h"
#include "access/oidc.h"

#include <sodium.h>
#include <stdatomic.h>

#define FORM_MOST 16384u
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct journey { /* what the browser carries, sealed */
	uint8_t state[32], nonce[32], verifier[32];
	int64_t until;
};
#define SEALED (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + sizeof(struct journey))

static void text_of(const uint8_t raw[32], char out[SECRET_TEXT])
{
	sodium_bin2base64(out, SECRET_TEXT, raw, 32, VARIANT);
}

/* ---- leaving */

static void seal(const struct access *a, const struct journey *j, char cookie[OIDC_COOKIE])
{
	uint8_t sealed[SEALED];

	_Static_assert(sodium_base64_ENCODED_LEN(SEALED, VARIANT) <= OIDC_COOKIE, "it fits");
	randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const uint8_t *)j, sizeof *j, sealed,
			      a->oidc->sealing);
	sodium_bin2base64(cookie, OIDC_COOKIE, sealed, sizeof sealed, VARIANT);
}

static int unseal(const struct access *a, const char *cookie, struct journey *out)
{
	uint8_t sealed[SEALED];
	size_t n = 0;

	if (sodium_base642bin(sealed, sizeof sealed, cookie, strlen(cookie), NULL, &n, NULL, VARIANT) != 0 ||
	    n != sizeof sealed ||
	    crypto_secretbox_open_easy((uint8_t *)out, sealed + crypto_secretbox_NONCEBYTES,
				       sizeof sealed - crypto_secretbox_NONCEBYTES, sealed, a->oidc->sealing) != 0 ||
	    a->now() >= out->until)
		return -E_DENIED;
	return 0;
}

static int put_pair(struct buf *out, const char *name, const char *value, struct err *e)
{
	int rc = buf_printf(out, e, "%s%s=", out->len ? "&" : "", name);

	return rc < 0 ? rc : fetch_escape(value, out, e);
}

static int print_question(const struct access *a, const struct journey *j, struct buf *out, struct err *e)
{
	char state[SECRET_TEXT], nonce[SECRET_TEXT], verifier[SECRET_TEXT], challenge[SECRET_TEXT];
	uint8_t digest[crypto_hash_sha256_BYTES];
	int rc;

	text_of(j->state, state);
	text_of(j->nonce, nonce);
	text_of(j->verifier, verifier);
	crypto_hash_sha256(digest, (const uint8_t *)verifier, strlen(verifier));
	text_of(digest, challenge);
	if ((rc = put_pair(out, "response_type", "code", e)) < 0 ||
	    (rc = put_pair(out, "client_id", a->config->oidc_client_id, e)) < 0 ||
	    (rc = put_pair(out, "redirect_uri", a->config->oidc_redirect, e)) < 0 ||
	    (rc = put_pair(out, "scope", "openid profile", e)) < 0 || (rc = put_pair(out, "state", state, e)) < 0 ||
	    (rc = put_pair(out, "nonce", nonce, e)) < 0 || (rc = put_pair(out, "code_challenge", challenge, e)) < 0)
		return rc;
	return put_pair(out, "code_challenge_method", "S256", e);
}

static int configured(const struct access *a, struct err *e)
{
	return a->oidc && *a->config->oidc_redirect
		   ? 0
		   : err_set(e, E_UNSUP, "logging in by OpenID Connect is not set up here ([oidc] redirect)");
}

int access_oidc_leave(struct access *a, struct buf *url, char cookie[OIDC_COOKIE], struct err *e)
{
	AUTO(buf) question = BUF(FORM_MOST);
	AUTO(published) known = {0};
	struct journey j;
	int rc;

	if ((rc = configured(a, e)) < 0)
		return rc;
	provider_get(a->oidc->provider, &known);
	if (!known.authorize[0] || !known.token[0])
		return err_set(e, E_BUSY, "the provider is not known yet, or has no place to log in");
	randombytes_buf(&j, sizeof j);
	j.until = a->now() + OIDC_LOGIN_US;
	if ((rc = print_question(a, &j, &question, e)) < 0 ||
	    (rc = buf_printf(url, e, "%s%s%s", known.authorize, strchr(known.authorize, '?') ? "&" : "?",
			     buf_text(&question))) < 0)
		return rc;
	seal(a, &j, cookie);
	sodium_memzero(&j, sizeof j);
	return 0;
}

/* ---- coming back */

static int post_code(struct access *a, const struct journey *j, const char *code, struct buf *answer, struct err *e)
{
	const struct config *c = a->config;
	AUTO(buf) form = BUF(FORM_MOST);
	AUTO(buf) user = BUF(1024);
	AUTO(buf) password = BUF(1024);
	AUTO(published) known = {0};
	char verifier[SECRET_TEXT];
	struct fetch f = {.ca_file = c->oidc_ca_file};
	int rc;

	text_of(j->verifier, verifier);
	provider_get(a->oidc->provider, &known);
	if ((rc = put_pair(&form, "grant_type", "authorization_code", e)) < 0 ||
	    (rc = put_pair(&form, "code", code, e)) < 0 ||
	    (rc = put_pair(&form, "redirect_uri", c->oidc_redirect, e)) < 0 ||
	    (rc = put_pair(&form, "client_id", c->oidc_client_id, e)) < 0 ||
	    (rc = put_pair(&form, "code_verifier", verifier, e)) < 0)
		return rc;
	if (a->oidc->secret[0]) { /* each is escaped before they are joined: RFC 6749 2.3.1 */
		if ((rc = fetch_escape(c->oidc_client_id, &user, e)) < 0 ||
		    (rc = fetch_escape(a->oidc->secret, &password, e)) < 0)
			return rc;
		f.user = buf_text(&user);
		f.password = buf_text(&password);
	}
	f.url = known.token;
	f.form = buf_text(&form);
	return fetch_document(&f, answer, e);
}

static int verify_answer(struct access *a, const struct journey *j, const struct buf *answer, json_t **claims,
			 struct err *e)
{
	AUTO(json) o = json_loadb(buf_text(answer), answer->len, JSON_REJECT_DUPLICATES, NULL);
	const char *token = json_string_value(json_object_get(o, "id_token")), *says;
	AUTO(json) found = NULL;
	char nonce[SECRET_TEXT];
	int rc;

	if (!token || strlen(token) > JWT_MOST)
		return err_set(e, E_DENIED, "the provider sent no token that says who it is");
	if ((rc = oidc_verify(a, token, a->config->oidc_client_id, &found, e)) < 0)
		return rc;
	text_of(j->nonce, nonce);
	says = json_string_value(json_object_get(found, "nonce"));
	if (!says || strlen(says) != strlen(nonce) || sodium_memcmp(says, nonce, strlen(nonce)) != 0)
		return err_set(e, E_DENIED, "the provider's token is not of this login");
	*claims = STEAL(found);
	return 0;
}

static int begin_session(struct access *a, const struct vouched *v, const char *address, struct session *out,
			 char secret[SECRET_TEXT], struct err *e)
{
	int64_t now = a->now();

	*out = (struct session){.roles = v->roles,
				.n = v->n,
				.created = now,
				.used = now,
				.until = now + a->config->login_session_ms * 1000};
	memcpy(out->sites, v->sites, sizeof out->sites);
	g_strlcpy(out->name, v->name, sizeof out->name);
	g_strlcpy(out->subject, v->subject, sizeof out->subject);
	g_strlcpy(out->address, address, sizeof out->address);
	return session_add(a->archive, out, secret, e);
}

static int come_back(struct access *a, const char *cookie, const char *state, const char *code, struct vouched *v,
		     struct err *e)
{
	AUTO(buf) answer = {0};
	AUTO(json) claims = NULL;
	struct journey j;
	char sent[SECRET_TEXT];
	int rc;

	if (unseal(a, cookie, &j) < 0)
		return err_set(e, E_DENIED, "this login was not begun from this browser, or too long ago: begin again");
	text_of(j.state, sent);
	if (strlen(state) != strlen(sent) || sodium_memcmp(state, sent, strlen(sent)) != 0)
		return err_set(e, E_DENIED, "this is another login than the one that was begun: begin again");
	if ((rc = post_code(a, &j, code, &answer, e)) < 0)
		return rc;
	if ((rc = verify_answer(a, &j, &answer, &claims, e)) < 0)
		return rc;
	return oidc_means(a, claims, v, e);
}

int access_oidc_return(struct access *a, const char *cookie, const char *state, const char *code, const char *address,
		       struct session *out, char secret[SECRET_TEXT], struct err *e)
{
	static _Atomic unsigned under_way;
	struct audit_event ev = {.kind = AUDIT_LOGIN, .how = "oidc", .address = address, .who = ""};
	struct vouched v = {0};
	struct err why = {0};
	char what[300];
	int rc;

	if ((rc = configured(a, e)) < 0)
		return rc;
	if (atomic_fetch_add(&under_way, 1) >= OIDC_AT_ONCE) {
		atomic_fetch_sub(&under_way, 1);
		return err_set(e, E_BUSY, "too many are logging in just now: try again");
	}
	if ((rc = come_back(a, cookie, state, code, &v, &why)) == 0)
		rc = begin_session(a, &v, address, out, secret, &why);
	atomic_fetch_sub(&under_way, 1);
	ev.who = v.name;
	ev.failed = rc < 0;
	snprintf(what, sizeof what, "log in%s%s", rc < 0 ? ": " : "", rc < 0 ? why.msg : "");
	ev.what = what;
	audit_note(&ev);
	return rc < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}
