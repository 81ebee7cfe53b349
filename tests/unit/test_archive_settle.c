/* Settled series: written, read, joined by late instances, dropped and restored, given back; and what the packs say of it all. */
#include "archive/lookup.h"
#include "archive/settle.h"
#include "archive_help.h"
#include "base/clock.h"

#include <fcntl.h>

#define STUDY "1.2.826.0.1.1"
#define SERIES STUDY ".1"
#define HOUR 3600000000LL
#define OTHER_SYNTAX "1.2.840.10008.1.2.4.90"

static const struct settle_want any;
static const struct scope everything = {.kind = SCOPE_EVERYTHING};

static void store(struct archive *a, const struct object *o)
{
	struct intake_result r;
	struct err e = {0};
	if (take_in(a, o, &r, &e) < 0)
		fail_msg("intake: %s", e.msg);
	assert_int_equal(r.outcome, INTAKE_STORED);
}

static struct settle_job lease(struct archive *a)
{
	struct settle_job j;
	struct err e = {0};
	if (settle_notice(a, &e) < 0 || settle_lease(a, &any, HOUR, &j, &e) != 1)
		fail_msg("no job: %s", e.msg);
	return j;
}

static bool no_job(struct archive *a)
{
	struct settle_job j;
	struct err e = {0};
	assert_true(settle_notice(a, &e) >= 0);
	return settle_lease(a, &any, HOUR, &j, &e) == 0;
}

/* A Part 10 file that stands for s: its head, and a data set with the same names and other pixels. */
static int other_form(struct archive *a, const struct stored *s, uint64_t *size)
{
	struct err e = {0};
	FILE *f = tmpfile();
	uint8_t *bytes = malloc(s->part10_len);
	assert_non_null(f);
	assert_int_equal(stored_read(a, s, 0, bytes, s->part10_len, &e), s->part10_len);
	*size = s->part10_len - 200; /* pixels at the end are fewer */
	uint64_t at = *size;
	while (memcmp(bytes + at, "OW\0\0", 4) != 0)
		at--;
	uint32_t n = (uint32_t)(*size - at - 8);
	memcpy(bytes + at + 4, &n, 4);
	assert_int_equal(fwrite(bytes, 1, *size, f), *size);
	free(bytes);
	assert_int_equal(fflush(f), 0);
	int fd = dup(fileno(f));
	fclose(f);
	return fd;
}

enum how { KEEP, PUT };

static void write_all(struct archive *a, struct settle_pack *p, enum how how)
{
	struct stored s;
	struct err e = {0};
	bool settled;
	int rc;
	while ((rc = settle_next(p, &s, &settled, &e)) > 0) {
		if (how == KEEP || settled) {
			rc = settle_keep(p, &s, &e);
		} else {
			uint64_t size;
			int fd = other_form(a, &s, &size);
			rc = settle_put(p, &s, OTHER_SYNTAX, fd, size, s.head_len, "appendix", 8, &e);
			close(fd);
		}
		if (rc < 0)
			fail_msg("settling %s: %s", s.sop_instance, e.msg);
	}
	if (rc < 0)
		fail_msg("%s", e.msg);
	if (settle_add_extra(p, SETTLE_METADATA, "metadata of it", 14, &e) < 0 ||
	    settle_add_extra(p, SETTLE_NOTES, "kept\nas it was", 14, &e) < 0)
		fail_msg("%s", e.msg);
}

static void settle(struct archive *a, enum how how)
{
	struct settle_pack *p;
	struct err e = {0};
	struct settle_job j = lease(a);
	assert_string_equal(j.series, SERIES);
	if (settle_begin(a, &j, &p, &e) < 0)
		fail_msg("%s", e.msg);
	write_all(a, p, how);
	if (settle_commit(p, &e) < 0)
		fail_msg("commit: %s", e.msg);
}

static struct stored look_up(struct archive *a, const struct object *o)
{
	struct stored s;
	struct err e = {0};
	if (lookup_instance(a, &everything, STUDY, SERIES, o->sop, &s, &e) < 0)
		fail_msg("%s: %s", o->sop, e.msg);
	return s;
}

static void assert_clean(struct archive *a)
{
	struct err e = {0};
	struct check_report r;
	struct check_ops ops = {.fault = print_fault};
	if (check_fsck(a, &ops, &r, &e) < 0)
		fail_msg("fsck: %s", e.msg);
	assert_int_equal(r.faults, 0);
	if (check_reindex(a, true, &ops, &r, &e) < 0)
		fail_msg("reindex: %s", e.msg);
	assert_int_equal(r.faults, 0);
}

static void assert_put(struct archive *a, const struct object *o)
{
	char bytes[8];
	struct err e = {0};
	struct stored s = look_up(a, o);
	assert_true(s.settled);
	assert_string_equal(s.syntax, OTHER_SYNTAX);
	assert_string_equal(s.received_syntax, UID_EXPLICIT_LE);
	assert_int_equal(s.received_len, o->data.len);
	assert_int_equal(s.appendix_n, 8);
	assert_int_equal(stored_appendix(a, &s, 0, bytes, 8, &e), 8);
	assert_memory_equal(bytes, "appendix", 8);
}

static void extra_is(struct archive *a, const char *text)
{
	AUTO(buf) out = BUF(1 << 20);
	struct err e = {0};
	int rc = settle_extra(a, &everything, STUDY, SERIES, SETTLE_METADATA, &out, &e);
	if (text)
		assert_string_equal(rc == 0 ? buf_text(&out) : e.msg, text);
	else
		assert_int_equal(rc, -E_NOENT);
}

static void kept_as_it_is(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object o[] = {make_object("P1", 1, 1, 5000, 1), make_object("P1", 1, 2, 90000, 2),
			     make_object("P1", 1, 3, 3 << 20, 3)};
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	extra_is(a, NULL);
	struct stored before = look_up(a, &o[0]), large = look_up(a, &o[2]);
	settle(a, KEEP);
	struct stored after = look_up(a, &o[0]), large_after = look_up(a, &o[2]);
	assert_true(after.settled && after.pack != before.pack);
	assert_memory_equal(after.digest, before.digest, 16);
	assert_true(large_after.settled && large_after.pack == large.pack);
	for (unsigned i = 0; i < 3; i++)
		assert_there(a, &o[i]);
	extra_is(a, "metadata of it");
	assert_true(no_job(a));
	assert_clean(a);
	archive_close(a);
	for (unsigned i = 0; i < 3; i++)
		buf_cleanup(&o[i].data);
}

static void put_in_another_form(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object o[] = {make_object("P1", 1, 1, 5000, 1), make_object("P1", 1, 2, 90000, 2),
			     make_object("P1", 1, 3, 3 << 20, 3)};
	struct intake_result r;
	struct err e = {0};
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	settle(a, PUT);
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	assert_clean(a);
	assert_int_equal(take_in(a, &o[0], &r, &e), 0); /* known by what was received */
	assert_int_equal(r.outcome, INTAKE_SAME);
	archive_close(a);
	a = open_archive();
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	assert_clean(a);
	archive_close(a);
	for (unsigned i = 0; i < 3; i++)
		buf_cleanup(&o[i].data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kept_as_it_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(put_in_another_form, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
