/* shim/htj2k.h - OpenJPH behind plain C: rows in and out, bytes in and out.
 *
 * Conventions of shim.h: 0 or a negative SHIM_E*, shim_error() has the sentence. Callbacks must not throw or jump.
 * Threads:   any; the library's own messages are kept for the calling thread.
 * Source:    ISO/IEC 15444-15.
 */
#ifndef SHIM_HTJ2K_H
#define SHIM_HTJ2K_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shim_htj2k {
	uint32_t columns, rows;
	unsigned components, depth, levels;
	int is_signed, transform;
	float step; /* of the quantiser, of the full range; 0: reversible */
};
/* Encoding: fills row y of a component, columns integers. Decoding: takes it, n integers. */
typedef void shim_htj2k_row(void *arg, unsigned component, uint32_t y, int32_t *row, uint32_t n);
/* Returns 0, or not, and encoding ends with SHIM_ELIMIT. */
typedef int shim_htj2k_write(void *arg, const void *data, size_t n);

/* One tile in RPCL, code-blocks of 64 x 64, one tile-part. */
int shim_htj2k_encode(const struct shim_htj2k *form, shim_htj2k_row *fill, shim_htj2k_write *write, void *arg);
/* Where resolutions 0 to levels - 1 end in what shim_htj2k_encode() wrote: the library reads it again up to there, headers of packets only
 * and without decoding. */
int shim_htj2k_ends(const void *in, size_t n, unsigned levels, uint64_t *ends);

/* To be decoded: a main header checked before (the library believes it), behind it each tile as one tile-part that says to be SHIM_HTJ2K_MORE
 * bytes longer than it is, without marker segments of its own, and the end marker. What a damaged tile-part lacks is read as zeros, which are
 * empty packets: the library (0.9.0, and later ones) writes behind its memory where a code-block is cut by the end of a tile-part. */
#define SHIM_HTJ2K_MORE (1u << 30)
struct shim_htj2k_stream {
	const void *data;
	size_t n;
	size_t main_n;           /* of the main header */
	const uint32_t *lengths; /* of the tile-parts, as they are */
	size_t parts;
};
/* begin: the picture's size at 1/2^reduce; not 0 ends decoding with SHIM_ELIMIT. warning: "" or the first thing the library found odd. */
typedef int shim_htj2k_begin(void *arg, uint32_t columns, uint32_t rows);
int shim_htj2k_decode(const struct shim_htj2k_stream *in, unsigned reduce, shim_htj2k_begin *begin,
		      shim_htj2k_row *take, void *arg, char *warning, size_t warning_n);

#ifdef __cplusplus
}
#endif
#endif
