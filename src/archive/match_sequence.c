/* archive/match_sequence.c - sequence matching (PS3.4 C.2.2.2.6): keys of an item against items as they are kept. */
#include "archive/match_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MOST 16384

struct match_sub {
	struct attr attr;
	struct match match;
};

/* ---------------------------------------------------------------- the key */

static bool no_key(const struct elem *el)
{
	return (el->tag & 0xFFFF) == 0 || el->tag == TAG(0x0008, 0x0005);
}

static int add_sub(struct match *m, const struct elem *el, unsigned rules, struct err *e)
{
	struct match_sub *s = &m->subs[m->n_subs];
	const char *vr = dict_vr(el->tag);
	int rc;

	*s = (struct match_sub){.attr = {.tag = el->tag}};
	snprintf(s->attr.vr, sizeof(s->attr.vr), "%s", strcmp(vr, "UN") == 0 ? el->vr : vr);
	if ((rc = match_new(&s->attr, el, rules, &s->match, e)) < 0)
		return rc;
	m->n_subs++;
	return s->match.kind != MATCH_ALL;
}

int match_sequence_key(struct match *m, const struct elem *key, unsigned rules, struct err *e)
{
	const struct dset *item = key->n_items > 0 ? key->items[0] : NULL;
	bool selective = false;
	int rc;

	if (key->n_items > 1 || (strcmp(key->vr, "SQ") != 0 && key->len > 0))
		return match_refuse(m->attr, e);
	m->kind = MATCH_ALL;
	if (!item || dset_count(item) == 0)
		return 0;
	if (!(m->subs = calloc(dset_count(item), sizeof(*m->subs))))
		return err_set(e, E_NOMEM, "no memory for the keys of an item");
	for (unsigned i = 0; i < dset_count(item); i++) {
		if (no_key(dset_at(item, i)))
			continue;
		if ((rc = add_sub(m, dset_at(item, i), rules, e)) < 0)
			return rc;
		selective |= rc > 0;
	}
	m->kind = selective ? MATCH_SEQUENCE : MATCH_ALL;
	return 0;
}

void match_sequence_cleanup(struct match *m)
{
	for (unsigned i = 0; i < m->n_subs; i++)
		match_cleanup(&m->subs[i].match);
	free(m->subs);
	m->subs = NULL;
	m->n_subs = 0;
}

/* ---------------------------------------------------------------- items */

static bool match_item(const struct match *m, const struct dset *item, int zone);

static bool any_item(const struct match *m, const struct elem *el, int zone)
{
	for (unsigned i = 0; el && i < el->n_items; i++)
		if (match_item(m, el->items[i], zone))
			return true;
	return false;
}

static bool match_elem(const struct match *m, const struct elem *el, int zone)
{
	AUTO(buf) text = BUF(NUMBERS_MOST);

	if (m->kind == MATCH_ALL)
		return true;
	if (m->kind == MATCH_SEQUENCE)
		return any_item(m, el, zone);
	if (!el)
		return match_value(m, "", 0, zone);
	if (!attr_is_binary(el->vr))
		return match_value(m, (const char *)el->value, el->len, zone);
	return attr_number_text(el->vr, el->value, el->len, false, &text, NULL) >= 0 &&
	       match_value(m, buf_text(&text), text.len, zone);
}

static bool match_item(const struct match *m, const struct dset *item, int zone)
{
	for (unsigned i = 0; i < m->n_subs; i++)
		if (!match_elem(&m->subs[i].match, dset_get(item, m->subs[i].attr.tag), zone))
			return false;
	return true;
}

/* The sequence as it is kept; NULL when there is none. */
static const struct elem *stored(const struct match *m, const char *bytes, size_t n, struct dset **root)
{
	if (n == 0 || dset_parse(bytes, n, UID_EXPLICIT_LE, root, NULL) < 0)
		return NULL;
	return dset_get(*root, m->attr->tag) ? dset_get(*root, m->attr->tag) : dset_at(*root, 0);
}

bool match_sequence(const struct match *m, const char *bytes, size_t n, int zone)
{
	AUTO(dset) root = NULL;

	return any_item(m, stored(m, bytes, n, &root), zone);
}

/* ---------------------------------------------------------------- the answer */

static int copy_all(const struct dset *from, struct dset *to, struct err *e);

static int copy_elem(const struct elem *el, struct dset *to, struct err *e)
{
	struct dset *item;
	int rc = dset_put(to, el->tag, el->vr, el->value, el->len, e);

	for (unsigned i = 0; rc == 0 && i < el->n_items; i++)
		if ((rc = dset_put_item(to, el->tag, &item, e)) == 0)
			rc = copy_all(el->items[i], item, e);
	return rc;
}

static int copy_all(const struct dset *from, struct dset *to, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < dset_count(from); i++)
		rc = copy_elem(dset_at(from, i), to, e);
	return rc;
}

static int answer_items(const struct match *m, const struct elem *el, int zone, struct dset *to, struct err *e);

/* What the key's item names, empty where the item stored has nothing. */
static int answer_item(const struct match *m, const struct dset *item, int zone, struct dset *to, struct err *e)
{
	int rc = 0;

	if (m->n_subs == 0)
		return copy_all(item, to, e);
	for (unsigned i = 0; rc == 0 && i < m->n_subs; i++) {
		const struct match_sub *s = &m->subs[i];
		const struct elem *el = dset_get(item, s->attr.tag);

		if (strcmp(s->attr.vr, "SQ") == 0)
			rc = answer_items(&s->match, el, zone, to, e);
		else if (el)
			rc = copy_elem(el, to, e);
		else
			rc = dset_put(to, s->attr.tag, s->attr.vr, "", 0, e);
	}
	return rc;
}

static int answer_items(const struct match *m, const struct elem *el, int zone, struct dset *to, struct err *e)
{
	struct dset *item;
	int rc = dset_put(to, m->tag, "SQ", "", 0, e);

	for (unsigned i = 0; rc == 0 && el && i < el->n_items; i++) {
		if (m->kind == MATCH_SEQUENCE && !match_item(m, el->items[i], zone))
			continue;
		if ((rc = dset_put_item(to, m->tag, &item, e)) == 0)
			rc = answer_item(m, el->items[i], zone, item, e);
	}
	return rc;
}

int match_items(const struct match *m, const char *bytes, size_t n, int zone, struct dset *to, struct err *e)
{
	AUTO(dset) root = NULL;

	return answer_items(m, stored(m, bytes, n, &root), zone, to, e);
}
