/* codecload SYNTAX STORED FILE.pgm SECONDS: the node's codec for a transfer syntax, in this process: lossless, 16 bits allocated.
 * Prints: encode_s=... decode_s=... bytes=... raw=... (processor seconds of one frame) */
#include "imaging/codec.h"
#include "pgm.h"

struct load {
	const char *syntax;
	struct image_pixel pixel;
	struct pgm picture;
	struct codec_stream stream;
};

static void encode(void *arg)
{
	struct load *l = arg;
	static const struct codec_how how;
	struct err e = {0};

	codec_stream_cleanup(&l->stream);
	if (codec_encode(l->syntax, &how, &l->pixel, l->picture.samples, l->picture.bytes, 1u << 30, &l->stream, &e) ==
	    0)
		return;
	fprintf(stderr, "encoding failed: %s\n", e.msg);
	exit(1);
}

static void decode(void *arg)
{
	struct load *l = arg;
	AUTO(codec_frame) f = {0};
	struct err e = {0};

	if (codec_decode(l->syntax, &l->stream.pixels, l->stream.bytes.data, l->stream.bytes.len, 0, 1u << 30, &f,
			 &e) == 0 &&
	    f.n == l->picture.bytes && memcmp(f.data, l->picture.samples, f.n) == 0)
		return;
	fprintf(stderr, "decoding failed, or not exact: %s\n", e.msg);
	exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "codecload SYNTAX STORED FILE.pgm SECONDS\n");
		return 2;
	}
	struct load l = {.syntax = argv[1], .picture = pgm_read(argv[3])};
	double seconds = atof(argv[4]);

	l.pixel = (struct image_pixel){.rows = l.picture.height,
				       .columns = l.picture.width,
				       .samples = 1,
				       .bits_allocated = 16,
				       .bits_stored = (uint16_t)atoi(argv[2]),
				       .high_bit = (uint16_t)(atoi(argv[2]) - 1),
				       .photometric = "MONOCHROME2"};
	double encode_s = each(encode, &l, seconds), decode_s = each(decode, &l, seconds);
	printf("encode_s=%.6f decode_s=%.6f bytes=%zu raw=%zu\n", encode_s, decode_s, l.stream.bytes.len,
	       l.picture.bytes);
	return 0;
}
