/* access/access_internal.h - what the files of this room share behind access.h. */
#ifndef ACCESS_ACCESS_INTERNAL_H
#define ACCESS_ACCESS_INTERNAL_H

#include "access/access.h"
#include "access/holder.h"

#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ACCESS_CACHED 4096u /* principals in memory */
#define SECOND_US 1000000LL

struct throttle;
struct glass;
struct oidc;
struct access {
	struct archive *archive;
	const struct config *config;
	int64_t (*now)(void);
	int64_t unknown_as;   /* site; 0: nobody */
	pthread_mutex_t lock; /* of what follows */
	GHashTable *cache;    /* digest of credentials -> struct cached */
	uint64_t generation;  /* counts access_forget() */
	struct throttle *throttle;
	struct glass *glass;
	struct oidc *oidc; /* NULL: not configured */
};

/* A principal of these roles; sites (n of them) with all below become its scope. The caller sets how and subject. */
int principal_make(struct access *a, const char *name, uint32_t roles, const int64_t *sites, unsigned n,
		   struct principal **out, struct err *e);
int principal_of(struct access *a, const struct holder *h, const char *how, struct principal **out, struct err *e);

/* ---- statements, as every file of this room uses them */
int access_prepare(struct db_conn *c, const char *name, struct db_stmt **out, struct err *e);
int access_run(struct db_stmt *s, struct err *e);                       /* steps once; rows are dropped */
int access_write(struct archive *a, struct db_conn **c, struct err *e); /* a writer in a transaction */
static inline void access_bind(struct db_stmt *s, int n, const char *text)
{
	db_bind_text(s, n, text, strlen(text));
}
#define access_copy(field, s, col) snprintf(field, sizeof(field), "%s", db_text(s, col, NULL))
#endif
