/* web/events.h - who listens at /events, and is woken by what the archive commits. Of this room only.
 *
 * Server-sent events (WHATWG HTML 9.2): each change of the sites in scope is an event "change" with one line of JSON. Its
 * id says how far the stream has come at each site, and in which feed: "NORTH:5,SOUTH:9@1f0c..."; shown again as
 * Last-Event-ID (or the parameter since) it goes on there, so nothing is lost over a broken connection; what came behind
 * the last id comes twice. Of a feed that is no longer (archive/change.h) it begins again at 0.
 * Without one a stream begins with what happens next.
 * Rights are looked at again before anything is told (at most every ACCESS_TTL_US) and with each heartbeat: when who
 * listens is known no more, or has other sites now, the stream ends. It ends by itself after ten minutes; clients come back.
 * Limits:   EVENTS_EACH streams of one principal (429), EVENTS_ALL in all (503).
 * Threads:  any.
 */
#ifndef WEB_EVENTS_H
#define WEB_EVENTS_H

#include "web/exchange.h"

#define EVENTS_EACH 16u
#define EVENTS_ALL 4096u
#define EVENTS_BEAT_S 15
#define EVENTS_LIFE_S 600

struct events;
int events_open(struct archive *a, struct events **out, struct err *e);
void events_halt(struct events *v); /* ends all streams; NULL is fine */
void events_close(struct events *v);
int events_listen(struct exchange *x, struct err *e); /* GET /events */

/* "NORTH:5,SOUTH:9": calls each() for the pairs, up to the end or an @; -E_INVAL for anything else. */
int events_positions(const char *text, int (*each)(void *arg, const char *code, uint64_t number), void *arg,
		     struct err *e);
#endif
