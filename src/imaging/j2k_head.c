/* imaging/j2k_head.c - markers of the main header and the chain of tile-parts. */
#include "imaging/j2k_head.h"

enum {
	SOC = 0xff4f,
	CAP = 0xff50,
	SIZ = 0xff51,
	COD = 0xff52,
	COC = 0xff53,
	TLM = 0xff55,
	PLT = 0xff58,
	COM = 0xff64,
	SOT = 0xff90,
	SOD = 0xff93,
	EOC = 0xffd9,
};
#define LEVELS_MOST 32u
#define TILES_MOST 65535u

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}
static uint32_t be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}
static uint64_t ceil_div(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* ---- boxes */

static bool is_boxed(const uint8_t *p, size_t n)
{
	return n >= 12 && be32(p) == 12 && memcmp(p + 4, "jP  \r\n\x87\n", 8) == 0;
}

static int unbox(struct j2k_head *h, const uint8_t *p, size_t n, struct err *e)
{
	size_t at = 0;

	while (n - at >= 8) {
		uint64_t head = 8, len = be32(p + at);
		if (len == 1 && n - at >= 16) {
			len = (uint64_t)be32(p + at + 8) << 32 | be32(p + at + 12);
			head = 16;
		} else if (len == 0)
			len = n - at;
		if (len < head)
			break;
		if (memcmp(p + at + 4, "jp2c", 4) == 0) {
			h->stream = p + at + head;
			h->n = (len < n - at ? len : n - at) - head;
			h->boxed = true;
			return 0;
		}
		if (len > n - at)
			break;
		at += len;
	}
	return err_set(e, E_CORRUPT, "a JP2 file without a code stream in it");
}

/* ---- the main header */

static int read_component(struct j2k_head *h, unsigned i, const uint8_t *p, struct err *e)
{
	struct j2k_component *c = &h->component[i];

	*c = (struct j2k_component){.depth = (p[0] & 0x7f) + 1, .dx = p[1], .dy = p[2], .is_signed = p[0] & 0x80};
	if (c->depth > 38 || c->dx == 0 || c->dy == 0)
		return err_set(e, E_CORRUPT, "component %u of the code stream has %u bits, every %ux%u", i, c->depth,
			       c->dx, c->dy);
	return 0;
}

static int read_siz(struct j2k_head *h, const uint8_t *p, size_t n, struct err *e)
{
	if (n < 39)
		return err_set(e, E_CORRUPT, "the size of the code stream is cut");
	h->extended = be16(p) & 0x8000;
	h->x1 = be32(p + 2), h->y1 = be32(p + 6);
	h->x0 = be32(p + 10), h->y0 = be32(p + 14);
	h->tile_w = be32(p + 18), h->tile_h = be32(p + 22);
	h->tile_x0 = be32(p + 26), h->tile_y0 = be32(p + 30);
	h->components = be16(p + 34);
	if (h->x0 >= h->x1 || h->y0 >= h->y1 || h->tile_w == 0 || h->tile_h == 0 || h->tile_x0 > h->x0 ||
	    h->tile_y0 > h->y0 || (uint64_t)h->tile_x0 + h->tile_w <= h->x0 ||
	    (uint64_t)h->tile_y0 + h->tile_h <= h->y0)
		return err_set(e, E_CORRUPT, "the code stream's picture and tiles do not fit each other");
	if (h->components == 0 || n < 36 + 3 * (size_t)h->components)
		return err_set(e, E_CORRUPT, "%u components in %zu bytes of the code stream's size", h->components, n);
	if (h->components > J2K_COMPONENTS)
		return err_set(e, E_UNSUP, "a JPEG 2000 code stream of %u components", h->components);
	h->columns = h->x1 - h->x0, h->rows = h->y1 - h->y0;
	h->tiles =
	    ceil_div((uint64_t)h->x1 - h->tile_x0, h->tile_w) * ceil_div((uint64_t)h->y1 - h->tile_y0, h->tile_h);
	if (h->tiles > TILES_MOST)
		return err_set(e, E_LIMIT, "a code stream of %llu tiles; at most %u", (unsigned long long)h->tiles,
			       TILES_MOST);
	for (unsigned i = 0; i < h->components; i++) {
		int rc = read_component(h, i, p + 36 + 3 * (size_t)i, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What COD and COC have alike: levels, block size, style, wavelet, precincts. */
static int read_style(struct j2k_head *h, bool precincts, const uint8_t *p, size_t n, struct err *e)
{
	unsigned levels = n > 0 ? p[0] : 0;

	if (n < 5 || levels > LEVELS_MOST || (precincts && n < 6 + (size_t)levels))
		return err_set(e, E_CORRUPT, "the coding style of the code stream is cut or has %u levels", levels);
	if ((p[1] & 15) + (p[2] & 15) > 8)
		return err_set(e, E_CORRUPT, "code-blocks of the code stream are larger than 4096");
	if (levels < h->levels)
		h->levels = levels;
	h->block_w = (p[1] & 15) + 2, h->block_h = (p[2] & 15) + 2;
	h->high_throughput |= p[3] & 0x40;
	h->reversible = p[4] == 1;
	for (unsigned r = 0; r <= LEVELS_MOST; r++)
		h->precinct[r] = precincts && r <= levels ? p[5 + r] : 0xff;
	return 0;
}

static int read_cod(struct j2k_head *h, const uint8_t *p, size_t n, struct err *e)
{
	if (n < 10)
		return err_set(e, E_CORRUPT, "the coding style of the code stream is cut");
	h->progression = p[1];
	h->transformed = p[4] == 1;
	h->levels = LEVELS_MOST;
	if (p[4] > 1)
		h->extended = true;
	return read_style(h, p[0] & 1, p + 5, n - 5, e);
}

static int read_coc(struct j2k_head *h, const uint8_t *p, size_t n, struct err *e)
{
	struct j2k_head other = *h;
	int rc;

	if (n < 7)
		return err_set(e, E_CORRUPT, "the coding style of a component is cut");
	if ((rc = read_style(&other, p[1] & 1, p + 2, n - 2, e)) < 0)
		return rc;
	h->levels = other.levels;
	return 0;
}

static int read_segment(struct j2k_head *h, unsigned marker, const uint8_t *p, size_t n, struct err *e)
{
	switch (marker) {
	case CAP: /* Pcap counts parts from the highest bit: part 15 is bit 17 */
		h->high_throughput |= n >= 4 && (be32(p) & 0x00020000);
		return 0;
	case COD:
		return read_cod(h, p, n, e);
	case COC:
		return h->columns ? read_coc(h, p, n, e) : 0;
	case TLM:
		h->tlm = true;
		return 0;
	default:
		return 0;
	}
}

static int read_main(struct j2k_head *h, struct err *e)
{
	const uint8_t *p = h->stream;
	bool coded = false;
	size_t at = 2;
	int rc;

	if (h->n < 6 || be16(p) != SOC || be16(p + 2) != SIZ)
		return err_set(e, E_CORRUPT, "not a JPEG 2000 code stream");
	while (h->n - at >= 4) {
		unsigned marker = be16(p + at);
		size_t len = be16(p + at + 2);
		if (marker == SOT) {
			h->main_n = at;
			return coded ? 0 : err_set(e, E_CORRUPT, "the code stream has no coding style (COD)");
		}
		if (marker < 0xff00 || len < 2 || len > h->n - at - 2)
			break;
		if ((marker == SIZ && h->columns) || (marker == COD && coded))
			return err_set(e, E_CORRUPT, "the code stream has two of marker %04x", marker);
		rc = marker == SIZ ? read_siz(h, p + at + 4, len - 2, e)
				   : read_segment(h, marker, p + at + 4, len - 2, e);
		if (rc < 0)
			return rc;
		coded |= marker == COD;
		at += 2 + len;
	}
	return err_set(e, E_CORRUPT, "the code stream ends in its header, or is damaged there");
}

int j2k_head_read(const void *in, size_t n, struct j2k_head *h, struct err *e)
{
	int rc;

	*h = (struct j2k_head){.stream = in, .n = n};
	if (is_boxed(in, n) && (rc = unbox(h, in, n, e)) < 0)
		return rc;
	return read_main(h, e);
}

/* ---- what it would take */

/* Libraries keep about this much for each tile and component of a tile, each precinct and each code-block. */
#define TILE_BYTES 6000u
#define TILE_COMPONENT_BYTES 4000u
#define PRECINCT_BYTES 300u
#define BLOCK_BYTES 250u
#define MEMORY_ALWAYS (256ULL << 20)
#define MEMORY_TIMES 10u

/* Precincts and code-blocks of one component, as if it were a single tile; tiles add a few at their borders. */
static unsigned __int128 structures(const struct j2k_head *h)
{
	unsigned __int128 bytes = 0;

	for (unsigned r = 0; r <= h->levels; r++) {
		unsigned down = h->levels - r, pw = h->precinct[r] & 15, ph = h->precinct[r] >> 4;
		uint64_t w = ((uint64_t)h->columns >> down) + 1, rows = ((uint64_t)h->rows >> down) + 1;
		unsigned bw = h->block_w < pw ? h->block_w : pw, bh = h->block_h < ph ? h->block_h : ph;

		bytes += (unsigned __int128)PRECINCT_BYTES * ceil_div(w, 1ULL << pw) * ceil_div(rows, 1ULL << ph);
		bytes += (unsigned __int128)BLOCK_BYTES * ceil_div(w, 1ULL << bw) * ceil_div(rows, 1ULL << bh);
	}
	return bytes;
}

static int agree_memory(const struct j2k_head *h, unsigned reduce, uint64_t most, struct err *e)
{
	unsigned down = reduce < h->levels ? reduce : h->levels;
	unsigned __int128 samples = ((unsigned __int128)h->columns * h->rows * h->components) >> (2 * down);
	unsigned __int128 need = structures(h) * h->components + samples * 8 + h->n;

	need += (unsigned __int128)h->tiles * (TILE_BYTES + (uint64_t)h->components * TILE_COMPONENT_BYTES);
	if (need > MEMORY_ALWAYS + (unsigned __int128)most * MEMORY_TIMES)
		return err_set(
		    e, E_LIMIT,
		    "decoding %u x %u x %u in %llu tiles would take %llu MiB, out of proportion to the frame",
		    h->columns, h->rows, h->components, (unsigned long long)h->tiles, (unsigned long long)(need >> 20));
	return 0;
}

static int agree_depth(const struct j2k_head *h, const struct image_pixel *said, struct err *e)
{
	for (unsigned i = 0; i < h->components; i++) {
		const struct j2k_component *c = &h->component[i];
		if (c->depth > said->bits_allocated)
			return err_set(e, E_MISMATCH, "the code stream has %u bits a sample, the data set allocates %u",
				       c->depth, said->bits_allocated);
		if (c->dx > 2 || c->dy > 2 || (i == 0 && (c->dx > 1 || c->dy > 1)))
			return err_set(e, E_UNSUP, "component %u of the code stream is sampled every %ux%u", i, c->dx,
				       c->dy);
	}
	return 0;
}

int j2k_head_agree(const struct j2k_head *h, const struct image_pixel *said, unsigned reduce, uint64_t most,
		   struct err *e)
{
	struct image_pixel given = *said;
	int rc;

	if (h->columns != said->columns || h->rows != said->rows)
		return err_set(e, E_MISMATCH, "the code stream is %u x %u, the data set says %u x %u", h->columns,
			       h->rows, said->columns, said->rows);
	if (h->components != said->samples)
		return err_set(e, E_MISMATCH, "the code stream has %u components, the data set says %u", h->components,
			       said->samples);
	if (said->bits_allocated != 1 && said->bits_allocated != 8 && said->bits_allocated != 16 &&
	    said->bits_allocated != 32)
		return err_set(e, E_UNSUP, "JPEG 2000 in containers of %u bits", said->bits_allocated);
	if ((rc = agree_depth(h, said, e)) < 0)
		return rc;
	unsigned down = reduce < h->levels ? reduce : h->levels;
	given.columns = (uint32_t)ceil_div(said->columns, 1ULL << down) + 1;
	given.rows = (uint32_t)ceil_div(said->rows, 1ULL << down) + 1;
	if (!image_pixel_frame_fits(down ? &given : said, most))
		return err_set(e, E_LIMIT, "a frame of %u x %u x %u with %u bits is over %llu bytes", said->columns,
			       said->rows, said->samples, said->bits_allocated, (unsigned long long)most);
	return agree_memory(h, reduce, most, e);
}

/* ---- tile-parts */

/* The tile-part at `at` reaches to here; 0 when there is none. Behind h->n: it is cut. */
static uint64_t part_end(const struct j2k_head *h, size_t at)
{
	const uint8_t *p = h->stream + at;
	size_t left = h->n - at;
	uint32_t len;

	if (left < 14 || be16(p) != SOT || be16(p + 2) != 10 || be16(p + 4) >= h->tiles)
		return 0;
	len = be32(p + 6);
	if (len == 0) /* reaches to the end marker, with perhaps a byte of padding behind that */
		return h->n - (be16(p + left - 2) == EOC ? 2 : left > 16 && be16(p + left - 3) == EOC ? 3 : 0);
	return len >= 14 ? (uint64_t)at + len : 0;
}

/* The marker segments of a tile-part's own header lead to SOD before its end. */
static bool part_has_data(const struct j2k_head *h, size_t at, uint64_t end, struct j2k_part *out)
{
	if (end > h->n)
		end = h->n;
	*out = (struct j2k_part){.tile = be16(h->stream + at + 4), .end = (size_t)end};
	for (at += 12; end - at >= 2;) {
		unsigned marker = be16(h->stream + at);
		out->data = at + 2;
		if (marker == SOD)
			return true;
		if (marker < 0xff00 || marker == SOT || end - at < 4)
			return false;
		size_t len = be16(h->stream + at + 2);
		if (len < 2 || len > end - at - 2)
			return false;
		out->changes |= marker != PLT && marker != COM;
		at += 2 + len;
	}
	return false;
}

bool j2k_head_part(const struct j2k_head *h, const struct j2k_sound *sound, size_t at, struct j2k_part *out)
{
	uint64_t end = sound->n - at >= 14 ? part_end(h, at) : 0;

	return end != 0 && part_has_data(h, at, end, out);
}

struct j2k_sound j2k_head_sound(const struct j2k_head *h)
{
	struct j2k_part part;
	size_t at = h->main_n;

	for (;;) {
		if (h->n - at >= 2 && be16(h->stream + at) == EOC)
			return (struct j2k_sound){.n = at + 2, .ended = true};
		if (h->n - at < 14)
			return (struct j2k_sound){.n = at, .missing = "the code stream ends early"};
		uint64_t end = part_end(h, at);
		if (end == 0 || !part_has_data(h, at, end, &part))
			return (struct j2k_sound){.n = at, .missing = "the code stream is damaged between tile-parts"};
		if (end > h->n)
			return (struct j2k_sound){
			    .n = h->n, .cut = at, .missing = "the code stream is cut within a tile-part"};
		at = (size_t)end;
	}
}

unsigned j2k_head_cuts(const struct j2k_head *h, uint64_t cuts[CODEC_CUTS])
{
	unsigned n = h->levels + 1, r = 0;
	size_t at = h->main_n;

	if (h->tiles != 1 || h->progression != J2K_RPCL || n > CODEC_CUTS)
		return 0;
	for (; r < n; r++) {
		uint64_t end = h->n - at >= 14 ? part_end(h, at) : 0;
		if (end == 0 || end > h->n || h->stream[at + 10] != r || h->stream[at + 11] != n)
			return 0;
		cuts[r] = at = (size_t)end;
	}
	cuts[n - 1] = h->n;
	return n;
}

unsigned j2k_levels(uint32_t columns, uint32_t rows)
{
	uint32_t large = columns > rows ? columns : rows, small = columns > rows ? rows : columns;
	unsigned levels = 0;

	while (levels < LEVELS_MOST && ceil_div(large, 1ULL << levels) > 64)
		levels++;
	while (levels < 5 && small >> (levels + 1) >= 4)
		levels++;
	return levels;
}
