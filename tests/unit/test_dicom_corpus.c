/* Every sample file is read to its end, in pieces and whole, with the same result; except for those that are known to
 * be broken, which the toolkit's dcmdump does not read either. */
#include "dicom/charset.h"
#include "dicom/dset.h"
#include "dicom/part10.h"
#include "dicom/scan.h"
#include "dicom_bytes.h"
#include <ftw.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name, *why;
} broken[] = {
    {"dcm4che/3gb-bulk-data-truncated", "pixel data ends after 98080 of 3221225472 bytes"},
    {"dcm4che/Tag-0040-A170-VR-CS.dcm", "no item but (414E,454D)"},
    {"dicom-test-files/MR_truncated.dcm", "pixel data ends after 8130 of 8192 bytes"},
    {"dicom-test-files/emri_small_jpeg_2k_lossless_too_short.dcm", "inside the fragments of (7FE0,0010)"},
    {"dicom-test-files/no_meta.dcm", "not a DICOM file"}, /* its first byte is missing */
    {"dicom-test-files/rtplan_truncated.dcm", "ends after 29 of 50 bytes"},
};

static char root[4096];
static unsigned files, failures;

struct sum {
	unsigned elements;
	uint64_t hash;
	char name_label[65];
};

static void mix(struct sum *s, uint64_t v)
{
	s->hash = (s->hash ^ v) * 0x100000001B3ull;
}

static int on_element(void *arg, const struct scan_element *el, struct err *e)
{
	struct sum *s = arg;

	(void)e;
	s->elements++;
	mix(s, el->tag);
	mix(s, el->depth);
	mix(s, el->length);
	mix(s, el->at);
	for (uint32_t i = 0; el->value && i < el->length; i++)
		mix(s, el->value[i]);
	return 0;
}

static int on_item(void *arg, unsigned depth, bool begin, struct err *e)
{
	(void)e;
	mix(arg, depth * 2 + begin);
	return 0;
}

static int on_end(void *arg, unsigned depth, struct err *e)
{
	(void)e;
	mix(arg, depth);
	return 0;
}

static const struct scan_ops ops = {.element = on_element, .item = on_item, .sequence_end = on_end};

static int scan_all(const struct buf *b, size_t piece, struct sum *sum, struct err *e)
{
	struct part10_meta m;
	AUTO(scan) s = NULL;
	int64_t at = part10_read(b->data, b->len < (64 << 10) ? b->len : (64 << 10), &m, e);
	int rc;

	if (at < 0)
		return (int)at;
	if ((rc = scan_new(m.syntax, 1 << 16, &ops, sum, &s, e)) < 0)
		return rc;
	for (size_t i = (size_t)at; i < b->len && rc == 0; i += piece)
		rc = scan_feed(s, b->data + i, b->len - i < piece ? b->len - i : piece, e);
	return rc ? rc : scan_end(s, e);
}

static const char *expected_failure(const char *name)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		if (!strcmp(name, broken[i].name))
			return broken[i].why;
	return NULL;
}

static bool is_sample(const char *path)
{
	static const char *const other[] = {".md", ".tsv", ".json", ".py", ".txt"};
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		if (n > strlen(other[i]) && !strcmp(path + n - strlen(other[i]), other[i]))
			return false;
	return true;
}

static void complain(const char *name, const char *what)
{
	printf("%s: %s\n", name, what);
	failures++;
}

static int one_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + strlen(root) + 1;
	static const size_t pieces[] = {1, 5, 4096};
	AUTO(buf) b = BUF(1 << 28);
	struct sum whole = {0}, part;
	struct err e = {0};
	const char *why = expected_failure(name);
	int rc;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !is_sample(path))
		return 0;
	files++;
	bytes_file(path, &b);
	rc = scan_all(&b, b.len + 1, &whole, &e);
	if (why && (rc >= 0 || !strstr(e.msg, why)))
		complain(name, rc < 0 ? e.msg : "is read, but was known to be broken");
	if (!why && rc < 0)
		complain(name, e.msg);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct err again = {0};

		part = (struct sum){0};
		if (scan_all(&b, pieces[i], &part, &again) != rc || part.hash != whole.hash || strcmp(again.msg, e.msg))
			complain(name, "is read differently in pieces");
	}
	return 0;
}

static void every_sample_is_read(void **state)
{
	char path[4096];

	(void)state;
	if (!shared_data(path))
		skip();
	assert_true((size_t)snprintf(root, sizeof(root), "%s/dicom", path) < sizeof(root));
	files = failures = 0;
	assert_int_equal(nftw(root, one_file, 16, FTW_PHYS), 0);
	printf("%u sample files\n", files);
	assert_true(files > 300);
	assert_int_equal(failures, 0);
}

/* Hostile files that this floor must refuse; what the others are about lies deeper. */
static const struct {
	const char *name;
	int rc;
} hostile[] = {
    {"deflate-bomb-1g.dcm", -E_LIMIT},       {"deflate-truncated.dcm", -E_INVAL},
    {"element-length-4g.dcm", -E_INVAL},     {"nested-1000.dcm", -E_LIMIT},
    {"nested-3000-defined.dcm", -E_LIMIT},   {"nested-60000-undefined.dcm", -E_LIMIT},
    {"pixel-length-past-end.dcm", -E_INVAL}, {"sequence-never-closed.dcm", -E_INVAL},
};

static int one_hostile(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	AUTO(buf) b = BUF(1 << 28);
	struct sum sum = {0};
	struct err e = {0};
	int rc, expected = 0;

	(void)st;
	if (type != FTW_F || !is_sample(path))
		return 0;
	files++;
	bytes_file(path, &b);
	rc = scan_all(&b, 128 << 10, &sum, &e);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		if (!strcmp(path + ftw->base, hostile[i].name))
			expected = hostile[i].rc;
	if (rc != expected || (rc < 0 && !e.msg[0]))
		complain(path, rc < 0 ? e.msg : "is read");
	return 0;
}

static void hostile_files_are_refused(void **state)
{
	char path[4096];

	(void)state;
	if (!shared_data(path))
		skip();
	assert_true((size_t)snprintf(root, sizeof(root), "%s/hostile/file", path) < sizeof(root));
	files = failures = 0;
	assert_int_equal(nftw(root, one_hostile, 16, FTW_PHYS), 0);
	printf("%u hostile files\n", files);
	assert_true(files > 20);
	assert_int_equal(failures, 0);
}

/* Column number n of a line of tab separated values. */
static char *column(char *line, unsigned n)
{
	char *s = line;

	while (n-- > 0 && (s = strchr(s, '\t')))
		s++;
	if (s)
		s[strcspn(s, "\t\n")] = 0;
	return s;
}

struct wanted {
	char charset[129], name[257];
	size_t name_length;
};

static int want(void *arg, const struct scan_element *el, struct err *e)
{
	struct wanted *w = arg;

	(void)e;
	if (el->depth > 0)
		return 0;
	if (el->tag > 0x00100010)
		return 1;
	if (el->tag == 0x00080005 && el->value && el->length < sizeof(w->charset))
		memcpy(w->charset, el->value, el->length);
	if (el->tag == 0x00100010 && el->value && el->length < sizeof(w->name)) {
		memcpy(w->name, el->value, el->length);
		w->name_length = el->length;
	}
	return 0;
}

/* Patient names, as two other readers agree on them. */
static void names_are_decoded(void **state)
{
	static const struct scan_ops head = {.element = want};
	char path[4096], file[8192], line[8192];
	unsigned names = 0;
	FILE *facts;

	(void)state;
	if (!shared_data(path))
		skip();
	snprintf(file, sizeof(file), "%s/dicom/facts.tsv", path);
	assert_non_null(facts = fopen(file, "r"));
	failures = 0;
	while (fgets(line, sizeof(line), facts)) {
		AUTO(buf) b = BUF(1 << 28);
		AUTO(buf) text = BUF(4096);
		AUTO(scan) s = NULL;
		struct wanted w = {0};
		struct part10_meta m;
		char copy[8192], *name;
		int64_t at;
		size_t n;

		memcpy(copy, line, sizeof(copy));
		name = column(copy, 17);
		if (!name || !*name)
			continue;
		line[strcspn(line, "\t")] = 0;
		if ((size_t)snprintf(file, sizeof(file), "%s/dicom/%s", path, line) >= sizeof(file))
			continue;
		if (access(file, R_OK) || expected_failure(line))
			continue;
		bytes_file(file, &b);
		if ((at = part10_read(b.data, b.len, &m, NULL)) < 0)
			continue;
		assert_int_equal(scan_new(m.syntax, 4096, &head, &w, &s, NULL), 0);
		scan_feed(s, b.data + at, b.len - (size_t)at, NULL);
		assert_true(charset_decode(w.charset, "PN", w.name, w.name_length, &text, NULL) >= 0);
		for (n = text.len; n > 0 && strchr(" =", text.data[n - 1]);) /* which say nothing */
			text.data[--n] = 0;
		names++;
		if (strcmp(buf_text(&text), name)) {
			printf("%s (%s): %s, not %s\n", line, w.charset, buf_text(&text), name);
			failures++;
		}
	}
	fclose(facts);
	printf("%u names\n", names);
	assert_int_equal(failures, 0);
}

static int nothing(void *arg, const struct scan_element *el, struct err *e)
{
	(void)arg;
	(void)el;
	(void)e;
	return 0;
}

/* A CT of 525 KB in pieces as a network gives them. Pixel data must cost nothing. */
static void a_ct_costs_microseconds(void **state)
{
	static const struct scan_ops none = {.element = nothing};
	enum { ROUNDS = 200, PIECE = 128 << 10 };
	AUTO(buf) b = BUF(1 << 20);
	struct timespec from, to;
	double us;

	(void)state;
	for (uint32_t i = 0; i < 120; i++)
		bytes_element(&b, TAG(0x0008 + 8 * (i / 30), 0x1000 + i), "LO", "a value of some length", false);
	bytes_head(&b, 0x7FE00010, "OW", 512 * 512 * 2, false);
	assert_int_equal(buf_reserve(&b, 512 * 512 * 2, NULL), 0);
	memset(b.data + b.len, 0, 512 * 512 * 2);
	b.len += 512 * 512 * 2;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < ROUNDS; i++) {
		AUTO(scan) s = NULL;

		assert_int_equal(scan_new(UID_EXPLICIT_LE, 4096, &none, NULL, &s, NULL), 0);
		for (size_t at = 0; at < b.len; at += PIECE)
			assert_int_equal(scan_feed(s, b.data + at, b.len - at < PIECE ? b.len - at : PIECE, NULL), 0);
		assert_int_equal(scan_end(s, NULL), 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	us = ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / ROUNDS;
	printf("scan: %.1f us for a CT of %zu bytes in pieces of %d\n", us, b.len, PIECE);
}

static int setup(void **state)
{
	struct err e = {0};

	(void)state;
	return dict_setup(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_sample_is_read),
	    cmocka_unit_test(hostile_files_are_refused),
	    cmocka_unit_test(names_are_decoded),
	    cmocka_unit_test(a_ct_costs_microseconds),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
