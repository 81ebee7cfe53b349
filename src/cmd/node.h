/* cmd/node.h - a running node: the archive, the listener, and the settings in force.
 *
 * Settings are loaded again while associations run: each association keeps those it began with; old ones stay in memory
 * until the end (a few hundred bytes for each reload).
 * Threads:  the main thread, but for the association threads that node_listen() starts.
 */
#ifndef CMD_NODE_H
#define CMD_NODE_H

#include "access/access.h"
#include "archive/registry.h"
#include "cmd/settler.h"
#include "dimse/face.h"
#include "web/web.h"
#include <pthread.h>
#include <stdatomic.h>

struct settings {
	struct config config;
	struct coerce *coerce;
	struct forms *forms; /* that settled instances are kept in */
	struct face face;
	struct settings *older;
};
struct node {
	struct archive *archive;
	struct access *access;          /* who may come over HTTP */
	pthread_mutex_t lock;           /* of server: held until it listens */
	struct server *server, *secure; /* secure: over TLS; NULL: none */
	shim_tls *tls;                  /* of secure */
	struct settler *settler;
	struct reporter *reporter; /* of storage commitment */
	struct web *web;           /* the HTTP face */
	struct site unknown_as;
	bool accepts_unknown;
	_Atomic(struct settings *) settings;
};
/* What the settings mean together, and the files they name: the doors, TLS, who may come in, the audit trail. serve and
 * config check refuse the same. */
int node_check(const struct config *c, struct err *e);
int node_audit(struct node *n, struct err *e); /* audit_open() by the settings, once the archive is open */
/* Puts a copy of c in force. Once the node listens, what needs a restart keeps its value, and the log says so. */
int node_settings(struct node *n, const struct config *c, struct err *e);
int node_settle(struct node *n, struct err *e); /* begins to settle series */
int node_listen(struct node *n, struct err *e);
void node_quiet(struct node *n, uint32_t grace_ms); /* stops listening and ends associations */
void node_metrics(struct node *n);                  /* writes DATA/metrics.prom */
void node_cleanup(struct node *n);
#endif
