/* The rules of dicom/coerce.h: read from the configuration, and checked as far as they can be before any data set. */
#include "dicom/coerce.h"
#include "dicom/coerce_value.h"
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_GROUP 0x0004u
#define LAST_GROUP 0x03FFu
#define PIXEL_GROUP 0x0028u
#define EXPECT_ATTRIBUTE                                                                                               \
	"an attribute of the dictionary of VR AE AS CS DA DT LO LT PN SH ST TM UC UT, of the groups 0004 to 03FF but " \
	"0028"

struct coerce {
	struct coerce_peer *peers;
	unsigned n;
};

static const char *const verbs[] = {
    [COERCE_SET] = "set", [COERCE_DEFAULT] = "default", [COERCE_PREFIX] = "prefix", [COERCE_REMOVE] = "remove"};

const char *coerce_verb_text(enum coerce_verb verb)
{
	return verbs[verb];
}

static int wrong(const struct config_rule *r, const char *expected, struct err *e)
{
	return err_set(e, E_CONFIG, "[coerce %s] %.40s = %.40s: expected %s", r->name, r->key, r->value, expected);
}

static int attribute(const struct config_rule *r, const char *name, uint32_t *tag, struct err *e)
{
	if (dict_tag(name, tag, NULL) < 0 || !dict_keyword(*tag)[0] || !coerce_value_kind(dict_vr(*tag)))
		return wrong(r, EXPECT_ATTRIBUTE, e);
	if (*tag >> 16 < FIRST_GROUP || *tag >> 16 > LAST_GROUP || *tag >> 16 == PIXEL_GROUP || *tag >> 16 & 1)
		return wrong(r, EXPECT_ATTRIBUTE, e);
	if (*tag == TAG(0x0008, 0x0005))
		return wrong(r, "another attribute: the character set is not coerced", e);
	return 0;
}

static int add(struct coerce_peer *p, const struct config_rule *r, enum coerce_verb verb, uint32_t tag, struct err *e)
{
	unsigned at = 0;

	while (at < p->n && p->rules[at].tag < tag)
		at++;
	if (at < p->n && p->rules[at].tag == tag)
		return wrong(r, "one rule for an attribute", e);
	if (p->n == COERCE_RULES)
		return wrong(r, "at most 64 rules for a peer", e);
	memmove(p->rules + at + 1, p->rules + at, (p->n - at) * sizeof *p->rules);
	p->rules[at] = (struct coerce_rule){.verb = verb, .tag = tag, .value = r->value};
	p->n++;
	return 0;
}

static int add_removals(struct coerce_peer *p, const struct config_rule *r, struct err *e)
{
	char **names = g_strsplit_set(r->value, " \t", -1);
	unsigned n = 0;
	uint32_t tag;
	int rc = 0;

	for (char **name = names; *name && rc == 0; name++)
		if (**name && (rc = attribute(r, *name, &tag, e)) == 0) {
			rc = add(p, r, COERCE_REMOVE, tag, e);
			n++;
		}
	g_strfreev(names);
	return rc == 0 && n == 0 ? wrong(r, "names of attributes", e) : rc;
}

static int add_value(struct coerce_peer *p, const struct config_rule *r, enum coerce_verb verb, const char *name,
		     struct err *e)
{
	char expected[120];
	uint32_t tag;
	int rc = attribute(r, name, &tag, e);

	if (rc < 0)
		return rc;
	if (verb != COERCE_SET && !r->value[0])
		return wrong(r, "text", e);
	if (verb == COERCE_PREFIX && !coerce_value_prefix(dict_vr(tag)))
		return wrong(r, "an attribute of VR AE CS LO LT PN SH ST UC UT", e);
	if (!coerce_value_fits(dict_vr(tag), r->value, verb == COERCE_PREFIX, expected, sizeof expected))
		return wrong(r, expected, e);
	return add(p, r, verb, tag, e);
}

static int read_status(struct coerce_peer *p, const struct config_rule *r, struct err *e)
{
	p->quiet = strcmp(r->value, "success") == 0;
	return p->quiet || strcmp(r->value, "warning") == 0 ? 0 : wrong(r, "warning or success", e);
}

static int add_rule(struct coerce_peer *p, const struct config_rule *r, struct err *e)
{
	const char *name = r->key + strcspn(r->key, " \t");
	size_t n = (size_t)(name - r->key);

	name += strspn(name, " \t");
	if (strcmp(r->key, "status") == 0)
		return read_status(p, r, e);
	if (strcmp(r->key, "remove") == 0)
		return add_removals(p, r, e);
	for (unsigned verb = COERCE_SET; verb <= COERCE_PREFIX; verb++)
		if (n == strlen(verbs[verb]) && strncmp(r->key, verbs[verb], n) == 0 && *name)
			return add_value(p, r, (enum coerce_verb)verb, name, e);
	return wrong(r, "set ATTRIBUTE, default ATTRIBUTE, prefix ATTRIBUTE, remove or status", e);
}

static struct coerce_peer *peer_of(struct coerce *c, const char *aet)
{
	struct coerce_peer *v;

	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->peers[i].aet, aet) == 0)
			return &c->peers[i];
	if (!(v = reallocarray(c->peers, c->n + 1u, sizeof *v)))
		return NULL;
	c->peers = v;
	v += c->n++;
	*v = (struct coerce_peer){.aet = aet};
	return v;
}

int coerce_compile(const struct config_rules *rules, const char *file, struct coerce **out, struct err *e)
{
	AUTO(coerce) c = calloc(1, sizeof *c);

	if (!c)
		return err_set(e, E_NOMEM, "no memory for the rules of coercion");
	for (unsigned i = 0; i < rules->n; i++) {
		const struct config_rule *r = &rules->v[i];
		struct coerce_peer *p = peer_of(c, r->name);
		int rc = p ? add_rule(p, r, e) : err_set(e, E_NOMEM, "no memory for the rules of coercion");

		if (rc < 0)
			return file && r->line ? err_prefix(e, "%s:%u", file, r->line) : rc;
	}
	*out = STEAL(c);
	return 0;
}

const struct coerce_peer *coerce_of(const struct coerce *c, const char *aet)
{
	for (unsigned i = 0; c && i < c->n; i++)
		if (strcmp(c->peers[i].aet, aet) == 0)
			return c->peers[i].n ? &c->peers[i] : NULL;
	return NULL;
}

void coerce_free(struct coerce *c)
{
	if (c)
		free(c->peers);
	free(c);
}
