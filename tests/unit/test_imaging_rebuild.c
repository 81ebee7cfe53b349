/* What came in uncompressed, compressed by the workers, and made again: the same bytes, for every sample there is. */
#include "dicom_bytes.h"
#include "file_source.h"
#include "imaging/transcode.h"
#include "imaging/worker.h"
#include "shim/shim.h"

#define HTJ2K "1.2.840.10008.1.2.4.201"
#define J2K "1.2.840.10008.1.2.4.90"
#define JPEGLS "1.2.840.10008.1.2.4.80"
#define RLE "1.2.840.10008.1.2.5"

static unsigned same, refused;

static void rebuild(struct file_source *f, const char *path, const char *to)
{
	const struct transcode_how how = {.prove = true, .digest = NULL};
	struct file_source settled, again;
	struct err e = {0};
	uint8_t before[16], after[16];
	uint64_t size;
	int out = file_source_scratch();
	AUTO(transcode_result) r = {0};

	if (transcode(&f->src, to, &how, out, &r, &e) < 0) {
		if (e.code != E_UNSUP && e.code != E_LIMIT && e.code != E_CORRUPT)
			fail_msg("%s to %s: %s %s", path, to, err_name(e.code), e.msg);
		printf("# kept: %s: %s\n", path, e.msg);
		refused++;
		close(out);
		return;
	}
	if (file_source_open(&settled, out, &e) < 0)
		fail_msg("%s in %s: %s", path, to, e.msg);
	assert_int_equal(settled.src.size, r.size);
	assert_int_equal(settled.src.head_len, r.head_len);
	assert_int_equal(settled.src.frames, f->src.frames);
	assert_int_equal(settled.src.value_at, r.value_at);
	settled.src.appendix = file_source_appendix;
	settled.src.appendix_n = r.appendix.len;
	settled.appendix = r.appendix;
	r.appendix = (struct buf){0};
	file_source_digest(f, before);
	int back = file_source_scratch();
	if (transcode_rebuild(&settled.src, f->src.syntax, before, f->src.size - f->src.head_len, back, &size, &e) < 0)
		fail_msg("%s from %s: %s", path, to, e.msg);
	assert_int_equal(file_source_open(&again, back, &e), 0);
	assert_int_equal(again.src.size, size);
	assert_string_equal(again.src.syntax, f->src.syntax);
	file_source_digest(&again, after);
	assert_memory_equal(before, after, 16);
	/* and what was received cannot be taken for something else */
	before[0] ^= 1;
	int other = file_source_scratch();
	assert_int_equal(
	    transcode_rebuild(&settled.src, f->src.syntax, before, f->src.size - f->src.head_len, other, NULL, NULL),
	    -E_CORRUPT);
	close(other);
	file_source_close(&settled);
	file_source_close(&again);
	same++;
}

static void each(const char *root, const char *name)
{
	static const char *const to[] = {HTJ2K, J2K, JPEGLS, RLE};
	struct file_source f;
	struct err e = {0};
	char path[32768];

	snprintf(path, sizeof path, "%s/dicom/%s", root, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (file_source_open(&f, fd, &e) == 0 && f.src.tag == TAG(0x7FE0, 0x10) && !f.src.encapsulated)
		for (unsigned i = 0; i < sizeof to / sizeof *to; i++)
			rebuild(&f, name, to[i]);
	file_source_close(&f);
}

static void of_the_samples(void **state)
{
	char root[4096], line[16384];
	(void)state;

	if (!shared_data(root))
		return;
	snprintf(line, sizeof line, "%s/dicom/facts.tsv", root);
	FILE *list = fopen(line, "r");
	assert_non_null(list);
	while (fgets(line, sizeof line, list)) {
		line[strcspn(line, "\t")] = 0;
		each(root, line);
	}
	fclose(list);
	printf("# rebuilt: %u, kept as they came: %u\n", same, refused);
	assert_true(same > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(of_the_samples)};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	const int rc = cmocka_run_group_tests_name("imaging/rebuild", tests, NULL, NULL);
	imaging_stop();
	return rc;
}
