#include "web/exchange_own.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* these come first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ROW(method, path)                                                                                              \
	{                                                                                                              \
		method, path, NULL, NULL, RIGHT_NOBODY, "", ""                                                         \
	}
static const struct route table[] = {
    ROW("GET", "/"),
    ROW("GET", "/dicom-web/"),
    ROW("OPTIONS", "/dicom-web/"),
    ROW("GET", "/dicom-web/studies"),
    ROW("POST", "/dicom-web/studies"),
    ROW("POST", "/dicom-web/studies/{study}"),
    ROW("GET", "/dicom-web/studies/{study}"),
    ROW("DELETE", "/dicom-web/studies/{study}"),
    ROW("GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}"),
    ROW("GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{bulk...}"),
    ROW("GET", "/api/{name}"),
    ROW("GET", "/api/bin"),
    ROW("POST", "/api/{name}/restore"),
    {0},
};

static const struct {
	const char *method, *path, *template; /* NULL: no such path; "": another method */
	const char *study, *instance, *rest;
} rows[] = {
    {"GET", "/", "/", "", "", ""},
    {"GET", "/dicom-web", "/dicom-web/", "", "", ""},
    {"GET", "/dicom-web/", "/dicom-web/", "", "", ""},
    {"OPTIONS", "/dicom-web/", "/dicom-web/", "", "", ""},
    {"HEAD", "/dicom-web/studies", "/dicom-web/studies", "", "", ""},
    {"GET", "/dicom-web/studies/", "/dicom-web/studies", "", "", ""},
    {"PUT", "/dicom-web/studies", "", "", "", ""},
    {"DELETE", "/dicom-web/studies/1.2", "/dicom-web/studies/{study}", "1.2", "", ""},
    {"GET", "/dicom-web/studies/1.2/series/3.4/instances/5.6/frames/1,2", table[8].path, "1.2", "5.6", "1,2"},
    {"GET", "/dicom-web/studies/1.2/series/3.4/instances/5.6/bulkdata/a/b/c", table[9].path, "1.2", "5.6", "a/b/c"},
    {"GET", "/api/bin", "/api/bin", "", "", ""},
    {"GET", "/api/other", "/api/{name}", "", "", "other"},
    {"POST", "/api/bin/restore", "/api/{name}/restore", "", "", "bin"}, /* goes back from the literal one */
    {"GET", "", NULL, NULL, NULL, NULL},
    {"GET", "*", NULL, NULL, NULL, NULL},
    {"GET", "/nothing", NULL, NULL, NULL, NULL},
    {"GET", "//dicom-web/studies", NULL, NULL, NULL, NULL},
    {"GET", "/dicom-web//studies", NULL, NULL, NULL, NULL},
    {"GET", "/Dicom-Web/studies", NULL, NULL, NULL, NULL},
    {"GET", "/dicom-web/%73tudies", NULL, NULL, NULL, NULL},
    {"GET", "/dicom-web/studies/1.2/series", NULL, NULL, NULL, NULL},
    {"GET", "/dicom-web/studies/1.2/series/3.4/instances/5.6/frames", NULL, NULL, NULL, NULL},
    {"GET", "/dicom-web/studies/1.2/series/3.4/instances/5.6/bulkdata/", NULL, NULL, NULL, NULL},
    {"GET", "/api//restore", NULL, NULL, NULL, NULL},
    {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", NULL, NULL, NULL, NULL},
};

static void same(const struct route_piece *piece, const char *wanted)
{
	assert_int_equal(piece->n, strlen(wanted));
	if (piece->n)
		assert_memory_equal(piece->at, wanted, piece->n);
}

static void finds(void **state)
{
	struct route_tree *t = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(route_tree_new(table, &t, &e), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_match m;
		int rc = route_find(t, rows[i].method, rows[i].path, &m);

		if ((rc < 0) != !rows[i].template)
			fail_msg("%s %s: %d", rows[i].method, rows[i].path, rc);
		if (rc < 0)
			continue;
		assert_string_equal(m.route ? m.route->path : "", rows[i].template);
		same(&m.study, rows[i].study);
		same(&m.instance, rows[i].instance);
		same(&m.rest, rows[i].rest);
	}
	route_tree_free(t);
}

static void tells_methods(void **state)
{
	static const char *const want[][2] = {
	    {"/", "GET, HEAD, OPTIONS"},
	    {"/dicom-web/", "GET, HEAD, OPTIONS"},
	    {"/dicom-web/studies", "GET, HEAD, POST, OPTIONS"},
	    {"/dicom-web/studies/1", "POST, GET, HEAD, DELETE, OPTIONS"},
	};
	struct route_tree *t = NULL;
	struct route_match m;
	struct err e = {0};

	(void)state;
	assert_int_equal(route_tree_new(table, &t, &e), 0);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_int_equal(route_find(t, "PATCH", want[i][0], &m), 0);
		assert_null(m.route);
		assert_string_equal(m.allow, want[i][1]);
	}
	route_tree_free(t);
}

/* Every row of the real table is found by its own path, and is written out. */
static void table_is_whole(void **state)
{
	struct route_tree *t = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(route_tree_new(routes, &t, &e), 0);
	for (const struct route *r = routes; r->method; r++) {
		struct route_match m;

		assert_int_equal(route_find(t, r->method, r->path, &m), 0);
		assert_ptr_equal(m.route, r); /* another one: the row stands twice */
		assert_non_null(r->handle);
		assert_true(r->says[0] && r->says[strlen(r->says) - 1] == '.');
		assert_non_null(r->produces);
		assert_true(strlen(m.allow) < sizeof m.allow - 1);
	}
	route_tree_free(t);
}

static enum http_share share(const struct route_tree *t, const char *method, const char *path, const char *takes)
{
	struct route_match m;
	struct accept a;

	assert_int_equal(route_find(t, method, path, &m), 0);
	assert_int_equal(accept_parse(takes, &a, NULL), 0);
	return route_share(m.route, &a);
}

/* What decodes or stores leaves workers to searches, logins, and to images that go out as they are. */
static void slow_ones_have_a_share(void **state)
{
	static const char stored[] = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
			  frame[] = "/dicom-web/studies/1/series/2/instances/3/frames/1";
	struct route_tree *t = NULL;

	(void)state;
	assert_int_equal(route_tree_new(routes, &t, NULL), 0);
	assert_int_equal(share(t, "GET", "/dicom-web/studies", NULL), HTTP_SHARE_ALL);
	assert_int_equal(share(t, "POST", "/api/login", NULL), HTTP_SHARE_ALL);
	assert_int_equal(share(t, "GET", "/dicom-web/studies/1/metadata", NULL), HTTP_SHARE_ALL);
	assert_int_equal(share(t, "POST", "/dicom-web/studies", NULL), HTTP_SHARE_HALF);
	assert_int_equal(share(t, "DELETE", "/dicom-web/studies/1", NULL), HTTP_SHARE_HALF);
	assert_int_equal(share(t, "GET", "/dicom-web/studies/1/thumbnail", NULL), HTTP_SHARE_THIRD);
	assert_int_equal(share(t, "GET", "/dicom-web/studies/1/rendered", stored), HTTP_SHARE_THIRD);
	assert_int_equal(share(t, "GET", frame, NULL), HTTP_SHARE_THIRD);
	assert_int_equal(share(t, "GET", frame, stored), HTTP_SHARE_ALL);
	route_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds),
	    cmocka_unit_test(tells_methods),
	    cmocka_unit_test(table_is_whole),
	    cmocka_unit_test(slow_ones_have_a_share),
	};

	return cmocka_run_group_tests_name("web/route", tests, NULL, NULL);
}
