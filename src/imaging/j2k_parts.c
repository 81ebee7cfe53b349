/* imaging/j2k_parts.c - tile-parts by resolution, and what is said of a finished code stream.
 *
 * PS3.5 10.18 wants TLM in the RPCL syntax, so that a reader finds where each resolution ends.
 */
#include "imaging/j2k_own.h"
#include "shim/htj2k.h"

#define SOT_BYTES 12u /* marker, length, tile, length of the tile-part, its number, their number */
#define PART_BYTES (SOT_BYTES + 2u)
#define TLM_BYTES(n) (6u + 6u * (n))

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}
static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v);
}

/* Ptlm of 32 bits, Ttlm of 16. */
static void write_tlm(uint8_t *p, const uint32_t *lengths, unsigned n)
{
	p = put16(p, 0xff55);
	p = put16(p, TLM_BYTES(n) - 2);
	*p++ = 0;
	*p++ = 0x60;
	for (unsigned r = 0; r < n; r++) {
		p = put16(p, 0);
		p = put32(p, lengths[r]);
	}
}

static void write_part(uint8_t *p, uint32_t length, unsigned r, unsigned n)
{
	p = put16(p, 0xff90);
	p = put16(p, 10);
	p = put16(p, 0);
	p = put32(p, length);
	*p++ = (uint8_t)r;
	*p++ = (uint8_t)n;
	put16(p, 0xff93);
}

/* What the rest relies on: one tile-part with nothing but SOT and SOD before its packets, from the main header to the end marker. */
static int check_single(const struct j2k_head *h, const uint64_t *ends, unsigned n, struct err *e)
{
	size_t first = h->main_n + PART_BYTES;
	struct j2k_sound sound = j2k_head_sound(h);

	if (h->tiles != 1 || h->n < first + 2 || memcmp(h->stream + first - 2, "\xff\x93", 2) != 0 ||
	    memcmp(h->stream + h->n - 2, "\xff\xd9", 2) != 0 || sound.n != h->n || !sound.ended)
		return err_set(e, E_BUG, "the encoder did not write a single tile-part");
	for (unsigned r = 0; r + 1 < n; r++)
		if (ends[r] < (r ? ends[r - 1] : first) || ends[r] > h->n - 2)
			return err_set(e, E_BUG, "resolution %u ends at %llu of %zu", r, (unsigned long long)ends[r],
				       h->n);
	return 0;
}

int j2k_parts_split(struct buf *bytes, const uint64_t *ends, unsigned n, struct err *e)
{
	uint32_t lengths[33];
	struct j2k_head h;
	int rc;

	if (n == 0 || n > 33)
		return err_set(e, E_BUG, "%u resolutions", n);
	size_t more = TLM_BYTES(n) + (n - 1) * PART_BYTES;
	if ((rc = j2k_head_read(bytes->data, bytes->len, &h, e)) < 0 || (rc = check_single(&h, ends, n, e)) < 0 ||
	    (rc = buf_reserve(bytes, more + 2, e)) < 0)
		return rc;
	uint8_t *p = bytes->data;
	size_t to = bytes->len - 2, first = h.main_n + PART_BYTES;
	put16(p + to + more, 0xffd9);
	for (unsigned r = n; r-- > 0;) { /* from the last, so that nothing is overwritten */
		size_t from = r ? (size_t)ends[r - 1] : first;
		size_t at = from + TLM_BYTES(n) + r * PART_BYTES;
		lengths[r] = (uint32_t)(to - from + PART_BYTES);
		memmove(p + at, p + from, to - from);
		write_part(p + at - PART_BYTES, lengths[r], r, n);
		to = from;
	}
	write_tlm(p + h.main_n, lengths, n);
	bytes->len += more;
	return 0;
}

/* ---- joined for OpenJPH */

struct joining {
	uint64_t *at; /* for each tile: bytes of its packets, then where the next ones go */
	unsigned tiles;
};

static int measure(const struct j2k_head *h, const struct j2k_sound *sound, struct joining *j, struct err *e)
{
	struct j2k_part part;

	for (size_t at = h->main_n; j2k_head_part(h, sound, at, &part); at = part.end) {
		if (part.changes)
			return err_set(e, E_CORRUPT, "tile-parts with a coding style of their own");
		j->at[part.tile] += part.end - part.data + PART_BYTES;
	}
	return 0;
}

/* Heads of tile-parts, one for each tile that is there. Returns their number, or an error. */
static int lay_out(const struct j2k_head *h, struct joining *j, struct buf *out, uint32_t *lengths, struct err *e)
{
	uint64_t to = h->main_n;
	int parts = 0;

	for (unsigned t = 0; t < j->tiles; t++) {
		uint64_t len = j->at[t];
		if (len == 0)
			continue;
		/* a part's own header was counted with each; what is not needed stays behind the tile as zeros */
		if (len > UINT32_MAX - SHIM_HTJ2K_MORE)
			return err_set(e, E_LIMIT, "a tile of %llu bytes", (unsigned long long)len);
		write_part(out->data + to, (uint32_t)len + SHIM_HTJ2K_MORE, 0, 1);
		put16(out->data + to + 4, t);
		j->at[t] = to + PART_BYTES;
		lengths[parts++] = (uint32_t)len;
		to += len;
	}
	put16(out->data + to, 0xffd9);
	out->len = (size_t)to + 2;
	return parts;
}

int j2k_parts_join(const struct j2k_head *h, const struct j2k_sound *sound, struct buf *out, uint32_t **lengths,
		   size_t *parts, struct err *e)
{
	uint64_t *at_each = calloc((size_t)h->tiles, sizeof *at_each);
	AUTO(str) places = (char *)at_each;
	struct joining j = {.at = at_each, .tiles = (unsigned)h->tiles};
	struct j2k_part part;
	int rc;

	*lengths = calloc((size_t)h->tiles, sizeof **lengths);
	if (!places || !*lengths)
		return err_set(e, E_NOMEM, "no memory for %u tiles", j.tiles);
	if ((rc = measure(h, sound, &j, e)) < 0 || (rc = buf_reserve(out, sound->n + 2, e)) < 0)
		return rc;
	memset(out->data, 0, sound->n + 2);
	memcpy(out->data, h->stream, h->main_n);
	if ((rc = lay_out(h, &j, out, *lengths, e)) < 0)
		return rc;
	*parts = (size_t)rc;
	for (size_t at = h->main_n; j2k_head_part(h, sound, at, &part); at = part.end) {
		memcpy(out->data + j.at[part.tile], h->stream + part.data, part.end - part.data);
		j.at[part.tile] += part.end - part.data;
	}
	return 0;
}

int j2k_stream_finish(struct buf *bytes, const struct image_pixel *p, const struct j2k_form *f,
		      struct codec_stream *out, struct err *e)
{
	struct j2k_head h;
	int rc;

	if ((bytes->len % 2 && (rc = buf_byte(bytes, 0, e)) < 0) ||
	    (rc = j2k_head_read(bytes->data, bytes->len, &h, e)) < 0)
		return rc;
	*out = (struct codec_stream){.bytes = *bytes, .pixels = *p};
	*bytes = (struct buf){.cap = bytes->cap};
	out->n_cuts = j2k_head_cuts(&h, out->cuts);
	memcpy(out->pixels.photometric, f->photometric, sizeof out->pixels.photometric);
	out->pixels.planar = 0;
	return 0;
}
