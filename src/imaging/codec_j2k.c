/* imaging/codec_j2k.c - JPEG 2000 by OpenJPEG. See j2k_own.h for what both directions share.
 *
 * Encodes one tile in RPCL, a tile-part for each resolution, with TLM and PLT: the beginning of a frame is a smaller picture.
 * Without a ratio any of the syntaxes is encoded reversibly. Decodes what the stream says, high-throughput ones too, as far as it
 * is there. JPEG 2000 has no checksums: a damaged code-block that still makes sense to the decoder cannot be told from a sound one.
 */
#include "imaging/codec_own.h"
#include "imaging/j2k_own.h"
#include "shim/assertion.h"
#include "shim/shim.h"
#include <openjpeg.h>
#include <stdio.h>

#define PIECE (64u << 10) /* the library reads and writes so much at once */

/* ---- what the library says, and how it reads and writes */

static void stream_cleanup(opj_stream_t **s)
{
	if (*s)
		opj_stream_destroy(*s);
}
AUTO_TYPE(stream, opj_stream_t *);
static void coder_cleanup(opj_codec_t **c)
{
	if (*c)
		opj_destroy_codec(*c);
}
AUTO_TYPE(coder, opj_codec_t *);
static void picture_cleanup(opj_image_t **i)
{
	opj_image_destroy(*i);
}
AUTO_TYPE(picture, opj_image_t *);

struct said { /* by the library: the first of each, without the newline */
	char error[120], warning[120];
};

static void keep(char *to, size_t n, const char *text)
{
	if (to[0] == '\0') {
		snprintf(to, n, "%s", text);
		to[strcspn(to, "\r\n")] = '\0';
	}
}
static void on_error(const char *text, void *said)
{
	keep(((struct said *)said)->error, sizeof((struct said *)said)->error, text);
}
static void on_warning(const char *text, void *said)
{
	keep(((struct said *)said)->warning, sizeof((struct said *)said)->warning, text);
}
static void on_info(const char *text, void *said)
{
	(void)text, (void)said;
}

static void listen_to(opj_codec_t *c, struct said *said)
{
	opj_set_error_handler(c, on_error, said);
	opj_set_warning_handler(c, on_warning, said);
	opj_set_info_handler(c, on_info, said);
}

struct place { /* in the code stream */
	const uint8_t *in;
	size_t n, at;
	size_t marker; /* bytes of an end marker that are to follow n */
	size_t cut;    /* the tile-part that begins here says that it is longer than there is of it */
	struct buf *out;
	struct err *e;
};

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T n, void *place)
{
	struct place *p = place;

	const uint8_t *from = p->in + p->at;
	size_t left = p->at < p->n ? p->n - p->at : 0;

	if (left == 0) {
		if (p->at >= p->n + p->marker)
			return (OPJ_SIZE_T)-1;
		from = (const uint8_t *)"\xff\xd9" + (p->at - p->n);
		left = p->n + p->marker - p->at;
	}
	if (n > left)
		n = left;
	memcpy(to, from, n);
	for (size_t i = 0; p->cut && i < 4; i++) { /* its length, as it is */
		size_t at = p->cut + 6 + i;
		if (at >= p->at && at - p->at < n)
			((uint8_t *)to)[at - p->at] = (uint8_t)((p->n - p->cut) >> (24 - 8 * i));
	}
	p->at += n;
	return n;
}

/* Over what is there, then behind it. */
static OPJ_SIZE_T on_write(void *from, OPJ_SIZE_T n, void *place)
{
	struct place *p = place;
	size_t over = p->at < p->out->len ? p->out->len - p->at : 0;

	if (over > n)
		over = n;
	if (over > 0)
		memcpy(p->out->data + p->at, from, over);
	if (n > over && buf_put(p->out, (const uint8_t *)from + over, n - over, p->e) < 0)
		return (OPJ_SIZE_T)-1;
	p->at += n;
	return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T to, void *place)
{
	struct place *p = place;

	if (to < 0 || (uint64_t)to > (p->out ? p->out->len : p->n + p->marker))
		return OPJ_FALSE;
	p->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T by, void *place)
{
	struct place *p = place;
	uint64_t left = p->out ? p->out->len - p->at : p->n + p->marker - p->at;

	if (by < 0 && (uint64_t)-by > p->at)
		return -1;
	if (by > 0 && (uint64_t)by > left)
		by = (OPJ_OFF_T)left;
	p->at = (size_t)((OPJ_OFF_T)p->at + by);
	return by == 0 && left == 0 ? -1 : by;
}

static opj_stream_t *open_stream(struct place *p, bool reading)
{
	opj_stream_t *s = opj_stream_create(PIECE, reading);

	if (!s)
		return NULL;
	opj_stream_set_user_data(s, p, NULL);
	opj_stream_set_user_data_length(s, p->n + p->marker);
	opj_stream_set_read_function(s, on_read);
	opj_stream_set_write_function(s, on_write);
	opj_stream_set_seek_function(s, on_seek);
	opj_stream_set_skip_function(s, on_skip);
	return s;
}

/* ---- decoding */

static int give(const struct j2k_head *h, const struct image_pixel *said, const opj_image_t *i, uint64_t most,
		struct codec_frame *out, struct err *e)
{
	const opj_image_comp_t *first = i->comps;
	int rc;

	if (i->numcomps != h->components)
		return err_set(e, E_CORRUPT, "%u components were decoded of %u", i->numcomps, h->components);
	if (first->w == 0 || first->h == 0 || first->w > said->columns || first->h > said->rows)
		return err_set(e, E_CORRUPT, "%u x %u samples were decoded", first->w, first->h);
	if ((rc = j2k_frame_begin(h, said, first->w, first->h, most, out, e)) < 0)
		return rc;
	for (unsigned c = 0; c < i->numcomps; c++) {
		const opj_image_comp_t *part = &i->comps[c];
		if (!part->data)
			return err_set(e, E_CORRUPT, "nothing was decoded of component %u", c);
		for (uint32_t y = 0; y < part->h; y++)
			j2k_row_write(h, out, c, y, part->data + (size_t)y * part->w, part->w);
	}
	return 0;
}

struct running {
	opj_codec_t *coder;
	opj_stream_t *stream;
	opj_image_t **picture;
	opj_dparameters_t with;
	bool done;
};

/* Strict where packets are skipped: of a damaged stream the library otherwise goes on reading behind the end (2.5.0). Else it gives what there is. */
static void run_steps(void *arg)
{
	struct running *r = arg;
	opj_codec_t *c = r->coder;

	r->done = opj_setup_decoder(c, &r->with) && opj_decoder_set_strict_mode(c, r->with.cp_reduce > 0) &&
		  opj_codec_set_threads(c, 0) && opj_read_header(r->stream, c, r->picture) &&
		  opj_decode(c, r->stream, *r->picture);
}

/* A stream that ends early gets an end marker and the tile-part it ends in its true length: the library shows what is there, but takes
 * memory for what it was told. */
static int run(const struct j2k_head *h, const struct j2k_sound *sound, unsigned reduce, struct said *said,
	       opj_image_t **out, struct err *e)
{
	struct place place = {.in = h->stream, .n = sound->n, .marker = sound->ended ? 0 : 2, .cut = sound->cut};
	AUTO(stream) s = open_stream(&place, true);
	AUTO(coder) c = opj_create_decompress(OPJ_CODEC_J2K);
	AUTO(picture) i = NULL;
	struct running r = {.coder = c, .stream = s, .picture = &i};

	opj_set_default_decoder_parameters(&r.with);
	r.with.cp_reduce = reduce;
	if (!s || !c)
		return err_set(e, E_NOMEM, "no memory for a decoder");
	listen_to(c, said);
	if (shim_surviving(run_steps, &r) < 0)
		return err_set(e, E_CORRUPT, "JPEG 2000: %s", shim_error());
	if (!r.done)
		return err_set(e, E_CORRUPT, "JPEG 2000: %s", said->error[0] ? said->error : "it cannot be decoded");
	*out = STEAL(i);
	return 0;
}

/* What is too damaged to be decoded at a smaller size may be decodable whole. */
int j2k_decode_by_openjpeg(const struct j2k_head *h, const struct image_pixel *said, unsigned reduce, uint64_t most,
			   struct codec_frame *out, struct err *e)
{
	AUTO(picture) i = NULL;
	struct said words = {0};
	const struct j2k_sound sound = j2k_head_sound(h);
	int rc;

	if (reduce > h->levels)
		reduce = h->levels;
	if (reduce > 0 && run(h, &sound, reduce, &words, &i, NULL) < 0 &&
	    (rc = j2k_head_agree(h, said, reduce = 0, most, e)) < 0)
		return rc;
	if ((reduce == 0 && (rc = run(h, &sound, 0, &words, &i, e)) < 0) || (rc = give(h, said, i, most, out, e)) < 0)
		return rc;
	if (sound.missing)
		j2k_warn(out, "%s", sound.missing);
	else if (words.error[0] || words.warning[0])
		j2k_warn(out, "%s", words.error[0] ? words.error : words.warning);
	return 0;
}

int j2k_decode(const char *syntax, const struct image_pixel *said, const void *in, size_t n, unsigned reduce,
	       uint64_t most, struct codec_frame *out, struct err *e)
{
	AUTO(codec_frame) f = {0};
	struct j2k_head h;
	int rc;

	(void)syntax;
	if ((rc = j2k_head_read(in, n, &h, e)) < 0 || (rc = j2k_head_agree(&h, said, reduce, most, e)) < 0)
		return rc;
	if (h.extended)
		return err_set(e, E_UNSUP, "the code stream needs part 2 of JPEG 2000 (multi-component transforms)");
	if ((rc = j2k_decode_by_openjpeg(&h, said, reduce, most, &f, e)) < 0)
		return rc;
	*out = f;
	f = (struct codec_frame){0};
	return 0;
}

/* ---- encoding */

/* The library keeps six bits of fraction in 32: deeper samples overflow. */
#define DEPTH_MOST 24u

static opj_image_t *picture_of(const struct image_pixel *p, const struct j2k_form *f, const void *samples)
{
	opj_image_cmptparm_t parts[3] = {{0}};
	opj_image_t *i;

	for (unsigned c = 0; c < p->samples; c++)
		parts[c] = (opj_image_cmptparm_t){
		    .dx = 1, .dy = 1, .w = p->columns, .h = p->rows, .prec = f->depth, .sgnd = f->is_signed};
	i = opj_image_create(p->samples, parts, p->samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
	if (!i)
		return NULL;
	i->x1 = p->columns;
	i->y1 = p->rows;
	for (unsigned c = 0; c < p->samples; c++)
		for (uint32_t y = 0; y < p->rows; y++)
			j2k_row_read(p, f, samples, c, y, i->comps[c].data + (size_t)y * p->columns);
	return i;
}

/* The library wants a sample of the coarsest resolution in each direction. Wavelets make single bits longer. */
static unsigned levels_of(const struct image_pixel *p, const struct j2k_form *f)
{
	unsigned levels = f->depth > 1 ? j2k_levels(p->columns, p->rows) : 0;

	while (levels > 0 && (p->columns >> levels == 0 || p->rows >> levels == 0))
		levels--;
	return levels;
}

static void choose(opj_cparameters_t *with, const struct image_pixel *p, const struct j2k_form *f, double ratio)
{
	opj_set_default_encoder_parameters(with);
	with->cod_format = 0;
	with->cp_disto_alloc = 1;
	with->tcp_numlayers = 1;
	with->tcp_rates[0] = f->lossy ? (float)(ratio * f->depth / p->bits_allocated) : 0; /* of the container */
	with->irreversible = f->lossy;
	with->tcp_mct = f->transformed ? 1 : 0;
	with->numresolution = (int)levels_of(p, f) + 1;
	with->prog_order = OPJ_RPCL;
	with->tp_on = 1;
	with->tp_flag = 'R';
}

static int compress(const struct image_pixel *p, const struct j2k_form *f, double ratio, const void *samples,
		    struct buf *to, struct err *e)
{
	static const char *const more[] = {"PLT=YES", "TLM=YES", NULL};
	struct err full = {0};
	struct place place = {.out = to, .e = &full};
	struct said words = {0};
	opj_cparameters_t with;
	AUTO(stream) s = open_stream(&place, false);
	AUTO(coder) c = opj_create_compress(OPJ_CODEC_J2K);
	AUTO(picture) i = picture_of(p, f, samples);

	if (!s || !c || !i)
		return err_set(e, E_NOMEM, "no memory for an encoder");
	listen_to(c, &words);
	choose(&with, p, f, ratio);
	if (!opj_setup_encoder(c, &with, i) || !opj_encoder_set_extra_options(c, more) ||
	    !opj_codec_set_threads(c, 0) || !opj_start_compress(c, i, s) || !opj_encode(c, s) ||
	    !opj_end_compress(c, s))
		return full.code ? err_set(e, full.code, "%s", full.msg)
				 : err_set(e, E_UNSUP, "JPEG 2000: %s",
					   words.error[0] ? words.error : "it cannot be encoded");
	return 0;
}

int j2k_encode(const char *syntax, const struct codec_how *how, const struct image_pixel *p, const void *samples,
	       size_t n, uint64_t most, struct codec_stream *out, struct err *e)
{
	AUTO(buf) bytes = BUF((size_t)most);
	bool lossy = how->ratio > 1 && strcmp(syntax, J2K_LOSSLESS) != 0;
	struct j2k_form f;
	int rc;

	if (strcmp(syntax, J2K_LOSSLESS) != 0 && strcmp(syntax, J2K_ANY) != 0)
		return err_set(e, E_UNSUP, "nothing is encoded in %s", syntax);
	if ((rc = j2k_form_choose(p, samples, n, lossy, DEPTH_MOST, &f, e)) < 0 ||
	    (rc = compress(p, &f, how->ratio, samples, &bytes, e)) < 0)
		return rc;
	return j2k_stream_finish(&bytes, p, &f, out, e);
}
