#include "web/route.h"
#include <stdio.h>
#include <string.h>

#define METHODS_MOST 6u
#define DEEPEST 16u

enum name { NAME_LITERAL, NAME_STUDY, NAME_SERIES, NAME_INSTANCE, NAME_OTHER, NAME_REST };
struct node {
	const char *at; /* its segment of the template */
	size_t n;
	enum name name;
	const struct route *rows[METHODS_MOST];
	unsigned n_rows;
	struct node *next, *children; /* literal ones first */
};
struct route_tree {
	struct node root;
};

static enum name name_of(const char *at, size_t n)
{
	static const char *const names[] = {
	    [NAME_STUDY] = "{study}", [NAME_SERIES] = "{series}", [NAME_INSTANCE] = "{instance}"};

	if (n < 2 || at[0] != '{')
		return NAME_LITERAL;
	for (enum name i = NAME_STUDY; i <= NAME_INSTANCE; i++)
		if (strlen(names[i]) == n && memcmp(names[i], at, n) == 0)
			return i;
	return n > 5 && memcmp(at + n - 4, "...}", 4) == 0 ? NAME_REST : NAME_OTHER;
}

/* The next segment; false at the end. What follows the last slash counts only when it is not empty. */
static bool next_segment(const char **path, const char **at, size_t *n)
{
	if (**path != '/' || (*path)[1] == '\0')
		return false;
	*at = *path + 1;
	*n = strcspn(*at, "/");
	*path = *at + *n;
	return true;
}

static struct node *child_of(struct node *parent, const char *at, size_t n)
{
	struct node **end = &parent->children, *fresh;
	enum name name = name_of(at, n);

	for (; *end; end = &(*end)->next) {
		if ((*end)->n == n && memcmp((*end)->at, at, n) == 0)
			return *end;
		if ((*end)->name > name)
			break;
	}
	if (!(fresh = calloc(1, sizeof *fresh)))
		return NULL;
	*fresh = (struct node){.at = at, .n = n, .name = name, .next = *end};
	*end = fresh;
	return fresh;
}

static void free_children(struct node *n)
{
	while (n->children) {
		struct node *child = n->children;

		n->children = child->next;
		free_children(child);
		free(child);
	}
}

void route_tree_free(struct route_tree *t)
{
	if (t)
		free_children(&t->root);
	free(t);
}

int route_tree_new(const struct route *table, struct route_tree **out, struct err *e)
{
	struct route_tree *t = calloc(1, sizeof *t);

	if (!t)
		return err_set(e, E_NOMEM, "no memory for the routes");
	for (const struct route *r = table; r->method; r++) {
		struct node *n = &t->root;
		const char *path = r->path, *at;
		size_t len;

		while (n && next_segment(&path, &at, &len))
			n = child_of(n, at, len);
		if (!n || n->n_rows == METHODS_MOST) {
			route_tree_free(t);
			return err_set(e, n ? E_BUG : E_NOMEM, "cannot enter the route %s", r->path);
		}
		n->rows[n->n_rows++] = r;
	}
	*out = t;
	return 0;
}

/* ---- finding */

static struct route_piece *piece_of(struct route_match *m, enum name name)
{
	switch (name) {
	case NAME_STUDY:
		return &m->study;
	case NAME_SERIES:
		return &m->series;
	case NAME_INSTANCE:
		return &m->instance;
	default:
		return &m->rest;
	}
}

static const struct node *descend(const struct node *n, const char *path, unsigned depth, struct route_match *m)
{
	const char *at;
	size_t len;

	if (!next_segment(&path, &at, &len))
		return n->n_rows ? n : NULL;
	if (depth == DEEPEST)
		return NULL;
	for (const struct node *c = n->children; c; c = c->next) {
		const struct node *found;

		if (c->name == NAME_LITERAL && (c->n != len || memcmp(c->at, at, len) != 0))
			continue;
		if (c->name == NAME_REST)
			found = c;
		else
			found = len || c->name == NAME_LITERAL ? descend(c, path, depth + 1, m) : NULL;
		if (!found)
			continue;
		if (c->name != NAME_LITERAL)
			*piece_of(m, c->name) = (struct route_piece){at, c->name == NAME_REST ? strlen(at) : len};
		return found;
	}
	return NULL;
}

static void allow(const struct node *n, struct route_match *m)
{
	bool options = false;
	size_t len = 0;

	for (unsigned i = 0; i < n->n_rows && len < sizeof m->allow; i++) {
		const char *method = n->rows[i]->method;

		options = options || strcmp(method, "OPTIONS") == 0;
		len += (size_t)snprintf(m->allow + len, sizeof m->allow - len, "%s%s", method,
					strcmp(method, "GET") == 0 ? ", HEAD, " : ", ");
	}
	if (!options && len < sizeof m->allow)
		snprintf(m->allow + len, sizeof m->allow - len, "OPTIONS");
	else if (len >= 2 && len < sizeof m->allow)
		m->allow[len - 2] = '\0';
}

int route_find(const struct route_tree *t, const char *method, const char *path, struct route_match *out)
{
	const struct node *n;
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	memset(out, 0, sizeof *out);
	if (path[0] != '/' || !(n = descend(&t->root, path, 0, out)))
		return -E_NOENT;
	for (unsigned i = 0; i < n->n_rows; i++)
		if (strcmp(n->rows[i]->method, wanted) == 0)
			out->route = n->rows[i];
	allow(n, out);
	return 0;
}
