/* Where frames lie: by arithmetic, by tables that are right, wrong or missing, by what stands in the items. */
#include "archive/frames_cache.h"
#include "archive/frames_read.h"
#include "archive/lookup.h"
#include "archive_help.h"
#include <inttypes.h>

#define JPEG "1.2.840.10008.1.2.4.50"
#define J2K "1.2.840.10008.1.2.4.90"
#define RLE "1.2.840.10008.1.2.5"
#define MPEG4 "1.2.840.10008.1.2.4.102"
#define PRIVATE_SYNTAX "1.2.3.4"
#define SOI "\xFF\xD8\xFF" /* shown as ( */
#define SOC "\xFF\x4F\xFF\x51"
enum { HEAD = 7 }; /* bytes before the data set */

/* ---- a file in memory */

struct file {
	struct buf bytes;
	const char *syntax;
	uint64_t lie; /* bytes that the file claims to have and has not */
	unsigned reads, hints;
};

static int64_t file_read(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	struct file *f = arg;
	(void)e;
	f->reads++;
	if (at >= f->bytes.len)
		return 0;
	n = n < f->bytes.len - at ? n : (size_t)(f->bytes.len - at);
	memcpy(buf, f->bytes.data + at, n);
	return (int64_t)n;
}

static void file_ahead(void *arg, uint64_t at, size_t n)
{
	struct file *f = arg;
	assert_true(n > 0 && at < UINT64_MAX / 2);
	f->hints++;
}

static int read_table(struct file *f, struct frame_table **t, struct err *e)
{
	struct frame_source src = {file_read, file_ahead, f, f->bytes.len + f->lie, HEAD};
	return frames_read(&src, f->syntax, t, e);
}

struct shape {
	const char *frames, *photometric;
	uint16_t rows, columns, samples, bits;
};

/* The head of a data set up to its pixel data. */
static struct file begin(const char *syntax, const struct shape *s)
{
	struct file f = {.bytes = BUF(256 << 20), .syntax = syntax};
	AUTO(dset) d = NULL;
	AUTO(buf) head = BUF(1 << 20);
	const struct {
		uint32_t tag;
		uint16_t value;
	} numbers[] = {{TAG(0x28, 2), s->samples},
		       {TAG(0x28, 0x10), s->rows},
		       {TAG(0x28, 0x11), s->columns},
		       {TAG(0x28, 0x100), s->bits}};
	assert_int_equal(dset_new(&d, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		if (numbers[i].value)
			assert_int_equal(dset_put(d, numbers[i].tag, "US", &numbers[i].value, 2, NULL), 0);
	if (s->frames)
		dset_put_text(d, TAG(0x28, 8), s->frames, NULL);
	dset_put_text(d, TAG(0x28, 4), s->photometric ? s->photometric : "MONOCHROME2", NULL);
	bool native = !strcmp(syntax, UID_IMPLICIT_LE) || !strcmp(syntax, UID_EXPLICIT_BE);
	assert_int_equal(dset_write(d, native ? syntax : UID_EXPLICIT_LE, &head, NULL), 0);
	buf_put(&f.bytes, "1234567", HEAD, NULL);
	buf_put(&f.bytes, head.data, head.len, NULL);
	return f;
}

static void put32(struct file *f, uint32_t v)
{
	const uint8_t p[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	buf_put(&f->bytes, p, 4, NULL);
}

static void put_tag(struct file *f, uint32_t tag)
{
	put32(f, tag << 16 | tag >> 16);
}

static void native(struct file *f, uint32_t tag, const char *vr, uint32_t says, size_t there)
{
	if (!strcmp(f->syntax, UID_EXPLICIT_BE)) {
		const uint8_t head[12] = {0x7F,
					  0xE0,
					  0,
					  0x10,
					  'O',
					  'W',
					  0,
					  0,
					  (uint8_t)(says >> 24),
					  (uint8_t)(says >> 16),
					  (uint8_t)(says >> 8),
					  (uint8_t)says};
		buf_put(&f->bytes, head, sizeof head, NULL);
	} else {
		put_tag(f, tag);
		if (strcmp(f->syntax, UID_IMPLICIT_LE)) {
			buf_put(&f->bytes, vr, 2, NULL);
			buf_put(&f->bytes, "\0\0", 2, NULL);
		}
		put32(f, says);
	}
	assert_int_equal(buf_reserve(&f->bytes, there + 1, NULL), 0);
	for (size_t i = 0; i < there; i++)
		f->bytes.data[f->bytes.len++] = (uint8_t)i;
}

static void open_items(struct file *f)
{
	put_tag(f, TAG(0x7FE0, 0x10));
	buf_put(&f->bytes, "OB\0\0", 4, NULL);
	put32(f, UINT32_MAX);
}

static void item(struct file *f, const char *data, size_t n)
{
	put_tag(f, TAG(0xFFFE, 0xE000));
	put32(f, (uint32_t)n);
	buf_put(&f->bytes, data, n, NULL);
}

static void end_items(struct file *f)
{
	put_tag(f, TAG(0xFFFE, 0xE0DD));
	put32(f, 0);
}

static void basic(struct file *f, const uint32_t *offsets, size_t n)
{
	put_tag(f, TAG(0xFFFE, 0xE000));
	put32(f, (uint32_t)(4 * n));
	for (size_t i = 0; i < n; i++)
		put32(f, offsets[i]);
}

static void extended(struct file *f, uint32_t tag, const uint64_t *values, size_t n)
{
	put_tag(f, tag);
	buf_put(&f->bytes, "OV\0\0", 4, NULL);
	put32(f, (uint32_t)(8 * n));
	for (size_t i = 0; i < n; i++) {
		put32(f, (uint32_t)values[i]);
		put32(f, (uint32_t)(values[i] >> 32));
	}
}

/* ---- what came of it, as text: frames between |, pieces of one between +; ( for the beginning of a codestream */

static void show_piece(const struct file *f, const struct frame_piece *p, struct buf *out)
{
	const char *data = (const char *)f->bytes.data + p->at;
	assert_true(p->at + p->n <= f->bytes.len);
	for (uint64_t i = 0; i < p->n; i++)
		if (p->n - i >= 3 && (!memcmp(data + i, SOI, 3) || !memcmp(data + i, SOC, 3))) {
			buf_byte(out, '(', NULL);
			i += !memcmp(data + i, SOI, 3) ? 2 : 3;
		} else {
			buf_byte(out, (uint8_t)(data[i] ? data[i] : '0'), NULL);
		}
}

static void show_frames(const struct file *f, const struct frame_table *t, struct buf *out)
{
	struct frame_piece p[16];
	for (uint64_t k = 0; k < frames_of(t)->n; k++) {
		int64_t n = frames_locate(t, k, p, 16, NULL);
		assert_in_range(n, 1, 16);
		if (k)
			buf_byte(out, '|', NULL);
		for (int64_t i = 0; i < n; i++) {
			if (i)
				buf_byte(out, '+', NULL);
			show_piece(f, &p[i], out);
		}
	}
	assert_int_equal(frames_locate(t, frames_of(t)->n, p, 16, NULL), -E_NOENT);
}

/* "!NAME sentence" for an error; a warning stands behind a blank. Consumes f. */
static const char *frames_text(struct file *f)
{
	static char text[4096];
	AUTO(buf) out = BUF(2048);
	struct frame_table *t;
	struct err e = {0};
	int rc = read_table(f, &t, &e);
	if (rc < 0) {
		assert_true(e.msg[0] != 0);
		snprintf(text, sizeof text, "!%s %s", err_name(e.code), e.msg);
	} else {
		show_frames(f, t, &out);
		snprintf(text, sizeof text, "%s%s%s", buf_text(&out), frames_of(t)->warning[0] ? " " : "",
			 frames_of(t)->warning);
		frames_close(t);
	}
	buf_cleanup(&f->bytes);
	return text;
}

#define assert_frames(f, expected) assert_string_equal(frames_text(f), expected)

/* Fragments: texts; SOI and SOC have no zero bytes. NULL offsets: an empty table. */
static struct file encapsulated(const char *syntax, const char *frames, const uint32_t *offsets, size_t n_offsets,
				const char *const *fragments)
{
	struct shape s = {.frames = frames, .rows = 8, .columns = 8, .samples = 1, .bits = 8};
	struct file f = begin(syntax, &s);
	open_items(&f);
	basic(&f, offsets, n_offsets);
	for (; *fragments; fragments++)
		item(&f, *fragments, strlen(*fragments));
	end_items(&f);
	return f;
}
#define FRAGMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OFFSETS(...) ((const uint32_t[]){__VA_ARGS__}), sizeof((const uint32_t[]){__VA_ARGS__}) / 4

/* ---- native */

static const struct frames *about(struct file *f, struct frame_table **t)
{
	struct err e = {0};
	if (read_table(f, t, &e) < 0)
		fail_msg("%s", e.msg);
	return frames_of(*t);
}

static void assert_piece(const struct file *f, const struct frame_table *t, uint64_t frame, uint64_t at, uint64_t n)
{
	struct frame_piece p;
	assert_int_equal(frames_locate(t, frame, &p, 1, NULL), 1);
	assert_int_equal(p.at - frames_of(t)->value_at, at);
	assert_int_equal(p.n, n);
	assert_true(p.at + p.n <= f->bytes.len);
	assert_int_equal(f->bytes.data[p.at], (uint8_t)at);
}

static void native_frames_are_counted(void **state)
{
	(void)state;
	static const char *const syntaxes[] = {UID_EXPLICIT_LE, UID_IMPLICIT_LE, UID_EXPLICIT_BE};
	for (unsigned i = 0; i < 3; i++) {
		struct shape s = {"3", NULL, 5, 7, 1, 16};
		struct file f = begin(syntaxes[i], &s);
		struct frame_table *t;
		native(&f, TAG(0x7FE0, 0x10), "OW", 210, 210);
		const struct frames *a = about(&f, &t);
		assert_int_equal(a->n, 3);
		assert_int_equal(a->rows, 5);
		assert_int_equal(a->columns, 7);
		assert_int_equal(a->samples, 1);
		assert_int_equal(a->bits_allocated, 16);
		assert_int_equal(a->value_n, 210);
		assert_false(a->encapsulated);
		assert_string_equal(a->photometric, "MONOCHROME2");
		assert_string_equal(a->warning, "");
		assert_piece(&f, t, 0, 0, 70);
		assert_piece(&f, t, 2, 140, 70);
		frames_close(t);
		buf_cleanup(&f.bytes);
	}
}

/* Frames of single bits follow each other without a gap. */
static void frames_of_bits(void **state)
{
	(void)state;
	struct shape s = {"3", NULL, 3, 5, 1, 1}; /* 15 bits each, 45 together, 6 bytes */
	struct file f = begin(UID_EXPLICIT_LE, &s);
	struct frame_table *t;
	native(&f, TAG(0x7FE0, 0x10), "OB", 6, 6);
	const struct frames *a = about(&f, &t);
	assert_int_equal(a->n, 3);
	assert_int_equal(a->frame_bits, 15);
	assert_string_equal(a->warning, "");
	assert_piece(&f, t, 0, 0, 2);
	assert_piece(&f, t, 1, 1, 3); /* bits 15 to 29 */
	assert_piece(&f, t, 2, 3, 3);
	frames_close(t);
	buf_cleanup(&f.bytes);
}

static void a_padded_byte_is_no_frame(void **state)
{
	(void)state;
	struct shape odd = {"3", NULL, 1, 1, 1, 8}, whole = {NULL, NULL, 3, 3, 1, 8};
	struct file f = begin(UID_EXPLICIT_LE, &odd), g = begin(UID_EXPLICIT_LE, &whole);
	struct frame_table *t;
	native(&f, TAG(0x7FE0, 0x10), "OB", 4, 4);
	assert_int_equal(about(&f, &t)->n, 3);
	assert_string_equal(frames_of(t)->warning, "");
	frames_close(t);
	native(&g, TAG(0x7FE0, 0x10), "OB", 10, 10);
	assert_int_equal(about(&g, &t)->n, 1);
	assert_string_equal(frames_of(t)->warning, "");
	assert_piece(&g, t, 0, 0, 9);
	frames_close(t);
	buf_cleanup(&f.bytes), buf_cleanup(&g.bytes);
}

static void native_colours(void **state)
{
	(void)state;
	struct shape rgb = {"2", "RGB", 2, 4, 3, 8}, half = {"2", "YBR_FULL_422", 2, 4, 3, 8};
	struct file f = begin(UID_EXPLICIT_LE, &rgb), g = begin(UID_EXPLICIT_LE, &half);
	struct frame_table *t;
	native(&f, TAG(0x7FE0, 0x10), "OB", 48, 48);
	about(&f, &t);
	assert_piece(&f, t, 1, 24, 24);
	frames_close(t);
	native(&g, TAG(0x7FE0, 0x10), "OB", 32, 32);
	about(&g, &t);
	assert_string_equal(frames_of(t)->warning, "");
	assert_piece(&g, t, 1, 16, 16);
	frames_close(t);
	buf_cleanup(&f.bytes), buf_cleanup(&g.bytes);
}

static void pixels_of_floating_point(void **state)
{
	(void)state;
	struct shape s = {"2", NULL, 2, 3, 0, 0};
	struct file f = begin(UID_EXPLICIT_LE, &s), g = begin(UID_EXPLICIT_LE, &s);
	struct frame_table *t;
	native(&f, TAG(0x7FE0, 8), "OF", 48, 48);
	assert_int_equal(about(&f, &t)->tag, TAG(0x7FE0, 8));
	assert_int_equal(frames_of(t)->bits_allocated, 32);
	assert_piece(&f, t, 1, 24, 24);
	frames_close(t);
	native(&g, TAG(0x7FE0, 9), "OD", 96, 96);
	assert_int_equal(about(&g, &t)->bits_allocated, 64);
	assert_piece(&g, t, 1, 48, 48);
	frames_close(t);
	buf_cleanup(&f.bytes), buf_cleanup(&g.bytes);
}

/* trap 26: Number of Frames of native pixels lies: what is there counts */
static void native_numbers_that_lie(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		uint32_t length;
		size_t there;
		uint64_t n;
		const char *warning;
	} cases[] = {
	    {"5", 128, 128, 2, "Number of Frames says 5, there are 2"},
	    {"1", 128, 128, 2, "Number of Frames says 1, there are 2"},
	    {NULL, 64, 64, 1, ""},
	    {"3", 192, 130, 2, "pixel data ends after 130 of 192 bytes"},
	    {"many", 64, 64, 1, "Number of Frames is no number of frames"},
	    {"-2", 64, 64, 1, "Number of Frames is no number of frames"},
	    {"1", 64, 0, 0, "pixel data ends after 0 of 64 bytes"},
	    {"1", 100, 100, 1, ""},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shape s = {cases[i].says, NULL, 8, 8, 1, 8};
		struct file f = begin(UID_EXPLICIT_LE, &s);
		struct frame_table *t;
		native(&f, TAG(0x7FE0, 0x10), "OB", cases[i].length, cases[i].there);
		assert_int_equal(about(&f, &t)->n, cases[i].n);
		assert_string_equal(frames_of(t)->warning, cases[i].warning);
		frames_close(t);
		buf_cleanup(&f.bytes);
	}
}

static void what_has_no_frames(void **state)
{
	(void)state;
	struct shape s = {"1", NULL, 8, 8, 1, 8}, flat = {"1", NULL, 0, 8, 1, 8};
	struct file f = begin(UID_EXPLICIT_LE, &s);
	assert_frames(&f, "!NOENT the instance has no pixel data");
	f = begin(UID_EXPLICIT_LE, &flat);
	native(&f, TAG(0x7FE0, 0x10), "OB", 64, 64);
	assert_frames(&f, "!CORRUPT 0 rows, 8 columns, 8 bits: no frame");
	f = begin(UID_DEFLATED_LE, &s);
	assert_frames(&f, "!UNSUP the data set is deflated as a whole: its frames cannot be addressed in the file");
	f = begin(JPEG, &s);
	native(&f, TAG(0x7FE0, 0x10), "OB", 64, 64);
	assert_frames(&f, "!CORRUPT pixel data of transfer syntax " JPEG " does not lie in fragments");
	f = begin(JPEG, &s);
	open_items(&f);
	basic(&f, NULL, 0);
	end_items(&f);
	assert_frames(&f, "!CORRUPT encapsulated pixel data without a fragment");
	f = begin(JPEG, &s);
	open_items(&f);
	put_tag(&f, TAG(8, 8));
	put32(&f, 0);
	assert_frames(&f, "!CORRUPT encapsulated pixel data does not begin with an item");
}

/* Another image within the data set is not its own. */
static void icons_are_passed_over(void **state)
{
	(void)state;
	struct shape s = {"1", NULL, 2, 2, 1, 8};
	struct file f = begin(UID_EXPLICIT_LE, &s);
	struct frame_table *t;
	put_tag(&f, TAG(0x88, 0x200));
	buf_put(&f.bytes, "SQ\0\0", 4, NULL);
	put32(&f, UINT32_MAX);
	item(&f, "\x28\0\x10\0US\2\0\x40\0", 10);
	memcpy(f.bytes.data + f.bytes.len - 14, "\xff\xff\xff\xff", 4);
	native(&f, TAG(0x7FE0, 0x10), "OB", 4, 4);
	put_tag(&f, TAG(0xFFFE, 0xE00D));
	put32(&f, 0);
	put_tag(&f, TAG(0xFFFE, 0xE0DD));
	put32(&f, 0);
	native(&f, TAG(0x7FE0, 0x10), "OB", 4, 4);
	assert_int_equal(about(&f, &t)->rows, 2);
	assert_int_equal(frames_of(t)->value_at + 4, f.bytes.len);
	frames_close(t);
	buf_cleanup(&f.bytes);
}

/* ---- encapsulated */

/* trap 26: one fragment a frame, without a table and with one */
static void one_fragment_a_frame(void **state)
{
	(void)state;
	struct file f = encapsulated(JPEG, "3", NULL, 0, FRAGMENTS(SOI "aaa", SOI "b", SOI "ccccc"));
	assert_frames(&f, "(aaa|(b|(ccccc");
	f = encapsulated(JPEG, "3", OFFSETS(0, 14, 26), FRAGMENTS(SOI "aaa", SOI "b", SOI "ccccc"));
	assert_frames(&f, "(aaa|(b|(ccccc");
	f = encapsulated(PRIVATE_SYNTAX, "2", NULL, 0, FRAGMENTS("aaaa", "bb"));
	assert_frames(&f, "aaaa|bb");
	f = encapsulated(RLE, "2", NULL, 0, FRAGMENTS("aaaa", "bb"));
	assert_frames(&f, "aaaa|bb");
}

/* trap 26: frames over several fragments, by the Basic Offset Table */
static void frames_over_fragments(void **state)
{
	(void)state;
	struct file f = encapsulated(JPEG, "2", OFFSETS(0, 24), FRAGMENTS(SOI "a", "aaaa", SOI "b", "bb", "bbbb"));
	assert_frames(&f, "(a+aaaa|(b+bb+bbbb");
	/* where images begin tells the same without a table */
	f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "a", "aaaa", SOI "b", "bb", "bbbb"));
	assert_frames(&f, "(a+aaaa|(b+bb+bbbb");
	f = encapsulated(J2K, "2", NULL, 0, FRAGMENTS(SOC "aa", "aaaa", SOC "bb", "bb", "bbbb"));
	assert_frames(&f, "(aa+aaaa|(bb+bb+bbbb");
	/* one frame has them all */
	f = encapsulated(JPEG, "1", NULL, 0, FRAGMENTS(SOI "a", "aaaa", "aa"));
	assert_frames(&f, "(a+aaaa+aa");
	f = encapsulated(PRIVATE_SYNTAX, NULL, NULL, 0, FRAGMENTS("aa", "aaaa", "aa"));
	assert_frames(&f, "aa+aaaa+aa");
	f = encapsulated(JPEG, "1", OFFSETS(0), FRAGMENTS(SOI "a", "aaaa", "aa"));
	assert_frames(&f, "(a+aaaa+aa");
}

/* trap 26: offset tables that are partial, point beside the items, go backwards, or are no table at all */
static void tables_that_lie(void **state)
{
	(void)state;
	const char *const *three = FRAGMENTS(SOI "aaa", SOI "b", SOI "ccccc");
	const char *const *split = FRAGMENTS(SOI "a", "aaaa", SOI "b", "bb");
	struct file f = encapsulated(JPEG, "3", OFFSETS(0, 14), three); /* partial: believed by nobody */
	assert_frames(&f, "(aaa|(b|(ccccc");
	f = encapsulated(JPEG, "3", OFFSETS(0, 14, 0), three);
	assert_frames(&f, "(aaa|(b|(ccccc the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(0, 25), split);
	assert_frames(&f, "(a+aaaa|(b+bb the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(0, 4000000000u), split);
	assert_frames(&f, "(a+aaaa|(b+bb the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(24, 0), split);
	assert_frames(&f, "(a+aaaa|(b+bb the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(0, 0), split);
	assert_frames(&f, "(a+aaaa|(b+bb the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(12, 24), split); /* does not begin with the first one */
	assert_frames(&f, "(a+aaaa|(b+bb the offset table does not fit the items");
	f = encapsulated(JPEG, "2", OFFSETS(0), split); /* says nothing */
	assert_frames(&f, "(a+aaaa|(b+bb");
	f = encapsulated(PRIVATE_SYNTAX, "2", OFFSETS(0, 25), FRAGMENTS("aaaa", "aa", "bb"));
	assert_frames(&f, "aaaa|aa|bb the offset table does not fit the items");
	struct shape s = {"1", NULL, 8, 8, 1, 8};
	f = begin(JPEG, &s);
	open_items(&f);
	item(&f, "\0\0\0\0\0\0", 6);
	item(&f, SOI "a", 4);
	end_items(&f);
	assert_frames(&f, "(a the Basic Offset Table is no row of 32-bit numbers");
	f = begin(JPEG, &s);
	open_items(&f);
	put_tag(&f, TAG(0xFFFE, 0xE000));
	put32(&f, 4000);
	item(&f, SOI "a", 4);
	assert_frames(&f, "!CORRUPT the Basic Offset Table says to be 4000 bytes long");
}

/* trap 26: no first item for the table */
static void a_table_that_was_forgotten(void **state)
{
	(void)state;
	struct shape s = {"2", NULL, 8, 8, 1, 8};
	struct file f = begin(JPEG, &s);
	static const char rle[64] = "\1\0\0\0\x40\0\0\0\0\0\0\0";
	struct frame_table *t;
	open_items(&f);
	item(&f, SOI "aaaaaaaaa", 12);
	item(&f, SOI "b", 4);
	end_items(&f);
	assert_frames(&f, "(aaaaaaaaa|(b there is no Basic Offset Table, not even an empty one");
	f = begin(RLE, &s);
	open_items(&f);
	item(&f, rle, 64);
	item(&f, rle, 64);
	end_items(&f);
	assert_int_equal(about(&f, &t)->n, 2);
	frames_close(t);
	buf_cleanup(&f.bytes);
}

/* trap 26: Number of Frames lies about fragments: what is there counts */
static void encapsulated_numbers_that_lie(void **state)
{
	(void)state;
	struct file f = encapsulated(JPEG, "5", NULL, 0, FRAGMENTS(SOI "a", SOI "b"));
	assert_frames(&f, "(a|(b Number of Frames says 5, there are 2");
	f = encapsulated(JPEG, NULL, NULL, 0, FRAGMENTS(SOI "a", SOI "b"));
	assert_frames(&f, "(a|(b Number of Frames says 1, there are 2");
	f = encapsulated(JPEG, "1", OFFSETS(0, 12), FRAGMENTS(SOI "a", "bbbb"));
	assert_frames(&f, "(a|bbbb Number of Frames says 1, there are 2");
	f = encapsulated(RLE, "4000000000", NULL, 0, FRAGMENTS("aaaa", "bb"));
	assert_frames(&f, "aaaa|bb Number of Frames says 4000000000, there are 2");
	f = encapsulated(RLE, "1", NULL, 0, FRAGMENTS("aaaa", "bb"));
	assert_frames(&f, "aaaa|bb Number of Frames says 1, there are 2");
	f = encapsulated(JPEG, "3", OFFSETS(0, 24), FRAGMENTS(SOI "a", "aaaa", SOI "b", "bb"));
	assert_frames(&f, "(a+aaaa|(b+bb Number of Frames says 3, there are 2");
	/* a table of too few frames, and as many images as frames */
	f = encapsulated(JPEG, "2", OFFSETS(0, 12, 24), FRAGMENTS(SOI "a", "aaaa", SOI "b", "bb"));
	assert_frames(&f, "(a+aaaa|(b+bb");
	f = encapsulated(PRIVATE_SYNTAX, "3", NULL, 0, FRAGMENTS("aa", "aaaa"));
	assert_frames(&f, "aa|aaaa Number of Frames says 3, there are 2");
}

static struct file with_extended(const char *frames, const uint64_t *offsets, const uint64_t *lengths, size_t n)
{
	struct shape s = {frames, NULL, 8, 8, 1, 8};
	struct file f = begin(JPEG, &s);
	extended(&f, TAG(0x7FE0, 1), offsets, n);
	if (lengths)
		extended(&f, TAG(0x7FE0, 2), lengths, n);
	open_items(&f);
	basic(&f, NULL, 0);
	item(&f, SOI "aaa", 6);
	item(&f, SOI "b", 4);
	item(&f, SOI "ccccc", 8);
	end_items(&f);
	return f;
}

/* trap 26: Extended Offset Table of 64 bits, with lengths; and one that lies */
static void extended_offset_tables(void **state)
{
	(void)state;
	const uint64_t offsets[] = {0, 14, 26}, lengths[] = {5, 4, 8};
	const uint64_t wrong[] = {0, 14, 1ull << 33 | 26}, long_ones[] = {7, 4, 8},
		       huge[] = {0, UINT64_MAX, UINT64_MAX - 1};
	struct file f = with_extended("3", offsets, NULL, 3);
	assert_frames(&f, "(aaa|(b|(ccccc");
	f = with_extended("3", offsets, lengths, 3);
	assert_frames(&f, "(aa|(b|(ccccc"); /* without what fills it up */
	f = with_extended("3", offsets, long_ones, 3);
	assert_frames(&f, "(aaa|(b|(ccccc the Extended Offset Table Lengths do not fit the items");
	f = with_extended("3", wrong, NULL, 3);
	assert_frames(&f, "(aaa|(b|(ccccc the offset table does not fit the items");
	f = with_extended("3", huge, lengths, 3);
	assert_frames(&f, "(aaa|(b|(ccccc the offset table does not fit the items");
	f = with_extended("3", offsets, NULL, 2);
	assert_frames(&f, "(aaa|(b|(ccccc");
}

/* trap 26: fragments of odd length, filled up or not; empty ones; a superfluous end of an item */
static void odd_fragments(void **state)
{
	(void)state;
	struct shape s = {"3", NULL, 8, 8, 1, 8};
	struct file f = begin(JPEG, &s);
	open_items(&f);
	basic(&f, NULL, 0);
	item(&f, SOI "aa", 5);
	item(&f, SOI "bb", 5);
	buf_byte(&f.bytes, 0, NULL);
	item(&f, SOI "c", 4);
	end_items(&f);
	assert_frames(&f, "(aa|(bb|(c");
	f = begin(JPEG, &s);
	open_items(&f);
	basic(&f, NULL, 0);
	item(&f, SOI "a", 4);
	put_tag(&f, TAG(0xFFFE, 0xE00D));
	put32(&f, 0);
	item(&f, "", 0);
	item(&f, SOI "c", 4);
	end_items(&f);
	assert_frames(&f, "(a||(c");
}

/* trap 26: pixel data that ends early, or goes on with what is no item */
static void pixel_data_that_ends_early(void **state)
{
	(void)state;
	struct file f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "aaa", SOI "bbb"));
	f.bytes.len -= 8; /* without its end */
	size_t end = f.bytes.len;
	char expected[200];
	snprintf(expected, sizeof expected,
		 "(aaa|(bbb the file ends at %zu without an end of its pixel data, behind fragment 2", end);
	assert_frames(&f, expected);
	f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "aaa", SOI "bbb"));
	f.bytes.len -= 10;
	assert_frames(&f, "(aaa|(b fragment 2 ends after 4 of 6 bytes");
	f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "aaa", SOI "bbb"));
	f.bytes.len -= 8 + 14 - 3; /* within the head of the second */
	assert_non_null(strstr(frames_text(&f), "(aaa no item but other bytes at"));
	f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "aaa", SOI "bbb"));
	memcpy(f.bytes.data + f.bytes.len - 8, "garbage!", 8);
	assert_non_null(strstr(frames_text(&f), "(aaa|(bbb no item but other bytes at"));
	f = encapsulated(JPEG, "2", NULL, 0, FRAGMENTS(SOI "aaa", SOI "bbb"));
	memset(f.bytes.data + f.bytes.len - 8 - 14 + 4, 0xFF, 4); /* of undefined length */
	assert_frames(&f, "(aaa fragment 2 has no length");
}

static void video_is_one_frame(void **state)
{
	(void)state;
	struct file f = encapsulated(MPEG4, "250", NULL, 0, FRAGMENTS("aaaa", "bb"));
	struct frame_table *t;
	assert_true(about(&f, &t)->video);
	frames_close(t);
	assert_frames(&f, "aaaa+bb");
}

/* ---- a file too long to be there: every item but the first few bytes is made up */

#define GIB (1ull << 30)
enum { LONG_FRAGMENTS = 5 };
struct long_file {
	struct file head;   /* up to and with the offset table */
	uint64_t base, one; /* one: an item with its head */
};

static int64_t long_read(void *arg, uint64_t at, void *buf, size_t n, struct err *e)
{
	struct long_file *l = arg;
	uint8_t *out = buf;
	uint64_t end = l->base + LONG_FRAGMENTS * l->one + 8;
	(void)e;
	if (at >= end)
		return 0;
	n = n < end - at ? n : (size_t)(end - at);
	for (size_t i = 0; i < n; i++) {
		uint64_t k = at + i;
		uint32_t length = (uint32_t)(l->one - 8);
		const uint8_t item[8] = {0xFE,
					 0xFF,
					 0,
					 0xE0,
					 (uint8_t)length,
					 (uint8_t)(length >> 8),
					 (uint8_t)(length >> 16),
					 (uint8_t)(length >> 24)};
		static const uint8_t last[8] = {0xFE, 0xFF, 0xDD, 0xE0};
		if (k < l->base)
			out[i] = l->head.bytes.data[k];
		else if (k >= end - 8)
			out[i] = last[k - (end - 8)];
		else
			out[i] = (k - l->base) % l->one < 8 ? item[(k - l->base) % l->one] : 'x';
	}
	return (int64_t)n;
}

/* trap 26: pixel data over 4 GiB, with offsets of 32 bits that go round */
static void offsets_that_go_round(void **state)
{
	(void)state;
	struct shape s = {"5", NULL, 8, 8, 1, 8};
	struct long_file l = {.head = begin(PRIVATE_SYNTAX, &s), .one = 3 * GIB / 2 + 8};
	struct frame_piece p;
	struct frame_table *t;
	struct err e = {0};
	uint32_t offsets[LONG_FRAGMENTS];
	for (unsigned i = 0; i < LONG_FRAGMENTS; i++)
		offsets[i] = (uint32_t)(i * l.one);
	assert_true(offsets[3] < offsets[2]);
	open_items(&l.head);
	basic(&l.head, offsets, LONG_FRAGMENTS);
	l.base = l.head.bytes.len;
	struct frame_source src = {long_read, NULL, &l, l.base + LONG_FRAGMENTS * l.one + 8, HEAD};
	if (frames_read(&src, PRIVATE_SYNTAX, &t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(frames_of(t)->warning, "");
	assert_int_equal(frames_of(t)->n, 5);
	assert_int_equal(frames_locate(t, 4, &p, 1, NULL), 1);
	assert_int_equal(p.at, l.base + 4 * l.one + 8);
	assert_int_equal(p.n, 3 * GIB / 2);
	frames_close(t);
	buf_cleanup(&l.head.bytes);
}

/* ---- many */

static void many_fragments(struct file *f, unsigned n, size_t length)
{
	char *bytes = calloc(1, length);
	struct shape s = {.rows = 8, .columns = 8, .samples = 1, .bits = 8};
	char frames[16];
	uint32_t *offsets = calloc(n, sizeof *offsets);
	snprintf(frames, sizeof frames, "%u", n);
	s.frames = frames;
	*f = begin(PRIVATE_SYNTAX, &s);
	open_items(f);
	for (unsigned i = 0; i < n; i++)
		offsets[i] = (uint32_t)(i * (length + 8));
	basic(f, offsets, n);
	for (unsigned i = 0; i < n; i++)
		item(f, bytes, length);
	end_items(f);
	free(bytes);
	free(offsets);
}

/* Short items are read many at once; long ones by their heads, told of beforehand. */
static void items_are_walked_in_few_reads(void **state)
{
	(void)state;
	struct file f;
	struct frame_table *t;
	many_fragments(&f, 50000, 16);
	assert_int_equal(about(&f, &t)->n, 50000);
	assert_string_equal(frames_of(t)->warning, "");
	assert_in_range(f.reads, 1, 60);
	assert_int_equal(f.hints, 0);
	assert_int_equal(frames_bytes(t), sizeof *t + 50000 * 16);
	frames_close(t);
	buf_cleanup(&f.bytes);
	many_fragments(&f, 1000, 20000);
	assert_int_equal(about(&f, &t)->n, 1000);
	assert_in_range(f.reads, 1000, 1100);
	assert_in_range(f.hints, 900, 1000);
	frames_close(t);
	buf_cleanup(&f.bytes);
}

static void more_than_can_be_kept(void **state)
{
	(void)state;
	struct file f;
	many_fragments(&f, FRAMES_FRAGMENTS, 0);
	struct frame_table *t;
	assert_int_equal(about(&f, &t)->n, FRAMES_FRAGMENTS);
	frames_close(t);
	f.bytes.len -= 8;
	item(&f, "", 0);
	assert_frames(&f, "!LIMIT more than 2097152 fragments in one instance");
}

/* ---- of stored instances */

static struct frame_table *table_of(uint64_t pack, uint32_t fragments)
{
	struct frame_table *t = calloc(1, sizeof *t);
	atomic_init(&t->refs, 1);
	t->pack = pack;
	t->fragments = malloc(fragments * sizeof *t->fragments);
	t->n_fragments = fragments;
	return t;
}

static void memory_is_bounded(void **state)
{
	(void)state;
	struct frame_cache *c = frame_cache_new();
	uint32_t each = FRAMES_KEPT / sizeof(struct frame_piece) / 10;
	struct frame_table *held = table_of(0, each);
	frame_cache_put(c, held);
	for (uint64_t i = 1; i < 30; i++) {
		struct frame_table *t = table_of(i, each), *first;
		frame_cache_put(c, t);
		frames_close(t);
		first = frame_cache_get(c, 1, 0, true); /* used each time: it stays */
		assert_non_null(first);
		frames_close(first);
	}
	assert_null(frame_cache_get(c, 0, 0, true));
	held->fragments[each - 1].n = 1; /* who has it keeps it */
	frames_close(held);
	unsigned there = 0;
	for (uint64_t i = 0; i < 30; i++) {
		struct frame_table *t = frame_cache_get(c, i, 0, false);
		there += t != NULL;
		frames_close(t);
	}
	assert_int_equal(there, 9);
	struct frame_table *large = table_of(99, FRAMES_KEPT / sizeof(struct frame_piece));
	frame_cache_put(c, large); /* too large to be kept: drives nothing out */
	frames_close(large);
	assert_null(frame_cache_get(c, 99, 0, true));
	frame_cache_free(c);
}

/* What imaging is given of it. */
static void as_a_source(struct archive *a, const struct stored *s, const struct frame_piece *p)
{
	AUTO(frames_source) src = {0};
	struct frame_piece q;
	uint8_t read[600], file[600];
	assert_int_equal(frames_source(a, s, &src, NULL), 0);
	assert_int_equal(src.tag, TAG(0x7FE0, 0x10));
	assert_int_equal(src.frames, 1);
	assert_int_equal(src.size, s->part10_len);
	assert_int_equal(src.head_len, s->head_len);
	assert_string_equal(src.syntax, s->syntax);
	const struct image_pixel pixels = {
	    .rows = 10, .columns = 30, .samples = 1, .bits_allocated = 16, .bits_stored = 16, .high_bit = 15};
	assert_memory_equal(&src.pixels, &pixels, sizeof pixels);
	assert_int_equal(src.locate(src.arg, 0, &q, 1, NULL), 1);
	assert_int_equal(src.locate(src.arg, 1, &q, 1, NULL), -E_NOENT);
	assert_memory_equal(&q, p, sizeof q);
	assert_int_equal(src.read(src.arg, q.at, read, sizeof read, NULL), 600);
	assert_true(src.fd >= 0);
	assert_int_equal(pread(src.fd, file, sizeof file, (off_t)(src.fd_at + q.at)), 600);
	assert_memory_equal(read, file, sizeof file);
}

static void frames_of_an_archive(void **state)
{
	(void)state;
	struct archive *a = open_archive();
	struct object one = make_object("P1", 1, 1, 600, 1);
	struct scope all = {.kind = SCOPE_EVERYTHING};
	struct intake_result r;
	struct frame_table *t, *again;
	struct stored s;
	struct err e = {0};
	/* rows and columns, before the pixel data of 612 bytes */
	static const uint8_t shape[] = {0x28, 0,   2,    0, 'U', 'S', 2,    0,   1,    0, 0x28, 0,   0x10, 0,
					'U',  'S', 2,    0, 10,  0,   0x28, 0,   0x11, 0, 'U',  'S', 2,    0,
					30,   0,   0x28, 0, 0,   1,   'U',  'S', 2,    0, 16,   0};
	struct object shaped = {.data = BUF(1 << 20)};
	size_t head = one.data.len - 612;
	strcpy(shaped.sop, one.sop);
	buf_put(&shaped.data, one.data.data, head, NULL);
	buf_put(&shaped.data, shape, sizeof shape, NULL);
	buf_put(&shaped.data, one.data.data + head, 612, NULL);
	assert_int_equal(take_in(a, &shaped, &r, NULL), 0);
	assert_int_equal(r.outcome, INTAKE_STORED);
	assert_int_equal(lookup_instance(a, &all, "1.2.826.0.1.1", "", one.sop, &s, NULL), 0);
	assert_int_equal(frames_known(a, &s, &t), 0);
	if (frames_open(a, &s, &t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(frames_known(a, &s, &again), 1);
	assert_ptr_equal(t, again);
	struct frame_piece p;
	uint8_t pixels[600];
	assert_int_equal(frames_of(t)->n, 1);
	assert_int_equal(frames_locate(t, 0, &p, 1, NULL), 1);
	assert_int_equal(p.n, 600);
	assert_int_equal(stored_read(a, &s, p.at, pixels, sizeof pixels, NULL), 600);
	assert_memory_equal(pixels, one.data.data + one.data.len - 600, 600);
	frames_close(t);
	as_a_source(a, &s, &p);
	archive_close(a);
	assert_int_equal(frames_of(again)->n, 1); /* outlives what it is of */
	frames_close(again);
	buf_cleanup(&one.data), buf_cleanup(&shaped.data);
}

/* ---- tables that settled records carry */

enum { VALUE_AT = 1000, FRAME_N = 500, CUTS = 3 };

/* odd: of this frame (from 0), what is changed. */
static int settled_table(unsigned frames, unsigned cuts, const struct appendix_frame *odd, unsigned which,
			 uint64_t file_n, struct file *f, struct frame_table **t, struct err *e)
{
	AUTO(appendix_writer) w = NULL;
	struct appendix about = {
	    .value_at = VALUE_AT,
	    .value_n = (uint64_t)frames * (FRAME_N + 8) + 16,
	    .pixels = {.rows = 32, .columns = 16, .samples = 1, .bits_allocated = 16, .bits_stored = 12}};
	*f = (struct file){.bytes = BUF(64 << 20)};
	strcpy(about.pixels.photometric, "MONOCHROME2");
	assert_int_equal(appendix_new(cuts, &w, NULL), 0);
	for (unsigned i = 0; i < frames; i++) {
		struct appendix_frame one = {
		    .at = VALUE_AT + 16 + (uint64_t)i * (FRAME_N + 8), .n = FRAME_N, .cut = {10, 100, 500}};
		assert_int_equal(appendix_add(w, odd && i == which ? odd : &one, NULL), 0);
	}
	assert_int_equal(appendix_end(w, &about, &f->bytes, NULL), 0);
	struct frame_source src = {file_read, file_ahead, f, f->bytes.len, 0};
	return frames_appendix(&src, file_n, t, e);
}

static void tables_of_settled_records(void **state)
{
	enum { FRAMES = 5000, FILE_N = VALUE_AT + FRAMES * (FRAME_N + 8) + 16 };
	struct frame_table *t;
	struct frame_piece p;
	uint64_t cuts[APPENDIX_CUTS];
	struct err e = {0};
	struct file f;
	(void)state;

	assert_int_equal(settled_table(1, CUTS, NULL, 0, FILE_N, &f, &t, &e), 0);
	assert_int_equal(f.reads, 1);
	frames_close(t);
	buf_cleanup(&f.bytes);

	assert_int_equal(settled_table(FRAMES, CUTS, NULL, 0, FILE_N, &f, &t, &e), 0);
	assert_in_range(f.reads, 1, f.bytes.len / 60000 + 1);
	assert_int_equal(frames_of(t)->n, FRAMES);
	assert_int_equal(frames_of(t)->bits_stored, 12);
	assert_int_equal(frames_locate(t, FRAMES - 1, &p, 1, &e), 1);
	assert_int_equal(p.at, VALUE_AT + 16 + (FRAMES - 1) * (FRAME_N + 8));
	assert_int_equal(p.n, FRAME_N);
	assert_int_equal(frames_cuts(t, FRAMES - 1, cuts), CUTS);
	assert_int_equal(cuts[0], 10);
	assert_int_equal(cuts[2], FRAME_N);
	assert_int_equal(frames_cuts(t, FRAMES, cuts), 0);
	assert_true(frames_bytes(t) > FRAMES * (sizeof p + CUTS * 4));
	frames_close(t);
	buf_cleanup(&f.bytes);

	assert_int_equal(settled_table(2, 0, NULL, 0, FILE_N, &f, &t, &e), 0);
	assert_int_equal(frames_cuts(t, 0, cuts), 0);
	frames_close(t);
	buf_cleanup(&f.bytes);
}

static void settled_tables_that_lie(void **state)
{
	const struct appendix_frame odd[] = {
	    {.at = VALUE_AT + 16, .n = FRAME_N, .cut = {1, 2, 3}},                /* where the first one is */
	    {.at = 10, .n = 5, .cut = {1, 2, 5}},                                 /* in the head */
	    {.at = UINT64_MAX - 3, .n = 5, .cut = {1, 2, 5}},                     /* past everything */
	    {.at = VALUE_AT + 16 + FRAME_N + 8, .n = 1u << 31, .cut = {1, 2, 3}}, /* too long */
	    {.at = VALUE_AT + 16 + FRAME_N + 8, .n = FRAME_N, .cut = {1, 2, FRAME_N + 1}},
	    {.at = VALUE_AT + 16 + FRAME_N + 8, .n = FRAME_N, .cut = {10, 9, FRAME_N}},
	};
	struct frame_table *t;
	struct file f;
	(void)state;

	for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct err e = {0};
		assert_int_equal(settled_table(2, CUTS, &odd[i], 1, 1 << 20, &f, &t, &e), -E_CORRUPT);
		assert_non_null(strstr(e.msg, "frame 2"));
		buf_cleanup(&f.bytes);
	}
	/* of another file: its pixel data would be behind the end */
	assert_int_equal(settled_table(2, CUTS, NULL, 0, VALUE_AT + 10, &f, &t, NULL), -E_CORRUPT);
	/* each byte that is changed is found out, each cut, too */
	for (size_t i = 0; i < f.bytes.len; i++) {
		struct file g = {.bytes = BUF(1 << 20)};
		struct frame_source src = {file_read, file_ahead, &g, f.bytes.len, 0};
		buf_put(&g.bytes, f.bytes.data, f.bytes.len, NULL);
		g.bytes.data[i] ^= 0x10;
		assert_int_equal(frames_appendix(&src, 1 << 20, &t, NULL), -E_CORRUPT);
		g.bytes.len = i;
		assert_true(frames_appendix(&src, 1 << 20, &t, NULL) < 0);
		buf_cleanup(&g.bytes);
	}
	buf_cleanup(&f.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(native_frames_are_counted),
	    cmocka_unit_test(frames_of_bits),
	    cmocka_unit_test(a_padded_byte_is_no_frame),
	    cmocka_unit_test(native_colours),
	    cmocka_unit_test(pixels_of_floating_point),
	    cmocka_unit_test(native_numbers_that_lie),
	    cmocka_unit_test(what_has_no_frames),
	    cmocka_unit_test(icons_are_passed_over),
	    cmocka_unit_test(one_fragment_a_frame),
	    cmocka_unit_test(frames_over_fragments),
	    cmocka_unit_test(tables_that_lie),
	    cmocka_unit_test(a_table_that_was_forgotten),
	    cmocka_unit_test(encapsulated_numbers_that_lie),
	    cmocka_unit_test(extended_offset_tables),
	    cmocka_unit_test(odd_fragments),
	    cmocka_unit_test(pixel_data_that_ends_early),
	    cmocka_unit_test(offsets_that_go_round),
	    cmocka_unit_test(video_is_one_frame),
	    cmocka_unit_test(items_are_walked_in_few_reads),
	    cmocka_unit_test(more_than_can_be_kept),
	    cmocka_unit_test(memory_is_bounded),
	    cmocka_unit_test(tables_of_settled_records),
	    cmocka_unit_test(settled_tables_that_lie),
	    cmocka_unit_test_setup_teardown(frames_of_an_archive, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests_name("archive/frames", tests, NULL, NULL);
}
