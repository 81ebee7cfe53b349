/* access/password.h - passwords: argon2id with libsodium's interactive limits (64 MB, about a tenth of a second each).
 *
 * Only PASSWORD_AT_ONCE are computed at one time and few may wait for their turn, so that a flood of logins costs neither
 * memory nor threads: the rest gets -E_BUSY.
 * Threads: any.
 */
#ifndef ACCESS_PASSWORD_H
#define ACCESS_PASSWORD_H

#include "base/err.h"

#define PASSWORD_AT_ONCE 2u
#define PASSWORD_WAITING 6u
#define PASSWORD_LEAST 10u  /* characters */
#define PASSWORD_MOST 1024u /* bytes */
#define PASSWORD_PROOF 128  /* what is kept, with its NUL */
#define PASSWORD_RANDOM 25

/* -E_INVAL says what it must be. */
int password_policy(const char *name, const char *password, struct err *e);
int password_hash(const char *password, char out[PASSWORD_PROOF], struct err *e);
/* 1: it is the one; 0: it is not. proof NULL: there is none to compare with, which takes as long. */
int password_check(const char *proof, const char *password, struct err *e);
void password_random(char out[PASSWORD_RANDOM]); /* 24 characters in groups, easy to read: 110 bits */
#endif
