/* access/provider.h - what an OpenID Connect provider publishes: its keys and where to log in; kept fresh by a thread.
 *
 * Fetched at start, every PROVIDER_HOLDS_US, and when a token names a key that is not known, but not more often than
 * oidc.refresh. A provider that cannot be reached keeps the keys that were known.
 * Threads:  any. provider_get() is quick; provider_renew() waits for the thread, a few seconds at most.
 * Source:   OpenID Connect Discovery 1.0, 3 and 4.
 */
#ifndef ACCESS_PROVIDER_H
#define ACCESS_PROVIDER_H

#include "access/jwt.h"
#include "base/config.h"

#define PROVIDER_HOLDS_US 3600000000LL
#define PROVIDER_WAIT_US 5000000LL
#define PROVIDER_WAITING 4u

struct provider;
struct published {
	struct jwks *keys;               /* counted; NULL: nothing is known yet */
	char authorize[512], token[512]; /* URLs; "" where it names none */
};
int provider_open(const struct config *c, struct provider **out, struct err *e);
void provider_close(struct provider *p);
void provider_get(struct provider *p, struct published *out);
/* 0: it was asked again since; -E_DENIED: that was done lately; -E_BUSY: cannot be waited for. */
int provider_renew(struct provider *p, struct err *e);
static inline void published_cleanup(struct published *k)
{
	jwks_unref(k->keys);
}
AUTO_TYPE(published, struct published);
#endif
