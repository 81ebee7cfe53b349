/* tests/unit/test_access_jwt.c - signed tokens: who signed them, by what algorithm, for whom, until when; what claims mean. */
#include "access/claims.h"
#include "access/jwt.h"
#include "folder.h"

#include <cjose/cjose.h>
#include <string.h>

#define NOW_S 1790000000LL
#define ALL (JWT_RS256 | JWT_PS256 | JWT_ES256 | JWT_ES384)

static const struct jwt_rules rules = {
    .issuer = "https://idp.example", .audience = "teleread", .algorithms = ALL, .skew_s = 60};
static cjose_jwk_t *rsa, *other_rsa, *short_rsa, *p256, *p384;

static cjose_jwk_t *named(cjose_jwk_t *k, const char *kid)
{
	assert_non_null(k);
	assert_true(cjose_jwk_set_kid(k, kid, strlen(kid), NULL));
	return k;
}

static int make_keys(void **state)
{
	(void)state;
	rsa = named(cjose_jwk_create_RSA_random(2048, NULL, 0, NULL), "r");
	other_rsa = named(cjose_jwk_create_RSA_random(2048, NULL, 0, NULL), "r");
	short_rsa = named(cjose_jwk_create_RSA_random(1024, NULL, 0, NULL), "s");
	p256 = named(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL), "e");
	p384 = named(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, NULL), "f");
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	cjose_jwk_release(rsa);
	cjose_jwk_release(other_rsa);
	cjose_jwk_release(short_rsa);
	cjose_jwk_release(p256);
	cjose_jwk_release(p384);
	return 0;
}

/* The public halves; with: a member added to each. */
static struct jwks *published(const char *with_name, const char *with)
{
	cjose_jwk_t *const all[] = {rsa, short_rsa, p256, p384};
	json_t *set = json_pack("{s:[]}", "keys");
	struct jwks *out = NULL;
	char *text;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		char *one = cjose_jwk_to_json(all[i], false, NULL);
		json_t *o = json_loads(one, 0, NULL);

		if (with_name)
			json_object_set_new(o, with_name, json_string(with));
		json_array_append_new(json_object_get(set, "keys"), o);
		free(one);
	}
	text = json_dumps(set, 0);
	jwks_parse(text, strlen(text), &out, NULL);
	free(text);
	json_decref(set);
	return out;
}

static json_t *good_claims(void)
{
	return json_pack("{s:s, s:[s,s], s:s, s:I, s:I, s:I}", "iss", "https://idp.example", "aud", "other", "teleread",
			 "sub", "u-1", "exp", (json_int_t)NOW_S + 300, "nbf", (json_int_t)NOW_S - 1, "iat",
			 (json_int_t)NOW_S - 1);
}

static char *sign(cjose_jwk_t *key, const char *alg, const char *kid, const json_t *claims)
{
	cjose_header_t *h = cjose_header_new(NULL);
	char *text = json_dumps(claims, 0), *out;
	const char *compact = NULL;
	cjose_jws_t *jws;

	cjose_header_set(h, "alg", alg, NULL);
	if (kid)
		cjose_header_set(h, "kid", kid, NULL);
	jws = cjose_jws_sign(key, h, (const uint8_t *)text, strlen(text), NULL);
	assert_non_null(jws);
	assert_true(cjose_jws_export(jws, &compact, NULL));
	out = strdup(compact);
	cjose_jws_release(jws);
	cjose_header_release(h);
	free(text);
	return out;
}

static int verify(const struct jwks *keys, const char *jwt, const struct jwt_rules *r)
{
	AUTO(json) claims = NULL;
	struct err e = {0};
	int rc = jwt_verify(keys, jwt, r, NOW_S * 1000000, &claims, &e);

	assert_true((rc == 0) == (claims != NULL));
	assert_true(rc == 0 || (e.msg[0] && (strlen(jwt) < 8 || !strstr(e.msg, jwt))));
	return rc;
}

/* Signs claims of which one is replaced (value NULL: taken out; consumed), and verifies. */
static int with(const char *name, json_t *value)
{
	struct jwks *keys = published(NULL, NULL);
	AUTO(json) claims = good_claims();
	AUTO(str) jwt = NULL;
	int rc;

	if (value)
		json_object_set_new(claims, name, value);
	else
		json_object_del(claims, name);
	jwt = sign(rsa, "RS256", "r", claims);
	rc = verify(keys, jwt, &rules);
	jwks_unref(keys);
	return rc;
}

static void test_signatures(void **state)
{
	const struct {
		cjose_jwk_t *key;
		const char *alg, *kid;
		int rc;
	} rows[] = {
	    {rsa, "RS256", "r", 0},
	    {rsa, "PS256", "r", 0},
	    {p256, "ES256", "e", 0},
	    {p384, "ES384", "f", 0},
	    {rsa, "RS256", NULL, 0},
	    {other_rsa, "RS256", "r", -E_DENIED},
	    {other_rsa, "RS256", NULL, -E_DENIED},
	    {rsa, "RS256", "unknown", -E_NOENT},
	    {rsa, "RS512", "r", -E_DENIED},
	    {short_rsa, "RS256", "s", -E_NOENT},
	    {p256, "ES256", "r", -E_NOENT},
	};
	struct jwks *keys = published(NULL, NULL);
	AUTO(json) claims = good_claims();

	(void)state;
	assert_int_equal(jwks_count(keys), 3); /* not the short one */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		AUTO(str) jwt = sign(rows[i].key, rows[i].alg, rows[i].kid, claims);

		assert_int_equal(verify(keys, jwt, &rules), rows[i].rc);
	}
	jwks_unref(keys);
}

static void test_pinned(void **state)
{
	struct jwt_rules only = rules;
	struct jwks *keys = published(NULL, NULL), *for_ps = published("alg", "PS256"),
		    *for_enc = published("use", "enc");
	AUTO(json) claims = good_claims();
	AUTO(str) jwt = sign(rsa, "RS256", "r", claims);

	(void)state;
	only.algorithms = JWT_ES256;
	assert_int_equal(verify(keys, jwt, &only), -E_DENIED);
	assert_int_equal(verify(for_ps, jwt, &rules), -E_NOENT);
	assert_null(for_enc);
	jwt[strlen(jwt) - 3] ^= 1;
	assert_int_equal(verify(keys, jwt, &rules), -E_DENIED);
	jwks_unref(keys);
	jwks_unref(for_ps);
}

/* The classic ones: no signature, and the public key taken for a shared secret. */
static void test_tricks(void **state)
{
	static const char *const bad[] = {
	    "",
	    ".",
	    "..",
	    "a.b.c",
	    "e30.e30.",
	    /* {"alg":"none"} . {"iss":...} . */
	    "eyJhbGciOiJub25lIn0."
	    "eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjoidGVsZXJlYWQiLCJzdWIiOiJ1IiwiZXhwIjo5OTk5OTk5"
	    "OTk5fQ.",
	    "eyJhbGciOiJOT05FIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0.AAAA",
	};
	struct jwks *keys = published(NULL, NULL);
	AUTO(json) claims = good_claims();
	AUTO(str) public = cjose_jwk_to_json(rsa, false, NULL);
	cjose_jwk_t *shared = cjose_jwk_create_oct_spec((const uint8_t *)public, strlen(public), NULL);
	AUTO(str) symmetric = sign(shared, "HS256", "r", claims);
	struct jwks *none = NULL;
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(verify(keys, bad[i], &rules), -E_DENIED);
	assert_int_equal(verify(keys, symmetric, &rules), -E_DENIED);
	snprintf(text, sizeof text,
		 "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"r\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
	assert_int_equal(jwks_parse(text, strlen(text), &none, NULL), -E_DENIED);
	assert_int_equal(jwks_parse("{}", 2, &none, NULL), -E_DENIED);
	assert_int_equal(jwks_parse("{\"keys\":[1,null,{}]}", 20, &none, NULL), -E_DENIED);
	cjose_jwk_release(shared);
	jwks_unref(keys);
}

static void test_claims(void **state)
{
	(void)state;
	assert_int_equal(with("x", json_null()), 0);
	assert_int_equal(with("iss", json_string("https://idp.example/")), -E_DENIED);
	assert_int_equal(with("iss", NULL), -E_DENIED);
	assert_int_equal(with("aud", json_string("teleread")), 0);
	assert_int_equal(with("aud", json_string("telereader")), -E_DENIED);
	assert_int_equal(with("aud", json_array()), -E_DENIED);
	assert_int_equal(with("aud", NULL), -E_DENIED);
	assert_int_equal(with("sub", NULL), -E_DENIED);
	assert_int_equal(with("exp", json_integer(NOW_S - 59)), 0);
	assert_int_equal(with("exp", json_integer(NOW_S - 60)), -E_DENIED);
	assert_int_equal(with("exp", json_string("9999999999")), -E_DENIED);
	assert_int_equal(with("exp", NULL), -E_DENIED);
	assert_int_equal(with("nbf", json_integer(NOW_S + 60)), 0);
	assert_int_equal(with("nbf", json_integer(NOW_S + 61)), -E_DENIED);
	assert_int_equal(with("iat", json_integer(NOW_S + 61)), -E_DENIED);
	assert_int_equal(with("nbf", NULL), 0);
}

static int join(void *arg, const char *word)
{
	strcat(strcat(arg, word), "|");
	return 0;
}

static const char *means(const json_t *claims, const char *path, const char *table)
{
	static char out[400];

	out[0] = '\0';
	claims_each(claims, path, table, join, out);
	return out;
}

static void test_meanings(void **state)
{
	AUTO(json)
	o = json_loads("{\"roles\":[\"reader\",7,\"qa\"],\"scope\":\"reader openid\",\"a\":{\"b\":{\"c\":[\"x "
		       "y\"]}},\"https://t.example/roles\":[\"chief\"],\"n\":\"\"}",
		       0, NULL);
	struct err e = {0};
	unsigned set;

	(void)state;
	assert_non_null(o);
	assert_string_equal(means(o, "roles", ""), "reader|qa|");
	assert_string_equal(means(o, "scope", ""), "reader|openid|");
	assert_string_equal(means(o, "a.b.c", "x y = reader, qa; z=chief"), "reader|qa|");
	assert_string_equal(means(o, "a.b.c", "x=reader"), "");
	assert_string_equal(means(o, "https://t.example/roles", ""), "chief|");
	assert_string_equal(means(o, "nothing.at.all", ""), "");
	assert_string_equal(means(o, "", ""), "");
	assert_string_equal(means(o, "a.", ""), "");
	assert_null(claims_text(o, "n"));
	assert_int_equal(claims_table_check("a=b; c = d,e ;", &e), 0);
	assert_int_equal(claims_table_check("a=b; c", &e), -E_CONFIG);
	assert_int_equal(claims_table_check("=b", &e), -E_CONFIG);
	assert_int_equal(claims_table_check("a= ", &e), -E_CONFIG);
	assert_int_equal(jwt_algorithms("RS256, ES384", &set, NULL), 0);
	assert_int_equal(set, JWT_RS256 | JWT_ES384);
	assert_int_equal(jwt_algorithms("none", &set, NULL), -E_INVAL);
	assert_int_equal(jwt_algorithms("RS256 HS256", &set, NULL), -E_INVAL);
	assert_int_equal(jwt_algorithms("", &set, NULL), -E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_signatures), cmocka_unit_test(test_pinned),   cmocka_unit_test(test_tricks),
	    cmocka_unit_test(test_claims),     cmocka_unit_test(test_meanings),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
