#include "imaging/picture.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
#include <webp/mux.h>

#define PIECE 65536u

/* ---- JPEG. The library reports a failure by a function that must not return. */

struct writer {
	struct jpeg_compress_struct c; /* first: the library's functions are given it */
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr to;
	jmp_buf failed;
	struct buf *out;
	int rc;
	struct err *e;
};

static void fail(j_common_ptr c)
{
	struct writer *w = (struct writer *)c;
	char text[JMSG_LENGTH_MAX];

	c->err->format_message(c, text);
	if (w->rc == 0)
		w->rc = err_set(w->e, E_LIMIT, "JPEG: %s", text);
	longjmp(w->failed, 1);
}

static void say_nothing(j_common_ptr c)
{
	(void)c;
}

static void make_room(j_compress_ptr c)
{
	struct writer *w = (struct writer *)c;

	if ((w->rc = buf_reserve(w->out, PIECE, w->e)) < 0)
		longjmp(w->failed, 1);
	w->to.next_output_byte = w->out->data + w->out->len;
	w->to.free_in_buffer = PIECE;
}

static boolean full(j_compress_ptr c)
{
	struct writer *w = (struct writer *)c;

	w->out->len += PIECE; /* all of it, whatever free_in_buffer says */
	make_room(c);
	return TRUE;
}

static void complete(j_compress_ptr c)
{
	struct writer *w = (struct writer *)c;

	w->out->len += PIECE - w->to.free_in_buffer;
}

static void compress(struct writer *w, const struct picture *p, unsigned quality)
{
	if (setjmp(w->failed))
		return;
	jpeg_create_compress(&w->c);
	w->c.dest = &w->to;
	w->c.image_width = p->width;
	w->c.image_height = p->height;
	w->c.input_components = (int)p->samples;
	w->c.in_color_space = p->samples == 3 ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(&w->c);
	jpeg_set_quality(&w->c, (int)quality, TRUE);
	jpeg_start_compress(&w->c, TRUE);
	if (p->profile_n)
		jpeg_write_icc_profile(&w->c, p->profile, (unsigned)p->profile_n);
	while (w->c.next_scanline < w->c.image_height) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(p->data + (size_t)w->c.next_scanline * p->width * p->samples);
		jpeg_write_scanlines(&w->c, &row, 1);
	}
	jpeg_finish_compress(&w->c);
}

int picture_jpeg(const struct picture *p, unsigned quality, struct buf *out, struct err *e)
{
	struct writer w = {.out = out, .e = e};
	size_t before = out->len;

	w.c.err = jpeg_std_error(&w.errors);
	w.errors.error_exit = fail;
	w.errors.output_message = say_nothing;
	w.to = (struct jpeg_destination_mgr){
	    .init_destination = make_room, .empty_output_buffer = full, .term_destination = complete};
	compress(&w, p, quality);
	jpeg_destroy_compress(&w.c);
	if (w.rc < 0)
		out->len = before;
	return w.rc;
}

/* ---- PNG: likewise */

#define PNG_LEVEL 3 /* of deflate: half the time of the default for a few per cent more */

struct png_writer {
	png_structp png;
	png_infop info;
	struct buf *out;
	struct err *e;
	int rc;
};

static void png_failed(png_structp png, png_const_charp why)
{
	struct png_writer *w = png_get_error_ptr(png);

	if (w->rc == 0)
		w->rc = err_set(w->e, E_LIMIT, "PNG: %s", why);
	png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp why)
{
	(void)png, (void)why;
}

static void png_put(png_structp png, png_bytep data, size_t n)
{
	struct png_writer *w = png_get_io_ptr(png);

	if ((w->rc = buf_put(w->out, data, n, w->e)) < 0)
		png_longjmp(png, 1);
}

static void png_flush_nothing(png_structp png)
{
	(void)png;
}

static void png_compress(struct png_writer *w, const struct picture *p)
{
	if (setjmp(png_jmpbuf(w->png)))
		return;
	png_set_write_fn(w->png, w, png_put, png_flush_nothing);
	png_set_compression_level(w->png, PNG_LEVEL);
	png_set_filter(w->png, 0, PNG_FILTER_SUB | PNG_FILTER_UP);
	png_set_IHDR(w->png, w->info, p->width, p->height, 8,
		     p->samples == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	if (p->profile_n)
		png_set_iCCP(w->png, w->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, p->profile,
			     (png_uint_32)p->profile_n);
	png_write_info(w->png, w->info);
	for (uint32_t y = 0; y < p->height; y++)
		png_write_row(w->png, p->data + (size_t)y * p->width * p->samples);
	png_write_end(w->png, NULL);
}

int picture_png(const struct picture *p, struct buf *out, struct err *e)
{
	struct png_writer w = {.out = out, .e = e};
	size_t before = out->len;

	w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, png_failed, png_warned);
	w.info = w.png ? png_create_info_struct(w.png) : NULL;
	if (w.info)
		png_compress(&w, p);
	else
		w.rc = err_set(e, E_NOMEM, "no memory for a PNG");
	if (w.png)
		png_destroy_write_struct(&w.png, &w.info);
	if (w.rc < 0)
		out->len = before;
	return w.rc;
}

/* ---- WebP: colour always; a profile makes it a file of several chunks */

static uint8_t *as_rgb(const struct picture *p)
{
	size_t n = (size_t)p->width * p->height;
	uint8_t *rgb = malloc(3 * n);

	for (size_t i = 0; rgb && i < n; i++)
		memset(rgb + 3 * i, p->data[i], 3);
	return rgb;
}

static int with_profile(const struct picture *p, const WebPData *image, struct buf *out, struct err *e)
{
	WebPData profile = {p->profile, p->profile_n}, all = {0};
	WebPMux *mux = WebPMuxNew();
	int rc;

	if (mux && WebPMuxSetImage(mux, image, 0) == WEBP_MUX_OK &&
	    WebPMuxSetChunk(mux, "ICCP", &profile, 0) == WEBP_MUX_OK && WebPMuxAssemble(mux, &all) == WEBP_MUX_OK)
		rc = buf_put(out, all.bytes, all.size, e);
	else
		rc = err_set(e, E_NOMEM, "WebP: the colour profile could not be added");
	WebPMuxDelete(mux);
	WebPDataClear(&all);
	return rc;
}

int picture_webp(const struct picture *p, unsigned quality, struct buf *out, struct err *e)
{
	AUTO(str) room = NULL;
	uint8_t *file = NULL;
	size_t n;
	int rc;

	if (p->width > WEBP_MAX_DIMENSION || p->height > WEBP_MAX_DIMENSION)
		return err_set(e, E_LIMIT, "WebP: a picture of %u x %u pixels is larger than %d", p->width, p->height,
			       WEBP_MAX_DIMENSION);
	if (p->samples == 1 && !(room = (char *)as_rgb(p)))
		return err_set(e, E_NOMEM, "no memory for a WebP");
	n = WebPEncodeRGB(room ? (const uint8_t *)room : p->data, (int)p->width, (int)p->height, (int)p->width * 3,
			  (float)quality, &file);
	if (n == 0)
		return err_set(e, E_NOMEM, "WebP: the picture could not be written");
	WebPData image = {file, n};
	rc = p->profile_n ? with_profile(p, &image, out, e) : buf_put(out, file, n, e);
	WebPFree(file);
	return rc;
}
