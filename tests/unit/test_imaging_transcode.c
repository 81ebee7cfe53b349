/* Instances in other transfer syntaxes: the samples that the list of the sample files states, whatever they pass through. */
#include "dicom_bytes.h"
#include "file_source.h"
#include "imaging/samples.h"
#include "imaging/transcode.h"
#include "imaging/worker.h"
#include "shim/shim.h"
#include <sodium.h>

#define J(n) "1.2.840.10008.1.2.4." n
#define RLE "1.2.840.10008.1.2.5"

static uint8_t room[SAMPLES_ROOM + 16];

/* SHA-256 of native samples, colour by pixel; frames of single bits are left out. "" : none. */
static void samples_digest(const struct file_source *f, char out[65])
{
	crypto_hash_sha256_state h;
	uint8_t sum[32];
	const uint8_t swap =
	    samples_swap(f->src.syntax, f->src.pixels.bits_allocated > 8 ? "OW" : "OB"); /* as transcode() writes them */

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

static const char *const targets[] = {UID_IMPLICIT_LE, UID_EXPLICIT_BE, UID_DEFLATED_LE, RLE, J("70"), J("80"), J("90"),
				      J("201")};
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
	    !(f.src.pixels.samples == 3 && (!strcmp(s->syntax, J("50")) || !strcmp(s->syntax, J("51"))))) /* go out as RGB */
		compare(&f, s, UID_EXPLICIT_LE, s->pixels, TARGETS);
	if (in_syntax(&f, UID_EXPLICIT_LE, &plain, &e) < 0) {
		printf("# kept: %s: %s\n", s->file, e.msg);
	} else {
		samples_digest(&plain, wanted);
		file_source_close(&plain);
		for (unsigned i = 0; i < TARGETS && *wanted; i++)
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_samples)};
	if (shim_setup() < 0 || dict_setup(NULL) < 0 || sodium_init() < 0)
		return 1;
	const int rc = cmocka_run_group_tests_name("imaging/transcode", tests, NULL, NULL);
	imaging_stop();
	return rc;
}
