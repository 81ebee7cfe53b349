#include "access/jwt.h"

#include <cjose/cjose.h>
#include <ctype.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RSA_LEAST 2048u

static const struct {
	const char *name;
	unsigned bit;
	cjose_jwk_kty_t kind;
	cjose_jwk_ec_curve curve; /* of EC */
} algorithms[] = {
    {"RS256", JWT_RS256, CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID},
    {"PS256", JWT_PS256, CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID},
    {"ES256", JWT_ES256, CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_256},
    {"ES384", JWT_ES384, CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_384},
};
#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

struct key {
	cjose_jwk_t *jwk;
	char *kid;       /* NULL: none */
	unsigned serves; /* algorithms */
};
struct jwks {
	_Atomic unsigned refs;
	unsigned n;
	struct key keys[JWKS_KEYS];
};

int jwt_algorithms(const char *names, unsigned *out, struct err *e)
{
	unsigned set = 0;

	for (names += strspn(names, ", "); *names; names += strspn(names, ", ")) {
		size_t n = strcspn(names, ", "), i = 0;

		while (i < ALGORITHMS && (strlen(algorithms[i].name) != n || memcmp(algorithms[i].name, names, n) != 0))
			i++;
		if (i == ALGORITHMS)
			return err_set(e, E_INVAL, "\"%.*s\" is none of RS256, PS256, ES256 and ES384",
				       n < 40 ? (int)n : 40, names);
		set |= algorithms[i].bit;
		names += n;
	}
	if (set == 0)
		return err_set(e, E_INVAL, "no algorithm is named");
	*out = set;
	return 0;
}

/* ---- base64url: cjose asserts what it should check, so nothing else may reach it */

static bool base64url(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	return n > 0 && n % 4 != 1;
}

static bool three_parts(const char *jwt)
{
	const char *first = strchr(jwt, '.'), *second = first ? strchr(first + 1, '.') : NULL;

	return second && base64url(jwt, (size_t)(first - jwt)) && base64url(first + 1, (size_t)(second - first - 1)) &&
	       base64url(second + 1, strlen(second + 1));
}

/* ---- keys */

/* What a key of this kind and size may verify. */
static unsigned serves(const cjose_jwk_t *jwk, const char *alg)
{
	cjose_jwk_kty_t kind = cjose_jwk_get_kty(jwk, NULL);
	unsigned set = 0;

	if (kind == CJOSE_JWK_KTY_RSA && cjose_jwk_get_keysize(jwk, NULL) < RSA_LEAST)
		return 0;
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (algorithms[i].kind == kind && (!alg || strcmp(alg, algorithms[i].name) == 0) &&
		    (kind != CJOSE_JWK_KTY_EC || cjose_jwk_EC_get_curve(jwk, NULL) == algorithms[i].curve))
			set |= algorithms[i].bit;
	return set;
}

/* Its public members alone, as text; NULL: not such a key. */
static char *public_text(const json_t *one)
{
	static const char *const rsa[] = {"n", "e", NULL}, *const ec[] = {"x", "y", NULL};
	const char *kty = json_string_value(json_object_get(one, "kty"));
	const char *crv = json_string_value(json_object_get(one, "crv"));
	const char *const *name = kty && strcmp(kty, "RSA") == 0 ? rsa : kty && strcmp(kty, "EC") == 0 ? ec : NULL;
	AUTO(json) plain = NULL;

	if (!name || !(plain = json_pack("{s:s}", "kty", kty)) || (name == ec && !crv))
		return NULL;
	if (name == ec)
		json_object_set_new(plain, "crv", json_string(crv));
	for (; *name; name++) {
		const char *value = json_string_value(json_object_get(one, *name));

		if (!value || !base64url(value, strlen(value)))
			return NULL;
		json_object_set_new(plain, *name, json_string(value));
	}
	return json_dumps(plain, JSON_COMPACT);
}

static void add_key(struct jwks *set, const json_t *one)
{
	const char *use = json_string_value(json_object_get(one, "use"));
	const char *kid = json_string_value(json_object_get(one, "kid"));
	struct key key = {0};
	char *text;

	if ((use && strcmp(use, "sig") != 0) || !(text = public_text(one)))
		return;
	key.jwk = cjose_jwk_import(text, strlen(text), NULL);
	free(text);
	if (key.jwk)
		key.serves = serves(key.jwk, json_string_value(json_object_get(one, "alg")));
	if (!key.serves || (kid && !(key.kid = strdup(kid)))) {
		if (key.jwk)
			cjose_jwk_release(key.jwk);
		return;
	}
	set->keys[set->n++] = key;
}

int jwks_parse(const char *text, size_t n, struct jwks **out, struct err *e)
{
	AUTO(json) o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(o, "keys"), *one;
	struct jwks *set;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, E_DENIED, "the provider's keys cannot be read");
	if (!(set = calloc(1, sizeof *set)))
		return err_set(e, E_NOMEM, "no memory for the provider's keys");
	set->refs = 1;
	json_array_foreach(list, i, one)
	{
		if (set->n < JWKS_KEYS)
			add_key(set, one);
	}
	if (set->n == 0) {
		jwks_unref(set);
		return err_set(e, E_DENIED, "the provider has no key that can be used");
	}
	*out = set;
	return 0;
}

struct jwks *jwks_ref(struct jwks *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void jwks_unref(struct jwks *k)
{
	if (!k || atomic_fetch_sub(&k->refs, 1) > 1)
		return;
	for (unsigned i = 0; i < k->n; i++) {
		cjose_jwk_release(k->keys[i].jwk);
		free(k->keys[i].kid);
	}
	free(k);
}

unsigned jwks_count(const struct jwks *k)
{
	return k->n;
}

/* ---- the signature */

/* The pinned algorithm that the header names; 0: not one of them. */
static unsigned algorithm_of(cjose_jws_t *jws, unsigned allowed)
{
	cjose_header_t *h = cjose_jws_get_protected(jws);
	const char *alg = h ? cjose_header_get(h, "alg", NULL) : NULL;

	for (size_t i = 0; alg && i < ALGORITHMS; i++)
		if (strcmp(alg, algorithms[i].name) == 0)
			return algorithms[i].bit & allowed;
	return 0;
}

static int check_signature(const struct jwks *keys, cjose_jws_t *jws, unsigned algorithm, struct err *e)
{
	const char *kid = cjose_header_get(cjose_jws_get_protected(jws), "kid", NULL);
	bool tried = false;

	for (unsigned i = 0; i < keys->n; i++) {
		const struct key *k = &keys->keys[i];

		if (!(k->serves & algorithm) || (kid && (!k->kid || strcmp(kid, k->kid) != 0)))
			continue;
		tried = true;
		if (cjose_jws_verify(jws, k->jwk, NULL))
			return 0;
	}
	return tried ? err_set(e, E_DENIED, "the token's signature is wrong")
		     : err_set(e, E_NOENT, "the token is signed by a key that the provider does not name");
}

/* ---- what it says */

static bool names_audience(const json_t *aud, const char *wanted)
{
	const json_t *one;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), wanted) == 0;
	json_array_foreach(aud, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
			return true;
	}
	return false;
}

static int check_times(const json_t *o, int64_t now_s, int64_t skew_s, struct err *e)
{
	const json_t *exp = json_object_get(o, "exp"), *nbf = json_object_get(o, "nbf"),
		     *iat = json_object_get(o, "iat");
	double now = (double)now_s, skew = (double)skew_s;

	if (!json_is_number(exp) || (nbf && !json_is_number(nbf)) || (iat && !json_is_number(iat)))
		return err_set(e, E_DENIED, "the token does not say until when it is good");
	if (now >= json_number_value(exp) + skew)
		return err_set(e, E_DENIED, "the token is over its time");
	if ((nbf && now < json_number_value(nbf) - skew) || (iat && now < json_number_value(iat) - skew))
		return err_set(e, E_DENIED, "the token is not good yet");
	return 0;
}

static int check_claims(const json_t *o, const struct jwt_rules *r, int64_t now, struct err *e)
{
	const char *iss = json_string_value(json_object_get(o, "iss"));
	const char *sub = json_string_value(json_object_get(o, "sub"));

	if (!iss || strcmp(iss, r->issuer) != 0)
		return err_set(e, E_DENIED, "the token is of another issuer");
	if (!names_audience(json_object_get(o, "aud"), r->audience))
		return err_set(e, E_DENIED, "the token is for another audience");
	if (!sub || !*sub)
		return err_set(e, E_DENIED, "the token does not say whose it is");
	return check_times(o, now / 1000000, r->skew_s, e);
}

static int verify(const struct jwks *keys, cjose_jws_t *jws, const struct jwt_rules *r, int64_t now, json_t **claims,
		  struct err *e)
{
	unsigned algorithm = algorithm_of(jws, r->algorithms);
	AUTO(json) o = NULL;
	uint8_t *text = NULL;
	size_t n = 0;
	int rc;

	if (!algorithm)
		return err_set(e, E_DENIED, "the token's algorithm is not taken here");
	if (cjose_header_get_raw(cjose_jws_get_protected(jws), "crit", NULL))
		return err_set(e, E_DENIED, "the token wants something that is not known here (crit)");
	if ((rc = check_signature(keys, jws, algorithm, e)) < 0)
		return rc;
	if (!cjose_jws_get_plaintext(jws, &text, &n, NULL) ||
	    !(o = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL)) || !json_is_object(o))
		return err_set(e, E_DENIED, "the token's claims cannot be read");
	if ((rc = check_claims(o, r, now, e)) < 0)
		return rc;
	*claims = STEAL(o);
	return 0;
}

int jwt_verify(const struct jwks *keys, const char *jwt, const struct jwt_rules *r, int64_t now, json_t **claims,
	       struct err *e)
{
	cjose_jws_t *jws = three_parts(jwt) ? cjose_jws_import(jwt, strlen(jwt), NULL) : NULL;
	int rc;

	if (!jws)
		return err_set(e, E_DENIED, "the token cannot be read");
	rc = verify(keys, jws, r, now, claims, e);
	cjose_jws_release(jws);
	return rc;
}
