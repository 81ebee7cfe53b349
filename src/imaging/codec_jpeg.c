/* imaging/codec_jpeg.c - JPEG: reads the stream's header, decides who decodes it and what its colours are (PS3.5 8.2.1).
 *
 * Eight bits go through libjpeg-turbo, 12 bits and lossless streams through the toolkit's libraries (shim/jpeg.h). What counts is the
 * stream: its process may be another one than the transfer syntax says.
 */
#include "imaging/codec_jpeg.h"
#include "shim/jpeg.h"

#define QUALITY_USUAL 90u
#define SIDE_MOST 65500u /* of the libraries */

/* ---- the header */

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void read_frame_header(const uint8_t *p, size_t n, struct jpeg_head *h)
{
	h->precision = p[0];
	h->rows = be16(p + 1);
	h->columns = be16(p + 3);
	h->samples = p[5];
	for (unsigned i = 0; i < 3 && i < h->samples && 9 + 3 * i <= n; i++) {
		h->id[i] = p[6 + 3 * i];
		h->subsampled |= p[7 + 3 * i] != p[7];
	}
}

/* Many encoders leave these at zero in sequential streams, where they have no meaning; libraries warn of it. */
static void read_scan_header(const uint8_t *p, size_t n, struct jpeg_head *h)
{
	size_t at = n > 0 ? 1 + 2 * (size_t)p[0] : 0;

	h->odd_scan = h->sof <= 0xc1 && at > 0 && at + 3 <= n && (p[at] != 0 || p[at + 1] != 63 || p[at + 2] != 0);
}

static bool is_frame_header(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* As the libraries do: what is between segments and is no marker is passed over. 0: there is none. */
static uint8_t next_marker(const uint8_t *in, size_t n, size_t *at)
{
	while (*at + 1 < n) {
		if (in[*at] == 0xff && in[*at + 1] != 0 && in[*at + 1] != 0xff) {
			*at += 2;
			return in[*at - 1];
		}
		++*at;
	}
	return 0;
}

int jpeg_head_read(const uint8_t *in, size_t n, struct jpeg_head *h, struct err *e)
{
	size_t at = 2;
	uint8_t marker;

	*h = (struct jpeg_head){.adobe = -1};
	if (n < 4 || in[0] != 0xff || in[1] != 0xd8)
		return err_set(e, E_CORRUPT, "JPEG: the stream does not begin with an image");
	while ((marker = next_marker(in, n, &at)) != 0) {
		if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7))
			continue;
		if (marker == 0xd8 || marker == 0xd9 || marker == 0xf7)
			break;
		if (at + 2 > n)
			break;
		size_t length = be16(in + at), left = n - at;
		if (length < 2 || length > left)
			break;
		const uint8_t *p = in + at + 2;
		if (marker == 0xda) {
			read_scan_header(p, length - 2, h);
			break;
		}
		if (is_frame_header(marker) && length >= 8) {
			if (h->sof)
				return err_set(e, E_CORRUPT, "JPEG: two frame headers");
			h->sof = marker;
			read_frame_header(p, length - 2, h);
		}
		if (marker == 0xe0 && length >= 7 && memcmp(p, "JFIF", 5) == 0)
			h->jfif = true;
		if (marker == 0xee && length >= 14 && memcmp(p, "Adobe", 5) == 0)
			h->adobe = p[11];
		at += length;
	}
	if (!h->sof)
		return err_set(e, E_CORRUPT, "JPEG: no frame header%s", marker == 0xf7 ? ", but that of JPEG-LS" : "");
	return 0;
}

/* ---- colours. The stream is asked first, for samples are what their encoder made them; the data set where it is silent. */

enum told { TOLD_NOTHING, TOLD_RGB, TOLD_YBR };

static enum told colours_told(const struct jpeg_head *h)
{
	if (h->adobe >= 0)
		return h->adobe == 0 ? TOLD_RGB : TOLD_YBR;
	if (memcmp(h->id, "RGB", 3) == 0)
		return TOLD_RGB;
	if (h->sof != 0xc3 && (h->jfif || h->subsampled))
		return TOLD_YBR;
	return TOLD_NOTHING;
}

static void name_colours(const struct jpeg_head *h, struct codec_frame *out)
{
	static const char rgb[] = "RGB", ybr[] = "YBR_FULL";
	char *name = out->pixels.photometric;

	if (out->pixels.samples != 3)
		return;
	enum told told = colours_told(h);
	bool said_ybr = strncmp(name, "YBR", 3) == 0, said_rgb = strcmp(name, rgb) == 0;
	if (told == TOLD_RGB && said_ybr)
		codec_warn(out, "the data set says %s, the code stream RGB", name);
	if (told == TOLD_YBR && said_rgb)
		codec_warn(out, "the data set says RGB, the code stream YCbCr");
	if (told == TOLD_RGB)
		memcpy(name, rgb, sizeof rgb);
	else if (told == TOLD_YBR || said_ybr)
		memcpy(name, ybr, sizeof ybr);
}

/* ---- decoding */

static const char *const processes[16] = {
    [5] = "differential sequential",  [6] = "differential progressive", [7] = "differential lossless",
    [9] = "arithmetic sequential",    [10] = "arithmetic progressive",  [11] = "arithmetic lossless",
    [13] = "arithmetic differential", [14] = "arithmetic differential", [15] = "arithmetic differential"};

static int by_shim(const struct jpeg_head *h, const void *in, size_t n, struct codec_frame *out, struct err *e)
{
	size_t room = (size_t)h->rows * h->columns * h->samples * (h->precision > 8 ? 2 : 1);
	unsigned warnings = 0;
	int rc = shim_jpeg_decode(in, n, h->precision, out->data, room, &warnings);

	if (rc < 0)
		return err_set(e,
			       rc == SHIM_ENOMEM   ? E_NOMEM
			       : rc == SHIM_ELIMIT ? E_LIMIT
						   : E_CORRUPT,
			       "JPEG: %s", shim_error());
	if (rc > 0)
		codec_warn(out, "JPEG: the stream ends early or breaks: the rest is zero");
	else if (warnings > h->odd_scan)
		codec_warn(out, "JPEG: the stream is damaged, samples may be wrong");
	return 0;
}

static int check_process(const struct jpeg_head *h, struct err *e)
{
	if (h->sof > 0xc3)
		return err_set(e, E_UNSUP, "JPEG: the %s process is not decoded", processes[h->sof & 15]);
	bool fits = h->sof == 0xc3 ? h->precision >= 2 && h->precision <= 16
				   : h->precision == 8 || (h->precision == 12 && h->sof != 0xc0);
	if (!fits)
		return err_set(e, E_CORRUPT, "JPEG: %u bits in process SOF%d", h->precision, h->sof & 15);
	return 0;
}

int jpeg_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
		uint64_t most, struct codec_frame *out, struct err *e)
{
	struct jpeg_head h;
	int rc;
	(void)syntax, (void)reduce;

	if ((rc = jpeg_head_read(in, n, &h, e)) < 0 || (rc = check_process(&h, e)) < 0 ||
	    (rc = codec_agree(said, h.columns, h.rows, h.samples, h.precision, e)) < 0)
		return rc;
	out->pixels = *said;
	out->pixels.planar = 0;
	name_colours(&h, out);
	if ((rc = codec_frame_room(out, most, e)) < 0)
		return rc;
	rc = h.sof != 0xc3 && h.precision == 8 ? jpeg_8_decode(&h, in, n, out, e) : by_shim(&h, in, n, out, e);
	if (rc == 0 && h.precision <= 8 && said->bits_allocated == 16)
		codec_widen(out->data, out->n / 2);
	return rc;
}

/* ---- encoding */

static int narrow(const struct image_pixel *p, const uint8_t *samples, size_t n, struct buf *out, struct err *e)
{
	unsigned mask = (1u << p->bits_stored) - 1;
	int rc = buf_reserve(out, n / 2, e);

	for (size_t i = 0; rc == 0 && i < n / 2; i++)
		out->data[out->len++] = (uint8_t)(samples[2 * i] & mask);
	return rc;
}

static int check_size(const struct image_pixel *p, struct err *e)
{
	if (p->columns > SIDE_MOST || p->rows > SIDE_MOST)
		return err_set(e, E_UNSUP, "JPEG has at most %u columns and rows", SIDE_MOST);
	return 0;
}

static int take(void *arg, const void *data, size_t n)
{
	return buf_put(arg, data, n, NULL) < 0 ? SHIM_ELIMIT : 0;
}

static int encode_by_shim(const struct shim_jpeg *how, const void *samples, size_t n, struct buf *out, struct err *e)
{
	int rc = shim_jpeg_encode(how, samples, n, take, out);

	if (rc < 0)
		return err_set(e,
			       rc == SHIM_ENOMEM   ? E_NOMEM
			       : rc == SHIM_ELIMIT ? E_LIMIT
						   : E_UNSUP,
			       "JPEG: %s", shim_error());
	return 0;
}

static struct shim_jpeg described(const struct image_pixel *p, unsigned depth)
{
	return (struct shim_jpeg){.columns = p->columns,
				  .rows = p->rows,
				  .samples = p->samples,
				  .depth = depth,
				  .ybr = codec_colours(p) == COLOURS_YBR};
}

int jpeg_lossless_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p,
			 const void *samples, size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	unsigned depth = p->bits_allocated == 8 ? 8 : codec_depth(p, samples, n);
	int rc = check_size(p, e);
	(void)syntax, (void)how, (void)most;

	if (rc < 0)
		return rc;
	struct shim_jpeg j = described(p, depth < 9 && p->bits_allocated == 16 ? 9 : depth);
	return encode_by_shim(&j, samples, n, &out->bytes, e);
}

/* Twelve bits of grey: what is above Bits Stored does not go through a transform. */
static int encode_12(const struct image_pixel *p, const uint8_t *samples, size_t n, unsigned quality, struct buf *out,
		     struct err *e)
{
	AUTO(buf) clean = BUF(n);
	struct shim_jpeg j = described(p, 12);
	unsigned mask = (1u << p->bits_stored) - 1;
	int rc = buf_put(&clean, samples, n, e);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i += 2) {
		clean.data[i] &= (uint8_t)mask;
		clean.data[i + 1] &= (uint8_t)(mask >> 8);
	}
	j.quality = quality;
	return encode_by_shim(&j, clean.data, n, out, e);
}

static int encode_8(const struct image_pixel *p, const uint8_t *samples, size_t n, unsigned quality,
		    struct codec_stream *out, struct err *e)
{
	AUTO(buf) bytes = BUF(n);
	int rc;

	if (p->bits_allocated == 16) {
		if ((rc = narrow(p, samples, n, &bytes, e)) < 0)
			return rc;
		samples = bytes.data;
		out->pixels.bits_allocated = 8;
	}
	if (p->samples == 3)
		memcpy(out->pixels.photometric, "YBR_FULL_422", 13);
	return jpeg_8_encode(p, samples, quality, &out->bytes, e);
}

static int encode_with(const struct image_pixel *p, const void *samples, size_t n, unsigned quality,
		       struct codec_stream *out, struct err *e)
{
	AUTO(codec_frame) full = {.pixels = *p, .n = n};
	int rc = check_size(p, e);

	if (rc < 0 || !image_pixel_subsampled(p))
		return rc < 0               ? rc
		       : p->bits_stored > 8 ? encode_12(p, samples, n, quality, &out->bytes, e)
					    : encode_8(p, samples, n, quality, out, e);
	if (!(full.data = malloc(n)))
		return err_set(e, E_NOMEM, "no memory for a frame of %zu bytes", n);
	memcpy(full.data, samples, n);
	if ((rc = codec_spread(&full, SIZE_MAX / 2, e)) < 0)
		return rc;
	return encode_8(&full.pixels, full.data, full.n, quality, out, e);
}

/* A ratio is met by trying qualities: the highest whose stream is small enough, or the lowest. */
static int encode_to_ratio(const struct image_pixel *p, const void *samples, size_t n, double ratio,
			   struct codec_stream *out, struct err *e)
{
	unsigned low = 1, high = 100;

	while (low < high) {
		unsigned quality = (low + high + 1) / 2;
		AUTO(codec_stream) s = {.bytes = BUF(out->bytes.cap), .pixels = *p};
		int rc = encode_with(p, samples, n, quality, &s, e);
		if (rc < 0)
			return rc;
		if ((double)s.bytes.len * ratio <= (double)n)
			low = quality;
		else
			high = quality - 1;
	}
	return encode_with(p, samples, n, low, out, e);
}

int jpeg_lossy_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
		      size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	(void)syntax, (void)most;
	if (p->high_bit + 1u != p->bits_stored)
		return err_set(e, E_UNSUP, "JPEG with loss of samples whose high bit is %u of %u stored", p->high_bit,
			       p->bits_stored);
	if (how->quality == 0 && how->ratio > 0)
		return encode_to_ratio(p, samples, n, how->ratio, out, e);
	unsigned quality = how->quality ? how->quality : QUALITY_USUAL;
	return encode_with(p, samples, n, quality > 100 ? 100 : quality, out, e);
}
