/* access/credential.h - what a request shows of who sends it: read strictly, nothing believed.
 *
 * A secret is 256 random bits, written in 43 characters of base64url. Only its BLAKE2b digest is kept.
 * Errors:   -E_DENIED for what is there and cannot be read; the sentence never repeats it.
 * Threads:  depends on arguments alone.   Source: RFC 6750 2.1 (Bearer), RFC 6265 4.1.1 and 5.4 (Cookie).
 */
#ifndef ACCESS_CREDENTIAL_H
#define ACCESS_CREDENTIAL_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define SECRET_TEXT 44
#define SECRET_PROOF 32
#define JWT_MOST 8192u

int secret_make(char out[SECRET_TEXT], uint8_t proof[SECRET_PROOF], struct err *e);
int secret_proof(const char *secret, uint8_t proof[SECRET_PROOF], struct err *e); /* -E_DENIED: no such text */

struct bearer {
	enum { BEARER_NONE, BEARER_TOKEN, BEARER_JWT } kind;
	int64_t id;                  /* of a token */
	uint8_t proof[SECRET_PROOF]; /* of a token */
	const char *jwt;             /* borrowed */
};
/* Of an Authorization header; NULL or "": none. */
int bearer_parse(const char *authorization, struct bearer *out, struct err *e);
/* Value of the cookie of that name, at most room - 1 bytes. 1: there; 0: not; -E_DENIED: twice, or too long. */
int cookie_get(const char *header, const char *name, char *out, size_t room, struct err *e);
/* A name of 64 hexadecimal digits, with or without colons between pairs -> 32 bytes. */
int fingerprint_parse(const char *text, uint8_t out[32]);
#endif
