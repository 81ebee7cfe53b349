/* web/body_json.h - a small JSON object as the body of a request, and its members. Of this room only.
 *
 * It must say application/json: no form of another site can send that without asking first.
 */
#ifndef WEB_BODY_JSON_H
#define WEB_BODY_JSON_H

#include "base/auto.h"
#include "base/clock.h"
#include "web/exchange.h"
#include <jansson.h>

int body_json(struct exchange *x, const struct buf *body, json_t **out, struct err *e);
int body_json_text(const json_t *o, const char *name, const char **out, struct err *e); /* must be there */
static inline void body_json_cleanup(json_t **o)
{
	json_decref(*o);
}
AUTO_TYPE(body_json, json_t *);
#endif
