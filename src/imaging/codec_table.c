/* imaging/codec_table.c - which (transfer syntax, photometric interpretation, bits) are decoded, encoded, or refused and why.
 *
 * The one table: the door asks it before a codec runs, the node before it promises a form, and teleread-codecs(7) is made of it.
 * Rows of a family are read from the top; the first that fits decides, one way and the other.
 */
#include "imaging/codec_own.h"

#define LOSSLESS true
#define LOSSY false
#define GREY COLOURS_GREY
#define PALETTE COLOURS_PALETTE
#define COLOUR (COLOURS_RGB | COLOURS_YBR)
#define HALF COLOURS_YBR_422
#define J2K COLOURS_J2K
#define ALL 63
#define REFUSED(why) why, why
#define YES NULL
#define END                                                                                                            \
	{                                                                                                              \
		0                                                                                                      \
	}

static const char transform[] = "YBR_RCT and YBR_ICT are for JPEG 2000 alone",
		  half[] = "YBR_FULL_422 has half of the chroma samples, the code stream has all of them",
		  wide[] = "more than 16 bits", bits[] = "single bits are not carried",
		  palette[] = "indices of a palette do not survive loss", odd[] = "such pixels are not known",
		  near_loss[] = "near-lossless JPEG-LS is not made: other lossy forms are smaller";

/*     photometric            allocated        stored  sign       decode        encode */
static const struct codec_row native[] = {
    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)}, {ALL, BITS_ANY, 1, 64, SIGN_ANY, YES, YES}, END};

static const struct codec_row deflated[] = {{J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
					    {HALF, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(half)},
					    {ALL, BITS_ANY, 1, 64, SIGN_ANY, YES, YES},
					    END};

static const struct codec_row rle[] = {{J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
				       {HALF, BITS_8, 1, 8, SIGN_ANY, YES, half},
				       {HALF, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(half)},
				       {GREY | PALETTE, BITS_1, 1, 1, SIGN_ANY, YES, YES},
				       {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},
				       {ALL, BITS_64, 1, 64, SIGN_ANY, REFUSED("more than 32 bits")},
				       {ALL, BITS_8 | BITS_16 | BITS_32, 1, 32, SIGN_ANY, YES, YES},
				       END};

static const struct codec_row jpeg_8[] = {
    {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},
    {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
    {PALETTE, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, palette},
    {GREY, BITS_8 | BITS_16, 1, 8, SIGN_NONE, YES, YES},
    {GREY, BITS_8 | BITS_16, 1, 8, SIGN_TWO, YES, "signed samples do not go through a lossy transform"},
    {GREY, BITS_16, 9, 16, SIGN_ANY, YES, "more than 8 bits"},
    {COLOUR | HALF, BITS_8, 1, 8, SIGN_NONE, YES, YES},
    {COLOUR | HALF, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, "colours of other than 8 unsigned bits"},
    END};

static const struct codec_row jpeg_12[] = {
    {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},
    {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
    {PALETTE, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, palette},
    {GREY, BITS_8 | BITS_16, 1, 12, SIGN_NONE, YES, YES},
    {GREY, BITS_8 | BITS_16, 1, 16, SIGN_TWO, YES, "signed samples do not go through a lossy transform"},
    {GREY, BITS_16, 13, 16, SIGN_ANY, YES, "more than 12 bits"},
    {COLOUR | HALF, BITS_8, 1, 8, SIGN_NONE, YES, YES},
    {COLOUR | HALF, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, "colours of other than 8 unsigned bits"},
    END};

static const struct codec_row jpeg_old[] = {{ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},
					    {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
					    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
					    {ALL, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, "the syntax is retired"},
					    END};

static const struct codec_row jpeg_lossless[] = {
    {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},         {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)}, {HALF, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, half},
    {ALL, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, YES},   END};

static const struct codec_row jpegls[] = {
    {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},         {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
    {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)}, {HALF, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, half},
    {ALL, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, YES},   END};

static const struct codec_row jpegls_near[] = {{ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED(bits)},
					       {ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED(wide)},
					       {J2K, BITS_ANY, 1, 64, SIGN_ANY, REFUSED(transform)},
					       {ALL, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, near_loss},
					       END};

/* A data set that says YBR_FULL_422 of a JPEG 2000 stream is wrong about it, or the stream has halved components: both are read. */
#define J2K_ROWS(deepest)                                                                                              \
	{J2K, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, "samples are RGB before they are encoded"},                      \
	    {HALF, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, half}, {GREY, BITS_1, 1, 1, SIGN_ANY, YES, YES},            \
	    {ALL, BITS_1, 1, 1, SIGN_ANY, REFUSED("single bits with colours")},                                        \
	    {ALL, BITS_8 | BITS_16, 1, 16, SIGN_ANY, YES, YES},                                                        \
	{                                                                                                              \
		GREY | PALETTE | COLOUR, BITS_32, 1, deepest, SIGN_ANY, YES, YES                                       \
	}
#define J2K_REST                                                                                                       \
	{                                                                                                              \
		ALL, BITS_32 | BITS_64, 1, 64, SIGN_ANY, REFUSED("more than 24 bits")                                  \
	}
static const struct codec_row j2k[] = {J2K_ROWS(24), J2K_REST, END},
			      htj2k[] = {J2K_ROWS(18),
					 {GREY | PALETTE | COLOUR, BITS_32, 19, 24, SIGN_ANY, YES, "more than 18 bits"},
					 J2K_REST,
					 END};

static const struct codec_row arithmetic[] = {
    {ALL, BITS_ANY, 1, 64, SIGN_ANY, REFUSED("retired: arithmetic or hierarchical JPEG")}, END};
static const struct codec_row jpeg_xl[] = {
    {ALL, BITS_ANY, 1, 64, SIGN_ANY, REFUSED("JPEG XL is kept and given as it came")}, END};
static const struct codec_row video[] = {
    {ALL, BITS_ANY, 1, 64, SIGN_ANY, REFUSED("video is kept and given as it came")}, END};
static const struct codec_row elsewhere[] = {
    {ALL, BITS_ANY, 1, 64, SIGN_ANY, REFUSED("the pixels are at another place, behind a URL")}, END};
static const struct codec_row components[] = {
    {ALL, BITS_ANY, 1, 64, SIGN_ANY, REFUSED("JPEG 2000 part 2 (multi-component) is kept and given as it came")}, END};

#define NATIVE(uid, name)                                                                                              \
	{                                                                                                              \
		uid, name, LOSSLESS, native_decode, native_encode, native                                              \
	}
#define KEPT(uid, name, why)                                                                                           \
	{                                                                                                              \
		uid, name, LOSSY, NULL, NULL, why                                                                      \
	}
#define OLD(uid, name)                                                                                                 \
	{                                                                                                              \
		uid, name, LOSSY, jpeg_decode, NULL, jpeg_old                                                          \
	}

static const struct codec_syntax syntaxes[] = {
    NATIVE("1.2.840.10008.1.2", "Implicit VR Little Endian"),
    NATIVE("1.2.840.10008.1.2.1", "Explicit VR Little Endian"),
    NATIVE("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian"),
    NATIVE("1.2.840.10008.1.2.2", "Explicit VR Big Endian"),
    {"1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", LOSSLESS, deflated_decode, deflated_encode, deflated},
    {"1.2.840.10008.1.2.5", "RLE Lossless", LOSSLESS, rle_decode, rle_encode, rle},
    {"1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", LOSSY, jpeg_decode, jpeg_lossy_encode, jpeg_8},
    {"1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", LOSSY, jpeg_decode, jpeg_lossy_encode, jpeg_12},
    {"1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)", LOSSLESS, jpeg_decode, jpeg_lossless_encode,
     jpeg_lossless},
    {"1.2.840.10008.1.2.4.70", "JPEG Lossless (Process 14, Selection Value 1)", LOSSLESS, jpeg_decode,
     jpeg_lossless_encode, jpeg_lossless},
    {"1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", LOSSLESS, jpegls_decode, jpegls_encode, jpegls},
    {"1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", LOSSY, jpegls_decode, NULL, jpegls_near},
    {"1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless Only", LOSSLESS, j2k_decode, j2k_encode, j2k},
    {"1.2.840.10008.1.2.4.91", "JPEG 2000", LOSSY, j2k_decode, j2k_encode, j2k},
    {"1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Lossless Only", LOSSLESS, htj2k_decode, htj2k_encode, htj2k},
    {"1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Lossless Only", LOSSLESS, htj2k_decode,
     htj2k_encode, htj2k},
    {"1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", LOSSY, htj2k_decode, htj2k_encode, htj2k},
    KEPT("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2 Multi-component Lossless", components),
    KEPT("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2 Multi-component", components),
    KEPT("1.2.840.10008.1.2.4.94", "JPIP Referenced", elsewhere),
    KEPT("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", elsewhere),
    KEPT("1.2.840.10008.1.2.4.204", "JPIP HTJ2K Referenced", elsewhere),
    KEPT("1.2.840.10008.1.2.4.205", "JPIP HTJ2K Referenced Deflate", elsewhere),
    KEPT("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level", video),
    KEPT("1.2.840.10008.1.2.4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", video),
    KEPT("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level", video),
    KEPT("1.2.840.10008.1.2.4.101.1", "Fragmentable MPEG2 Main Profile / High Level", video),
    KEPT("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", video),
    KEPT("1.2.840.10008.1.2.4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", video),
    KEPT("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", video),
    KEPT("1.2.840.10008.1.2.4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", video),
    KEPT("1.2.840.10008.1.2.4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", video),
    KEPT("1.2.840.10008.1.2.4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", video),
    KEPT("1.2.840.10008.1.2.4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", video),
    KEPT("1.2.840.10008.1.2.4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", video),
    KEPT("1.2.840.10008.1.2.4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", video),
    KEPT("1.2.840.10008.1.2.4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", video),
    KEPT("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile / Level 5.1", video),
    KEPT("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", video),
    KEPT("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", jpeg_xl),
    KEPT("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression", jpeg_xl),
    KEPT("1.2.840.10008.1.2.4.112", "JPEG XL", jpeg_xl),
    OLD("1.2.840.10008.1.2.4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)"),
    OLD("1.2.840.10008.1.2.4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)"),
    KEPT("1.2.840.10008.1.2.4.52", "JPEG Extended (Process 3 and 5)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.56", "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.58", "JPEG Lossless, Non-Hierarchical (Process 15)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.59", "JPEG Extended, Hierarchical (Process 16 and 18)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.60", "JPEG Extended, Hierarchical (Process 17 and 19)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.61", "JPEG Spectral Selection, Hierarchical (Process 20 and 22)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.62", "JPEG Spectral Selection, Hierarchical (Process 21 and 23)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.63", "JPEG Full Progression, Hierarchical (Process 24 and 26)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.64", "JPEG Full Progression, Hierarchical (Process 25 and 27)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.65", "JPEG Lossless, Hierarchical (Process 28)", arithmetic),
    KEPT("1.2.840.10008.1.2.4.66", "JPEG Lossless, Hierarchical (Process 29)", arithmetic),
    {0}};

const struct codec_syntax *codec_syntaxes(void)
{
	return syntaxes;
}

const struct codec_syntax *codec_find(const char *syntax)
{
	for (const struct codec_syntax *s = syntaxes; s->uid; s++)
		if (strcmp(s->uid, syntax) == 0)
			return s;
	return NULL;
}

enum codec_colours codec_colours(const struct image_pixel *p)
{
	const char *name = p->photometric;

	if (p->samples == 1)
		return strcmp(name, "PALETTE COLOR") == 0 ? COLOURS_PALETTE : COLOURS_GREY;
	if (image_pixel_subsampled(p))
		return COLOURS_YBR_422;
	if (strcmp(name, "YBR_RCT") == 0 || strcmp(name, "YBR_ICT") == 0)
		return COLOURS_J2K;
	return strncmp(name, "YBR_", 4) == 0 ? COLOURS_YBR : COLOURS_RGB;
}

static unsigned allocated_bit(unsigned bits_allocated)
{
	switch (bits_allocated) {
	case 1:
		return BITS_1;
	case 8:
		return BITS_8;
	case 16:
		return BITS_16;
	case 32:
		return BITS_32;
	case 64:
		return BITS_64;
	default:
		return 0;
	}
}

const struct codec_row *codec_row(const struct codec_syntax *s, const struct image_pixel *p)
{
	unsigned colours = codec_colours(p), allocated = allocated_bit(p->bits_allocated);
	unsigned sign = p->is_signed ? SIGN_TWO : SIGN_NONE;

	for (const struct codec_row *r = s->rows; r->colours; r++)
		if (r->colours & colours && r->allocated & allocated && r->sign & sign &&
		    p->bits_stored >= r->stored_least && p->bits_stored <= r->stored_most)
			return r;
	return NULL;
}

bool codec_can(enum codec_way way, const char *syntax, const struct image_pixel *p, const char **reason)
{
	const struct codec_syntax *s = codec_find(syntax);
	const struct codec_row *r = s ? codec_row(s, p) : NULL;
	const char *why = !s                    ? "no such transfer syntax is known"
			  : !r                  ? odd
			  : way == CODEC_DECODE ? r->no_decode
						: r->no_encode;

	if (!why && !(way == CODEC_DECODE ? s->decode != NULL : s->encode != NULL))
		why = odd;
	if (reason)
		*reason = why;
	return !why;
}

bool codec_known(enum codec_way way, const char *syntax)
{
	const struct codec_syntax *s = codec_find(syntax);

	return s && (way == CODEC_DECODE ? s->decode != NULL : s->encode != NULL);
}

bool codec_lossless(const char *syntax)
{
	const struct codec_syntax *s = codec_find(syntax);

	return s && s->lossless;
}
