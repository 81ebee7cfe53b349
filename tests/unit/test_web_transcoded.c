/* Instances in another transfer syntax: frames where they should be, made once, kept within bounds. */
#include "archive_help.h"
#include "imaging/transcode.h"
#include "web/transcoded.h"
#include <fcntl.h>
#include <pthread.h>

#define SIDE 48u

/* Frames of 16 bits; a sample says of which frame it is, and where it lies. */
static struct object make_frames(unsigned n, unsigned frames)
{
	struct object o = {.data = BUF(64 << 20)};
	AUTO(dset) d = NULL;
	size_t bytes = (size_t)SIDE * SIDE * 2 * frames;
	char count[12];

	assert_int_equal(dset_new(&d, NULL), 0);
	snprintf(o.sop, sizeof o.sop, "1.2.826.0.2.%u", n);
	snprintf(count, sizeof count, "%u", frames);
	dset_put_text(d, TAG(8, 0x16), CT, NULL);
	dset_put_text(d, TAG(8, 0x18), o.sop, NULL);
	dset_put_text(d, TAG(0x10, 0x20), "P1", NULL);
	dset_put_text(d, TAG(0x20, 0xd), "1.2.826.0.2", NULL);
	dset_put_text(d, TAG(0x20, 0xe), "1.2.826.0.2.1", NULL);
	dset_put_int(d, TAG(0x28, 2), 1, NULL);
	dset_put_text(d, TAG(0x28, 4), "MONOCHROME2", NULL);
	dset_put_text(d, TAG(0x28, 8), count, NULL);
	dset_put_int(d, TAG(0x28, 0x10), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x11), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x100), 16, NULL);
	dset_put_int(d, TAG(0x28, 0x101), 16, NULL);
	dset_put_int(d, TAG(0x28, 0x102), 15, NULL);
	dset_put_int(d, TAG(0x28, 0x103), 0, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &o.data, NULL), 0);
	uint8_t head[12] = {
	    0xe0, 0x7f, 0x10, 0, 'O', 'W', 0, 0, (uint8_t)bytes, (uint8_t)(bytes >> 8), (uint8_t)(bytes >> 16)};
	buf_put(&o.data, head, sizeof head, NULL);
	for (unsigned f = 0; f < frames; f++)
		for (unsigned i = 0; i < SIDE * SIDE; i++) {
			uint8_t sample[2] = {(uint8_t)(f * 7 + i), (uint8_t)(f + 1)};
			assert_int_equal(buf_put(&o.data, sample, 2, NULL), 0);
		}
	return o;
}

static void where_is(struct archive *a, const char *sop, struct stored *out)
{
	AUTO(dset) keys = NULL;
	struct selection *s;
	struct scope all = scope_everything("test");
	uint64_t total;

	dset_new(&keys, NULL);
	dset_put_text(keys, TAG(8, 0x18), sop, NULL);
	struct query q = {.level = LEVEL_IMAGE, .relational = true, .keys = keys, .scope = &all};
	assert_int_equal(select_open(a, &q, &s, &total, NULL), 0);
	assert_int_equal(select_next(s, out, NULL), 1);
	select_close(s);
}

static struct archive *filled(struct stored *out, unsigned n, unsigned frames)
{
	struct archive *a = open_archive();
	struct object o = make_frames(n, frames);
	struct intake_result r;
	struct err e = {0};

	if (take_in(a, &o, &r, &e) < 0)
		fail_msg("intake: %s", e.msg);
	where_is(a, o.sop, out);
	buf_cleanup(&o.data);
	return a;
}

static void assert_frame(const struct derived *t, uint64_t frame, int swapped)
{
	uint64_t at, n, size, head;
	uint8_t got[SIDE * SIDE * 2];
	int fd = transcoded_file(t, &size, &head);

	struct err e = {0};
	struct transcoded_pixels p;
	if (transcoded_pixels(t, &p, &e) < 0)
		fail_msg("%s", e.msg);
	n = p.frame_bits / 8;
	at = p.at + frame * n;
	assert_true((frame + 1) * n <= p.n);
	assert_int_equal(n, sizeof got);
	assert_true(head > 132 && at > head && at + n <= size);
	assert_int_equal(pread(fd, got, sizeof got, (off_t)at), sizeof got);
	for (unsigned i = 0; i < SIDE * SIDE; i++) {
		assert_int_equal(got[2 * i + !swapped], frame + 1);
		assert_int_equal(got[2 * i + swapped], (uint8_t)(frame * 7 + i));
	}
}

static void frames_lie_where_it_says(void **state)
{
	struct stored s;
	struct archive *a = filled(&s, 1, 5);
	struct derived *t;
	struct transcoded_pixels p;
	struct err e = {0};
	(void)state;

	assert_int_equal(transcoded_open(a, &s, UID_IMPLICIT_LE, &t, &e), 0);
	assert_frame(t, 0, 0);
	assert_frame(t, 4, 0);
	derived_release(t);
	assert_int_equal(transcoded_open(a, &s, UID_EXPLICIT_BE, &t, NULL), 0);
	assert_frame(t, 3, 1);
	derived_release(t);
	assert_int_equal(transcoded_open(a, &s, "1.2.840.10008.1.2.5", &t, NULL),
			 0); /* RLE: a file, but no native frames */
	assert_int_equal(transcoded_pixels(t, &p, &e), -E_NOENT);
	derived_release(t);
	derived_forget(a);
	archive_close(a);
}

static void what_cannot_be_made_is_an_error_each_time(void **state)
{
	struct stored s;
	struct archive *a = filled(&s, 1, 1);
	struct derived *t = NULL;
	(void)state;

	for (int i = 0; i < 2; i++) {
		struct err e = {0};
		assert_int_equal(transcoded_open(a, &s, "1.2.840.10008.1.2.4.110", &t, &e), -E_UNSUP);
		assert_non_null(strstr(e.msg, "JPEG XL"));
		assert_null(t);
	}
	archive_close(a);
}

static struct stored shared;
static void *ask(void *arg)
{
	struct derived *t = NULL;
	transcoded_open(arg, &shared, UID_IMPLICIT_LE, &t, NULL);
	return t;
}

static void many_who_ask_get_the_same(void **state)
{
	struct archive *a = filled(&shared, 1, 40);
	struct derived *t[8], *again;
	pthread_t threads[8];
	(void)state;

	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, a), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], (void **)&t[i]);
	assert_non_null(t[0]);
	for (int i = 1; i < 8; i++)
		assert_ptr_equal(t[i], t[0]);
	for (int i = 0; i < 8; i++)
		derived_release(t[i]);
	assert_int_equal(transcoded_open(a, &shared, UID_IMPLICIT_LE, &again, NULL), 0);
	assert_ptr_equal(again, t[0]); /* kept although nobody used it */
	derived_forget(a);             /* in use: stays open */
	assert_frame(again, 39, 0);
	derived_release(again);
	derived_forget(a);
	archive_close(a);
}

static unsigned open_files(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void old_ones_go(void **state)
{
	struct stored s;
	struct archive *a = open_archive();
	struct derived *t;
	(void)state;

	unsigned before = 0;
	for (unsigned i = 0; i < DERIVED_MOST + 10; i++) {
		struct object o = make_frames(i + 1, 1);
		struct intake_result r;
		assert_int_equal(take_in(a, &o, &r, NULL), 0);
		where_is(a, o.sop, &s);
		assert_int_equal(transcoded_open(a, &s, UID_IMPLICIT_LE, &t, NULL), 0);
		assert_frame(t, 0, 0);
		derived_release(t);
		buf_cleanup(&o.data);
		if (i == 0)
			before = open_files() - 1;
	}
	assert_int_equal(open_files(), before + DERIVED_MOST);
	derived_forget(a);
	assert_int_equal(open_files(), before);
	archive_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(frames_lie_where_it_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_made_is_an_error_each_time, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_who_ask_get_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(old_ones_go, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
