#include "access/credential.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

/* ---- secrets */

static void digest(const uint8_t raw[32], uint8_t proof[SECRET_PROOF])
{
	crypto_generichash(proof, SECRET_PROOF, raw, 32, NULL, 0);
}

int secret_make(char out[SECRET_TEXT], uint8_t proof[SECRET_PROOF], struct err *e)
{
	uint8_t raw[32];

	if (sodium_init() < 0)
		return err_set(e, E_IO, "the system gives no random numbers");
	randombytes_buf(raw, sizeof raw);
	sodium_bin2base64(out, SECRET_TEXT, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	digest(raw, proof);
	sodium_memzero(raw, sizeof raw);
	return 0;
}

int secret_proof(const char *secret, uint8_t proof[SECRET_PROOF], struct err *e)
{
	uint8_t raw[32];
	size_t n = 0;

	if (strlen(secret) != SECRET_TEXT - 1 ||
	    sodium_base642bin(raw, sizeof raw, secret, SECRET_TEXT - 1, NULL, &n, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    n != sizeof raw)
		return err_set(e, E_DENIED, "this is no token or cookie of this node");
	digest(raw, proof);
	sodium_memzero(raw, sizeof raw);
	return 0;
}

/* ---- Authorization */

/* tr_<id>_<secret> */
static int parse_token(const char *text, struct bearer *out, struct err *e)
{
	int64_t id = 0;
	const char *p = text + 3;

	if (*p < '1' || *p > '9')
		return err_set(e, E_DENIED, "this is no token of this node");
	for (; isdigit((unsigned char)*p); p++) {
		if (id > INT64_MAX / 10 - 1)
			return err_set(e, E_DENIED, "this is no token of this node");
		id = id * 10 + (*p - '0');
	}
	if (*p != '_')
		return err_set(e, E_DENIED, "this is no token of this node");
	out->kind = BEARER_TOKEN;
	out->id = id;
	return secret_proof(p + 1, out->proof, e);
}

static bool looks_like_jwt(const char *text)
{
	unsigned dots = 0;
	size_t n = 0;

	for (; text[n]; n++) {
		if (text[n] == '.')
			dots++;
		else if (!isalnum((unsigned char)text[n]) && text[n] != '-' && text[n] != '_')
			return false;
	}
	return dots == 2 && n <= JWT_MOST;
}

int bearer_parse(const char *authorization, struct bearer *out, struct err *e)
{
	*out = (struct bearer){.kind = BEARER_NONE};
	if (!authorization || !*authorization)
		return 0;
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return err_set(e, E_DENIED, "Authorization: only Bearer is taken");
	authorization += 7;
	authorization += strspn(authorization, " ");
	if (strncmp(authorization, "tr_", 3) == 0)
		return parse_token(authorization, out, e);
	if (!looks_like_jwt(authorization))
		return err_set(e, E_DENIED, "Authorization: neither a token of this node nor a signed one (JWT)");
	out->kind = BEARER_JWT;
	out->jwt = authorization;
	return 0;
}

/* ---- Cookie */

int cookie_get(const char *header, const char *name, char *out, size_t room, struct err *e)
{
	size_t name_n = strlen(name);
	int found = 0;

	for (const char *p = header; p && *p;) {
		const char *end = strpbrk(p, ";,"); /* several Cookie fields come joined by a comma */
		size_t n;

		p += strspn(p, " \t");
		n = end ? (end > p ? (size_t)(end - p) : 0) : strlen(p);
		if (n > name_n && memcmp(p, name, name_n) == 0 && p[name_n] == '=') {
			const char *value = p + name_n + 1;
			size_t value_n = n - name_n - 1;

			while (value_n > 0 && (value[value_n - 1] == ' ' || value[value_n - 1] == '\t'))
				value_n--;
			if (found || value_n >= room)
				return err_set(e, E_DENIED, "the session's cookie came %s",
					       found ? "twice" : "too long");
			memcpy(out, value, value_n);
			out[value_n] = '\0';
			found = 1;
		}
		p = end ? end + 1 : NULL;
	}
	return found;
}

/* ---- certificates */

int fingerprint_parse(const char *text, uint8_t out[32])
{
	size_t n = 0;
	const char *end = NULL;

	if (sodium_hex2bin(out, 32, text, strlen(text), ":", &n, &end) != 0 || n != 32 || *end)
		return -E_INVAL;
	return 0;
}
