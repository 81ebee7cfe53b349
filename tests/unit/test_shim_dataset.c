/* tests/unit/test_shim_dataset.c - dictionary, data sets and DICOMDIR through the shim. */
#include "shim/shim.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ILE "1.2.840.10008.1.2"
#define ELE "1.2.840.10008.1.2.1"
#define EBE "1.2.840.10008.1.2.2"
#define HTJ2K "1.2.840.10008.1.2.4.201"

static char scratch[] = "/tmp/test_shim_dataset.XXXXXX";

/* The shared files: $TELEREAD_SHARED, or beside the source tree; NULL when they are not there. */
static const char *shared(void)
{
	static char beside[400];
	const char *dir = getenv("TELEREAD_SHARED"), *source = getenv("srcdir");

	snprintf(beside, sizeof beside, "%.380s/../shared", source ? source : ".");
	dir = dir ? dir : beside;
	return access(dir, R_OK) == 0 ? dir : NULL;
}

static const char *in_scratch(const char *name)
{
	static char path[4][256];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", scratch, name);
	return path[i];
}

struct written {
	uint8_t bytes[16384];
	size_t n;
};

/* arg NULL: nowhere, and fine. */
static int put_away(void *arg, const void *data, size_t n)
{
	struct written *w = arg;

	if (w) {
		assert_true(n <= sizeof w->bytes - w->n);
		memcpy(w->bytes + w->n, data, n);
		w->n += n;
	}
	return 0;
}

static int put_nowhere(void *arg, const void *data, size_t n)
{
	(void)arg, (void)data, (void)n;
	return 1;
}

static void put(uint8_t **p, const void *data, size_t n)
{
	memcpy(*p, data, n);
	*p += n;
}

/* An explicit VR little endian element with a short length. */
static void put_element(uint8_t **p, uint16_t group, uint16_t element, const char *vr, const void *value, size_t n)
{
	const uint8_t head[8] = {(uint8_t)group, (uint8_t)(group >> 8), (uint8_t)element, (uint8_t)(element >> 8),
				 (uint8_t)vr[0], (uint8_t)vr[1],        (uint8_t)n,       (uint8_t)(n >> 8)};
	const uint8_t zero[4] = {0};

	if (!strcmp(vr, "OW") || !strcmp(vr, "SQ")) {
		const uint8_t len[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
		put(p, head, 6);
		put(p, zero, 2);
		put(p, len, 4);
	} else {
		put(p, head, 8);
	}
	put(p, value, n);
}

static void put_text(uint8_t **p, uint16_t group, uint16_t element, const char *vr, const char *text)
{
	char even[128] = "";
	size_t n = strlen(text);

	memcpy(even, text, n);
	if (n % 2)
		even[n++] = strcmp(vr, "UI") ? ' ' : '\0';
	put_element(p, group, element, vr, even, n);
}

static void put_short(uint8_t **p, uint16_t element, unsigned v)
{
	const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

	put_element(p, 0x0028, element, "US", b, 2);
}

enum { ROWS = 64, COLS = 48 };

static size_t put_pixels(uint8_t *pixels)
{
	for (size_t i = 0; i < ROWS * COLS; i++) {
		unsigned v = (unsigned)(i * 2654435761u >> 20) & 0xfff; /* all twelve bits in use */
		pixels[2 * i] = (uint8_t)v;
		pixels[2 * i + 1] = (uint8_t)(v >> 8);
	}
	return 2 * ROWS * COLS;
}

static size_t make_data_set(uint8_t *out)
{
	uint8_t *p = out, pixels[2 * ROWS * COLS];

	put_text(&p, 0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2");
	put_text(&p, 0x0008, 0x0018, "UI", "1.2.3.4.5.6");
	put_text(&p, 0x0008, 0x0060, "CS", "CT");
	put_text(&p, 0x0010, 0x0010, "PN", "Example^Anna");
	put_text(&p, 0x0010, 0x0020, "LO", "ID 7");
	put_text(&p, 0x0018, 0x0015, "CS", "HEAD");
	put_text(&p, 0x0020, 0x000d, "UI", "1.2.3.4");
	put_text(&p, 0x0020, 0x000e, "UI", "1.2.3.4.5");
	put_text(&p, 0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0");
	put_short(&p, 0x0002, 1);
	put_text(&p, 0x0028, 0x0004, "CS", "MONOCHROME2");
	put_short(&p, 0x0010, ROWS);
	put_short(&p, 0x0011, COLS);
	put_short(&p, 0x0100, 16);
	put_short(&p, 0x0101, 12);
	put_short(&p, 0x0102, 11);
	put_short(&p, 0x0103, 0);
	put_element(&p, 0x7fe0, 0x0010, "OW", pixels, put_pixels(pixels));
	return (size_t)(p - out);
}

static void write_part10(const char *path, const char *syntax, const uint8_t *data, size_t n)
{
	uint8_t meta[512] = {0}, *p = meta + 144;
	uint32_t length;
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	memcpy(meta + 128, "DICM", 4);
	put_element(&p, 0x0002, 0x0002, "UI", "1.2.840.10008.5.1.4.1.1.2\0", 26);
	put_text(&p, 0x0002, 0x0003, "UI", "1.2.3.4.5.6");
	put_text(&p, 0x0002, 0x0010, "UI", syntax);
	length = (uint32_t)(p - meta - 144);
	memcpy(meta + 132, "\2\0\0\0UL\4\0", 8);
	memcpy(meta + 140, &length, 4);
	fwrite(meta, 1, (size_t)(p - meta), f);
	fwrite(data, 1, n, f);
	assert_int_equal(fclose(f), 0);
}

struct seen {
	unsigned n;
	bool patient_name, pixel_data, many, odd;
};

static int see_tag(void *arg, uint32_t tag, const char *vr, int many, const char *keyword)
{
	struct seen *s = arg;

	s->n++;
	s->patient_name =
	    s->patient_name || (tag == 0x00100010 && !strcmp(vr, "PN") && !many && !strcmp(keyword, "PatientName"));
	s->many = s->many || (tag == 0x00080008 && many);
	s->pixel_data = s->pixel_data || (tag == 0x7fe00010 && !strcmp(keyword, "PixelData"));
	s->odd = s->odd || (tag >> 16) % 2 || strlen(vr) != 2 || strstr(keyword, "RETIRED");
	return s->n == 1000000 ? 1 : 0;
}

static int see_class(void *arg, const char *uid, const char *name)
{
	struct seen *s = arg;

	s->n++;
	s->pixel_data =
	    s->pixel_data || (!strcmp(uid, "1.2.840.10008.5.1.4.1.1.2") && !strcmp(name, "CT Image Storage"));
	s->odd = s->odd || strchr(name, '_');
	s->many = s->many ||
		  (!strcmp(uid, "1.2.840.10008.5.1.4.1.1.6") && !strcmp(name, "Ultrasound Image Storage (retired)"));
	return 0;
}

static int see_one(void *arg, const char *uid, const char *name)
{
	(void)uid;
	(void)name;
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void dictionary(void **state)
{
	struct seen s = {0};
	int calls = 0;

	(void)state;
	assert_int_equal(shim_dict_each(see_tag, &s), 0);
	assert_true(s.n > 3000 && s.patient_name && s.pixel_data && s.many && !s.odd);
	s = (struct seen){0};
	assert_int_equal(shim_storage_each(see_class, &s), 0);
	assert_true(s.n > 100 && s.pixel_data && s.many && !s.odd);
	assert_int_equal(shim_storage_each(see_one, &calls), 42);
	assert_int_equal(calls, 3);
	assert_int_equal(shim_dict_each(NULL, NULL), SHIM_EINVAL);
	assert_int_equal(shim_storage_each(NULL, NULL), SHIM_EINVAL);
}

static void parse_and_get(void **state)
{
	uint8_t data[16384];
	size_t n = make_data_set(data);
	shim_dataset *ds = NULL;
	char buf[64];

	(void)state;
	assert_int_equal(shim_dataset_parse(data, n, ELE, &ds), 0);
	assert_int_equal(shim_dataset_get_string(ds, 0x00100010, buf, sizeof buf), 12);
	assert_string_equal(buf, "Example^Anna");
	assert_int_equal(shim_dataset_get_string(ds, 0x00200037, buf, 6), 11);
	assert_string_equal(buf, "1\\0\\0");
	assert_int_equal(shim_dataset_get_string(ds, 0x00080060, NULL, 0), 2);
	assert_int_equal(shim_dataset_get_string(ds, 0x00100040, buf, sizeof buf), SHIM_ENOTAG);
	assert_int_equal(shim_dataset_syntax(ds, buf, sizeof buf), (int)strlen(ELE));
	assert_string_equal(buf, ELE);
	shim_dataset_free(ds);
	/* cut anywhere: a refusal, never a crash */
	for (size_t cut = 1; cut < 400; cut++) {
		ds = NULL;
		int rc = shim_dataset_parse(data, cut, ELE, &ds);
		assert_true(rc == 0 || rc == SHIM_EPARSE);
		assert_true(rc == 0 || shim_error()[0]);
		shim_dataset_free(ds);
	}
	assert_int_equal(shim_dataset_parse(data, n, HTJ2K, &ds), SHIM_EUNSUP);
	assert_int_equal(shim_dataset_parse(NULL, 1, ELE, &ds), SHIM_EINVAL);
	assert_int_equal(shim_dataset_get_string(NULL, 1, buf, 1), SHIM_EINVAL);
	assert_int_equal(shim_dataset_syntax(NULL, buf, 1), SHIM_EINVAL);
	shim_dataset_free(NULL);
}

static void unreadable_files(void **state)
{
	shim_dataset *ds = NULL;
	char huge[10000];
	FILE *f = fopen(in_scratch("garbage"), "wb");

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		fputc((int)(i * 2654435761u >> 24), f);
	fclose(f);
	memset(huge, 'x', sizeof huge);
	huge[sizeof huge - 1] = 0;
	assert_int_equal(shim_dataset_read_file("/nonexistent/file", &ds), SHIM_EIO);
	assert_int_equal(shim_dataset_read_file(scratch, &ds) < 0, 1);
	assert_int_equal(shim_dataset_read_file(huge, &ds), SHIM_EIO);
	assert_int_equal(shim_dataset_read_file(in_scratch("garbage"), &ds), SHIM_EPARSE);
	assert_int_equal(shim_dataset_read_file(NULL, &ds), SHIM_EINVAL);
	assert_int_equal(shim_dataset_rewrite(NULL, 0, ELE, ILE, put_away, NULL), SHIM_EINVAL);
	assert_int_equal(shim_dataset_rewrite(huge, sizeof huge, ELE, ILE, put_away, NULL) < 0, 1);
	assert_int_equal(shim_dataset_rewrite(huge, sizeof huge, "1.2", ILE, put_away, NULL), SHIM_EUNSUP);
	assert_null(ds);
}

/* Sequences in sequences, far deeper than any stack would bear: refused by depth. */
static void deep_nesting(void **state)
{
	enum { LEVELS = 100000 };
	static const uint8_t level[20] = {0x40, 0,    0x30, 0xa7, 'S', 'Q',  0,    0,    0xff, 0xff,
					  0xff, 0xff, 0xfe, 0xff, 0,   0xe0, 0xff, 0xff, 0xff, 0xff};
	uint8_t *data = malloc(LEVELS * sizeof level);
	shim_dataset *ds = NULL;

	(void)state;
	for (size_t i = 0; i < LEVELS; i++)
		memcpy(data + i * sizeof level, level, sizeof level);
	assert_int_equal(shim_dataset_parse(data, LEVELS * sizeof level, ELE, &ds), SHIM_ELIMIT);
	assert_non_null(strstr(shim_error(), "deep"));
	write_part10(in_scratch("deep"), ELE, data, LEVELS * sizeof level);
	assert_int_equal(shim_dataset_read_file(in_scratch("deep"), &ds), SHIM_ELIMIT);
	assert_int_equal(shim_dataset_rewrite(data, LEVELS * sizeof level, ELE, ILE, put_away, NULL), SHIM_ELIMIT);
	free(data);
}

/* The same with a private sequence that DCMTK knows by its creator, each of a length of its own: no VR and no undefined
 * length gives it away. */
static void deep_private_nesting(void **state)
{
	enum { LEVELS = 40000, LEVEL = 40 };
	static const char creator[] = "CARDIO-D.R. 1.0 ";
	uint8_t *data = malloc((size_t)LEVELS * LEVEL), *p = data;
	shim_dataset *ds = NULL;

	(void)state;
	assert_non_null(data);
	for (uint32_t left = LEVELS; left-- > 0;) {
		uint32_t item = left * LEVEL, sequence = item + 8;

		put(&p, "\x09\0\x10\0\x10\0\0\0", 8);
		put(&p, creator, 16);
		put(&p, "\x09\0\x40\x10", 4);
		put(&p, &sequence, 4);
		put(&p, "\xfe\xff\0\xe0", 4);
		put(&p, &item, 4);
	}
	assert_int_equal(shim_dataset_parse(data, (size_t)(p - data), ILE, &ds), SHIM_ELIMIT);
	assert_int_equal(shim_dataset_parse(data + (LEVELS - 10) * LEVEL, 10 * LEVEL, ILE, &ds), 0);
	shim_dataset_free(ds);
	free(data);
}

enum { DISGUISED = 40000 };

static uint8_t *put_nest(uint8_t *p, const char *level, size_t n)
{
	for (int i = 0; i < DISGUISED; i++)
		put(&p, level, n);
	return p;
}

/* Headers that mean one thing by the letter and another to DCMTK: what it would descend into is seen as it sees it. */
static void disguised_nesting(void **state)
{
	uint8_t *data = calloc(DISGUISED, 24), *p = data;
	shim_dataset *ds = NULL;

	(void)state;
	assert_non_null(data);
	/* pixel data that is a sequence; the item has a length, as a fragment has */
	for (uint32_t left = DISGUISED; left-- > 0;) {
		uint32_t item = left * 20;

		put(&p, "\xe0\x7f\x10\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0", 16);
		put(&p, &item, 4);
	}
	put(&p, "\xfe\xff\xdd\xe0\0\0\0", 8);
	assert_true(shim_dataset_parse(data, (size_t)(p - data), ELE, &ds) < 0);
	/* "ox" has a long length to DCMTK; with a short one the rest is a value */
	p = data;
	put(&p, "\x09\0\0\x10ox\0\0\x08\0\0\0OB\0\0\0\x35\x0c\0", 20);
	p = put_nest(p, "\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 20);
	assert_true(shim_dataset_parse(data, (size_t)(p - data), ELE, &ds) < 0);
	/* what has a VR of later years and no length is implicit inside */
	p = data;
	put(&p, "\x09\0\0\x10ZZ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 20);
	put(&p, "\x09\0\x01\x10OB\0\0\x4b\x06\x0a\0", 12);
	memset(p, 0, 0x424f - 4);
	p += 0x424f - 4;
	p = put_nest(p, "\x40\0\x30\xa7\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 16);
	put(&p, "\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0", 16);
	assert_true(shim_dataset_parse(data, (size_t)(p - data), ELE, &ds) < 0);
	free(data);
}

/* Through every encoding and back: the same bytes. */
static void rewritten(void **state)
{
	static const char *const way[] = {ELE, ILE, EBE, ILE, ELE, EBE, ELE};
	uint8_t data[16384];
	struct written now = {.n = make_data_set(data)}, next;

	(void)state;
	now.n -= 2 * ROWS * COLS + 12; /* without the pixels */
	memcpy(now.bytes, data, now.n);
	for (unsigned i = 1; i < sizeof way / sizeof *way; i++) {
		next.n = 0;
		if (shim_dataset_rewrite(now.bytes, now.n, way[i - 1], way[i], put_away, &next) < 0)
			fail_msg("%s to %s: %s", way[i - 1], way[i], shim_error());
		now = next;
	}
	assert_int_equal(shim_dataset_rewrite(now.bytes, now.n, ELE, ILE, put_nowhere, NULL), SHIM_EIO);
	next.n = 0;
	assert_int_equal(shim_dataset_rewrite(data, now.n, ELE, ELE, put_away, &next), 0);
	assert_int_equal(now.n, next.n);
	assert_memory_equal(now.bytes, next.bytes, now.n);
}

static int see_file(void *arg, const char *id)
{
	strcat(strcat(arg, id), " ");
	return 0;
}

static void dicomdir(void **state)
{
	static const char *const ids[] = {"IMAGES/A1", "IMAGES/A2", "IMAGES/NOT"};
	uint8_t data[16384];
	size_t n = make_data_set(data);
	char found[200] = "";

	(void)state;
	mkdir(in_scratch("IMAGES"), 0700);
	write_part10(in_scratch("IMAGES/A1"), ELE, data, n);
	memcpy(data + 34 + 8, "1.2.3.4.5.7", 11);
	write_part10(in_scratch("IMAGES/A2"), HTJ2K, data, n - 2 * ROWS * COLS - 12); /* a syntax DCMTK does not know */
	assert_int_equal(shim_dicomdir_write(scratch, ids, 3, "TELEREAD"), 2);
	assert_non_null(strstr(shim_error(), "IMAGES/NOT"));
	assert_int_equal(shim_dicomdir_each(in_scratch("DICOMDIR"), see_file, found), 0);
	assert_string_equal(found, "IMAGES/A1 IMAGES/A2 ");
	assert_int_equal(shim_dicomdir_each(in_scratch("IMAGES/A1"), see_file, found), SHIM_EPARSE);
	assert_int_equal(shim_dicomdir_each("/nonexistent", see_file, found), SHIM_EIO);
	assert_int_equal(shim_dicomdir_write(NULL, ids, 1, "X"), SHIM_EINVAL);
}

static int hostile_file(const char *path)
{
	shim_dataset *ds = NULL;
	int rc = shim_dataset_read_file(path, &ds);

	shim_dataset_free(ds);
	return rc < SHIM_EIO || rc > 0 || rc == SHIM_EBUG ? rc : 0;
}

static void hostile_files(void **state)
{
	char pattern[512];
	glob_t g;

	(void)state;
	if (!shared()) {
		print_message("skipped: no shared data (TELEREAD_SHARED)\n");
		skip();
	}
	snprintf(pattern, sizeof pattern, "%s/data/hostile/file/*", shared());
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (getenv("SHIM_TEST_VERBOSE"))
			print_message("%s\n", g.gl_pathv[i]);
		assert_int_equal(hostile_file(g.gl_pathv[i]), 0);
	}
	globfree(&g);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(scratch) ? shim_setup() : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dictionary),
	    cmocka_unit_test(parse_and_get),
	    cmocka_unit_test(unreadable_files),
	    cmocka_unit_test(deep_nesting),
	    cmocka_unit_test(deep_private_nesting),
	    cmocka_unit_test(disguised_nesting),
	    cmocka_unit_test(rewritten),
	    cmocka_unit_test(dicomdir),
	    cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
