/* web/route.h - templates of paths, and the one that a request's path fits.
 *
 * A template is segments between slashes: a literal one, {study}, {series}, {instance} (UIDs), {name...} as the last one
 * (all that is left of the path), or any other {name}, at most one of the last two. A literal one goes before a name. A
 * slash at the end of a path means nothing.
 * Threads:  a tree is read-only once made.
 */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "access/access.h"

struct exchange;
struct route {
	const char *method; /* "GET" answers HEAD, too */
	const char *path;   /* "/dicom-web/studies/{study}/series/{series}" */
	int (*handle)(struct exchange *x, struct err *e);
	/* Runs first, on the connection's thread, for who is known already: 1 answered, 0 it needs a worker. May be NULL. */
	int (*quick)(struct exchange *x);
	enum right right;
	const char *produces; /* media types, for the documentation: "application/dicom+json, application/dicom+xml" */
	const char *says;     /* a sentence */
};
extern const struct route routes[]; /* web/routes.c; ends with a NULL method */

struct route_piece { /* of the path, as sent; at NULL: none */
	const char *at;
	size_t n;
};
struct route_match {
	const struct route *route; /* NULL: the path is known, the method is not */
	struct route_piece study, series, instance, rest;
	char allow[64]; /* methods of the path: "GET, HEAD, OPTIONS" */
};
struct route_tree;
int route_tree_new(const struct route *table, struct route_tree **out, struct err *e);
void route_tree_free(struct route_tree *t);
/* 0, or -E_NOENT where no template fits the path (encoded or not: literal segments are compared as sent). */
int route_find(const struct route_tree *t, const char *method, const char *path, struct route_match *out);
#endif
