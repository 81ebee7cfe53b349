/* Pictures of frames: grey values by the formulas of PS3.3 C.11.2, colours, frames, sizes, and what must be refused. */
#include "dicom/dset.h"
#include "dicom/part10.h"
#include "file_source.h"
#include "imaging/render.h"
#include "imaging/transcode.h"
#include "shim/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h> /* needs what stands above */

#define RLE "1.2.840.10008.1.2.5"
#define JPEG_SV1 "1.2.840.10008.1.2.4.70"
#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define JPEG_LS "1.2.840.10008.1.2.4.80"
#define SECONDARY "1.2.840.10008.5.1.4.1.1.7"

static char folder[] = "/tmp/test-render.XXXXXX";
static char in[80], other[80];

static int setup(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(in, sizeof in, "%s/in", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(in);
	unlink(other);
	return rmdir(folder);
}

/* ---- images to look at */

struct image {
	unsigned rows, columns, samples, bits, stored, is_signed, planar, frames;
	const char *photometric;
	const void *pixels;
	size_t n; /* bytes of pixels; 0: as many as belong to it */
};

static struct dset *describe(const struct image *i)
{
	struct dset *d;
	char frames[12];

	assert_int_equal(dset_new(&d, NULL), 0);
	dset_put_text(d, TAG(8, 0x16), SECONDARY, NULL);
	dset_put_text(d, TAG(8, 0x18), "1.2.826.0.1.9.1", NULL);
	dset_put_int(d, TAG(0x28, 2), i->samples ? i->samples : 1, NULL);
	dset_put_text(d, TAG(0x28, 4), i->photometric ? i->photometric : "MONOCHROME2", NULL);
	if (i->samples > 1)
		dset_put_int(d, TAG(0x28, 6), i->planar, NULL);
	snprintf(frames, sizeof frames, "%u", i->frames);
	if (i->frames)
		dset_put_text(d, TAG(0x28, 8), frames, NULL);
	dset_put_int(d, TAG(0x28, 0x10), i->rows, NULL);
	dset_put_int(d, TAG(0x28, 0x11), i->columns, NULL);
	dset_put_int(d, TAG(0x28, 0x100), i->bits, NULL);
	dset_put_int(d, TAG(0x28, 0x101), i->stored ? i->stored : i->bits, NULL);
	dset_put_int(d, TAG(0x28, 0x102), (i->stored ? i->stored : i->bits) - 1, NULL);
	dset_put_int(d, TAG(0x28, 0x103), i->is_signed, NULL);
	return d;
}

/* Consumes d. encapsulated: as one fragment of this syntax, as it is. */
static void write_file(struct dset *d, const struct image *i, const char *encapsulated)
{
	AUTO(buf) out = BUF(64 << 20);
	struct part10_meta meta = {.sop_class = SECONDARY, .sop_instance = "1.2.826.0.1.9.1"};
	size_t n = i->n ? i->n
			: ((size_t)i->rows * i->columns * (i->samples ? i->samples : 1) * i->bits *
			       (i->frames ? i->frames : 1) +
			   7) /
			      8;
	size_t even = n + n % 2;
	uint8_t head[12] = {0xe0, 0x7f, 0x10, 0, 'O', i->bits > 8 ? 'W' : 'B', 0, 0};
	uint8_t item[16] = {0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0};
	static const uint8_t end[8] = {0xfe, 0xff, 0xdd, 0xe0};

	strcpy(meta.syntax, encapsulated ? encapsulated : UID_EXPLICIT_LE);
	assert_int_equal(part10_write(&meta, &out, NULL), 0);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &out, NULL), 0);
	if (encapsulated) {
		head[5] = 'B';
		memset(head + 8, 0xff, 4);
	}
	for (unsigned k = 0; k < 4; k++) {
		if (!encapsulated)
			head[8 + k] = (uint8_t)(even >> 8 * k);
		item[12 + k] = (uint8_t)(even >> 8 * k);
	}
	buf_put(&out, head, sizeof head, NULL);
	if (encapsulated)
		buf_put(&out, item, sizeof item, NULL);
	buf_put(&out, i->pixels, n, NULL);
	if (n % 2)
		buf_byte(&out, 0, NULL);
	if (encapsulated)
		buf_put(&out, end, sizeof end, NULL);
	FILE *f = fopen(in, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(out.data, 1, out.len, f), out.len);
	assert_int_equal(fclose(f), 0);
	dset_free(d);
}

static void make(const struct image *i)
{
	write_file(describe(i), i, NULL);
}

static const uint16_t ramp[12] = {0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 4095};
static const struct image grey = {.rows = 3, .columns = 4, .bits = 16, .stored = 12, .pixels = ramp};

static void window(struct dset *d, const char *center, const char *width, const char *function)
{
	dset_put_text(d, TAG(0x28, 0x1050), center, NULL);
	dset_put_text(d, TAG(0x28, 0x1051), width, NULL);
	if (function)
		dset_put_text(d, TAG(0x28, 0x1056), function, NULL);
}

/* ---- looking */

struct look {
	unsigned width, height, samples;
	uint8_t *data;
};

static void look_free(struct look *l)
{
	free(l->data);
	l->data = NULL;
}

static char warned[CODEC_WARNING];

static int render(const char *path, const struct render_options *o, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size_t n = (size_t)ftell(f);
	rewind(f);
	uint8_t *data = malloc(n); /* of just its size: a sanitizer sees what reads beyond */
	assert_int_equal(fread(data, 1, n, f), n);
	fclose(f);
	warned[0] = '\0';
	int rc = render_bytes(data, n, NULL, 0, o, out, warned, e);
	free(data);
	return rc;
}

static struct look look_at(const char *path, const struct render_options *options)
{
	AUTO(buf) out = BUF(64 << 20);
	struct render_options o = *options;
	struct err e = {0};
	png_image png = {.version = PNG_IMAGE_VERSION};

	o.format = RENDER_PNG;
	if (render(path, &o, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(png_image_begin_read_from_memory(&png, out.data, out.len));
	struct look l = {png.width, png.height, png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1, NULL};
	png.format = l.samples == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	l.data = malloc(PNG_IMAGE_SIZE(png));
	assert_true(png_image_finish_read(&png, NULL, l.data, 0, NULL));
	return l;
}

static struct look look(void)
{
	return look_at(in, &(struct render_options){0});
}

static void assert_like(const uint8_t *got, const double *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fabs(got[i] - wanted[i]) > 1.0)
			fail_msg("sample %zu is %u, expected %.1f", i, got[i], wanted[i]);
}

static double clamp(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}
static double linear(double x, double c, double w)
{
	return clamp(((x - (c - 0.5)) / (w - 1) + 0.5) * 255);
}

static void assert_refused(int code, const char *word)
{
	AUTO(buf) out = BUF(1 << 20);
	struct err e = {0};
	int rc = render(in, &(struct render_options){0}, &out, &e);

	if (rc != -code)
		fail_msg("%d, expected %d (%s): %s", rc, -code, word, e.msg);
	if (!strstr(e.msg, word))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, word);
	assert_int_equal(out.len, 0);
}

/* ---- grey */

static void window_of_the_file(void **state)
{
	struct dset *d = describe(&grey);
	double wanted[12];
	(void)state;

	window(d, "500\\40", "600\\80", NULL);
	write_file(d, &grey, NULL);
	struct look l = look();
	assert_int_equal(l.width, 4);
	assert_int_equal(l.height, 3);
	assert_int_equal(l.samples, 1);
	for (int i = 0; i < 12; i++)
		wanted[i] = linear(ramp[i], 500, 600);
	assert_like(l.data, wanted, 12);
	look_free(&l);
}

static void window_of_the_request(void **state)
{
	struct dset *d = describe(&grey);
	struct render_options o = {.voi = RENDER_LINEAR, .window_center = 300, .window_width = 400};
	double wanted[12];
	(void)state;

	window(d, "500", "600", "SIGMOID"); /* not asked for */
	dset_put_text(d, TAG(0x28, 0x1052), "-50", NULL);
	dset_put_text(d, TAG(0x28, 0x1053), "0.5", NULL);
	write_file(d, &grey, NULL);
	struct look l = look_at(in, &o);
	for (int i = 0; i < 12; i++)
		wanted[i] = linear(ramp[i] * 0.5 - 50, 300, 400);
	assert_like(l.data, wanted, 12);
	look_free(&l);
	o.voi = RENDER_LINEAR_EXACT;
	l = look_at(in, &o);
	for (int i = 0; i < 12; i++)
		wanted[i] = clamp(((ramp[i] * 0.5 - 50 - 300) / 400 + 0.5) * 255);
	assert_like(l.data, wanted, 12);
	look_free(&l);
	o.voi = RENDER_SIGMOID;
	l = look_at(in, &o);
	for (int i = 0; i < 12; i++)
		wanted[i] = 255 / (1 + exp(-4 * (ramp[i] * 0.5 - 50 - 300) / 400));
	assert_like(l.data, wanted, 12);
	look_free(&l);
}

static void slopes_that_integers_would_lose(void **state)
{
	struct dset *d = describe(&grey);
	double wanted[12];
	(void)state;

	window(d, "0.0005", "0.001", "LINEAR_EXACT");
	dset_put_text(d, TAG(0x28, 0x1052), "0", NULL);
	dset_put_text(d, TAG(0x28, 0x1053), "0.000001", NULL);
	write_file(d, &grey, NULL);
	struct look l = look();
	for (int i = 0; i < 12; i++)
		wanted[i] = clamp(ramp[i] / 1000.0 * 255);
	assert_like(l.data, wanted, 12);
	look_free(&l);
}

static void without_a_window_from_darkest_to_brightest(void **state)
{
	static const int16_t samples[6] = {-1000, -500, 0, 250, 500, 1000};
	struct image i = {.rows = 2, .columns = 3, .bits = 16, .is_signed = 1, .pixels = samples};
	double wanted[6];
	(void)state;

	make(&i);
	struct look l = look();
	for (int k = 0; k < 6; k++)
		wanted[k] = (samples[k] + 1000) / 2000.0 * 255;
	assert_like(l.data, wanted, 6);
	look_free(&l);
	i.photometric = "MONOCHROME1";
	make(&i);
	l = look();
	for (int k = 0; k < 6; k++)
		wanted[k] = 255 - wanted[k];
	assert_like(l.data, wanted, 6);
	look_free(&l);
}

static void tables_of_the_file(void **state)
{
	struct dset *d = describe(&grey), *item;
	uint16_t about[3] = {4, 100, 8}, table[4] = {10, 200, 30, 140};
	(void)state;

	assert_int_equal(dset_put_item(d, TAG(0x28, 0x3010), &item, NULL), 0);
	dset_put(item, TAG(0x28, 0x3002), "US", about, 6, NULL);
	dset_put(item, TAG(0x28, 0x3006), "OW", table, 8, NULL);
	uint16_t samples[12] = {0, 100, 101, 102, 103, 104, 4000, 100, 100, 100, 100, 100};
	struct image i = grey;
	i.pixels = samples;
	write_file(d, &i, NULL);
	struct look l = look();
	static const double wanted[12] = {10, 10, 200, 30, 140, 140, 140, 10, 10, 10, 10, 10};
	assert_like(l.data, wanted, 12);
	look_free(&l);
}

static void groups_of_the_frame(void **state)
{
	uint16_t samples[24];
	struct image i = grey;
	struct dset *d, *frame, *in_it;
	struct render_options o = {.frame = 1};
	double wanted[12];
	(void)state;

	memcpy(samples, ramp, 24);
	memcpy(samples + 12, ramp, 24);
	i.pixels = samples;
	i.frames = 2;
	d = describe(&i);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(dset_put_item(d, TAG(0x5200, 0x9230), &frame, NULL), 0);
		assert_int_equal(dset_put_item(frame, TAG(0x28, 0x9132), &in_it, NULL), 0);
		window(in_it, k ? "100" : "500", k ? "300" : "600", NULL);
		assert_int_equal(dset_put_item(frame, TAG(0x28, 0x9145), &in_it, NULL), 0);
		dset_put_text(in_it, TAG(0x28, 0x1052), k ? "-200" : "0", NULL);
		dset_put_text(in_it, TAG(0x28, 0x1053), "1", NULL);
	}
	write_file(d, &i, NULL);
	struct look l = look_at(in, &o);
	for (int k = 0; k < 12; k++)
		wanted[k] = linear(ramp[k] - 200.0, 100, 300);
	assert_like(l.data, wanted, 12);
	look_free(&l);
}

/* ---- colour */

static void colours(void **state)
{
	static const uint8_t pixels[9] = {255, 0, 0, 0, 128, 0, 9, 8, 250},
			     planes[9] = {255, 0, 9, 0, 128, 8, 0, 0, 250};
	struct image i = {.rows = 1, .columns = 3, .samples = 3, .bits = 8, .photometric = "RGB", .pixels = pixels};
	(void)state;

	make(&i);
	struct look l = look();
	assert_int_equal(l.samples, 3);
	assert_memory_equal(l.data, pixels, 9);
	look_free(&l);
	i.planar = 1;
	i.pixels = planes;
	make(&i);
	l = look();
	assert_memory_equal(l.data, pixels, 9);
	look_free(&l);

	static const uint8_t ybr[9] = {0, 128, 128, 76, 85, 255, 200, 128, 128};
	static const double rgb[9] = {0, 0, 0, 254, 0, 0, 200, 200, 200};
	i = (struct image){.rows = 1, .columns = 3, .samples = 3, .bits = 8, .photometric = "YBR_FULL", .pixels = ybr};
	make(&i);
	l = look();
	assert_like(l.data, rgb, 9);
	look_free(&l);

	static const uint8_t half[8] = {10, 100, 128, 128, 200, 50, 128, 128}; /* Y Y Cb Cr */
	static const double greys[12] = {10, 10, 10, 100, 100, 100, 200, 200, 200, 50, 50, 50};
	i = (struct image){
	    .rows = 1, .columns = 4, .samples = 3, .bits = 8, .photometric = "YBR_FULL_422", .pixels = half, .n = 8};
	make(&i);
	l = look();
	assert_int_equal(l.width, 4);
	assert_like(l.data, greys, 12);
	look_free(&l);
}

static void palettes(void **state)
{
	static const uint8_t pixels[4] = {0, 1, 2, 200};
	struct image i = {.rows = 2, .columns = 2, .bits = 8, .photometric = "PALETTE COLOR", .pixels = pixels};
	uint16_t about[3] = {3, 0, 16}, red[3] = {0, 0xffff, 0}, green[3] = {0, 0, 0x8080}, blue[3] = {0x4040, 0, 0};
	static const uint8_t wanted[12] = {0, 0, 0x40, 255, 0, 0, 0, 0x80, 0, 0, 0x80, 0};
	struct dset *d = describe(&i);
	(void)state;

	for (uint32_t k = 0; k < 3; k++) {
		const uint16_t *data = k == 0 ? red : k == 1 ? green : blue;
		dset_put(d, TAG(0x28, 0x1101) + k, "US", about, 6, NULL);
		dset_put(d, TAG(0x28, 0x1201) + k, "OW", data, 6, NULL);
	}
	write_file(d, &i, NULL);
	struct look l = look();
	assert_int_equal(l.samples, 3);
	assert_memory_equal(l.data, wanted, 12);
	look_free(&l);
}

/* ---- frames and syntaxes */

static void single_bits_begin_anywhere(void **state)
{
	/* three frames of 3 x 3: 9 bits each, the lowest bit first */
	static const char *const drawn[3] = {"101010101", "111000111", "000111000"};
	uint8_t packed[4] = {0};
	struct image i = {.rows = 3, .columns = 3, .bits = 1, .frames = 3, .pixels = packed, .n = 4};
	struct render_options o = {0};
	(void)state;

	for (unsigned k = 0; k < 27; k++)
		packed[k / 8] |= (uint8_t)((drawn[k / 9][k % 9] - '0') << k % 8);
	make(&i);
	for (unsigned f = 0; f < 3; f++) {
		o.frame = f;
		struct look l = look_at(in, &o);
		for (unsigned k = 0; k < 9; k++)
			assert_int_equal(l.data[k], drawn[f][k] == '1' ? 255 : 0);
		look_free(&l);
	}
}

static void like_the_first(const char *path, const struct render_options *o, const struct look *first)
{
	struct look l = look_at(path, o);

	assert_int_equal(l.width, first->width);
	assert_memory_equal(l.data, first->data, (size_t)first->width * first->height);
	look_free(&l);
}

/* What `in` is, in another syntax. */
static void write_other(const char *syntax)
{
	struct file_source f;
	AUTO(transcode_result) r = {0};
	struct err e = {0};
	const int to = open(other, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file_source_open(&f, open(in, O_RDONLY | O_CLOEXEC), &e) < 0 ||
	    transcode(&f.src, syntax, NULL, to, &r, &e) < 0)
		fail_msg("%s", e.msg);
	close(to);
	file_source_close(&f);
}

static void every_syntax_shows_the_same(void **state)
{
	static const char *const native[] = {UID_IMPLICIT_LE, UID_EXPLICIT_BE, UID_DEFLATED_LE};
	static const char *const packed[] = {RLE, JPEG_SV1, JPEG_LS};
	enum { ROWS = 37, COLUMNS = 23, ALL = ROWS * COLUMNS };
	static uint16_t samples[ALL];
	struct image i = {.rows = ROWS, .columns = COLUMNS, .bits = 16, .frames = 1, .pixels = samples};
	struct image_pixel p = {.rows = ROWS,
				.columns = COLUMNS,
				.samples = 1,
				.bits_allocated = 16,
				.bits_stored = 16,
				.high_bit = 15,
				.photometric = "MONOCHROME2"};
	struct render_options o = {.voi = RENDER_LINEAR, .window_center = 30000, .window_width = 65000};
	struct err e = {0};
	(void)state;

	for (unsigned k = 0; k < ALL; k++)
		samples[k] = (uint16_t)(k * 2654435761u >> 14);
	make(&i);
	struct look first = look_at(in, &o);
	for (size_t s = 0; s < sizeof native / sizeof *native; s++) {
		assert_true(render_can(native[s]));
		write_other(native[s]);
		like_the_first(other, &o, &first);
	}
	for (size_t s = 0; s < sizeof packed / sizeof *packed; s++) {
		AUTO(codec_stream) stream = {0};
		struct image coded = i;

		assert_true(render_can(packed[s]));
		if (codec_encode(packed[s], &(struct codec_how){0}, &p, samples, sizeof samples, 1 << 20, &stream, &e) <
		    0)
			fail_msg("%s", e.msg);
		coded.pixels = stream.bytes.data;
		coded.n = stream.bytes.len;
		write_file(describe(&coded), &coded, packed[s]);
		like_the_first(in, &o, &first);
	}
	look_free(&first);
	assert_false(render_can("1.2.840.10008.1.2.4.102")); /* MPEG-4 */
	assert_false(render_can("1.2.3"));
	o.frame = 3;
	AUTO(buf) out = BUF(1 << 20);
	assert_int_equal(render(in, &o, &out, &e), -E_NOENT);
	assert_string_equal(e.msg, "frame 4 of 1");
}

/* ---- regions, sizes, formats */

static void regions_sizes_and_flips(void **state)
{
	static uint8_t samples[60 * 40];
	struct image i = {.rows = 40, .columns = 60, .bits = 8, .pixels = samples};
	struct render_options whole = {.voi = RENDER_LINEAR, .window_center = 128, .window_width = 256}, o = whole;
	AUTO(buf) out = BUF(1 << 20);
	struct err e = {0};
	(void)state;

	for (unsigned y = 0; y < 40; y++)
		for (unsigned x = 0; x < 60; x++)
			samples[y * 60 + x] = (uint8_t)(x * 4 + (y >= 20 ? 10 : 0));
	make(&i);
	o.crop_x = 10, o.crop_y = 19, o.crop_w = 5, o.crop_h = 2, o.flip_x = true;
	struct look l = look_at(in, &o);
	assert_int_equal(l.width, 5);
	assert_int_equal(l.height, 2);
	static const double flipped[10] = {56, 52, 48, 44, 40, 66, 62, 58, 54, 50};
	assert_like(l.data, flipped, 10);
	look_free(&l);
	o.flip_x = false, o.flip_y = true;
	l = look_at(in, &o);
	static const double over[10] = {50, 54, 58, 62, 66, 40, 44, 48, 52, 56};
	assert_like(l.data, over, 10);
	look_free(&l);

	o = whole;
	o.width = 30, o.height = 30; /* fits by its width */
	l = look_at(in, &o);
	assert_int_equal(l.width, 30);
	assert_int_equal(l.height, 20);
	for (unsigned x = 1; x < 29; x++) /* the mean of two columns */
		assert_true(abs(l.data[x] - (int)(x * 8 + 2)) <= 2);
	look_free(&l);
	o.width = 600, o.height = 80;
	l = look_at(in, &o);
	assert_int_equal(l.width, 60); /* not larger unless asked */
	look_free(&l);
	o.enlarge = true;
	l = look_at(in, &o);
	assert_int_equal(l.width, 120);
	assert_int_equal(l.height, 80);
	look_free(&l);

	o = whole;
	o.crop_x = 50, o.crop_w = 11;
	assert_int_equal(render(in, &o, &out, &e), -E_INVAL);
	assert_non_null(strstr(e.msg, "60 x 40"));
	o.crop_x = 60, o.crop_w = 0;
	assert_int_equal(render(in, &o, &out, NULL), -E_INVAL);
}

static void pixels_that_are_no_squares(void **state)
{
	static uint8_t samples[64];
	struct image i = {.rows = 8, .columns = 8, .bits = 8, .pixels = samples};
	struct dset *d = describe(&i);
	struct render_options o = {.width = 100, .height = 100, .enlarge = true};
	(void)state;

	dset_put_text(d, TAG(0x28, 0x30), "0.5\\1", NULL); /* between rows, between columns: twice as wide */
	write_file(d, &i, NULL);
	struct look l = look_at(in, &o);
	assert_int_equal(l.width, 100);
	assert_int_equal(l.height, 50);
	look_free(&l);
}

static size_t jpeg_differs(const struct buf *jpeg, const struct look *wanted, int *most)
{
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr errors;
	static uint8_t row[3 * 512];
	uint8_t *at = row;
	size_t n = 0;

	c.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&c);
	jpeg_mem_src(&c, jpeg->data, jpeg->len);
	assert_int_equal(jpeg_read_header(&c, TRUE), JPEG_HEADER_OK);
	assert_int_equal(c.num_components, wanted->samples);
	jpeg_start_decompress(&c);
	assert_int_equal(c.output_width, wanted->width);
	assert_int_equal(c.output_height, wanted->height);
	*most = 0;
	while (c.output_scanline < c.output_height) {
		const uint8_t *w = wanted->data + (size_t)c.output_scanline * wanted->width * wanted->samples;
		jpeg_read_scanlines(&c, &at, 1);
		for (size_t i = 0; i < (size_t)wanted->width * wanted->samples; i++, n++)
			*most = abs(row[i] - w[i]) > *most ? abs(row[i] - w[i]) : *most;
	}
	jpeg_finish_decompress(&c);
	jpeg_destroy_decompress(&c);
	return n;
}

static void jpeg_of_the_same(void **state)
{
	static uint8_t samples[200 * 150 * 3];
	struct image i = {
	    .rows = 150, .columns = 200, .samples = 3, .bits = 8, .photometric = "RGB", .pixels = samples};
	AUTO(buf) good = BUF(1 << 20);
	AUTO(buf) bad = BUF(1 << 20);
	AUTO(buf) none = BUF(1000);
	struct render_options o = {.format = RENDER_JPEG};
	struct err e = {0};
	int most;
	(void)state;

	for (int round = 0; round < 2; round++) {
		i.samples = round ? 1 : 3;
		i.photometric = round ? "MONOCHROME2" : "RGB";
		for (unsigned k = 0; k < sizeof samples; k++)
			samples[k] =
			    (uint8_t)(128 + 100 * sin(k / i.samples % 200 / 30.0) * cos(k / i.samples / 200 / 20.0));
		make(&i);
		struct look l = look();
		buf_clear(&good);
		buf_clear(&bad);
		o.quality = 95;
		assert_int_equal(render(in, &o, &good, NULL), 0);
		o.quality = 5;
		assert_int_equal(render(in, &o, &bad, NULL), 0);
		assert_true(bad.len < good.len / 2);
		assert_true(jpeg_differs(&good, &l, &most) > 0);
		assert_true(most <= 8);
		look_free(&l);
	}
	assert_int_equal(render(in, &o, &none, &e), -E_LIMIT); /* out is too small */
	assert_int_equal(none.len, 0);
}

/* ---- what must not be believed */

static void sizes_that_lie(void **state)
{
	static uint8_t few[16];
	struct image i = {.rows = 65535, .columns = 65535, .bits = 16, .pixels = few, .n = 16};
	struct dset *d;
	(void)state;

	make(&i);
	assert_refused(E_LIMIT, "65535 columns and 65535 rows");
	i = (struct image){.rows = 4, .columns = 4, .bits = 8, .frames = 2147483647, .pixels = few, .n = 16};
	make(&i);
	struct look l = look(); /* the first is there */
	assert_int_equal(l.width, 4);
	look_free(&l);
	AUTO(buf) out = BUF(1 << 20);
	struct err e = {0};
	assert_int_equal(render(in, &(struct render_options){.frame = 2147483646}, &out, &e), -E_NOENT);
	assert_string_equal(e.msg, "frame 2147483647 of 1");
	assert_int_equal(render(in, &(struct render_options){.frame = UINT64_MAX}, &out, NULL), -E_NOENT);

	i = (struct image){.rows = 0, .columns = 4, .bits = 8, .pixels = few, .n = 16};
	make(&i);
	assert_refused(E_CORRUPT, "4 columns and 0 rows");
	i = (struct image){.rows = 4, .columns = 4, .bits = 16, .stored = 17, .pixels = few, .n = 16};
	make(&i);
	assert_refused(E_CORRUPT, "17 bits stored");
	i = (struct image){.rows = 4, .columns = 4, .bits = 12, .pixels = few, .n = 16};
	make(&i);
	assert_refused(E_UNSUP, "12 bits allocated");
	i = (struct image){.rows = 1, .columns = 1, .samples = 200, .bits = 8, .pixels = few, .n = 16};
	make(&i);
	assert_refused(E_UNSUP, "200 samples");
	d = describe(&grey);
	window(d, "0", "100", NULL);
	dset_put_text(d, TAG(0x28, 0x1052), "0", NULL);
	dset_put_text(d, TAG(0x28, 0x1053), "-1e300", NULL);
	write_file(d, &grey, NULL);
	l = look();
	assert_true(l.data[0] > 120); /* the window's center */
	assert_int_equal(l.data[1], 0);
	look_free(&l);
}

/* A baseline stream of its frame header, with what follows cut off. */
static void streams_that_lie(void **state)
{
	uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0,    4, 0, 0,    0xff, 0xc0, 0,   11,
			  8,    0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0,    0xff, 0xd9};
	struct image i = {.rows = 8, .columns = 8, .bits = 8, .pixels = jpeg, .n = sizeof jpeg};
	(void)state;

	write_file(describe(&i), &i, JPEG_BASELINE);
	assert_refused(E_CORRUPT, "65535 columns, 65535 rows");
	jpeg[13] = jpeg[15] = 0, jpeg[14] = jpeg[16] = 8;
	write_file(describe(&i), &i, JPEG_BASELINE);
	assert_refused(E_CORRUPT, "JPEG");
	jpeg[1] = 0xd9;
	write_file(describe(&i), &i, JPEG_BASELINE);
	assert_refused(E_CORRUPT, "JPEG");

	uint32_t rle[20] = {1, 64};
	i.pixels = rle, i.n = 66;
	for (int round = 0; round < 6; round++) {
		rle[0] = round == 1 ? 0 : round == 2 ? 16 : round == 5 ? 2 : 1;
		rle[1] = round == 3 ? 63 : round == 4 ? 0xfffffff0 : 64;
		rle[2] = round == 5 ? 0x7fffffff : 0;
		if (round == 0)
			i.n = 40;
		else
			i.n = 66;
		write_file(describe(&i), &i, RLE);
		AUTO(buf) out = BUF(1 << 20);
		int rc = render(in, &(struct render_options){0}, &out, NULL);
		if (rc != -E_CORRUPT && (rc < 0 || !*warned))
			fail_msg("%u: %d without a word", round, rc);
	}
	write_file(describe(&i), &i, "1.2.840.10008.1.2.4.102");
	assert_refused(E_UNSUP, "video");
}

static void objects_without_pixels(void **state)
{
	struct dset *d = describe(&grey);
	AUTO(buf) out = BUF(1 << 20);
	struct part10_meta meta = {.sop_class = SECONDARY, .sop_instance = "1.2.3", .syntax = UID_EXPLICIT_LE};
	(void)state;

	part10_write(&meta, &out, NULL);
	dset_write(d, UID_EXPLICIT_LE, &out, NULL);
	FILE *f = fopen(in, "wb");
	fwrite(out.data, 1, out.len, f);
	fclose(f);
	dset_free(d);
	assert_refused(E_NOENT, "no pixel data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(window_of_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(window_of_the_request, setup, teardown),
	    cmocka_unit_test_setup_teardown(slopes_that_integers_would_lose, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_window_from_darkest_to_brightest, setup, teardown),
	    cmocka_unit_test_setup_teardown(tables_of_the_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(groups_of_the_frame, setup, teardown),
	    cmocka_unit_test_setup_teardown(colours, setup, teardown),
	    cmocka_unit_test_setup_teardown(palettes, setup, teardown),
	    cmocka_unit_test_setup_teardown(single_bits_begin_anywhere, setup, teardown),
	    cmocka_unit_test_setup_teardown(every_syntax_shows_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(regions_sizes_and_flips, setup, teardown),
	    cmocka_unit_test_setup_teardown(pixels_that_are_no_squares, setup, teardown),
	    cmocka_unit_test_setup_teardown(jpeg_of_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(sizes_that_lie, setup, teardown),
	    cmocka_unit_test_setup_teardown(streams_that_lie, setup, teardown),
	    cmocka_unit_test_setup_teardown(objects_without_pixels, setup, teardown),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
