/* What is said about a picture besides its samples: overlays, padding, shapes and tables, profiles, presentation states; and what
 * of that cannot be believed. */
#include "dicom/dset.h"
#include "dicom/part10.h"
#include "imaging/render.h"
#include "shim/shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lcms2.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#define SECONDARY "1.2.840.10008.5.1.4.1.1.7"
#define STATE "1.2.840.10008.5.1.4.1.1.11.1"
#define SOP "1.2.826.0.1.9.1"
#define SIDE 8u

static char warned[CODEC_WARNING];

/* ---- images of 8 x 8 pixels */

static struct dset *grey(unsigned bits, unsigned stored)
{
	struct dset *d;

	assert_int_equal(dset_new(&d, NULL), 0);
	dset_put_int(d, TAG(0x28, 2), 1, NULL);
	dset_put_text(d, TAG(0x28, 4), "MONOCHROME2", NULL);
	dset_put_int(d, TAG(0x28, 0x10), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x11), SIDE, NULL);
	dset_put_int(d, TAG(0x28, 0x100), bits, NULL);
	dset_put_int(d, TAG(0x28, 0x101), stored, NULL);
	dset_put_int(d, TAG(0x28, 0x102), stored - 1, NULL);
	dset_put_int(d, TAG(0x28, 0x103), 0, NULL);
	return d;
}

/* Consumes d. pixels NULL: none. */
static struct buf file_of(struct dset *d, const char *class, uint32_t tag, const char *vr, const void *pixels, size_t n)
{
	struct buf out = BUF(1 << 20);
	struct part10_meta meta = {.sop_instance = SOP, .syntax = UID_EXPLICIT_LE};

	snprintf(meta.sop_class, sizeof meta.sop_class, "%s", class);
	assert_int_equal(part10_write(&meta, &out, NULL), 0);
	assert_int_equal(dset_write(d, UID_EXPLICIT_LE, &out, NULL), 0);
	uint8_t head[12] = {0xe0, 0x7f,       (uint8_t)tag,     0, (uint8_t)vr[0], (uint8_t)vr[1], 0,
			    0,    (uint8_t)n, (uint8_t)(n >> 8)};
	if (pixels) {
		buf_put(&out, head, sizeof head, NULL);
		buf_put(&out, pixels, n, NULL);
	}
	dset_free(d);
	return out;
}

static struct buf image_of(struct dset *d, const void *pixels, size_t n)
{
	return file_of(d, SECONDARY, 0x10, "OW", pixels, n);
}

struct look {
	unsigned width, height, samples;
	uint8_t *data;
};

/* Consumes both. */
static struct look look(struct buf image, struct buf state, struct render_options o)
{
	AUTO(buf) out = BUF(64 << 20);
	struct err e = {0};
	png_image png = {.version = PNG_IMAGE_VERSION};

	o.format = RENDER_PNG;
	warned[0] = '\0';
	if (render_bytes(image.data, image.len, state.data, state.len, &o, &out, warned, &e) < 0)
		fail_msg("%s", e.msg);
	buf_cleanup(&image);
	buf_cleanup(&state);
	assert_true(png_image_begin_read_from_memory(&png, out.data, out.len));
	struct look l = {png.width, png.height, png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1, NULL};
	png.format = l.samples == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	l.data = malloc(PNG_IMAGE_SIZE(png));
	assert_true(png_image_finish_read(&png, NULL, l.data, 0, NULL));
	return l;
}

static struct look look_alone(struct buf image)
{
	return look(image, (struct buf){0}, (struct render_options){0});
}

static void assert_pixel(const struct look *l, unsigned x, unsigned y, int wanted)
{
	int got = l->data[(y * l->width + x) * l->samples];

	if (abs(got - wanted) > 1)
		fail_msg("pixel %u, %u is %d, expected %d", x, y, got, wanted);
}

static uint8_t even[SIDE * SIDE], ramp[SIDE * SIDE];

static void window(struct dset *d, const char *center, const char *width)
{
	dset_put_text(d, TAG(0x28, 0x1050), center, NULL);
	dset_put_text(d, TAG(0x28, 0x1051), width, NULL);
}

static void table(struct dset *d, uint32_t sequence, unsigned n, unsigned first, unsigned bits, const uint16_t *v,
		  size_t there)
{
	uint16_t about[3] = {(uint16_t)n, (uint16_t)first, (uint16_t)bits};
	struct dset *item;

	assert_int_equal(dset_put_item(d, sequence, &item, NULL), 0);
	dset_put(item, TAG(0x28, 0x3002), "US", about, 6, NULL);
	dset_put(item, TAG(0x28, 0x3006), "OW", v, there * 2, NULL);
}

/* ---- grey */

static void padding_does_not_stretch(void **state)
{
	uint16_t v[SIDE * SIDE];
	struct dset *d = grey(16, 16);
	(void)state;

	for (unsigned i = 0; i < SIDE * SIDE; i++)
		v[i] = (uint16_t)(1000 + i);
	v[0] = 63000, v[1] = 63010, v[2] = 63020;
	dset_put_int(d, TAG(0x28, 0x120), 63000, NULL);
	dset_put_int(d, TAG(0x28, 0x121), 63010, NULL);
	v[2] = 1002;
	struct look l = look_alone(image_of(d, v, sizeof v));
	assert_pixel(&l, 2, 0, 0);
	assert_pixel(&l, 7, 7, 255);
	assert_pixel(&l, 0, 0, 255); /* far above */
	free(l.data);
}

static void shapes_and_presentation_tables(void **state)
{
	static const uint16_t steps[4] = {0, 65535, 0, 65535};
	static const char *const shapes[] = {"IDENTITY", "INVERSE"};
	struct look l;
	(void)state;

	for (unsigned k = 0; k < 4; k++) { /* a shape says more than the photometric interpretation */
		struct dset *d = grey(8, 8);
		window(d, "128", "256");
		dset_put_text(d, TAG(0x2050, 0x20), shapes[k % 2], NULL);
		dset_put_text(d, TAG(0x28, 4), k < 2 ? "MONOCHROME2" : "MONOCHROME1", NULL);
		l = look_alone(image_of(d, ramp, sizeof ramp));
		assert_pixel(&l, 1, 0, k % 2 ? 251 : 4);
		free(l.data);
	}
	struct dset *d = grey(8, 8);
	window(d, "128", "256");
	table(d, TAG(0x2050, 0x10), 4, 0, 16, steps, 4);
	l = look_alone(image_of(d, ramp, sizeof ramp));
	assert_pixel(&l, 0, 0, 0);
	assert_pixel(&l, 24 % 8, 24 / 8, 255); /* 96 of 255: the second of four */
	free(l.data);
}

static void tables_that_lie(void **state)
{
	static const uint16_t few[3] = {0, 128, 255}, wide[2] = {0, 4095};
	struct dset *d = grey(8, 8);
	struct look l;
	(void)state;

	table(d, TAG(0x28, 0x3010), 0, 0, 8, few, 3); /* 0: 65,536 entries */
	l = look_alone(image_of(d, ramp, sizeof ramp));
	assert_pixel(&l, 1, 0, 255); /* 4: the last there is */
	assert_non_null(strstr(warned, "3 of 65536 entries"));
	free(l.data);
	d = grey(8, 8);
	table(d, TAG(0x28, 0x3010), 2, 0, 8, wide, 2); /* entries of more bits than said */
	l = look_alone(image_of(d, ramp, sizeof ramp));
	assert_pixel(&l, 1, 0, 255);
	free(l.data);
	d = grey(8, 8);
	window(d, "100", "0");
	l = look_alone(image_of(d, ramp, sizeof ramp));
	assert_pixel(&l, 7, 7, 255); /* as if there were none */
	assert_non_null(strstr(warned, "width 0"));
	free(l.data);
	d = grey(8, 8);
	window(d, "nan", "inf");
	l = look_alone(image_of(d, ramp, sizeof ramp));
	assert_pixel(&l, 7, 7, 255);
	free(l.data);
}

static void real_numbers(void **state)
{
	float f[SIDE * SIDE];
	double g[SIDE * SIDE];
	struct look l;
	(void)state;

	for (unsigned i = 0; i < SIDE * SIDE; i++)
		g[i] = f[i] = (float)i / 10 - 1;
	f[5] = NAN, f[6] = INFINITY;
	l = look_alone(file_of(grey(32, 32), SECONDARY, 0x08, "OF", f, sizeof f));
	assert_pixel(&l, 0, 0, 0);
	assert_pixel(&l, 7, 7, 255);
	assert_pixel(&l, 0, 4, 130); /* 32 of 63 */
	assert_pixel(&l, 5, 0, 0);
	free(l.data);
	l = look_alone(file_of(grey(32, 32), SECONDARY, 0x09, "OD", g, sizeof g));
	assert_pixel(&l, 0, 4, 130);
	free(l.data);
}

/* ---- palettes in segments */

static void segments(void **state)
{
	/* two entries as they are, then a line to 255 in four, then the same line again (from byte 8, one segment) */
	static const uint16_t v[] = {0, 2, 0, 0, 1, 4, 0xff00, 2, 1, 8, 0};
	uint16_t about[3] = {10, 0, 16};
	uint8_t pixels[SIDE * SIDE] = {0, 1, 2, 3, 4, 5, 6, 9};
	struct dset *d = grey(8, 8);
	(void)state;

	dset_put_text(d, TAG(0x28, 4), "PALETTE COLOR", NULL);
	for (uint32_t k = 0; k < 3; k++) {
		dset_put(d, TAG(0x28, 0x1101) + k, "US", about, 6, NULL);
		dset_put(d, TAG(0x28, 0x1221) + k, "OW", v, sizeof v, NULL);
	}
	struct look l = look_alone(image_of(d, pixels, sizeof pixels));
	static const uint8_t wanted[8] = {0, 0, 63, 127, 191, 255, 255, 255};
	assert_int_equal(l.samples, 3);
	for (unsigned i = 0; i < 8; i++)
		assert_pixel(&l, i, 0, wanted[i]);
	free(l.data);
}

/* ---- overlays */

static void overlay(struct dset *d, unsigned group, int rows, int columns, int top, int left, const void *bits,
		    size_t n)
{
	int16_t origin[2] = {(int16_t)top, (int16_t)left};

	dset_put_int(d, TAG(group, 0x10), rows, NULL);
	dset_put_int(d, TAG(group, 0x11), columns, NULL);
	dset_put_text(d, TAG(group, 0x40), "G", NULL);
	dset_put(d, TAG(group, 0x50), "SS", origin, 4, NULL);
	dset_put(d, TAG(group, 0x100), "US", (uint16_t[]){bits ? 1 : 16}, 2, NULL);
	dset_put(d, TAG(group, 0x102), "US", (uint16_t[]){bits ? 0 : 12}, 2, NULL);
	if (bits)
		dset_put(d, TAG(group, 0x3000), "OW", bits, n, NULL);
}

static void overlays_show_unless_unwanted(void **state)
{
	static const uint8_t bits[2] = {0x0f, 0}; /* four of eight */
	struct look l;
	(void)state;

	for (unsigned round = 0; round < 2; round++) {
		struct dset *d = grey(8, 8);
		window(d, "128", "256");
		overlay(d, 0x6002, 2, 4, 3, 2, bits, 2);
		l = look(image_of(d, even, sizeof even), (struct buf){0},
			 (struct render_options){.no_overlays = round});
		assert_pixel(&l, 1, 2, round ? 100 : 255);
		assert_pixel(&l, 4, 2, round ? 100 : 255);
		assert_pixel(&l, 1, 3, 100);
		assert_pixel(&l, 0, 2, 100);
		free(l.data);
	}
	uint16_t samples[SIDE * SIDE] = {0};
	samples[9] = 1 << 12; /* the plane in an unused bit */
	struct dset *d = grey(16, 12);
	window(d, "2048", "4096");
	overlay(d, 0x6000, SIDE, SIDE, 1, 1, NULL, 0);
	l = look_alone(image_of(d, samples, sizeof samples));
	assert_pixel(&l, 1, 1, 255);
	assert_pixel(&l, 2, 1, 0);
	free(l.data);
}

static void overlays_that_lie(void **state)
{
	static const uint8_t bits[2] = {0xff, 0xff};
	static const int origins[][2] = {{-5, -5}, {30000, 1}, {-32768, -32768}, {7, 7}};
	struct look l;
	(void)state;

	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		struct dset *d = grey(8, 8);
		window(d, "128", "256");
		overlay(d, 0x6000, 4000, 4000, origins[i][0], origins[i][1], bits, 2);
		l = look_alone(image_of(d, even, sizeof even));
		assert_int_equal(l.width, SIDE);
		assert_non_null(strstr(warned, "ends early"));
		free(l.data);
	}
	struct dset *d = grey(8, 8);
	overlay(d, 0x6000, SIDE, SIDE, 1, 1, NULL, 0);
	dset_put(d, TAG(0x6000, 0x102), "US", (uint16_t[]){60000}, 2, NULL);
	l = look_alone(image_of(d, even, sizeof even));
	assert_non_null(strstr(warned, "not there"));
	free(l.data);
}

/* ---- only the resolutions that a size needs */

enum { WIDE = 256, HIGH = 192 };

static struct look coded_look(const char *syntax, const struct render_options *options)
{
	static uint16_t v[WIDE * HIGH];
	AUTO(codec_stream) stream = {0};
	struct image_pixel p = {.rows = HIGH,
				.columns = WIDE,
				.samples = 1,
				.bits_allocated = 16,
				.bits_stored = 12,
				.high_bit = 11,
				.photometric = "MONOCHROME2"};
	struct dset *d = grey(16, 12);
	struct err e = {0};

	for (unsigned i = 0; i < WIDE * HIGH; i++) /* smooth, and not the same on any two sides */
		v[i] = (uint16_t)(2000 + 1000 * sin(i % WIDE / 30.0) + 900 * cos(i / WIDE / 23.0));
	if (codec_encode(syntax, &(struct codec_how){0}, &p, v, sizeof v, 1 << 20, &stream, &e) < 0)
		fail_msg("%s", e.msg);
	dset_put_int(d, TAG(0x28, 0x10), HIGH, NULL);
	dset_put_int(d, TAG(0x28, 0x11), WIDE, NULL);
	window(d, "2048", "4096");
	struct buf file = file_of(d, SECONDARY, 0, "OB", NULL, 0), all = BUF(1 << 20);
	struct part10_meta meta = {.sop_class = SECONDARY, .sop_instance = SOP};
	snprintf(meta.syntax, sizeof meta.syntax, "%s", syntax);
	int64_t head = part10_read(file.data, file.len, &(struct part10_meta){0}, NULL);
	uint8_t begin[28] = {0xe0, 0x7f, 0x10, 0,    'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff,
			     0xfe, 0xff, 0,    0xe0, 0,   0,   0, 0, 0xfe, 0xff, 0,    0xe0};
	for (unsigned i = 0; i < 4; i++)
		begin[24 + i] = (uint8_t)(stream.bytes.len >> 8 * i);
	part10_write(&meta, &all, NULL);
	buf_put(&all, file.data + head, file.len - (size_t)head, NULL);
	buf_put(&all, begin, sizeof begin, NULL);
	buf_put(&all, stream.bytes.data, stream.bytes.len, NULL);
	buf_cleanup(&file);
	return look(all, (struct buf){0}, *options);
}

static void fewer_resolutions_show_the_same(void **state)
{
	static const char *const syntaxes[] = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.202",
					       "1.2.840.10008.1.2.4.80"};
	static const struct render_options asked[] = {
	    {.width = 32, .height = 24},
	    {.width = 20, .height = 100},
	    {.width = 16, .height = 16, .crop_x = 100, .crop_y = 40, .crop_w = 128, .crop_h = 128},
	    {.width = 40, .height = 40, .crop_x = 3, .crop_y = 81, .flip_x = true, .flip_y = true},
	};
	(void)state;

	for (size_t s = 0; s < sizeof syntaxes / sizeof *syntaxes; s++) /* the last one has a single resolution */
		for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
			struct look got = coded_look(syntaxes[s], &asked[i]),
				    wanted = coded_look("1.2.840.10008.1.2.5", &asked[i]);
			assert_int_equal(got.width, wanted.width);
			assert_int_equal(got.height, wanted.height);
			for (unsigned k = 0; k < got.width * got.height; k++)
				/* a coarse resolution lies up to half a pixel of the picture aside */
				if (abs(got.data[k] - wanted.data[k]) > 8)
					fail_msg("%s, %zu: pixel %u of %u is %u, expected %u", syntaxes[s], i, k,
						 got.width, got.data[k], wanted.data[k]);
			free(got.data);
			free(wanted.data);
		}
}

/* ---- formats and profiles */

static void profiles_go_with_every_format(void **state)
{
	static const char *const begins[] = {"\xff\xd8\xff", "\x89PNG", "RIFF"};
	static uint8_t red[SIDE * SIDE * 3];
	(void)state;

	for (unsigned i = 0; i < sizeof red; i += 3)
		red[i] = 250, red[i + 1] = 20, red[i + 2] = 40;
	for (unsigned format = 0; format < 3; format++)
		for (unsigned colour = 0; colour < 2; colour++) {
			struct render_options o = {.format = format, .profile = RENDER_PROFILE_P3, .quality = 100};
			AUTO(buf) plain = BUF(1 << 20);
			AUTO(buf) with = BUF(1 << 20);
			struct dset *d = grey(8, 8);
			if (colour) {
				dset_put_int(d, TAG(0x28, 2), 3, NULL);
				dset_put_text(d, TAG(0x28, 4), "RGB", NULL);
				dset_put_int(d, TAG(0x28, 6), 0, NULL);
			}
			AUTO(buf) image = image_of(d, red, colour ? sizeof red : SIDE * SIDE);
			assert_int_equal(render_bytes(image.data, image.len, NULL, 0, &o, &with, warned, NULL), 0);
			assert_string_equal(warned, "");
			assert_memory_equal(with.data, begins[format], 3);
			o.profile = RENDER_PROFILE_NONE;
			assert_int_equal(render_bytes(image.data, image.len, NULL, 0, &o, &plain, warned, NULL), 0);
			assert_true(with.len > plain.len + 150);
			if (format != RENDER_WEBP)
				continue;
			int w, h;
			uint8_t *rgb = WebPDecodeRGB(with.data, with.len, &w, &h);
			assert_true(w == SIDE && h == SIDE);
			if (colour) /* sRGB's red is less in the wider space */
				assert_true(rgb[0] < 240 && rgb[1] > 30);
			WebPFree(rgb);
		}
}

static void profiles_of_the_image(void **state)
{
	struct render_options o = {.profile = RENDER_PROFILE_SRGB};
	static uint8_t red[SIDE * SIDE * 3];
	cmsUInt32Number n = 0;
	cmsHPROFILE p = cmsCreate_sRGBProfile();
	(void)state;

	cmsSaveProfileToMem(p, NULL, &n);
	uint8_t *icc = malloc(n + 1);
	cmsSaveProfileToMem(p, icc, &n);
	cmsCloseProfile(p);
	memset(red, 77, sizeof red);
	for (unsigned round = 0; round < 3; round++) { /* as it is, damaged, cut */
		struct dset *d = grey(8, 8);
		dset_put_int(d, TAG(0x28, 2), 3, NULL);
		dset_put_text(d, TAG(0x28, 4), "RGB", NULL);
		if (round == 1)
			memset(icc + 100, 0xff, 60);
		dset_put(d, TAG(0x28, 0x2000), "OB", icc, round == 2 ? 90 : n - n % 2, NULL);
		struct look l = look(image_of(d, red, sizeof red), (struct buf){0}, o);
		assert_int_equal(l.samples, 3);
		assert_pixel(&l, 3, 3, 77);
		assert_true(round == 0 ? !*warned : *warned);
		free(l.data);
	}
	free(icc);
}

/* ---- presentation states */

static struct dset *state_new(void)
{
	struct dset *d, *item;

	assert_int_equal(dset_new(&d, NULL), 0);
	assert_int_equal(dset_put_item(d, TAG(0x28, 0x3110), &item, NULL), 0);
	window(item, "128", "256");
	return d;
}

static struct look shown_by(struct dset *state)
{
	struct dset *d = grey(8, 8);

	window(d, "0", "10"); /* is not asked */
	return look(image_of(d, ramp, sizeof ramp), file_of(state, STATE, 0, "OW", NULL, 0),
		    (struct render_options){0});
}

static void states_turn_and_cut(void **state)
{
	struct dset *d = state_new(), *item;
	int32_t from[2] = {3, 2}, to[2] = {6, 9}; /* column, row; a row beyond the image */
	(void)state;

	assert_int_equal(dset_put_item(d, TAG(0x70, 0x5a), &item, NULL), 0);
	dset_put(item, TAG(0x70, 0x52), "SL", from, 8, NULL);
	dset_put(item, TAG(0x70, 0x53), "SL", to, 8, NULL);
	struct look l = shown_by(d);
	assert_int_equal(l.width, 4);
	assert_int_equal(l.height, 8);
	assert_pixel(&l, 0, 0, 4 * (8 + 2));
	assert_pixel(&l, 3, 6, 4 * (56 + 5));
	assert_pixel(&l, 0, 7, 0);
	free(l.data);
	d = state_new();
	dset_put_int(d, TAG(0x70, 0x42), 90, NULL);
	dset_put_text(d, TAG(0x70, 0x41), "Y", NULL);
	l = shown_by(d); /* clockwise, then left to right: rows and columns change places */
	assert_pixel(&l, 1, 0, 4 * 8);
	assert_pixel(&l, 0, 1, 4);
	free(l.data);
}

static void states_shut_out(void **state)
{
	static const struct {
		const char *shape;
		struct {
			unsigned element;
			const char *value;
		} fields[4];
		unsigned in[2], out[2];
	} cases[] = {
	    {"RECTANGULAR", {{0x1602, "2"}, {0x1604, "6"}, {0x1606, "1"}, {0x1608, "5"}}, {3, 2}, {6, 2}},
	    {"CIRCULAR", {{0x1610, "4\\4"}, {0x1612, "2"}}, {3, 5}, {6, 6}},
	    {"POLYGONAL", {{0x1620, "1\\1\\1\\8\\8\\1"}}, {1, 1}, {7, 7}},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dset *d = state_new();
		dset_put_text(d, TAG(0x18, 0x1600), cases[i].shape, NULL);
		dset_put(d, TAG(0x18, 0x1622), "US", (uint16_t[]){0xffff}, 2, NULL);
		for (unsigned k = 0; k < 4 && cases[i].fields[k].value; k++)
			dset_put_text(d, TAG(0x18, cases[i].fields[k].element), cases[i].fields[k].value, NULL);
		struct look l = shown_by(d);
		assert_pixel(&l, cases[i].in[0], cases[i].in[1], (int)(4 * (cases[i].in[1] * 8 + cases[i].in[0])));
		assert_pixel(&l, cases[i].out[0], cases[i].out[1], 255);
		free(l.data);
	}
	static const uint8_t bits[8] = {0, 0xff};
	struct dset *d = state_new();
	dset_put_text(d, TAG(0x18, 0x1600), "BITMAP", NULL);
	dset_put(d, TAG(0x18, 0x1622), "US", (uint16_t[]){0x8080}, 2, NULL);
	dset_put(d, TAG(0x18, 0x1623), "US", (uint16_t[]){0x6000}, 2, NULL);
	overlay(d, 0x6000, SIDE, SIDE, 1, 1, bits, 8);
	struct look l = shown_by(d);
	assert_pixel(&l, 4, 0, 16);
	assert_pixel(&l, 4, 1, 128);
	free(l.data);
}

static void states_that_speak_of_others(void **state)
{
	struct dset *d, *item, *image;
	(void)state;

	assert_int_equal(dset_new(&d, NULL), 0);
	for (unsigned k = 0; k < 2; k++) { /* the window is of another image, the second one of this */
		assert_int_equal(dset_put_item(d, TAG(0x28, 0x3110), &item, NULL), 0);
		window(item, k ? "128" : "1", k ? "256" : "2");
		assert_int_equal(dset_put_item(item, TAG(8, 0x1140), &image, NULL), 0);
		dset_put_text(image, TAG(8, 0x1155), k ? SOP : "1.2.3", NULL);
		if (k)
			dset_put_text(image, TAG(8, 0x1160), "3\\1", NULL);
	}
	assert_int_equal(dset_put_item(d, TAG(0x70, 1), &item, NULL), 0);
	struct look l = shown_by(d);
	assert_pixel(&l, 4, 4, 4 * 36);
	assert_non_null(strstr(warned, "annotations"));
	free(l.data);
	AUTO(buf) out = BUF(1 << 20);
	AUTO(buf) file = image_of(grey(8, 8), ramp, sizeof ramp);
	struct err e = {0};
	assert_int_equal(
	    render_bytes(file.data, file.len, file.data, file.len, &(struct render_options){0}, &out, warned, &e),
	    -E_UNSUP); /* an image is no state */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(padding_does_not_stretch),
	    cmocka_unit_test(shapes_and_presentation_tables),
	    cmocka_unit_test(tables_that_lie),
	    cmocka_unit_test(real_numbers),
	    cmocka_unit_test(segments),
	    cmocka_unit_test(overlays_show_unless_unwanted),
	    cmocka_unit_test(overlays_that_lie),
	    cmocka_unit_test(fewer_resolutions_show_the_same),
	    cmocka_unit_test(profiles_go_with_every_format),
	    cmocka_unit_test(profiles_of_the_image),
	    cmocka_unit_test(states_turn_and_cut),
	    cmocka_unit_test(states_shut_out),
	    cmocka_unit_test(states_that_speak_of_others),
	};
	if (shim_setup() < 0 || dict_setup(NULL) < 0)
		return 1;
	for (unsigned i = 0; i < SIDE * SIDE; i++) {
		even[i] = 100;
		ramp[i] = (uint8_t)(4 * i);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
