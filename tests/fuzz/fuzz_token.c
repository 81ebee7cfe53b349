/* What requests and providers show: the first byte says what the rest is. A: Authorization, C: Cookie, J: a signed token,
 * K: the keys of a provider, F: a fingerprint, M: a path, a table and claims, a line each. */
#include "access/claims.h"
#include "access/credential.h"
#include "access/jwt.h"
#include "fuzz.h"
#include <string.h>

/* Public keys whose private halves nobody has any more. */
static const char published[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"kid\":\"r1\",\"e\":\"AQAB\",\"n\":\"4g3aYtwWqvjf--o_"
    "hwW2uVBXiGRnE8cOZHdf9QO"
    "IlWgUFCbEj77e0e29GGriojbMaScdPPDzU5Z3r8JR1vnG1ZfH5nnLHT1fY28ZK9xSyH-0TXZATkjiSlM4dUKi9DVUvUPy4QRJqlF"
    "dQBCYpiDYlYIBKCZ80R8cFqxYi7bHhkXrfRS_3x6xHEpD5QtDVueHdubn5lGsxH3av8XCRW-TcjjxG15PGu1SzlImdBI60Fhn2ny"
    "syS4h743bzbfkPsm_VwtAay6w-xRWPPJTel5VsMT5MC_c3zrkT38ZCNqCcyqI1goiqfbML2Q3jSTOcfYPWPXQy0n-SOuqI23YscP"
    "LJw\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"e1\",\"x\":"
    "\"vDeU5q8Imh2GsPluAaSegTUNfdi4misHmZ14X9ZZ"
    "Vm8\",\"y\":\"Vi_KAYgNlgpGIJ20PhWAg8Yl90m4e79C49Y0aFGj1-o\"}]}";

static void bearer(const char *text)
{
	struct bearer b;
	struct err e = {0};
	int rc = bearer_parse(text, &b, &e);

	FUZZ_EXPECT(rc == 0 || (rc == -E_DENIED && e.msg[0]));
	FUZZ_EXPECT(rc < 0 || b.kind != BEARER_TOKEN || (b.id > 0 && strstr(text, "tr_")));
	FUZZ_EXPECT(rc < 0 || b.kind != BEARER_JWT || strlen(b.jwt) <= JWT_MOST);
}

static void cookie(const char *text)
{
	char out[44];
	int rc = cookie_get(text, "teleread", out, sizeof out, NULL);

	FUZZ_EXPECT(rc == 0 || rc == 1 || rc == -E_DENIED);
	FUZZ_EXPECT(rc <= 0 || (strlen(out) < sizeof out && strstr(text, out) && !strpbrk(out, ";,")));
}

/* Nobody can make one that is taken and says something else. */
static void token(const char *text)
{
	const struct jwt_rules rules = {.issuer = "https://idp.example",
					.audience = "teleread",
					.algorithms = JWT_RS256 | JWT_PS256 | JWT_ES256 | JWT_ES384};
	static struct jwks *keys;
	AUTO(json) claims = NULL;
	int rc;

	if (!keys)
		FUZZ_EXPECT(jwks_parse(published, strlen(published), &keys, NULL) == 0 && jwks_count(keys) == 2);
	rc = jwt_verify(keys, text, &rules, 1790000000000000, &claims, NULL);
	FUZZ_EXPECT(rc == 0 || rc == -E_DENIED || rc == -E_NOENT);
	FUZZ_EXPECT(rc < 0 || strcmp(json_string_value(json_object_get(claims, "sub")), "fuzz") == 0);
}

static void keys(const char *text, size_t n)
{
	struct jwks *k = NULL;

	if (jwks_parse(text, n, &k, NULL) == 0)
		FUZZ_EXPECT(jwks_count(k) > 0 && jwks_count(k) <= JWKS_KEYS);
	jwks_unref(k);
}

static int count(void *arg, const char *word)
{
	FUZZ_EXPECT(*word);
	++*(unsigned *)arg;
	return 0;
}

static void meaning(char *text)
{
	char *table = strchr(text, '\n'), *rest = table ? strchr(table + 1, '\n') : NULL;
	AUTO(json) claims = rest ? json_loads(rest + 1, 0, NULL) : NULL;
	unsigned n = 0;

	if (!claims)
		return;
	*table++ = *rest = '\0';
	claims_table_check(table, NULL);
	claims_each(claims, text, table, count, &n);
	claims_text(claims, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t fingerprint[32];
	char *text = size > 0 ? strndup((const char *)data + 1, size - 1) : NULL;

	if (!text)
		return 0;
	switch (data[0]) {
	case 'A':
		bearer(text);
		break;
	case 'C':
		cookie(text);
		break;
	case 'J':
		token(text);
		break;
	case 'K':
		keys((const char *)data + 1, size - 1);
		break;
	case 'F':
		fingerprint_parse(text, fingerprint);
		break;
	case 'M':
		meaning(text);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
