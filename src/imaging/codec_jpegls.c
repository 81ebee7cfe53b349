/* imaging/codec_jpegls.c - JPEG-LS by CharLS (ISO/IEC 14495-1, PS3.5 8.2.3).
 *
 * Samples are bit patterns: signed ones are coded as if they had no sign. The precision is what the frame's samples use, so
 * that bits above Bits Stored survive.
 */
#include "imaging/codec_own.h"
#include <charls/charls.h>

static void jls_decoder_cleanup(charls_jpegls_decoder **d)
{
	charls_jpegls_decoder_destroy(*d);
}
AUTO_TYPE(jls_decoder, charls_jpegls_decoder *);

static void jls_encoder_cleanup(charls_jpegls_encoder **d)
{
	charls_jpegls_encoder_destroy(*d);
}
AUTO_TYPE(jls_encoder, charls_jpegls_encoder *);

static int failed(charls_jpegls_errc code, const char *doing, struct err *e)
{
	enum err_code kind = code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY ? E_NOMEM : E_CORRUPT;

	return err_set(e, kind, "JPEG-LS, %s: %s", doing, charls_get_error_message(code));
}

static int read_head(charls_jpegls_decoder *d, const void *in, size_t n, charls_frame_info *info,
		     charls_interleave_mode *mode, struct err *e)
{
	charls_spiff_header spiff;
	int32_t found;
	charls_jpegls_errc code;

	if ((code = charls_jpegls_decoder_set_source_buffer(d, in, n)) ||
	    (code = charls_jpegls_decoder_read_spiff_header(d, &spiff, &found)) ||
	    (code = charls_jpegls_decoder_read_header(d)) || (code = charls_jpegls_decoder_get_frame_info(d, info)) ||
	    (code = charls_jpegls_decoder_get_interleave_mode(d, mode)))
		return failed(code, "its header", e);
	return 0;
}

/* All of it, or what came before the stream ended or broke: samples that were not reached are zero. */
static int read_samples(charls_jpegls_decoder *d, struct codec_frame *out, size_t n, struct err *e)
{
	charls_jpegls_errc code = charls_jpegls_decoder_decode_to_buffer(d, out->data, n, 0);

	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (out->data[i]) {
			codec_warn(out, "JPEG-LS: %s: the rest is zero", charls_get_error_message(code));
			return 0;
		}
	return failed(code, "its samples", e);
}

static int by_pixel(struct codec_frame *out, struct err *e)
{
	AUTO(buf) planes = BUF(out->n);
	int rc = buf_put(&planes, out->data, out->n, e);

	if (rc == 0)
		codec_planes(out->data, planes.data, &out->pixels, false);
	return rc;
}

static bool has_end(const uint8_t *in, size_t n)
{
	while (n > 0 && in[n - 1] == 0)
		n--;
	return n >= 2 && in[n - 2] == 0xFF && in[n - 1] == 0xD9;
}

/* CharLS 2.4 looks for billions of bits behind a stream that breaks off without a marker: seconds for the smallest picture.
 * One that has no end gets one. */
static int ended(const void **in, size_t *n, struct buf *copy, struct err *e)
{
	int rc;

	if (has_end(*in, *n))
		return 0;
	*copy = BUF(*n + 2);
	if ((rc = buf_put(copy, *in, *n, e)) < 0 || (rc = buf_put(copy, "\xFF\xD9", 2, e)) < 0)
		return rc;
	*in = copy->data;
	*n = copy->len;
	return 0;
}

int jpegls_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		  uint64_t most, struct codec_frame *out, struct err *e)
{
	AUTO(buf) copy = BUF(0);
	AUTO(jls_decoder) d = charls_jpegls_decoder_create();
	charls_frame_info info = {0};
	charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
	size_t need = 0;
	int rc;
	(void)syntax, (void)reduce;

	if (!d)
		return err_set(e, E_NOMEM, "no memory for JPEG-LS");
	if ((rc = ended(&in, &n, &copy, e)) < 0 || (rc = read_head(d, in, n, &info, &mode, e)) < 0 ||
	    (rc = codec_agree(said, info.width, info.height, (unsigned)info.component_count,
			      (unsigned)info.bits_per_sample, e)) < 0)
		return rc;
	out->pixels = *said;
	out->pixels.planar = 0;
	if (codec_colours(said) == COLOURS_YBR_422)
		memcpy(out->pixels.photometric, "YBR_FULL", 9);
	if ((rc = codec_frame_room(out, most, e)) < 0)
		return rc;
	charls_jpegls_errc code = charls_jpegls_decoder_get_destination_size(d, 0, &need);
	if (code || need > out->n)
		return err_set(e, E_MISMATCH, "JPEG-LS samples of %zu bytes where %zu are expected", need, out->n);
	if ((rc = read_samples(d, out, need, e)) < 0)
		return rc;
	if (info.bits_per_sample <= 8 && said->bits_allocated == 16)
		codec_widen(out->data, out->n / 2);
	return said->samples > 1 && mode == CHARLS_INTERLEAVE_MODE_NONE ? by_pixel(out, e) : 0;
}

int jpegls_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		  size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	AUTO(jls_encoder) c = charls_jpegls_encoder_create();
	unsigned bits = codec_depth(p, samples, n);
	charls_jpegls_errc code;
	size_t room = 0, written = 0;
	int rc;
	(void)syntax, (void)how, (void)most;

	if (!c)
		return err_set(e, E_NOMEM, "no memory for JPEG-LS");
	if (p->bits_allocated == 8) /* older decoders stumble over fewer */
		bits = 8;
	else if (bits <= 8) /* a container of two bytes has nine bits at least */
		bits = 9;
	charls_frame_info info = {p->columns, p->rows, (int32_t)bits, p->samples};
	charls_interleave_mode mode = p->samples > 1 ? CHARLS_INTERLEAVE_MODE_LINE : CHARLS_INTERLEAVE_MODE_NONE;
	if ((code = charls_jpegls_encoder_set_frame_info(c, &info)) ||
	    (code = charls_jpegls_encoder_set_interleave_mode(c, mode)) ||
	    (code = charls_jpegls_encoder_set_encoding_options(c, CHARLS_ENCODING_OPTIONS_EVEN_DESTINATION_SIZE)) ||
	    (code = charls_jpegls_encoder_get_estimated_destination_size(c, &room)))
		return failed(code, "what is to be encoded", e);
	room += n / 2; /* noise grows beyond the estimate */
	if (room > out->bytes.cap)
		room = out->bytes.cap;
	if ((rc = buf_reserve(&out->bytes, room, e)) < 0)
		return rc;
	if ((code = charls_jpegls_encoder_set_destination_buffer(c, out->bytes.data, room)) ||
	    (code = charls_jpegls_encoder_encode_from_buffer(c, samples, n, 0)) ||
	    (code = charls_jpegls_encoder_get_bytes_written(c, &written)))
		return code == CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL
			   ? err_set(e, E_LIMIT, "JPEG-LS: more than %zu bytes", room)
			   : failed(code, "encoding", e);
	out->bytes.len = written;
	return 0;
}
