/* access/holder.h - rows of who may come in: accounts of people, tokens of machines, client certificates.
 *
 * Each has roles, sites (with all sites below them) and perhaps a site that what it stores belongs to. Secrets are not
 * kept: proof is what they are checked by.
 * Errors:   -E_NOENT, -E_EXISTS, -E_INVAL with a sentence that names what was wrong.
 * Threads:  any. A node that runs takes changes into account within ACCESS_TTL_US.
 */
#ifndef ACCESS_HOLDER_H
#define ACCESS_HOLDER_H

#include "archive/registry.h"

enum holder_kind { HOLDER_ACCOUNT = 1, HOLDER_TOKEN = 2, HOLDER_CERTIFICATE = 3 };
#define HOLDER_SITES 64u
#define HOLDER_PROOF 160u

struct holder {
	int64_t id;
	enum holder_kind kind;
	char name[129]; /* login name; else whose it is */
	uint8_t proof[HOLDER_PROOF];
	size_t proof_n;
	uint32_t roles;
	unsigned n;                   /* sites */
	char codes[HOLDER_SITES][33]; /* what is written, and read */
	int64_t sites[HOLDER_SITES];  /* read only */
	char store_as_code[33];       /* "": none; must lie within the sites */
	int64_t store_as;             /* read only; without a code when that site has gone */
	bool disabled;
	int64_t created, expires, used; /* microseconds since 1970; 0: never. used is read only */
	int64_t locked, pardoned;       /* locked until; holder_pardon() was last called. Read only */
};
int holder_add(struct archive *a, struct holder *h, struct err *e);       /* sets id */
int holder_set(struct archive *a, const struct holder *h, struct err *e); /* all but kind, proof, created */
/* Another password: ends all sessions but that one (0: all). */
int holder_prove(struct archive *a, int64_t id, const void *proof, size_t n, int64_t keep_session, struct err *e);
int holder_remove(struct archive *a, enum holder_kind kind, int64_t id, struct err *e);
int holder_get(struct archive *a, enum holder_kind kind, int64_t id, struct holder *out, struct err *e);
int holder_named(struct archive *a, enum holder_kind kind, const char *name, struct holder *out, struct err *e);
int holder_proved(struct archive *a, enum holder_kind kind, const void *proof, size_t n, struct holder *out,
		  struct err *e);
int holder_each(struct archive *a, enum holder_kind kind, int (*seen)(void *arg, const struct holder *h), void *arg,
		struct err *e);
/* That a node locked the account of this name until then; nothing where there is none. */
int holder_lock(struct archive *a, const char *name, int64_t until, struct err *e);
int holder_unlock(struct archive *a, struct err *e); /* all: locks end with the node that made them */
/* Ends a lock: a running node looks when the name is tried the next time. */
int holder_pardon(struct archive *a, int64_t id, int64_t now, struct err *e);
int holder_used(struct archive *a, int64_t id, int64_t now, struct err *e);
/* Accounts there are, disabled ones, too; negative: an error. */
int64_t holder_accounts(struct archive *a, struct err *e);
/* "tr_7_...", with a new secret of 256 bits; h->kind and proof are set, and h is added. */
#define TOKEN_TEXT 80
int holder_token(struct archive *a, struct holder *h, char out[TOKEN_TEXT], struct err *e);
#endif
