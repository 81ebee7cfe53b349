/* tests/unit/access_help.h - an archive with sites PROV > NORTH, SOUTH and ALONE, who may come in, and a clock of ours. */
#ifndef TESTS_UNIT_ACCESS_HELP_H
#define TESTS_UNIT_ACCESS_HELP_H

#include "access/access.h"
#include "access/holder.h"
#include "archive/archive.h"
#include "folder.h"

#include <string.h>

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

struct world {
	struct folder *folder;
	struct config config;
	struct archive *archive;
	struct access *access;
	struct site unknown;
};
static int64_t now_us = 1790000000 * SECOND;

static inline int64_t our_clock(void)
{
	return now_us;
}

static inline void add_site(struct archive *a, const char *code, const char *parent)
{
	struct site s = {.tier = "county"};

	snprintf(s.code, sizeof s.code, "%s", code);
	snprintf(s.name, sizeof s.name, "%s", code);
	snprintf(s.parent_code, sizeof s.parent_code, "%s", parent);
	assert_int_equal(site_add(a, &s, NULL), 0);
}

static inline void world_reopen(struct world *w, const char *unknown_as)
{
	struct access_options o = {.archive = w->archive, .config = &w->config, .now = our_clock};
	struct err e = {0};

	access_close(w->access);
	if (unknown_as) {
		assert_int_equal(site_get(w->archive, unknown_as, &w->unknown, NULL), 0);
		o.unknown_as = &w->unknown;
	}
	if (access_open(&o, &w->access, &e) < 0)
		fail_msg("access_open: %s", e.msg);
}

static inline int world_make(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct err e = {0};
	void *folder = NULL;

	assert_non_null(w);
	assert_int_equal(folder_make(&folder), 0);
	w->folder = folder;
	assert_int_equal(config_default(&w->config, NULL), 0);
	config_set(&w->config, "node.data", w->folder->path, NULL);
	config_set(&w->config, "archive.reserve", "1M", NULL);
	config_set(&w->config, "archive.prewrite", "0", NULL);
	if (archive_open(&w->config, ARCHIVE_SERVE, &w->archive, &e) < 0)
		fail_msg("archive_open: %s", e.msg);
	add_site(w->archive, "PROV", "");
	add_site(w->archive, "NORTH", "PROV");
	add_site(w->archive, "SOUTH", "PROV");
	add_site(w->archive, "ALONE", "");
	world_reopen(w, NULL);
	*state = w;
	return 0;
}

static inline int world_remove(void **state)
{
	struct world *w = *state;
	void *folder = w->folder;

	access_close(w->access);
	archive_close(w->archive);
	config_cleanup(&w->config);
	free(w);
	return folder_remove(&folder);
}

static inline int64_t site_id(struct world *w, const char *code)
{
	struct site s;

	assert_int_equal(site_get(w->archive, code, &s, NULL), 0);
	return s.id;
}

static inline struct holder holder_for(const char *name, uint32_t roles, const char *site)
{
	struct holder h = {.roles = roles, .created = now_us};

	snprintf(h.name, sizeof h.name, "%s", name);
	if (site)
		snprintf(h.codes[h.n++], sizeof h.codes[0], "%s", site);
	return h;
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)
#endif
