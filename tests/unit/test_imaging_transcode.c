/* Instances in other transfer syntaxes: the samples that the list of the sample files states, whatever they pass through. */
#include "dicom/dset.h"
#include "dicom_bytes.h"
#include "file_source.h"
#include "imaging/samples.h"
#include "imaging/transcode.h"
#include "imaging/worker.h"
#include "shim/shim.h"
#include <math.h>
#include <sodium.h>

#define J(n) "1.2.840.10008.1.2.4." n
#define RLE "1.2.840.10008.1.2.5"

static uint8_t room[SAMPLES_ROOM + 16];

/* SHA-256 of native samples, colour by pixel; frames of single bits are left out. "" : none. */
static void samples_digest(const struct file_source *f, char out[65])
{
	crypto_hash_sha256_state h;
	uint8_t sum[32];
	const uint8_t swap = samples_swap(
	    f->src.syntax, f->src.pixels.bits_allocated > 8 ? "OW" : "OB"); /* as transcode() writes them */

	out[0] = 0;
	if (!f->src.tag || f->src.encapsulated)
		return;
	crypto_hash_sha256_init(&h);
	for (uint64_t i = 0; i < f->src.frames; i++) {
		struct err e = {0};
		const int fd = samples_native(&f->src, swap, i, room, &e);
		if (fd < 0)
			fail_msg("%s", e.msg);
		ssize_t k;
		for (off_t at = 0; (k = pread(fd, room, sizeof room, at)) > 0; at += k)
			crypto_hash_sha256_update(&h, room, (size_t)k);
		close(fd);
	}
	crypto_hash_sha256_final(&h, sum);
	sodium_bin2hex(out, 65, sum, sizeof sum);
}

/* What f is in syntax `to`; 0, or the failure. */
static int in_syntax(const struct file_source *f, const char *to, struct file_source *out, struct err *e)
{
	AUTO(transcode_result) r = {0};
	const int fd = file_source_scratch();
	const int rc = transcode(&f->src, to, NULL, fd, &r, e);

	if (rc < 0) {
		close(fd);
		return rc;
	}
	if (file_source_open(out, fd, e) < 0)
		fail_msg("in %s it cannot be read: %s", to, e->msg);
	assert_int_equal(out->src.size, r.size);
	assert_int_equal(out->src.head_len, r.head_len);
	assert_string_equal(out->src.syntax, to);
	if (!uid_is_deflated(to) && f->src.frames) {
		assert_int_equal(out->src.frames, f->src.frames);
		assert_int_equal(out->src.value_at, r.value_at);
	}
	return 0;
}

struct sample {
	char *file, *syntax, *shape, *status, *pixels;
};

static const char *const targets[] = {UID_IMPLICIT_LE, UID_EXPLICIT_BE, UID_DEFLATED_LE, RLE,
				      J("70"),         J("80"),         J("90"),         J("201")};
enum { TARGETS = sizeof targets / sizeof *targets };
static unsigned right[TARGETS + 1], kept[TARGETS + 1], bad;

static void compare(const struct file_source *f, const struct sample *s, const char *to, const char *wanted, unsigned n)
{
	struct file_source other, plain;
	struct err e = {0};
	char got[65];

	if (in_syntax(f, to, &other, &e) < 0) {
		if (e.code == E_UNSUP || e.code == E_LIMIT || f->src.warning[0]) /* some have not one whole frame */
			kept[n]++;
		else {
			printf("# %s to %s: %s %s\n", s->file, to, err_name(e.code), e.msg);
			bad++;
		}
		return;
	}
	if (strcmp(to, UID_EXPLICIT_LE) == 0) {
		samples_digest(&other, got);
	} else {
		if (in_syntax(&other, UID_EXPLICIT_LE, &plain, &e) < 0)
			fail_msg("%s by %s: %s", s->file, to, e.msg);
		samples_digest(&plain, got);
		file_source_close(&plain);
	}
	if (strcmp(got, wanted) != 0) {
		printf("# %s by %s: %.12s instead of %.12s\n", s->file, to, got, wanted);
		bad++;
	} else {
		right[n]++;
	}
	file_source_close(&other);
}

static void each(const char *root, const struct sample *s)
{
	struct file_source f, plain;
	struct err e = {0};
	char path[32768], wanted[65];

	snprintf(path, sizeof path, "%s/dicom/%s", root, s->file);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (file_source_open(&f, fd, &e) < 0 || (!f.src.tag && !uid_is_deflated(f.src.syntax)) || f.src.video ||
	    f.src.pixels.bits_allocated == 1) {
		file_source_close(&f);
		return;
	}
	if (strlen(s->pixels) == 64 && strncmp(s->status, "agree", 5) == 0 &&
	    !(f.src.pixels.samples == 3 &&
	      (!strcmp(s->syntax, J("50")) || !strcmp(s->syntax, J("51"))))) /* go out as RGB */
		compare(&f, s, UID_EXPLICIT_LE, s->pixels, TARGETS);
	if (in_syntax(&f, UID_EXPLICIT_LE, &plain, &e) < 0) {
		printf("# kept: %s: %s\n", s->file, e.msg);
	} else {
		samples_digest(&plain, wanted);
		file_source_close(&plain);
		const unsigned step = f.src.size < 300000 ? 1 : 3; /* large ones: some of them */
		for (unsigned i = f.src.size % step; i < TARGETS && *wanted; i += step)
			compare(&f, s, targets[i], wanted, i);
	}
	file_source_close(&f);
}

static void the_samples(void **state)
{
	char root[4096], line[16384];
	(void)state;

	if (!shared_data(root))
		return;
	snprintf(line, sizeof line, "%s/dicom/facts.tsv", root);
	FILE *list = fopen(line, "r");
	assert_non_null(list);
	while (fgets(line, sizeof line, list)) {
		char *field[19] = {0}, *at = line;
		for (unsigned i = 0; i < 19 && at; i++)
			field[i] = strsep(&at, "\t\n");
		const struct sample s = {field[0], field[7], field[12], field[13], field[14]};
		if (field[14])
			each(root, &s);
	}
	fclose(list);
	for (unsigned i = 0; i <= TARGETS; i++)
		printf("# %s: %u right, %u refused\n", i < TARGETS ? targets[i] : "as listed", right[i], kept[i]);
	assert_int_equal(bad, 0);
	assert_true(right[TARGETS] > 80);
}

/* ---- loss */

#define SIDE 64u

/* A secondary capture; with more: elements that are there already. */
static void make_file(struct file_source *out, const char *more)
{
	const struct part10_meta m = {"1.2.840.10008.5.1.4.1.1.7", "1.2.3.4", UID_EXPLICIT_LE, ""};
	AUTO(dset) d = NULL;
	AUTO(buf) file = BUF(1 << 20);
	struct err e = {0};
	uint8_t pixels[SIDE * SIDE];

	assert_int_equal(part10_write(&m, &file, NULL), 0);
	assert_int_equal(dset_new(&d, NULL), 0);
	dset_put_text(d, TAG(8, 8), "ORIGINAL\\SECONDARY\\X", NULL);
	dset_put_text(d, TAG(8, 0x16), m.sop_class, NULL);
	dset_put_text(d, TAG(8, 0x18), m.sop_instance, NULL);
	if (more)
		dset_put_text(d, TAG(8, 0x2111), more, NULL);
	dset_put_int(d, TAG(0x28, 2), 1, NULL);
	dset_put_text(d, TAG(0x28, 4), "MONOCHROME2", NULL);
	dset_put_int(d, TAG(0x28, 0x10), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x11), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x100), 8, NULL);
	dset_put_int(d, TAG(0x28, 0x101), 8, NULL);
	dset_put_int(d, TAG(0x28, 0x102), 7, NULL);
	dset_put_int(d, TAG(0x28, 0x103), 0, NULL);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &file, NULL), 0);
	for (unsigned i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i % SIDE * 3 + i / SIDE + i * i % 7);
	const uint8_t head[12] = {0xE0, 0x7F, 0x10, 0, 'O', 'B', 0, 0, 0, sizeof pixels >> 8};
	buf_put(&file, head, sizeof head, NULL);
	buf_put(&file, pixels, sizeof pixels, NULL);
	const int fd = file_source_scratch();
	assert_int_equal(write(fd, file.data, file.len), file.len);
	if (file_source_open(out, fd, &e) < 0)
		fail_msg("%s", e.msg);
}

static const char *value(const struct file_source *f, uint32_t tag)
{
	static char text[1024];
	char path[40];
	shim_dataset *ds = NULL;

	snprintf(path, sizeof path, "/proc/self/fd/%d", f->src.fd);
	if (shim_dataset_read_file(path, &ds) < 0)
		fail_msg("%s", shim_error());
	if (shim_dataset_get_string(ds, tag, text, sizeof text) < 0)
		text[0] = 0;
	shim_dataset_free(ds);
	return text;
}

/* How often text is in the file before the pixels. */
static unsigned times(const struct file_source *f, const char *text)
{
	static char head[65536];
	const ssize_t n =
	    pread(f->src.fd, head, sizeof head < f->src.value_at ? sizeof head : (size_t)f->src.value_at, 0);
	unsigned found = 0;

	for (char *at = head; (at = memmem(at, (size_t)(head + n - at), text, strlen(text))); at++)
		found++;
	return found;
}

static void lossy(const struct file_source *f, const char *to, const struct transcode_how *how, struct file_source *out)
{
	AUTO(transcode_result) r = {0};
	struct err e = {0};
	const int fd = file_source_scratch();

	if (transcode(&f->src, to, how, fd, &r, &e) < 0)
		fail_msg("%s", e.msg);
	if (file_source_open(out, fd, &e) < 0)
		fail_msg("%s", e.msg);
	assert_non_null(strstr(buf_text(&r.changes), "(0028,2114)"));
}

static void loss_is_told(void **state)
{
	const struct transcode_how tenth = {.codec = {.ratio = 10}, .new_instance = "1.2.3.5"},
				   plain = {.codec = {.ratio = 0}}, jpeg = {.codec = {.quality = 50}},
				   proven = {.codec = {.ratio = 10}, .prove = true};
	struct file_source f, once, twice, back;
	AUTO(transcode_result) none = {0};
	struct err e = {0};
	(void)state;

	make_file(&f, "cut");
	const int fd = file_source_scratch();
	assert_int_equal(transcode(&f.src, J("91"), &plain, fd, &none, &e), -E_UNSUP); /* nobody asked for loss */
	assert_int_equal(transcode(&f.src, J("91"), &proven, fd, &none, NULL), -E_UNSUP);
	close(fd);
	lossy(&f, J("91"), &tenth, &once);
	assert_string_equal(value(&once, 0x00080018), "1.2.3.5");
	assert_string_equal(value(&once, 0x00020003), "1.2.3.5");
	assert_string_equal(value(&once, 0x00080008), "DERIVED\\SECONDARY\\X");
	assert_string_equal(value(&once, 0x00282110), "01");
	assert_string_equal(value(&once, 0x00282114), "ISO_15444_1");
	const double ratio = strtod(value(&once, 0x00282112), NULL);
	assert_true(ratio > 5 && ratio < 20);
	assert_string_equal(value(&once, 0x00082111), "cut; Lossy compression: JPEG 2000");
	assert_int_equal(times(&once, "1.2.3.4"), 1); /* the source image */
	assert_int_equal(times(&once, "113040"), 1);
	assert_int_equal(times(&once, "121320"), 1);
	/* what has lost something does not lose more without a word */
	lossy(&once, J("50"), &jpeg, &twice);
	assert_int_equal(strncmp(value(&twice, 0x00080018), "2.25.", 5), 0);
	assert_string_equal(value(&twice, 0x00282114), "ISO_15444_1\\ISO_10918_1");
	char *second;
	assert_true(fabs(strtod(value(&twice, 0x00282112), &second) - ratio) < 0.001);
	assert_true(strtod(strchr(value(&twice, 0x00282112), '\\') + 1, NULL) > 1);
	assert_string_equal(value(&twice, 0x00082111), "cut; Lossy compression: JPEG 2000; Lossy compression: JPEG");
	assert_int_equal(times(&twice, "1.2.3.4"), 1);
	assert_int_equal(times(&twice, "1.2.3.5"), 1);
	assert_int_equal(times(&twice, "113040"), 2);
	/* decoding changes nothing of that, nor does compressing without loss */
	assert_int_equal(in_syntax(&twice, UID_EXPLICIT_LE, &back, &e), 0);
	assert_string_equal(value(&back, 0x00282114), "ISO_15444_1\\ISO_10918_1");
	file_source_close(&back);
	assert_int_equal(in_syntax(&f, J("90"), &back, &e), 0);
	assert_string_equal(value(&back, 0x00282110), "");
	assert_string_equal(value(&back, 0x00080018), "1.2.3.4");
	file_source_close(&back), file_source_close(&twice), file_source_close(&once), file_source_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(loss_is_told), cmocka_unit_test(the_samples)};
	if (shim_setup() < 0 || dict_setup(NULL) < 0 || sodium_init() < 0)
		return 1;
	const int rc = cmocka_run_group_tests_name("imaging/transcode", tests, NULL, NULL);
	imaging_stop();
	return rc;
}
