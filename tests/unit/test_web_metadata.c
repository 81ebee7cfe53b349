/* The metadata document of a series as it is kept: zstd of DICOM JSON, whole, whatever a data set looks like. */
#include "archive_help.h"
#include "dicom/part10.h"
#include "web/metadata.h"
#include <jansson.h>
#include <zstd.h>

struct file {
	struct buf bytes;
	uint64_t head_len;
	unsigned reads;
};

static int read_file(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	struct file *f = arg;

	f->reads++;
	if (at > f->bytes.len || n > f->bytes.len - at)
		return err_set(e, E_CORRUPT, "the file ends early");
	memcpy(buf, f->bytes.data + at, n);
	return 0;
}

/* name: in GBK under a label that says so; pixels of 100,000 bytes. */
static struct file make_file(const char *sop)
{
	struct file f = {.bytes = BUF(1 << 20)};
	struct part10_meta meta = {.syntax = UID_EXPLICIT_LE};
	static const uint8_t pixels[12] = {0xe0, 0x7f, 0x10, 0, 'O', 'W', 0, 0, 0xa0, 0x86, 1, 0};
	static const uint8_t zeros[100000];
	AUTO(dset) d = NULL;

	snprintf(meta.sop_class, sizeof meta.sop_class, "%s", CT);
	snprintf(meta.sop_instance, sizeof meta.sop_instance, "%s", sop);
	assert_int_equal(part10_write(&meta, &f.bytes, NULL), 0);
	f.head_len = f.bytes.len;
	assert_int_equal(dset_new(&d, NULL), 0);
	dset_put_text(d, TAG(8, 5), "GB18030", NULL);
	dset_put_text(d, TAG(8, 0x18), sop, NULL);
	dset_put_text(d, TAG(0x10, 0x10), "\xcd\xf5^\xd0\xa1", NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &f.bytes, NULL), 0);
	buf_put(&f.bytes, pixels, sizeof pixels, NULL);
	assert_int_equal(buf_put(&f.bytes, zeros, sizeof zeros, NULL), 0);
	return f;
}

static struct metadata_instance what(struct file *f, const char *sop)
{
	return (struct metadata_instance){.sop_instance = sop,
					  .syntax = UID_EXPLICIT_LE,
					  .size = f->bytes.len,
					  .head_len = f->head_len,
					  .read = read_file,
					  .arg = f};
}

static json_t *unpacked(const struct buf *blob)
{
	size_t room = 16 << 20;
	char *text = malloc(room);
	size_t n = ZSTD_decompress(text, room, blob->data, blob->len);

	assert_false(ZSTD_isError(n));
	json_t *all = json_loadb(text, n, 0, NULL);
	free(text);
	assert_true(json_is_array(all));
	return all;
}

static const char *value(const json_t *one, const char *tag, const char *key)
{
	const json_t *v = json_object_get(json_object_get(one, tag), key);

	if (json_is_array(v))
		v = json_array_get(v, 0);
	if (json_is_object(v))
		v = json_object_get(v, "Alphabetic");
	return json_is_string(v) ? json_string_value(v) : "";
}

static void test_series(void **state)
{
	AUTO(buf) blob = BUF(1 << 20);
	AUTO(metadata_writer) w = NULL;
	struct err e = {0};
	(void)state;

	assert_int_equal(metadata_new(&blob, &w, &e), 0);
	for (unsigned i = 0; i < 300; i++) {
		char sop[64];

		snprintf(sop, sizeof sop, "1.2.826.0.%u", i);
		struct file f = make_file(sop);
		struct metadata_instance one = what(&f, sop);

		if (metadata_add(w, &one, &e) < 0)
			fail_msg("%s", e.msg);
		assert_in_range(f.reads, 1, 2); /* never the pixels */
		buf_cleanup(&f.bytes);
	}
	assert_int_equal(metadata_end(w, &e), 0);
	assert_true(metadata_current(blob.data, blob.len));

	json_t *all = unpacked(&blob);
	assert_int_equal(json_array_size(all), 300);
	const json_t *last = json_array_get(all, 299);
	assert_string_equal(value(last, "00080018", "Value"), "1.2.826.0.299");
	assert_string_equal(value(last, "00100010", "Value"), "王^小");
	assert_string_equal(value(last, "7FE00010", "BulkDataURI"), "instances/1.2.826.0.299/bulkdata/7FE00010");
	json_decref(all);
}

static void test_no_instance(void **state)
{
	AUTO(buf) blob = BUF(1 << 20);
	AUTO(metadata_writer) w = NULL;
	(void)state;

	assert_int_equal(metadata_new(&blob, &w, NULL), 0);
	assert_int_equal(metadata_end(w, NULL), 0);
	json_t *all = unpacked(&blob);
	assert_int_equal(json_array_size(all), 0);
	json_decref(all);
}

/* What breaks off is told as far as it goes; a file that cannot be read is an error. */
static void test_broken(void **state)
{
	AUTO(buf) blob = BUF(1 << 20);
	AUTO(metadata_writer) w = NULL;
	struct err e = {0};
	struct file f = make_file("1.2.3");
	struct metadata_instance one = what(&f, "1.2.3");
	(void)state;

	f.bytes.len -= 100000 + 12 + 3; /* within the name */
	one.size = f.bytes.len;
	assert_int_equal(metadata_new(&blob, &w, &e), 0);
	assert_int_equal(metadata_add(w, &one, &e), 0);
	one.size++;
	assert_int_equal(metadata_add(w, &one, &e), -E_CORRUPT);
	buf_cleanup(&f.bytes);
}

static void test_full(void **state)
{
	AUTO(buf) blob = BUF(64);
	AUTO(metadata_writer) w = NULL;
	struct err e = {0};
	struct file f = make_file("1.2.3");
	struct metadata_instance one = what(&f, "1.2.3");
	int rc;
	(void)state;

	assert_int_equal(metadata_new(&blob, &w, &e), 0);
	if ((rc = metadata_add(w, &one, &e)) == 0)
		rc = metadata_end(w, &e);
	assert_int_equal(rc, -E_LIMIT);
	buf_cleanup(&f.bytes);
}

static void test_other_form(void **state)
{
	static const uint8_t other[64] = {0x28, 0xB5, 0x2F, 0xFD};
	(void)state;

	assert_false(metadata_current(other, sizeof other));
	assert_false(metadata_current(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_series), cmocka_unit_test(test_no_instance), cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_full),   cmocka_unit_test(test_other_form),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
