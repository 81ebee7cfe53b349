#include "base/config_rules.h"
#include <string.h>

#define RULES_MOST 10000u

static void rule_free(struct config_rule *r)
{
	free(r->name);
	free(r->key);
	free(r->value);
}

int config_rules_add(struct config_rules *r, const char *name, const char *key, const char *value, unsigned line,
		     struct err *e)
{
	struct config_rule fresh = {strdup(name), strdup(key), strdup(value), line};
	struct config_rule *v = NULL;

	if (r->n >= RULES_MOST) {
		rule_free(&fresh);
		return err_set(e, E_CONFIG, "more than %u rules", RULES_MOST);
	}
	if (fresh.name && fresh.key && fresh.value && (v = reallocarray(r->v, r->n + 1u, sizeof *v))) {
		r->v = v;
		r->v[r->n++] = fresh;
		return 0;
	}
	rule_free(&fresh);
	return err_set(e, E_NOMEM, "no memory for the configuration");
}

const struct config_rule *config_rules_find(const struct config_rules *r, const char *name, const char *key)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0 && strcmp(r->v[i].key, key) == 0)
			return &r->v[i];
	return NULL;
}

int config_rules_copy(const struct config_rules *from, struct config_rules *to, struct err *e)
{
	struct config_rules fresh = {0};

	for (unsigned i = 0; i < from->n; i++) {
		const struct config_rule *one = &from->v[i];
		int rc = config_rules_add(&fresh, one->name, one->key, one->value, one->line, e);

		if (rc < 0) {
			config_rules_cleanup(&fresh);
			return rc;
		}
	}
	*to = fresh;
	return 0;
}

void config_rules_cleanup(struct config_rules *r)
{
	for (unsigned i = 0; i < r->n; i++)
		rule_free(&r->v[i]);
	free(r->v);
	*r = (struct config_rules){0};
}
