/* The facts of the conformance statement: asked from what the node decides by, so that there is no second list. */
#include "cmd/statement.h"
#include "archive/query_keys.h"
#include "cmd/cmd.h"
#include "config.h"
#include "dicom/charset_set.h"
#include "dimse/conform.h"
#include "imaging/transcode.h"
#include "web/route.h"
#include <stdio.h>
#include <string.h>

#define TEXT_MOST (256u << 10)

/* ---- associations */

static json_t *application_entity(const struct config *c)
{
	return json_pack("{s:s, s:I, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "title", c->aet, "async_window",
			 (json_int_t)c->async_window, "address", c->listen, "port", (json_int_t)c->dicom_port,
			 "called_title_checked", c->check_called_aet, "max_associations",
			 (json_int_t)c->max_associations, "max_pdu_receive", (json_int_t)c->max_pdu_receive,
			 "max_pdu_send", (json_int_t)c->max_pdu_send, "artim_ms", (json_int_t)c->artim_ms, "idle_ms",
			 (json_int_t)c->idle_ms, "message_ms", (json_int_t)c->dimse_ms);
}

/* ---- presentation contexts */

/* The syntaxes that a context of this class is accepted with. */
static json_t *accepted_syntaxes(const struct config *c, const struct conform_peer *p, const char *abstract,
				 bool *as_scp)
{
	json_t *set = json_array();
	const char *syntax;
	bool scp;

	*as_scp = false;
	for (unsigned i = 0; (syntax = uid_syntax(i)); i++)
		if (conform_accepts(c, p, abstract, syntax, &scp)) {
			json_array_append_new(set, json_string(syntax));
			*as_scp |= scp;
		}
	return set;
}

/* Most classes have one of few sets: its number, added when new. Takes the set. */
static size_t set_number(json_t *sets, json_t *set)
{
	size_t i;

	for (i = 0; i < json_array_size(sets); i++)
		if (json_equal(json_array_get(sets, i), set)) {
			json_decref(set);
			return i;
		}
	json_array_append_new(sets, set);
	return i;
}

static void add_class(const struct config *c, json_t *classes, json_t *sets, const char *abstract)
{
	static const struct conform_peer anyone;
	bool as_scp;
	json_t *set = accepted_syntaxes(c, &anyone, abstract, &as_scp);

	if (json_array_size(set) == 0) {
		json_decref(set);
		return;
	}
	/* What callers may be SCP of, we are SCU of: we send it. */
	json_array_append_new(classes, json_pack("{s:s, s:s, s:b, s:b, s:b, s:I}", "uid", abstract, "name",
						 uid_name(abstract), "storage", uid_is_storage(abstract), "scp", 1,
						 "scu", as_scp || strcmp(abstract, UID_VERIFICATION) == 0, "syntaxes",
						 (json_int_t)set_number(sets, set)));
}

static void add_classes(const struct config *c, json_t *facts)
{
	json_t *classes = json_array(), *sets = json_array(), *names = json_object();
	const char *uid;

	for (unsigned i = 0; (uid = uid_other(i)); i++)
		if (!uid_is_storage(uid))
			add_class(c, classes, sets, uid);
	for (unsigned i = 0; (uid = uid_storage(i)); i++)
		if (uid_is_storage(uid))
			add_class(c, classes, sets, uid);
	for (unsigned i = 0; (uid = uid_syntax(i)); i++)
		json_object_set_new(names, uid, json_string(uid_name(uid)));
	json_object_set_new(facts, "sop_classes", classes);
	json_object_set_new(facts, "syntax_sets", sets);
	json_object_set_new(facts, "transfer_syntaxes", names);
}

static json_t *extended_negotiation(const struct config *c)
{
	json_t *all = json_array();
	const char *uid, *name;

	for (unsigned i = 0; (uid = uid_other(i)); i++) {
		json_t *items = json_array();
		bool agreed;

		for (unsigned n = 0; (name = conform_extended(c, uid, n, &agreed)); n++)
			json_array_append_new(items, json_pack("{s:s, s:b}", "name", name, "agreed", agreed));
		if (json_array_size(items) > 0)
			json_array_append_new(
			    all, json_pack("{s:s, s:s, s:O}", "uid", uid, "name", uid_name(uid), "items", items));
		json_decref(items);
	}
	return all;
}

/* Pairs of syntaxes between which what is stored is transcoded for a receiver. */
static json_t *transcoding(void)
{
	json_t *all = json_object();
	const char *from, *to;

	for (unsigned i = 0; (from = uid_syntax(i)); i++) {
		json_t *targets = json_array();

		for (unsigned k = 0; (to = uid_syntax(k)); k++)
			if (strcmp(from, to) != 0 && transcode_can(from, to))
				json_array_append_new(targets, json_string(to));
		if (json_array_size(targets) > 0)
			json_object_set(all, from, targets);
		json_decref(targets);
	}
	return all;
}

/* ---- services */

static int add_key(void *arg, const struct kept_key *k)
{
	char tag[12];

	snprintf(tag, sizeof tag, "%04X,%04X", k->tag >> 16, k->tag & 0xFFFF);
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "tag", tag, "keyword",
					     k->creator ? "" : dict_keyword(k->tag), "creator",
					     k->creator ? k->creator : "", "vr", k->vr, "level",
					     query_level_text(k->from), "type", k->type, "matching", k->matching));
	return 0;
}

static int add_levels(const struct config *c, json_t *facts, struct err *e)
{
	json_t *all = json_object();
	int rc = 0;

	for (unsigned level = LEVEL_PATIENT; level <= LEVEL_IMAGE && rc == 0; level++) {
		json_t *keys = json_array();

		rc = query_keys((enum query_level)level, c->attributes, add_key, keys, e);
		json_object_set_new(all, query_level_text((enum query_level)level), keys);
	}
	json_object_set_new(facts, "query_keys", all);
	return rc;
}

static int add_status(void *arg, const struct conform_status *s)
{
	char code[8];

	snprintf(code, sizeof code, "%04X", s->status);
	json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "code", code, "kind", s->kind, "meaning", s->meaning));
	return 0;
}

static json_t *statuses(void)
{
	json_t *all = json_object();
	const char *name;

	for (unsigned i = 0; (name = conform_service(i)); i++) {
		json_t *list = json_array();

		conform_statuses(i, add_status, list);
		json_object_set_new(all, name, list);
	}
	return all;
}

static json_t *character_sets(void)
{
	json_t *all = json_array();
	const struct charset_set *s;

	for (unsigned i = 0; (s = charset_set_at(i)); i++) {
		char extended[32] = "";

		if (s->kind != CHARSET_WHOLE)
			snprintf(extended, sizeof extended, "ISO 2022 IR %s", s->key);
		if (s->kind == CHARSET_WHOLE && s->term && strcmp(s->term, s->key) != 0 && strcmp(s->key, "192") != 0)
			continue; /* another spelling of one that is there */
		json_array_append_new(all,
				      json_pack("{s:s, s:s}", "term", s->term ? s->term : "", "extended", extended));
	}
	return all;
}

/* ---- coercion */

static json_t *coercion_of(const struct config *c, const struct coerce_peer *p)
{
	const struct conform_peer peer = {.coerce = p};
	bool ignored;
	json_t *rules = json_array();
	const char *storage = uid_storage(0);

	for (unsigned i = 0; i < p->n; i++)
		json_array_append_new(rules, json_pack("{s:s, s:s, s:s}", "rule", coerce_verb_text(p->rules[i].verb),
						       "attribute", dict_keyword(p->rules[i].tag), "value",
						       p->rules[i].verb == COERCE_REMOVE ? "" : p->rules[i].value));
	return json_pack("{s:s, s:s, s:o, s:o}", "peer", p->aet, "status", p->quiet ? "0000" : "B000", "rules", rules,
			 "syntaxes", accepted_syntaxes(c, &peer, storage ? storage : "", &ignored));
}

static int add_coercion(const struct config *c, json_t *facts, struct err *e)
{
	AUTO(coerce) rules = NULL;
	json_t *all = json_array();
	const char *last = "";
	int rc = coerce_compile(&c->coerce, NULL, &rules, e);

	for (unsigned i = 0; rc == 0 && i < c->coerce.n; i++) {
		const char *aet = c->coerce.v[i].name;
		const struct coerce_peer *p = strcmp(aet, last) != 0 ? coerce_of(rules, aet) : NULL;

		last = aet;
		if (p)
			json_array_append_new(all, coercion_of(c, p));
	}
	json_object_set_new(facts, "coercion", all);
	return rc;
}

/* ---- all of it */

static int add_configuration(const struct config *c, json_t *facts, struct err *e)
{
	AUTO(buf) text = BUF(TEXT_MOST);
	int rc = config_print(c, &text, e);

	json_object_set_new(facts, "configuration", json_string(buf_text(&text)));
	return rc;
}

/* By the table that requests are answered by. */
static void add_web(json_t *facts)
{
	json_t *all = json_array();

	for (const struct route *r = routes; r->method; r++)
		if (strncmp(r->path, "/dicom-web", 10) == 0 || strncmp(r->path, "/wado", 5) == 0)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "method", r->method, "resource",
							     r->path, "media_types", r->produces, "says", r->says));
	json_object_set_new(facts, "web_services", all);
}

static void add_security(const struct config *c, json_t *facts)
{
	json_object_set_new(facts, "security",
			    json_pack("{s:b, s:I, s:b, s:b}", "dicom_tls", c->tls_certificate[0] != '\0',
				      "dicom_tls_port", (json_int_t)c->tls_port, "http_tls",
				      c->http_certificate[0] != '\0', "audit_syslog", c->audit_syslog[0] != '\0'));
}

json_t *statement_facts(const struct config *c, struct err *e)
{
	json_t *facts = json_pack("{s:{s:s, s:s, s:s, s:s}, s:o, s:o, s:o, s:o, s:o}", "product", "name", "Teleread",
				  "version", PACKAGE_VERSION, "implementation_class_uid", UID_IMPLEMENTATION,
				  "implementation_version_name", IMPLEMENTATION_VERSION, "application_entity",
				  application_entity(c), "extended_negotiation", extended_negotiation(c), "statuses",
				  statuses(), "character_sets", character_sets(), "transcoding", transcoding());

	if (!facts) {
		err_set(e, E_NOMEM, "no memory for the statement");
		return NULL;
	}
	add_classes(c, facts);
	add_web(facts);
	add_security(c, facts);
	if (add_levels(c, facts, e) == 0 && add_coercion(c, facts, e) == 0 && add_configuration(c, facts, e) == 0)
		return facts;
	json_decref(facts);
	return NULL;
}

int cmd_statement(int argc, char **argv)
{
	static const struct usage usage = {
	    .name = "statement",
	    .text = "Prints the DICOM conformance statement of this configuration, as Markdown or JSON.",
	    .json = true,
	};
	AUTO(common) c = {0};
	struct err e = {0};
	json_t *facts;
	int rc = common_parse(&c, &usage, &argc, &argv);

	if (rc >= 0)
		return rc;
	if (!(facts = statement_facts(&c.config, &e)))
		return complain(usage.name, &e);
	if (c.json) {
		print_json(facts);
		return EXIT_DONE;
	}
	statement_print(facts);
	json_decref(facts);
	return EXIT_DONE;
}
