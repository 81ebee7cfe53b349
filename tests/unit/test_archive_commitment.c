/* Storage commitment as rows: what was asked is known again, what was found stays found, what failed comes later. */
#include "archive/commitment.h"
#include "archive/intake.h"
#include "archive/registry.h"
#include "base/clock.h"
#include "dicom/dict.h"
#include "dicom/dset.h"
#include "shim/shim.h"
#include "tests/unit/folder.h"

#include <stdbool.h>
#include <string.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"
#define OURS "1.2.826.0.1.1.1.1"
#define THEIRS "1.2.826.0.1.2.1.1"

static struct config config;
static const _Atomic bool go_on = false;

static struct archive *open_archive(void **state)
{
	struct folder *f = *state;
	struct archive *a;
	struct err e = {0};

	assert_int_equal(config_default(&config, NULL), 0);
	config_set(&config, "node.data", f->path, NULL);
	config_set(&config, "archive.reserve", "1M", NULL);
	config_set(&config, "archive.prewrite", "0", NULL);
	if (archive_open(&config, ARCHIVE_SERVE, &a, &e) < 0)
		fail_msg("archive_open: %s", e.msg);
	site_add(a, &(struct site){.code = "OURS", .name = "Ours"}, NULL); /* there already after the first time */
	site_add(a, &(struct site){.code = "THEIRS", .name = "Theirs"}, NULL);
	return a;
}

static void close_archive(struct archive *a)
{
	archive_close(a);
	config_cleanup(&config);
}

static int64_t site_id(struct archive *a, const char *code)
{
	struct site site;

	assert_int_equal(site_get(a, code, &site, NULL), 0);
	return site.id;
}

static void store(struct archive *a, const char *code, const char *instance)
{
	struct intake_source src = {.site = site_id(a, code), .site_code = code, .aet = "CT1", .door = "test"};
	AUTO(buf) data = BUF(1 << 20);
	AUTO(dset) d = NULL;
	struct intake_result result;
	struct intake *in;
	char uid[65];

	assert_int_equal(dset_new(&d, NULL), 0);
	dset_put_text(d, TAG(8, 0x16), CT, NULL);
	dset_put_text(d, TAG(8, 0x18), instance, NULL);
	dset_put_text(d, TAG(0x10, 0x20), code, NULL);
	snprintf(uid, sizeof uid, "%.*s", (int)strlen(instance) - 4, instance);
	dset_put_text(d, TAG(0x20, 0xd), uid, NULL);
	snprintf(uid, sizeof uid, "%.*s", (int)strlen(instance) - 2, instance);
	dset_put_text(d, TAG(0x20, 0xe), uid, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &data, NULL), 0);
	assert_int_equal(intake_begin(a, &src, UID_EXPLICIT_LE, CT, instance, &in, NULL), 0);
	assert_int_equal(intake_write(in, data.data, data.len, NULL), 0);
	assert_int_equal(intake_finish(in, &result, NULL), 0);
	assert_int_equal(result.outcome, INTAKE_STORED);
}

/* A request of OURS that is about nothing so far. */
static struct commitment request(struct archive *a, const char *aet, const char *transaction)
{
	struct commitment c = COMMITMENT;

	c.site = site_id(a, "OURS");
	snprintf(c.aet, sizeof c.aet, "%s", aet);
	snprintf(c.transaction, sizeof c.transaction, "%s", transaction);
	return c;
}

/* Asked about an instance; the result of commitment_ask(), and its id. */
static int ask(struct archive *a, const char *aet, const char *transaction, const char *instance, int64_t *id)
{
	AUTO(commitment) c = request(a, aet, transaction);
	int rc;

	assert_int_equal(commitment_add(&c, CT, instance, NULL), 0);
	rc = commitment_ask(a, &c, NULL);
	if (id)
		*id = c.id;
	return rc;
}

static void verify(struct archive *a, int64_t id)
{
	AUTO(commitment) c = COMMITMENT;

	assert_int_equal(commitment_load(a, id, &c, NULL), 0);
	assert_int_equal(commitment_verify(a, &c, &go_on, NULL), 0);
}

static void note(struct archive *a, int64_t id, enum commitment_state now, int64_t due_us, const char *why)
{
	AUTO(commitment) c = COMMITMENT;

	assert_int_equal(commitment_load(a, id, &c, NULL), 0);
	c.state = now;
	c.due_us = due_us;
	snprintf(c.why, sizeof c.why, "%s", why);
	assert_int_equal(commitment_note(a, &c, NULL), 0);
}

struct due {
	int64_t ids[8], due_us[8];
	unsigned n;
};

static int see_due(void *arg, const struct commitment *c)
{
	struct due *d = arg;

	assert_true(d->n < 8);
	d->ids[d->n] = c->id;
	d->due_us[d->n++] = c->due_us;
	return 0;
}

static struct due due(struct archive *a, enum commitment_state state)
{
	struct due d = {0};

	assert_int_equal(commitment_due(a, state, see_due, &d, NULL), 0);
	return d;
}

static void the_same_is_known_again(void **state)
{
	/* trap 23: idempotent by Transaction UID, for each site and title */
	struct archive *a = open_archive(state);
	AUTO(commitment) c = COMMITMENT;
	struct commitment_item item;
	int64_t first, again, other;
	size_t at = 0;

	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", &first), 0);
	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", &again), 1);
	assert_int_equal(first, again);
	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.4", NULL), -E_CONFLICT);
	assert_int_equal(ask(a, "CT2", "2.25.1", "1.2.4", &other), 0); /* another peer's is its own */
	assert_int_not_equal(first, other);
	close_archive(a);

	a = open_archive(state);
	assert_int_equal(commitment_load(a, first, &c, NULL), 0);
	assert_int_equal(c.state, COMMITMENT_ASKED);
	assert_string_equal(c.transaction, "2.25.1");
	assert_true(commitment_item(&c, &at, &item));
	assert_string_equal(item.sop_class, CT);
	assert_string_equal(item.sop_instance, "1.2.3");
	assert_false(commitment_item(&c, &at, &item));
	assert_int_equal(commitment_load(a, 999, &c, NULL), -E_NOENT);
	close_archive(a);
}

static void each_instance_has_its_verdict(void **state)
{
	/* trap 23: another site's instance is as unknown as one that is not there, whatever class is asked for */
	static const struct {
		const char *sop_class, *instance;
		uint16_t verdict;
	} asked[] = {{CT, OURS, COMMITMENT_KEPT},
		     {MR, OURS, COMMITMENT_CONFLICT},
		     {CT, THEIRS, COMMITMENT_UNKNOWN},
		     {MR, THEIRS, COMMITMENT_UNKNOWN},
		     {CT, "1.2.3", COMMITMENT_UNKNOWN}};
	struct archive *a = open_archive(state);
	AUTO(commitment) c = request(a, "CT1", "2.25.1");
	AUTO(commitment) kept = COMMITMENT;
	AUTO(commitment) again = request(a, "CT1", "2.25.1");
	struct commitment_item item;
	size_t at = 0;

	store(a, "OURS", OURS);
	store(a, "THEIRS", THEIRS);
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		assert_int_equal(commitment_add(&c, asked[i].sop_class, asked[i].instance, NULL), 0);
		assert_int_equal(commitment_add(&again, asked[i].sop_class, asked[i].instance, NULL), 0);
	}
	assert_int_equal(commitment_ask(a, &c, NULL), 0);
	assert_int_equal(commitment_verify(a, &c, &go_on, NULL), 0);
	assert_int_equal(commitment_load(a, c.id, &kept, NULL), 0);
	assert_int_equal(kept.state, COMMITMENT_VERIFIED);
	assert_int_equal(kept.failed, 4);
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		assert_true(commitment_item(&kept, &at, &item));
		assert_int_equal(item.verdict, asked[i].verdict);
	}
	assert_int_equal(commitment_ask(a, &again, NULL), 1);
	assert_int_equal(again.state, COMMITMENT_VERIFIED);
	close_archive(a);
}

static void a_stop_keeps_nothing(void **state)
{
	static const _Atomic bool stop = true;
	struct archive *a = open_archive(state);
	AUTO(commitment) c = COMMITMENT;
	int64_t id;

	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", &id), 0);
	assert_int_equal(commitment_load(a, id, &c, NULL), 0);
	assert_int_equal(commitment_verify(a, &c, &stop, NULL), -E_CANCEL);
	assert_int_equal(due(a, COMMITMENT_ASKED).n, 1);
	assert_int_equal(due(a, COMMITMENT_VERIFIED).n, 0);
	close_archive(a);
}

static void what_fails_comes_later(void **state)
{
	struct archive *a = open_archive(state);
	int64_t one, two, three, late = clock_wall_us() + 3600 * 1000000LL;
	struct due d;

	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", &one), 0);
	assert_int_equal(ask(a, "CT1", "2.25.2", "1.2.3", &two), 0);
	assert_int_equal(ask(a, "CT2", "2.25.3", "1.2.3", &three), 0);
	d = due(a, COMMITMENT_ASKED);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.ids[0], one);
	assert_int_equal(commitment_later(a, one, late, NULL), 0); /* it stands behind the others, and stays asked */
	d = due(a, COMMITMENT_ASKED);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.ids[0], two);
	assert_int_equal(d.ids[2], one);
	assert_int_equal(d.due_us[2], late);

	verify(a, one);
	verify(a, two);
	verify(a, three);
	note(a, two, COMMITMENT_VERIFIED, late, "nobody there"); /* and so for all of that peer */
	d = due(a, COMMITMENT_VERIFIED);
	assert_int_equal(d.n, 3);
	assert_int_equal(d.ids[0], three);
	assert_int_equal(d.due_us[1], late);
	assert_int_equal(d.due_us[2], late);
	close_archive(a);
}

static void asked_again_is_told_again(void **state)
{
	struct archive *a = open_archive(state);
	AUTO(commitment) old = COMMITMENT;
	AUTO(commitment) c = COMMITMENT;
	int64_t id;

	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", &id), 0);
	verify(a, id);
	assert_int_equal(commitment_load(a, id, &old, NULL), 0);
	usleep(1000);
	assert_int_equal(ask(a, "CT1", "2.25.1", "1.2.3", NULL), 1);
	old.state = COMMITMENT_TOLD; /* by one who loaded it before: it is to be told once more */
	assert_int_equal(commitment_note(a, &old, NULL), 0);
	assert_int_equal(commitment_load(a, id, &c, NULL), 0);
	assert_int_equal(c.state, COMMITMENT_VERIFIED);

	note(a, id, COMMITMENT_TOLD, 0, "");
	assert_int_equal(due(a, COMMITMENT_VERIFIED).n, 0);
	assert_int_equal(commitment_purge(a, 1, NULL), 0);
	assert_int_equal(commitment_purge(a, clock_wall_us() + 1000000, NULL), 1);
	assert_int_equal(commitment_load(a, id, &c, NULL), -E_NOENT);
	close_archive(a);
}

static void there_is_a_most(void **state)
{
	struct archive *a = open_archive(state);
	AUTO(commitment) c = COMMITMENT;
	char transaction[65];
	int64_t id = 0;

	for (unsigned i = 0; i < COMMITMENT_ITEMS; i++)
		assert_int_equal(commitment_add(&c, CT, "1.2.3", NULL), 0);
	assert_int_equal(commitment_add(&c, CT, "1.2.3", NULL), -E_LIMIT);
	for (unsigned i = 0; i < COMMITMENT_WAITING; i++) {
		snprintf(transaction, sizeof transaction, "2.25.%u", i + 1);
		assert_int_equal(ask(a, "CT1", transaction, "1.2.3", &id), 0);
	}
	assert_int_equal(ask(a, "CT1", "2.25.0", "1.2.3", NULL), -E_LIMIT);
	assert_int_equal(ask(a, "CT1", transaction, "1.2.3", NULL), 1); /* no more than before */
	assert_int_equal(ask(a, "CT2", "2.25.0", "1.2.3", NULL), 0);
	note(a, id, COMMITMENT_TOLD, 0, "");
	assert_int_equal(ask(a, "CT1", "2.25.0", "1.2.3", NULL), 0);
	close_archive(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(the_same_is_known_again),   folder_test(each_instance_has_its_verdict),
	    folder_test(a_stop_keeps_nothing),      folder_test(what_fails_comes_later),
	    folder_test(asked_again_is_told_again), folder_test(there_is_a_most),
	};

	return shim_setup() < 0 || dict_setup(NULL) < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
