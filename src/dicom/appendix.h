/* dicom/appendix.h - what a settled record carries behind its Part 10 file: where its frames lie, and how to get back what was sent.
 *
 * The table of frames is an array of entries of one size, so that one short read at a computed place finds a frame: offset
 * in the Part 10 file (64 bits), length, and for code streams ordered by resolution the number of bytes up to each cut.
 * The recipe says how the data set that was sent is made of the settled one: pieces in order, each a range of the settled data set, bytes
 * of the recipe itself (zstd), or the samples of all frames (as they were: byte order, planar configuration). Rebuilt, it has the
 * length and the digest that the record's header tells of what was received.
 * teleread-pack(5) has the form byte by byte. Written by imaging/transcode.h, kept by archive/settle.h. The head, each entry and
 * the recipe carry a sum of their own, so each is verified when it is read, alone.
 * Errors:   -E_CORRUPT for bytes that are no appendix; -E_NOENT (no such frame), -E_LIMIT.   Threads: depends on arguments alone.
 */
#ifndef DICOM_APPENDIX_H
#define DICOM_APPENDIX_H

#include "base/buf.h"
#include "dicom/source.h"

#define APPENDIX_CUTS 8u
#define APPENDIX_MOST (256ULL << 20)
struct appendix_frame {
	uint64_t at, n;              /* of the Part 10 file; n below 2^32 */
	uint64_t cut[APPENDIX_CUTS]; /* bytes from at, growing; n_cuts of them, the last is n */
};
enum recipe_kind { RECIPE_SETTLED = 1, RECIPE_BYTES, RECIPE_SAMPLES };
#define RECIPE_PIECES 4096u
struct recipe_piece {
	enum recipe_kind kind;
	/* SETTLED: of the settled data set; BYTES: of the recipe's bytes; SAMPLES: n of all frames, at unused */
	uint64_t at, n;
};
struct appendix { /* its first bytes, checked */
	uint64_t frames, size;
	unsigned n_cuts; /* of each frame; 0: they are not ordered by resolution */
	bool has_recipe;
	uint8_t swap;                 /* samples go back with the bytes of words of so many turned round: 0, 2, 4, 8 */
	uint8_t planar;               /* samples go back in this Planar Configuration */
	struct image_pixel pixels;    /* of the settled frames */
	uint64_t value_at, value_n;   /* Pixel Data in the settled Part 10 file */
	uint64_t table_at, recipe_at; /* in the appendix; written by appendix_end() */
};
#define APPENDIX_HEAD 256u
/* Builds one in memory: 16 bytes and 4 for each cut of each frame, and the recipe's own bytes. */
struct appendix_writer;
int appendix_new(unsigned n_cuts, struct appendix_writer **out, struct err *e);
int appendix_add(struct appendix_writer *w, const struct appendix_frame *f, struct err *e);
/* The next piece; bytes: of a BYTES piece, whose at is not looked at. */
int appendix_recipe(struct appendix_writer *w, enum recipe_kind kind, uint64_t at, uint64_t n, const void *bytes,
		    struct err *e);
/* about: swap, planar, pixels, value_at, value_n; the rest is known. Of a photometric interpretation that is no text, ? stands for
 * what is not. What could not be read again is -E_CORRUPT. */
int appendix_end(struct appendix_writer *w, const struct appendix *about, struct buf *out, struct err *e);
void appendix_free(struct appendix_writer *w); /* NULL is fine */
static inline void appendix_writer_cleanup(struct appendix_writer **w)
{
	appendix_free(*w);
}
AUTO_TYPE(appendix_writer, struct appendix_writer *);
/* Reading: in has the first APPENDIX_HEAD bytes; size is that of all of it. */
int appendix_read(const uint8_t in[APPENDIX_HEAD], uint64_t size, struct appendix *out, struct err *e);
/* Where in the appendix the entry of a frame stands (frame < a->frames), and what it says. */
uint64_t appendix_entry_at(const struct appendix *a, uint64_t frame);
size_t appendix_entry_size(const struct appendix *a);
int appendix_entry(const struct appendix *a, const uint8_t *entry, struct appendix_frame *out, struct err *e);
/* The recipe: in has all of it, n = size - recipe_at bytes. Calls piece for each, in order; bytes are those of a BYTES piece,
 * borrowed for the call. What piece returns negative ends it, and is returned. -E_NOENT where there is no recipe. */
int appendix_recipe_each(const struct appendix *a, const void *in, size_t n,
			 int (*piece)(void *arg, const struct recipe_piece *p, const uint8_t *bytes, struct err *e),
			 void *arg, struct err *e);
#endif
