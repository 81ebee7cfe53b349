/* archive/registry.h - sites and the peers that act for them.
 *
 * A site is an institution; a peer is a DICOM system of a site, known by AE title and address range. The same AE title
 * may stand for two sites at different addresses. A host name of a peer is where we call it; address is where it may
 * call from ("" any, or CIDR: 10.1.0.0/16, ::1/128).
 * Threads:  any. Lookups take a reader connection.
 */
#ifndef ARCHIVE_REGISTRY_H
#define ARCHIVE_REGISTRY_H

#include "archive/archive.h"

struct site {
	int64_t id, parent; /* parent 0: none */
	char code[33], name[129], tier[17], parent_code[33];
};
struct peer {
	int64_t id, site;
	char aet[17], site_code[33], host[256], address[64];
	uint16_t port;        /* 0: cannot be called */
	bool private_classes; /* takes private SOP classes and syntaxes from it */
	int max_associations; /* sub-associations to it at once (C-MOVE); 0: default */
	bool tls;             /* it calls, and is called, over TLS only */
	char certificate[65]; /* SHA-256 of its certificate, hexadecimal; "": any that can be proved */
};
int site_add(struct archive *a, const struct site *s, struct err *e); /* by code; parent by parent_code; -E_EXISTS */
int site_get(struct archive *a, const char *code, struct site *out, struct err *e); /* -E_NOENT */
int site_set(struct archive *a, const struct site *s, struct err *e); /* name, tier, parent of a known code */
int site_remove(struct archive *a, const char *code, struct err *e);  /* -E_CONFLICT while anything belongs to it */
int site_each(struct archive *a, int (*seen)(void *arg, const struct site *s), void *arg, struct err *e);
int site_scope(struct archive *a, int64_t site, struct scope *out, struct err *e); /* it and all below */

int peer_add(struct archive *a, const struct peer *p, struct err *e); /* -E_EXISTS for the same aet + address */
int peer_remove(struct archive *a, const char *aet, const char *site_code, struct err *e); /* site_code "" any */
int peer_each(struct archive *a, int (*seen)(void *arg, const struct peer *p), void *arg, struct err *e);
/* Who calls: AE title and numeric address; the narrowest matching range wins. -E_DENIED for nobody. */
int peer_identify(struct archive *a, const char *aet, const char *address, struct peer *out, struct err *e);
/* Whom to call: a peer with that AE title and a host and port, of this site (0: none) before those of others. -E_NOENT. */
int peer_destination(struct archive *a, const char *aet, int64_t site, struct peer *out, struct err *e);
#endif
