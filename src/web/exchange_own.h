/* web/exchange_own.h - the part of an exchange that is none of its handler's business. For exchange.c, reply.c, web.c. */
#ifndef WEB_EXCHANGE_OWN_H
#define WEB_EXCHANGE_OWN_H

#include "web/exchange.h"
#include "web/proxy.h"

struct kept_item;
struct audit_item;
struct own {
	struct exchange x; /* first: own_of() */
	struct principal *who;
	struct scope opened; /* a study's site, by breaking the glass */
	struct sender sender;
	struct kept_item *kept;
	struct audit_item *audit; /* exchange_audit() */
	unsigned audits;
	char study[65], series[65], instance[65];
	char *rest;
	/* exchange_receive() */
	struct http_sink sink;
	void *sink_arg;
	uint64_t received;
	const char *cache;   /* Cache-Control; NULL: no-store */
	char tag[112];       /* ETag, with quotes; "" none */
	const char *odd;     /* "study": what the request names by no real UID; NULL: nothing */
	const char *offered; /* what a 406 lists, however long; else NULL */
	bool refused;
	bool told;     /* exchange_told() */
	char why[200]; /* it failed; "" */
};
static inline struct own *own_of(struct exchange *x)
{
	return (struct own *)x;
}

/* net/http.h's begin(), work() and done(); arg: the struct web. */
enum http_next exchange_begin(void *arg, struct http_request *r);
void exchange_work(void *arg, struct http_request *r);
void exchange_done(void *arg, struct http_request *r, const struct http_outcome *o);

/* Of how many workers a request may keep one busy (web/routes.c). */
enum http_share route_share(const struct route *r, const struct accept *a);

/* Tells the audit trail of an exchange that is over; frees what exchange_audit() kept. The one place that does. */
void exchange_note(struct own *o, const struct http_outcome *out);

struct events;
struct web {
	struct http *http;
	struct archive *archive;
	struct access *access;
	const struct config *(*settings)(void *arg);
	void *arg;
	struct route_tree *routes;
	struct networks *trusted;
	struct events *events; /* who listens at /events */
};
#endif
