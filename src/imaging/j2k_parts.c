/* imaging/j2k_parts.c - tile-parts by resolution, and what is said of a finished code stream.
 *
 * PS3.5 10.18 wants TLM in the RPCL syntax, so that a reader finds where each resolution ends.
 */
#include "imaging/j2k_own.h"

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
