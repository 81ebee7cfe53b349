/* imaging/transcode_own.h - what the parts of transcode() share. Of this room only. */
#ifndef IMAGING_TRANSCODE_OWN_H
#define IMAGING_TRANSCODE_OWN_H

#include "imaging/outline.h"
#include "imaging/samples.h"
#include "imaging/sink.h"
#include "imaging/transcode.h"
#include "imaging/worker.h"
#include <xxhash.h>

/* ---- transcode_proof.c: the recipe of what came in, and the digest of what it makes */
#define PROOF_BYTES (32u << 20) /* that a recipe may keep */
struct proof {
	struct appendix_writer *w; /* NULL: nothing is to be proven, and all of this does nothing */
	XXH3_state_t *hash;
	enum recipe_kind kind; /* of the piece that is not in the recipe yet; 0: none */
	uint64_t at, n;
	struct buf bytes;
};
int proof_open(struct proof *p, unsigned n_cuts, struct err *e);
/* data is what the piece makes, n bytes of it: of the settled data set from at on; of the recipe's own; of the samples. */
int proof_settled(struct proof *p, uint64_t at, const void *data, size_t n, struct err *e);
int proof_bytes(struct proof *p, const void *data, size_t n, struct err *e);
int proof_samples(void *proof, const void *data, size_t n, struct err *e);
/* Ends the recipe. digest: that it must make; NULL: that of in's data set, which is read. -E_MISMATCH. */
int proof_end(struct proof *p, const struct image_source *in, const uint8_t *digest, struct err *e);
void proof_cleanup(struct proof *p);

struct transcoding {
	const struct image_source *in;   /* as it was given, or plain */
	struct image_source plain;       /* what was deflated, in a memfd */
	struct image_source head;        /* the data set without pixels in its new encoding, likewise */
	const struct image_source *body; /* from which the data set is copied: in, or head */
	const char *to;
	const struct transcode_how *how;
	struct transcode_result *r;
	struct sink out;
	struct outline was, is;    /* of in, of body */
	bool same;                 /* syntax as before */
	bool anew;                 /* body is head */
	bool decode, encode;       /* frames */
	bool drop_icon;            /* Icon Image Sequence, compressed */
	bool lossy;                /* and it loses */
	uint8_t swap;              /* of in's native value */
	struct image_pixel pixels; /* of the new data set */
	struct job_result first;   /* the first frame, in its new form */
	int first_samples;         /* and what it was encoded from, where that is to be proven; else -1 */
	struct image_pixel first_pixels;
	unsigned n_cuts; /* of each frame */
	struct edits edits;
	struct proof proof;
	uint64_t data_at;   /* where the data set begins in the new file */
	uint64_t basic_at;  /* the Basic Offset Table's first entry in the new file; 0: empty */
	uint64_t suffix_at; /* in `in`: behind Pixel Data */
	uint64_t coded;     /* bytes of frames that were written */
	char instance[65];  /* SOP Instance UID of the new one */
	uint8_t *room;      /* SAMPLES_ROOM */
};

/* ---- transcode_head.c */
int head_open(struct transcoding *t, struct err *e);     /* outlines; another encoding */
int head_describe(struct transcoding *t, struct err *e); /* edits, once t->pixels is known */
/* Writes the File Meta Information: of the file that was given, in the new syntax. */
int head_meta(struct transcoding *t, const struct image_source *given, struct err *e);
int head_begin(struct transcoding *t, struct err *e); /* what stands before Pixel Data */
int head_rest(struct transcoding *t, struct err *e);  /* and behind */
int change(struct transcoding *t, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void warn(struct transcoding *t, const char *text);
/* A source of a memfd with a bare data set; takes fd over. own_close() closes it. */
void own_open(struct image_source *s, const char *syntax, int fd, uint64_t n);
void own_close(struct image_source *s);

/* ---- transcode_loss.c */
bool syntax_loses(const char *syntax);                   /* always: JPEG baseline and extended */
int loss_describe(struct transcoding *t, struct err *e); /* edits */
int loss_ratio(struct transcoding *t, struct err *e);    /* when it is known */

/* ---- transcode_pixels.c */
int pixels_first(struct transcoding *t, struct err *e); /* decodes, encodes; t->pixels */
int pixels_write(struct transcoding *t, struct err *e);
bool pixels_tables(const struct transcoding *t); /* offsets may pass 32 bits */
#endif
