/* tests/unit/query_help.h - an index in a temporary folder, filled with small data sets; for the tests of archive's
 * index, query and registry, which need no packs. */
#ifndef TESTS_QUERY_HELP_H
#define TESTS_QUERY_HELP_H

#include "archive/archive.h"
#include "archive/index.h"
#include "archive/query.h"
#include "archive/registry.h"
#include "archive/scope.h"
#include "dicom/dict.h"
#include "dicom/dset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* One instance, as the tests describe it: "" leaves the element out. */
struct sample {
	const char *charset, *patient_id, *issuer, *name, *study, *series, *sop, *date, *time, *accession, *modality,
	    *series_number, *number, *class;
	int rows;    /* 0: none */
	int content; /* another number: another digest */
	int64_t site;
};

/* What the index of these tests keeps besides the built-in attributes; NULL, nothing, unless a test sets it. */
extern const struct attr_set *help_attrs;
struct archive *help_open(void); /* a new, empty index with sites 1 (root), 2 and 3 below it, and 4 */
void help_close(struct archive *a);
struct db_conn *help_writer(struct archive *a); /* in a transaction */
void help_commit(struct db_conn *c);
struct dset *help_dset(const struct sample *s);
/* The outcome of index_put, -1 when the head is refused; reason (160) may be NULL. */
int help_put(struct db_conn *c, const struct sample *s, char *reason);
int help_put_dset(struct db_conn *c, const struct dset *d, const char *syntax, int64_t site, int content, char *reason);
int64_t help_count(struct archive *a, const char *sql);

/* A query's keys: keyword, value, ..., NULL. */
struct dset *help_keys(const char *keyword, ...) __attribute__((sentinel));
/* Runs it and joins `show` of each answer with | in order; "!NAME" for an error. Static memory. */
const char *help_find(struct archive *a, const struct query *q, const char *show);
struct scope help_scope(int64_t site); /* that site alone */
#endif
