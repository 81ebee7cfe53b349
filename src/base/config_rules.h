/* base/config_rules.h - groups of settings whose names nobody knows beforehand: [coerce AET], [settle NAME].
 *
 * They are kept as written, in the order of the file, with their lines; who understands them checks them.
 * Memory:   the list owns its texts; it begins as zeros.   Threads: read-only after loading.
 */
#ifndef BASE_CONFIG_RULES_H
#define BASE_CONFIG_RULES_H

#include "base/auto.h"
#include "base/err.h"

struct config_rule {
	char *name; /* of the group: what follows the word in its section */
	char *key, *value;
	unsigned line; /* 0: not from a file */
};
struct config_rules {
	struct config_rule *v;
	unsigned n;
};

/* Copies the texts. */
int config_rules_add(struct config_rules *r, const char *name, const char *key, const char *value, unsigned line,
		     struct err *e);
const struct config_rule *config_rules_find(const struct config_rules *r, const char *name, const char *key);
/* to: zeros; stays so on failure. */
int config_rules_copy(const struct config_rules *from, struct config_rules *to, struct err *e);
void config_rules_cleanup(struct config_rules *r);
AUTO_TYPE(config_rules, struct config_rules);

#endif
