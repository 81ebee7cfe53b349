/* codecpeer openjph|openjpeg STORED FILE.pgm SECONDS: the libraries alone, in memory, lossless, as their own tools use them: what the
 * node's codecs are held against. Prints what codecload prints. */
#include "pgm.h"

#include <cstring>
#include <openjpeg.h>
#include <openjph/ojph_arch.h>
#include <openjph/ojph_codestream.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>
#include <openjph/ojph_params.h>
#include <vector>

struct Load {
	pgm picture;
	unsigned stored;
	std::vector<uint8_t> stream;
	size_t at;
};

static void fail(const char *what)
{
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

/* ---- OpenJPH */

static void jph_encode(void *arg)
{
	auto &l = *static_cast<Load *>(arg);
	ojph::codestream c;
	ojph::mem_outfile out;
	ojph::param_siz siz = c.access_siz();
	ojph::param_cod cod = c.access_cod();

	siz.set_image_extent(ojph::point(l.picture.width, l.picture.height));
	siz.set_num_components(1);
	siz.set_component(0, ojph::point(1, 1), l.stored, false);
	cod.set_num_decomposition(5);
	cod.set_block_dims(64, 64);
	cod.set_progression_order("RPCL");
	cod.set_color_transform(false);
	cod.set_reversible(true);
	c.set_planar(true);
	out.open();
	c.write_headers(&out);
	ojph::ui32 next = 0;
	ojph::line_buf *line = c.exchange(nullptr, next);
	for (unsigned y = 0; y < l.picture.height; y++) {
		for (unsigned x = 0; x < l.picture.width; x++)
			line->i32[x] = l.picture.samples[size_t(y) * l.picture.width + x];
		line = c.exchange(line, next);
	}
	c.flush();
	l.stream.assign(out.get_data(), out.get_data() + out.tell());
	c.close();
}

static void jph_decode(void *arg)
{
	auto &l = *static_cast<Load *>(arg);
	ojph::codestream c;
	ojph::mem_infile in;
	std::vector<uint16_t> samples(l.picture.bytes / 2);

	in.open(l.stream.data(), l.stream.size());
	c.read_headers(&in);
	c.set_planar(true);
	c.create();
	for (unsigned y = 0; y < l.picture.height; y++) {
		ojph::ui32 component = 0;
		const ojph::line_buf *line = c.pull(component);
		for (unsigned x = 0; x < l.picture.width; x++)
			samples[size_t(y) * l.picture.width + x] = uint16_t(line->i32[x]);
	}
	c.close();
	if (memcmp(samples.data(), l.picture.samples, l.picture.bytes) != 0)
		fail("OpenJPH: decoding exactly");
}

/* ---- OpenJPEG */

static OPJ_SIZE_T jpeg_write(void *data, OPJ_SIZE_T n, void *arg)
{
	auto &l = *static_cast<Load *>(arg);

	if (l.at + n > l.stream.size())
		l.stream.resize(l.at + n);
	memcpy(l.stream.data() + l.at, data, n);
	l.at += n;
	return n;
}

static OPJ_SIZE_T jpeg_read(void *data, OPJ_SIZE_T n, void *arg)
{
	auto &l = *static_cast<Load *>(arg);
	const size_t k = n < l.stream.size() - l.at ? n : l.stream.size() - l.at;

	memcpy(data, l.stream.data() + l.at, k);
	l.at += k;
	return k ? k : OPJ_SIZE_T(-1);
}

static OPJ_OFF_T jpeg_skip(OPJ_OFF_T n, void *arg)
{
	static_cast<Load *>(arg)->at += size_t(n);
	return n;
}

static OPJ_BOOL jpeg_seek(OPJ_OFF_T n, void *arg)
{
	static_cast<Load *>(arg)->at = size_t(n);
	return OPJ_TRUE;
}

static opj_stream_t *jpeg_stream(Load &l, bool input)
{
	opj_stream_t *s = opj_stream_default_create(input);

	l.at = 0;
	opj_stream_set_user_data(s, &l, nullptr);
	opj_stream_set_user_data_length(s, l.stream.size());
	opj_stream_set_read_function(s, jpeg_read);
	opj_stream_set_write_function(s, jpeg_write);
	opj_stream_set_skip_function(s, jpeg_skip);
	opj_stream_set_seek_function(s, jpeg_seek);
	return s;
}

static void jpeg_encode(void *arg)
{
	auto &l = *static_cast<Load *>(arg);
	opj_cparameters_t how;
	opj_image_cmptparm_t component{};

	component.dx = component.dy = 1;
	component.w = l.picture.width;
	component.h = l.picture.height;
	component.prec = l.stored;
	opj_image_t *image = opj_image_create(1, &component, OPJ_CLRSPC_GRAY);
	image->x1 = l.picture.width;
	image->y1 = l.picture.height;
	for (size_t i = 0; i < l.picture.bytes / 2; i++)
		image->comps[0].data[i] = l.picture.samples[i];
	opj_set_default_encoder_parameters(&how);
	how.tcp_numlayers = 1;
	how.cp_disto_alloc = 1;
	how.prog_order = OPJ_RPCL;
	l.stream.clear();
	opj_codec_t *c = opj_create_compress(OPJ_CODEC_J2K);
	opj_stream_t *s = jpeg_stream(l, false);
	if (!opj_setup_encoder(c, &how, image) || !opj_start_compress(c, image, s) || !opj_encode(c, s) ||
	    !opj_end_compress(c, s))
		fail("OpenJPEG: encoding");
	opj_stream_destroy(s);
	opj_destroy_codec(c);
	opj_image_destroy(image);
}

static void jpeg_decode(void *arg)
{
	auto &l = *static_cast<Load *>(arg);
	opj_dparameters_t how;
	opj_image_t *image = nullptr;
	opj_codec_t *c = opj_create_decompress(OPJ_CODEC_J2K);
	opj_stream_t *s = jpeg_stream(l, true);

	opj_set_default_decoder_parameters(&how);
	if (!opj_setup_decoder(c, &how) || !opj_read_header(s, c, &image) || !opj_decode(c, s, image) ||
	    !opj_end_decompress(c, s))
		fail("OpenJPEG: decoding");
	for (size_t i = 0; i < l.picture.bytes / 2; i++)
		if (image->comps[0].data[i] != l.picture.samples[i])
			fail("OpenJPEG: decoding exactly");
	opj_stream_destroy(s);
	opj_destroy_codec(c);
	opj_image_destroy(image);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "codecpeer openjph|openjpeg STORED FILE.pgm SECONDS\n");
		return 2;
	}
	const bool jph = !strcmp(argv[1], "openjph");
	Load l{pgm_read(argv[3]), unsigned(atoi(argv[2])), {}, 0};
	const double seconds = atof(argv[4]);
	const double encode_s = each(jph ? jph_encode : jpeg_encode, &l, seconds);
	const double decode_s = each(jph ? jph_decode : jpeg_decode, &l, seconds);
	printf("encode_s=%.6f decode_s=%.6f bytes=%zu raw=%zu\n", encode_s, decode_s, l.stream.size(), l.picture.bytes);
	return 0;
}
