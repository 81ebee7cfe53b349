/* archive/scope.c - see scope.h. */
#include "archive/scope.h"
#include "base/log.h"

#include <stdlib.h>

struct scope scope_everything(const char *why)
{
	log_debug("everything may be seen: %s", why);
	return (struct scope){.kind = SCOPE_EVERYTHING};
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool scope_has(const struct scope *s, int64_t site)
{
	if (s->kind != SCOPE_SITES)
		return s->kind == SCOPE_EVERYTHING;
	return s->n > 0 && bsearch(&site, s->sites, s->n, sizeof(site), compare) != NULL;
}

void scope_cleanup(struct scope *s)
{
	free(s->sites);
	*s = (struct scope){.kind = SCOPE_NOTHING};
}
