/* tests/unit/archive_help.h - an archive in a folder of its own, with one site; instances for it, and whether it is sound. */
#ifndef TESTS_UNIT_ARCHIVE_HELP_H
#define TESTS_UNIT_ARCHIVE_HELP_H

#include "archive/check.h"
#include "archive/intake.h"
#include "archive/kept.h"
#include "archive/query.h"
#include "archive/registry.h"
#include "dicom/dset.h"
#include "shim/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
static char folder[] = "/tmp/test-intake.XXXXXX";
static struct config config;

static inline int setup(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(config_default(&config, NULL), 0);
	config_set(&config, "node.data", folder, NULL);
	config_set(&config, "archive.reserve", "1M", NULL);
	config_set(&config, "archive.prewrite", "16M", NULL);
	return 0;
}

static inline int teardown(void **state)
{
	char command[100];
	(void)state;
	config_cleanup(&config);
	unsetenv("TELEREAD_FAULT_BLOB");
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static inline struct archive *open_archive(void)
{
	struct archive *a;
	struct err e = {0};
	struct site s = {.code = "COUNTY", .name = "County"};
	if (archive_open(&config, ARCHIVE_SERVE, &a, &e) < 0)
		fail_msg("archive_open: %s", e.msg);
	site_add(a, &s, NULL); /* there already after the first time */
	return a;
}

struct object {
	struct buf data;
	char sop[65];
};

/* A CT image, n-th of its study; pixels bytes of a pattern that depends on salt. */
static inline struct object make_object(const char *patient, unsigned study, unsigned n, size_t pixels, unsigned salt)
{
	struct object o = {.data = BUF(64 << 20)};
	AUTO(dset) d = NULL;
	char uid[65];
	assert_int_equal(dset_new(&d, NULL), 0);
	snprintf(o.sop, sizeof o.sop, "1.2.826.0.1.%u.1.%u", study, n);
	dset_put_text(d, TAG(8, 0x16), CT, NULL);
	dset_put_text(d, TAG(8, 0x18), o.sop, NULL);
	dset_put_text(d, TAG(8, 0x20), "20260102", NULL);
	dset_put_text(d, TAG(8, 0x60), "CT", NULL);
	dset_put_text(d, TAG(0x10, 0x10), "DEMO^ONE", NULL);
	dset_put_text(d, TAG(0x10, 0x20), patient, NULL);
	snprintf(uid, sizeof uid, "1.2.826.0.1.%u", study);
	dset_put_text(d, TAG(0x20, 0xd), uid, NULL);
	snprintf(uid, sizeof uid, "1.2.826.0.1.%u.1", study);
	dset_put_text(d, TAG(0x20, 0xe), uid, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &o.data, NULL), 0);
	uint8_t head[12] = {0xe0,
			    0x7f,
			    0x10,
			    0,
			    'O',
			    'W',
			    0,
			    0,
			    (uint8_t)pixels,
			    (uint8_t)(pixels >> 8),
			    (uint8_t)(pixels >> 16),
			    (uint8_t)(pixels >> 24)};
	buf_put(&o.data, head, sizeof head, NULL);
	assert_int_equal(buf_reserve(&o.data, pixels, NULL), 0);
	for (size_t i = 0; i < pixels; i++)
		o.data.data[o.data.len++] = (uint8_t)(i * 2654435761u >> 13 ^ salt);
	return o;
}

/* name: of the request, "" of none */
static inline int take_in_as(struct archive *a, const struct object *o, const char *name, struct intake_result *r,
			     struct err *e)
{
	struct site site;
	struct intake *in;
	assert_int_equal(site_get(a, "COUNTY", &site, NULL), 0);
	struct intake_source src = {.site = site.id, .site_code = "COUNTY", .aet = "CT1", .door = "test"};
	int rc = intake_begin(a, &src, UID_EXPLICIT_LE, *name ? CT : "", name, &in, e);
	if (rc < 0)
		return rc;
	for (size_t at = 0; at < o->data.len && rc == 0; at += 100000)
		rc = intake_write(in, o->data.data + at, o->data.len - at < 100000 ? o->data.len - at : 100000, e);
	if (rc < 0) {
		intake_abort(in);
		return rc;
	}
	return intake_finish(in, r, e);
}

static inline int take_in(struct archive *a, const struct object *o, struct intake_result *r, struct err *e)
{
	return take_in_as(a, o, o->sop, r, e);
}

/* How many instances have this UID (0 or 1), and is the stored data set this one? */
static inline int found(struct archive *a, const struct object *o, bool *identical)
{
	AUTO(dset) keys = NULL;
	struct selection *s;
	struct stored at;
	uint64_t total;
	struct err e = {0};
	struct scope all = scope_everything("test");
	dset_new(&keys, NULL);
	dset_put_text(keys, TAG(8, 0x18), o->sop, NULL);
	struct query q = {.level = LEVEL_IMAGE, .relational = true, .keys = keys, .scope = &all};
	if (select_open(a, &q, &s, &total, &e) < 0)
		fail_msg("select: %s", e.msg);
	int n = 0;
	while (select_next(s, &at, &e) == 1)
		n++;
	select_close(s);
	if (n == 1) {
		uint8_t *buf = malloc(o->data.len + 1);
		int64_t k = stored_read(a, &at, at.head_len, buf, o->data.len + 1, &e);
		*identical = k == (int64_t)o->data.len && !memcmp(buf, o->data.data, o->data.len);
		free(buf);
	}
	return n;
}

static inline void assert_there(struct archive *a, const struct object *o)
{
	bool same = false;
	assert_int_equal(found(a, o, &same), 1);
	assert_true(same);
}

static inline void print_fault(void *arg, const char *sentence)
{
	print_message("fault: %s\n", sentence);
	(void)arg;
}

static inline void assert_sound(struct archive *a, uint64_t records)
{
	struct err e = {0};
	struct check_report r;
	struct check_ops ops = {.fault = print_fault};
	assert_int_equal(check_fsck(a, &ops, &r, &e), 0);
	assert_int_equal(r.faults, 0);
	assert_int_equal(r.records, records);
	if (check_reindex(a, true, &ops, &r, &e) < 0)
		fail_msg("reindex: %s", e.msg);
	assert_int_equal(r.faults, 0);
}

static inline void query_rows(struct archive *a, const char *sql)
{
	struct db_conn *c;
	struct err e = {0};
	assert_int_equal(db_get(archive_db(a), DB_WRITE, &c, &e), 0);
	if (db_exec(c, sql, &e) < 0)
		fail_msg("%s: %s", sql, e.msg);
	db_put(c);
}

static inline void remove_files(const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char path[100];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
}
#endif
