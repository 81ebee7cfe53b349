/* Settled series: written, read, joined by late instances, dropped and restored, given back; and what the packs say of it all. */
#include "archive/backup.h"
#include "archive/lookup.h"
#include "archive/settle.h"
#include "archive/store.h"
#include "archive_help.h"
#include "base/clock.h"
#include "dicom/appendix.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

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
	if (settle_notice(a, NULL, NULL, &e) < 0 || settle_lease(a, &any, HOUR, &j, &e) != 1)
		fail_msg("no job: %s", e.msg);
	return j;
}

static bool no_job(struct archive *a)
{
	struct settle_job j;
	struct err e = {0};
	assert_true(settle_notice(a, NULL, NULL, &e) >= 0);
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

/* ---- the rest of its life */

static struct object o[6];

static int setup_series(void **state)
{
	int rc = setup(state);
	for (unsigned i = 0; i < 6; i++)
		o[i] = make_object("P1", 1, i + 1, i == 2 ? 3 << 20 : 9000 + 50000 * i, i);
	return rc;
}

static int teardown_series(void **state)
{
	for (unsigned i = 0; i < 6; i++)
		buf_cleanup(&o[i].data);
	return teardown(state);
}

static void decide_on(struct archive *a, enum decision_kind what, const struct object *one)
{
	struct decision d = {.what = what, .study = STUDY, .who = "tester", .why = "a test"};
	struct decision_result done;
	struct err e = {0};
	if (one) {
		snprintf(d.series, sizeof d.series, SERIES);
		snprintf(d.sop_instance, sizeof d.sop_instance, "%s", one->sop);
	}
	if (decide(a, &d, &done, &e) < 0)
		fail_msg("%s: %s", decision_name(what), e.msg);
	assert_int_equal(done.left, 0);
}

static uint64_t pack_blocks(void)
{
	char command[200];
	unsigned long long n = 0;
	snprintf(command, sizeof command, "du -s -B1 %s/packs", folder);
	FILE *f = popen(command, "r");
	assert_int_equal(fscanf(f, "%llu", &n), 1);
	pclose(f);
	return n;
}

static int64_t reclaim(struct archive *a)
{
	struct err e = {0};
	int64_t n = settle_reclaim(a, -1000000, NULL, NULL, &e);
	if (n < 0)
		fail_msg("reclaim: %s", e.msg);
	return n;
}

static void rebuild_index(struct archive **a)
{
	struct err e = {0};
	struct check_report r;
	struct check_ops ops = {.fault = print_fault};
	if (check_reindex(*a, false, &ops, &r, &e) < 0)
		fail_msg("reindex: %s", e.msg);
	assert_int_equal(r.faults, 0);
	archive_close(*a);
	*a = open_archive();
}

static void what_it_stood_for_is_given_back(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct settle_status st;
	struct err e = {0};
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	settle(a, PUT);
	uint64_t before = pack_blocks();
	assert_int_equal(settle_reclaim(a, HOUR, NULL, NULL, &e), 0);
	assert_int_equal(settle_status(a, &st, &e), 0);
	assert_int_equal(st.done, 1);
	assert_true(st.reclaimable > 3 << 20);
	int64_t n = reclaim(a);
	assert_int_equal(n, st.reclaimable);
	assert_true(pack_blocks() + (3 << 20) < before);
	assert_int_equal(reclaim(a), 0);
	assert_int_equal(settle_status(a, &st, &e), 0);
	assert_int_equal(st.reclaimable, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	assert_clean(a);
	rebuild_index(&a);
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	extra_is(a, "metadata of it");
	assert_int_equal(settle_status(a, &st, &e), 0); /* before anybody looked at what is new */
	assert_int_equal(st.done, 1);
	assert_int_equal(st.waiting, 0);
	assert_true(st.received > st.kept && st.kept > 0);
	assert_true(no_job(a));
	assert_clean(a);
	archive_close(a);
}

/* Late instances join; what is dropped comes back from where it was settled; old settled packs go. */
static void a_long_life(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	settle(a, PUT);
	uint64_t first = look_up(a, &o[0]).pack;
	reclaim(a);
	store(a, &o[3]);
	extra_is(a, NULL);
	settle(a, PUT);
	assert_int_not_equal(look_up(a, &o[0]).pack, first);
	assert_clean(a);
	reclaim(a);
	assert_int_equal(a->packs->ops->size(a->packs, first, NULL), -E_NOENT);
	for (unsigned i = 0; i < 4; i++)
		assert_put(a, &o[i]);
	assert_clean(a);

	decide_on(a, DECIDE_DROP, &o[1]);
	extra_is(a, NULL);
	assert_clean(a);
	store(a, &o[4]);
	settle(a, KEEP);
	reclaim(a);
	assert_clean(a);
	extra_is(a, "metadata of it");
	decide_on(a, DECIDE_RESTORE, &o[1]);
	assert_put(a, &o[1]);
	assert_clean(a);
	extra_is(a, NULL);
	settle(a, KEEP);
	reclaim(a);
	assert_put(a, &o[1]);
	extra_is(a, "metadata of it");

	decide_on(a, DECIDE_DROP, NULL);
	assert_true(no_job(a));
	assert_clean(a);
	rebuild_index(&a);
	assert_clean(a);
	decide_on(a, DECIDE_RESTORE, NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_put(a, &o[i]);
	assert_there(a, &o[4]);
	assert_clean(a);
	rebuild_index(&a);
	for (unsigned i = 0; i < 4; i++)
		assert_put(a, &o[i]);
	assert_clean(a);
	archive_close(a);
}

/* Decisions that were made before it was settled are replayed with what is left. */
static void decided_before(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	decide_on(a, DECIDE_DROP, &o[0]);
	decide_on(a, DECIDE_RESTORE, &o[0]);
	settle(a, PUT);
	assert_clean(a);
	reclaim(a);
	assert_clean(a);
	rebuild_index(&a);
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	archive_close(a);
}

static void nothing_is_given_back_while_packs_are_copied(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	int fd = -1;
	store(a, &o[0]);
	settle(a, PUT);
	assert_int_equal(packs_hold(a, false, &fd, NULL), 0);
	assert_int_equal(reclaim(a), 0);
	close(fd);
	assert_true(reclaim(a) > 0);
	archive_close(a);
}

/* The settled record is damaged: what it stands for stays. */
static void nothing_goes_for_what_is_damaged(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	char path[200], name[40];
	store(a, &o[0]);
	settle(a, PUT);
	struct stored s = look_up(a, &o[0]);
	snprintf(path, sizeof path, "%s/packs/%s", folder, blob_fs_name(s.pack, name));
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, (off_t)(s.appendix_at + 3)), 1);
	close(fd);
	assert_int_equal(reclaim(a), 0);
	struct check_report r;
	struct check_ops ops = {0};
	struct err e = {0};
	assert_int_equal(check_fsck(a, &ops, &r, &e), 0);
	assert_int_equal(r.faults, 1);
	archive_close(a);
}

/* Whoever looked an instance up before it was moved. */
static void readers_from_before(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct err e = {0};
	uint8_t byte[16];
	uint64_t total, at;
	struct selection *sel;
	AUTO(dset) keys = NULL;
	int fd;
	for (unsigned i = 0; i < 2; i++)
		store(a, &o[i]);
	struct stored before = look_up(a, &o[0]);
	dset_new(&keys, NULL);
	dset_put_text(keys, TAG(0x20, 0xd), STUDY, NULL);
	struct query q = {.level = LEVEL_STUDY, .keys = keys, .scope = &everything};
	assert_int_equal(select_open(a, &q, &sel, &total, &e), 0);
	struct stored s;
	assert_int_equal(select_next(sel, &s, &e), 1);
	settle(a, KEEP);
	assert_true(reclaim(a) > 0);
	/* the same bytes elsewhere */
	assert_int_equal(stored_read(a, &before, before.head_len, byte, 16, &e), 16);
	assert_memory_equal(byte, o[0].data.data, 16);
	assert_int_equal(stored_descriptor(a, &before, &fd, &at, &e), 0);
	assert_int_equal(pread(fd, byte, 16, (off_t)(at + before.head_len)), 16);
	assert_memory_equal(byte, o[0].data.data, 16);
	close(fd);
	assert_int_equal(select_next(sel, &s, &e), 1);
	assert_true(s.settled);
	select_close(sel);
	before = look_up(a, &o[0]);
	store(a, &o[3]);
	struct settle_job j = lease(a);
	struct settle_pack *p;
	bool settled;
	assert_int_equal(settle_begin(a, &j, &p, &e), 0);
	while (settle_next(p, &s, &settled, &e) > 0) { /* all of it in another form */
		uint64_t size;
		fd = other_form(a, &s, &size);
		assert_int_equal(settle_put(p, &s, OTHER_SYNTAX, fd, size, s.head_len, NULL, 0, &e), 0);
		close(fd);
	}
	assert_int_equal(settle_commit(p, &e), 0);
	assert_true(reclaim(a) > 0);
	assert_int_equal(stored_read(a, &before, 0, byte, 16, &e), -E_BUSY);
	assert_clean(a);
	archive_close(a);
}

static uint64_t series_waiting(struct archive *a)
{
	struct settle_status all, queue;
	struct err e = {0};
	assert_true(settle_notice(a, NULL, NULL, &e) >= 0);
	assert_int_equal(settle_status(a, &all, &e), 0);
	assert_int_equal(settle_queue(a, &queue, &e), 0);
	assert_int_equal(queue.waiting, all.waiting);
	assert_int_equal(queue.failed, all.failed);
	assert_int_equal(queue.reclaimable, all.reclaimable);
	return all.waiting;
}

/* A job goes with its series, and comes with it. */
static void jobs_of_what_was_dropped(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct decision discard = {.what = DECIDE_DISCARD, .who = "tester", .why = "a test"};
	struct decision_result done;
	struct err e = {0};
	store(a, &o[0]);
	assert_int_equal(series_waiting(a), 1);
	decide_on(a, DECIDE_DROP, NULL);
	assert_int_equal(series_waiting(a), 0);
	decide_on(a, DECIDE_RESTORE, NULL);
	assert_int_equal(series_waiting(a), 1);
	decide_on(a, DECIDE_DROP, NULL); /* and nothing in quarantine tells of it any more */
	for (bool gone = false; !gone && discard.number < 9; gone = done.done) {
		discard.number++;
		assert_int_equal(decide(a, &discard, &done, &e), 0);
	}
	assert_true(done.done);
	assert_int_equal(series_waiting(a), 0);
	archive_close(a);
}

static bool not_now(void *arg)
{
	++*(unsigned *)arg;
	return false;
}

static void noticing_may_be_ended(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct settle_status st;
	unsigned asked = 0;
	struct err e = {0};
	store(a, &o[0]);
	assert_int_equal(settle_notice(a, not_now, &asked, &e), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(settle_queue(a, &st, &e), 0);
	assert_int_equal(st.waiting, 0);
	assert_int_equal(settle_notice(a, NULL, NULL, &e), 1); /* and goes on where it ended */
	assert_int_equal(settle_status(a, &st, &e), 0);
	assert_int_equal(st.waiting, 1);
	archive_close(a);
}

static void leases(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct settle_job j, other;
	struct settle_pack *p;
	struct settle_want now = {.now = true};
	struct err e = {0};
	store(a, &o[0]);
	j = lease(a);
	assert_int_equal(j.instances, 1);
	assert_int_equal(j.waiting, 1);
	assert_string_equal(j.site, "COUNTY");
	assert_string_equal(j.modality, "CT");
	assert_int_equal(settle_lease(a, &now, HOUR, &other, &e), 0); /* somebody has it */
	assert_int_equal(settle_renew(a, &j, HOUR, &e), 0);
	assert_int_equal(settle_fail(a, &j, "no good", clock_wall_us() + HOUR, &e), 0);
	assert_int_equal(settle_renew(a, &j, HOUR, &e), -E_CANCEL);
	assert_true(no_job(a));
	assert_int_equal(settle_lease(a, &now, HOUR, &other, &e), 1);
	assert_int_equal(other.tries, 1);
	assert_string_equal(other.why, "no good");
	assert_int_equal(settle_fail(a, &other, "given up", 0, &e), 0);
	assert_true(no_job(a));
	store(a, &o[1]); /* something else: it is tried again */
	j = lease(a);
	assert_int_equal(j.tries, 0);
	archive_close(a);
	a = open_archive(); /* a lease of a process that has ended is none */
	other = lease(a);
	assert_int_equal(other.id, j.id);
	assert_int_equal(settle_begin(a, &j, &p, &e), 0);
	write_all(a, p, KEEP);
	assert_int_equal(settle_commit(p, &e), -E_CANCEL);
	assert_false(look_up(a, &o[0]).settled);
	assert_int_equal(settle_begin(a, &other, &p, &e), 0);
	assert_int_equal(settle_commit(p, &e), -E_CANCEL); /* none was asked for */
	assert_int_equal(settle_begin(a, &other, &p, &e), 0);
	write_all(a, p, KEEP);
	assert_int_equal(settle_commit(p, &e), 0);
	assert_true(look_up(a, &o[0]).settled);
	assert_clean(a);
	archive_close(a);
}

static void back_up(struct archive *a)
{
	char to[100];
	struct backup_report r;
	struct check_ops ops = {.fault = print_fault};
	struct err e = {0};
	snprintf(to, sizeof to, "%s.backup", folder);
	struct backup_options options = {.to = to, .version = "test", .verify = true};
	if (backup_run(a, &options, &ops, &r, &e) < 0)
		fail_msg("backup: %s", e.msg);
	assert_int_equal(r.faults, 0);
}

/* A copy of the backup, served. */
static struct archive *open_backup(void)
{
	struct archive *a;
	struct err e = {0};
	char command[200], path[100];
	snprintf(command, sizeof command, "rm -rf %s.copy; cp -a %s.backup %s.copy", folder, folder, folder);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof path, "%s.copy", folder);
	config_set(&config, "node.data", path, NULL);
	if (archive_open(&config, ARCHIVE_SERVE, &a, &e) < 0)
		fail_msg("%s", e.msg);
	config_set(&config, "node.data", folder, NULL);
	return a;
}

static void remove_backup(void)
{
	char command[200];
	snprintf(command, sizeof command, "rm -rf %s.copy %s.backup", folder, folder);
	assert_int_equal(system(command), 0);
}

static void backups(void **state)
{
	(void)state;
	struct archive *a = open_archive(), *b;
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	back_up(a);
	settle(a, PUT);
	back_up(a);
	b = open_backup();
	for (unsigned i = 0; i < 3; i++)
		assert_put(b, &o[i]);
	assert_clean(b);
	archive_close(b);
	reclaim(a);
	back_up(a);
	store(a, &o[3]);
	settle(a, PUT);
	reclaim(a);
	decide_on(a, DECIDE_DROP, &o[1]);
	back_up(a);
	b = open_backup();
	decide_on(b, DECIDE_RESTORE, &o[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_put(b, &o[i]);
	assert_clean(b);
	rebuild_index(&a);
	archive_close(b);
	archive_close(a);
	remove_backup();
}

/* Something goes away while the pack is written. */
static void a_series_that_changes(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct settle_pack *p;
	struct err e = {0};
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	struct settle_job j = lease(a);
	assert_int_equal(settle_begin(a, &j, &p, &e), 0);
	decide_on(a, DECIDE_DROP, &o[1]);
	write_all(a, p, PUT);
	assert_int_equal(settle_commit(p, &e), -E_CANCEL);
	assert_clean(a);
	assert_int_equal(settle_begin(a, &j, &p, &e), 0);
	write_all(a, p, PUT);
	decide_on(a, DECIDE_DROP, &o[0]); /* between the last instance and the end: settled in the bin */
	store(a, &o[3]);
	assert_int_equal(settle_commit(p, &e), 0);
	assert_clean(a);
	reclaim(a);
	decide_on(a, DECIDE_RESTORE, &o[0]);
	assert_put(a, &o[0]);
	assert_there(a, &o[3]);
	assert_false(no_job(a));
	assert_clean(a);
	archive_close(a);
}

/* The settled head says something else than the received one; its recipe knows: what is found stays the same. */
static void put_with_a_recipe(struct archive *a, struct settle_pack *p, const struct stored *s)
{
	static const char name[] = "DEMO^ONE", other[] = "DEMO^TWO";
	AUTO(appendix_writer) w = NULL;
	AUTO(buf) appendix = BUF(1 << 20);
	const struct appendix about = {.pixels = {.rows = 1, .columns = 1, .samples = 1, .photometric = "MONOCHROME2"}};
	struct err e = {0};
	uint8_t *bytes = malloc(s->part10_len);
	uint64_t at = 0, from;
	FILE *f = tmpfile();
	assert_int_equal(stored_read(a, s, 0, bytes, s->part10_len, &e), s->part10_len);
	while (memcmp(bytes + at, name, 8) != 0)
		at++;
	memcpy(bytes + at, other, 8);
	from = at - s->head_len;
	assert_int_equal(fwrite(bytes, 1, s->part10_len, f), s->part10_len);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(appendix_new(0, &w, &e), 0);
	assert_int_equal(appendix_recipe(w, RECIPE_SETTLED, 0, from, NULL, &e), 0);
	assert_int_equal(appendix_recipe(w, RECIPE_BYTES, 0, 8, name, &e), 0);
	assert_int_equal(appendix_recipe(w, RECIPE_SETTLED, from + 8, s->part10_len - s->head_len - from - 8, NULL, &e),
			 0);
	if (appendix_end(w, &about, &appendix, &e) < 0 || settle_put(p, s, UID_EXPLICIT_LE, fileno(f), s->part10_len,
								     s->head_len, appendix.data, appendix.len, &e) < 0)
		fail_msg("%s", e.msg);
	fclose(f);
	free(bytes);
}

static void what_was_received_is_found(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct settle_pack *p;
	struct stored s;
	struct err e = {0};
	bool settled;
	for (unsigned i = 0; i < 2; i++)
		store(a, &o[i]);
	struct settle_job j = lease(a);
	assert_int_equal(settle_begin(a, &j, &p, &e), 0);
	while (settle_next(p, &s, &settled, &e) > 0)
		put_with_a_recipe(a, p, &s);
	assert_int_equal(settle_commit(p, &e), 0);
	assert_true(reclaim(a) > 0);
	assert_clean(a);
	decide_on(a, DECIDE_DROP, &o[0]); /* the other one speaks for the series now */
	assert_clean(a);
	decide_on(a, DECIDE_RESTORE, &o[0]);
	assert_clean(a);
	rebuild_index(&a);
	assert_clean(a);
	archive_close(a);
}

/* The header of a settled pack is damaged: its records speak for themselves. */
static void a_damaged_header(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	char path[200], name[40];
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	settle(a, PUT);
	reclaim(a);
	struct stored s = look_up(a, &o[0]);
	snprintf(path, sizeof path, "%s/packs/%s", folder, blob_fs_name(s.pack, name));
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 0), 1);
	close(fd);
	rebuild_index(&a);
	for (unsigned i = 0; i < 3; i++)
		assert_put(a, &o[i]);
	archive_close(a);
}

#ifdef TELEREAD_FAULTS
/* A backup that is cut short leaves the earlier one whole, though the archive gave back what that one needs. */
static void backups_cut_short(void **state)
{
	(void)state;
	static const char *const points[] = {"backup-index:1", "backup-pack:1",  "backup-pack:2",
					     "backup-pack:3",  "backup-place:1", "backup-placed:1"};
	struct archive *a = open_archive(), *b;
	for (unsigned i = 0; i < 3; i++)
		store(a, &o[i]);
	back_up(a);
	settle(a, PUT);
	reclaim(a);
	archive_close(a);
	for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
		int status;
		pid_t child = fork();
		if (child == 0) {
			a = open_archive();
			setenv("TELEREAD_FAULT_POINT", points[i], 1);
			back_up(a);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		b = open_backup();
		for (unsigned k = 0; k < 3; k++) {
			if (look_up(b, &o[k]).settled)
				assert_put(b, &o[k]);
			else
				assert_there(b, &o[k]);
		}
		assert_clean(b);
		archive_close(b);
	}
	a = open_archive();
	back_up(a);
	b = open_backup();
	for (unsigned k = 0; k < 3; k++)
		assert_put(b, &o[k]);
	assert_clean(b);
	archive_close(b);
	archive_close(a);
	remove_backup();
}

/* The process is killed at each point; the next one finds every instance, as it came or settled, and the packs agree. */
static void killed_anywhere(void **state)
{
	(void)state;
	static const char *const points[] = {"settle-written:1",  "settle-sealed:1",   "event-write:1",
					     "after-sync:1",      "before-commit:1",   "settle-committed:1",
					     "reclaim-void:1",    "reclaim-bytes:1",   "reclaim-headers:1",
					     "reclaim-removed:1", "reclaim-removed:2", "reclaim-rows:1"};
	for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
		struct archive *a = open_archive();
		for (unsigned k = 0; k < 3; k++)
			store(a, &o[k]);
		archive_close(a);
		pid_t child = fork();
		if (child == 0) {
			a = open_archive();
			setenv("TELEREAD_FAULT_POINT", points[i], 1);
			settle(a, PUT);
			reclaim(a);
			store(a, &o[3]);
			settle(a, PUT); /* for packs of an earlier settling */
			reclaim(a);
			_exit(0);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status))
			fail_msg("%s was not passed", points[i]);
		a = open_archive();
		for (unsigned k = 0; k < 3; k++) {
			struct stored s = look_up(a, &o[k]);
			if (s.settled)
				assert_put(a, &o[k]);
			else
				assert_there(a, &o[k]);
		}
		assert_clean(a);
		if (!no_job(a)) {
			struct settle_job j;
			struct settle_pack *p;
			struct err e = {0};
			struct settle_want again = {.now = true};
			archive_close(a); /* the lease that no_job() took */
			a = open_archive();
			assert_int_equal(settle_lease(a, &again, HOUR, &j, &e), 1);
			assert_int_equal(settle_begin(a, &j, &p, &e), 0);
			write_all(a, p, PUT);
			assert_int_equal(settle_commit(p, &e), 0);
		}
		reclaim(a);
		for (unsigned k = 0; k < 3; k++)
			assert_put(a, &o[k]);
		assert_clean(a);
		rebuild_index(&a);
		for (unsigned k = 0; k < 3; k++)
			assert_put(a, &o[k]);
		archive_close(a);
		char command[100];
		snprintf(command, sizeof command, "rm -rf %s/*", folder);
		assert_int_equal(system(command), 0);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(kept_as_it_is, setup, teardown),
	    cmocka_unit_test_setup_teardown(put_in_another_form, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_it_stood_for_is_given_back, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(a_long_life, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(decided_before, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(nothing_is_given_back_while_packs_are_copied, setup_series,
					    teardown_series),
	    cmocka_unit_test_setup_teardown(nothing_goes_for_what_is_damaged, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(readers_from_before, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(jobs_of_what_was_dropped, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(noticing_may_be_ended, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(leases, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(a_series_that_changes, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(what_was_received_is_found, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(a_damaged_header, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(backups, setup_series, teardown_series),
#ifdef TELEREAD_FAULTS
	    cmocka_unit_test_setup_teardown(backups_cut_short, setup_series, teardown_series),
	    cmocka_unit_test_setup_teardown(killed_anywhere, setup_series, teardown_series),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
