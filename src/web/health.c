#include "archive/registry.h"
#include "base/metrics.h"
#include "web/handlers.h"
#include "web/reply.h"
#include <string.h>

#define METRICS_MOST (4u << 20)

int health_alive(struct exchange *x, struct err *e)
{
	return reply_bytes(x, 200, "text/plain; charset=utf-8", "alive\n", 6, e);
}

int health_alive_quick(struct exchange *x)
{
	struct err e = {0};

	if (health_alive(x, &e) < 0)
		reply_error(x, &e);
	return 1;
}

static int any_site(void *arg, const struct site *s)
{
	(void)arg;
	(void)s;
	return 1;
}

int health_ready(struct exchange *x, struct err *e)
{
	if (site_each(x->archive, any_site, NULL, e) < 0) {
		x->status = 503;
		return -(int)e->code;
	}
	return reply_bytes(x, 200, "text/plain; charset=utf-8", "ready\n", 6, e);
}

int health_metrics(struct exchange *x, struct err *e)
{
	AUTO(buf) text = BUF(METRICS_MOST);
	int rc = metrics_print(&text, e);

	return rc < 0 ? rc : reply_bytes(x, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len, e);
}
