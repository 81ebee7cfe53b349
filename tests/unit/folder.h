/* tests/unit/folder.h - cmocka, and a folder of its own for each test, removed with all in it afterwards. */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

struct folder {
	char path[256];
};

static inline int folder_make(void **state)
{
	struct folder *f = calloc(1, sizeof *f);
	const char *tmp = getenv("TMPDIR");

	if (!f)
		return -1;
	snprintf(f->path, sizeof f->path, "%.200s/teleread-test-XXXXXX", tmp ? tmp : "/tmp");
	*state = f;
	return mkdtemp(f->path) ? 0 : -1;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline int folder_remove(void **state)
{
	struct folder *f = *state;
	int rc = nftw(f->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);

	free(f);
	return rc;
}

/* *state is a struct folder. */
#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

#endif
