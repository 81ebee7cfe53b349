#include "access/oidc.h"
#include "access/claims.h"
#include "access/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- opening */

/* The file's first line. */
static int read_secret(const char *path, char out[256], struct err *e)
{
	AUTO(fd) fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || (n = read(fd, out, 255)) < 0)
		return err_sys(e, E_CONFIG, "[oidc] client_secret_file %.100s", path);
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return *out ? 0 : err_set(e, E_CONFIG, "[oidc] client_secret_file %.100s: it is empty", path);
}

static int check(const struct config *c, struct oidc *o, struct err *e)
{
	if (fetch_allowed(c->oidc_issuer, e) < 0)
		return err_prefix(e, "[oidc] issuer");
	if (jwt_algorithms(c->oidc_algorithms, &o->algorithms, e) < 0) {
		e->code = E_CONFIG;
		return err_prefix(e, "[oidc] algorithms");
	}
	if (!*c->oidc_audience && !*c->oidc_client_id)
		return err_set(e, E_CONFIG, "[oidc] audience, or client_id, must be set where issuer is");
	if (*c->oidc_redirect && !*c->oidc_client_id)
		return err_set(e, E_CONFIG, "[oidc] redirect needs client_id");
	if (claims_table_check(c->oidc_roles, e) < 0)
		return err_prefix(e, "[oidc] roles");
	if (claims_table_check(c->oidc_sites, e) < 0)
		return err_prefix(e, "[oidc] sites");
	return *c->oidc_client_secret_file ? read_secret(c->oidc_client_secret_file, o->secret, e) : 0;
}

int oidc_check(const struct config *c, struct err *e)
{
	struct oidc o = {0};
	int rc = *c->oidc_issuer ? check(c, &o, e) : 0;

	sodium_memzero(&o, sizeof o);
	return rc;
}

int oidc_open(struct access *a, struct err *e)
{
	int rc;

	if (!*a->config->oidc_issuer)
		return 0;
	if (!(a->oidc = calloc(1, sizeof *a->oidc)))
		return err_set(e, E_NOMEM, "no memory for OpenID Connect");
	a->oidc->config = a->config;
	randombytes_buf(a->oidc->sealing, sizeof a->oidc->sealing);
	if ((rc = check(a->config, a->oidc, e)) < 0)
		return rc;
	return provider_open(a->config, &a->oidc->provider, e);
}

void oidc_close(struct access *a)
{
	if (!a->oidc)
		return;
	provider_close(a->oidc->provider);
	sodium_memzero(a->oidc, sizeof *a->oidc);
	free(a->oidc);
	a->oidc = NULL;
}

/* ---- verifying */

static int verify_now(struct access *a, const char *jwt, const struct jwt_rules *rules, json_t **claims, struct err *e)
{
	AUTO(published) known = {0};

	provider_get(a->oidc->provider, &known);
	if (!known.keys)
		return -E_NOENT;
	return jwt_verify(known.keys, jwt, rules, a->now(), claims, e);
}

int oidc_verify(struct access *a, const char *jwt, const char *audience, json_t **claims, struct err *e)
{
	const struct config *c = a->config;
	const struct jwt_rules rules = {
	    .issuer = c->oidc_issuer,
	    .audience = audience,
	    .algorithms = a->oidc->algorithms,
	    .skew_s = c->oidc_skew_ms / 1000,
	};
	struct err why = {0};
	int rc = verify_now(a, jwt, &rules, claims, &why);

	if (rc == -E_NOENT) {
		if ((rc = provider_renew(a->oidc->provider, e)) < 0)
			return rc;
		why = (struct err){0};
		rc = verify_now(a, jwt, &rules, claims, &why);
		if (rc == -E_NOENT)
			return why.msg[0] ? err_set(e, E_DENIED, "%s", why.msg)
					  : err_set(e, E_BUSY, "the provider's keys are not known yet: try again");
	}
	return rc < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

/* ---- what it means here */

static int add_role(void *arg, const char *word)
{
	struct vouched *v = arg;
	enum role r;

	if (role_parse(word, &r) == 0)
		v->roles |= r;
	return 0;
}

struct finding {
	struct access *access;
	struct vouched *into;
	struct err *e;
};

static int add_site(void *arg, const char *word)
{
	struct finding *f = arg;
	struct site s;
	int rc;

	if (f->into->n == HOLDER_SITES)
		return 0;
	if ((rc = site_get(f->access->archive, word, &s, NULL)) == 0)
		f->into->sites[f->into->n++] = s.id;
	return rc == -E_NOENT ? 0 : rc;
}

/* Names of people go to lists and the audit trail: no control characters. */
static void copy_name(char *out, size_t room, const char *text)
{
	g_strlcpy(out, text, room);
	g_utf8_make_valid(out, -1);
	for (char *p = out; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
}

int oidc_means(struct access *a, const json_t *claims, struct vouched *out, struct err *e)
{
	const struct config *c = a->config;
	const char *sub = json_string_value(json_object_get(claims, "sub"));
	const char *name = claims_text(claims, c->oidc_name_claim);
	struct finding f = {a, out, e}; /* cppcheck-suppress ctuuninitvar */
	uint8_t digest[16];
	char hex[33];
	int rc;

	memset(out, 0, sizeof *out);
	copy_name(out->name, sizeof out->name, name ? name : sub);
	crypto_generichash(digest, sizeof digest, (const uint8_t *)sub, strlen(sub), NULL, 0);
	sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
	snprintf(out->subject, sizeof out->subject, "oidc %s", hex);
	claims_each(claims, c->oidc_roles_claim, c->oidc_roles, add_role, out);
	if ((rc = claims_each(claims, c->oidc_sites_claim, c->oidc_sites, add_site, &f)) < 0)
		return err_set(e, (enum err_code) - rc, "the sites of a token could not be looked up");
	return 0;
}

int oidc_identify(struct access *a, const char *jwt, struct principal **out, struct err *e)
{
	AUTO(json) claims = NULL;
	struct vouched v;
	int rc;

	if (!a->oidc)
		return err_set(e, E_DENIED, "signed tokens (JWT) are not taken here");
	if ((rc = oidc_verify(a, jwt, *a->config->oidc_audience ? a->config->oidc_audience : a->config->oidc_client_id,
			      &claims, e)) < 0 ||
	    (rc = oidc_means(a, claims, &v, e)) < 0 ||
	    (rc = principal_make(a, v.name, v.roles, v.sites, v.n, out, e)) < 0)
		return rc;
	(*out)->how = "oidc";
	g_strlcpy((*out)->subject, v.subject, sizeof(*out)->subject);
	return 0;
}
