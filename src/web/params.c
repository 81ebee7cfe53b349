#include "web/params.h"
#include <inttypes.h>

int param_number(const struct exchange *x, const char *name, uint64_t standard, uint64_t most, uint64_t *out,
		 struct err *e)
{
	const char *text = url_query_get(&x->query, name), *at = text;
	uint64_t n = 0;

	if (!text) {
		*out = standard;
		return 0;
	}
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
			break;
	if (*at || at == text || n > most)
		return err_set(e, E_INVAL, "%s=%.40s: expected a number from 0 to %" PRIu64, name, text, most);
	*out = n;
	return 0;
}
