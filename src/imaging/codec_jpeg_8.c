/* imaging/codec_jpeg_8.c - JPEG of eight bits by libjpeg-turbo. The library reports a failure by a function that must not
 * return, so each of the two bodies is left by longjmp and owns nothing.
 */
#include "imaging/codec_jpeg.h"
#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#define PIECE 65536u
#define SCANS_MOST 200 /* of a progressive stream: each costs a pass over all of it */
#define CHROMA_NONE 128

/* ---- decoding */

struct reader {
	struct jpeg_decompress_struct c; /* first: the library's functions are given it */
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf failed;
	bool cut, broken;      /* the stream ended early; something in it was wrong */
	JDIMENSION whole_rows; /* rows that came before it ended */
	char text[JMSG_LENGTH_MAX];
};

static void reader_failed(j_common_ptr c)
{
	struct reader *r = (struct reader *)c;

	c->err->format_message(c, r->text);
	longjmp(r->failed, 1);
}

static void reader_told(j_common_ptr c, int level)
{
	struct reader *r = (struct reader *)c;

	if (level >= 0)
		return;
	if (c->err->msg_code == JWRN_JPEG_EOF && !r->cut) {
		r->cut = true;
		r->whole_rows = r->c.output_scanline;
	} else if (!r->cut && !r->broken && c->err->msg_code != JWRN_NOT_SEQUENTIAL) {
		r->broken = true;
		c->err->format_message(c, r->text);
	}
}

static void reader_progress(j_common_ptr c)
{
	struct reader *r = (struct reader *)c;

	if (r->c.input_scan_number > SCANS_MOST) {
		snprintf(r->text, sizeof r->text, "more than %d scans", SCANS_MOST);
		longjmp(r->failed, 1);
	}
}

static bool decompress(struct reader *r, const uint8_t *in, size_t n, struct codec_frame *out)
{
	if (setjmp(r->failed))
		return false;
	jpeg_create_decompress(&r->c);
	r->c.progress = &r->progress;
	jpeg_mem_src(&r->c, in, n);
	jpeg_read_header(&r->c, TRUE);
	r->c.jpeg_color_space = r->c.out_color_space = JCS_UNKNOWN; /* nothing is converted */
	jpeg_start_decompress(&r->c);
	size_t row = (size_t)r->c.output_width * (size_t)r->c.output_components;
	if (row * r->c.output_height > out->n) {
		snprintf(r->text, sizeof r->text, "larger than its header");
		return false;
	}
	while (r->c.output_scanline < r->c.output_height) {
		JSAMPROW to = out->data + row * r->c.output_scanline;
		jpeg_read_scanlines(&r->c, &to, 1);
	}
	return true;
}

/* Rows that the library made up are black. */
static void blacken(struct codec_frame *out, size_t from_row)
{
	size_t row = (size_t)out->pixels.columns * out->pixels.samples, at = from_row * row;
	size_t n = row * out->pixels.rows;

	memset(out->data + at, 0, n - at);
	if (codec_colours(&out->pixels) == COLOURS_YBR)
		for (; at < n; at++)
			out->data[at] = at % 3 ? CHROMA_NONE : 0;
}

int jpeg_8_decode(const struct jpeg_head *h, const uint8_t *in, size_t n, struct codec_frame *out, struct err *e)
{
	struct reader r = {.progress = {.progress_monitor = reader_progress}};
	bool progressive = h->sof == 0xc2;

	r.c.err = jpeg_std_error(&r.errors);
	r.errors.error_exit = reader_failed;
	r.errors.emit_message = reader_told;
	bool done = decompress(&r, in, n, out);
	JDIMENSION rows = done ? h->rows : r.c.output_scanline;
	jpeg_destroy_decompress(&r.c);
	if (r.cut && !progressive && r.whole_rows < rows)
		rows = r.whole_rows;
	if (rows == 0)
		return err_set(e, E_CORRUPT, "JPEG: %s", r.cut ? "the stream ends before its first row" : r.text);
	if (rows < h->rows) {
		blacken(out, rows);
		codec_warn(out, "JPEG: %s: %u of %u rows are there, the rest is black",
			   r.cut ? "the stream ends early" : r.text, rows, h->rows);
	}
	if (r.cut && progressive)
		codec_warn(out, "JPEG: the stream ends early: not all of its detail is there");
	if (r.broken)
		codec_warn(out, "JPEG: %s", r.text);
	return 0;
}

/* ---- encoding */

struct writer {
	struct jpeg_compress_struct c; /* first, likewise */
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr to;
	jmp_buf failed;
	struct buf *out;
	int rc;
	struct err *e;
};

static void writer_failed(j_common_ptr c)
{
	struct writer *w = (struct writer *)c;
	char text[JMSG_LENGTH_MAX];

	c->err->format_message(c, text);
	if (w->rc == 0)
		w->rc = err_set(w->e, E_UNSUP, "JPEG: %s", text);
	longjmp(w->failed, 1);
}

static void writer_told(j_common_ptr c, int level)
{
	(void)c, (void)level;
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

static void compress(struct writer *w, const struct image_pixel *p, const uint8_t *samples, unsigned quality)
{
	if (setjmp(w->failed))
		return;
	jpeg_create_compress(&w->c);
	w->c.dest = &w->to;
	w->c.image_width = p->columns;
	w->c.image_height = p->rows;
	w->c.input_components = p->samples;
	w->c.in_color_space = p->samples == 1 ? JCS_GRAYSCALE : codec_colours(p) == COLOURS_YBR ? JCS_YCbCr : JCS_RGB;
	jpeg_set_defaults(&w->c); /* three samples: YCbCr, half of the chroma both ways */
	if (p->samples == 3)
		w->c.comp_info[0].v_samp_factor = 1; /* DICOM's is half of it along rows only */
	jpeg_set_quality(&w->c, (int)quality, TRUE);
	jpeg_start_compress(&w->c, TRUE);
	while (w->c.next_scanline < w->c.image_height) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(samples + (size_t)w->c.next_scanline * p->columns * p->samples);
		jpeg_write_scanlines(&w->c, &row, 1);
	}
	jpeg_finish_compress(&w->c);
}

int jpeg_8_encode(const struct image_pixel *p, const uint8_t *samples, unsigned quality, struct buf *out, struct err *e)
{
	struct writer w = {.out = out, .e = e};

	w.c.err = jpeg_std_error(&w.errors);
	w.errors.error_exit = writer_failed;
	w.errors.emit_message = writer_told;
	w.to = (struct jpeg_destination_mgr){
	    .init_destination = make_room, .empty_output_buffer = full, .term_destination = complete};
	compress(&w, p, samples, quality);
	jpeg_destroy_compress(&w.c);
	return w.rc;
}
