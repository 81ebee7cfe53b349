/* imaging/j2k_head.h - reads the headers of a JPEG 2000 code stream before a library sees it. Of this room only.
 *
 * What a stream says of itself is compared with the data set here, and what its decoding would take is estimated, so that
 * a few bytes cannot ask for much memory. Streams in a JP2 file's boxes are found (PS3.5 8.2.4 wants them bare).
 * Units:    depth in bits; places and lengths in bytes.
 * Memory:   stream points into what was given.   Threads: depends on its arguments alone.
 * Source:   ISO/IEC 15444-1 annex A (markers) and I (boxes), 15444-15 annex A (CAP).
 */
#ifndef IMAGING_J2K_HEAD_H
#define IMAGING_J2K_HEAD_H

#include "imaging/codec.h"

#define J2K_COMPONENTS 4u /* more are refused */

struct j2k_component {
	uint8_t depth, dx, dy;
	bool is_signed;
};
struct j2k_head {
	const uint8_t *stream;
	size_t n;
	bool boxed; /* it was in JP2 boxes */
	uint32_t x0, y0, x1, y1, tile_w, tile_h, tile_x0, tile_y0;
	uint64_t tiles;
	uint32_t columns, rows; /* of the picture */
	unsigned components;
	struct j2k_component component[J2K_COMPONENTS];
	bool high_throughput; /* CAP says that part 15 is needed */
	bool extended;        /* part 2 is needed */
	bool transformed;     /* colours by RCT or ICT */
	bool reversible;      /* the 5-3 wavelet */
	unsigned levels;      /* decompositions: the smallest number over all components */
	unsigned progression; /* 0 LRCP, 1 RLCP, 2 RPCL, 3 PCRL, 4 CPRL */
	unsigned block_w, block_h, precinct[33];
	bool tlm;      /* a TLM marker segment is there */
	size_t main_n; /* of the main header: the first SOT is here */
};
#define J2K_RPCL 2u

/* -E_CORRUPT, -E_UNSUP (more components than J2K_COMPONENTS), -E_LIMIT (more tiles than sense). */
int j2k_head_read(const void *in, size_t n, struct j2k_head *h, struct err *e);
/* The stream belongs to such pixels (-E_MISMATCH), its samples take at most most bytes, and decoding it at 1/2^reduce takes a sane
 * multiple of that (-E_LIMIT). */
int j2k_head_agree(const struct j2k_head *h, const struct image_pixel *said, unsigned reduce, uint64_t most,
		   struct err *e);
/* Follows the tile-parts to the end marker. */
struct j2k_sound {
	size_t n;            /* bytes that hang together; a library is to see no others */
	bool ended;          /* they end with the end marker */
	size_t cut;          /* 0, or the tile-part that begins here is cut by their end */
	const char *missing; /* NULL, or what is wrong behind them, as words for a warning */
};
struct j2k_sound j2k_head_sound(const struct j2k_head *h);
/* The tile-part that begins at `at` of what is sound (the first: main_n), and behind it the next; false behind the last. */
struct j2k_part {
	unsigned tile;
	size_t data, end; /* its packets */
	bool changes;     /* marker segments of its own other than lengths of packets and comments */
};
bool j2k_head_part(const struct j2k_head *h, const struct j2k_sound *sound, size_t at, struct j2k_part *out);
/* The ends of the tile-parts, if there is one for each resolution of a single tile in RPCL: their number, else 0. */
unsigned j2k_head_cuts(const struct j2k_head *h, uint64_t cuts[CODEC_CUTS]);
/* Decompositions for a picture: so many that one side of the coarsest is at most 64 (PS3.5 10.18 for the RPCL syntax), both of
 * them in fact, and five where the picture is large enough to gain by it. */
unsigned j2k_levels(uint32_t columns, uint32_t rows);
#endif
