#include "imaging/picture.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

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

/* ---- PNG */

int picture_png(const struct picture *p, struct buf *out, struct err *e)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .width = p->width, .height = p->height};
	int rc;

	image.format = p->samples == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(image);
	if ((rc = buf_reserve(out, n, e)) < 0)
		return rc;
	if (!png_image_write_to_memory(&image, out->data + out->len, &n, 0, p->data, 0, NULL)) {
		rc = err_set(e, E_LIMIT, "PNG: %s", image.message);
		png_image_free(&image);
		return rc;
	}
	out->len += n;
	return 0;
}
